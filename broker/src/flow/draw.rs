//! Drawing a reserved release, once: read the pinned cells, protect them, store the table, publish it on
//! the public tick. A crash anywhere in between ends in the same reservation, never refunded, never charged
//! twice, and no byte of a draw is readable before its `release.published` is durable.

use std::sync::Arc;

use audit::commitment::Salt;
use audit::receipt::Receipt;
use bytes::Bytes;
use cells::read::ExactCells;
use cells::release as columns;
use futures::{StreamExt, stream};
use policies::agreement::Unit;
use policies::entry::{Body, Entry, Reservation};
use policies::id::{AgreementId, BlobId, OrgId, ReleaseKey};
use policies::state::{AgreementRecord, Stage, State};
use privacy::quality::{Context, DeclaredRate};
use privacy::spend::Spend;
use proto::columns::{QUALITY, read_columns};

use super::broker::Broker;
use super::life::{Going, going, waits};
use super::release::published_entry;
use crate::error::Error;
use crate::limits::{SCAN_MEMORY_BYTES, SCHEDULED_AT_ONCE};

mod failure;
mod slots;
mod table;
mod tick;

pub(super) use failure::Failure;
pub(crate) use slots::Slots;
pub(super) use table::exact;
use table::{Input, table};

/// A released table as it is stored, and what proves it.
#[derive(Debug)]
pub struct Released {
    /// Arrow IPC stream; the commitment is over exactly these bytes.
    pub bytes: Bytes,
    /// Opens the commitment.
    pub salt: Salt,
    /// The commitment.
    pub blob: BlobId,
    /// Canonical JSON of the quality sheet, which the bytes carry too.
    pub quality_sheet: Vec<u8>,
    /// Proof of the `release.published` entry.
    pub receipt: Receipt,
}

impl Broker {
    /// Makes sure that a reserved release has ended. Safe to call at any time, from any number of tasks.
    ///
    /// # Errors
    /// [`Error`] where it could not be finished now; it stays reserved and is tried again.
    pub(crate) async fn draw(self: &Arc<Self>, key: &ReleaseKey) -> Result<(), Error> {
        let (broker, key) = (Arc::clone(self), key.clone());
        // A task of its own: a caller who hangs up does not stop what has been charged.
        tokio::spawn(async move { broker.draw_once(&key).await })
            .await
            .map_err(Error::internal)?
    }

    /// Takes up the releases between charge and table that nobody draws: a crash or a failure, as of the quorum, left
    /// them there. Those of a suspended agreement wait.
    pub async fn resume(self: &Arc<Self>) {
        let unfinished = self.sequencer.state().unfinished();
        let idle = |key: &ReleaseKey| !self.drawing.is_drawn(key) && !self.waits(key);
        let idle: Vec<_> = unfinished.into_iter().filter(idle).collect();
        let drawn = stream::iter(idle).map(|key| async move {
            let drawn = self.draw(&key).await;
            drawn.map_err(|error| (key, error.code()))
        });
        let tried: Vec<_> = drawn.buffer_unordered(SCHEDULED_AT_ONCE).collect().await;
        let taken_up = tried.iter().filter(|drawn| drawn.is_ok()).count();
        if taken_up > 0 {
            tracing::info!(releases = taken_up, "taken up again");
        }
        if let Some(Err((release, code))) = tried.iter().find(|drawn| drawn.is_err()) {
            let releases = tried.len().saturating_sub(taken_up);
            tracing::warn!(releases, first = %release, code, "not drawn yet: tried again");
        }
    }

    /// A released table, for a party or recipient of its agreement.
    ///
    /// # Errors
    /// [`Error::NotFound`] for everyone else, and before it is published.
    pub async fn released(
        &self,
        by: &OrgId,
        method: &str,
        key: &ReleaseKey,
    ) -> Result<Released, Error> {
        let (blob, entry) = self.published_blob(by, method, key)?;
        let receipt = self.heads.witnessed_receipt(entry).await?;
        let stored = self.blobs.get(&blob).await.map_err(Error::internal)?;
        let quality_sheet = columns::fact(&stored.bytes, QUALITY).map_err(Error::internal)?;
        let quality_sheet =
            quality_sheet.ok_or_else(|| Error::internal("a table without quality sheet"))?;
        Ok(Released {
            bytes: stored.bytes,
            salt: stored.salt,
            blob,
            quality_sheet: quality_sheet.into_bytes(),
            receipt,
        })
    }

