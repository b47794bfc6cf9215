//! An agreement as an ODRL 2.2 policy: what a dataspace connector or a rights tool can read of it.
//!
//! The signed document stays what it is ([`crate::agreement`]); this is a projection of it, made by a pure
//! function. The rules say in ODRL's words, DPV's purposes and the profile's own terms
//! (`docs/odrl-profile.ttl`) what is permitted and owed; the whole document travels beside them as a JSON
//! literal. So nothing is lost on the way, and a policy whose rules say anything else than its own document
//! is refused where it is read.
//!
//! ```
//! use policies::{agreement::Agreement, odrl::{Class, Policy}, template};
//! let terms = template::named("bikes").unwrap().json;
//! let terms = Agreement::parse(terms.as_bytes()).unwrap();
//! let policy = Policy::of(&terms, Class::Offer).unwrap();
//! let read = Policy::parse(&serde_json::to_vec(&policy).unwrap()).unwrap();
//! assert_eq!(read.terms(), &terms);
//! ```

use serde::{Deserialize, Serialize};

use crate::agreement::{AGREEMENT_BYTES_MAX, Agreement, AgreementError};
use crate::id::{AgreementId, OrgId};

mod rules;

/// JSON-LD context of the policy: W3C's for ODRL 2.2. Names that other contexts for ODRL leave out are written
/// with the prefix `odrl:`, so that the policy means the same under the Dataspace Protocol's.
pub const CONTEXT: &str = "http://www.w3.org/ns/odrl.jsonld";

/// The profile: its IRI, and the beginning of each of its terms.
pub const PROFILE: &str = "urn:weir:odrl:1";

/// Largest policy, in bytes: an agreement in any spelling, and its rules.
pub const POLICY_BYTES_MAX: usize = 8 * AGREEMENT_BYTES_MAX;

/// Is it offered, or agreed by both?
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Class {
    /// At most one party has signed.
    Offer,
    /// Both have.
    Agreement,
}

/// An agreement in ODRL's form. The rules MUST be those that follow from its terms: there is no other way to
/// one than [`Policy::of`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Policy(Document);

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    #[serde(rename = "@context")]
    context: String,
    #[serde(rename = "@type")]
    class: Class,
    #[serde(rename = "@id")]
    id: String,
    profile: String,
    target: String,
    assigner: String,
    assignee: String,
    permission: Vec<Rule>,
    obligation: Vec<Rule>,
    #[serde(rename = "urn:weir:odrl:1:terms")]
    terms: Literal,
}

/// What may or must be done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rule {
    action: String,
    constraint: Vec<Constraint>,
}

/// One condition of a rule; all of them hold together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Constraint {
    left_operand: String,
    operator: String,
    right_operand: Operand,
}

// What JSON-LD writes for a value, for one with a type, and for names: told apart by their shape alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
enum Operand {
    Text(String),
    Typed(Typed),
    Names(Vec<Name>),
}

/// A number is a string with a type: the Dataspace Protocol takes no bare number, and none leaves 2⁵³.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Typed {
    #[serde(rename = "@type")]
    datatype: String,
    #[serde(rename = "@value")]
    value: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Name {
    #[serde(rename = "@id")]
    id: String,
}

/// The signed document as a JSON literal: JSON-LD leaves it alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Literal {
    #[serde(rename = "@type")]
    datatype: String,
    #[serde(rename = "@value")]
    value: Agreement,
}

/// Why there is no policy.
#[derive(Debug, thiserror::Error)]
pub enum OdrlError {
    /// Over [`POLICY_BYTES_MAX`].
    #[error("the policy has over {POLICY_BYTES_MAX} bytes")]
    TooLarge,
    /// Not the shape of a policy: a field is unknown, missing, doubled or of another type.
    #[error("not a policy of the profile {PROFILE}: {message}")]
    Shape {
        /// The parser's words, with line and column.
        message: String,
    },
    /// The policy says something else than its document.
    #[error("the policy's rules are not those of the document in it, which alone is signed")]
    Differs,
    /// A last day after which there is none; no sound agreement has it.
    #[error("`valid` leaves the calendar")]
    Calendar,
    /// The document itself.
    #[error(transparent)]
    Agreement(#[from] AgreementError),
}

impl Policy {
    /// The policy of an agreement; every sound one ([`crate::validate`]) has one.
    ///
    /// # Errors
    /// [`OdrlError::Calendar`] for days that leave the calendar, [`OdrlError::Agreement`] where its id cannot be
    /// computed.
    pub fn of(terms: &Agreement, class: Class) -> Result<Self, OdrlError> {
        let id = terms.id()?;
        Ok(Self(Document {
            context: CONTEXT.to_owned(),
            class,
            id: agreement_iri(&id),
            profile: PROFILE.to_owned(),
            target: format!("{}:tables", agreement_iri(&id)),
            assigner: org_iri(&terms.provider.org),
            assignee: org_iri(&terms.planner.org),
            permission: rules::permissions(terms)?,
            obligation: rules::obligations(terms),
            terms: Literal {
                datatype: "@json".to_owned(),
                value: terms.clone(),
            },
        }))
    }

    /// Reads a policy in any JSON spelling with the fields that [`Policy::of`] writes, and no others.
    ///
    /// # Errors
    /// [`OdrlError`] for size and shape, and where anything in it differs from what follows from its document.
    pub fn parse(json: &[u8]) -> Result<Self, OdrlError> {
        if json.len() > POLICY_BYTES_MAX {
            return Err(OdrlError::TooLarge);
        }
        let read = serde_json::from_slice(json);
        let read: Document = read.map_err(|e| OdrlError::Shape {
            message: e.to_string(),
        })?;
        let derived = Self::of(&read.terms.value, read.class)?;
        match derived.0 == read {
            true => Ok(derived),
            false => Err(OdrlError::Differs),
        }
    }

    /// The agreement's terms.
    #[must_use]
    pub fn terms(&self) -> &Agreement {
        &self.0.terms.value
    }
}

/// Does this JSON mean to be a policy, and no agreement as it is signed?
#[must_use]
pub fn is_meant(json: &[u8]) -> bool {
    serde_json::from_slice::<serde_json::Value>(json)
        .is_ok_and(|value| value.get("@context").is_some())
}

/// Names under `urn:weir:` are those of the log: an id of the same broker's directory, and a SHA-256.
fn agreement_iri(id: &AgreementId) -> String {
    format!("urn:weir:agreement:{id}")
}

fn org_iri(org: &OrgId) -> String {
    format!("urn:weir:org:{org}")
}

#[cfg(test)]
mod tests;
