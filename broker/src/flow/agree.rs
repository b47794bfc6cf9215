//! Offering and signing an agreement: active only when both signatures verify and the allotments of all
//! active agreements still fit the population's cap.

use audit::receipt::Receipt;
use policies::agreement::Agreement;
use policies::entry::Body;
use policies::id::{AgreementId, Fingerprint, OrgId, Role};
use policies::period::Place;
use policies::sign::{PartySignature, Signs, verify};
use policies::state::State;
use policies::validate::faults;

use super::broker::Broker;
use super::life::in_its_time;
use super::rotate::still_in_force;
use crate::access::in_force::NO_AGREEMENT;
use crate::access::method::{GET_AGREEMENT, OFFER_AGREEMENT, SIGN_AGREEMENT};
use crate::error::Error;
use crate::limits::OPEN_OFFERS_PER_ORG_MAX;

impl Broker {
    /// Offers an agreement in canonical form, signed by the offering party. The same offer again is
    /// answered with the first one's entry.
    ///
    /// # Errors
    /// [`Error::Invalid`] with the field's path for everything the rules refuse.
    pub async fn offer(
        &self,
        by: &OrgId,
        document: &[u8],
        signature: PartySignature,
    ) -> Result<(AgreementId, Receipt), Error> {
        let terms =
            Agreement::parse_canonical(document).map_err(|e| Error::invalid("agreement", e))?;
        let id = terms.id().map_err(Error::internal)?;
        let key = self.check_signature(by, &terms, document, &signature)?;
        self.policies().on_agreement(
            &self.sequencer.state(),
            by,
            OFFER_AGREEMENT,
            (&id, &terms),
            None,
        )?;
        if self.sequencer.state().agreement(&id).is_none() {
            // What an offer names is there for those who may see it, as everywhere.
            for named in terms.counters.iter().chain(&terms.supersedes) {
                self.agreement_for(by, GET_AGREEMENT, named)?;
            }
            check_offer(&self.sequencer.state(), &terms, by)?;
            self.check_axes(&terms).await?;
            // Only what may exist is worth the search for its noise, which takes a moment.
            tokio::task::block_in_place(|| self.check_plan(&terms))?;
        }
        let (offerer, at) = (by.clone(), id.clone());
        let done = self
            .sequencer
            .submit("agreement.offered", move |state, _| {
                if let Some(known) = state.agreement(&at) {
                    if known.signatures.iter().any(|(org, _)| *org == offerer) {
                        return Ok((Vec::new(), Some(known.entry)));
                    }
                    let message = "the other party has offered it already: sign it".into();
                    return Err(Error::Precondition { message });
                }
                check_offer(state, &terms, &offerer)?;
                still_in_force(state, &offerer, &key)?;
                let agreement = Box::new(terms);
                Ok((
                    vec![Body::AgreementOffered {
                        agreement,
                        by: offerer,
                        signature,
                    }],
                    None,
                ))
            })
            .await?;
        let receipt = match done.value {
            Some(entry) => self.heads.receipt(entry).await?,
            None => self.last_receipt(&done.entries).await?,
        };
        Ok((id, receipt))
    }

    /// Adds the other party's signature; the agreement becomes active in the same step, or nothing changes.
    ///
    /// # Errors
    /// [`Error::NotFound`] for others, [`Error::Invalid`] for a signature that does not verify, and for the provider
    /// where its population has other terms or no room for the allotment; the planner is told by
    /// [`Error::Precondition`] that it is so, and no more.
    pub async fn sign(
        &self,
        by: &OrgId,
        id: &AgreementId,
        signature: PartySignature,
    ) -> Result<Receipt, Error> {
        let terms = self.agreement_for(by, SIGN_AGREEMENT, id)?;
        let document = terms.canonical().map_err(Error::internal)?;
        let key = self.check_signature(by, &terms, &document, &signature)?;
        let (agreement, by) = (id.clone(), by.clone());
        let done = self
            .sequencer
            .submit("agreement.signed", move |state, now| {
                let record = state.agreement(&agreement).ok_or(NO_AGREEMENT)?;
                if record
                    .signatures
                    .get(1)
                    .is_some_and(|signed| signed.0 == by)
                {
                    let entry = record
                        .life
                        .activated
                        .map_or(record.entry, |(entry, _)| entry);
                    return Ok((Vec::new(), Some(entry)));
                }
                let allotment = record.terms.allotment();
                let allotment = allotment.ok_or_else(|| Error::internal("allotment overflows"))?;
                // The floors may have risen since the offer.
                check_terms(state, &record.terms)?;
                check_cap(state, &record.terms, &by)?;
                still_in_force(state, &by, &key)?;
                let amended = record.terms.supersedes.as_ref();
                let amended = amended.and_then(|id| state.agreement(id));
                for record in amended.into_iter().chain([record]) {
                    in_its_time(record, now)?;
                }
                state.check_signing(&agreement, &by, now)?;
                let signed = Body::AgreementSigned {
                    agreement: agreement.clone(),
                    by,
                    signature,
                };
                let activated = Body::AgreementActivated {
                    agreement,
                    allotment,
                };
                // What an amendment ends leaves no release unfinished.
                let mut entries = state.ending(&record.terms.supersedes);
                entries.extend([signed, activated]);
                Ok((entries, None))
            })
            .await?;
        match done.value {
            Some(entry) => self.heads.receipt(entry).await,
            None => self.last_receipt(&done.entries).await,
        }
    }

