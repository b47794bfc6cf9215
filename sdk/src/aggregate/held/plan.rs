//! One table of a company's own aggregate: from a row to the cells it states.

use arrow::datatypes::SchemaRef;
use policies::agreement::{Agreement, Unit};
use policies::kind::{Dimension, DimensionKind};
use policies::period::{Grain, Period};
use policies::table::Table;
use proto::columns::{CONTRIBUTORS, cells_schema};

use super::values::ValueReader;
use crate::aggregate::calendar::{Calendar, Range, number as day_number};
use crate::aggregate::cells::Measured;
use crate::aggregate::error::{AggregateError, MappingError};
use crate::aggregate::key::{Axis, DIMENSIONS_MAX, KeySpace};
use crate::aggregate::mapping::{Aggregates, FilePart, Mapping};
use crate::aggregate::plan::measured;
use crate::aggregate::read::{Row, Slot};
use crate::aggregate::report::Reason;
use crate::aggregate::sources::{Memo, Sources};
use crate::aggregate::time::Clock;
use crate::aggregate::value::number;
use crate::aggregate::zones::{Zoning, signed};

/// What a table needs of a row.
#[derive(Debug)]
pub(super) struct HeldPlan<'a> {
    pub table: &'a Table,
    pub unit: Unit,
    pub keys: KeySpace<'a>,
    pub schema: SchemaRef,
    pub measured: Vec<Measured>,
    pub calendar: Calendar,
    digits: Vec<Digit>,
    /// The period of each input file's rows, where they do not say it themselves.
    periods: Vec<Option<i32>>,
    time: Option<usize>,
    hour: Option<Slot>,
    /// One per measured column.
    values: Vec<ValueReader>,
    /// The bins of a row that states several cells.
    bins: Option<Vec<u8>>,
}

/// The cells that a row states. No `Debug`: it holds counts.
#[derive(Default)]
pub(super) struct RowCells {
    /// Period and key.
    pub keys: Vec<(i32, u64)>,
    /// In millionths, by column, then by cell.
    pub numbers: Vec<i64>,
}

impl RowCells {
    /// The numbers of one cell, by column.
    pub fn numbers(&self, cell: usize) -> impl Iterator<Item = i64> + Clone + '_ {
        let cells = self.keys.len().max(1);
        self.numbers.iter().skip(cell).step_by(cells).copied()
    }
}

/// Where one position of a cell's key comes from.
#[derive(Debug)]
enum Digit {
    Bin,
    /// By file, then from a column.
    Place {
        files: Vec<Option<u32>>,
        source: Option<usize>,
    },
}

impl<'a> HeldPlan<'a> {
    pub fn new(
        (agreement, range): (&Agreement, Range),
        table: &'a Table,
        mapping: &Mapping,
        files: &[Option<&FilePart>],
        zonings: &'a [Zoning],
        sources: &mut Sources<'a>,
    ) -> Result<Self, AggregateError> {
        let unit = agreement.population.unit;
        let zoning = signed(agreement, &table.zoning, zonings)?;
        let keys = KeySpace::new(table, zoning)?;
        let schema = cells_schema(table, unit);
        let kinds = table
            .kind()
            .map(|kind| kind.dimensions.as_slice())
            .unwrap_or_default();
        let mut digits = Vec::with_capacity(kinds.len());
        for (dimension, axis) in kinds.iter().zip(keys.axes()) {
            digits.push(digit(table, dimension, axis, mapping, files, sources)?);
        }
        let binned = kinds
            .iter()
            .any(|dimension| dimension.kind == DimensionKind::DayBin);
        let aggregates = mapping.aggregates();
        let values = values(table, &schema, kinds.len(), binned, aggregates, sources)?;
        let bins = values.first().and_then(ValueReader::bins);
        if values.iter().any(|value| value.bins() != bins) {
            let problem = "all values of a table are for the same hours";
            return Err(MappingError::field("aggregates.measures", problem).into());
        }
        let periods = periods(range, table, aggregates, files)?;
        let hour = aggregates.and_then(|aggregates| aggregates.hour.as_ref());
        let needs_hour = binned && bins.is_none() && table.bins.count() > 1;
        let needs_time = periods.iter().any(Option::is_none) || (needs_hour && hour.is_none());
        let time = match (mapping.time(&table.name), needs_time) {
            (Some(time), true) => Some(sources.time(time)),
            (None, true) => {
                let problem = format!(
                    "table `{}` needs a period and an hour for each row",
                    table.name
                );
                return Err(MappingError::field("time", problem).into());
            }
            (_, false) => None,
        };
        Ok(Self {
            hour: hour
                .filter(|_| needs_hour)
                .map(|hour| sources.columns.slot(hour)),
            measured: measured(table, unit),
            calendar: Calendar::new(range, table.period, Grain::Day),
            table,
            unit,
            keys,
            schema,
            digits,
            periods,
            time,
            values,
            bins,
        })
    }

