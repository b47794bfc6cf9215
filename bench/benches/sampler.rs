//! A million cells of two measures selected and noised, against OpenDP in Rust and in Python on the same
//! cells; a draw by distribution and scale; two cores against one; and whether the time of a release
//! tells a suppressed cell from an absent one.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use audit::receipt::Verified;
use bench::python::Python;
use bench::report::{Goal, Measure, Report};
use bench::run::{Failed, SEED, Settings};
use bench::series::{Series, kolmogorov_smirnov};
use bench::{grid, reserved, run};
use policies::mechanism::{Draw, Mechanism, Noise, SCALE_STEPS, Scale, Selection};
use privacy::protect::{Exact, protect};
use privacy::reference;
use privacy::spend::Spend;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/noise.py");
/// Sixteenths: b or σ of a half, 1, 10 1/16, 20, 100, 5,000 and the largest.
const SCALES: [u64; 7] = [8, 16, 161, 320, 1600, 80_000, 1 << 28];
const NANOSECONDS_MOST: f64 = 200.0;
/// Cells of the small releases whose time is compared. Not a multiple of 1,024, the block of the sampler.
const SMALL: usize = 1000;

fn main() -> ExitCode {
    run::bench("sampler", sampler)
}

async fn sampler(settings: Settings) -> Result<(), Failed> {
    let key = policies::id::sha256_hex(b"nobody").parse()?;
    let zones = 4;
    let terms = grid::agreement(
        ("fleet", &key),
        ("city", &key),
        &grid::geojson(zones)?,
        zones,
    )?;
    let reservation = reserved::reservation(&terms)?;
    let Mechanism::Thresholded {
        selection,
        measures,
    } = &reservation.mechanism
    else {
        return Err("the grid's table has no noise".into());
    };
    let trips = measures.first().ok_or("no draw of trips")?.draw;
    let spendable = reserved::logged(&reservation)?;
    let cells = Cells::new(settings.rows);

    let mut report = Report::new("sampler", settings);
    whole(&mut report, settings, &spendable, selection, &trips, &cells)?;
    cores(&mut report, settings, &trips, &cells)?;
    draws(&mut report, settings)?;
    timing(&mut report, settings, &spendable, selection)?;
    report.print();
    Ok(())
}

/// Contributors and trips as they come from the files.
struct Cells {
    contributors: Vec<i64>,
    trips: Vec<i64>,
}

impl Cells {
    fn new(rows: usize) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(SEED);
        let contributors: Vec<i64> = (0..rows).map(|_| random.random_range(1..400)).collect();
        let trips = contributors.iter().map(|n| n * 3 / 2).collect();
        Self {
            contributors,
            trips,
        }
    }

    fn exact(&self) -> Exact {
        let unsigned = |column: &[i64]| column.iter().map(|n| n.unsigned_abs()).collect();
        Exact {
            contributors: Some(unsigned(&self.contributors)),
            measures: vec![("trips".into(), unsigned(&self.trips))],
        }
    }

    fn write(&self, folder: &Path) -> Result<[PathBuf; 2], Failed> {
        let paths = ["contributors", "trips"].map(|name| folder.join(name));
        for (path, column) in std::iter::zip(&paths, [&self.contributors, &self.trips]) {
            let bytes: Vec<u8> = column.iter().flat_map(|n| n.to_le_bytes()).collect();
            std::fs::write(path, bytes)?;
        }
        Ok(paths)
    }
}

/// The release: `protect` itself, with intervals, against noise and selection alone by OpenDP.
fn whole(
    report: &mut Report,
    settings: Settings,
    spendable: &Verified,
    selection: &Selection,
    trips: &Draw,
    cells: &Cells,
) -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let mut python = python(folder.path(), selection, trips, cells)?;
    let threads = std::thread::available_parallelism()?.get();
    let [mut own, mut rust, mut wheel] = std::array::from_fn(|_| Series::default());
    for run in 0..=settings.runs {
        let (spend, exact) = (Spend::from_durable(spendable)?, cells.exact());
        let start = Instant::now();
        std::hint::black_box(protect(spend, exact)?);
        let own_s = start.elapsed().as_secs_f64();
        let start = Instant::now();
        let noised = reference::opendp(&selection.draw, &cells.contributors, threads)?;
        let trips = reference::opendp(trips, &cells.trips, threads)?;
        let from = i64::try_from(selection.published_from())?;
        let kept = std::iter::zip(noised, trips).filter(|(noisy, _)| *noisy >= from);
        std::hint::black_box(kept.collect::<Vec<_>>());
        let rust_s = start.elapsed().as_secs_f64();
        let wheel_s = python.as_mut().ok().map(|p| p.seconds("")).transpose()?;
        // The first of each warms up.
        if run > 0 {
            own.push(own_s);
            rust.push(rust_s);
            wheel_s.into_iter().for_each(|s| wheel.push(s));
        }
    }
    report.plain("weir protect, two measures", Measure::Seconds, &own);
    let goal = |times| Some(Goal::RatioAtLeast(times));
    let what = format!("OpenDP in Rust, {threads} threads");
    report.compared(&what, &rust, &rust.over(&own), goal(8.0));
    match python {
        Ok(python) => {
            let what = format!("Python: {}", python.version);
            report.compared(&what, &wheel, &wheel.over(&own), goal(20.0));
        }
        Err(why) => report.absent("OpenDP's Python package", &why),
    }
    report.note(
        "ratio: times weir protect, which also makes intervals; OpenDP's only draw and select",
    );
    Ok(())
}

