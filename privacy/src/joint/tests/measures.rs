//! Sums and percentiles of several parts: one draw over the sum of the parts that selected the row.

use policies::agreement::MeasureCharge;

use super::*;

/// Little noise: half a second on a sum, hardly any on counts.
fn timed(k: u32) -> Provider {
    let mut provider = Provider::new((1, 2), k, "50", Some("500"));
    provider.table.clamps =
        serde_json::from_str(r#"[{"measure": "duration_s", "min": 60, "max": 1260}]"#).unwrap();
    provider.table.histograms =
        serde_json::from_str(r#"[{"measure": "duration_s", "edges": [300, 600]}]"#).unwrap();
    for (measure, rho) in [("duration_s", "500000"), ("duration_s_histogram", "500")] {
        let (measure, rho) = (measure.to_owned(), rho.parse().unwrap());
        provider
            .charge
            .measures
            .push(MeasureCharge { measure, rho });
    }
    provider
}

/// One row: 100 people with trips of 400 s, three quarters of them in the middle bin.
fn numbers(people: u64, trips: u64) -> Exact {
    let column = |name: &str, value| (name.to_owned(), vec![value]);
    Exact {
        contributors: Some(vec![people]),
        measures: vec![
            column("trips", trips),
            column("duration_s", trips * 400),
            column("duration_s_bin_00", trips / 4),
            column("duration_s_bin_01", trips - trips / 4),
            column("duration_s_bin_02", 0),
        ],
    }
}

fn shown(unit: Unit, providers: &[Provider], parts: Vec<Exact>) -> Vec<(String, Noisy)> {
    let terms = providers.iter().map(|p| Terms {
        table: &p.table,
        k: p.k,
        charge: &p.charge,
    });
    let mechanisms = calibrate(unit, &terms.collect::<Vec<_>>()).unwrap();
    let mut reservation = reserved(providers, &mechanisms, JointRule::default());
    reservation.unit = unit;
    let release = protect(Spend::for_test(reservation), parts).unwrap();
    let Protected::Noisy { measures, .. } = release.protected().clone() else {
        panic!("not protected")
    };
    measures
}

/// The third part is below its k: it counts nowhere, not in the sum, not in its centre, not in the bins.
#[test]
fn means_and_percentiles_are_of_the_parts_that_count() {
    let providers = [timed(5), timed(5), timed(500)];
    let parts = vec![numbers(100, 120), numbers(200, 240), numbers(400, 600)];
    let measures = shown(UNIT, &providers, parts);
    let value = |name: &str| {
        let found = measures.iter().find(|(column, _)| column == name);
        found.map(|(_, noisy)| noisy.values[0]).unwrap()
    };
    assert_eq!(value("trips"), 360);
    assert!(
        value("duration_s").abs_diff(360 * 400) < 60,
        "{}",
        value("duration_s")
    );
    assert_eq!(value("duration_s_mean"), 400);
    assert_eq!(value("duration_s_p50"), 400);
}

/// With unit trip the noisy contributors are the count, and their interval is carried into the mean's.
#[test]
fn means_of_trips_hold_what_the_contributors_hold() {
    let mut providers = [timed(5), timed(5), timed(5)];
    for provider in &mut providers {
        provider.table.per_cell_max = 1;
        provider.charge.measures.remove(0);
    }
    let part = || {
        let mut part = numbers(100, 100);
        part.measures.remove(0);
        part
    };
    let measures = shown(Unit::Trip, &providers, vec![part(), part(), part()]);
    let (name, mean) = &measures[1];
    assert_eq!(name, "duration_s_mean");
    assert!(mean.low[0] <= 400 && 400 <= mean.high[0]);
    assert!(mean.values[0].abs_diff(400) < 20 && mean.high[0] - mean.low[0] < 60);
}
