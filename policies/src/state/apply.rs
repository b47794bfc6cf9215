//! One entry's effect on the state, and the invariants it has to keep.

use super::{
    AgreementRecord, ApplyError, ContributionRecord, Org, Outcome, ReleaseRecord, Slot, Stage,
    State, Status, Zoning,
};
use crate::agreement::Charge;
use crate::entry::{Body, Contribution, Entry, Reservation};
use crate::id::{AgreementId, BatchId, OrgId, ReleaseKey, RequestId, ZoningId};
use crate::ledger::Account;
use crate::loss::Loss;
use crate::period::Period;

/// What an entry changed, so that the index writes just that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Touched {
    /// The steward's floors.
    Floors,
    /// An organisation.
    Org(OrgId),
    /// A zoning.
    Zoning(ZoningId),
    /// An agreement.
    Agreement(AgreementId),
    /// The terms of an account.
    Account(Account),
    /// The balance of a unit-period.
    Balance(Account, Period),
    /// A contribution, in its slot and under its batch id.
    Contribution(Slot, OrgId, BatchId),
    /// A request's outcome.
    Request(OrgId, RequestId),
    /// A release.
    Release(ReleaseKey),
}

impl State {
    /// Takes the next entry.
    ///
    /// # Errors
    /// [`ApplyError`] where it breaks an invariant. The state MUST then be dropped: it may hold a part of
    /// the entry's effects.
    pub fn apply(&mut self, entry: &Entry) -> Result<Vec<Touched>, ApplyError> {
        if self.time.is_some_and(|last| entry.time < last) {
            return Err(ApplyError::Time);
        }
        let index = self.size;
        let touched = match &entry.body {
            Body::BrokerStarted { floors, .. } => {
                self.floors = Some(*floors);
                vec![Touched::Floors]
            }
            Body::OrgAdmitted {
                org,
                role,
                spiffe,
                key,
                ..
            } => {
                let (role, spiffe, key) = (*role, spiffe.clone(), key.clone());
                self.admit(
                    org,
                    Org {
                        role,
                        spiffe,
                        key,
                        entry: index,
                    },
                )?
            }
            Body::ZoningAdded {
                zoning,
                sha256,
                zones,
                blob,
                ..
            } => {
                let (sha256, blob) = (sha256.clone(), blob.clone());
                self.add_zoning(
                    zoning,
                    Zoning {
                        sha256,
                        zones: *zones,
                        blob,
                        entry: index,
                    },
                )?
            }
            Body::AgreementOffered {
                agreement,
                by,
                signature,
            } => {
                let record = AgreementRecord {
                    terms: agreement.as_ref().clone(),
                    status: Status::Offered,
                    signatures: vec![(by.clone(), signature.clone())],
                    entry: index,
                };
                self.offer(record)?
            }
            Body::AgreementSigned {
                agreement,
                by,
                signature,
            } => {
                let record = self.agreement_mut(agreement)?;
                rule(
                    record.status == Status::Offered,
                    "only an offered agreement can be signed",
                )?;
                rule(record.terms.is_party(by), "only a party can sign")?;
                let signed_before = record.signatures.iter().any(|(org, _)| org == by);
                rule(!signed_before, "a party signs once")?;
                record.signatures.push((by.clone(), signature.clone()));
                (record.status, record.entry) = (Status::Agreed, index);
                vec![Touched::Agreement(agreement.clone())]
            }
            Body::AgreementActivated {
                agreement,
                allotment,
            } => self.activate(agreement, *allotment, index)?,
            Body::ContributionAccepted(contribution) => self.contribute(contribution, index)?,
            Body::ReleaseReserved(reservation) => self.reserve(reservation, index)?,
            Body::ReleasePublished { key, blob } => self.end(
                key,
                Stage::Published {
                    blob: blob.clone(),
                    entry: index,
                },
            )?,
            Body::ReleaseAborted { key, reason } => self.end(
                key,
                Stage::Aborted {
                    reason: reason.clone(),
                },
            )?,
            Body::ReleaseRefused {
                request,
                by,
                agreement,
                table,
                period,
                reasons,
            } => {
                let slot = Slot {
                    agreement: agreement.clone(),
                    table: table.clone(),
                    period: *period,
                };
                rule(!reasons.is_empty(), "a refusal has a reason")?;
                let outcome = Outcome::Refused {
                    slot,
                    reasons: reasons.clone(),
                    entry: index,
                };
                self.answer(by, request, outcome)?
            }
        };
        self.size += 1;
        self.time = Some(entry.time);
        Ok(touched)
    }

