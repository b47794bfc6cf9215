//! Which plans are not run, and the engine's errors as ours.

use arrow::datatypes::DataType;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::error::DataFusionError;
use datafusion::execution::context::SQLOptions;
use datafusion::logical_expr::expr::{NullTreatment, ScalarFunction};
use datafusion::logical_expr::{
    BinaryExpr, Cast, Expr, LogicalPlan, Operator, TryCast, WindowFrameBound,
};
use datafusion::scalar::ScalarValue;

use super::error::SqlError;
use super::functions;
use super::patterns::Patterns;

/// Most `||` in one plan: each can double a text, in memory that no pool sees.
const CONCATENATIONS_MAX: usize = 4;
/// Most rows before or behind one that its window may name: beyond them the engine's numbers end.
const FRAME_ROWS_MAX: u64 = u32::MAX as u64;
/// Longest text in a statement, since functions go through it once for each row: the districts of a large zoning are one
/// (`sdk::question`).
const TEXT_BYTES_MAX: usize = 10 << 10;
/// Longest text that a statement may bring into a window, or that `trim` compares every character of another with.
const SHORT_BYTES_MAX: usize = 16;
/// Aggregates that go through all that they keep again for each row of a window.
const AGAIN: &[&str] = &[
    "approx_distinct",
    "approx_median",
    "median",
    "percentile_cont",
];
/// Longest message of the engine that is handed on, in characters.
const MESSAGE_CHARS_MAX: usize = 600;

/// Lets a plan through that reads and does nothing else.
///
/// # Errors
/// [`SqlError::Refused`].
pub(super) fn unless_harmless(plan: &LogicalPlan) -> Result<(), SqlError> {
    let reads = SQLOptions::new()
        .with_allow_ddl(false)
        .with_allow_dml(false)
        .with_allow_statements(false);
    reads.verify_plan(plan).map_err(|error| SqlError::Refused {
        what: words(&error),
    })?;
    let (mut found, mut patterns) = (0, Patterns::default());
    plan.apply_with_subqueries(|node| {
        node.apply_expressions(|expr| {
            expr.apply(|part| {
                found += usize::from(concatenates(part));
                patterns.check(part)?;
                match has_no_bound(part)? {
                    Some(what) => Err(SqlError::Refused { what: what.into() }.into()),
                    None => Ok(TreeNodeRecursion::Continue),
                }
            })
        })
    })?;
    if found > CONCATENATIONS_MAX {
        return Err(SqlError::Refused {
            what: format!("over {CONCATENATIONS_MAX} `||` in one statement"),
        });
    }
    Ok(())
}

/// What takes memory or time by a number in its text, or for each row all rows before it; makes a value of values, each of
/// which would double the type of what it is given; or makes texts in a window, whose rows are all made at once.
fn has_no_bound(expr: &Expr) -> Result<Option<&'static str>, DataFusionError> {
    Ok(match expr {
        Expr::Cast(Cast { field, .. }) | Expr::TryCast(TryCast { field, .. })
            if field.data_type().is_nested()
                || matches!(field.data_type(), DataType::FixedSizeBinary(_)) =>
        {
            Some("a cast to a list, or to bytes of a fixed number")
        }
        Expr::WindowFunction(window) => {
            let of = &window.params;
            let frame = &of.window_frame;
            if of.distinct || AGAIN.contains(&window.fun.name()) {
                Some("a window that counts distinct values or looks for their middle")
            } else if of.null_treatment == Some(NullTreatment::IgnoreNulls) {
                Some("a window that ignores nulls")
            } else if too_far(&frame.start_bound) || too_far(&frame.end_bound) {
                Some("a window of more rows than there can be")
            } else if brings_texts(expr)? {
                Some(
                    "a window over `||`, or over a text of the statement that it does not only compare",
                )
            } else {
                None
            }
        }
        Expr::ScalarFunction(function) if trims_many(function) => {
            Some("a trim of characters that do not stand in the statement, or of many")
        }
        // The planner has functions of its own for `[…]`, `{…}`, `(…, …)`, `struct(…)` and `overlay(…)`.
        Expr::ScalarFunction(function) if !functions::is_listed(function.name()) => {
            Some("a list, a struct, or another function that statements may not use")
        }
        // Nothing that is released is binary, and no bound counts their bytes.
        Expr::Literal(value, _) if value.data_type().is_binary() => Some("bytes in the statement"),
        text if is_over(TEXT_BYTES_MAX, text) => Some("a text of over 10 KiB"),
        _ => None,
    })
}

