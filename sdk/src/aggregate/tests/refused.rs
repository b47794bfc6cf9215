//! Mappings and zonings that do not fit the agreement, told by field.

use std::path::PathBuf;

use super::rows::trip;
use super::world::{HEADER, RIDER, TRIPS, World, agreement, od};
use crate::aggregate::{AggregateError, ZoningError};

fn one_trip(world: &World) -> [PathBuf; 1] {
    let rows = [trip("2023-10-05", "00100", "0100", "1", "1")];
    [world.csv("trips.csv", HEADER, &rows)]
}

fn refused(unit: &str, mapping: &str, says: &str) {
    let (agreement, world) = (agreement(unit, &[od("od", "day", 1, 1)]), World::new());
    let input = one_trip(&world);
    let error = world.try_run(&agreement, mapping, &input).unwrap_err();
    assert!(error.to_string().contains(says), "{says}: {error}");
}

#[test]
fn persons_are_named_exactly_where_they_are_protected() {
    let with = format!("{TRIPS}{RIDER}");
    refused(
        "person-day",
        TRIPS,
        "`unit`: the agreement protects persons",
    );
    refused("trip", &with, "`unit`: the agreement's unit is `trip`");
    refused("none", &with, "`unit`: the agreement's unit is `none`");
}

#[test]
fn a_field_that_a_table_needs_is_missed_by_name() {
    for (part, says) in [
        ("[time]\ncolumn = \"start\"", "`time`: table `od` needs it"),
        (
            "[dimensions.origin]\ncolumn = \"from\"",
            "`dimensions.origin`",
        ),
        (
            "[sums.distance_m]\ncolumn = \"metres\"",
            "`sums.distance_m`",
        ),
    ] {
        assert!(TRIPS.contains(part));
        refused("trip", &TRIPS.replace(part, ""), says);
    }
}

#[test]
fn a_field_that_fits_nothing_is_refused_by_name() {
    for (part, says) in [
        ("[tables.of.time]\ncolumn = \"x\"", "`tables.of`"),
        (
            "[tables.od.dimensions.mode]\nlon = \"a\"\nlat = \"b\"",
            "only a zone",
        ),
        (
            "[tables.od.dimensions.origin]\nconst = \"100\"",
            "`100` is no value",
        ),
    ] {
        refused("trip", &format!("{TRIPS}{part}"), says);
    }
    let boat = TRIPS.replace("= \"bike\"", "= \"boat\"");
    refused("trip", &boat, "`dimensions.mode`");
    let begin = TRIPS.replace("\"start\"", "\"begin\"");
    refused("trip", &begin, "no column `begin`");
}

#[test]
fn only_the_signed_zoning_serves() {
    let mut agreement = agreement("trip", &[od("od", "day", 1, 1)]);
    let world = World::new();
    let input = one_trip(&world);
    agreement.zonings[0].zones = 5;
    let error = world.try_run(&agreement, TRIPS, &input).unwrap_err();
    let count = matches!(error, AggregateError::Zoning(ZoningError::Count { .. }));
    assert!(count, "{error}");
    agreement.zonings[0].sha256 = "1".repeat(64).parse().unwrap();
    let error = world.try_run(&agreement, TRIPS, &input).unwrap_err();
    let not_given = matches!(error, AggregateError::Zoning(ZoningError::NotGiven { .. }));
    assert!(not_given, "{error}");
}
