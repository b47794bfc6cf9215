//! Raw records → cells, exactly as the agreement says, on the company's machine.
//!
//! Rows are read one at a time from CSV or Parquet, in any order. Each becomes an event in one cell
//! of each table: zone, day bin and category of its key, clamped values of its sums. Then every
//! unit (a person in one of its own periods, or one trip) keeps at most `cells_max` cells and
//! `per_cell_max` events in each, chosen by a keyed hash; distinct units are counted. Nothing raw
//! leaves the process.
//!
//! ```no_run
//! use sdk::aggregate::{Mapping, Options, Secret, Zoning, run, write_cells};
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # use std::path::Path;
//! let agreement = policies::agreement::Agreement::parse_canonical(&std::fs::read("a.json")?)?;
//! let mapping = Mapping::open(Path::new("bikes.toml"))?;
//! let zonings = [Zoning::parse(&std::fs::read("zones.geojson")?)?];
//! let secret = Secret::open(Path::new("weir-aggregate.secret"))?;
//! let options = Options::new(secret.clone());
//! let inputs = ["2023-10.csv.gz".into()];
//! let (cells, report) = run(&agreement, &mapping, &inputs, &zonings, &options, &mut |_| {})?;
//! println!("{report}"); // for the company's own screen
//! write_cells(Path::new("cells"), &agreement.id()?, &cells, &secret)?; // for `weir push cells`
//! # Ok(()) }
//! ```
//!
//! | module | holds |
//! | --- | --- |
//! | `mapping` | the TOML file that says which column is which field |
//! | `read`, `time`, `value` | rows → fields → times and numbers |
//! | `zones`, `lookup`, `position` | fields → zones and categories |
//! | `sources`, `plan`, `calendar`, `key` | what each table needs of a row |
//! | `records`, `spill`, `bound`, `cells` | events → bounded units → cells |
//! | `held` | a company's own aggregates → cells |
//! | `report`, `files`, `batch` | what the company sees; what is pushed, and under which name |

mod batch;
mod bound;
mod calendar;
mod cells;
mod error;
mod files;
mod held;
mod key;
mod lookup;
pub mod mapping;
mod plan;
mod position;
mod read;
mod records;
mod report;
mod run;
mod secret;
mod sources;
mod spill;
mod time;
mod value;
mod zones;

#[cfg(test)]
mod tests;

pub use batch::{BatchContent, BatchKey};
pub use error::{AggregateError, MappingError, SecretError, ZoningError};
pub use files::{
    CellsFileError, EXTENSION, read_batch_key, read_cells, read_cells_file, write_cells,
};
pub use mapping::Mapping;
pub use report::{Declared, Rate, Reason, Report, TableReport};
pub use run::{Aggregated, MEMORY_BYTES, Options, Progress, run};
pub use secret::{SECRET_BYTES, Secret};
pub(crate) use zones::zone_id;
pub use zones::{ZONE_ID_BYTES_MAX, Zoning};
