//! One entry's effect on the state, and the invariants it has to keep.

use super::{AgreementRecord, ApplyError, Slot, Stage, State, Zoning};
use crate::entry::{Body, Entry};
use crate::id::{AgreementId, BatchId, CallId, OrgId, ReleaseKey, RequestId, ZoningId};
use crate::ledger::Account;
use crate::life::Action;
use crate::period::Period;

mod calls;
mod contributions;
mod life;
mod merges;
mod opening;
mod parties;
mod releases;
mod rotation;

pub use rotation::ROTATIONS_MAX;

/// What an entry changed, so that the index writes just that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Touched {
    /// The steward's floors.
    Floors,
    /// The access policies in force.
    Policies,
    /// The operator's settings in force.
    Config,
    /// The place of the last snapshot.
    Snapshot,
    /// An organisation.
    Org(OrgId),
    /// A zoning.
    Zoning(ZoningId),
    /// A call for data.
    Call(CallId),
    /// An agreement.
    Agreement(AgreementId),
    /// The terms of an account.
    Account(Account),
    /// The balance of a unit-period.
    Balance(Account, Period),
    /// A contribution, in its slot and under its batch id.
    Contribution(Slot, OrgId, BatchId),
    /// A period that was told to be missing.
    Missed(Slot),
    /// A request's outcome.
    Request(OrgId, RequestId),
    /// A release.
    Release(ReleaseKey),
}

impl State {
    /// Takes the next entry.
    ///
    /// # Errors
    /// [`ApplyError`] where it breaks an invariant; the state is then as it was, so each effect checks all before it
    /// changes anything.
    pub fn apply(&mut self, entry: &Entry) -> Result<Vec<Touched>, ApplyError> {
        if self.time.is_some_and(|last| entry.time < last) {
            return Err(ApplyError::Time);
        }
        let touched = self.effect(entry)?;
        self.size += 1;
        self.time = Some(entry.time);
        Ok(touched)
    }

    fn effect(&mut self, entry: &Entry) -> Result<Vec<Touched>, ApplyError> {
        match &entry.body {
            Body::BrokerStarted { floors, .. } => {
                self.floors = Some(*floors);
                Ok(vec![Touched::Floors])
            }
            Body::ConfigChanged(config) => self.configure(config),
            Body::StateSnapshot(_) => Ok(self.take_snapshot()),
            // Nothing follows from these.
            Body::Heartbeat {} | Body::AuditorRead(_) | Body::RefusalsFolded(_) => Ok(Vec::new()),
            Body::PolicyChanged { sha256, serial } => self.change_policies(sha256, *serial),
            Body::OrgAdmitted {
                org,
                role,
                spiffe,
                key,
                possession: _,
                by,
            } => self.admit(org, *role, spiffe, key, by.as_ref()),
            Body::OrgKeyRotated { org, from, key, .. } => self.rotate(org, from, key),
            Body::ZoningAdded {
                zoning,
                sha256,
                zones,
                parents,
                blob,
                by: _,
            } => {
                let added = Zoning {
                    sha256: sha256.clone(),
                    zones: *zones,
                    parents: *parents,
                    blob: blob.clone(),
                    entry: self.size,
                };
                self.add_zoning(zoning, added)
            }
            Body::CallPublished { call, by, terms } => {
                self.publish_call(call, (by, terms), entry.time)
            }
            Body::CallClosed { call, by } => self.close_call(call, by),
            Body::AgreementOffered {
                agreement,
                by,
                signature,
            } => self.offer(agreement, (by, signature), entry.time),
            Body::AgreementSigned {
                agreement,
                by,
                signature,
            } => self.sign(agreement, (by, signature), entry.time),
            Body::AgreementActivated {
                agreement,
                allotment,
            } => self.activate(agreement, *allotment, entry.time),
            Body::AgreementWithdrawn(act) => self.act(Action::Withdraw, act, entry.time),
            Body::AgreementSuspended(act) => self.act(Action::Suspend, act, entry.time),
            Body::AgreementResumed(act) => self.act(Action::Resume, act, entry.time),
            Body::AgreementTerminated(act) => self.act(Action::Terminate, act, entry.time),
            Body::AgreementExpired { agreement } => self.expire(agreement, entry.time),
            Body::ContributionAccepted(contribution) => self.contribute(contribution, entry.time),
            Body::ContributionMissing(missing) => self.miss(missing, entry.time),
            Body::ContributionWithdrawn(withdrawal) => self.withdraw(withdrawal, entry.time),
            Body::RetentionDeleted(deletion) => self.delete(deletion, entry.time),
            Body::ReleaseReserved(reservation) => self.reserve(reservation, entry.time),
            Body::ReleasePublished { key, blob } => {
                self.publishable(key, entry.time)?;
                let (blob, entry) = (blob.clone(), self.size);
                self.end(key, Stage::Published { blob, entry })
            }
            Body::ReleaseAborted { key, reason } => {
                let reason = reason.clone();
                self.end(key, Stage::Aborted { reason })
            }
            Body::ReleaseProposed(opening) => self.propose_opening(opening, entry.time),
            Body::ReleaseOpened(opening) => self.approve_opening(opening, entry.time),
            Body::ReleaseWithdrawn(recall) => self.withdraw_opening(recall, entry.time),
            Body::ReleaseRefused {
                request,
                by,
                agreement,
                table,
                period,
                with,
                merge,
                reasons,
            } => {
                let slot = Slot {
                    agreement: agreement.clone(),
                    table: table.clone(),
                    period: *period,
                };
                self.refuse(by, request, slot, (with, merge.as_ref()), reasons)
            }
        }
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
    is_new(map, key, what, id)?;
    map.insert(key.clone(), value);
    Ok(())
}

fn is_new<K: Ord, V>(
    map: &std::collections::BTreeMap<K, V>,
    key: &K,
    what: &'static str,
    id: &str,
) -> Result<(), ApplyError> {
    match map.contains_key(key) {
        true => Err(ApplyError::Twice {
            what,
            id: id.to_owned(),
        }),
        false => Ok(()),
    }
}
