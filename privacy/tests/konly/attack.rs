//! What can be computed about a hidden cell from everything that is published.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;

use privacy::konly::Key;

use super::world::World;

/// The attacker's knowledge: each equation is over unknown finest cells, all at least 0.
pub struct Attack {
    pub unknown: Vec<Key>,
    pub equations: Vec<(Vec<usize>, i64)>,
    /// Of each hidden cell: its published part, and its unknown parts.
    below: HashMap<Key, (i64, Vec<usize>)>,
}

impl Attack {
    /// From the published cells and the public domain alone; `hidden` are the cells to be found out.
    pub fn new(world: &World, published: &BTreeMap<Key, i64>, hidden: &[Key]) -> Self {
        let mut rest = published.clone();
        let mut sums: BTreeMap<Key, Vec<usize>> = BTreeMap::new();
        let mut below: HashMap<Key, (i64, Vec<usize>)> =
            hidden.iter().map(|key| (*key, (0, vec![]))).collect();
        let mut unknown = Vec::new();
        for key in world.domain() {
            let above = world.above(key);
            if let Some(count) = published.get(&key) {
                for key in above {
                    rest.entry(key).and_modify(|n| *n -= count);
                    below.entry(key).and_modify(|(shown, _)| *shown += count);
                }
                continue;
            }
            for key in above {
                if published.contains_key(&key) {
                    sums.entry(key).or_default().push(unknown.len());
                }
                if let Some((_, parts)) = below.get_mut(&key) {
                    parts.push(unknown.len());
                }
            }
            unknown.push(key);
        }
        let mut equations: Vec<_> = sums
            .into_iter()
            .map(|(key, sum)| (sum, rest[&key]))
            .collect();
        equations.sort();
        equations.dedup();
        Self {
            unknown,
            equations,
            below,
        }
    }

    /// Bounds by passing intervals from equation to equation until nothing changes: weaker than linear
    /// programming, and quick for all cells at once. Gives the finest cells that are known exactly.
    pub fn solved_by_propagation(&self) -> Vec<Key> {
        let mut bounds = vec![(0i64, i64::MAX); self.unknown.len()];
        let mut changed = true;
        while changed {
            changed = false;
            for (sum, count) in &self.equations {
                let low: i64 = sum.iter().map(|i| bounds[*i].0).sum();
                let high = sum
                    .iter()
                    .try_fold(0i64, |all, i| all.checked_add(bounds[*i].1));
                for i in sum {
                    let (own_low, own_high) = bounds[*i];
                    let most = own_high.min(count - (low - own_low));
                    let least = high.map_or(own_low, |high| own_low.max(count - (high - own_high)));
                    if (least, most) != (own_low, own_high) {
                        bounds[*i] = (least, most);
                        changed = true;
                    }
                }
            }
        }
        let known = std::iter::zip(&self.unknown, &bounds).filter(|(_, (low, high))| low == high);
        known.map(|(key, _)| *key).collect()
    }

    /// The equations in CPLEX LP format.
    pub fn lp_file(&self) -> String {
        let mut text = String::from("min\n obj: 0 x0\nsubject to\n");
        for (n, (sum, count)) in self.equations.iter().enumerate() {
            let sum: Vec<_> = sum.iter().map(|i| format!("x{i}")).collect();
            writeln!(text, " c{n}: {} = {count}", sum.join(" + ")).unwrap();
        }
        text + "end\n"
    }

    /// What is published of a hidden cell's parts.
    pub fn shown_below(&self, cell: Key) -> i64 {
        self.below[&cell].0
    }

    /// The unknowns of a hidden cell, by number.
    pub fn parts(&self, cell: Key) -> &[usize] {
        &self.below[&cell].1
    }
}
