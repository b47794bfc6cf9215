//! What a k-only agreement has to leave out.

use super::*;
use crate::testing::{k_only, k_only_floors};

fn terms() -> Agreement {
    k_only(&agreement(&Signer::new(), &Signer::new()))
}

fn told(terms: &Agreement) -> Vec<String> {
    let faults = faults(terms, &k_only_floors()).into_iter();
    faults.map(|fault| fault.path).collect()
}

#[track_caller]
fn breaks(path: &str, change: impl Fn(&mut Agreement)) {
    let mut terms = terms();
    change(&mut terms);
    assert_eq!(told(&terms), [path]);
}

#[test]
fn a_k_only_agreement_is_sound_with_and_without_a_cap() {
    let mut terms = terms();
    assert_eq!(told(&terms), Vec::<String>::new());
    terms.population.cap = None;
    assert_eq!(told(&terms), Vec::<String>::new());
}

/// Fail closed: a steward who says nothing allows none.
#[test]
fn the_steward_has_to_allow_it_and_says_from_which_k_on() {
    let found = faults(&terms(), &floors());
    assert_eq!(found.len(), 1);
    let said = found[0].to_string();
    let expected = "population.protection: k-only tables are not allowed here";
    assert!(said.starts_with(expected), "{said}");
    breaks("k", |a| a.k = 4);
    let lax = Floors {
        k_min: 0,
        k_only_k_min: Some(1),
        ..floors()
    };
    let mut one = terms();
    one.k = 1;
    assert_eq!(faults(&one, &lax)[0].path, "k", "one unit is no crowd");
}

#[test]
fn everything_that_could_be_subtracted_or_charged_is_refused() {
    let (bikes, city) = (Signer::new(), Signer::new());
    let charge = agreement(&bikes, &city).plan[0].charge.clone();
    breaks("plan[0].charge", |a| a.plan[0].charge.clone_from(&charge));
    breaks("plan[0].editions", |a| a.plan[0].editions = 2);
    breaks("plan[0].rungs", |a| {
        a.plan[0].rungs = vec![crate::testing::rung()];
    });
    breaks("plan[0].joint", |a| {
        a.plan[0].joint = Some(serde_json::from_str(r#"{"min_providers": 3}"#).unwrap());
    });
    breaks("ad_hoc", |a| {
        a.ad_hoc = vec![crate::testing::ad_hoc()];
    });
    breaks("plan", |a| {
        let (mut table, mut item) = (a.tables[0].clone(), a.plan[0].clone());
        table.name = "second".parse().unwrap();
        item.table = table.name.clone();
        a.tables.push(table);
        a.plan.push(item);
    });
    breaks("population.unit", |a| a.population.unit = Unit::None);
    let mut trips = terms();
    trips.population.unit = Unit::Trip;
    assert!(told(&trips).contains(&"population.unit".to_owned()));
    breaks("tables[0].period", |a| {
        a.tables[0].period = crate::period::Grain::Week;
    });
    breaks("tables[0]", |a| {
        let clamp = r#"{"measure": "duration_s", "min": 0, "max": 9}"#;
        a.tables[0].clamps = vec![serde_json::from_str(clamp).unwrap()];
    });
    let mut wide = terms();
    let a = &mut wide;
    {
        a.zonings[0].zones = 1 << 15;
        a.zonings[0].parents = Some(1 << 15);
    }
    assert_eq!(told(&wide), ["tables[0]"; 2], "origin and destination");
}
