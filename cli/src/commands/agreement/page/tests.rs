#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

use super::*;

const TRIPS: &str = r#"{
  "form": "weir/agreement/1", "title": "Bikes", "public_summary": "Who rides where, by day.",
  "provider": {"org": "bikes", "key": "KEY"}, "planner": {"org": "city", "key": "KEY"},
  "recipients": ["city"], "purposes": ["dpv:PublicPolicyMaking"],
  "valid": {"from": "2023-10-01", "until": "2024-09-30"},
  "covers": {"from": "2023-10-01", "until": "2023-10-31"}, "retention_days": 400,
  "population": {"id": "riders", "description": "riders of the city's bikes", "unit": "UNIT" CAP},
  "time_zone": "Europe/Helsinki",
  "zonings": [{"id": "postal", "sha256": "KEY", "zones": 84}], "k": K,
  "tables": [{"name": "od", "kind": "od_trips", "zoning": "postal", "period": "day",
    "bins": [0, 7, 9], "categories": [{"dimension": "mode", "values": ["bike"]}],
    "cells_max": 1, "per_cell_max": 1, "clamps": []}],
  "plan": [{"table": "od" CHARGE, "editions": 2, "due_hours": 24, "grace_hours": 48}]
}"#;

fn agreement(unit: &str, k: &str, cap: &str, charge: &str) -> Agreement {
    let json = TRIPS.replace("KEY", &"0a".repeat(32)).replace("UNIT", unit);
    let json = json.replace("\"k\": K", &format!("\"k\": {k}"));
    let json = json.replace(" CAP", cap).replace(" CHARGE", charge);
    Agreement::parse(json.as_bytes()).unwrap()
}

#[test]
fn the_page_shows_every_number_that_was_signed() {
    let cap = r#", "cap": {"rho": "4", "delta": "0.00001"}"#;
    let charge = r#", "charge": {"selection": "0.125", "delta": "0.0000001", "measures": [],
        "noise": "discrete_laplace"}"#;
    let page = text(&agreement("trip", "10", cap, charge), "the-id", "active");
    for part in [
        "the-id",
        "active",
        "Who rides where",
        "0a0a 0a0a",
        "dpv:PublicPolicyMaking",
        "at least 10 units",
        "ρ 4, δ 0.00001",
        "ρ 0.25, δ 0.0000002",
        "contributors (ρ 0.125), δ 0.0000001, all noise discrete Laplace",
        "84 zones",
        "84 zones, by content",
        "SHA-256 0a0a 0a0a",
        "21,168",
        "00:00-07:00 07:00-09:00",
        "24 h",
        "72 h",
        "Europe/Helsinki",
        "400 days",
        "one trip; somebody who makes many",
    ] {
        assert!(page.contains(part), "`{part}` is missing in\n{page}");
    }
    assert!(
        page.lines().all(|line| line.chars().count() <= 160),
        "{page}"
    );
}

/// Whoever signs that tables may be open reads what is made of them, and what becomes of those at the end.
#[test]
fn open_data_is_told_with_its_formats_and_its_end() {
    let mut terms = agreement("none", "0", "", "");
    let page = text(&terms, "the-id", "active");
    assert!(
        page.contains("go to the recipients, and to nobody else"),
        "{page}"
    );
    assert!(!page.contains("Parquet") && !page.contains("open tables"));
    let publication = r#"{"licence": "CC-BY-4.0", "on_end": "withdrawn"}"#;
    terms.publication = Some(serde_json::from_str(publication).unwrap());
    let page = text(&terms, "the-id", "active");
    let flat = page.split_whitespace().collect::<Vec<_>>().join(" ");
    for part in [
        "CC-BY-4.0",
        "CSV, Parquet, GeoJSON, Arrow IPC stream, Quality sheet, Columns of the CSV (CSV on the Web), Page",
        "open tables are withdrawn",
    ] {
        assert!(flat.contains(part), "`{part}` is missing in\n{page}");
    }
}

/// They are outside the promise: whoever signs that they are shown reads it.
#[test]
fn rates_that_are_shown_are_told() {
    let cap = r#", "cap": {"rho": "4", "delta": "0.00001"}"#;
    let charge = r#", "charge": {"selection": "0.125", "delta": "0.0000001", "measures": []}"#;
    let mut terms = agreement("trip", "10", cap, charge);
    let outside = "outside the promise";
    assert!(!text(&terms, "the-id", "active").contains(outside));
    terms.rates_shown = true;
    let page = text(&terms, "the-id", "active");
    let flat = page.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(flat.contains(outside), "{page}");
}

