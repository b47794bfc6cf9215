//! A ladder: all rungs are charged, whichever shows a row.

use super::*;
use crate::testing::{merging_mechanism, rung};

fn town() -> Town {
    let mut town = Town::new();
    town.terms.plan[0].editions = 1;
    town.terms.plan[0].rungs = vec![rung()];
    town.terms.population.cap = town.terms.allotment();
    for body in town.agreeing() {
        town.write(body);
    }
    let body = town.contribution("2026-10-05", "b1", None);
    town.write(body);
    town
}

fn reserved(town: &Town) -> crate::entry::Reservation {
    let permit = permit(town, &town.request("r1", "2026-10-05"));
    let mechanisms = vec![mechanism(), merging_mechanism()];
    permit.reserve_ladder(mechanisms).unwrap()
}

#[test]
fn the_table_and_its_rungs_are_charged_together() {
    let mut town = town();
    let reservation = reserved(&town);
    assert_eq!(reservation.charge.to_string(), "ρ 0.75, δ 0.00000015");
    assert_eq!(Some(reservation.charge), town.terms.allotment());
    let own = reservation.mechanism.cost().unwrap();
    let cost = reservation.cost().unwrap();
    assert!(cost.fits_in(reservation.charge) && !cost.fits_in(own));
    assert_eq!(reservation.rungs[0].coarsening, rung().coarsening);
    let charge = reservation.charge;
    town.write(Body::ReleaseReserved(Box::new(reservation)));
    let balances: Vec<_> = town.state.ledger().balances().map(|b| b.2).collect();
    assert_eq!(balances, [charge]);
}

#[test]
fn a_rung_without_noise_of_its_own_or_with_that_of_another_is_not_reserved() {
    let town = town();
    let request = town.request("r1", "2026-10-05");
    let rungs = |mechanisms| permit(&town, &request).reserve_ladder(mechanisms);
    for short in [vec![], vec![mechanism()]] {
        assert!(rungs(short).unwrap_err().contains("every rung"));
    }
    let alone = permit(&town, &request).reserve(mechanism());
    assert!(alone.unwrap_err().contains("every rung"));
    let naive = rungs(vec![mechanism(), mechanism()]).unwrap_err();
    assert!(naive.contains("over the plan's charge"), "{naive}");
    let Mechanism::Thresholded {
        selection,
        mut measures,
    } = merging_mechanism()
    else {
        panic!()
    };
    measures[0].draw.merged = 1;
    let unmerged = Mechanism::Thresholded {
        selection,
        measures,
    };
    let naive = rungs(vec![mechanism(), unmerged]).unwrap_err();
    assert!(naive.contains("made for other bounds"), "{naive}");
}

/// What an operator could leave out: a rung, its charge, or the table's.
#[test]
fn the_log_takes_the_plans_rungs_and_their_charge() {
    let town = town();
    let fine = reserved(&town);
    let refused = |change: &dyn Fn(&mut crate::entry::Reservation)| {
        let mut changed = fine.clone();
        change(&mut changed);
        town.refuses(Body::ReleaseReserved(Box::new(changed)))
    };
    let own = town.terms.plan[0].charge.as_ref().unwrap().total().unwrap();
    assert!(refused(&|r| r.charge = own).contains("the charge is the plan's"));
    assert!(refused(&|r| r.rungs.clear()).contains("the rungs are the plan's"));
    let other = refused(&|r| r.rungs[0].coarsening.bins = None);
    assert!(other.contains("the rungs are the plan's"), "{other}");
}

/// The same table without rungs, or with other ones, is another draw.
#[test]
fn the_key_is_of_the_rungs_too() {
    let town = town();
    let key = permit(&town, &town.request("r1", "2026-10-05"))
        .key()
        .clone();
    let manifest = reserved(&town).manifest;
    let period = "2026-10-05".parse().unwrap();
    let (terms, table) = (&town.terms, &town.terms.tables[0]);
    let of = |item: &crate::agreement::PlanItem| {
        release_key(terms, table, item, period, &manifest).unwrap()
    };
    let mut item = terms.plan[0].clone();
    assert_eq!(of(&item), key);
    item.rungs[0].charge.selection = "0.1".parse().unwrap();
    let other = of(&item);
    item.rungs.clear();
    let none = of(&item);
    assert!(other != key && none != key && none != other);
}
