//! Whom an entry concerns.

use super::State;
use crate::agreement::Agreement;
use crate::entry::{
    AuditorRead, Body, Deletion, Entry, Missing, Opening, Recall, RefusalsFolded, Reservation,
    Withdrawal,
};
use crate::id::{AgreementId, OrgId, Role};
use crate::life::Act;

impl State {
    /// The organisations that an entry concerns: they, and auditors, may read it.
    #[must_use]
    pub fn concerned(&self, entry: &Entry) -> Vec<OrgId> {
        let parties = |id: &AgreementId| self.agreement(id).map(|r| parties_of(&r.terms));
        match &entry.body {
            // For auditors.
            Body::Heartbeat {} | Body::StateSnapshot(_) => Vec::new(),
            Body::AuditorRead(AuditorRead { by, .. })
            | Body::RefusalsFolded(RefusalsFolded { by, .. }) => vec![by.clone()],
            Body::BrokerStarted { .. }
            | Body::ConfigChanged(_)
            | Body::PolicyChanged { .. }
            | Body::OrgAdmitted { .. }
            | Body::OrgKeyRotated { .. }
            | Body::ZoningAdded { .. }
            | Body::CallPublished { .. }
            | Body::CallClosed { .. } => self.orgs.keys().cloned().collect(),
            Body::AgreementOffered { agreement, .. } => {
                let answered = agreement.counters.as_ref().and_then(parties);
                let answered = answered.unwrap_or_default();
                parties_of(agreement).into_iter().chain(answered).collect()
            }
            Body::AgreementSigned { agreement, .. }
            | Body::AgreementWithdrawn(Act { agreement, .. }) => {
                parties(agreement).unwrap_or_default()
            }
            // Stewards may suspend: what comes into force and how it ends is for them to know, and so whether terms that
            // one of them has halted are signed anew.
            Body::AgreementExpired { agreement }
            | Body::AgreementSuspended(Act { agreement, .. })
            | Body::AgreementResumed(Act { agreement, .. })
            | Body::AgreementTerminated(Act { agreement, .. }) => {
                let own = parties(agreement).unwrap_or_default();
                own.into_iter().chain(self.stewards()).collect()
            }
            Body::AgreementActivated { agreement, .. } => {
                let amended = self.agreement(agreement);
                let amended = amended.and_then(|r| parties(r.terms.supersedes.as_ref()?));
                let own = parties(agreement).unwrap_or_default().into_iter();
                let all = own.chain(amended.unwrap_or_default());
                all.chain(self.stewards()).collect()
            }
            // The entry is for the provider and the auditors; the other parties see which periods are live
            // through `ContributionService`. That there is something new about a period, they are told.
            Body::ContributionAccepted(c) => match c.supersedes.is_some() || c.late {
                true => parties(&c.agreement).unwrap_or_default(),
                false => vec![c.provider.clone()],
            },
            Body::ContributionMissing(Missing { agreement, .. }) => {
                parties(agreement).unwrap_or_default()
            }
            // That a period is taken back, or gone, is for all parties to know.
            Body::ContributionWithdrawn(Withdrawal { agreement, .. })
            | Body::RetentionDeleted(Deletion { agreement, .. }) => {
                parties(agreement).unwrap_or_default()
            }
            Body::ReleaseReserved(r) => self.parties_of_all(r),
            Body::ReleasePublished { key, .. }
            | Body::ReleaseAborted { key, .. }
            | Body::ReleaseProposed(Opening { key, .. })
            | Body::ReleaseOpened(Opening { key, .. })
            | Body::ReleaseWithdrawn(Recall { key, .. }) => {
                let release = self.release(key);
                release
                    .map(|r| self.parties_of_all(&r.reservation))
                    .unwrap_or_default()
            }
            Body::ReleaseRefused {
                agreement,
                by,
                with,
                ..
            } => {
                let all = std::iter::once(agreement).chain(with.iter().map(|w| &w.agreement));
                let providers =
                    all.filter_map(|id| Some(self.agreement(id)?.terms.provider.org.clone()));
                std::iter::once(by.clone()).chain(providers).collect()
            }
        }
    }

    fn stewards(&self) -> impl Iterator<Item = OrgId> {
        let all = self.orgs.iter();
        let stewards = all.filter(|(_, org)| org.role == Role::Steward);
        stewards.map(|(id, _)| id.clone())
    }

    /// The parties of every agreement that a release is made under.
    fn parties_of_all(&self, reservation: &Reservation) -> Vec<OrgId> {
        let mut all = Vec::new();
        for asked in reservation.asked() {
            let record = self.agreement(&asked.agreement);
            all.extend(record.map(|r| parties_of(&r.terms)).unwrap_or_default());
        }
        all
    }
}

fn parties_of(agreement: &Agreement) -> Vec<OrgId> {
    let signers = [&agreement.provider.org, &agreement.planner.org];
    signers
        .into_iter()
        .chain(&agreement.recipients)
        .cloned()
        .collect()
}
