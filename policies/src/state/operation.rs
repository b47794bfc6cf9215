//! The log's own operation: settings in force, snapshots, and the digest of a state.

use std::collections::BTreeMap;

use aws_lc_rs::digest::{Context, SHA256};
use serde::{Deserialize, Serialize};

use super::{ApplyError, RecordError, State, Touched};
use crate::entry::Configuration;
use crate::id::Fingerprint;

/// Entries between two snapshots, at least; in a long log an eighth of its entries, so that all
/// snapshots together cost no more than a few replays.
pub const SNAPSHOT_EVERY: u64 = 4096;

/// Stands ahead of the records in [`State::root`], so that the digest is of nothing else.
const ROOT_OF: &[u8] = b"weir/state/1\0";

/// The operator's settings and where they were logged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConfigInForce {
    /// The settings.
    pub config: Configuration,
    /// Index of the entry.
    pub entry: u64,
}

impl State {
    /// The operator's settings in force; `None` in logs from before they were logged.
    #[must_use]
    pub fn config(&self) -> Option<&ConfigInForce> {
        self.config.as_ref()
    }

    /// Index of the last `state.snapshot`.
    #[must_use]
    pub fn snapshot(&self) -> Option<u64> {
        self.snapshot
    }

    /// How many entries lie between the last snapshot, or the beginning, and the end.
    #[must_use]
    pub fn since_snapshot(&self) -> u64 {
        let after = self.snapshot.map_or(0, |at| at.saturating_add(1));
        self.size.saturating_sub(after)
    }

    /// After how many entries the next snapshot is due.
    #[must_use]
    pub fn snapshot_after(&self) -> u64 {
        SNAPSHOT_EVERY.max(self.size / 8)
    }

    /// A digest of everything that the entries imply: SHA-256 over `weir/state/1` and a zero byte, then
    /// for each of [`State::records`], sorted by tree and key, tree, key and value, each behind its
    /// length in bytes (big-endian, 64 bits).
    ///
    /// # Errors
    /// [`RecordError`] where a value cannot be written as JSON.
    pub fn root(&self) -> Result<Fingerprint, RecordError> {
        let mut sorted = BTreeMap::new();
        for record in self.records(&self.everything())? {
            sorted.insert((record.tree, record.key), record.value);
        }
        let mut context = Context::new(&SHA256);
        context.update(ROOT_OF);
        for ((tree, key), value) in &sorted {
            for part in [tree.as_bytes(), key, value] {
                context.update(&(part.len() as u64).to_be_bytes());
                context.update(part);
            }
        }
        let digest = hex::encode(context.finish());
        Fingerprint::new(digest).map_err(|_| RecordError {
            tree: String::new(),
        })
    }

    pub(super) fn configure(&mut self, config: &Configuration) -> Result<Vec<Touched>, ApplyError> {
        let same = |known: &ConfigInForce| known.config == *config;
        if self.config.as_ref().is_some_and(same) {
            return Err(ApplyError::Rule {
                rule: "`config.changed` changes the settings",
            });
        }
        self.config = Some(ConfigInForce {
            config: config.clone(),
            entry: self.size,
        });
        Ok(vec![Touched::Config])
    }

    pub(super) fn take_snapshot(&mut self) -> Vec<Touched> {
        self.snapshot = Some(self.size);
        vec![Touched::Snapshot]
    }

    /// All of the state, as changes; one line for each field that is not derived.
    fn everything(&self) -> Vec<Touched> {
        let mut all = Vec::new();
        all.extend(self.floors.map(|_| Touched::Floors));
        all.extend(self.policies.as_ref().map(|_| Touched::Policies));
        all.extend(self.config.as_ref().map(|_| Touched::Config));
        all.extend(self.snapshot.map(|_| Touched::Snapshot));
        all.extend(self.orgs.keys().cloned().map(Touched::Org));
        all.extend(self.zonings.keys().cloned().map(Touched::Zoning));
        all.extend(self.calls.keys().cloned().map(Touched::Call));
        all.extend(self.agreements.keys().cloned().map(Touched::Agreement));
        all.extend(self.missed.keys().cloned().map(Touched::Missed));
        let accounts = self.ledger.accounts();
        all.extend(accounts.map(|(account, _)| Touched::Account(account.clone())));
        let balances = self.ledger.balances();
        all.extend(balances.map(|(account, period, _)| Touched::Balance(account.clone(), period)));
        all.extend(self.batches.values().map(|record| {
            let c = &record.contribution;
            Touched::Contribution(c.slot(), c.provider.clone(), c.batch.clone())
        }));
        let requests = self.requests.keys().cloned();
        all.extend(requests.map(|(org, request)| Touched::Request(org, request)));
        all.extend(self.releases.keys().cloned().map(Touched::Release));
        all
    }
}
