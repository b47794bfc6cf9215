//! A table's public domain: every key that a row of it could have.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, DictionaryArray, Int32Array, StringArray};
use policies::coarse::{ALL, Coarsening, Zones as Become};
use policies::kind::DimensionKind;
use policies::table::Table;

use crate::error::ExportError;
use crate::label::bin_text;
use crate::rows::Value;
use crate::zones::Zones;

/// The values of one dimension, in order.
#[derive(Debug, Clone)]
pub(crate) struct Axis {
    labels: StringArray,
    place_of: HashMap<String, u64>,
}

impl Axis {
    fn new(labels: Vec<String>) -> Self {
        Self {
            labels: StringArray::from_iter_values(&labels),
            place_of: labels.into_iter().zip(0..).collect(),
        }
    }

    /// How many values there are.
    pub(crate) fn size(&self) -> u64 {
        self.labels.len() as u64
    }

    /// The values as files show them.
    pub(crate) fn labels(&self) -> impl Iterator<Item = &str> {
        self.labels.iter().flatten()
    }

    /// Is it a value of the dimension?
    pub(crate) fn has(&self, label: &str) -> bool {
        self.place_of.contains_key(label)
    }
}

/// All dimensions, the last one running fastest.
#[derive(Debug, Clone)]
pub(crate) struct Keys(Vec<Axis>);

impl Keys {
    /// Of a table, or of what a merge made of it.
    ///
    /// # Errors
    /// [`ExportError::Column`] for a category without values.
    pub(crate) fn of(
        table: &Table,
        merge: &Coarsening,
        zones: &Zones,
    ) -> Result<Self, ExportError> {
        let kind = table.kind().map(|kind| kind.dimensions.as_slice());
        let axes = kind.unwrap_or_default().iter().map(|dimension| {
            let labels = match dimension.kind {
                DimensionKind::Zone => match merge.zones {
                    Become::Same => zones.all().iter().map(|zone| zone.id.clone()).collect(),
                    Become::Parent => zones.parents().into_iter().map(str::to_owned).collect(),
                    Become::All => vec![ALL.to_owned()],
                },
                DimensionKind::DayBin => {
                    let bins = merge.bins.as_ref().unwrap_or(&table.bins);
                    (0..bins.count()).map(|bin| bin_text(bins, bin)).collect()
                }
                DimensionKind::Category if merge.drops(dimension) => vec![ALL.to_owned()],
                DimensionKind::Category => {
                    let axis = table.axis(&dimension.name);
                    let axis = axis.ok_or_else(|| ExportError::Column {
                        name: dimension.name.clone(),
                    })?;
                    axis.values.iter().map(ToString::to_string).collect()
                }
            };
            Ok(Axis::new(labels))
        });
        Ok(Self(axes.collect::<Result<_, ExportError>>()?))
    }

    /// The dimensions in the order of the key's columns.
    pub(crate) fn axes(&self) -> &[Axis] {
        &self.0
    }

    /// How many keys there are; `None` where they leave `u64`.
    pub(crate) fn count(&self) -> Option<u64> {
        let mut sizes = self.0.iter().map(Axis::size);
        sizes.try_fold(1, u64::checked_mul)
    }

    /// The number of a key; `None` for one that is none.
    pub(crate) fn number(&self, key: &[Value]) -> Option<u64> {
        if key.len() != self.0.len() {
            return None;
        }
        self.0
            .iter()
            .zip(key)
            .try_fold(0_u64, |number, (axis, value)| {
                let Value::Text(text) = value else {
                    return None;
                };
                let place = axis.place_of.get(text.as_ref())?;
                number.checked_mul(axis.size())?.checked_add(*place)
            })
    }

    /// The keys of numbers below [`Self::count`], a column for each dimension.
    ///
    /// # Errors
    /// [`ExportError::Arrow`] for a number beyond.
    pub(crate) fn columns(&self, numbers: Range<u64>) -> Result<Vec<ArrayRef>, ExportError> {
        let mut stride = 1_u64;
        let mut columns: Vec<ArrayRef> = Vec::with_capacity(self.0.len());
        for axis in self.0.iter().rev() {
            let size = axis.size().max(1);
            let place = |number: u64| i32::try_from(number / stride % size).unwrap_or(i32::MAX);
            let places = Int32Array::from_iter_values(numbers.clone().map(place));
            let labels: ArrayRef = Arc::new(axis.labels.clone());
            columns.push(Arc::new(DictionaryArray::try_new(places, labels)?));
            stride = stride.saturating_mul(size);
        }
        columns.reverse();
        Ok(columns)
    }
}
