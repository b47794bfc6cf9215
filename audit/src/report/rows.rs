//! The tables and their rows.

use policies::entry::{Body, Contribution, Reservation};
use policies::state::State;

use super::{Table, outcome};
use crate::replay::Replayer;

/// Where `end_of_release` finds the key and puts the end.
const RELEASE_KEY: usize = 2;

fn table(name: &'static str, title: &'static str, header: &[&'static str]) -> Table {
    Table {
        name,
        title,
        header: header.to_vec(),
        rows: Vec::new(),
    }
}

pub(super) fn contributions() -> Table {
    table(
        "contributions",
        "Contributions accepted",
        &[
            "entry",
            "time",
            "provider",
            "agreement",
            "table",
            "period",
            "batch",
            "supersedes",
            "late",
        ],
    )
}

pub(super) fn contribution(index: &str, time: &str, c: &Contribution) -> Vec<String> {
    vec![
        index.to_owned(),
        time.to_owned(),
        c.provider.to_string(),
        c.agreement.to_string(),
        c.table.to_string(),
        c.period.to_string(),
        c.batch.to_string(),
        c.supersedes
            .as_ref()
            .map(ToString::to_string)
            .unwrap_or_default(),
        yes(c.late),
    ]
}

pub(super) fn releases() -> Table {
    table(
        "releases",
        "Releases charged, and how they ended",
        &[
            "entry",
            "time",
            "release",
            "asked by",
            "purpose",
            "agreement",
            "table",
            "period",
            "unit",
            "edition",
            "late",
            "charge rho",
            "charge delta",
            "further providers",
            "end",
            "published by entry",
        ],
    )
}

pub(super) fn release(index: &str, time: &str, key: &str, r: &Reservation) -> Vec<String> {
    let parts = r.joint.iter().flat_map(|joint| &joint.parts);
    let further: Vec<_> = parts
        .map(|part| format!("{} ({})", part.provider, part.charge))
        .collect();
    vec![
        index.to_owned(),
        time.to_owned(),
        key.to_owned(),
        r.by.to_string(),
        r.purpose.clone(),
        r.agreement.to_string(),
        r.table.name.to_string(),
        r.period.to_string(),
        r.unit.word().to_owned(),
        r.edition.to_string(),
        yes(r.late),
        r.charge.rho.to_string(),
        r.charge.delta.to_string(),
        further.join("; "),
    ]
}

/// Adds how the release of a row ended.
pub(super) fn end_of_release(row: &mut Vec<String>, state: &State) {
    let key = row.get(RELEASE_KEY).and_then(|key| key.parse().ok());
    let (end, entry) = key.map(|key| outcome(state, &key)).unwrap_or_default();
    row.extend([end, entry]);
}

pub(super) fn refusals() -> Table {
    table(
        "refusals",
        "Requests refused",
        &[
            "entry",
            "time",
            "asked by",
            "agreement",
            "table",
            "period",
            "reasons",
        ],
    )
}

pub(super) fn refusal(index: &str, time: &str, body: &Body) -> Option<Vec<String>> {
    let Body::ReleaseRefused {
        by,
        agreement,
        table,
        period,
        reasons,
        ..
    } = body
    else {
        return None;
    };
    let reasons: Vec<_> = reasons.iter().map(|reason| reason.as_str()).collect();
    Some(vec![
        index.to_owned(),
        time.to_owned(),
        by.to_string(),
        agreement.to_string(),
        table.to_string(),
        period.to_string(),
        reasons.join(", "),
    ])
}

pub(super) fn entries() -> Table {
    table("entries", "All entries", &["entry", "time", "kind", "what"])
}

pub(super) fn organisations(state: &State) -> Table {
    let mut all = table(
        "organisations",
        "Organisations at the end",
        &[
            "organisation",
            "role",
            "SPIFFE id",
            "key",
            "keys before",
            "last changed by entry",
        ],
    );
    all.rows.extend(state.orgs().map(|(id, org)| {
        let former: Vec<_> = org
            .former
            .iter()
            .map(|key| key.fingerprint().to_string())
            .collect();
        vec![
            id.to_string(),
            org.role.to_string(),
            org.spiffe.clone(),
            org.key.fingerprint().to_string(),
            former.join("; "),
            org.entry.to_string(),
        ]
    }));
    all
}

pub(super) fn agreements(state: &State) -> Table {
    let mut all = table(
        "agreements",
        "Agreements at the end",
        &[
            "agreement",
            "title",
            "provider",
            "planner",
            "recipients",
            "purposes",
            "state",
            "from",
            "until",
            "population",
            "unit",
            "k",
            "retention days",
            "signed by",
            "last changed by entry",
        ],
    );
    all.rows.extend(state.agreements().map(|(id, record)| {
        let terms = &record.terms;
        let recipients: Vec<_> = terms.recipients.iter().map(ToString::to_string).collect();
        let signed: Vec<_> = record
            .signatures
            .iter()
            .map(|(org, _)| org.to_string())
            .collect();
        vec![
            id.to_string(),
            terms.title.clone(),
            terms.provider.org.to_string(),
            terms.planner.org.to_string(),
            recipients.join("; "),
            terms.purposes.join("; "),
            record.status.as_str().to_owned(),
            terms.valid.from.to_string(),
            terms.valid.until.to_string(),
            terms.population.id.to_string(),
            terms.population.unit.word().to_owned(),
            terms.k.to_string(),
            terms.retention_days.to_string(),
            signed.join("; "),
            record.entry.to_string(),
        ]
    }));
    all
}

pub(super) fn balances(replayer: &Replayer) -> Table {
    let mut all = table(
        "balances",
        "What each unit-period has lost of its cap, at the end",
        &[
            "provider",
            "population",
            "unit",
            "unit-period",
            "lost rho",
            "lost delta",
            "cap rho",
            "cap delta",
        ],
    );
    all.rows.extend(replayer.balances().map(|balance| {
        vec![
            balance.provider.to_string(),
            balance.population.to_string(),
            balance.unit.word().to_owned(),
            balance.period.to_string(),
            balance.lost.rho.to_string(),
            balance.lost.delta.to_string(),
            balance.cap.rho.to_string(),
            balance.cap.delta.to_string(),
        ]
    }));
    all
}

fn yes(is: bool) -> String {
    if is { "yes" } else { "no" }.to_owned()
}
