#![allow(
    clippy::unwrap_used,
    clippy::panic,
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

/// Durations as sums, means and percentiles, of people or of trips.
fn timed(unit: Unit) -> QualitySheet {
    let mut table = table(1, 1);
    table.clamps =
        serde_json::from_str(r#"[{"measure": "duration_s", "min": 0, "max": 60}]"#).unwrap();
    table.histograms =
        serde_json::from_str(r#"[{"measure": "duration_s", "edges": [20, 40]}]"#).unwrap();
    let Mechanism::Thresholded { selection, .. } = released(unit).reservation().mechanism else {
        panic!()
    };
    let trips = (unit != Unit::Trip).then_some("trips");
    let names = trips
        .into_iter()
        .chain(["duration_s", "duration_s_histogram"]);
    let measure = |name: &str| policies::mechanism::MeasureDraw {
        measure: name.into(),
        draw: draw(
            Noise::DiscreteGaussian,
            1600,
            1,
            table.sensitivity(name).unwrap(),
        ),
    };
    let mechanism = Mechanism::Thresholded {
        selection,
        measures: names.map(measure).collect(),
    };
    let charge = Loss {
        delta: "0.00001".parse().unwrap(),
        ..ample(&mechanism)
    };
    let columns = table.drawn_columns(&mechanism);
    let exact = Exact {
        contributors: Some(vec![900]),
        measures: columns.into_iter().map(|name| (name, vec![900])).collect(),
    };
    let spend = Spend::for_test(reservation(table, unit, mechanism, charge));
    QualitySheet::of(&protect(spend, exact).unwrap(), context(4), 1).unwrap()
}

/// Two zones, of whose four pairs two are of a crowd.
fn k_only() -> QualitySheet {
    let zones = ["a", "b"].map(String::from);
    let domain = crate::konly::Domain::new(&table(1, 1), &zones, None).unwrap();
    let keys = [(0, 0), (0, 1)].map(|(from, to)| domain.key(&[from, to, 0, 0]));
    let reserved = reservation(
        table(1, 1),
        Unit::PersonDay,
        Mechanism::KOnly { k: 5 },
        Loss::ZERO,
    );
    let exact = Exact {
        contributors: Some(vec![30, 40]),
        measures: vec![],
    };
    let spend = Spend::for_test(reserved);
    let release = crate::konly::protect_k_only(spend, exact, &domain, &keys).unwrap();
    QualitySheet::of(&release, context(2), 2).unwrap()
}

/// Zero is what was charged, not what is lost: nothing on the sheet may read as a bound.
#[test]
fn a_k_only_sheet_says_that_it_is_not_differentially_private() {
    let sheet = k_only();
    assert!(
        sheet.claim.contains("NOT differentially private"),
        "{}",
        sheet.claim
    );
    assert!(sheet.losses.is_empty() && sheet.half_widths.is_empty());
    // Two pairs, what starts in a, what ends in a and in b, all.
    assert_eq!((sheet.published_keys, sheet.withheld_keys), (6, 2));
}

/// Of a table with one rung, all zones as one: a row of each.
fn laddered() -> QualitySheet {
    let selection = Selection {
        draw: draw(Noise::DiscreteGaussian, 1, 2, 1),
        k: 5,
        threshold: 2,
    };
    let mechanism = thresholded(selection);
    let mut r = reservation(table(2, 1), Unit::PersonDay, mechanism.clone(), Loss::ZERO);
    let coarsening = serde_json::from_str(r#"{"zones": "all"}"#).unwrap();
    r.rungs = vec![policies::entry::RungNoise {
        coarsening,
        mechanism,
    }];
    r.charge = Loss {
        rho: r.cost().unwrap().rho.checked_mul(2).unwrap(),
        // OpenDP's bound of so small a Gaussian is 1, per rung.
        delta: "9".parse().unwrap(),
    };
    let exact = Exact {
        contributors: Some(vec![900, 4, 4, 4, 4]),
        measures: vec![],
    };
    let falls = crate::protect::Falls {
        into: vec![0; 5],
        rows: 1,
    };
    let release = crate::protect::protect_ladder(Spend::for_test(r), exact, &[falls]);
    QualitySheet::of(&release.unwrap(), context(4), 5).unwrap()
}

#[test]
fn a_ladder_says_which_rows_are_of_which_rung() {
    let sheet = laddered();
    assert_eq!(
        (sheet.published_keys, sheet.rungs[0].published_keys),
        (2, 1)
    );
    assert_eq!(
        sheet.withheld_keys,
        sheet.domain_keys - 1,
        "at the finest grain"
    );
    assert_eq!(sheet.half_widths[0].number, "contributors_at_least");
    assert_eq!(
        sheet.rungs[0].half_widths[0].number,
        "contributors_at_least"
    );
    assert!(sheet.claim.contains("lower bound"), "{}", sheet.claim);
    let one = sheet.mechanism.cost().unwrap();
    assert_eq!(
        sheet.cost.rho,
        one.rho.checked_mul(2).unwrap(),
        "both rungs"
    );
}

/// The file that readers of a sheet are given is the sheet: one field more, less or of another form fails.
#[test]
fn real_sheets_are_as_the_schema_says() {
    let file = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../docs/quality-sheet.schema.json"
    );
    let (mut schemas, mut compiler) = (boon::Schemas::new(), boon::Compiler::new());
    let schema = compiler.compile(file, &mut schemas).unwrap();
    let units = [Unit::PersonDay, Unit::Trip, Unit::None];
    let sheets = units.map(sheet).into_iter();
    for sheet in sheets.chain([
        timed(Unit::PersonDay),
        timed(Unit::Trip),
        laddered(),
        k_only(),
    ]) {
        let json = serde_json::to_value(&sheet).unwrap();
        let invalid = |json| schemas.validate(&json, schema).err().map(|e| e.to_string());
        assert_eq!(invalid(json.clone()), None, "extend {file}");
        let mut wrong = vec![json.clone(); 3];
        wrong[0]["suppressed"] = 3.into();
        wrong[1]["charge"]["rho"] = 0.5.into();
        wrong[2].as_object_mut().unwrap().remove("claim");
        assert!(wrong.into_iter().all(|json| invalid(json).is_some()));
    }
}

#[test]
fn every_column_with_noise_says_how_it_is_made() {
    let near = [Bias::NearThreshold, Bias::Truncation];
    assert_eq!(sheet(Unit::PersonDay).columns[0].biases, near);
    assert!(sheet(Unit::None).columns.is_empty());
    for unit in [Unit::PersonDay, Unit::Trip] {
        let sheet = timed(unit);
        let noted = sheet.columns.iter().map(|note| note.column.clone());
        let shown = sheet.table.shown_columns(&sheet.mechanism);
        let shown = std::iter::once("contributors".to_owned()).chain(shown);
        assert!(noted.eq(shown), "{:?}", sheet.columns);
        let mean = sheet
            .columns
            .iter()
            .find(|note| note.column == "duration_s_mean");
        let mean = mean.unwrap();
        let selected = unit == Unit::Trip;
        assert_eq!(mean.interval == Interval::GivenPublished, selected);
        assert_eq!(mean.biases.contains(&Bias::NearThreshold), selected);
        assert!(mean.biases.contains(&Bias::Clamping) && mean.biases.contains(&Bias::Ratio));
        let width = |number: &str| {
            let width = sheet.half_widths.iter().find(|w| w.number == number);
            width.map(|w| w.half_width)
        };
        assert!(width("duration_s_mean").is_none() && width("duration_s").is_some());
        assert_eq!(width("duration_s_histogram"), Some(196));
    }
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

    // Exact numbers about raw data are outside the promise, and the claim says so.
    let outside = "Declared rates are exact numbers about the raw data";
    assert!(day.contains(outside) && trip.contains(outside));
    let release = released(Unit::PersonDay);
    let mut unsaid = context(4);
    unsaid.declared.clear();
    let silent = QualitySheet::of(&release, unsaid, 0).unwrap();
    assert!(silent.declared.is_empty() && !silent.claim.contains(outside));

    let none = sheet(Unit::None);
    assert!(!none.claim.contains(outside));
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
