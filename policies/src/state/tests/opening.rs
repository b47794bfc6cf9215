//! Open data: two persons, agreements that allow it, and an end that takes it back.

use jiff::{Timestamp, ToSpan};

use super::*;
use crate::agreement::{OnEnd, OpenOnEnd};
use crate::life::Action;
use crate::testing::{Providers, publication, user};

/// One published release under an agreement that allows open data, and its key.
fn released(on_end: OpenOnEnd) -> (Town, ReleaseKey) {
    let mut town = Town::new();
    town.terms.publication = publication(on_end);
    for body in town.agreeing() {
        town.write(body);
    }
    let body = town.contribution("2026-10-05", "b1", None);
    town.write(body);
    let key = release(&mut town, "r1");
    (town, key)
}

fn release(town: &mut Town, id: &str) -> ReleaseKey {
    let wish = town.request(id, "2026-10-05");
    let Decision::Permit(permit) = decide(&town.state, &wish, now()).unwrap() else {
        panic!()
    };
    let reservation = permit.reserve(mechanism()).unwrap();
    let key = reservation.key.clone();
    town.write(Body::ReleaseReserved(Box::new(reservation)));
    let blob = "c".repeat(64).parse().unwrap();
    let published = key.clone();
    town.write(Body::ReleasePublished {
        key: published,
        blob,
    });
    key
}

fn stage(town: &Town, key: &ReleaseKey) -> OpenStage {
    stage_at(town, key, now())
}

fn stage_at(town: &Town, key: &ReleaseKey, time: Timestamp) -> OpenStage {
    town.state
        .open_stage(town.state.release(key).unwrap(), time)
}

#[test]
fn a_release_becomes_open_by_a_second_person_and_is_withdrawn_for_good() {
    let (mut town, key) = released(OpenOnEnd::Kept);
    assert_eq!(stage(&town, &key), OpenStage::Closed);
    let early = town.refuses(town.opened(&key, "city", 2));
    assert!(early.contains("was proposed"), "{early}");
    let nothing = town.refuses(town.recalled(&key, "city"));
    assert!(nothing.contains("proposed or public"), "{nothing}");
    town.write(town.proposed(&key, "city", 1));
    assert_eq!(stage(&town, &key), OpenStage::Proposed);
    assert_eq!(town.state.opened().count(), 0);
    town.write(town.opened(&key, "city", 2));
    assert_eq!(stage(&town, &key), OpenStage::Public);
    for again in [
        town.proposed(&key, "bikes", 3),
        town.opened(&key, "bikes", 3),
    ] {
        let text = town.refuses(again);
        assert!(
            text.contains("once") || text.contains("not yet public"),
            "{text}"
        );
    }
    let listed: Vec<_> = town.state.opened().collect();
    let opened = town.state.size() - 1;
    assert_eq!(listed, [(opened, &key)]);
    // The other party alone is enough, and nobody brings it back.
    town.write(town.recalled(&key, "bikes"));
    assert_eq!(stage(&town, &key), OpenStage::Withdrawn);
    let listed: Vec<_> = town.state.opened().collect();
    assert_eq!(listed, [(opened, &key)], "its place stays");
    for again in [
        town.proposed(&key, "city", 1),
        town.opened(&key, "city", 2),
        town.recalled(&key, "city"),
    ] {
        town.refuses(again);
    }
}

/// Four eyes. The rule is [`Opening::is_by_another`](crate::entry::Opening::is_by_another).
#[test]
fn whoever_proposed_it_cannot_approve_it() {
    let (mut town, key) = released(OpenOnEnd::Kept);
    town.write(town.proposed(&key, "city", 1));
    let alone = town.refuses(town.opened(&key, "city", 1));
    assert!(alone.contains("another person"), "{alone}");
    // Under another secret the same person has another pseudonym: nobody can tell.
    let Body::ReleaseOpened(mut other) = town.opened(&key, "city", 2) else {
        panic!()
    };
    other.user = user(2, 9);
    let unknown = town.refuses(Body::ReleaseOpened(other.clone()));
    assert!(unknown.contains("another person"), "{unknown}");
    // A later proposal takes the place of the first; then its person cannot, and the first can.
    town.write(town.proposed(&key, "city", 2));
    town.refuses(town.opened(&key, "city", 2));
    let mut by_first = town.state.clone();
    by_first
        .apply(&entry(town.opened(&key, "city", 1)))
        .unwrap();
    // A person of the other party is another one, whatever the digits.
    let Body::ReleaseOpened(mut theirs) = town.opened(&key, "bikes", 2) else {
        panic!()
    };
    theirs.user = user(2, 1);
    town.write(Body::ReleaseOpened(theirs));
    assert_eq!(stage(&town, &key), OpenStage::Public);
}

