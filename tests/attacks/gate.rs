//! The gate alone: a reservation in a log of one entry → the right to draw → a release. For losses that no
//! agreement may sign (a δ that can be seen in thousands of cells), through the same public doors.

use audit::checkpoint::{LogKey, TreeHead};
use audit::note::Signer;
use audit::receipt::Receipt;
use audit::tree::{MemoryHashes, inclusion_proof, leaf_hash};
use policies::entry::{Body, Entry, EntrySalt, Reservation, VERSION};
use privacy::protect::{Exact, Protected, protect};
use privacy::spend::Spend;

pub fn spend(reservation: Reservation) -> Spend {
    let entry = Entry {
        v: VERSION,
        time: "2026-11-24T12:00:00Z".parse().unwrap(),
        salt: EntrySalt::from_bytes([3; 16]),
        body: Body::ReleaseReserved(Box::new(reservation)),
    };
    let entry = entry.to_bytes().unwrap();
    let mut hashes = MemoryHashes::default();
    hashes.extend([leaf_hash(&entry)]);
    let signer = Signer::from_seed("weir.example/log".parse().unwrap(), &[7; 32].into()).unwrap();
    let origin = signer.verifier_key().name().clone();
    let (size, root) = (hashes.frontier().size(), hashes.frontier().root());
    let head = TreeHead::new(origin, size, root)
        .unwrap()
        .sign(&signer)
        .unwrap();
    let key: LogKey = signer.verifier_key().to_string().parse().unwrap();
    let proof = inclusion_proof(&hashes, 0, 1).unwrap();
    let receipt = Receipt::new(0, entry, proof, head).unwrap();
    Spend::from_durable(&receipt.verify(&key).unwrap()).unwrap()
}

/// Noisy contributors of every row, `None` where it is not published.
pub fn noisy(reservation: Reservation, contributors: Vec<u64>) -> Vec<Option<i64>> {
    let mut shown = vec![None; contributors.len()];
    let exact = Exact {
        contributors: Some(contributors),
        measures: vec![],
    };
    let release = protect(spend(reservation), exact).unwrap();
    let Protected::Noisy {
        kept, contributors, ..
    } = release.protected()
    else {
        panic!()
    };
    for (row, value) in std::iter::zip(kept, &contributors.values) {
        shown[*row] = Some(*value);
    }
    shown
}
