//! Agreements in the order of their ids, from any place on: what a page of a list costs depends on the page, not on the
//! log.

use std::ops::Bound;

use super::{AgreementRecord, State, Status};
use crate::agreement::Agreement;
use crate::id::{AgreementId, OrgId};

impl State {
    /// All agreements from a place on.
    pub fn agreements_from(
        &self,
        from: Bound<&AgreementId>,
    ) -> impl Iterator<Item = (&AgreementId, &AgreementRecord)> {
        self.agreements.range((from, Bound::Unbounded))
    }

    /// Those that name the organisation: as provider, planner or recipient.
    pub fn agreements_naming<'a>(
        &'a self,
        org: &OrgId,
        from: Bound<&'a AgreementId>,
    ) -> impl Iterator<Item = (&'a AgreementId, &'a AgreementRecord)> {
        let ids = self.naming.get(org).into_iter();
        let ids = ids.flat_map(move |ids| ids.range((from, Bound::Unbounded)));
        ids.filter_map(|id| self.agreements.get_key_value(id))
    }

    /// How many offers of the organisation wait for an answer.
    #[must_use]
    pub fn open_offers(&self, by: &OrgId) -> usize {
        let named = self.agreements_naming(by, Bound::Unbounded);
        let open = named.filter(|(_, record)| {
            let offerer = record.signatures.first().map(|(org, _)| org);
            record.status == Status::Offered && offerer == Some(by)
        });
        open.count()
    }

    /// Remembers whom an agreement names.
    pub(super) fn note_named(&mut self, id: &AgreementId, terms: &Agreement) {
        let parties = [&terms.provider.org, &terms.planner.org];
        for org in parties.into_iter().chain(&terms.recipients) {
            let ids = self.naming.entry(org.clone()).or_default();
            ids.insert(id.clone());
        }
    }
}

#[cfg(test)]
#[allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]
mod tests {
    use super::*;
    use crate::testing::{Town, org};

    /// Against what a look through all of them says, from every place, and again after loading.
    #[test]
    fn an_organisation_finds_its_own_from_any_place_on() {
        let mut town = Town::new();
        for n in 0..7_u32 {
            town.terms.title = format!("Agreement {n}");
            town.terms.recipients = match n % 3 {
                0 => vec![org("city")],
                1 => vec![org("city"), org("harbour")],
                _ => vec![org("harbour")],
            };
            let [offered, ..] = town.agreeing();
            town.write(offered);
        }
        let open = ["bikes", "city", "harbour"].map(|who| town.state.open_offers(&org(who)));
        assert_eq!(open, [7, 0, 0], "of whoever made them");
        let withdrawn = town.acting(crate::life::Action::Withdraw, "bikes", None);
        town.write(withdrawn);
        assert_eq!(town.state.open_offers(&org("bikes")), 6);
        assert_eq!(town.reloaded(), town.state);
        let ids: Vec<_> = town.state.agreements().map(|(id, _)| id.clone()).collect();
        let excluded = ids.iter().map(Bound::Excluded);
        let included = ids.iter().map(Bound::Included);
        for from in excluded.chain(included).chain([Bound::Unbounded]) {
            let all: Vec<_> = town.state.agreements_from(from).collect();
            let first = match from {
                Bound::Excluded(id) => ids.iter().position(|known| known == id).unwrap() + 1,
                Bound::Included(id) => ids.iter().position(|known| known == id).unwrap(),
                Bound::Unbounded => 0,
            };
            assert!(all.iter().map(|(id, _)| *id).eq(&ids[first..]));
            for who in ["bikes", "city", "harbour", "nobody"] {
                let who = org(who);
                let named = |r: &AgreementRecord| {
                    r.terms.is_party(&who) || r.terms.recipients.contains(&who)
                };
                let looked: Vec<_> = all.iter().copied().filter(|(_, r)| named(r)).collect();
                assert!(
                    town.state.agreements_naming(&who, from).eq(looked),
                    "{who} {from:?}"
                );
            }
        }
    }
}
