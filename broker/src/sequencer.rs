//! The one writer: decides, appends a batch, syncs, applies, answers.
//!
//! A decision sees its predecessors in the same batch through the *overlay*, a state that runs ahead of
//! the log and is dropped when the append fails. Readers see the durable state only.

use std::any::Any;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use audit::commitment::Salt;
use audit::receipt::Receipt;
use policies::entry::{Body, Entry, EntrySalt, SNAPSHOT_FORM, Snapshot, VERSION};
use policies::state::{State, Touched};
use tokio::sync::{mpsc, oneshot, watch};

use crate::clock::Clock;
use crate::error::Error;
use crate::limits::{SEQUENCER_BATCH_MAX, SEQUENCER_QUEUE};
use crate::store::index::Index;
use crate::store::log::{Log, LogError};

mod timing;

use timing::Timing;

/// What a decision comes to: entries to append, and what the caller wants back.
pub type Verdict<T> = (Vec<Body>, T);

type Answer = Result<(Box<dyn Any + Send>, Vec<u64>), Error>;
type Decide =
    Box<dyn FnOnce(&State, jiff::Timestamp) -> Result<Verdict<Box<dyn Any + Send>>, Error> + Send>;

struct Command {
    action: &'static str,
    decide: Decide,
    reply: oneshot::Sender<Answer>,
}

/// A decision whose entries are durable.
#[derive(Debug)]
pub struct Done<T> {
    /// What the decision gave back.
    pub value: T,
    /// Indices of its entries, in order.
    pub entries: Vec<u64>,
}

/// The handle: cheap to clone, the same sequencer behind it.
#[derive(Debug, Clone)]
pub struct Sequencer {
    commands: mpsc::Sender<Command>,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    durable: RwLock<State>,
    log: RwLock<Log>,
    size: watch::Sender<u64>,
}

impl Sequencer {
    /// Starts the writer on a thread of its own. The receiver tells when it has stopped, and why: after a
    /// failed sync it MUST end the process, for nothing may be acknowledged any more.
    #[must_use]
    pub fn start(
        log: Log,
        state: State,
        index: Option<Index>,
        clock: Clock,
    ) -> (Self, oneshot::Receiver<String>) {
        let (commands, queue) = mpsc::channel(SEQUENCER_QUEUE);
        let (stopped, on_stop) = oneshot::channel();
        let shared = Arc::new(Shared {
            durable: RwLock::new(state.clone()),
            log: RwLock::new(log),
            size: watch::Sender::new(state.size()),
        });
        let writer = Writer {
            shared: Arc::clone(&shared),
            overlay: state,
            index,
            timing: Timing::new(clock),
        };
        let run = move || {
            let shared = Arc::clone(&writer.shared);
            let reason = writer.run(queue);
            // The index is closed by now; the log is the last to go.
            drop(shared);
            let _ = stopped.send(reason);
        };
        // A thread, not a task: it waits for the disk.
        std::thread::Builder::new()
            .name("sequencer".into())
            .spawn(run)
            .map_or_else(
                |e| tracing::error!(error = %e, "the sequencer could not start"),
                drop,
            );
        (Self { commands, shared }, on_stop)
    }

    /// Decides at the log's end; when this returns `Ok`, the entries are durable and the state shows them.
    ///
    /// # Errors
    /// The decision's own error, [`Error::Busy`] over a full queue, [`Error::Untimed`] where the clock is off (then
    /// nothing happened), [`Error::Unavailable`] where the log could not be written.
    pub async fn submit<T: Send + 'static>(
        &self,
        action: &'static str,
        decide: impl FnOnce(&State, jiff::Timestamp) -> Result<Verdict<T>, Error> + Send + 'static,
    ) -> Result<Done<T>, Error> {
        let decide: Decide = Box::new(move |state, now| {
            let (bodies, value) = decide(state, now)?;
            Ok((bodies, Box::new(value) as Box<dyn Any + Send>))
        });
        let (reply, answer) = oneshot::channel();
        self.commands
            .try_send(Command {
                action,
                decide,
                reply,
            })
            .map_err(|e| match e {
                mpsc::error::TrySendError::Full(_) => Error::Busy,
                mpsc::error::TrySendError::Closed(_) => stopped(),
            })?;
        let (value, entries) = answer.await.map_err(|_| stopped())??;
        let value = value
            .downcast::<T>()
            .map_err(|_| Error::internal("verdict of another type"))?;
        Ok(Done {
            value: *value,
            entries,
        })
    }

    /// The durable state.
    pub fn state(&self) -> RwLockReadGuard<'_, State> {
        self.shared
            .durable
            .read()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// The log, for proofs and entries.
    pub fn log(&self) -> RwLockReadGuard<'_, Log> {
        self.shared
            .log
            .read()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// The number of entries that are durable and shown; it tells whenever there are more.
    pub fn size(&self) -> watch::Receiver<u64> {
        self.shared.size.subscribe()
    }

    /// The proof that an entry is in the log.
    ///
    /// # Errors
    /// [`Error::Internal`] where the log cannot be read.
    pub fn receipt(&self, entry: u64) -> Result<Receipt, Error> {
        self.log().receipt(entry).map_err(Error::internal)
    }
}

