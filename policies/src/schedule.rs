//! What plans ask for by themselves when due time and grace are over: releases (`scheduled`), and the periods that
//! are missing.
//!
//! Scheduled releases are requests like any other, made for the first recipient that plans, under an id that follows from
//! agreement, table, period and edition: found again after a crash or a downtime, and made once. A refused one
//! stays refused under its id, as every request; the planner may ask again.

use jiff::{Timestamp, ToSpan};

use crate::agreement::{Agreement, PlanItem};
use crate::decide::{Request, due_at, late_after};
use crate::entry::{Body, Contribution, Missing};
use crate::id::{OrgId, RequestId, Role, sha256_hex};
use crate::period::Period;
use crate::state::{Slot, State, Status};

/// What the plans of all active agreements ask for at `now` and have not got: the first edition of every
/// contributed period of a scheduled table. Corrections are asked for by those who pay for them.
#[must_use]
pub fn due(state: &State, now: Timestamp) -> Vec<Request> {
    let live = state.live_contributions();
    live.filter_map(|record| wanted(state, &record.contribution, now))
        .collect()
}

/// Most periods that one entry tells to be missing.
pub const MISSING_PERIODS_MAX: usize = 366;

/// The periods that the plans of all active agreements have waited for in vain, and that nobody was told of: one
/// entry per table. It follows from the state alone, so a downtime is caught up and nothing is told twice.
#[must_use]
pub fn missing(state: &State, now: Timestamp) -> Vec<Body> {
    let tables = state.agreements().flat_map(|(id, record)| {
        let active = record.standing(now) == Status::Active && record.terms.valid_at(now);
        let plan = record.terms.plan.iter().filter(move |_| active);
        plan.filter_map(move |item| Some((id, record.terms.table(&item.table)?)))
    });
    let told = tables.flat_map(|(id, table)| {
        let covers = state.agreement(id).map(|record| record.terms.covers);
        let first = covers.and_then(|covers| Period::holding(covers.from, table.period).ok());
        let all = std::iter::successors(first, |period| period.next().ok());
        let slot = |period| Slot {
            agreement: id.clone(),
            table: table.name.clone(),
            period,
        };
        let periods: Vec<Period> = all
            .take_while(|period| covers.is_some_and(|covers| period.first() <= covers.until))
            .take_while(|period| has_come(state, &slot(*period), now))
            .filter(|period| is_missing(state, &slot(*period), now))
            .collect();
        let entry = |periods: &[Period]| {
            Body::ContributionMissing(Missing {
                agreement: id.clone(),
                table: table.name.clone(),
                periods: periods.to_vec(),
            })
        };
        periods
            .chunks(MISSING_PERIODS_MAX)
            .map(entry)
            .collect::<Vec<_>>()
    });
    told.collect()
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
    // What was there and is gone was contributed: retention, or a withdrawal that all parties know of.
    let there = state.live(slot).is_some() || state.gone(slot).is_some();
    asked && !there && state.missed(slot).is_none() && has_come(state, slot, now)
}

/// Are due time and grace over? Nobody is late before the agreement came into force: for a period from before, grace
/// counts from then.
fn has_come(state: &State, slot: &Slot, now: Timestamp) -> bool {
    let record = state.agreement(&slot.agreement);
    let wait = record.and_then(|record| {
        let item = record.terms.plan_item(&slot.table)?;
        let due = due_at(&record.terms, item, slot.period)?;
        let mut changes = record.life.history.iter();
        let active = changes.find(|change| change.status == Status::Active);
        let from = active.map_or(due, |active| due.max(active.time));
        from.checked_add(i64::from(item.grace_hours).hours()).ok()
    });
    wait.is_some_and(|wait| wait < now)
}

fn wanted(state: &State, contribution: &Contribution, now: Timestamp) -> Option<Request> {
    let record = state.agreement(&contribution.agreement)?;
    let terms = &record.terms;
    let item = terms.plan_item(&contribution.table)?;
    let in_time = item.scheduled && late_after(terms, item, contribution.period)? <= now;
    if !in_time || record.standing(now) != Status::Active || !terms.valid_at(now) {
        return None;
    }
    let request = request(terms, item, contribution, recipient(state, terms)?)?;
    let first = state.editions(&request.slot()).is_empty();
    let fresh = first && state.outcome(&request.by, &request.id).is_none();
    fresh.then_some(request)
}

