use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use audit::checkpoint::CheckpointNote;
use audit::cosignature;
use audit::note::{Note, NoteSignature};
use audit::quorum::{Policy, Witness};
use audit::witness::AddCheckpoint;
use jiff::Timestamp;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::client::Line;
use super::heads::{Cosigned, Heads};
use crate::clock::Clock;
use crate::limits::{CLOCK_JUMP_MAX, QUORUM_RETRY, VOUCHED_LOOK};
use crate::sequencer::Sequencer;
use crate::store::log::{keep_cosigned, read_cosigned};
use crate::telemetry::Metrics;

const NO_QUORUM: &str = "`quorum none` asks for no witness's word: name a quorum for the broker, or leave `[witnesses]` out of \
                         its config";

/// Why a broker must not go on under its log.
#[derive(Debug, thiserror::Error)]
pub enum CosignError {
    /// The policy cannot be used.
    #[error("{0}")]
    Policy(String),
    /// A witness has seen more.
    #[error(
        "witness `{witness}` has cosigned {theirs} entries of this log, which has {ours}: this state \
         directory is an older copy, and to go on from it would fork the log; restore a backup of at \
         least {theirs} entries, or, where there is none, begin anew under another origin and key \
         and tell every party"
    )]
    Ahead {
        /// Its name in the policy.
        witness: String,
        /// The size it has cosigned.
        theirs: u64,
        /// The size here.
        ours: u64,
    },
    /// A witness says another time, and no quorum says ours.
    #[error(
        "this machine's clock says {ours}, and witness `{witness}` has just cosigned at {theirs}: set the clock right \
         (`chronyc makestep`), then start again; under a wrong clock cells would be deleted and agreements end. If it is the \
         witness's that is wrong, ask its operator, or start with enough others for a quorum"
    )]
    Clock {
        /// Its name in the policy.
        witness: String,
        /// The witness's time.
        theirs: Timestamp,
        /// The time here.
        ours: Timestamp,
    },
    /// A witness has seen another tree.
    #[error(
        "witness `{witness}` has cosigned {theirs} entries that are not this log's: an older copy \
         was restored and has grown differently; restore the newest backup from before that, or \
         begin anew under another origin and key and tell every party"
    )]
    Forked {
        /// Its name in the policy.
        witness: String,
        /// The size it has cosigned.
        theirs: u64,
    },
}

/// Asks the witnesses of a policy about every new tree.
#[derive(Debug)]
pub struct Collector {
    policy: Policy,
    desks: Vec<Desk>,
    sequencer: Sequencer,
    clock: Clock,
    metrics: Arc<Metrics>,
    cosigned: watch::Sender<Cosigned>,
}

/// One witness, and what it has cosigned as far as we know.
#[derive(Debug, Clone)]
struct Desk {
    witness: Witness,
    line: Line,
    known: u64,
    /// Has it said less than it has cosigned, and not cosigned since? It is told once.
    forgot: bool,
    /// Has it cosigned a tree of ours since the start? Then it cannot truly be ahead any more.
    met: bool,
    /// The time it says and ours, where they were too far apart when it was last asked.
    apart: Option<(Timestamp, Timestamp)>,
}

/// What a witness made of a checkpoint.
enum Answer {
    Cosigned(NoteSignature),
    /// It did, at this time; its clock and ours are too far apart.
    Apart(Timestamp),
    /// It has seen this size last.
    Stale(u64),
    /// It does not accept that ours continues what it saw.
    Inconsistent,
    Failed(String),
}

impl Collector {
    /// Shows the log as it is to every witness, before anything is appended.
    ///
    /// # Errors
    /// [`CosignError`] where a witness has seen more than this log, or another, or says another time and no quorum
    /// says ours: the broker MUST NOT start. One that cannot be reached is asked again later.
    pub async fn begin(
        policy: Policy,
        ca: Option<&Path>,
        sequencer: Sequencer,
        clock: Clock,
        metrics: Arc<Metrics>,
    ) -> Result<(Self, Heads), CosignError> {
        let (known, by) = cosigned_before(&policy, &sequencer);
        let desk = |(at, witness): (usize, &Witness)| {
            Line::to(witness, ca).map(|line| Desk {
                witness: witness.clone(),
                line,
                known: if by.contains(&at) { known } else { 0 },
                forgot: false,
                met: false,
                apart: None,
            })
        };
        let desks: Result<Vec<_>, _> = policy.witnesses().iter().enumerate().map(desk).collect();
        let desks = desks.map_err(CosignError::Policy)?;
        let key = sequencer.log().key().clone();
        policy
            .check_log(&key)
            .map_err(|e| CosignError::Policy(e.to_string()))?;
        // Else the clock would be vouched for, and what no entry names erased, on nobody's word.
        if policy.is_reached_by(&BTreeSet::new()) {
            return Err(CosignError::Policy(NO_QUORUM.to_owned()));
        }
        let (cosigned, shown) = watch::channel(Cosigned::default());
        let heads = Heads::witnessed(sequencer.clone(), shown);
        let mut collector = Self {
            policy,
            desks,
            sequencer,
            clock,
            metrics,
            cosigned,
        };
        collector.round().await?;
        Ok((collector, heads))
    }

