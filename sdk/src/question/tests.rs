#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

use policies::agreement::Unit;
use policies::kind::Kind;
use serde_json::json;
use tonic::Code;

use super::argument::{identifier, quoted};
use super::ask::narrower;
use super::choose::{Chosen, chosen, known, other_days, unfit};
use super::found::Candidates;
use super::statement::{Read, Shape, bins, counted, statement};
use super::*;
use crate::client::ClientError;

#[test]
fn every_file_is_a_question() {
    for file in FILES {
        toml::from_str::<Question>(file).unwrap();
    }
    assert_eq!(Question::all().len(), FILES.len());
    for question in Question::all() {
        assert!(policies::template::named(&question.needs.template).is_some());
        assert!(
            question
                .needed
                .iter()
                .all(|needed| question.arguments.contains(needed))
        );
        for kind in question.sources.iter().flat_map(|source| &source.kinds) {
            assert!(Kind::named(kind).is_some(), "{kind}");
        }
        assert_eq!(Question::named(&question.name), Some(question));
    }
}

pub(super) fn found(kind: &str, columns: &[&str]) -> Found {
    let terms = serde_json::from_value(json!({
        "name": "od", "kind": kind, "zoning": "town-2026", "period": "week", "bins": [0, 6, 9],
        "categories": [], "cells_max": 1, "per_cell_max": 1, "clamps": [],
    }));
    Found {
        schema: "agreement_0\"1".into(),
        table: "od".into(),
        agreement: "a".repeat(64).parse().unwrap(),
        provider: "bikes".parse().unwrap(),
        terms: terms.unwrap(),
        unit: Unit::PersonDay,
        zoning: serde_json::from_value(
            json!({ "id": "town-2026", "sha256": "b".repeat(64), "zones": 4, "parents": 2 }),
        )
        .unwrap(),
        columns: columns.iter().map(|name| (*name).to_owned()).collect(),
        periods: vec!["2026-W41".parse().unwrap()],
    }
}

pub(super) const OD: [&str; 9] = [
    "contributors",
    "contributors_low",
    "contributors_high",
    "trips",
    "trips_low",
    "trips_high",
    "duration_s",
    "duration_s_low",
    "duration_s_high",
];

fn whole(question: &Question, arguments: &Arguments) -> String {
    let read = |source| Read {
        tables: vec![found(&Source::clone(source).kinds[0], &OD)],
        source,
    };
    let reads: Vec<_> = question.sources.iter().map(read).collect();
    let shape = Shape {
        arguments,
        districts: Some("'a\twest\n'"),
    };
    statement(question, &reads, shape).unwrap()
}

/// Each placeholder of each template means something, and nothing is left of any.
#[test]
fn every_template_becomes_a_statement() {
    for question in Question::all() {
        let text = whole(question, &Arguments::default());
        assert!(!text.contains(['$', '{', '}']), "{text}");
        assert!(text.len() < 8 << 10, "{}", question.name);
        let is_name = |c: char| c.is_ascii_lowercase();
        let given = question.sql.split('$').skip(1);
        let given = given.map(|after| after.split(|c| !is_name(c)).next().unwrap());
        for name in given {
            let argument = Argument::named(name).unwrap();
            assert!(
                question.arguments.contains(&argument),
                "{}: {name}",
                question.name
            );
        }
    }
}

/// A value is a literal or nothing: no quote of it ends one, and it is never read as a template.
#[test]
fn hostile_values_stay_values() {
    let catchment = Question::named("catchment").unwrap();
    for zone in [
        "x' OR '1' = '1",
        "'; DROP TABLE od; --",
        "\\' OR TRUE --",
        "$limit {t.sum}",
        "''",
        "\u{2019} OR 1=1",
    ] {
        let arguments = Arguments::default().with(Argument::Zone, Some(zone));
        arguments.check(catchment).unwrap();
        let literal = format!("destination = '{}'\n", zone.replace('\'', "''"));
        assert!(whole(catchment, &arguments).contains(&literal), "{zone}");
    }
    for zone in ["", "a\nb", "a\0b", &"x".repeat(129)] {
        assert_eq!(quoted(zone), None);
    }
    assert_eq!(identifier("a\"b"), "\"a\"\"b\"");
}

