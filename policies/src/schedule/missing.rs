//! Periods that plans have waited for in vain.

use std::collections::BTreeMap;

use jiff::{Timestamp, ToSpan};

use crate::agreement::Agreement;
use crate::decide::due_at;
use crate::entry::{Body, Missing};
use crate::id::{AgreementId, TableName};
use crate::period::Period;
use crate::state::{Slot, State, Status};
use crate::table::Table;

/// Most periods that one entry tells to be missing.
pub const MISSING_PERIODS_MAX: usize = 366;

/// The periods that the plans of all active agreements have waited for in vain, and that nobody was told of: one
/// entry per table. It follows from the state alone, so a downtime is caught up and nothing is told twice.
#[must_use]
pub fn missing(state: &State, now: Timestamp) -> Vec<Body> {
    Settled::default().missing(state, now)
}

/// From which period on each table has to be looked at: whatever is before was contributed once or told to be missing, and
/// stays so. It only saves work: without it a look walks through the whole history of every agreement.
#[derive(Debug, Default)]
pub struct Settled(BTreeMap<(AgreementId, TableName), Period>);

impl Settled {
    /// As [`missing`], from where the last look found everything settled.
    pub fn missing(&mut self, state: &State, now: Timestamp) -> Vec<Body> {
        let mut told = Vec::new();
        for (id, record) in state.agreements() {
            if record.standing(now) != Status::Active || !record.terms.valid_at(now) {
                continue;
            }
            for item in &record.terms.plan {
                if let Some(table) = record.terms.table(&item.table) {
                    let periods = self.of_table(state, (id, &record.terms, table), now);
                    told.extend(periods.chunks(MISSING_PERIODS_MAX).map(|periods| {
                        Body::ContributionMissing(Missing {
                            agreement: id.clone(),
                            table: table.name.clone(),
                            periods: periods.to_vec(),
                        })
                    }));
                }
            }
        }
        told
    }

    /// The missing periods of one table of an active agreement.
    fn of_table(
        &mut self,
        state: &State,
        (id, terms, table): (&AgreementId, &Agreement, &Table),
        now: Timestamp,
    ) -> Vec<Period> {
        let key = (id.clone(), table.name.clone());
        let covers = terms.covers;
        let begun = self.0.get(&key).copied();
        let first = begun.or_else(|| Period::holding(covers.from, table.period).ok());
        let (mut missing, mut open) = (Vec::new(), false);
        let all = std::iter::successors(first, |period| period.next().ok());
        for period in all.take_while(|period| period.first() <= covers.until) {
            let slot = Slot {
                agreement: id.clone(),
                table: table.name.clone(),
                period,
            };
            if !has_come(state, &slot, now) {
                break;
            }
            let settled = is_settled(state, &slot) || !covers.hold(period);
            if !settled && is_missing(state, &slot, now) {
                missing.push(period);
            }
            open |= !settled;
            if !open && let Ok(next) = period.next() {
                self.0.insert(key.clone(), next);
            }
        }
        missing
    }
}

/// Of the periods that a look found, those that are still missing where it is decided.
#[must_use]
pub fn still_missing(found: Vec<Body>, state: &State, now: Timestamp) -> Vec<Body> {
    let still = found.into_iter().filter_map(|body| {
        let Body::ContributionMissing(mut told) = body else {
            return None;
        };
        let slot = |period| Slot {
            agreement: told.agreement.clone(),
            table: told.table.clone(),
            period,
        };
        let periods = told.periods.iter().copied();
        let periods: Vec<_> = periods
            .filter(|p| is_missing(state, &slot(*p), now))
            .collect();
        told.periods = periods;
        (!told.periods.is_empty()).then_some(Body::ContributionMissing(told))
    });
    still.collect()
}

/// What was there and is gone was contributed: retention, or a withdrawal that all parties know of. What was told is told.
fn is_settled(state: &State, slot: &Slot) -> bool {
    state.live(slot).is_some() || state.gone(slot).is_some() || state.missed(slot).is_some()
}

