//! The week's question in SQL, for all peers the same text.

use crate::week::{DISTRICT_CHARS, Grain};

/// The parts of a day, of the hour in `start`.
const PART: &str =
    "CASE WHEN start < 7 THEN 0 WHEN start < 10 THEN 7 WHEN start < 16 THEN 10 ELSE 16 END";

/// A way to write the question, over the tables `week` and [`districts`].
#[derive(Debug)]
pub struct Way {
    /// For the notes.
    pub name: &'static str,
    /// One line.
    pub sql: String,
}

impl Way {
    fn new(name: &'static str, sql: String) -> Self {
        Self { name, sql }
    }
}

/// How a good engineer might write it. All ways answer the same; which is fastest depends on the engine.
#[must_use]
pub fn ways(grain: Grain) -> Vec<Way> {
    let zones = grouped("origin", "destination", PART, "week");
    if grain == Grain::Zones {
        return vec![Way::new("rows grouped", zones)];
    }
    let [origin, destination, o, d] = ["origin", "destination", "o", "d"].map(district);
    let cut = grouped(&origin, &destination, PART, "week");
    let regrouped = grouped(&o, &d, "part", &format!("({zones}) AS zones"));
    let joined = "week JOIN districts AS f ON f.zone = origin \
        JOIN districts AS t ON t.zone = destination";
    let joined = grouped("f.district", "t.district", PART, joined);
    vec![
        Way::new("districts cut from each row", cut),
        Way::new("zones grouped first", regrouped),
        Way::new("districts joined", joined),
    ]
}

/// The query whose answer is the table `districts (zone, district)`.
#[must_use]
pub fn districts() -> String {
    let of = |zone: &str| {
        let district = district(zone);
        format!("SELECT {zone} AS zone, {district} AS district FROM week")
    };
    format!("{} UNION {}", of("origin"), of("destination"))
}

fn district(zone: &str) -> String {
    format!("substr({zone}, 1, {DISTRICT_CHARS})")
}

fn grouped(origin: &str, destination: &str, part: &str, from: &str) -> String {
    format!(
        "SELECT {origin} AS o, {destination} AS d, {part} AS part, \
         CAST(sum(contributors) AS bigint) AS contributors, CAST(sum(trips) AS bigint) AS trips \
         FROM {from} GROUP BY 1, 2, 3"
    )
}
