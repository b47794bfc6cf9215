//! Which cells of a large table and all its margins may be shown (k-only): time, memory, cells lost; then the
//! structure of every line, and a thousand random hidden cells attacked.
//!
//! 650,000 rows of origin × destination × hour × mode with districts and dayparts: the size of
//! sdcTools/UserSupport#146, which sdcTable did not finish in 48 hours. One run, since it takes minutes:
//! `cargo bench -p privacy --bench konly`. It lives here so that it builds in a minute, without DataFusion.
#![expect(clippy::print_stdout, reason = "what it measures is what it prints")]

use std::collections::BTreeMap;
use std::error::Error;
use std::time::Instant;

use privacy::konly::{Fate, Hierarchy, Key, Node, Row, suppress};
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha20Rng;

#[path = "../tests/konly/local.rs"]
mod local;

use local::Large;

type Failed = Box<dyn Error + Send + Sync>;

const SEED: u64 = 20_261_124;
/// As many as a contribution to a k-only table may have; `WEIR_BENCH_ROWS` asks for fewer.
const ROWS_MAX: usize = 650_000;
const ATTACKED: usize = 1_000;
const K: u32 = 5;
/// Zones of a district, hours of a daypart.
const DISTRICT: usize = 10;
const DAYPART: usize = 6;
const HOURS: usize = 24;
const MODES: [f64; 4] = [0.6, 0.25, 0.1, 0.05];

fn main() -> Result<(), Failed> {
    if !std::env::args().any(|arg| arg == "--bench") {
        println!("this is a bench: cargo bench -p privacy --bench konly");
        return Ok(());
    }
    let rows = match std::env::var("WEIR_BENCH_ROWS") {
        Ok(text) => text.replace('_', "").parse::<usize>()?.min(ROWS_MAX),
        Err(_) => ROWS_MAX,
    };
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
    let start = Instant::now();
    let pattern = suppress(&dims, &cells, K, 1)?;
    println!(
        "{rows} rows, {zones} zones, k {K}: pattern after {:.1?}, at most {:.0} MiB",
        start.elapsed(),
        peak_mib()?
    );
    let of = |wanted| {
        let cells = pattern.cells().iter();
        cells.filter(|(.., fate)| *fate == wanted).count()
    };
    let (shown, small) = (of(Fate::Published), of(Fate::Primary));
    let lost = of(Fate::Complementary);
    let share = 100.0 * lost as f64 / (lost + shown).max(1) as f64;
    println!(
        "{shown} cells shown, {small} small ones hidden, {lost} further ones: {share:.1} % of those with k or more"
    );

    let large = Large::new(&dims, pattern.cells(), K);
    let start = Instant::now();
    let single = large.single_in_a_line().len();
    println!(
        "{single} lines with a single hidden cell ({:.1?})",
        start.elapsed()
    );
    let hidden = pattern.cells().iter();
    let hidden = hidden.filter(|(.., fate)| *fate != Fate::Published);
    let mut hidden: Vec<Key> = hidden.map(|(key, ..)| *key).collect();
    hidden.shuffle(&mut ChaCha20Rng::seed_from_u64(SEED));
    hidden.truncate(ATTACKED);
    let start = Instant::now();
    let mut reaches: BTreeMap<Option<usize>, usize> = BTreeMap::new();
    for key in &hidden {
        *reaches.entry(large.proven(*key)).or_default() += 1;
    }
    let open = reaches.get(&None).copied().unwrap_or(0);
    println!(
        "{} of {} random hidden cells proven to be anything they have to be able to be, {open} open ({:.1?}); by reach {reaches:?}",
        hidden.len() - open,
        hidden.len(),
        start.elapsed()
    );
    match single {
        0 => Ok(()),
        _ => Err("a hidden cell is a difference of shown ones".into()),
    }
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
