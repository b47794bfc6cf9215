//! Which patterns a statement may look for. The engine makes a machine of each, in memory that no pool sees: of one in its
//! text once per batch, of one in a column once per row, all of which it keeps as long as it works on the batch.

use datafusion::logical_expr::expr::Like;
use datafusion::logical_expr::{BinaryExpr, Expr, Operator};
use regex::RegexBuilder;

use super::error::SqlError;

/// Most patterns in one statement.
const PATTERNS_MAX: usize = 16;
/// Longest pattern, in bytes.
const PATTERN_BYTES_MAX: usize = 256;
/// Largest machine of a pattern, in bytes: each `\w` takes over 20 KiB, of the letters of all languages.
const MACHINE_BYTES_MAX: usize = 256 << 10;

/// The patterns of one statement.
#[derive(Default)]
pub(super) struct Patterns(usize);

impl Patterns {
    /// Looks at the pattern of an expression, where it has one.
    ///
    /// # Errors
    /// [`SqlError::Refused`]; [`SqlError::Wrong`] for what is no regular expression.
    pub(super) fn check(&mut self, expr: &Expr) -> Result<(), SqlError> {
        let (pattern, regular) = match expr {
            Expr::Like(Like { pattern, .. }) => (pattern, false),
            Expr::SimilarTo(Like { pattern, .. }) => (pattern, true),
            Expr::BinaryExpr(BinaryExpr { op, right, .. }) if is_match(*op) => {
                (right, is_regular(*op))
            }
            _ => return Ok(()),
        };
        self.0 += 1;
        if self.0 > PATTERNS_MAX {
            return refused(format!("over {PATTERNS_MAX} patterns in one statement"));
        }
        let Expr::Literal(pattern, _) = pattern.as_ref() else {
            return refused("a pattern that is not written in the statement".into());
        };
        let Some(Some(pattern)) = pattern.try_as_str() else {
            return Ok(()); // nothing matches NULL
        };
        if pattern.len() > PATTERN_BYTES_MAX {
            return refused(format!("a pattern of over {PATTERN_BYTES_MAX} bytes"));
        }
        if !regular {
            return Ok(());
        }
        let mut machine = RegexBuilder::new(pattern);
        // As `~*` makes it: no smaller than that of `~`.
        let machine = machine.case_insensitive(true);
        match machine.size_limit(MACHINE_BYTES_MAX).build() {
            Ok(_) => Ok(()),
            Err(regex::Error::CompiledTooBig(_)) => {
                refused("a pattern that repeats or holds too much".into())
            }
            Err(_) => Err(SqlError::Wrong {
                message: "a pattern in it is no regular expression".into(),
            }),
        }
    }
}

/// The texts that an expression searches: a pattern may go through its whole machine for each of their bytes, and `strpos`
/// through one for each of the other's.
pub(super) fn searched(expr: &Expr) -> Vec<&Expr> {
    match expr {
        Expr::Like(Like { expr, .. }) | Expr::SimilarTo(Like { expr, .. }) => vec![expr.as_ref()],
        Expr::BinaryExpr(BinaryExpr { left, op, .. }) if is_match(*op) => vec![left.as_ref()],
        Expr::ScalarFunction(function) if function.name() == "strpos" => {
            function.args.iter().collect()
        }
        _ => Vec::new(),
    }
}

/// As `LIKE` and `~` are told apart where the engine has both as operators.
fn is_match(op: Operator) -> bool {
    use Operator::{ILikeMatch, LikeMatch, NotILikeMatch, NotLikeMatch};
    is_regular(op) || matches!(op, LikeMatch | ILikeMatch | NotLikeMatch | NotILikeMatch)
}

fn is_regular(op: Operator) -> bool {
    use Operator::{RegexIMatch, RegexMatch, RegexNotIMatch, RegexNotMatch};
    matches!(
        op,
        RegexMatch | RegexIMatch | RegexNotMatch | RegexNotIMatch
    )
}

fn refused(what: String) -> Result<(), SqlError> {
    Err(SqlError::Refused { what })
}
