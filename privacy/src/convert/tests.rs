#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

use jiff::ToSpan;
use jiff::civil::date;
use policies::period::{Grain, Period};

use super::*;

fn loss(rho: &str, delta: &str) -> Loss {
    Loss {
        rho: rho.parse().unwrap(),
        delta: delta.parse().unwrap(),
    }
}

/// privacy.md section 4c: 0.430, 2.673 and 11.07 are the conversion, 0.397, 2.492 and 10.41 the exact
/// Gaussian, below which no statement may fall.
#[test]
fn epsilon_is_the_known_conversion_rounded_up() {
    for (days, exact, known) in [(1, 0.397, 0.430), (30, 2.492, 2.673), (365, 10.41, 11.07)] {
        let sum = loss("0.005", "0").checked_mul(days).unwrap();
        let shown: f64 = epsilon(sum).unwrap().unwrap().parse().unwrap();
        assert!(
            shown > exact && (shown - known).abs() <= 0.011,
            "{days}: {shown}"
        );
    }
}

#[test]
fn two_decimals_never_show_less() {
    for (value, text) in [
        (0.1, "0.10"),
        (0.43, "0.43"),
        (0.430_001, "0.44"),
        (2.0, "2.00"),
    ] {
        assert_eq!(two_decimals_up(value), text);
    }
    for n in 1..10_000 {
        let value = f64::from(n) / 777.0;
        assert!(two_decimals_up(value).parse::<f64>().unwrap() >= value);
    }
}

/// The δ of selection is taken off before ρ is converted, and grows the ε.
#[test]
fn delta_of_selection_counts() {
    let shown = |delta| epsilon(loss("0.005", delta)).unwrap();
    let (without, with) = (shown("0").unwrap(), shown("0.0000009").unwrap());
    assert!(with.parse::<f64>().unwrap() > without.parse::<f64>().unwrap());
    assert_eq!(shown("0.000001"), None);
    assert_eq!(shown("0.5"), None);
}

#[test]
fn statements_add_up_unit_periods_and_say_their_delta() {
    let year = &statements(Unit::PersonDay, loss("0.005", "0.00000001")).unwrap()[2];
    assert_eq!((year.over, year.unit_periods), (Window::Year, 366));
    assert_eq!(year.loss, loss("1.83", "0.00000366"));
    // Twice Σδ is over 10⁻⁶: stated at 10⁻⁵.
    assert_eq!(year.epsilon_delta, Some("0.00001".parse().unwrap()));
    assert!(year.epsilon.is_some());
    let hopeless = &statements(Unit::PersonDay, loss("0.005", "0.4")).unwrap()[2];
    assert_eq!(
        (hopeless.epsilon.as_ref(), hopeless.epsilon_delta),
        (None, None)
    );
}

/// A trip happens once; without a unit nothing is lost that could be stated.
#[test]
fn trips_are_not_added_up_to_people() {
    let trip = statements(Unit::Trip, loss("0.005", "0.00000001")).unwrap();
    assert_eq!(
        trip.iter().map(|s| s.over).collect::<Vec<_>>(),
        [Window::UnitPeriod]
    );
    assert_eq!(statements(Unit::None, Loss::ZERO).unwrap(), []);
}

/// Somebody in the data of three providers loses three times over, in every window.
#[test]
fn losses_of_a_person_in_all_providers_add_up() {
    let parts = [
        (Unit::PersonDay, loss("0.005", "0.00000001")),
        (Unit::PersonDay, loss("0.02", "0.00000002")),
        (Unit::PersonDay, loss("0.005", "0.00000001")),
    ];
    let stated = together(&parts).unwrap();
    assert_eq!(stated.len(), 3);
    assert_eq!(
        (stated[0].over, stated[0].unit_periods),
        (Window::UnitPeriod, 3)
    );
    assert_eq!(stated[0].loss, loss("0.03", "0.00000004"));
    assert_eq!(
        (stated[1].over, stated[1].unit_periods),
        (Window::ThirtyDays, 90)
    );
    assert_eq!(stated[1].loss, loss("0.9", "0.0000012"));
    for (over, alone) in std::iter::zip(&stated, statements(parts[1].0, parts[1].1).unwrap()) {
        let epsilon = |s: &LossStatement| s.epsilon.clone().unwrap().parse::<f64>().unwrap();
        assert!(epsilon(over) > epsilon(&alone));
    }
}

/// Over agreements with other units only longer times have a sum; trips have none about a person.
#[test]
fn losses_of_different_units_add_up_over_the_same_time() {
    let (day, month) = (
        (Unit::PersonDay, loss("0.005", "0")),
        (Unit::PersonMonth, loss("0.1", "0")),
    );
    let stated = together(&[day, month]).unwrap();
    let told: Vec<_> = stated
        .iter()
        .map(|s| (s.over, s.unit_periods, s.loss.rho.to_string()))
        .collect();
    assert_eq!(
        told,
        [
            (Window::ThirtyDays, 33, "0.45".to_owned()),
            (Window::Year, 379, "3.13".to_owned())
        ]
    );
    assert_eq!(
        together(&[day, (Unit::Trip, loss("0.1", "0"))]).unwrap(),
        []
    );
    assert_eq!(together(&[]).unwrap(), []);
}

/// Every window of 28 years, which is when the calendar repeats: none touches more than is stated, some do.
#[test]
fn windows_touch_no_more_unit_periods_than_stated() {
    for (unit, grain) in [
        (Unit::PersonWeek, Grain::Week),
        (Unit::PersonMonth, Grain::Month),
    ] {
        for (window, days) in [(Window::ThirtyDays, 30_i64), (Window::Year, 366)] {
            let touched = |first: jiff::civil::Date| {
                let last = first.checked_add((days - 1).days()).unwrap();
                let last = Period::holding(last, grain).unwrap();
                let mut period = Period::holding(first, grain).unwrap();
                let mut count = 1;
                while period < last {
                    (period, count) = (period.next().unwrap(), count + 1);
                }
                count
            };
            let most = date(2024, 1, 1)
                .series(1.day())
                .take(28 * 366)
                .map(touched)
                .max();
            assert_eq!(window.unit_periods(unit), most, "{unit:?} {window:?}");
        }
    }
}
