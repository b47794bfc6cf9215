//! Requests for releases, their answers, and the parts of a release.

use audit::commitment::Salt;
use audit::receipt::Receipt;
use policies::id::{AgreementId, BlobId, ReleaseKey, TableName};
use policies::loss::Loss;
use policies::period::Period;
use policies::refusal::Refusal;
use policies::state::OpenStage;
use prost::Message;
use prost::bytes::Bytes;

use super::both_ways::{id_request, paged};
use super::common;
use super::{
    ConvertError, Paged, at_most, not_empty, parse, parse_optional, print_optional, required, wrong,
};
use crate::limits::{CHUNK_BYTES_MAX, QUALITY_SHEET_BYTES_MAX};
use crate::v1;

mod merge;
mod preview;
mod wish;

pub use preview::{
    JointPreview, MeasurePreview, PartPreview, PeriodPreview, Preview, PreviewQuery, Protection,
    RungPreview,
};
pub use wish::Wish;

/// The answer to a wish.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// It is published.
    Released(Released),
    /// It is refused; nothing was charged.
    Refused(Refused),
}

/// A request that was refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Every reason.
    pub refusal: Refusal,
    /// Of the refusal's entry; not to be believed before it is verified.
    pub receipt: Receipt,
}

/// A release that is published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Released {
    /// Its key.
    pub key: ReleaseKey,
    /// Of its publication; not to be believed before it is verified.
    pub receipt: Receipt,
    /// The published edition that it takes the place of.
    pub replaces: Option<ReleaseKey>,
}

/// A part of a release on its way to the client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Chunk {
    /// Always first, once.
    Head(Box<ReleaseHead>),
    /// The next bytes of the table, 1 to [`CHUNK_BYTES_MAX`].
    Table(Bytes),
}

/// All about a release but its rows.
#[derive(Clone, PartialEq, Eq)]
pub struct ReleaseHead {
    /// Its key.
    pub key: ReleaseKey,
    /// Canonical JSON, 1 to [`QUALITY_SHEET_BYTES_MAX`] bytes.
    pub quality_sheet: Vec<u8>,
    /// Salt of the table's commitment.
    pub salt: Salt,
    /// The commitment; not checked yet.
    pub blob: BlobId,
    /// How many bytes of table follow.
    pub table_bytes: u64,
    /// Of its publication; not verified yet.
    pub receipt: Receipt,
}

/// A release in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReleaseSummary {
    /// Its key.
    pub key: ReleaseKey,
    /// Under which agreement.
    pub agreement: AgreementId,
    /// Which table.
    pub table: TableName,
    /// Which period.
    pub period: Period,
    /// From 1.
    pub edition: u32,
    /// What each unit-period it read lost; none where there is no unit.
    pub charge: Option<Loss>,
    /// Index of the entry that published it.
    pub entry: u64,
    /// The published edition that it takes the place of.
    pub replaces: Option<ReleaseKey>,
    /// Who may see it.
    pub open: OpenStage,
}

/// Without the salt.
impl std::fmt::Debug for ReleaseHead {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "ReleaseHead({}, {} bytes of table)",
            self.key, self.table_bytes
        )
    }
}

impl TryFrom<v1::RequestReleaseResponse> for Answer {
    type Error = ConvertError;

    fn try_from(message: v1::RequestReleaseResponse) -> Result<Self, ConvertError> {
        use v1::request_release_response::Answer as Wire;
        let v1::RequestReleaseResponse {
            answer,
            refused_receipt,
        } = message;
        match required("answer", answer)? {
            Wire::Released(v1::ReleaseAnswer {
                release_key,
                receipt,
                replaces_release_key,
            }) => {
                let key = parse("released.release_key", &release_key)?;
                Ok(Self::Released(Released {
                    key,
                    receipt: common::receipt(receipt)?,
                    replaces: parse_optional(
                        "released.replaces_release_key",
                        &replaces_release_key,
                    )?,
                }))
            }
            Wire::Refused(refusal) => Ok(Self::Refused(Refused {
                refusal: refusal.try_into()?,
                receipt: common::receipt(refused_receipt)?,
            })),
        }
    }
}

impl From<Answer> for v1::RequestReleaseResponse {
    fn from(answer: Answer) -> Self {
        use v1::request_release_response::Answer as Wire;
        let (answer, refused_receipt) = match answer {
            Answer::Released(Released {
                key,
                receipt,
                replaces,
            }) => {
                let released = v1::ReleaseAnswer {
                    release_key: key.into(),
                    receipt: Some(receipt.into()),
                    replaces_release_key: print_optional(replaces.as_ref()),
                };
                (Wire::Released(released), None)
            }
            Answer::Refused(Refused { refusal, receipt }) => {
                (Wire::Refused(refusal.into()), Some(receipt.into()))
            }
        };
        Self {
            answer: Some(answer),
            refused_receipt,
        }
    }
}

impl TryFrom<v1::GetReleaseResponse> for Chunk {
    type Error = ConvertError;

    fn try_from(message: v1::GetReleaseResponse) -> Result<Self, ConvertError> {
        use v1::get_release_response::Part;
        let v1::GetReleaseResponse { part } = message;
        match required("part", part)? {
            Part::Header(header) => header.try_into().map(|head| Self::Head(Box::new(head))),
            Part::Chunk(bytes) => {
                not_empty("chunk", &bytes)?;
                at_most("chunk", "bytes", bytes.len(), CHUNK_BYTES_MAX)?;
                Ok(Self::Table(bytes))
            }
        }
    }
}

