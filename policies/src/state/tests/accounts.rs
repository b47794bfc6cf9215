//! One account per population and provider, whatever reads it (issue 3, item 7).

use super::*;
use crate::agreement::Protection;
use crate::ledger::Account;
use crate::period::Grain;

fn activate(town: &mut Town) {
    for body in town.agreeing() {
        town.write(body);
    }
}

/// Contributes and reserves one period under the town's present terms.
fn release(town: &mut Town, period: &str, batch: &str, request: &str) {
    let body = town.contribution(period, batch, None);
    town.write(body);
    let wish = town.request(request, period);
    let Decision::Permit(permit) = decide(&town.state, &wish, now()).unwrap() else {
        panic!("{request} is not permitted")
    };
    let reservation = permit.reserve(mechanism()).unwrap();
    town.write(Body::ReleaseReserved(Box::new(reservation)));
}

fn spent(town: &Town, population: &str, period: &str) -> String {
    let account = Account {
        provider: org("bikes"),
        population: population.parse().unwrap(),
    };
    town.state
        .ledger()
        .spent(&account, period.parse().unwrap())
        .to_string()
}

/// Two agreements, two tables, the same riders: the second finds what the first has spent.
#[test]
fn two_agreements_of_one_population_share_one_ledger() {
    let mut town = Town::new();
    town.terms.plan[0].editions = 1;
    activate(&mut town);
    release(&mut town, "2026-10-05", "b1", "r1");
    town.terms.title = "The same riders for another project".into();
    town.terms.tables[0].name = "other".parse().unwrap();
    town.terms.plan[0].table = "other".parse().unwrap();
    activate(&mut town);
    let body = match town.contribution("2026-10-05", "b2", None) {
        Body::ContributionAccepted(c) => Body::ContributionAccepted(Contribution {
            table: "other".parse().unwrap(),
            ..c
        }),
        other => other,
    };
    town.write(body);
    let wish = crate::decide::Request {
        table: "other".parse().unwrap(),
        ..town.request("r2", "2026-10-05")
    };
    let Decision::Permit(permit) = decide(&town.state, &wish, now()).unwrap() else {
        panic!()
    };
    let reservation = permit.reserve(mechanism()).unwrap();
    town.write(Body::ReleaseReserved(Box::new(reservation)));
    assert_eq!(town.state.ledger().accounts().count(), 1);
    assert_eq!(
        spent(&town, "riders", "2026-10-05"),
        "ρ 1, δ 0.0000002",
        "both releases, on one account"
    );
    // The cap is allotted: a third agreement of the same riders is never active.
    town.terms.title = "And a third".into();
    let [offered, signed, activated] = town.agreeing();
    town.write(offered);
    town.write(signed);
    assert!(town.refuses(activated).contains("over the cap"));
}

/// Found by a reader: a k-only agreement, which has no cap, opened the account with none to spend, and closed the
/// population to differential privacy for ever; beside one it could not stand either.
#[test]
fn an_agreement_without_a_cap_leaves_it_to_those_that_have_one() {
    for first in [Protection::Differential, Protection::KOnly] {
        let mut town = Town::new();
        let with_cap = town.terms.clone();
        let mut without = with_cap.clone();
        without.title = "Counted with k alone".into();
        without.population.protection = Protection::KOnly;
        (without.population.cap, without.plan[0].charge) = (None, None);
        let mut both = [with_cap.clone(), without];
        if first == Protection::KOnly {
            both.reverse();
        }
        for terms in both {
            town.terms = terms;
            activate(&mut town);
        }
        let account = State::account_of(&with_cap);
        let terms = town.state.ledger().terms(&account).unwrap().clone();
        assert_eq!(Some(terms.cap), with_cap.population.cap);
        assert_eq!(Some(terms.allotted), with_cap.allotment());
        // Another cap is refused as ever.
        town.terms = with_cap.clone();
        town.terms.title = "With another cap".into();
        town.terms.population.cap = terms.cap.checked_add(terms.cap);
        let [offered, signed, activated] = town.agreeing();
        town.write(offered);
        town.write(signed);
        assert!(town.refuses(activated).contains("agree on the same"));
    }
}

/// A month table of people whose unit is the day: the whole charge goes to each of its 31 days, and a
/// day table of the same riders finds it there.
#[test]
fn a_month_costs_every_day_it_reads_its_full_charge() {
    let mut town = Town::new();
    town.terms.plan[0].editions = 1;
    let month = crate::table::Table {
        name: "month".parse().unwrap(),
        period: Grain::Month,
        ..town.terms.tables[0].clone()
    };
    let plan = crate::agreement::PlanItem {
        table: "month".parse().unwrap(),
        ..town.terms.plan[0].clone()
    };
    town.terms.tables.push(month);
    town.terms.plan.push(plan);
    activate(&mut town);
    let Body::ContributionAccepted(mut month) = town.contribution("2026-10", "m1", None) else {
        panic!()
    };
    month.table = "month".parse().unwrap();
    town.write(Body::ContributionAccepted(month));
    let wish = crate::decide::Request {
        table: "month".parse().unwrap(),
        ..town.request("r1", "2026-10")
    };
    let Decision::Permit(permit) = decide(&town.state, &wish, now()).unwrap() else {
        panic!()
    };
    let reservation = permit.reserve(mechanism()).unwrap();
    let charge = reservation.charge;
    town.write(Body::ReleaseReserved(Box::new(reservation)));
    let days: Vec<_> = town.state.ledger().balances().collect();
    assert_eq!(days.len(), 31);
    assert!(days.iter().all(|(_, _, loss)| *loss == charge));
    release(&mut town, "2026-10-05", "b1", "r2");
    assert_eq!(spent(&town, "riders", "2026-10-05"), "ρ 1, δ 0.0000002");
    assert_eq!(spent(&town, "riders", "2026-10-06"), "ρ 0.5, δ 0.0000001");
}

/// What nothing here can know: that two names mean the same people. The name is what both parties sign, and
/// `docs/PRIVACY.md` says that a second name is a second budget.
#[test]
fn a_second_population_id_is_a_second_account_with_a_cap_of_its_own() {
    let mut town = Town::active();
    release(&mut town, "2026-10-05", "b1", "r1");
    town.terms.population.id = "riders-again".parse().unwrap();
    activate(&mut town);
    release(&mut town, "2026-10-05", "b2", "r2");
    assert_eq!(town.state.ledger().accounts().count(), 2);
    for population in ["riders", "riders-again"] {
        let loss = spent(&town, population, "2026-10-05");
        assert_eq!(loss, "ρ 0.5, δ 0.0000001");
    }
}
