//! Agreements as offered, signed, shown and listed.

use policies::agreement::{AGREEMENT_BYTES_MAX, Agreement};
use policies::id::{AgreementId, OrgId, sha256_hex};
use policies::life::Status;
use policies::loss::Loss;
use policies::sign::PartySignature;

use super::both_ways::{id_request, logged, page_request, paged};
use super::common;
use super::life::{self, Lived, status};
use super::{ConvertError, Logged, Page, Paged, at_most, parse, print_optional, required, wrong};
use crate::v1;

/// A party's wish to offer an agreement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// The terms, parsed from `document`.
    pub terms: Agreement,
    /// The RFC 8785 bytes that the signature covers.
    pub document: Vec<u8>,
    /// Not verified yet.
    pub signature: PartySignature,
}

/// A party's wish to sign.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signing {
    /// What.
    pub agreement: AgreementId,
    /// Not verified yet.
    pub signature: PartySignature,
}

/// An agreement, where it stands, and who has signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedAgreement {
    /// SHA-256 of `document`.
    pub id: AgreementId,
    /// The terms, parsed from `document`.
    pub terms: Agreement,
    /// The RFC 8785 bytes that the signatures cover.
    pub document: Vec<u8>,
    /// Where it stands.
    pub status: Status,
    /// In the order they were made; not verified here.
    pub signatures: Vec<(OrgId, PartySignature)>,
    /// What all active agreements of the population may cost each unit-period together; none where
    /// it has no unit, or the broker is older than this.
    pub population_allotted: Option<Loss>,
    /// What has become of it.
    pub life: Lived,
}

/// An agreement in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgreementSummary {
    /// Its id.
    pub id: AgreementId,
    /// One line.
    pub title: String,
    /// Who contributes.
    pub provider: OrgId,
    /// Who plans.
    pub planner: OrgId,
    /// Where it stands.
    pub status: Status,
}

impl TryFrom<v1::OfferAgreementRequest> for Offer {
    type Error = ConvertError;

    fn try_from(message: v1::OfferAgreementRequest) -> Result<Self, ConvertError> {
        let v1::OfferAgreementRequest {
            document,
            signature,
        } = message;
        Ok(Self {
            terms: terms(&document)?,
            document,
            signature: common::signature("signature", signature)?,
        })
    }
}

impl From<Offer> for v1::OfferAgreementRequest {
    fn from(offer: Offer) -> Self {
        let Offer {
            terms: _, // says what the document says
            document,
            signature,
        } = offer;
        Self {
            document,
            signature: Some(signature.into()),
        }
    }
}

impl TryFrom<v1::SignAgreementRequest> for Signing {
    type Error = ConvertError;

    fn try_from(message: v1::SignAgreementRequest) -> Result<Self, ConvertError> {
        let v1::SignAgreementRequest {
            agreement_id,
            signature,
        } = message;
        Ok(Self {
            agreement: parse("agreement_id", &agreement_id)?,
            signature: common::signature("signature", signature)?,
        })
    }
}

impl From<Signing> for v1::SignAgreementRequest {
    fn from(signing: Signing) -> Self {
        let Signing {
            agreement,
            signature,
        } = signing;
        Self {
            agreement_id: agreement.into(),
            signature: Some(signature.into()),
        }
    }
}

/// The id MUST be the document's.
impl TryFrom<v1::Agreement> for SignedAgreement {
    type Error = ConvertError;

