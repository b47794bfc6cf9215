//! What one table of several agreements would cost.

use proto::convert::JointPreview;
use serde_json::{Value, json};

use super::protection_json;
use crate::output::{short, thousands};

pub(super) fn json(joint: &JointPreview) -> Value {
    let parts = joint.parts.iter().map(|part| {
        json!({"agreement": part.agreement, "table": part.table, "provider": part.provider,
            "protection": protection_json(&part.protection), "left": part.left})
    });
    json!({
        "parts": parts.collect::<Vec<_>>(),
        "contributors_error_95": joint.contributors_error_95,
        "person_in_all": joint.person_in_all,
        "epsilon": joint.epsilon,
        "epsilon_delta": joint.epsilon_delta,
    })
}

pub(super) fn lines(joint: &JointPreview) -> Vec<(&'static str, String)> {
    let mut lines: Vec<_> = joint
        .parts
        .iter()
        .map(|part| {
            let p = &part.protection;
            let left = part.left.map_or("unknown".into(), |left| left.to_string());
            let text = format!(
                "{} ({}…): charge {} of {left} left; a cell needs {} units (k {}) to be in with 95 %",
                part.provider,
                short(part.agreement.as_str()),
                p.charge,
                thousands(p.contributors_needed),
                p.k,
            );
            ("part", text)
        })
        .collect();
    let epsilon = match joint.epsilon_delta {
        Some(delta) => format!(" (ε {} at δ {delta})", joint.epsilon),
        None => String::new(),
    };
    let all = format!(
        "{}{epsilon} in a unit-period: a person in the data of all",
        joint.person_in_all
    );
    lines.push(("all together", all));
    let widths = joint.contributors_error_95.iter().enumerate();
    let widths = widths.map(|(n, half)| format!("± {} of {}", thousands(*half), n + 1));
    let contributors = format!(
        "contributors {} provider(s)",
        widths.collect::<Vec<_>>().join(", ")
    );
    lines.push(("95 % error", contributors));
    // One draw serves all parts.
    let measures = joint.parts.first().map(|part| {
        let measures = part.protection.measures.iter().skip(1);
        let widths = measures.map(|m| super::super::sheet::width(&m.measure, m.error_95));
        widths.collect::<Vec<_>>().join(", ")
    });
    if let Some(measures) = measures.filter(|text| !text.is_empty()) {
        lines.push(("", measures));
    }
    lines
}
