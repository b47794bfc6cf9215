#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

use policies::joint::{Joint, Part as Reserved};
use policies::loss::Loss;
use policies::mechanism::Noise;

use super::*;
use crate::testing::{at_most, charge, reservation, table};

mod attack;
mod measures;
mod sheet;

const UNIT: Unit = Unit::PersonDay;

/// One provider of a test: bounds, k, and what it pays for contributors and trips.
#[derive(Debug, Clone)]
struct Provider {
    table: Table,
    k: u32,
    charge: Charge,
}

impl Provider {
    fn new(bounds: (u32, u32), k: u32, selection: &str, trips: Option<&str>) -> Self {
        Self {
            table: table(bounds.0, bounds.1),
            k,
            charge: charge(selection, "0.00001", trips),
        }
    }
}

fn calibrated(providers: &[Provider]) -> Vec<Mechanism> {
    let terms = providers.iter().map(|p| Terms {
        table: &p.table,
        k: p.k,
        charge: &p.charge,
    });
    calibrate(UNIT, &terms.collect::<Vec<_>>()).unwrap()
}

fn reserved(providers: &[Provider], mechanisms: &[Mechanism], rule: JointRule) -> Reservation {
    let digest = |n: usize| format!("{n:064}").parse().unwrap();
    let all = std::iter::zip(providers, mechanisms).enumerate();
    let mut parts: Vec<Reserved> = all
        .map(|(n, (provider, mechanism))| Reserved {
            agreement: digest(n),
            provider: format!("provider-{n}").parse().unwrap(),
            table: provider.table.clone(),
            edition: 1,
            manifest: vec![],
            late: false,
            missing: vec![],
            mechanism: mechanism.clone(),
            charge: provider.charge.total().unwrap(),
        })
        .collect();
    let first = parts.remove(0);
    let mut reservation = reservation(first.table, UNIT, first.mechanism, first.charge);
    reservation.joint = Some(Joint { rule, parts });
    reservation
}

/// True numbers of each provider: contributors and trips per row.
type Numbers = Vec<(Vec<u64>, Vec<u64>)>;

fn exact(providers: &[Provider], numbers: &Numbers) -> Vec<Exact> {
    let with = |(provider, (people, trips)): (&Provider, &(Vec<u64>, Vec<u64>))| Exact {
        contributors: Some(people.clone()),
        measures: provider
            .charge
            .measures
            .iter()
            .map(|m| (m.measure.clone(), trips.clone()))
            .collect(),
    };
    std::iter::zip(providers, numbers).map(with).collect()
}

/// What is published.
struct Rows {
    kept: Vec<usize>,
    contributors: Noisy,
    near: Vec<bool>,
    providers: Vec<i64>,
    trips: Option<Noisy>,
}

fn released(providers: &[Provider], rule: JointRule, numbers: &Numbers) -> Rows {
    let reservation = reserved(providers, &calibrated(providers), rule);
    drawn(reservation, exact(providers, numbers)).unwrap()
}

fn drawn(reservation: Reservation, parts: Vec<Exact>) -> Result<Rows, ProtectError> {
    let release = protect(Spend::for_test(reservation), parts)?;
    let Protected::Noisy {
        kept,
        contributors,
        near_threshold,
        providers,
        mut measures,
    } = release.protected().clone()
    else {
        panic!("not protected")
    };
    Ok(Rows {
        kept,
        contributors,
        near: near_threshold,
        providers: providers.unwrap(),
        trips: measures.pop().map(|(_, noisy)| noisy),
    })
}

fn three() -> [Provider; 3] {
    [
        Provider::new((2, 3), 5, "0.1", Some("0.1")),
        Provider::new((1, 2), 10, "0.5", Some("0.2")),
        Provider::new((4, 1), 20, "0.2", Some("0.4")),
    ]
}

const NO_RULE: JointRule = JointRule {
    min_providers: None,
    dominance_percent: None,
};

