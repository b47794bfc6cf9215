//! What the tests of this crate share. OpenDP takes no seed, so every statistical test draws fresh noise
//! and allows itself one false alarm in a million runs ([`ALPHA`]).
#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

use policies::agreement::{Charge, MeasureCharge, Unit};
use policies::entry::Reservation;
use policies::loss::Loss;
use policies::mechanism::{Draw, Mechanism, Noise, Scale, Selection};
use policies::table::Table;

/// Probability of a false alarm of one statistical test.
pub const ALPHA: f64 = 1e-6;

pub fn table(cells_max: u32, per_cell_max: u32) -> Table {
    serde_json::from_value(serde_json::json!({
        "name": "od", "kind": "od_trips", "zoning": "post", "period": "day", "bins": [0],
        "categories": [{"dimension": "mode", "values": ["bike"]}],
        "cells_max": cells_max, "per_cell_max": per_cell_max, "clamps": [],
    }))
    .unwrap()
}

pub fn charge(selection: &str, delta: &str, trips: Option<&str>) -> Charge {
    let measure = |rho: &str| MeasureCharge {
        measure: "trips".into(),
        rho: rho.parse().unwrap(),
    };
    Charge {
        selection: selection.parse().unwrap(),
        delta: delta.parse().unwrap(),
        measures: trips.map(measure).into_iter().collect(),
    }
}

pub fn draw(noise: Noise, sixteenths: u64, l0: u32, linf: u64) -> Draw {
    Draw {
        noise,
        scale: Scale::from_sixteenths(sixteenths).unwrap(),
        l0,
        linf,
        merged: 1,
    }
}

pub fn thresholded(selection: Selection) -> Mechanism {
    Mechanism::Thresholded {
        selection,
        measures: vec![],
    }
}

pub fn reservation(table: Table, unit: Unit, mechanism: Mechanism, charge: Loss) -> Reservation {
    let digest = "0".repeat(64);
    Reservation {
        key: digest.parse().unwrap(),
        request: "r1".parse().unwrap(),
        by: "city".parse().unwrap(),
        agreement: digest.parse().unwrap(),
        purpose: "dpv:PublicPolicyMaking".into(),
        table,
        period: "2026-10-05".parse().unwrap(),
        merge: None,
        unit,
        edition: 1,
        manifest: vec![],
        late: false,
        missing: vec![],
        mechanism,
        charge,
        joint: None,
    }
}

/// Enough for every bound of OpenDP's, which is far above our exact sum where a Gaussian is small.
pub fn ample(mechanism: &Mechanism) -> Loss {
    Loss {
        rho: mechanism.cost().unwrap().rho.checked_mul(2).unwrap(),
        delta: "1".parse().unwrap(),
    }
}

/// P[Z = z] for every |z| ≤ `far`, from −`far` on, normalised by their own sum.
pub fn pmf(draw: &Draw, far: i32) -> Vec<f64> {
    let scale = draw.scale.sixteenths() as f64 / 16.0;
    let weight = |z: i32| match draw.noise {
        Noise::DiscreteLaplace => (-f64::from(z.abs()) / scale).exp(),
        Noise::DiscreteGaussian => (-f64::from(z).powi(2) / (2.0 * scale * scale)).exp(),
    };
    let weights: Vec<f64> = (-far..=far).map(weight).collect();
    let all: f64 = weights.iter().sum();
    weights.into_iter().map(|w| w / all).collect()
}

/// The least probability under which `hits` or more of `trials` are not a one-in-a-million event, by
/// Chernoff's bound: P[X ≥ hits] ≤ e^(−n·KL(hits/n ‖ p)).
pub fn at_least(hits: usize, trials: usize) -> f64 {
    let found = hits as f64 / trials as f64;
    let surprising = |p: f64| trials as f64 * divergence(found, p) > -ALPHA.ln();
    let (mut low, mut high) = (0.0, found);
    for _ in 0..60 {
        let middle = (low + high) / 2.0;
        if surprising(middle) {
            low = middle;
        } else {
            high = middle;
        }
    }
    low
}

/// The greatest probability under which `hits` or fewer are not a one-in-a-million event.
pub fn at_most(hits: usize, trials: usize) -> f64 {
    1.0 - at_least(trials - hits, trials)
}

fn divergence(q: f64, p: f64) -> f64 {
    let part = |q: f64, p: f64| if q > 0.0 { q * (q / p).ln() } else { 0.0 };
    part(q, p) + part(1.0 - q, 1.0 - p)
}

/// How many standard deviations the pooled chi-square of `seen` against `expected` rows is too high (Wilson
/// and Hilferty 1931); over 4.8 once in a million. A count without probability is infinitely wrong.
pub fn chi_square_z(seen: &[f64], expected: &[f64]) -> f64 {
    let (mut statistic, mut bins) = (0.0, 0.0);
    let (mut seen_here, mut expected_here) = (0.0, 0.0);
    let mut expected_left: f64 = expected.iter().sum();
    for (seen, expected) in std::iter::zip(seen, expected) {
        seen_here += seen;
        expected_here += expected;
        // Bins of 20 and more; what would be left over joins the last one.
        if expected_here >= 20.0 && expected_left - expected_here >= 20.0 {
            statistic += (seen_here - expected_here).powi(2) / expected_here;
            bins += 1.0;
            expected_left -= expected_here;
            (seen_here, expected_here) = (0.0, 0.0);
        }
    }
    statistic += (seen_here - expected_here).powi(2) / expected_here;
    let spread = 2.0 / (9.0 * bins);
    ((statistic / bins).cbrt() - (1.0 - spread)) / spread.sqrt()
}
