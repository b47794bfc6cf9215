//! Linear programming against the promise: 0 and at least k remain possible.

use std::time::Instant;

use microlp::OptimizationDirection;
use privacy::konly::Fate;
use rand::SeedableRng;
use rand::seq::SliceRandom;

use super::attack::Attack;
use super::bounds;
use super::interval::FAR;
use super::local::Large;
use super::world::World;

const SHAPES: &[&[(usize, usize)]] = &[
    &[(6, 0)],
    &[(12, 3)],
    &[(5, 0), (5, 0)],
    &[(6, 3), (6, 2)],
    &[(4, 2), (4, 0), (3, 0)],
    &[(4, 2), (4, 2), (4, 2)],
    &[(3, 0), (3, 0), (3, 0), (2, 0)],
    &[(4, 2), (4, 2), (4, 2), (2, 0)],
];

/// Every hidden cell of many small tables.
#[test]
fn no_hidden_cell_of_a_small_table_can_be_bounded() {
    let mut attacked = 0;
    for (n, shape) in SHAPES.iter().enumerate() {
        for round in 0..6 {
            let seed = 1000 * n as u64 + round;
            let filled = [0.3, 0.6, 0.95][(round % 3) as usize];
            let world = World::new(seed, shape, filled, [3, 5, 10][(round / 2) as usize]);
            attacked += assert_hidden(&world, usize::MAX, seed);
        }
    }
    assert!(attacked > 500, "only {attacked} cells were there to attack");
    eprintln!("{attacked} hidden cells of small tables bounded by linear programming");
}

/// A thousand hidden cells of a table of four dimensions with hierarchies.
#[test]
fn no_hidden_cell_of_a_large_table_can_be_bounded() {
    let start = Instant::now();
    let world = World::new(7, &[(8, 4), (8, 4), (6, 3), (3, 0)], 0.5, 5);
    eprintln!("pattern after {:?}", start.elapsed());
    let attacked = assert_hidden(&world, 1000, 7);
    eprintln!(
        "{attacked} cells of {} after {:?}",
        world.name,
        start.elapsed()
    );
}

/// The attack on released tables (`tests/attacks`) has a solver of its own: it finds what `microlp` finds.
#[test]
fn two_solvers_find_the_same_bounds() {
    for seed in 0..6 {
        let world = World::new(seed, &[(4, 2), (4, 2), (2, 0)], 0.8, 5);
        let hidden: Vec<_> = world.hidden().iter().map(|(key, ..)| *key).collect();
        let attack = Attack::new(&world, &world.published(), &hidden);
        for key in hidden {
            let (ours, theirs) = (bounds::interval(&attack, key), attack.interval(key));
            // Where nothing bounds a number, `microlp` ends at [`FAR`] for one unknown or another.
            let free = |a: f64, b: f64| a.is_infinite() && b > FAR / 10.0;
            let same = |a: f64, b: f64| free(a, b) || (a - b).abs() < 1e-6;
            let agree = same(ours.0, theirs.0) && same(ours.1, theirs.1);
            assert!(agree, "{}: {key:?} {ours:?} {theirs:?}", world.name);
        }
    }
}

/// A table of some thousand keys, with the bounds that serve where a whole program is too large.
#[test]
fn every_hidden_cell_of_a_large_table_is_proven_nearby() {
    let start = Instant::now();
    let world = World::new(11, &[(20, 5), (20, 5), (6, 3), (3, 0)], 0.3, 5);
    eprintln!("pattern after {:?}", start.elapsed());
    let large = Large::new(&world.dims, world.pattern.cells(), world.k);
    assert_eq!(large.single_in_a_line(), vec![]);
    let mut hidden = world.hidden();
    hidden.shuffle(&mut rand_chacha::ChaCha20Rng::seed_from_u64(11));
    let mut reaches = std::collections::BTreeMap::<Option<usize>, usize>::new();
    for (key, ..) in hidden.iter().take(300) {
        *reaches.entry(large.proven(*key)).or_default() += 1;
    }
    eprintln!("{}: {reaches:?} after {:?}", world.name, start.elapsed());
    assert_eq!(reaches.get(&None), None, "not proven: reach further");
}

/// Counts are whole, and an attacker knows it: 0 and k or more remain possible in tables of whole numbers too.
#[test]
fn whole_tables_hide_every_small_cell_of_a_small_table() {
    let mut attacked = 0;
    for (n, shape) in SHAPES.iter().enumerate() {
        let seed = 1000 * n as u64;
        let world = World::new(seed, shape, 0.6, 5);
        let hidden = world.hidden();
        let keys: Vec<_> = hidden.iter().map(|(key, ..)| *key).collect();
        let attack = Attack::new(&world, &world.published(), &keys);
        for (key, count, _) in hidden.iter().filter(|(.., fate)| *fate == Fate::Primary) {
            let least = f64::from(world.k).max(*count as f64 + 1.0);
            for (direction, value) in [
                (OptimizationDirection::Minimize, 0.0),
                (OptimizationDirection::Maximize, least),
            ] {
                let reached = attack.has_whole(*key, direction, value);
                assert!(reached, "{}: {key:?} is never {value}", world.name);
            }
            attacked += 1;
        }
    }
    assert!(attacked > 100, "only {attacked} cells were there to attack");
    eprintln!("{attacked} small cells can be 0 and k in tables of whole numbers");
}

fn assert_hidden(world: &World, most: usize, seed: u64) -> usize {
    let mut hidden = world.hidden();
    hidden.shuffle(&mut rand_chacha::ChaCha20Rng::seed_from_u64(seed));
    hidden.truncate(most);
    let keys: Vec<_> = hidden.iter().map(|(key, ..)| *key).collect();
    let attack = Attack::new(world, &world.published(), &keys);
    if let (Ok(file), true) = (std::env::var("WEIR_KONLY_LP"), most < usize::MAX) {
        let cells = hidden
            .iter()
            .map(|(key, count, fate)| (attack.parts(*key), count, *fate == Fate::Primary));
        let cells: Vec<_> = cells.collect();
        std::fs::write(
            format!("{file}.json"),
            serde_json::to_string(&cells).unwrap(),
        )
        .unwrap();
        std::fs::write(&file, attack.lp_file()).unwrap();
    }
    for (key, count, fate) in &hidden {
        let (low, high) = attack.interval(*key);
        let name = &world.name;
        assert!(
            low < *count as f64 + 1e-6 && high > *count as f64 - 1e-6,
            "{name}: the attack is wrong"
        );
        if *fate == Fate::Primary {
            let least = f64::from(world.k).max(*count as f64 + 1.0);
            assert!(low < 1e-6, "{name}: {key:?} with {count} is at least {low}");
            assert!(
                high > least - 1e-6,
                "{name}: {key:?} with {count} is at most {high}"
            );
        } else {
            assert!(high - low > 1.0 - 1e-6, "{name}: {key:?} is {count}");
        }
    }
    hidden.len()
}
