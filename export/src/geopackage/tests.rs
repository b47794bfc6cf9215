use super::*;
use crate::testing::*;

fn open(bytes: &[u8]) -> (tempfile::NamedTempFile, Connection) {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), bytes).unwrap();
    let db = Connection::open(file.path()).unwrap();
    (file, db)
}

fn one<T: rusqlite::types::FromSql>(db: &Connection, sql: &str) -> T {
    db.query_row(sql, [], |row| row.get(0)).unwrap()
}

#[test]
fn the_file_says_what_it_is_and_equal_releases_give_equal_files() {
    let bytes = bytes(&export(), Listed::Every).unwrap();
    assert!(bytes == super::bytes(&export(), Listed::Every).unwrap());
    assert_eq!(&bytes[68..72], b"GPKG");
    let (_file, db) = open(&bytes);
    assert_eq!(one::<i64>(&db, "PRAGMA user_version"), 10300);
    assert_eq!(one::<String>(&db, "PRAGMA integrity_check"), "ok");
    let layers = "SELECT group_concat(table_name, ' ') FROM gpkg_geometry_columns";
    assert_eq!(one::<String>(&db, layers), "od od_within zones");
}

#[test]
fn flows_and_zones_are_layers_with_every_key_once() {
    let (_file, db) = open(&bytes(&export(), Listed::Every).unwrap());
    let both = |what: &str| -> i64 {
        one(
            &db,
            &format!(
                "SELECT (SELECT count(*) FROM od WHERE {what}) + (SELECT count(*) FROM od_within WHERE {what})"
            ),
        )
    };
    assert_eq!(
        (both("true"), both("withheld"), both("geom IS NULL")),
        (18, 15, 0)
    );
    let between = format!(
        "SELECT contributors_low FROM od WHERE destination = '{}' AND contributors > 0",
        QUOTES.replace('\'', "''")
    );
    assert_eq!(one::<i64>(&db, &between), 1224);
    assert_eq!(one::<i64>(&db, "SELECT count(*) FROM zones"), 3);
    assert_eq!(
        one::<i64>(
            &db,
            "SELECT count(*) FROM od WHERE withheld AND contributors IS NOT NULL"
        ),
        0
    );
}

#[test]
fn sheet_receipt_and_privacy_are_its_metadata() {
    let (_file, db) = open(&bytes(&export(), Listed::Every).unwrap());
    let of = |uri: &str| -> String {
        one(
            &db,
            &format!("SELECT metadata FROM gpkg_metadata WHERE md_standard_uri = 'urn:weir:{uri}'"),
        )
    };
    assert_eq!(of("receipt"), RECEIPT);
    assert!(of("privacy").contains("ε 1.25"));
    let sheet: serde_json::Value = serde_json::from_str(&of("quality")).unwrap();
    assert_eq!(sheet, crate::testing::sheet());
    assert_eq!(
        one::<i64>(&db, "SELECT count(*) FROM gpkg_metadata_reference"),
        4
    );
}

/// OGC 12-128r17 section 2.1.3: magic, version, flags, SRS, envelope (min x, max x, min y, max y), then WKB.
#[test]
fn a_geometry_is_a_header_and_well_known_binary() {
    let line = blob::of(Place::Line((24.9, 60.0).into(), (24.95, 60.1).into())).unwrap();
    assert_eq!(&line[..4], [b'G', b'P', 0, 3]);
    assert_eq!(line[4..8], 4326_i32.to_le_bytes());
    let number = |at: usize, is: f64| line[at..at + 8] == is.to_le_bytes();
    assert!(number(8, 24.9) && number(16, 24.95) && number(24, 60.0) && number(32, 60.1));
    assert_eq!(line[40..45], [1, 2, 0, 0, 0], "a line, little endian");
    assert_eq!(line.len(), 49 + 4 * 8);
    assert!(number(49, 24.9) && number(57, 60.0));
    assert!(blob::of(Place::Nowhere).is_none());
}

/// Where the layers have released rows alone, the view has a row for each key; coarser rows are none of its keys.
#[test]
fn a_view_lists_every_key_where_the_layers_do_not() {
    let mut sheet = sheet();
    let coarsening = serde_json::json!({ "zones": "parent", "bins": [0] });
    sheet["rungs"] = serde_json::json!([{ "coarsening": coarsening, "published_keys": 1 }]);
    let rows = batch(vec![
        ("origin", texts(&["00100", "00100", "west"])),
        ("destination", texts(&["00100", QUOTES, "east"])),
        ("start", bins(&[1, 0, 0])),
        ("mode", texts(&["bike", "bike", "bike"])),
        ("contributors", numbers(&[50, 1234, 70])),
        ("rung", bins(&[0, 0, 1])),
    ]);
    let bytes = bytes(&export_of(&rows, &sheet), Listed::Released).unwrap();
    let (_file, db) = open(&bytes);
    let count = |what: &str| -> i64 { one(&db, &format!("SELECT count(*) FROM {what}")) };
    assert_eq!((count("od"), count("od_within")), (2, 1));
    assert_eq!(count("od_domain"), 18);
    assert_eq!(count("od_domain WHERE withheld"), 16);
    assert_eq!(
        count("od_domain WHERE withheld = (contributors IS NULL)"),
        18
    );
    assert_eq!(count("od_domain WHERE rung = 0"), 18);
    let keys = "(SELECT DISTINCT origin, destination, start, mode FROM od_domain)";
    assert_eq!(count(keys), 18);
    let sum: i64 = one(&db, "SELECT sum(contributors) FROM od_domain");
    assert_eq!(sum, 50 + 1234);
}
