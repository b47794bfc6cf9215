//! One table of several agreements: every agreement's rules, and those between them.

use super::*;
use crate::agreement::Agreement;
use crate::joint::JointRule;
use crate::mechanism::Noise;
use crate::testing::{PROVIDERS, Providers};

mod around;

const DAY: &str = "2026-10-05";

fn rule(min_providers: Option<u32>, dominance_percent: Option<u32>) -> Option<JointRule> {
    Some(JointRule {
        min_providers,
        dominance_percent,
    })
}

fn refused(all: &Providers, request: &Request) -> Vec<(ReasonId, String)> {
    match decide(&all.town.state, request, now()).unwrap() {
        Decision::Refuse(refusal) => {
            let reasons = refusal.reasons().iter();
            reasons.map(|r| (r.id, r.text.clone())).collect()
        }
        other => panic!("{other:?}"),
    }
}

fn reserve(all: &mut Providers, request: &Request, parts: &[usize]) -> ReleaseKey {
    let Decision::Permit(permit) = decide(&all.town.state, request, now()).unwrap() else {
        panic!("not permitted")
    };
    let reservation = permit.reserve_joint(all.mechanisms(parts)).unwrap();
    let key = reservation.key.clone();
    all.town.write(Body::ReleaseReserved(Box::new(reservation)));
    key
}

/// What each account has lost on the day, in the order of their names.
fn lost(all: &Providers) -> Vec<String> {
    let ledger = all.town.state.ledger();
    ledger
        .balances()
        .map(|(account, period, loss)| format!("{} {period} ρ {}", account.provider, loss.rho))
        .collect()
}

/// For the test that every reason can be met.
pub(super) fn see_every_reason(see: &mut dyn FnMut(&State, &Request)) {
    let mut all = Providers::contributed(DAY, |n, terms| {
        terms.plan[0].joint = rule(Some(3), None).filter(|_| n == 2);
    });
    see(&all.town.state, &all.request("r1", DAY, &[2]));
    see(&all.town.state, &all.request("r1", DAY, &[0, 0]));
    let joint = all.request("r2", DAY, &[0, 1, 2]);
    reserve(&mut all, &joint, &[0, 1, 2]);
    see(&all.town.state, &all.request("r3", DAY, &[0]));
}

#[test]
fn every_part_is_charged_to_its_own_account() {
    let mut all = Providers::contributed(DAY, |n, terms| {
        if n == 1 {
            let charge = terms.plan[0].charge.as_mut().unwrap();
            charge.selection = "0.3".parse().unwrap();
            terms.plan[0].editions = 1;
        }
    });
    let request = all.request("r1", DAY, &[0, 1, 2]);
    let key = reserve(&mut all, &request, &[0, 1, 2]);
    let expected = [
        "bikes 2026-10-05 ρ 0.5",
        "scooters 2026-10-05 ρ 0.55",
        "taxis 2026-10-05 ρ 0.5",
    ];
    assert_eq!(lost(&all), expected);
    // Each agreement has made an edition of it.
    for part in request.parts() {
        assert_eq!(
            all.town.state.editions(&part.slot()),
            std::slice::from_ref(&key)
        );
    }
    // In whatever order it is asked for, it is the same table, free.
    for (id, order) in [("r1", [0, 1, 2]), ("r2", [2, 0, 1]), ("r3", [1, 2, 0])] {
        let again = all.request(id, DAY, &order);
        let again = decide(&all.town.state, &again, now()).unwrap();
        assert!(
            matches!(again, Decision::Exists(same) if same == key),
            "{order:?}"
        );
    }
    // Fewer providers are another table.
    let fewer = all.request("r4", DAY, &[0, 2]);
    let Decision::Permit(permit) = decide(&all.town.state, &fewer, now()).unwrap() else {
        panic!()
    };
    assert_ne!(*permit.key(), key);
    let reused = decide(&all.town.state, &all.request("r1", DAY, &[0, 1]), now());
    assert!(matches!(reused, Err(DecideError::RequestIdReused { .. })));
}

