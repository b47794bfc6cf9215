//! Which periods are written does not depend on who was there.

use policies::agreement::Days;

use super::rows::{rejected, trip};
use super::world::{TRIPS, World, agreement, od};
use crate::aggregate::{Aggregated, Secret, read_batch_key, read_cells, write_cells};

fn days(from: &str, until: &str) -> Option<Days> {
    Some(Days {
        from: from.parse().unwrap(),
        until: until.parse().unwrap(),
    })
}

/// Table, period and rows of each file.
fn written(found: &[Aggregated]) -> Vec<String> {
    let line = |part: &Aggregated| {
        let rows = part.cells.num_rows();
        format!("{} {} {rows}", part.table, part.period)
    };
    found.iter().map(line).collect()
}

#[test]
fn stated_days_are_written_whoever_was_there() {
    let tables = [od("od", "day", 1, 1), od("od_week", "week", 1, 1)];
    let (agreement, mut world) = (agreement("trip", &tables), World::new());
    world.options.days = days("2023-10-09", "2023-10-22");
    let inside = trip("2023-10-18T08:00:00", "00100", "02100", "10", "1000");
    let outside = trip("2023-10-08T08:00:00", "00100", "02100", "10", "1000");
    let (with, report) = world.trips(&agreement, TRIPS, &[inside, outside.clone()]);
    assert_eq!(rejected(&report)["time.outside_period"], 1);
    let (without, report) = world.trips(&agreement, TRIPS, &[outside]);
    let counts = |n: usize| (report.tables[n].periods, report.tables[n].periods_empty);
    assert_eq!((counts(0), counts(1)), ((14, 14), (2, 2)));
    assert!(
        report.to_string().contains("14 periods, 14 of them empty"),
        "{report}"
    );
    let of = |found: &[Aggregated]| -> Vec<_> {
        let slot = |part: &Aggregated| (part.table.clone(), part.period);
        found.iter().map(slot).collect()
    };
    assert_eq!(of(&with), of(&without));
    assert_eq!(with.len(), 14 + 2);
    let truncated = without[0].declared.truncated.map(|rate| rate.to_string());
    assert_eq!(truncated.as_deref(), Some("0.000"));

    // A file of no rows comes back as it was.
    let (folder, id) = (world.path().join("out"), agreement.id().unwrap());
    let secret = Secret::from_bytes(&[7; 32]);
    let paths = write_cells(&folder, &id, &without, &secret).unwrap();
    let back = read_cells(&folder).unwrap();
    assert_eq!(back.len(), without.len());
    assert!(back.iter().all(|(_, part)| without.contains(part)));
    assert_ne!(
        read_batch_key(&paths[0]).unwrap(),
        read_batch_key(&paths[1]).unwrap()
    );
}

#[test]
fn without_stated_days_no_record_decides_of_a_period_between_the_ends() {
    let (agreement, world) = (agreement("trip", &[od("od", "day", 1, 1)]), World::new());
    let rows = ["2023-10-05", "2023-10-08"].map(|day| trip(day, "00100", "0100", "1", "1"));
    let (found, report) = world.trips(&agreement, TRIPS, &rows);
    assert_eq!(
        written(&found),
        [
            "od 2023-10-05 1",
            "od 2023-10-06 0",
            "od 2023-10-07 0",
            "od 2023-10-08 1"
        ]
    );
    assert_eq!(report.tables[0].periods_empty, 2);
    let (none, _) = world.trips(&agreement, TRIPS, &[]);
    assert!(none.is_empty());
}

#[test]
fn days_outside_the_agreement_are_refused() {
    let (agreement, mut world) = (agreement("trip", &[od("od", "day", 1, 1)]), World::new());
    world.options.days = days("2023-10-25", "2023-11-05");
    let input = world.csv("trips.csv", super::world::HEADER, &[]);
    let error = world.try_run(&agreement, TRIPS, &[input]).unwrap_err();
    let says = "2023-10-25..2023-11-05 is not inside 2023-10-01..2023-10-31";
    assert!(error.to_string().contains(says), "{error}");
}

/// A company's own aggregate: nobody is in a period for which no units are stated, and no cell is.
#[test]
fn an_own_aggregate_has_its_empty_periods_too() {
    let (agreement, mut world) = (
        agreement("person-day", &[od("od", "day", 1, 2)]),
        World::new(),
    );
    world.options.days = days("2023-10-05", "2023-10-07");
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
        active_units = { "2023-10-06" = 100 }
        contributors = { column = "people" }
        measures.trips = { column = "trips" }
        measures.duration_s = { column = "minutes", scale = 60.0 }
        measures.distance_m = { column = "metres" }
    "#;
    let header = "start,from,to,people,trips,minutes,metres";
    let row = "2023-10-06T08:00:00,00100,00100,10,20,200.5,9000".to_owned();
    let input = world.csv("own.csv", header, &[row]);
    let (found, report) = world.run(&agreement, mapping, &[input]);
    assert_eq!(
        written(&found),
        ["od 2023-10-05 0", "od 2023-10-06 1", "od 2023-10-07 0"]
    );
    let units: Vec<_> = found
        .iter()
        .map(|part| part.declared.active_units)
        .collect();
    assert_eq!(units, [Some(0), Some(100), Some(0)]);
    assert_eq!(report.tables[0].periods_empty, 2);
}
