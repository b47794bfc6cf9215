//! An entry as bytes: one spelling, and nothing that this build does not know.

use super::{ENTRY_BYTES_MAX, Entry, VERSION};

/// Why bytes are not an entry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EntryError {
    /// Unknown kind or field, or not JSON.
    #[error("not an entry this version knows: {message}")]
    Form {
        /// The parser's words.
        message: String,
    },
    /// A version from another build.
    #[error(
        "entry version `{version}` is not known here: run the `weir` that wrote it, or a newer one"
    )]
    Version {
        /// The version found.
        version: u32,
    },
    /// Not in canonical form.
    #[error("the entry is not in canonical form")]
    NotCanonical,
    /// Over [`ENTRY_BYTES_MAX`].
    #[error("the entry would have {bytes} bytes, over {ENTRY_BYTES_MAX}")]
    TooLarge {
        /// Its size.
        bytes: usize,
    },
}

impl Entry {
    /// Its RFC 8785 bytes: the leaf of the log.
    ///
    /// # Errors
    /// [`EntryError`] where it is too large or cannot be written.
    pub fn to_bytes(&self) -> Result<Vec<u8>, EntryError> {
        let bytes = serde_json_canonicalizer::to_vec(self).map_err(|e| EntryError::Form {
            message: e.to_string(),
        })?;
        if bytes.len() > ENTRY_BYTES_MAX {
            return Err(EntryError::TooLarge { bytes: bytes.len() });
        }
        Ok(bytes)
    }

    /// Reads a leaf of the log; one entry has exactly one spelling.
    ///
    /// # Errors
    /// [`EntryError`] for any other bytes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, EntryError> {
        let entry: Self = serde_json::from_slice(bytes).map_err(|e| EntryError::Form {
            message: e.to_string(),
        })?;
        if entry.v != VERSION {
            return Err(EntryError::Version { version: entry.v });
        }
        if entry.to_bytes()? != bytes {
            return Err(EntryError::NotCanonical);
        }
        Ok(entry)
    }
}
