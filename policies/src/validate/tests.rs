#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

use serde_json::{Value, json};

use super::*;
use crate::loss::Rho;
use crate::period::Grain;
use crate::testing::{Signer, agreement, floors};

mod bad_input;
mod dense;
mod k_only;
mod together;

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

/// Breaks one field of a sound agreement and expects exactly one fault, at exactly one path.
#[track_caller]
fn breaks(pointer: &str, value: Value, path: &str) {
    assert_eq!(
        paths(&with(pointer, value.clone())),
        [path],
        "{pointer} = {value}"
    );
}

#[test]
fn a_sound_agreement_has_no_fault() {
    assert_eq!(paths(&with("/k", json!(5))), Vec::<String>::new());
}

#[test]
fn texts_dates_and_purposes() {
    breaks("/form", json!("weir/agreement/2"), "form");
    breaks("/title", json!(" "), "title");
    breaks("/title", json!("x".repeat(201)), "title");
    breaks("/public_summary", json!(""), "public_summary");
    breaks("/public_summary", json!("x".repeat(4001)), "public_summary");
    breaks("/purposes", json!([]), "purposes");
    for wrong in [
        "marketing",
        "dpv:",
        "dpv:a b",
        "DPV:PublicPolicyMaking",
        "dpv:\u{430}",
    ] {
        breaks("/purposes", json!([wrong]), "purposes");
    }
    breaks("/purposes", json!(["dpv:A", "dpv:A"]), "purposes");
    for range in ["valid", "covers"] {
        breaks(&format!("/{range}/until"), json!("2025-01-01"), range);
        breaks(&format!("/{range}/until"), json!("2200-01-01"), range);
        breaks(&format!("/{range}/from"), json!("1899-12-31"), range);
        breaks(&format!("/{range}/from"), json!("-009999-01-01"), range);
    }
    breaks("/retention_days", json!(0), "retention_days");
    breaks("/retention_days", json!(401), "retention_days");
}

#[test]
fn parties_and_recipients() {
    breaks("/planner/org", json!("bikes"), "planner.org");
    breaks("/recipients", json!([]), "recipients");
    breaks("/recipients", json!(["city", "city"]), "recipients");
    breaks("/recipients", json!(["city", "bikes"]), "recipients");
}

#[test]
fn population_and_k_keep_the_floors() {
    breaks("/k", json!(4), "k");
    breaks(
        "/population/description",
        json!(""),
        "population.description",
    );
    for cap in [
        json!({"rho": "5", "delta": "0.000001"}),
        json!({"rho": "1", "delta": "0.0001"}),
    ] {
        breaks("/population/cap", cap, "population.cap");
    }
    let mut no_cap = with("/k", json!(5));
    no_cap.population.cap = None;
    assert_eq!(paths(&no_cap), ["population.cap"]);
    let mut none = with("/k", json!(0));
    let lenient = Floors {
        k_min: 0,
        ..floors()
    };
    let fault = &faults(&none, &lenient)[..];
    assert_eq!(
        fault.iter().map(|f| f.path.as_str()).collect::<Vec<_>>(),
        ["k"]
    );
    none.population.unit = Unit::None;
    (none.population.cap, none.plan[0].charge) = (None, None);
    assert_eq!(
        paths(&none),
        Vec::<String>::new(),
        "data without a unit claims nothing"
    );
}

#[test]
fn without_a_unit_there_is_no_k_no_cap_and_no_charge() {
    let none = with("/population/unit", json!("none"));
    assert_eq!(paths(&none), ["population.cap", "k", "plan[0].charge"]);
}

