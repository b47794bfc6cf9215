#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

use std::collections::BTreeMap;

use arrow::array::{Array, AsArray, DictionaryArray};
use arrow::datatypes::{Int32Type, UInt8Type};
use datafusion::physical_plan::displayable;

use super::*;
use crate::testing::{Cell, GOOD, batch, blob, checker, trips};
use crate::write::Writer;

const MEMORY: usize = 64 << 20;

fn wanted() -> Vec<String> {
    ["trips", "distance_m"].map(str::to_owned).to_vec()
}

async fn blobs(contents: &[&[Cell]]) -> Blobs {
    let bytes = contents.iter().map(|cells| blob(&[batch(cells)]).into());
    Blobs::in_memory(bytes).await.unwrap()
}

async fn exact(blobs: &Blobs) -> Result<ExactCells, ReadError> {
    read(blobs, &trips(), Unit::PersonDay, &wanted(), MEMORY).await
}

type Key = (String, String, u8, String);

/// The key of every row, as text.
fn keys(cells: &ExactCells) -> Vec<Key> {
    let text = |column: usize, row: usize| {
        let column = cells.keys.column(column).as_any();
        let column: &DictionaryArray<Int32Type> = column.downcast_ref().unwrap();
        let values = column.values().as_string::<i32>();
        values.value(column.key(row).unwrap()).to_owned()
    };
    let bins = cells.keys.column(2).as_primitive::<UInt8Type>();
    (0..cells.keys.num_rows())
        .map(|row| (text(0, row), text(1, row), bins.value(row), text(3, row)))
        .collect()
}

fn model(contents: &[&[Cell]]) -> BTreeMap<Key, [u64; 3]> {
    let mut sums = BTreeMap::new();
    for cell in contents.iter().copied().flatten() {
        let key = (
            cell.0.to_owned(),
            cell.1.to_owned(),
            cell.2,
            cell.3.to_owned(),
        );
        let sum: &mut [u64; 3] = sums.entry(key).or_default();
        for (sum, n) in sum.iter_mut().zip([cell.4, cell.5, cell.6.unsigned_abs()]) {
            *sum += n;
        }
    }
    sums
}

async fn read_all(contents: &[&[Cell]]) -> BTreeMap<Key, [u64; 3]> {
    let cells = exact(&blobs(contents).await).await.unwrap();
    let rows = keys(&cells);
    assert!(
        rows.is_sorted_by(|a, b| a < b),
        "keys rise and none is there twice"
    );
    let contributors = cells.contributors.unwrap();
    let measures = &cells.measures;
    assert_eq!(
        measures.iter().map(|m| m.name.clone()).collect::<Vec<_>>(),
        wanted()
    );
    let numbers = (0..rows.len()).map(|n| {
        [
            contributors[n],
            measures[0].values[n],
            measures[1].values[n],
        ]
    });
    rows.into_iter().zip(numbers).collect()
}

#[tokio::test]
async fn one_blob_comes_back_as_it_was_written() {
    assert_eq!(read_all(&[&GOOD]).await, model(&[&GOOD]));
    assert_eq!(read_all(&[&[]]).await, BTreeMap::new());
}

#[tokio::test]
async fn equal_keys_of_several_blobs_are_added() {
    let other = [
        ("00100", "0090", 0, "bike", 1, 1, 100),
        ("00100", "99", 2, "bike", 3, 3, 900),
        ("99", "99", 2, "walk", 1, 1, 5_000),
    ];
    let contents: [&[Cell]; 4] = [&GOOD, &other, &GOOD[1..3], &[]];
    assert_eq!(read_all(&contents).await, model(&contents));
}

#[tokio::test]
async fn order_is_merged_and_never_sorted_anew() {
    let blobs = blobs(&[&GOOD, &GOOD[1..], &GOOD[..2]]).await;
    let names = number_columns(&trips(), Unit::PersonDay, &wanted()).unwrap();
    let frame = frame(&blobs, &trips(), Unit::PersonDay, &names, MEMORY).unwrap();
    let plan = frame.create_physical_plan().await.unwrap();
    let plan = displayable(plan.as_ref()).indent(false).to_string();
    assert!(!plan.contains("SortExec"), "{plan}");
    assert!(plan.contains("SortPreservingMergeExec"), "{plan}");
}

#[tokio::test]
async fn a_blob_larger_than_a_batch_of_the_engine_is_read_in_full() {
    let bins = [0_u8, 1, 2];
    let zones: Vec<String> = (0..200).map(|n| format!("{n:03}")).collect();
    let zones: Arc<[String]> = zones.into();
    let (bytes, rows) = large(&zones, &bins);
    let blobs = Blobs::in_memory([bytes.clone().into(), bytes.into()])
        .await
        .unwrap();
    let cells = exact(&blobs).await.unwrap();
    assert_eq!(cells.keys.num_rows(), rows);
    assert!(cells.contributors.unwrap().iter().all(|n| *n == 2));
    assert!(rows > 3 * BATCH_ROWS);
}

/// A blob with every key of `zones` × `zones` × `bins`, one contributor each.
fn large(zones: &Arc<[String]>, bins: &[u8]) -> (Vec<u8>, usize) {
    let limits = crate::testing::LIMITS;
    let mut checker = crate::check::Checker::new(&trips(), Unit::PersonDay, zones, limits).unwrap();
    let mut writer = Writer::new(Vec::new(), &checker, &[]).unwrap();
    let mut rows = 0;
    for origin in 0..zones.len() {
        let batch = crate::testing::grid(&checker, zones, origin, bins);
        rows += batch.num_rows();
        writer.write(&checker.check(&batch).unwrap()).unwrap();
    }
    (writer.finish(checker.finish().unwrap()).unwrap(), rows)
}

