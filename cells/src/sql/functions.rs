//! The functions that statements may use: those whose answers are not longer than what they are given, which ask
//! nothing of the machine, and take no argument that says how much memory they begin with: what is not granted there
//! ends the process (`approx_percentile_cont` has the size of its digest, `arrow_cast` types of any width).

use std::sync::Arc;

use datafusion::execution::SessionStateDefaults;
use datafusion::logical_expr::{AggregateUDF, ScalarUDF};

/// Scalar functions, by name.
const SCALAR: &[&str] = &[
    // Numbers.
    "abs",
    "ceil",
    "exp",
    "floor",
    "ln",
    "log",
    "log10",
    "log2",
    "power",
    "round",
    "signum",
    "sqrt",
    "trunc",
    // What is missing.
    "coalesce",
    "greatest",
    "least",
    "nullif",
    "nvl",
    // Texts, which get no longer.
    "ascii",
    "btrim",
    "character_length",
    "ends_with",
    "left",
    "lower",
    "ltrim",
    "octet_length",
    "right",
    "rtrim",
    "split_part",
    "starts_with",
    "strpos",
    "substr",
    "upper",
    "contains",
    // Times.
    "date_bin",
    "date_part",
    "date_trunc",
    "make_date",
    "to_date",
    // Types.
    "arrow_typeof",
];

/// Aggregate functions, by name; `array_agg` and `string_agg` keep everything, and are not among them.
const AGGREGATE: &[&str] = &[
    "any_value",
    "approx_distinct",
    "approx_median",
    "avg",
    "bool_and",
    "bool_or",
    "corr",
    "count",
    "covar_pop",
    "covar_samp",
    "first_value",
    "grouping",
    "last_value",
    "max",
    "median",
    "min",
    "nth_value",
    "percentile_cont",
    "stddev",
    "stddev_pop",
    "sum",
    "var",
    "var_pop",
];

/// May statements use it? What the planner brings itself is not asked for by name.
pub(super) fn is_listed(scalar: &str) -> bool {
    SCALAR.contains(&scalar)
}

pub(super) fn scalar() -> Vec<Arc<ScalarUDF>> {
    let all = SessionStateDefaults::default_scalar_functions();
    all.into_iter().filter(|f| is_listed(f.name())).collect()
}

pub(super) fn aggregate() -> Vec<Arc<AggregateUDF>> {
    let all = SessionStateDefaults::default_aggregate_functions();
    all.into_iter()
        .filter(|f| AGGREGATE.contains(&f.name()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A name that the engine does not have would be a promise that is not kept.
    #[test]
    fn every_function_of_the_lists_is_there() {
        let have: Vec<_> = scalar().iter().map(|f| f.name().to_owned()).collect();
        let lacks: Vec<_> = SCALAR
            .iter()
            .filter(|name| !have.contains(&(**name).to_owned()))
            .collect();
        assert!(lacks.is_empty(), "{lacks:?}");
        let have: Vec<_> = aggregate().iter().map(|f| f.name().to_owned()).collect();
        let lacks: Vec<_> = AGGREGATE
            .iter()
            .filter(|name| !have.contains(&(**name).to_owned()))
            .collect();
        assert!(lacks.is_empty(), "{lacks:?}");
    }
}
