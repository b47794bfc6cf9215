//! City bikes of Helsinki: no rider ids, so a trip is the unit.

use std::collections::BTreeMap;

use sdk::aggregate::Mapping;

use crate::{Terms, aggregate, agreement, data, od, rejected, total, zoning};

const BIKE_CLAMPS: &str = r#"{"measure": "duration_s", "min": 0, "max": 18000},
    {"measure": "distance_m", "min": 0, "max": 50000}"#;

const BIKES: &str = r#"
[source]
format = "csv"
[time]
column = "Departure"
[dimensions.origin]
column = "Departure station id"
pad = 3
lookup = { file = "station_zone.csv", key = "station_id", zone = "zone_id" }
[dimensions.destination]
column = "Return station id"
pad = 3
lookup = { file = "station_zone.csv", key = "station_id", zone = "zone_id" }
[dimensions.mode]
const = "bike"
[sums.duration_s]
column = "Duration (sec.)"
[sums.distance_m]
column = "Covered distance (m)"
"#;

#[test]
fn a_month_of_helsinki_city_bikes() {
    let Some(folder) = data("helsinki-citybikes") else {
        return;
    };
    let zones = zoning(&folder.join("zones_postal_2024.geojson"));
    assert_eq!((zones.ids().len(), zones.ids()[0].as_str()), (172, "00100"));
    let hours = "[0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23]";
    let tables = [
        od("hour", "day", hours, BIKE_CLAMPS),
        od("day", "day", "[0]", ""),
        od("month", "month", "[0]", BIKE_CLAMPS),
    ];
    let terms = Terms {
        unit: "trip",
        zone: "Europe/Helsinki",
        covers: ("2023-10-01", "2023-10-31"),
        tables: &tables,
    };
    let agreement = agreement(&terms, &zones);
    let mapping = Mapping::parse(BIKES, &folder).unwrap();
    let input = [folder.join("2023-10.csv.gz")];
    let started = std::time::Instant::now();
    let (found, report) = aggregate(&agreement, &mapping, &input, zones).unwrap();
    println!("{report}{:?}", started.elapsed());

    assert_eq!(report.read, 189_461);
    // Stations that the lookup lacks at either end, and rows without a distance.
    assert_eq!(
        rejected(&report, 1),
        BTreeMap::from([("zone.unknown", 1908)])
    );
    let expected = BTreeMap::from([("value.missing", 284), ("zone.unknown", 1908)]);
    assert_eq!(rejected(&report, 2), expected);
    for (number, table) in report.tables.iter().enumerate() {
        let kept = i64::try_from(table.kept).unwrap();
        let name = table.table.as_str();
        assert_eq!(total(&found, name, "trips"), kept, "{name}");
        assert_eq!(total(&found, name, "contributors"), kept, "{name}");
        assert_eq!(table.periods, [31, 31, 1][number]);
    }
    // Over 50 km and over 5 hours. The trip of 1,184,750 m is not among them: it ends at the
    // workshop, which is no station.
    let clamped = &report.tables[2].clamped;
    assert_eq!((clamped["distance_m"], clamped["duration_s"]), (3, 550));
    let month = found
        .iter()
        .find(|part| part.table.as_str() == "month")
        .unwrap();
    assert_eq!(month.period.to_string(), "2023-10");
    assert_eq!(month.declared.active_units, Some(report.tables[2].kept));
    // SOURCE.md counted pairs of zones by day and by month in another way.
    assert_eq!(
        (report.tables[1].cells, report.tables[2].cells),
        (35_462, 3143)
    );
}

#[test]
fn a_trip_of_1184750_metres_is_clamped_and_counted() {
    let Some(folder) = data("helsinki-citybikes") else {
        return;
    };
    let zones = zoning(&folder.join("zones_postal_2024.geojson"));
    let wide = BIKE_CLAMPS.replace("50000", "2000000");
    let tables = [
        od("od", "day", "[0]", BIKE_CLAMPS),
        od("wide", "day", "[0]", &wide),
    ];
    let terms = Terms {
        unit: "trip",
        zone: "Europe/Helsinki",
        covers: ("2023-10-25", "2023-10-25"),
        tables: &tables,
    };
    let agreement = agreement(&terms, &zones);
    // It ends at the workshop, so both ends are read from where it starts.
    let mapping = BIKES.replace("\"Return station id\"", "\"Departure station id\"");
    let mapping = Mapping::parse(&mapping, &folder).unwrap();
    let input = [folder.join("2023-10.csv.gz")];
    let (found, report) = aggregate(&agreement, &mapping, &input, zones).unwrap();
    let clamped = |table: usize| report.tables[table].clamped["distance_m"];
    assert_eq!((clamped(0), clamped(1)), (1, 0));
    let metres = |table| total(&found, table, "distance_m");
    assert_eq!(metres("wide") - metres("od"), 1_184_750 - 50_000);
}

#[test]
fn stations_without_padding_give_a_hint() {
    let Some(folder) = data("helsinki-citybikes") else {
        return;
    };
    let zones = zoning(&folder.join("zones_postal_2024.geojson"));
    let tables = [od("day", "day", "[0]", "")];
    let terms = Terms {
        unit: "trip",
        zone: "Europe/Helsinki",
        covers: ("2023-10-01", "2023-10-31"),
        tables: &tables,
    };
    let agreement = agreement(&terms, &zones);
    let mapping = Mapping::parse(&BIKES.replace("pad = 3\n", ""), &folder).unwrap();
    let input = [folder.join("2023-10.csv.gz")];
    let (_, report) = aggregate(&agreement, &mapping, &input, zones).unwrap();
    assert!(rejected(&report, 0)["zone.unknown"] > 100_000);
    assert!(
        report.notes.iter().any(|note| note.contains("`pad`")),
        "{report}"
    );
}
