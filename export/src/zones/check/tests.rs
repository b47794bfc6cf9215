use std::fmt::Write;

use super::*;

fn zoning(rings: &str) -> Vec<u8> {
    format!(
        r#"{{"type": "FeatureCollection", "features": [{{"type": "Feature", "properties": {{"zone_id": "z"}},
        "geometry": {{"type": "Polygon", "coordinates": [{rings}]}}}}]}}"#
    )
    .into_bytes()
}

fn ring(points: &[(f64, f64)]) -> String {
    let mut text = String::from("[");
    for (n, (x, y)) in points.iter().chain(points.first()).enumerate() {
        let comma = if n == 0 { "" } else { "," };
        write!(text, "{comma}[{x},{y}]").unwrap();
    }
    text + "]"
}

#[test]
fn a_good_zoning_says_where_it_lies() {
    let square = ring(&[(24.9, 60.1), (25.1, 60.1), (25.1, 60.3), (24.9, 60.3)]);
    let hole = ring(&[(25.0, 60.2), (25.0, 60.25), (25.05, 60.2)]);
    let bounds = Zones::check(&zoning(&format!("{square},{hole}"))).unwrap();
    assert!(bounds == Some([24.9, 60.1, 25.1, 60.3]));
    assert_eq!(
        Zones::check(&crate::testing::zoning())
            .unwrap()
            .map(|b| b.len()),
        Some(4)
    );
}

#[test]
fn a_zone_that_crosses_itself_is_refused_by_name() {
    let bow = ring(&[(0.0, 0.0), (1.0, 1.0), (1.0, 0.0), (0.0, 1.0)]);
    let error = Zones::check(&zoning(&bow)).unwrap_err();
    assert!(
        matches!(&error, ZoningProblem::Crosses { zone, .. } if zone == "z"),
        "{error}"
    );
    let square = ring(&[(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)]);
    let hole = ring(&[(0.5, 0.5), (1.5, 0.5), (0.5, 0.7)]);
    let outside = Zones::check(&zoning(&format!("{square},{hole}")));
    assert!(
        matches!(outside, Err(ZoningProblem::Crosses { .. })),
        "{outside:?}"
    );
}

/// Two lakes that meet in one point are drawn alike by everybody.
#[test]
fn a_ring_that_only_touches_itself_is_taken() {
    let touching = ring(&[
        (0.0, 0.0),
        (1.0, 1.0),
        (2.0, 0.0),
        (2.0, 2.0),
        (1.0, 1.0),
        (0.0, 2.0),
    ]);
    Zones::check(&zoning(&touching)).unwrap();
}