#[test]
fn a_source_without_a_unit_says_that_it_claims_nothing() {
    let page = text(&agreement("none", "0", "", ""), "the-id", "active");
    assert!(
        page.contains("no k-anonymity and no differential privacy claim"),
        "{page}"
    );
    assert!(
        page.contains("as contributed") && !page.contains("at least 0 units"),
        "{page}"
    );
    assert!(!page.contains("cells_max"), "{page}");
}

#[test]
fn a_joint_rule_is_told_in_words() {
    let cap = r#", "cap": {"rho": "4", "delta": "0.00001"}"#;
    let charge = r#", "charge": {"selection": "0.125", "delta": "0.0000001", "measures": []},
        "joint": {"min_providers": 3, "dominance_percent": 80}"#;
    let page = text(&agreement("trip", "10", cap, charge), "the-id", "active");
    for part in [
        "only together with other providers'",
        "at least 3 providers",
        "more than 80 %",
    ] {
        assert!(page.contains(part), "`{part}` is missing in\n{page}");
    }
}

#[test]
fn a_k_only_page_says_what_it_is_not() {
    let template = policies::template::named("telecom-k-only").unwrap();
    let terms = Agreement::parse(template.json.as_bytes()).unwrap();
    let page = text(&terms, "the-id", "offered");
    let flat = page.split_whitespace().collect::<Vec<_>>().join(" ");
    for part in [
        "k-only, NOT differentially private",
        "at least 20",
        "exact contributors, with margins",
    ] {
        assert!(flat.contains(part), "no `{part}` in {page}");
    }
    assert!(
        !page.contains('ε'),
        "nothing there may read as a loss: {page}"
    );
    // Where the same people have other agreements, theirs is signed here, too.
    let mut beside = terms;
    beside.population.cap = serde_json::from_str(r#"{"rho": "4", "delta": "0.00001"}"#).unwrap();
    let page = text(&beside, "the-id", "offered");
    let flat = page.split_whitespace().collect::<Vec<_>>().join(" ");
    let cap = "each unit-period may lose ρ 4, δ 0.00001";
    assert!(
        flat.contains(cap) && flat.contains("this one charges nothing"),
        "{page}"
    );
}

#[test]
fn coarser_rows_requests_and_the_schedule_are_on_the_page() {
    let cap = r#", "cap": {"rho": "4", "delta": "0.00001"}"#;
    let charge = r#""charge": {"selection": "0.125", "delta": "0.0000001", "measures": []}"#;
    let plan = format!(
        r#", {charge}, "scheduled": true,
        "rungs": [{{"coarsening": {{"bins": [0], "zones": "all"}}, {charge}}}]"#
    );
    let mut terms = agreement("trip", "10", cap, &plan);
    let ad_hoc = format!(
        r#"[{{"table": "od", "requests": 3, {charge},
        "coarsenings": {{"only": [{{"zones": "parent", "categories": ["mode"]}}]}}}}]"#
    );
    terms.ad_hoc = serde_json::from_str(&ad_hoc).unwrap();
    let page = text(&terms, "the-id", "active");
    for part in [
        "by the broker itself when late: od",
        "day bins from 00:00 and all zones as one; contributors (ρ 0.125), δ 0.0000001",
        "parent zones and all values of mode as one",
        "at most 3 may read one period",
        "ρ 0.25, δ 0.0000002",
    ] {
        assert!(page.contains(part), "`{part}` is missing in\n{page}");
    }
}

/// What a file or an older log holds is told, and is never a line of the page, nor a word to the terminal.
#[test]
fn words_of_a_party_cannot_be_the_page() {
    let mut terms = agreement("none", "0", "", "");
    let heading = format!("{} {}", "─".repeat(92), "How it ends ".repeat(9));
    terms.title = "Bikes\n\nHow it ends\n\u{1b}[2J\u{202e}sekib".into();
    terms.public_summary = format!("{heading}\n\nHow it ends\n───────────\nnotice  none\u{1b}[1A");
    let contact = format!("{heading}\nOpen data\n\u{2066}");
    terms.population.description = contact.clone();
    let canvas = serde_json::json!({"positive": contact, "negative": contact, "affected": contact,
        "mitigations": contact, "contact": contact});
    terms.canvas = serde_json::from_value(canvas).unwrap();
    let page = crate::output::shown(&text(&terms, "the-id", "active"));
    let first = "Bikes\u{fffd}\u{fffd}How it ends\u{fffd}\u{fffd}[2J\u{fffd}sekib";
    assert_eq!(page.lines().next(), Some(first));
    assert!(
        !page.chars().any(|c| c != '\n' && policies::text::steers(c)),
        "{page:?}"
    );
    for heading in ["How it ends", "Open data"] {
        let lines = page.lines().filter(|line| line.starts_with(heading));
        assert_eq!(lines.count(), 1, "{page}");
    }
}
