//! What pages need to know about the whole log. Looking through it is done once for many readers, so that strangers
//! cannot keep it busy.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use policies::id::{AgreementId, ReleaseKey};
use policies::ledger::Account;
use policies::loss::Loss;
use policies::state::{AgreementRecord, Stage, State};

use crate::flow::Broker;
use crate::limits::REGISTER_EVERY;

/// The broker, and what is known of its log.
pub(super) struct Register {
    pub(super) broker: Arc<Broker>,
    known: Mutex<Option<(Instant, Arc<Digest>)>>,
}

/// What follows from the log up to a size.
#[derive(Debug, Default)]
pub(super) struct Digest {
    /// How many entries it knows.
    pub(super) size: u64,
    /// Agreements that both have signed, by the entry of their last change, oldest first.
    pub(super) agreements: Vec<(u64, AgreementId)>,
    /// Published tables of each, by the entry that published them, oldest first.
    pub(super) releases: HashMap<AgreementId, Vec<(u64, ReleaseKey)>>,
    /// What each account has lost.
    pub(super) lost: BTreeMap<Account, Lost>,
}

/// What the people behind a population have lost so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Lost {
    /// The most ρ and the most δ that any unit-period has lost; they need not be the same one's.
    pub(super) most: Loss,
    /// How many unit-periods have lost anything.
    pub(super) periods: u64,
}

impl Register {
    pub(super) fn new(broker: Arc<Broker>) -> Self {
        let known = Mutex::default();
        Self { broker, known }
    }

    /// What is known; looked up again where the log has grown, and not too often.
    pub(super) fn digest(&self) -> Arc<Digest> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((at, digest)) = known.as_ref()
            && (at.elapsed() < REGISTER_EVERY
                || digest.size == self.broker.sequencer().state().size())
        {
            return Arc::clone(digest);
        }
        let digest = Arc::new(Digest::of(&self.broker.sequencer().state()));
        *known = Some((Instant::now(), Arc::clone(&digest)));
        digest
    }
}

impl Digest {
    fn of(state: &State) -> Self {
        let mut digest = Self {
            size: state.size(),
            ..Self::default()
        };
        let signed = state.agreements().filter(|(_, record)| is_public(record));
        digest.agreements = signed
            .map(|(id, record)| (record.entry, id.clone()))
            .collect();
        digest.agreements.sort();
        for (key, release) in state.releases() {
            let Stage::Published { entry, .. } = release.stage else {
                continue;
            };
            for asked in release.reservation.asked() {
                let made = digest.releases.entry(asked.agreement).or_default();
                made.push((entry, key.clone()));
            }
        }
        digest.releases.values_mut().for_each(|made| made.sort());
        for (account, _, loss) in state.ledger().balances() {
            let lost = digest.lost.entry(account.clone()).or_default();
            lost.most.rho = lost.most.rho.max(loss.rho);
            lost.most.delta = lost.most.delta.max(loss.delta);
            lost.periods = lost.periods.saturating_add(1);
        }
        digest
    }
}

/// Have both signed?
pub(super) fn is_public(record: &AgreementRecord) -> bool {
    let signed = |org| record.signatures.iter().any(|(by, _)| by == org);
    signed(&record.terms.provider.org) && signed(&record.terms.planner.org)
}

/// The newest `most` of a list before an entry, newest first, and whether there are older ones. Those of one entry stay
/// together.
pub(in crate::web) fn page<T: Clone>(
    all: &[(u64, T)],
    before: Option<u64>,
    most: usize,
) -> (Vec<(u64, T)>, Option<u64>) {
    let upto = before.map_or(all.len(), |before| {
        all.partition_point(|(entry, _)| *entry < before)
    });
    let mut page: Vec<(u64, T)> = Vec::new();
    for (entry, item) in all.iter().take(upto).rev() {
        let last = page.last().map(|(last, _)| *last);
        if page.len() >= most && last != Some(*entry) {
            return (page, last);
        }
        page.push((*entry, item.clone()));
    }
    (page, None)
}

#[cfg(test)]
mod tests {
    use super::page;

    #[test]
    fn pages_show_everything_once_newest_first() {
        let all = [(1, 'a'), (3, 'b'), (4, 'c'), (4, 'd'), (9, 'e')];
        for most in 1..=6 {
            let (mut seen, mut before) = (Vec::new(), None);
            loop {
                let (items, next) = page(&all, before, most);
                seen.extend(items);
                match next {
                    None => break,
                    next => before = next,
                }
            }
            let mut expected = all.to_vec();
            expected.reverse();
            assert_eq!(seen, expected, "{most}");
        }
        assert_eq!(page::<char>(&[], Some(5), 3), (vec![], None));
        assert_eq!(page(&all, Some(0), 3), (vec![], None));
    }
}
