//! A logged reservation: what a bench needs to call [`privacy::protect::protect`].

use audit::checkpoint::{LogKey, TreeHead};
use audit::note::Signer;
use audit::receipt::{Receipt, Verified};
use audit::tree::{MemoryHashes, inclusion_proof, leaf_hash};
use policies::agreement::Agreement;
use policies::entry::{Body, Entry, EntrySalt, Reservation};
use zeroize::Zeroizing;

use crate::grid;
use crate::run::Failed;

/// One release of the grid's table for one day, calibrated to its charge.
///
/// # Errors
/// Where the agreement has no such table or charge.
pub fn reservation(terms: &Agreement) -> Result<Reservation, Failed> {
    let table = grid::table(terms)?.clone();
    let item = terms.plan_item(&table.name);
    let charge = item
        .and_then(|item| item.charge.as_ref())
        .ok_or("no charge")?;
    let (unit, k) = (terms.population.unit, terms.k);
    let digest = policies::id::sha256_hex(b"bench");
    Ok(Reservation {
        key: digest.parse()?,
        request: "bench".parse()?,
        by: terms.planner.org.clone(),
        agreement: terms.id()?,
        purpose: "dpv:PublicPolicyMaking".into(),
        mechanism: privacy::calibrate::calibrate(&table, unit, k, charge)?,
        charge: charge.total().ok_or("no charge")?,
        joint: None,
        table,
        period: "2026-10-01".parse()?,
        merge: None,
        rungs: vec![],
        unit,
        edition: 1,
        replaces: None,
        manifest: Vec::new(),
        late: false,
        missing: Vec::new(),
    })
}

/// A log of this one entry: the right to draw comes from a log, here too.
///
/// # Errors
/// Where the entry cannot be written or proved.
pub fn logged(reservation: &Reservation) -> Result<Verified, Failed> {
    let entry = Entry {
        v: policies::entry::VERSION,
        time: jiff::Timestamp::now(),
        salt: EntrySalt::from_bytes([3; 16]),
        body: Body::ReleaseReserved(Box::new(reservation.clone())),
    };
    let entry = entry.to_bytes()?;
    let mut hashes = MemoryHashes::default();
    hashes.append(leaf_hash(&entry));
    let signer = Signer::from_seed("weir.test/log".parse()?, &Zeroizing::new([7; 32]))?;
    let origin = signer.verifier_key().name().clone();
    let (size, root) = (hashes.frontier().size(), hashes.frontier().root());
    let head = TreeHead::new(origin, size, root)?.sign(&signer)?;
    let proof = inclusion_proof(&hashes, 0, 1)?;
    let key = LogKey::new(signer.verifier_key().clone());
    Ok(Receipt::new(0, entry, proof, head)?.verify(&key)?)
}
