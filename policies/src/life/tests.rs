#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

use std::fmt::Write;

use super::*;
use crate::entry::Body;
use crate::sign::Signs;
use crate::testing::{Town, now, org};

mod effects;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// A town with stewards, a recipient and a stranger, whose agreement stands at `status`.
fn standing(status: Status) -> Town {
    let mut town = Town::new();
    for (name, role) in [
        ("mayor", Role::Steward),
        ("reeve", Role::Steward),
        ("region", Role::Planner),
        ("trams", Role::Provider),
        ("watch", Role::Auditor),
    ] {
        town.admit(name, role);
    }
    town.terms.recipients.push(org("region"));
    let [offered, signed, activated] = town.agreeing();
    town.write(offered);
    let countering = match status {
        Status::Offered => return town,
        Status::Withdrawn => {
            let body = town.acting(Action::Withdraw, "bikes", None);
            town.write(body);
            return town;
        }
        Status::Countered => true,
        _ => false,
    };
    if countering {
        town.write(countered(&town));
        return town;
    }
    town.write(signed);
    if status == Status::Agreed {
        return town;
    }
    town.write(activated);
    match status {
        Status::Suspended => {
            let body = town.acting(Action::Suspend, "bikes", None);
            town.write(body);
            let body = town.acting(Action::Suspend, "mayor", None);
            town.write(body);
        }
        Status::Terminated => {
            let body = town.acting(Action::Terminate, "city", None);
            town.write(body);
        }
        Status::Expired => {
            let (agreement, time) = (town.id(), at("2028-01-01T12:00:00Z"));
            town.write_at(Body::AgreementExpired { agreement }, time);
        }
        Status::Superseded => {
            let terms = town.amendment(|terms| terms.title = "Rides, amended".into());
            let signer = std::mem::take(&mut town.bikes);
            town.agree(&terms, &signer);
            town.bikes = signer;
        }
        _ => {}
    }
    town
}

/// The city's answer to the offer.
fn countered(town: &Town) -> Body {
    offered_by(town, "city", |terms| terms.counters = Some(town.id()))
}

fn offered_by(town: &Town, by: &str, change: impl FnOnce(&mut Agreement)) -> Body {
    let mut terms = town.terms.clone();
    terms.title = format!("Rides, as {by} sees it");
    change(&mut terms);
    let signer = if by == "bikes" {
        &town.bikes
    } else {
        &town.city
    };
    Body::AgreementOffered {
        signature: signer.sign(Signs::Agreement, &terms.canonical().unwrap()),
        agreement: Box::new(terms),
        by: org(by),
    }
}

fn body(town: &Town, action: Action, by: &str) -> Body {
    match action {
        Action::Sign => Body::AgreementSigned {
            agreement: town.id(),
            by: org(by),
            signature: town.city.sign(Signs::Agreement, b""),
        },
        Action::Counter => offered_by(town, by, |terms| terms.counters = Some(town.id())),
        Action::Amend => offered_by(town, by, |terms| terms.supersedes = Some(town.id())),
        other => town.acting(other, by, None),
    }
}

const ORGS: [&str; 7] = [
    "bikes", "city", "mayor", "reeve", "region", "trams", "watch",
];

/// Who may do what, where: written out by hand, and compared with what the reducer takes. Bikes has offered;
/// where it is suspended, bikes and the mayor have done it.
fn expected(status: Status, action: Action) -> &'static [&'static str] {
    match (status, action) {
        (Status::Offered, Action::Sign | Action::Counter) => &["city"],
        (Status::Offered, Action::Withdraw) => &["bikes"],
        (Status::Active, Action::Suspend) => &["bikes", "city", "mayor", "reeve"],
        (Status::Suspended, Action::Suspend) => &["city", "reeve"],
        (Status::Suspended, Action::Resume) => &["bikes", "mayor"],
        (Status::Active | Status::Suspended, Action::Terminate | Action::Amend) => {
            &["bikes", "city"]
        }
        _ => &[],
    }
}

