//! Parts that several messages share.

use std::collections::BTreeSet;

use audit::checkpoint::CheckpointNote;
use audit::receipt::Receipt;
use audit::tree::TreeHash;
use policies::id::{Category, Role};
use policies::loss::Loss;
use policies::refusal::{Reason, ReasonId, Refusal};
use policies::sign::PartySignature;

use super::{ConvertError, at_most, parse, required, wrong};
use crate::limits::{PAGE_DEFAULT, PAGE_MAX, PAGE_TOKEN_BYTES_MAX, RATES_MAX, SIGNATURE_BYTES_MAX};
use crate::v1;

/// Something that was done, and the proof that the log says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Logged<T> {
    /// As it stands after it.
    pub what: T,
    /// Not to be believed before it is verified.
    pub receipt: Receipt,
}

/// Which part of a list is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// At most this many, 1 to [`PAGE_MAX`].
    pub size: u32,
    /// The token of the page before; none for the first.
    pub after: Option<String>,
}

/// A part of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paged<T> {
    /// The items.
    pub items: Vec<T>,
    /// Token of the next page; none on the last.
    pub next: Option<String>,
}

/// A declared number about how cells were made.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rate {
    /// What it is a rate of, for example `truncated`.
    pub name: Category,
    /// Parts per million, 0 to 1,000,000.
    pub ppm: u32,
}

impl Page {
    /// The page that a message asks for.
    pub(super) fn parse(page_size: u32, page_token: String) -> Result<Self, ConvertError> {
        if page_size > PAGE_MAX {
            let why = format_args!("is {page_size}, at most {PAGE_MAX} are allowed");
            return Err(wrong("page_size", why));
        }
        at_most(
            "page_token",
            "bytes",
            page_token.len(),
            PAGE_TOKEN_BYTES_MAX,
        )?;
        Ok(Self {
            size: if page_size == 0 {
                PAGE_DEFAULT
            } else {
                page_size
            },
            after: Some(page_token).filter(|token| !token.is_empty()),
        })
    }

    /// Its two fields.
    pub(super) fn print(self) -> (u32, String) {
        (self.size, self.after.unwrap_or_default())
    }
}

impl Default for Page {
    fn default() -> Self {
        Self {
            size: PAGE_DEFAULT,
            after: None,
        }
    }
}

impl TryFrom<v1::Receipt> for Receipt {
    type Error = ConvertError;

    fn try_from(message: v1::Receipt) -> Result<Self, ConvertError> {
        let v1::Receipt {
            index,
            entry,
            proof,
            checkpoint,
        } = message;
        let proof = hashes("receipt.proof", proof)?;
        let checkpoint = CheckpointNote::try_from(checkpoint);
        let checkpoint = checkpoint.map_err(|e| wrong("receipt.checkpoint", e))?;
        Self::new(index, entry, proof, checkpoint).map_err(|e| wrong("receipt", e))
    }
}

impl From<Receipt> for v1::Receipt {
    fn from(receipt: Receipt) -> Self {
        Self {
            index: receipt.index(),
            entry: receipt.entry().to_vec(),
            proof: print_hashes(receipt.proof()),
            checkpoint: receipt.checkpoint().clone().into(),
        }
    }
}

pub(super) fn receipt(message: Option<v1::Receipt>) -> Result<Receipt, ConvertError> {
    required("receipt", message)?.try_into()
}

pub(super) fn hashes(
    field: &'static str,
    proof: Vec<Vec<u8>>,
) -> Result<Vec<TreeHash>, ConvertError> {
    let hash = |bytes: Vec<u8>| match <[u8; TreeHash::BYTES]>::try_from(bytes) {
        Ok(bytes) => Ok(TreeHash::new(bytes)),
        Err(bytes) => Err(wrong(
            field,
            format_args!("a hash has {} bytes, not 32", bytes.len()),
        )),
    };
    at_most(field, "hashes", proof.len(), audit::tree::PROOF_HASHES_MAX)?;
    proof.into_iter().map(hash).collect()
}

pub(super) fn print_hashes(proof: &[TreeHash]) -> Vec<Vec<u8>> {
    proof.iter().map(|hash| hash.as_bytes().to_vec()).collect()
}

pub(super) fn signature(
    field: &'static str,
    message: Option<v1::Signature>,
) -> Result<PartySignature, ConvertError> {
    let v1::Signature {
        protected,
        signature,
    } = required(field, message)?;
    at_most(field, "bytes", protected.len(), SIGNATURE_BYTES_MAX)?;
    at_most(field, "bytes", signature.len(), SIGNATURE_BYTES_MAX)?;
    Ok(PartySignature {
        protected,
        signature,
    })
}

impl From<PartySignature> for v1::Signature {
    fn from(given: PartySignature) -> Self {
        let PartySignature {
            protected,
            signature,
        } = given;
        Self {
            protected,
            signature,
        }
    }
}

