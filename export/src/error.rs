//! Why a release is not written.

/// Why a release is not written. Each says what to do next.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The quality sheet cannot be read.
    #[error("the quality sheet cannot be read ({why}): fetch the release again")]
    Sheet {
        /// The parser's words.
        why: String,
    },
    /// The zoning cannot be read.
    #[error("the zoning cannot be read ({why}): give the GeoJSON that the agreement signs for")]
    Zoning {
        /// What is wrong with it.
        why: String,
    },
    /// The zoning, or the table's terms, make another public domain than the sheet states.
    #[error(
        "the zoning makes a public domain of {found} keys, and the quality sheet states {stated}: give \
         the zoning that the agreement signs for"
    )]
    Domain {
        /// Keys by this zoning.
        found: String,
        /// Keys by the sheet.
        stated: u64,
    },
    /// A released key that the public domain does not have, or has twice.
    #[error("a released row is none of the table's public domain: give the zoning of the release")]
    Key,
    /// A column of another type than a release's.
    #[error("column `{name}` is not one of a release")]
    Column {
        /// Its name.
        name: String,
    },
    /// Too many vertices.
    #[error(
        "the file would hold {vertices} vertices, over {}: write CSV or Parquet and join the zones by their \
         ids, write released rows alone, or simplify the zoning",
        crate::limits::VERTICES_MAX
    )]
    Vertices {
        /// How many there would be.
        vertices: u64,
    },
    /// A merge of periods that do not follow each other.
    #[error(
        "it merges {periods}, with gaps between them, which is no interval of MDS: write CSV, Parquet or GeoJSON"
    )]
    Gaps {
        /// The periods.
        periods: String,
    },
    /// The file cannot be written.
    #[error("cannot write: {0}")]
    Write(#[from] std::io::Error),
    /// The file cannot be written as CSV.
    #[error("cannot write the CSV: {0}")]
    Csv(#[from] csv::Error),
    /// The columns do not fit together.
    #[error("the rows cannot be put together: {0}")]
    Arrow(#[from] arrow::error::ArrowError),
    /// The file cannot be written as Parquet.
    #[error("cannot write the Parquet: {0}")]
    Parquet(#[from] ::parquet::errors::ParquetError),
    /// The file cannot be made as a GeoPackage.
    #[error("cannot make the GeoPackage: {0}")]
    GeoPackage(#[from] rusqlite::Error),
    /// A text cannot be written as JSON.
    #[error("cannot write the JSON: {0}")]
    Json(#[from] serde_json::Error),
}
