//! A square city: one table of trips between zones, by hour and mode, and its cells of one day.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, DictionaryArray, Int32Array, RecordBatch, StringArray, UInt8Array, UInt64Array,
};
use arrow::datatypes::Int32Type;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use policies::agreement::Agreement;
use policies::id::{Fingerprint, TableName};
use policies::table::Table;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::gravity::Early;
use crate::run::{Failed, SEED};

/// The zoning's name.
pub const ZONING: &str = "grid-2026";
/// The table's name.
pub const TABLE: &str = "od";
/// Modes, sorted.
pub const MODES: [&str; 4] = ["bike", "bus", "car", "walk"];
/// Bins of a day.
pub const HOURS: usize = 24;
/// Rows of one batch.
pub const BATCH_ROWS: usize = 65_536;
/// Days that the agreement covers: October 2026.
pub const DAYS: usize = 31;
/// Zones of the city that the issue asks for.
pub const CITY_ZONES: usize = 500;
/// Days over which that city's cells are spread, from the first.
pub const CITY_DAYS: usize = 30;
/// Trips of one person that count in one cell.
pub const PER_CELL_MAX: u64 = 3;

/// Zones for a day of `cells`: about 4 of 10 possible keys then have one, at any size.
#[must_use]
pub fn zones_for(cells: usize) -> usize {
    let pairs = cells.saturating_mul(12) / (5 * HOURS * MODES.len());
    pairs.isqrt() + 1
}

/// The zone ids, sorted.
#[must_use]
pub fn zone_ids(zones: usize) -> Vec<String> {
    (0..zones).map(|n| format!("z{n:05}")).collect()
}

/// The zoning: squares of 0.001° side by side.
///
/// # Errors
/// Where JSON cannot be written.
pub fn geojson(zones: usize) -> Result<Vec<u8>, Failed> {
    let side = zones.isqrt() + 1;
    let feature = |(n, id): (usize, String)| {
        let west = 24.0 + 0.001 * (n % side) as f64;
        let south = 60.0 + 0.001 * (n / side) as f64;
        let (east, north) = (west + 0.001, south + 0.001);
        serde_json::json!({
            "type": "Feature", "properties": { "zone_id": id },
            "geometry": { "type": "Polygon", "coordinates": [[
                [west, south], [east, south], [east, north], [west, north], [west, south]]] },
        })
    };
    let features: Vec<_> = zone_ids(zones)
        .into_iter()
        .enumerate()
        .map(feature)
        .collect();
    let all = serde_json::json!({ "type": "FeatureCollection", "features": features });
    Ok(serde_json::to_vec(&all)?)
}

/// The agreement: people per day, one edition a day.
///
/// # Errors
/// Where it is no agreement any more.
pub fn agreement(
    provider: (&str, &Fingerprint),
    planner: (&str, &Fingerprint),
    geojson: &[u8],
    zones: usize,
) -> Result<Agreement, Failed> {
    let bins: Vec<usize> = (0..HOURS).collect();
    let json = serde_json::json!({
        "form": "weir/agreement/1",
        "title": "Trips in a square city",
        "public_summary": "Made up, to measure speed.",
        "provider": { "org": provider.0, "key": provider.1 },
        "planner": { "org": planner.0, "key": planner.1 },
        "recipients": [planner.0],
        "purposes": ["dpv:PublicPolicyMaking"],
        "valid": { "from": "2026-01-01", "until": "2035-12-31" },
        "covers": { "from": "2026-10-01", "until": "2026-10-31" },
        "retention_days": 90,
        "population": {
            "id": "travellers", "description": "made up", "unit": "person-day",
            "cap": { "rho": "0.5", "delta": "0.0000001" },
        },
        "time_zone": "Europe/Helsinki",
        "zonings": [{
            "id": ZONING, "sha256": policies::id::sha256_hex(geojson), "zones": zones,
        }],
        "k": 5,
        "tables": [{
            "name": TABLE, "kind": "od_trips", "zoning": ZONING, "period": "day", "bins": bins,
            "categories": [{ "dimension": "mode", "values": MODES }],
            "cells_max": 4, "per_cell_max": PER_CELL_MAX, "clamps": [],
        }],
        "plan": [{
            "table": TABLE,
            "charge": {
                "selection": "0.25", "delta": "0.0000001",
                "measures": [{ "measure": "trips", "rho": "0.25" }],
            },
            "editions": 1, "due_hours": 0, "grace_hours": 24 * 30,
        }],
    });
    Ok(serde_json::from_value(json)?)
}

/// The agreement's table.
///
/// # Errors
/// Where it has none.
pub fn table(terms: &Agreement) -> Result<&Table, Failed> {
    let name: TableName = TABLE.parse()?;
    Ok(terms.table(&name).ok_or("the agreement has no table")?)
}

