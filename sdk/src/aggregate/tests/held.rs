//! A company's own aggregates.

use super::world::{World, agreement, cells, presence};
use crate::aggregate::{AggregateError, Reason};

const GRID: &str = "id,zone\n1,00100\n2,00100\n3,02150\n4,\n";

fn lookup(world: &World) {
    world.file("grid.csv", GRID);
}

const WIDE: &str = r#"
[source]
format = "csv"
[dimensions.zone]
column = "YKR_ID"
lookup = { file = "grid.csv", key = "id", zone = "zone" }
[aggregates]
period = "2023-10"
[aggregates.measures.people]
columns = { H0 = 0, H7 = 7, H8 = 8, H23 = 23 }
scale = 100.0
missing = [-1]
[[aggregates.files]]
name = "work.csv"
dimensions = { category = "workday" }
[[aggregates.files]]
name = "sun.csv"
dimensions = { category = "sunday" }
"#;

const HOURS: &str = "[0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23]";

#[test]
fn wide_percentages_become_people_by_zone_and_hour() {
    let (agreement, world) = (
        agreement("none", &[presence("p", HOURS, 1, 1)]),
        World::new(),
    );
    lookup(&world);
    let header = "YKR_ID,H0,H7,H8,H23";
    let inputs = [
        world.csv(
            "work.csv",
            header,
            &[
                "1,0.004,1,0,2".into(),
                "2,0.004,0.5,0,0".into(),
                "3,0,0,0,7".into(),
            ],
        ),
        world.csv(
            "sun.csv",
            header,
            &[
                "1,1,1,1,1".into(),
                "9,1,1,1,1".into(),
                "4,1,1,1,1".into(),
                "2,1,1,-1,1".into(),
            ],
        ),
    ];
    let (found, report) = world.run(&agreement, WIDE, &inputs);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].declared.active_units, None);
    let cells = cells(&found);
    let people = |key: &str| cells[&format!("p 2023-10 {key}")]["people"];
    // Rounded once, after the sum: 0.4 + 0.4 people are 1.
    assert_eq!(people("00100 00 workday"), 1);
    assert_eq!(people("00100 07 workday"), 150);
    assert_eq!(people("00100 08 workday"), 0);
    assert_eq!(people("02150 23 workday"), 700);
    assert_eq!(people("00100 08 sunday"), 100);
    assert_eq!(cells.len(), 4 + 4 + 4);
    let rejected = &report.tables[0].rejected;
    assert_eq!(rejected[&Reason::ZoneUnknown], 1);
    assert_eq!(rejected[&Reason::ZoneOutside], 1);
    assert_eq!(rejected[&Reason::ValueMissing], 1);
    assert_eq!((report.read, report.tables[0].kept), (7, 4));
    assert!(!cells.values().any(|cell| cell.contains_key("contributors")));
}

#[test]
fn hours_of_one_bin_are_combined_only_as_the_mapping_says() {
    let (agreement, world) = (
        agreement("none", &[presence("p", "[0, 7]", 1, 1)]),
        World::new(),
    );
    lookup(&world);
    let input = [world.csv(
        "work.csv",
        "YKR_ID,H0,H7,H8,H23",
        &["1,1,1,2,6".into(), "2,0,0,0,0".into()],
    )];
    let error = world
        .try_run(&agreement, WIDE, &input)
        .unwrap_err()
        .to_string();
    assert!(error.contains("within_bin"), "{error}");
    // Distinct people cannot be combined at all.
    let (_, people) = WIDE.split_once("[aggregates.measures.people]").unwrap();
    let persons = format!(
        "[source]\nformat = \"csv\"\n[dimensions.zone]\ncolumn = \"YKR_ID\"\n[aggregates]\n\
         period = \"2023-10\"\nactive_units = 9\nwithin_bin = \"mean\"\n\
         [aggregates.contributors]{people}"
    );
    let protected = super::world::agreement("person-day", &[presence("p", "[0, 7]", 1, 1)]);
    let error = world.try_run(&protected, &persons, &input).unwrap_err();
    assert!(
        error.to_string().contains("distinct units do not add up"),
        "{error}"
    );
    for (how, people) in [("mean", 300), ("sum", 900)] {
        let with = format!("[aggregates]\nwithin_bin = \"{how}\"");
        let mapping = WIDE.replace("[aggregates]", &with);
        let found = cells(&world.run(&agreement, &mapping, &input).0);
        assert_eq!(found["p 2023-10 00100 01 workday"]["people"], people);
        assert_eq!(found["p 2023-10 00100 00 workday"]["people"], 100);
    }
}

const LONG: &str = r#"
[source]
format = "csv"
[dimensions.zone]
column = "zone"
[dimensions.category]
column = "day"
values = { "Mon-Thu" = "workday", "Sun" = "sunday" }
[aggregates]
period = "2023-10"
hour = "hour"
active_units = 30
truncated = "0.012"
[aggregates.contributors]
column = "subscribers"
"#;

