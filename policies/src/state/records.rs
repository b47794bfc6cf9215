//! The state as records of an index: written one by one after the log's sync, read back at start.
//!
//! The index is never the only copy; records that do not read back mean a rebuild from the log.

use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{AgreementRecord, Stage, State, Touched};
use crate::id::AgreementId;
use crate::ledger::Account;
use crate::period::Period;

/// One record: its tree, key and value (JSON).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Name of the tree.
    pub tree: &'static str,
    /// Key, unique in its tree.
    pub key: Vec<u8>,
    /// Value.
    pub value: Vec<u8>,
}

/// Why records are not a state.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a record of tree `{tree}` does not read back: the index has to be rebuilt")]
pub struct RecordError {
    /// The tree.
    pub tree: String,
}

const HEAD: &str = "head";
const FLOORS: &str = "floors";
const POLICIES: &str = "policies";
const CONFIG: &str = "config";
const SNAPSHOT: &str = "snapshot";
const ORGS: &str = "orgs";
const ZONINGS: &str = "zonings";
const CALLS: &str = "calls";
const AGREEMENTS: &str = "agreements";
const ACCOUNTS: &str = "accounts";
const BALANCES: &str = "balances";
const LIVE: &str = "live";
const BATCHES: &str = "batches";
const MISSED: &str = "missed";
const REQUESTS: &str = "requests";
const RELEASES: &str = "releases";

impl State {
    /// All trees of the index.
    pub const TREES: [&'static str; 16] = [
        HEAD, FLOORS, POLICIES, CONFIG, SNAPSHOT, ORGS, ZONINGS, CALLS, AGREEMENTS, ACCOUNTS,
        BALANCES, LIVE, BATCHES, MISSED, REQUESTS, RELEASES,
    ];

    /// The records that an entry's changes come to, and the head (size and time).
    ///
    /// # Errors
    /// [`RecordError`] where a value cannot be written as JSON.
    pub fn records(&self, touched: &[Touched]) -> Result<Vec<Record>, RecordError> {
        let mut records = vec![record(HEAD, &"head", &(self.size, self.time))?];
        for change in touched {
            match change {
                Touched::Floors => records.push(record(FLOORS, &"floors", &self.floors)?),
                Touched::Policies => {
                    records.push(record(POLICIES, &"policies", &self.policies)?);
                }
                Touched::Config => records.push(record(CONFIG, &"config", &self.config)?),
                Touched::Snapshot => records.push(record(SNAPSHOT, &"snapshot", &self.snapshot)?),
                Touched::Org(id) => records.push(record(ORGS, id, &self.orgs.get(id))?),
                Touched::Zoning(id) => records.push(record(ZONINGS, id, &self.zonings.get(id))?),
                Touched::Call(id) => records.push(record(CALLS, id, &self.calls.get(id))?),
                Touched::Agreement(id) => {
                    records.push(record(AGREEMENTS, id, &self.agreements.get(id))?);
                }
                Touched::Account(id) => {
                    records.push(record(ACCOUNTS, id, &self.ledger.terms(id))?);
                }
                Touched::Balance(id, period) => {
                    let spent = self.ledger.spent(id, *period);
                    records.push(record(BALANCES, &(id, period), &spent)?);
                }
                Touched::Contribution(slot, provider, batch) => {
                    let key = (provider.clone(), batch.clone());
                    records.push(record(LIVE, slot, &self.live.get(slot))?);
                    records.push(record(BATCHES, &key, &self.batches.get(&key))?);
                }
                Touched::Missed(slot) => {
                    records.push(record(MISSED, slot, &self.missed.get(slot))?);
                }
                Touched::Request(org, request) => {
                    let key = (org.clone(), request.clone());
                    records.push(record(REQUESTS, &key, &self.requests.get(&key))?);
                }
                Touched::Release(id) => {
                    records.push(record(RELEASES, id, &self.releases.get(id))?);
                }
            }
        }
        Ok(records)
    }

