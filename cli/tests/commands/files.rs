//! A release as files, as a planner types it.

use serde_json::Value;

use crate::contributions::pushed;
use crate::office::{Office, PURPOSE, first_day};

/// An office with one release; its agreement and its key.
fn released() -> (Office, String, String) {
    let office = Office::open();
    let id = office.agreed();
    pushed(&office, &id);
    let day = first_day().to_string();
    let request = ["release", "request", &id, "od", &day, "--purpose", PURPOSE];
    let released = office.weir("city", &request).json();
    let key = released["release"].as_str().unwrap().to_owned();
    (office, id, key)
}

#[test]
fn a_release_is_saved_in_every_form_with_its_papers() {
    let (office, _, key) = released();
    let key = key.as_str();
    let forms = ["csv", "parquet", "geojson", "gpkg", "mds"];
    for form in forms {
        let out = office.file(&format!("od.{form}"));
        let get = ["release", "get", key, &format!("--{form}"), "--out", &out];
        let saved = office.weir("city", &get).json();
        assert_eq!(saved["file"], out.as_str());
        // Two zones, two bins, one mode.
        let domain = &saved["domain"];
        assert_eq!(
            (&domain["keys"], &domain["withheld"]),
            (&8.into(), &7.into())
        );
        let proof = std::fs::read_to_string(format!("{out}.tlog-proof")).unwrap();
        assert!(proof.starts_with("c2sp.org/tlog-proof@v1"), "{proof}");
        assert!(std::fs::metadata(&out).unwrap().len() > 200);
        let sheet = std::fs::read(format!("{out}.quality.json")).unwrap();
        let sheet: Value = serde_json::from_slice(&sheet).unwrap();
        assert_eq!(sheet["withheld_keys"], 7);
    }
    let csv = std::fs::read_to_string(office.file("od.csv")).unwrap();
    assert_eq!(
        csv.lines().filter(|line| line.ends_with(",true")).count(),
        7
    );
    let metadata = std::fs::read(office.file("od.csv-metadata.json")).unwrap();
    let metadata: Value = serde_json::from_slice(&metadata).unwrap();
    assert_eq!(metadata["url"], "od.csv");
    let shown = office.weir("city", &["release", "get", key, "--csv"]);
    assert_eq!(shown.out, csv, "the same to standard output");
    let out = office.file("released.csv");
    let get = ["release", "get", key, "--csv", "--released", "--out", &out];
    let saved = office.weir("city", &get).json();
    assert_eq!(saved["domain"]["listed"], false);
    let released = std::fs::read_to_string(&out).unwrap();
    assert_eq!(released.lines().count(), 2, "the header and one row");
    let nowhere = office.file("no/od.gpkg");
    let failed = office.weir(
        "city",
        &["release", "get", key, "--gpkg", "--out", &nowhere],
    );
    assert!(failed.failed().contains("no such folder"), "{}", failed.err);
}

#[test]
fn a_release_is_drawn_to_a_file_and_as_bars_on_the_screen() {
    let (office, id, key) = released();
    let key = key.as_str();
    for picture in ["map", "chart"] {
        let out = office.file(&format!("{picture}.svg"));
        let drawn = office
            .weir("city", &["release", picture, key, "--out", &out])
            .json();
        assert_eq!(drawn["file"], out.as_str());
        let svg = std::fs::read_to_string(&out).unwrap();
        assert!(svg.starts_with("<svg ") && svg.contains("url(#withheld)") && svg.contains(&id));
        let numbers = office.weir("city", &["release", picture, key]).json();
        assert_eq!(numbers["numbers"], drawn["numbers"]);
    }
    let out = office.file("map.jpg");
    let failed = office.weir("city", &["release", "map", key, "--out", &out]);
    assert!(failed.failed().contains(".svg or .png"), "{}", failed.err);
    let failed = office.weir("city", &["release", "map", key, "--only", "mode=horse"]);
    assert!(
        failed.failed().contains("`mode` = `horse`"),
        "{}",
        failed.err
    );
}
