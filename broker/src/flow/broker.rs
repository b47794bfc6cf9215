//! What every use case stands on: the sequencer, the blobs, the clock, and what is kept at hand.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use audit::checkpoint::LogKey;
use audit::receipt::Receipt;
use export::Bounds;
use policies::agreement::{Agreement, Charge, Protection, Unit};
use policies::entry::{Body, Configuration, Floors};
use policies::id::{Fingerprint, OrgId, ReleaseKey, Role, ZoningId};
use policies::mechanism::Mechanism;
use policies::schedule::Settled;
use policies::table::Table;
use privacy::calibrate::{calibrate_dense, calibrate_merged};

use crate::access::InForce;
use crate::clock::Clock;
use crate::cosign::Heads;
use crate::error::Error;
use crate::flow::admit::Admission;
use crate::flow::draw::Slots;
use crate::flow::operation::Folding;
use crate::flow::retain::Erased;
use crate::limits::{
    CONTRIBUTIONS_MAX, CONTRIBUTIONS_PER_ORG_MAX, FETCHES_MAX, FETCHES_PER_ORG_MAX,
    MECHANISMS_KEPT_MAX, SQL_AT_ONCE, SQL_PER_ORG_MAX, Times, WATCHES_MAX, WATCHES_PER_ORG_MAX,
};
use crate::sequencer::Sequencer;
use crate::store::blobs::Blobs;

/// One broker. Its use cases are methods, each in the file of its name.
#[derive(Debug)]
pub struct Broker {
    pub(crate) sequencer: Sequencer,
    pub(crate) heads: Heads,
    pub(crate) blobs: Blobs,
    pub(crate) clock: Clock,
    pub(crate) log_key: LogKey,
    pub(crate) in_force: InForce,
    pub(crate) publish_tick: Duration,
    pub(crate) draws: Slots,
    pub(crate) drawing: Drawing,
    pub(crate) contributing: Places,
    pub(crate) watching: Places,
    pub(crate) folding: Arc<Folding>,
    pub(crate) querying: Places,
    pub(crate) fetching: Places,
    pub(crate) times: Times,
    pub(crate) erasing: tokio::sync::Mutex<Erased>,
    /// How far periods need not be looked at again.
    pub(crate) settled: Mutex<Settled>,
    zones: Mutex<HashMap<ZoningId, Arc<Vec<String>>>>,
    /// Boxes around zonings: one never changes.
    pub(super) bounds: Mutex<HashMap<ZoningId, Option<Bounds>>>,
    mechanisms: Mutex<HashMap<String, Mechanism>>,
}

/// What the steward's config puts in force at start.
#[derive(Debug, Clone)]
pub struct Terms {
    /// SHA-256 of the binary that runs, where it could be read.
    pub binary: Option<Fingerprint>,
    /// Settings that others feel.
    pub configuration: Configuration,
    /// The floors of all agreements.
    pub floors: Floors,
    /// The steward's own admission, for the first start.
    pub steward: Option<Admission>,
}

impl Broker {
    /// A broker over an open store.
    #[must_use]
    pub fn new(
        sequencer: Sequencer,
        blobs: Blobs,
        clock: Clock,
        log_key: LogKey,
        in_force: InForce,
        publish_tick: Duration,
    ) -> Self {
        Self {
            heads: Heads::unwitnessed(sequencer.clone()),
            sequencer,
            blobs,
            clock,
            log_key,
            in_force,
            publish_tick,
            draws: Slots::default(),
            drawing: Drawing::default(),
            contributing: Places::new(CONTRIBUTIONS_MAX, CONTRIBUTIONS_PER_ORG_MAX),
            watching: Places::new(WATCHES_MAX, WATCHES_PER_ORG_MAX),
            folding: Arc::default(),
            querying: Places::new(SQL_AT_ONCE, SQL_PER_ORG_MAX),
            fetching: Places::new(FETCHES_MAX, FETCHES_PER_ORG_MAX),
            times: Times::default(),
            erasing: tokio::sync::Mutex::default(),
            settled: Mutex::default(),
            zones: Mutex::default(),
            bounds: Mutex::default(),
            mechanisms: Mutex::default(),
        }
    }

    /// The same broker, whose answers lean on what witnesses cosigned.
    #[must_use]
    pub fn leaning_on(self, heads: Heads) -> Self {
        Self { heads, ..self }
    }

    /// The same broker with other bounds in time.
    #[must_use]
    pub fn within(self, times: Times) -> Self {
        Self { times, ..self }
    }

    /// Writes what is in force: the start, the floors, the settings, the access policies, and the steward where the log knows none.
    ///
    /// # Errors
    /// [`Error`] where the log cannot be written, the policies were rolled back, or the steward's admission does not hold.
    pub async fn begin(&self, terms: Terms) -> Result<(), Error> {
        let (floors, binary) = (terms.floors, terms.binary);
        let started = move |_: &_, _| {
            let software = env!("CARGO_PKG_VERSION").to_owned();
            let started = Body::BrokerStarted {
                software,
                floors,
                binary,
            };
            Ok((vec![started], ()))
        };
        self.sequencer.submit("broker.started", started).await?;
        self.configure(terms.configuration).await?;
        self.log_policies().await?;
        let known = self
            .sequencer
            .state()
            .orgs()
            .any(|(_, org)| org.role == Role::Steward);
        match terms.steward {
            Some(admission) if !known => self.admit(None, admission).await.map(drop)?,
            None if !known => {
                let message = "the log knows no steward: name its admission file in the config";
                return Err(Error::Precondition {
                    message: message.into(),
                });
            }
            _ => {}
        }
        // What a crash left between an entry and its files, before anybody is served.
        self.erase_due().await
    }

