//! A released table on its way to us: bytes that the log committed to, read only after that is
//! shown.

use std::collections::BTreeSet;
use std::fmt;
use std::io::Cursor;

use arrow::array::{Array, RecordBatch};
use arrow::datatypes::{Schema, SchemaRef};
use arrow::ipc::reader::StreamReader;
use audit::commitment::{Commitment, Salt};
use bytes::{Bytes, BytesMut};
use policies::agreement::Unit;
use policies::coarse::{Coarsening, Merge};
use policies::id::{AgreementId, BlobId, OrgId, ReleaseKey};
use policies::loss::Loss;
use policies::mechanism::Mechanism;
use policies::period::Period;
use policies::table::Table as TableTerms;
use proto::columns::{Made, QUALITY, columns_of};
use proto::convert::{Chunk, ReleaseHead, Wish};
use proto::v1::GetReleaseResponse;
use serde::Deserialize;
use tonic::{Request, Streaming};

use super::error::ClientError;
use super::expect;
use super::limits::{TABLE_BYTES_FIRST, TABLE_BYTES_MAX};
use super::proof::Proof;
use super::session::{Client, understood};

const DOING: &str = "fetch the release";

/// A released table: exactly the bytes that its entry in the log committed to.
pub struct Table {
    key: ReleaseKey,
    sheet: Sheet,
    quality_sheet: Vec<u8>,
    bytes: Bytes,
    salt: Salt,
    blob: BlobId,
    schema: SchemaRef,
    batches: Vec<RecordBatch>,
    proof: Proof,
}

/// The part of a quality sheet that says which table it is about, and how it was made.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Sheet {
    /// The release.
    pub release: ReleaseKey,
    /// Under which agreement.
    pub agreement: AgreementId,
    /// The table's terms.
    pub table: TableTerms,
    /// The period; the first one of a merge.
    pub period: Period,
    /// All periods and what became of their cells, where it is an ad-hoc merge.
    #[serde(default)]
    pub merge: Option<Merge>,
    /// 1 for the first edition of the period.
    pub edition: u32,
    /// What is protected.
    pub unit: Unit,
    /// All noise.
    pub mechanism: Mechanism,
    /// What every unit-period it read was charged.
    pub charge: Loss,
    /// Rows published.
    pub published_keys: u64,
    /// Coarser rungs, finer ones first.
    #[serde(default)]
    pub rungs: Vec<SheetRung>,
    /// The parts, where it is made of several providers'.
    #[serde(default)]
    pub joint: Option<JointParts>,
}

/// Whose parts a joint table is made of.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct JointParts {
    /// One per provider, the first included.
    pub parts: Vec<PartOf>,
}

/// One part of a joint table.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct PartOf {
    /// Under which agreement.
    pub agreement: AgreementId,
    /// Whose data.
    pub provider: OrgId,
    /// The table's terms.
    pub table: TableTerms,
    /// What every unit-period it read was charged.
    pub charge: Loss,
}

/// One coarser rung of a table.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct SheetRung {
    /// Which cells fall into one of its rows: those that no finer row shows.
    pub coarsening: Coarsening,
    /// Its rows, a part of all that are published.
    pub published_keys: u64,
}

impl Sheet {
    /// What became of the table's cells: of a merge one coarsening, of a ladder one per rung above 0.
    #[must_use]
    pub fn coarser(&self) -> Vec<Coarsening> {
        let merge = self.merge.iter().map(|merge| merge.coarsening().clone());
        let rungs = self.rungs.iter().map(|rung| rung.coarsening.clone());
        merge.chain(rungs).collect()
    }

    /// Is it of what was wished for: the same agreements and tables, period and merge?
    pub(super) fn answers(&self, wish: &Wish) -> bool {
        let mut here: BTreeSet<_> = match &self.joint {
            Some(joint) => {
                let parts = joint.parts.iter();
                parts
                    .map(|part| (&part.agreement, &part.table.name))
                    .collect()
            }
            None => BTreeSet::from([(&self.agreement, &self.table.name)]),
        };
        let with = wish.with.iter().map(|with| (&with.agreement, &with.table));
        let mut wished = with.chain([(&wish.agreement, &wish.table)]);
        let parts = wished.all(|part| here.remove(&part)) && here.is_empty();
        parts && self.period == wish.period && self.merge == wish.merge
    }
}

impl Table {
    /// Its key: the same bytes for everyone who may have them.
    #[must_use]
    pub fn key(&self) -> &ReleaseKey {
        &self.key
    }

    /// Which table of which period this is.
    #[must_use]
    pub fn sheet(&self) -> &Sheet {
        &self.sheet
    }

    /// The whole quality sheet as published: canonical JSON, a part of [`Self::bytes`].
    #[must_use]
    pub fn quality_sheet(&self) -> &[u8] {
        &self.quality_sheet
    }

    /// The columns ([`proto::columns::released_schema`]), with what the broker noted in its
    /// metadata.
    #[must_use]
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// The rows, sorted by key.
    #[must_use]
    pub fn batches(&self) -> &[RecordBatch] {
        &self.batches
    }

    /// The rows as an Arrow IPC stream, byte for byte as published.
    #[must_use]
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// The salt that opens the commitment: with it, anyone can check [`Self::bytes`] against the
    /// entry.
    #[must_use]
    pub fn salt(&self) -> &Salt {
        &self.salt
    }

    /// The commitment in the entry.
    #[must_use]
    pub fn blob(&self) -> &BlobId {
        &self.blob
    }

    /// The proof of its `release.published` entry.
    #[must_use]
    pub fn proof(&self) -> &Proof {
        &self.proof
    }
}

