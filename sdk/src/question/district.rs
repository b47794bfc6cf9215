//! Districts: a zone's parent, as the signed zoning names it.

use serde::Deserialize;
use serde_json::Value;

use crate::aggregate::zone_id;

/// Most bytes of a list of districts: a statement is bounded, and so is a text in it (`cells::sql`).
const BYTES_MAX: usize = 10 << 10;

#[derive(Deserialize)]
struct Collection {
    features: Vec<Feature>,
}

#[derive(Deserialize)]
struct Feature {
    properties: Properties,
}

#[derive(Deserialize)]
struct Properties {
    zone_id: Value,
    #[serde(default)]
    parent: Value,
}

/// All zones with their districts as one literal of SQL: the zone, a tab, the district, a line feed, and so on, short
/// zones first, so that a zone stands before all that end with its name. One text instead of a table of values: a
/// statement may have few expressions. `None` where the zoning names no parents, or too many for a statement.
pub(super) fn listed(geojson: &[u8]) -> Option<String> {
    let read: Collection = serde_json::from_slice(geojson).ok()?;
    let features = read.features.into_iter();
    let both = features.map(|f| {
        Some((
            zone_id(&f.properties.zone_id)?,
            zone_id(&f.properties.parent)?,
        ))
    });
    let mut both = both.collect::<Option<Vec<_>>>()?;
    both.sort_by_key(|(zone, _)| zone.len());
    let list: String = both
        .iter()
        .map(|(zone, parent)| format!("{zone}\t{parent}\n"))
        .collect();
    let list = list.replace('\'', "''");
    (list.len() <= BYTES_MAX).then(|| format!("'{list}'"))
}

/// A zone's district, out of the list that `districts.list` is; with one `||`, of which a statement may have few.
pub(super) fn of(zone: &str) -> String {
    let after = format!("split_part(districts.list, {zone} || '\t', 2)");
    format!("split_part({after}, '\n', 1)")
}
