//! Chosen once per unit-period, and alone.

use super::*;
use crate::agreement::Protection;
use crate::testing::k_only;

const K_ONLY: Mechanism = Mechanism::KOnly { k: 5 };

/// A town with the usual agreement and a k-only one of the same people; day and week are contributed.
struct Both {
    town: Town,
    noisy: crate::agreement::Agreement,
    exact: crate::agreement::Agreement,
}

fn both() -> Both {
    let town = contributed();
    let noisy = town.terms.clone();
    let exact = k_only(&noisy);
    let mut both = Both { town, noisy, exact };
    both.agree(|both| both.exact.clone());
    let body = both.town.contribution("2026-10-05", "k1", None);
    both.town.write(body);
    both
}

impl Both {
    /// The town's next requests and contributions are under these terms.
    fn under(&mut self, terms: impl Fn(&Self) -> crate::agreement::Agreement) -> &mut Town {
        self.town.terms = terms(self);
        &mut self.town
    }

    fn agree(&mut self, terms: impl Fn(&Self) -> crate::agreement::Agreement) {
        let town = self.under(terms);
        for body in town.agreeing() {
            town.write(body);
        }
    }
}

fn reserve_exactly(town: &mut Town, request: &Request) -> ReleaseKey {
    let reservation = permit(town, request).reserve(K_ONLY).unwrap();
    assert_eq!(reservation.charge, crate::loss::Loss::ZERO);
    let key = reservation.key.clone();
    town.write(Body::ReleaseReserved(Box::new(reservation)));
    key
}

#[test]
fn a_k_only_release_costs_nothing_and_is_the_only_one_of_its_day() {
    let mut both = both();
    let town = both.under(|both| both.exact.clone());
    let request = town.request("k1", "2026-10-05");
    let key = reserve_exactly(town, &request);
    assert_eq!(
        town.state.ledger().balances().count(),
        0,
        "nothing is lost by count"
    );
    let again = decide(&town.state, &town.request("k2", "2026-10-05"), now()).unwrap();
    assert!(matches!(again, Decision::Exists(same) if same == key));
    // A correction is another input, and no second edition.
    let body = town.contribution("2026-10-05", "k2", Some("k1"));
    town.write(body);
    assert_eq!(
        reasons(town, &town.request("k3", "2026-10-05")),
        [ReasonId::EditionsExhausted, ReasonId::KOnlyBeside]
    );
    let town = both.under(|both| both.noisy.clone());
    let refused = town.request("r1", "2026-10-05");
    assert_eq!(reasons(town, &refused), [ReasonId::ProtectionChosen]);
    let body = town.contribution("2026-10-06", "b6", None);
    town.write(body);
    permit(town, &town.request("r2", "2026-10-06"));
}

#[test]
fn what_was_released_with_noise_is_never_released_exactly() {
    let mut both = both();
    let town = both.under(|both| both.noisy.clone());
    let request = town.request("r1", "2026-10-05");
    reserve(town, &request);
    let town = both.under(|both| both.exact.clone());
    let refused = town.request("k1", "2026-10-05");
    assert_eq!(reasons(town, &refused), [ReasonId::ProtectionChosen]);
    // Also where the draw was lost: what has been chosen stays chosen.
    let key = town.state.releases().next().unwrap().0.clone();
    let reason = "input.lost".into();
    town.write(Body::ReleaseAborted { key, reason });
    assert_eq!(reasons(town, &refused), [ReasonId::ProtectionChosen]);
}

/// A week holds the day: either table could be subtracted from the other.
#[test]
fn two_k_only_tables_never_read_the_same_day() {
    let mut both = both();
    let week = |both: &Both| {
        let mut week = both.exact.clone();
        week.tables[0].period = crate::period::Grain::Week;
        week
    };
    both.agree(week);
    let body = both.town.contribution("2026-W41", "w1", None);
    both.town.write(body);
    let town = both.under(|both| both.exact.clone());
    let request = town.request("k1", "2026-10-05");
    reserve_exactly(town, &request);
    let town = both.under(week);
    let refused = town.request("w1", "2026-W41");
    assert_eq!(reasons(town, &refused), [ReasonId::KOnlyBeside]);
    let body = town.contribution("2026-W42", "w2", None);
    town.write(body);
    permit(town, &town.request("w2", "2026-W42"));
}

