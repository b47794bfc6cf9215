//! Tables: their kind, domain and bounds.

use std::collections::BTreeSet;

use super::{BINS_MAX, Check, DOMAIN_MAX};
use crate::agreement::{Agreement, Unit};
use crate::kind::{DimensionKind, Kind, MeasureKind};
use crate::mechanism::{L0_MAX, LINF_MAX};
use crate::period::Grain;
use crate::table::{Histogram, Table};

impl Check {
    pub(super) fn table(&mut self, a: &Agreement, table: &Table, path: &str) {
        let Some(kind) = table.kind() else {
            let known: Vec<_> = Kind::all().iter().map(|k| k.kind.as_str()).collect();
            let message = format!("`{}` is not a kind: {}", table.kind, known.join(", "));
            return self.require(false, &format!("{path}.kind"), message);
        };
        let zoning = a.zoning(&table.zoning);
        self.require(
            zoning.is_some(),
            &format!("{path}.zoning"),
            "is not among `zonings`",
        );
        let axes = self.axes(kind, table, path);
        self.clamps(kind, table, path);
        self.histograms(table, path);
        self.bounds(a.population.unit, table, path);
        let Some(zoning) = zoning.filter(|_| axes) else {
            return;
        };
        let size = table.domain_size(zoning.zones);
        let message = format!("the table's public domain is over {DOMAIN_MAX} keys: coarsen it");
        self.require(size.is_some_and(|s| s <= DOMAIN_MAX), path, message);
    }

    /// Does the table name the kind's category dimensions, in order?
    fn axes(&mut self, kind: &Kind, table: &Table, path: &str) -> bool {
        let path = format!("{path}.categories");
        let wanted: Vec<_> = kind
            .dimensions
            .iter()
            .filter(|d| d.kind == DimensionKind::Category)
            .map(|d| d.name.as_str())
            .collect();
        let given: Vec<_> = table
            .categories
            .iter()
            .map(|a| a.dimension.as_str())
            .collect();
        let message = format!(
            "list the values of exactly these dimensions: {}",
            wanted.join(", ")
        );
        self.require(wanted == given, &path, message);
        for axis in &table.categories {
            let unique: BTreeSet<_> = axis.values.iter().collect();
            let fits = !unique.is_empty() && unique.len() == axis.values.len();
            self.require(
                fits,
                &path,
                format!(
                    "`{}` lists each value once, and at least one",
                    axis.dimension
                ),
            );
        }
        wanted == given
    }

    fn clamps(&mut self, kind: &Kind, table: &Table, path: &str) {
        let unique: BTreeSet<_> = table.clamps.iter().map(|c| &c.measure).collect();
        let path = format!("{path}.clamps");
        self.require(
            unique.len() == table.clamps.len(),
            &path,
            "one range per measure",
        );
        for clamp in &table.clamps {
            let sum = kind
                .measure(&clamp.measure)
                .is_some_and(|m| m.kind == MeasureKind::Sum);
            let message = format!("`{}` is not a sum of kind `{}`", clamp.measure, kind.kind);
            self.require(sum, &path, message);
            let rising = clamp.min < clamp.max;
            self.require(
                rising,
                &path,
                format!("`{}` needs min below max", clamp.measure),
            );
        }
    }

    fn histograms(&mut self, table: &Table, path: &str) {
        let path = format!("{path}.histograms");
        let unique: BTreeSet<_> = table.histograms.iter().map(|h| &h.measure).collect();
        let once = unique.len() == table.histograms.len();
        self.require(once, &path, "one histogram per measure");
        let counted = table.histograms.is_empty() || table.count().is_some();
        let message = format!("kind `{}` counts no events to put into bins", table.kind);
        self.require(counted, &path, message);
        for Histogram { measure, edges } in &table.histograms {
            let Some(clamp) = table.clamp(measure) else {
                let message = format!("`{measure}` has no range among `clamps`");
                self.require(false, &path, message);
                continue;
            };
            let message = format!("`{measure}` has 2 to {BINS_MAX} bins: list the edges between");
            let bins = (2..=BINS_MAX).contains(&(edges.len() + 1));
            self.require(bins, &path, message);
            let rising = edges.is_sorted_by(|a, b| a < b);
            let inside = edges.iter().all(|e| clamp.min < *e && *e < clamp.max);
            let (min, max) = (clamp.min, clamp.max);
            let message =
                format!("edges of `{measure}` rise, each above {min} and below {max}, its clamp");
            self.require(rising && inside, &path, message);
        }
    }

    fn bounds(&mut self, unit: Unit, table: &Table, path: &str) {
        let l0 = (1..=L0_MAX).contains(&table.cells_max);
        self.require(
            l0,
            &format!("{path}.cells_max"),
            format!("has to be 1 to {L0_MAX}"),
        );
        // The type's own limit is that of a mechanism.
        const { assert!(u32::MAX as u64 <= LINF_MAX) };
        self.require(
            table.per_cell_max >= 1,
            &format!("{path}.per_cell_max"),
            "has to be at least 1",
        );
        if unit == Unit::Trip {
            let one = table.cells_max == 1 && table.per_cell_max == 1;
            let message = "a trip touches one cell once: cells_max and per_cell_max are 1";
            self.require(one, path, message);
        }
        if let Some(grain) = unit.grain() {
            let whole = table.period.holds_whole(grain);
            let message = format!(
                "a {} does not hold whole {}s",
                word(table.period),
                unit.word()
            );
            self.require(whole, &format!("{path}.period"), message);
        }
    }
}

fn word(grain: Grain) -> &'static str {
    match grain {
        Grain::Day => "day",
        Grain::Week => "week",
        Grain::Month => "month",
    }
}
