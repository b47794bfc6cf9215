//! The public domain of a k-only table as dimensions: which values there are, and what margins they have.
//!
//! Every dimension has its total as a margin, zones also their parents where the agreement counts them. A
//! level that repeats another is none: a dimension of one value, one parent of all, one parent each.

use std::collections::{BTreeMap, BTreeSet};

use policies::kind::DimensionKind;
use policies::table::Table;

use super::{CELLS_MAX, Hierarchy, Key, Node, TreeError};

/// The dimensions of a table, in its order.
#[derive(Debug, Clone)]
pub struct Domain {
    axes: Vec<Axis>,
    dims: Vec<Hierarchy>,
}

/// One dimension of the table.
#[derive(Debug, Clone)]
struct Axis {
    name: String,
    /// Of zones and categories: the values, sorted, then the parents. Bins are their own numbers.
    texts: Option<Vec<String>>,
    leaves: usize,
    /// Its place among the dimensions; `None` where it has one value.
    dim: Option<usize>,
}

/// Where a row stands in one dimension.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place<'a> {
    /// A zone or category.
    Text(&'a str),
    /// A day bin.
    Bin(u8),
    /// A parent of zones: a margin.
    Parent(&'a str),
    /// All values: a margin.
    All,
}

/// Why a table has no domain. An agreement's rules and the zoning's hash see to it that it has one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DomainError {
    /// A dimension without values, or with too many.
    #[error(transparent)]
    Tree(#[from] TreeError),
    /// The table's kind or one of its dimensions is unknown.
    #[error("the table has no such dimension")]
    Dimension,
    /// A zone without a parent, where the others have one.
    #[error("a zone has no parent")]
    Parent,
}

impl Domain {
    /// Of a table over these zones; `parents` names each zone's, where they are margins.
    ///
    /// # Errors
    /// [`DomainError`].
    pub fn new(
        table: &Table,
        zones: &[String],
        parents: Option<&BTreeMap<String, String>>,
    ) -> Result<Self, DomainError> {
        let mut domain = Self {
            axes: Vec::new(),
            dims: Vec::new(),
        };
        for dimension in &table.kind().ok_or(DomainError::Dimension)?.dimensions {
            let name = &dimension.name;
            match dimension.kind {
                DimensionKind::Zone => {
                    domain.texts(name, sorted(zones.iter().cloned()), parents)?
                }
                DimensionKind::Category => {
                    let axis = table.axis(name).ok_or(DomainError::Dimension)?;
                    let values = axis.values.iter().map(ToString::to_string);
                    domain.texts(name, sorted(values), None)?;
                }
                DimensionKind::DayBin => {
                    let bins = usize::from(table.bins.count());
                    domain.axis(name, None, bins, &vec![bins; bins])?;
                }
            }
        }
        // A table of one key: its only dimension has one value.
        if domain.dims.is_empty() {
            domain.dims.push(Hierarchy::flat(1)?);
        }
        Ok(domain)
    }

    fn texts(
        &mut self,
        name: &str,
        mut values: Vec<String>,
        parents: Option<&BTreeMap<String, String>>,
    ) -> Result<(), DomainError> {
        let leaves = values.len();
        let of = |value: &String| parents.map(|parents| parents.get(value).cloned());
        let of: Option<Vec<_>> = values.iter().map(of).collect();
        let of: Option<Vec<String>> = match of {
            None => None,
            Some(of) => Some(
                of.into_iter()
                    .collect::<Option<_>>()
                    .ok_or(DomainError::Parent)?,
            ),
        };
        let groups: BTreeSet<_> = of.iter().flatten().cloned().collect();
        let groups: Vec<_> = groups.into_iter().collect();
        if !has_level(leaves, groups.len()) {
            return self.axis(name, Some(values), leaves, &vec![leaves; leaves]);
        }
        let total = leaves + groups.len();
        let above = of.iter().flatten();
        let above = above.map(|group| leaves + groups.partition_point(|other| other < group));
        let above: Vec<_> = above
            .chain(std::iter::repeat_n(total, groups.len()))
            .collect();
        values.extend(groups);
        self.axis(name, Some(values), leaves, &above)
    }

    fn axis(
        &mut self,
        name: &str,
        texts: Option<Vec<String>>,
        leaves: usize,
        above: &[usize],
    ) -> Result<(), DomainError> {
        let dim = (leaves != 1).then_some(self.dims.len());
        if dim.is_some() {
            self.dims.push(Hierarchy::new(leaves, above)?);
        }
        self.axes.push(Axis {
            name: name.to_owned(),
            texts,
            leaves,
            dim,
        });
        Ok(())
    }

    /// How many dimensions the table has.
    #[must_use]
    pub fn width(&self) -> usize {
        self.axes.len()
    }

    /// Is the table's `n`th dimension one of day bins?
    #[must_use]
    pub fn is_bins(&self, n: usize) -> bool {
        self.axes.get(n).is_some_and(|axis| axis.texts.is_none())
    }

    /// Its dimensions of more than one value.
    #[must_use]
    pub fn dims(&self) -> &[Hierarchy] {
        &self.dims
    }

    /// The number of a zone or category in the `n`th dimension of the table, or `None` for one that it
    /// does not have.
    #[must_use]
    pub fn text(&self, n: usize, text: &str) -> Option<Node> {
        let axis = self.axes.get(n)?;
        let values = axis.texts.as_ref()?.get(..axis.leaves)?;
        let at = values.binary_search_by(|value| value.as_str().cmp(text));
        Node::try_from(at.ok()?).ok()
    }

    /// The same of a day bin.
    #[must_use]
    pub fn bin(&self, n: usize, bin: u8) -> Option<Node> {
        let axis = self.axes.get(n)?;
        (axis.texts.is_none() && usize::from(bin) < axis.leaves).then_some(Node::from(bin))
    }

    /// The key of a cell, of a number for every dimension of the table.
    #[must_use]
    pub fn key(&self, nodes: &[Node]) -> Key {
        let mut key = Key::of(&[]);
        for (axis, node) in self.axes.iter().zip(nodes) {
            if let Some(dim) = axis.dim {
                key = key.with(dim, *node);
            }
        }
        key
    }

    /// Where a cell stands, in every dimension of the table with its name.
    pub fn places(&self, key: Key) -> impl Iterator<Item = (&str, Place<'_>)> {
        self.axes.iter().map(move |axis| {
            let node = axis.dim.map_or(0, |dim| key.node(dim));
            let text = axis.texts.as_ref();
            let text = text.and_then(|texts| texts.get(usize::from(node)));
            let place = match text {
                Some(text) if usize::from(node) < axis.leaves => Place::Text(text),
                Some(text) => Place::Parent(text),
                None if axis.texts.is_none() && usize::from(node) < axis.leaves => {
                    Place::Bin(u8::try_from(node).unwrap_or(u8::MAX))
                }
                None => Place::All,
            };
            (axis.name.as_str(), place)
        })
    }

    /// Is it one of the table's own cells, no margin?
    #[must_use]
    pub fn is_finest(&self, key: Key) -> bool {
        let mut dims = self.dims.iter().enumerate();
        dims.all(|(d, dim)| dim.is_leaf(key.node(d)))
    }

    /// What cells are shown in the order of: values before parents before the total, the first dimension
    /// first. A function of the public key.
    #[must_use]
    pub fn order(&self, key: Key) -> Vec<Node> {
        (0..self.dims.len()).map(|d| key.node(d)).collect()
    }
}

/// The most rows of a table of which every margin has room here ([`CELLS_MAX`]), with so many zones and
/// parents. Ingest MUST refuse more, so that no release fails by size.
#[must_use]
pub fn rows_max(table: &Table, zones: u32, parents: Option<u32>) -> u64 {
    let dimensions = table.kind().map(|kind| kind.dimensions.as_slice());
    let mut cells = 1_u64;
    for dimension in dimensions.unwrap_or_default() {
        let (values, groups) = match dimension.kind {
            DimensionKind::Zone => (count(zones), count(parents.unwrap_or(0))),
            DimensionKind::DayBin => (usize::from(table.bins.count()), 0),
            DimensionKind::Category => {
                let axis = table.axis(&dimension.name);
                (axis.map_or(0, |axis| axis.values.len()), 0)
            }
        };
        let levels = match values {
            0 | 1 => 1,
            _ if has_level(values, groups) => 3,
            _ => 2,
        };
        cells = cells.saturating_mul(levels);
    }
    CELLS_MAX as u64 / cells
}

/// Are so many parents a level between the values and their total?
fn has_level(values: usize, parents: usize) -> bool {
    (2..values).contains(&parents)
}

fn count(n: u32) -> usize {
    usize::try_from(n).unwrap_or(usize::MAX)
}

fn sorted(values: impl Iterator<Item = String>) -> Vec<String> {
    let mut values: Vec<_> = values.collect();
    values.sort_unstable();
    values
}

#[cfg(test)]
mod tests;
