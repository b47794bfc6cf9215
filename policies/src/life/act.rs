//! What an organisation signs when it changes an agreement's life.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Action;
use crate::id::{AgreementId, OrgId};
use crate::sign::PartySignature;
use crate::text::is_line;

/// Longest reason of an act, in bytes of UTF-8.
pub const REASON_BYTES_MAX: usize = 280;

/// Why a party acts, in its own words: one line of 1 to [`REASON_BYTES_MAX`] bytes. It stands in the log for
/// ever, for parties and auditors to read, so it MUST hold nothing about a person. What is written now (`FromStr`) has
/// nothing that steers how it is shown; the log of an older build may (`TryFrom`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Cause(String);

impl Cause {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Cause {
    type Error = CauseError;
    fn try_from(text: String) -> Result<Self, CauseError> {
        let line = text.trim() == text && !text.chars().any(char::is_control);
        if line && (1..=REASON_BYTES_MAX).contains(&text.len()) {
            Ok(Self(text))
        } else {
            Err(CauseError)
        }
    }
}

impl std::str::FromStr for Cause {
    type Err = CauseError;
    fn from_str(text: &str) -> Result<Self, CauseError> {
        match is_line(text) {
            true => Self::try_from(text.to_owned()),
            false => Err(CauseError),
        }
    }
}

impl From<Cause> for String {
    fn from(cause: Cause) -> Self {
        cause.0
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A text that is no reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "a reason is one line of 1 to {REASON_BYTES_MAX} bytes, without spaces around it or direction marks"
)]
pub struct CauseError;

/// What a party or a steward did: the entry that carries it says which [`Action`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Act {
    /// To which agreement.
    pub agreement: AgreementId,
    /// Who.
    pub by: OrgId,
    /// Index of the entry of the agreement's last change, which the act answers: a signed act never acts twice.
    pub after: u64,
    /// When a termination takes effect; at once where absent, and for all other acts.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub takes_effect: Option<Timestamp>,
    /// Why.
    pub reason: Cause,
    /// Over [`payload`].
    pub signature: PartySignature,
}

/// What an organisation signs for an act: whose broker runs cannot act in its name.
#[must_use]
pub fn payload(
    action: Action,
    (agreement, by, after): (&AgreementId, &OrgId, u64),
    takes_effect: Option<Timestamp>,
    reason: &Cause,
) -> Vec<u8> {
    let action = action.as_str();
    let effect = takes_effect.map_or_else(|| "at once".to_owned(), |at| at.to_string());
    format!(
        "weir agreement act\nact {action}\nagreement {agreement}\nby {by}\nafter {after}\ntakes effect \
         {effect}\nreason {reason}\n"
    )
    .into_bytes()
}

impl Act {
    /// What its signature covers.
    #[must_use]
    pub fn payload(&self, action: Action) -> Vec<u8> {
        let at = (&self.agreement, &self.by, self.after);
        payload(action, at, self.takes_effect, &self.reason)
    }
}
