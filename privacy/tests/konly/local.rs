//! Attacks on tables that are too large for one linear program.
//!
//! An attacker's program has every cell that is not shown as an unknown. Here most of them are held at their true
//! counts and only those near the attacked cell may change. Every solution of the small program is one of the
//! whole, so the interval found lies inside the attacker's: where it reaches from 0 to `max(k, count + 1)`, no
//! attacker, with whatever program over all cells, finds tighter bounds than the promise allows. The solver is not
//! believed: what it finds is checked to be such a solution, and counts for nothing else.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use microlp::{ComparisonOp, OptimizationDirection, Problem, Variable};
use privacy::konly::{Fate, Hierarchy, Key, Node};

/// How many further values of each dimension may change beside the cell's own, one try after the other.
const REACHES: [usize; 5] = [1, 3, 6, 9, 12];

/// What a solver may be off by.
const NEAR: f64 = 1e-6;

/// The most that one cell may grow by: every program has an end.
const FAR: f64 = 1e5;

/// Unknowns of one program: a wider one is not tried.
const UNKNOWNS_MAX: usize = 30_000;

/// A table with what was decided about it.
pub struct Large<'a> {
    dims: &'a [Hierarchy],
    cells: HashMap<Key, (i64, Fate)>,
    k: i64,
}

impl<'a> Large<'a> {
    /// Of all its cells that are not empty.
    pub fn new(dims: &'a [Hierarchy], cells: &[(Key, i64, Fate)], k: u32) -> Self {
        let cells = cells.iter().map(|(key, n, fate)| (*key, (*n, *fate)));
        Self {
            dims,
            cells: cells.collect(),
            k: i64::from(k),
        }
    }

    /// The least reach at which a hidden cell can be anything that it has to be able to be; `None` where no
    /// program of at most [`UNKNOWNS_MAX`] unknowns shows it, which says nothing against the cell.
    pub fn proven(&self, cell: Key) -> Option<usize> {
        let (count, fate) = self.cells.get(&cell).copied()?;
        let most = self.k.max(count + 1) as f64;
        for reach in REACHES {
            let unknowns = self.unknowns(cell, reach);
            if unknowns.len() > UNKNOWNS_MAX {
                return None;
            }
            let (low, high) = self.interval(cell, &unknowns);
            let holds = match fate {
                Fate::Published => return None,
                Fate::Primary => low < NEAR && high > most - NEAR,
                Fate::Complementary => high - low > 1.0 - NEAR,
            };
            if holds {
                return Some(reach);
            }
        }
        None
    }

    /// A shown cell with a single hidden child that holds anything, among children that are all filled, or a
    /// hidden cell whose children are all shown: the hidden one is then a difference.
    pub fn single_in_a_line(&self) -> Vec<Key> {
        let single = |(key, (_, fate)): (&Key, &(i64, Fate))| {
            self.dims.iter().enumerate().any(|(d, dim)| {
                let children = dim.children(key.node(d)).iter();
                let children: Vec<_> = children
                    .map(|child| self.cells.get(&key.with(d, *child)))
                    .collect();
                let hides = |cell: &&Option<&(i64, Fate)>| {
                    cell.is_none_or(|(_, fate)| *fate != Fate::Published)
                };
                let full = children.iter().flatten();
                let full = full.filter(|(_, fate)| *fate != Fate::Published).count();
                match fate {
                    Fate::Published => full == 1 && children.iter().filter(hides).count() == 1,
                    _ => !children.is_empty() && !children.iter().any(|cell| hides(&cell)),
                }
            })
        };
        let found = self.cells.iter().filter(|(key, cell)| single((key, cell)));
        found.map(|(key, _)| *key).collect()
    }

    /// An interval of which every number fits everything shown.
    fn interval(&self, cell: Key, unknowns: &BTreeSet<Key>) -> (f64, f64) {
        let count = self.cells.get(&cell).map_or(0, |cell| cell.0) as f64;
        let change = |direction| count + self.change(cell, unknowns, direction);
        let low = change(OptimizationDirection::Minimize);
        (low, change(OptimizationDirection::Maximize))
    }