impl From<Chunk> for v1::GetReleaseResponse {
    fn from(chunk: Chunk) -> Self {
        use v1::get_release_response::Part;
        let part = match chunk {
            Chunk::Head(head) => Part::Header((*head).into()),
            Chunk::Table(bytes) => Part::Chunk(bytes),
        };
        Self { part: Some(part) }
    }
}

impl TryFrom<v1::ReleaseHeader> for ReleaseHead {
    type Error = ConvertError;

    fn try_from(message: v1::ReleaseHeader) -> Result<Self, ConvertError> {
        let v1::ReleaseHeader {
            release_key,
            quality_sheet,
            salt,
            blob_id,
            table_bytes,
            receipt,
        } = message;
        not_empty("quality_sheet", &quality_sheet)?;
        at_most(
            "quality_sheet",
            "bytes",
            quality_sheet.len(),
            QUALITY_SHEET_BYTES_MAX,
        )?;
        let salt = salt
            .try_into()
            .map_err(|_| wrong("salt", "does not have 16 bytes"))?;
        Ok(Self {
            key: parse("release_key", &release_key)?,
            quality_sheet,
            salt: Salt::new(salt),
            blob: parse("blob_id", &blob_id)?,
            table_bytes,
            receipt: common::receipt(receipt)?,
        })
    }
}

impl From<ReleaseHead> for v1::ReleaseHeader {
    fn from(head: ReleaseHead) -> Self {
        let ReleaseHead {
            key,
            quality_sheet,
            salt,
            blob,
            table_bytes,
            receipt,
        } = head;
        Self {
            release_key: key.into(),
            quality_sheet,
            salt: salt.as_bytes().to_vec(),
            blob_id: blob.into(),
            table_bytes,
            receipt: Some(receipt.into()),
        }
    }
}

impl TryFrom<v1::ReleaseSummary> for ReleaseSummary {
    type Error = ConvertError;

    fn try_from(message: v1::ReleaseSummary) -> Result<Self, ConvertError> {
        let v1::ReleaseSummary {
            release_key,
            agreement_id,
            table,
            period,
            edition,
            charge,
            entry_index,
            replaces_release_key,
            open_stage,
        } = message;
        let open = match v1::OpenStage::try_from(open_stage) {
            Ok(v1::OpenStage::Closed) => OpenStage::Closed,
            Ok(v1::OpenStage::Proposed) => OpenStage::Proposed,
            Ok(v1::OpenStage::Public) => OpenStage::Public,
            Ok(v1::OpenStage::Withdrawn) => OpenStage::Withdrawn,
            Ok(v1::OpenStage::Unspecified) => return Err(wrong("open_stage", "missing")),
            Err(_) => {
                let why = format_args!("`{open_stage}` is not known here");
                return Err(wrong("open_stage", why));
            }
        };
        Ok(Self {
            key: parse("release_key", &release_key)?,
            agreement: parse("agreement_id", &agreement_id)?,
            table: parse("table", &table)?,
            period: parse("period", &period)?,
            edition,
            charge: charge.map(TryInto::try_into).transpose()?,
            entry: entry_index,
            replaces: parse_optional("replaces_release_key", &replaces_release_key)?,
            open,
        })
    }
}

impl From<ReleaseSummary> for v1::ReleaseSummary {
    fn from(summary: ReleaseSummary) -> Self {
        let ReleaseSummary {
            key,
            agreement,
            table,
            period,
            edition,
            charge,
            entry,
            replaces,
            open,
        } = summary;
        let open = match open {
            OpenStage::Closed => v1::OpenStage::Closed,
            OpenStage::Proposed => v1::OpenStage::Proposed,
            OpenStage::Public => v1::OpenStage::Public,
            OpenStage::Withdrawn => v1::OpenStage::Withdrawn,
        };
        Self {
            release_key: key.into(),
            agreement_id: agreement.into(),
            table: table.into(),
            period: period.into(),
            edition,
            charge: charge.map(Into::into),
            entry_index: entry,
            replaces_release_key: print_optional(replaces.as_ref()),
            open_stage: open.into(),
        }
    }
}

/// The bytes of a Flight DoGet ticket.
///
/// # Errors
/// [`ConvertError`]; field `ticket` where the bytes are no `ReleaseTicket` at all.
pub fn key_from_ticket(ticket: &[u8]) -> Result<ReleaseKey, ConvertError> {
    at_most("ticket", "bytes", ticket.len(), TICKET_BYTES_MAX)?;
    let ticket = v1::ReleaseTicket::decode(ticket);
    ticket
        .map_err(|_| wrong("ticket", "is not a weir.v1.ReleaseTicket"))?
        .try_into()
}

/// The ticket that gets a release's rows by Flight DoGet.
#[must_use]
pub fn key_to_ticket(key: ReleaseKey) -> Vec<u8> {
    v1::ReleaseTicket::from(key).encode_to_vec()
}

/// A key has 64 bytes, its field two more.
const TICKET_BYTES_MAX: usize = 128;

paged! { ListReleasesResponse { releases: ReleaseSummary } }
id_request! {
    GetReleaseRequest { release_key: ReleaseKey }
    ReleaseTicket { release_key: ReleaseKey }
}
