//! A ladder publishes what is left, never what is shown already.

use policies::coarse::Coarsening;
use policies::entry::RungNoise;
use policies::period::DayBins;

use super::*;
use crate::protect::{Falls, Rows as Rung, protect_ladder};

/// Noise that never hides a unit of difference: published from k + 1 = 6 people.
fn still(cells_max: u32, merged: u32) -> Mechanism {
    let noise = draw(Noise::DiscreteGaussian, 1, cells_max, 1);
    let selection = Selection {
        draw: noise,
        k: 5,
        threshold: 2,
    };
    with_trips(selection, Draw { merged, ..noise })
}

fn whole_day() -> Coarsening {
    serde_json::from_str(r#"{"bins": [0]}"#).unwrap()
}

/// Eight bins; rungs of two by two, and of the whole day.
fn reserved(unit: Unit, cells_max: u32) -> Reservation {
    let mut table = table(cells_max, 1);
    table.bins = DayBins::try_from(vec![0, 3, 6, 9, 12, 15, 18, 21]).unwrap();
    let rungs = [r#"{"bins": [0, 6, 12, 18]}"#, r#"{"bins": [0]}"#];
    let rungs = rungs.map(|json| {
        let coarsening: Coarsening = serde_json::from_str(json).unwrap();
        let mechanism = still(cells_max, coarsening.merged(&table).unwrap());
        RungNoise {
            coarsening,
            mechanism,
        }
    });
    let mut reservation = reservation(table, unit, still(cells_max, 1), Loss::ZERO);
    reservation.rungs = rungs.to_vec();
    reservation.charge = Loss {
        rho: reservation.cost().unwrap().rho.checked_mul(2).unwrap(),
        // OpenDP's bound of so small a Gaussian is 1, per rung.
        delta: "9".parse().unwrap(),
    };
    reservation
}

fn falls() -> [Falls; 2] {
    let two = (0..8).map(|cell| cell / 2).collect();
    [
        Falls { into: two, rows: 4 },
        Falls {
            into: vec![0; 8],
            rows: 1,
        },
    ]
}

fn cells(contributors: [u64; 8], trips: [u64; 8]) -> Exact {
    Exact {
        contributors: Some(contributors.to_vec()),
        measures: vec![("trips".into(), trips.to_vec())],
    }
}

fn ladder(reservation: Reservation, exact: Exact) -> Vec<Rung> {
    let release = protect_ladder(Spend::for_test(reservation), exact, &falls()).unwrap();
    match release.protected() {
        Protected::Ladder(rungs) => rungs.clone(),
        _ => panic!("no ladder"),
    }
}

/// Place, people and trips of each row.
fn shown(rung: &Rung) -> Vec<(usize, i64, i64)> {
    let trips = &rung.measures[0].1.values;
    let values = std::iter::zip(&rung.contributors.values, trips);
    std::iter::zip(&rung.kept, values)
        .map(|(row, (people, trips))| (*row, *people, *trips))
        .collect()
}

/// Cells 0 and 5 are shown as they are. Of row (0, 1) cell 1 is left, with four people: too few. Rows (2, 3)
/// and (6, 7) are shown, with sums of exactly these; what is left for the day is cells 1 and 4.
#[test]
fn a_coarse_row_covers_only_what_no_finer_row_published() {
    let reservation = reserved(Unit::PersonDay, 2);
    let people = [50, 4, 5, 5, 5, 80, 1, 5];
    let rungs = ladder(
        reservation.clone(),
        cells(people, [60, 4, 5, 6, 5, 90, 1, 5]),
    );
    assert_eq!(shown(&rungs[0]), [(0, 50, 60), (5, 80, 90)]);
    // B of two cells: the larger one, or half of their sum. (2, 3): max(5, 5); (6, 7): max(5, 3).
    assert_eq!(
        shown(&rungs[1]),
        [],
        "five people are published from six on"
    );
    // The day: cells 1, 2, 3, 4, 6 and 7: 25 in at most 2 each are at least 13.
    assert_eq!(shown(&rungs[2]), [(0, 13, 26)]);
    // With six instead of five in cell 2 its row is shown, and is gone from the day.
    let people = [50, 4, 6, 5, 5, 80, 1, 5];
    let rungs = ladder(reservation, cells(people, [60, 4, 7, 6, 5, 90, 1, 5]));
    assert_eq!(shown(&rungs[0])[1], (2, 6, 7));
    assert_eq!(shown(&rungs[2]), [(0, 10, 21)], "cells 1, 3, 4, 6, 7");
}

/// A row of the second rung covers its cells for the third.
#[test]
fn every_cell_is_in_at_most_one_row() {
    let reservation = reserved(Unit::Trip, 1);
    let trips = [50, 3, 3, 3, 2, 1, 9, 5];
    let rungs = ladder(reservation, cells(trips, trips));
    assert_eq!(shown(&rungs[0]), [(0, 50, 50), (6, 9, 9)]);
    assert_eq!(shown(&rungs[1]), [(1, 6, 6)]);
    // Cells 1, 4, 5 and 7 are left.
    assert_eq!(shown(&rungs[2]), [(0, 11, 11)]);
    let all: i64 = rungs.iter().flat_map(|r| &r.contributors.values).sum();
    assert_eq!(all, i64::try_from(trips.iter().sum::<u64>()).unwrap());
}

/// Three people in every cell of the day are three people on every rung.
#[test]
fn no_rung_shows_fewer_than_k_people() {
    let rungs = ladder(reserved(Unit::PersonDay, 8), cells([3; 8], [3; 8]));
    assert!(rungs.iter().all(|rung| rung.kept.is_empty()));
}

#[test]
fn the_charge_pays_for_every_rung_and_the_noise_is_for_its_merging() {
    let whole = reserved(Unit::PersonDay, 4);
    let own = whole.mechanism.cost().unwrap();
    assert!(!whole.cost().unwrap().fits_in(own));
    let spend = |change: &dyn Fn(&mut Reservation)| {
        let mut changed = whole.clone();
        change(&mut changed);
        Spend::checked_for_test(changed).unwrap_err().to_string()
    };
    let unpaid = spend(&|r| r.charge.rho = own.rho);
    assert!(unpaid.contains("costs more than its charge"), "{unpaid}");
    let naive = spend(&|r| r.rungs[1].mechanism = still(4, 1));
    assert!(naive.contains("other sensitivities"), "{naive}");
    let bare = spend(&|r| r.rungs[1].mechanism = Mechanism::Unprotected);
    assert!(bare.contains("unprotected"), "{bare}");
}

#[test]
fn a_ladder_takes_the_rows_of_its_rungs_and_nothing_else() {
    let exact = || cells([9; 8], [9; 8]);
    let reservation = || reserved(Unit::PersonDay, 2);
    let refused = |falls: &[Falls]| {
        let ladder = protect_ladder(Spend::for_test(reservation()), exact(), falls);
        ladder.unwrap_err().to_string()
    };
    let [two, day] = falls();
    let beyond = Falls {
        rows: 3,
        ..two.clone()
    };
    let short = Falls {
        into: vec![0; 7],
        ..day.clone()
    };
    for wrong in [
        vec![two.clone()],
        vec![two.clone(), day.clone(), day.clone()],
        vec![beyond, day],
        vec![two, short],
    ] {
        assert!(refused(&wrong).contains("rungs of other cells"));
    }
    let flat = protect(Spend::for_test(reservation()), exact());
    assert!(flat.unwrap_err().to_string().contains("rungs without rows"));
    let mut none = reservation();
    none.rungs.clear();
    assert!(protect_ladder(Spend::for_test(none), exact(), &[]).is_err());
    let mut other = reservation();
    let Mechanism::Thresholded { measures, .. } = &mut other.rungs[0].mechanism else {
        panic!()
    };
    measures.clear();
    let other = protect_ladder(Spend::for_test(other), exact(), &falls());
    assert!(other.unwrap_err().to_string().contains("other measures"));
    assert_eq!(whole_day().merged(&reservation().table), Some(2));
}