#[test]
fn only_parties_of_active_agreements_that_allow_it_open_a_final_table() {
    // Not allowed.
    let mut town = lived_in();
    let key = town.state.releases().next().unwrap().0.clone();
    let text = town.refuses(town.proposed(&key, "city", 1));
    assert!(text.contains("allowed by every agreement"), "{text}");
    let nobodys = "a".repeat(64).parse().unwrap();
    let text = town.refuses(town.proposed(&nobodys, "city", 1));
    assert!(text.contains("release"), "{text}");
    // Amended, so that it is.
    let amended = town.amendment(|terms| terms.publication = publication(OpenOnEnd::Kept));
    for body in town.agreeing_to(&amended, &town.bikes) {
        town.write(body);
    }
    town.write(town.proposed(&key, "city", 1));
    // Strangers.
    let (mut town, key) = released(OpenOnEnd::Kept);
    town.admit("rival", Role::Planner);
    let text = town.refuses(town.proposed(&key, "rival", 1));
    assert!(text.contains("by parties"), "{text}");
    town.write(town.proposed(&key, "city", 1));
    let text = town.refuses(town.recalled(&key, "rival"));
    assert!(text.contains("by a party"), "{text}");
    // Suspended, and ended.
    for action in [Action::Suspend, Action::Terminate] {
        let act = town.acting(action, "bikes", None);
        town.write(act);
        let text = town.refuses(town.opened(&key, "city", 2));
        assert!(text.contains("active agreements"), "{text}");
        if action == Action::Suspend {
            let act = town.acting(Action::Resume, "bikes", None);
            town.write(act);
        }
    }
    // Not final yet.
    let (mut town, _) = released(OpenOnEnd::Kept);
    let body = town.contribution("2026-10-05", "b2", Some("b1"));
    town.write(body);
    let wish = town.request("r2", "2026-10-05");
    let Decision::Permit(permit) = decide(&town.state, &wish, now()).unwrap() else {
        panic!()
    };
    let reservation = permit.reserve(mechanism()).unwrap();
    let open = reservation.key.clone();
    town.write(Body::ReleaseReserved(Box::new(reservation)));
    let text = town.refuses(town.proposed(&open, "city", 1));
    assert!(text.contains("published"), "{text}");
}

#[test]
fn the_end_of_its_agreement_withdraws_it_at_once_where_the_agreement_says_so() {
    for (on_end, after) in [
        (OpenOnEnd::Kept, OpenStage::Public),
        (OpenOnEnd::Withdrawn, OpenStage::Withdrawn),
    ] {
        let opened = || {
            let (mut town, key) = released(on_end);
            town.write(town.proposed(&key, "city", 1));
            town.write(town.opened(&key, "bikes", 2));
            (town, key)
        };
        let (mut town, key) = opened();
        let act = town.acting(Action::Suspend, "bikes", None);
        town.write(act);
        assert_eq!(
            stage(&town, &key),
            OpenStage::Public,
            "a suspension is no end"
        );
        let act = town.acting(Action::Terminate, "bikes", None);
        town.write(act);
        assert_eq!(stage(&town, &key), after);
        assert_eq!(since(&town, &key, now()), ended(on_end, now()));
        // Its last day, before any entry says so.
        let (town, key) = opened();
        let last: Timestamp = "2027-12-31T21:59:59Z".parse().unwrap();
        assert_eq!(stage_at(&town, &key, last), OpenStage::Public);
        assert_eq!(stage_at(&town, &key, last + 1.second()), after);
        let later = since(&town, &key, last + 9.hours());
        assert_eq!(later, ended(on_end, last + 1.second()));
        // A notice.
        let mut town = town;
        let soon = now() + 1.hour();
        let act = town.acting(Action::Terminate, "bikes", Some(soon));
        town.write(act);
        assert_eq!(stage(&town, &key), OpenStage::Public);
        assert_eq!(stage_at(&town, &key, soon), after);
        assert_eq!(since(&town, &key, soon + 1.hour()), ended(on_end, soon));
    }
}

fn since(town: &Town, key: &ReleaseKey, time: Timestamp) -> Option<Timestamp> {
    town.state
        .withdrawn_since(town.state.release(key).unwrap(), time)
}

fn ended(on_end: OpenOnEnd, time: Timestamp) -> Option<Timestamp> {
    (on_end == OpenOnEnd::Withdrawn).then_some(time)
}