/// `count` cells of one day, sorted by key. Which keys have one is skewed (`gravity`). Contributors have a heavy
/// tail (P[n ≥ x] = 1/x), so that most cells are small, as in real cities.
///
/// # Errors
/// Where the zones are too few for as many keys.
pub fn cells(terms: &Agreement, zones: usize, count: usize) -> Result<Vec<RecordBatch>, Failed> {
    cells_of_day(terms, zones, count, 0)
}

/// [`cells()`] of another day than the first (0).
///
/// # Errors
/// As [`cells()`].
pub fn cells_of_day(
    terms: &Agreement,
    zones: usize,
    count: usize,
    day: u64,
) -> Result<Vec<RecordBatch>, Failed> {
    Day::new(zones, count, day)?.cells(terms, count)
}

/// A day of the city, of which cells are taken in several sizes: which keys come first is drawn once.
pub struct Day {
    zones: usize,
    early: Early,
    rng: ChaCha8Rng,
}

impl Day {
    /// With `most` cells at most.
    ///
    /// # Errors
    /// Where the zones are too few for as many keys.
    pub fn new(zones: usize, most: usize, day: u64) -> Result<Self, Failed> {
        let keys = zones * zones * HOURS * MODES.len();
        if most > keys {
            return Err(format!("{zones} zones have {keys} keys, not {most}").into());
        }
        let mut rng = ChaCha8Rng::seed_from_u64(SEED + day);
        let early = Early::of(zones, most, &mut rng);
        Ok(Self { zones, early, rng })
    }

    /// The first `count` of them.
    ///
    /// # Errors
    /// Where the agreement has no such table.
    pub fn cells(&self, terms: &Agreement, count: usize) -> Result<Vec<RecordBatch>, Failed> {
        let Self { zones, early, rng } = self;
        let mut rng = rng.clone();
        let schema = proto::columns::cells_schema(table(terms)?, terms.population.unit);
        let ids: ArrayRef = Arc::new(StringArray::from(zone_ids(*zones)));
        let modes: ArrayRef = Arc::new(StringArray::from(MODES.to_vec()));
        let mut batches = Vec::new();
        for keys in early.keys(count).chunks(BATCH_ROWS) {
            let mut columns = Columns::default();
            for key in keys {
                columns.add(*key, *zones, &mut rng)?;
            }
            let columns = columns.finish(&ids, &modes)?;
            batches.push(RecordBatch::try_new(Arc::clone(&schema), columns)?);
        }
        Ok(batches)
    }
}

/// Writes batches as CSV without a header, for a peer that reads text.
///
/// # Errors
/// Where a file cannot be written.
pub fn csv<E>(
    batches: impl IntoIterator<Item = Result<RecordBatch, E>>,
    path: &Path,
) -> Result<(), Failed>
where
    Failed: From<E>,
{
    let mut file = BufWriter::new(File::create(path)?);
    for batch in batches {
        let batch = batch?;
        let options = FormatOptions::default();
        let columns = batch.columns().iter();
        let columns = columns.map(|column| ArrayFormatter::try_new(column, &options));
        let columns = columns.collect::<Result<Vec<_>, _>>()?;
        for row in 0..batch.num_rows() {
            for (n, column) in columns.iter().enumerate() {
                let comma = if n > 0 { "," } else { "" };
                write!(file, "{comma}{}", column.value(row))?;
            }
            writeln!(file)?;
        }
    }
    Ok(file.flush()?)
}

#[derive(Default)]
struct Columns {
    origins: Vec<i32>,
    destinations: Vec<i32>,
    hours: Vec<u8>,
    modes: Vec<i32>,
    contributors: Vec<u64>,
    trips: Vec<u64>,
}

impl Columns {
    fn add(&mut self, key: usize, zones: usize, rng: &mut ChaCha8Rng) -> Result<(), Failed> {
        let (rest, mode) = (key / MODES.len(), key % MODES.len());
        let (pair, hour) = (rest / HOURS, rest % HOURS);
        self.origins.push(i32::try_from(pair / zones)?);
        self.destinations.push(i32::try_from(pair % zones)?);
        self.hours.push(u8::try_from(hour)?);
        self.modes.push(i32::try_from(mode)?);
        let tail = 1.0 / (1.0 - rng.random::<f64>());
        let contributors = tail.min(10_000.0) as u64;
        self.contributors.push(contributors);
        let extra = rng.random_range(0..=contributors * (PER_CELL_MAX - 1));
        self.trips.push(contributors + extra);
        Ok(())
    }

    fn finish(self, ids: &ArrayRef, modes: &ArrayRef) -> Result<Vec<ArrayRef>, Failed> {
        let text = |codes: Vec<i32>, values: &ArrayRef| {
            let codes = Int32Array::from(codes);
            DictionaryArray::<Int32Type>::try_new(codes, Arc::clone(values))
        };
        Ok(vec![
            Arc::new(text(self.origins, ids)?),
            Arc::new(text(self.destinations, ids)?),
            Arc::new(UInt8Array::from(self.hours)),
            Arc::new(text(self.modes, modes)?),
            Arc::new(UInt64Array::from(self.contributors)),
            Arc::new(UInt64Array::from(self.trips)),
        ])
    }
}
