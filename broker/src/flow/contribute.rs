//! A contribution: checked while it streams in, written aside, made durable, then named by an entry.
//! Nothing is visible before the entry; a refusal erases what was written,
//! and a crash or a failing log leaves at most a blob that no entry names, which the next start erases.

use std::fs::File;
use std::sync::Arc;

use arrow::array::RecordBatch;
use audit::receipt::Receipt;
use cells::check::{CheckError, Checker, Limits};
use cells::write::Writer;
use futures::{Stream, StreamExt};
use policies::agreement::Agreement;
use policies::decide::late_after;
use policies::entry::{Body, Contribution};
use policies::id::OrgId;
use policies::state::{Slot, State, Status};
use policies::table::Table;
use proto::convert::{Accepted, Push};
use std::future::Future;
use tempfile::NamedTempFile;
use tokio::sync::mpsc;

use super::broker::Broker;
use super::k_only::contribution_rows_max;
use crate::access::in_force::NO_AGREEMENT;
use crate::access::method::DO_PUT;
use crate::error::Error;
use crate::limits::{
    CONTRIBUTION_BYTES_MAX, CONTRIBUTION_IDLE, CONTRIBUTION_QUEUE, DICTIONARY_VALUES_MAX,
};

impl Broker {
    /// Takes one push, and says so where nothing will ever be released of it. The same batch id with the same cells is answered with the first receipt, with
    /// other cells it is [`Error::AlreadyExists`].
    ///
    /// # Errors
    /// [`Error::Invalid`] naming row and column (never a value) for cells that break a bound,
    /// [`Error::Precondition`] where the agreement or the calendar does not allow it.
    pub async fn contribute(
        &self,
        by: &OrgId,
        push: Push,
        batches: impl Stream<Item = Result<RecordBatch, Error>> + Send + Unpin,
    ) -> Result<Accepted, Error> {
        let _place = self.contributing.enter(by)?;
        let terms = self.check_push(by, &push)?;
        let period = push.period;
        let receipt = self.take(by, &terms, push, batches).await?;
        let forbids = self
            .sequencer
            .state()
            .forbids(&terms, std::iter::once(period));
        Ok(Accepted {
            receipt,
            never_released: forbids.map(|(_, rule)| rule),
        })
    }

    async fn take(
        &self,
        by: &OrgId,
        terms: &Agreement,
        push: Push,
        batches: impl Stream<Item = Result<RecordBatch, Error>> + Send + Unpin,
    ) -> Result<Receipt, Error> {
        let table = terms
            .table(&push.table)
            .ok_or(Error::NotFound { what: "table" })?
            .clone();
        let file = self.write_cells(terms, &table, &push, batches).await?;
        if let Some(receipt) = self.repeated(by, &push, &file).await? {
            return Ok(receipt);
        }
        let blob = self
            .blobs
            .put_file(file.path())
            .await
            .map_err(Error::internal)?;
        let (provider, wanted, unnamed) = (by.clone(), push.clone(), blob.clone());
        let accepted = self
            .sequencer
            .submit("contribution.accepted", move |state, now| {
                let contribution = accept(state, &provider, push, blob, now)?;
                Ok((vec![Body::ContributionAccepted(contribution)], ()))
            })
            .await;
        match accepted {
            Ok(done) => self.last_receipt(&done.entries).await,
            // Another send of the same batch may have come first: then its receipt answers this one too.
            Err(error) => {
                // Decided, or not to be decided now: no entry will ever name the blob, whoever is answered how. Where
                // the log failed, it stays.
                if !matches!(error, Error::Unavailable { .. }) {
                    self.blobs.erase(&unnamed).await.map_err(Error::internal)?;
                }
                self.repeated(by, &wanted, &file).await?.ok_or(error)
            }
        }
    }

