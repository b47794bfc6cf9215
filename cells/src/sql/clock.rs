//! When a statement's time is up, and join filters that look at the clock.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::RecordBatch;
use arrow::datatypes::{FieldRef, Schema};
use datafusion::error::Result;
use datafusion::logical_expr::ColumnarValue;
use datafusion::physical_plan::joins::utils::JoinFilter;
use datafusion::physical_plan::joins::{
    HashJoinExec, HashJoinExecBuilder, NestedLoopJoinExec, NestedLoopJoinExecBuilder,
};
use datafusion::physical_plan::{ExecutionPlan, PhysicalExpr};

use super::error::SqlError;

/// When a statement's time is up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Clock {
    end: Instant,
    seconds: u64,
}

impl Clock {
    /// From now on.
    pub(super) fn new(time: Duration) -> Self {
        Self {
            end: Instant::now() + time,
            seconds: time.as_secs(),
        }
    }

    /// # Errors
    /// [`SqlError::Time`] once it is up.
    pub(super) fn look(self) -> Result<()> {
        let Self { end, seconds } = self;
        match Instant::now() >= end {
            true => Err(SqlError::Time { seconds }.into()),
            false => Ok(()),
        }
    }
}

/// The same join, whose filter looks at the clock each time that it is asked: of a thousand pairs or so. A join whose
/// filter keeps none hands nothing on, and may have 10¹² pairs to go through.
pub(super) fn clocked(
    join: Arc<dyn ExecutionPlan>,
    clock: Clock,
) -> Result<Arc<dyn ExecutionPlan>> {
    let clocked = |filter: &JoinFilter| {
        let expression: Arc<dyn PhysicalExpr> = Arc::new(Clocked {
            filter: Arc::clone(filter.expression()),
            clock,
        });
        let columns = filter.column_indices().to_vec();
        JoinFilter::new(expression, columns, Arc::clone(filter.schema()))
    };
    if let Some(hash) = join.downcast_ref::<HashJoinExec>() {
        let filter = hash.filter().map(clocked);
        let hash = HashJoinExecBuilder::from(hash)
            .with_filter(filter)
            .build()?;
        return Ok(Arc::new(hash));
    }
    if let Some(nested) = join.downcast_ref::<NestedLoopJoinExec>() {
        let filter = nested.filter().map(clocked);
        let nested = NestedLoopJoinExecBuilder::from(nested).with_filter(filter);
        return Ok(Arc::new(nested.build()?));
    }
    Ok(join)
}

/// A filter that is not asked once the time is up.
#[derive(Debug, Eq)]
struct Clocked {
    filter: Arc<dyn PhysicalExpr>,
    clock: Clock,
}

impl PartialEq for Clocked {
    fn eq(&self, other: &Self) -> bool {
        self.filter.eq(&other.filter) && self.clock == other.clock
    }
}

impl Hash for Clocked {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.filter.hash(state);
    }
}

impl fmt::Display for Clocked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.filter.fmt(f)
    }
}

impl PhysicalExpr for Clocked {
    fn evaluate(&self, batch: &RecordBatch) -> Result<ColumnarValue> {
        self.clock.look()?;
        self.filter.evaluate(batch)
    }

    fn return_field(&self, input: &Schema) -> Result<FieldRef> {
        self.filter.return_field(input)
    }

    fn children(&self) -> Vec<&Arc<dyn PhysicalExpr>> {
        vec![&self.filter]
    }

    fn with_new_children(
        self: Arc<Self>,
        mut children: Vec<Arc<dyn PhysicalExpr>>,
    ) -> Result<Arc<dyn PhysicalExpr>> {
        let filter = children.pop().unwrap_or_else(|| Arc::clone(&self.filter));
        let clock = self.clock;
        Ok(Arc::new(Self { filter, clock }))
    }

    fn fmt_sql(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.filter.fmt_sql(f)
    }
}
