//! Operators that let go: whoever runs a statement can end it, whatever it does.

use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::coop::CooperativeExec;

use super::error::SqlError;

/// The same plan, whose every operator counts the batches it hands on against its task's turn, and waits for the next
/// one when they are many. The engine asks this of what reads files only; a join makes rows of rows in memory, for
/// years if it may, and an aggregate above it takes them all in one turn.
///
/// # Errors
/// [`SqlError::Engine`] where the plan cannot be walked.
pub(super) fn in_turns(plan: Arc<dyn ExecutionPlan>) -> Result<Arc<dyn ExecutionPlan>, SqlError> {
    let wrapped = plan.transform_up(|operator| {
        let operator: Arc<dyn ExecutionPlan> = Arc::new(CooperativeExec::new(operator));
        Ok(Transformed::yes(operator))
    });
    Ok(wrapped?.data)
}
