//! Raw trips of made-up people: the same rows as CSV and as Parquet, in no order.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray, TimestampMillisecondArray};
use jiff::Timestamp;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::grid::{BATCH_ROWS, DAYS, MODES, zone_ids};
use crate::run::{Failed, SEED};

/// Trips of one person in the month.
const TRIPS_PER_PERSON: usize = 40;
const DAY_S: i64 = 86_400;
/// Midnight of 1 October 2026, seconds since 1970.
const FIRST_DAY_S: i64 = 1_790_812_800;

/// What reads the files: zones by id, local time without an offset; persons, or rows alone.
#[must_use]
pub fn mapping(format: &str, persons: bool) -> String {
    let unit = match persons {
        true => "[unit]\ncolumn = \"rider\"",
        false => "",
    };
    format!(
        r#"
[source]
format = "{format}"
{unit}
[time]
column = "start"
[dimensions.origin]
column = "from"
[dimensions.destination]
column = "to"
[dimensions.mode]
column = "mode"
"#
    )
}

/// Writes `trips.csv` and `trips.parquet`.
///
/// # Errors
/// Where a file cannot be written.
pub fn write(folder: &Path, zones: usize, rows: usize) -> Result<(PathBuf, PathBuf), Failed> {
    let (csv_path, parquet_path) = (folder.join("trips.csv"), folder.join("trips.parquet"));
    let mut csv = BufWriter::new(File::create(&csv_path)?);
    writeln!(csv, "rider,start,from,to,mode")?;
    let zones = zone_ids(zones);
    let mut rng = ChaCha8Rng::seed_from_u64(SEED);
    let mut parquet: Option<ArrowWriter<File>> = None;
    let mut left = rows;
    while left > 0 {
        let count = left.min(BATCH_ROWS);
        left -= count;
        let trips: Vec<Trip<'_>> = (0..count)
            .map(|_| Trip::draw(&mut rng, &zones, rows))
            .collect();
        for trip in &trips {
            trip.csv(&mut csv)?;
        }
        let batch = batch(&trips)?;
        let writer = match &mut parquet {
            Some(writer) => writer,
            none => none.insert(writer(&parquet_path, &batch)?),
        };
        writer.write(&batch)?;
    }
    csv.flush()?;
    if let Some(writer) = parquet {
        writer.close()?;
    }
    Ok((csv_path, parquet_path))
}

struct Trip<'a> {
    rider: usize,
    /// Seconds since 1970, local time read as if it were UTC.
    start_s: i64,
    from: &'a str,
    to: &'a str,
    mode: &'static str,
}

impl<'a> Trip<'a> {
    fn draw(rng: &mut ChaCha8Rng, zones: &'a [String], rows: usize) -> Self {
        let days = i64::try_from(DAYS).unwrap_or(1);
        // Squared: some zones have most of the trips.
        let mut zone = || {
            let share = rng.random::<f64>().powi(2);
            let place = (share * zones.len() as f64) as usize;
            zones.get(place).map_or("", String::as_str)
        };
        let (from, to) = (zone(), zone());
        Self {
            rider: rng.random_range(0..rows / TRIPS_PER_PERSON + 1),
            start_s: FIRST_DAY_S + rng.random_range(0..days * DAY_S),
            from,
            to,
            mode: MODES.get(rng.random_range(0..MODES.len())).unwrap_or(&""),
        }
    }

    fn csv(&self, to: &mut impl Write) -> Result<(), Failed> {
        // Up to the seconds: the `Z` would make it an instant.
        let start = Timestamp::from_second(self.start_s)?.to_string();
        let start = start.trim_end_matches('Z');
        let Self {
            rider,
            from,
            to: end,
            mode,
            ..
        } = self;
        writeln!(to, "r{rider:07},{start},{from},{end},{mode}")?;
        Ok(())
    }
}

fn batch(trips: &[Trip<'_>]) -> Result<RecordBatch, Failed> {
    let riders = trips.iter().map(|trip| format!("r{:07}", trip.rider));
    let starts = trips.iter().map(|trip| trip.start_s * 1000);
    let text = |pick: fn(&Trip<'_>) -> String| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(trips.iter().map(pick)))
    };
    let riders: ArrayRef = Arc::new(StringArray::from_iter_values(riders));
    let starts: ArrayRef = Arc::new(TimestampMillisecondArray::from_iter_values(starts));
    Ok(RecordBatch::try_from_iter([
        ("rider", riders),
        ("start", starts),
        ("from", text(|trip| trip.from.to_owned())),
        ("to", text(|trip| trip.to.to_owned())),
        ("mode", text(|trip| trip.mode.to_owned())),
    ])?)
}

fn writer(path: &Path, first: &RecordBatch) -> Result<ArrowWriter<File>, Failed> {
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(1)?))
        // DuckDB works on row groups in parallel.
        .set_max_row_group_row_count(Some(BATCH_ROWS * 2))
        .build();
    let file = File::create(path)?;
    Ok(ArrowWriter::try_new(
        file,
        first.schema(),
        Some(properties),
    )?)
}
