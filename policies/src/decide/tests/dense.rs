//! A dense table: as the plan says, never by somebody's choice.

use super::*;
use crate::loss::Delta;
use crate::mechanism::{Draw, Scale};
use crate::testing::{dense, dense_mechanism};

fn town() -> Town {
    let mut town = Town::new();
    town.terms = dense(&town.terms);
    for body in town.agreeing() {
        town.write(body);
    }
    let body = town.contribution("2026-10-05", "b1", None);
    town.write(body);
    town
}

#[test]
fn it_is_charged_without_delta() {
    let mut town = town();
    let permit = permit(&town, &town.request("r1", "2026-10-05"));
    let reservation = permit.reserve(dense_mechanism()).unwrap();
    assert_eq!(reservation.charge.to_string(), "ρ 0.5, δ 0");
    let cost = reservation.cost().unwrap();
    assert!(cost.fits_in(reservation.charge) && cost.delta == Delta::ZERO);
    let charge = reservation.charge;
    town.write(Body::ReleaseReserved(Box::new(reservation)));
    let balances: Vec<_> = town.state.ledger().balances().map(|b| b.2).collect();
    assert_eq!(balances, [charge]);
}

#[test]
fn what_the_plan_does_not_call_dense_is_not_and_the_other_way_round() {
    let town = town();
    let request = town.request("r1", "2026-10-05");
    let sparse = permit(&town, &request).reserve(mechanism());
    assert!(sparse.unwrap_err().contains("dense in the plan"));
    let town = contributed();
    let request = town.request("r1", "2026-10-05");
    let all = permit(&town, &request).reserve(dense_mechanism());
    assert!(all.unwrap_err().contains("dense in the plan"));
    // Nor where an operator writes the entry without asking.
    let mut reserved = permit(&town, &request).reserve(mechanism()).unwrap();
    reserved.mechanism = dense_mechanism();
    let text = town.refuses(Body::ReleaseReserved(Box::new(reserved)));
    assert!(text.contains("dense line is released dense"), "{text}");
}

#[test]
fn its_noise_is_made_for_the_tables_bounds_and_paid() {
    let town = town();
    let request = town.request("r1", "2026-10-05");
    let Mechanism::Dense {
        contributors,
        measures,
    } = dense_mechanism()
    else {
        panic!()
    };
    let smaller = Draw {
        l0: 1,
        ..contributors
    };
    let few = Mechanism::Dense {
        contributors: smaller,
        measures: measures.clone(),
    };
    assert!(
        permit(&town, &request)
            .reserve(few)
            .unwrap_err()
            .contains("other bounds")
    );
    let louder = Draw {
        scale: Scale::from_sixteenths(16).unwrap(),
        ..contributors
    };
    let dear = Mechanism::Dense {
        contributors: louder,
        measures,
    };
    assert!(
        permit(&town, &request)
            .reserve(dear)
            .unwrap_err()
            .contains("costs")
    );
}

/// Whoever asks for the sparse table of the same input never gets these bytes.
#[test]
fn the_key_is_of_it_too() {
    let town = town();
    let permit = permit(&town, &town.request("r1", "2026-10-05"));
    let (mut terms, manifest) = (town.terms.clone(), [town_blob(&town)]);
    let key = |terms: &crate::agreement::Agreement| {
        let period = "2026-10-05".parse().unwrap();
        release_key(terms, &terms.tables[0], &terms.plan[0], period, &manifest).unwrap()
    };
    assert_eq!(*permit.key(), key(&terms));
    terms.plan[0].dense = false;
    assert_ne!(*permit.key(), key(&terms));
}

fn town_blob(town: &Town) -> crate::id::BlobId {
    let slot = town.request("r1", "2026-10-05").slot();
    town.state.live(&slot).unwrap().contribution.blob.clone()
}

#[test]
fn a_named_distribution_binds_it_too() {
    let mut town = Town::new();
    town.terms = dense(&town.terms);
    let charge = town.terms.plan[0].charge.as_mut().unwrap();
    charge.noise = Some(crate::mechanism::Noise::DiscreteLaplace);
    for body in town.agreeing() {
        town.write(body);
    }
    let body = town.contribution("2026-10-05", "b1", None);
    town.write(body);
    let permit = permit(&town, &town.request("r1", "2026-10-05"));
    let error = permit.reserve(dense_mechanism()).unwrap_err();
    assert!(error.contains("another distribution"), "{error}");
}