/// Every part costs at most its own charge, selects as it would alone, and the common scale is the largest that
/// any part needs: one step less, and some part is not paid.
#[test]
fn one_draw_keeps_the_charge_of_every_part_and_is_the_least_that_does() {
    let providers = three();
    let all = calibrated(&providers);
    let draws: Vec<_> = all
        .iter()
        .map(|mechanism| match mechanism {
            Mechanism::Thresholded { measures, .. } => measures[0].draw,
            _ => panic!("not protected"),
        })
        .collect();
    for (provider, mechanism) in std::iter::zip(&providers, &all) {
        let paid = provider.charge.total().unwrap();
        assert!(mechanism.cost().unwrap().fits_in(paid));
        let alone = calibrate_alone(&provider.table, UNIT, provider.k, &provider.charge).unwrap();
        let selection = |m: &Mechanism| match m {
            Mechanism::Thresholded { selection, .. } => *selection,
            _ => panic!("not protected"),
        };
        assert_eq!(selection(mechanism), selection(&alone));
        let check = mechanism.check_terms(&provider.table, provider.k, Some(&provider.charge), 1);
        assert_eq!(check, Ok(()));
    }
    assert!(draws.windows(2).all(|two| two[0].scale == two[1].scale));
    assert!(
        draws
            .iter()
            .all(|draw| draw.noise == Noise::DiscreteGaussian)
    );
    let less =
        policies::mechanism::Scale::from_sixteenths(draws[0].scale.sixteenths() - 1).unwrap();
    let paid = |n: usize| providers[n].charge.measures[0].rho;
    let kept = (0..3).all(|n| {
        let draw = policies::mechanism::Draw {
            scale: less,
            ..draws[n]
        };
        draw.rho().unwrap() <= paid(n)
    });
    assert!(!kept, "a smaller scale would do");
}

#[test]
fn measures_are_the_same_in_every_part() {
    let mut providers = three();
    providers[1].charge.measures.clear();
    let terms: Vec<_> = providers
        .iter()
        .map(|p| Terms {
            table: &p.table,
            k: p.k,
            charge: &p.charge,
        })
        .collect();
    let error = calibrate(UNIT, &terms).unwrap_err().to_string();
    assert!(
        error.contains("`measures.trips` has to be paid for in every part"),
        "{error}"
    );
}

/// No part below its k is ever counted, whatever the noise, and a row that no part selects is not there. A
/// threshold as low as this test's lets noise alone lift a part of k − 1, and of k, over it in many rows.
#[test]
fn a_part_below_its_k_is_never_counted() {
    let mut providers = three();
    for provider in &mut providers {
        provider.charge.delta = "0.4".parse().unwrap();
    }
    let rows = 400;
    let reached = vec![
        (vec![5; rows], vec![9; rows]),
        (vec![0; rows], vec![0; rows]),
        (vec![20; rows], vec![20; rows]),
    ];
    let power = released(&providers, NO_RULE, &reached).kept.len();
    assert!(power > 20, "k units are shown in {power} rows only");
    let numbers = vec![
        (vec![4; rows], vec![9; rows]),
        (vec![900; rows], vec![1000; rows]),
        (vec![19; rows], vec![19; rows]),
    ];
    let found = released(&providers, NO_RULE, &numbers);
    assert_eq!(
        found.kept.len(),
        rows,
        "900 people are far over every threshold"
    );
    assert!(found.providers.iter().all(|n| *n == 1));
    let nobody = vec![
        (vec![4; rows], vec![9; rows]),
        (vec![0; rows], vec![0; rows]),
        (vec![19; rows], vec![19; rows]),
    ];
    assert!(released(&providers, NO_RULE, &nobody).kept.is_empty());
}

