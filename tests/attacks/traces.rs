//! Bounds of one unit, from raw records: whoever is taken out of a company's file, the cells that are pushed
//! change in at most `cells_max` cells by at most `per_cell_max`, and the same periods are pushed.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use arrow::array::{Array, Int64Array, RecordBatch, UInt64Array};
use policies::agreement::{Agreement, Days};
use policies::testing::{Signer, agreement};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use sdk::aggregate::{Aggregated, Mapping, Options, Secret, Zoning, run};

use crate::city::MAPPING;

const SEED: u64 = 11;
const RIDERS: usize = 25;
/// What [`MAPPING`] leaves out.
const DURATION: &str = "[sums.duration_s]\ncolumn = \"duration\"\n";

/// One rider's day is anything: few trips or many, in one cell or in all, durations beyond every clamp.
fn trips(rng: &mut ChaCha8Rng) -> Vec<(usize, String)> {
    let mut trips = Vec::new();
    for rider in 0..RIDERS {
        for day in 5..8 {
            let zones = rng.random_range(1..=4);
            for _ in 0..rng.random_range(0..20) {
                let mut zone = || ["a", "b", "c", "d"][rng.random_range(0..zones)];
                let (from, to) = (zone(), zone());
                let (hour, duration) = (rng.random_range(0..24), rng.random_range(0..20_000));
                let row = format!(
                    "r{rider},2026-10-{day:02}T{hour:02}:15:00,{from},{to},bike,{duration}"
                );
                trips.push((rider, row));
            }
        }
    }
    // On three days one rider is alone.
    for (rider, day) in [(3, 9), (4, 10), (5, 11)] {
        let row = format!("r{rider},2026-10-{day:02}T08:15:00,a,b,bike,600");
        trips.push((rider, row));
    }
    trips
}

type Cells = BTreeMap<(String, String), BTreeMap<String, i64>>;

/// Period and key → numbers.
fn cells(aggregated: &[Aggregated]) -> Cells {
    let mut all = Cells::new();
    for part in aggregated {
        for row in 0..part.cells.num_rows() {
            let (key, numbers) = cell(&part.cells, row);
            all.insert((part.period.to_string(), key), numbers);
        }
    }
    all
}

fn cell(batch: &RecordBatch, row: usize) -> (String, BTreeMap<String, i64>) {
    let (mut key, mut numbers) = (String::new(), BTreeMap::new());
    let schema = batch.schema();
    for (field, column) in schema.fields().iter().zip(batch.columns()) {
        let column: &dyn Array = column.as_ref();
        if let Some(count) = column.as_any().downcast_ref::<UInt64Array>() {
            numbers.insert(
                field.name().clone(),
                i64::try_from(count.value(row)).unwrap(),
            );
        } else if let Some(sum) = column.as_any().downcast_ref::<Int64Array>() {
            numbers.insert(field.name().clone(), sum.value(row));
        } else {
            key += &arrow::util::display::array_value_to_string(column, row).unwrap();
            key += " ";
        }
    }
    (key, numbers)
}

/// The cells, and the periods that everybody sees were contributed.
fn aggregate(terms: &Agreement, folder: &Path, rows: &[&str]) -> (Cells, BTreeSet<String>) {
    let file = folder.join("trips.csv");
    std::fs::write(
        &file,
        format!("rider,start,from,to,mode,duration\n{}\n", rows.join("\n")),
    )
    .unwrap();
    let mapping = Mapping::parse(&format!("{MAPPING}{DURATION}"), folder).unwrap();
    let zoning = Zoning::parse(&crate::harness::squares()).unwrap();
    let mut options = Options::new(Secret::from_bytes(&[9; 32]));
    options.days = Some(Days {
        from: "2026-10-05".parse().unwrap(),
        until: "2026-10-12".parse().unwrap(),
    });
    let (aggregated, _) = run(terms, &mapping, &[file], &[zoning], &options, &mut |_| {}).unwrap();
    let periods = aggregated.iter().map(|part| part.period.to_string());
    (cells(&aggregated), periods.collect())
}

#[test]
fn whoever_is_taken_out_changes_few_cells_by_little() {
    println!("seed {SEED}");
    let mut rng = ChaCha8Rng::seed_from_u64(SEED);
    let folder = tempfile::tempdir().unwrap();
    let mut terms = agreement(&Signer::new(), &Signer::new());
    terms.zonings[0].sha256 = policies::id::sha256_hex(&crate::harness::squares())
        .parse()
        .unwrap();
    let (mut most_cells, mut most_trips) = (0, 0);
    for (cells_max, per_cell_max) in [(1, 1), (2, 3), (5, 2)] {
        (terms.tables[0].cells_max, terms.tables[0].per_cell_max) = (cells_max, per_cell_max);
        let clamp = terms.tables[0].clamps[0].clone();
        let trips = trips(&mut rng);
        let rows = |without: usize| -> Vec<&str> {
            let kept = trips.iter().filter(|(rider, _)| *rider != without);
            kept.map(|(_, row)| row.as_str()).collect()
        };
        let (all, periods) = aggregate(&terms, folder.path(), &rows(RIDERS));
        assert_eq!(periods.len(), 8, "{periods:?}");
        for rider in 0..RIDERS {
            let (less, same) = aggregate(&terms, folder.path(), &rows(rider));
            assert_eq!(
                same, periods,
                "rider {rider} decides whether a day is contributed"
            );
            assert!(
                less.keys().all(|key| all.contains_key(key)),
                "a cell appeared"
            );
            let mut changed: BTreeMap<&str, u32> = BTreeMap::new();
            for ((period, key), numbers) in &all {
                let zeros = numbers.keys().map(|name| (name.clone(), 0)).collect();
                let left = less.get(&(period.clone(), key.clone())).unwrap_or(&zeros);
                if left == numbers {
                    continue;
                }
                *changed.entry(period).or_default() += 1;
                let change = |name: &str| numbers[name] - left[name];
                let (people, count, sum) = (
                    change("contributors"),
                    change("trips"),
                    change("duration_s"),
                );
                assert_eq!(people, 1, "{key}");
                assert!(
                    (1..=i64::from(per_cell_max)).contains(&count),
                    "{key}: {count} trips"
                );
                let range = i64::from(clamp.min) * count..=i64::from(clamp.max) * count;
                assert!(range.contains(&sum), "{key}: {sum} s in {count} trips");
                most_trips = most_trips.max(count);
            }
            let most = changed.values().copied().max().unwrap_or_default();
            assert!(
                most <= cells_max,
                "rider {rider} is in {most} cells of a day"
            );
            most_cells = most_cells.max(most);
        }
    }
    assert_eq!((most_cells, most_trips), (5, 3), "the bounds were reached");
}
