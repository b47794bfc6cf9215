//! An operator that mixes protections: each log is signed by the operator itself, and found at its entry.

use policies::agreement::Agreement;
use policies::testing::{k_only, k_only_floors};

use super::*;

const DAY: &str = "2026-10-05";

/// The same people in two agreements, both active and contributed: with noise, and exactly.
struct Both {
    town: Town,
    log: Vec<Entry>,
    noisy: Agreement,
    exact: Agreement,
}

impl Both {
    fn new(allowed: bool) -> Self {
        let town = Town::new();
        let log = begun(&town);
        let noisy = town.terms.clone();
        let exact = k_only(&noisy);
        let mut both = Self {
            town,
            log,
            noisy: noisy.clone(),
            exact: exact.clone(),
        };
        if allowed {
            let Body::BrokerStarted { floors, .. } = &mut both.log[0].body else {
                panic!()
            };
            *floors = k_only_floors();
        }
        for (terms, batch) in [(noisy, "n1"), (exact, "k1")] {
            both.town.terms = terms;
            for body in both.town.agreeing() {
                both.write(body, SETUP);
            }
            let body = both.town.contribution(DAY, batch, None);
            both.write(body, PUSHED);
        }
        // In the log of time, contributions come after both agreements.
        both.log.sort_by_key(|entry| entry.time);
        both
    }

    fn write(&mut self, body: Body, time: &str) {
        self.town.write(body.clone());
        self.log.push(timed(body, time));
    }

    /// Reserved as the rules give it, from the state so far.
    fn reserve(&mut self, exactly: bool, id: &str, period: &str) -> Entry {
        let (terms, mechanism) = match exactly {
            true => (&self.exact, Mechanism::KOnly { k: 5 }),
            false => (&self.noisy, tight()),
        };
        self.town.terms = terms.clone();
        let request = self.town.request(id, period);
        let Decision::Permit(permit) = decide(&self.town.state, &request, at(ASKED)).unwrap()
        else {
            panic!("not permitted")
        };
        let reservation = permit.reserve(mechanism).unwrap();
        timed(Body::ReleaseReserved(Box::new(reservation)), ASKED)
    }

    #[track_caller]
    fn finds(&self, further: &[&Entry], says: &str) {
        let mut log = self.log.clone();
        log.extend(further.iter().map(|entry| (*entry).clone()));
        let finding = replay(bytes(&log)).map(|_| ()).unwrap_err();
        names(&finding, log.len() - 1, says);
    }
}

#[track_caller]
fn names(finding: &Finding, index: usize, says: &str) {
    let (there, why) = (finding.index, &finding.why);
    assert_eq!(there, index as u64, "{why}");
    assert!(why.contains(says), "`{why}` does not say `{says}`");
}

#[test]
fn either_protection_alone_holds() {
    for exactly in [true, false] {
        let mut both = Both::new(true);
        let reserved = both.reserve(exactly, "r1", DAY);
        both.log.push(reserved);
        let replayer = replay(bytes(&both.log)).unwrap();
        assert_eq!(replayer.balances().count(), usize::from(!exactly));
    }
}

/// Both reservations are what the rules gave before either was there.
#[test]
fn an_exact_table_beside_a_noisy_one_of_the_same_day() {
    let mut both = Both::new(true);
    let (noisy, exact) = (
        both.reserve(false, "r1", DAY),
        both.reserve(true, "r2", DAY),
    );
    both.finds(&[&noisy, &exact], "protection.chosen_otherwise");
    both.finds(&[&exact, &noisy], "protection.chosen_otherwise");
}

#[test]
fn a_second_exact_table_of_the_same_day() {
    let mut both = Both::new(true);
    let first = both.reserve(true, "r1", DAY);
    both.log.push(first.clone());
    both.town.write(first.body.clone());
    let correction = both.town.contribution(DAY, "k2", Some("k1"));
    both.write(correction, ASKED);
    let mut second = first;
    let r = reservation(&mut second);
    r.manifest = vec![policies::id::sha256_hex(b"k2").parse().unwrap()];
    (r.request, r.edition) = ("r2".parse().unwrap(), 2);
    r.key = "d".repeat(64).parse().unwrap();
    both.finds(&[&second], "k_only.beside_another");
}

#[test]
fn no_noise_where_noise_was_agreed() {
    let mut both = Both::new(true);
    let mut entry = both.reserve(false, "r1", DAY);
    reservation(&mut entry).mechanism = Mechanism::KOnly { k: 5 };
    both.finds(&[&entry], "no other is");
    let mut entry = both.reserve(true, "r1", DAY);
    reservation(&mut entry).mechanism = Mechanism::KOnly { k: 2 };
    both.finds(&[&entry], "the agreement asks for 5");
    let mut entry = both.reserve(true, "r1", DAY);
    reservation(&mut entry).mechanism = Mechanism::Unprotected;
    both.finds(&[&entry], "released k-only");
}

#[test]
fn a_k_only_agreement_that_the_steward_does_not_allow() {
    let both = Both::new(false);
    let offered = both.log.iter().position(|entry| {
        matches!(&entry.body, Body::AgreementOffered { agreement, .. } if **agreement == both.exact)
    });
    let finding = replay(bytes(&both.log)).map(|_| ()).unwrap_err();
    names(&finding, offered.unwrap(), "population.protection");
}
