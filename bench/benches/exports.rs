//! Files of a release of which every key of the public domain is a row: origin × destination × 24 hours × 4 modes, as
//! many zones as make about the keys that are asked for. A hundredth of them is released.

use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::Arc;

use arrow::array::{ArrayRef, DictionaryArray, Int32Array, Int64Array, RecordBatch, StringArray};
use arrow::array::{BooleanArray, UInt8Array};
use bench::report::Report;
use bench::run;
use bench::run::{Failed, SEED, Settings};
use bench::usage::{Meter, Usage};
use export::{Export, ExportError, Listed, Source};
use rand::SeedableRng;
use rand::seq::index::sample;
use rand_chacha::ChaCha8Rng;
use serde_json::json;

const HOURS: usize = 24;
const MODES: [&str; 4] = ["bike", "car", "tram", "walk"];

fn main() -> ExitCode {
    run::bench("exports", exports)
}

async fn exports(settings: Settings) -> Result<(), Failed> {
    let export = released(settings.rows)?;
    let keys = export.grid().domain(Listed::Every).keys;
    let mut report = Report::new("exports", settings);
    type Write<'w> = &'w dyn Fn(&Export, Listed, &mut Counted) -> Result<(), ExportError>;
    let forms: [(&str, Write); 4] = [
        ("CSV", &|export, listed, out| export.csv(listed, out)),
        ("Parquet", &|export, listed, out| {
            export.parquet(listed, out)
        }),
        ("GeoJSON", &|export, listed, out| {
            export.geojson(listed, out)
        }),
        ("MDS", &|export, listed, out| export.mds(listed, out)),
    ];
    for (name, write) in forms {
        for (listed, what) in [
            (Listed::Every, "every key"),
            (Listed::Released, "released rows"),
        ] {
            let what = format!("{name}, {what}");
            if name == "GeoJSON" && listed == Listed::Every && export.listed_on_map() != listed {
                report.absent(&what, "over the vertices of a file");
                continue;
            }
            let mut usage = Usage::default();
            for _ in 0..settings.runs {
                let (meter, mut out) = (Meter::start()?, Counted(0));
                write(&export, listed, &mut out)?;
                usage.push(meter.stop()?);
                usage.cell_bytes = Some(out.0 as f64 / keys as f64);
            }
            report.used(&what, &usage, None, None);
        }
    }
    report.note(&format!(
        "{keys} keys, a hundredth of them released; bytes are those of a key of the domain, whether it is listed or not; \
         nothing is written to a disk"
    ));
    report.print();
    Ok(())
}

/// A sink that counts its bytes.
struct Counted(u64);

impl Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn released(keys: usize) -> Result<Export, Failed> {
    let zones = ((keys as f64 / (HOURS * MODES.len()) as f64).sqrt().round() as usize).max(2);
    let keys = zones * zones * HOURS * MODES.len();
    let names: Vec<String> = (0..zones).map(|n| format!("z{n:04}")).collect();
    let mut rng = ChaCha8Rng::seed_from_u64(SEED);
    let mut chosen = sample(&mut rng, keys, keys / 100).into_vec();
    chosen.sort_unstable();
    let zone = |stride: usize| -> Result<ArrayRef, Failed> {
        let places = chosen.iter().map(|key| (key / stride % zones) as i32);
        let names: ArrayRef = Arc::new(StringArray::from(names.clone()));
        let places = Int32Array::from_iter_values(places);
        Ok(Arc::new(DictionaryArray::try_new(places, names)?))
    };
    let modes = chosen.iter().map(|key| (key % MODES.len()) as i32);
    let modes = Int32Array::from_iter_values(modes);
    let modes = DictionaryArray::try_new(modes, Arc::new(StringArray::from(MODES.to_vec())))?;
    let hours = chosen.iter().map(|key| (key / MODES.len() % HOURS) as u8);
    let number = |more: i64| -> ArrayRef {
        let numbers = chosen.iter().map(|key| (key % 997) as i64 + 60 + more);
        Arc::new(Int64Array::from_iter_values(numbers))
    };
    let batch = RecordBatch::try_from_iter([
        ("origin", zone(zones * HOURS * MODES.len())?),
        ("destination", zone(HOURS * MODES.len())?),
        ("start", Arc::new(UInt8Array::from_iter_values(hours))),
        ("mode", Arc::new(modes)),
        ("contributors", number(0)),
        ("contributors_low", number(-20)),
        ("contributors_high", number(20)),
        (
            "near_threshold",
            Arc::new(BooleanArray::from(vec![false; chosen.len()])),
        ),
    ])?;
    let sheet = serde_json::to_vec(&sheet(keys, chosen.len()))?;
    let zoning = serde_json::to_vec(&zoning(&names))?;
    Ok(Export::new(Source {
        schema: &batch.schema(),
        batches: std::slice::from_ref(&batch),
        quality_sheet: &sheet,
        zoning: &zoning,
        receipt: "c2sp.org/tlog-proof@v1\n",
        time_zone: Some("Europe/Helsinki"),
        licence: None,
    })?)
}

/// Squares of a hundredth of a degree in rows of a hundred.
fn zoning(names: &[String]) -> serde_json::Value {
    let square = |(n, name): (usize, &String)| {
        let (x, y) = (
            24.0 + (n % 100) as f64 / 100.0,
            60.0 + (n / 100) as f64 / 100.0,
        );
        let (east, north) = (x + 0.01, y + 0.01);
        let ring = json!([[x, y], [east, y], [east, north], [x, north], [x, y]]);
        json!({ "type": "Feature", "properties": { "zone_id": name },
            "geometry": { "type": "Polygon", "coordinates": [ring] } })
    };
    let features: Vec<_> = names.iter().enumerate().map(square).collect();
    json!({ "type": "FeatureCollection", "features": features })
}

fn sheet(keys: usize, released: usize) -> serde_json::Value {
    let digest = "ab".repeat(32);
    let draw = json!({ "noise": "discrete_laplace", "scale": 32, "l0": 4, "linf": 1 });
    let hours: Vec<usize> = (0..HOURS).collect();
    json!({
        "release": digest, "agreement": digest, "provider": "bikes", "population": "riders",
        "unit": "person-day",
        "table": { "name": "od", "kind": "od_trips", "zoning": "town", "period": "day", "bins": hours,
            "categories": [{ "dimension": "mode", "values": MODES }], "cells_max": 4, "per_cell_max": 2,
            "clamps": [] },
        "period": "2026-10-05", "edition": 1, "late": false, "missing_periods": [],
        "mechanism": { "kind": "thresholded", "selection": { "draw": draw, "k": 5, "threshold": 40 },
            "measures": [] },
        "charge": { "rho": "0.02", "delta": "0.00000001" }, "cost": { "rho": "0.02", "delta": "0.00000001" },
        "losses": [], "half_widths": [], "domain_keys": keys, "published_keys": released,
        "withheld_keys": keys - released, "declared": [], "claim": "None.",
    })
}