    /// What can be refused before a single row is read.
    fn check_push(&self, by: &OrgId, push: &Push) -> Result<Agreement, Error> {
        let state = self.sequencer.state();
        let record = state.agreement(&push.agreement).ok_or(NO_AGREEMENT)?;
        let terms = &record.terms;
        self.policies()
            .on_agreement(&state, by, DO_PUT, (&push.agreement, terms), None)?;
        let now = state.decision_time(self.clock.now());
        let standing = record.standing(now);
        if standing != Status::Active {
            let message = format!("the agreement is {}, not active", standing.as_str());
            return Err(Error::Precondition { message });
        }
        if !terms.valid_at(now) {
            let message = "the agreement is outside the days on which it is valid".into();
            return Err(Error::Precondition { message });
        }
        let table = terms
            .table(&push.table)
            .ok_or(Error::NotFound { what: "table" })?;
        if push.period.grain() != table.period || !terms.covers.hold(push.period) {
            let message = format!(
                "has to be a {:?} inside {} to {}",
                table.period, terms.covers.from, terms.covers.until
            );
            return Err(Error::invalid("period", message.to_lowercase()));
        }
        check_units(terms, push)?;
        let ends = push
            .period
            .ends_at(&terms.time_zone)
            .map_err(Error::internal)?;
        if now < ends {
            let message = format!("period {} has not ended: it ends at {ends}", push.period);
            return Err(Error::Precondition { message });
        }
        let known = state.batch(by, &push.batch).is_some();
        if !known {
            check_live(&state, push)?;
        }
        Ok(terms.clone())
    }

    /// Checks and encodes on a thread of its own; the bounded channel holds the sender back.
    async fn write_cells(
        &self,
        terms: &Agreement,
        table: &Table,
        push: &Push,
        mut batches: impl Stream<Item = Result<RecordBatch, Error>> + Send + Unpin,
    ) -> Result<NamedTempFile, Error> {
        let zones: Arc<[String]> = self.zones(&table.zoning).await?.as_slice().into();
        let limits = Limits {
            rows_max: contribution_rows_max(terms, table),
            bytes_max: CONTRIBUTION_BYTES_MAX,
            dictionary_max: DICTIONARY_VALUES_MAX,
        };
        let checker = Checker::new(table, terms.population.unit, &zones, limits)
            .map_err(Error::internal)?
            .with_active_units(table, units_most(terms, push));
        let file = self.blobs.staging().map_err(Error::internal)?;
        let sink = file.reopen().map_err(Error::internal)?;
        let writer = Writer::new(sink, &checker, &push.rates).map_err(Error::internal)?;
        let (to_writer, from_stream) = mpsc::channel(CONTRIBUTION_QUEUE);
        let written = tokio::task::spawn_blocking(move || write_all(checker, writer, from_stream));
        while let Some(batch) = within_idle(batches.next()).await? {
            // A closed channel means that the writer has found a fault; it tells below.
            if to_writer.send(Some(batch?)).await.is_err() {
                break;
            }
        }
        // Without this mark a cut connection would look like a whole contribution.
        let _ = to_writer.send(None).await;
        drop(to_writer);
        written.await.map_err(Error::internal)??;
        Ok(file)
    }

    /// The first receipt, where this batch id has been accepted with these cells.
    async fn repeated(
        &self,
        by: &OrgId,
        push: &Push,
        file: &NamedTempFile,
    ) -> Result<Option<Receipt>, Error> {
        let known = self.sequencer.state().batch(by, &push.batch).cloned();
        let Some(known) = known else { return Ok(None) };
        let c = &known.contribution;
        if known.deleted.is_some() {
            let batch = &push.batch;
            let message = format!(
                "the cells of batch `{batch}` are deleted: push under a new id (weir push --again)"
            );
            return Err(Error::Precondition { message });
        }
        let same_slot = c.agreement == push.agreement
            && c.table == push.table
            && c.period == push.period
            && c.supersedes == push.supersedes;
        let same_cells = same_slot
            && self
                .blobs
                .matches(&c.blob, file.path())
                .await
                .map_err(Error::internal)?;
        if !same_cells {
            return Err(Error::AlreadyExists {
                what: "batch",
                id: push.batch.to_string(),
            });
        }
        self.heads.receipt(known.entry).await.map(Some)
    }
}

