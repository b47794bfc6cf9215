#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::{Value, json};

use super::*;
use crate::agreement::{OnEnd, Publication};
use crate::template::TEMPLATES;
use crate::testing::{Signer, ad_hoc, agreement, dense, k_only, rung};

/// Every form an agreement takes.
fn all() -> Vec<Agreement> {
    let plain = agreement(&Signer::new(), &Signer::new());
    let mut full = plain.clone();
    full.ad_hoc = vec![ad_hoc()];
    let first = full.plan.first_mut().unwrap();
    first.rungs = vec![rung()];
    first.joint = serde_json::from_str(r#"{"min_providers": 3}"#).unwrap();
    full.on_end = serde_json::from_str(r#"{"tables": "closed", "notice_days": 30}"#).unwrap();
    full.publication = open_data("withdrawn");
    full.supersedes = Some(plain.id().unwrap());
    let templates = TEMPLATES.map(|t| Agreement::parse(t.json.as_bytes()).unwrap());
    let mut all = vec![dense(&plain), k_only(&plain), full, plain];
    all.extend(templates);
    all
}

fn open_data(on_end: &str) -> Option<Publication> {
    let json = json!({ "licence": "CC-BY-4.0", "on_end": on_end });
    Some(serde_json::from_value(json).unwrap())
}

fn value(terms: &Agreement, class: Class) -> Value {
    serde_json::to_value(Policy::of(terms, class).unwrap()).unwrap()
}

/// What constrains `left` in the rules of this action.
fn operands(policy: &Value, action: &str, left: &str) -> Vec<Value> {
    let rules = ["permission", "obligation"].map(|kind| policy[kind].as_array().unwrap());
    let rules = rules
        .into_iter()
        .flatten()
        .filter(|rule| rule["action"] == action);
    let constraints = rules.flat_map(|rule| rule["constraint"].as_array().unwrap());
    let of = constraints.filter(|constraint| constraint["leftOperand"] == left);
    of.map(|c| json!([c["operator"], c["rightOperand"]]))
        .collect()
}

#[test]
fn every_agreement_comes_back_from_its_policy() {
    for terms in all() {
        for class in [Class::Offer, Class::Agreement] {
            let policy = Policy::of(&terms, class).unwrap();
            let bytes = serde_json::to_vec_pretty(&policy).unwrap();
            assert!(is_meant(&bytes) && !is_meant(&terms.canonical().unwrap()));
            let read = Policy::parse(&bytes).unwrap();
            assert_eq!((read.terms(), &read), (&terms, &policy));
            // The document inside, spelt canonically, is what was signed.
            let inside = &serde_json::from_slice::<Value>(&bytes).unwrap()["urn:weir:odrl:1:terms"];
            let canonical = serde_json_canonicalizer::to_vec(&inside["@value"]).unwrap();
            assert_eq!(canonical, terms.canonical().unwrap());
        }
    }
}

#[test]
fn a_policy_that_says_anything_else_than_its_document_is_refused() {
    let terms = all().remove(2);
    let right = value(&terms, Class::Agreement);
    // Every leaf outside the document, changed.
    let mut pointers = Vec::new();
    leaves(&right, String::new(), &mut pointers);
    assert!(pointers.len() > 60, "{}", pointers.len());
    for pointer in pointers {
        let mut changed = right.clone();
        let leaf = changed.pointer_mut(&pointer).unwrap();
        *leaf = Value::String(leaf.as_str().unwrap().to_owned() + "0");
        let read = Policy::parse(&serde_json::to_vec(&changed).unwrap());
        assert!(read.is_err(), "{pointer}");
    }
    let mut weaker = right.clone();
    weaker["permission"][0]["constraint"]
        .as_array_mut()
        .unwrap()
        .pop();
    let mut more = right.clone();
    let rule = more["permission"][0].clone();
    more["permission"].as_array_mut().unwrap().push(rule);
    let mut document = right;
    document["urn:weir:odrl:1:terms"]["@value"]["k"] = 50.into();
    for changed in [weaker, more, document] {
        let read = Policy::parse(&serde_json::to_vec(&changed).unwrap());
        assert!(matches!(read, Err(OdrlError::Differs)), "{changed}");
    }
}

fn leaves(value: &Value, at: String, into: &mut Vec<String>) {
    let below = |key: &str| format!("{at}/{}", key.replace('~', "~0").replace('/', "~1"));
    match value {
        Value::Object(fields) => fields
            .iter()
            .filter(|(key, _)| *key != "urn:weir:odrl:1:terms")
            .for_each(|(key, value)| leaves(value, below(key), into)),
        Value::Array(items) => items
            .iter()
            .enumerate()
            .for_each(|(n, value)| leaves(value, below(&n.to_string()), into)),
        _ => into.push(at),
    }
}

#[test]
fn unknown_and_doubled_fields_are_refused_at_every_depth() {
    let policy = Policy::of(&all().remove(3), Class::Offer).unwrap();
    let text = serde_json::to_string(&policy).unwrap();
    for (from, to) in [
        (r#"{"@context""#, r#"{"conflict":"perm","@context""#),
        (r#"{"@context""#, r#"{"@type":"Offer","@context""#),
        (r#"{"action""#, r#"{"target":"x","action""#),
        (r#"{"action""#, r#"{"action":"odrl:use","action""#),
        (r#"{"leftOperand""#, r#"{"unit":"x","leftOperand""#),
        (r#"{"leftOperand""#, r#"{"leftOperand":"x","leftOperand""#),
        (r#"[{"@id""#, r#"[{"@id":"x","@id""#),
        (r#"{"@type":"http"#, r#"{"@value":"1","@type":"http"#),
        (r#"{"@type":"@json""#, r#"{"@index":"x","@type":"@json""#),
        (r#""k":5"#, r#""k":5,"k":5"#),
    ] {
        let changed = text.replacen(from, to, 1);
        assert_ne!(changed, text, "{from} is not there");
        let error = Policy::parse(changed.as_bytes()).unwrap_err();
        assert!(matches!(error, OdrlError::Shape { .. }), "{to}: {error}");
    }
    let long = vec![b' '; POLICY_BYTES_MAX + 1];
    assert!(matches!(Policy::parse(&long), Err(OdrlError::TooLarge)));
}

#[test]
fn the_rules_say_what_was_agreed() {
    let all = all();
    let policy = value(&all[2], Class::Agreement);
    let typed = |datatype: &str, value: &str| json!({ "@type": format!("http://www.w3.org/2001/XMLSchema#{datatype}"), "@value": value });
    let release = |left: &str| operands(&policy, "urn:weir:odrl:1:release", left);
    // Midnight in Helsinki is two hours earlier in UTC; the last day is included.
    assert_eq!(
        release("odrl:dateTime"),
        [
            json!(["gteq", typed("dateTime", "2025-12-31T22:00:00Z")]),
            json!(["lt", typed("dateTime", "2027-12-31T22:00:00Z")]),
        ]
    );
    let own = |term: &str| format!("urn:weir:odrl:1:{term}");
    assert_eq!(
        release(&own("unitsPerRow")),
        [json!(["gteq", typed("integer", "5")])]
    );
    assert_eq!(
        release(&own("editions")),
        [json!(["lteq", typed("integer", "2")])]
    );
    let total = all[2].plan[0].total().unwrap();
    assert_ne!(total, all[3].plan[0].total().unwrap(), "the rung counts");
    assert_eq!(
        release(&own("rho")),
        [json!(["lteq", typed("decimal", &total.rho.to_string())])]
    );
    assert_eq!(
        release(&own("protection")),
        [json!(["eq", "differential-privacy"])]
    );
    assert_eq!(
        release(&own("providersPerRow")),
        [json!(["gteq", typed("integer", "3")])]
    );
    let purposes = operands(&policy, "odrl:use", "odrl:purpose");
    let dpv = json!([{ "@id": "https://w3id.org/dpv#PublicPolicyMaking" }]);
    assert_eq!(purposes, [json!(["isAnyOf", dpv])]);
    let kept = operands(&policy, "odrl:delete", "odrl:delayPeriod");
    assert_eq!(kept, [json!(["lteq", typed("duration", "P90D")])]);
    assert_eq!(
        operands(&policy, "odrl:use", &own("agreementState")),
        [json!(["eq", "not-ended"])]
    );
    let open = |left: &str| operands(&policy, "odrl:distribute", left);
    assert_eq!(
        open(&own("persons")),
        [json!(["gteq", typed("integer", "2")])]
    );
    let licence = json!([{ "@id": "https://spdx.org/licenses/CC-BY-4.0.html" }]);
    assert_eq!(open(&own("licence")), [json!(["isAnyOf", licence])]);
    assert_eq!(open(&own("agreementState")), [json!(["eq", "not-ended"])]);
    assert_eq!(
        operands(&policy, &own("merge"), &own("requestsPerPeriod")).len(),
        1
    );

    // No claim that is not made: a dense table promises no k, a k-only one no charge.
    let (dense, k_only) = (value(&all[0], Class::Offer), value(&all[1], Class::Offer));
    assert!(operands(&dense, &own("release"), &own("unitsPerRow")).is_empty());
    assert!(operands(&k_only, &own("release"), &own("rho")).is_empty());
    let how = operands(&k_only, &own("release"), &own("protection"));
    assert_eq!(how, [json!(["eq", "k-only"])]);
    let mut unprotected = all[3].clone();
    unprotected.on_end = Some(OnEnd::default());
    let stays = value(&unprotected, Class::Agreement);
    assert!(operands(&stays, "odrl:use", &own("agreementState")).is_empty());
    // Nothing is distributed that nobody allowed.
    assert!(!stays.to_string().contains("odrl:distribute"));
    unprotected.publication = open_data("kept");
    let stays = value(&unprotected, Class::Agreement);
    assert!(operands(&stays, "odrl:distribute", &own("agreementState")).is_empty());
}

/// Days at the edge of what [`crate::validate`] takes have a policy, and those beyond the calendar an error.
#[test]
fn every_sound_day_can_be_said() {
    let mut terms = all().remove(3);
    terms.valid.from = "1900-01-01".parse().unwrap();
    terms.valid.until = "2199-12-31".parse().unwrap();
    Policy::of(&terms, Class::Offer).unwrap();
    terms.valid.until = "9999-12-31".parse().unwrap();
    let error = Policy::of(&terms, Class::Offer).unwrap_err();
    assert!(matches!(error, OdrlError::Calendar), "{error}");
}

#[test]
fn the_profile_defines_the_terms_that_are_used_and_no_others() {
    let mut used = BTreeSet::new();
    for terms in all() {
        let text = value(&terms, Class::Offer).to_string();
        let after = text.split("urn:weir:odrl:1:").skip(1);
        used.extend(after.map(|rest| rest.split('"').next().unwrap().to_owned()));
    }
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/odrl-profile.ttl");
    let page = std::fs::read_to_string(page).unwrap();
    let defined = page.lines().filter_map(|line| line.strip_prefix(':'));
    let defined: BTreeSet<_> = defined
        .map(|line| line.split(' ').next().unwrap().to_owned())
        .collect();
    assert_eq!(used, defined);
}
