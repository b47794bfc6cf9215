//! Released tables as files that planners' own tools read: CSV with CSVW, Parquet, GeoJSON, GeoPackage, the
//! Metrics shape of the Mobility Data Specification; maps and charts as SVG and PNG.
//!
//! Pure: bytes in, bytes out; no network, no files, no clock. What goes in was released before, so whatever is
//! made of it costs no privacy. Equal releases give equal bytes.
//!
//! Every file carries the 95 % intervals, a column `withheld` over the table's public domain (suppressed and
//! absent alike), the agreement's id, what protects it in words, its quality sheet and its receipt.

#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::indexing_slicing,
        clippy::panic,
        reason = "tests fail by panicking"
    )
)]

mod column;
mod csvw;
mod domain;
mod error;
mod geojson;
mod geometry;
mod geopackage;
mod grid;
pub mod label;
pub mod limits;
mod mds;
mod papers;
mod parquet;
pub mod picture;
pub mod rows;
mod sheet;
mod source;
#[cfg(test)]
mod testing;
mod zones;

pub use column::{Column, Role};
pub use error::ExportError;
pub use grid::{Domain, Grid, Listed};
pub use sheet::Sheet;
pub use source::{Export, Source};
pub use zones::check::{Bounds, ZoningProblem};
pub use zones::{Zone, Zones};
