//! What stops a draw: for now, or for ever.
//!
//! A draw is made of pinned input and pinned terms alone. What it fails by, it fails by each time, unless the machine,
//! the disk or somebody's act was the cause: only then is it tried again. A blob that is missing or altered is a fault
//! of the disk, too: the operator puts it back from a backup, and the release goes on.

use cells::merge::MergeError;
use cells::read::ReadError;
use cells::release::ReleaseError;
use jiff::Timestamp;
use policies::entry::Body;
use policies::id::ReleaseKey;
use policies::state::Stage;
use privacy::protect::ProtectError;
use privacy::quality::SheetError;

use crate::error::Error;
use crate::flow::broker::Broker;

/// The stable word for releases whose draw fails each time. One word for all causes: the log tells outsiders no more.
const ABORTED_BY_DRAW: &str = "draw.failed";

/// Why there is no table.
#[derive(Debug)]
pub(in crate::flow) enum Failure {
    /// It stays reserved, and is tried again.
    Now(Error),
    /// The same draw fails each time: the release ends without a table, and its charge stays.
    ForEver {
        /// For the operator; like every error here, without a number of any cell.
        cause: String,
    },
}

impl Failure {
    /// The same input and terms fail each time.
    pub(in crate::flow) fn for_ever(cause: impl std::fmt::Display) -> Self {
        let cause = cause.to_string();
        Self::ForEver { cause }
    }
}

impl Broker {
    /// Ends a release whose draw fails each time; on a tick, like every end of a draw.
    pub(super) async fn abort(
        &self,
        key: &ReleaseKey,
        cause: &str,
        reserved: Timestamp,
    ) -> Result<(), Error> {
        tracing::error!(release = %key, cause, "the draw fails each time: the release ends without a table");
        self.wait_for_tick(reserved).await;
        let key = key.clone();
        let ended = self
            .sequencer
            .submit("release.aborted", move |state, _| {
                let release = state.release(&key);
                let reserved = release.is_some_and(|r| r.stage == Stage::Reserved);
                let reason = ABORTED_BY_DRAW.to_owned();
                let aborted = reserved.then_some(Body::ReleaseAborted { key, reason });
                Ok((aborted.into_iter().collect(), ()))
            })
            .await;
        ended.map(|_| ())
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Now(error)
    }
}

impl From<ReadError> for Failure {
    fn from(error: ReadError) -> Self {
        match &error {
            ReadError::Manifest
            | ReadError::Measure { .. }
            | ReadError::Damaged { .. }
            | ReadError::Overflow => Self::for_ever(error),
            ReadError::Store { .. } | ReadError::Memory { .. } | ReadError::Engine { .. } => {
                Self::Now(Error::internal(error))
            }
        }
    }
}

impl From<ProtectError> for Failure {
    fn from(error: ProtectError) -> Self {
        match &error {
            ProtectError::Draw(_) => Self::Now(Error::internal(error)),
            ProtectError::Columns { .. }
            | ProtectError::Count
            | ProtectError::Undercharged
            | ProtectError::OpenDp(_)
            | ProtectError::KOnly(_) => Self::for_ever(error),
        }
    }
}

impl From<MergeError> for Failure {
    fn from(error: MergeError) -> Self {
        Self::for_ever(error)
    }
}

impl From<SheetError> for Failure {
    fn from(error: SheetError) -> Self {
        Self::for_ever(error)
    }
}

impl From<ReleaseError> for Failure {
    fn from(error: ReleaseError) -> Self {
        Self::for_ever(error)
    }
}

#[cfg(test)]
mod tests {
    use privacy::DrawError;
    use privacy::konly::KOnlyError;

    use super::*;

    #[test]
    fn only_what_may_pass_is_tried_again() {
        let ends = |failure: Failure| matches!(failure, Failure::ForEver { .. });
        for error in [KOnlyError::Unsafe, KOnlyError::Size] {
            assert!(ends(ProtectError::KOnly(error).into()));
        }
        assert!(ends(ProtectError::Undercharged.into()));
        assert!(ends(ProtectError::Count.into()));
        assert!(ends(ReadError::Damaged { what: "a row" }.into()));
        assert!(ends(ReadError::Overflow.into()));
        for error in [DrawError::NoRandomness, DrawError::Range, DrawError::Thread] {
            assert!(!ends(ProtectError::Draw(error).into()));
        }
        assert!(!ends(ReadError::Memory { limit: 1 }.into()));
        assert!(!ends(Error::Busy.into()));
    }
}