#[test]
fn values_of_another_form_are_refused() {
    let all = [
        ("travel-time", Argument::Date, "2026-13-01"),
        ("travel-time", Argument::Date, "1' OR '1'='1"),
        ("presence-by-hour", Argument::Period, "2026-W99"),
        ("top-corridors", Argument::Limit, "0"),
        ("top-corridors", Argument::Limit, "10; DROP"),
        ("top-corridors", Argument::Hours, "9-6"),
        ("top-corridors", Argument::Hours, "6-25"),
        ("top-corridors", Argument::By, "street"),
        ("top-corridors", Argument::Zone, "a"),
        ("catchment", Argument::At, "Rautatientori"),
        ("catchment", Argument::At, "60.17"),
        ("catchment", Argument::At, "60.17,24.94,3"),
        ("catchment", Argument::At, "91,24.94"),
        ("catchment", Argument::At, "60.17,NaN"),
    ];
    for (name, argument, value) in all {
        let question = Question::named(name).unwrap();
        let given = Arguments::default().with(argument, Some(value));
        assert!(given.check(question).is_err(), "{name} {value}");
    }
    let catchment = Question::named("catchment").unwrap();
    assert!(Arguments::default().check(catchment).is_err());
    let at = Arguments::default().with(Argument::At, Some("60.17, -24.94"));
    at.check(catchment).unwrap();
    let both = at.with(Argument::Zone, Some("a"));
    assert!(both.check(catchment).is_err(), "which of the two?");
    let presence = Question::named("presence-by-hour").unwrap();
    let week = |argument, all: Arguments| all.with(argument, Some("2026-W41"));
    let twice = week(
        Argument::Period,
        week(Argument::Baseline, Arguments::default()),
    );
    let wrong = twice.check(presence).unwrap_err().to_string();
    assert!(wrong.contains("another period than --period"), "{wrong}");
}

#[test]
fn hours_choose_whole_parts_of_the_day() {
    let table = found("od_trips", &OD);
    let of = |hours: &str| {
        bins(
            &table,
            &Arguments::default().with(Argument::Hours, Some(hours)),
        )
    };
    assert_eq!(of("6-9"), [1]);
    assert_eq!(of("0-9"), [0, 1]);
    assert_eq!(of("6-24"), [1, 2]);
    assert!(of("7-9").is_empty());
    assert_eq!(bins(&table, &Arguments::default()), [0, 1, 2]);
}

/// What is counted: the table's count where it is published, else units, which are people only at their own grain.
#[test]
fn a_number_has_its_own_name() {
    let named = |table: &Found| {
        table
            .number()
            .map(|(column, called)| format!("{column} {called}"))
    };
    let mut table = found("od_trips", &OD);
    assert_eq!(named(&table).as_deref(), Some("trips trips"));
    table.columns.retain(|column| !column.starts_with("trips"));
    assert_eq!(named(&table).as_deref(), Some("contributors person_days"));
    table.unit = Unit::PersonWeek;
    assert_eq!(named(&table).as_deref(), Some("contributors people"));
    table.unit = Unit::Trip;
    assert_eq!(named(&table).as_deref(), Some("contributors trips"));
    // Also where the kind says people: who is there on five days of a week is five person-days.
    let mut here = found("presence", &["contributors"]);
    assert_eq!(named(&here).as_deref(), Some("contributors person_days"));
    here.unit = Unit::PersonWeek;
    assert_eq!(named(&here).as_deref(), Some("contributors people"));
    assert_eq!(
        named(&found("presence", &["people"])).as_deref(),
        Some("people people")
    );
    assert_eq!(named(&found("od_trips", &[])), None);
}