#[test]
fn swapped_axes_and_metres_are_refused_or_shown() {
    let swapped = ring(&[(52.1, 104.3), (52.2, 104.3), (52.2, 104.4)]);
    let error = Zones::check(&zoning(&swapped)).unwrap_err();
    assert!(error.to_string().contains("longitude first"), "{error}");
    let metres = ring(&[
        (385_000.0, 6_672_000.0),
        (385_100.0, 6_672_000.0),
        (385_100.0, 6_672_100.0),
    ]);
    assert!(matches!(
        Zones::check(&zoning(&metres)),
        Err(ZoningProblem::NotDegrees { .. })
    ));
    // Helsinki with its axes swapped is a place in the Arabian Sea: degrees, so an agreement or a person has to tell.
    let sea = Zones::check(&zoning(&ring(&[(60.1, 24.9), (60.2, 24.9), (60.2, 25.0)])));
    assert!(sea.unwrap() == Some([60.1, 24.9, 60.2, 25.0]));
    let text = String::from_utf8(zoning(&ring(&[(1.0, 1.0), (2.0, 1.0), (2.0, 2.0)]))).unwrap();
    let named = |crs: &str| {
        let member =
            format!(r#""crs": {{"type": "name", "properties": {{"name": "{crs}"}}}}, "features""#);
        Zones::check(text.replacen(r#""features""#, &member, 1).as_bytes())
    };
    assert!(matches!(
        named("urn:ogc:def:crs:EPSG::3067"),
        Err(ZoningProblem::Crs { .. })
    ));
    named("urn:ogc:def:crs:OGC:1.3:CRS84").unwrap();
}

#[test]
fn a_million_vertices_are_refused() {
    let circle = |corners: u32| -> Vec<(f64, f64)> {
        let angle = |n: u32| f64::from(n) / f64::from(corners) * std::f64::consts::TAU;
        (0..corners)
            .map(|n| (angle(n).cos(), angle(n).sin()))
            .collect()
    };
    let error = Zones::check(&zoning(&ring(&circle(1_000_000)))).unwrap_err();
    assert!(
        matches!(
            error,
            ZoningProblem::Vertices {
                vertices: 1_000_001
            }
        ),
        "{error}"
    );
    Zones::check(&zoning(&ring(&circle(20_000)))).unwrap();
}

/// A comb whose long sides all have about the same box: n² pairs, of which a bounded number is looked at. It is closed
/// around the outside, so that no sides cross and the bound alone ends the look.
#[test]
fn an_outline_made_to_be_slow_is_refused_after_a_bounded_look() {
    let comb = |teeth: u32| {
        let mut points = Vec::new();
        for n in 0..teeth {
            let at = f64::from(n) / f64::from(teeth);
            points.push((at, 0.0));
            points.push((at + 80.0, 80.0));
        }
        points.extend([(90.0, 80.0), (90.0, -1.0), (-1.0, -1.0), (-1.0, 0.0)]);
        Zones::check(&zoning(&ring(&points)))
    };
    comb(600).unwrap();
    let error = comb(60_000).unwrap_err();
    assert!(matches!(error, ZoningProblem::Intricate { .. }), "{error}");
}

#[test]
fn a_ring_without_an_inside_is_refused() {
    let flat = [
        "[[0,0],[1,1],[0,0]]",
        "[[0,0],[0,0],[1,1],[0,0]]",
        "[[0,0],[1,1],[0,0],[1,1],[0,0]]",
        "[[0,0],[1,1],[3,3],[2,2],[0,0]]",
        "[[0,0],[0,0],[0,0],[0,0]]",
    ];
    for ring in flat {
        let checked = Zones::check(&zoning(ring));
        assert!(
            matches!(checked, Err(ZoningProblem::Ring { .. })),
            "{ring}: {checked:?}"
        );
    }
}

/// Two parts of one zone: what lies in both would be drawn as a hole.
#[test]
fn parts_of_a_zone_may_touch_but_not_overlap() {
    let square = |west: f64, south: f64, size: f64| {
        let (east, north) = (west + size, south + size);
        let corners = [(west, south), (east, south), (east, north), (west, north)];
        ring(&corners)
    };
    let check = |parts: &[String]| {
        let text = String::from_utf8(zoning(&parts.join("],["))).unwrap();
        let text = text.replacen(r#""Polygon""#, r#""MultiPolygon""#, 1);
        let text = text.replacen(r#""coordinates": [["#, r#""coordinates": [[["#, 1);
        Zones::check(text.replacen("]]}}]}", "]]]}}]}", 1).as_bytes())
    };
    let whole = square(0.0, 0.0, 4.0);
    check(&[whole.clone(), square(4.0, 1.0, 1.0)]).unwrap();
    check(&[whole.clone(), square(6.0, 0.0, 4.0)]).unwrap();
    // An island in a lake, at whose shore it touches.
    let lake = square(1.0, 1.0, 2.0);
    check(&[format!("{whole},{lake}"), square(1.0, 1.5, 1.0)]).unwrap();
    let over = [
        [whole.clone(), square(1.0, 1.0, 1.0)],
        [square(1.0, 1.0, 1.0), whole.clone()],
        [whole.clone(), whole.clone()],
    ];
    for parts in over {
        let checked = check(&parts);
        let said = matches!(&checked, Err(ZoningProblem::Overlaps { zone, .. }) if zone == "z");
        assert!(said, "{parts:?}: {checked:?}");
    }
    let half = check(&[whole, square(3.0, 3.0, 4.0)]);
    assert!(
        matches!(half, Err(ZoningProblem::Crosses { .. })),
        "{half:?}"
    );
}

/// What the city really draws is taken.
#[test]
fn real_zonings_are_taken() {
    let data = std::env::var("WEIR_DATA").unwrap_or_else(|_| "../../shared/data".into());
    let files = [
        "helsinki-citybikes/zones_postal_2024.geojson",
        "hamburg-stadtrad-od/zones_plz.geojson",
        "bristol-census-od/zones_msoa.geojson",
        "zones-amsterdam-hamburg/hamburg.geojson",
        "zones-amsterdam-hamburg/amsterdam.geojson",
    ];
    for file in files {
        let path = std::path::Path::new(&data).join(file);
        let Ok(bytes) = std::fs::read(&path) else {
            policies::testing::skipped(format_args!("`{}` is not here", path.display()));
            continue;
        };
        Zones::check(&bytes).unwrap_or_else(|e| panic!("{file}: {e}"));
    }
}
