//! Figures at the requested grain from several planned tables of the same data, each with its own charge:
//! post-processing of what is published, by a public rule.
//!
//! A cell that the fine table publishes has its value. Then, rung by rung: what a row holds beyond the figures
//! that its keys have already is spread over its other keys, empty ones too, in proportion to a released
//! profile over all zones, evenly without one. Where no rung publishes a row, the figure is 0.

use std::collections::HashMap;

use policies::coarse::Zones;

use super::ours::Rows;
use super::set::{Grain, Key, Set};

/// What a reader knows.
#[derive(Debug)]
pub struct Figures<'a> {
    set: &'a Set,
    known: HashMap<Key, f64>,
    weights: Option<Weights>,
}

/// A released profile.
#[derive(Debug)]
struct Weights {
    grain: Grain,
    of: HashMap<Key, f64>,
    /// Of a key that the profile withholds: half of what it publishes from.
    withheld: f64,
}

impl<'a> Figures<'a> {
    /// From the rows of the fine table, of each rung, and of the profile with the least count that it
    /// publishes.
    #[must_use]
    pub fn new(set: &'a Set, fine: &Rows, rungs: &[Rows], profile: Option<(&Rows, u64)>) -> Self {
        let weights = profile.zip(set.profile).map(|((rows, from), rung)| {
            let withheld = from as f64 / 2.0;
            let of = rows.iter().map(|row| (row.0, row.1 as f64));
            Weights {
                grain: rung.grain,
                of: of.collect(),
                withheld,
            }
        });
        let mut figures = Self {
            set,
            known: fine.iter().map(|row| (row.0, row.1 as f64)).collect(),
            weights,
        };
        for (rung, rows) in set.rungs.iter().zip(rungs) {
            for (key, value, ..) in rows {
                figures.spread(rung.grain, *key, *value as f64);
            }
        }
        figures
    }

    /// The figure of a cell.
    #[must_use]
    pub fn at(&self, key: Key) -> f64 {
        self.known.get(&key).copied().unwrap_or_default()
    }

    /// Of all cells of the domain.
    #[must_use]
    pub fn sum(&self) -> f64 {
        self.known.values().sum()
    }

    fn spread(&mut self, grain: Grain, key: Key, value: f64) {
        let (mut known, mut open, mut weight) = (0.0, Vec::new(), 0.0);
        for child in self.children(grain, key) {
            if let Some(figure) = self.known.get(&child) {
                known += figure;
            } else {
                let own = self.weight(child);
                weight += own;
                open.push((child, own));
            }
        }
        if weight > 0.0 {
            let per_weight = (value - known).max(0.0) / weight;
            let figures = open.into_iter();
            self.known
                .extend(figures.map(|(child, own)| (child, own * per_weight)));
        }
    }

    fn weight(&self, key: Key) -> f64 {
        self.weights.as_ref().map_or(1.0, |weights| {
            let own = weights.of.get(&weights.grain.of(&self.set.parents, key));
            own.copied().unwrap_or(weights.withheld)
        })
    }

    /// Keys of the domain in one coarse row.
    fn children(&self, grain: Grain, key: Key) -> Vec<Key> {
        let [origin, destination, bin, category, day] = key;
        let all = |merged: bool, count: u32, own: u32| if merged { 0..count } else { own..own + 1 };
        let bins = all(grain.bins, self.set.bins, bin);
        let categories = all(grain.categories, self.set.categories, category);
        let days = all(grain.days, self.set.days, day);
        let (origins, destinations) = (self.zones(grain, origin), self.zones(grain, destination));
        let mut keys = Vec::new();
        for from in origins {
            for to in &destinations {
                for (bin, day) in bins.clone().flat_map(|b| days.clone().map(move |d| (b, d))) {
                    keys.extend(categories.clone().map(|c| [from, *to, bin, c, day]));
                }
            }
        }
        keys
    }

    /// The zones of a district; no rung is over all zones.
    fn zones(&self, grain: Grain, zone: u32) -> Vec<u32> {
        if grain.zones == Zones::Same {
            return vec![zone];
        }
        let parents = (0..).zip(&self.set.parents);
        let inside = parents.filter(|(_, parent)| **parent == zone);
        inside.map(|(child, _)| child).collect()
    }
}