/// Attack: take from two accounts what the third cannot pay.
#[test]
fn where_one_account_cannot_pay_nothing_is_charged_anywhere() {
    let mut all = Providers::contributed(DAY, |_, _| {});
    let account = State::account_of(&all.terms[1]);
    let cap = all.terms[1].population.cap.unwrap();
    all.town
        .state
        .ledger
        .set_spent(account.clone(), DAY.parse().unwrap(), cap);
    let before = lost(&all);
    let request = all.request("r1", DAY, &[0, 1, 2]);
    let [(id, text)] = refused(&all, &request).try_into().unwrap();
    assert_eq!(id, ReasonId::BudgetExceeded);
    assert!(
        text.starts_with("agreement ") && text.contains("(`scooters`): unit-period"),
        "{text}"
    );
    assert_eq!(lost(&all), before);
    // An operator that writes it all the same gets no state.
    all.town
        .state
        .ledger
        .set_spent(account, DAY.parse().unwrap(), Default::default());
    let Decision::Permit(permit) = decide(&all.town.state, &request, now()).unwrap() else {
        panic!()
    };
    let reserved = permit.reserve_joint(all.mechanisms(&[0, 1, 2])).unwrap();
    let account = State::account_of(&all.terms[2]);
    all.town
        .state
        .ledger
        .set_spent(account, DAY.parse().unwrap(), cap);
    let text = all.town.refuses(Body::ReleaseReserved(Box::new(reserved)));
    assert!(text.contains("left of its cap"), "{text}");
}

/// Purposes, days, recipients and grace of every agreement hold, and the refusal says whose.
#[test]
fn the_strictest_of_all_agreements_rules_holds() {
    type Change = fn(&mut Agreement);
    let changes: [(ReasonId, Change); 6] = [
        (ReasonId::PurposeNotAgreed, |a| {
            a.purposes = vec!["dpv:Research".into()]
        }),
        (ReasonId::RecipientNotNamed, |a| {
            a.recipients = vec![org("others")]
        }),
        (ReasonId::AgreementOutsideValidity, |a| {
            a.valid.until = "2026-10-31".parse().unwrap();
        }),
        (ReasonId::PeriodNotDue, |a| a.plan[0].due_hours = 24 * 300),
        (ReasonId::TableNotPlanned, |a| {
            a.plan.clear();
        }),
        (ReasonId::PeriodOutsideCoverage, |a| {
            a.covers.until = "2026-10-05".parse().unwrap();
        }),
    ];
    for (expected, change) in changes {
        for (strict, whose) in PROVIDERS.iter().enumerate() {
            let mut all = Providers::new(|n, terms| {
                if n == strict {
                    change(terms);
                }
            });
            let day = match expected {
                ReasonId::PeriodOutsideCoverage => "2026-10-06",
                _ => DAY,
            };
            for n in (0..3).filter(|n| *n != strict || day == DAY) {
                all.contribute(n, day, &format!("b{n}"));
            }
            let reasons = refused(&all, &all.request("r1", day, &[0, 1, 2]));
            let whose = format!("(`{whose}`): ");
            let found = reasons.iter().find(|(id, _)| *id == expected);
            let (_, text) = found.unwrap_or_else(|| panic!("{expected} of {strict}: {reasons:?}"));
            assert!(text.contains(&whose), "{text}");
            let others = reasons.iter().filter(|(_, text)| !text.contains(&whose));
            assert_eq!(others.count(), 0, "{reasons:?}");
        }
    }
}

#[test]
fn only_who_belongs_to_every_agreement_may_ask() {
    let all = Providers::contributed(DAY, |n, terms| {
        if n == 2 {
            terms.recipients = vec![org("others")];
        }
    });
    // The city is a party of all, but no recipient of the third.
    let reasons = refused(&all, &all.request("r1", DAY, &[0, 1, 2]));
    assert_eq!(reasons[0].0, ReasonId::RecipientNotNamed);
    for asker in ["others", "bikes", "taxis"] {
        let request = Request {
            by: org(asker),
            ..all.request("r1", DAY, &[0, 1, 2])
        };
        let error = decide(&all.town.state, &request, now()).unwrap_err();
        assert!(matches!(error, DecideError::NotFound { .. }), "{asker}");
    }
}

