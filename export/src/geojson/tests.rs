use serde_json::Value;

use crate::grid::Listed;
use crate::testing::*;

fn written(export: &crate::Export) -> Value {
    let mut bytes = Vec::new();
    export.geojson(Listed::Every, &mut bytes).unwrap();
    let mut again = Vec::new();
    export.geojson(Listed::Every, &mut again).unwrap();
    assert!(bytes == again, "equal releases have equal bytes");
    serde_json::from_slice(&bytes).unwrap()
}

fn of<'a>(collection: &'a Value, origin: &str, destination: &str, start: &str) -> &'a Value {
    let mut features = collection["features"].as_array().unwrap().iter();
    let found = features.find(|f| {
        let p = &f["properties"];
        p["origin"] == origin && p["destination"] == destination && p["start"] == start
    });
    found.unwrap()
}

#[test]
fn flows_are_lines_from_inside_to_inside_longitude_first() {
    let all = written(&export());
    assert_eq!(all["features"].as_array().unwrap().len(), 18);
    let flow = of(&all, "00100", QUOTES, "00:00-12:00");
    assert_eq!(flow["geometry"]["type"], "LineString");
    let ends = &flow["geometry"]["coordinates"];
    let inside = |end: &Value, west: f64| {
        let (x, y) = (end[0].as_f64().unwrap(), end[1].as_f64().unwrap());
        assert!(
            (west..west + 0.01).contains(&x) && (60.0..60.01).contains(&y),
            "{end}"
        );
    };
    inside(&ends[0], 24.90);
    inside(&ends[1], 24.92);
    assert_eq!(flow["properties"]["contributors_high"], 1244);
    assert_eq!(flow["properties"]["withheld"], false);
    let within = of(&all, "00100", "00100", "12:00-24:00");
    assert_eq!(within["geometry"]["type"], "Point");
    let nothing = of(&all, QUOTES, FORMULA, "12:00-24:00");
    assert_eq!(nothing["properties"]["withheld"], true);
    assert!(nothing["properties"]["contributors"].is_null());
    assert_eq!(all["weir"]["domain"]["withheld"], 15);
    assert_eq!(all["weir"]["receipt"], RECEIPT);
    assert!(all.get("crs").is_none(), "RFC 7946 has none");
}

#[test]
fn zones_are_polygons_whose_outer_ring_runs_against_the_clock() {
    let all = written(&presence());
    let features = all["features"].as_array().unwrap();
    assert_eq!(features.len(), 3);
    let ring = features[0]["geometry"]["coordinates"][0]
        .as_array()
        .unwrap();
    let point = |n: usize| (ring[n][0].as_f64().unwrap(), ring[n][1].as_f64().unwrap());
    let doubled: f64 = (0..ring.len() - 1)
        .map(|n| point(n).0 * point(n + 1).1 - point(n + 1).0 * point(n).1)
        .sum();
    assert!(doubled > 0.0, "with the clock: {ring:?}");
    assert_eq!(all["bbox"], serde_json::json!([24.9, 60.0, 24.93, 60.01]));
    let withheld = features
        .iter()
        .filter(|f| f["properties"]["withheld"] == true);
    assert_eq!(withheld.count(), 1);
}

/// A parent's outline has no borders inside.
#[test]
fn a_merge_by_parents_is_drawn_in_parents() {
    let mut sheet = sheet();
    sheet["merge"] =
        serde_json::json!({ "periods": ["2026-10-05"], "coarsening": { "zones": "parent" } });
    sheet["domain_keys"] = 8.into();
    let rows = batch(vec![
        ("origin", texts(&["west"])),
        ("destination", texts(&["east"])),
        ("start", bins(&[1])),
        ("mode", texts(&["bike"])),
        ("contributors_at_least", numbers(&[50])),
    ]);
    let export = export_of(&rows, &sheet);
    let all = written(&export);
    assert_eq!(
        of(&all, "west", "east", "12:00-24:00")["geometry"]["type"],
        "LineString"
    );
    let places = crate::geometry::Places::of(&export);
    assert_eq!(
        places.outlines(),
        ["east: 5", "west: 5"],
        "a square, and two as one"
    );
}

/// One zone of 700 corners in each of 30,000 rows.
#[test]
fn a_file_of_too_many_vertices_is_refused() {
    let angle = |n: u32| f64::from(n) / 700.0 * std::f64::consts::TAU;
    let corners =
        (0..=700).map(|n| serde_json::json!([angle(n % 700).cos(), angle(n % 700).sin()]));
    let corners: Vec<Value> = corners.collect();
    let zoning = serde_json::json!({ "type": "FeatureCollection", "features": [{
        "type": "Feature", "properties": { "zone_id": "00100" },
        "geometry": { "type": "Polygon", "coordinates": [corners] },
    }] });
    let mut sheet = sheet();
    sheet["table"]["kind"] = "presence".into();
    sheet["table"]["bins"] = serde_json::json!([0]);
    sheet["table"]["clamps"] = serde_json::json!([]);
    let many: Vec<String> = (0..30_000).map(|n| format!("m{n}")).collect();
    sheet["table"]["categories"] = serde_json::json!([{ "dimension": "category", "values": many }]);
    sheet["domain_keys"] = 30_000.into();
    let rows = batch(vec![
        ("zone", texts(&["00100"])),
        ("time", bins(&[0])),
        ("category", texts(&["m0"])),
        ("contributors", numbers(&[120])),
    ]);
    let export = try_export(&rows, &sheet, &serde_json::to_vec(&zoning).unwrap()).unwrap();
    let mut bytes = Vec::new();
    let error = export.geojson(Listed::Every, &mut bytes).unwrap_err();
    let all = 701 * 30_000;
    let refused = |error: &crate::ExportError| matches!(error, crate::ExportError::Vertices { vertices } if *vertices == all);
    assert!(refused(&error) && bytes.is_empty(), "{error}");
    assert_eq!(export.listed_on_map(), Listed::Released);
    // Without any shape a file is bounded all the same.
    let zoning = br#"{ "type": "FeatureCollection", "features": [
        { "type": "Feature", "properties": { "zone_id": "00100" }, "geometry": null }] }"#;
    let nowhere = try_export(&rows, &sheet, zoning).unwrap();
    assert_eq!(
        crate::geometry::Places::of(&nowhere).vertices_of_domain(),
        30_000
    );
    export.geojson(export.listed_on_map(), &mut bytes).unwrap();
    assert!(refused(&export.geopackage(Listed::Every).unwrap_err()));
    export.csv(Listed::Every, Vec::new()).unwrap();
}