#[test]
fn zonings_and_tables_are_named_once() {
    let zoning = json!({"id": "town-2026", "sha256": "a".repeat(64), "zones": 4});
    breaks("/zonings", json!([zoning, zoning]), "zonings");
    breaks("/zonings/0/zones", json!(0), "zonings[0].zones");
    let mut many = with("/k", json!(5));
    let table = many.tables[0].clone();
    many.tables.push(table.clone());
    assert_eq!(paths(&many), ["tables"]);
    let named = |n: usize| {
        let name = format!("od-{n}").parse().unwrap();
        crate::table::Table {
            name,
            ..table.clone()
        }
    };
    many.tables = (0..TABLES_MAX).map(named).collect();
    many.tables[0].name = "od".parse().unwrap();
    assert_eq!(paths(&many), Vec::<String>::new());
    many.tables.push(named(TABLES_MAX));
    assert_eq!(paths(&many), ["tables"]);
    assert_eq!(
        paths(&with("/tables", json!([]))),
        ["tables", "plan[0].table"]
    );
}

#[test]
fn tables_keep_to_their_kind() {
    breaks("/tables/0/kind", json!("od"), "tables[0].kind");
    breaks("/tables/0/zoning", json!("elsewhere"), "tables[0].zoning");
    let axes = |axes: Value| breaks("/tables/0/categories", axes, "tables[0].categories");
    axes(json!([]));
    axes(json!([{"dimension": "use", "values": ["bike"]}]));
    axes(json!([{"dimension": "mode", "values": []}]));
    axes(json!([{"dimension": "mode", "values": ["bike", "bike"]}]));
    let clamps = |clamps: Value| breaks("/tables/0/clamps", clamps, "tables[0].clamps");
    clamps(json!([{"measure": "trips", "min": 0, "max": 1}]));
    clamps(json!([{"measure": "speed", "min": 0, "max": 1}]));
    clamps(json!([{"measure": "duration_s", "min": 60, "max": 60}]));
    let clamp = json!({"measure": "duration_s", "min": 0, "max": 60});
    clamps(json!([clamp, clamp]));
}

#[test]
fn bounds_suit_mechanism_and_unit() {
    breaks("/tables/0/cells_max", json!(0), "tables[0].cells_max");
    breaks("/tables/0/cells_max", json!(65537), "tables[0].cells_max");
    breaks("/tables/0/per_cell_max", json!(0), "tables[0].per_cell_max");
    let mut trip = with("/population/unit", json!("trip"));
    trip.plan[0].charge.as_mut().unwrap().measures.clear();
    assert_eq!(paths(&trip), ["tables[0]"], "a trip touches one cell once");
    (trip.tables[0].cells_max, trip.tables[0].per_cell_max) = (1, 1);
    assert_eq!(paths(&trip), Vec::<String>::new());
    for (unit, period, whole) in [
        ("person-day", Grain::Month, true),
        ("person-week", Grain::Day, false),
        ("person-week", Grain::Week, true),
        ("person-week", Grain::Month, false),
        ("person-month", Grain::Week, false),
        ("person-month", Grain::Month, true),
    ] {
        let mut a = with("/population/unit", json!(unit));
        a.tables[0].period = period;
        let expected: &[&str] = if whole { &[] } else { &["tables[0].period"] };
        assert_eq!(paths(&a), expected, "{unit}, {period:?}");
    }
}

/// Also where the number of keys leaves its type.
#[test]
fn a_public_domain_is_bounded() {
    let mut a = with("/zonings/0/zones", json!(46_340));
    assert_eq!(paths(&a), Vec::<String>::new(), "46,340² · 2 < 2³²");
    a.zonings[0].zones = 46_341;
    assert_eq!(paths(&a), ["tables[0]"]);
    a.zonings[0].zones = u32::MAX;
    a.tables[0].bins = (0..24).collect::<Vec<u8>>().try_into().unwrap();
    assert_eq!(paths(&a), ["zonings[0].zones", "tables[0]"]);
    let values = a.tables[0].categories[0].values[0].clone();
    a.tables[0].categories[0].values = vec![values; 2];
    assert_eq!(
        paths(&a),
        ["zonings[0].zones", "tables[0].categories", "tables[0]"]
    );
}

