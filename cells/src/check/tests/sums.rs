//! Sums and histograms against what the counts beside them allow.

use super::*;

#[test]
fn a_sum_without_a_count_is_bounded_by_units_times_per_cell_max() {
    let table: Table = serde_json::from_str(
        r#"{"name": "kwh", "kind": "energy", "zoning": "post", "period": "day", "bins": [0],
        "categories": [{"dimension": "use", "values": ["home"]}], "cells_max": 1,
        "per_cell_max": 24, "clamps": [{"measure": "energy_kwh", "min": 1, "max": 10}]}"#,
    )
    .unwrap();
    for unit in [Unit::PersonDay, Unit::None] {
        let check = |units: u64, kwh: i64| {
            let mut checker = Checker::new(&table, unit, &zones(), LIMITS).unwrap();
            let columns: Vec<ArrayRef> = vec![
                texts(&["99"]),
                Arc::new(arrow::array::UInt8Array::from(vec![0])),
                texts(&["home"]),
                Arc::new(UInt64Array::from(vec![units])),
                Arc::new(arrow::array::Int64Array::from(vec![kwh])),
            ];
            let batch = RecordBatch::try_new(checker.schema().clone(), columns).unwrap();
            checker.check(&batch).map(|_| ())
        };
        check(2, 2).unwrap();
        check(2, 480).unwrap();
        for kwh in [1, 481] {
            assert_eq!(
                check(2, kwh).unwrap_err().fault,
                Fault::Sum { min: 1, max: 10 }
            );
        }
    }
}

#[test]
fn every_event_is_in_one_bin() {
    let mut table = trips();
    let histogram = r#"[{"measure": "distance_m", "edges": [1000, 3000]}]"#;
    table.histograms = serde_json::from_str(histogram).unwrap();
    let check = |bins: [[u64; 4]; 3]| {
        let mut checker = Checker::new(&table, Unit::PersonDay, &zones(), LIMITS).unwrap();
        let mut all = columns(&GOOD);
        all.extend(bins.map(|bin| Arc::new(UInt64Array::from(bin.to_vec())) as ArrayRef));
        let batch = RecordBatch::try_new(checker.schema().clone(), all).unwrap();
        checker.check(&batch).map(|_| ())
    };
    // The good cells have 9, 1, 6 and 7 trips.
    check([[9, 0, 2, 3], [0, 1, 2, 3], [0, 0, 2, 1]]).unwrap();
    for wrong in [
        [[9, 0, 2, 3], [0, 1, 2, 3], [0, 0, 3, 1]],
        [[9, 0, 2, 3], [0, 1, 2, 3], [0, 0, 1, 1]],
        [[9, 0, u64::MAX, 3], [0, 1, 7, 3], [0, 0, 0, 1]],
    ] {
        let error = check(wrong).unwrap_err();
        assert_eq!((error.fault, error.row), (Fault::Bins, Some(2)));
        assert_eq!(error.column.as_deref(), Some("distance_m_bin_00"));
    }
    // Nothing says how many events there should be.
    table.kind = "energy".into();
    assert!(Checker::new(&table, Unit::PersonDay, &zones(), LIMITS).is_err());
}

#[test]
fn a_centred_sum_takes_noise() {
    let mut table = trips();
    (table.clamps[0].min, table.clamps[0].max) = (0, u32::MAX);
    let check = |events| {
        let mut checker = Checker::new(&table, Unit::PersonDay, &zones(), LIMITS).unwrap();
        let cell = ("00100", "00100", 0, "bike", events, events, 0);
        checker.check(&batch(&[cell])).map(|_| ())
    };
    let most = u64::try_from(CENTRED_MAX / u128::from(u32::MAX)).unwrap();
    check(most).unwrap();
    let error = check(most + 1).unwrap_err();
    assert_eq!(error.fault, Fault::Large { max: u32::MAX });
}
