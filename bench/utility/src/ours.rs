//! A release by the product's own path: charge → calibrate → reservation in a log → the right to draw
//! → protect.

use audit::checkpoint::{LogKey, TreeHead};
use audit::note::Signer;
use audit::receipt::{Receipt, Verified};
use audit::tree::{MemoryHashes, inclusion_proof, leaf_hash};
use policies::agreement::{Charge, Unit};
use policies::entry::{Body, Entry, EntrySalt, Reservation};
use policies::loss::Delta;
use policies::mechanism::Mechanism;
use policies::table::Table;
use privacy::protect::{Exact, Protected, protect};
use privacy::spend::Spend;
use zeroize::Zeroizing;

use super::set::{Cells, Key};
use crate::Failed;

/// δ of every release, whatever it is made of.
pub const DELTA: Delta = Delta::from_units(10_000);

/// Rows of one release: key, value, low, high.
pub type Rows = Vec<(Key, i64, i64, i64)>;

/// One table's noise, ready to draw as often as it is asked.
#[derive(Debug)]
pub struct Ours {
    reserved: Verified,
    /// Its noise.
    pub mechanism: Mechanism,
    /// What it is charged.
    pub charge: Charge,
}

impl Ours {
    /// The table's noise for (ε, δ) of this one release.
    ///
    /// # Errors
    /// Where nothing keeps it.
    pub fn new(
        table: Table,
        unit: Unit,
        k: u32,
        (epsilon, delta): (u64, Delta),
    ) -> Result<Self, Failed> {
        let charge = privacy::stated::charge(&table, unit, k, epsilon, delta)?;
        let mechanism = privacy::calibrate::calibrate(&table, unit, k, &charge)?;
        let digest = policies::id::sha256_hex(b"bench");
        let reservation = serde_json::from_value::<Reservation>(serde_json::json!({
            "key": digest, "request": "bench", "by": "city", "agreement": digest,
            "purpose": "dpv:PublicPolicyMaking", "table": table, "period": "2026-10-01",
            "unit": unit, "edition": 1, "manifest": [], "late": false, "missing": [],
            "mechanism": mechanism, "charge": charge.total().ok_or("no charge")?,
        }))?;
        Ok(Self {
            reserved: logged(reservation)?,
            mechanism,
            charge,
        })
    }

    /// Least noisy count that is published.
    #[must_use]
    pub fn published_from(&self) -> u64 {
        match &self.mechanism {
            Mechanism::Thresholded { selection, .. } => selection.published_from(),
            _ => 0,
        }
    }

    /// Draws the table once for these cells.
    ///
    /// # Errors
    /// As the product says.
    pub fn draw(&self, cells: &Cells) -> Result<Rows, Failed> {
        let exact = Exact {
            contributors: Some(cells.values().copied().collect()),
            measures: Vec::new(),
        };
        let release = protect(Spend::from_durable(&self.reserved)?, exact)?;
        let Protected::Noisy {
            kept, contributors, ..
        } = release.protected()
        else {
            return Err("a release without noise".into());
        };
        let keys: Vec<Key> = cells.keys().copied().collect();
        let ends = std::iter::zip(&contributors.low, &contributors.high);
        let rows = std::iter::zip(kept, std::iter::zip(&contributors.values, ends));
        let rows = rows.filter_map(|(row, (value, (low, high)))| {
            Some((*keys.get(*row)?, *value, *low, *high))
        });
        Ok(rows.collect())
    }
}

/// A log of this one entry: the right to draw comes from a log, here too.
fn logged(reservation: Reservation) -> Result<Verified, Failed> {
    let entry = Entry {
        v: policies::entry::VERSION,
        time: jiff::Timestamp::now(),
        salt: EntrySalt::from_bytes([3; 16]),
        body: Body::ReleaseReserved(Box::new(reservation)),
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