#[test]
fn stated_contributors_are_checked_against_the_bounds() {
    let tables = [presence("p", HOURS, 2, 1)];
    let (agreement, world) = (agreement("person-day", &tables), World::new());
    let header = "zone,day,hour,subscribers";
    let rows = [
        "00100,Mon-Thu,0,12",
        "00100,Sun,7,20",
        "00100,Sun,8,0",
        "00100,Sun,9,1.5",
        "00100,Sun,10,-3",
        "00100,Sun,24,3",
        "00100,Tue,11,3",
    ];
    let rows: Vec<String> = rows.iter().map(|row| (*row).to_owned()).collect();
    let input = [world.csv("long.csv", header, &rows)];
    let (found, report) = world.run(&agreement, LONG, &input);
    assert_eq!(
        cells(&found)
            .into_iter()
            .map(|(k, c)| (k, c["contributors"]))
            .collect::<Vec<_>>(),
        [
            ("p 2023-10 00100 00 workday".to_owned(), 12),
            ("p 2023-10 00100 07 sunday".to_owned(), 20)
        ]
    );
    let declared = &found[0].declared;
    assert_eq!(declared.active_units, Some(30));
    assert_eq!(declared.truncated.unwrap().to_string(), "0.012");
    for reason in [
        Reason::ValueNotWhole,
        Reason::ValueNegative,
        Reason::TimeUnparsable,
        Reason::CategoryUnknown,
    ] {
        assert_eq!(report.tables[0].rejected[&reason], 1, "{report}");
    }

    let twice: Vec<String> = ["00100,Sun,7,2", "00100,Sun,7,3"].map(str::to_owned).into();
    let input = [world.csv("long.csv", header, &twice)];
    let error = world.try_run(&agreement, LONG, &input).unwrap_err();
    assert!(matches!(error, AggregateError::CellTwice { .. }), "{error}");

    let many: Vec<String> = ["00100,Sun,7,30", "00100,Sun,8,31"]
        .map(str::to_owned)
        .into();
    let input = [world.csv("long.csv", header, &many)];
    let error = world
        .try_run(&agreement, LONG, &input)
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("active_units") && !error.contains("61"),
        "{error}"
    );
}

#[test]
fn counts_near_two_to_the_63_are_refused_and_said_by_row() {
    let tables = [presence("p", HOURS, 2, 1)];
    let (agreement, world) = (agreement("person-day", &tables), World::new());
    let most = 1_u64 << 40;
    let near = [(1_u64 << 63) - 1, 1 << 63, u64::MAX, most + 1].map(|n| n.to_string());
    let counts = near.into_iter().chain(["1e18".into(), "1e300".into()]);
    let rows: Vec<String> = counts
        .enumerate()
        .map(|(hour, n)| format!("00100,Sun,{hour},{n}"))
        .chain(["00100,Sun,7,NaN".into(), "00100,Sun,8,inf".into()])
        .chain([format!("00100,Sun,9,{most}")])
        .collect();
    let input = [world.csv("long.csv", "zone,day,hour,subscribers", &rows)];
    let units = format!("active_units = {most}");
    let mapping = LONG.replace("active_units = 30", &units);
    let (found, report) = world.run(&agreement, &mapping, &input);
    let kept: Vec<i64> = cells(&found).values().map(|c| c["contributors"]).collect();
    assert_eq!(kept, [i64::try_from(most).unwrap()], "nothing saturates");
    let rejected = &report.tables[0].rejected;
    assert_eq!(rejected[&Reason::ValueTooLarge], 6, "{report}");
    assert_eq!(rejected[&Reason::ValueNotANumber], 2, "{report}");
}

#[test]
fn trips_and_sums_of_a_company_stay_inside_the_bounds() {
    let tables = [super::world::od("od", "day", 3, 2)];
    let (agreement, world) = (agreement("person-day", &tables), World::new());
    let mapping = r#"
        [source]
        format = "csv"
        [time]
        column = "start"
        [dimensions]
        origin = { column = "from" }
        destination = { column = "to" }
        mode = { const = "bike" }
        [aggregates]
        active_units = 100
        contributors = { column = "people" }
        measures.trips = { column = "trips" }
        measures.duration_s = { column = "minutes", scale = 60.0 }
        measures.distance_m = { column = "metres" }
    "#;
    let line = |to: &str, numbers: &str| format!("2023-10-05T08:00:00,00100,{to},{numbers}");
    let rows = [
        line("00100", "10,20,200.5,9000"),
        line("0100", "10,9,100,9000"),    // trips < people
        line("0100", "10,21,100,9000"),   // trips > 2 · people
        line("0100", "10,20,19,9000"),    // below one minute each
        line("0100", "10,20,100,400001"), // above 20 km each
        line("0100", "0,1,1,1"),
        line("02100", "0,0,0,0"),
    ];
    let header = "start,from,to,people,trips,minutes,metres";
    let input = [world.csv("own.csv", header, &rows)];
    let (found, report) = world.run(&agreement, mapping, &input);
    let cells = cells(&found);
    assert_eq!(cells.len(), 1);
    let cell = &cells["od 2023-10-05 00100 00100 01 bike"];
    assert_eq!(
        (cell["contributors"], cell["trips"], cell["duration_s"]),
        (10, 20, 12_030)
    );
    assert_eq!(
        report.tables[0].rejected[&Reason::BoundsBroken],
        5,
        "{report}"
    );
}

