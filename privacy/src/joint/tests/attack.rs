//! A joint table attacked by those who know most of it: a company that takes part, and a planner with margins.

use policies::mechanism::Scale;

use super::*;
use crate::testing::at_least;

/// Company A knows its own part exactly; the neighbour is one person of B with three trips.
const OWN: (u64, u64) = (5_000, 9_000);
const OTHER: (u64, u64) = (400, 900);
const ROWS: usize = 40_000;

/// What A makes of each row after it has subtracted itself: the likelihood score of "the person is there". A row that B
/// is not counted in scores least.
fn scores(rows: &Rows, sigma: (f64, f64)) -> Vec<f64> {
    let trips = rows.trips.as_ref().unwrap();
    let mut scores = vec![f64::NEG_INFINITY; ROWS];
    for (n, row) in rows.kept.iter().enumerate() {
        if rows.providers[n] == 2 {
            let people = rows.contributors.values[n] as f64 - OWN.0 as f64 - OTHER.0 as f64;
            let trips = trips.values[n] as f64 - OWN.1 as f64 - OTHER.1 as f64;
            scores[*row] = people / sigma.0.powi(2) + 3.0 * trips / sigma.1.powi(2);
        }
    }
    scores
}

/// The ε that A certifies at δ, with confidence 1 − 2·10⁻⁶: threshold chosen on one half, certified on the other.
fn certified(with: &[f64], without: &[f64], delta: f64) -> f64 {
    let half = ROWS / 2;
    let over = |scores: &[f64], t: f64| scores.iter().filter(|s| **s >= t).count();
    let bound = |hits: usize, misses: usize| {
        let advantage = at_least(hits, half) - delta;
        (advantage / at_most(misses, half)).ln()
    };
    let mut thresholds: Vec<f64> = with[..half].iter().step_by(50).copied().collect();
    thresholds.sort_by(f64::total_cmp);
    let rank = |t: f64| bound(over(&with[..half], t), over(&without[..half], t));
    let best = thresholds
        .into_iter()
        .max_by(|a, b| rank(*a).total_cmp(&rank(*b)))
        .unwrap();
    bound(over(&with[half..], best), over(&without[half..], best))
}

/// The audit: A subtracts its own exact part from releases with and without one person of B.
fn audit(providers: &[Provider], mechanisms: &[Mechanism], delta: f64) -> f64 {
    let release = |gone: u64| {
        let numbers = vec![
            (vec![OWN.0; ROWS], vec![OWN.1; ROWS]),
            (vec![OTHER.0 - gone; ROWS], vec![OTHER.1 - 3 * gone; ROWS]),
        ];
        let reservation = reserved(providers, mechanisms, NO_RULE);
        drawn(reservation, exact(providers, &numbers)).unwrap()
    };
    let sigma = |n: usize| match &mechanisms[n] {
        Mechanism::Thresholded {
            selection,
            measures,
        } => {
            let float = |scale: Scale| scale.sixteenths() as f64 / 16.0;
            (float(selection.draw.scale), float(measures[0].draw.scale))
        }
        Mechanism::Unprotected => panic!("not protected"),
    };
    let people = sigma(0).0.hypot(sigma(1).0);
    let (with, without) = (release(0), release(1));
    let sigma = (people, sigma(1).1);
    certified(&scores(&with, sigma), &scores(&without, sigma), delta)
}

/// A pays much and needs little noise, B pays little and needs much. What A learns of B after subtracting itself is
/// certified by the noise that B pays for: at most B's claim. With the scale that A needs (the mutant) A would learn far
/// more than B has paid, and the audit sees it.
#[test]
fn a_company_that_subtracts_its_own_part_learns_no_more_than_the_claim() {
    let providers = [
        Provider::new((1, 3), 5, "8", Some("8")),
        Provider::new((1, 3), 5, "0.1", Some("0.4")),
    ];
    let delta = 1e-5;
    let paid = providers[1].charge.total().unwrap();
    // Twice the δ of selection, so that half of it is left for the conversion.
    let claim = crate::engine::epsilon(paid, "0.00002".parse().unwrap());
    let claim = claim.unwrap().unwrap();
    let mechanisms = calibrated(&providers);
    let learnt = audit(&providers, &mechanisms, 2.0 * delta);
    assert!(learnt <= claim, "certified {learnt}, claimed {claim}");
    // The attack is a real one: without B's noise it would not find this much.
    assert!(
        learnt >= 0.25 * claim,
        "certified {learnt} of {claim}: the attack is too weak"
    );

    let scale = |n: usize| match &calibrate_alone(
        &providers[n].table,
        UNIT,
        providers[n].k,
        &providers[n].charge,
    )
    .unwrap()
    {
        Mechanism::Thresholded { measures, .. } => measures[0].draw.scale,
        Mechanism::Unprotected => panic!("not protected"),
    };
    assert!(scale(0) < scale(1));
    let mut mutants = mechanisms.clone();
    for mutant in &mut mutants {
        if let Mechanism::Thresholded { measures, .. } = mutant {
            measures[0].draw.scale = scale(0);
        }
    }
    // It is drawn only because B is made to pay what A pays.
    let mut paying = providers.clone();
    paying[1].charge.measures[0].rho = "8".parse().unwrap();
    let learnt = audit(&paying, &mutants, 2.0 * delta);
    assert!(
        learnt > claim,
        "the mutant was not seen: {learnt} of {claim}"
    );
}