    fn admit(&mut self, id: &OrgId, org: Org) -> Result<Vec<Touched>, ApplyError> {
        let taken = self.orgs.values().any(|other| {
            other.spiffe == org.spiffe || other.key.fingerprint() == org.key.fingerprint()
        });
        rule(!taken, "a SPIFFE id and a key belong to one organisation")?;
        insert_new(&mut self.orgs, id, org, "organisation", id.as_str())?;
        Ok(vec![Touched::Org(id.clone())])
    }

    fn add_zoning(&mut self, id: &ZoningId, zoning: Zoning) -> Result<Vec<Touched>, ApplyError> {
        insert_new(&mut self.zonings, id, zoning, "zoning", id.as_str())?;
        Ok(vec![Touched::Zoning(id.clone())])
    }

    fn offer(&mut self, record: AgreementRecord) -> Result<Vec<Touched>, ApplyError> {
        let terms = &record.terms;
        let signer = record.signatures.iter().all(|(org, _)| terms.is_party(org));
        rule(signer, "only a party can offer an agreement")?;
        for party in [&terms.provider, &terms.planner] {
            let key = self.org(&party.org).map(|org| org.key.fingerprint());
            rule(
                key == Some(&party.key),
                "a party's key is the one it was admitted with",
            )?;
        }
        for zoning in &terms.zonings {
            let known = self.zoning(&zoning.id);
            let same = known.is_some_and(|z| z.sha256 == zoning.sha256 && z.zones == zoning.zones);
            rule(
                same,
                "an agreement's zonings are known here with the same content",
            )?;
        }
        let id = terms.id().map_err(|_| ApplyError::Rule {
            rule: "an agreement has an id",
        })?;
        insert_new(&mut self.agreements, &id, record, "agreement", id.as_str())?;
        Ok(vec![Touched::Agreement(id)])
    }

    fn activate(
        &mut self,
        id: &AgreementId,
        allotment: Loss,
        index: u64,
    ) -> Result<Vec<Touched>, ApplyError> {
        let record = self.agreement_mut(id)?;
        rule(
            record.status == Status::Agreed,
            "only an agreement signed by both becomes active",
        )?;
        rule(
            record.terms.allotment() == Some(allotment),
            "the allotment is the plan's",
        )?;
        (record.status, record.entry) = (Status::Active, index);
        let account = Self::account_of(&record.terms);
        let population = record.terms.population.clone();
        let mut touched = vec![Touched::Agreement(id.clone())];
        if let Some(cap) = population.cap {
            let terms = self
                .ledger
                .with_allotment(&account, population.unit, cap, allotment)?;
            self.ledger.set_terms(account.clone(), terms);
            touched.push(Touched::Account(account));
        }
        Ok(touched)
    }

    fn contribute(&mut self, new: &Contribution, index: u64) -> Result<Vec<Touched>, ApplyError> {
        let record = self.agreement_mut(&new.agreement)?;
        rule(
            record.status == Status::Active,
            "only an active agreement takes contributions",
        )?;
        rule(
            record.terms.provider.org == new.provider,
            "only the provider contributes",
        )?;
        rule(
            record.terms.table(&new.table).is_some(),
            "the agreement has the table",
        )?;
        let slot = Slot {
            agreement: new.agreement.clone(),
            table: new.table.clone(),
            period: new.period,
        };
        let live = self
            .live
            .get(&slot)
            .map(|record| &record.contribution.batch);
        rule(
            live == new.supersedes.as_ref(),
            "a contribution replaces the live one by its id",
        )?;
        let record = ContributionRecord {
            contribution: new.clone(),
            entry: index,
        };
        let batch = (new.provider.clone(), new.batch.clone());
        insert_new(
            &mut self.batches,
            &batch,
            record.clone(),
            "batch",
            new.batch.as_str(),
        )?;
        self.live.insert(slot.clone(), record);
        Ok(vec![Touched::Contribution(
            slot,
            new.provider.clone(),
            new.batch.clone(),
        )])
    }

