#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

use super::*;
use crate::testing::{Signer, agreement};

fn table() -> (Table, ZoningRef) {
    let terms = agreement(&Signer::new(), &Signer::new());
    let mut table = terms.tables[0].clone();
    table.bins = DayBins::try_from(vec![0, 7, 9, 16, 18]).unwrap();
    table.cells_max = 50;
    (table, terms.zonings[0].clone())
}

fn read(json: &str) -> Coarsening {
    serde_json::from_str(json).unwrap()
}

#[test]
fn only_what_is_coarser_than_the_table_fits_it() {
    let (table, mut zoning) = table();
    let check = |json, zoning: &ZoningRef| read(json).check(&table, zoning);
    for fits in [
        "{}",
        r#"{"bins": [0]}"#,
        r#"{"bins": [0, 9, 18]}"#,
        r#"{"zones": "all"}"#,
        r#"{"categories": ["mode"]}"#,
    ] {
        assert_eq!(check(fits, &zoning), Ok(()), "{fits}");
    }
    let own = || table.bins.starts().to_vec();
    for bins in [
        r#"{"bins": [0, 8]}"#,
        r#"{"bins": [0, 7, 9, 16, 18]}"#,
        r#"{"bins": [0, 7, 9, 16, 18, 20]}"#,
    ] {
        let error = CoarseningError::Bins { own: own() };
        assert_eq!(check(bins, &zoning), Err(error), "{bins}");
    }
    for categories in [
        r#"{"categories": ["origin"]}"#,
        r#"{"categories": ["mode", "mode"]}"#,
    ] {
        let error = check(categories, &zoning).unwrap_err().to_string();
        assert!(error.contains("some of mode"), "{error}");
    }
    let parent = r#"{"zones": "parent"}"#;
    assert_eq!(check(parent, &zoning), Err(CoarseningError::Parents));
    zoning.parents = Some(2);
    assert_eq!(check(parent, &zoning), Ok(()));
}

#[test]
fn rows_are_keyed_by_their_first_bin() {
    let (table, _) = table();
    let firsts = |json| -> Vec<u8> {
        let coarsening = read(json);
        (0..5)
            .map(|bin| coarsening.first_bin(&table, bin).unwrap())
            .collect()
    };
    assert_eq!(firsts("{}"), [0, 1, 2, 3, 4]);
    assert_eq!(firsts(r#"{"bins": [0, 9, 18]}"#), [0, 0, 2, 2, 4]);
    assert_eq!(firsts(r#"{"bins": [0]}"#), [0; 5]);
    assert_eq!(read("{}").first_bin(&table, 5), None);
}

/// r is by the largest row, and never above what one unit has.
#[test]
fn the_most_cells_of_one_unit_in_one_row() {
    let (mut table, _) = table();
    let r = |table: &Table, json| read(json).merged(table).unwrap();
    assert_eq!(r(&table, "{}"), 1);
    assert_eq!(r(&table, r#"{"bins": [0, 7]}"#), 4);
    assert_eq!(r(&table, r#"{"bins": [0, 7, 16]}"#), 2);
    assert_eq!(r(&table, r#"{"zones": "parent"}"#), 50);
    assert_eq!(r(&table, r#"{"zones": "all", "bins": [0]}"#), 50);
    table.cells_max = 3;
    assert_eq!(r(&table, r#"{"bins": [0]}"#), 3);
    table.kind = "unknown".into();
    assert_eq!(Coarsening::default().merged(&table), None);
}

#[test]
fn the_domain_is_that_of_the_merged_rows() {
    let (table, _) = table();
    let size = |json| read(json).domain_size(&table, 4, Some(2)).unwrap();
    assert_eq!(size("{}"), table.domain_size(4).unwrap());
    assert_eq!(size(r#"{"bins": [0, 9], "zones": "parent"}"#), 2 * 2 * 2);
    assert_eq!(size(r#"{"zones": "all", "categories": ["mode"]}"#), 5);
}

#[test]
fn coarser_means_whole_rows_of_the_finer() {
    let holds = |coarse, fine| read(coarse).holds(&read(fine));
    assert!(holds("{}", "{}") && holds(r#"{"bins": [0, 9]}"#, "{}"));
    assert!(holds(r#"{"bins": [0]}"#, r#"{"bins": [0, 9]}"#));
    assert!(!holds(r#"{"bins": [0, 7]}"#, r#"{"bins": [0, 9]}"#));
    assert!(!holds("{}", r#"{"bins": [0, 9]}"#));
    assert!(holds(r#"{"zones": "all"}"#, r#"{"zones": "parent"}"#));
    assert!(!holds(r#"{"zones": "parent"}"#, r#"{"zones": "all"}"#));
    assert!(holds(r#"{"categories": ["mode"]}"#, "{}"));
    assert!(!holds(r#"{"zones": "all"}"#, r#"{"categories": ["mode"]}"#));
}

#[test]
fn a_merge_has_one_spelling() {
    let merge = |json| serde_json::from_str::<Merge>(json);
    let two = r#"{"periods":["2026-10-05","2026-10-06"]}"#;
    assert_eq!(serde_json::to_string(&merge(two).unwrap()).unwrap(), two);
    for (wrong, says) in [
        (r#"{"periods":[]}"#, "1 to 92"),
        (r#"{"periods":["2026-10-05"]}"#, "merges nothing"),
        (r#"{"periods":["2026-10-06","2026-10-05"]}"#, "each once"),
        (r#"{"periods":["2026-10-05","2026-10-05"]}"#, "each once"),
        (r#"{"periods":["2026-10-05","2026-11"]}"#, "of one length"),
        (r#"{"periods":["2026-10-05"],"why":1}"#, "unknown field"),
    ] {
        let error = merge(wrong).unwrap_err().to_string();
        assert!(error.contains(says), "{wrong}: {error}");
    }
    let one = r#"{"periods":["2026-10-05"],"coarsening":{"zones":"all"}}"#;
    assert_eq!(merge(one).unwrap().periods().count(), 1);
}
