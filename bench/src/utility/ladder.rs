//! Figures at the requested grain from several planned tables of the same data, each with its own charge:
//! post-processing of what is published, by a public rule.
//!
//! A cell that the fine table publishes has its value. What a coarse row holds beyond its published fine
//! cells is spread over its other keys, empty ones too: in proportion to a released profile over all zones,
//! evenly without one. Where no coarse row is published either, the figure is 0.

use std::collections::HashMap;

use policies::coarse::Zones;

use super::ours::Rows;
use super::set::{Grain, Key, Set};

/// What a reader knows of one period.
#[derive(Debug)]
pub struct Figures<'a> {
    set: &'a Set,
    fine: HashMap<Key, f64>,
    /// Of each coarse row: what is left of it per unit of weight, and in sum.
    left: HashMap<Key, (f64, f64)>,
    weights: HashMap<Key, f64>,
    coarse: Grain,
    profile: Grain,
}

impl<'a> Figures<'a> {
    /// From the rows of one period.
    #[must_use]
    pub fn new(set: &'a Set, fine: &Rows, coarse: &Rows, profile: Option<&Rows>) -> Self {
        let grain = set.profile.map_or(set.coarse.grain, |rung| rung.grain);
        let mut figures = Self {
            set,
            fine: fine.iter().map(|row| (row.0, row.1 as f64)).collect(),
            left: HashMap::new(),
            weights: HashMap::new(),
            coarse: set.coarse.grain,
            profile: grain,
        };
        for (key, value, ..) in profile.into_iter().flatten() {
            figures.weights.insert(*key, (*value as f64).max(0.0));
        }
        for (key, value, ..) in coarse {
            let children = figures.children(*key);
            let known: f64 = children
                .iter()
                .filter_map(|child| figures.fine.get(child))
                .sum();
            let open = children.iter().filter(|c| !figures.fine.contains_key(*c));
            let weight: f64 = open.map(|child| figures.weight(*child)).sum();
            let left = (*value as f64 - known).max(0.0);
            let left = if weight > 0.0 { left } else { 0.0 };
            let per_weight = if weight > 0.0 { left / weight } else { 0.0 };
            figures.left.insert(*key, (per_weight, left));
        }
        figures
    }

    /// The figure of a cell.
    #[must_use]
    pub fn at(&self, key: Key) -> f64 {
        if let Some(value) = self.fine.get(&key) {
            return *value;
        }
        let row = self.left.get(&self.coarse.of(&self.set.parents, key));
        row.map_or(0.0, |(per_weight, _)| per_weight * self.weight(key))
    }

    /// Of all cells of the domain.
    #[must_use]
    pub fn sum(&self) -> f64 {
        let left: f64 = self.left.values().map(|(_, left)| left).sum();
        self.fine.values().sum::<f64>() + left
    }

    fn weight(&self, key: Key) -> f64 {
        if self.weights.is_empty() {
            return 1.0;
        }
        let weight = self.weights.get(&self.profile.of(&self.set.parents, key));
        weight.copied().unwrap_or_default()
    }

    /// Keys of the domain in one coarse row.
    fn children(&self, [origin, destination, bin, category]: Key) -> Vec<Key> {
        let all = |merged: bool, count: u32, own: u32| if merged { 0..count } else { own..own + 1 };
        let bins = all(self.coarse.bins, self.set.bins, bin);
        let categories = all(self.coarse.categories, self.set.categories, category);
        let (origins, destinations) = (self.zones_in(origin), self.zones_in(destination));
        let mut keys = Vec::new();
        for (from, to) in origins
            .iter()
            .flat_map(|o| destinations.iter().map(move |d| (*o, *d)))
        {
            for bin in bins.clone() {
                keys.extend(categories.clone().map(|category| [from, to, bin, category]));
            }
        }
        keys
    }

    /// The zones of a district; no coarse table is over all zones.
    fn zones_in(&self, zone: u32) -> Vec<u32> {
        if self.coarse.zones == Zones::Same {
            return vec![zone];
        }
        let parents = (0..).zip(&self.set.parents);
        let inside = parents.filter(|(_, parent)| **parent == zone);
        inside.map(|(child, _)| child).collect()
    }
}
