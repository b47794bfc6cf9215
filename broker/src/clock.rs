//! The one place that reads the time of day, so that tests can say what time it is.

use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use jiff::{SignedDuration, Timestamp};

use crate::limits::{CLOCK_JUMP_MAX, VOUCHED_FOR};

/// What [`Clock::steady`] counts from.
static BEGUN: LazyLock<Instant> = LazyLock::new(Instant::now);

/// A clock that all parts of one broker share.
#[derive(Debug, Clone, Default)]
pub struct Clock {
    /// `None`: the operating system's.
    standing: Option<Arc<Mutex<Standing>>>,
    /// When others last said the same time; `None` where nobody is asked, and the clock is believed.
    vouched: Option<Arc<Mutex<Option<Reading>>>>,
}

/// The time of day, and the time that has passed, of one moment.
type Reading = (Timestamp, SignedDuration);

/// A clock that only moves when it is told to.
#[derive(Debug, Clone, Copy)]
struct Standing {
    time: Timestamp,
    steady: SignedDuration,
}

impl Clock {
    /// The operating system's.
    #[must_use]
    pub fn system() -> Self {
        Self::default()
    }

    /// One that stands until it is set.
    #[must_use]
    pub fn standing_at(time: Timestamp) -> Self {
        let steady = SignedDuration::ZERO;
        Self {
            standing: Some(Arc::new(Mutex::new(Standing { time, steady }))),
            vouched: None,
        }
    }

    /// Lets a standing clock go on to another time; the system's clock is left alone.
    pub fn set(&self, time: Timestamp) {
        if let Some(mut standing) = self.standing() {
            let passed = time.duration_since(standing.time);
            standing.steady += passed;
            standing.time = time;
        }
    }

    /// Lets a standing clock say another time although none has passed.
    pub fn jump(&self, time: Timestamp) {
        if let Some(mut standing) = self.standing() {
            standing.time = time;
        }
    }

    /// The time now, in whole milliseconds: what an entry can say.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        let now = self
            .standing()
            .map_or_else(Timestamp::now, |standing| standing.time);
        Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now)
    }

    /// The time that has passed by a clock that nobody can set.
    fn steady(&self) -> SignedDuration {
        let system = || SignedDuration::try_from(BEGUN.elapsed()).unwrap_or(SignedDuration::MAX);
        self.standing()
            .map_or_else(system, |standing| standing.steady)
    }

    fn standing(&self) -> Option<MutexGuard<'_, Standing>> {
        let standing = self.standing.as_ref()?;
        Some(standing.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn reading(&self) -> Reading {
        (self.now(), self.steady())
    }
}

/// Its time is not known to be right. What time alone brings, and nobody can take back, has to wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "no quorum of witnesses has said the time of this machine's clock, within 300 s, since the start and in the last \
     24 hours: what time alone brings waits (deletions, the ends of agreements, missing periods, scheduled releases)"
)]
pub struct Unvouched;

impl Clock {
    /// The same clock, whose time witnesses have to [vouch](Self::vouch) for, from now on.
    #[must_use]
    pub fn unvouched(&self) -> Self {
        let vouched = Some(Arc::default());
        let standing = self.standing.clone();
        Self { standing, vouched }
    }

    /// A quorum of witnesses says the same time as this clock.
    pub fn vouch(&self) {
        if let Some(vouched) = &self.vouched {
            *vouched.lock().unwrap_or_else(PoisonError::into_inner) = Some(self.reading());
        }
    }

    /// May what cannot be undone rest on this clock? From the last quorum on it may, by the time that has passed
    /// since: a time of day that leaves it by more than [`CLOCK_JUMP_MAX`] may not, nor one that nobody has said for
    /// [`VOUCHED_FOR`].
    ///
    /// # Errors
    /// [`Unvouched`].
    pub fn is_vouched(&self) -> Result<(), Unvouched> {
        let Some(vouched) = &self.vouched else {
            return Ok(());
        };
        let vouched = *vouched.lock().unwrap_or_else(PoisonError::into_inner);
        let (then, now) = (vouched.ok_or(Unvouched)?, self.reading());
        let fresh = now.1.saturating_sub(then.1) <= VOUCHED_FOR;
        let right = now.0.duration_since(due(then, now.1)).abs() <= CLOCK_JUMP_MAX;
        if fresh && right {
            Ok(())
        } else {
            Err(Unvouched)
        }
    }
}

