//! What stops an aggregation as a whole. A bad row never does: it is counted in the report.

use std::io;
use std::path::PathBuf;

use policies::agreement::Days;
use policies::period::Swapped;

/// Why a run ended without cells. Texts name files, columns and table names, never a row's content.
#[derive(Debug, thiserror::Error)]
pub enum AggregateError {
    /// The mapping cannot be read, or does not fit the agreement.
    #[error(transparent)]
    Mapping(#[from] MappingError),
    /// A zoning is not usable.
    #[error(transparent)]
    Zoning(#[from] ZoningError),
    /// The local secret cannot be read or made.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// The agreement cannot be compiled; a valid one can.
    #[error("table `{table}` cannot be aggregated: {problem}")]
    Table {
        /// The table's name.
        table: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The agreement does not cover the days that are asked for.
    #[error(
        "{}..{} is not inside {}..{}, which the agreement covers",
        stated.from, stated.until, covers.from, covers.until
    )]
    Days {
        /// What was asked for.
        stated: Days,
        /// What may be.
        covers: Days,
    },
    /// A file cannot be opened or read to its end.
    #[error("cannot read `{}`: {message}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The reader's words.
        message: String,
    },
    /// A file is given twice, and would be counted twice.
    #[error("`{}` is given twice: name each file once", path.display())]
    InputTwice {
        /// The file.
        path: PathBuf,
    },
    /// A file has no column of this name.
    #[error(
        "`{}` has no column `{column}`; its columns are {found}: correct the mapping",
        path.display()
    )]
    NoColumn {
        /// The file.
        path: PathBuf,
        /// The name the mapping gives.
        column: String,
        /// The names there are, shortened.
        found: String,
    },
    /// Two columns of a file have the same name, and the mapping uses it.
    #[error("`{}` has more than one column `{column}`: rename one", path.display())]
    ColumnTwice {
        /// The file.
        path: PathBuf,
        /// The doubled name.
        column: String,
    },
    /// A Parquet column has a type that holds no id, number, time or text.
    #[error("column `{column}` of `{}` has the type {found}, which no field can be read from",
        path.display())]
    ColumnType {
        /// The file.
        path: PathBuf,
        /// The column.
        column: String,
        /// Its Arrow type.
        found: String,
    },
    /// No point lies in any zone, but with longitude and latitude exchanged they do.
    #[error(
        "no point of {what} lies in a zone, but with longitude and latitude exchanged they do: \
         exchange `lon` and `lat` in the mapping (or the file's column names are wrong)"
    )]
    AxesSwapped {
        /// The columns the points came from.
        what: String,
    },
    /// A company's own aggregate gives one cell twice, and people do not add up.
    #[error(
        "two rows fall into one cell of table `{table}`: distinct units do not add up; aggregate \
         at the agreement's grain"
    )]
    CellTwice {
        /// The table's name.
        table: String,
    },
    /// Numbers left their type.
    #[error("a sum in table `{table}` leaves 64 bits: check `scale` in the mapping")]
    Overflow {
        /// The table's name.
        table: String,
    },
    /// The spill file cannot be written or read back.
    #[error("cannot use the spill file: {source}; free space there, or set another directory")]
    Spill {
        /// The system's error.
        source: io::Error,
    },
    /// Cells cannot be put into Arrow columns.
    #[error("cannot build the cells of table `{table}`: {message}")]
    Columns {
        /// The table's name.
        table: String,
        /// Arrow's words.
        message: String,
    },
}

/// Why a mapping is refused.
#[derive(Debug, thiserror::Error)]
pub enum MappingError {
    /// The file cannot be read.
    #[error("cannot read the mapping `{}`: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// Not a mapping: a field is unknown, missing or of another type.
    #[error("not a mapping: {message}")]
    Shape {
        /// The parser's words, with line and column.
        message: String,
    },
    /// A field is there but does not fit the agreement, or is needed and not there.
    #[error("mapping field `{field}`: {problem}")]
    Field {
        /// Its path, for example `dimensions.origin`.
        field: String,
        /// What is wrong, and what to write instead.
        problem: String,
    },
}

impl MappingError {
    pub(crate) fn field(field: impl Into<String>, problem: impl Into<String>) -> Self {
        Self::Field {
            field: field.into(),
            problem: problem.into(),
        }
    }
}

/// Why bytes are not the zoning that is needed.
#[derive(Debug, thiserror::Error)]
pub enum ZoningError {
    /// Not a GeoJSON feature collection.
    #[error("not a zoning: {message}")]
    Shape {
        /// The parser's words.
        message: String,
    },
    /// A feature has no usable `zone_id`.
    #[error(
        "feature {number} of the zoning has no `zone_id` that is a text of 1 to 64 bytes or a \
         whole number"
    )]
    NoId {
        /// Which feature, counted from 1.
        number: usize,
    },
    /// Two features have the same id.
    #[error("zone `{zone}` is there twice: merge its features into one before it is signed")]
    RepeatedId {
        /// The doubled id.
        zone: String,
    },
    /// Coordinates are not degrees.
    #[error(
        "zone `{zone}` has coordinates that are not longitude and latitude in degrees: reproject \
         the zoning to EPSG:4326"
    )]
    NotDegrees {
        /// The first such zone.
        zone: String,
    },
    /// None of the given zonings is the one the agreement names.
    #[error(
        "no zoning given is `{id}` as signed (SHA-256 {sha256}): give the file that was signed"
    )]
    NotGiven {
        /// Its name in the agreement.
        id: String,
        /// The digest that was signed.
        sha256: String,
    },
    /// It is not drawn where the agreement's time zone is.
    #[error("zoning `{id}`: {cause}")]
    Swapped {
        /// Its name in the agreement.
        id: String,
        /// How far it is from there.
        cause: Swapped,
    },
    /// The agreement counts another number of zones than the file has.
    #[error("zoning `{id}` has {found} zones, the agreement says {signed}")]
    Count {
        /// Its name in the agreement.
        id: String,
        /// Zones in the file.
        found: usize,
        /// Zones according to the agreement.
        signed: u32,
    },
}

/// Why there is no secret to choose cells with.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The file cannot be read or made.
    #[error("cannot use the secret file `{}`: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// Not 32 bytes.
    #[error(
        "the secret file `{}` is damaged: it must hold 32 bytes; restore it, or delete it to make \
         another (later corrections may then keep other cells)",
        path.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
    },
    /// Others may read it.
    #[error("others may read the secret file `{}`: run `chmod 600` on it", path.display())]
    Exposed {
        /// The file.
        path: PathBuf,
    },
    /// The operating system gave no randomness.
    #[error("the operating system gave no randomness")]
    Randomness,
}
