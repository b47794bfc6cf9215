//! Blobs → cells added up by key, sorted by key.
//!
//! DataFusion scans the blobs of a manifest and merges their order, which the writer promised, so
//! nothing is hashed or spilled; equal keys then meet, and are added with checked arithmetic.

mod ahead;
mod fold;

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use arrow::array::RecordBatch;
use bytes::Bytes;
use datafusion::dataframe::DataFrame;
use datafusion::datasource::file_format::parquet::ParquetFormat;
use datafusion::datasource::listing::{
    ListingOptions, ListingTable, ListingTableConfig, ListingTableUrl,
};
use datafusion::error::DataFusionError;
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::logical_expr::{SortExpr, ident};
use datafusion::prelude::{SessionConfig, SessionContext};
use futures::future::BoxFuture;
use futures::{FutureExt, TryFutureExt, TryStreamExt};
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use parquet::arrow::async_reader::MetadataFetch;
use parquet::errors::ParquetError;
use parquet::file::metadata::{ParquetMetaData, ParquetMetaDataReader};
use policies::agreement::Unit;
use policies::table::Table;
use proto::columns::{CONTRIBUTORS, cells_schema, key_fields};
use proto::convert::Rate;

use crate::write::RATE_PREFIX;
pub use ahead::ahead;
use fold::Fold;

/// Most blobs in one manifest.
pub const BLOBS_MAX: usize = 4096;

/// Rows that the engine handles at once.
const BATCH_ROWS: usize = 32_768;

/// Where the blobs of one manifest are.
#[derive(Debug, Clone)]
pub struct Blobs {
    store: Arc<dyn ObjectStore>,
    paths: Vec<Path>,
}

/// True cells. They exist between reading and protecting, and nowhere else.
pub struct ExactCells {
    /// The key columns ([`key_fields`]), rows strictly ascending.
    pub keys: RecordBatch,
    /// Distinct units per row; none where there is no unit.
    pub contributors: Option<Vec<u64>>,
    /// The wanted measures, in the order asked.
    pub measures: Vec<ExactMeasure>,
}

/// One true measure.
pub struct ExactMeasure {
    /// Column name.
    pub name: String,
    /// One number per row.
    pub values: Vec<u64>,
}

/// Why cells cannot be read. No text of the engine is passed on: it could quote a value.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// No blob, too many, or one twice.
    #[error("a manifest names 1 to {BLOBS_MAX} blobs, each once")]
    Manifest,
    /// The table has no such measure.
    #[error("the cells have no measure `{measure}`")]
    Measure {
        /// What was asked for.
        measure: String,
    },
    /// A blob is missing or cannot be fetched.
    #[error("a blob cannot be fetched: {source}")]
    Store {
        /// The store's words.
        source: object_store::Error,
    },
    /// A blob is not what the writer wrote.
    #[error("a blob is damaged: {what}")]
    Damaged {
        /// What is wrong with it.
        what: &'static str,
    },
    /// The scan needs more memory than it may have.
    #[error("the scan needs more than its {limit} bytes of memory")]
    Memory {
        /// The limit.
        limit: usize,
    },
    /// A sum leaves 64 bits.
    #[error("a sum leaves 64 bits")]
    Overflow,
    /// The engine refused the plan.
    #[error("the scan failed: {what}")]
    Engine {
        /// The kind of failure.
        what: &'static str,
    },
}

impl Blobs {
    /// Blobs in a store.
    #[must_use]
    pub fn new(store: Arc<dyn ObjectStore>, paths: Vec<Path>) -> Self {
        Self { store, paths }
    }

    /// Blobs whose bytes are at hand.
    ///
    /// # Errors
    /// [`ReadError::Store`].
    pub async fn in_memory(blobs: impl IntoIterator<Item = Bytes>) -> Result<Self, ReadError> {
        let store = InMemory::new();
        let mut paths = Vec::new();
        for (n, bytes) in blobs.into_iter().enumerate() {
            let path = Path::from(format!("{n}"));
            let put = store.put(&path, bytes.into()).await;
            put.map_err(|source| ReadError::Store { source })?;
            paths.push(path);
        }
        Ok(Self {
            store: Arc::new(store),
            paths,
        })
    }

