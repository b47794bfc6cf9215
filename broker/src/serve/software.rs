//! Which binary runs.

use std::fs::File;
use std::io::{self, Read};
use std::sync::OnceLock;

use aws_lc_rs::digest::{Context, SHA256};
use policies::id::Fingerprint;

/// SHA-256 of the file that this process was started from, read once; `None` where it cannot be read
/// any more. It tells which build an operator ran, and proves nothing: the operator computes it.
pub(super) fn digest() -> Option<Fingerprint> {
    static DIGEST: OnceLock<Option<Fingerprint>> = OnceLock::new();
    let digest = DIGEST.get_or_init(|| match read() {
        Ok(digest) => Fingerprint::new(digest).ok(),
        Err(error) => {
            tracing::warn!(%error, "the binary cannot be read: its digest is not logged");
            None
        }
    });
    digest.clone()
}

fn read() -> io::Result<String> {
    let mut file = File::open(std::env::current_exe()?)?;
    let (mut context, mut piece) = (Context::new(&SHA256), vec![0; 1 << 20]);
    loop {
        match file.read(&mut piece)? {
            0 => return Ok(hex::encode(context.finish())),
            length => context.update(piece.get(..length).unwrap_or_default()),
        }
    }
}
