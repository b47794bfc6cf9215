//! What is refused leaves nothing behind, so nothing has to be made anew after it ([`Town::refuses`] compares).

use super::*;
use crate::sign::Signs;

#[test]
fn a_charge_is_not_taken_for_a_request_that_was_answered() {
    let mut town = Town::active();
    for (day, batch) in [("2026-10-05", "b5"), ("2026-10-06", "b6")] {
        let body = town.contribution(day, batch, None);
        town.write(body);
    }
    let [first, second] = ["2026-10-05", "2026-10-06"].map(|day| {
        let Ok(Decision::Permit(permit)) = decide(&town.state, &town.request("r1", day), now())
        else {
            panic!()
        };
        Body::ReleaseReserved(Box::new(permit.reserve(mechanism()).unwrap()))
    });
    town.write(first);
    assert!(town.refuses(second).contains("exists already"));
}

#[test]
fn an_offer_that_cannot_be_made_counters_nothing() {
    let mut town = Town::new();
    let [offered, ..] = town.agreeing();
    town.write(offered);
    let mut answer = town.terms.clone();
    answer.counters = Some(town.id());
    answer.supersedes = Some("f".repeat(64).parse().unwrap());
    let document = answer.canonical().unwrap();
    let refused = town.refuses(Body::AgreementOffered {
        agreement: Box::new(answer),
        by: org("city"),
        signature: town.city.sign(Signs::Agreement, &document),
    });
    assert!(refused.contains("unknown agreement"), "{refused}");
}

#[test]
fn an_amendment_that_would_leave_a_release_unfinished_is_not_active() {
    let mut town = Town::active();
    let body = town.contribution("2026-10-05", "b1", None);
    town.write(body);
    let Ok(Decision::Permit(permit)) =
        decide(&town.state, &town.request("r1", "2026-10-05"), now())
    else {
        panic!()
    };
    town.write(Body::ReleaseReserved(Box::new(
        permit.reserve(mechanism()).unwrap(),
    )));
    let terms = town.amendment(|terms| terms.title = "Rides, amended".into());
    let [offered, signed, activated] = town.agreeing_to(&terms, &town.bikes);
    town.write(offered);
    town.write(signed);
    let refused = town.refuses(activated);
    assert!(refused.contains("no release unfinished"), "{refused}");
}

#[test]
fn policies_that_change_nothing_stay_in_force() {
    let mut town = Town::new();
    let body = Body::PolicyChanged {
        sha256: "d".repeat(64).parse().unwrap(),
        serial: Some(1),
    };
    town.write(body.clone());
    assert!(town.refuses(body).contains("changes the policies"));
}