    /// The key that the signature was made with: the one in force now.
    fn check_signature(
        &self,
        by: &OrgId,
        terms: &Agreement,
        document: &[u8],
        signature: &PartySignature,
    ) -> Result<Fingerprint, Error> {
        if !terms.is_party(by) {
            return Err(Error::invalid(
                "agreement",
                "you are neither its provider nor its planner",
            ));
        }
        let key = self.sequencer.state().org(by).map(|org| org.key.clone());
        let key = key.ok_or(Error::Denied)?;
        verify(Signs::Agreement, &key, document, signature)
            .map_err(|e| Error::invalid("signature", e))?;
        Ok(key.fingerprint().clone())
    }

    /// A zoning whose file has latitude first is found out where the agreement says whose time it is.
    async fn check_axes(&self, terms: &Agreement) -> Result<(), Error> {
        for (n, zoning) in terms.zonings.iter().enumerate() {
            if let Some(bounds) = self.zoning_bounds(&zoning.id).await? {
                let axes = terms.time_zone.check_axes(Place::middle(bounds));
                axes.map_err(|swapped| Error::invalid(format!("zonings[{n}]"), swapped))?;
            }
        }
        Ok(())
    }

    /// A plan that no mechanism can keep is found out before anyone signs.
    fn check_plan(&self, terms: &Agreement) -> Result<(), Error> {
        for (n, item) in terms.plan.iter().enumerate() {
            let Some(table) = terms.table(&item.table) else {
                continue;
            };
            self.mechanism(terms, table, item.charge.as_ref(), 1)
                .map_err(|e| Error::invalid(format!("plan[{n}].charge"), e))?;
            for (rung_n, rung) in item.rungs.iter().enumerate() {
                self.rung_noise(terms, table, rung)
                    .map_err(|e| Error::invalid(format!("plan[{n}].rungs[{rung_n}].charge"), e))?;
            }
        }
        for (n, line) in terms.ad_hoc.iter().enumerate() {
            let Some(table) = terms.table(&line.table) else {
                continue;
            };
            self.mechanism(terms, table, Some(&line.charge), line.most_merged(table))
                .map_err(|e| Error::invalid(format!("ad_hoc[{n}].charge"), e))?;
        }
        Ok(())
    }
}

fn check_terms(state: &State, terms: &Agreement) -> Result<(), Error> {
    let floors = state
        .floors()
        .ok_or_else(|| Error::internal("no floors in force"))?;
    let faults: Vec<String> = faults(terms, &floors)
        .iter()
        .map(ToString::to_string)
        .collect();
    if !faults.is_empty() {
        return Err(Error::invalid("agreement", faults.join("; ")));
    }
    for (path, party) in [("provider", &terms.provider), ("planner", &terms.planner)] {
        let org = state.org(&party.org);
        let role = org.map(|org| org.role.as_str());
        if role != Some(path) {
            return Err(Error::invalid(
                format!("{path}.org"),
                format!("is no admitted {path}"),
            ));
        }
        if org.map(|org| org.key.fingerprint()) != Some(&party.key) {
            let message = "is not the fingerprint in the log: compare it with the other party";
            return Err(Error::invalid(format!("{path}.key"), message));
        }
    }
    for (n, org) in terms.recipients.iter().enumerate() {
        let role = state.org(org).map(|org| org.role);
        if !matches!(role, Some(Role::Planner | Role::Provider)) {
            let message = "is no admitted planner or provider";
            return Err(Error::invalid(format!("recipients[{n}]"), message));
        }
    }
    for (n, zoning) in terms.zonings.iter().enumerate() {
        let same = state
            .zoning(&zoning.id)
            .is_some_and(|known| known.sha256 == zoning.sha256 && known.zones == zoning.zones)
            // An agreement that merges by no parents need not count them.
            && (zoning.parents.is_none()
                || state.zoning(&zoning.id).is_some_and(|known| known.parents == zoning.parents));
        if !same {
            let message = "is not known here with this content: `weir zoning add` it first";
            return Err(Error::invalid(format!("zonings[{n}]"), message));
        }
    }
    Ok(())
}

/// A planner's offer is not held against the population's account: it would tell the planner what the provider's
/// agreements with others make of it. The provider is told when it signs.
fn check_offer(state: &State, terms: &Agreement, by: &OrgId) -> Result<(), Error> {
    check_terms(state, terms)?;
    if state.open_offers(by) >= OPEN_OFFERS_PER_ORG_MAX {
        let message = format!(
            "so many of your offers wait to be signed ({OPEN_OFFERS_PER_ORG_MAX}): withdraw one"
        );
        return Err(Error::Precondition { message });
    }
    if *by == terms.provider.org {
        check_cap(state, terms, by)?;
    }
    Ok(())
}

/// Has the population these terms, and room for the agreement? In full for the provider, whose account it is.
fn check_cap(state: &State, terms: &Agreement, by: &OrgId) -> Result<(), Error> {
    let allotment = terms
        .allotment()
        .ok_or_else(|| Error::internal("allotment overflows"))?;
    let room = state.room_for(terms, allotment).map(drop);
    room.map_err(|e| {
        if *by == terms.provider.org {
            return Error::invalid("population.cap", e);
        }
        let message = "the provider's population is not as these terms say, or has no room for them: ask the provider";
        Error::Precondition {
            message: message.into(),
        }
    })
}
