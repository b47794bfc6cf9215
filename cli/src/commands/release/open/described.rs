//! What a person is asked to make public: the whole of it, as its verified quality sheet and the terms in force say.

use policies::agreement::Agreement;
use policies::id::{AgreementId, ReleaseKey};
use policies::period::Period;
use sdk::client::{Client, Sheet};

use super::super::super::session::from_client;
use crate::errors::CliError;
use crate::output::{facts, wrap};

/// Most amendments of one agreement that are followed.
const AMENDMENTS_MAX: usize = 1000;

/// What would be public.
///
/// # Errors
/// [`CliError`] as the broker says, and where the table's receipt does not hold.
pub(super) async fn described(client: &Client, key: &ReleaseKey) -> Result<String, CliError> {
    let table = client.fetch(key).await.map_err(from_client)?;
    let mut terms = Vec::new();
    for id in agreements(table.sheet()) {
        terms.push(in_force(client, id).await?);
    }
    Ok(text(key, table.sheet(), &terms))
}

/// The agreements whose data is in it.
fn agreements(sheet: &Sheet) -> Vec<&AgreementId> {
    match &sheet.joint {
        Some(joint) => joint.parts.iter().map(|part| &part.agreement).collect(),
        None => vec![&sheet.agreement],
    }
}

/// The newest amendment of an agreement's line: its licence is the one that the table is published under.
async fn in_force(client: &Client, id: &AgreementId) -> Result<Agreement, CliError> {
    let mut id = id.clone();
    for _ in 0..AMENDMENTS_MAX {
        let found = client.agreement(&id).await.map_err(from_client)?;
        match found.life.superseded_by {
            None => return Ok(found.terms),
            Some(next) => id = next,
        }
    }
    Err(CliError::new("the amendments of the agreement do not end"))
}

fn text(key: &ReleaseKey, sheet: &Sheet, terms: &[Agreement]) -> String {
    let periods: Vec<Period> = match &sheet.merge {
        Some(merge) => merge.periods().collect(),
        None => vec![sheet.period],
    };
    let periods: Vec<_> = periods.iter().map(Period::to_string).collect();
    let mut lines = vec![
        ("release", key.to_string()),
        ("table", sheet.table.name.to_string()),
        ("period", wrap(&periods.join(", "))),
        ("edition", sheet.edition.to_string()),
        ("rows", sheet.published_keys.to_string()),
    ];
    for terms in terms {
        let provider = &terms.provider.org;
        lines.push(("agreement", format!("{}, by `{provider}`", terms.title)));
        let licence = terms.publication.as_ref().map_or_else(
            || "none: its agreement allows no open data".to_owned(),
            |publication| publication.licence.clone(),
        );
        lines.push(("licence", licence));
    }
    facts(&lines)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn sheet(more: &[(&str, Value)]) -> Sheet {
        let digest = "ab".repeat(32);
        let mut sheet = json!({
            "release": digest, "agreement": digest, "unit": "person-day", "table": table(), "period": "2026-10-05",
            "edition": 1, "mechanism": { "kind": "unprotected" }, "charge": charge(), "published_keys": 3,
        });
        let more = more
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.clone()));
        sheet.as_object_mut().unwrap().extend(more);
        serde_json::from_value(sheet).unwrap()
    }

    fn table() -> Value {
        json!({
            "name": "od", "kind": "od_trips", "zoning": "town", "period": "day", "bins": [0],
            "categories": [], "cells_max": 4, "per_cell_max": 2, "clamps": [],
        })
    }

    fn charge() -> Value {
        json!({ "rho": "0.02", "delta": "0.00000001" })
    }

    fn part(agreement: &str, provider: &str) -> Value {
        json!({ "agreement": agreement, "provider": provider, "table": table(), "charge": charge() })
    }

    fn terms(provider: &str, licence: Option<&str>) -> Agreement {
        let template = policies::template::named("bikes").unwrap();
        let mut terms = Agreement::parse(template.json.as_bytes()).unwrap();
        terms.provider.org = provider.parse().unwrap();
        let publication = |licence| json!({ "licence": licence, "on_end": "kept" });
        terms.publication = licence.map(|l| serde_json::from_value(publication(l)).unwrap());
        terms
    }

    /// What is approved for ever is shown whole: each day of a merge, each provider's terms.
    #[test]
    fn every_period_and_every_licence_is_shown() {
        let key = "cd".repeat(32).parse().unwrap();
        let merge =
            json!({ "periods": ["2026-10-05", "2026-10-06", "2026-10-08"], "coarsening": {} });
        let (bikes, trams) = ("ab".repeat(32), "ef".repeat(32));
        let joint = json!({ "parts": [part(&bikes, "bikes"), part(&trams, "trams")] });
        let shown = sheet(&[("merge", merge), ("joint", joint)]);
        let asked: Vec<_> = agreements(&shown).iter().map(ToString::to_string).collect();
        assert_eq!(asked, [bikes, trams]);
        let both = [terms("bikes", Some("CC-BY-4.0")), terms("trams", None)];
        let text = text(&key, &shown, &both);
        assert!(
            text.contains("2026-10-05, 2026-10-06, 2026-10-08"),
            "{text}"
        );
        for known in [
            "by `bikes`",
            "CC-BY-4.0",
            "by `trams`",
            "none: its agreement",
        ] {
            assert!(text.contains(known), "{known}: {text}");
        }
        let alone = sheet(&[]);
        assert_eq!(agreements(&alone), [&alone.agreement]);
    }
}