#[test]
fn districts_are_one_text() {
    let zoning = json!({ "features": [
        { "properties": { "zone_id": "a", "parent": "O'Hara" } },
        { "properties": { "zone_id": 7, "parent": "east" } },
    ] });
    let list = district::listed(zoning.to_string().as_bytes()).unwrap();
    assert_eq!(list, "'a\tO''Hara\n7\teast\n'");
    // What follows the first `a` and a tab is the district of `a`, not of `ba`.
    let ends = json!({ "features": [
        { "properties": { "zone_id": "ba", "parent": "east" } },
        { "properties": { "zone_id": "a", "parent": "west" } },
    ] });
    let list = district::listed(ends.to_string().as_bytes()).unwrap();
    assert_eq!(list, "'a\twest\nba\teast\n'");
    let none = json!({ "features": [{ "properties": { "zone_id": "a" } }] });
    assert_eq!(district::listed(none.to_string().as_bytes()), None);
    let many: Vec<_> = (0..2000)
        .map(|n| json!({ "properties": { "zone_id": n, "parent": "all" } }))
        .collect();
    let many = json!({ "features": many });
    assert_eq!(district::listed(many.to_string().as_bytes()), None);
}

/// Found by a review: over a million rows read by district was refused in words about windows and joins.
#[test]
fn a_question_by_district_that_reads_too_much_is_told_how_to_read_less() {
    let of = |code, districts, message: &str| {
        let shape = Shape {
            arguments: &Arguments::default(),
            districts,
        };
        let error = ClientError::Status {
            doing: "ask",
            code,
            message: message.into(),
            lost: false,
        };
        narrower(error.into(), shape).to_string()
    };
    let said = |code, districts| of(code, districts, "over 1000000 rows go into a join");
    let told = said(Code::ResourceExhausted, Some("'a\twest\n'"));
    assert!(
        told.contains("rows go into a join; districts are"),
        "{told}"
    );
    assert!(told.contains("--from, --until or --hours") && told.contains("--by zone"));
    assert!(!said(Code::ResourceExhausted, None).contains("--by"));
    assert!(!said(Code::Unavailable, Some("'a\twest\n'")).contains("--by"));
    let busy = of(
        Code::ResourceExhausted,
        Some("'a\twest\n'"),
        "busy: try again later",
    );
    assert!(!busy.contains("--by"), "{busy}");
}

fn mode_split() -> &'static Source {
    &Question::named("mode-split").unwrap().sources[0]
}

/// The bikes' table, and another that differs in what is changed.
fn two(change: impl FnOnce(&mut Found)) -> Vec<Found> {
    let bikes = found("od_trips", &OD);
    let mut other = bikes.clone();
    other.schema = "agreement_2".into();
    other.provider = "trams".parse().unwrap();
    change(&mut other);
    vec![bikes, other]
}

/// Of one provider two tables may count the same trips, whatever their agreements are.
#[test]
fn tables_are_added_of_different_providers_alone() {
    let added = |change: fn(&mut Found)| {
        let have = two(change);
        let names: Vec<_> = have.iter().map(Found::name).collect();
        [Vec::new(), names].map(|named| {
            let candidates = Candidates {
                have: have.clone(),
                planned: Vec::new(),
            };
            matches!(chosen(mode_split(), candidates, &named), Chosen::These(_))
        })
    };
    assert_eq!(added(|_| ()), [true; 2]);
    assert_eq!(
        added(|other| other.provider = "bikes".parse().unwrap()),
        [false; 2]
    );
    assert_eq!(
        added(|other| other.columns.retain(|c| !c.starts_with("trips"))),
        [false; 2]
    );
}

