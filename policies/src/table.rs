//! A table: what is counted, at one grain, with the bounds that hold at that grain.

use serde::{Deserialize, Serialize};

use crate::id::{Category, TableName, ZoningId};
use crate::kind::{DimensionKind, Kind, MeasureKind};
use crate::period::{DayBins, Grain};

mod measured;

pub use measured::{Charged, PERCENTILES};

/// One table of an agreement (DESIGN section 2).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Table {
    /// Unique inside the agreement.
    pub name: TableName,
    /// A name from `policies/kinds/`.
    pub kind: String,
    /// Where its zone ids come from; one of the agreement's zonings.
    pub zoning: ZoningId,
    /// How much time one contribution covers.
    pub period: Grain,
    /// How a day is cut where the kind has a day bin.
    pub bins: DayBins,
    /// The values of each category dimension of the kind: its public domain.
    pub categories: Vec<Axis>,
    /// L0: cells that one unit may touch in one of its own periods.
    pub cells_max: u32,
    /// L∞: events that one unit may add to one cell.
    pub per_cell_max: u32,
    /// The range each summed value is clamped to; one for every sum measure that is contributed.
    pub clamps: Vec<Clamp>,
    /// The sums whose events are also counted by value, for percentiles.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub histograms: Vec<Histogram>,
}

/// The values a category dimension may take.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Axis {
    /// The dimension's name.
    pub dimension: String,
    /// Its values, in the order they are shown.
    pub values: Vec<Category>,
}

/// The range of one summed value, both ends allowed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Clamp {
    /// A sum measure of the kind, for example `duration_s`.
    pub measure: String,
    /// Least value of one event.
    pub min: u32,
    /// Greatest value of one event.
    pub max: u32,
}

/// Counts of events by the value of one sum, itself clamped: public bins, closed by the clamp's
/// ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Histogram {
    /// A sum measure with a clamp, for example `duration_s`.
    pub measure: String,
    /// Where one bin ends and the next begins, ascending, inside the clamp; one fewer than bins.
    pub edges: Vec<u32>,
}

impl Table {
    /// Its kind, or `None` where the name is unknown (a valid agreement has none such).
    #[must_use]
    pub fn kind(&self) -> Option<&'static Kind> {
        Kind::named(&self.kind)
    }

    /// The values of a category dimension.
    #[must_use]
    pub fn axis(&self, dimension: &str) -> Option<&Axis> {
        self.categories
            .iter()
            .find(|axis| axis.dimension == dimension)
    }

    /// The range of a sum measure; a sum without one is not contributed.
    #[must_use]
    pub fn clamp(&self, measure: &str) -> Option<&Clamp> {
        self.clamps.iter().find(|clamp| clamp.measure == measure)
    }

    /// The bins of a sum measure.
    #[must_use]
    pub fn histogram(&self, measure: &str) -> Option<&Histogram> {
        self.histograms.iter().find(|h| h.measure == measure)
    }

    /// The counts and sums a cell of this table carries beside `contributors`, in order; bins of
    /// histograms come after them.
    pub fn columns(&self) -> impl Iterator<Item = Column<'_>> {
        let measures = self
            .kind()
            .map(|kind| kind.measures.as_slice())
            .unwrap_or_default();
        measures.iter().filter_map(|measure| match measure.kind {
            MeasureKind::Units => None,
            MeasureKind::Count => Some(Column {
                name: &measure.name,
                clamp: None,
            }),
            MeasureKind::Sum => self.clamp(&measure.name).map(|c| Column {
                name: &measure.name,
                clamp: Some(c),
            }),
        })
    }

    /// Size of the public domain, with `zones` zones in the zoning; `None` where it leaves `u64`.
    #[must_use]
    pub fn domain_size(&self, zones: u32) -> Option<u64> {
        self.kind()?
            .dimensions
            .iter()
            .try_fold(1_u64, |size, dimension| {
                let values = match dimension.kind {
                    DimensionKind::Zone => u64::from(zones),
                    DimensionKind::DayBin => u64::from(self.bins.count()),
                    DimensionKind::Category => self.axis(&dimension.name)?.values.len() as u64,
                };
                size.checked_mul(values)
            })
    }
}

/// One measured column of a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column<'a> {
    /// Column name.
    pub name: &'a str,
    /// The range of one event's value; `None` for a count of events.
    pub clamp: Option<&'a Clamp>,
}

#[cfg(test)]
#[allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]
mod tests {
    use crate::testing::{Signer, agreement};

    #[test]
    fn columns_are_counts_and_clamped_sums_in_the_kinds_order() {
        let table = &agreement(&Signer::new(), &Signer::new()).tables[0];
        let columns: Vec<_> = table
            .columns()
            .map(|c| (c.name, c.clamp.is_some()))
            .collect();
        assert_eq!(columns, [("trips", false), ("duration_s", true)]);
    }

    #[test]
    fn the_public_domain_is_a_product_or_too_large_for_a_number() {
        let mut table = agreement(&Signer::new(), &Signer::new()).tables[0].clone();
        assert_eq!(table.domain_size(4), Some(4 * 4 * 2));
        let value = table.categories[0].values[0].clone();
        table.categories[0].values = vec![value; 3];
        assert_eq!(table.domain_size(4), Some(4 * 4 * 2 * 3));
        assert_eq!(table.domain_size(u32::MAX), None);
        table.kind = "od".into();
        assert_eq!(table.domain_size(4), None);
    }
}