#[test]
fn only_tables_of_one_shape_and_of_different_providers_are_one() {
    type Change = fn(&mut Agreement);
    let changes: [(&str, Change); 8] = [
        ("unit", |a| a.population.unit = crate::agreement::Unit::Trip),
        ("time zone", |a| {
            a.time_zone = serde_json::from_str("\"UTC\"").unwrap()
        }),
        ("period", |a| {
            a.tables[0].period = crate::period::Grain::Month
        }),
        ("day bins", |a| {
            a.tables[0].bins = vec![0, 6].try_into().unwrap()
        }),
        ("categories", |a| {
            a.tables[0].categories[0]
                .values
                .push("ferry".parse().unwrap());
        }),
        ("clamps or other terms of the table", |a| {
            a.tables[0].clamps[0].max = 3600
        }),
        ("list of measures", |a| {
            a.plan[0].charge.as_mut().unwrap().measures.clear();
        }),
        ("kind of table", |a| {
            a.tables[0].kind = "segment_counts".into()
        }),
    ];
    for (what, change) in changes {
        let all = Providers::new(|n, terms| {
            if n == 1 {
                change(terms);
            }
        });
        let reasons = refused(&all, &all.request("r1", DAY, &[0, 1, 2]));
        let differ = reasons.iter().find(|(id, _)| *id == ReasonId::PartsDiffer);
        let expected = format!("the {what} of `scooters` is not that of `bikes`");
        assert_eq!(differ.map(|(_, text)| text.clone()), Some(expected));
    }
    // One draw has one noise; who names none takes that of the others.
    let all = Providers::new(|n, terms| {
        let charge = terms.plan[0].charge.as_mut().unwrap();
        charge.noise = [
            None,
            Some(Noise::DiscreteLaplace),
            Some(Noise::DiscreteGaussian),
        ][n];
    });
    let reasons = refused(&all, &all.request("r1", DAY, &[0, 1, 2]));
    let differ = reasons.iter().find(|(id, _)| *id == ReasonId::PartsDiffer);
    let expected = "the noise of `taxis` is not that of `scooters`";
    assert_eq!(differ.map(|(_, text)| text.as_str()), Some(expected));
    let reasons = refused(&all, &all.request("r2", DAY, &[0, 1]));
    assert!(reasons.iter().all(|(id, _)| *id != ReasonId::PartsDiffer));
    let all = Providers::contributed(DAY, |_, _| {});
    let reasons = refused(&all, &all.request("r1", DAY, &[0, 1, 0]));
    assert_eq!(reasons[0].0, ReasonId::PartsDiffer);
    assert!(
        reasons[0].1.contains("`bikes` provides twice"),
        "{reasons:?}"
    );
    let many = refused(&all, &all.request("r1", DAY, &[0, 1, 2, 0, 1, 2, 0, 1, 2]));
    assert!(many[0].1.contains("at most 8"), "{many:?}");
}

#[test]
fn a_guarded_table_is_never_released_with_too_few_providers() {
    for (min, percent, enough) in [(Some(3), None, 3), (None, Some(50), 2), (None, Some(34), 3)] {
        let all = Providers::contributed(DAY, |n, terms| {
            terms.plan[0].joint = rule(min, percent).filter(|_| n == 1);
        });
        for parts in [&[1][..], &[1, 0], &[0, 1], &[0, 1, 2]] {
            let request = all.request("r1", DAY, parts);
            let permitted = matches!(
                decide(&all.town.state, &request, now()).unwrap(),
                Decision::Permit(_)
            );
            assert_eq!(
                permitted,
                parts.len() >= enough,
                "{min:?} {percent:?} {parts:?}"
            );
            if !permitted {
                let [(id, text)] = refused(&all, &request).try_into().unwrap();
                assert_eq!(id, ReasonId::PartsTooFew, "{text}");
            }
        }
    }
}

/// The order of the agreements and the state say all: a permit cannot be reserved with other noise.
#[test]
fn a_joint_permit_takes_one_draw_per_measure() {
    let all = Providers::contributed(DAY, |_, _| {});
    let request = all.request("r1", DAY, &[0, 1, 2]);
    let permit = || match decide(&all.town.state, &request, now()).unwrap() {
        Decision::Permit(permit) => permit,
        other => panic!("{other:?}"),
    };
    let fine = all.mechanisms(&[0, 1, 2]);
    permit().reserve_joint(fine.clone()).unwrap();
    let text = permit().reserve(fine[0].clone()).unwrap_err();
    assert!(text.contains("every part"), "{text}");
    let mut wrong = fine.clone();
    wrong.swap(0, 2);
    let text = permit().reserve_joint(wrong).unwrap_err();
    assert!(text.contains("made for other bounds"), "{text}");
    let mut louder = fine;
    let Mechanism::Thresholded { measures, .. } = &mut louder[1] else {
        panic!()
    };
    measures[0].draw.scale = crate::mechanism::Scale::from_sixteenths(98).unwrap();
    let text = permit().reserve_joint(louder).unwrap_err();
    assert!(text.contains("has one draw"), "{text}");
}
