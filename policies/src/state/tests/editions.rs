//! A later edition names the newest published one of the same parts, and no other.

use super::*;
use crate::entry::Reservation;
use crate::testing::Providers;

const DAY: &str = "2026-10-05";

fn reservation(town: &Town, id: &str) -> Reservation {
    let Ok(Decision::Permit(permit)) = decide(&town.state, &town.request(id, DAY), now()) else {
        panic!()
    };
    permit.reserve(mechanism()).unwrap()
}

fn reserve(town: &mut Town, reservation: Reservation) -> ReleaseKey {
    let key = reservation.key.clone();
    town.write(Body::ReleaseReserved(Box::new(reservation)));
    key
}

fn published(key: &ReleaseKey) -> Body {
    let blob = "c".repeat(64).parse().unwrap();
    let key = key.clone();
    Body::ReleasePublished { key, blob }
}

/// One day contributed and corrected; the first edition ended as `ends` says.
fn corrected(ends: impl Fn(&ReleaseKey) -> Body) -> (Town, ReleaseKey) {
    let mut town = Town::active();
    let first = town.contribution(DAY, "b1", None);
    town.write(first);
    let reserved = reservation(&town, "r1");
    assert_eq!(reserved.replaces, None);
    let key = reserve(&mut town, reserved);
    town.write(ends(&key));
    let second = town.contribution(DAY, "b2", Some("b1"));
    town.write(second);
    (town, key)
}

#[test]
fn a_later_edition_names_the_published_one_that_it_replaces() {
    let (town, first) = corrected(published);
    let second = reservation(&town, "r2");
    assert_eq!(
        (second.edition, second.replaces.as_ref()),
        (2, Some(&first))
    );
    let other = Reservation {
        replaces: Some(second.key.clone()),
        ..second
    };
    let refused = town.refuses(Body::ReleaseReserved(Box::new(other)));
    assert!(
        refused.contains("the newest one that was published"),
        "{refused}"
    );
}

#[test]
fn what_ended_without_a_table_is_replaced_by_nothing() {
    let reason = "draw.failed".to_owned();
    let (town, first) = corrected(|key| Body::ReleaseAborted {
        key: key.clone(),
        reason: reason.clone(),
    });
    let second = reservation(&town, "r2");
    assert_eq!((second.edition, second.replaces.as_ref()), (2, None));
    let other = Reservation {
        replaces: Some(first),
        ..second
    };
    town.refuses(Body::ReleaseReserved(Box::new(other)));
}

/// A table of several providers is another table than that of one of them.
#[test]
fn a_joint_table_does_not_replace_that_of_one_part() {
    let mut all = Providers::contributed(DAY, |_, _| ());
    let alone = all.request("r1", DAY, &[0]);
    let Ok(Decision::Permit(permit)) = decide(&all.town.state, &alone, now()) else {
        panic!()
    };
    let key = reserve(&mut all.town, permit.reserve(mechanism()).unwrap());
    all.town.write(published(&key));
    let joint = all.request("r2", DAY, &[0, 1]);
    let Ok(Decision::Permit(permit)) = decide(&all.town.state, &joint, now()) else {
        panic!()
    };
    assert_eq!(permit.replaces(), None);
}
