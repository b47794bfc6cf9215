//! An attacker's linear program, by `microlp`. The solver is not believed: both ends of an interval are read off points that
//! were checked to be tables with exactly the published numbers. A solver that stops early, or finds nothing, makes an
//! interval shorter, and so fails the tests; there is no way for it to pass them.

use microlp::{ComparisonOp, OptimizationDirection, Problem, Variable};
use privacy::konly::Key;

use super::attack::Attack;

/// The most that one unknown may be: far above what any cell of these tables holds, so that every program has an end.
pub const FAR: f64 = 1e5;

/// What a sum may be off by, of the numbers in it.
const NEAR: f64 = 1e-9;

impl Attack {
    /// The least and the greatest value of a hidden cell that fit everything published, and up to [`FAR`].
    pub fn interval(&self, cell: Key) -> (f64, f64) {
        let bound = |direction| self.value(cell, &self.solved(cell, direction));
        (
            bound(OptimizationDirection::Minimize),
            bound(OptimizationDirection::Maximize),
        )
    }

    /// Can a hidden cell be at most (`Minimize`) or at least (`Maximize`) this in a table of whole numbers? By an integer
    /// program where the linear one's end is not whole already.
    pub fn has_whole(&self, cell: Key, direction: OptimizationDirection, value: f64) -> bool {
        let fits = |point: &[f64]| {
            let value_of = self.value(cell, point);
            let whole = point.iter().all(|x| (x - x.round()).abs() < NEAR);
            let reached = match direction {
                OptimizationDirection::Minimize => value_of <= value + NEAR,
                OptimizationDirection::Maximize => value_of >= value - NEAR,
            };
            whole && reached
        };
        fits(&self.solved(cell, direction)) || fits(&self.point(cell, direction, Some(value)))
    }

    fn solved(&self, cell: Key, direction: OptimizationDirection) -> Vec<f64> {
        self.point(cell, direction, None)
    }

    /// A point that was checked; with a value, one of whole numbers that reaches it.
    fn point(&self, cell: Key, direction: OptimizationDirection, reach: Option<f64>) -> Vec<f64> {
        let mut problem = Problem::new(direction);
        let mut cost = vec![0.0; self.unknown.len()];
        for i in self.parts(cell) {
            cost[*i] = 1.0;
        }
        let variables: Vec<Variable> = cost
            .iter()
            .map(|c| match reach {
                None => problem.add_var(*c, (0.0, FAR)),
                Some(_) => problem.add_integer_var(0.0, (0, FAR as i32)),
            })
            .collect();
        let terms =
            |sum: &[usize]| -> Vec<_> { sum.iter().map(|i| (variables[*i], 1.0)).collect() };
        for (sum, count) in &self.equations {
            problem.add_constraint(&terms(sum)[..], ComparisonOp::Eq, *count as f64);
        }
        if let Some(value) = reach {
            let op = match direction {
                OptimizationDirection::Minimize => ComparisonOp::Le,
                OptimizationDirection::Maximize => ComparisonOp::Ge,
            };
            let rest = value - self.shown_below(cell) as f64;
            problem.add_constraint(&terms(self.parts(cell))[..], op, rest);
        }
        let solution = problem.solve().unwrap().into_solution().unwrap();
        let point: Vec<f64> = variables.iter().map(|v| settled(solution[*v])).collect();
        self.assert_table(&point);
        point
    }

    /// Is it what the published numbers allow?
    fn assert_table(&self, point: &[f64]) {
        assert!(point.iter().all(|x| *x >= 0.0), "a count below 0");
        for (sum, count) in &self.equations {
            let total: f64 = sum.iter().map(|i| point[*i]).sum();
            let size = point.len() as f64 + *count as f64;
            let near = (total - *count as f64).abs() <= NEAR * size;
            assert!(near, "{total} where {count} is published");
        }
    }

    fn value(&self, cell: Key, point: &[f64]) -> f64 {
        let parts: f64 = self.parts(cell).iter().map(|i| point[*i]).sum();
        self.shown_below(cell) as f64 + parts
    }
}

/// Where a solver means a whole number, and 0 where it is off below it.
fn settled(x: f64) -> f64 {
    let whole = x.round();
    if (x - whole).abs() < 1e-7 { whole } else { x }
}