    /// The handle of the one writer, for readers of state and log.
    #[must_use]
    pub fn sequencer(&self) -> &Sequencer {
        &self.sequencer
    }

    /// Where answers take their checkpoint from.
    #[must_use]
    pub fn heads(&self) -> &Heads {
        &self.heads
    }

    /// The key that checkpoints are verified with.
    #[must_use]
    pub fn log_key(&self) -> &LogKey {
        &self.log_key
    }

    /// The receipt of a decision's last entry.
    pub(crate) async fn last_receipt(&self, entries: &[u64]) -> Result<Receipt, Error> {
        let last = entries
            .last()
            .ok_or_else(|| Error::internal("a decision without an entry"))?;
        self.heads.receipt(*last).await
    }

    /// The zone ids of a zoning, sorted.
    pub(crate) async fn zones(&self, id: &ZoningId) -> Result<Arc<Vec<String>>, Error> {
        let held = self
            .zones
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(id)
            .cloned();
        if let Some(zones) = held {
            return Ok(zones);
        }
        let zones = super::zoning::zones(&self.zoning_file(id).await?)?;
        let zones = Arc::new(zones.into_keys().collect());
        let mut kept = self.zones.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(Arc::clone(kept.entry(id.clone()).or_insert(zones)))
    }

    /// The noise of a table's releases, or of merges of up to `merged` cells of one unit in a row; a function
    /// of public terms, so it is computed once.
    pub(crate) fn mechanism(
        &self,
        terms: &Agreement,
        table: &Table,
        charge: Option<&Charge>,
        merged: u32,
    ) -> Result<Mechanism, Error> {
        let (unit, k) = (terms.population.unit, terms.k);
        if terms.population.protection == Protection::KOnly {
            return Ok(Mechanism::KOnly { k });
        }
        let Some(charge) = charge.filter(|_| unit != Unit::None) else {
            return Ok(Mechanism::Unprotected);
        };
        let dense = terms.is_dense(&table.name);
        let key = serde_json::to_string(&(table, unit, k, charge, merged, dense))
            .map_err(Error::internal)?;
        let held = self
            .mechanisms
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&key)
            .cloned();
        if let Some(mechanism) = held {
            return Ok(mechanism);
        }
        let mechanism = match dense {
            true => calibrate_dense(table, unit, charge),
            false => calibrate_merged(table, unit, k, charge, merged),
        };
        let mechanism = mechanism.map_err(|e| Error::Precondition {
            message: format!("the plan cannot be kept: {e}"),
        })?;
        let mut kept = self
            .mechanisms
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        // Keys are as long as a table's terms: offers that come to nothing must not pile up here.
        if kept.len() >= MECHANISMS_KEPT_MAX {
            kept.clear();
        }
        Ok(kept.entry(key).or_insert(mechanism).clone())
    }

    /// Is the organisation admitted, in this role?
    ///
    /// # Errors
    /// [`Error::Denied`] where the log says otherwise.
    pub fn check_member(&self, org: &OrgId, role: Role, spiffe: &str) -> Result<(), Error> {
        let state = self.sequencer.state();
        let member = state
            .org(org)
            .is_some_and(|o| o.role == role && o.spiffe == spiffe);
        if member { Ok(()) } else { Err(Error::Denied) }
    }
}

/// One draw per release at a time: a second caller waits for the first and finds the release published.
#[derive(Debug, Default)]
pub(crate) struct Drawing(Mutex<HashMap<ReleaseKey, Arc<tokio::sync::Mutex<()>>>>);

impl Drawing {
    /// The lock of one release.
    pub(crate) fn of(&self, key: &ReleaseKey) -> Arc<tokio::sync::Mutex<()>> {
        let mut locks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(locks.entry(key.clone()).or_default())
    }

    /// Is somebody drawing it?
    pub(crate) fn is_drawn(&self, key: &ReleaseKey) -> bool {
        let locks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        locks.get(key).is_some_and(|lock| lock.try_lock().is_err())
    }

    /// Forgets a release's lock; whoever still waits for it holds it by itself.
    pub(crate) fn forget(&self, key: &ReleaseKey) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(key);
    }
}

/// How many calls of one kind are in work, by organisation: a silent stream holds a place that others need.
#[derive(Debug)]
pub(crate) struct Places {
    held: Arc<Mutex<HashMap<OrgId, usize>>>,
    most: usize,
    each: usize,
}

impl Places {
    /// At most `most` in all, and `each` of one organisation.
    fn new(most: usize, each: usize) -> Self {
        let held = Arc::default();
        Self { held, most, each }
    }

    /// A place for one more, given back when it is dropped.
    ///
    /// # Errors
    /// [`Error::Busy`] where there is none.
    pub(crate) fn enter(&self, org: &OrgId) -> Result<Place, Error> {
        let mut places = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let all: usize = places.values().sum();
        let own = places.get(org).copied().unwrap_or_default();
        if all >= self.most || own >= self.each {
            return Err(Error::Busy);
        }
        places.insert(org.clone(), own.saturating_add(1));
        Ok(Place {
            places: Arc::clone(&self.held),
            org: org.clone(),
        })
    }
}

/// One call in work.
#[derive(Debug)]
pub(crate) struct Place {
    places: Arc<Mutex<HashMap<OrgId, usize>>>,
    org: OrgId,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(own) = places.get_mut(&self.org) {
            *own = own.saturating_sub(1);
        }
        places.retain(|_, own| *own > 0);
    }
}
