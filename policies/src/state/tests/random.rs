//! Random sequences: whatever is written, no unit-period ever loses more than its cap.

use proptest::prelude::*;

use super::*;
use crate::agreement::Unit;
use crate::ledger::Account;
use crate::loss::{Delta, Rho};
use crate::period::Grain;

/// What somebody tries next.
#[derive(Debug, Clone)]
enum Step {
    Push { day: u8, supersede: bool },
    Ask { day: u8, lie: u8 },
    End { nth: usize, publish: bool },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        (5..8_u8, any::<bool>()).prop_map(|(day, supersede)| Step::Push { day, supersede }),
        (5..8_u8, 0..8_u8).prop_map(|(day, lie)| Step::Ask { day, lie }),
        (0..6_usize, any::<bool>()).prop_map(|(nth, publish)| Step::End { nth, publish }),
    ];
    prop::collection::vec(step, 1..24)
}

/// The town with two agreements on the same riders; together they are allotted the whole cap.
fn towns() -> Town {
    let mut town = Town::new();
    town.terms.plan[0].editions = 1;
    for title in ["one", "two"] {
        town.terms.title = title.into();
        for body in town.agreeing() {
            town.write(body);
        }
    }
    town
}

fn body(town: &Town, n: usize, step: &Step) -> Option<Body> {
    match step {
        Step::Push { day, supersede } => {
            let period = format!("2026-10-{day:02}");
            let slot = town.request("r", &period).slot();
            let live = town
                .state
                .live(&slot)
                .map(|live| live.contribution.batch.to_string());
            let live = live.filter(|_| *supersede);
            Some(town.contribution(&period, &format!("b{n}"), live.as_deref()))
        }
        Step::Ask { day, lie } => {
            let request = town.request(&format!("r{n}"), &format!("2026-10-{day:02}"));
            let Ok(Decision::Permit(permit)) = decide(&town.state, &request, now()) else {
                return None;
            };
            let mut reservation = permit.reserve(mechanism()).unwrap();
            // An operator that reserves what decide did not permit.
            match lie {
                0 => reservation.edition += 1,
                1 => reservation.charge.rho = Rho::ZERO,
                2 => reservation.period = "2026-10-05".parse().unwrap(),
                _ => {}
            }
            Some(Body::ReleaseReserved(Box::new(reservation)))
        }
        Step::End { nth, publish } => {
            let key = town.state.releases().nth(*nth)?.0.clone();
            Some(if *publish {
                let blob = "c".repeat(64).parse().unwrap();
                Body::ReleasePublished { key, blob }
            } else {
                let reason = "input.lost".into();
                Body::ReleaseAborted { key, reason }
            })
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 48,
        failure_persistence: None,
        ..Default::default()
    })]

    #[test]
    fn the_cap_holds_and_every_loss_is_a_release(steps in steps()) {
        let mut town = towns();
        let ids: Vec<_> = town.state.agreements().map(|(_, r)| r.terms.clone()).collect();
        for (n, step) in steps.iter().enumerate() {
            town.terms = ids[n % 2].clone();
            let Some(body) = body(&town, n, step) else { continue };
            let mut next = town.state.clone();
            if next.apply(&entry(body.clone())).is_ok() {
                town.state = next;
                town.log.push(entry(body));
            } else {
                prop_assert!(next == town.state, "refused, and a part is left");
            }
        }
        let ledger = town.state.ledger();
        let (_, terms) = ledger.accounts().next().unwrap();
        prop_assert!(terms.allotted.fits_in(terms.cap));
        let mut released: BTreeMap<Period, Loss> = BTreeMap::new();
        for (_, release) in town.state.releases() {
            let r = &release.reservation;
            let sum = released.entry(r.period).or_default();
            *sum = sum.checked_add(r.charge).unwrap();
            prop_assert!(r.mechanism.cost().unwrap().fits_in(r.charge));
        }
        let balances: BTreeMap<Period, Loss> =
            ledger.balances().map(|(_, period, loss)| (period, loss)).collect();
        prop_assert!(balances.values().all(|loss| loss.fits_in(terms.cap)), "{balances:?}");
        prop_assert_eq!(balances, released);
        // The log alone says the same.
        let mut replayed = State::new();
        for entry in &town.log {
            replayed.apply(entry).unwrap();
        }
        prop_assert_eq!(replayed, town.state);
    }

    /// The ledger by itself: all or nothing, never above the cap, and exactly the sum.
    #[test]
    fn a_debit_is_taken_whole_or_not_at_all(
        charges in prop::collection::vec((1..=28_u8, any::<bool>(), 0..60_u64, 0..60_u64), 1..60),
    ) {
        let cap = Loss { rho: Rho::from_units(100), delta: Delta::from_units(100) };
        let account = Account {
            provider: org("bikes"),
            population: "riders".parse().unwrap(),
        };
        let mut ledger = Ledger::default();
        let terms = ledger.with_allotment(&account, Unit::PersonDay, Some(cap), (Loss::ZERO, cap)).unwrap();
        ledger.set_terms(account.clone(), terms);
        let mut model: BTreeMap<Period, (u64, u64)> = BTreeMap::new();
        for (day, week, rho, delta) in charges {
            let day: Period = format!("2026-02-{day:02}").parse().unwrap();
            let grain = if week { Grain::Week } else { Grain::Day };
            let periods = Period::holding(day.first(), grain).unwrap().parts(Grain::Day).unwrap();
            let charge = Loss { rho: Rho::from_units(rho), delta: Delta::from_units(delta) };
            let fits = periods.iter().all(|p| {
                let (r, d) = model.get(p).copied().unwrap_or_default();
                r + rho <= 100 && d + delta <= 100
            });
            prop_assert_eq!(ledger.debit(&account, &periods, charge).is_ok(), fits);
            for period in periods.into_iter().filter(|_| fits) {
                let sum = model.entry(period).or_default();
                *sum = (sum.0 + rho, sum.1 + delta);
            }
        }
        for (period, (rho, delta)) in model {
            let spent = ledger.spent(&account, period);
            prop_assert_eq!((spent.rho.units(), spent.delta.units()), (rho, delta));
        }
    }
}
