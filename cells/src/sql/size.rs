//! How large is a plan with every column written out?
//!
//! A short text can name its own parts again and again: each `x + x` of a column that is `x + x` doubles what it stands
//! for, and each table that joins a part with itself doubles its scans. The optimiser writes that out, in memory that no
//! pool sees and in time that nothing stops, so it is counted before. So are the bytes of a row: a thousand of them are
//! made at once, before any pool is asked.

use std::collections::HashMap;
use std::iter::Sum;
use std::ops::Add;

use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, DataFusionError};
use datafusion::logical_expr::{Expr, LogicalPlan};

use super::error::SqlError;
use super::patterns::searched;
use super::refuse::compares;

/// Most parts of expressions, written out.
const PARTS_MAX: usize = 10_000;
/// Most steps of a plan, written out.
const STEPS_MAX: usize = 600;
/// Most bytes of texts in one row of a step, or in one expression.
const ROW_BYTES_MAX: usize = 64 << 10;
/// Most bytes of a text that is searched, for a pattern or by `strpos`.
const SEARCHED_BYTES_MAX: usize = 1 << 10;
/// A table's column counts for as many bytes: as long as the name of a zone may be.
const COLUMN_BYTES: usize = 64;
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

/// An expression's, with every column in it written out.
#[derive(Clone, Copy, Default)]
struct Size {
    parts: usize,
    /// Of its text at most: no function makes more than it is given.
    bytes: usize,
}

/// Of a column of a table.
const COLUMN: Size = Size {
    parts: 1,
    bytes: COLUMN_BYTES,
};

impl Size {
    fn max(self, other: Self) -> Self {
        Self {
            parts: self.parts.max(other.parts),
            bytes: self.bytes.max(other.bytes),
        }
    }

    /// Of the same column where it is no longer written out: what it is made of was made before.
    fn made(self) -> Self {
        Self { parts: 1, ..self }
    }
}

impl Add for Size {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            parts: self.parts.saturating_add(other.parts),
            bytes: self.bytes.saturating_add(other.bytes),
        }
    }
}

impl Sum for Size {
    fn sum<I: Iterator<Item = Self>>(sizes: I) -> Self {
        sizes.fold(Self::default(), Self::add)
    }
}

/// What was counted so far.
#[derive(Default)]
struct Written {
    parts: usize,
    steps: usize,
    /// The largest column.
    largest: Size,
}

impl Written {
    /// Sizes of each column that a step hands on, with those of its inputs written out in them.
    fn columns(&mut self, plan: &LogicalPlan) -> Result<Vec<Size>, DataFusionError> {
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
            own.push(self.size_of(expr, &given)?);
            Ok(TreeNodeRecursion::Continue)
        })?;
        let columns = self.handed_on(plan, taken, own);
        let row: Size = columns.iter().copied().sum();
        few(
            row.bytes,
            ROW_BYTES_MAX,
            "bytes in one row of a step of its plan",
        )?;
        self.largest = columns.iter().copied().fold(self.largest, Size::max);
        Ok(columns)
    }

    fn size_of(
        &mut self,
        expr: &Expr,
        given: &HashMap<Column, Size>,
    ) -> Result<Size, DataFusionError> {
        let size = self.written_out(expr, given)?;
        self.parts = self.parts.saturating_add(size.parts);
        few(self.parts, PARTS_MAX, "parts with every column written out")?;
        few(
            size.bytes,
            ROW_BYTES_MAX,
            "bytes in one expression of its plan",
        )?;
        expr.apply(|part| {
            for text in searched(part) {
                let bytes = self.shown(text, given)?;
                few(
                    bytes,
                    SEARCHED_BYTES_MAX,
                    "bytes in a text that is searched",
                )?;
            }
            Ok(TreeNodeRecursion::Continue)
        })?;
        Ok(size)
    }

    /// Bytes of a text without what it is only decided by.
    fn shown(&self, text: &Expr, given: &HashMap<Column, Size>) -> Result<usize, DataFusionError> {
        let mut conditions = 0_usize;
        text.apply(|part| match compares(part) {
            true => {
                conditions = conditions.saturating_add(self.written_out(part, given)?.bytes);
                Ok(TreeNodeRecursion::Jump)
            }
            false => Ok(TreeNodeRecursion::Continue),
        })?;
        let all = self.written_out(text, given)?.bytes;
        Ok(all.saturating_sub(conditions))
    }

    fn written_out(
        &self,
        expr: &Expr,
        given: &HashMap<Column, Size>,
    ) -> Result<Size, DataFusionError> {
        let mut sizes = Vec::new();
        expr.apply(|part| {
            let (parts, bytes) = match part {
                Expr::Column(column) => {
                    sizes.push(given.get(column).copied().unwrap_or(self.largest));
                    return Ok(TreeNodeRecursion::Continue);
                }
                // Of a query around this one.
                Expr::OuterReferenceColumn(..) => {
                    sizes.push(self.largest);
                    return Ok(TreeNodeRecursion::Continue);
                }
                Expr::ScalarSubquery(_)
                | Expr::Exists(_)
                | Expr::InSubquery(_)
                | Expr::SetComparison(_) => (SUBQUERY_PARTS, self.largest.bytes),
                Expr::Literal(value, _) => (1, value.try_as_str().flatten().map_or(0, str::len)),
                _ => (1, 0),
            };
            sizes.push(Size { parts, bytes });
            Ok(TreeNodeRecursion::Continue)
        })?;
        Ok(sizes.into_iter().sum())
    }

    /// What goes through an aggregate or a window was made by then: it is written out no further.
    fn handed_on(
        &self,
        plan: &LogicalPlan,
        taken: Vec<Vec<Size>>,
        mut own: Vec<Size>,
    ) -> Vec<Size> {
        let columns = plan.schema().fields().len();
        let mut all = taken.concat();
        match plan {
            LogicalPlan::Projection(_) => own,
            LogicalPlan::Aggregate(of) => {
                let values = own.split_off(of.group_expr.len().min(own.len()));
                let keys = columns.saturating_sub(of.aggr_expr.len());
                // A set of groupings is one expression, of all keys.
                own.resize(keys, largest(&own));
                own.extend(values.into_iter().map(Size::made));
                own
            }
            LogicalPlan::Window(_) => {
                all.extend(own.into_iter().map(Size::made));
                all
            }
            LogicalPlan::Union(_) => (0..columns)
                .map(|n| {
                    let same: Vec<_> = taken.iter().filter_map(|of| of.get(n)).copied().collect();
                    largest(&same)
                })
                .collect(),
            _ if all.len() == columns => all,
            // Which of them goes where is not looked at: as if each were the largest.
            _ => {
                all.extend(own);
                vec![largest(&all); columns]
            }
        }
    }
}

fn largest(sizes: &[Size]) -> Size {
    sizes.iter().copied().fold(COLUMN, Size::max)
}

fn few(found: usize, most: usize, what: &str) -> Result<(), DataFusionError> {
    if found <= most {
        return Ok(());
    }
    let what = format!("over {most} {what}");
    Err(SqlError::Refused { what }.into())
}
