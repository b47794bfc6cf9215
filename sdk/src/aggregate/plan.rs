//! The agreement compiled against a mapping: what each table needs of a row.

use arrow::datatypes::SchemaRef;
use policies::agreement::{Agreement, Unit};
use policies::kind::{DimensionKind, MeasureKind};
use policies::period::Grain;
use policies::table::{Histogram, Table};
use proto::columns::cells_schema;

use super::bound::{Binned, Share};
use super::calendar::{Calendar, Range};
use super::cells::Measured;
use super::error::{AggregateError, MappingError};
use super::key::{DIMENSIONS_MAX, KeySpace};
use super::mapping::Mapping;
use super::read::{Row, Slot};
use super::report::Reason;
use super::sources::{Memo, Sources};
use super::spill::SUMS_MAX;
use super::time::Clock;
use super::value::{Missing, SumReader};
use super::zones::{Zoning, signed};

/// The plan's tables that this mapping serves, in the plan's order, each once.
///
/// # Errors
/// Where the mapping names a table that the agreement's plan does not have, or a table's period is
/// shorter than the unit's.
pub(crate) fn tables<'a>(
    agreement: &'a Agreement,
    mapping: &Mapping,
) -> Result<Vec<&'a Table>, AggregateError> {
    let planned = |name| {
        agreement
            .plan_item(name)
            .and_then(|_| agreement.table(name))
    };
    if let Some(unknown) = mapping.named_tables().find(|name| planned(name).is_none()) {
        let problem = "the agreement's plan has no such table";
        return Err(MappingError::field(format!("tables.{unknown}"), problem).into());
    }
    let grain = agreement.population.unit.grain();
    let mut tables: Vec<&Table> = Vec::new();
    for table in agreement
        .plan
        .iter()
        .filter_map(|item| agreement.table(&item.table))
    {
        // Each run bounds the periods it is given: one that ends inside a unit's own could not.
        if grain.is_some_and(|grain| !table.period.holds_whole(grain)) {
            return Err(AggregateError::Table {
                table: table.name.to_string(),
                problem: "its period does not hold whole periods of the unit".to_owned(),
            });
        }
        if mapping.serves(&table.name) && tables.iter().all(|have| have.name != table.name) {
            tables.push(table);
        }
    }
    Ok(tables)
}

/// One table: from a row to an event.
#[derive(Debug)]
pub(crate) struct TablePlan<'a> {
    pub table: &'a Table,
    pub keys: KeySpace<'a>,
    pub schema: SchemaRef,
    pub measured: Vec<Measured>,
    pub histograms: Vec<Binned<'a>>,
    pub calendar: Calendar,
    digits: Vec<Digit>,
    time: usize,
    sums: Vec<Sum>,
}

/// Where one position of a cell's key comes from.
#[derive(Debug, Clone, Copy)]
enum Digit {
    Source(usize),
    Bin,
}

#[derive(Debug)]
struct Sum {
    reader: SumReader,
    min: u32,
    max: u32,
}

/// The person of a row.
#[derive(Debug)]
pub(crate) struct UnitReader {
    pub slot: Slot,
    pub missing: Missing,
}

/// What a row is to a table.
#[derive(Clone, Copy)]
pub(crate) struct Extract {
    pub period: i32,
    pub unit_period: i32,
    pub key: u64,
    pub values: [u32; SUMS_MAX],
    pub clamped: [bool; SUMS_MAX],
}

