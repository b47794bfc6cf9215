//! Raw records: every row is one event of one unit.

use std::path::PathBuf;

use policies::agreement::{Agreement, Unit};
use policies::table::Table;

use super::bound::{Bounder, Bounds};
use super::calendar::Range;
use super::cells::{TableCells, Tally};
use super::error::AggregateError;
use super::mapping::Mapping;
use super::plan::{Extract, TablePlan, UnitReader};
use super::read::{Field, Row};
use super::report::{Declared, Rate, Reason, Report, TableReport};
use super::run::{Aggregated, Inputs, Options};
use super::secret::Secret;
use super::sources::{Memo, Sources};
use super::spill::{Event, Sorter};
use super::value::{Missing, whole};
use super::zones::Zoning;

pub(crate) fn run(
    agreement: &Agreement,
    (options, range): (&Options, Range),
    tables: &[&Table],
    mapping: &Mapping,
    zonings: &[Zoning],
    inputs: &mut Inputs<'_>,
) -> Result<(Vec<Aggregated>, Report), AggregateError> {
    let mut sources = Sources::new(agreement);
    let unit = mapping.unit().map(|column| UnitReader {
        slot: sources.columns.slot(&column.column),
        missing: Missing::new(&column.missing),
    });
    let memory = options.memory_bytes / tables.len().max(1);
    let mut sinks = Vec::with_capacity(tables.len());
    for table in tables {
        let terms = (agreement, range);
        let plan = TablePlan::new(terms, table, mapping, zonings, &mut sources)?;
        let folder = options.spill_folder.clone();
        sinks.push(Sink::new(plan, agreement.population.unit, memory, folder));
    }
    let clock = sources.clock.clone();
    let mut memo = Memo::new(&mut sources.positions, &sources.times);
    let read = inputs.each_row(&sources.columns, &mut |_, row| {
        memo.clear();
        let Some(row) = row else {
            sinks
                .iter_mut()
                .for_each(|sink| sink.report.reject(Reason::RowMalformed));
            return Ok(());
        };
        let person = unit
            .as_ref()
            .map(|unit| unit.person(&row, &options.secret))
            .transpose();
        for sink in &mut sinks {
            let extract = person.and_then(|person| {
                sink.plan
                    .extract(&row, &clock, &mut memo)
                    .map(|extract| (person, extract))
            });
            match extract {
                Ok((person, extract)) => sink.take(person, &extract)?,
                Err(reason) => sink.report.reject(reason),
            }
        }
        Ok(())
    })?;
    for source in &sources.positions {
        source.reader.check()?;
    }
    let mut report = Report {
        read,
        notes: sources
            .positions
            .iter()
            .filter_map(|source| source.reader.note())
            .collect(),
        ..Report::default()
    };
    let mut aggregated = Vec::new();
    for sink in sinks {
        let (cells, table) = sink.finish(&options.secret)?;
        aggregated.extend(cells);
        report.tables.push(table);
    }
    Ok((aggregated, report))
}

/// Keyed hash of a person's id: of one length, and no id in the spill file. Two of n persons share
/// one with probability below n²·2⁻¹²⁹.
type Person = [u8; 16];

impl UnitReader {
    fn person(&self, row: &Row<'_>, secret: &Secret) -> Result<Person, Reason> {
        let field = row.field(self.slot);
        if self.missing.has(field) {
            return Err(Reason::UnitMissing);
        }
        let number = match field {
            Field::Int(id) => Some(id),
            Field::Float(id) => whole(id),
            _ => None,
        };
        let number = number.map(|id| id.to_string());
        let text = match (field, &number) {
            (Field::Text(text), _) => text,
            (_, Some(number)) => number.as_str(),
            _ => return Err(Reason::UnitMissing),
        };
        let mut person = Person::default();
        for (to, from) in person
            .iter_mut()
            .zip(secret.tag(&[b"unit", &[0], text.as_bytes()]))
        {
            *to = from;
        }
        Ok(person)
    }
}

