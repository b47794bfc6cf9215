//! How large is a plan with every column written out?
//!
//! A short text can name its own parts again and again: each `x + x` of a column that is `x + x` doubles what it stands
//! for, and each table that joins a part with itself doubles its scans. The optimiser writes that out, in memory that no
//! pool sees and in time that nothing stops, so it is counted before.

use std::collections::HashMap;

use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, DataFusionError};
use datafusion::logical_expr::{Expr, LogicalPlan};

use super::error::SqlError;

/// Most parts of expressions, written out.
const PARTS_MAX: usize = 10_000;
/// Most steps of a plan, written out.
const STEPS_MAX: usize = 600;
/// Parts that a subquery counts for, wherever it is written: the optimiser makes a join of each.
const SUBQUERY_PARTS: usize = 100;
/// Most columns that one step hands on.
const COLUMNS_MAX: usize = 1_000;

/// Lets a plan through that stays small.
///
/// # Errors
/// [`SqlError::Refused`].
pub(super) fn check(plan: &LogicalPlan) -> Result<(), SqlError> {
    let columns = Written::default().columns(plan);
    columns.map(drop).map_err(SqlError::from)
}

/// What was counted so far.
#[derive(Default)]
struct Written {
    parts: usize,
    steps: usize,
    /// Parts of the largest column.
    largest: usize,
}

impl Written {
    /// Parts of each column that a step hands on, with those of its inputs written out in them.
    fn columns(&mut self, plan: &LogicalPlan) -> Result<Vec<usize>, DataFusionError> {
        self.steps += 1;
        few(self.steps, STEPS_MAX, "steps in its plan")?;
        let handed_on = plan.schema().fields().len();
        few(handed_on, COLUMNS_MAX, "columns in one step of its plan")?;
        let (mut given, mut taken) = (HashMap::new(), Vec::new());
        for input in plan.inputs() {
            let columns = self.columns(input)?;
            given.extend(input.schema().columns().into_iter().zip(columns.clone()));
            taken.push(columns);
        }
        plan.apply_subqueries(|subquery| {
            self.columns(subquery)?;
            Ok(TreeNodeRecursion::Continue)
        })?;
        let mut own = Vec::new();
        plan.apply_expressions(|expr| {
            own.push(self.parts_of(expr, &given)?);
            Ok(TreeNodeRecursion::Continue)
        })?;
        let columns = self.handed_on(plan, taken, own);
        self.largest = columns.iter().copied().fold(self.largest, usize::max);
        Ok(columns)
    }

    fn parts_of(
        &mut self,
        expr: &Expr,
        given: &HashMap<Column, usize>,
    ) -> Result<usize, DataFusionError> {
        let mut parts = 0_usize;
        expr.apply(|part| {
            parts = parts.saturating_add(match part {
                Expr::Column(column) => given.get(column).copied().unwrap_or(self.largest),
                // Of a query around this one.
                Expr::OuterReferenceColumn(..) => self.largest,
                Expr::ScalarSubquery(_)
                | Expr::Exists(_)
                | Expr::InSubquery(_)
                | Expr::SetComparison(_) => SUBQUERY_PARTS,
                _ => 1,
            });
            Ok(TreeNodeRecursion::Continue)
        })?;
        self.parts = self.parts.saturating_add(parts);
        few(self.parts, PARTS_MAX, "parts with every column written out")?;
        Ok(parts)
    }

    /// What goes through an aggregate or a window is a number by then: it is written out no further.
    fn handed_on(
        &self,
        plan: &LogicalPlan,
        taken: Vec<Vec<usize>>,
        mut own: Vec<usize>,
    ) -> Vec<usize> {
        let columns = plan.schema().fields().len();
        let all = taken.concat();
        match plan {
            LogicalPlan::Projection(_) => own,
            LogicalPlan::Aggregate(of) => {
                own.truncate(of.group_expr.len());
                let keys = columns.saturating_sub(of.aggr_expr.len());
                // A set of groupings is one expression, of all keys.
                let largest = own.iter().copied().fold(1, usize::max);
                own.resize(keys, largest);
                own.resize(columns, 1);
                own
            }
            LogicalPlan::Window(_) => {
                let mut all = all;
                all.resize(columns, 1);
                all
            }
            LogicalPlan::Union(_) => (0..columns)
                .map(|n| {
                    taken
                        .iter()
                        .filter_map(|of| of.get(n))
                        .copied()
                        .fold(1, usize::max)
                })
                .collect(),
            _ if all.len() == columns => all,
            // Which of them goes where is not looked at: as if each were the largest.
            _ => {
                let largest = all.into_iter().chain(own).fold(1, usize::max);
                vec![largest; columns]
            }
        }
    }
}

fn few(found: usize, most: usize, what: &str) -> Result<(), DataFusionError> {
    if found <= most {
        return Ok(());
    }
    let refused = SqlError::Refused {
        what: format!("over {most} {what}"),
    };
    Err(DataFusionError::External(Box::new(refused)))
}
