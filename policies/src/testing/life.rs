//! Acts in the life of the town's agreement.

use jiff::Timestamp;

use super::{Signer, Town, entry, org};
use crate::agreement::Agreement;
use crate::entry::{Body, Withdrawal};
use crate::id::{AgreementId, Role};
use crate::life::{Act, Action};
use crate::sign::{Signs, possession_payload};

impl Town {
    /// Admits a further organisation, with a key of its own.
    pub fn admit(&mut self, name: &str, role: Role) -> Signer {
        let signer = Signer::new();
        let spiffe = format!("spiffe://weir.test/org/{name}");
        let key = signer.public.clone();
        let claim = possession_payload(&org(name), role, &spiffe, key.fingerprint());
        self.write(Body::OrgAdmitted {
            org: org(name),
            role,
            spiffe,
            key,
            possession: signer.sign(Signs::KeyPossession, &claim),
            by: None,
        });
        signer
    }

    pub fn id(&self) -> AgreementId {
        self.terms.id().unwrap()
    }

    /// An act on the agreement as it stands, signed.
    pub fn act(&self, action: Action, by: &str, signer: &Signer, at: Option<Timestamp>) -> Act {
        let agreement = self.id();
        let after = self.state.agreement(&agreement).unwrap().entry;
        let mut act = Act {
            agreement,
            by: org(by),
            after,
            takes_effect: at,
            reason: "the figures look wrong".parse().unwrap(),
            signature: signer.sign(Signs::AgreementAct, b""),
        };
        act.signature = signer.sign(Signs::AgreementAct, &act.payload(action));
        act
    }

    /// The same, as the entry's body.
    pub fn acting(&self, action: Action, by: &str, at: Option<Timestamp>) -> Body {
        let signer = if by == "bikes" {
            &self.bikes
        } else {
            &self.city
        };
        let act = self.act(action, by, signer, at);
        match action {
            Action::Withdraw => Body::AgreementWithdrawn(act),
            Action::Suspend => Body::AgreementSuspended(act),
            Action::Resume => Body::AgreementResumed(act),
            // The others are documents, no acts.
            _ => Body::AgreementTerminated(act),
        }
    }

    /// The town's terms with the change, as a document that amends them.
    pub fn amendment(&self, change: impl FnOnce(&mut Agreement)) -> Agreement {
        let mut terms = self.terms.clone();
        terms.supersedes = Some(self.id());
        change(&mut terms);
        terms
    }

    /// Writes at another time.
    pub fn write_at(&mut self, body: Body, time: Timestamp) {
        let entry = crate::entry::Entry {
            time,
            ..entry(body)
        };
        self.state.apply(&entry).unwrap();
        self.log.push(entry);
    }

    /// What the state says at another time to an entry that it does not take.
    pub fn refuses_at(&self, body: Body, time: Timestamp) -> String {
        let entry = crate::entry::Entry {
            time,
            ..entry(body)
        };
        self.refuses_entry(&entry)
    }
}

impl Town {
    /// The provider takes a contribution of the table back.
    pub fn withdrawal(&self, period: &str, batch: &str) -> Body {
        let mut withdrawal = Withdrawal {
            agreement: self.id(),
            table: "od".parse().unwrap(),
            period: period.parse().unwrap(),
            provider: org("bikes"),
            batch: batch.parse().unwrap(),
            reason: "counted twice".parse().unwrap(),
            signature: self.bikes.sign(Signs::ContributionWithdrawal, b""),
        };
        let payload = withdrawal.payload();
        withdrawal.signature = self.bikes.sign(Signs::ContributionWithdrawal, &payload);
        Body::ContributionWithdrawn(withdrawal)
    }

    /// Writes what stored cells ask for at a time.
    pub fn let_go(&mut self, time: Timestamp) {
        for body in self.state.overdue(time) {
            self.write_at(body, time);
        }
    }
}
