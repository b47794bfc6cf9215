//! The same records and secret give the same cells: in any order, in any number of files, spilled
//! or not, and as CSV or Parquet.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use ::parquet::arrow::ArrowWriter;
use arrow::array::{
    ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray, TimestampSecondArray,
};
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::world::{HEADER, RIDER, TRIPS, World, ZONES, agreement, od, zoning};
use crate::aggregate::{AggregateError, Mapping, Progress, read_cells, run, write_cells};

fn rows(rng: &mut ChaCha8Rng) -> Vec<String> {
    let row = |_| {
        let (rider, day) = (rng.random_range(0..12), rng.random_range(1..=31));
        let (hour, to) = (rng.random_range(0..24), ZONES[rng.random_range(0..4)]);
        let (minutes, metres) = (rng.random_range(0..200), rng.random_range(0..30_000));
        format!("r{rider},2023-10-{day:02}T{hour:02}:30:00,00100,{to},bike,{minutes},{metres}")
    };
    (0..4000).map(row).collect()
}

#[test]
fn order_files_and_memory_change_nothing() {
    let seed = 21;
    println!("seed {seed}");
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut rows = rows(&mut rng);
    rows.push("r1,never,00100,0100,bike,1,1".into());
    let tables = [od("od", "day", 2, 1), od("od_week", "week", 2, 2)];
    let agreement = agreement("person-day", &tables);
    let mapping = format!("{TRIPS}{RIDER}");
    let mut world = World::new();
    let expected = world.trips(&agreement, &mapping, &rows);
    let dropped = expected
        .1
        .tables
        .iter()
        .map(|table| table.dropped_by_per_cell_max);
    assert!(dropped.sum::<u64>() > 0);
    // Whole weeks inside October: 2 to 29.
    assert_eq!(expected.1.tables[1].periods, 4);
    for memory in [usize::MAX, 0, 10_000] {
        world.options.memory_bytes = memory;
        rows.shuffle(&mut rng);
        let half = rows.len() / 2;
        let inputs = [
            world.csv("a.csv", HEADER, &rows[..half]),
            world.csv("b.csv", HEADER, &rows[half..]),
        ];
        let found = world.run(&agreement, &mapping, &inputs);
        assert!(found == expected, "differs with {memory} bytes of memory");
    }
}