#[test]
fn plan_items_are_within_reason() {
    breaks("/plan", json!([]), "plan");
    breaks("/plan/0/table", json!("secret"), "plan[0].table");
    breaks("/plan/0/editions", json!(0), "plan[0].editions");
    let mut many = with("/plan/0/editions", json!(65));
    many.plan[0].charge = with_small_charge();
    assert_eq!(paths(&many), ["plan[0].editions"]);
    many.plan[0].editions = 64;
    assert_eq!(paths(&many), Vec::<String>::new());
    let item = many.plan[0].clone();
    many.plan[0].editions = 1;
    many.plan.push(item);
    assert_eq!(paths(&many), ["plan"]);
    breaks("/plan/0/due_hours", json!(8785), "plan[0].due_hours");
    breaks("/plan/0/grace_hours", json!(8785), "plan[0].grace_hours");
}

fn with_small_charge() -> Option<crate::agreement::Charge> {
    let json = json!({"selection": "0.001", "delta": "0.000000001", "measures": []});
    serde_json::from_value(json).unwrap()
}

#[test]
fn charges_pay_for_noise() {
    let mut free = with("/k", json!(5));
    free.plan[0].charge = None;
    assert_eq!(paths(&free), ["plan[0].charge"]);
    let charge = |field: &str, value: Value| {
        breaks(&format!("/plan/0/charge/{field}"), value, "plan[0].charge");
    };
    charge("selection", json!("0"));
    charge("delta", json!("0"));
    charge("measures/0/rho", json!("0"));
    let twice = json!({"measure": "trips", "rho": "0.01"});
    charge("measures", json!([twice, twice]));
    let mut trip = with("/population/unit", json!("trip"));
    (trip.tables[0].cells_max, trip.tables[0].per_cell_max) = (1, 1);
    assert_eq!(
        paths(&trip),
        ["plan[0].charge.measures[0]"],
        "contributors are the trips"
    );
}

#[test]
fn charges_name_what_the_table_measures() {
    let measure = |value: &str| {
        let field = "/plan/0/charge/measures/0/measure";
        breaks(field, json!(value), "plan[0].charge.measures[0]");
    };
    for unknown in [
        "people",
        "distance_m",
        "duration_s_histogram",
        "duration_s_mean",
    ] {
        measure(unknown);
    }
    // A sum without its count.
    measure("duration_s");
    let rho = |measure: &str| json!({"measure": measure, "rho": "0.0625"});
    let durations = json!([rho("duration_s"), rho("trips"), rho("duration_s_histogram")]);
    let mut a = with("/plan/0/charge/measures", durations);
    assert_eq!(paths(&a), ["plan[0].charge.measures[2]"]);
    a.tables[0].histograms = vec![crate::table::Histogram {
        measure: "duration_s".into(),
        edges: vec![600],
    }];
    assert_eq!(paths(&a), Vec::<String>::new());
    a.tables[0].per_cell_max = u32::MAX;
    assert_eq!(paths(&a), ["plan[0].charge.measures[0]"], "2³² · 7,200");
    // With unit trip the contributors are the count.
    a.population.unit = Unit::Trip;
    (a.tables[0].cells_max, a.tables[0].per_cell_max) = (1, 1);
    a.plan[0].charge.as_mut().unwrap().measures.remove(1);
    assert_eq!(paths(&a), Vec::<String>::new());
}

#[test]
fn histograms_lie_inside_a_clamp() {
    let breaks = |value: Value| {
        let mut a = with("/k", json!(5));
        a.tables[0].histograms = serde_json::from_value(value.clone()).unwrap();
        assert_eq!(paths(&a), ["tables[0].histograms"], "{value}");
    };
    let bins = |edges: Value| json!([{"measure": "duration_s", "edges": edges}]);
    for edges in [
        json!([]),
        json!([600, 600]),
        json!([900, 600]),
        json!([0, 600]),
        json!([600, 7200]),
        json!((1..=32).collect::<Vec<u32>>()),
    ] {
        breaks(bins(edges));
    }
    breaks(json!([{"measure": "distance_m", "edges": [600]}]));
    let one = json!({"measure": "duration_s", "edges": [600]});
    breaks(json!([one, one]));
    let mut most = with("/k", json!(5));
    most.tables[0].histograms =
        serde_json::from_value(bins(json!((1..=31).collect::<Vec<u32>>()))).unwrap();
    assert_eq!(paths(&most), Vec::<String>::new());
    // Meters have no events.
    most.tables[0].kind = "energy".into();
    assert!(paths(&most).contains(&"tables[0].histograms".to_owned()));
}

