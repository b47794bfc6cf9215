//! Our logs against `golang.org/x/mod/sumdb`, run by a Go toolchain where there is one.
//!
//! On Debian: `apt-get install golang-go golang-golang-x-mod-dev`.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use audit::checkpoint::TreeHead;
use audit::tree::{
    HashReader as _, HashRun, MemoryHashes, TreeHash, consistency_proof, inclusion_proof, leaf_hash,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::entry;
use super::notes::our_signer;
use super::random::Random;

/// Where Debian puts the sources of Go packages.
const GO_PATH: &str = "/usr/share/gocode";

/// Sizes up to this one are tested with every leaf and every older tree.
const EXHAUSTIVE_MAX: u64 = 64;

#[test]
fn go_accepts_our_tiles_proofs_and_checkpoint() {
    let packages = Path::new(GO_PATH).join("src/golang.org/x/mod/sumdb/tlog");
    let go = Command::new("go").arg("version").output();
    if go.is_err() || !packages.exists() {
        return policies::testing::skipped(
            "no Go toolchain with golang.org/x/mod, our log was not checked by Go: \
             apt-get install golang-go golang-golang-x-mod-dev",
        );
    }
    let mut random = Random::new();
    let input = log(66_000 + random.below(1_000), &mut random);
    let program = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/oracles/sumdb/main.go");
    let mut run = Command::new("go")
        .args(["run", program])
        .env("GO111MODULE", "off")
        .env("GOPATH", GO_PATH)
        .env("GOFLAGS", "")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = run.stdin.take().unwrap();
    let written = stdin.write_all(input.to_string().as_bytes());
    drop(stdin);
    let output = run.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    let failed = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{failed}");
    written.unwrap();
    println!("{said}");
    assert!(
        said.starts_with("inclusion 2280, consistency 2280, mutants "),
        "{said}"
    );
}

/// A signed log, with all proofs of its small trees and 200 random ones of each kind.
fn log(size: u64, random: &mut Random) -> Value {
    let mut hashes = MemoryHashes::default();
    hashes.extend((0..size).map(|index| leaf_hash(entry(index).as_bytes())));
    let small = (1..=EXHAUSTIVE_MAX).flat_map(|size| (0..size).map(move |index| (index, size)));
    let mut places: Vec<_> = small.collect();
    for _ in 0..200 {
        let size = size - random.below(size);
        places.push((random.below(size), size));
    }
    let (inclusion, consistency): (Vec<_>, Vec<_>) = places
        .into_iter()
        .map(|(index, size)| {
            let included = inclusion_proof(&hashes, index, size).unwrap();
            let continued = consistency_proof(&hashes, index + 1, size).unwrap();
            (
                json!({ "Index": index, "Size": size, "Proof": texts(&included) }),
                json!({ "Old": index + 1, "Size": size, "Proof": texts(&continued) }),
            )
        })
        .unzip();
    let signer = our_signer(7);
    let origin = signer.verifier_key().name().clone();
    let head = TreeHead::new(origin, size, hashes.frontier().root()).unwrap();
    json!({
        "Key": signer.verifier_key().to_string(),
        "Checkpoint": head.sign(&signer).unwrap().to_string(),
        "Entries": (0..size).map(|index| STANDARD.encode(entry(index))).collect::<Vec<_>>(),
        "Levels": (0..3).map(|level| level_file(&hashes, level)).collect::<Vec<_>>(),
        "Inclusion": inclusion,
        "Consistency": consistency,
    })
}

fn texts(proof: &[TreeHash]) -> Vec<String> {
    proof.iter().map(ToString::to_string).collect()
}

/// A level as the broker keeps it: one file of hashes.
fn level_file(hashes: &MemoryHashes, tile_level: u8) -> String {
    let size = hashes.frontier().size();
    let runs = (0..size >> (8 * tile_level)).step_by(128);
    let mut bytes = Vec::new();
    for first in runs {
        let run = HashRun {
            tile_level,
            first,
            count: 128,
        };
        let read = hashes.read(run).unwrap();
        bytes.extend(read.iter().flat_map(|hash| *hash.as_bytes()));
    }
    STANDARD.encode(bytes)
}
