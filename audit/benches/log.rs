//! The log without a broker: hashing, proofs made and verified, and a log of real decisions followed.
//!
//! `cargo bench -p audit --bench log`. It lives here so that it builds in a few minutes, without
//! DataFusion; what needs the disk is in `bench/benches/log.rs`. One thread. `WEIR_BENCH_ENTRIES` is
//! the size of the tree (1000000), a tenth of it that of the log that is followed. Times are of this
//! thread on a processor (`/proc/thread-self/schedstat`), so that a busy machine costs nothing.
#![expect(clippy::print_stdout, reason = "what it measures is what it prints")]

use std::error::Error;
use std::hint::black_box;
use std::time::Duration;

use audit::checkpoint::{LogKey, TreeHead};
use audit::follow::Follower;
use audit::note::Signer;
use audit::tree::{
    Frontier, MemoryHashes, TreeHash, consistency_proof, inclusion_proof, leaf_hash,
    verify_consistency, verify_inclusion,
};
use policies::entry::Entry;
use policies::id::sha256_hex;
use policies::state::State;
use zeroize::Zeroizing;

#[path = "log/story.rs"]
mod story;

type Failed = Box<dyn Error + Send + Sync>;

const ENTRIES: u64 = 1_000_000;
/// Proofs of each kind.
const PROOFS: u64 = 10_000;
/// Entries between two checkpoints of the log that is followed.
const BATCH: usize = 1024;
/// Goals: entries followed in a second, and microseconds of a proof.
const FOLLOWED_LEAST: f64 = 300_000.0;
const MADE_MOST_US: f64 = 300.0;
const VERIFIED_MOST_US: f64 = 10.0;

fn main() -> Result<(), Failed> {
    if !std::env::args().any(|arg| arg == "--bench") {
        println!("this is a bench: cargo bench -p audit --bench log");
        return Ok(());
    }
    let size = match std::env::var("WEIR_BENCH_ENTRIES") {
        Ok(text) => text.replace('_', "").parse::<u64>()?.max(1000),
        Err(_) => ENTRIES,
    };
    proofs(size)?;
    follow(usize::try_from(size / 10)?)
}

/// Places spread over the tree, the same on every machine.
fn places(size: u64) -> impl Iterator<Item = u64> {
    (0..PROOFS).map(move |n| n.wrapping_mul(0x9e37_79b9_7f4a_7c15) % size)
}

fn proofs(size: u64) -> Result<(), Failed> {
    let entry = |n: u64| format!("{n:0225}"); // the mean size of an entry
    let mut hashes = MemoryHashes::default();
    let begun = on_cpu()?;
    for n in 0..size {
        hashes.append(leaf_hash(entry(n).as_bytes()));
    }
    rate(
        "entries hashed into a tree, all levels kept",
        size,
        on_cpu()?.saturating_sub(begun),
        None,
    );
    let root = hashes.frontier().root();

    let begun = on_cpu()?;
    let made: Result<Vec<_>, _> = places(size)
        .map(|n| Ok::<_, Failed>((n, inclusion_proof(&hashes, n, size)?)))
        .collect();
    let made = made?;
    each(
        "inclusion proof made, hashes in memory",
        on_cpu()?.saturating_sub(begun),
        Some(MADE_MOST_US),
    );
    let begun = on_cpu()?;
    for (n, proof) in &made {
        let leaf = leaf_hash(entry(*n).as_bytes());
        verify_inclusion(&leaf, *n, size, proof, &root)?;
    }
    each(
        "inclusion proof verified, entry hashed",
        on_cpu()?.saturating_sub(begun),
        Some(VERIFIED_MOST_US),
    );

    let olds: Vec<u64> = places(size - 1).map(|n| n + 1).collect();
    let begun = on_cpu()?;
    let made: Result<Vec<_>, _> = olds
        .iter()
        .map(|old| consistency_proof(&hashes, *old, size))
        .collect();
    let made = made?;
    each(
        "consistency proof made",
        on_cpu()?.saturating_sub(begun),
        None,
    );
    let roots: Result<Vec<TreeHash>, _> = olds
        .iter()
        .map(|old| audit::tree::root_at(&hashes, *old))
        .collect();
    let roots = roots?;
    let begun = on_cpu()?;
    for ((old, proof), old_root) in olds.iter().zip(&made).zip(&roots) {
        verify_consistency(*old, old_root, size, &root, proof)?;
    }
    each(
        "consistency proof verified",
        on_cpu()?.saturating_sub(begun),
        Some(VERIFIED_MOST_US),
    );
    Ok(())
}