pub(super) fn role(field: &'static str, role: i32) -> Result<Role, ConvertError> {
    match v1::Role::try_from(role) {
        Ok(v1::Role::Provider) => Ok(Role::Provider),
        Ok(v1::Role::Planner) => Ok(Role::Planner),
        Ok(v1::Role::Auditor) => Ok(Role::Auditor),
        Ok(v1::Role::Steward) => Ok(Role::Steward),
        Ok(v1::Role::Unspecified) => Err(wrong(field, "missing")),
        Err(_) => Err(wrong(field, format_args!("`{role}` is not a role"))),
    }
}

impl From<Role> for v1::Role {
    fn from(role: Role) -> Self {
        match role {
            Role::Provider => Self::Provider,
            Role::Planner => Self::Planner,
            Role::Auditor => Self::Auditor,
            Role::Steward => Self::Steward,
        }
    }
}

impl TryFrom<v1::Loss> for Loss {
    type Error = ConvertError;

    fn try_from(message: v1::Loss) -> Result<Self, ConvertError> {
        let v1::Loss { rho, delta } = message;
        Ok(Self {
            rho: parse("loss.rho", &rho)?,
            delta: parse("loss.delta", &delta)?,
        })
    }
}

impl From<Loss> for v1::Loss {
    fn from(loss: Loss) -> Self {
        let Loss { rho, delta } = loss;
        Self {
            rho: rho.to_string(),
            delta: delta.to_string(),
        }
    }
}

impl TryFrom<v1::Refusal> for Refusal {
    type Error = ConvertError;

    fn try_from(message: v1::Refusal) -> Result<Self, ConvertError> {
        let v1::Refusal { reasons } = message;
        let reasons = reasons
            .into_iter()
            .map(|reason| {
                // The field follows from the id, see `field_of`.
                let v1::Reason { id, text, field: _ } = reason;
                let known = ReasonId::ALL.iter().find(|known| known.as_str() == id);
                let id = *known.ok_or_else(|| {
                    let why = format_args!("`{id}` is not known here: take a newer `weir`");
                    wrong("reasons.id", why)
                })?;
                Ok(Reason { id, text })
            })
            .collect::<Result<_, _>>()?;
        Self::from_reasons(reasons).ok_or_else(|| wrong("reasons", "is empty"))
    }
}

impl From<Refusal> for v1::Refusal {
    fn from(refusal: Refusal) -> Self {
        let reason = |reason: &Reason| v1::Reason {
            id: reason.id.as_str().to_owned(),
            text: reason.text.clone(),
            field: field_of(reason.id).to_owned(),
        };
        Self {
            reasons: refusal.reasons().iter().map(reason).collect(),
        }
    }
}

/// The field of a release request that a reason is about: the subject of its id.
fn field_of(id: ReasonId) -> &'static str {
    match id.as_str().split_once('.').map(|(subject, _)| subject) {
        Some("agreement" | "recipient") => "agreement_id",
        Some("purpose") => "purpose",
        Some("table") => "table",
        Some("period" | "plan" | "budget") => "period",
        _ => "",
    }
}

pub(super) fn rates(messages: Vec<v1::Rate>) -> Result<Vec<Rate>, ConvertError> {
    at_most("rates", "items", messages.len(), RATES_MAX)?;
    let mut names = BTreeSet::new();
    let mut rates = Vec::with_capacity(messages.len());
    for v1::Rate { name, value } in messages {
        let rate = Rate {
            name: parse("rates.name", &name)?,
            ppm: parts_per_million(&value)?,
        };
        if !names.insert(rate.name.clone()) {
            return Err(wrong("rates.name", format_args!("`{name}` is there twice")));
        }
        rates.push(rate);
    }
    Ok(rates)
}

impl From<Rate> for v1::Rate {
    fn from(rate: Rate) -> Self {
        let Rate { name, ppm } = rate;
        Self {
            name: name.into(),
            value: print_ppm(ppm),
        }
    }
}

const MILLION: u32 = 1_000_000;

fn parts_per_million(text: &str) -> Result<u32, ConvertError> {
    let fail = || {
        let given: String = text.chars().take(40).collect();
        let why = format_args!("`{given}` is not a rate: write 0 to 1 with at most 6 decimals");
        wrong("rates.value", why)
    };
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let digits = part.len() <= 6 && part.bytes().all(|b| b.is_ascii_digit());
    let whole = match whole {
        "0" => 0,
        "1" => MILLION,
        _ => return Err(fail()),
    };
    if !digits {
        return Err(fail());
    }
    let part: u32 = format!("{part:0<6}").parse().map_err(|_| fail())?;
    let ppm = whole + part;
    // One spelling per number, so that equal contributions have equal headers.
    if ppm <= MILLION && print_ppm(ppm) == text {
        Ok(ppm)
    } else {
        Err(fail())
    }
}

fn print_ppm(ppm: u32) -> String {
    let (whole, part) = (ppm / MILLION, ppm % MILLION);
    if part == 0 {
        return whole.to_string();
    }
    format!("{whole}.{}", format!("{part:06}").trim_end_matches('0'))
}