    /// Reads the cells that a row states.
    ///
    /// # Errors
    /// The first reason for which the table does not count the row.
    pub fn read(
        &mut self,
        file: usize,
        row: &Row<'_>,
        clock: &Clock,
        memo: &mut Memo<'_, 'a>,
        to: &mut RowCells,
    ) -> Result<(), Reason> {
        to.keys.clear();
        to.numbers.clear();
        let local = self.time.map(|time| memo.time(time, row, clock));
        let local = local.transpose()?;
        let period = match (self.periods.get(file).copied().flatten(), local) {
            (Some(period), _) => period,
            (None, Some(local)) => {
                let day = self.calendar.day(local.date());
                day.ok_or(Reason::TimeOutsidePeriod)?.period
            }
            (None, None) => return Err(Reason::TimeMissing),
        };
        let row_hour = match (self.hour, local) {
            (Some(slot), _) => hour(row, slot)?,
            (None, Some(local)) => u8::try_from(local.hour()).unwrap_or_default(),
            (None, None) => 0,
        };
        let row_bin = self.table.bins.of_hour(row_hour);
        let mut positions = [0; DIMENSIONS_MAX];
        for (position, digit) in positions.iter_mut().zip(&self.digits) {
            if let Digit::Place { files, source } = digit {
                *position = match (files.get(file).copied().flatten(), source) {
                    (Some(position), _) => position,
                    (None, Some(source)) => memo.position(*source, row)?,
                    (None, None) => return Err(Reason::ZoneMissing),
                };
            }
        }
        for bin in self.bins.as_deref().unwrap_or(&[row_bin]) {
            for (position, digit) in positions.iter_mut().zip(&self.digits) {
                if matches!(digit, Digit::Bin) {
                    *position = u32::from(*bin);
                }
            }
            to.keys.push((period, self.keys.pack(&positions)));
        }
        let mut values = self.values.iter();
        values.try_for_each(|value| value.read(row, &mut to.numbers))
    }
}

fn hour(row: &Row<'_>, slot: Slot) -> Result<u8, Reason> {
    let hour = number(row.field(slot)).map_err(|reason| match reason {
        Reason::ValueMissing => Reason::TimeMissing,
        _ => Reason::TimeUnparsable,
    })?;
    let whole = (0..24_u8).find(|whole| f64::from(*whole).total_cmp(&hour).is_eq());
    whole.ok_or(Reason::TimeUnparsable)
}

fn digit<'a>(
    table: &Table,
    dimension: &Dimension,
    axis: &Axis<'a>,
    mapping: &Mapping,
    files: &[Option<&FilePart>],
    sources: &mut Sources<'a>,
) -> Result<Digit, AggregateError> {
    if dimension.kind == DimensionKind::DayBin {
        return Ok(Digit::Bin);
    }
    let stated = |part: &Option<&FilePart>| {
        let Some(text) = part.and_then(|part| part.dimensions.get(&dimension.name)) else {
            return Ok(None);
        };
        axis.position(text).map(Some).ok_or_else(|| {
            let field = format!("aggregates.files.dimensions.{}", dimension.name);
            MappingError::field(
                field,
                format!("`{text}` is no value of it in the agreement"),
            )
        })
    };
    let places: Result<Vec<Option<u32>>, MappingError> = files.iter().map(stated).collect();
    let places = places?;
    let source = if places.iter().all(Option::is_some) {
        None
    } else {
        Some(sources.position(mapping, table, &dimension.name, axis)?)
    };
    Ok(Digit::Place {
        files: places,
        source,
    })
}

/// One reader per measured column of the cells.
fn values(
    table: &Table,
    schema: &SchemaRef,
    dimensions: usize,
    binned: bool,
    aggregates: Option<&Aggregates>,
    sources: &mut Sources<'_>,
) -> Result<Vec<ValueReader>, MappingError> {
    let columns = schema.fields().iter().skip(dimensions);
    let reader = |name: &String| {
        let distinct = name == CONTRIBUTORS;
        let (field, source) = if distinct {
            let source = aggregates.and_then(|aggregates| aggregates.contributors.as_ref());
            ("aggregates.contributors".to_owned(), source)
        } else {
            let source = aggregates.and_then(|aggregates| aggregates.measures.get(name));
            (format!("aggregates.measures.{name}"), source)
        };
        let source = source.ok_or_else(|| {
            MappingError::field(&field, format!("table `{}` needs it", table.name))
        })?;
        let bins = binned.then_some(&table.bins);
        let combine = aggregates.and_then(|aggregates| aggregates.within_bin);
        ValueReader::new(
            source,
            &field,
            bins,
            combine,
            distinct,
            &mut sources.columns,
        )
    };
    columns.map(|field| field.name()).map(reader).collect()
}

/// The period of each file's rows, where the mapping states it.
fn periods(
    range: Range,
    table: &Table,
    aggregates: Option<&Aggregates>,
    files: &[Option<&FilePart>],
) -> Result<Vec<Option<i32>>, MappingError> {
    let stated = |part: &Option<&FilePart>| {
        let own = part.and_then(|part| part.period);
        let Some(period): Option<Period> = own.or(aggregates.and_then(|all| all.period)) else {
            return Ok(None);
        };
        let fits = period.grain() == table.period && range.hold(period);
        if fits {
            Ok(day_number(period))
        } else {
            let problem = format!(
                "`{period}` is no period of table `{}` in the days that are counted",
                table.name
            );
            Err(MappingError::field("aggregates.period", problem))
        }
    };
    files.iter().map(stated).collect()
}
