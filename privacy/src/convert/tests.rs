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