    /// May the caller have the released tables of an agreement, and are they still served?
    pub(super) fn may_fetch(
        &self,
        state: &State,
        by: &OrgId,
        method: &str,
        id: &AgreementId,
    ) -> bool {
        let policies = self.policies();
        let may = |record: &AgreementRecord| {
            let agreement = (id, &record.terms);
            policies
                .on_agreement(state, by, method, agreement, None)
                .is_ok()
        };
        let now = state.decision_time(self.clock.now());
        state.agreement(id).is_some_and(may) && state.is_served(id, now)
    }

    fn published_blob(
        &self,
        by: &OrgId,
        method: &str,
        key: &ReleaseKey,
    ) -> Result<(BlobId, u64), Error> {
        let state = self.sequencer.state();
        let release = state.release(key).filter(|release| {
            let mut asked = release.reservation.asked().into_iter();
            // Of a joint table, those who may have every part.
            asked.all(|asked| self.may_fetch(&state, by, method, &asked.agreement))
        });
        match release.map(|release| &release.stage) {
            Some(Stage::Published { blob, entry }) => Ok((blob.clone(), *entry)),
            _ => Err(Error::NotFound { what: "release" }),
        }
    }

    async fn draw_once(&self, key: &ReleaseKey) -> Result<(), Error> {
        let alone = self.drawing.of(key);
        let _alone = alone.lock().await;
        let Some(reserved) = reserved_entry(&self.sequencer.state(), key)? else {
            return Ok(());
        };
        // Witnessed first: no table exists whose reservation could still be denied.
        let receipt = self.heads.witnessed_receipt(reserved).await?;
        let durable = receipt.verify(&self.log_key).map_err(Error::internal)?;
        let spend = Spend::from_durable(&durable).map_err(Error::internal)?;
        let entry = Entry::from_bytes(durable.entry()).map_err(Error::internal)?;
        let slot = self.draws.one(&spend.reservation().mechanism).await;
        let slot = slot.map_err(Error::internal)?;
        if self.waits(key) {
            return Err(waits());
        }
        let table = match self.table(spend).await {
            Ok(table) => table,
            Err(Failure::Now(error)) => {
                // Where its input was deleted meanwhile, that is what has ended it.
                reserved_entry(&self.sequencer.state(), key)?;
                return Err(error);
            }
            Err(Failure::ForEver { cause }) => {
                drop(slot);
                self.abort(key, &cause, entry.time).await?;
                self.drawing.forget(key);
                return Ok(());
            }
        };
        let blob = self.blobs.put(&table).await.map_err(Error::internal)?;
        drop(table);
        // Others draw while this one waits.
        drop(slot);
        self.wait_for_tick(entry.time).await;
        let published = self.publish(key, blob.clone()).await;
        // Decided, or not to be decided now: no entry will ever name the blob. Where the log failed, it stays.
        if !matches!(published, Ok(true) | Err(Error::Unavailable { .. })) {
            self.blobs.erase(&blob).await.map_err(Error::internal)?;
        }
        published?;
        self.drawing.forget(key);
        Ok(())
    }

    /// The bytes of the released table.
    async fn table(&self, spend: Spend) -> Result<Bytes, Failure> {
        let (input, contexts) = self.read(spend.reservation()).await?;
        tokio::task::spawn_blocking(move || table(spend, input, contexts))
            .await
            .map_err(Error::internal)?
    }

    /// Publishes a drawn table, unless an agreement of its release was suspended or ended meanwhile; `false`
    /// where the release has ended without it.
    async fn publish(&self, key: &ReleaseKey, blob: BlobId) -> Result<bool, Error> {
        let key = key.clone();
        let done = self
            .sequencer
            .submit("release.published", move |state, now| {
                let release = state.release(&key).ok_or_else(no_release)?;
                if release.stage != Stage::Reserved {
                    return Ok((Vec::new(), false));
                }
                match going(state, &release.reservation, now) {
                    Going::Waits => Err(waits()),
                    Going::Over => Ok((state.run_out(now), false)),
                    Going::On => Ok((vec![Body::ReleasePublished { key, blob }], true)),
                }
            })
            .await?;
        Ok(done.value)
    }

