//! Cells as files between aggregation and push: one Arrow IPC file per table and period.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use arrow::datatypes::{Field, Schema};
use arrow::error::ArrowError;
use arrow::ipc::reader::FileReader;
use arrow::ipc::writer::FileWriter;
use policies::id::{AgreementId, TableName};
use policies::period::Period;

use super::batch::BatchKey;
use super::report::Declared;
use super::run::Aggregated;
use super::secret::Secret;

/// What the files end in.
pub const EXTENSION: &str = "arrow";

const AGREEMENT: &str = "weir.agreement";
const TABLE: &str = "weir.table";
const PERIOD: &str = "weir.period";
const DECLARED: &str = "weir.declared";
const BATCH_KEY: &str = "weir.batch_key";

/// Why cells cannot be written or read back.
#[derive(Debug, thiserror::Error)]
pub enum CellsFileError {
    /// The file system refuses.
    #[error("cannot use `{}`: {source}", path.display())]
    File {
        /// The file or folder.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// Not a whole Arrow IPC file.
    #[error(
        "`{}` is damaged ({message}): run `weir aggregate` again",
        path.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Arrow's words.
        message: String,
    },
    /// An Arrow file, but not one that `weir aggregate` wrote.
    #[error("`{}` holds no cells: its `{key}` is missing or wrong", path.display())]
    NotCells {
        /// The file.
        path: PathBuf,
        /// The key of the schema's metadata.
        key: &'static str,
    },
}

/// Writes each table and period to `<folder>/<table>_<period>.arrow`, mode 0600, each whole or not
/// at all, replacing what is there. Returns the paths in the same order. From `secret` each file gets
/// the key that names its pushes: the same cells under the same secret are the same push.
///
/// # Errors
/// [`CellsFileError::File`] where the folder cannot be made or a file cannot be written.
pub fn write_cells(
    folder: &Path,
    agreement: &AgreementId,
    aggregated: &[Aggregated],
    secret: &Secret,
) -> Result<Vec<PathBuf>, CellsFileError> {
    fs::create_dir_all(folder).map_err(|source| CellsFileError::File {
        path: folder.to_owned(),
        source,
    })?;
    let write = |cells: &Aggregated| {
        let path = folder.join(format!("{}_{}.{EXTENSION}", cells.table, cells.period));
        match write_file(&path, agreement, cells, secret) {
            Ok(()) => Ok(path),
            Err(source) => Err(CellsFileError::File { path, source }),
        }
    };
    aggregated.iter().map(write).collect()
}

/// Reads every `.arrow` file of a folder, in order of names.
///
/// # Errors
/// [`CellsFileError`]; one bad file refuses the folder.
pub fn read_cells(folder: &Path) -> Result<Vec<(AgreementId, Aggregated)>, CellsFileError> {
    let fail = |source| CellsFileError::File {
        path: folder.to_owned(),
        source,
    };
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).map_err(fail)? {
        let path = entry.map_err(fail)?.path();
        if path.extension().is_some_and(|ext| ext == EXTENSION) {
            paths.push(path);
        }
    }
    paths.sort();
    paths.iter().map(|path| read_cells_file(path)).collect()
}

/// Reads one file that [`write_cells`] wrote.
///
/// # Errors
/// [`CellsFileError`] where it is damaged or holds something else.
pub fn read_cells_file(path: &Path) -> Result<(AgreementId, Aggregated), CellsFileError> {
    let damaged = |e: ArrowError| CellsFileError::Damaged {
        path: path.to_owned(),
        message: e.to_string(),
    };
    let file = File::open(path).map_err(|source| CellsFileError::File {
        path: path.to_owned(),
        source,
    })?;
    let reader = FileReader::try_new_buffered(file, None).map_err(damaged)?;
    let schema = reader.schema();
    let batches: Result<Vec<RecordBatch>, ArrowError> = reader.collect();
    let cells = concat_batches(&schema, &batches.map_err(damaged)?).map_err(damaged)?;
    let metadata = schema.metadata();
    // Without the file's own metadata and dictionary ids: what was written.
    let fields = schema.fields().iter();
    let fields = fields.map(|f| Field::new(f.name(), f.data_type().clone(), f.is_nullable()));
    let plain = Schema::new(fields.collect::<Vec<_>>());
    let cells = RecordBatch::try_new(plain.into(), cells.columns().to_vec()).map_err(damaged)?;

    let missing = |key| CellsFileError::NotCells {
        path: path.to_owned(),
        key,
    };
    let text = |key: &'static str| metadata.get(key).ok_or_else(|| missing(key));
    let agreement = text(AGREEMENT)?.parse().map_err(|_| missing(AGREEMENT))?;
    let table: TableName = text(TABLE)?.parse().map_err(|_| missing(TABLE))?;
    let period: Period = text(PERIOD)?.parse().map_err(|_| missing(PERIOD))?;
    let declared = serde_json::from_str(text(DECLARED)?).map_err(|_| missing(DECLARED))?;
    let aggregated = Aggregated {
        table,
        period,
        cells,
        declared,
    };
    Ok((agreement, aggregated))
}

/// The key that names pushes of a file of cells; `None` where another tool than [`write_cells`] made it.
///
/// # Errors
/// [`CellsFileError`] where it is damaged, or the key is.
pub fn read_batch_key(path: &Path) -> Result<Option<BatchKey>, CellsFileError> {
    let file = File::open(path).map_err(|source| CellsFileError::File {
        path: path.to_owned(),
        source,
    })?;
    let reader = FileReader::try_new_buffered(file, None);
    let schema = reader.map(|reader| reader.schema());
    let schema = schema.map_err(|e| CellsFileError::Damaged {
        path: path.to_owned(),
        message: e.to_string(),
    })?;
    let key = schema.metadata().get(BATCH_KEY).map(|key| key.parse());
    key.transpose().map_err(|_| CellsFileError::NotCells {
        path: path.to_owned(),
        key: BATCH_KEY,
    })
}

fn write_file(
    path: &Path,
    agreement: &AgreementId,
    cells: &Aggregated,
    secret: &Secret,
) -> io::Result<()> {
    let key = BatchKey::of(secret, agreement, &cells.table, cells.period);
    let declared: &Declared = &cells.declared;
    let metadata = HashMap::from([
        (AGREEMENT.to_owned(), agreement.to_string()),
        (TABLE.to_owned(), cells.table.to_string()),
        (PERIOD.to_owned(), cells.period.to_string()),
        (DECLARED.to_owned(), serde_json::to_string(declared)?),
        (BATCH_KEY.to_owned(), key.to_string()),
    ]);
    let schema = cells.cells.schema();
    let schema = Schema::new_with_metadata(schema.fields().clone(), metadata);
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    let mut writer = FileWriter::try_new(BufWriter::new(file.as_file_mut()), &schema)
        .map_err(io::Error::other)?;
    writer.write(&cells.cells).map_err(io::Error::other)?;
    writer.finish().map_err(io::Error::other)?;
    writer.flush().map_err(io::Error::other)?;
    drop(writer);
    file.as_file().sync_all()?;
    file.persist(path)?;
    Ok(())
}
