//! One table of a company's own aggregate while its rows come in.

use policies::agreement::Unit;
use policies::kind::MeasureKind;
use policies::table::Table;

use super::plan::{HeldPlan, RowCells};
use super::values::MILLIONTHS;
use crate::aggregate::cells::{CellStore, Measured};
use crate::aggregate::error::{AggregateError, MappingError};
use crate::aggregate::mapping::Aggregates;
use crate::aggregate::read::Row;
use crate::aggregate::report::{Declared, Rate, Reason, TableReport};
use crate::aggregate::run::Aggregated;
use crate::aggregate::sources::Memo;
use crate::aggregate::time::Clock;

/// No `Debug`: it holds counts.
pub(super) struct HeldTable<'a> {
    plan: HeldPlan<'a>,
    store: CellStore,
    row: RowCells,
    pub report: TableReport,
}

impl<'a> HeldTable<'a> {
    pub fn new(plan: HeldPlan<'a>) -> Self {
        Self {
            store: CellStore::new(plan.measured.len()),
            row: RowCells::default(),
            report: TableReport::new(plan.table.name.clone()),
            plan,
        }
    }

    /// Takes the cells of a row, all or none.
    ///
    /// # Errors
    /// [`AggregateError::CellTwice`] where units would be added up, [`AggregateError::Overflow`].
    pub fn take(
        &mut self,
        file: usize,
        row: &Row<'_>,
        clock: &Clock,
        memo: &mut Memo<'_, 'a>,
    ) -> Result<(), AggregateError> {
        let read = self.plan.read(file, row, clock, memo, &mut self.row);
        match read.and_then(|()| self.check_row()) {
            Ok(()) => {
                self.report.kept += 1;
                self.keep()
            }
            Err(reason) => {
                self.report.reject(reason);
                Ok(())
            }
        }
    }

    /// The cells of every period.
    ///
    /// # Errors
    /// Where more contributors are stated than the active units can be, or those are not stated.
    pub fn finish(
        mut self,
        aggregates: &Aggregates,
    ) -> Result<(Vec<Aggregated>, TableReport), AggregateError> {
        self.store.round(MILLIONTHS);
        let clamped = self.clamp_sums();
        let (plan, table) = (&self.plan, self.plan.table);
        let stated = self.store.totals(0);
        let written = plan.calendar.written(self.store.periods());
        let numbers = written.iter().map(|(number, _)| *number);
        let batches = self.store.batches(&plan.keys, &plan.schema, numbers);
        let batches = batches.map_err(|e| AggregateError::Columns {
            table: table.name.to_string(),
            message: e.to_string(),
        })?;
        let mut aggregated = Vec::with_capacity(batches.len());
        self.report.periods_of(&batches);
        for ((number, period), cells) in written.into_iter().zip(batches) {
            let active_units = aggregates.active_units.as_ref();
            let active_units = active_units.map(|units| match units.of(period) {
                Err(_) if cells.num_rows() == 0 => Ok(0),
                stated => stated,
            });
            let active_units = active_units.transpose()?;
            let contributors = stated.get(&number).copied().unwrap_or_default();
            let most = active_units.map(|units| u128::from(units) * u128::from(table.cells_max));
            if most.is_some_and(|most| contributors > most) {
                let problem = format!(
                    "contributors of table `{}` in {period} add up to more than cells_max for each",
                    table.name
                );
                return Err(MappingError::field("aggregates.active_units", problem).into());
            }
            aggregated.push(Aggregated {
                table: table.name.clone(),
                period,
                cells,
                declared: Declared {
                    active_units,
                    truncated: aggregates.truncated,
                    clamped: clamped.iter().cloned().collect(),
                },
            });
        }
        self.report.cells = self.store.len();
        Ok((aggregated, self.report))
    }

    fn keep(&mut self) -> Result<(), AggregateError> {
        let distinct = self.plan.unit != Unit::None;
        let table = || self.plan.table.name.to_string();
        for (cell, (period, key)) in self.row.keys.iter().enumerate() {
            let numbers = self.row.numbers(cell);
            if distinct && numbers.clone().all(|number| number == 0) {
                continue; // nobody: the cell is not there
            }
            let new = self.store.add(*period, *key, numbers);
            let new = new.map_err(|_| AggregateError::Overflow { table: table() })?;
            if distinct && !new {
                return Err(AggregateError::CellTwice { table: table() });
            }
        }
        Ok(())
    }