    /// Asks on, until `stop`.
    ///
    /// # Errors
    /// As [`Collector::begin`], of a witness that could not be reached before: the broker MUST end.
    pub async fn run(mut self, stop: CancellationToken) -> Result<(), CosignError> {
        let mut grown = self.sequencer.size();
        loop {
            let size = *grown.borrow_and_update();
            let covered = self
                .cosigned
                .borrow()
                .note
                .as_ref()
                .map_or(0, |n| n.claimed().size());
            let reached = covered >= size && size > 0 && self.clock.is_vouched().is_ok();
            let wait = if reached { VOUCHED_LOOK } else { QUORUM_RETRY };
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                changed = grown.changed() => if changed.is_err() { return Ok(()) },
                () = tokio::time::sleep(wait) => if reached { continue },
            }
            self.round().await?;
        }
    }

    /// Shows the newest tree to all witnesses at once.
    async fn round(&mut self) -> Result<(), CosignError> {
        let note = self.sequencer.log().checkpoint().clone();
        let ours = (&self.sequencer, &self.clock);
        let asked = self
            .desks
            .iter_mut()
            .map(|desk| desk.ask(&note, ours, &self.metrics));
        let answers = futures::future::join_all(asked).await;
        let (mut by, mut cosigned) = (BTreeSet::new(), note);
        for (at, answer) in answers.into_iter().enumerate() {
            let Some(line) = answer? else { continue };
            // A policy has fewer witnesses than a note may have signatures, or the rest is left out.
            if let Ok(more) = cosigned.clone().with_signature(line) {
                cosigned = more;
                by.insert(at);
            }
        }
        let reached = self.policy.is_reached_by(&by);
        if !reached {
            let size = cosigned.claimed().size();
            tracing::warn!(size, cosigned = by.len(), "no quorum of witnesses");
            self.check_clock()?;
        } else {
            self.clock.vouch();
        }
        self.cosigned.send_modify(|now| {
            now.down = !reached;
            if reached {
                now.note = Some(Arc::new(cosigned.clone()));
            }
        });
        if reached {
            self.keep(cosigned).await;
        }
        Ok(())
    }
}

impl Collector {
    /// Before a quorum has said our time, nobody knows that it is not ours that is wrong.
    fn check_clock(&self) -> Result<(), CosignError> {
        let apart = self.desks.iter().find_map(|desk| Some((desk, desk.apart?)));
        match apart.filter(|_| self.cosigned.borrow().note.is_none()) {
            Some((desk, (theirs, ours))) => Err(CosignError::Clock {
                witness: desk.witness.name.clone(),
                theirs,
                ours,
            }),
            None => Ok(()),
        }
    }

    /// Leaves what a quorum cosigned beside the log, for auditors who are given a copy. Nothing rests on it, so a
    /// failure is told and no more.
    async fn keep(&self, note: CheckpointNote) {
        let disk = self.sequencer.log().disk();
        let kept = tokio::task::spawn_blocking(move || keep_cosigned(disk.as_ref(), &note)).await;
        if !matches!(kept, Ok(Ok(()))) {
            tracing::warn!("`log/cosigned` could not be written: copies show an older one");
        }
    }
}

impl Desk {
    /// One checkpoint's cosignature; none where there is none to be had now.
    async fn ask(
        &mut self,
        note: &CheckpointNote,
        (sequencer, clock): (&Sequencer, &Clock),
        metrics: &Metrics,
    ) -> Result<Option<NoteSignature>, CosignError> {
        let ours = note.claimed().size();
        self.apart = None;
        // Twice: the first answer may only tell where it stands.
        for _ in 0..2 {
            let contradiction = match self.try_ask(note, sequencer, clock).await {
                Answer::Cosigned(line) => {
                    (self.known, self.met, self.forgot) = (ours, true, false);
                    return Ok(Some(line));
                }
                Answer::Apart(theirs) => {
                    let now = clock.now();
                    self.apart = Some((theirs, now));
                    let witness = &self.witness.name;
                    tracing::warn!(witness, %theirs, ours = %now, "not counted: its clock and ours are more than 300 s apart");
                    return Ok(None);
                }
                Answer::Failed(why) => {
                    tracing::warn!(witness = self.witness.name, %why, "not cosigned");
                    return Ok(None);
                }
                Answer::Inconsistent => self.forked(),
                Answer::Stale(theirs) if theirs == self.known => self.forked(),
                Answer::Stale(theirs) => {
                    if theirs < self.known {
                        self.note_forgotten(theirs, metrics);
                    }
                    self.known = theirs;
                    // The log as it is now: somebody else may have shown a newer tree meanwhile.
                    match sequencer.log().size() {
                        size if theirs > size => self.ahead(size),
                        _ if theirs > ours => return Ok(None),
                        _ => continue,
                    }
                }
            };
            if !self.met {
                return Err(contradiction);
            }
            let error = contradiction.to_string();
            tracing::error!(%error, "a witness contradicts what it cosigned before");
            return Ok(None);
        }
        tracing::warn!(
            witness = self.witness.name,
            "not cosigned: it moves all the time"
        );
        Ok(None)
    }

