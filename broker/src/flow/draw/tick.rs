//! When a drawn table appears. Its time is public, and the work behind it is not the same for all data.

use std::time::Duration;

use jiff::Timestamp;

use crate::flow::broker::Broker;

impl Broker {
    /// Ends of draws appear on multiples of the tick only: on the first that is half a tick or more after the
    /// reservation, however long the work took until then. Work that takes longer ends on the first tick after it, and
    /// that one tells something about it.
    pub(super) async fn wait_for_tick(&self, reserved: Timestamp) {
        let wait = wait(self.publish_tick, reserved, self.clock.now());
        tokio::time::sleep(wait).await;
    }
}

fn wait(tick: Duration, reserved: Timestamp, now: Timestamp) -> Duration {
    let millis = |time: Timestamp| u64::try_from(time.as_millisecond()).unwrap_or(0);
    let tick = u64::try_from(tick.as_millis()).unwrap_or(u64::MAX).max(1);
    let (reserved, now) = (millis(reserved), millis(now));
    // A clock that was set back says nothing about how long the work took.
    let from = match now < reserved {
        true => now,
        false => now.max(reserved.saturating_add(tick / 2)),
    };
    let appears = (from / tick).saturating_add(1).saturating_mul(tick);
    Duration::from_millis(appears.saturating_sub(now))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    const TICK: u64 = 2_000;

    /// Milliseconds at which it appears.
    fn appears(reserved: u64, now: u64) -> u64 {
        let time = |millis: u64| {
            Timestamp::from_millisecond(i64::try_from(1_800_000_000_000 + millis).unwrap()).unwrap()
        };
        let wait = wait(Duration::from_millis(TICK), time(reserved), time(now));
        now + u64::try_from(wait.as_millis()).unwrap()
    }

    #[test]
    fn work_of_less_than_half_a_tick_does_not_move_it() {
        for reserved in 0..TICK {
            let at = appears(reserved, reserved);
            assert!(at.is_multiple_of(TICK));
            assert!((TICK / 2..=TICK + TICK / 2).contains(&(at - reserved)));
            for work in [1, TICK / 4, TICK / 2 - 1] {
                assert_eq!(appears(reserved, reserved + work), at, "{reserved} {work}");
            }
        }
    }

    #[test]
    fn longer_work_ends_on_the_tick_after_it_and_a_clock_that_went_back_keeps_nobody_waiting() {
        assert_eq!(appears(100, 100 + 5 * TICK), 6 * TICK);
        assert_eq!(appears(3_600_000, 100), TICK);
    }
}
