//! The shape of a Metrics query's answer in the Mobility Data Specification 2.0 (beta): what maps onto its measures
//! and dimensions has their names, all else has ours, under `weir.` (docs/PLANNERS.md says which).

use std::io::Write;

use policies::kind::DimensionKind;
use policies::period::{Grain, Period};
use serde_json::{Value as Json, json};

use crate::column::{Column, Role, WITHHELD};
use crate::error::ExportError;
use crate::grid::{Listed, cell};
use crate::rows::Value;
use crate::sheet::Sheet;
use crate::source::Export;

/// What MDS puts where it redacts. A noisy count may be -1 as well, so `withheld` decides.
const REDACTED: i64 = -1;

pub(crate) fn write(
    export: &Export,
    listed: Listed,
    mut out: impl Write,
) -> Result<(), ExportError> {
    let grid = export.grid();
    let columns = std::iter::once(json!({
        "name": "interval_start", "column_type": "dimension", "data_type": "datetime",
    }));
    let columns: Vec<Json> = columns
        .chain(grid.columns().iter().map(|column| {
            json!({ "name": name(column), "column_type": column_type(column), "data_type": data_type(column) })
        }))
        .collect();
    let head = json!({
        "id": id(export.sheet().release.as_str()),
        "query": query(export)?,
        "columns": columns,
        "weir": export.papers(listed),
    });
    // The rows come last, one a line, so that millions of them need no memory.
    let head = serde_json::to_string(&head)?;
    let open = head.strip_suffix('}').unwrap_or(&head);
    write!(out, "{open},\"rows\":[")?;
    let start = json!(start(export.sheet().period));
    let mut before: &[u8] = b"\n";
    for page in grid.pages(listed) {
        let page = page?;
        for row in 0..page.num_rows() {
            let values = (0..page.num_columns()).map(|column| match cell(&page, column, row) {
                Value::Text(text) => Json::from(text),
                Value::Number(number) => number.into(),
                Value::Flag(flag) => i64::from(flag).into(),
                Value::Missing => REDACTED.into(),
            });
            let values: Vec<Json> = std::iter::once(start.clone()).chain(values).collect();
            out.write_all(std::mem::replace(&mut before, b",\n"))?;
            serde_json::to_writer(&mut out, &values)?;
        }
    }
    out.write_all(b"\n]}\n")?;
    Ok(out.flush()?)
}

fn query(export: &Export) -> Result<Json, ExportError> {
    let sheet = export.sheet();
    let of = |kind: &str| -> Vec<String> {
        let columns = export.grid().columns().iter();
        let columns = columns.filter(|column| column_type(column) == kind);
        columns.map(name).collect()
    };
    Ok(json!({
        "measures": of("measure"),
        "interval": interval(sheet)?,
        "start_date": start(sheet.period),
        // All intervals that begin up to then: the one there is.
        "end_date": start(sheet.period),
        "dimensions": of("dimension"),
        "timezone": export.time_zone().unwrap_or_default(),
        "k_value": sheet.k(),
        "filters": [],
    }))
}

/// The length of all that was read together: a merge is one interval, of which no part is told apart.
fn interval(sheet: &Sheet) -> Result<String, ExportError> {
    let periods = sheet.stretch().ok_or_else(|| ExportError::Gaps {
        periods: sheet.period_text(),
    })?;
    Ok(match sheet.period.grain() {
        Grain::Day => format!("P{periods}D"),
        Grain::Week => format!("P{}D", periods.saturating_mul(7)),
        Grain::Month => format!("P{periods}M"),
    })
}

fn start(period: Period) -> String {
    format!("{}T00:00", period.first())
}

fn column_type(column: &Column) -> &'static str {
    match column.role {
        Role::Number if column.optional => "measure",
        _ => "dimension",
    }
}

fn data_type(column: &Column) -> &'static str {
    match column.role {
        Role::Key(_) | Role::Text => "string",
        Role::Number | Role::Flag => "integer",
    }
}

/// MDS's name where it has one.
fn name(column: &Column) -> String {
    let name = column.name.as_str();
    if let Role::Key(kind) = column.role {
        let own = match (name, kind) {
            ("destination", _) => "weir.destination_geography_id",
            (_, DimensionKind::Zone) => "geography_id",
            (_, DimensionKind::DayBin) => "weir.day_bin",
            ("mode", _) => "vehicle_type",
            _ => return format!("weir.{name}"),
        };
        return own.to_owned();
    }
    if name == WITHHELD {
        return name.to_owned();
    }
    let (base, end) = if let Some(base) = name.strip_suffix("_low") {
        (base, ".low")
    } else if let Some(base) = name.strip_suffix("_high") {
        (base, ".high")
    } else {
        (name, "")
    };
    let mds = match base {
        "trips" => "trips.start_loc.count",
        "duration_s" => "trips.start_loc_duration.sum",
        "duration_s_mean" => "trips.start_loc_duration.avg",
        "duration_s_p50" => "trips.start_loc_duration.med",
        "distance_m" => "trips.start_loc_distance.sum",
        "distance_m_mean" => "trips.start_loc_distance.avg",
        "distance_m_p50" => "trips.start_loc_distance.med",
        other => return format!("weir.{other}{end}"),
    };
    format!("{mds}{end}")
}

