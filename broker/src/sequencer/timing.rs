//! The time of decisions: none is made while the clock is off, and what time alone brings waits for witnesses.

use jiff::Timestamp;
use policies::entry::{Body, Why};

use crate::clock::{Clock, Watched};
use crate::error::Error;

/// The writer's clock. Each of its troubles is told once, and when it is over.
pub(super) struct Timing {
    clock: Watched,
    /// Was it off at the last decision?
    jumped: bool,
    /// Did something wait for witnesses at the last decision that had to do with it?
    waits: bool,
}

impl Timing {
    pub(super) fn new(clock: Clock) -> Self {
        Self {
            clock: Watched::new(clock),
            jumped: false,
            waits: false,
        }
    }

    /// Does something wait until a quorum of witnesses says the time?
    pub(super) fn waits(&self) -> bool {
        self.waits
    }

    /// The time now. While the clock is off, there is none.
    pub(super) fn now(&mut self) -> Result<Timestamp, Error> {
        let now = self.clock.now();
        let jumped = now.is_err();
        match &now {
            Err(jump) if !self.jumped => tracing::error!(%jump, "nothing is decided"),
            Ok(_) if self.jumped => tracing::info!("the clock is right again"),
            _ => {}
        }
        self.jumped = jumped;
        now.map_err(|jump| Error::Untimed {
            cause: jump.to_string(),
        })
    }

    /// What the clock alone brings is final: an hour too many would delete what is to be kept. So it waits until the
    /// time is known to be right, and so does all that must not come ahead of deletions, where some are `due`.
    pub(super) fn check(
        &mut self,
        bodies: &[Body],
        due: impl FnOnce() -> bool,
    ) -> Result<(), Error> {
        let Err(unvouched) = self.clock.is_vouched() else {
            if self.waits {
                tracing::info!("a quorum of witnesses says the time again");
            }
            self.waits = false;
            return Ok(());
        };
        let makes_way = bodies.iter().all(Body::makes_way);
        if !bodies.iter().any(is_brought_by_time) && (makes_way || !due()) {
            return Ok(());
        }
        if !self.waits {
            tracing::error!(%unvouched, "nothing is deleted, and nothing written that must not come ahead of it");
        }
        self.waits = true;
        Err(Error::Untimed {
            cause: unvouched.to_string(),
        })
    }
}

/// Is it there because of the time, and for no act of anybody?
fn is_brought_by_time(body: &Body) -> bool {
    match body {
        // An agreement's end is in the log by then, and where it was time that ended it, that waited.
        Body::RetentionDeleted(deletion) => deletion.why == Why::Retention,
        Body::AgreementExpired { .. } | Body::ContributionMissing(_) => true,
        _ => false,
    }
}