fn stopped() -> Error {
    Error::Unavailable {
        cause: "the sequencer has stopped".into(),
    }
}

struct Writer {
    shared: Arc<Shared>,
    overlay: State,
    index: Option<Index>,
    timing: Timing,
}

struct Decided {
    reply: oneshot::Sender<Answer>,
    answer: Answer,
}

#[derive(Default)]
struct Batch {
    entries: Vec<(Entry, Vec<u8>)>,
    decided: Vec<Decided>,
}

impl Writer {
    fn run(mut self, mut queue: mpsc::Receiver<Command>) -> String {
        while let Some(first) = queue.blocking_recv() {
            let mut batch = Batch::default();
            self.take(first, &mut batch);
            while batch.decided.len() < SEQUENCER_BATCH_MAX {
                let Ok(next) = queue.try_recv() else { break };
                self.take(next, &mut batch);
            }
            self.snapshot(&mut batch);
            if let Err(fatal) = self.commit(batch) {
                return fatal;
            }
        }
        "all users of the sequencer are gone".into()
    }

    /// Decides one command on the overlay. A refusal waits for the batch too: it may rest on entries that
    /// are not durable yet (`one_batch_id_is_one_contribution_however_often_it_is_sent`).
    fn take(&mut self, command: Command, batch: &mut Batch) {
        let Command {
            action,
            decide,
            reply,
        } = command;
        let answer = self.timing.now().and_then(|now| {
            let now = self.overlay.decision_time(now);
            self.let_go(now, batch);
            let (bodies, value) = decide(&self.overlay, now)?;
            Ok((value, self.enter(bodies, now, batch)?))
        });
        if let Err(error) = &answer {
            tracing::debug!(action, code = error.code(), "not decided");
        }
        batch.decided.push(Decided { reply, answer });
    }

    /// Ends a batch with a digest of the state where one is due. It is nobody's decision, so nobody waits for it;
    /// where it cannot be made, the next batch tries again.
    fn snapshot(&mut self, batch: &mut Batch) {
        if self.overlay.since_snapshot() < self.overlay.snapshot_after() {
            return;
        }
        let Some(time) = self.overlay.time() else {
            return;
        };
        // Ahead of the digest: what the batch has ended may have made cells due.
        self.let_go(time, batch);
        let entered = self.overlay.root().map(|root| {
            let form = SNAPSHOT_FORM;
            let snapshot = Body::StateSnapshot(Snapshot { form, root });
            self.enter(vec![snapshot], time, batch)
        });
        if !matches!(entered, Ok(Ok(_))) {
            tracing::error!("no snapshot of the state could be made");
        }
    }

    /// Cells that have been kept as long as agreed go ahead of every decision: the log never goes on past their time.
    fn let_go(&mut self, now: jiff::Timestamp, batch: &mut Batch) {
        let overdue = self.overlay.overdue(now);
        if overdue.is_empty() {
            return;
        }
        match self.enter(overdue, now, batch) {
            Ok(entries) => tracing::info!(entries = entries.len(), "retention is over"),
            Err(_) if self.timing.waits() => {}
            Err(error) => {
                tracing::error!(code = error.code(), "cells are kept past their retention")
            }
        }
    }

