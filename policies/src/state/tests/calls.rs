//! Calls for data: who publishes, who closes, and which offers may name one.

use super::*;
use crate::call::{Call, LINE_CHARS_MAX, OPEN_CALLS_MAX};
use crate::id::{CallId, Role};

fn harbour() -> Call {
    Call {
        title: "To the harbour at eight".into(),
        question: "How do people get to the harbour?\nAt eight.".into(),
        project: "Harbour tram".into(),
        purpose: "dpv:PublicPolicyMaking".into(),
        kind: "od_trips".into(),
        grain: crate::period::Grain::Day,
        zoning: "town-2026".parse().unwrap(),
    }
}

fn published(terms: Call, by: &str) -> (CallId, Body) {
    let call = terms.id(&org(by)).unwrap();
    let body = Body::CallPublished {
        call: call.clone(),
        by: org(by),
        terms,
    };
    (call, body)
}

fn closed(call: &CallId, by: &str) -> Body {
    Body::CallClosed {
        call: call.clone(),
        by: org(by),
    }
}

#[test]
fn a_planner_publishes_a_call_once_and_closes_its_own() {
    let mut town = Town::new();
    let (call, body) = published(harbour(), "city");
    let by_provider = town.refuses(published(harbour(), "bikes").1);
    assert!(by_provider.contains("a planner calls"), "{by_provider}");
    let Body::CallPublished { terms, by, .. } = body.clone() else {
        panic!()
    };
    let other: CallId = "a".repeat(64).parse().unwrap();
    let forged = Body::CallPublished {
        call: other.clone(),
        by,
        terms,
    };
    let text = town.refuses(forged);
    assert!(text.contains("its id follows"), "{text}");
    let nowhere = Call {
        zoning: "nowhere".parse().unwrap(),
        ..harbour()
    };
    let text = town.refuses(published(nowhere, "city").1);
    assert!(text.contains("zoning"), "{text}");
    town.write(body.clone());
    let text = town.refuses(body);
    assert!(text.contains("call"), "twice: {text}");
    assert_eq!(town.state.call(&call).unwrap().closed, None);
    assert!(
        town.refuses(closed(&call, "bikes"))
            .contains("by its planner")
    );
    assert!(town.refuses(closed(&other, "city")).contains("call"));
    town.write(closed(&call, "city"));
    assert!(town.refuses(closed(&call, "city")).contains("once"));
    // The index gives both back.
    assert_eq!(town.reloaded(), town.state);
}

#[test]
fn an_offer_answers_an_open_call_of_its_planner() {
    let mut town = Town::new();
    let (call, body) = published(harbour(), "city");
    town.terms.call = Some(call.clone());
    let [offered, signed, activated] = town.agreeing();
    let text = town.refuses(offered.clone());
    assert!(text.contains("call"), "not published: {text}");
    town.write(body);
    let signer = town.admit("harbour-town", Role::Planner);
    drop(signer);
    let theirs = published(harbour(), "harbour-town");
    town.write(theirs.1);
    let mut other = town.terms.clone();
    other.call = Some(theirs.0);
    let text = town.refuses(town.agreeing_to(&other, &town.bikes)[0].clone());
    assert!(text.contains("an open call of the planner"), "{text}");
    town.write(offered);
    town.write(closed(&call, "city"));
    // An offer that was made stays one.
    town.write(signed);
    town.write(activated);
    let mut late = town.terms.clone();
    late.title = "Rides, again".into();
    let text = town.refuses(town.agreeing_to(&late, &town.bikes)[0].clone());
    assert!(text.contains("an open call"), "{text}");
}

#[test]
fn a_call_says_what_is_asked_and_a_planner_has_so_many() {
    let changed: [fn(&mut Call); 6] = [
        |c| c.title = String::new(),
        |c| c.title = "a\nb".into(),
        |c| c.question = " \n".into(),
        |c| c.project = "x".repeat(LINE_CHARS_MAX + 1),
        |c| c.purpose = "research".into(),
        |c| c.kind = "weather".into(),
    ];
    for change in changed {
        let mut call = harbour();
        change(&mut call);
        call.check().unwrap_err();
    }
    harbour().check().unwrap();
    assert!(harbour().is_plain());
    for text in ["\u{202e}eight", "\u{2066}eight"] {
        let title = text.into();
        assert!(!Call { title, ..harbour() }.is_plain(), "{text:?}");
        let question = text.into();
        assert!(
            !Call {
                question,
                ..harbour()
            }
            .is_plain(),
            "{text:?}"
        );
    }
    let mut town = Town::new();
    let nth = |n: usize| Call {
        project: format!("Project {n}"),
        ..harbour()
    };
    for n in 0..OPEN_CALLS_MAX {
        town.write(published(nth(n), "city").1);
    }
    let (first, _) = published(nth(0), "city");
    let more = published(nth(OPEN_CALLS_MAX), "city").1;
    assert!(town.refuses(more.clone()).contains("so many open calls"));
    town.write(closed(&first, "city"));
    town.write(more);
}
