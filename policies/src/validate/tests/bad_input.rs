//! Absurd parameters: each is refused with its field and the range that is allowed.

use serde_json::{Value, json};

use super::{faults, with};
use crate::agreement::Agreement;
use crate::testing::{Signer, agreement, floors};

/// The document with one field, named by its JSON pointer, set to another value, as somebody sends it.
fn read(pointer: &str, value: &Value) -> Result<Agreement, String> {
    let mut json = serde_json::to_value(agreement(&Signer::new(), &Signer::new())).unwrap();
    *json.pointer_mut(pointer).unwrap() = value.clone();
    Agreement::parse(json.to_string().as_bytes()).map_err(|e| e.to_string())
}

/// No agreement can hold such a value.
#[track_caller]
fn unreadable(pointer: &str, value: Value, field: &str, range: &str) {
    let error = read(pointer, &value).unwrap_err();
    assert!(
        error.contains(field) && error.contains(range),
        "{pointer} = {value}: {error}"
    );
}

/// An agreement can hold it, and is not offered.
#[track_caller]
fn refused(pointer: &str, value: Value, path: &str, range: &str) {
    let found = faults(&read(pointer, &value).unwrap(), &floors());
    assert!(
        found
            .iter()
            .any(|f| f.path == path && f.message.contains(range)),
        "{pointer} = {value}: {found:?}"
    );
}

/// What no loss is: below 0, not a number, beyond all size, another spelling.
const NO_LOSS: [&str; 16] = [
    "-1",
    "-0",
    "-0.5",
    "NaN",
    "nan",
    "-NaN",
    "NAN",
    "inf",
    "-inf",
    "Infinity",
    "1e3",
    "1e400",
    "1000000",
    "9223372036854775807",
    "0.0000000000001",
    "",
];

#[test]
fn an_epsilon_or_delta_that_is_no_number_is_refused_with_its_field_and_range() {
    for (pointer, field) in [
        ("/plan/0/charge/selection", "plan[0].charge.selection"),
        ("/plan/0/charge/delta", "plan[0].charge.delta"),
        ("/population/cap/rho", "population.cap.rho"),
        ("/population/cap/delta", "population.cap.delta"),
    ] {
        for text in NO_LOSS {
            unreadable(
                pointer,
                json!(text),
                field,
                "0 to 999999, at most 12 decimals",
            );
        }
        for number in [json!(0.5), json!(-1), json!(1e300), json!(null)] {
            unreadable(pointer, number, field, "invalid type");
        }
    }
}

#[test]
fn an_epsilon_of_zero_or_beyond_the_cap_is_refused_with_its_field_and_range() {
    let selection = "/plan/0/charge/selection";
    refused(
        selection,
        json!("0"),
        "plan[0].charge",
        "`selection` has to be above 0",
    );
    refused(selection, json!("999999"), "plan", "over the cap");
    refused(
        "/population/cap/rho",
        json!("999999"),
        "population.cap",
        "the steward's limit (ρ ",
    );
}

#[test]
fn a_delta_of_zero_or_far_above_one_over_the_people_is_refused_with_its_field_and_range() {
    let delta = "/plan/0/charge/delta";
    for text in ["0", "0.00001000001", "0.5", "1", "999999"] {
        let range = "`delta` has to be above 0, at most 0.00001";
        refused(delta, json!(text), "plan[0].charge", range);
    }
}

#[test]
fn a_delta_of_one_over_the_units_is_refused_with_its_field_and_range() {
    // The plan's δ is 10⁻⁸: 10⁸ units are one too many.
    let mut terms = with("/plan/0/charge/delta", json!("0.00000001"));
    terms.population.units_max = Some(99_999_999);
    assert_eq!(faults(&terms, &floors()), []);
    terms.population.units_max = Some(100_000_000);
    let found = faults(&terms, &floors());
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].path, "plan[0].charge");
    let message = &found[0].message;
    assert!(
        message.contains("at most 0.000000009999: below 1 over `population.units_max`"),
        "{message}"
    );
    for units in [0, crate::agreement::UNITS_MAX + 1, u64::MAX] {
        terms.population.units_max = Some(units);
        let found = faults(&terms, &floors());
        let path = "population.units_max";
        let says =
            |f: &crate::validate::Fault| f.path == path && f.message.contains("1 to 100000000000");
        assert!(found.iter().any(says), "{units}: {found:?}");
    }
}

#[test]
fn a_k_of_zero_is_refused_with_its_field_and_range() {
    refused("/k", json!(0), "k", "at least 5, the steward's floor");
    for none in [json!(-1), json!(4_294_967_296_u64), json!("5"), json!(0.5)] {
        unreadable("/k", none, "k: ", "invalid");
    }
}

#[test]
fn reversed_clamps_are_refused_with_their_field_and_range() {
    for (min, max) in [(60, 60), (61, 60), (u32::MAX, 0)] {
        let clamps = json!([{"measure": "duration_s", "min": min, "max": max}]);
        let path = "tables[0].clamps";
        refused(
            "/tables/0/clamps",
            clamps,
            path,
            "`duration_s` needs min below max",
        );
    }
    for beyond in [json!(-1), json!(4_294_967_296_u64), json!(1.5)] {
        let clamps = json!([{"measure": "duration_s", "min": 0, "max": beyond}]);
        unreadable("/tables/0/clamps", clamps, "tables[0].clamps[0].max", "u32");
    }
}

/// Both parties read the page in a terminal before they sign: no text may show as another one.
#[test]
fn a_text_that_steers_how_it_is_shown_is_refused_with_its_field() {
    let whole = |field: &str, text: &str| {
        let mut json = serde_json::to_value(agreement(&Signer::new(), &Signer::new())).unwrap();
        json["canvas"] = json!({"positive": "+", "negative": "-", "affected": "all", "mitigations": "k",
            "contact": "data@city.example"});
        *json.pointer_mut(field).unwrap() = json!(text);
        faults(
            &Agreement::parse(json.to_string().as_bytes()).unwrap(),
            &floors(),
        )
    };
    // Whether it may have lines.
    for (field, path, lines) in [
        ("/title", "title", false),
        ("/public_summary", "public_summary", true),
        ("/population/description", "population.description", true),
        ("/canvas/positive", "canvas.positive", true),
        ("/canvas/negative", "canvas.negative", true),
        ("/canvas/affected", "canvas.affected", true),
        ("/canvas/mitigations", "canvas.mitigations", true),
        ("/canvas/contact", "canvas.contact", false),
    ] {
        for c in "\u{1b}\r\t\0\u{9b}\u{61c}\u{200e}\u{200f}\u{202a}\u{202b}\u{202c}\u{202d}\u{202e}\u{2066}\u{2067}\
                  \u{2068}\u{2069}"
            .chars()
        {
            let found = whole(field, &format!("for{c}ward"));
            let names = |f: &crate::validate::Fault| f.path == path && f.message.contains("steers");
            assert!(found.len() == 1 && found.iter().all(names), "{path} with {c:?}: {found:?}");
        }
        assert_eq!(whole(field, "one\ntwo").is_empty(), lines, "{path}");
        assert_eq!(whole(field, "Kävelijät: שלום, 交通"), [], "{path}");
    }
}
