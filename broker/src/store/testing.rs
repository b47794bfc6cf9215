//! Entries and keys for the store's tests.

#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

use audit::commitment::Salt;
use audit::note::Signer;
use jiff::Timestamp;
use policies::entry::{Body, Entry, EntrySalt, Floors, VERSION};
use policies::id::{BlobId, Fingerprint, OrgId, Role, ZoningId, sha256_hex};
use policies::loss::Loss;
use policies::sign::{PartySignature, PublicKey};
use policies::state::State;
use zeroize::Zeroizing;

/// The key of the log `weir.test/log`.
pub(crate) fn signer() -> Signer {
    signer_of("weir.test/log", 7)
}

/// A key of another origin or seed.
pub(super) fn signer_of(origin: &str, seed: u8) -> Signer {
    Signer::from_seed(origin.parse().unwrap(), &Zeroizing::new([seed; 32])).unwrap()
}

/// The `n`th entry of a log that the reducer accepts; some name a blob.
pub(super) fn entry(n: u64, blob: Option<BlobId>) -> Vec<u8> {
    let body = match (n % 3, blob) {
        (_, Some(blob)) => Body::ZoningAdded {
            zoning: ZoningId::new(format!("zoning-{n}")).unwrap(),
            sha256: Fingerprint::new(sha256_hex(&n.to_be_bytes())).unwrap(),
            zones: 3,
            parents: None,
            blob,
            by: OrgId::new("city").unwrap(),
        },
        (1, None) => admitted(n),
        (_, None) => Body::BrokerStarted {
            binary: None,
            software: format!("test-{n}"),
            floors: Floors {
                k_min: n as u32 + 1,
                cap_max: Loss::ZERO,
                retention_days_max: 400,
                k_only_k_min: None,
                dense_allowed: true,
            },
        },
    };
    let time = Timestamp::from_millisecond(1_700_000_000_000 + n as i64).unwrap();
    let salt = EntrySalt::from_bytes(*Salt::random().unwrap().as_bytes());
    let v = VERSION;
    Entry {
        v,
        time,
        salt,
        body,
    }
    .to_bytes()
    .unwrap()
}

fn admitted(n: u64) -> Body {
    let mut spki = hex::decode("3059301306072a8648ce3d020106082a8648ce3d03010703420004").unwrap();
    spki.extend([[0; 56].as_slice(), &n.to_be_bytes()].concat());
    let org = OrgId::new(format!("org-{n}")).unwrap();
    Body::OrgAdmitted {
        role: Role::Provider,
        spiffe: format!("spiffe://weir.test/org/{org}"),
        org,
        key: PublicKey::from_spki(&spki).unwrap(),
        possession: PartySignature {
            protected: "p".into(),
            signature: "s".into(),
        },
        by: None,
    }
}

/// What the entries imply, without any index.
pub(super) fn replay(entries: &[Vec<u8>]) -> State {
    let mut state = State::new();
    for bytes in entries {
        state.apply(&Entry::from_bytes(bytes).unwrap()).unwrap();
    }
    state
}