/// A sender who goes silent gives its place to others.
async fn within_idle<T>(next: impl Future<Output = T>) -> Result<T, Error> {
    let silent = |_| Error::invalid("cells", "the stream was silent for too long: push again");
    tokio::time::timeout(CONTRIBUTION_IDLE, next)
        .await
        .map_err(silent)
}

/// The units that bound the contributors: those declared, else all that the parties said there are.
fn units_most(terms: &Agreement, push: &Push) -> Option<u64> {
    let said = terms.population.units_max;
    let said = said.and_then(|_| terms.units_allowed(&push.table, push.period));
    push.active_units.or(said)
}

/// So many units that a release's δ would be 1 over them, or more than the parties said there are.
fn check_units(terms: &Agreement, push: &Push) -> Result<(), Error> {
    let allowed = terms.units_allowed(&push.table, push.period);
    let Some(most) = allowed.filter(|most| push.active_units.is_some_and(|n| n > *most)) else {
        return Ok(());
    };
    let why = match terms.population.units_max {
        Some(_) => "the agreement's `population.units_max` in each unit-period",
        None => {
            "with more, a release's `delta` would not be below 1 over them: amend the agreement"
        }
    };
    let message = format!("has to be 0 to {most}: {why}");
    Err(Error::invalid("active_units", message))
}

/// A correction names the live batch; a first contribution names none.
fn check_live(state: &State, push: &Push) -> Result<(), Error> {
    let slot = Slot {
        agreement: push.agreement.clone(),
        table: push.table.clone(),
        period: push.period,
    };
    let live = state.live(&slot).map(|live| &live.contribution.batch);
    if live == push.supersedes.as_ref() {
        return Ok(());
    }
    let period = push.period;
    let message = match live {
        Some(live) => format!("{period} has the live batch `{live}`: name it in supersedes"),
        None => format!("{period} has no live batch to supersede"),
    };
    Err(Error::Precondition { message })
}

/// The entry, decided at the log's end: the agreement may have changed while the cells came in.
fn accept(
    state: &State,
    provider: &OrgId,
    push: Push,
    blob: policies::id::BlobId,
    now: jiff::Timestamp,
) -> Result<Contribution, Error> {
    check_live(state, &push)?;
    let Push {
        agreement,
        table,
        period,
        batch,
        supersedes,
        rates: _,
        active_units: _,
    } = push;
    let record = state
        .agreement(&agreement)
        .ok_or(Error::NotFound { what: "agreement" })?;
    let item = record.terms.plan_item(&table);
    let late = item.and_then(|item| late_after(&record.terms, item, period));
    let late = late.is_some_and(|late| now > late);
    let provider = provider.clone();
    Ok(Contribution {
        agreement,
        table,
        period,
        provider,
        batch,
        blob,
        supersedes,
        late,
    })
}

fn write_all(
    mut checker: Checker,
    mut writer: Writer<File>,
    mut batches: mpsc::Receiver<Option<RecordBatch>>,
) -> Result<(), Error> {
    loop {
        match batches.blocking_recv() {
            Some(Some(batch)) => {
                let checked = checker.check(&batch).map_err(broken)?;
                writer.write(&checked).map_err(Error::internal)?;
            }
            Some(None) => break,
            None => return Err(Error::invalid("cells", "the stream broke off: push again")),
        }
    }
    let checked = checker.finish().map_err(broken)?;
    writer.finish(checked).map_err(Error::internal)?;
    Ok(())
}

fn broken(error: CheckError) -> Error {
    Error::invalid("cells", error)
}