fn python(
    folder: &Path,
    selection: &Selection,
    trips: &Draw,
    cells: &Cells,
) -> Result<Result<Python, String>, Failed> {
    let [contributors_file, trips_file] = cells.write(folder)?;
    let mut args = vec![selection.published_from().to_string()];
    for (path, draw) in [(contributors_file, &selection.draw), (trips_file, trips)] {
        args.push(path.display().to_string());
        args.push(word(draw.noise).into());
        args.push(scale(draw.scale).to_string());
    }
    Python::start(SCRIPT, &args, "opendp")
}

/// One column on one thread and on two.
fn cores(
    report: &mut Report,
    settings: Settings,
    draw: &Draw,
    cells: &Cells,
) -> Result<(), Failed> {
    let (mut one, mut two) = (Series::default(), Series::default());
    for run in 0..=settings.runs {
        for (threads, series) in [(1, &mut one), (2, &mut two)] {
            let start = Instant::now();
            std::hint::black_box(reference::own(draw, &cells.trips, threads)?);
            if run > 0 {
                series.push_since(start);
            }
        }
    }
    report.plain("one column, two threads", Measure::Seconds, &two);
    let goal = Some(Goal::RatioAtLeast(1.8));
    report.compared("  one thread", &one, &one.over(&two), goal);
    Ok(())
}

/// Nanoseconds a draw on one thread, shuffle and addition included.
fn draws(report: &mut Report, settings: Settings) -> Result<(), Failed> {
    let Settings { rows, runs } = settings;
    let zeros = vec![0; rows];
    for noise in [Noise::DiscreteLaplace, Noise::DiscreteGaussian] {
        for sixteenths in SCALES {
            let draw = Draw {
                noise,
                scale: Scale::from_sixteenths(sixteenths)?,
                l0: 1,
                linf: 1,
                merged: 1,
            };
            let mut each = Series::default();
            for run in 0..=runs {
                let start = Instant::now();
                std::hint::black_box(reference::own(&draw, &zeros, 1)?);
                if run > 0 {
                    each.push(start.elapsed().as_secs_f64() * 1e9 / rows as f64);
                }
            }
            let what = format!("a draw, {} {}", word(noise), scale(draw.scale));
            let goal = Goal::Below(NANOSECONDS_MOST);
            report.bounded(&what, Measure::Nanoseconds, &each, goal);
        }
    }
    Ok(())
}

/// Small releases that differ in one cell of k − 1: there and suppressed, or absent.
fn timing(
    report: &mut Report,
    settings: Settings,
    spendable: &Verified,
    selection: &Selection,
) -> Result<(), Failed> {
    let absent = Cells::new(SMALL);
    let mut suppressed = Cells::new(SMALL);
    suppressed.contributors.push(i64::from(selection.k) - 1);
    suppressed.trips.push(i64::from(selection.k) - 1);
    let calls = (settings.rows / 100).clamp(100, 10_000);
    let (mut with, mut without) = (Series::default(), Series::default());
    for call in 0..calls {
        // In turn, and in changing order: what one does to the caches meets both.
        let mut pair = [(&suppressed, &mut with), (&absent, &mut without)];
        if call % 2 == 1 {
            pair.reverse();
        }
        for (cells, series) in pair {
            let (spend, exact) = (Spend::from_durable(spendable)?, cells.exact());
            let start = Instant::now();
            std::hint::black_box(protect(spend, exact)?);
            series.push_since(start);
        }
    }
    let ratio = with.over(&without);
    report.plain("1,000 cells, and one absent", Measure::Seconds, &without);
    report.compared("1,000 cells, and one suppressed", &with, &ratio, None);
    // P[D > d] ≤ 2·e^(-d²·n) for two samples of n (Smirnov 1948).
    let by_chance = (2e6_f64.ln() / calls as f64).sqrt();
    report.note(&format!(
        "time of a suppressed against an absent cell, {calls} calls each: Kolmogorov–Smirnov D = {:.4}; \
         by chance over {by_chance:.4} once in a million",
        kolmogorov_smirnov(&with, &without),
    ));
    Ok(())
}

fn word(noise: Noise) -> &'static str {
    match noise {
        Noise::DiscreteLaplace => "laplace",
        Noise::DiscreteGaussian => "gaussian",
    }
}

fn scale(scale: Scale) -> f64 {
    scale.sixteenths() as f64 / SCALE_STEPS as f64
}