fn request(
    terms: &Agreement,
    item: &PlanItem,
    contribution: &Contribution,
    by: OrgId,
) -> Option<Request> {
    let Contribution {
        agreement, period, ..
    } = contribution;
    let named = format!(
        "weir schedule\nagreement {agreement}\ntable {}\nperiod {period}\nedition 1\n",
        item.table
    );
    Some(Request {
        id: RequestId::new(sha256_hex(named.as_bytes())).ok()?,
        by,
        agreement: agreement.clone(),
        table: item.table.clone(),
        period: *period,
        merge: None,
        purpose: terms.purposes.first()?.clone(),
        with: Vec::new(),
    })
}

fn recipient(state: &State, terms: &Agreement) -> Option<OrgId> {
    let plans = |org: &&OrgId| state.org(org).is_some_and(|org| org.role == Role::Planner);
    terms.recipients.iter().find(plans).cloned()
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
    use crate::decide::{Decision, decide};
    use crate::life::Action;
    use crate::testing::{Town, mechanism, now, org};

    fn scheduled() -> Town {
        let mut town = Town::new();
        town.terms.plan[0].scheduled = true;
        for body in town.agreeing() {
            town.write(body);
        }
        for (day, batch) in [("2026-10-05", "b1"), ("2026-10-07", "b2")] {
            let body = town.contribution(day, batch, None);
            town.write(body);
        }
        town
    }

    /// Midnight in Helsinki is 21:00 in Greenwich; a day until due, two more of grace.
    #[test]
    fn a_period_is_asked_for_when_its_grace_is_over() {
        let town = scheduled();
        let at = |time: &str| due(&town.state, time.parse().unwrap());
        assert_eq!(at("2026-10-08T20:59:59Z"), []);
        let first = at("2026-10-08T21:00:00Z");
        assert_eq!(first.len(), 1);
        assert_eq!(first[0].period.to_string(), "2026-10-05");
        assert_eq!(first[0].by, org("city"));
        // After a downtime, all at once; what nobody contributed is not asked for.
        assert_eq!(due(&town.state, now()).len(), 2);
        assert_eq!(at("2028-01-01T12:00:00Z"), [], "its last day is over");
    }

    #[test]
    fn it_is_asked_for_once_and_only_while_the_agreement_is_active() {
        let mut town = scheduled();
        let wishes = due(&town.state, now());
        assert_ne!(wishes[0].id, wishes[1].id);
        let Decision::Permit(permit) = decide(&town.state, &wishes[0], now()).unwrap() else {
            panic!()
        };
        let reservation = permit.reserve(mechanism()).unwrap();
        town.write(Body::ReleaseReserved(Box::new(reservation)));
        assert_eq!(due(&town.state, now()), wishes[1..]);
        let body = town.acting(Action::Suspend, "bikes", None);
        town.write(body);
        assert_eq!(due(&town.state, now()), []);
        let body = town.acting(Action::Resume, "bikes", None);
        town.write(body);
        assert_eq!(due(&town.state, now()), wishes[1..]);
        let mut asked = Town::active();
        let body = asked.contribution("2026-10-05", "b1", None);
        asked.write(body);
        assert_eq!(due(&asked.state, now()), [], "the plan waits to be asked");
    }

    /// A correction is a new charge: somebody has to ask for it, as somebody may have for the first edition.
    #[test]
    fn a_correction_is_not_asked_for() {
        let mut town = scheduled();
        let wish = town.request("r1", "2026-10-05");
        let Decision::Permit(permit) = decide(&town.state, &wish, now()).unwrap() else {
            panic!()
        };
        town.write(Body::ReleaseReserved(Box::new(
            permit.reserve(mechanism()).unwrap(),
        )));
        let body = town.contribution("2026-10-05", "b3", Some("b1"));
        town.write(body);
        assert_eq!(due(&town.state, now()).len(), 1);
    }

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
        let (mut loaded, mut state) = (State::new(), State::new());
        for entry in &town.log {
            let touched = state.apply(entry).unwrap();
            for record in state.records(&touched).unwrap() {
                loaded
                    .load(record.tree, &record.key, &record.value)
                    .unwrap();
            }
        }
        loaded.finish_loading();
        assert_eq!(loaded.missed, town.state.missed);
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
