//! The one place that turns messages into domain types and back.
//!
//! Every message is taken apart in full, without `..`, so that a new field breaks the build until
//! someone decides what it means. What comes out is checked: ids are parsed, lists are bounded,
//! digests are recomputed where the bytes are at hand.

mod agreement;
mod both_ways;
mod call;
mod common;
mod contributed;
mod contribution;
mod directory;
mod life;
mod offered;
mod opening;
mod release;
mod rotation;
mod transparency;

#[cfg(test)]
mod tests;

use std::fmt::Display;
use std::str::FromStr;

pub use agreement::{AgreementSummary, Offer, SignedAgreement, Signing};
pub use call::CallStatus;
pub use common::{Logged, Page, Paged, Rate};
pub use contributed::{ContributionStatus, Withdrawing};
pub use contribution::{Accepted, ContributionQuery, Push, TableFilter};
pub use directory::{Admission, Organisation, Zoning, ZoningBytes};
pub use life::{Acting, Lived};
pub use offered::OfferedTable;
pub use opening::{Opens, Recalls};
pub use release::{
    Answer, Chunk, JointPreview, MeasurePreview, PartPreview, PeriodPreview, Preview, PreviewQuery,
    Protection, Refused, ReleaseHead, ReleaseSummary, Released, RungPreview, Wish, key_from_ticket,
    key_to_ticket,
};
pub use rotation::Rotation;
pub use transparency::{Bundle, LogRange, SizePair, WatchFrom};

/// Why a message is refused: which field, and what should stand there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("field `{field}`: {message}")]
pub struct ConvertError {
    /// Path of the field inside its message.
    pub field: &'static str,
    /// What is wrong with it and what is allowed.
    pub message: String,
}

impl From<ConvertError> for tonic::Status {
    /// Always `INVALID_ARGUMENT`.
    fn from(error: ConvertError) -> Self {
        Self::invalid_argument(error.to_string())
    }
}

fn wrong(field: &'static str, why: impl Display) -> ConvertError {
    ConvertError {
        field,
        message: why.to_string(),
    }
}

/// Text that parses into a domain type.
fn parse<T: FromStr<Err: Display>>(field: &'static str, text: &str) -> Result<T, ConvertError> {
    text.parse().map_err(|e| wrong(field, e))
}

/// As [`parse`], where empty means absent.
fn parse_optional<T: FromStr<Err: Display>>(
    field: &'static str,
    text: &str,
) -> Result<Option<T>, ConvertError> {
    if text.is_empty() {
        return Ok(None);
    }
    parse(field, text).map(Some)
}

fn print_optional(value: Option<&impl Display>) -> String {
    value.map(ToString::to_string).unwrap_or_default()
}

/// A message that has to be there.
fn required<T>(field: &'static str, message: Option<T>) -> Result<T, ConvertError> {
    message.ok_or_else(|| wrong(field, "missing"))
}

fn at_most(field: &'static str, unit: &str, found: usize, max: usize) -> Result<(), ConvertError> {
    if found <= max {
        return Ok(());
    }
    Err(wrong(
        field,
        format_args!("has {found} {unit}, at most {max} are allowed"),
    ))
}

fn not_empty(field: &'static str, bytes: &[u8]) -> Result<(), ConvertError> {
    if bytes.is_empty() {
        return Err(wrong(field, "is empty"));
    }
    Ok(())
}