fn rule(min_providers: Option<u32>, dominance_percent: Option<u32>) -> JointRule {
    JointRule {
        min_providers,
        dominance_percent,
    }
}

/// Numbers of three providers, row by row.
fn rows(rows: &[[u64; 3]]) -> Numbers {
    (0..3)
        .map(|n| {
            let column: Vec<u64> = rows.iter().map(|row| row[n]).collect();
            (column.clone(), column)
        })
        .collect()
}

/// Which rows are shown follows the rule on noisy numbers: clear cases always, close ones by the noise and not by the
/// truth.
#[test]
fn few_providers_and_dominated_rows_are_withheld_by_noisy_numbers() {
    let providers = three();
    let clear = rows(&[
        [3000, 3000, 3000],
        [9000, 1000, 1000], // 82 %
        [3000, 3000, 0],    // two providers
        [7000, 1500, 1500], // 70 %
        [0, 0, 4000],       // one
    ]);
    let shown = |rule| released(&providers, rule, &clear).kept;
    assert_eq!(shown(NO_RULE), [0, 1, 2, 3, 4]);
    assert_eq!(shown(rule(Some(3), None)), [0, 1, 3]);
    assert_eq!(shown(rule(None, Some(75))), [0, 2, 3]);
    assert_eq!(shown(rule(Some(3), Some(75))), [0, 3]);
    // True shares of 75.1 % and 74.9 %: on true numbers none, or all, of either would be shown.
    for row in [[3012, 499, 500], [2996, 501, 502]] {
        let close = rows(&vec![row; 2000]);
        let kept = released(&providers, rule(None, Some(75)), &close)
            .kept
            .len();
        assert!((20..1980).contains(&kept), "{kept} of 2000 with {row:?}");
    }
}

/// Attack on a dominance suppression: a margin (the same people by a coarser table) minus the rows that are visible. It
/// finds the dominated row to within the noise, so no such margin stands beside a guarded table
/// (`policies::decide`, `no_margin_stands_beside_a_guarded_table`); the margin that anyone may add up from the rows
/// themselves does not hold it.
#[test]
fn a_margin_would_undo_a_dominance_suppression_and_the_sum_of_rows_does_not() {
    let providers = three();
    let fine = [[1000, 1000, 1000], [20_000, 700, 700], [900, 1100, 800]];
    let guarded = released(&providers, rule(Some(3), Some(80)), &rows(&fine));
    assert_eq!(guarded.kept, [0, 2], "the second row is dominated");
    let visible: i64 = guarded.contributors.values.iter().sum();
    let total: [u64; 3] = std::array::from_fn(|n| fine.iter().map(|row| row[n]).sum());
    // The margin, as if it were released without the guard.
    let margin = released(&providers, NO_RULE, &rows(&[total]));
    let dominated = 21_400;
    let found = margin.contributors.values[0] - visible;
    assert!((found - dominated).abs() < 300, "the margin finds {found}");
    // The guarded table by itself: its own sum is what it shows, 21,400 short of the whole.
    let short = i64::try_from(total.iter().sum::<u64>()).unwrap() - visible;
    assert!((short - dominated).abs() < 300, "{short} are in no row");
    // By its own rule alone it would be shown where it is less dominated than the row in it: testing each table by itself
    // is not enough.
    let own = released(&providers, rule(Some(3), Some(90)), &rows(&[total]));
    assert_eq!(own.kept, [0]);
}