/// The time of day that is due after an earlier reading, when `steady` has come.
fn due((time, before): Reading, steady: SignedDuration) -> Timestamp {
    let passed = steady.saturating_sub(before);
    time.saturating_add(passed).unwrap_or(time)
}

/// A clock that is watched: what it says is compared with the time that has passed.
///
/// An hour too many would let agreements run out and periods end that have not, in entries that
/// nobody can take back. So nothing is decided while the time of day is off by more than
/// [`CLOCK_JUMP_MAX`]; it goes on when the clock is right again, or after a restart.
#[derive(Debug)]
pub struct Watched {
    clock: Clock,
    last: Reading,
}

/// The time of day is not what it should be by the time that has passed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the clock of this machine jumped: it says {found} where {expected} is due; set it right, or \
     restart the broker if {found} is the time (a machine that was suspended)"
)]
pub struct Jump {
    /// By the time that has passed.
    pub expected: Timestamp,
    /// What the clock says.
    pub found: Timestamp,
}

impl Watched {
    /// Watches a clock from now on.
    #[must_use]
    pub fn new(clock: Clock) -> Self {
        let last = clock.reading();
        Self { clock, last }
    }

    /// The time now.
    ///
    /// # Errors
    /// [`Jump`], for as long as the clock stays where it jumped to.
    pub fn now(&mut self) -> Result<Timestamp, Jump> {
        let (found, steady) = self.clock.reading();
        let expected = due(self.last, steady);
        if found.duration_since(expected).abs() > CLOCK_JUMP_MAX {
            return Err(Jump { expected, found });
        }
        self.last = (found, steady);
        Ok(found)
    }

    /// [`Clock::is_vouched`].
    ///
    /// # Errors
    /// [`Unvouched`].
    pub fn is_vouched(&self) -> Result<(), Unvouched> {
        self.clock.is_vouched()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    #[test]
    fn a_jump_is_seen_for_as_long_as_it_lasts_and_time_that_passes_is_none() {
        let start: Timestamp = "2026-11-29T12:00:00Z".parse().unwrap();
        let hour = SignedDuration::from_hours(1);
        let clock = Clock::standing_at(start);
        let mut watched = Watched::new(clock.clone());
        assert_eq!(watched.now(), Ok(start));
        for to in [start + hour, start - hour] {
            clock.jump(to);
            let jump = watched.now().unwrap_err();
            assert_eq!((jump.expected, jump.found), (start, to));
            assert_eq!(watched.now(), Err(jump), "it stays off");
            clock.jump(start);
            assert_eq!(watched.now(), Ok(start));
        }
        // A night without a decision, and a correction as time servers make them.
        clock.set(start + 12 * hour);
        assert_eq!(watched.now(), Ok(start + 12 * hour));
        let corrected = start + 12 * hour + CLOCK_JUMP_MAX;
        clock.jump(corrected);
        assert_eq!(watched.now(), Ok(corrected));
    }

    /// From the moment a quorum has said its time: for a day, and not across a jump.
    #[test]
    fn a_clock_rests_on_those_who_said_the_same_time() {
        let start: Timestamp = "2026-11-29T12:00:00Z".parse().unwrap();
        let second = SignedDuration::from_secs(1);
        let alone = Clock::standing_at(start);
        assert_eq!(alone.is_vouched(), Ok(()), "nobody is asked");
        let clock = alone.unvouched();
        assert_eq!(clock.is_vouched(), Err(Unvouched), "not since the start");
        clock.vouch();
        let shared = clock.clone();
        assert_eq!(shared.is_vouched(), Ok(()));
        clock.set(start + VOUCHED_FOR);
        assert_eq!(shared.is_vouched(), Ok(()));
        clock.set(start + VOUCHED_FOR + second);
        assert_eq!(shared.is_vouched(), Err(Unvouched), "too long ago");
        clock.vouch();
        for off in [CLOCK_JUMP_MAX + second, -CLOCK_JUMP_MAX - second] {
            let right = clock.now();
            clock.jump(right + off);
            assert_eq!(shared.is_vouched(), Err(Unvouched), "{off}");
            clock.jump(right);
            assert_eq!(shared.is_vouched(), Ok(()));
        }
        assert_eq!(clock.unvouched().is_vouched(), Err(Unvouched), "a restart");
    }

    #[test]
    fn the_systems_clock_does_not_jump_by_itself() {
        let mut watched = Watched::new(Clock::system());
        watched.now().unwrap();
        watched.now().unwrap();
    }
}