/// Is the period of a slot missing at this time, and was nobody told?
pub(crate) fn is_missing(state: &State, slot: &Slot, now: Timestamp) -> bool {
    let record = state.agreement(&slot.agreement);
    let asked = record.is_some_and(|record| {
        record.standing(now) == Status::Active
            && record.terms.valid_at(now)
            && record.terms.covers.hold(slot.period)
            && record
                .terms
                .table(&slot.table)
                .is_some_and(|t| t.period == slot.period.grain())
    });
    asked && !is_settled(state, slot) && has_come(state, slot, now)
}

/// Are due time and grace over? Nobody is late before the agreement came into force: for a period from before, grace
/// counts from then.
fn has_come(state: &State, slot: &Slot, now: Timestamp) -> bool {
    let record = state.agreement(&slot.agreement);
    let wait = record.and_then(|record| {
        let item = record.terms.plan_item(&slot.table)?;
        let due = due_at(&record.terms, item, slot.period)?;
        let activated = record.life.activated;
        let from = activated.map_or(due, |(_, at)| due.max(at));
        from.checked_add(i64::from(item.grace_hours).hours()).ok()
    });
    wait.is_some_and(|wait| wait < now)
}

#[cfg(test)]
#[allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]
mod tests {
    use super::*;
    use crate::life::Action;
    use crate::testing::{Town, now, org};

    fn told(bodies: &[Body]) -> Vec<String> {
        let periods = bodies.iter().flat_map(|body| match body {
            Body::ContributionMissing(missing) => missing.periods.clone(),
            _ => vec![],
        });
        periods.map(|period| period.to_string()).collect()
    }

    /// Active since 1 October: a day until due, two more of grace.
    fn waiting() -> Town {
        let mut town = Town::new();
        let start = "2026-10-01T08:00:00Z".parse().unwrap();
        town.state = State::new();
        let begun: Vec<_> = std::mem::take(&mut town.log);
        for body in begun
            .into_iter()
            .map(|entry| entry.body)
            .chain(town.agreeing())
        {
            town.write_at(body, start);
        }
        let push = town.contribution("2026-10-02", "b1", None);
        town.write_at(push, "2026-10-03T08:00:00Z".parse().unwrap());
        town
    }

    #[test]
    fn a_period_is_missing_once_when_its_grace_is_over() {
        let mut town = waiting();
        let at = |time: &str| -> Timestamp { time.parse().unwrap() };
        // Midnight in Helsinki is 21:00 in Greenwich.
        assert_eq!(missing(&town.state, at("2026-10-04T21:00:00Z")), []);
        let first = missing(&town.state, at("2026-10-04T21:00:01Z"));
        assert_eq!(told(&first), ["2026-10-01"]);
        let early = town.refuses_at(first[0].clone(), at("2026-10-04T21:00:00Z"));
        assert!(early.contains("missing once"), "{early}");
        // After a downtime all at once, in one entry; what was contributed is not among them.
        let later = at("2026-10-08T12:00:00Z");
        let all = missing(&town.state, later);
        assert_eq!(
            (all.len(), told(&all)),
            (
                1,
                ["2026-10-01", "2026-10-03", "2026-10-04"]
                    .map(String::from)
                    .to_vec()
            )
        );
        town.write_at(all[0].clone(), later);
        assert_eq!(missing(&town.state, later), []);
        let twice = town.refuses_at(all[0].clone(), later);
        assert!(twice.contains("missing once"), "{twice}");
        let slot = town.request("r1", "2026-10-03").slot();
        assert!(town.state.missed(&slot).is_some());
        for periods in [
            vec![],
            vec!["2026-10-06".parse().unwrap(), "2026-10-05".parse().unwrap()],
        ] {
            let Body::ContributionMissing(whole) = all[0].clone() else {
                panic!()
            };
            town.refuses_at(
                Body::ContributionMissing(Missing { periods, ..whole }),
                now(),
            );
        }
        // Nobody waits while it is suspended, or after its last day.
        let body = town.acting(Action::Suspend, "bikes", None);
        town.write(body);
        assert_eq!(missing(&town.state, now()), []);
        let body = town.acting(Action::Resume, "bikes", None);
        town.write(body);
        assert_eq!(told(&missing(&town.state, now())).len(), 31 - 4);
        assert_eq!(missing(&town.state, at("2028-01-02T00:00:00Z")), []);
        assert_eq!(town.reloaded().missed, town.state.missed);
    }