#[test]
fn an_agreement_is_released_under_its_own_protection_alone() {
    let mut both = both();
    let town = both.under(|both| both.exact.clone());
    let request = town.request("k1", "2026-10-05");
    for wrong in [mechanism(), Mechanism::Unprotected] {
        let error = permit(town, &request).reserve(wrong).unwrap_err();
        assert!(error.contains("released k-only"), "{error}");
    }
    let error = permit(town, &request).reserve(Mechanism::KOnly { k: 4 });
    assert!(error.unwrap_err().contains("the agreement asks for 5"));
    let mut forged = permit(town, &request).reserve(K_ONLY).unwrap();
    forged.mechanism = Mechanism::Unprotected;
    let said = town.refuses(Body::ReleaseReserved(Box::new(forged)));
    assert!(said.contains("released k-only"), "{said}");
    let town = both.under(|both| both.noisy.clone());
    let request = town.request("r1", "2026-10-05");
    let error = permit(town, &request).reserve(K_ONLY).unwrap_err();
    assert!(error.contains("no other is"), "{error}");
    let mut forged = permit(town, &request).reserve(mechanism()).unwrap();
    forged.mechanism = K_ONLY;
    let said = town.refuses(Body::ReleaseReserved(Box::new(forged)));
    assert!(said.contains("no other is"), "{said}");
}

/// The reducer itself takes neither, and an index read back says the same.
#[test]
fn the_state_remembers_the_choice() {
    let mut both = both();
    let town = both.under(|both| both.noisy.clone());
    let noisy = permit(town, &town.request("r1", "2026-10-05")).reserve(mechanism());
    let noisy = Body::ReleaseReserved(Box::new(noisy.unwrap()));
    let town = both.under(|both| both.exact.clone());
    let request = town.request("k1", "2026-10-05");
    reserve_exactly(town, &request);
    let says = "a unit-period is read with differential privacy, or once k-only";
    let said = town.refuses(noisy);
    assert!(said.contains(says), "{said}");
    let account = State::account_of(&town.terms);
    let chosen = |state: &State| state.read_under(&account, "2026-10-05".parse().unwrap());
    let mut loaded = State::new();
    let touched = [
        crate::state::Touched::Agreement(request.agreement.clone()),
        crate::state::Touched::Release(town.state.releases().next().unwrap().0.clone()),
    ];
    for record in town.state.records(&touched).unwrap() {
        loaded
            .load(record.tree, &record.key, &record.value)
            .unwrap();
    }
    loaded.finish_loading();
    assert_eq!(chosen(&loaded), Some(Protection::KOnly));
    assert_eq!(chosen(&loaded), chosen(&town.state));
}

#[test]
fn k_only_tables_are_not_joined() {
    let mut both = both();
    let town = both.under(|both| both.exact.clone());
    let mut request = town.request("k1", "2026-10-05");
    let asked = request.asked().remove(0);
    request.with = vec![asked];
    let refused = reasons(town, &request);
    assert_eq!(refused, [ReasonId::PartsDiffer]);
}

/// Meets both reasons.
pub(super) fn see_every_reason(see: &mut dyn FnMut(&State, &Request)) {
    let mut both = both();
    let town = both.under(|both| both.exact.clone());
    let request = town.request("k1", "2026-10-05");
    reserve_exactly(town, &request);
    let body = town.contribution("2026-10-05", "k2", Some("k1"));
    town.write(body);
    see(&town.state, &town.request("k2", "2026-10-05"));
    let town = both.under(|both| both.noisy.clone());
    see(&town.state, &town.request("r1", "2026-10-05"));
}
