//! The same records and secret give the same cells: in any order, in any number of files, spilled or
//! not, and as CSV or Parquet.

use std::fs::File;
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

#[test]
fn parquet_gives_the_cells_of_csv() {
    let (agreement, world) = (
        agreement("person-day", &[od("od", "day", 2, 1)]),
        World::new(),
    );
    let rows = [
        "7,2023-10-05T08:00:00,00100,02100,bike,10.5,1000",
        "8,2023-10-05T08:00:00,00100,02100,bike,,1000",
        "8,2023-10-05T22:00:00,00100,0100,walk,-1,1000",
        "8,2023-10-06T22:00:00,00100,0100,walk,3,1000",
    ];
    let rows: Vec<String> = rows.iter().map(|row| (*row).to_owned()).collect();
    let expected = world.trips(&agreement, &format!("{TRIPS}{RIDER}"), &rows);
    assert_eq!(expected.1.tables[0].kept, 2);

    let second = |text: &str| {
        let local: jiff::civil::DateTime = text.parse().unwrap();
        jiff::tz::TimeZone::UTC
            .to_timestamp(local)
            .unwrap()
            .as_second()
    };
    let field = |n: usize| rows.iter().map(move |row| row.split(',').nth(n).unwrap());
    let columns: Vec<(&str, ArrayRef)> = vec![
        (
            "rider",
            Arc::new(
                field(0)
                    .map(|t| t.parse::<i64>().ok())
                    .collect::<Int64Array>(),
            ),
        ),
        (
            "start",
            Arc::new(
                field(1)
                    .map(|t| Some(second(t)))
                    .collect::<TimestampSecondArray>(),
            ),
        ),
        (
            "from",
            Arc::new(field(2).map(Some).collect::<StringArray>()),
        ),
        ("to", Arc::new(field(3).map(Some).collect::<StringArray>())),
        (
            "mode",
            Arc::new(field(4).map(Some).collect::<StringArray>()),
        ),
        (
            "minutes",
            Arc::new(
                field(5)
                    .map(|t| t.parse::<f64>().ok())
                    .collect::<Float64Array>(),
            ),
        ),
        (
            "metres",
            Arc::new(
                field(6)
                    .map(|t| t.parse::<i64>().ok())
                    .collect::<Int64Array>(),
            ),
        ),
    ];
    let batch = RecordBatch::try_from_iter_with_nullable(
        columns
            .into_iter()
            .map(|(name, column)| (name, column, true)),
    )
    .unwrap();
    let path = world.path().join("trips.parquet");
    let mut writer =
        ArrowWriter::try_new(File::create(&path).unwrap(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    let mapping = format!("{TRIPS}{RIDER}").replace("\"csv\"", "\"parquet\"");
    assert_eq!(world.run(&agreement, &mapping, &[path]), expected);

    // An export with gaps turns ids into floats: 7.0 is 7.
    let floats = field(0)
        .map(|t| t.parse::<f64>().ok())
        .collect::<Float64Array>();
    let columns = batch.columns().iter().skip(1).cloned();
    let columns: Vec<ArrayRef> = std::iter::once(Arc::new(floats) as ArrayRef)
        .chain(columns)
        .collect();
    let names = batch.schema();
    let names = names.fields().iter().map(|field| field.name().clone());
    let batch = RecordBatch::try_from_iter_with_nullable(
        names
            .zip(columns)
            .map(|(name, column)| (name, column, true)),
    )
    .unwrap();
    let path = world.path().join("floats.parquet");
    let mut writer =
        ArrowWriter::try_new(File::create(&path).unwrap(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    assert_eq!(world.run(&agreement, &mapping, &[path]), expected);
}

#[test]
fn cells_come_back_from_their_files() {
    let tables = [od("od", "day", 2, 1), od("od_week", "week", 2, 2)];
    let (agreement, world) = (agreement("trip", &tables), World::new());
    let rows = rows(&mut ChaCha8Rng::seed_from_u64(4));
    let (cells, _) = world.trips(&agreement, TRIPS, &rows);
    let id = agreement.id().unwrap();
    let folder = world.path().join("out");
    let paths = write_cells(&folder, &id, &cells).unwrap();
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
