//! What the broker answers about each agreement.

use std::time::Duration;

use policies::id::AgreementId;
use policies::loss::Loss;
use policies::state::{AgreementRecord, State};
use proto::convert::{AgreementSummary, Lived, SignedAgreement};
use sdk::client::{Client, ClientError};

use super::Verdict;
use crate::commands::session::from_client;
use crate::errors::CliError;
use crate::output::short;

/// Calls of one kind, where the broker is busy: it answers 200 in a second.
const TRIES: u32 = 30;
const WAIT: Duration = Duration::from_millis(200);

/// All that a broker tells of its agreements.
#[derive(Debug, Clone)]
pub struct Told {
    /// As it lists them.
    pub listed: Vec<AgreementSummary>,
    /// Each as it shows it.
    pub each: Vec<SignedAgreement>,
}

/// Asks for all agreements.
///
/// # Errors
/// As the broker says.
pub async fn ask(client: &Client) -> Result<Told, CliError> {
    let listed = patiently(async || client.agreements().await).await?;
    let mut each = Vec::with_capacity(listed.len());
    for agreement in &listed {
        each.push(patiently(async || client.agreement(&agreement.id).await).await?);
    }
    Ok(Told { listed, each })
}

async fn patiently<T>(ask: impl AsyncFn() -> Result<T, ClientError>) -> Result<T, CliError> {
    let mut tries = 1;
    loop {
        match ask().await {
            Err(error) if error.retryable() && tries < TRIES => tokio::time::sleep(WAIT).await,
            answer => return answer.map_err(from_client),
        }
        tries += 1;
    }
}

/// Is it what the entries imply? A broker whose witnesses are away may be ahead of the checkpoint that it shows.
#[must_use]
pub fn judge(state: &State, told: &Told) -> Verdict {
    let size = state.size();
    if let Some(ahead) = told.each.iter().find(|a| a.life.last_change >= size) {
        let (id, entry) = (short(ahead.id.as_str()), ahead.life.last_change);
        return Verdict::Moved(format!(
            "the broker tells of agreement {id}… as of entry {entry}, and shows {size} entries; ask again, and ask \
             why if that stays"
        ));
    }
    let mut lies = Vec::new();
    for (id, record) in state.agreements() {
        lies.extend(listed(id, record, told));
    }
    for shown in &told.each {
        match state.agreement(&shown.id) {
            Some(record) => lies.extend(other(state, record, shown)),
            None => lies.push(format!(
                "the broker shows agreement {}…, which no entry offers",
                short(shown.id.as_str())
            )),
        }
    }
    if lies.is_empty() {
        let all = told.each.len();
        return Verdict::Same(format!("{all} agreements, as of {size} entries"));
    }
    Verdict::Lies(lies)
}

/// What is wrong about an agreement's line in the list.
fn listed(id: &AgreementId, record: &AgreementRecord, told: &Told) -> Option<String> {
    let implied = AgreementSummary {
        id: id.clone(),
        title: record.terms.title.clone(),
        provider: record.terms.provider.org.clone(),
        planner: record.terms.planner.org.clone(),
        status: record.status,
    };
    let (name, status) = (short(id.as_str()), record.status.as_str());
    match told.listed.iter().find(|a| a.id == *id) {
        Some(found) if *found == implied => None,
        Some(found) => Some(format!(
            "the broker lists agreement {name}… as {}, its log implies {status}",
            found.status.as_str()
        )),
        None => Some(format!(
            "the broker does not list agreement {name}…, its log implies {status}"
        )),
    }
}

/// What is wrong about an agreement as it is shown. That the document has the id was checked when it came.
fn other(state: &State, record: &AgreementRecord, shown: &SignedAgreement) -> Vec<String> {
    let SignedAgreement {
        id,
        terms,
        document: _,
        status,
        signatures,
        population_allotted,
        life:
            Lived {
                last_change,
                suspended_by,
                ends,
                superseded_by,
                history,
            },
    } = shown;
    let booked = state.ledger().terms(&State::account_of(terms));
    let booked = booked.map_or(Loss::ZERO, |account| account.allotted);
    let allotted = terms.population.cap.map(|_| booked);
    let life = &record.life;
    let same = [
        ("signatures", *signatures == record.signatures),
        ("population_allotted", *population_allotted == allotted),
        ("last_change", *last_change == record.entry),
        ("suspended_by", suspended_by.iter().eq(&life.suspended_by)),
        ("ends", *ends == life.ends),
        ("superseded_by", *superseded_by == life.superseded_by),
        ("history", *history == life.history),
    ];
    let name = short(id.as_str());
    let wrong = same.iter().filter(|(_, same)| !same);
    let mut lies: Vec<_> = wrong
        .map(|(field, _)| {
            format!(
                "the broker shows agreement {name}… with another `{field}` than its log implies"
            )
        })
        .collect();
    if *status != record.status {
        let (shown, implied) = (status.as_str(), record.status.as_str());
        lies.push(format!(
            "the broker shows agreement {name}… as {shown}, its log implies {implied}"
        ));
    }
    lies
}
