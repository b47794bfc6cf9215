#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

mod dense;
mod ladder;
mod measures;

use policies::agreement::Unit;
use policies::mechanism::{Draw, MeasureDraw, Noise, Scale};
use policies::table::Table;
use proptest::prelude::*;

use super::*;
use crate::testing::{ample, at_least, at_most, draw, reservation, table, thresholded};

const BOTH: [Noise; 2] = [Noise::DiscreteLaplace, Noise::DiscreteGaussian];

fn spend(mechanism: Mechanism) -> Spend {
    let charge = ample(&mechanism);
    let unit = match mechanism {
        Mechanism::Unprotected => Unit::None,
        Mechanism::Thresholded { .. } | Mechanism::Dense { .. } | Mechanism::KOnly { .. } => {
            Unit::PersonDay
        }
    };
    Spend::for_test(reservation(table(1, 3), unit, mechanism, charge))
}

fn exact(contributors: Vec<u64>) -> Exact {
    Exact {
        contributors: Some(contributors),
        measures: vec![],
    }
}

fn with_trips(selection: Selection, trips: Draw) -> Mechanism {
    let measure = "trips".into();
    let draw = trips;
    Mechanism::Thresholded {
        selection,
        measures: vec![MeasureDraw { measure, draw }],
    }
}

struct Rows {
    kept: Vec<usize>,
    contributors: Noisy,
    near_threshold: Vec<bool>,
    measures: Vec<(String, Noisy)>,
}

fn rows(spend: Spend, exact: Exact) -> Rows {
    match protect(spend, exact).unwrap().protected().clone() {
        Protected::Ladder(_) | Protected::KOnly { .. } | Protected::Plain { .. } => {
            panic!("not one table of rows")
        }
        Protected::Noisy {
            kept,
            contributors,
            near_threshold,
            measures,
            providers: _,
        } => Rows {
            kept,
            contributors,
            near_threshold,
            measures,
        },
    }
}

fn kept(selection: Selection, contributors: Vec<u64>) -> Vec<usize> {
    rows(spend(thresholded(selection)), exact(contributors)).kept
}

/// Zero units, which is a cell that nobody is in, is below every k.
#[test]
fn no_row_below_k_is_ever_published() {
    for (noise, k) in BOTH.into_iter().flat_map(|noise| [(noise, 1), (noise, 10)]) {
        let selection = Selection {
            draw: draw(noise, 64, 1, 1),
            k,
            threshold: 2,
        };
        let rows: Vec<u64> = (0..20_000).map(|n| n % 12).collect();
        let kept = kept(selection, rows.clone());
        assert!(kept.iter().all(|row| rows[*row] >= u64::from(k)));
        assert!(!kept.is_empty());
    }
}

/// privacy.md section 5.2: neighbours k − 1 and k. Without the unit nothing is shown; with it, something is
/// shown in at most the claimed share of trials. An account with T + 1, one off like opendp#2922, is caught.
#[test]
fn one_unit_shows_with_at_most_the_claimed_delta() {
    for (noise, sixteenths) in BOTH
        .into_iter()
        .flat_map(|noise| [(noise, 26), (noise, 40)])
    {
        for threshold in 2..=4 {
            let selection = Selection {
                draw: draw(noise, sixteenths, 1, 1),
                k: 10,
                threshold,
            };
            let trials = 10_000;
            assert_eq!(kept(selection, vec![9; 2000]).len(), 0);
            let shown = kept(selection, vec![10; trials]).len();
            let claimed = |threshold| {
                let claim = Selection {
                    threshold,
                    ..selection
                };
                claim.delta().unwrap().units() as f64 / 1e12
            };
            let words = format!("{noise:?} {sixteenths}/16, T {threshold}: {shown} of {trials}");
            assert!(at_least(shown, trials) <= claimed(threshold), "{words}");
            assert!(
                at_least(shown, trials) > claimed(threshold + 1),
                "{words}: no power"
            );
        }
    }
}