/// A UUID of the release's own digits (version 8, RFC 9562).
fn id(release: &str) -> String {
    let digit = |n: usize| {
        release
            .as_bytes()
            .get(n)
            .map_or('0', |byte| char::from(*byte))
    };
    let mut id = String::with_capacity(36);
    for n in 0..32 {
        if [8, 12, 16, 20].contains(&n) {
            id.push('-');
        }
        id.push(match n {
            12 => '8',
            16 => 'a',
            _ => digit(n),
        });
    }
    id
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::*;

    #[test]
    fn the_answer_has_the_shape_of_a_metrics_query() {
        let export = export();
        let mut bytes = Vec::new();
        write(&export, Listed::Every, &mut bytes).unwrap();
        let answer: Json = serde_json::from_slice(&bytes).unwrap();
        assert_eq!(answer["id"], "abababab-abab-8bab-abab-abababababab");
        let query = &answer["query"];
        assert_eq!(
            (&query["k_value"], &query["interval"]),
            (&5.into(), &"P1D".into())
        );
        assert_eq!(query["timezone"], "Europe/Helsinki");
        assert_eq!(query["start_date"], "2026-10-05T00:00");
        let columns = answer["columns"].as_array().unwrap();
        let names: Vec<&str> = columns
            .iter()
            .map(|c| c["name"].as_str().unwrap())
            .collect();
        let expected = [
            "interval_start",
            "geography_id",
            "weir.destination_geography_id",
            "weir.day_bin",
            "vehicle_type",
            "weir.contributors",
            "weir.contributors.low",
            "weir.contributors.high",
            "weir.near_threshold",
            "withheld",
        ];
        assert_eq!(names, expected);
        let rows = answer["rows"].as_array().unwrap();
        assert_eq!(rows.len(), 18);
        assert!(
            rows.iter()
                .all(|row| row.as_array().unwrap().len() == names.len())
        );
        let withheld = rows.iter().filter(|row| row[9] == 1);
        assert!(
            withheld
                .clone()
                .all(|row| (5..8).all(|n| row[n] == REDACTED))
        );
        assert_eq!(withheld.count(), 15);
        assert_eq!(answer["weir"]["receipt"], RECEIPT);
    }

    /// The query of a merge of these periods, all zones as one.
    fn merged(periods: &[&str]) -> Result<Json, ExportError> {
        let mut sheet = sheet();
        sheet["period"] = periods[0].into();
        sheet["merge"] = json!({ "periods": periods, "coarsening": { "zones": "all" } });
        sheet["domain_keys"] = 2.into();
        let rows = batch(vec![
            ("origin", texts(&["all"])),
            ("destination", texts(&["all"])),
            ("start", bins(&[1])),
            ("mode", texts(&["bike"])),
            ("contributors_at_least", numbers(&[50])),
        ]);
        let mut bytes = Vec::new();
        write(&export_of(&rows, &sheet), Listed::Every, &mut bytes)?;
        let answer: Json = serde_json::from_slice(&bytes)?;
        assert_eq!(answer["rows"][0][0], answer["query"]["start_date"]);
        Ok(answer["query"].clone())
    }

    #[test]
    fn a_merge_is_one_interval_of_its_whole_length() {
        let cases = [
            (["2026-10-05", "2026-10-06", "2026-10-07"], "P3D"),
            (["2026-W41", "2026-W42", "2026-W43"], "P21D"),
            (["2026-10", "2026-11", "2026-12"], "P3M"),
        ];
        for (periods, interval) in cases {
            let query = merged(&periods).unwrap();
            assert_eq!(query["interval"], interval);
            assert_eq!(
                query["end_date"], query["start_date"],
                "one interval begins"
            );
        }
    }

    #[test]
    fn a_merge_with_gaps_is_no_interval() {
        let error = merged(&["2026-10-05", "2026-10-07"]).unwrap_err();
        let said = error.to_string();
        assert!(
            said.contains("2026-10-05, 2026-10-07") && said.contains("CSV"),
            "{said}"
        );
    }

    #[test]
    fn trips_and_durations_have_the_specifications_names() {
        let of = |column: &str| {
            name(&Column {
                name: column.into(),
                title: String::new(),
                unit: None,
                role: Role::Number,
                optional: true,
            })
        };
        assert_eq!(of("trips"), "trips.start_loc.count");
        assert_eq!(
            of("duration_s_mean_low"),
            "trips.start_loc_duration.avg.low"
        );
        assert_eq!(of("distance_m_p50"), "trips.start_loc_distance.med");
        assert_eq!(of("nights_high"), "weir.nights.high");
    }
}