impl Extract {
    /// The row as a unit of its own.
    pub fn alone(&self, histograms: &[Binned<'_>]) -> Share {
        let mut share = Share::new(self.period, self.key);
        share.add(&self.values, histograms);
        share
    }
}

impl<'a> TablePlan<'a> {
    pub fn new(
        (agreement, range): (&Agreement, Range),
        table: &'a Table,
        mapping: &Mapping,
        zonings: &'a [Zoning],
        sources: &mut Sources<'a>,
    ) -> Result<Self, AggregateError> {
        let zoning = signed(agreement, &table.zoning, zonings)?;
        let keys = KeySpace::new(table, zoning)?;
        let kinds = table
            .kind()
            .map(|kind| kind.dimensions.as_slice())
            .unwrap_or_default();
        let mut digits = Vec::with_capacity(kinds.len());
        for (dimension, axis) in kinds.iter().zip(keys.axes()) {
            digits.push(match dimension.kind {
                DimensionKind::DayBin => Digit::Bin,
                DimensionKind::Zone | DimensionKind::Category => {
                    Digit::Source(sources.position(mapping, table, &dimension.name, axis)?)
                }
            });
        }
        let time = mapping.time(&table.name).ok_or_else(|| {
            MappingError::field("time", format!("table `{}` needs it", table.name))
        })?;
        let mut sums = Vec::new();
        for clamp in table.columns().filter_map(|column| column.clamp) {
            let source = mapping.sum(&table.name, &clamp.measure).ok_or_else(|| {
                let field = format!("sums.{}", clamp.measure);
                MappingError::field(field, format!("table `{}` needs it", table.name))
            })?;
            sums.push(Sum {
                reader: SumReader::new(source, &mut sources.columns),
                min: clamp.min,
                max: clamp.max,
            });
        }
        let unit = agreement.population.unit;
        let unit_grain = unit.grain().unwrap_or(Grain::Day);
        Ok(Self {
            table,
            keys,
            schema: cells_schema(table, unit),
            measured: measured(table, unit),
            histograms: binned(table),
            calendar: Calendar::new(range, table.period, unit_grain),
            digits,
            time: sources.time(time),
            sums,
        })
    }

    /// Names of the sums, in the order of an event's values.
    pub fn sum_names(&self) -> impl Iterator<Item = &'a str> {
        self.table
            .columns()
            .filter(|column| column.clamp.is_some())
            .map(|column| column.name)
    }

    /// Reads a row.
    ///
    /// # Errors
    /// The first reason for which the table does not count it.
    pub fn extract(
        &mut self,
        row: &Row<'_>,
        clock: &Clock,
        memo: &mut Memo<'_, 'a>,
    ) -> Result<Extract, Reason> {
        let local = memo.time(self.time, row, clock)?;
        let day = self
            .calendar
            .day(local.date())
            .ok_or(Reason::TimeOutsidePeriod)?;
        let mut positions = [0; DIMENSIONS_MAX];
        for (position, digit) in positions.iter_mut().zip(&self.digits) {
            *position = match digit {
                Digit::Source(source) => memo.position(*source, row)?,
                Digit::Bin => {
                    let hour = u8::try_from(local.hour()).unwrap_or_default();
                    u32::from(self.table.bins.of_hour(hour))
                }
            };
        }
        let (mut values, mut clamped) = ([0; SUMS_MAX], [false; SUMS_MAX]);
        for ((value, clamped), sum) in values.iter_mut().zip(&mut clamped).zip(&self.sums) {
            let exact = sum.reader.read(row, clock)?.round();
            // A float casts to the nearest u32; both ends of the clamp are in range.
            *value = (exact as u32).clamp(sum.min, sum.max);
            *clamped = exact < f64::from(sum.min) || exact > f64::from(sum.max);
        }
        Ok(Extract {
            period: day.period,
            unit_period: day.unit_period,
            key: self.keys.pack(&positions),
            values,
            clamped,
        })
    }
}

/// The measured columns in the order of [`cells_schema`].
pub(crate) fn measured(table: &Table, unit: Unit) -> Vec<Measured> {
    let mut columns = Vec::new();
    if unit != Unit::None {
        columns.push(Measured::Contributors);
    }
    let mut sums = 0..;
    let measures = table
        .kind()
        .map(|kind| kind.measures.as_slice())
        .unwrap_or_default();
    columns.extend(measures.iter().filter_map(|measure| {
        match measure.kind {
            MeasureKind::Units => (unit == Unit::None).then_some(Measured::Events),
            MeasureKind::Count => Some(Measured::Events),
            MeasureKind::Sum => table
                .clamp(&measure.name)
                .and_then(|_| sums.next().map(Measured::Sum)),
        }
    }));
    let bins = table.histograms.iter().map(Histogram::bins).sum();
    columns.extend((0..bins).map(Measured::Bin));
    columns
}

/// The table's histograms, each with the place of its sum.
fn binned(table: &Table) -> Vec<Binned<'_>> {
    let place = |histogram: &Histogram| {
        let mut sums = table.columns().filter(|column| column.clamp.is_some());
        sums.position(|sum| sum.name == histogram.measure)
    };
    let histograms = table.histograms.iter();
    histograms
        .filter_map(|histogram| {
            Some(Binned {
                histogram,
                sum: place(histogram)?,
            })
        })
        .collect()
}
