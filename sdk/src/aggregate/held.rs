//! A company's own aggregate, such as a telecom operator's presence table: its rows become cells.
//!
//! Where the population has no unit, values of one cell add up (grid squares of a zone) and nothing
//! is claimed. Where it has one, every cell may occur once, because distinct units do not add up,
//! and the agreement's bounds are checked on each.

use policies::agreement::{Agreement, Unit};
use policies::table::Table;

use super::calendar::Range;
use super::error::{AggregateError, MappingError};
use super::mapping::{Aggregates, FilePart, Mapping};
use super::report::{Reason, Report};
use super::run::{Aggregated, Inputs};
use super::sources::{Memo, Sources};
use super::zones::Zoning;

mod plan;
mod table;
mod values;

use plan::HeldPlan;
use table::HeldTable;

pub(crate) fn run(
    agreement: &Agreement,
    range: Range,
    tables: &[&Table],
    (mapping, aggregates): (&Mapping, &Aggregates),
    zonings: &[Zoning],
    inputs: &mut Inputs<'_>,
) -> Result<(Vec<Aggregated>, Report), AggregateError> {
    check_unit(agreement.population.unit, aggregates)?;
    let files = file_parts(inputs, aggregates);
    let mut sources = Sources::new(agreement);
    let mut held = Vec::with_capacity(tables.len());
    for table in tables {
        let terms = (agreement, range);
        let plan = HeldPlan::new(terms, table, mapping, &files, zonings, &mut sources)?;
        held.push(HeldTable::new(plan));
    }
    let clock = sources.clock.clone();
    let mut memo = Memo::new(&mut sources.positions, &sources.times);
    let read = inputs.each_row(&sources.columns, &mut |file, row| {
        memo.clear();
        for table in &mut held {
            match row {
                Some(row) => table.take(file, &row, &clock, &mut memo)?,
                None => table.report.reject(Reason::RowMalformed),
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
    for table in held {
        let (cells, table) = table.finish(aggregates)?;
        aggregated.extend(cells);
        report.tables.push(table);
    }
    Ok((aggregated, report))
}

fn check_unit(unit: Unit, aggregates: &Aggregates) -> Result<(), MappingError> {
    let given = [
        ("contributors", aggregates.contributors.is_some()),
        ("active_units", aggregates.active_units.is_some()),
    ];
    for (name, given) in given {
        let field = format!("aggregates.{name}");
        if unit == Unit::None && given {
            let problem =
                "the agreement's population has no unit, so none can be claimed: remove it";
            return Err(MappingError::field(field, problem));
        }
        if unit != Unit::None && !given {
            let problem = format!("needed, because the agreement protects a {}", unit.word());
            return Err(MappingError::field(field, problem));
        }
    }
    Ok(())
}

/// What the mapping says of each input file, by the file's name.
fn file_parts<'m>(inputs: &Inputs<'_>, aggregates: &'m Aggregates) -> Vec<Option<&'m FilePart>> {
    let part = |path: &std::path::PathBuf| {
        let name = path.file_name()?;
        aggregates
            .files
            .iter()
            .find(|part| name == part.name.as_str())
    };
    inputs.paths().iter().map(part).collect()
}