    fn try_from(message: v1::Agreement) -> Result<Self, ConvertError> {
        let v1::Agreement {
            agreement_id,
            document,
            signatures,
            state,
            population_allotted,
            last_change,
            suspended_by_org_ids,
            ends,
            superseded_by,
            history,
        } = message;
        let id: AgreementId = parse("agreement_id", &agreement_id)?;
        at_most("signatures", "items", signatures.len(), 2)?;
        let signatures = signatures.into_iter().map(|message| {
            let v1::AgreementSignature { org_id, signature } = message;
            let org = parse("signatures.org_id", &org_id)?;
            Ok((org, common::signature("signatures.signature", signature)?))
        });
        let terms = terms(&document)?;
        if sha256_hex(&document) != id.as_str() {
            return Err(wrong("document", "does not have the id stated beside it"));
        }
        Ok(Self {
            id,
            terms,
            document,
            status: status(state)?,
            signatures: signatures.collect::<Result<_, _>>()?,
            population_allotted: population_allotted.map(TryInto::try_into).transpose()?,
            life: life::parse_lived(
                last_change,
                suspended_by_org_ids,
                (ends, superseded_by),
                history,
            )?,
        })
    }
}

impl From<SignedAgreement> for v1::Agreement {
    fn from(agreement: SignedAgreement) -> Self {
        let SignedAgreement {
            id,
            terms: _, // says what the document says
            document,
            status,
            signatures,
            population_allotted,
            life,
        } = agreement;
        let Lived {
            last_change,
            suspended_by,
            ends,
            superseded_by,
            history,
        } = life;
        let signature = |(org, signature): (OrgId, PartySignature)| v1::AgreementSignature {
            org_id: org.into(),
            signature: Some(signature.into()),
        };
        Self {
            agreement_id: id.into(),
            document,
            signatures: signatures.into_iter().map(signature).collect(),
            state: v1::AgreementState::from(status).into(),
            population_allotted: population_allotted.map(Into::into),
            last_change,
            suspended_by_org_ids: suspended_by.into_iter().map(Into::into).collect(),
            ends: print_optional(ends.as_ref()),
            superseded_by: print_optional(superseded_by.as_ref()),
            history: history.into_iter().map(Into::into).collect(),
        }
    }
}

impl TryFrom<v1::GetAgreementResponse> for SignedAgreement {
    type Error = ConvertError;

    fn try_from(message: v1::GetAgreementResponse) -> Result<Self, ConvertError> {
        let v1::GetAgreementResponse { agreement } = message;
        required("agreement", agreement)?.try_into()
    }
}

impl From<SignedAgreement> for v1::GetAgreementResponse {
    fn from(agreement: SignedAgreement) -> Self {
        Self {
            agreement: Some(agreement.into()),
        }
    }
}

impl TryFrom<v1::AgreementSummary> for AgreementSummary {
    type Error = ConvertError;

    fn try_from(message: v1::AgreementSummary) -> Result<Self, ConvertError> {
        let v1::AgreementSummary {
            agreement_id,
            title,
            provider_org_id,
            planner_org_id,
            state,
        } = message;
        Ok(Self {
            id: parse("agreement_id", &agreement_id)?,
            title,
            provider: parse("provider_org_id", &provider_org_id)?,
            planner: parse("planner_org_id", &planner_org_id)?,
            status: status(state)?,
        })
    }
}

impl From<AgreementSummary> for v1::AgreementSummary {
    fn from(summary: AgreementSummary) -> Self {
        let AgreementSummary {
            id,
            title,
            provider,
            planner,
            status,
        } = summary;
        Self {
            agreement_id: id.into(),
            title,
            provider_org_id: provider.into(),
            planner_org_id: planner.into(),
            state: v1::AgreementState::from(status).into(),
        }
    }
}

fn terms(document: &[u8]) -> Result<Agreement, ConvertError> {
    at_most("document", "bytes", document.len(), AGREEMENT_BYTES_MAX)?;
    Agreement::parse_canonical(document).map_err(|e| wrong("document", e))
}

logged! {
    OfferAgreementResponse { agreement: SignedAgreement }
    SignAgreementResponse { agreement: SignedAgreement }
}
paged! { ListAgreementsResponse { agreements: AgreementSummary } }
page_request! { ListAgreementsRequest }
id_request! { GetAgreementRequest { agreement_id: AgreementId } }