    /// Rows of all blobs, by their footers.
    async fn rows(&self) -> Result<u64, ReadError> {
        let mut rows = 0_u64;
        for path in &self.paths {
            let footer = footer(self.store.as_ref(), path).await?;
            let more = u64::try_from(footer.file_metadata().num_rows());
            let sum = more.ok().and_then(|more| rows.checked_add(more));
            rows = sum.ok_or(ReadError::Overflow)?;
        }
        Ok(rows)
    }

    /// The rates that were declared with each blob, in their order.
    ///
    /// # Errors
    /// [`ReadError::Damaged`] where a blob is not one of ours.
    pub async fn rates(&self) -> Result<Vec<Vec<Rate>>, ReadError> {
        let mut all = Vec::with_capacity(self.paths.len());
        for path in &self.paths {
            let metadata = footer(self.store.as_ref(), path).await?;
            let metadata = metadata.file_metadata().key_value_metadata();
            let rates = metadata.into_iter().flatten().filter_map(|pair| {
                Some((pair.key.strip_prefix(RATE_PREFIX)?, pair.value.as_deref()?))
            });
            let parse = |(name, ppm): (&str, &str)| {
                let rate = (name.parse().ok()).zip(ppm.parse().ok());
                rate.map(|(name, ppm)| Rate { name, ppm })
            };
            let rates: Option<Vec<Rate>> = rates.map(parse).collect();
            all.push(rates.ok_or(ReadError::Damaged {
                what: "a rate is not a number",
            })?);
        }
        Ok(all)
    }
}

struct Fetch<'a>(&'a dyn ObjectStore, &'a Path);

impl MetadataFetch for Fetch<'_> {
    fn fetch(&mut self, range: Range<u64>) -> BoxFuture<'_, Result<Bytes, ParquetError>> {
        let bytes = self.0.get_range(self.1, range);
        bytes
            .map_err(|e| ParquetError::External(Box::new(e)))
            .boxed()
    }
}

async fn footer(store: &dyn ObjectStore, path: &Path) -> Result<ParquetMetaData, ReadError> {
    let size = store
        .head(path)
        .await
        .map_err(|source| ReadError::Store { source })?
        .size;
    let metadata = ParquetMetaDataReader::new()
        .load_and_finish(Fetch(store, path), size)
        .await;
    metadata.map_err(|_| ReadError::Damaged {
        what: "no Parquet footer",
    })
}

/// Adds up contributors and `measures` by key over all blobs; the scan itself holds at most
/// `memory_bytes`, beside it there is the answer.
///
/// # Errors
/// [`ReadError`].
pub async fn read(
    blobs: &Blobs,
    table: &Table,
    unit: Unit,
    measures: &[String],
    memory_bytes: usize,
) -> Result<ExactCells, ReadError> {
    let engine = |error| failure(&error, memory_bytes);
    let numbers = number_columns(table, unit, measures)?;
    let frame = frame(blobs, table, unit, &numbers, memory_bytes)?;
    let expected = blobs.rows().await?;
    let mut stream = frame.execute_stream().await.map_err(engine)?;
    let mut fold = Fold::new(key_fields(table), numbers.len());
    while let Some(batch) = stream.try_next().await.map_err(engine)? {
        fold.add(&batch)?;
    }
    // A listing passes over files that are not there: a table of half its input must not go out.
    if fold.rows_read() != expected {
        return Err(ReadError::Damaged {
            what: "not all rows were read",
        });
    }
    let (keys, sums) = fold.finish()?;
    let mut sums = sums.into_iter();
    let contributors = if unit == Unit::None {
        None
    } else {
        sums.next()
    };
    let named = measures.iter().cloned().zip(sums);
    let measures = named
        .map(|(name, values)| ExactMeasure { name, values })
        .collect();
    Ok(ExactCells {
        keys,
        contributors,
        measures,
    })
}

