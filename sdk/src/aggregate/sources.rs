//! What the tables of a run read from a row; sources that several tables use are read once per row.

use jiff::civil::DateTime;
use policies::agreement::Agreement;
use policies::table::Table;

use super::error::{AggregateError, MappingError};
use super::key::Axis;
use super::mapping::{DimensionSource, Mapping, TimeSource};
use super::position::PositionReader;
use super::read::{Columns, Row, Slot};
use super::report::Reason;
use super::time::Clock;

/// What all tables share.
#[derive(Debug)]
pub(crate) struct Sources<'a> {
    pub columns: Columns,
    pub clock: Clock,
    pub positions: Vec<PositionSource<'a>>,
    pub times: Vec<(TimeSource, Slot)>,
}

/// A reader, and what it was made of.
#[derive(Debug)]
pub(crate) struct PositionSource<'a> {
    source: DimensionSource,
    axis: Axis<'a>,
    pub reader: PositionReader<'a>,
}

impl<'a> Sources<'a> {
    pub fn new(agreement: &Agreement) -> Self {
        Self {
            columns: Columns::default(),
            clock: Clock::new(&agreement.time_zone, agreement.covers),
            positions: Vec::new(),
            times: Vec::new(),
        }
    }

    /// The number of a position source, known or new.
    pub fn position(
        &mut self,
        mapping: &Mapping,
        table: &Table,
        dimension: &str,
        axis: &Axis<'a>,
    ) -> Result<usize, AggregateError> {
        let field = format!("dimensions.{dimension}");
        let source = mapping.dimension(&table.name, dimension).ok_or_else(|| {
            let problem = format!("table `{}` needs it", table.name);
            MappingError::field(&field, problem)
        })?;
        let same = |have: &PositionSource<'_>| have.source == *source && have.axis.same(axis);
        if let Some(known) = self.positions.iter().position(same) {
            return Ok(known);
        }
        let reader = PositionReader::new(source, axis, mapping, &mut self.columns, &field)?;
        self.positions.push(PositionSource {
            source: source.clone(),
            axis: axis.clone(),
            reader,
        });
        Ok(self.positions.len() - 1)
    }

    /// The number of a time source, known or new.
    pub fn time(&mut self, source: &TimeSource) -> usize {
        let known = self.times.iter().position(|(have, _)| have == source);
        known.unwrap_or_else(|| {
            let slot = self.columns.slot(&source.column);
            self.times.push((source.clone(), slot));
            self.times.len() - 1
        })
    }
}

/// What the sources gave for the row at hand, so that tables share it.
#[derive(Debug)]
pub(crate) struct Memo<'s, 'a> {
    sources: &'s mut [PositionSource<'a>],
    times: &'s [(TimeSource, Slot)],
    positions: Vec<Option<Result<u32, Reason>>>,
    local: Vec<Option<Result<DateTime, Reason>>>,
}

impl<'s, 'a> Memo<'s, 'a> {
    pub fn new(sources: &'s mut [PositionSource<'a>], times: &'s [(TimeSource, Slot)]) -> Self {
        Self {
            positions: vec![None; sources.len()],
            local: vec![None; times.len()],
            sources,
            times,
        }
    }

    /// Forgets the last row.
    pub fn clear(&mut self) {
        self.positions.fill(None);
        self.local.fill(None);
    }

    pub fn position(&mut self, number: usize, row: &Row<'_>) -> Result<u32, Reason> {
        let known = self
            .positions
            .get_mut(number)
            .zip(self.sources.get_mut(number));
        let (known, source) = known.ok_or(Reason::ZoneMissing)?;
        *known.get_or_insert_with(|| source.reader.read(row))
    }

    pub fn time(
        &mut self,
        number: usize,
        row: &Row<'_>,
        clock: &Clock,
    ) -> Result<DateTime, Reason> {
        let known = self.local.get_mut(number).zip(self.times.get(number));
        let (known, (source, slot)) = known.ok_or(Reason::TimeMissing)?;
        *known.get_or_insert_with(|| clock.local(row.field(*slot), &source.format))
    }
}
