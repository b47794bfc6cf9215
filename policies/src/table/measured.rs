//! What a plan may charge for beside the contributors, what one unit can change in it, and the
//! columns it is made from and becomes.

use super::{Clamp, Histogram, Table};
use crate::kind::MeasureKind;
use crate::mechanism::Mechanism;
use crate::mutants::{Mutant, instead_of};

/// The ending of a histogram's name in a charge: `duration_s_histogram`.
const HISTOGRAM: &str = "_histogram";

/// The percentiles that are read off a histogram. 15 and 85 are what traffic engineers use for
/// the fast and the slow; 50 is the median.
pub const PERCENTILES: [u8; 3] = [15, 50, 85];

/// Something that one charge pays for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Charged<'a> {
    /// A count of events.
    Count,
    /// A sum over events, each clamped. Noise is on the centred sum
    /// S' = 2·sum − (min + max)·count, in half units, so that a typical event changes it least.
    Sum(&'a Clamp),
    /// Counts of events by value, one charge for all bins.
    Histogram(&'a Histogram),
}

impl Table {
    /// What the name of a charge stands for; `None` where this table measures no such thing.
    #[must_use]
    pub fn charged(&self, name: &str) -> Option<Charged<'_>> {
        if let Some(measure) = name.strip_suffix(HISTOGRAM) {
            return self.histogram(measure).map(Charged::Histogram);
        }
        match self.kind()?.measure(name)?.kind {
            MeasureKind::Units => None,
            MeasureKind::Count => Some(Charged::Count),
            MeasureKind::Sum => self.clamp(name).map(Charged::Sum),
        }
    }

    /// The most that one unit can change in one cell of what is charged under this name: the one
    /// place where sensitivities come from. `None` where the table measures no such thing, or the
    /// number leaves its type.
    ///
    /// A unit has at most `per_cell_max` events in a cell, and removing it leaves all other units'
    /// events as they are, since each unit is bounded by itself.
    /// - A count changes by 1 an event.
    /// - S' = Σ (2·v − (min + max)) changes by |2·v − (min + max)| ≤ max − min an event, v being in
    ///   min..=max (privacy.md section 4d).
    /// - An event is in one bin, so the whole bin vector of the cell changes by 1 an event in L1,
    ///   and by at most that in L2. Over the L0 cells of a unit, with c ≤ `per_cell_max` in each:
    ///   L1 = Σ c ≤ L0·L∞, and L2 = √Σ c² ≤ √L0·L∞: a histogram costs what a count does, however
    ///   many bins it has (privacy.md section 4d).
    #[must_use]
    pub fn sensitivity(&self, name: &str) -> Option<u64> {
        let events = u64::from(instead_of(self.per_cell_max, Mutant::NoLinf, 1));
        match self.charged(name)? {
            Charged::Count | Charged::Histogram(_) => Some(events),
            Charged::Sum(clamp) => events.checked_mul(u64::from(clamp.max.checked_sub(clamp.min)?)),
        }
    }

    /// The kind's count of events; `None` where it counts units alone.
    #[must_use]
    pub fn count(&self) -> Option<&'static str> {
        let mut measures = self.kind()?.measures.iter();
        let count = measures.find(|m| m.kind == MeasureKind::Count)?;
        Some(&count.name)
    }

    /// The columns of a cell that the noise of this mechanism is added to, beside `contributors`,
    /// in the mechanism's order.
    #[must_use]
    pub fn drawn_columns(&self, mechanism: &Mechanism) -> Vec<String> {
        self.each_measure(mechanism, |name, charged| match charged {
            Some(Charged::Histogram(histogram)) => histogram.columns().collect(),
            Some(Charged::Count | Charged::Sum(_)) | None => vec![name.to_owned()],
        })
    }

    /// The columns that a release by this mechanism shows beside `contributors`, in order, each
    /// with its interval: a count and a sum as they are, a sum's mean as `<m>_mean`, a histogram's
    /// [`PERCENTILES`] as `<m>_p15`, `<m>_p50`, `<m>_p85`.
    #[must_use]
    pub fn shown_columns(&self, mechanism: &Mechanism) -> Vec<String> {
        self.each_measure(mechanism, |name, charged| match charged {
            Some(Charged::Sum(clamp)) => vec![name.to_owned(), clamp.mean_column()],
            Some(Charged::Histogram(histogram)) => {
                PERCENTILES.map(|p| histogram.percentile_column(p)).into()
            }
            Some(Charged::Count) | None => vec![name.to_owned()],
        })
    }

    fn each_measure(
        &self,
        mechanism: &Mechanism,
        columns: impl Fn(&str, Option<Charged<'_>>) -> Vec<String>,
    ) -> Vec<String> {
        let Some((_, measures)) = mechanism.draws() else {
            return Vec::new();
        };
        let names = measures.iter().map(|m| m.measure.as_str());
        names
            .flat_map(|name| columns(name, self.charged(name)))
            .collect()
    }
}

