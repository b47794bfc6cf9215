//! Operators that let go: whoever runs a statement can end it, whatever it does.

use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::error::Result;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::coop::CooperativeExec;
use datafusion::physical_plan::execution_plan::replace_children_if_necessary;

use super::Bounds;
use super::clock::{Clock, clocked};
use super::edge::{Edge, Window};
use super::error::SqlError;

/// The same plan, whose every operator counts the batches it hands on against its task's turn, and waits for the next
/// one when they are many. The engine asks this of what reads files only; a join makes rows of rows in memory, for
/// years if it may, and an aggregate above it takes them all in one turn. A join that hands none on, since its
/// filter keeps none, takes no turn: so what goes into a join is bounded, and it looks at the clock. So is what goes into a
/// window, which keeps all of it in memory that the pool does not see, and hands all on at once.
///
/// # Errors
/// [`SqlError::Engine`] where the plan cannot be walked.
pub(super) fn in_turns(
    plan: Arc<dyn ExecutionPlan>,
    bounds: Bounds,
) -> std::result::Result<Arc<dyn ExecutionPlan>, SqlError> {
    let (clock, rows) = (Clock::new(bounds.time), bounds.held_rows);
    let edge = |input: Arc<dyn ExecutionPlan>, window| -> Arc<dyn ExecutionPlan> {
        Arc::new(Edge {
            input,
            clock,
            rows,
            window,
        })
    };
    let wrapped = plan.transform_up(|operator| {
        let operator = if operator.name().contains("Join") {
            clocked(behind(&operator, |input| edge(input, None))?, clock)?
        } else if operator.name().contains("Window") {
            let out = Window::default();
            let columns = operator.schema().fields().len();
            let window = behind(&operator, |input| {
                let given = input.schema().fields().len();
                let values = Some(columns.saturating_sub(given));
                let memory = Arc::clone(&out.memory);
                edge(input, Some(Window { memory, values }))
            });
            edge(window?, Some(out))
        } else {
            operator
        };
        let operator: Arc<dyn ExecutionPlan> = Arc::new(CooperativeExec::new(operator));
        Ok(Transformed::yes(operator))
    });
    Ok(wrapped?.data)
}

/// An operator, with an edge at each of its inputs.
fn behind(
    operator: &Arc<dyn ExecutionPlan>,
    edge: impl Fn(Arc<dyn ExecutionPlan>) -> Arc<dyn ExecutionPlan>,
) -> Result<Arc<dyn ExecutionPlan>> {
    let inputs = operator.children().into_iter().cloned().map(edge);
    let inputs = inputs.collect();
    replace_children_if_necessary(Arc::clone(operator), inputs)
}
