#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

use policies::template::named;

use super::cells::{Cell, measures};
use super::*;

fn bikes() -> Agreement {
    Agreement::parse(named("bikes").unwrap().json.as_bytes()).unwrap()
}

fn of(terms: &Agreement, counts: &[(&str, u64)]) -> Vec<Cells> {
    let table = &terms.tables[0];
    let cell = |(district, contributors): &(&str, u64)| Cell {
        district: (*district).to_owned(),
        contributors: *contributors,
        values: measures(table).iter().map(|_| *contributors).collect(),
    };
    vec![Cells {
        table: table.name.clone(),
        period: Some("2026-10-05".parse().unwrap()),
        measures: measures(table),
        cells: counts.iter().map(cell).collect(),
    }]
}

#[test]
fn districts_show_what_their_cells_allow() {
    let terms = bikes();
    let counts = [
        ("west", 1000),
        ("west", 1),
        ("west", 9),
        ("east", 2),
        ("north", 500),
    ];
    let tried = tried(&terms, of(&terms, &counts), true).unwrap();
    let table = &tried.tables[0];
    let told: Vec<_> = table
        .districts
        .iter()
        .map(|d| {
            (
                d.name.as_str(),
                d.cells_shown_percent,
                d.covered_percent,
                d.counts,
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            ("east", 0, 0, Some((1, 2))),
            ("north", 100, 100, Some((1, 500))),
            ("west", 33, 99, Some((3, 1010))),
        ]
    );
    assert_eq!(
        (table.all.cells_shown_percent, table.all.counts),
        (40, Some((5, 1512)))
    );
    // ± of the contributors, against the mean of what is shown.
    let half = table.errors_95[0].1;
    assert_eq!(table.errors_95[0].0, "contributors");
    assert_eq!(
        table.districts[1].errors_percent[0],
        Some((half * 100).div_ceil(500))
    );
    assert_eq!(table.districts[0].errors_percent[0], None);
}

#[test]
fn true_counts_stay_out_unless_asked_for_and_the_answer_says_what_it_is() {
    let terms = bikes();
    let own = || tried(&terms, of(&terms, &[("west", 31_337)]), true).unwrap();
    let revealed = own().page(9);
    assert!(
        revealed.contains("31,337") && revealed.contains("TRUE contributors"),
        "{revealed}"
    );
    let kept = own().without_counts();
    let json = serde_json::to_string(&kept).unwrap();
    for text in [kept.page(9), json] {
        assert!(text.contains("TRUE cells: protected by nothing"), "{text}");
        assert!(
            !text.contains("31,337") && !text.contains("31337"),
            "{text}"
        );
    }
}

#[test]
fn a_smaller_charge_shows_less_of_the_same_invented_city() {
    let mut terms = bikes();
    terms.zonings[0].zones = 30;
    let shown = |terms: &Agreement| {
        let city = invented::city(terms, 20_000, &Districts::default()).unwrap();
        let people: u64 = city[0].cells.iter().map(|cell| cell.contributors).sum();
        assert!((14_000..=22_000).contains(&people), "{people}");
        let tried = tried(terms, city, false).unwrap();
        assert_eq!(
            (tried.tables.len(), tried.tables[0].districts.len()),
            (2, 30)
        );
        assert!(tried.page(9).contains("INVENTED") && !tried.page(9).contains("your own"));
        tried.tables[0].all.covered_percent
    };
    let before = shown(&terms);
    terms.plan[0].charge.as_mut().unwrap().selection = "0.001".parse().unwrap();
    let after = shown(&terms);
    assert!(before > after && before > 20, "{before} {after}");
    terms.zonings[0].zones = 1 << 20;
    assert!(invented::city(&terms, 20_000, &Districts::default()).is_err());
}

#[test]
fn what_cannot_be_replayed_is_said() {
    let note = |name: &str| {
        let terms = Agreement::parse(named(name).unwrap().json.as_bytes()).unwrap();
        let city = invented::city(&terms, 1000, &Districts::default()).unwrap();
        tried(&terms, city, false).unwrap().page(9)
    };
    assert!(note("telecom-k-only").contains("an upper bound"));
    let all = note("telecom-presence");
    assert!(
        all.contains("as contributed") && all.contains("every cell is shown"),
        "{all}"
    );
}
