//! What a statement's text alone decides, before the engine plans it: planning takes memory and time that nothing bounds,
//! and cannot be stopped.

use std::ops::ControlFlow::{self, Break, Continue};

use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{
    Expr, GroupByExpr, ObjectName, Query, Select, TableFactor, Visit, Visitor,
};

use super::error::SqlError;

/// Most expressions in one statement, parts of expressions included: planning them takes time that grows with their
/// square.
const EXPRESSIONS_MAX: usize = 600;
/// Most tables in one statement, each time it names one.
const RELATIONS_MAX: usize = 24;
/// Most ways of grouping that one `GROUP BY` spells out: `CUBE` doubles them with each of its expressions.
const GROUPINGS_MAX: usize = 64;

/// Lets a statement through that the engine reads whole, and can plan in little time.
///
/// # Errors
/// [`SqlError::Refused`]; [`SqlError::Wrong`] for a clause that would be left out without a word.
pub(super) fn check(statement: &Statement) -> Result<(), SqlError> {
    let asked = match statement {
        Statement::Statement(asked) => asked,
        Statement::Explain(explained) => {
            // The plan after each of the optimiser's rules: gigabytes of a large one.
            if explained.options.verbose {
                let what = "EXPLAIN VERBOSE".to_owned();
                return Err(SqlError::Refused { what });
            }
            return check(&explained.statement);
        }
        _ => {
            let what = "the statement changes something".to_owned();
            return Err(SqlError::Refused { what });
        }
    };
    match asked.visit(&mut Text::default()) {
        Continue(()) => Ok(()),
        Break(error) => Err(error),
    }
}

#[derive(Default)]
struct Text {
    expressions: usize,
    relations: usize,
}

impl Visitor for Text {
    type Break = SqlError;

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<SqlError> {
        unread(&[
            (!query.locks.is_empty(), "FOR UPDATE"),
            (query.for_clause.is_some(), "FOR XML, JSON or BROWSE"),
            (query.settings.is_some(), "SETTINGS"),
            (query.format_clause.is_some(), "FORMAT"),
            (!query.pipe_operators.is_empty(), "|>"),
        ])
    }

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<SqlError> {
        let (expressions, modifiers) = match &select.group_by {
            GroupByExpr::All(modifiers) => (&[][..], modifiers),
            GroupByExpr::Expressions(expressions, modifiers) => (expressions.as_slice(), modifiers),
        };
        unread(&[
            (!modifiers.is_empty(), "GROUP BY … WITH"),
            (select.prewhere.is_some(), "PREWHERE"),
            (!select.connect_by.is_empty(), "CONNECT BY"),
            (select.value_table_mode.is_some(), "AS STRUCT or AS VALUE"),
            (select.select_modifiers.is_some(), "a modifier of SELECT"),
            (select.exclude.is_some(), "EXCLUDE behind the columns"),
        ])?;
        let groupings = expressions.iter().fold(1, |product: usize, each| {
            product.saturating_mul(groupings(each))
        });
        few(groupings, GROUPINGS_MAX, "ways of grouping in one GROUP BY")
    }

    fn pre_visit_table_factor(&mut self, table: &TableFactor) -> ControlFlow<SqlError> {
        match table {
            TableFactor::Table {
                name: _,
                alias: _,
                args: _, // a table function: none is registered
                with_hints,
                version,
                with_ordinality,
                partitions,
                json_path,
                sample,
                index_hints,
            } => unread(&[
                (sample.is_some(), "TABLESAMPLE"),
                (version.is_some(), "a version of a table"),
                (!partitions.is_empty(), "PARTITION"),
                (json_path.is_some(), "a path into a table"),
                (*with_ordinality, "WITH ORDINALITY"),
                (!with_hints.is_empty() || !index_hints.is_empty(), "a hint"),
            ]),
            TableFactor::Derived { sample, .. } => unread(&[(sample.is_some(), "TABLESAMPLE")]),
            _ => Continue(()), // what the engine does not know it says
        }
    }

    fn pre_visit_relation(&mut self, _: &ObjectName) -> ControlFlow<SqlError> {
        self.relations += 1;
        few(self.relations, RELATIONS_MAX, "tables in one statement")
    }

    fn pre_visit_expr(&mut self, _: &Expr) -> ControlFlow<SqlError> {
        self.expressions += 1;
        few(
            self.expressions,
            EXPRESSIONS_MAX,
            "expressions in one statement",
        )
    }
}

/// Into how many ways of grouping does one expression of a `GROUP BY` unfold?
fn groupings(expr: &Expr) -> usize {
    match expr {
        Expr::Cube(of) => u32::try_from(of.len())
            .ok()
            .and_then(|of| 2_usize.checked_pow(of))
            .unwrap_or(usize::MAX),
        Expr::Rollup(of) => of.len().saturating_add(1),
        Expr::GroupingSets(of) => of.len().max(1),
        _ => 1,
    }
}

fn few(found: usize, most: usize, what: &str) -> ControlFlow<SqlError> {
    match found > most {
        true => Break(SqlError::Refused {
            what: format!("over {most} {what}"),
        }),
        false => Continue(()),
    }
}

/// A clause that the parser knows and the planner leaves out: the answer would be to another question.
fn unread(clauses: &[(bool, &str)]) -> ControlFlow<SqlError> {
    match clauses.iter().find(|(there, _)| *there) {
        Some((_, clause)) => Break(SqlError::Wrong {
            message: format!("{clause} is not understood here"),
        }),
        None => Continue(()),
    }
}
