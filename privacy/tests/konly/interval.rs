//! An attacker's linear program, by `microlp`.

use microlp::{ComparisonOp, OptimizationDirection, Problem, Variable};
use privacy::konly::Key;

use super::attack::Attack;

impl Attack {
    /// The least and the greatest value of a hidden cell that fit everything published.
    pub fn interval(&self, cell: Key) -> (f64, f64) {
        let shown = self.shown_below(cell) as f64;
        let bound = |direction| {
            let mut problem = Problem::new(direction);
            let mut cost = vec![0.0; self.unknown.len()];
            for i in self.parts(cell) {
                cost[*i] = 1.0;
            }
            let variables: Vec<Variable> = cost
                .iter()
                .map(|c| problem.add_var(*c, (0.0, f64::INFINITY)))
                .collect();
            for (sum, count) in &self.equations {
                let terms: Vec<_> = sum.iter().map(|i| (variables[*i], 1.0)).collect();
                problem.add_constraint(&terms[..], ComparisonOp::Eq, *count as f64);
            }
            match problem.solve() {
                Ok(outcome) => shown + outcome.into_solution().unwrap().objective(),
                Err(microlp::Error::Unbounded) => f64::INFINITY,
                Err(error) => panic!("{error}"),
            }
        };
        (
            bound(OptimizationDirection::Minimize),
            bound(OptimizationDirection::Maximize),
        )
    }
}