/// The numbers of a row are the sums of the parts that are counted, and the intervals hold what they say, also
/// where the noise of some part decided.
#[test]
fn intervals_cover_the_sums_of_the_parts_that_are_counted() {
    let providers = three();
    let rows = 20_000;
    let reservation = reserved(&providers, &calibrated(&providers), NO_RULE);
    let from: Vec<u64> = reservation
        .parts()
        .iter()
        .map(|part| match &part.mechanism {
            Mechanism::Thresholded { selection, .. } => selection.published_from(),
            _ => panic!("not protected"),
        })
        .collect();
    // All far over the threshold; then all at it, and one over it with two at it.
    for offsets in [[1000, 1000, 1000], [0, 0, 0], [1000, 0, 2]] {
        let people = |n: usize| from[n] + offsets[n];
        let numbers: Numbers = (0..3)
            .map(|n| (vec![people(n); rows], vec![people(n); rows]))
            .collect();
        let found = released(&providers, NO_RULE, &numbers);
        assert!(!found.kept.is_empty());
        // Which parts a row counts is not published: only rows of all three have a known truth.
        let all: Vec<usize> = (0..found.kept.len())
            .filter(|n| found.providers[*n] == 3)
            .collect();
        assert!(all.len() > rows / 20, "{}", all.len());
        let truth = i64::try_from((0..3).map(people).sum::<u64>()).unwrap();
        for (column, noisy) in [
            ("contributors", &found.contributors),
            ("trips", found.trips.as_ref().unwrap()),
        ] {
            let hits = all
                .iter()
                .filter(|n| (noisy.low[**n]..=noisy.high[**n]).contains(&truth));
            let hits = hits.count();
            let most = at_most(hits, all.len());
            assert!(
                most >= 0.95,
                "{column} {offsets:?}: {hits} of {} covered",
                all.len()
            );
        }
    }
}

/// A row tells how many providers it counts, and its interval nothing more: not which.
#[test]
fn the_width_of_a_row_depends_on_the_number_of_its_providers_alone() {
    let providers = three();
    // Each provider alone in one row, every pair in one, far over all thresholds.
    let who = [&[0][..], &[1], &[2], &[0, 1], &[0, 2], &[1, 2], &[0, 1, 2]];
    let numbers: Numbers = (0..3)
        .map(|n| {
            let at = |row: &&[usize]| if row.contains(&n) { 5000 } else { 0 };
            let column: Vec<u64> = who.iter().map(at).collect();
            (column.clone(), column)
        })
        .collect();
    let found = released(&providers, NO_RULE, &numbers);
    assert_eq!(found.providers, [1, 1, 1, 2, 2, 2, 3]);
    assert!(found.near.iter().all(|near| !near));
    let width = |n: usize| found.contributors.high[n] - found.contributors.low[n];
    for (a, b) in [(0, 1), (1, 2), (3, 4), (4, 5)] {
        assert_eq!(width(a), width(b));
    }
    assert!(width(0) < width(3) && width(3) <= width(6));
}

#[test]
fn what_does_not_fit_the_reservation_is_not_drawn() {
    let providers = three();
    let fine = || reserved(&providers, &calibrated(&providers), NO_RULE);
    let numbers: Numbers = (0..3).map(|_| (vec![100; 3], vec![100; 3])).collect();
    drawn(fine(), exact(&providers, &numbers)).unwrap();
    let mut two = exact(&providers, &numbers);
    two.pop();
    assert!(matches!(
        drawn(fine(), two),
        Err(ProtectError::Columns {
            what: "other parts"
        })
    ));
    let mut short = exact(&providers, &numbers);
    short[2].contributors = Some(vec![100; 2]);
    short[2].measures[0].1.pop();
    let short = drawn(fine(), short);
    assert!(matches!(
        short,
        Err(ProtectError::Columns {
            what: "parts of different lengths"
        })
    ));
    let mut alone = fine();
    alone.joint = None;
    let alone = drawn(alone, exact(&providers, &numbers));
    assert!(matches!(
        alone,
        Err(ProtectError::Columns {
            what: "one part alone"
        })
    ));
    let part = exact(&providers, &numbers).remove(0);
    let error = crate::protect::protect(Spend::for_test(fine()), part).unwrap_err();
    assert!(matches!(
        error,
        ProtectError::Columns {
            what: "one part of several"
        }
    ));
    let many = vec![(vec![crate::protect::COUNT_MAX + 1], vec![1]); 3];
    assert!(matches!(
        drawn(fine(), exact(&providers, &many)),
        Err(ProtectError::Count)
    ));
}

/// A part that is not paid for gives no right to draw, wherever it stands.
#[test]
fn an_undercharged_part_gives_no_right_to_draw() {
    let providers = three();
    let fine = reserved(&providers, &calibrated(&providers), NO_RULE);
    for n in 0..2 {
        let mut cheap = fine.clone();
        cheap.joint.as_mut().unwrap().parts[n].charge = Loss::ZERO;
        let error = std::panic::catch_unwind(|| Spend::for_test(cheap));
        assert!(error.is_err(), "part {n}");
    }
}
