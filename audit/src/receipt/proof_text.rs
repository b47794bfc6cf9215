//! The C2SP text form (c2sp.org/tlog-proof).

use std::fmt;
use std::str::FromStr;

use super::{Receipt, ReceiptError};
use crate::bundle::ENTRY_BYTES_MAX;
use crate::note::NOTE_BYTES_MAX;
use crate::text;
use crate::tree::{PROOF_HASHES_MAX, TreeHash};

/// Most bytes of a proof text: entry, hashes and the largest note fit.
pub const RECEIPT_TEXT_BYTES_MAX: usize = 768 * 1024;

const _: () = assert!(
    RECEIPT_TEXT_BYTES_MAX > NOTE_BYTES_MAX + ENTRY_BYTES_MAX / 3 * 4 + PROOF_HASHES_MAX * 45 + 100
);

const HEADER: &str = "c2sp.org/tlog-proof@v1";

impl Receipt {
    /// The proof without the entry, to lie beside a file that holds the entry.
    #[must_use]
    pub fn to_detached_text(&self) -> String {
        let Self {
            index,
            proof,
            checkpoint,
            ..
        } = self;
        let hashes: String = proof.iter().map(|hash| format!("{hash}\n")).collect();
        format!("{HEADER}\nindex {index}\n{hashes}\n{checkpoint}")
    }

    /// Reads a proof text whose entry comes from elsewhere; an `extra` line is ignored, since
    /// nothing authenticates it.
    ///
    /// # Errors
    /// [`ReceiptError`] names the line that is not as it should be.
    pub fn from_detached_text(given: &str, entry: Vec<u8>) -> Result<Self, ReceiptError> {
        parse(given, |_| Ok(entry))
    }
}

impl FromStr for Receipt {
    type Err = ReceiptError;

    /// Reads a proof text that carries its entry in the `extra` line.
    fn from_str(given: &str) -> Result<Self, ReceiptError> {
        parse(given, |extra| extra.ok_or(ReceiptError::NoEntry))
    }
}

impl fmt::Display for Receipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let detached = self.to_detached_text();
        let after_header = detached.strip_prefix(HEADER).unwrap_or_default();
        write!(
            f,
            "{HEADER}\nextra {}{after_header}",
            text::encode(&self.entry)
        )
    }
}

fn parse(
    given: &str,
    entry: impl FnOnce(Option<Vec<u8>>) -> Result<Vec<u8>, ReceiptError>,
) -> Result<Receipt, ReceiptError> {
    if given.len() > RECEIPT_TEXT_BYTES_MAX {
        return Err(ReceiptError::TextTooLong { found: given.len() });
    }
    let mut lines = Lines {
        rest: given,
        line: 0,
    };
    if lines.next()? != HEADER {
        return Err(lines.expected("`c2sp.org/tlog-proof@v1`"));
    }
    let mut line = lines.next()?;
    let mut extra = None;
    if let Some(encoded) = line.strip_prefix("extra ") {
        let bytes = text::decode(encoded).ok_or_else(|| lines.expected("base64 after `extra`"))?;
        extra = Some(bytes);
        line = lines.next()?;
    }
    let index = line
        .strip_prefix("index ")
        .and_then(text::decode_decimal)
        .ok_or_else(|| lines.expected("`index` and a decimal number"))?;
    let proof = hashes(&mut lines)?;
    Receipt::new(index, entry(extra)?, proof, lines.rest.parse()?)
}

fn hashes(lines: &mut Lines<'_>) -> Result<Vec<TreeHash>, ReceiptError> {
    let mut proof = Vec::new();
    loop {
        let line = lines.next()?;
        if line.is_empty() {
            return Ok(proof);
        }
        if proof.len() == PROOF_HASHES_MAX {
            return Err(lines.expected("an empty line after at most 64 hashes"));
        }
        proof.push(
            line.parse()
                .map_err(|_| lines.expected("a hash or an empty line"))?,
        );
    }
}

/// Lines with their numbers; the rest is kept whole, for the checkpoint.
struct Lines<'a> {
    rest: &'a str,
    line: usize,
}

impl<'a> Lines<'a> {
    fn next(&mut self) -> Result<&'a str, ReceiptError> {
        self.line += 1;
        let (line, rest) = self
            .rest
            .split_once('\n')
            .ok_or_else(|| self.expected("a line that ends with a newline"))?;
        self.rest = rest;
        Ok(line)
    }

    fn expected(&self, expected: &'static str) -> ReceiptError {
        ReceiptError::Line {
            line: self.line,
            expected,
        }
    }
}