/// Between the last day and the entry that tells of it, the parties can still amend.
#[test]
fn an_amendment_after_the_last_day_brings_nothing_back() {
    let (mut town, key) = released(OpenOnEnd::Withdrawn);
    town.write(town.proposed(&key, "city", 1));
    town.write(town.opened(&key, "city", 2));
    let longer = town.amendment(|terms| terms.valid.until = "2029-12-31".parse().unwrap());
    let last: Timestamp = "2027-12-31T21:59:59Z".parse().unwrap();
    for body in town.agreeing_to(&longer, &town.bikes) {
        town.write_at(body, last + 2.seconds());
    }
    assert_eq!(
        stage_at(&town, &key, last + 3.seconds()),
        OpenStage::Withdrawn
    );
}

/// What an amendment has withdrawn a later one does not give back: that would take two persons again.
#[test]
fn the_newest_amendment_says_what_may_be_open() {
    let (mut town, key) = released(OpenOnEnd::Kept);
    town.write(town.proposed(&key, "city", 1));
    town.write(town.opened(&key, "city", 2));
    let none = town.amendment(|terms| terms.publication = None);
    for body in town.agreeing_to(&none, &town.bikes) {
        town.write_at(body, now() + 1.hour());
    }
    let withdrawn = Some(now() + 1.hour());
    assert_eq!(since(&town, &key, now() + 2.hours()), withdrawn);
    town.terms = none;
    let again = town.amendment(|terms| terms.publication = publication(OpenOnEnd::Kept));
    for body in town.agreeing_to(&again, &town.bikes) {
        town.write_at(body, now() + 3.hours());
    }
    let later = now() + 4.hours();
    assert_eq!(stage_at(&town, &key, later), OpenStage::Withdrawn);
    assert_eq!(since(&town, &key, later), withdrawn);
    // It was not open then: what is opened later has nothing to do with it.
    let (mut town, key) = released(OpenOnEnd::Kept);
    for allowed in [None, publication(OpenOnEnd::Kept)] {
        let next = town.amendment(|terms| terms.publication = allowed);
        for body in town.agreeing_to(&next, &town.bikes) {
            town.write(body);
        }
        town.terms = next;
    }
    town.write(town.proposed(&key, "city", 1));
    town.write(town.opened(&key, "city", 2));
    assert_eq!(stage(&town, &key), OpenStage::Public);
    let (mut town, key) = released(OpenOnEnd::Withdrawn);
    town.write(town.proposed(&key, "city", 1));
    town.write(town.opened(&key, "city", 2));
    let same = town.amendment(|terms| terms.on_end = Some(OnEnd::default()));
    for body in town.agreeing_to(&same, &town.bikes) {
        town.write(body);
    }
    assert_eq!(
        stage(&town, &key),
        OpenStage::Public,
        "an amendment is no end"
    );
}

/// A table of three providers is open where each of the three agreements allows it, and no longer than each does.
#[test]
fn a_table_of_several_agreements_is_open_where_all_of_them_allow_it() {
    let released = |unwilling: Option<usize>, licence: &str| {
        let mut all = Providers::contributed("2026-10-05", |n, terms| {
            if unwilling != Some(n) {
                terms.publication = publication(OpenOnEnd::Withdrawn);
            }
            if let (2, Some(publication)) = (n, terms.publication.as_mut()) {
                publication.licence = licence.into();
            }
        });
        let wish = all.request("r1", "2026-10-05", &[0, 1, 2]);
        let Decision::Permit(permit) = decide(&all.town.state, &wish, now()).unwrap() else {
            panic!()
        };
        let reservation = permit.reserve_joint(all.mechanisms(&[0, 1, 2])).unwrap();
        let key = reservation.key.clone();
        all.town.write(Body::ReleaseReserved(Box::new(reservation)));
        let blob = "c".repeat(64).parse().unwrap();
        let published = key.clone();
        all.town.write(Body::ReleasePublished {
            key: published,
            blob,
        });
        (all.town, key)
    };
    for unwilling in 0..3 {
        let (town, key) = released(Some(unwilling), "CC-BY-4.0");
        let text = town.refuses(town.proposed(&key, "city", 1));
        assert!(text.contains("every agreement"), "{unwilling}: {text}");
    }
    let (town, key) = released(None, "CC0-1.0");
    let text = town.refuses(town.proposed(&key, "city", 1));
    assert!(text.contains("under one licence"), "{text}");
    let (mut town, key) = released(None, "CC-BY-4.0");
    town.write(town.proposed(&key, "city", 1));
    town.write(town.opened(&key, "bikes", 2));
    assert_eq!(stage(&town, &key), OpenStage::Public);
    let act = town.acting(Action::Terminate, "bikes", None);
    town.write(act);
    assert_eq!(stage(&town, &key), OpenStage::Withdrawn, "one has ended");
}