fn follow(size: usize) -> Result<(), Failed> {
    let seed = Zeroizing::new([9; 32]);
    let signer = Signer::from_seed("weir.test/log".parse()?, &seed)?;
    let key = LogKey::new(signer.verifier_key().clone());
    let log = story::log(size);
    let bytes: usize = log.iter().map(Vec::len).sum();
    let mean = bytes / log.len();
    let mut frontier = Frontier::default();
    let mut heads = Vec::new();
    for batch in log.chunks(BATCH) {
        for entry in batch {
            frontier.append(leaf_hash(entry), |_, _| ());
        }
        let origin = key.origin().clone();
        let head = TreeHead::new(origin, frontier.size(), frontier.root())?;
        heads.push(head.sign(&signer)?);
    }
    let mut follower = Follower::new();
    let begun = on_cpu()?;
    for (batch, head) in log.chunks(BATCH).zip(&heads) {
        follower.advance(head, batch.iter().map(Vec::as_slice), &key)?;
    }
    let took = on_cpu()?.saturating_sub(begun);
    black_box(follower.replayer().root());
    let what = format!("entries followed, every rule checked (mean {mean} bytes)");
    rate(&what, log.len() as u64, took, Some(FOLLOWED_LEAST));
    stages(&log, took)?;
    for (kind, count) in follower.replayer().summary().kinds {
        println!("      {count:>9} {kind}");
    }
    Ok(())
}

/// Where the time goes, of following (`whole`) and of a start: the same entries through each stage alone.
fn stages(log: &[Vec<u8>], whole: Duration) -> Result<(), Failed> {
    let of = |what: &str, took: Duration| {
        let share = 100.0 * took.as_secs_f64() / whole.as_secs_f64();
        let micros = took.as_secs_f64() * 1e6 / log.len() as f64;
        println!("{micros:>12.2} µs an entry, {share:>5.1} % of following: {what}");
    };
    let took = |stage: &mut dyn FnMut() -> Result<(), Failed>| -> Result<Duration, Failed> {
        let begun = on_cpu()?;
        stage()?;
        Ok(on_cpu()?.saturating_sub(begun))
    };
    let hashed = took(&mut || {
        let mut frontier = Frontier::default();
        for entry in log {
            frontier.append(leaf_hash(entry), |_, _| ());
        }
        black_box(frontier.root());
        Ok(())
    })?;
    let rooted = took(&mut || {
        let mut frontier = Frontier::default();
        for entry in log {
            frontier.append(leaf_hash(entry), |_, _| ());
            black_box(frontier.root());
        }
        Ok(())
    })?;
    let batches: Vec<_> = log.chunks(BATCH).map(<[_]>::concat).collect();
    let summed = took(&mut || {
        black_box(
            batches
                .iter()
                .map(|batch| sha256_hex(batch).len())
                .sum::<usize>(),
        );
        Ok(())
    })?;
    let mut entries = Vec::with_capacity(log.len());
    let read = took(&mut || {
        for bytes in log {
            entries.push(Entry::from_bytes(bytes)?);
        }
        Ok(())
    })?;
    let spelt = took(&mut || {
        for entry in &entries {
            black_box(entry.to_bytes()?);
        }
        Ok(())
    })?;
    let mut state = State::new();
    let mut touched = Vec::new();
    let applied = took(&mut || {
        for entry in &entries {
            touched.push(state.apply(entry)?);
        }
        Ok(())
    })?;
    let recorded = took(&mut || {
        for touched in &touched {
            black_box(state.records(touched)?);
        }
        Ok(())
    })?;
    of(
        "hashed into the tree (following does it twice, a start once)",
        hashed,
    );
    of("read: parsed, and spelt again canonically to compare", read);
    of("of that, spelt again", spelt);
    of("applied to the state, with the reducer's checks", applied);
    let rest = [hashed, hashed, read, applied].iter().sum();
    let rest = whole.saturating_sub(rest);
    of(
        "the rest: decided again, signatures, the noise and its cost recomputed",
        rest,
    );
    of(
        "not in following: committed bytes summed, as a start does",
        summed,
    );
    let roots = rooted.saturating_sub(hashed);
    of(
        "not in following: a root after each entry, as commits of one do",
        roots,
    );
    of(
        "not in following: the index's records made, as a rebuild does",
        recorded,
    );
    Ok(())
}

/// How long this thread has been on a processor.
fn on_cpu() -> Result<Duration, Failed> {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat")?;
    let nanos = stat.split(' ').next().unwrap_or_default().parse()?;
    Ok(Duration::from_nanos(nanos))
}

fn rate(what: &str, count: u64, took: Duration, least: Option<f64>) {
    let rate = count as f64 / took.as_secs_f64();
    let goal = least.map_or_else(String::new, |least| {
        format!(" (≥ {least} /s: {})", verdict(rate >= least))
    });
    println!("{rate:>12.0} /s  {what}: {count} in {took:.2?}{goal}");
}

fn each(what: &str, took: Duration, most: Option<f64>) {
    let micros = took.as_secs_f64() * 1e6 / PROOFS as f64;
    let goal = most.map_or_else(String::new, |most| {
        format!(" (< {most} µs: {})", verdict(micros < most))
    });
    println!("{micros:>12.2} µs  {what}: mean of {PROOFS}{goal}");
}

fn verdict(met: bool) -> &'static str {
    if met { "met" } else { "MISSED" }
}
