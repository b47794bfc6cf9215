//! What a dense line has to leave out.

use super::*;
use crate::testing::{ad_hoc, dense, rung};

fn terms() -> Agreement {
    dense(&agreement(&Signer::new(), &Signer::new()))
}

#[track_caller]
fn breaks(path: &str, says: &str, change: impl Fn(&mut Agreement)) {
    let mut terms = terms();
    change(&mut terms);
    let found = faults(&terms, &floors());
    let first = found.first().map(ToString::to_string).unwrap_or_default();
    assert_eq!(
        paths(&terms).first().map(String::as_str),
        Some(path),
        "{first}"
    );
    assert!(first.contains(says), "{first}");
}

#[test]
fn a_dense_line_is_sound_and_not_to_be_dense_is_not_written() {
    assert_eq!(paths(&terms()), Vec::<String>::new());
    let sparse = agreement(&Signer::new(), &Signer::new())
        .canonical()
        .unwrap();
    assert!(!String::from_utf8(sparse).unwrap().contains("dense"));
}

#[test]
fn nothing_selects_merges_or_joins_a_dense_table() {
    breaks("plan[0].charge", "has to be 0", |a| {
        a.plan[0].charge.as_mut().unwrap().delta = "0.0000001".parse().unwrap();
    });
    breaks("plan[0].charge", "above 0", |a| {
        a.plan[0].charge.as_mut().unwrap().selection = Rho::ZERO;
    });
    breaks("plan[0].charge", "rho above 0", |a| {
        a.plan[0].charge.as_mut().unwrap().measures[0].rho = Rho::ZERO;
    });
    breaks("plan[0].dense", "no `rungs`", |a| {
        a.plan[0].rungs = vec![rung()]
    });
    breaks("plan[0].dense", "no `joint`", |a| {
        a.plan[0].joint = Some(serde_json::from_str(r#"{"min_providers": 3}"#).unwrap());
    });
    breaks("plan[0].dense", "`ad_hoc`", |a| a.ad_hoc = vec![ad_hoc()]);
    breaks("plan[0].dense", "charge of its own", |a| {
        a.plan[0].charge = None
    });
}

/// 2·z² keys: 724² · 2 is below 2²⁰, 725² · 2 above.
#[test]
fn the_domain_has_a_bound_that_is_named() {
    let mut terms = terms();
    terms.zonings[0].zones = 724;
    assert_eq!(paths(&terms), Vec::<String>::new());
    breaks("plan[0].dense", "1051250 keys", |a| {
        a.zonings[0].zones = 725
    });
    breaks("plan[0].dense", "1 to 1048576", |a| {
        a.zonings[0].zones = 725
    });
}

#[test]
fn a_steward_may_allow_no_dense_tables() {
    let strict = Floors {
        dense_allowed: false,
        ..floors()
    };
    let found = faults(&terms(), &strict);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].path, "plan[0].dense");
    assert!(found[0].message.contains("`dense_allowed`"));
    let sparse = agreement(&Signer::new(), &Signer::new());
    assert_eq!(faults(&sparse, &strict), []);
    // As floors were written before there was a choice: all may be.
    let text = serde_json::to_string(&floors()).unwrap();
    assert!(floors().dense_allowed && !text.contains("dense"));
    assert!(
        serde_json::to_string(&strict)
            .unwrap()
            .contains("\"dense_allowed\":false")
    );
}
