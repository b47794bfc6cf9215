//! Made tables: a few large cells, many small ones, many empty ones, as trips are.

use std::collections::BTreeMap;

use privacy::konly::{Fate, Hierarchy, Key, Node, Pattern, Row, suppress};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha20Rng;

/// A table and what was decided about it.
pub struct World {
    pub name: String,
    pub k: u32,
    pub dims: Vec<Hierarchy>,
    pub rows: Vec<Row>,
    pub pattern: Pattern,
}

impl World {
    /// `shape`: of each dimension its values and how many share a parent (0: no parents but the total).
    pub fn new(seed: u64, shape: &[(usize, usize)], filled: f64, k: u32) -> Self {
        let mut random = ChaCha20Rng::seed_from_u64(seed);
        let dims: Vec<_> = shape.iter().map(|(n, by)| dimension(*n, *by)).collect();
        let mut rows = Vec::new();
        let weights: Vec<Vec<f64>> = shape
            .iter()
            .map(|(n, _)| {
                (0..*n)
                    .map(|_| random.random_range(0.1f64..1.0).powi(2))
                    .collect()
            })
            .collect();
        for values in product(shape.iter().map(|(n, _)| 0..u16::try_from(*n).unwrap())) {
            let weight: f64 = std::iter::zip(&values, &weights)
                .map(|(v, w)| w[usize::from(*v)])
                .product();
            if random.random_range(0.0..1.0) >= filled {
                continue;
            }
            let tail: f64 = random.random_range(0.01f64..1.0).powi(-1);
            let count = 1 + (weight * tail * 12.0) as u64;
            rows.push(Row {
                key: Key::of(&values),
                count,
                contributors: count,
            });
        }
        Self::of(format!("seed {seed}, {shape:?}, k {k}"), dims, rows, k)
    }

    pub fn of(name: String, dims: Vec<Hierarchy>, rows: Vec<Row>, k: u32) -> Self {
        let pattern = suppress(&dims, &rows, k, 1).unwrap_or_else(|e| panic!("{name}: {e}"));
        Self {
            name,
            k,
            dims,
            rows,
            pattern,
        }
    }

    /// What everybody sees.
    pub fn published(&self) -> BTreeMap<Key, i64> {
        self.pattern.published().collect()
    }

    /// Every hidden cell with a count, and its fate.
    pub fn hidden(&self) -> Vec<(Key, i64, Fate)> {
        let all = self.pattern.cells().iter().copied();
        all.filter(|(_, _, fate)| *fate != Fate::Published)
            .collect()
    }

    /// A cell and every cell that holds it.
    pub fn above(&self, key: Key) -> Vec<Key> {
        let chains = self
            .dims
            .iter()
            .enumerate()
            .map(|(d, dim)| dim.chain(key.node(d)).to_vec());
        product(chains.map(Vec::into_iter))
            .iter()
            .map(|n| Key::of(n))
            .collect()
    }

    /// Every key of the public domain at the finest level.
    pub fn domain(&self) -> Vec<Key> {
        let values = self
            .dims
            .iter()
            .map(|dim| 0..u16::try_from(dim.leaves()).unwrap());
        product(values).iter().map(|n| Key::of(n)).collect()
    }
}

/// `n` values, `by` to a parent; 0 for none.
pub fn dimension(n: usize, by: usize) -> Hierarchy {
    if by == 0 {
        return Hierarchy::flat(n).unwrap();
    }
    let groups = n.div_ceil(by);
    let values = (0..n).map(|i| n + i / by);
    let parents = std::iter::repeat_n(n + groups, groups);
    Hierarchy::new(n, &values.chain(parents).collect::<Vec<_>>()).unwrap()
}

/// Every choice of one from each.
pub fn product<I: Iterator<Item = Node>>(of: impl Iterator<Item = I>) -> Vec<Vec<Node>> {
    let mut all = vec![Vec::new()];
    for values in of {
        let values: Vec<Node> = values.collect();
        all = all
            .iter()
            .flat_map(|head| {
                values
                    .iter()
                    .map(move |v| [head.as_slice(), &[*v]].concat())
            })
            .collect();
    }
    all
}