    /// Is an agreement of the release suspended?
    fn waits(&self, key: &ReleaseKey) -> bool {
        let state = self.sequencer.state();
        let now = state.decision_time(self.clock.now());
        let release = state.release(key);
        release.is_some_and(|r| matches!(going(&state, &r.reservation, now), Going::Waits))
    }

    /// The pinned input, and what the quality sheet says about it.
    async fn read(&self, reservation: &Reservation) -> Result<(Input, Vec<Context>), Failure> {
        if reservation.joint.is_some() {
            let (parts, contexts) = self.read_parts(reservation).await?;
            return Ok((Input::Parts(parts), contexts));
        }
        if let Some(merge) = &reservation.merge {
            let (keys, rows, declared) = self.read_merged(reservation, merge).await?;
            let context = Context {
                declared: self.shown_rates(reservation, declared),
                ..self.context(reservation)?
            };
            return Ok((Input::Merged { keys, rows }, vec![context]));
        }
        let (cells, context) = self.read_cells(reservation).await?;
        if reservation.mechanism.is_dense() {
            let zones = self.zones(&reservation.table.zoning).await?;
            let cells = cells::dense::dense(cells, &reservation.table, &zones)?;
            return Ok((Input::Cells(cells), vec![context]));
        }
        if reservation.mechanism.is_k_only() {
            let domain = self.k_only_domain(reservation).await?;
            return Ok((Input::KOnly { cells, domain }, vec![context]));
        }
        if reservation.rungs.is_empty() {
            return Ok((Input::Cells(cells), vec![context]));
        }
        let rungs = self.rungs(reservation, &cells.keys).await?;
        Ok((Input::Ladder { cells, rungs }, vec![context]))
    }

    /// The cells of one provider's one period, and what the sheet says about them.
    pub(super) async fn read_cells(
        &self,
        reservation: &Reservation,
    ) -> Result<(ExactCells, Context), Failure> {
        let context = self.context(reservation)?;
        let manifest = self
            .blobs
            .manifest(&reservation.manifest)
            .await
            .map_err(Error::internal)?;
        let rates = manifest.rates().await?;
        let declared = rates
            .into_iter()
            .flatten()
            .map(|rate| DeclaredRate {
                name: rate.name,
                ppm: rate.ppm,
            })
            .collect();
        let (table, unit) = (&reservation.table, reservation.unit);
        let measures = read_columns(table, unit, &reservation.mechanism);
        let cells = cells::read::read(&manifest, table, unit, &measures, SCAN_MEMORY_BYTES);
        let cells = cells.await?;
        let context = Context {
            declared: self.shown_rates(reservation, declared),
            ..context
        };
        Ok((cells, context))
    }

    /// Declared rates are exact numbers about the raw data: on a sheet only where the agreement says so, or where there is no
    /// unit to hide.
    fn shown_rates(&self, of: &Reservation, declared: Vec<DeclaredRate>) -> Vec<DeclaredRate> {
        let state = self.sequencer.state();
        let record = state.agreement(&of.agreement);
        let agreed = record.is_some_and(|record| record.terms.rates_shown);
        match agreed || of.unit == Unit::None {
            true => declared,
            false => Vec::new(),
        }
    }

    fn context(&self, reservation: &Reservation) -> Result<Context, Error> {
        let state = self.sequencer.state();
        let record = state.agreement(&reservation.agreement);
        let terms = &record
            .ok_or_else(|| Error::internal("a release without agreement"))?
            .terms;
        let zoning = terms.zoning(&reservation.table.zoning);
        Ok(Context {
            provider: terms.provider.org.clone(),
            population: terms.population.id.clone(),
            zones: zoning.map_or(0, |zoning| zoning.zones),
            parents: zoning.and_then(|zoning| zoning.parents),
            declared: Vec::new(),
        })
    }
}

/// The index of the reservation, or `None` where the release has ended.
fn reserved_entry(state: &State, key: &ReleaseKey) -> Result<Option<u64>, Error> {
    match state.release(key) {
        Some(release) if release.stage == Stage::Reserved => Ok(Some(release.entry)),
        Some(_) => published_entry(state, key).map(|_| None),
        None => Err(no_release()),
    }
}

fn no_release() -> Error {
    Error::NotFound { what: "release" }
}
