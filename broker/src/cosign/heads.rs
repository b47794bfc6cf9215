use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use audit::checkpoint::CheckpointNote;
use audit::receipt::Receipt;
use tokio::sync::watch;

use crate::error::Error;
use crate::limits::{QUORUM_WAIT, QUORUM_WAIT_OTHERS};
use crate::sequencer::Sequencer;

/// Where answers take their checkpoint from.
#[derive(Debug, Clone)]
pub struct Heads {
    sequencer: Sequencer,
    /// `None` where no policy asks for witnesses.
    cosigned: Option<watch::Receiver<Cosigned>>,
    /// What strangers saw last.
    shown: Arc<Mutex<Option<Arc<CheckpointNote>>>>,
}

/// What the collector has come to.
#[derive(Debug, Clone, Default)]
pub(super) struct Cosigned {
    /// The newest checkpoint that a quorum cosigned.
    pub(super) note: Option<Arc<CheckpointNote>>,
    /// Did the last round fail? Then only releases wait.
    pub(super) down: bool,
}

impl Cosigned {
    fn covers(&self, size: u64) -> bool {
        let note = self.note.as_ref();
        note.is_some_and(|note| note.claimed().size() >= size)
    }
}

impl Heads {
    /// Answers lean on the log's own signature.
    #[must_use]
    pub fn unwitnessed(sequencer: Sequencer) -> Self {
        Self {
            sequencer,
            cosigned: None,
            shown: Arc::default(),
        }
    }

    /// Answers lean on what a quorum cosigned.
    pub(super) fn witnessed(sequencer: Sequencer, cosigned: watch::Receiver<Cosigned>) -> Self {
        let cosigned = Some(cosigned);
        Self {
            sequencer,
            cosigned,
            shown: Arc::default(),
        }
    }

    /// Has a quorum cosigned this log since the start, where one is asked for? One witness alone may be behind, as an
    /// older copy is.
    #[must_use]
    pub fn has_quorum(&self) -> bool {
        let cosigned = self.cosigned.as_ref();
        cosigned.is_none_or(|cosigned| cosigned.borrow().note.is_some())
    }

    /// For strangers: the newest checkpoint that a quorum cosigned, else the newest. Never a smaller one than before, as
    /// the first that is cosigned after a start may be: who watches would take it for a rollback.
    #[must_use]
    pub fn public(&self) -> CheckpointNote {
        let cosigned = self.cosigned.as_ref();
        let note = cosigned.and_then(|cosigned| cosigned.borrow().note.clone());
        let note = note.unwrap_or_else(|| Arc::new(self.newest()));
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        let size = |note: &CheckpointNote| note.claimed().size();
        let larger = shown.take().filter(|shown| size(shown) > size(&note));
        let note = larger.unwrap_or(note);
        *shown = Some(Arc::clone(&note));
        note.as_ref().clone()
    }

    /// For members: a checkpoint no smaller than the log is now, so that nobody ever sees a smaller
    /// one after a larger; cosigned where a quorum is at hand.
    pub async fn head(&self) -> CheckpointNote {
        let size = self.size();
        let waited = self.wait(size, QUORUM_WAIT_OTHERS, true).await;
        waited.unwrap_or_else(|| self.newest())
    }

    /// The proof that an entry is in the log, under [`Self::head`].
    ///
    /// # Errors
    /// [`Error::Internal`] where the log cannot be read.
    pub async fn receipt(&self, entry: u64) -> Result<Receipt, Error> {
        let head = self.head().await;
        self.under(entry, &head)
    }

    /// The proof that an entry is in the log, under [`Self::public`]: at once, for strangers.
    ///
    /// # Errors
    /// [`Error::Unavailable`] while that checkpoint is older than the entry, [`Error::Internal`] where the log cannot
    /// be read.
    pub fn public_receipt(&self, entry: u64) -> Result<Receipt, Error> {
        let head = self.public();
        let size = head.claimed().size();
        if size <= entry {
            return Err(Error::Unavailable {
                cause: format!("no public checkpoint covers entry {entry} yet, the newest {size}"),
            });
        }
        self.under(entry, &head)
    }

