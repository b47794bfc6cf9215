//! One table of a company's own aggregate: from a row to the cells it states.

use arrow::datatypes::SchemaRef;
use policies::agreement::{Agreement, Unit};
use policies::kind::{Dimension, DimensionKind};
use policies::period::{Grain, Period};
use policies::table::Table;
use proto::columns::{CONTRIBUTORS, cells_schema};

use super::values::{MILLIONTHS, ValueReader};
use crate::aggregate::calendar::{Calendar, number as day_number};
use crate::aggregate::cells::{CellStore, Measured};
use crate::aggregate::error::{AggregateError, MappingError};
use crate::aggregate::key::{Axis, DIMENSIONS_MAX, KeySpace};
use crate::aggregate::mapping::{Aggregates, FilePart, Mapping};
use crate::aggregate::plan::measured;
use crate::aggregate::read::{Row, Slot};
use crate::aggregate::report::{Declared, Reason};
use crate::aggregate::run::Aggregated;
use crate::aggregate::sources::{Memo, Sources};
use crate::aggregate::time::Clock;
use crate::aggregate::value::number;
use crate::aggregate::zones::{Zoning, signed};

#[derive(Debug)]
pub(super) struct HeldPlan<'a> {
    table: &'a Table,
    unit: Unit,
    keys: KeySpace<'a>,
    schema: SchemaRef,
    measured: Vec<Measured>,
    calendar: Calendar,
    digits: Vec<Digit>,
    /// The period of each input file's rows, where they do not say it themselves.
    periods: Vec<Option<i32>>,
    time: Option<usize>,
    hour: Option<Slot>,
    /// One per measured column.
    values: Vec<ValueReader>,
    /// The bins of a row that states several cells.
    bins: Option<Vec<u8>>,
    store: CellStore,
    /// The cells of the row at hand: period, key, and the numbers of each.
    found: Vec<(i32, u64)>,
    numbers: Vec<i64>,
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
        agreement: &Agreement,
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
        let periods = periods(agreement, table, aggregates, files)?;
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
            calendar: Calendar::new(agreement.covers, table.period, Grain::Day),
            store: CellStore::new(values.len()),
            table,
            unit,
            keys,
            schema,
            digits,
            periods,
            time,
            values,
            bins,
            found: Vec::new(),
            numbers: Vec::new(),
        })
    }

    /// Reads the cells a row states, to be kept by [`Self::keep`].
    ///
    /// # Errors
    /// The first reason for which the table does not count the row.
    pub fn cells(
        &mut self,
        file: usize,
        row: &Row<'_>,
        clock: &Clock,
        memo: &mut Memo<'_, 'a>,
    ) -> Result<(), Reason> {
        self.found.clear();
        self.numbers.clear();
        let local = self
            .time
            .map(|time| memo.time(time, row, clock))
            .transpose()?;
        let period = match (self.periods.get(file).copied().flatten(), local) {
            (Some(period), _) => period,
            (None, Some(local)) => {
                let day = self.calendar.day(local.date());
                day.ok_or(Reason::TimeOutsidePeriod)?.period
            }
            (None, None) => return Err(Reason::TimeMissing),
        };
        let row_bin = match (self.hour, local) {
            (Some(slot), _) => self.table.bins.of_hour(hour(row, slot)?),
            (None, Some(local)) => self
                .table
                .bins
                .of_hour(u8::try_from(local.hour()).unwrap_or_default()),
            (None, None) => 0,
        };
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
            self.found.push((period, self.keys.pack(&positions)));
        }
        // By column, then by cell.
        self.values
            .iter()
            .try_for_each(|value| value.read(row, &mut self.numbers))?;
        if self.unit != Unit::None {
            let cells = self.found.len();
            (0..cells).try_for_each(|cell| self.check_bounds(cell))?;
        }
        Ok(())
    }

    /// Adds the cells of the last row that was read.
    ///
    /// # Errors
    /// [`AggregateError::CellTwice`] where units would be added up, [`AggregateError::Overflow`].
    pub fn keep(&mut self) -> Result<(), AggregateError> {
        let cells = self.found.len();
        for (cell, (period, key)) in self.found.iter().enumerate() {
            let numbers = self
                .numbers
                .iter()
                .skip(cell)
                .step_by(cells.max(1))
                .copied();
            let empty = self.unit != Unit::None && numbers.clone().all(|number| number == 0);
            if empty {
                continue; // no unit: the cell is not there
            }
            let new = self.store.add(*period, *key, numbers);
            let new = new.map_err(|_| AggregateError::Overflow {
                table: self.table.name.to_string(),
            })?;
            if !new && self.unit != Unit::None {
                return Err(AggregateError::CellTwice {
                    table: self.table.name.to_string(),
                });
            }
        }
        Ok(())
    }

    /// The cells of every period.
    ///
    /// # Errors
    /// Where more contributors are stated than the declared active units can be.
    pub fn finish(mut self, declared: &Declared) -> Result<Vec<Aggregated>, AggregateError> {
        self.store.round(MILLIONTHS);
        if let Some(units) = declared.active_units {
            let most = u128::from(units) * u128::from(self.table.cells_max);
            let stated = self.store.totals(0);
            if stated.values().any(|sum| *sum > most) {
                let problem = format!(
                    "contributors of table `{}` add up to more than cells_max for each of them",
                    self.table.name
                );
                return Err(MappingError::field("aggregates.active_units", problem).into());
            }
        }
        let batches = self.store.batches(&self.keys, &self.schema);
        let batches = batches.map_err(|e| AggregateError::Columns {
            table: self.table.name.to_string(),
            message: e.to_string(),
        })?;
        let aggregated = batches.into_iter().filter_map(|(number, cells)| {
            Some(Aggregated {
                table: self.table.name.clone(),
                period: self.calendar.period(number)?,
                cells,
                declared: declared.clone(),
            })
        });
        Ok(aggregated.collect())
    }

    /// contributors ≤ events ≤ per_cell_max · contributors, and sums inside the clamps of the events.
    fn check_bounds(&self, cell: usize) -> Result<(), Reason> {
        let cells = self.found.len().max(1);
        let numbers = self.numbers.iter().skip(cell).step_by(cells);
        let numbers = || self.measured.iter().zip(numbers.clone());
        let is_sum = |measured: &Measured| matches!(measured, Measured::Sum(_));
        if numbers().any(|(measured, number)| !is_sum(measured) && number % MILLIONTHS != 0) {
            return Err(Reason::ValueNotWhole);
        }
        let of = |wanted: Measured| {
            let found = numbers().find(|(measured, _)| **measured == wanted);
            found.map(|(_, number)| i128::from(*number))
        };
        let units = of(Measured::Contributors).unwrap_or_default();
        let most = units * i128::from(self.table.per_cell_max);
        let (low, high) = match of(Measured::Events) {
            Some(events) if events < units || events > most => return Err(Reason::BoundsBroken),
            Some(events) => (events, events),
            None => (units, most),
        };
        let clamps = self.table.columns().filter_map(|column| column.clamp);
        let sums = numbers()
            .filter(|(measured, _)| is_sum(measured))
            .map(|(_, sum)| *sum);
        let broken = clamps.zip(sums).any(|(clamp, sum)| {
            let (sum, half) = (i128::from(sum), i128::from(MILLIONTHS / 2));
            sum + half < low * i128::from(clamp.min) || sum - half > high * i128::from(clamp.max)
        });
        if broken {
            Err(Reason::BoundsBroken)
        } else {
            Ok(())
        }
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
    agreement: &Agreement,
    table: &Table,
    aggregates: Option<&Aggregates>,
    files: &[Option<&FilePart>],
) -> Result<Vec<Option<i32>>, MappingError> {
    let stated = |part: &Option<&FilePart>| {
        let own = part.and_then(|part| part.period);
        let Some(period): Option<Period> = own.or(aggregates.and_then(|all| all.period)) else {
            return Ok(None);
        };
        let fits = period.grain() == table.period && agreement.covers.hold(period);
        if fits {
            Ok(day_number(period))
        } else {
            let problem = format!(
                "`{period}` is no period of table `{}` that the agreement covers",
                table.name
            );
            Err(MappingError::field("aggregates.period", problem))
        }
    };
    files.iter().map(stated).collect()
}
