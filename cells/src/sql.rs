//! Questions in SQL over released tables, and over nothing else.
//!
//! Whoever asks brings the tables ([`Tables`]): there is no file, no object store, no other session and no
//! variable to reach, and nothing can be changed. What is left to fear is work without end, which is bounded by
//! [`Bounds`]: the statement's length, the bytes of the tables it reads, the memory of its operators, its rows.
//! How long it may run is up to who runs it: dropping [`Rows`] ends it, and no operator keeps its thread for long
//! after its time was up.
//!
//! Functions are a list of allowed ones, since one that makes long text of short (`repeat`, `lpad`) takes
//! memory that no pool sees.

mod catalog;
mod clock;
mod edge;
mod error;
mod functions;
mod patterns;
mod refuse;
mod rows;
mod size;
mod text;
mod turns;
mod weight;

#[cfg(test)]
mod tests;

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use datafusion::config::Dialect;
use datafusion::execution::SessionStateDefaults;
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::execution::session_state::{SessionState, SessionStateBuilder};
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::execute_stream;
use datafusion::prelude::{DataFrame, SessionConfig};
use futures::future::BoxFuture;

use catalog::{Catalog, Catalogs};
pub use error::SqlError;
pub use rows::Rows;

/// The name of the one catalog.
pub const CATALOG: &str = "weir";

/// Bytes of stack that a thread which runs statements MUST have: they are trees as deep as their text is long, and
/// walked by functions that call themselves (`deep_statements_are_answered_or_refused`).
pub const STACK_BYTES: usize = 16 << 20;

/// Rows that an operator hands on at once: few, so that a batch of texts stays small.
const BATCH_ROWS: usize = 1024;

/// How much one statement may take.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Bytes of its text.
    pub text_bytes: usize,
    /// Bytes of the tables that it reads, in memory.
    pub read_bytes: usize,
    /// Bytes that its operators hold.
    pub memory_bytes: usize,
    /// Rows of its answer.
    pub rows: u64,
    /// Bytes of its answer, in memory; the words of dictionaries not counted.
    pub answer_bytes: usize,
    /// Bytes of one row of it, the words of its dictionaries included.
    pub row_bytes: usize,
    /// Rows that go into a window or one side of a join.
    pub held_rows: usize,
    /// How long it may run. Whoever runs it keeps this bound too, and an operator that keeps its thread looks at it.
    pub time: Duration,
}

/// One table, as it was released.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// Its columns.
    pub schema: SchemaRef,
    /// Its rows, all of these columns.
    pub batches: Vec<RecordBatch>,
}

/// The tables of one caller. What is not among them does not exist for its statements.
pub trait Tables: Debug + Send + Sync + 'static {
    /// Names of schemas. A table is `schema.table`.
    fn schemas(&self) -> Vec<String>;
    /// Which schema a name without one is looked up in.
    fn default_schema(&self) -> String;
    /// Names of a schema's tables.
    fn tables(&self, schema: &str) -> Vec<String>;
    /// A table's columns, without its rows; `None` where there is none of that name.
    ///
    /// # Errors
    /// [`SqlError::Tables`].
    fn columns(&self, schema: &str, table: &str) -> Result<Option<SchemaRef>, SqlError>;
    /// A table's rows; `None` where there is none of that name. Called for tables that a statement reads, only, once of
    /// each schema and name: a table that it reads under two of them is loaded under each.
    fn load<'a>(
        &'a self,
        schema: &'a str,
        table: &'a str,
    ) -> BoxFuture<'a, Result<Option<Loaded>, SqlError>>;
}

/// A statement that was understood, and found to only read.
#[derive(Debug)]
pub struct Statement {
    state: SessionState,
    plan: LogicalPlan,
    bounds: Bounds,
}

impl Statement {
    /// Understands a statement over these tables.
    ///
    /// # Errors
    /// [`SqlError::Text`] for one that is too long, [`SqlError::Refused`] for one that does anything but read,
    /// [`SqlError::Wrong`] for one that is no SQL or names what there is not.
    pub async fn new(
        tables: Arc<dyn Tables>,
        text: &str,
        bounds: Bounds,
    ) -> Result<Self, SqlError> {
        if text.len() > bounds.text_bytes {
            return Err(SqlError::Text {
                limit: bounds.text_bytes,
            });
        }
        let state = session(tables, bounds)?;
        let parsed = state.sql_to_statement(text, &Dialect::Generic)?;
        text::check(&parsed)?;
        let plan = state.statement_to_plan(parsed).await?;
        size::check(&plan)?;
        refuse::unless_harmless(&plan)?;
        Ok(Self {
            state,
            plan,
            bounds,
        })
    }

    /// The columns of its answer.
    #[must_use]
    pub fn schema(&self) -> SchemaRef {
        Arc::clone(self.plan.schema().inner())
    }

    /// Runs it: the tables that it reads are loaded now.
    ///
    /// # Errors
    /// [`SqlError::Read`] for one that reads too much, any other where it cannot be run; what goes wrong later ends
    /// [`Rows`].
    pub async fn run(self) -> Result<Rows, SqlError> {
        let frame = DataFrame::new(self.state, self.plan);
        let context = Arc::new(frame.task_ctx());
        let plan = turns::in_turns(frame.create_physical_plan().await?, self.bounds)?;
        Ok(Rows::new(execute_stream(plan, context)?, self.bounds))
    }
}

/// A session of its own, for one statement: nothing is left of it for the next.
fn session(tables: Arc<dyn Tables>, bounds: Bounds) -> Result<SessionState, SqlError> {
    let disk = DiskManagerBuilder::default().with_mode(DiskManagerMode::Disabled);
    let runtime = RuntimeEnvBuilder::new()
        .with_memory_limit(bounds.memory_bytes, 1.0)
        .with_disk_manager_builder(disk)
        .build_arc()?;
    let mut config = SessionConfig::new()
        .with_target_partitions(1)
        .with_batch_size(BATCH_ROWS)
        .with_information_schema(true)
        .with_create_default_catalog_and_schema(false)
        .with_default_catalog_and_schema(CATALOG, tables.default_schema());
    config.options_mut().execution.enable_recursive_ctes = false;
    // It would make room for as many rows as LIMIT says, before there is one.
    config.options_mut().optimizer.enable_topk_aggregation = false;
    let catalog = Catalog::new(tables, bounds.read_bytes);
    Ok(SessionStateBuilder::new()
        .with_config(config)
        .with_runtime_env(runtime)
        .with_catalog_list(Arc::new(Catalogs::of(catalog)))
        .with_expr_planners(SessionStateDefaults::default_expr_planners())
        .with_scalar_functions(functions::scalar())
        .with_aggregate_functions(functions::aggregate())
        .with_window_functions(SessionStateDefaults::default_window_functions())
        .build())
}
