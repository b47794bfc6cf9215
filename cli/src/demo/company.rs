//! What the demo knows of one company.

use std::path::PathBuf;

/// What the city uses the tables for.
pub const PURPOSE: &str = "dpv:PublicPolicyMaking";

/// A company: its data, its agreement with the city, and the question it answers.
#[derive(Debug)]
pub struct Company {
    /// The organisation's name.
    pub name: &'static str,
    /// A heading.
    pub title: &'static str,
    /// What happens at the company.
    pub about: &'static str,
    /// The agreement; parties and zonings are filled in.
    pub agreement: serde_json::Value,
    /// Which column is which field.
    pub mapping: String,
    /// The raw records.
    pub inputs: Vec<PathBuf>,
    /// The days they are about, as typed.
    pub days: String,
    /// A corrected version of them, for the company that shows one.
    pub correction: Option<PathBuf>,
    /// The zoning's name and version.
    pub zoning_id: &'static str,
    /// Its GeoJSON.
    pub zoning: PathBuf,
    /// The table and period that are released.
    pub table: &'static str,
    /// See `table`.
    pub period: String,
    /// What the city asks.
    pub question: &'static str,
    /// What to look at in the answer.
    pub answer: &'static str,
}

/// What all agreements of the demo share; a company adds population, k, tables and plan.
pub fn agreement(
    title: &str,
    summary: &str,
    zone: &str,
    covers: (&str, &str),
) -> serde_json::Value {
    serde_json::json!({
        "form": policies::agreement::FORM,
        "title": title,
        "public_summary": summary,
        "recipients": ["city"],
        "purposes": [PURPOSE],
        "valid": { "from": "2026-01-01", "until": "2036-12-31" },
        "covers": { "from": covers.0, "until": covers.1 },
        "retention_days": 90,
        "time_zone": zone,
        "canvas": {
            "positive": "The city sees how people move, and plans transport where it is missing.",
            "negative": "Rare trips could tell where somebody goes. Who does not use the service is not in the numbers.",
            "affected": "Everybody in the data; everybody whose streets are planned with it.",
            "mitigations": "Bounds on what one person or trip adds, noise, and no row of few. The loss ends at the cap.",
            "contact": "open-data@city.example",
        },
    })
}

/// The fields of `from` put into the object `into`.
pub fn merge(mut into: serde_json::Value, from: serde_json::Value) -> serde_json::Value {
    if let (Some(into), serde_json::Value::Object(from)) = (into.as_object_mut(), from) {
        into.extend(from);
    }
    into
}