    /// Takes one record back; they come in any order. [`State::finish_loading`] MUST follow the
    /// last.
    ///
    /// # Errors
    /// [`RecordError`] where it does not read back.
    pub fn load(&mut self, tree: &str, key: &[u8], value: &[u8]) -> Result<(), RecordError> {
        match tree {
            HEAD => (self.size, self.time) = read::<(u64, Option<Timestamp>)>(tree, value)?,
            FLOORS => self.floors = read(tree, value)?,
            POLICIES => self.policies = read(tree, value)?,
            CONFIG => self.config = read(tree, value)?,
            SNAPSHOT => self.snapshot = read(tree, value)?,
            ORGS => drop(self.orgs.insert(read(tree, key)?, read(tree, value)?)),
            ZONINGS => drop(self.zonings.insert(read(tree, key)?, read(tree, value)?)),
            CALLS => drop(self.calls.insert(read(tree, key)?, read(tree, value)?)),
            AGREEMENTS => drop(self.agreements.insert(read(tree, key)?, read(tree, value)?)),
            ACCOUNTS => self
                .ledger
                .set_terms(read::<Account>(tree, key)?, read(tree, value)?),
            BALANCES => {
                let (account, period): (Account, Period) = read(tree, key)?;
                self.ledger.set_spent(account, period, read(tree, value)?);
            }
            // Where the newest contribution of a slot is deleted, none is live.
            LIVE => {
                if let Some(live) = read(tree, value)? {
                    self.live.insert(read(tree, key)?, live);
                }
            }
            BATCHES => drop(self.batches.insert(read(tree, key)?, read(tree, value)?)),
            MISSED => drop(self.missed.insert(read(tree, key)?, read(tree, value)?)),
            REQUESTS => drop(self.requests.insert(read(tree, key)?, read(tree, value)?)),
            RELEASES => drop(self.releases.insert(read(tree, key)?, read(tree, value)?)),
            _ => {
                return Err(RecordError {
                    tree: tree.to_owned(),
                });
            }
        }
        Ok(())
    }

    /// Restores what is derived, after the last record.
    pub fn finish_loading(&mut self) {
        let mut releases: Vec<_> = self.releases.values().cloned().collect();
        releases.sort_by_key(|release| release.entry);
        self.editions.clear();
        self.merges.clear();
        self.reads.clear();
        self.unfinished.clear();
        for release in releases {
            if release.stage == Stage::Reserved {
                self.unfinished.insert(release.reservation.key.clone());
            }
            self.count(&release.reservation);
        }
        self.naming.clear();
        let terms =
            |(id, record): (&AgreementId, &AgreementRecord)| (id.clone(), record.terms.clone());
        let agreements: Vec<_> = self.agreements.iter().map(terms).collect();
        for (id, terms) in &agreements {
            self.note_named(id, terms);
        }
        let contributions: Vec<_> = self.batches.values().cloned().collect();
        (self.due, self.gone, self.deleted) = Default::default();
        for record in &contributions {
            self.due.extend(self.due_of(record));
            self.note_deleted(record);
        }
    }

    /// Releases that were charged and have not ended: they are resumed at start.
    #[must_use]
    pub fn unfinished(&self) -> Vec<crate::id::ReleaseKey> {
        self.unfinished.iter().cloned().collect()
    }
}

fn record(
    tree: &'static str,
    key: &impl Serialize,
    value: &impl Serialize,
) -> Result<Record, RecordError> {
    let fail = |_| RecordError {
        tree: tree.to_owned(),
    };
    let key = serde_json::to_vec(key).map_err(fail)?;
    let value = serde_json::to_vec(value).map_err(fail)?;
    Ok(Record { tree, key, value })
}

fn read<T: DeserializeOwned>(tree: &str, bytes: &[u8]) -> Result<T, RecordError> {
    serde_json::from_slice(bytes).map_err(|_| RecordError {
        tree: tree.to_owned(),
    })
}