    /// However often it was suspended since: the history that is kept forgets when it came into force, the grace does not.
    #[test]
    fn grace_counts_from_the_activation_and_from_no_later_resumption() {
        let mut town = waiting();
        let time = "2026-10-04T12:00:00Z".parse().unwrap();
        for _ in 0..crate::life::HISTORY_MAX {
            for action in [Action::Suspend, Action::Resume] {
                let body = town.acting(action, "bikes", None);
                town.write_at(body, time);
            }
        }
        let over = missing(&town.state, "2026-10-04T21:00:01Z".parse().unwrap());
        assert_eq!(told(&over), ["2026-10-01"]);
    }

    /// A look that begins where the last one ended finds what a look at everything finds, whatever happens in between.
    #[test]
    fn what_is_settled_need_not_be_looked_at_again() {
        let mut town = waiting();
        let mut settled = Settled::default();
        let at = |day: i8| -> Timestamp { format!("2026-10-{day:02}T12:00:00Z").parse().unwrap() };
        for day in 4..=28 {
            let now = at(day);
            let found = settled.missing(&town.state, now);
            assert_eq!(found, missing(&town.state, now), "{day}");
            match day % 4 {
                // Told, but for what came in between.
                0 => {
                    let late = town.contribution(
                        &format!("2026-10-{:02}", day - 3),
                        &format!("late{day}"),
                        None,
                    );
                    if day > 8 {
                        town.write_at(late, now);
                    }
                    for body in still_missing(found, &town.state, now) {
                        town.write_at(body, now);
                    }
                }
                1 => {
                    let body = town.acting(Action::Suspend, "bikes", None);
                    town.write_at(body, now);
                    assert_eq!(settled.missing(&town.state, now), []);
                    let body = town.acting(Action::Resume, "bikes", None);
                    town.write_at(body, now);
                }
                _ => {}
            }
        }
        let first = settled.0.values().next().unwrap();
        assert!(
            *first > "2026-10-20".parse().unwrap(),
            "{first}: all before is settled"
        );
    }

    /// What was taken back was there, and all parties were told that it went.
    #[test]
    fn what_is_gone_is_not_told_to_be_missing() {
        let mut town = waiting();
        let at = |time: &str| -> Timestamp { time.parse().unwrap() };
        let record = town.state.batch(&org("bikes"), &"b1".parse().unwrap());
        let record = record.unwrap().clone();
        let withdrawn = town.withdrawal("2026-10-02", "b1");
        for body in town.state.withdrawing(&record, withdrawn) {
            town.write_at(body, at("2026-10-03T09:00:00Z"));
        }
        let found = missing(&town.state, at("2026-10-06T12:00:00Z"));
        assert_eq!(told(&found), ["2026-10-01"]);
    }

    /// Terms that cover the past: nobody is late before they came into force.
    #[test]
    fn grace_counts_from_the_day_an_agreement_came_into_force() {
        let town = Town::active();
        assert_eq!(missing(&town.state, now()), []);
        let in_two_days = now().checked_add((2 * 24).hours()).unwrap();
        assert_eq!(missing(&town.state, in_two_days), []);
        let after = in_two_days.checked_add(1.second()).unwrap();
        assert_eq!(told(&missing(&town.state, after)).len(), 31);
    }
}
