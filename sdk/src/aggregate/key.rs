//! A cell's key as one number, whose order is the order of the key's columns.

use std::sync::Arc;

use arrow::array::{ArrayRef, DictionaryArray, StringArray, UInt8Array};
use arrow::datatypes::Int32Type;
use arrow::error::ArrowError;
use policies::kind::DimensionKind;
use policies::table::Table;

use super::error::AggregateError;
use super::zones::Zoning;

/// Most dimensions a kind has; `a_kind_has_few_dimensions` watches it.
pub(crate) const DIMENSIONS_MAX: usize = 6;

/// The values that each dimension of a table can have, sorted as text.
#[derive(Debug)]
pub(crate) struct KeySpace<'a> {
    axes: Vec<Axis<'a>>,
}

/// One dimension's values.
#[derive(Debug, Clone)]
pub(crate) enum Axis<'a> {
    Zones(&'a Zoning),
    Bins(u8),
    Categories(Vec<&'a str>),
}

impl<'a> KeySpace<'a> {
    /// The key space of a table.
    ///
    /// # Errors
    /// Where the table's kind is unknown, an axis is missing or the domain leaves 64 bits.
    pub fn new(table: &'a Table, zoning: &'a Zoning) -> Result<Self, AggregateError> {
        let fail = |problem: &str| AggregateError::Table {
            table: table.name.to_string(),
            problem: problem.to_owned(),
        };
        let kind = table.kind().ok_or_else(|| fail("its kind is unknown"))?;
        let mut axes = Vec::with_capacity(kind.dimensions.len());
        for dimension in &kind.dimensions {
            axes.push(match dimension.kind {
                DimensionKind::Zone => Axis::Zones(zoning),
                DimensionKind::DayBin => Axis::Bins(table.bins.count()),
                DimensionKind::Category => {
                    let axis = table.axis(&dimension.name);
                    let axis = axis.ok_or_else(|| fail("a category dimension has no values"))?;
                    let mut values: Vec<&str> = axis.values.iter().map(|v| v.as_str()).collect();
                    values.sort_unstable();
                    values.dedup();
                    Axis::Categories(values)
                }
            });
        }
        let sizes = axes.iter().map(Axis::size);
        let domain = sizes.into_iter().try_fold(1_u64, u64::checked_mul);
        domain.ok_or_else(|| fail("its domain has over 2⁶⁴ cells"))?;
        Ok(Self { axes })
    }

    pub fn axes(&self) -> &[Axis<'a>] {
        &self.axes
    }

    /// Puts the position in each axis into one number. Positions MUST lie inside their axes.
    pub fn pack(&self, positions: &[u32]) -> u64 {
        let axes = self.axes.iter().zip(positions);
        axes.fold(0, |key, (axis, position)| {
            key * axis.size() + u64::from(*position)
        })
    }

    /// The position in axis number `axis` of each key.
    fn positions(&self, axis: usize, keys: &[u64]) -> Vec<usize> {
        let after = self.axes.iter().skip(axis + 1).map(Axis::size);
        let stride = after.product::<u64>().max(1);
        let size = self.axes.get(axis).map_or(1, Axis::size).max(1);
        let position = |key: &u64| usize::try_from(key / stride % size).unwrap_or_default();
        keys.iter().map(position).collect()
    }

    /// The Arrow column of axis number `axis` for these keys. A text column's dictionary is sorted
    /// and holds only the values that occur.
    pub fn column(&self, axis: usize, keys: &[u64]) -> Result<ArrayRef, ArrowError> {
        let positions = self.positions(axis, keys);
        let text = |position: usize| match self.axes.get(axis) {
            Some(Axis::Zones(zoning)) => zoning.ids().get(position).map(String::as_str),
            Some(Axis::Categories(values)) => values.get(position).copied(),
            Some(Axis::Bins(_)) | None => None,
        };
        if let Some(Axis::Bins(_)) = self.axes.get(axis) {
            let bins = positions
                .iter()
                .map(|bin| u8::try_from(*bin).unwrap_or(u8::MAX));
            return Ok(Arc::new(UInt8Array::from_iter_values(bins)));
        }
        let mut used = positions.clone();
        used.sort_unstable();
        used.dedup();
        let values: StringArray = used.iter().map(|position| text(*position)).collect();
        let codes = positions.iter().map(|position| {
            let code = used.binary_search(position).unwrap_or_default();
            i32::try_from(code).unwrap_or_default()
        });
        let codes = arrow::array::Int32Array::from_iter_values(codes);
        Ok(Arc::new(DictionaryArray::<Int32Type>::try_new(
            codes,
            Arc::new(values),
        )?))
    }
}

impl Axis<'_> {
    fn size(&self) -> u64 {
        match self {
            Self::Zones(zoning) => zoning.ids().len() as u64,
            Self::Bins(count) => u64::from(*count),
            Self::Categories(values) => values.len() as u64,
        }
    }

    /// Its texts in order; none for bins.
    pub fn ids(&self) -> Box<dyn Iterator<Item = &str> + '_> {
        match self {
            Self::Zones(zoning) => Box::new(zoning.ids().iter().map(String::as_str)),
            Self::Categories(values) => Box::new(values.iter().copied()),
            Self::Bins(_) => Box::new(std::iter::empty()),
        }
    }

    /// Do both have the same values?
    pub fn same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Zones(a), Self::Zones(b)) => a.sha256() == b.sha256(),
            (Self::Categories(a), Self::Categories(b)) => a == b,
            (Self::Bins(a), Self::Bins(b)) => a == b,
            _ => false,
        }
    }

    /// The position of a text: a zone id or a category.
    pub fn position(&self, text: &str) -> Option<u32> {
        match self {
            Self::Zones(zoning) => zoning.index_of(text),
            Self::Categories(values) => {
                let index = values.binary_search(&text).ok()?;
                u32::try_from(index).ok()
            }
            Self::Bins(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use policies::kind::Kind;

    use super::*;

    #[test]
    fn a_kind_has_few_dimensions() {
        for kind in Kind::all() {
            assert!(kind.dimensions.len() <= DIMENSIONS_MAX, "{}", kind.kind);
        }
    }
}
