//! Logs that are filled for a bench: entries without meaning, in the broker's own files.

use std::path::Path;
use std::sync::Arc;

use audit::note::Signer;
use broker::store::disk::OsDisk;
use broker::store::log::Log;
use jiff::Timestamp;
use policies::entry::{Body, Entry, EntrySalt, Floors, VERSION};
use policies::id::sha256_hex;
use policies::loss::Loss;
use zeroize::Zeroizing;

use crate::run::Failed;

/// The key of these logs.
///
/// # Errors
/// Never.
pub fn signer() -> Result<Signer, Failed> {
    let seed = Zeroizing::new([9; 32]);
    Ok(Signer::from_seed("weir.bench/log".parse()?, &seed)?)
}

/// The `n`th entry: every other one leaves a record in the index.
///
/// # Errors
/// Never.
pub fn entry(n: u64) -> Result<Vec<u8>, Failed> {
    let body = if n == 0 {
        Body::BrokerStarted {
            software: "bench".to_owned(),
            floors: Floors {
                k_min: 5,
                cap_max: Loss::ZERO,
                retention_days_max: 400,
                k_only_k_min: None,
                dense_allowed: true,
            },
            binary: None,
        }
    } else if n.is_multiple_of(2) {
        Body::Heartbeat {}
    } else {
        Body::ZoningAdded {
            zoning: format!("zoning-{n}").parse()?,
            sha256: sha256_hex(&n.to_be_bytes()).parse()?,
            zones: 84,
            parents: None,
            blob: sha256_hex(&n.to_le_bytes()).parse()?,
            by: "city".parse()?,
        }
    };
    let mut salt = [0; 16];
    for (to, from) in salt.iter_mut().zip(n.to_be_bytes()) {
        *to = from;
    }
    let entry = Entry {
        v: VERSION,
        time: Timestamp::from_millisecond(1_700_000_000_000)?,
        salt: EntrySalt::from_bytes(salt),
        body,
    };
    Ok(entry.to_bytes()?)
}

/// Appends so many to a new state directory.
///
/// # Errors
/// Where the disk refuses.
pub fn fill(state: &Path, entries: u64) -> Result<(), Failed> {
    let mut log = Log::open(Arc::new(OsDisk::open(state)?), signer()?)?;
    let mut next = 0;
    while next < entries {
        let end = entries.min(next + 4096);
        let batch: Result<Vec<_>, _> = (next..end).map(entry).collect();
        log.append(&batch?)?;
        next = end;
    }
    Ok(())
}
