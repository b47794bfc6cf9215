//! What tests share, here and in the attacks. The noise takes no seed, so every statistical test draws fresh noise
//! and allows itself one false alarm in a million runs ([`ALPHA`]).
#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

use policies::agreement::{Charge, MeasureCharge, Unit};
use policies::entry::Reservation;
use policies::loss::Loss;
use policies::mechanism::{Draw, Mechanism, Noise, Scale, Selection};
use policies::table::Table;

mod stats;

pub use stats::{ALPHA, at_least, at_most, chi_square_z, pmf};

/// A table of trips between zones with these bounds.
pub fn table(cells_max: u32, per_cell_max: u32) -> Table {
    serde_json::from_value(serde_json::json!({
        "name": "od", "kind": "od_trips", "zoning": "post", "period": "day", "bins": [0],
        "categories": [{"dimension": "mode", "values": ["bike"]}],
        "cells_max": cells_max, "per_cell_max": per_cell_max, "clamps": [],
    }))
    .unwrap()
}

/// A charge for contributors and, where given, trips.
pub fn charge(selection: &str, delta: &str, trips: Option<&str>) -> Charge {
    let measure = |rho: &str| MeasureCharge {
        measure: "trips".into(),
        rho: rho.parse().unwrap(),
    };
    Charge {
        selection: selection.parse().unwrap(),
        delta: delta.parse().unwrap(),
        measures: trips.map(measure).into_iter().collect(),
        noise: None,
    }
}

/// One vector of noise.
pub fn draw(noise: Noise, sixteenths: u64, l0: u32, linf: u64) -> Draw {
    Draw {
        noise,
        scale: Scale::from_sixteenths(sixteenths).unwrap(),
        l0,
        linf,
        merged: 1,
    }
}

/// Selection and nothing else.
pub fn thresholded(selection: Selection) -> Mechanism {
    Mechanism::Thresholded {
        selection,
        measures: vec![],
    }
}

/// A reservation of this noise for a day.
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
        replaces: None,
        manifest: vec![],
        late: false,
        missing: vec![],
        mechanism,
        rungs: vec![],
        charge,
        joint: None,
    }
}

/// What OpenDP's maps say that this noise costs, the rungs' included.
pub fn maps(reservation: &Reservation) -> Loss {
    crate::protect::maps(reservation).unwrap()
}

/// Enough for every bound of OpenDP's, which is far above our exact sum where a Gaussian is small.
pub fn ample(mechanism: &Mechanism) -> Loss {
    Loss {
        rho: mechanism.cost().unwrap().rho.checked_mul(2).unwrap(),
        delta: "1".parse().unwrap(),
    }
}