#[test]
fn an_aggregate_that_does_not_fit_is_refused() {
    let world = World::new();
    lookup(&world);
    let input = [world.csv("work.csv", "YKR_ID,H0,H7,H8,H23", &["1,1,1,2,6".into()])];
    let table = [presence("p", HOURS, 2, 1)];
    for (unit, mapping, says) in [
        (
            "person-day",
            WIDE.to_owned(),
            "`aggregates.contributors`: needed",
        ),
        (
            "none",
            LONG.to_owned(),
            "`aggregates.contributors`: the agreement's population has no unit",
        ),
        (
            "none",
            WIDE.replace("2023-10\"", "2023-11\""),
            "`aggregates.period`",
        ),
        (
            "none",
            WIDE.replace("2023-10\"", "2023-10-05\""),
            "`aggregates.period`",
        ),
        ("none", WIDE.replace("period = \"2023-10\"", ""), "`time`"),
        (
            "none",
            WIDE.replace("workday", "weekday"),
            "`weekday` is no value",
        ),
        (
            "none",
            WIDE.replace("work.csv", "other.csv"),
            "`dimensions.category`",
        ),
        (
            "none",
            WIDE.replace("measures.people", "measures.persons"),
            "`aggregates.measures.people`",
        ),
        (
            "none",
            format!("{WIDE}[unit]\ncolumn = \"YKR_ID\""),
            "no persons in it",
        ),
    ] {
        let agreement = agreement(unit, &table);
        let error = world
            .try_run(&agreement, &mapping, &input)
            .unwrap_err()
            .to_string();
        assert!(error.contains(says), "{says}: {error}");
    }
}

#[test]
fn active_units_may_differ_by_period() {
    let tables = [super::world::od("od", "day", 3, 1)];
    let mut agreement = agreement("person-day", &tables);
    agreement.tables[0].clamps.clear();
    let world = World::new();
    let mapping = r#"
        [source]
        format = "csv"
        [time]
        column = "start"
        [dimensions]
        origin = { column = "from" }
        destination = { column = "from" }
        mode = { const = "bike" }
        [aggregates]
        active_units = { 2023-10-05 = 7, 2023-10-06 = 8 }
        contributors = { column = "people" }
        measures.trips = { column = "people" }
    "#;
    let rows: Vec<String> = ["2023-10-05,00100,7", "2023-10-06T23:00:00,00100,8"]
        .map(str::to_owned)
        .into();
    let input = [world.csv("own.csv", "start,from,people", &rows)];
    let (found, _) = world.run(&agreement, mapping, &input);
    let units: Vec<_> = found
        .iter()
        .map(|part| part.declared.active_units.unwrap())
        .collect();
    assert_eq!(units, [7, 8]);

    let rows = [rows, vec!["2023-10-07,00100,1".to_owned()]].concat();
    let input = [world.csv("own.csv", "start,from,people", &rows)];
    let error = world
        .try_run(&agreement, mapping, &input)
        .unwrap_err()
        .to_string();
    assert!(error.contains("2023-10-07"), "{error}");
}

/// Without a unit, rounding or a wrong unit of measurement must not leave the range of the count.
#[test]
fn sums_without_a_unit_are_moved_into_their_range_and_counted() {
    let table = r#"{"name": "e", "kind": "energy", "zoning": "grid", "period": "month", "bins": [0],
        "categories": [{"dimension": "use", "values": ["heat"]}], "cells_max": 1, "per_cell_max": 2,
        "clamps": [{"measure": "energy_kwh", "min": 1, "max": 10}]}"#;
    let (agreement, world) = (agreement("none", &[table.to_owned()]), World::new());
    let mapping = r#"
        [source]
        format = "csv"
        [dimensions]
        zone = { column = "zone" }
        use = { const = "heat" }
        [aggregates]
        period = "2023-10"
        measures.meters = { column = "meters" }
        measures.energy_kwh = { column = "kwh" }
    "#;
    let rows = ["00100,3,60", "0100,3,61", "02100,3,2", "02150,1.6,30"];
    let rows: Vec<String> = rows.map(str::to_owned).into();
    let input = [world.csv("own.csv", "zone,meters,kwh", &rows)];
    let (found, report) = world.run(&agreement, mapping, &input);
    let cells = cells(&found);
    let sums: Vec<_> = cells
        .values()
        .map(|cell| (cell["meters"], cell["energy_kwh"]))
        .collect();
    assert_eq!(sums, [(3, 60), (3, 60), (3, 3), (2, 30)]);
    assert_eq!(report.tables[0].clamped["energy_kwh"], 2);
    assert_eq!(found[0].declared.clamped["energy_kwh"].to_string(), "0.500");
}