fn number_columns(
    table: &Table,
    unit: Unit,
    measures: &[String],
) -> Result<Vec<String>, ReadError> {
    let schema = cells_schema(table, unit);
    let keys = key_fields(table).len();
    let unknown = |name: &&String| schema.index_of(name).map_or(true, |column| column < keys);
    if let Some(measure) = measures.iter().find(unknown) {
        return Err(ReadError::Measure {
            measure: measure.clone(),
        });
    }
    let contributors = (unit != Unit::None).then(|| CONTRIBUTORS.to_owned());
    Ok(contributors
        .into_iter()
        .chain(measures.iter().cloned())
        .collect())
}

/// The plan: key and number columns of all blobs, in the order of the key.
fn frame(
    blobs: &Blobs,
    table: &Table,
    unit: Unit,
    numbers: &[String],
    memory_bytes: usize,
) -> Result<DataFrame, ReadError> {
    let engine = |error| failure(&error, memory_bytes);
    let unique: BTreeSet<&Path> = blobs.paths.iter().collect();
    let count = blobs.paths.len();
    if count == 0 || count > BLOBS_MAX || unique.len() < count {
        return Err(ReadError::Manifest);
    }
    let context = context(blobs, memory_bytes).map_err(engine)?;
    let order: Vec<SortExpr> = key_fields(table)
        .iter()
        .map(|field| ident(field.name()).sort(true, false))
        .collect();
    let options = ListingOptions::new(Arc::new(ParquetFormat::default()))
        .with_file_extension("")
        .with_file_sort_order(vec![order.clone()]);
    let urls = blobs
        .paths
        .iter()
        .map(|path| ListingTableUrl::parse(format!("{STORE}{path}")));
    let urls = urls.collect::<Result<Vec<_>, _>>().map_err(engine)?;
    let config = ListingTableConfig::new_with_multi_paths(urls)
        .with_listing_options(options)
        .with_schema(cells_schema(table, unit));
    let source = ListingTable::try_new(config).map_err(engine)?;
    let keys = key_fields(table)
        .into_iter()
        .map(|field| field.name().clone());
    let columns = keys.chain(numbers.iter().cloned()).map(ident);
    let scan = context.read_table(Arc::new(source)).map_err(engine)?;
    scan.select(columns.collect::<Vec<_>>())
        .and_then(|f| f.sort(order))
        .map_err(engine)
}

const STORE: &str = "blobs://manifest/";

fn context(blobs: &Blobs, memory_bytes: usize) -> Result<SessionContext, DataFusionError> {
    // One file per partition keeps each one's order; nothing true is ever written to a scratch
    // file.
    let mut config = SessionConfig::new()
        .with_target_partitions(blobs.paths.len())
        .with_batch_size(BATCH_ROWS)
        .with_repartition_file_scans(false);
    config
        .options_mut()
        .execution
        .parquet
        .schema_force_view_types = false;
    let disk = DiskManagerBuilder::default().with_mode(DiskManagerMode::Disabled);
    let runtime = RuntimeEnvBuilder::new()
        .with_memory_limit(memory_bytes, 1.0)
        .with_disk_manager_builder(disk)
        .build_arc()?;
    let context = SessionContext::new_with_config_rt(config, runtime);
    let url = ObjectStoreUrl::parse(STORE)?;
    context.register_object_store(url.as_ref(), Arc::clone(&blobs.store));
    Ok(context)
}

/// What went wrong, without the engine's text.
fn failure(error: &DataFusionError, limit: usize) -> ReadError {
    match error.find_root() {
        DataFusionError::ObjectStore(_) => ReadError::Engine {
            what: "a blob cannot be fetched",
        },
        DataFusionError::ParquetError(_) => ReadError::Damaged {
            what: "not Parquet",
        },
        DataFusionError::ResourcesExhausted(_) => ReadError::Memory { limit },
        DataFusionError::ArrowError(..) => ReadError::Damaged {
            what: "columns of other types",
        },
        DataFusionError::IoError(_) => ReadError::Engine {
            what: "input or output",
        },
        DataFusionError::Plan(_) | DataFusionError::SchemaError(..) => ReadError::Engine {
            what: "the plan does not fit the blobs",
        },
        _ => ReadError::Engine {
            what: "the engine's own",
        },
    }
}

/// Without numbers.
impl fmt::Debug for ExactCells {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ExactCells")
    }
}

/// Without numbers.
impl fmt::Debug for ExactMeasure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ExactMeasure({})", self.name)
    }
}
