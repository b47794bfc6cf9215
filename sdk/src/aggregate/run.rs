//! From files of raw records to the cells of every plan table, in this process.

use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};

use arrow::array::RecordBatch;
use policies::agreement::{Agreement, Days, Unit};
use policies::id::TableName;
use policies::period::Period;

use super::calendar::Range;
use super::error::{AggregateError, MappingError};
use super::mapping::Mapping;
use super::read::{Columns, Row, Step, read};
use super::report::{Declared, Report};
use super::secret::Secret;
use super::zones::Zoning;
use super::{held, plan, records};

/// Bytes of events that are kept in memory before they spill to disk, where nothing else is said.
pub const MEMORY_BYTES: usize = 256 << 20;

/// The local side of a run.
#[derive(Debug, Clone)]
pub struct Options {
    /// Decides which cells and events a unit keeps.
    pub secret: Secret,
    /// Bytes of events kept in memory, over all tables; more spills to disk.
    pub memory_bytes: usize,
    /// Where spill files are made; the system's temporary folder where it is absent.
    pub spill_folder: Option<PathBuf>,
    /// The days whose whole periods are written, with records or without. Where they are absent, the first and the
    /// last record decide where the periods begin and end, and so may tell that somebody was there.
    pub days: Option<Days>,
}

impl Options {
    /// The defaults with this secret.
    #[must_use]
    pub fn new(secret: Secret) -> Self {
        Self {
            secret,
            memory_bytes: MEMORY_BYTES,
            spill_folder: None,
            days: None,
        }
    }
}

/// How far a run is; local only.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Progress {
    /// Bytes read of all input files, as they lie on disk.
    pub bytes: u64,
    /// Bytes of all input files.
    pub bytes_total: u64,
    /// Rows read.
    pub rows: u64,
}

/// The cells of one table and one period: what is pushed.
#[derive(Clone, PartialEq)]
pub struct Aggregated {
    /// The table.
    pub table: TableName,
    /// The period.
    pub period: Period,
    /// Columns as [`proto::columns::cells_schema`], sorted by key, each key once.
    pub cells: RecordBatch,
    /// What the provider declares beside them.
    pub declared: Declared,
}

/// Without counts: they reach no log.
impl fmt::Debug for Aggregated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Aggregated({} {})", self.table, self.period)
    }
}

/// Aggregates the records of `inputs` into the cells of every plan table that the mapping serves,
/// for every period of [`Options::days`], in order of table and period. A period without records has no cells,
/// and is there: whether somebody was there MUST NOT decide whether it is contributed.
///
/// A unit adds at most 1 to `contributors` and `per_cell_max` to a count in at most `cells_max`
/// cells per unit-period; the same records and secret MUST give the same cells, in whatever order
/// the rows come and whether they fit into memory or not. Nothing but the spill file is written.
///
/// # Errors
/// [`AggregateError`] where mapping, zonings or files do not fit. A bad row is never an error: the
/// report counts it.
pub fn run(
    agreement: &Agreement,
    mapping: &Mapping,
    inputs: &[PathBuf],
    zonings: &[Zoning],
    options: &Options,
    progress: &mut dyn FnMut(Progress),
) -> Result<(Vec<Aggregated>, Report), AggregateError> {
    let tables = plan::tables(agreement, mapping)?;
    check_unit(agreement.population.unit, mapping)?;
    let range = Range::new(agreement.covers, options.days)?;
    let mut inputs = Inputs {
        mapping,
        paths: inputs,
        progress,
        done: Progress::default(),
    };
    if let Some(aggregates) = mapping.aggregates() {
        let parts = (mapping, aggregates);
        held::run(agreement, range, &tables, parts, zonings, &mut inputs)
    } else {
        let local = (options, range);
        records::run(agreement, local, &tables, mapping, zonings, &mut inputs)
    }
}

/// A mapping with a person's column is for an agreement that protects persons, and the reverse.
fn check_unit(unit: Unit, mapping: &Mapping) -> Result<(), MappingError> {
    let persons = matches!(unit, Unit::PersonDay | Unit::PersonWeek | Unit::PersonMonth);
    match (persons, mapping.unit(), mapping.aggregates()) {
        (true, None, None) => Err(MappingError::field(
            "unit",
            "the agreement protects persons: name the column that tells them apart",
        )),
        (_, Some(_), Some(_)) => Err(MappingError::field(
            "unit",
            "an aggregate has no persons in it: remove this field",
        )),
        (false, Some(_), None) => Err(MappingError::field(
            "unit",
            format!(
                "the agreement's unit is `{}`: remove this field",
                unit.word()
            ),
        )),
        _ => Ok(()),
    }
}

/// The input files, read one after the other.
pub(crate) struct Inputs<'r> {
    mapping: &'r Mapping,
    paths: &'r [PathBuf],
    progress: &'r mut dyn FnMut(Progress),
    done: Progress,
}

/// One row of an input, or `None` for a malformed line, with the number of its file.
pub(crate) type EachRow<'e> = dyn FnMut(usize, Option<Row<'_>>) -> Result<(), AggregateError> + 'e;

impl Inputs<'_> {
    pub fn paths(&self) -> &[PathBuf] {
        self.paths
    }

    /// Reads all files.
    ///
    /// # Errors
    /// Where a file cannot be read, and what `each` returns.
    pub fn each_row(
        &mut self,
        columns: &Columns,
        each: &mut EachRow<'_>,
    ) -> Result<u64, AggregateError> {
        self.done.bytes_total = total_bytes(self.paths)?;
        let mut before = 0;
        for (number, path) in self.paths.iter().enumerate() {
            let (done, progress) = (&mut self.done, &mut self.progress);
            read(path, *self.mapping.source(), columns, &mut |step| {
                match step {
                    Step::Bytes(bytes) => {
                        done.bytes = before + bytes;
                        progress(*done);
                        return Ok(());
                    }
                    Step::Row(row) => each(number, Some(row))?,
                    Step::Malformed => each(number, None)?,
                }
                done.rows += 1;
                Ok(())
            })?;
            before = self.done.bytes;
        }
        Ok(self.done.rows)
    }
}

/// The size of all files; each MUST be given once.
fn total_bytes(paths: &[PathBuf]) -> Result<u64, AggregateError> {
    let failed = |path: &Path, e: &std::io::Error| AggregateError::Read {
        path: path.to_owned(),
        message: e.to_string(),
    };
    let (mut total, mut seen) = (0_u64, BTreeSet::new());
    for path in paths {
        let real = path.canonicalize().map_err(|e| failed(path, &e))?;
        let size = real.metadata().map_err(|e| failed(path, &e))?.len();
        total = total.saturating_add(size);
        if !seen.insert(real) {
            return Err(AggregateError::InputTwice { path: path.clone() });
        }
    }
    Ok(total)
}