impl Clamp {
    /// The released column of the mean over events.
    #[must_use]
    pub fn mean_column(&self) -> String {
        format!("{}_mean", self.measure)
    }
}

impl Histogram {
    /// How many bins.
    #[must_use]
    pub fn bins(&self) -> usize {
        self.edges.len() + 1
    }

    /// The bin of a value: bin i is from edge i − 1, included, to edge i, not included.
    #[must_use]
    pub fn bin_of(&self, value: u32) -> usize {
        self.edges.partition_point(|edge| *edge <= value)
    }

    /// The columns of a cell: `<m>_bin_00` and so on.
    pub fn columns(&self) -> impl Iterator<Item = String> + '_ {
        (0..self.bins()).map(|bin| format!("{}_bin_{bin:02}", self.measure))
    }

    /// The name of its charge.
    #[must_use]
    pub fn charge_name(&self) -> String {
        format!("{}{HISTOGRAM}", self.measure)
    }

    /// The released column of one percentile.
    #[must_use]
    pub fn percentile_column(&self, percent: u8) -> String {
        format!("{}_p{percent}", self.measure)
    }
}

#[cfg(test)]
#[allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]
mod tests {
    use super::*;
    use crate::testing::{Signer, agreement};

    /// `per_cell_max` 3, durations clamped to 60 to 7,200.
    fn table() -> Table {
        let mut table = agreement(&Signer::new(), &Signer::new()).tables[0].clone();
        table.clamps[0].min = 60;
        table.histograms = vec![Histogram {
            measure: "duration_s".into(),
            edges: vec![300, 900],
        }];
        table
    }

    #[test]
    fn one_function_knows_every_sensitivity() {
        let mut table = table();
        assert_eq!(table.sensitivity("trips"), Some(3));
        assert_eq!(table.sensitivity("duration_s"), Some(3 * 7140));
        assert_eq!(table.sensitivity("duration_s_histogram"), Some(3));
        for nothing in [
            "distance_m",
            "distance_m_histogram",
            "contributors",
            "",
            "x",
        ] {
            assert_eq!(table.sensitivity(nothing), None, "{nothing}");
        }
        table.kind = "energy".into();
        assert_eq!(table.sensitivity("meters"), None, "the contributors");
        (table.clamps[0].min, table.clamps[0].max) = (1, 0);
        table.kind = "od_trips".into();
        assert_eq!(table.sensitivity("duration_s"), None, "clamps reversed");
    }

    #[test]
    fn every_value_has_one_bin() {
        let histogram = &table().histograms[0];
        for (value, bin) in [
            (0, 0),
            (299, 0),
            (300, 1),
            (899, 1),
            (900, 2),
            (u32::MAX, 2),
        ] {
            assert_eq!(histogram.bin_of(value), bin, "{value}");
        }
        let columns: Vec<_> = histogram.columns().collect();
        assert_eq!(
            columns,
            [
                "duration_s_bin_00",
                "duration_s_bin_01",
                "duration_s_bin_02"
            ]
        );
    }

    #[test]
    fn what_is_drawn_and_what_is_shown() {
        let table = table();
        let mut mechanism = crate::testing::mechanism();
        let Mechanism::Thresholded { measures, .. } = &mut mechanism else {
            return;
        };
        let trips = measures[0].clone();
        for name in ["duration_s", "duration_s_histogram"] {
            let mut more = trips.clone();
            more.measure = name.into();
            measures.push(more);
        }
        let (drawn, shown) = (
            table.drawn_columns(&mechanism),
            table.shown_columns(&mechanism),
        );
        let bins = [
            "duration_s_bin_00",
            "duration_s_bin_01",
            "duration_s_bin_02",
        ];
        assert_eq!(drawn, [&["trips", "duration_s"][..], &bins].concat());
        let percentiles = ["duration_s_p15", "duration_s_p50", "duration_s_p85"];
        let sums = ["trips", "duration_s", "duration_s_mean"];
        assert_eq!(shown, [&sums[..], &percentiles].concat());
        assert!(table.drawn_columns(&Mechanism::Unprotected).is_empty());
    }
}
