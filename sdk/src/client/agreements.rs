//! Agreements: offered, signed, shown, listed.

use jiff::Timestamp;
use policies::agreement::{Agreement, AgreementError, Party};
use policies::id::{AgreementId, Fingerprint, OrgId};
use policies::sign::{SignError, Signs, verify};
use policies::state::Status;
use proto::convert::{AgreementSummary, Logged, Offer, Organisation, SignedAgreement, Signing};

use super::error::ClientError;
use super::expect;
use super::pages::all_pages;
use super::proof::Proven;
use super::session::{Client, ask, understood};
use crate::sign::Signer;

/// Why the signatures of an agreement do not make it one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignatureFault {
    /// Signed by someone who is neither provider nor planner.
    #[error("`{org}` signed and is no party")]
    NoParty {
        /// Who.
        org: OrgId,
    },
    /// Two signatures of one party.
    #[error("`{org}` signed twice")]
    Twice {
        /// Who.
        org: OrgId,
    },
    /// The directory has no key with the fingerprint that the parties confirmed.
    #[error("the directory does not show `{org}` with key `{key}`, which the agreement names")]
    Key {
        /// Who.
        org: OrgId,
        /// The key in the agreement.
        key: Fingerprint,
    },
    /// The signature does not hold.
    #[error("signature of `{org}`: {source}")]
    Signature {
        /// Who.
        org: OrgId,
        /// What does not hold.
        source: SignError,
    },
    /// It is called active and a party has not signed.
    #[error("it is called active, and `{org}` has not signed")]
    Missing {
        /// Who.
        org: OrgId,
    },
}

impl Client {
    /// Offers an agreement, signed with our key; the agreement has to name the key's fingerprint.
    /// The same terms again change nothing.
    ///
    /// # Errors
    /// [`ClientError::Own`] where we are no party, [`ClientError::Receipt`] where the log does not
    /// hold these terms, else as the broker says.
    pub async fn offer(
        &self,
        terms: &Agreement,
        signer: &Signer,
    ) -> Result<Proven<SignedAgreement>, ClientError> {
        let doing = "offer the agreement";
        let own = |e: AgreementError| ClientError::Own {
            doing,
            why: e.to_string(),
        };
        party(doing, terms, signer)?;
        let (id, document) = (terms.id().map_err(own)?, terms.canonical().map_err(own)?);
        let signature = signer.sign(Signs::Agreement, &document, Timestamp::now())?;
        let offer = Offer {
            terms: terms.clone(),
            document,
            signature,
        };
        let mark = self.mark()?;
        let answer = self
            .agreement_service()
            .offer_agreement(ask(offer.into()))
            .await
            .map_err(|s| self.failed(doing, &s))?;
        let Logged { what, receipt } = understood(doing, answer.into_inner())?;
        is_that(doing, &what, &id)?;
        let proof = self.checked(doing, receipt, |body| expect::agreement(body, &id))?;
        let proof = self.seen(doing, mark, proof).await?;
        Ok(Proven { what, proof })
    }

    /// Signs an offered agreement with our key. Its terms are fetched first: what is signed are the
    /// bytes that have this id. With the second signature it becomes active.
    ///
    /// # Errors
    /// As [`Self::offer`].
    pub async fn sign_agreement(
        &self,
        id: &AgreementId,
        signer: &Signer,
    ) -> Result<Proven<SignedAgreement>, ClientError> {
        let doing = "sign the agreement";
        let offered = self.agreement(id).await?;
        party(doing, &offered.terms, signer)?;
        let signature = signer.sign(Signs::Agreement, &offered.document, Timestamp::now())?;
        let signing = Signing {
            agreement: id.clone(),
            signature,
        };
        let mark = self.mark()?;
        let answer = self
            .agreement_service()
            .sign_agreement(ask(signing.into()))
            .await
            .map_err(|s| self.failed(doing, &s))?;
        let Logged { what, receipt } = understood(doing, answer.into_inner())?;
        is_that(doing, &what, id)?;
        let proof = self.checked(doing, receipt, |body| expect::signed(body, id))?;
        let proof = self.seen(doing, mark, proof).await?;
        Ok(Proven { what, proof })
    }

