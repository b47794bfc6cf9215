use serde_json::{Value, json};

use super::*;
use crate::testing::*;

/// A sheet of two providers with k and bounds of their own.
fn joint(k: [u32; 2], epsilon: [&str; 2]) -> Sheet {
    let mut sheet = sheet();
    let mut parts = Vec::new();
    for (n, (provider, population)) in [("bikes", "riders"), ("scooters", "guests")]
        .into_iter()
        .enumerate()
    {
        let mut part: Value = sheet.clone();
        part["provider"] = provider.into();
        part["population"] = population.into();
        part["agreement"] = ["ab", "cd"][n].repeat(32).into();
        part["mechanism"]["selection"]["k"] = k[n].into();
        part["losses"][0]["epsilon"] = epsilon[n].into();
        parts.push(part);
    }
    let all = json!([{ "over": "unit_period", "unit_periods": 2, "epsilon": "3.50", "epsilon_delta": "0.000001",
        "loss": { "rho": "0.04", "delta": "0.00000002" } }]);
    sheet["joint"] =
        json!({ "parts": parts, "person_in_all": all, "contributors_half_widths": [7, 10] });
    Sheet::parse(&serde_json::to_vec(&sheet).unwrap()).unwrap()
}

#[test]
fn a_joint_table_says_for_each_provider_what_protects_its_data() {
    assert_eq!(
        joint([5, 3], ["1.25", "2.50"]).privacy(),
        "Given each provider's bounds, differentially private per person-day (everything one person does in a \
         day). In the data of bikes: ε 1.25 at δ 0.000001 (ρ 0.02, δ 0.00000001); every row that includes it counts at \
         least k = 5 of its units. In the data of scooters: ε 2.50 at δ 0.000001 (ρ 0.02, δ 0.00000001); every row \
         that includes it counts at least k = 3 of its units. Somebody in all providers' data: ε 3.50 at δ 0.000001 \
         (ρ 0.04, δ 0.00000002)."
    );
    let alike = joint([5, 5], ["1.25", "1.25"]).privacy();
    assert!(
        alike.contains("In the data of each of bikes, scooters: ε 1.25"),
        "{alike}"
    );
}

#[test]
fn a_joint_table_names_all_its_sources_and_agreements_and_its_least_k() {
    let sheet = joint([5, 3], ["1.25", "2.50"]);
    let sources = sheet.sources().into_iter();
    let sources: Vec<String> = sources.map(|(a, b)| format!("{a} of {b}")).collect();
    assert_eq!(sources, ["bikes of riders", "scooters of guests"]);
    assert_eq!(sheet.agreements().len(), 2);
    assert_eq!(sheet.k(), 3, "the least one");
}

#[test]
fn what_is_promised_depends_on_the_providers_bounds() {
    let of = |mechanism: Option<Value>| {
        let mut sheet = sheet();
        if let Some(mechanism) = mechanism {
            sheet["mechanism"] = mechanism;
        }
        let sheet = Sheet::parse(&serde_json::to_vec(&sheet).unwrap()).unwrap();
        sheet.privacy()
    };
    assert_eq!(
        of(None),
        "Given the provider's bounds, differentially private per person-day (everything one person does in a day): \
         ε 1.25 at δ 0.000001 (ρ 0.02, δ 0.00000001); every row counts at least k = 5 units."
    );
    assert_eq!(
        of(Some(json!({ "kind": "k_only", "k": 5 }))),
        "k-only: not differentially private. Given the provider's bounds, exact counts of at least k = 5 of the unit \
         person-day; further cells are hidden so that the rows and their margins alone do not tell a smaller one."
    );
    let draw = json!({ "noise": "discrete_laplace", "scale": 32, "l0": 4, "linf": 1 });
    let dense = of(Some(
        json!({ "kind": "dense", "contributors": draw, "measures": [] }),
    ));
    assert!(
        dense.starts_with("Given the provider's bounds") && dense.ends_with("no k is promised."),
        "{dense}"
    );
}