    fn reserve(&mut self, new: &Reservation, index: u64) -> Result<Vec<Touched>, ApplyError> {
        let slot = Slot {
            agreement: new.agreement.clone(),
            table: new.table.name.clone(),
            period: new.period,
        };
        self.reservable(new, &slot)?;
        let account = self
            .agreement(&new.agreement)
            .map(|r| Self::account_of(&r.terms));
        let account = account.ok_or_else(|| unknown("agreement", new.agreement.as_str()))?;
        let mut touched = vec![Touched::Release(new.key.clone())];
        if let Some(grain) = new.unit.grain() {
            let periods = new.period.parts(grain);
            let periods = periods.ok_or(ApplyError::Rule {
                rule: "a period has whole units",
            })?;
            self.ledger.debit(&account, &periods, new.charge)?;
            touched.extend(
                periods
                    .into_iter()
                    .map(|p| Touched::Balance(account.clone(), p)),
            );
        }
        let outcome = Outcome::Reserved {
            key: new.key.clone(),
        };
        touched.extend(self.answer(&new.by, &new.request, outcome)?);
        let release = ReleaseRecord {
            reservation: new.clone(),
            entry: index,
            stage: Stage::Reserved,
        };
        insert_new(
            &mut self.releases,
            &new.key,
            release,
            "release",
            new.key.as_str(),
        )?;
        self.editions.entry(slot).or_default().push(new.key.clone());
        Ok(touched)
    }

    /// The rules of the agreement that a reservation has to keep.
    fn reservable(&self, new: &Reservation, slot: &Slot) -> Result<(), ApplyError> {
        let record = self.agreement(&new.agreement);
        let record = record.ok_or_else(|| unknown("agreement", new.agreement.as_str()))?;
        let terms = &record.terms;
        rule(
            record.status == Status::Active,
            "only an active agreement releases",
        )?;
        rule(
            terms.recipients.contains(&new.by),
            "only a recipient receives",
        )?;
        rule(
            terms.purposes.contains(&new.purpose),
            "the purpose is as agreed",
        )?;
        rule(
            terms.table(&new.table.name) == Some(&new.table),
            "the table is as agreed",
        )?;
        rule(terms.population.unit == new.unit, "the unit is as agreed")?;
        rule(terms.covers.hold(new.period), "the period is covered")?;
        let item = terms.plan_item(&new.table.name);
        let item = item.ok_or(ApplyError::Rule {
            rule: "the plan releases the table",
        })?;
        let charge = item.charge.as_ref().map_or(Some(Loss::ZERO), Charge::total);
        rule(charge == Some(new.charge), "the charge is the plan's")?;
        let made = u32::try_from(self.editions(slot).len()).unwrap_or(u32::MAX);
        rule(
            new.edition.checked_sub(1) == Some(made),
            "editions are numbered from 1, in order",
        )?;
        rule(new.edition <= item.editions, "the plan allows the edition")?;
        let pinned = self.live.get(slot).map(|record| &record.contribution.blob);
        rule(
            new.manifest.iter().eq(pinned),
            "the pinned input is the live contribution",
        )
    }

    fn end(&mut self, key: &ReleaseKey, stage: Stage) -> Result<Vec<Touched>, ApplyError> {
        let release = self.releases.get_mut(key);
        let release = release.ok_or_else(|| unknown("release", key.as_str()))?;
        rule(release.stage == Stage::Reserved, "a release ends once")?;
        release.stage = stage;
        Ok(vec![Touched::Release(key.clone())])
    }

    fn answer(
        &mut self,
        org: &OrgId,
        request: &RequestId,
        outcome: Outcome,
    ) -> Result<Vec<Touched>, ApplyError> {
        rule(self.orgs.contains_key(org), "an admitted organisation asks")?;
        let key = (org.clone(), request.clone());
        insert_new(
            &mut self.requests,
            &key,
            outcome,
            "request",
            request.as_str(),
        )?;
        Ok(vec![Touched::Request(org.clone(), request.clone())])
    }

    fn agreement_mut(&mut self, id: &AgreementId) -> Result<&mut AgreementRecord, ApplyError> {
        self.agreements
            .get_mut(id)
            .ok_or_else(|| unknown("agreement", id.as_str()))
    }
}

fn rule(holds: bool, rule: &'static str) -> Result<(), ApplyError> {
    if holds {
        Ok(())
    } else {
        Err(ApplyError::Rule { rule })
    }
}

fn unknown(what: &'static str, id: &str) -> ApplyError {
    ApplyError::Unknown {
        what,
        id: id.to_owned(),
    }
}

fn insert_new<K: Ord + Clone, V>(
    map: &mut std::collections::BTreeMap<K, V>,
    key: &K,
    value: V,
    what: &'static str,
    id: &str,
) -> Result<(), ApplyError> {
    if map.contains_key(key) {
        return Err(ApplyError::Twice {
            what,
            id: id.to_owned(),
        });
    }
    map.insert(key.clone(), value);
    Ok(())
}
