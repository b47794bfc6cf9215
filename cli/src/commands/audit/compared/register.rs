//! What the public register says that people have lost.

use std::collections::BTreeMap;

use policies::id::AgreementId;
use policies::ledger::Account;
use policies::loss::Loss;
use policies::state::{AgreementRecord, Stage, State};
use serde::Deserialize;

use super::Verdict;
use crate::errors::CliError;
use crate::output::short;
use crate::site::Site;

/// Pages that are followed.
const PAGES_MAX: usize = 1000;

/// A page of `/register.json`; what else it says is not looked at.
#[derive(Debug, Clone, Deserialize)]
pub struct Page {
    /// How many entries of the log it is about.
    pub entries: u64,
    /// Agreements that both have signed.
    pub agreements: Vec<Listed>,
    /// The query of the next page.
    pub next: Option<String>,
}

/// One agreement.
#[derive(Debug, Clone, Deserialize)]
pub struct Listed {
    /// Its id.
    pub id: AgreementId,
    /// Published tables that its data stand in.
    pub releases: usize,
    /// What its people have lost.
    pub loss: LossSoFar,
}

/// What the people of a population have lost, against their cap.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct LossSoFar {
    /// Absent where nothing is charged.
    pub cap: Option<Loss>,
    /// The most ρ and the most δ of any unit-period.
    pub most: Loss,
    /// How many unit-periods have lost anything.
    pub unit_periods: u64,
}

/// Fetches all pages.
///
/// # Errors
/// [`CliError`] where the server cannot be asked, or answers something else.
pub async fn ask(site: &Site) -> Result<Vec<Page>, CliError> {
    let first = site.path().to_owned();
    let (mut pages, mut path) = (Vec::new(), first.clone());
    for _ in 0..PAGES_MAX {
        let answer = site.get(&path).await?;
        let page: Page = serde_json::from_value(answer).map_err(|e| {
            let why = format!("`{path}` is no register of a Weir broker: {e}");
            CliError::new(why).or_try("the address ends with /register.json")
        })?;
        let next = page.next.clone();
        pages.push(page);
        match next {
            None => return Ok(pages),
            Some(next) => path = format!("{first}{next}"),
        }
    }
    Err(CliError::new("the register does not end"))
}

/// Is it what the entries imply?
#[must_use]
pub fn judge(state: &State, pages: &[Page]) -> Verdict {
    let size = state.size();
    if let Some(other) = pages.iter().find(|page| page.entries != size) {
        let entries = other.entries;
        return Verdict::Moved(format!(
            "it is about {entries} entries, and the checkpoint about {size}; ask again, and ask why if that stays"
        ));
    }
    let all = pages.iter().flat_map(|page| &page.agreements);
    let mut told: BTreeMap<_, _> = all.map(|a| (&a.id, a)).collect();
    let (implied, mut lies) = (implied(state), Vec::new());
    for (id, (releases, loss)) in &implied {
        let name = short(id.as_str());
        match told.remove(id) {
            Some(found) if found.releases == *releases && found.loss == *loss => {}
            Some(found) => lies.push(format!(
                "the register says of agreement {name}… {}, the log implies {}",
                line(found.releases, &found.loss),
                line(*releases, loss)
            )),
            None => lies.push(format!("the register leaves out agreement {name}…")),
        }
    }
    lies.extend(told.keys().map(|id| {
        let name = short(id.as_str());
        format!("the register shows agreement {name}…, which the log does not have signed by both")
    }));
    if lies.is_empty() {
        let all = implied.len();
        return Verdict::Same(format!(
            "releases and losses of {all} agreements, as of {size} entries"
        ));
    }
    Verdict::Lies(lies)
}

fn line(releases: usize, loss: &LossSoFar) -> String {
    let cap = loss.cap.map_or("none".to_owned(), |cap| cap.to_string());
    let (most, periods) = (loss.most, loss.unit_periods);
    format!("{releases} releases, at most ({most}) lost in {periods} unit-periods, cap ({cap})")
}

/// What the register has to say of each agreement.
fn implied(state: &State) -> BTreeMap<AgreementId, (usize, LossSoFar)> {
    let mut lost: BTreeMap<&Account, (Loss, u64)> = BTreeMap::new();
    for (account, _, loss) in state.ledger().balances() {
        let (most, periods) = lost.entry(account).or_default();
        most.rho = most.rho.max(loss.rho);
        most.delta = most.delta.max(loss.delta);
        *periods = periods.saturating_add(1);
    }
    let mut releases: BTreeMap<AgreementId, usize> = BTreeMap::new();
    for (_, release) in state.releases() {
        if matches!(release.stage, Stage::Published { .. }) {
            for asked in release.reservation.asked() {
                let made = releases.entry(asked.agreement).or_default();
                *made = made.saturating_add(1);
            }
        }
    }
    let signed = state.agreements().filter(|(_, record)| by_both(record));
    let told = signed.map(|(id, record)| {
        let account = State::account_of(&record.terms);
        let (most, unit_periods) = lost.get(&account).copied().unwrap_or_default();
        let booked = state.ledger().terms(&account).map(|terms| terms.cap);
        let cap = booked.or(record.terms.population.cap);
        let loss = LossSoFar {
            cap: cap.filter(|cap| *cap != Loss::ZERO),
            most,
            unit_periods,
        };
        let made = releases.get(id).copied().unwrap_or_default();
        (id.clone(), (made, loss))
    });
    told.collect()
}

fn by_both(record: &AgreementRecord) -> bool {
    let parties = [&record.terms.provider.org, &record.terms.planner.org];
    parties
        .iter()
        .all(|org| record.signatures.iter().any(|(by, _)| by == *org))
}
