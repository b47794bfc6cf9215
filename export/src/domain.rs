//! A table's public domain: every key that a row of it could have.

use std::collections::HashMap;

use policies::coarse::{ALL, Coarsening, Zones as Become};
use policies::kind::DimensionKind;
use policies::table::Table;

use crate::error::ExportError;
use crate::label::bin_text;
use crate::rows::Value;
use crate::zones::Zones;

/// The values of one dimension, in order.
pub(crate) struct Axis {
    labels: Vec<String>,
    place_of: HashMap<String, u64>,
}

impl Axis {
    fn new(labels: Vec<String>) -> Self {
        let places = labels.iter().cloned().zip(0..);
        Self {
            place_of: places.collect(),
            labels,
        }
    }
}

/// All dimensions, the last one running fastest.
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

    /// How many keys there are; `None` where they leave `u64`.
    pub(crate) fn count(&self) -> Option<u64> {
        let sizes = self.0.iter().map(|axis| axis.labels.len() as u64);
        sizes.into_iter().try_fold(1, u64::checked_mul)
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
                number
                    .checked_mul(axis.labels.len() as u64)?
                    .checked_add(*place)
            })
    }

    /// The key of a number below [`Self::count`].
    pub(crate) fn key(&self, number: u64) -> Vec<&str> {
        let mut rest = number;
        let mut key: Vec<&str> = Vec::with_capacity(self.0.len());
        for axis in self.0.iter().rev() {
            let size = (axis.labels.len() as u64).max(1);
            let place = usize::try_from(rest % size).unwrap_or(usize::MAX);
            key.push(axis.labels.get(place).map_or("", String::as_str));
            rest /= size;
        }
        key.reverse();
        key
    }
}
