//! What goes into operators that keep or go through all that they are given, and out of those that hand on all at once.

use std::sync::{Arc, OnceLock};

use arrow::array::{Array, ArrayRef, RecordBatch};
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryReservation};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_plan::metrics::{ExecutionPlanMetricsSet, SplitMetrics};
use datafusion::physical_plan::stream::{BatchSplitStream, RecordBatchStreamAdapter};
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, PhysicalExpr, PlanProperties,
};
use futures::StreamExt;

use super::clock::Clock;
use super::error::SqlError;
use super::weight;

/// Rows that go through at once. A join without a filter, which looks at no clock, holds these against 1,000,000 rows of its
/// other side between two looks.
const ROWS: usize = 256;
/// A value in a window counts for as many bytes, beside the longest text.
const VALUE_BYTES: usize = 64;

/// Counts the rows that go through it, a few at a time, and looks at the clock. Reserves what a window keeps of them,
/// since the engine does not.
#[derive(Debug)]
pub(super) struct Edge {
    pub(super) input: Arc<dyn ExecutionPlan>,
    pub(super) clock: Clock,
    /// Most rows.
    pub(super) rows: usize,
    pub(super) window: Option<Window>,
}

/// A window, on whose edge this is.
#[derive(Debug, Clone, Default)]
pub(super) struct Window {
    /// Its memory, given back once both its edges are gone.
    pub(super) memory: Arc<OnceLock<MemoryReservation>>,
    /// How many values it makes of each row that comes in; `None` where they go out.
    pub(super) values: Option<usize>,
}

impl DisplayAs for Edge {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Edge")
    }
}

impl ExecutionPlan for Edge {
    fn name(&self) -> &str {
        "Edge"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        self.input.properties()
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        vec![true]
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let one = <[_; 1]>::try_from(children);
        let [input] = one.map_err(|_| DataFusionError::Internal("one input".to_owned()))?;
        let (clock, rows, window) = (self.clock, self.rows, self.window.clone());
        Ok(Arc::new(Self {
            input,
            clock,
            rows,
            window,
        }))
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let (clock, limit, window) = (self.clock, self.rows, self.window.clone());
        if let Some(Window { memory, .. }) = &window {
            memory.get_or_init(|| MemoryConsumer::new("window").register(context.memory_pool()));
        }
        let input = self.input.execute(partition, context)?;
        let schema = input.schema();
        let metrics = SplitMetrics::new(&ExecutionPlanMetricsSet::new(), partition);
        let mut passed = Passed::default();
        let bounded = BatchSplitStream::new(input, ROWS, metrics).map(move |batch| {
            let batch: RecordBatch = batch?;
            clock.look()?;
            passed.count(&batch, limit)?;
            if let Some(Window { memory, values }) = &window
                && let (Some(memory), Some(values)) = (memory.get(), values)
            {
                memory.try_resize(passed.kept(&batch, *values)?)?;
            }
            Ok(batch)
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, bounded)))
    }
}

/// What has gone through.
#[derive(Default)]
struct Passed {
    rows: usize,
    bytes: usize,
    /// Bytes of the longest text.
    longest: usize,
    /// Dictionaries of the last batch: counted when they change.
    words: Vec<ArrayRef>,
}

impl Passed {
    fn count(&mut self, batch: &RecordBatch, limit: usize) -> Result<()> {
        self.rows = self.rows.saturating_add(batch.num_rows());
        match self.rows > limit {
            true => Err(SqlError::Held { limit }.into()),
            false => Ok(()),
        }
    }

    /// Bytes that a window keeps, at most: its rows as they came and once more under one another, and of each row the
    /// values that it makes and one that it is made of, each of which may be the longest text there is.
    fn kept(&mut self, batch: &RecordBatch, values: usize) -> Result<usize> {
        self.bytes += weight::rows(batch)?;
        for column in batch.columns() {
            self.longest = self.longest.max(weight::longest(column)?);
        }
        let words: Vec<_> = weight::words(batch).cloned().collect();
        for (n, new) in words.iter().enumerate() {
            if !self.words.get(n).is_some_and(|old| Arc::ptr_eq(old, new)) {
                self.bytes += new.to_data().get_slice_memory_size()?;
                self.longest = self.longest.max(weight::longest(new)?);
            }
        }
        self.words = words;
        let made = self.rows.saturating_mul(values.saturating_add(1));
        let made = made.saturating_mul(VALUE_BYTES.saturating_add(self.longest));
        Ok(made.saturating_add(self.bytes.saturating_mul(2)))
    }
}
