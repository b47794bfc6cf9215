#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

use jiff::ToSpan;
use policies::agreement::{OpenOnEnd, Protection};
use policies::decide::{Decision, decide};
use policies::entry::Body;
use policies::testing::{Town, mechanism, now, publication};

use super::*;

fn released(town: &mut Town, id: &str) -> ReleaseKey {
    let wish = town.request(id, "2026-10-05");
    let Decision::Permit(permit) = decide(&town.state, &wish, now()).unwrap() else {
        panic!("refused")
    };
    let reservation = permit.reserve(mechanism()).unwrap();
    let key = reservation.key.clone();
    town.write(Body::ReleaseReserved(Box::new(reservation)));
    town.write(Body::ReleasePublished {
        key: key.clone(),
        blob: "c".repeat(64).parse().unwrap(),
    });
    key
}

/// A town whose agreement allows open data, with one release.
fn town() -> (Town, ReleaseKey) {
    let mut town = Town::new();
    town.terms.publication = publication(OpenOnEnd::Kept);
    for body in town.agreeing() {
        town.write(body);
    }
    let body = town.contribution("2026-10-05", "b1", None);
    town.write(body);
    let key = released(&mut town, "r1");
    (town, key)
}

fn open(town: &mut Town, key: &ReleaseKey) {
    town.write(town.proposed(key, "city", 1));
    town.write(town.opened(key, "city", 2));
}

fn about(town: &Town, key: &ReleaseKey) -> Option<About> {
    let later = now() + 9.hours();
    About::of(&town.state, key, town.state.release(key).unwrap(), later)
}

/// A release keeps its noise when the parties agree on other terms for what follows.
#[test]
fn what_protects_a_release_is_its_own_noise_and_not_a_later_amendments() {
    let (mut town, key) = town();
    open(&mut town, &key);
    let before = about(&town, &key).unwrap();
    assert!(before.protection.starts_with("differential privacy"));
    let amended = town.amendment(|terms| {
        terms.population.protection = Protection::KOnly;
        terms.time_zone = "Asia/Tokyo".to_owned().try_into().unwrap();
    });
    for body in town.agreeing_to(&amended, &town.bikes) {
        town.write(body);
    }
    let after = about(&town, &key).unwrap();
    assert_eq!(after.protection, before.protection);
    assert_eq!(after.time_zone, before.time_zone);
}

#[test]
fn a_withdrawal_has_a_time_whoever_made_it() {
    let (mut town, key) = town();
    open(&mut town, &key);
    let none = town.amendment(|terms| terms.publication = None);
    let mut recalled = town.state.clone();
    for body in town.agreeing_to(&none, &town.bikes) {
        town.write_at(body, now() + 2.hours());
    }
    let (since, why) = about(&town, &key).unwrap().withdrawn.unwrap();
    assert_eq!(since, now() + 2.hours());
    assert!(why.contains("allows it no more"), "{why}");
    std::mem::swap(&mut town.state, &mut recalled);
    town.write_at(town.recalled(&key, "bikes"), now() + 1.hour());
    let (since, why) = about(&town, &key).unwrap().withdrawn.unwrap();
    assert_eq!(since, now() + 1.hour());
    assert!(why.contains("wrongly"), "{why}");
}

/// Nobody is told of an edition that is not public, not even by its key.
#[test]
fn an_edition_that_is_not_open_is_not_named() {
    let (mut town, first) = town();
    let body = town.contribution("2026-10-05", "b2", Some("b1"));
    town.write(body);
    let second = released(&mut town, "r2");
    open(&mut town, &second);
    let reservation = &town.state.release(&second).unwrap().reservation;
    assert_eq!(reservation.replaces.as_ref(), Some(&first), "in the log");
    assert_eq!(about(&town, &second).unwrap().replaces, None);
    assert!(about(&town, &first).is_none());
    open(&mut town, &first);
    assert_eq!(about(&town, &second).unwrap().replaces, Some(first.clone()));
    town.write(town.recalled(&first, "bikes"));
    assert_eq!(about(&town, &second).unwrap().replaces, Some(first));
}

/// Both licences hold then; a reader is shown neither as the only one.
#[test]
fn of_several_licences_none_is_the_licence() {
    let (mut town, key) = town();
    open(&mut town, &key);
    let mut about = about(&town, &key).unwrap();
    assert!(about.licence().unwrap().contains("CC-BY-4.0"));
    assert_eq!(about.files().licence.as_deref(), about.licence());
    let other = (
        "CC0-1.0".to_owned(),
        "https://spdx.org/licenses/CC0-1.0.html".to_owned(),
    );
    about.licences.push(other);
    assert_eq!(about.licence(), None);
}

/// A merge may leave out periods: a name that told first and last only would be of other data.
#[test]
fn a_name_tells_of_gaps() {
    let (mut town, key) = town();
    open(&mut town, &key);
    let mut about = about(&town, &key).unwrap();
    for (periods, told) in [
        (&["2026-10-05"][..], "2026-10-05"),
        (
            &["2026-10-05", "2026-10-06", "2026-10-07"],
            "2026-10-05 to 2026-10-07",
        ),
        (
            &["2026-10-05", "2026-10-06", "2026-10-12"],
            "2026-10-05 to 2026-10-06, 2026-10-12",
        ),
        (
            &["2026-W40", "2026-W41", "2026-W43"],
            "2026-W40 to 2026-W41, 2026-W43",
        ),
        (&["2026-12", "2027-01"], "2026-12 to 2027-01"),
        (
            &["2026-10-05", "2026-10-07", "2026-10-09", "2026-10-11"],
            "2026-10-05 to 2026-10-11 with 3 gaps",
        ),
    ] {
        about.periods = periods.iter().map(|text| text.parse().unwrap()).collect();
        let name = about.name();
        assert!(name.ends_with(&format!(" {told}")), "{name}");
    }
}
