//! One block of PEM (RFC 7468), strictly, with or without the development mark; intermediate copies are wiped, unlike in the PEM
//! libraries.

use base64::{Engine, engine::general_purpose::STANDARD};
use zeroize::Zeroizing;

const COLUMNS: usize = 64;

/// Explanatory text (RFC 7468 section 2) before a key that `weir pki` made.
pub(crate) const DEVELOPMENT_MARK: &str = "weir pki: development key - not for production\n";

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

/// A block with the mark before it.
pub(crate) fn marked(block: &str) -> Zeroizing<String> {
    let mut out = Zeroizing::new(String::with_capacity(DEVELOPMENT_MARK.len() + block.len()));
    out.push_str(DEVELOPMENT_MARK);
    out.push_str(block);
    out
}

/// Whether a key's PEM text carries the mark that `weir pki` writes: production MUST refuse it. Who
/// deletes the line has been told.
#[must_use]
pub fn is_development_key(text: &str) -> bool {
    text.starts_with(DEVELOPMENT_MARK)
}

/// The bytes of the text's only block, if it has this label.
pub(crate) fn decode(label: &str, text: &str) -> Option<Zeroizing<Vec<u8>>> {
    let begin = format!("-----BEGIN {label}-----");
    let end = format!("-----END {label}-----");
    let text = text.strip_prefix(DEVELOPMENT_MARK).unwrap_or(text);
    let body = text.trim().strip_prefix(&begin)?.strip_suffix(&end)?;
    let mut digits = Zeroizing::new(String::with_capacity(body.len()));
    digits.extend(body.chars().filter(|c| !c.is_ascii_whitespace()));
    STANDARD.decode(digits.as_bytes()).ok().map(Zeroizing::new)
}
