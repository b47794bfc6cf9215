#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

use std::collections::{BTreeMap, BTreeSet};

use policies::coarse::{Coarsening, Merge};
use policies::mechanism::{Mechanism, Noise, Selection};
use policies::period::{DayBins, Period};
use policies::table::Table;
use proptest::prelude::*;

use super::*;
use crate::protect::{Protected, protect, protect_merged};
use crate::spend::Spend;
use crate::testing::{ample, draw, reservation, table, thresholded};

const DAYS: [&str; 3] = ["2026-10-05", "2026-10-06", "2026-10-07"];

/// Four bins of a day, merged into one; a person is in up to `cells_max` of them.
fn four_bins(cells_max: u32) -> Table {
    let mut table = table(cells_max, 1);
    table.bins = DayBins::try_from(vec![0, 6, 12, 18]).unwrap();
    table
}

fn whole_day() -> Coarsening {
    serde_json::from_str(r#"{"bins": [0]}"#).unwrap()
}

fn reserved(table: &Table, unit: Unit, days: &[&str], mechanism: Mechanism) -> Reservation {
    let periods: Vec<Period> = days.iter().map(|day| day.parse().unwrap()).collect();
    let charge = ample(&mechanism);
    Reservation {
        period: periods[0],
        merge: Some(Merge::new(&periods, whole_day()).unwrap()),
        ..reservation(table.clone(), unit, mechanism, charge)
    }
}

/// Noise so small that it never hides a unit of difference.
fn still(k: u32, cells_max: u32) -> Mechanism {
    thresholded(Selection {
        draw: draw(Noise::DiscreteGaussian, 1, cells_max, 1),
        k,
        threshold: 2,
    })
}

fn cells(contributors: Vec<u64>) -> Exact {
    Exact {
        contributors: Some(contributors),
        measures: vec![],
    }
}

fn published(reservation: Reservation, days: Vec<(Vec<u64>, Vec<usize>)>) -> Vec<i64> {
    let mut fold = Fold::new(&reservation).unwrap();
    let rows = days.iter().flat_map(|(_, rows)| rows).max().unwrap() + 1;
    for (contributors, rows) in days {
        fold.add(cells(contributors), &rows).unwrap();
    }
    let order: Vec<usize> = (0..rows).collect();
    let merged = fold.finish(&order).unwrap();
    let release = protect_merged(Spend::for_test(reservation), merged).unwrap();
    match release.protected() {
        Protected::Noisy { contributors, .. } => contributors.values.clone(),
        _ => panic!("not one table of rows"),
    }
}

/// k = 5 and three people, each in all four bins on all three days. Their cells add up to 12 a day and 36 in
/// all; whoever gates that sum publishes a cell of three people.
#[test]
fn the_naive_sum_publishes_a_cell_of_three_people_and_ours_does_not() {
    let table = four_bins(4);
    let day = || (vec![3_u64; 4], vec![0_usize; 4]);
    let naive: u64 = std::iter::repeat_n(day().0, 3).flatten().sum();
    let mechanism = still(5, 4);
    let charge = ample(&mechanism);
    let plain = reservation(table.clone(), Unit::PersonDay, mechanism.clone(), charge);
    let release = protect(Spend::for_test(plain), cells(vec![naive])).unwrap();
    let Protected::Noisy { kept, .. } = release.protected() else {
        panic!()
    };
    assert_eq!(kept.len(), 1, "the naive sum of {naive} is published");

    for days in 1..=3 {
        let merge = reserved(&table, Unit::PersonDay, &DAYS[..days], mechanism.clone());
        let shown = published(merge, vec![day(); days]);
        assert_eq!(shown, Vec::<i64>::new(), "three people over {days} days");
    }
    // Seven people are shown, as at least seven.
    let seven = vec![(vec![7; 4], vec![0; 4]); 3];
    let merge = reserved(&table, Unit::PersonDay, &DAYS, mechanism);
    assert_eq!(published(merge, seven), [7]);
}

/// The largest cell, or the sum by r where that is more; the best of the periods, never their sum.
#[test]
fn the_bound_is_the_best_of_what_is_known() {
    let bound = |cells: &[i64], unit| {
        let rows = vec![Some(0); cells.len()];
        lower_bounds(cells, &rows, 1, 4, unit)[0]
    };
    assert_eq!(bound(&[9, 1, 1], Unit::PersonDay), 9);
    assert_eq!(bound(&[5, 5, 5, 5], Unit::PersonDay), 5);
    assert_eq!(bound(&[5, 5, 5, 6], Unit::PersonDay), 6);
    // A city of many zones: 40 cells of 3 are at least 30 people who are in four each.
    assert_eq!(bound(&[3; 40], Unit::PersonDay), 30);
    assert_eq!(bound(&[5, 5, 5, 6], Unit::Trip), 21);
    assert_eq!(
        lower_bounds(&[4, 4], &[None, Some(0)], 1, 4, Unit::PersonDay),
        [4]
    );
    let table = four_bins(4);
    let two = vec![(vec![20, 20], vec![0, 1]), (vec![30, 1], vec![0, 0])];
    let merge = reserved(&table, Unit::PersonDay, &DAYS[..2], still(5, 4));
    assert_eq!(published(merge, two), [30, 20]);
}

/// Trips are what they are: each is in one cell, so they add, over bins and over days.
#[test]
fn trips_add() {
    let table = four_bins(1);
    let days = vec![(vec![3; 4], vec![0; 4]); 3];
    let merge = reserved(&table, Unit::Trip, &DAYS, still(5, 1));
    assert_eq!(published(merge, days), [36]);
}

#[test]
fn a_fold_takes_what_was_reserved_and_nothing_else() {
    let table = four_bins(4);
    let merge = || reserved(&table, Unit::PersonDay, &DAYS[..2], still(5, 4));
    let two = merge();
    let fold = |days: usize| {
        let mut fold = Fold::new(&two).unwrap();
        let added = (0..days).try_for_each(|_| fold.add(cells(vec![9, 9]), &[0, 1]));
        added.map(|()| fold)
    };
    let refused = |result: Result<Fold, ProtectError>| result.unwrap_err().to_string();
    assert!(refused(fold(3)).contains("more periods"));
    let finish = |order: &[usize]| fold(2).unwrap().finish(order).map(drop);
    finish(&[1, 0]).unwrap();
    for wrong in [&[0][..], &[0, 0], &[0, 1, 2], &[]] {
        assert!(finish(wrong).unwrap_err().to_string().contains("order"));
    }
    let short = fold(1).unwrap().finish(&[0, 1]).map(drop).unwrap_err();
    assert!(short.to_string().contains("fewer periods"));
    let other = Exact {
        measures: vec![("trips".into(), vec![1])],
        ..cells(vec![1])
    };
    let wrong = Fold::new(&two).unwrap().add(other, &[0]).unwrap_err();
    assert!(wrong.to_string().contains("other measures"));
    let mut longer = Fold::new(&two).unwrap();
    assert!(longer.add(cells(vec![1, 2]), &[0]).is_err());
    // Neither way around the fold: not for a merge, nor for the plan's table.
    let unfolded = protect(Spend::for_test(merge()), cells(vec![9]));
    assert!(unfolded.unwrap_err().to_string().contains("not folded"));
    let plan = Reservation {
        merge: None,
        ..merge()
    };
    assert!(Fold::new(&plan).is_err());
    let merged = fold(2).unwrap().finish(&[0, 1]).unwrap();
    assert!(protect_merged(Spend::for_test(plan), merged).is_err());
}

/// Numbers that no city has end in a cut, not in a charge without a table.
#[test]
fn sums_beyond_all_use_are_cut() {
    let table = four_bins(1);
    let days = vec![(vec![crate::protect::COUNT_MAX; 4096], vec![0; 4096]); 3];
    let merge = reserved(&table, Unit::Trip, &DAYS, still(5, 1));
    let most = i64::try_from(CENTRED_MAX).unwrap();
    assert_eq!(published(merge, days), [most]);
}

/// A person's cells, each day: (person, day, cell). Bounded as the SDK does.
type Trace = BTreeMap<(u8, usize), BTreeSet<usize>>;

const CELLS: usize = 12;
const PERIODS: usize = 3;

fn traces() -> impl Strategy<Value = (Trace, u32)> {
    (1..=6_usize).prop_flat_map(|cells_max| {
        let cells = prop::collection::btree_set(0..CELLS, 1..=cells_max);
        let trace = prop::collection::btree_map((0..12_u8, 0..PERIODS), cells, 1..40);
        (trace, Just(cells_max as u32))
    })
}

/// Rows of unequal size: cells 0 to 5, 6 to 8, 9 and 10, 11.
fn row_of(cell: usize) -> usize {
    [0, 0, 0, 0, 0, 0, 1, 1, 1, 2, 2, 3][cell]
}

fn bounds(trace: &Trace, merged: u32) -> Vec<i64> {
    let mut best = vec![0_i64; 4];
    for day in 0..PERIODS {
        let mut cells = vec![0_i64; CELLS];
        for ((_, at), touched) in trace {
            if *at == day {
                touched.iter().for_each(|cell| cells[*cell] += 1);
            }
        }
        let rows: Vec<_> = (0..CELLS).map(|cell| Some(row_of(cell))).collect();
        let day = lower_bounds(&cells, &rows, 4, merged, Unit::PersonDay);
        for (all, one) in std::iter::zip(&mut best, day) {
            *all = (*all).max(one);
        }
    }
    best
}

proptest! {
    /// B ≤ the distinct people who were in the row on any one day, hence ≤ distinct people over all; and
    /// one person-day less moves no row by more than 1, and at most `cells_max` rows at all.
    #[test]
    fn the_bound_is_below_the_truth_and_moves_by_one((trace, cells_max) in traces()) {
        let merged = cells_max.min(6);
        let whole = bounds(&trace, merged);
        for (row, bound) in whole.iter().enumerate() {
            let people: BTreeSet<u8> = trace
                .iter()
                .filter(|(_, cells)| cells.iter().any(|cell| row_of(*cell) == row))
                .map(|((person, _), _)| *person)
                .collect();
            prop_assert!(*bound <= people.len() as i64, "row {row}: {bound} > {}", people.len());
        }
        for gone in trace.keys() {
            let mut without = trace.clone();
            without.remove(gone);
            let less = bounds(&without, merged);
            let moved: Vec<u64> = std::iter::zip(&whole, &less).map(|(a, b)| a.abs_diff(*b)).collect();
            prop_assert!(moved.iter().all(|by| *by <= 1), "{moved:?}");
            prop_assert!(moved.iter().sum::<u64>() <= u64::from(cells_max));
        }
    }

    /// Sums of measures move by no more than the noise is made for: Δ1 = L0·L∞ and Δ2² = r·L0·L∞².
    #[test]
    fn sums_move_by_what_is_charged((trace, cells_max) in traces(), linf in 1..4_u64) {
        let (merged, cells_max) = (u64::from(cells_max.min(6)), u64::from(cells_max));
        for cells in trace.values() {
            let mut change = [0_u64; 4];
            cells.iter().for_each(|cell| change[row_of(*cell)] += linf);
            let squares: u64 = change.iter().map(|c| c * c).sum();
            prop_assert!(squares <= merged * cells_max * linf * linf);
            prop_assert!(change.iter().sum::<u64>() <= cells_max * linf);
            prop_assert!(change.iter().all(|c| *c <= merged * linf));
        }
    }
}