/// 10⁻⁵ is the most that any δ may be, also where cap and floors would allow more.
#[test]
fn delta_is_far_below_one() {
    let mut a = with("/plan/0/editions", json!(1));
    let mut paths_at = |delta: &str| {
        let (cap_max, delta) = (a.population.cap.unwrap(), delta.parse().unwrap());
        let cap_max = crate::loss::Loss { delta, ..cap_max };
        a.population.cap = Some(cap_max);
        a.plan[0].charge.as_mut().unwrap().delta = delta;
        let found = faults(
            &a,
            &Floors {
                cap_max,
                ..floors()
            },
        );
        found.into_iter().map(|f| f.path).collect::<Vec<_>>()
    };
    assert_eq!(paths_at("0.00001"), Vec::<String>::new());
    assert_eq!(paths_at("0.000010000001"), ["plan[0].charge"]);
}

#[test]
fn all_editions_together_fit_the_cap() {
    breaks("/population/cap/rho", json!("0.999999999999"), "plan");
    breaks("/population/cap/delta", json!("0.000000199999"), "plan");
    breaks("/plan/0/editions", json!(3), "plan");
    breaks("/plan/0/charge/selection", json!("999999"), "plan");
}

#[test]
fn every_answer_of_a_canvas_says_something_or_there_is_none() {
    let answers = |change: fn(&mut Value)| {
        let mut canvas = json!({
            "positive": "good", "negative": "harm", "affected": "who", "mitigations": "what",
            "contact": "where",
        });
        change(&mut canvas);
        let mut terms = agreement(&Signer::new(), &Signer::new());
        terms.canvas = serde_json::from_value(canvas).ok();
        (terms.canvas.is_some(), paths(&terms))
    };
    assert_eq!(answers(|_| ()), (true, vec![]));
    let silent = answers(|c| c["negative"] = " \n".into());
    assert_eq!(silent, (true, vec!["canvas.negative".to_owned()]));
    let long = answers(|c| c["positive"] = "x".repeat(1001).into());
    assert_eq!(long, (true, vec!["canvas.positive".to_owned()]));
    let long = answers(|c| c["contact"] = "x".repeat(201).into());
    assert_eq!(long, (true, vec!["canvas.contact".to_owned()]));
    // A field too many or too few is no canvas.
    assert!(!answers(|c| c["benefit"] = "x".into()).0);
    assert!(!answers(|c| drop(c.as_object_mut().unwrap().remove("contact"))).0);
}

#[test]
fn open_data_has_a_licence_and_an_end_that_holds() {
    let faults = |licence: &str, on_end: &str, tables: &str| {
        let mut terms = agreement(&Signer::new(), &Signer::new());
        let publication = json!({ "licence": licence, "on_end": on_end });
        terms.publication = serde_json::from_value(publication).ok();
        let end = json!({ "tables": tables, "notice_days": 0 });
        terms.on_end = Some(serde_json::from_value(end).unwrap());
        assert!(terms.publication.is_some(), "{on_end}");
        paths(&terms)
    };
    for licence in ["CC-BY-4.0", "ODbL-1.0", "https://data.example/terms?v=2"] {
        assert_eq!(faults(licence, "kept", "served"), Vec::<String>::new());
    }
    let long = "x".repeat(201);
    for licence in [
        "",
        "CC BY",
        "<script>",
        "http://data.example/",
        "https://localhost",
        "https:///x.y",
        "https://a.b/\"",
        "javascript:x",
        &long,
    ] {
        let found = faults(licence, "withdrawn", "closed");
        assert_eq!(found, ["publication.licence"], "{licence:?}");
    }
    assert_eq!(faults("CC0-1.0", "kept", "closed"), ["publication.on_end"]);
    assert_eq!(
        faults("CC0-1.0", "withdrawn", "closed"),
        Vec::<String>::new()
    );
}