#[tokio::test]
async fn declared_rates_travel_with_the_blob() {
    let rates: Vec<Rate> = [("truncated", 12_500), ("clamped", 0)]
        .map(|(name, ppm)| Rate {
            name: name.parse().unwrap(),
            ppm,
        })
        .to_vec();
    let checker = checker();
    let writer = Writer::new(Vec::new(), &checker, &rates).unwrap();
    let with = writer.finish(checker.finish().unwrap()).unwrap();
    let blobs = Blobs::in_memory([with.into(), blob(&[batch(&GOOD)]).into()])
        .await
        .unwrap();
    assert_eq!(blobs.rates().await.unwrap(), [rates, vec![]]);
}

#[tokio::test]
async fn a_sum_that_leaves_64_bits_is_an_error() {
    // The checker would never let these pass: written around it.
    let huge = batch(&[("99", "99", 0, "bike", u64::MAX, 1, 100)]);
    let mut writer = parquet::arrow::ArrowWriter::try_new(Vec::new(), huge.schema(), None).unwrap();
    writer.write(&huge).unwrap();
    let huge = writer.into_inner().unwrap();
    let small = blob(&[batch(&[("99", "99", 0, "bike", 1, 1, 100)])]);
    let blobs = Blobs::in_memory([huge.into(), small.into()]).await.unwrap();
    let error = exact(&blobs).await.unwrap_err();
    assert!(matches!(error, ReadError::Overflow), "{error}");
}

#[tokio::test]
async fn a_blob_that_lost_its_order_is_an_error() {
    let cells = batch(&[GOOD[3], GOOD[0]]);
    let mut writer =
        parquet::arrow::ArrowWriter::try_new(Vec::new(), cells.schema(), None).unwrap();
    writer.write(&cells).unwrap();
    let bytes = writer.into_inner().unwrap();
    let blobs = Blobs::in_memory([bytes.into()]).await.unwrap();
    let error = exact(&blobs).await.unwrap_err();
    assert!(
        matches!(error, ReadError::Damaged { what: "not sorted" }),
        "{error}"
    );
}

#[tokio::test]
async fn bad_manifests_measures_and_blobs_are_refused() {
    let good = blobs(&[&GOOD]).await;
    let twice = Blobs::new(
        good.store.clone(),
        [&good.paths[..], &good.paths[..]].concat(),
    );
    let none = Blobs::new(good.store.clone(), Vec::new());
    let gone = Blobs::new(good.store.clone(), vec![Path::from("gone")]);
    let torn = Blobs::in_memory([Bytes::from_static(b"PAR1 no")])
        .await
        .unwrap();
    let read = |blobs: Blobs, measure: &'static str| async move {
        let measures = [measure.to_owned()];
        read(&blobs, &trips(), Unit::PersonDay, &measures, MEMORY)
            .await
            .unwrap_err()
    };
    assert!(matches!(read(twice, "trips").await, ReadError::Manifest));
    assert!(matches!(read(none, "trips").await, ReadError::Manifest));
    assert!(matches!(read(gone, "trips").await, ReadError::Store { .. }));
    assert!(matches!(
        read(torn.clone(), "trips").await,
        ReadError::Damaged { .. }
    ));
    assert!(matches!(
        torn.rates().await.unwrap_err(),
        ReadError::Damaged { .. }
    ));
    for measure in ["people", "origin", "duration_s"] {
        assert!(matches!(
            read(good.clone(), measure).await,
            ReadError::Measure { .. }
        ));
    }
}

#[tokio::test]
async fn debug_shows_no_number() {
    let cells = [("99", "99", 0, "bike", 424_242, 424_242, 42_424_200)];
    let cells = exact(&blobs(&[&cells]).await).await.unwrap();
    assert!(!format!("{cells:?}").contains("4242"));
}

mod property {
    use proptest::collection::{btree_map, vec};
    use proptest::prelude::*;

    use super::*;

    const ZONES: [&str; 4] = ["00100", "00120", "0090", "99"];
    const MODES: [&str; 2] = ["bike", "walk"];

    fn contribution() -> impl Strategy<Value = Vec<Cell>> {
        let key = (0..4_usize, 0..4_usize, 0..3_u8, 0..2_usize);
        let key = key.prop_map(|(o, d, bin, m)| (ZONES[o], ZONES[d], bin, MODES[m]));
        btree_map(key, (1..1000_u64, 1..=3_u64), 0..40).prop_map(|cells| {
            let cell = |((o, d, bin, mode), (units, each))| {
                let trips = units * each;
                (
                    o,
                    d,
                    bin,
                    mode,
                    units,
                    trips,
                    100 * i64::try_from(trips).unwrap(),
                )
            };
            cells.into_iter().map(cell).collect()
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig {
            cases: 24,
            failure_persistence: None,
            ..Default::default()
        })]

        /// Whatever sorted contributions come in, what is read is their sum by key.
        #[test]
        fn reading_is_adding_up_by_key(contents in vec(contribution(), 1..5)) {
            let contents: Vec<&[Cell]> = contents.iter().map(Vec::as_slice).collect();
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            prop_assert_eq!(runtime.block_on(read_all(&contents)), model(&contents));
        }
    }
}