#[test]
fn tables_of_other_periods_or_hours_are_not_added() {
    let why = |hours, change: fn(&mut Found)| {
        let read = Read {
            source: mode_split(),
            tables: two(change),
        };
        let arguments = Arguments::default().with(Argument::Hours, hours);
        unfit(&[read], &arguments).unwrap_or_default()
    };
    assert_eq!(why(None, |_| ()), "");
    let days = |other: &mut Found| other.terms.period = policies::period::Grain::Day;
    assert!(why(None, days).contains("is a week"));
    let none = |other: &mut Found| other.periods = vec!["2026-W42".parse().unwrap()];
    assert!(why(None, none).contains("released in all of"));
    let cut = |other: &mut Found| other.terms.bins = vec![0, 7, 9].try_into().unwrap();
    assert!(why(Some("6-9"), cut).contains("not the same hours"));
    assert_eq!(why(Some("0-9"), cut), "");
}

/// Of the two tables of a ratio, too: trips of a month for the people of a day are none for them.
#[test]
fn tables_that_are_compared_are_of_the_same_hours_and_days() {
    let sources = &Question::named("trips-and-presence").unwrap().sources;
    let said = |hours, change: fn(&mut Found)| {
        let trips = found("od_trips", &OD);
        let mut here = found("presence", &["contributors"]);
        here.schema = "agreement_2".into();
        change(&mut here);
        let read = |(source, found)| Read {
            source,
            tables: vec![found],
        };
        let reads: Vec<_> = sources.iter().zip([trips, here]).map(read).collect();
        let arguments = Arguments::default().with(Argument::Hours, hours);
        let why = unfit(&reads, &arguments);
        why.or(other_days(&reads, &arguments)).unwrap_or_default()
    };
    assert_eq!(said(None, |_| ()), "");
    let cut = |other: &mut Found| other.terms.bins = vec![0, 7, 9].try_into().unwrap();
    assert!(said(Some("6-9"), cut).contains("not the same hours"));
    assert_eq!(said(Some("0-9"), cut), "");
    // A week, and its days.
    let days = |other: &mut Found| {
        let week = "2026-W41".parse::<policies::period::Period>().unwrap();
        other.terms.period = policies::period::Grain::Day;
        other.periods = week
            .days()
            .iter()
            .map(|d| d.to_string().parse().unwrap())
            .collect();
    };
    assert_eq!(said(None, days), "");
    let one = |other: &mut Found| other.periods = vec!["2026-10-05".parse().unwrap()];
    let said = said(None, one);
    assert!(
        said.contains("7 of agreement_0\"1.od, 1 of agreement_2.od, 1 of both"),
        "{said}"
    );
}

/// Each table that is named is read, or it is said why not.
#[test]
fn a_named_table_is_never_replaced() {
    let have = two(|other| other.columns.retain(|c| !c.starts_with("duration")));
    let sources = &Question::named("travel-time").unwrap().sources;
    let why = |name: &str| known(&have, sources, &[name.to_owned()]).map_err(|e| e.to_string());
    assert_eq!(why(&have[0].name()), Ok(()));
    let lacking = why("agreement_2.od").unwrap_err();
    assert!(
        lacking.contains("shows no duration_s with an interval"),
        "{lacking}"
    );
    let unknown = why("od_week").unwrap_err();
    assert!(
        unknown.contains("none of your released tables"),
        "{unknown}"
    );
}

/// What is said of a table is said of the periods that are read.
#[test]
fn a_comparison_counts_its_two_periods() {
    let presence = Question::named("presence-by-hour").unwrap();
    let table = found("presence", &["contributors"]);
    let read = Read {
        source: &presence.sources[0],
        tables: vec![table.clone()],
    };
    let arguments = Arguments::default()
        .with(Argument::Period, Some("2026-W41"))
        .with(Argument::Baseline, Some("2026-W40"));
    let shape = Shape {
        arguments: &arguments,
        districts: None,
    };
    let counted = counted(&table, &read, shape).unwrap();
    assert!(
        counted.contains("period IN ('2026-W41', '2026-W40')"),
        "{counted}"
    );
}