/// One table while rows come in.
struct Sink<'a> {
    plan: TablePlan<'a>,
    unit: Unit,
    cells: TableCells,
    /// Events of persons, to be bounded at the end.
    sorter: Sorter,
    report: TableReport,
}

impl<'a> Sink<'a> {
    fn new(plan: TablePlan<'a>, unit: Unit, memory: usize, folder: Option<PathBuf>) -> Self {
        Self {
            unit,
            cells: TableCells::new(plan.measured.clone()),
            sorter: Sorter::new(memory, folder),
            report: TableReport::new(plan.table.name.clone()),
            plan,
        }
    }

    fn take(&mut self, person: Option<Person>, extract: &Extract) -> Result<(), AggregateError> {
        self.report.kept += 1;
        self.cells.event(extract.period, extract.clamped);
        if let Some(unit) = person {
            return self.sorter.push(Event {
                unit,
                unit_period: extract.unit_period,
                period: extract.period,
                key: extract.key,
                values: extract.values,
            });
        }
        // Without persons a row is its own unit: one event in one cell, inside any bounds.
        let added = self.cells.add(&extract.alone(&self.plan.histograms));
        added.map_err(|_| overflow(self.plan.table))?;
        self.cells.active_unit(extract.period);
        Ok(())
    }

    fn finish(self, secret: &Secret) -> Result<(Vec<Aggregated>, TableReport), AggregateError> {
        let (plan, mut cells, mut report) = (self.plan, self.cells, self.report);
        let table = plan.table;
        let mut bounder = Bounder::new(Bounds {
            table: table.name.as_str(),
            cells_max: usize::try_from(table.cells_max).unwrap_or(usize::MAX),
            per_cell_max: usize::try_from(table.per_cell_max).unwrap_or(usize::MAX),
            histograms: &plan.histograms,
            secret,
        });
        self.sorter
            .drain(&mut |event| bounder.push(event, &mut cells).map_err(|_| overflow(table)))?;
        bounder.finish(&mut cells).map_err(|_| overflow(table))?;

        let names: Vec<&str> = plan.sum_names().collect();
        for tally in cells.tallies.values() {
            report.dropped_by_cells_max += tally.dropped_by_cells_max;
            report.dropped_by_per_cell_max += tally.dropped_by_per_cell_max;
            for (name, clamped) in names.iter().zip(tally.clamped) {
                *report.clamped.entry((*name).to_owned()).or_default() += clamped;
            }
        }
        let written = plan.calendar.written(cells.store.periods());
        let numbers = written.iter().map(|(number, _)| *number);
        let batches = cells.store.batches(&plan.keys, &plan.schema, numbers);
        let batches = batches.map_err(|e| AggregateError::Columns {
            table: table.name.to_string(),
            message: e.to_string(),
        })?;
        report.periods_of(&batches);
        report.cells = cells.store.len();
        let aggregated = written.into_iter().zip(batches);
        let aggregated = aggregated.map(|((number, period), batch)| {
            let tally = cells.tallies.get(&number).copied().unwrap_or_default();
            Aggregated {
                table: table.name.clone(),
                period,
                cells: batch,
                declared: declared(&tally, self.unit, &names),
            }
        });
        Ok((aggregated.collect(), report))
    }
}

fn declared(tally: &Tally, unit: Unit, sums: &[&str]) -> Declared {
    let dropped = tally.dropped_by_cells_max + tally.dropped_by_per_cell_max;
    let rates = sums.iter().zip(tally.clamped);
    let bounded = unit != Unit::None;
    Declared {
        active_units: bounded.then_some(tally.units),
        truncated: bounded.then(|| Rate::of(dropped, tally.events)),
        clamped: rates
            .map(|(name, clamped)| ((*name).to_owned(), Rate::of(clamped, tally.events)))
            .collect(),
    }
}

fn overflow(table: &Table) -> AggregateError {
    AggregateError::Overflow {
        table: table.name.to_string(),
    }
}