    /// One agreement. Its document has the id that was asked for; its signatures are not verified
    /// here: see [`Self::verify_signatures`].
    ///
    /// # Errors
    /// As the broker says; it does not tell what does not exist from what is not yours.
    pub async fn agreement(&self, id: &AgreementId) -> Result<SignedAgreement, ClientError> {
        let doing = "get the agreement";
        let answer = self
            .agreement_service()
            .get_agreement(ask(id.clone().into()))
            .await
            .map_err(|s| self.failed(doing, &s))?;
        let found = understood(doing, answer.into_inner())?;
        is_that(doing, &found, id)?;
        Ok(found)
    }

    /// The agreements that we may see, sorted by id.
    ///
    /// # Errors
    /// As the broker says.
    pub async fn agreements(&self) -> Result<Vec<AgreementSummary>, ClientError> {
        let doing = "list agreements";
        Ok(all_pages!(doing, |page| {
            let answer = self
                .agreement_service()
                .list_agreements(ask(page.into()))
                .await
                .map_err(|s| self.failed(doing, &s))?;
            understood(doing, answer.into_inner())?
        }))
    }

    /// Checks every signature with the directory's keys. The keys count only because the agreement
    /// names their fingerprints: the directory cannot exchange one.
    ///
    /// # Errors
    /// [`ClientError::Signatures`] for the first that does not hold.
    pub async fn verify_signatures(&self, agreement: &SignedAgreement) -> Result<(), ClientError> {
        let known = self.organisations().await?;
        check_signatures(agreement, &known).map_err(|fault| ClientError::Signatures {
            agreement: agreement.id.clone(),
            fault,
        })
    }
}

/// The party whose key the signer holds.
fn party<'a>(
    doing: &'static str,
    terms: &'a Agreement,
    signer: &Signer,
) -> Result<&'a Party, ClientError> {
    let key = signer.public_key().fingerprint();
    [&terms.provider, &terms.planner]
        .into_iter()
        .find(|party| party.key == *key)
        .ok_or_else(|| ClientError::Own {
            doing,
            why: format!("the agreement names neither provider nor planner with our key `{key}`"),
        })
}

pub(super) fn is_that(
    doing: &'static str,
    found: &SignedAgreement,
    asked: &AgreementId,
) -> Result<(), ClientError> {
    if found.id == *asked {
        return Ok(());
    }
    let what = "another agreement";
    Err(ClientError::Mismatch { doing, what })
}

fn check_signatures(
    agreement: &SignedAgreement,
    known: &[Organisation],
) -> Result<(), SignatureFault> {
    let terms = &agreement.terms;
    let parties = [&terms.provider, &terms.planner];
    let mut signed: Vec<&OrgId> = Vec::new();
    for (org, signature) in &agreement.signatures {
        let org_is = || org.clone();
        let party = parties.into_iter().find(|party| party.org == *org);
        let party = party.ok_or_else(|| SignatureFault::NoParty { org: org_is() })?;
        if signed.contains(&org) {
            return Err(SignatureFault::Twice { org: org_is() });
        }
        // A key that was changed since still says who signed.
        let key = known
            .iter()
            .filter(|known| known.org == *org)
            .flat_map(|known| known.former.iter().chain([&known.key]))
            .find(|key| *key.fingerprint() == party.key)
            .ok_or_else(|| SignatureFault::Key {
                org: org_is(),
                key: party.key.clone(),
            })?;
        verify(Signs::Agreement, key, &agreement.document, signature).map_err(|source| {
            SignatureFault::Signature {
                org: org_is(),
                source,
            }
        })?;
        signed.push(org);
    }
    let active = agreement.status == Status::Active;
    match parties.into_iter().find(|p| !signed.contains(&&p.org)) {
        Some(party) if active => Err(SignatureFault::Missing {
            org: party.org.clone(),
        }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
