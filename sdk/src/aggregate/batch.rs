//! What names a push. The other party and auditors see the id of a batch, and the log keeps it when the cells are
//! erased. So it follows from the cells *and* a key that only their provider has: a plain hash of them would tell
//! everybody for certain whether a guess is right.

use std::fmt;
use std::str::FromStr;

use arrow::array::RecordBatch;
use arrow::error::ArrowError;
use arrow::ipc::writer::StreamWriter;
use policies::id::{AgreementId, BatchId, IdError, TableName};
use policies::period::Period;
use zeroize::ZeroizeOnDrop;

use super::run::Aggregated;
use super::secret::{SECRET_BYTES, Secret};

/// Rows that are encoded at a time.
const ENCODED_ROWS: usize = 65_536;
/// Bytes of a batch id.
const ID_BYTES: usize = 20;

/// Names the pushes of one table and period. It follows from the provider's secret, lies in the cells' file and MUST
/// go no further than that; 64 lower-case hexadecimal digits as text. Its `Debug` shows nothing.
#[derive(Clone, PartialEq, Eq, ZeroizeOnDrop)]
pub struct BatchKey([u8; SECRET_BYTES]);

/// A keyed hash of everything that a push says.
#[derive(Clone, PartialEq, Eq, ZeroizeOnDrop)]
pub struct BatchContent([u8; SECRET_BYTES]);

impl fmt::Debug for BatchKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BatchKey(..)")
    }
}

impl fmt::Debug for BatchContent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BatchContent(..)")
    }
}

impl BatchKey {
    /// The key of this slot.
    #[must_use]
    pub fn of(secret: &Secret, agreement: &AgreementId, table: &TableName, period: Period) -> Self {
        let slot = format!("{agreement}\n{table}\n{period}\n");
        Self(secret.tag(&[b"batch", &[0], slot.as_bytes()]))
    }

    /// Over cells and what is declared beside them, not the file's bytes, whose order of metadata may differ from
    /// run to run.
    ///
    /// # Errors
    /// Where the cells cannot be encoded.
    pub fn content(
        &self,
        agreement: &AgreementId,
        cells: &Aggregated,
    ) -> Result<BatchContent, ArrowError> {
        let declared = serde_json::to_string(&cells.declared);
        let declared = declared.map_err(|e| ArrowError::ExternalError(e.into()))?;
        let (table, period) = (&cells.table, cells.period);
        let head = format!("{agreement}\n{table}\n{period}\n{declared}\n");
        let key = Secret::from_bytes(&self.0);
        let mut tag = key.tag(&[b"head", &[0], head.as_bytes()]);
        let mut from = 0;
        while from < cells.cells.num_rows() {
            let length = ENCODED_ROWS.min(cells.cells.num_rows() - from);
            let rows = encoded(&cells.cells.slice(from, length))?;
            tag = key.tag(&[b"rows", &[0], &tag, &rows]);
            from += length;
        }
        Ok(BatchContent(tag))
    }
}

impl BatchContent {
    /// The id of a push of it that replaces that batch, or none.
    ///
    /// # Errors
    /// [`IdError`], as of every text that becomes an id; these digits have the form.
    pub fn id(&self, supersedes: Option<&BatchId>) -> Result<BatchId, IdError> {
        let supersedes = supersedes.map(BatchId::as_str).unwrap_or_default();
        let key = Secret::from_bytes(&self.0);
        let tag = key.tag(&[b"supersedes", &[0], supersedes.as_bytes()]);
        BatchId::new(hex::encode(tag.get(..ID_BYTES).unwrap_or(&tag)))
    }
}

impl fmt::Display for BatchKey {
    /// For the cells' file alone.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl FromStr for BatchKey {
    type Err = hex::FromHexError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut key = [0; SECRET_BYTES];
        hex::decode_to_slice(text, &mut key)?;
        Ok(Self(key))
    }
}

fn encoded(rows: &RecordBatch) -> Result<Vec<u8>, ArrowError> {
    let mut stream = StreamWriter::try_new(Vec::new(), rows.schema_ref())?;
    stream.write(rows)?;
    stream.into_inner()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use std::sync::Arc;

    use arrow::array::UInt64Array;
    use arrow::datatypes::{DataType, Field, Schema};

    use super::*;
    use crate::aggregate::Declared;

    fn cells(values: &[u64], units: u64) -> Aggregated {
        let schema = Arc::new(Schema::new(vec![Field::new("n", DataType::UInt64, false)]));
        let column = Arc::new(UInt64Array::from(values.to_vec()));
        Aggregated {
            table: "od".parse().unwrap(),
            period: "2023-10-05".parse().unwrap(),
            cells: RecordBatch::try_new(schema, vec![column]).unwrap(),
            declared: Declared {
                active_units: Some(units),
                ..Declared::default()
            },
        }
    }

    fn agreement(digit: &str) -> AgreementId {
        digit.repeat(64).parse().unwrap()
    }

    fn id(secret: u8, agreement: &AgreementId, cells: &Aggregated) -> BatchId {
        let secret = Secret::from_bytes(&[secret; SECRET_BYTES]);
        let key = BatchKey::of(&secret, agreement, &cells.table, cells.period);
        key.content(agreement, cells).unwrap().id(None).unwrap()
    }

    #[test]
    fn equal_content_under_one_secret_has_one_id_and_nothing_else_has() {
        let a = agreement("a");
        let first = id(1, &a, &cells(&[1, 2, 3], 5));
        assert_eq!(first, id(1, &a, &cells(&[1, 2, 3], 5)));
        assert_eq!(first.as_str().len(), 40);
        assert_ne!(first, id(1, &a, &cells(&[1, 2, 4], 5)));
        assert_ne!(first, id(1, &a, &cells(&[1, 2], 5)));
        assert_ne!(first, id(1, &a, &cells(&[], 5)));
        assert_ne!(first, id(1, &a, &cells(&[1, 2, 3], 6)));
        assert_ne!(first, id(1, &agreement("b"), &cells(&[1, 2, 3], 5)));
    }

    /// Whoever knows all cells, and has no part in the provider's secret, cannot make the id.
    #[test]
    fn the_same_cells_under_two_secrets_have_two_ids() {
        let (a, cells) = (agreement("a"), cells(&[1, 2, 3], 5));
        assert_ne!(id(1, &a, &cells), id(2, &a, &cells));
        let key = |secret: u8| {
            let secret = Secret::from_bytes(&[secret; SECRET_BYTES]);
            BatchKey::of(&secret, &a, &cells.table, cells.period)
        };
        assert_ne!(key(1), key(2));
        assert_eq!(format!("{:?}", key(1)), "BatchKey(..)");
        assert_eq!(key(1).to_string().parse::<BatchKey>().unwrap(), key(1));
    }
}
