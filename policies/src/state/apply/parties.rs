//! Effects on organisations, zonings and agreements.

use jiff::Timestamp;

use super::{Touched, insert_new, is_new, rule, unknown};
use crate::agreement::Agreement;
use crate::id::{AgreementId, OrgId, Role, ZoningId};
use crate::life::Action;
use crate::loss::Loss;
use crate::sign::{PartySignature, PublicKey};
use crate::state::{AgreementRecord, ApplyError, Org, State, Status, Zoning};

impl State {
    pub(super) fn admit(
        &mut self,
        id: &OrgId,
        role: Role,
        spiffe: &str,
        key: &PublicKey,
        by: Option<&OrgId>,
    ) -> Result<Vec<Touched>, ApplyError> {
        let spiffe_taken = self.orgs.values().any(|other| other.spiffe == spiffe);
        let taken = spiffe_taken || self.key_was_used(key);
        rule(!taken, "a SPIFFE id and a key belong to one organisation")?;
        let steward = |by| self.org(by).is_some_and(|org| org.role == Role::Steward);
        rule(by.is_none_or(steward), "only a steward admits")?;
        let org = Org {
            role,
            spiffe: spiffe.to_owned(),
            key: key.clone(),
            former: Vec::new(),
            entry: self.size,
        };
        insert_new(&mut self.orgs, id, org, "organisation", id.as_str())?;
        Ok(vec![Touched::Org(id.clone())])
    }

    pub(super) fn add_zoning(
        &mut self,
        id: &ZoningId,
        zoning: Zoning,
    ) -> Result<Vec<Touched>, ApplyError> {
        insert_new(&mut self.zonings, id, zoning, "zoning", id.as_str())?;
        Ok(vec![Touched::Zoning(id.clone())])
    }

    pub(super) fn offer(
        &mut self,
        terms: &Agreement,
        (by, signature): (&OrgId, &PartySignature),
        time: Timestamp,
    ) -> Result<Vec<Touched>, ApplyError> {
        rule(terms.is_party(by), "only a party can offer an agreement")?;
        self.keys_in_force(terms)?;
        for (party, role) in [
            (&terms.provider, Role::Provider),
            (&terms.planner, Role::Planner),
        ] {
            let org = self.org(&party.org);
            rule(
                org.map(|org| org.role) == Some(role),
                "a provider provides and a planner plans",
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
        self.answerable(terms)?;
        is_new(&self.agreements, &id, "agreement", id.as_str())?;
        let (life, mut touched) = self.born(&id, terms, by, time)?;
        let record = AgreementRecord {
            terms: terms.clone(),
            status: Status::Offered,
            signatures: vec![(by.clone(), signature.clone())],
            life,
            entry: self.size,
        };
        self.agreements.insert(id.clone(), record);
        self.note_named(&id, terms);
        touched.push(Touched::Agreement(id));
        Ok(touched)
    }

    /// May the organisation sign it now, so that it becomes active?
    ///
    /// # Errors
    /// [`ApplyError`] of the entry that would say so.
    pub fn check_signing(
        &self,
        id: &AgreementId,
        by: &OrgId,
        time: Timestamp,
    ) -> Result<(), ApplyError> {
        let terms = self.signable(id, by, time)?;
        match &terms.supersedes {
            Some(amended) => self.amendable(amended, terms, time).map(drop),
            None => Ok(()),
        }
    }

    fn signable(
        &self,
        id: &AgreementId,
        by: &OrgId,
        time: Timestamp,
    ) -> Result<&Agreement, ApplyError> {
        self.may(Action::Sign, id, by, time)?;
        let record = self.agreement(id);
        let record = record.ok_or_else(|| unknown("agreement", id.as_str()))?;
        // An offer lapses with a key it names: else a lost key could still become a party.
        self.keys_in_force(&record.terms)?;
        Ok(&record.terms)
    }

    pub(super) fn sign(
        &mut self,
        id: &AgreementId,
        (by, signature): (&OrgId, &PartySignature),
        time: Timestamp,
    ) -> Result<Vec<Touched>, ApplyError> {
        self.signable(id, by, time)?;
        let record = self.agreement_mut(id)?;
        record.signatures.push((by.clone(), signature.clone()));
        self.changed(id, Status::Agreed, Some(by), time)?;
        Ok(vec![Touched::Agreement(id.clone())])
    }

    pub(super) fn activate(
        &mut self,
        id: &AgreementId,
        allotment: Loss,
        time: Timestamp,
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
        let terms = record.terms.clone();
        if let Some(amended) = &terms.supersedes {
            self.amendable(amended, &terms, time)?;
            self.closable(amended, Status::Superseded)?;
        }
        let account = Self::account_of(&terms);
        let room = self.room_for(&terms, allotment)?;
        self.changed(id, Status::Active, None, time)?;
        let record = self.agreement_mut(id)?;
        record.life.activated = Some((record.entry, time));
        let mut touched = self.supersede(id, &terms, time)?;
        self.ledger.set_terms(account.clone(), room);
        touched.extend([Touched::Agreement(id.clone()), Touched::Account(account)]);
        Ok(touched)
    }
}
