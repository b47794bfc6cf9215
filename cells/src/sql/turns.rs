//! Operators that let go: whoever runs a statement can end it, whatever it does.

use std::sync::Arc;
use std::time::Instant;

use arrow::array::RecordBatch;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_plan::coop::CooperativeExec;
use datafusion::physical_plan::execution_plan::replace_children_if_necessary;
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, PhysicalExpr, PlanProperties,
};
use futures::StreamExt;

use super::Bounds;
use super::error::SqlError;

/// The same plan, whose every operator counts the batches it hands on against its task's turn, and waits for the next
/// one when they are many. The engine asks this of what reads files only; a join makes rows of rows in memory, for
/// years if it may, and an aggregate above it takes them all in one turn. A join that hands none on, since its
/// filter keeps none, takes no turn: so what goes into a join is bounded, and looks at the clock. Between two looks a join
/// may hold one batch against all rows of its other side.
///
/// # Errors
/// [`SqlError::Engine`] where the plan cannot be walked.
pub(super) fn in_turns(
    plan: Arc<dyn ExecutionPlan>,
    bounds: Bounds,
) -> std::result::Result<Arc<dyn ExecutionPlan>, SqlError> {
    let end = Instant::now() + bounds.time;
    let wrapped = plan.transform_up(|operator| {
        let mut operator = operator;
        if operator.name().contains("Join") {
            let inputs = operator.children().into_iter().cloned();
            let inputs = inputs.map(|input| Arc::new(Input { input, end, bounds }) as _);
            operator = replace_children_if_necessary(Arc::clone(&operator), inputs.collect())?;
        }
        let operator: Arc<dyn ExecutionPlan> = Arc::new(CooperativeExec::new(operator));
        Ok(Transformed::yes(operator))
    });
    Ok(wrapped?.data)
}

/// What goes into a join.
#[derive(Debug)]
struct Input {
    input: Arc<dyn ExecutionPlan>,
    /// When the statement's time is up.
    end: Instant,
    bounds: Bounds,
}

impl DisplayAs for Input {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Input")
    }
}

impl ExecutionPlan for Input {
    fn name(&self) -> &str {
        "Input"
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
        let (end, bounds) = (self.end, self.bounds);
        Ok(Arc::new(Self { input, end, bounds }))
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let input = self.input.execute(partition, context)?;
        let (schema, end, bounds) = (input.schema(), self.end, self.bounds);
        let mut rows = 0_usize;
        let bounded = input.map(move |batch| {
            let batch: RecordBatch = batch?;
            rows = rows.saturating_add(batch.num_rows());
            let (limit, seconds) = (bounds.joined_rows, bounds.time.as_secs());
            let refused = if Instant::now() >= end {
                SqlError::Time { seconds }
            } else if rows > limit {
                SqlError::Joined { limit }
            } else {
                return Ok(batch);
            };
            Err(DataFusionError::External(Box::new(refused)))
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, bounded)))
    }
}
