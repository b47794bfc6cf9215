#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

use serde_json::{Value, json};

use super::*;
use crate::testing::{Signer, agreement, floors};

fn paths(agreement: &Agreement) -> Vec<String> {
    faults(agreement, &floors())
        .into_iter()
        .map(|fault| fault.path)
        .collect()
}

/// The agreement with one field, named by its JSON pointer, set to another value.
fn with(pointer: &str, value: Value) -> Agreement {
    let (bikes, city) = (Signer::new(), Signer::new());
    let mut json = serde_json::to_value(agreement(&bikes, &city)).unwrap();
    match json.pointer_mut(pointer) {
        Some(field) => *field = value,
        None => panic!("no `{pointer}`"),
    }
    serde_json::from_value(json).unwrap_or_else(|e| panic!("{pointer}: {e}"))
}

#[test]
fn a_sound_agreement_has_no_fault() {
    assert_eq!(paths(&with("/k", json!(5))), Vec::<String>::new());
}

#[test]
fn each_fault_is_told_with_its_path() {
    let table = |name: &str| {
        json!({
            "name": name, "kind": "od_trips", "zoning": "town-2026", "period": "day", "bins": [0],
            "categories": [{"dimension": "mode", "values": ["bike"]}],
            "cells_max": 1, "per_cell_max": 1, "clamps": [],
        })
    };
    let broken = [
        ("/form", json!("weir/agreement/2"), "form"),
        ("/title", json!(" "), "title"),
        ("/public_summary", json!("x".repeat(4001)), "public_summary"),
        ("/purposes", json!(["marketing"]), "purposes"),
        ("/purposes", json!([]), "purposes"),
        ("/valid/until", json!("2025-01-01"), "valid"),
        ("/covers/until", json!("2026-09-01"), "covers"),
        ("/planner/org", json!("bikes"), "planner.org"),
        ("/recipients", json!([]), "recipients"),
        ("/recipients", json!(["city", "city"]), "recipients"),
        ("/recipients", json!(["bikes"]), "recipients"),
        ("/retention_days", json!(401), "retention_days"),
        ("/k", json!(4), "k"),
        (
            "/population/description",
            json!(""),
            "population.description",
        ),
        (
            "/population/cap",
            json!({"rho": "5", "delta": "0"}),
            "population.cap",
        ),
        (
            "/population/cap",
            json!({"rho": "0.9", "delta": "0.0000002"}),
            "plan",
        ),
        ("/zonings/0/zones", json!(0), "zonings[0].zones"),
        ("/tables", json!([table("od"), table("od")]), "tables"),
        ("/tables/0/kind", json!("od"), "tables[0].kind"),
        ("/tables/0/zoning", json!("elsewhere"), "tables[0].zoning"),
        ("/tables/0/categories", json!([]), "tables[0].categories"),
        (
            "/tables/0/categories/0/values",
            json!(["bike", "bike"]),
            "tables[0].categories",
        ),
        ("/tables/0/cells_max", json!(0), "tables[0].cells_max"),
        ("/tables/0/per_cell_max", json!(0), "tables[0].per_cell_max"),
        (
            "/tables/0/clamps/0/measure",
            json!("trips"),
            "tables[0].clamps",
        ),
        ("/tables/0/clamps/0/max", json!(0), "tables[0].clamps"),
        ("/plan/0/table", json!("secret"), "plan[0].table"),
        ("/plan/0/editions", json!(0), "plan[0].editions"),
        ("/plan/0/due_hours", json!(100_000), "plan[0].due_hours"),
        ("/plan/0/charge/selection", json!("0"), "plan[0].charge"),
        ("/plan/0/charge/delta", json!("0"), "plan[0].charge"),
        ("/plan/0/charge/delta", json!("0.1"), "plan[0].charge"),
        (
            "/plan/0/charge/measures/0/measure",
            json!("duration_s"),
            "plan[0].charge",
        ),
        (
            "/plan/0/charge/measures/0/rho",
            json!("0"),
            "plan[0].charge",
        ),
    ];
    for (pointer, value, path) in broken {
        let found = paths(&with(pointer, value));
        assert!(
            found.iter().any(|p| p == path),
            "{pointer}: {found:?} lacks `{path}`"
        );
    }
}

#[test]
fn units_bind_k_cap_bounds_and_periods() {
    let week = |unit: &str| {
        let mut a = with("/population/unit", json!(unit));
        a.tables[0].period = Grain::Month;
        a
    };
    assert!(paths(&week("person-week")).contains(&"tables[0].period".to_owned()));
    assert!(!paths(&week("person-month")).contains(&"tables[0].period".to_owned()));
    let trip = paths(&with("/population/unit", json!("trip")));
    assert!(
        trip.contains(&"tables[0]".to_owned()),
        "a trip touches one cell once: {trip:?}"
    );
    let none = paths(&with("/population/unit", json!("none")));
    for path in ["population.cap", "k", "plan[0].charge"] {
        assert!(none.contains(&path.to_owned()), "{none:?} lacks `{path}`");
    }
    let mut no_cap = with("/k", json!(5));
    no_cap.population.cap = None;
    assert!(paths(&no_cap).contains(&"population.cap".to_owned()));
}

/// Shapes that never become an agreement.
#[test]
fn unknown_doubled_and_misspelt_fields_are_refused() {
    let (bikes, city) = (Signer::new(), Signer::new());
    let canonical = agreement(&bikes, &city).canonical().unwrap();
    let text = String::from_utf8(canonical.clone()).unwrap();
    Agreement::parse_canonical(&canonical).unwrap();
    let changed = [
        (
            "unknown",
            text.replacen("{\"covers\"", "{\"back_door\":1,\"covers\"", 1),
        ),
        ("doubled", text.replacen("\"k\":5", "\"k\":50,\"k\":5", 1)),
        (
            "a number beyond 2^53",
            text.replacen("\"k\":5", "\"k\":9007199254740993", 1),
        ),
        (
            "a float",
            text.replacen("\"rho\":\"0.25\"", "\"rho\":0.25", 1),
        ),
        (
            "a look-alike id",
            text.replacen("\"org\":\"bikes\"", "\"org\":\"b\u{456}kes\"", 1),
        ),
        (
            "an unknown zone of time",
            text.replacen("Europe/Helsinki", "Europe/Atlantis", 1),
        ),
        (
            "an unknown unit",
            text.replacen("person-day", "person-hour", 1),
        ),
        (
            "bins that do not rise",
            text.replacen("[0,12]", "[0,12,12]", 1),
        ),
    ];
    for (what, json) in changed {
        assert_ne!(json, text, "{what} changed nothing");
        assert!(
            Agreement::parse(json.as_bytes()).is_err(),
            "{what} was taken"
        );
    }
    let spaced = text.replacen(",", ", ", 1);
    assert!(Agreement::parse(spaced.as_bytes()).is_ok());
    assert!(Agreement::parse_canonical(spaced.as_bytes()).is_err());
}