    /// The proof that an entry is in a tree that a quorum cosigned: what a release stands on.
    ///
    /// # Errors
    /// [`Error::Unavailable`] where no quorum is reached in time; nothing is lost, and a later try
    /// may succeed.
    pub async fn witnessed_receipt(&self, entry: u64) -> Result<Receipt, Error> {
        let size = self.size();
        let head = self.wait(size, QUORUM_WAIT, false).await;
        let head = head.ok_or_else(|| Error::Unavailable {
            cause: format!("no quorum of witnesses cosigned {size} entries within {QUORUM_WAIT:?}"),
        })?;
        self.under(entry, &head)
    }

    /// A checkpoint over at least `size` entries, with the cosignatures that are asked for.
    async fn wait(&self, size: u64, most: Duration, not_when_down: bool) -> Option<CheckpointNote> {
        let Some(cosigned) = &self.cosigned else {
            return Some(self.newest());
        };
        let mut cosigned = cosigned.clone();
        let ends = |now: &Cosigned| now.covers(size) || (not_when_down && now.down);
        let waited = tokio::time::timeout(most, cosigned.wait_for(ends)).await;
        let now = waited.ok()?.ok()?;
        let note = now.note.as_ref().filter(|_| now.covers(size))?;
        Some(note.as_ref().clone())
    }

    fn under(&self, entry: u64, head: &CheckpointNote) -> Result<Receipt, Error> {
        let log = self.sequencer.log();
        log.receipt_under(entry, head).map_err(Error::internal)
    }

    fn size(&self) -> u64 {
        self.sequencer.log().size()
    }

    fn newest(&self) -> CheckpointNote {
        self.sequencer.log().checkpoint().clone()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use policies::entry::Body;
    use policies::testing::{Town, now};

    use super::*;
    use crate::clock::Clock;
    use crate::store::disk::sim::SimDisk;
    use crate::store::open::Store;
    use crate::store::testing::signer;

    /// While witnesses are behind there is no receipt for strangers of what is newer: it is worth another try, and no
    /// fault of the log.
    #[tokio::test]
    async fn a_public_receipt_waits_for_the_cosigned_checkpoint() {
        let folder = tempfile::tempdir().unwrap();
        let disk = Arc::new(SimDisk::new());
        let store = Store::open_on(disk, &folder.path().join("index"), signer()).unwrap();
        let clock = Clock::standing_at(now());
        let (sequencer, _stopped) = Sequencer::start(store.log, store.state, None, clock);
        let write = async |bodies: Vec<Body>| {
            let done = sequencer.submit("test", move |_, _| Ok((bodies, ())));
            done.await.unwrap().entries
        };
        let begun = Town::new().log.into_iter().map(|entry| entry.body);
        let old = write(begun.collect()).await.pop().unwrap();
        let note = Arc::new(sequencer.log().checkpoint().clone());
        let (tell, cosigned) = watch::channel(Cosigned {
            note: Some(note),
            down: true,
        });
        let heads = Heads::witnessed(sequencer.clone(), cosigned);
        let new = write(vec![Body::Heartbeat {}]).await.pop().unwrap();
        heads.public_receipt(old).unwrap();
        let error = heads.public_receipt(new).unwrap_err();
        assert!(matches!(error, Error::Unavailable { .. }), "{error:?}");
        let note = Some(Arc::new(sequencer.log().checkpoint().clone()));
        tell.send_replace(Cosigned { note, down: false });
        heads.public_receipt(new).unwrap();
    }

    /// A round that began before a start's first entries ends when strangers have seen them already.
    #[tokio::test]
    async fn strangers_never_see_a_smaller_checkpoint_after_a_larger() {
        let folder = tempfile::tempdir().unwrap();
        let disk = Arc::new(SimDisk::new());
        let store = Store::open_on(disk, &folder.path().join("index"), signer()).unwrap();
        let clock = Clock::standing_at(now());
        let (sequencer, _stopped) = Sequencer::start(store.log, store.state, None, clock);
        let early = Some(Arc::new(sequencer.log().checkpoint().clone()));
        let (tell, cosigned) = watch::channel(Cosigned::default());
        let heads = Heads::witnessed(sequencer.clone(), cosigned);
        let begun: Vec<_> = Town::new().log.into_iter().map(|e| e.body).collect();
        let written = sequencer.submit("test", move |_, _| Ok((begun, ())));
        written.await.unwrap();
        let seen = heads.clone().public();
        assert!(seen.claimed().size() > 0);
        tell.send_replace(Cosigned {
            note: early,
            down: false,
        });
        assert_eq!(heads.public(), seen);
    }
}
