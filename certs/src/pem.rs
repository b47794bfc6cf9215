//! One block of PEM (RFC 7468), strictly; intermediate copies are wiped, unlike in the PEM
//! libraries.

use base64::{Engine, engine::general_purpose::STANDARD};
use zeroize::Zeroizing;

const COLUMNS: usize = 64;

/// The DER bytes as one block with this label.
pub(crate) fn encode(label: &str, der: &[u8]) -> Zeroizing<String> {
    let body = Zeroizing::new(STANDARD.encode(der));
    // Sized in advance: a growing string would leave copies of the key behind.
    let mut out = Zeroizing::new(String::with_capacity(body.len() * 2 + label.len() * 2 + 64));
    out.push_str(&format!("-----BEGIN {label}-----"));
    for (at, digit) in body.chars().enumerate() {
        if at % COLUMNS == 0 {
            out.push('\n');
        }
        out.push(digit);
    }
    out.push_str(&format!("\n-----END {label}-----\n"));
    out
}

/// The bytes of the text's only block, if it has this label.
pub(crate) fn decode(label: &str, text: &str) -> Option<Zeroizing<Vec<u8>>> {
    let begin = format!("-----BEGIN {label}-----");
    let end = format!("-----END {label}-----");
    let body = text.trim().strip_prefix(&begin)?.strip_suffix(&end)?;
    let mut digits = Zeroizing::new(String::with_capacity(body.len()));
    digits.extend(body.chars().filter(|c| !c.is_ascii_whitespace()));
    STANDARD.decode(digits.as_bytes()).ok().map(Zeroizing::new)
}