    /// Applies a decision's entries to the overlay, all or none; their places. Cells that one of them makes due go ahead of
    /// the next, as of everything that does not make way.
    fn enter(
        &mut self,
        bodies: Vec<Body>,
        time: jiff::Timestamp,
        batch: &mut Batch,
    ) -> Result<Vec<u64>, Error> {
        let due = || !self.overlay.overdue(time).is_empty();
        self.timing.check(&bodies, due)?;
        let before = batch.entries.len();
        let result = bodies
            .into_iter()
            .try_fold(Vec::new(), |mut indices, body| {
                if !body.makes_way() {
                    for due in self.overlay.overdue(time) {
                        self.append(due, time, batch)?;
                    }
                }
                indices.push(self.append(body, time, batch)?);
                Ok(indices)
            });
        // A refused entry has changed nothing. Copies of the state take long and hold up everybody: only what went ahead of
        // it is worth one.
        if result.is_err() && batch.entries.len() > before {
            batch.entries.truncate(before);
            self.restore(&batch.entries);
        }
        result
    }

    /// Applies one entry to the overlay; its place.
    fn append(
        &mut self,
        body: Body,
        time: jiff::Timestamp,
        batch: &mut Batch,
    ) -> Result<u64, Error> {
        let salt = Salt::random().map_err(Error::internal)?;
        let salt = EntrySalt::from_bytes(*salt.as_bytes());
        let entry = Entry {
            v: VERSION,
            time,
            salt,
            body,
        };
        let bytes = entry.to_bytes().map_err(Error::internal)?;
        let place = self.overlay.size();
        self.overlay.apply(&entry)?;
        batch.entries.push((entry, bytes));
        Ok(place)
    }

    /// Entries in the overlay that are not to be: made anew from what is durable and decided.
    fn restore(&mut self, entries: &[(Entry, Vec<u8>)]) {
        let durable = self.durable().clone();
        self.overlay = durable;
        for (entry, _) in entries {
            if let Err(error) = self.overlay.apply(entry) {
                tracing::error!(%error, "a decided entry does not apply again");
            }
        }
    }

    fn durable(&self) -> RwLockReadGuard<'_, State> {
        self.shared
            .durable
            .read()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes the batch durable and answers; `Err` means that the process has to end.
    fn commit(&mut self, batch: Batch) -> Result<(), String> {
        let bytes: Vec<Vec<u8>> = batch
            .entries
            .iter()
            .map(|(_, bytes)| bytes.clone())
            .collect();
        if !bytes.is_empty() {
            let appended = {
                let mut log = self
                    .shared
                    .log
                    .write()
                    .unwrap_or_else(PoisonError::into_inner);
                log.append(&bytes).map(drop)
            };
            if let Err(error) = appended {
                let fatal = matches!(error, LogError::Sync { .. });
                let cause = error.to_string();
                tracing::error!(error = %cause, fatal, "the log cannot be written");
                self.restore(&[]);
                for decided in batch.decided {
                    let _ = decided.reply.send(Err(Error::Unavailable {
                        cause: cause.clone(),
                    }));
                }
                return if fatal { Err(cause) } else { Ok(()) };
            }
            self.show(&batch.entries)?;
        }
        for Decided { reply, answer } in batch.decided {
            let _ = reply.send(answer);
        }
        Ok(())
    }

    /// The entries are durable: the state that readers see and the index follow.
    fn show(&mut self, entries: &[(Entry, Vec<u8>)]) -> Result<(), String> {
        let mut touched: Vec<Touched> = Vec::new();
        let mut durable = self
            .shared
            .durable
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        for (entry, _) in entries {
            touched.extend(durable.apply(entry).map_err(|e| e.to_string())?);
        }
        // The index is never the only copy: a failure costs a rebuild at the next start, not the answer.
        let written = match (&self.index, durable.records(&touched)) {
            (Some(index), Ok(records)) => {
                let last = entries.last().map(|(_, bytes)| bytes.as_slice());
                let written = index.write(&records, last.unwrap_or_default());
                written.map_err(|e| e.to_string())
            }
            (None, _) => Ok(()),
            (_, Err(error)) => Err(error.to_string()),
        };
        if let Err(error) = written {
            tracing::warn!(%error, "the index could not be written: it is given up until the next start");
            self.index = None;
        }
        self.shared.size.send_replace(durable.size());
        Ok(())
    }
}

#[cfg(test)]
mod tests;
