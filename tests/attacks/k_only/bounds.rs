//! What an attacker's linear program says about one hidden number: a dense two-phase simplex with Bland's rule,
//! for the few dozen unknowns of a small table. (`microlp`, which serves in `privacy/tests/konly` and agrees
//! there, would switch features of Arrow's dependencies on here, and have all of DataFusion built twice.)

use privacy::konly::Key;

use super::attack::Attack;

const NEAR: f64 = 1e-9;

/// The least and the greatest value of a hidden cell that fit everything published.
pub fn interval(attack: &Attack, cell: Key) -> (f64, f64) {
    let shown = attack.shown_below(cell) as f64;
    let unknowns = attack.unknown.len();
    let mut cost = vec![0.0; unknowns];
    for part in attack.parts(cell) {
        cost[*part] = 1.0;
    }
    let high = maximum(attack, &cost);
    let negative: Vec<_> = cost.iter().map(|c| -c).collect();
    (shown - maximum(attack, &negative), shown + high)
}

/// The greatest cost of a non-negative solution of all equations; infinite where there is none.
fn maximum(attack: &Attack, cost: &[f64]) -> f64 {
    let (rows, unknowns) = (attack.equations.len(), cost.len());
    // Unknowns, one artificial unknown per row, right side.
    let width = unknowns + rows + 1;
    let mut table = Tableau {
        rows: attack
            .equations
            .iter()
            .enumerate()
            .map(|(n, (sum, count))| {
                let mut row = vec![0.0; width];
                sum.iter().for_each(|i| row[*i] = 1.0);
                row[unknowns + n] = 1.0;
                row[width - 1] = *count as f64;
                row
            })
            .collect(),
        basis: (unknowns..unknowns + rows).collect(),
    };
    let mut artificial = vec![0.0; width];
    artificial[unknowns..unknowns + rows].fill(-1.0);
    let rest = table.maximise(&artificial, width - 1).unwrap();
    assert!(
        rest.abs() < 1e-6,
        "what is published has a solution: the truth"
    );
    // Artificial unknowns leave; a row without any other is one too many.
    for n in (0..table.rows.len()).rev() {
        if table.basis[n] >= unknowns {
            match (0..unknowns).find(|i| table.rows[n][*i].abs() > NEAR) {
                Some(i) => table.pivot(n, i),
                None => {
                    table.rows.remove(n);
                    table.basis.remove(n);
                }
            }
        }
    }
    let mut wide = vec![0.0; width];
    wide[..unknowns].copy_from_slice(cost);
    table.maximise(&wide, unknowns).unwrap_or(f64::INFINITY)
}

/// Rows in terms of the basis: each is its basic unknown and others, and what they come to.
struct Tableau {
    rows: Vec<Vec<f64>>,
    basis: Vec<usize>,
}

impl Tableau {
    /// Walks to the greatest cost over the first `usable` unknowns; `None` where it is unbounded.
    fn maximise(&mut self, cost: &[f64], usable: usize) -> Option<f64> {
        loop {
            let gain = |i: usize| {
                let held = std::iter::zip(&self.rows, &self.basis);
                cost[i] - held.map(|(row, basic)| cost[*basic] * row[i]).sum::<f64>()
            };
            // Bland's rule: the first of all candidates, so that it never goes in circles.
            let Some(enters) = (0..usable).find(|i| gain(*i) > NEAR) else {
                let held = std::iter::zip(&self.rows, &self.basis);
                return Some(
                    held.map(|(row, basic)| cost[*basic] * row[row.len() - 1])
                        .sum(),
                );
            };
            let ratio = |n: usize| self.rows[n][self.rows[n].len() - 1] / self.rows[n][enters];
            let able = (0..self.rows.len()).filter(|n| self.rows[*n][enters] > NEAR);
            let leaves = able.min_by(|a, b| {
                let by_basis = self.basis[*a].cmp(&self.basis[*b]);
                ratio(*a).total_cmp(&ratio(*b)).then(by_basis)
            })?;
            self.pivot(leaves, enters);
        }
    }

    fn pivot(&mut self, leaves: usize, enters: usize) {
        let by = self.rows[leaves][enters];
        self.rows[leaves].iter_mut().for_each(|x| *x /= by);
        let of = self.rows[leaves].clone();
        for (n, row) in self.rows.iter_mut().enumerate() {
            let times = row[enters];
            if n != leaves && times != 0.0 {
                std::iter::zip(row, &of).for_each(|(x, y)| *x -= times * y);
            }
        }
        self.basis[leaves] = enters;
    }
}
