#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

use policies::mechanism::{Noise, Selection};

use super::*;
use crate::protect::{Exact, protect};
use crate::spend::Spend;
use crate::testing::{ample, draw, reservation, table, thresholded};

fn context(zones: u32) -> Context {
    Context {
        provider: "city-bikes".parse().unwrap(),
        population: "riders".parse().unwrap(),
        zones,
        parents: Some(3),
        declared: vec![DeclaredRate {
            name: "truncated".parse().unwrap(),
            ppm: 12_500,
        }],
    }
}

fn released(unit: Unit) -> Release {
    let selection = Selection {
        draw: draw(Noise::DiscreteGaussian, 16, 1, 1),
        k: 5,
        threshold: 8,
    };
    let (mechanism, contributors, measures) = match unit {
        Unit::None => (
            Mechanism::Unprotected,
            None,
            vec![("trips".to_owned(), vec![3, 0])],
        ),
        _ => (thresholded(selection), Some(vec![1000, 1000, 4]), vec![]),
    };
    let charge = match unit {
        Unit::None => Loss::ZERO,
        _ => Loss {
            delta: "0.00001".parse().unwrap(),
            ..ample(&mechanism)
        },
    };
    let spend = Spend::for_test(reservation(table(1, 1), unit, mechanism, charge));
    let exact = Exact {
        contributors,
        measures,
    };
    protect(spend, exact).unwrap()
}

fn sheet(unit: Unit) -> QualitySheet {
    QualitySheet::of(&released(unit), context(4), 2).unwrap()
}

/// 4 × 4 zones, one bin, one mode: withheld is public, and the same whether a row was suppressed or empty.
#[test]
fn withheld_is_the_domain_without_the_published_rows() {
    let sheet = sheet(Unit::PersonDay);
    assert_eq!(
        (sheet.domain_keys, sheet.published_keys, sheet.withheld_keys),
        (16, 2, 14)
    );
    assert!(sheet.cost.fits_in(sheet.charge));
    assert_eq!(sheet.half_widths.len(), 1);
    assert_eq!(sheet.losses.len(), 3);
    let wrong_zoning = QualitySheet::of(&released(Unit::PersonDay), context(1), 2);
    assert_eq!(wrong_zoning.unwrap_err(), SheetError::Domain);
}

#[test]
fn a_sheet_is_json_with_no_unknown_field() {
    for unit in [Unit::PersonDay, Unit::Trip, Unit::None] {
        let sheet = sheet(unit);
        let json = serde_json::to_value(&sheet).unwrap();
        assert_eq!(
            serde_json::from_value::<QualitySheet>(json.clone()).unwrap(),
            sheet
        );
        let mut more = json;
        more["suppressed"] = 3.into();
        assert!(serde_json::from_value::<QualitySheet>(more).is_err());
    }
}

#[test]
fn the_claim_says_what_the_unit_allows() {
    let day = sheet(Unit::PersonDay).claim;
    assert!(day.starts_with("Given the provider's bounds"));
    assert!(day.contains("one person does in a day") && day.contains("at least 5 people"));

    // Trips are never worded as people.
    let trip = sheet(Unit::Trip).claim;
    assert!(trip.contains("at least 5 trips") && !trip.contains("people"));
    assert!(trip.contains("not everything that one person does"));

    let none = sheet(Unit::None);
    assert!(
        none.claim
            .contains("carries no k-anonymity and no differential privacy claim")
    );
    assert!(none.losses.is_empty() && none.half_widths.is_empty());
}

/// In a weekly table one person of seven days is seven units: k units need not be k people.
#[test]
fn units_of_a_finer_grain_are_not_called_people() {
    let weekly = Table {
        period: policies::period::Grain::Week,
        ..table(1, 1)
    };
    let mechanism = released(Unit::PersonDay).reservation().mechanism.clone();
    let claim = claim(Unit::PersonDay, &weekly, &mechanism);
    assert!(
        claim.contains("at least 5 person-days, which may be fewer people"),
        "{claim}"
    );
}