    /// A witness that has lost what it saw would cosign a fork: its word is worth no more than the log's. Those who
    /// hold the policy have to take it out.
    fn note_forgotten(&mut self, theirs: u64, metrics: &Metrics) {
        let (witness, before) = (&self.witness.name, self.known);
        if !self.forgot {
            tracing::error!(
                witness,
                before,
                theirs,
                "a witness has forgotten what it cosigned: it needs a new key, and policies without the old one"
            );
        }
        self.forgot = true;
        metrics.witness_forgot(witness);
    }

    fn ahead(&self, ours: u64) -> CosignError {
        CosignError::Ahead {
            witness: self.witness.name.clone(),
            theirs: self.known,
            ours,
        }
    }

    fn forked(&self) -> CosignError {
        CosignError::Forked {
            witness: self.witness.name.clone(),
            theirs: self.known,
        }
    }

    async fn try_ask(&self, note: &CheckpointNote, sequencer: &Sequencer, clock: &Clock) -> Answer {
        let old = self.known.min(note.claimed().size());
        let proof = sequencer.log().consistency(old, note.claimed().size());
        let proof = match proof {
            Ok(proof) => proof,
            Err(error) => return Answer::Failed(error.to_string()),
        };
        let request = AddCheckpoint {
            old,
            proof,
            checkpoint: note.clone(),
        };
        match self.line.post(request.to_string()).await {
            Ok((200, body)) => self.read(note, &body, clock.now()),
            Ok((409, body)) => match body.trim_end().parse() {
                Ok(size) => Answer::Stale(size),
                Err(_) => Answer::Failed("409 without a size".to_owned()),
            },
            Ok((422, _)) => Answer::Inconsistent,
            Ok((status, body)) => Answer::Failed(format!("{status}: {}", body.trim_end())),
            Err(why) => Answer::Failed(why),
        }
    }

    /// The lines it sent, behind the checkpoint's text as the specification suggests; only one that
    /// its key made over this checkpoint counts.
    fn read(&self, note: &CheckpointNote, lines: &str, now: Timestamp) -> Answer {
        let joined = format!("{}\n{lines}", note.note().text());
        let found = joined.parse::<Note>().and_then(|note| {
            note.verify(std::slice::from_ref(&self.witness.key))?;
            Ok(note)
        });
        match found {
            Ok(note) => {
                let key = &self.witness.key;
                let mut lines = note.signatures().iter();
                let own = lines.find(|line| line.name == *key.name() && line.id == key.id());
                // One that was asked a moment ago has no other time to say, and clients refuse one that is to come.
                match own.map(|line| (line, time_of(line))) {
                    Some((line, Some(time))) => {
                        match time.duration_since(now).abs() <= CLOCK_JUMP_MAX {
                            true => Answer::Cosigned(line.clone()),
                            false => Answer::Apart(time),
                        }
                    }
                    _ => Answer::Failed("no cosignature".to_owned()),
                }
            }
            Err(error) => Answer::Failed(error.to_string()),
        }
    }
}

/// How much of this log is known to be cosigned, and by whom: what `log/cosigned` says, as far as it is true.
fn cosigned_before(policy: &Policy, sequencer: &Sequencer) -> (u64, BTreeSet<usize>) {
    let log = sequencer.log();
    let note = read_cosigned(log.disk().as_ref());
    let note = note.filter(|note| note.verify(log.key()).is_ok());
    let known = note.and_then(|note| {
        let by = policy.cosigners(&note).ok()?;
        Some((note.claimed().size().min(log.size()), by))
    });
    known.unwrap_or_default()
}

fn time_of(line: &NoteSignature) -> Option<Timestamp> {
    let seconds = i64::try_from(cosignature::time(line)?).ok()?;
    Timestamp::from_second(seconds).ok()
}

#[cfg(test)]
mod tests;