    /// Where there is a unit: contributors ≤ events ≤ per_cell_max · contributors, and each sum
    /// inside the clamps of its events.
    fn check_row(&self) -> Result<(), Reason> {
        if self.plan.unit == Unit::None {
            return Ok(());
        }
        (0..self.row.keys.len()).try_for_each(|cell| self.check_cell(cell))
    }

    fn check_cell(&self, cell: usize) -> Result<(), Reason> {
        let table = self.plan.table;
        let numbers = || self.plan.measured.iter().zip(self.row.numbers(cell));
        let whole = |measured: &Measured, number: i64| {
            matches!(measured, Measured::Sum(_)) || number % MILLIONTHS == 0
        };
        if !numbers().all(|(measured, number)| whole(measured, number)) {
            return Err(Reason::ValueNotWhole);
        }
        let of = |wanted| {
            let mut found = numbers().filter(|(measured, _)| **measured == wanted);
            found.next().map(|(_, number)| number)
        };
        let units = i128::from(of(Measured::Contributors).unwrap_or_default());
        let most = units * i128::from(table.per_cell_max);
        let events = of(Measured::Events).map(i128::from);
        if events.is_some_and(|events| events < units || events > most) {
            return Err(Reason::BoundsBroken);
        }
        if !self.bins_add_up(cell, events) {
            return Err(Reason::BoundsBroken);
        }
        let (low, high) = events.map_or((units, most), |events| (events, events));
        // A sum is rounded to the nearest whole, upwards from a half.
        let half = i128::from(MILLIONTHS / 2);
        let clamps = table.columns().filter_map(|column| column.clamp);
        let sums = numbers().filter(|(measured, _)| matches!(measured, Measured::Sum(_)));
        let inside = clamps.zip(sums).all(|(clamp, (_, sum))| {
            let sum = i128::from(sum);
            let (least, greatest) = (low * i128::from(clamp.min), high * i128::from(clamp.max));
            least - half <= sum && sum < greatest + half
        });
        if inside {
            Ok(())
        } else {
            Err(Reason::BoundsBroken)
        }
    }

    /// Every event is in one bin of each histogram.
    fn bins_add_up(&self, cell: usize, events: Option<i128>) -> bool {
        let numbers = self.plan.measured.iter().zip(self.row.numbers(cell));
        let mut bins = numbers.filter(|(measured, _)| matches!(measured, Measured::Bin(_)));
        self.plan.table.histograms.iter().all(|histogram| {
            let own = bins.by_ref().take(histogram.bins());
            let sum: i128 = own.map(|(_, number)| i128::from(number)).sum();
            events.is_none_or(|events| events == sum)
        })
    }

    /// Without a unit, sums of whole cells are moved into the range that their count allows. Gives
    /// the share of cells moved, by measure.
    fn clamp_sums(&mut self) -> Vec<(String, Rate)> {
        let (table, measured) = (self.plan.table, &self.plan.measured);
        let Some(counted) = measured.iter().position(|m| *m == Measured::Events) else {
            return Vec::new();
        };
        if self.plan.unit != Unit::None {
            return Vec::new(); // checked row by row
        }
        let each = i64::from(events_per_count(table));
        let cells = self.store.len() as u64;
        let clamps = table.columns().filter_map(|column| column.clamp);
        let sums = measured
            .iter()
            .enumerate()
            .filter(|(_, m)| matches!(m, Measured::Sum(_)));
        let mut rates = Vec::new();
        for (clamp, (column, _)) in clamps.zip(sums) {
            let mut moved = 0_u64;
            self.store.each_cell(|numbers| {
                let count = numbers.get(counted).copied().unwrap_or_default();
                // A bound that saturates is still above every sum that the type holds.
                let least = count.saturating_mul(i64::from(clamp.min));
                let greatest = count
                    .saturating_mul(i64::from(clamp.max))
                    .saturating_mul(each);
                if let Some(sum) = numbers.get_mut(column) {
                    let inside = (*sum).clamp(least, greatest.max(least));
                    moved += u64::from(inside != *sum);
                    *sum = inside;
                }
            });
            self.report.clamped.insert(clamp.measure.clone(), moved);
            rates.push((clamp.measure.clone(), Rate::of(moved, cells)));
        }
        rates
    }
}

/// A count of events is of single events; units may have `per_cell_max` each.
fn events_per_count(table: &Table) -> u32 {
    let mut measures = table.kind().into_iter().flat_map(|kind| &kind.measures);
    if measures.any(|measure| measure.kind == MeasureKind::Count) {
        1
    } else {
        table.per_cell_max
    }
}