/// All cells of one unit together: any of L0 cells that shows is a failure.
#[test]
fn delta_covers_every_cell_of_a_unit() {
    let l0 = 4;
    let selection = Selection {
        draw: draw(Noise::DiscreteGaussian, 48, l0, 1),
        k: 3,
        threshold: 8,
    };
    let trials = 10_000;
    let cells = vec![3; trials * l0 as usize];
    let mut units: Vec<usize> = kept(selection, cells)
        .iter()
        .map(|row| row / l0 as usize)
        .collect();
    units.dedup();
    let claimed = selection.delta().unwrap().units() as f64 / 1e12;
    assert!(
        at_least(units.len(), trials) <= claimed,
        "{} of {trials}",
        units.len()
    );
    assert!(
        at_least(units.len(), trials) > claimed / f64::from(l0),
        "no power"
    );
}

#[test]
fn intervals_cover_95_of_100() {
    for noise in BOTH {
        let selection = Selection {
            draw: draw(noise, 100, 1, 1),
            k: 1,
            threshold: 12,
        };
        let count = 20_000;
        let exact = Exact {
            contributors: Some(vec![1000; count]),
            measures: vec![("trips".into(), vec![2500; count])],
        };
        let rows = rows(spend(with_trips(selection, draw(noise, 160, 1, 3))), exact);
        assert_eq!(rows.kept.len(), count);
        for (noisy, truth) in [(&rows.contributors, 1000), (&rows.measures[0].1, 2500)] {
            let ends = std::iter::zip(&noisy.low, &noisy.high);
            let covered = ends
                .filter(|(low, high)| (**low..=**high).contains(&truth))
                .count();
            // A little more than 95 %, for the noise is whole numbers.
            assert!(at_most(covered, count) >= 0.95, "{noise:?}: {covered}");
            assert!(at_least(covered, count) <= 0.97, "{noise:?}: {covered}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever comes in: rows in the caller's order, k kept, low ≤ value ≤ high, one number per row.
    #[test]
    fn rows_are_well_formed(
        counts in prop::collection::vec((0_u64..60, 0_u64..99), 0..200),
        k in 1_u32..20, threshold in 2_u64..10, sixteenths in 1_u64..400, laplace in any::<bool>(),
    ) {
        let draw = draw(BOTH[usize::from(!laplace)], sixteenths, 1, 3);
        let selection = Selection { draw, k, threshold };
        let (contributors, trips): (Vec<u64>, Vec<u64>) = counts.into_iter().unzip();
        let measures = vec![("trips".into(), trips)];
        let exact = Exact { contributors: Some(contributors.clone()), measures };
        let rows = rows(spend(with_trips(selection, draw)), exact);
        prop_assert!(rows.kept.is_sorted_by(|a, b| a < b));
        prop_assert!(rows.kept.iter().all(|row| contributors[*row] >= u64::from(k)));
        prop_assert_eq!(rows.near_threshold.len(), rows.kept.len());
        let from = i64::try_from(selection.published_from()).unwrap();
        prop_assert!(rows.contributors.values.iter().all(|n| *n >= from));
        prop_assert!(rows.contributors.low.iter().all(|n| *n >= i64::from(k)));
        for noisy in [&rows.contributors, &rows.measures[0].1] {
            prop_assert_eq!(noisy.values.len(), rows.kept.len());
            let ends = std::iter::zip(&noisy.low, &noisy.high);
            let mut cells = std::iter::zip(&noisy.values, ends);
            prop_assert!(cells.all(|(value, (low, high))| low <= value && value <= high));
        }
    }
}

#[test]
fn rows_that_noise_could_have_withheld_are_marked() {
    let selection = Selection {
        draw: draw(Noise::DiscreteGaussian, 32, 1, 1),
        k: 5,
        threshold: 12,
    };
    // T + k − 1 = 16, σ = 2, half width 4: 40 is five times as far above the threshold.
    let rows = rows(
        spend(thresholded(selection)),
        exact([vec![16; 200], vec![40; 200]].concat()),
    );
    let marked = std::iter::zip(&rows.contributors.values, &rows.near_threshold);
    assert!(marked.clone().all(|(n, near)| *near == (*n <= 16 + 4)));
    assert!(marked.clone().any(|(_, near)| *near) && marked.clone().any(|(_, near)| !*near));
}

#[test]
fn columns_that_do_not_fit_the_reservation_draw_nothing() {
    let selection = Selection {
        draw: draw(Noise::DiscreteGaussian, 32, 1, 1),
        k: 5,
        threshold: 12,
    };
    let refused = |exact| protect(spend(thresholded(selection)), exact).unwrap_err();
    let foreign = Exact {
        contributors: Some(vec![1]),
        measures: vec![("trips".into(), vec![1])],
    };
    assert!(matches!(refused(foreign), ProtectError::Columns { .. }));
    let absent = Exact {
        contributors: None,
        measures: vec![],
    };
    assert!(matches!(refused(absent), ProtectError::Columns { .. }));
    assert_eq!(refused(exact(vec![COUNT_MAX + 1])), ProtectError::Count);
    let ragged = Exact {
        contributors: Some(vec![1, 2]),
        measures: vec![("trips".into(), vec![1])],
    };
    let mechanism = with_trips(selection, draw(Noise::DiscreteGaussian, 32, 1, 3));
    let refused = protect(spend(mechanism), ragged).unwrap_err();
    assert!(matches!(refused, ProtectError::Columns { .. }));
    let with_unit = protect(spend(Mechanism::Unprotected), exact(vec![1])).unwrap_err();
    assert!(matches!(with_unit, ProtectError::Columns { .. }));
}

/// A reservation whose integers fit but whose noise OpenDP prices higher: fail closed, draw nothing.
#[test]
fn noise_that_opendp_prices_over_the_charge_is_not_drawn() {
    let selection = Selection {
        draw: draw(Noise::DiscreteGaussian, 160, 1, 1),
        k: 5,
        threshold: 50,
    };
    let mechanism = thresholded(selection);
    let charge = mechanism.cost().unwrap();
    assert!(engine::delta(&selection).unwrap() > charge.delta);
    let spend = Spend::for_test(reservation(table(1, 1), Unit::PersonDay, mechanism, charge));
    assert_eq!(
        protect(spend, exact(vec![100])).unwrap_err(),
        ProtectError::Undercharged
    );
}

#[test]
fn data_without_a_unit_passes_as_it_is_and_says_so() {
    let exact = Exact {
        contributors: None,
        measures: vec![("people".into(), vec![0, 3, COUNT_MAX])],
    };
    let release = protect(spend(Mechanism::Unprotected), exact).unwrap();
    let plain = Protected::Plain {
        measures: vec![("people".into(), vec![0, 3, 1 << 40])],
    };
    assert!(*release.protected() == plain);
}

#[test]
fn an_empty_table_is_a_release_too() {
    let selection = Selection {
        draw: draw(Noise::DiscreteGaussian, 32, 1, 1),
        k: 5,
        threshold: 12,
    };
    assert_eq!(kept(selection, vec![]).len(), 0);
}

#[test]
fn no_count_has_a_debug_text() {
    let cells = exact(vec![424_242]);
    let selection = Selection {
        draw: draw(Noise::DiscreteGaussian, 1, 1, 1),
        k: 5,
        threshold: 2,
    };
    let mut texts = vec![format!("{cells:?}"), format!("{cells:#?}")];
    let drawn = protect(spend(thresholded(selection)), cells).unwrap();
    texts.push(format!("{drawn:?} {:?}", drawn.protected()));
    let values = vec![("people".into(), vec![424_242])];
    let plain = Exact {
        contributors: None,
        measures: values,
    };
    texts.push(format!("{plain:?}"));
    texts.push(format!(
        "{:?}",
        protect(spend(Mechanism::Unprotected), plain).unwrap()
    ));
    let Protected::Noisy { contributors, .. } = drawn.protected() else {
        panic!()
    };
    texts.push(format!("{contributors:?}"));
    assert!(texts.iter().all(|text| !text.contains("4242")), "{texts:?}");
}
