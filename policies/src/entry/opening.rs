//! Released tables on their way to everybody: proposed, opened by a second person, withdrawn.

use serde::{Deserialize, Serialize};

use crate::id::{OrgId, Pseudonym, ReleaseKey};
use crate::life::Cause;
use crate::sign::PartySignature;

/// What can be done about a release's being open data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Ask that it becomes open; nothing is public by that.
    Propose,
    /// Approve that, as another person: from here on it is public.
    Approve,
    /// Take back what is proposed or public, for good.
    Withdraw,
}

impl Step {
    /// The word of commands and of what is signed.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Propose => "propose",
            Self::Approve => "approve",
            Self::Withdraw => "withdraw",
        }
    }
}

/// A person inside an organisation, without a name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct User {
    /// The same for one person of one organisation as long as the broker's secret lives.
    pub pseudonym: Pseudonym,
    /// Which secret that is. Pseudonyms under two secrets cannot be told apart, so they never count as two persons.
    pub secret: Pseudonym,
}

/// A party proposes a release as open data, or approves that.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Opening {
    /// Which release.
    pub key: ReleaseKey,
    /// The party.
    pub by: OrgId,
    /// The person who did it, as the broker knows them.
    pub user: User,
    /// Over [`opening_payload`].
    pub signature: PartySignature,
}

/// A party takes back what is proposed or public.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recall {
    /// Which release.
    pub key: ReleaseKey,
    /// The party.
    pub by: OrgId,
    /// Why, in its words: everybody reads it in the place of the data.
    pub reason: Cause,
    /// Over [`opening_payload`].
    pub signature: PartySignature,
}

/// What a party signs for one of these steps. A release is opened once and withdrawn for good, so no such signature
/// does anything a second time.
#[must_use]
pub fn opening_payload(
    step: Step,
    (key, by): (&ReleaseKey, &OrgId),
    reason: Option<&Cause>,
) -> Vec<u8> {
    let step = step.as_str();
    let reason = reason.map_or_else(String::new, |reason| format!("reason {reason}\n"));
    format!("weir open data\nstep {step}\nrelease {key}\nby {by}\n{reason}").into_bytes()
}

impl Opening {
    /// What its signature covers.
    #[must_use]
    pub fn payload(&self, step: Step) -> Vec<u8> {
        opening_payload(step, (&self.key, &self.by), None)
    }

    /// Is it certain that another person did this? Persons of two organisations are two; of one organisation, those
    /// with two pseudonyms under one secret.
    #[must_use]
    pub fn is_by_another(&self, than: &Self) -> bool {
        let (own, other) = (&self.user, &than.user);
        let told_apart = own.secret == other.secret && own.pseudonym != other.pseudonym;
        self.by != than.by || told_apart
    }
}

impl Recall {
    /// What its signature covers.
    #[must_use]
    pub fn payload(&self) -> Vec<u8> {
        opening_payload(Step::Withdraw, (&self.key, &self.by), Some(&self.reason))
    }
}