    fn change(&self, cell: Key, unknowns: &BTreeSet<Key>, direction: OptimizationDirection) -> f64 {
        let mut problem = Problem::new(direction);
        let mut shown: BTreeMap<Key, Vec<(Variable, f64)>> = BTreeMap::new();
        let mut changes: Vec<(Variable, f64, f64)> = Vec::with_capacity(unknowns.len());
        for key in unknowns {
            let count = self.cells.get(key).map_or(0, |cell| cell.0) as f64;
            let above = self.above(*key);
            let cost = if above.contains(&cell) { 1.0 } else { 0.0 };
            let variable = problem.add_var(cost, (-count, FAR));
            changes.push((variable, cost, count));
            for key in above {
                if matches!(self.cells.get(&key), Some((_, Fate::Published))) {
                    shown.entry(key).or_default().push((variable, 1.0));
                }
            }
        }
        for terms in shown.values() {
            problem.add_constraint(&terms[..], ComparisonOp::Eq, 0.0);
        }
        // What the solver gave up on proves nothing, nor does what is no table.
        let solved = problem.solve().ok().and_then(|s| s.into_solution().ok());
        solved.map_or(0.0, |found| {
            let near = NEAR * unknowns.len().max(1) as f64;
            let counts = changes.iter().all(|(v, _, n)| found[*v] >= -n - NEAR);
            let sum = |terms: &[(Variable, f64)]| -> f64 { terms.iter().map(|t| found[t.0]).sum() };
            let kept = shown.values().all(|terms| sum(terms).abs() <= near);
            match counts && kept {
                true => changes.iter().map(|(v, cost, _)| cost * found[*v]).sum(),
                false => 0.0,
            }
        })
    }

    /// Finest cells near those below `cell` that are not shown.
    fn unknowns(&self, cell: Key, reach: usize) -> BTreeSet<Key> {
        let mut unknowns = BTreeSet::new();
        for base in self.base_below(cell) {
            let mut keys = vec![base];
            for (d, dim) in self.dims.iter().enumerate() {
                let values = self.near(base, cell, d, dim, reach);
                let with = |key: &Key| values.iter().map(|v| key.with(d, *v)).collect::<Vec<_>>();
                keys = keys.iter().flat_map(with).collect();
            }
            let hidden = |key: &Key| !matches!(self.cells.get(key), Some((_, Fate::Published)));
            unknowns.extend(keys.into_iter().filter(hidden));
        }
        unknowns
    }

    /// The value itself, and the values with which fewest shown numbers would change: half of them filled.
    fn near(&self, base: Key, cell: Key, d: usize, dim: &Hierarchy, reach: usize) -> Vec<Node> {
        let own = base.node(d);
        let chain = dim.chain(own);
        let shown = |node: &Node| {
            let cell = self.cells.get(&base.with(d, *node));
            matches!(cell, Some((_, Fate::Published)))
        };
        let mut others = Vec::new();
        let inside = |value: Node| dim.chain(value).contains(&cell.node(d));
        for value in 0..Node::try_from(dim.leaves()).unwrap_or(Node::MAX) {
            if value == own || (inside(value) && cell.node(d) != own) {
                continue;
            }
            let up = dim.chain(value);
            let meet = chain.iter().find(|node| up.contains(node)).copied();
            let until = |nodes: &[Node]| -> usize {
                let below = nodes.iter().take_while(|node| Some(**node) != meet);
                below.filter(|node| shown(node)).count()
            };
            let filled = self.cells.contains_key(&base.with(d, value));
            others.push((
                (until(chain) + until(up), value.wrapping_sub(own)),
                filled,
                value,
            ));
        }
        others.sort_unstable();
        let mut values = vec![own];
        for wanted in [true, false] {
            let of = others.iter().filter(|(_, filled, _)| *filled == wanted);
            values.extend(of.map(|other| other.2).take(reach.div_ceil(2)));
        }
        values
    }

    fn base_below(&self, cell: Key) -> Vec<Key> {
        if !self.cells.contains_key(&cell) {
            return Vec::new();
        }
        let mut dims = self.dims.iter().enumerate();
        match dims.find(|(d, dim)| !dim.is_leaf(cell.node(*d))) {
            None => vec![cell],
            Some((d, dim)) => {
                let children = dim.children(cell.node(d)).iter();
                let below = children.map(|child| self.base_below(cell.with(d, *child)));
                below.flatten().collect()
            }
        }
    }

    fn above(&self, key: Key) -> Vec<Key> {
        let mut all = vec![key];
        for (d, dim) in self.dims.iter().enumerate() {
            let chain = dim.chain(key.node(d));
            let up = |key: &Key| chain.iter().map(|n| key.with(d, *n)).collect::<Vec<_>>();
            all = all.iter().flat_map(up).collect();
        }
        all
    }
}
