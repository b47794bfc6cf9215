//! A log from its first entry: every rule checked, every charge and balance recomputed, without
//! OpenDP and without the broker.
//!
//! Whether the entries are those that were signed is another question: [`crate::archive`] answers
//! it for a copy, [`crate::follow`] as they arrive.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use policies::agreement::Unit;
use policies::entry::{Body, Entry, SNAPSHOT_FORM};
use policies::id::{AgreementId, OrgId, PopulationId, ReleaseKey, TableName};
use policies::loss::Loss;
use policies::period::Period;
use policies::state::State;
use serde::Serialize;

use crate::error::AuditError;
use crate::semantics;
use crate::tree::{Frontier, TreeHash, leaf_hash};

mod watch;

pub use watch::{GAPS_MAX, Gap, OPEN_MAX};

/// How far the newest entry may be ahead of an auditor's clock.
pub const CLOCK_AHEAD_MAX: SignedDuration = SignedDuration::from_secs(300);

/// What follows from the entries so far, each of them checked.
#[derive(Debug, Clone, Default)]
pub struct Replayer {
    state: State,
    frontier: Frontier,
    kinds: BTreeMap<&'static str, u64>,
    first: Option<Timestamp>,
    /// When each release that has not ended was reserved.
    reserved: BTreeMap<ReleaseKey, Timestamp>,
    gaps: Vec<Gap>,
    /// Snapshots of another form.
    unchecked: u64,
    broken: Option<Finding>,
}

/// The first entry that does not hold, and why. Nothing after it can be judged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize)]
#[error("entry {index} does not hold: {why}")]
pub struct Finding {
    /// Its place in the log, from 0.
    pub index: u64,
    /// What does not hold, with the entry's kind and time where they could be read.
    pub why: String,
}

/// A log in numbers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// How many entries.
    pub entries: u64,
    /// How many of each kind.
    pub kinds: BTreeMap<&'static str, u64>,
    /// Time of the first.
    pub first: Option<Timestamp>,
    /// Time of the last.
    pub last: Option<Timestamp>,
    /// Releases that were charged and have neither been published nor aborted.
    pub open: usize,
}

/// What one unit-period of a population has lost, and what it may lose.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Balance {
    /// Whose data.
    pub provider: OrgId,
    /// Which people.
    pub population: PopulationId,
    /// What is protected.
    pub unit: Unit,
    /// The unit-period.
    pub period: Period,
    /// What it has lost.
    pub lost: Loss,
    /// The most it may lose; never below `lost`.
    pub cap: Loss,
}

/// A release that was charged and has not ended. Not a break: a broker that still draws, or has
/// crashed, leaves one, and an auditor watches its age.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Open {
    /// The release.
    pub key: ReleaseKey,
    /// Index of its reservation.
    pub entry: u64,
    /// Time of its reservation.
    pub since: Timestamp,
    /// Who asked.
    pub by: OrgId,
    /// Under which agreement.
    pub agreement: AgreementId,
    /// For which table.
    pub table: TableName,
    /// For which period.
    pub period: Period,
}

/// Replays a whole log, from its first entry.
///
/// # Errors
/// [`Finding`] names the first entry that breaks a rule.
pub fn replay<E: AsRef<[u8]>>(entries: impl IntoIterator<Item = E>) -> Result<Replayer, Finding> {
    let mut replayer = Replayer::default();
    for bytes in entries {
        replayer.step(bytes.as_ref())?;
    }
    Ok(replayer)
}

impl Replayer {
    /// Checks the next entry, takes it in and gives it back, read.
    ///
    /// # Errors
    /// [`Finding`] where it breaks a rule. A log that broke a rule stays broken: from then on every
    /// call gives the same [`Finding`], and the state says nothing any more.
    pub fn step(&mut self, bytes: &[u8]) -> Result<Entry, Finding> {
        if let Some(finding) = &self.broken {
            return Err(finding.clone());
        }
        let index = self.size();
        self.try_step(bytes).map_err(|why| {
            let finding = Finding { index, why };
            self.broken = Some(finding.clone());
            finding
        })
    }

    fn try_step(&mut self, bytes: &[u8]) -> Result<Entry, String> {
        let entry = Entry::from_bytes(bytes).map_err(|e| e.to_string())?;
        let (kind, time) = (entry.body.kind(), entry.time);
        let told = |why: &dyn std::fmt::Display| format!("{why} (`{kind}` of {time})");
        semantics::check(&self.state, &entry).map_err(|breach| told(&breach))?;
        let gap = watch::gap(&self.state, &entry);
        self.state.apply(&entry).map_err(|rule| told(&rule))?;
        self.gaps.extend(gap.filter(|_| self.gaps.len() < GAPS_MAX));
        self.frontier.append(leaf_hash(bytes), |_, _| ());
        let count = self.kinds.entry(kind).or_default();
        *count = count.saturating_add(1);
        self.first = self.first.or(Some(time));
        match &entry.body {
            Body::ReleaseReserved(new) => drop(self.reserved.insert(new.key.clone(), time)),
            Body::ReleasePublished { key, .. } | Body::ReleaseAborted { key, .. } => {
                self.reserved.remove(key);
            }
            Body::StateSnapshot(snapshot) if snapshot.form != SNAPSHOT_FORM => {
                self.unchecked = self.unchecked.saturating_add(1);
            }
            _ => {}
        }
        Ok(entry)
    }

    /// Entries so far; the next one's index.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.frontier.size()
    }

    /// Root hash over them: to be compared with a signed checkpoint.
    #[must_use]
    pub fn root(&self) -> TreeHash {
        self.frontier.root()
    }

    /// Their tree's right edge.
    #[must_use]
    pub const fn frontier(&self) -> &Frontier {
        &self.frontier
    }

    /// Everything they imply.
    #[must_use]
    pub const fn state(&self) -> &State {
        &self.state
    }

    /// The log in numbers.
    #[must_use]
    pub fn summary(&self) -> Summary {
        Summary {
            entries: self.size(),
            kinds: self.kinds.clone(),
            first: self.first,
            last: self.state.time(),
            open: self.reserved.len(),
        }
    }

    /// Every unit-period that lost anything, by provider, population and time.
    pub fn balances(&self) -> impl Iterator<Item = Balance> {
        let ledger = self.state.ledger();
        ledger.balances().filter_map(|(account, period, lost)| {
            let terms = ledger.terms(account)?; // nothing is charged without an account
            Some(Balance {
                provider: account.provider.clone(),
                population: account.population.clone(),
                unit: terms.unit,
                period,
                lost,
                cap: terms.cap,
            })
        })
    }

    /// Releases that were charged and have not ended, by key.
    pub fn open(&self) -> impl Iterator<Item = Open> {
        self.reserved.iter().filter_map(|(key, since)| {
            let release = self.state.release(key)?;
            let reservation = &release.reservation;
            Some(Open {
                key: key.clone(),
                entry: release.entry,
                since: *since,
                by: reservation.by.clone(),
                agreement: reservation.agreement.clone(),
                table: reservation.table.name.clone(),
                period: reservation.period,
            })
        })
    }

    /// Is the newest entry at most [`CLOCK_AHEAD_MAX`] ahead of `now`? A log that runs ahead of
    /// time could release a period before it is due.
    ///
    /// # Errors
    /// [`AuditError::AheadOfClock`].
    pub fn check_clock(&self, now: Timestamp) -> Result<(), AuditError> {
        match self.state.time() {
            Some(time) if time.duration_since(now) > CLOCK_AHEAD_MAX => {
                Err(AuditError::AheadOfClock {
                    index: self.size().saturating_sub(1),
                    time,
                    now,
                })
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
