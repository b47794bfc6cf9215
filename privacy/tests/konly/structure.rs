//! What holds for every cell of every table, without a solver.

use privacy::konly::{Fate, Hierarchy, Key, Row, suppress};

use super::attack::Attack;
use super::world::{World, dimension};

fn worlds() -> Vec<World> {
    vec![
        World::new(1, &[(40, 5), (40, 5)], 0.3, 5),
        World::new(2, &[(12, 4), (12, 4), (8, 4)], 0.4, 10),
        World::new(3, &[(10, 5), (10, 5), (6, 3), (3, 0)], 0.3, 5),
        World::new(4, &[(30, 0)], 0.9, 10),
    ]
}

/// No small cell is shown, and none is known exactly once intervals have been passed from line to line.
#[test]
fn nothing_small_is_shown_or_known() {
    for world in worlds() {
        let k = i64::from(world.k);
        assert!(
            world.pattern.published().all(|(_, count)| count >= k),
            "{}",
            world.name
        );
        let attack = Attack::new(&world, &world.published(), &[]);
        let known = attack.solved_by_propagation();
        let hidden: Vec<_> = world.hidden().iter().map(|(key, ..)| *key).collect();
        let found: Vec<_> = known.iter().filter(|key| hidden.contains(key)).collect();
        assert!(found.is_empty(), "{}: {found:?}", world.name);
    }
}

/// Published numbers are the true ones, margins among them.
#[test]
fn what_is_shown_is_true() {
    for world in worlds() {
        for (key, count) in world.pattern.published().step_by(17) {
            let held = world
                .rows
                .iter()
                .filter(|row| world.above(row.key).contains(&key));
            assert_eq!(held.map(|row| row.count as i64).sum::<i64>(), count);
        }
    }
}

/// The same table has the same pattern, in whatever order its rows come.
#[test]
fn the_pattern_depends_on_the_table_alone() {
    let world = World::new(5, &[(9, 3), (9, 3), (4, 0)], 0.5, 5);
    let mut rows = world.rows.clone();
    rows.reverse();
    let again = suppress(&world.dims, &rows, world.k, 1).unwrap();
    assert_eq!(again.cells(), world.pattern.cells());
}

/// A table without small cells is shown as it is: hiding is not a habit.
#[test]
fn nothing_is_hidden_without_need() {
    let dims = vec![dimension(4, 2), dimension(3, 0)];
    let row = |a, b| Row {
        key: Key::of(&[a, b]),
        count: 20,
        contributors: 20,
    };
    let rows = (0..4)
        .flat_map(|a| (0..3).map(move |b| row(a, b)))
        .collect();
    let world = World::of("full".into(), dims, rows, 10);
    assert!(world.hidden().is_empty());
}

/// The textbook table: one small cell in a full square costs the other three corners of a rectangle.
#[test]
fn one_small_cell_costs_a_rectangle() {
    let dims = vec![Hierarchy::flat(3).unwrap(), Hierarchy::flat(3).unwrap()];
    let count = |a, b| if (a, b) == (1, 1) { 2 } else { 30 };
    let row = |a, b| Row {
        key: Key::of(&[a, b]),
        count: count(a, b),
        contributors: count(a, b),
    };
    let rows = (0..3)
        .flat_map(|a| (0..3).map(move |b| row(a, b)))
        .collect();
    let world = World::of("square".into(), dims, rows, 5);
    let fates: Vec<_> = world.hidden().iter().map(|(_, _, fate)| *fate).collect();
    assert_eq!(fates.len(), 4);
    assert_eq!(fates.iter().filter(|f| **f == Fate::Primary).count(), 1);
}

/// Contributors of a margin do not add up: three people in every one of four cells may be three people.
#[test]
fn a_margin_is_small_where_it_may_be() {
    let dims = vec![Hierarchy::flat(4).unwrap()];
    let rows: Vec<_> = (0..4)
        .map(|a| Row {
            key: Key::of(&[a]),
            count: 50,
            contributors: 3,
        })
        .collect();
    let total = |cells_max| {
        let pattern = suppress(&dims, &rows, 5, cells_max).unwrap();
        pattern.published().count()
    };
    assert_eq!(
        total(4),
        0,
        "12 contributions by units of up to 4 cells are 3 units or more"
    );
    assert_eq!(total(2), 1, "by units of up to 2 cells they are 6");
}
