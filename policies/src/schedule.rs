//! What plans ask for by themselves when due time and grace are over: releases (`scheduled`), and the periods that
//! are missing.
//!
//! Scheduled releases are requests like any other, made for the first recipient that plans, under an id that follows from
//! agreement, table, period and edition: found again after a crash or a downtime, and made once. A refused one
//! stays refused under its id, as every request; the planner may ask again, under another id. Under those of the schedule
//! nothing is decided but what is due ([`in_its_turn`]): nobody uses one up beforehand.

use jiff::Timestamp;

use crate::agreement::{Agreement, PlanItem};
use crate::decide::{Request, late_after};
use crate::entry::Contribution;
use crate::id::{OrgId, RequestId, Role, sha256_hex};
use crate::state::{State, Status};

mod missing;

pub(crate) use missing::is_missing;
pub use missing::{MISSING_PERIODS_MAX, Settled, missing, still_missing};

/// How the ids of scheduled requests begin.
const SCHEDULED: &str = "scheduled-";

/// What the plans of all active agreements ask for at `now` and have not got: the first edition of every
/// contributed period of a scheduled table. Corrections are asked for by those who pay for them.
#[must_use]
pub fn due(state: &State, now: Timestamp) -> Vec<Request> {
    let live = state.live_contributions();
    live.filter_map(|record| wanted(state, &record.contribution, now))
        .collect()
}

/// May the request be decided now? Under an id of the schedule only what the schedule asks for at this time, and what has
/// an outcome already. Whatever came between the asking and the decision, a suspension for example, so leaves nothing under
/// the id, and it is asked for again when it is due again.
#[must_use]
pub fn in_its_turn(state: &State, request: &Request, now: Timestamp) -> bool {
    let asked = || {
        let live = state.live(&request.slot())?;
        wanted(state, &live.contribution, now)
    };
    !request.id.as_str().starts_with(SCHEDULED)
        || state.outcome(&request.by, &request.id).is_some()
        || asked().as_ref() == Some(request)
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
        // As many digits as a name has room for.
        id: RequestId::new(format!("{SCHEDULED}{:.54}", sha256_hex(named.as_bytes()))).ok()?,
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
    use crate::entry::Body;
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

    /// Decided under the lock: what is due no more by then leaves nothing under its id, and is asked for again.
    #[test]
    fn what_came_between_leaves_the_id_free() {
        let mut town = scheduled();
        let wishes = due(&town.state, now());
        let turn = |town: &Town| -> Vec<bool> {
            let turns = wishes.iter().map(|w| in_its_turn(&town.state, w, now()));
            turns.collect()
        };
        assert_eq!(turn(&town), [true, true]);
        let body = town.acting(Action::Suspend, "bikes", None);
        town.write(body);
        assert_eq!(turn(&town), [false, false], "suspended meanwhile");
        let body = town.acting(Action::Resume, "bikes", None);
        town.write(body);
        assert_eq!(turn(&town), [true, true]);
        assert_eq!(due(&town.state, now()), wishes);
        let Decision::Permit(permit) = decide(&town.state, &wishes[0], now()).unwrap() else {
            panic!()
        };
        let reservation = permit.reserve(mechanism()).unwrap();
        town.write(Body::ReleaseReserved(Box::new(reservation)));
        let both = "what became of it is told again";
        assert_eq!(turn(&town), [true, true], "{both}");
    }

    /// Whoever computes an id of the schedule cannot use it up: not early, not for another period, not for a merge.
    #[test]
    fn an_id_of_the_schedule_is_nobody_elses() {
        let town = scheduled();
        let wish = due(&town.state, now()).remove(0);
        let early = "2026-10-08T20:59:59Z".parse().unwrap();
        assert!(!in_its_turn(&town.state, &wish, early));
        let changes: [fn(&mut Request); 5] = [
            |r| r.period = "2026-10-07".parse().unwrap(),
            |r| r.period = "2026-10-06".parse().unwrap(),
            |r| r.by = org("trams"),
            |r| r.purpose = "dpv:AcademicResearch".into(),
            |r| {
                r.merge = Some(
                    serde_json::from_str(
                        r#"{"periods": ["2026-10-05"], "coarsening": {"zones": "all"}}"#,
                    )
                    .unwrap(),
                )
            },
        ];
        for change in changes {
            let mut other = wish.clone();
            change(&mut other);
            assert!(!in_its_turn(&town.state, &other, now()), "{other:?}");
            other.id = "mine".parse().unwrap();
            assert!(in_its_turn(&town.state, &other, early));
        }
        assert!(in_its_turn(&town.state, &wish, now()));
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
}