#[test]
fn every_state_action_role_and_relation_is_as_the_table_says() {
    for status in Status::ALL {
        let town = standing(*status);
        let record = town.state.agreement(&town.id()).unwrap();
        assert_eq!(record.status, *status);
        let time = town.state.time().unwrap();
        for action in Action::ALL {
            let may = |by: &&&str| {
                let entry = crate::entry::Entry {
                    time,
                    ..crate::testing::entry(body(&town, action, by))
                };
                town.state.clone().apply(&entry).is_ok()
            };
            let found: Vec<&str> = ORGS.iter().filter(may).copied().collect();
            assert_eq!(found, expected(*status, action), "{status:?} {action:?}");
        }
        let stranger = body(&town, Action::Suspend, "nobody");
        let found = town.refuses_at(stranger, time);
        assert!(found.contains("unknown organisation"), "{found}");
    }
}

/// docs/AGREEMENTS.md shows exactly this table.
#[test]
fn the_documented_table_is_the_one_in_force() {
    let mut table = String::from("| to | who | where it stands |\n| --- | --- | --- |\n");
    for rule in RULES {
        let from: Vec<_> = rule.from.iter().map(|s| s.as_str()).collect();
        let (action, who) = (rule.action.as_str(), rule.who.as_str());
        writeln!(table, "| {action} | {who} | {} |", from.join(", ")).unwrap();
    }
    let document = include_str!("../../../docs/AGREEMENTS.md");
    assert!(
        document.contains(&table),
        "docs/AGREEMENTS.md should have:\n{table}"
    );
}

#[test]
fn a_reason_is_one_short_line() {
    for text in ["too many errors since May", "é"] {
        assert_eq!(text.parse::<Cause>().unwrap().as_str(), text);
    }
    let long = "x".repeat(REASON_BYTES_MAX + 1);
    for text in ["", " ", " x", "x\n", "a\nb", "a\u{0}b", &long] {
        assert!(text.parse::<Cause>().is_err(), "{text:?}");
    }
    assert!(serde_json::from_str::<Cause>(r#""a\nb""#).is_err());
    // Nobody writes a direction mark any more; a log that has one is still a log.
    assert!("no\u{202e}way".parse::<Cause>().is_err());
    serde_json::from_str::<Cause>("\"no\u{202e}way\"").unwrap();
}

/// Every field of an act is signed, and its action.
#[test]
fn no_two_acts_have_one_payload() {
    let town = standing(Status::Active);
    let act = town.act(Action::Suspend, "bikes", &town.bikes, None);
    let mut all = vec![act.payload(Action::Resume), act.payload(Action::Suspend)];
    let mut add = |change: fn(&mut Act)| {
        let mut other = act.clone();
        change(&mut other);
        all.push(other.payload(Action::Suspend));
    };
    add(|a| a.agreement = "e".repeat(64).parse().unwrap());
    add(|a| a.by = org("city"));
    add(|a| a.after += 1);
    add(|a| a.takes_effect = Some(now()));
    add(|a| a.reason = "another".parse().unwrap());
    let count = all.len();
    all.sort();
    all.dedup();
    assert_eq!(all.len(), count);
}

#[test]
fn an_act_answers_the_last_change_so_it_never_acts_twice() {
    let mut town = standing(Status::Active);
    let suspend = town.acting(Action::Suspend, "bikes", None);
    town.write(suspend.clone());
    let resume = town.acting(Action::Resume, "bikes", None);
    town.write(resume.clone());
    for old in [suspend, resume] {
        assert!(!town.refuses(old).is_empty());
    }
    let again = town.acting(Action::Suspend, "bikes", None);
    town.write(again);
    let Body::AgreementResumed(mut replayed) = town.acting(Action::Resume, "bikes", None) else {
        panic!()
    };
    replayed.after -= 2;
    let text = town.refuses(Body::AgreementResumed(replayed));
    assert!(
        text.contains("answers the agreement's last change"),
        "{text}"
    );
}

#[test]
fn the_history_keeps_the_newest_changes() {
    let mut town = standing(Status::Active);
    for _ in 0..HISTORY_MAX {
        for action in [Action::Suspend, Action::Resume] {
            let body = town.acting(action, "city", None);
            town.write(body);
        }
    }
    let history = &town.state.agreement(&town.id()).unwrap().life.history;
    assert_eq!(history.len(), HISTORY_MAX);
    let last = history.last().unwrap();
    assert_eq!(
        (last.status, last.entry),
        (Status::Active, town.state.size() - 1)
    );
    assert_eq!(last.by, Some(org("city")));
}