/// Does the statement write out a text of more bytes?
fn is_over(most: usize, expr: &Expr) -> bool {
    let Expr::Literal(value, _) = expr else {
        return false;
    };
    let text = value.try_as_str().flatten();
    text.is_some_and(|text| text.len() > most)
}

/// Does it make texts in its window, or bring one of the statement into it? One that is compared is held against each row,
/// and is in none.
fn brings_texts(expr: &Expr) -> Result<bool, DataFusionError> {
    if concatenates(expr) || is_over(SHORT_BYTES_MAX, expr) {
        return Ok(true);
    }
    let mut brings = false;
    expr.apply_children(|part| {
        brings = brings || (!is_compared(expr, part) && brings_texts(part)?);
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(brings)
}

/// Is a part of this expression a literal that is held against rows as one value? What is looked for in a list is not: it
/// becomes a column of its own.
fn is_compared(expr: &Expr, part: &Expr) -> bool {
    let literal = match part {
        Expr::Cast(cast) => cast.expr.as_ref(),
        other => other,
    };
    let is_in_list = |list: &[Expr]| list.iter().any(|item| std::ptr::eq(item, part));
    matches!(literal, Expr::Literal(..))
        && match expr {
            Expr::InList(of) => is_in_list(&of.list),
            other => compares(other),
        }
}

/// Is it true or false by a comparison?
pub(super) fn compares(expr: &Expr) -> bool {
    match expr {
        Expr::Between(_) | Expr::InList(_) | Expr::Like(_) | Expr::SimilarTo(_) => true,
        // As the engine calls `=`, `<`, `~` and their like.
        Expr::BinaryExpr(BinaryExpr { op, .. }) => op.supports_propagation(),
        _ => false,
    }
}

/// Does it take away characters that do not stand in the statement, or many?
fn trims_many(function: &ScalarFunction) -> bool {
    let few = |of: &Expr| matches!(of, Expr::Literal(..)) && !is_over(SHORT_BYTES_MAX, of);
    function.name().ends_with("trim") && !function.args.iter().skip(1).all(few)
}

fn too_far(bound: &WindowFrameBound) -> bool {
    let (WindowFrameBound::Preceding(rows) | WindowFrameBound::Following(rows)) = bound else {
        return false;
    };
    matches!(rows, ScalarValue::UInt64(Some(rows)) if *rows > FRAME_ROWS_MAX)
}

fn concatenates(expr: &Expr) -> bool {
    let Expr::BinaryExpr(BinaryExpr { op, .. }) = expr else {
        return false;
    };
    *op == Operator::StringConcat
}

impl From<DataFusionError> for SqlError {
    /// What was wrong with the statement is for who wrote it; anything else is for the operator.
    fn from(error: DataFusionError) -> Self {
        match error.find_root() {
            DataFusionError::External(inner) => own(inner.as_ref()),
            DataFusionError::ResourcesExhausted(_) => Self::Memory,
            DataFusionError::Internal(_)
            | DataFusionError::IoError(_)
            | DataFusionError::ObjectStore(_)
            | DataFusionError::ExecutionJoin(_)
            | DataFusionError::ParquetError(_) => Self::Engine {
                why: error.strip_backtrace(),
            },
            root => Self::Wrong {
                message: words(root),
            },
        }
    }
}

impl From<SqlError> for DataFusionError {
    fn from(error: SqlError) -> Self {
        Self::External(Box::new(error))
    }
}

/// An error of ours that went through the engine, which may share it among several.
fn own(root: &(dyn std::error::Error + Send + Sync + 'static)) -> SqlError {
    match root.downcast_ref::<SqlError>() {
        Some(own) => own.clone(),
        None => SqlError::Engine {
            why: root.to_string(),
        },
    }
}

fn words(error: &DataFusionError) -> String {
    let text = error.strip_backtrace();
    let first = text.lines().next().unwrap_or_default();
    first.chars().take(MESSAGE_CHARS_MAX).collect()
}