fn write_parquet(path: &Path, columns: Vec<(&str, ArrayRef)>) {
    let columns = columns
        .into_iter()
        .map(|(name, column)| (name, column, true));
    let batch = RecordBatch::try_from_iter_with_nullable(columns).unwrap();
    let file = File::create(path).unwrap();
    let mut writer = ArrowWriter::try_new(file, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

/// A local time as Parquet stores it: as if it were UTC.
fn second(text: &str) -> i64 {
    let local: jiff::civil::DateTime = text.parse().unwrap();
    let stored = jiff::tz::TimeZone::UTC.to_timestamp(local);
    stored.unwrap().as_second()
}

#[test]
fn parquet_gives_the_cells_of_csv() {
    let tables = [od("od", "day", 2, 1)];
    let (agreement, world) = (agreement("person-day", &tables), World::new());
    let rows = [
        "7,2023-10-05T08:00:00,00100,02100,bike,10.5,1000",
        "8,2023-10-05T08:00:00,00100,02100,bike,,1000",
        "8,2023-10-05T22:00:00,00100,0100,walk,-1,1000",
        "8,2023-10-06T22:00:00,00100,0100,walk,3,1000",
    ];
    let rows: Vec<String> = rows.map(str::to_owned).into();
    let expected = world.trips(&agreement, &format!("{TRIPS}{RIDER}"), &rows);
    assert_eq!(expected.1.tables[0].kept, 2);

    let field = |n: usize| rows.iter().map(move |row| row.split(',').nth(n).unwrap());
    let text = |n| Arc::new(field(n).map(Some).collect::<StringArray>()) as ArrayRef;
    let whole = |n| {
        let numbers = field(n).map(|text| text.parse::<i64>().ok());
        Arc::new(numbers.collect::<Int64Array>()) as ArrayRef
    };
    let float = |n| {
        let numbers = field(n).map(|text| text.parse::<f64>().ok());
        Arc::new(numbers.collect::<Float64Array>()) as ArrayRef
    };
    let starts = field(1).map(|text| Some(second(text)));
    let starts: ArrayRef = Arc::new(starts.collect::<TimestampSecondArray>());
    let mapping = format!("{TRIPS}{RIDER}").replace("\"csv\"", "\"parquet\"");
    let path = world.path().join("trips.parquet");
    // An export with gaps turns ids into floats: 7.0 is 7.
    for rider in [whole(0), float(0)] {
        let columns = vec![
            ("rider", rider),
            ("start", Arc::clone(&starts)),
            ("from", text(2)),
            ("to", text(3)),
            ("mode", text(4)),
            ("minutes", float(5)),
            ("metres", whole(6)),
        ];
        write_parquet(&path, columns);
        let found = world.run(&agreement, &mapping, std::slice::from_ref(&path));
        assert_eq!(found, expected);
    }
}

#[test]
fn cells_come_back_from_their_files() {
    let tables = [od("od", "day", 2, 1), od("od_week", "week", 2, 2)];
    let (agreement, world) = (agreement("trip", &tables), World::new());
    let rows = rows(&mut ChaCha8Rng::seed_from_u64(4));
    let (cells, _) = world.trips(&agreement, TRIPS, &rows);
    let id = agreement.id().unwrap();
    let folder = world.path().join("out");
    let paths = write_cells(&folder, &id, &cells, &world.options.secret).unwrap();
    assert_eq!(paths.len(), 31 + 4);
    assert!(
        paths[0].ends_with("od_2023-10-01.arrow") && paths[34].ends_with("od_week_2023-W43.arrow")
    );
    let back = read_cells(&folder).unwrap();
    assert_eq!(back.len(), cells.len());
    for (found_id, part) in &back {
        assert_eq!(*found_id, id);
        assert!(cells.contains(part));
    }

    let bytes = std::fs::read(&paths[0]).unwrap();
    std::fs::write(&paths[0], &bytes[..bytes.len() / 2]).unwrap();
    let error = read_cells(&folder).unwrap_err().to_string();
    assert!(
        error.contains("od_2023-10-01.arrow") && error.contains("damaged"),
        "{error}"
    );
    let batch = &cells[0].cells;
    let file = File::create(&paths[0]).unwrap();
    let mut writer = arrow::ipc::writer::FileWriter::try_new(file, &batch.schema()).unwrap();
    writer.write(batch).unwrap();
    writer.finish().unwrap();
    let error = read_cells(&folder).unwrap_err().to_string();
    assert!(error.contains("weir.agreement"), "{error}");
}

#[test]
fn progress_ends_at_the_last_byte() {
    let (agreement, world) = (agreement("trip", &[od("od", "day", 2, 1)]), World::new());
    let rows = rows(&mut ChaCha8Rng::seed_from_u64(4));
    let input = world.csv("trips.csv", HEADER, &rows);
    let other = world.csv("other.csv", HEADER, &rows);
    let bytes = std::fs::metadata(&input).unwrap().len();
    let mapping = Mapping::parse(TRIPS, world.path()).unwrap();
    let mut last = Progress::default();
    let inputs = [input.clone(), other];
    run(
        &agreement,
        &mapping,
        &inputs,
        &[zoning()],
        &world.options,
        &mut |progress| {
            assert!(progress.bytes >= last.bytes && progress.rows >= last.rows);
            last = progress;
        },
    )
    .unwrap();
    let expected = Progress {
        bytes: 2 * bytes,
        bytes_total: 2 * bytes,
        rows: 8000,
    };
    assert_eq!(last, expected);

    let twice = [input.clone(), world.path().join(".").join("trips.csv")];
    let error = world.try_run(&agreement, TRIPS, &twice).unwrap_err();
    assert!(
        matches!(error, AggregateError::InputTwice { .. }),
        "{error}"
    );
}