impl fmt::Debug for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Sheet { table, period, .. } = &self.sheet;
        write!(f, "Table({} of {period}, release {})", table.name, self.key)
    }
}

impl Client {
    /// Fetches a published release and checks it: the log holds its publication with this blob, the
    /// bytes are the blob's, and they are the table that the quality sheet describes.
    ///
    /// # Errors
    /// [`ClientError::Receipt`] or [`ClientError::Table`] where something does not hold, else as
    /// the broker says.
    pub async fn fetch(&self, key: &ReleaseKey) -> Result<Table, ClientError> {
        let mark = self.mark()?;
        let answer = self
            .release_service()
            .get_release(Request::new(key.clone().into()))
            .await;
        let mut parts = answer.map_err(|s| self.failed(DOING, &s))?.into_inner();
        let head = match self.next(&mut parts).await? {
            Some(Chunk::Head(head)) => *head,
            _ => return Err(mismatch("no header")),
        };
        if head.key != *key {
            return Err(mismatch("another release"));
        }
        let bytes = self.rows(&mut parts, head.table_bytes).await?;
        let ReleaseHead {
            key,
            quality_sheet,
            salt,
            blob,
            table_bytes: _,
            receipt,
        } = head;
        let proof = self.checked(DOING, receipt, |body| {
            expect::published(body, &key, Some(&blob))
        })?;
        let proof = self.seen(DOING, mark, proof).await?;
        let read = open(&key, &quality_sheet, &blob, &salt, &bytes);
        let (sheet, schema, batches) = read?;
        Ok(Table {
            key,
            sheet,
            quality_sheet,
            bytes,
            salt,
            blob,
            schema,
            batches,
            proof,
        })
    }

    /// The table's bytes, exactly as many as announced.
    async fn rows(
        &self,
        parts: &mut Streaming<GetReleaseResponse>,
        announced: u64,
    ) -> Result<Bytes, ClientError> {
        if announced > TABLE_BYTES_MAX {
            let why = format!("a table over {TABLE_BYTES_MAX} bytes is not taken");
            return Err(ClientError::Own { doing: DOING, why });
        }
        // An announcement alone is no reason to set all of it aside.
        let first = usize::try_from(announced.min(TABLE_BYTES_FIRST)).unwrap_or_default();
        let mut bytes = BytesMut::with_capacity(first);
        while let Some(part) = self.next(parts).await? {
            let Chunk::Table(chunk) = part else {
                return Err(mismatch("a second header"));
            };
            bytes.extend_from_slice(&chunk);
            if bytes.len() as u64 > announced {
                return Err(mismatch("more bytes than it announced"));
            }
        }
        if (bytes.len() as u64) < announced {
            return Err(mismatch("fewer bytes than it announced"));
        }
        Ok(bytes.freeze())
    }

    async fn next(
        &self,
        parts: &mut Streaming<GetReleaseResponse>,
    ) -> Result<Option<Chunk>, ClientError> {
        let part = parts.message().await;
        let part = part.map_err(|s| self.failed(DOING, &s))?;
        part.map(|part| understood(DOING, part)).transpose()
    }
}

fn mismatch(what: &'static str) -> ClientError {
    ClientError::Mismatch { doing: DOING, what }
}

type Opened = (Sheet, SchemaRef, Vec<RecordBatch>);

/// Checks the commitment, then reads bytes and sheet and compares them.
fn open(
    key: &ReleaseKey,
    quality_sheet: &[u8],
    blob: &BlobId,
    salt: &Salt,
    bytes: &Bytes,
) -> Result<Opened, ClientError> {
    let bad = |why: &dyn fmt::Display| ClientError::Table {
        release: key.clone(),
        why: why.to_string(),
    };
    let commitment: Commitment = blob.as_str().parse().map_err(|e| bad(&e))?;
    commitment.verify(salt, bytes).map_err(|e| bad(&e))?;
    let arrow = |e| bad(&format_args!("its rows cannot be read ({e})"));
    let reader = StreamReader::try_new(Cursor::new(bytes.clone()), None).map_err(arrow)?;
    let schema = reader.schema();
    let published = schema.metadata().get(QUALITY).map(String::as_bytes);
    if published != Some(quality_sheet) {
        return Err(bad(
            &"the quality sheet beside it is not the one that was published",
        ));
    }
    let sheet: Sheet = serde_json::from_slice(quality_sheet)
        .map_err(|e| bad(&format_args!("its quality sheet cannot be read ({e})")))?;
    if sheet.release != *key {
        return Err(bad(&"its quality sheet is another release's"));
    }
    if !describes(&schema, &sheet) {
        return Err(bad(&"its columns are not those of its table"));
    }
    let batches = reader.collect::<Result<Vec<_>, _>>().map_err(arrow)?;
    let columns = batches.iter().flat_map(RecordBatch::columns);
    if columns.into_iter().any(|c| c.logical_null_count() > 0) {
        return Err(bad(&"a value is null"));
    }
    let rows: u64 = batches.iter().map(|batch| batch.num_rows() as u64).sum();
    if rows != sheet.published_keys {
        return Err(bad(
            &"it has another number of rows than its quality sheet says",
        ));
    }
    Ok((sheet, schema, batches))
}

/// Are these the columns that the table's terms and the mechanism imply?
fn describes(schema: &Schema, sheet: &Sheet) -> bool {
    let made = Made {
        merged: sheet.merge.is_some(),
        on_rungs: !sheet.rungs.is_empty(),
        joint: sheet.joint.is_some(),
    };
    let expected = columns_of(&sheet.table, sheet.unit, &sheet.mechanism, made);
    schema.fields() == expected.fields()
}

#[cfg(test)]
mod tests;
