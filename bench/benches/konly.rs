//! Which cells of a large table and all its margins may be shown (k-only): time, memory, cells lost.
//!
//! 650,000 rows of origin × destination × hour × mode with districts and dayparts: the size of
//! sdcTools/UserSupport#146, which sdcTable did not finish in 48 hours. One run, since it takes minutes.

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::time::Instant;

use bench::report::{Measure, Report};
use bench::run::{self, Failed, SEED, Settings};
use bench::series::Series;
use privacy::konly::{Fate, Hierarchy, Key, Node, Row, suppress};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha20Rng;

const ROWS_MAX: usize = 650_000;
const K: u32 = 5;
/// Zones of a district, hours of a daypart.
const DISTRICT: usize = 10;
const DAYPART: usize = 6;
const HOURS: usize = 24;
const MODES: [f64; 4] = [0.6, 0.25, 0.1, 0.05];

fn main() -> ExitCode {
    run::bench("konly", konly)
}

async fn konly(settings: Settings) -> Result<(), Failed> {
    let rows = settings.rows.min(ROWS_MAX);
    // 200 zones for 650,000 rows: a sixth of the finest keys is filled, at any size.
    let zones = (DISTRICT..).find(|zones| zones * zones * 65 >= rows * 4);
    let zones = zones.unwrap_or(DISTRICT).next_multiple_of(DISTRICT);
    let dims = [
        grouped(zones, DISTRICT)?,
        grouped(zones, DISTRICT)?,
        grouped(HOURS, DAYPART)?,
        Hierarchy::flat(MODES.len())?,
    ];
    let cells = trips(zones, rows)?;
    let mut seconds = Series::default();
    let start = Instant::now();
    let pattern = suppress(&dims, &cells, K, 1)?;
    seconds.push_since(start);
    let mut memory = Series::default();
    memory.push(peak_mib()?);

    let of = |wanted| {
        pattern
            .cells()
            .iter()
            .filter(|(.., fate)| *fate == wanted)
            .count()
    };
    let (shown, small, lost) = (
        of(Fate::Published),
        of(Fate::Primary),
        of(Fate::Complementary),
    );
    let mut report = Report::new("konly", Settings { rows, runs: 1 });
    report.plain(
        "pattern of a table with all margins",
        Measure::Seconds,
        &seconds,
    );
    report.plain("peak memory of the process", Measure::Mebibytes, &memory);
    report.note(&format!(
        "k {K}, {zones} zones: {shown} cells shown, {small} small ones hidden"
    ));
    let share = 100.0 * lost as f64 / (lost + shown).max(1) as f64;
    report.note(&format!(
        "{lost} further cells lost: {share:.1} % of those with k or more"
    ));
    report.print();
    Ok(())
}

fn grouped(values: usize, by: usize) -> Result<Hierarchy, Failed> {
    let groups = values.div_ceil(by);
    let total = values + groups;
    let parents = (0..values).map(|value| values + value / by);
    let parents: Vec<_> = parents.chain(std::iter::repeat_n(total, groups)).collect();
    Ok(Hierarchy::new(values, &parents)?)
}

/// Trips until `rows` keys are filled: half of them inside a district, two peaks a day.
fn trips(zones: usize, rows: usize) -> Result<Vec<Row>, Failed> {
    let mut random = ChaCha20Rng::seed_from_u64(SEED);
    let sizes: Vec<f64> = (0..zones)
        .map(|_| random.random_range(0.05f64..1.0).powi(3))
        .collect();
    let peak = |hour: usize, at: f64| (-((hour as f64 - at) / 2.0).powi(2)).exp();
    let hours: Vec<f64> = (0..HOURS)
        .map(|h| 0.1 + peak(h, 8.0) + peak(h, 17.0))
        .collect();
    let (sizes, hours, modes) = (rising(&sizes), rising(&hours), rising(&MODES));
    let mut counts: BTreeMap<[Node; 4], u64> = BTreeMap::new();
    while counts.len() < rows {
        let origin = pick(&sizes, &mut random);
        let destination = if random.random_bool(0.5) {
            origin - origin % DISTRICT + random.random_range(0..DISTRICT)
        } else {
            pick(&sizes, &mut random)
        };
        let values = [
            origin,
            destination,
            pick(&hours, &mut random),
            pick(&modes, &mut random),
        ];
        let mut key = [0; 4];
        for (node, value) in key.iter_mut().zip(values) {
            *node = Node::try_from(value)?;
        }
        *counts.entry(key).or_default() += 1;
    }
    let row = |(key, count): (&[Node; 4], &u64)| Row {
        key: Key::of(key),
        count: *count,
        contributors: *count,
    };
    Ok(counts.iter().map(row).collect())
}

fn rising(weights: &[f64]) -> Vec<f64> {
    let sum = |sum: &mut f64, weight: &f64| {
        *sum += weight;
        Some(*sum)
    };
    weights.iter().scan(0.0, sum).collect()
}

fn pick(rising: &[f64], random: &mut ChaCha20Rng) -> usize {
    let at = random.random_range(0.0..rising.last().copied().unwrap_or(1.0));
    rising.partition_point(|sum| *sum <= at)
}

fn peak_mib() -> Result<f64, Failed> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.split_whitespace().next());
    Ok(kib.ok_or("no VmHWM")?.parse::<f64>()? / 1024.0)
}
