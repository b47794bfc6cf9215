//! How far from the fewest hidden cells? On small tables an integer program knows.
//!
//! One binary per cell that could be shown says that it is hidden; for each primary cell and each
//! direction there is one alternative table, equal to the true one in every cell that is not hidden
//! (Fischetti and Salazar 2001, without their decomposition).

use std::collections::BTreeMap;

use microlp::{ComparisonOp, OptimizationDirection, Problem, Variable};
use privacy::konly::{Fate, Key};

use super::world::World;

/// Above all counts of these tables.
const MUCH: f64 = 200.0;

#[test]
fn small_tables_lose_little_more_than_the_best_choice() {
    let (mut ours, mut best) = (0, 0);
    for seed in 0..8 {
        let shape: &[(usize, usize)] = [&[(4, 0), (4, 0)][..], &[(4, 2), (3, 0)][..]][seed % 2];
        let world = World::new(seed as u64, shape, 0.9, 3);
        let hidden = world.hidden();
        let complementary = hidden
            .iter()
            .filter(|(_, _, fate)| *fate == Fate::Complementary);
        let (chosen, least) = (complementary.count(), fewest(&world));
        eprintln!(
            "{}: {chosen} further cells hidden, {least} would do",
            world.name
        );
        assert!(
            chosen >= least,
            "{}: fewer than the least is unsafe",
            world.name
        );
        (ours, best) = (ours + chosen, best + least);
    }
    eprintln!("together {ours} further cells, at best {best}");
    assert!(
        best > 0 && ours <= 2 * best,
        "{ours} further cells, at best {best}"
    );
}

/// The fewest complementary cells that keep the promise.
fn fewest(world: &World) -> usize {
    let counts: BTreeMap<Key, i64> = world
        .pattern
        .cells()
        .iter()
        .map(|(k, n, _)| (*k, *n))
        .collect();
    let primary: Vec<_> = world
        .hidden()
        .into_iter()
        .filter(|c| c.2 == Fate::Primary)
        .collect();
    let mut problem = Problem::new(OptimizationDirection::Minimize);
    let mut hide: BTreeMap<Key, Variable> = BTreeMap::new();
    for (key, _, fate) in world.pattern.cells() {
        if *fate != Fate::Primary {
            hide.insert(*key, problem.add_binary_var(1.0));
        }
    }
    for (cell, count, _) in primary {
        let high = i64::from(world.k).max(count + 1);
        for (op, bound) in [(ComparisonOp::Le, 0), (ComparisonOp::Ge, high)] {
            let table = alternative(world, &mut problem, &counts, &hide);
            let sum: Vec<_> = table[&cell].iter().map(|v| (*v, 1.0)).collect();
            problem.add_constraint(&sum[..], op, bound as f64);
        }
    }
    let solution = problem.solve().unwrap().into_solution().unwrap();
    solution.objective().round() as usize
}

/// Variables of another table that looks the same: of each cell, its parts.
fn alternative(
    world: &World,
    problem: &mut Problem,
    counts: &BTreeMap<Key, i64>,
    hide: &BTreeMap<Key, Variable>,
) -> BTreeMap<Key, Vec<Variable>> {
    let mut parts: BTreeMap<Key, Vec<Variable>> = BTreeMap::new();
    for key in world.domain() {
        let variable = problem.add_var(0.0, (0.0, MUCH));
        for above in world.above(key) {
            parts.entry(above).or_default().push(variable);
        }
    }
    for (key, hidden) in hide {
        let count = counts[key] as f64;
        let mut sum: Vec<_> = parts[key].iter().map(|v| (*v, 1.0)).collect();
        sum.push((*hidden, count));
        problem.add_constraint(&sum[..], ComparisonOp::Ge, count);
        sum.pop();
        sum.push((*hidden, -MUCH));
        problem.add_constraint(&sum[..], ComparisonOp::Le, count);
    }
    parts
}
