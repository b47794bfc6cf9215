//! When a period may be released, when a contribution is late, and what is missing.

use jiff::{Timestamp, ToSpan};

use crate::agreement::{Agreement, PlanItem};
use crate::entry::Why;
use crate::period::Period;
use crate::state::{Slot, State};

/// When a period may be released: its end plus the plan's due hours; `None` past the calendar.
#[must_use]
pub fn due_at(terms: &Agreement, item: &PlanItem, period: Period) -> Option<Timestamp> {
    let end = period.ends_at(&terms.time_zone).ok()?;
    end.checked_add(i64::from(item.due_hours).hours()).ok()
}

/// When a contribution becomes late: due time plus grace; `None` past the calendar.
#[must_use]
pub fn late_after(terms: &Agreement, item: &PlanItem, period: Period) -> Option<Timestamp> {
    due_at(terms, item, period)?
        .checked_add(i64::from(item.grace_hours).hours())
        .ok()
}

/// Most periods that are looked at before one: a year of days.
const LOOKBACK_MAX: usize = 366;
/// Most missing periods that a reservation names.
const MISSING_MAX: usize = 60;

/// Covered periods without a live contribution among the [`LOOKBACK_MAX`] before this one: the
/// newest [`MISSING_MAX`], oldest first.
pub(super) fn missing_before(state: &State, terms: &Agreement, slot: &Slot) -> Vec<Period> {
    let before = std::iter::successors(Some(slot.period), |period| period.previous().ok());
    let looked_at: Vec<Period> = before
        .skip(1)
        .take(LOOKBACK_MAX)
        .take_while(|period| terms.covers.hold(*period))
        .collect();
    let Some(oldest) = looked_at.last() else {
        return Vec::new();
    };
    // One walk over the year instead of searches for each of its days.
    let mut live = state.live_before(slot, *oldest).peekable();
    let mut gone = state.gone_before(slot, *oldest).peekable();
    let mut missing: Vec<Period> = Vec::new();
    for period in looked_at.iter().rev() {
        while live.next_if(|live| live < period).is_some() {}
        while gone.next_if(|(gone, _)| gone < period).is_some() {}
        // What was contributed and is kept no longer is not missing; what was taken back is.
        let kept = |(gone, why): &(Period, Why)| gone == period && *why != Why::Withdrawn;
        if live.peek() != Some(period) && !gone.peek().is_some_and(kept) {
            missing.push(*period);
        }
    }
    missing.split_off(missing.len().saturating_sub(MISSING_MAX))
}
