//! The part of a quality sheet that files are made by, and what protects a table in words.

use policies::agreement::Unit;
use policies::coarse::{Coarsening, Merge};
use policies::column::K_ONLY;
use policies::id::{AgreementId, OrgId, PopulationId, ReleaseKey};
use policies::loss::{Delta, Loss};
use policies::mechanism::Mechanism;
use policies::period::Period;
use policies::table::Table;
use serde::Deserialize;

use crate::error::ExportError;

/// What the files need of a quality sheet (`docs/quality-sheet.schema.json`); its other fields are copied unread.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Sheet {
    /// The release.
    pub release: ReleaseKey,
    /// Under which agreement.
    pub agreement: AgreementId,
    /// Whose data.
    pub provider: OrgId,
    /// Which people.
    pub population: PopulationId,
    /// What is protected.
    pub unit: Unit,
    /// The table's terms.
    pub table: Table,
    /// The period; the first one of a merge.
    pub period: Period,
    /// All periods and what became of their cells, where it is an ad-hoc merge.
    #[serde(default)]
    pub merge: Option<Merge>,
    /// 1 for the first edition of the period.
    pub edition: u32,
    /// All noise.
    pub mechanism: Mechanism,
    /// What every unit-period it read was charged.
    pub charge: Loss,
    /// What is lost in one unit-period, in 30 days, in a year.
    pub losses: Vec<Statement>,
    /// Keys of the public domain.
    pub domain_keys: u64,
    /// Coarser rungs, finer ones first.
    #[serde(default)]
    pub rungs: Vec<Rung>,
    /// The parts, where it is made of several providers'.
    #[serde(default)]
    pub joint: Option<Joint>,
    /// What is and is not promised.
    pub claim: String,
}

/// What somebody loses over some time.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Statement {
    /// ε at `epsilon_delta`, a decimal; absent where none can be stated.
    #[serde(default)]
    pub epsilon: Option<String>,
    /// At which δ.
    #[serde(default)]
    pub epsilon_delta: Option<Delta>,
    /// (ρ, Σδ).
    pub loss: Loss,
}

/// One coarser rung of a ladder.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Rung {
    /// Which cells fall into one of its rows.
    pub coarsening: Coarsening,
}

/// Whose parts a joint table is made of.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Joint {
    /// One per provider, the first included.
    pub parts: Vec<Part>,
    /// What a person in all of them loses.
    #[serde(default)]
    pub person_in_all: Vec<Statement>,
}

/// One part of a joint table.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Part {
    /// Under which agreement.
    pub agreement: AgreementId,
    /// Whose data.
    pub provider: OrgId,
    /// Which people.
    pub population: PopulationId,
    /// Its own selection and noise.
    pub mechanism: Mechanism,
    /// What every unit-period it read was charged on this provider's account.
    pub charge: Loss,
    /// What is lost through this part in one unit-period, in 30 days, in a year.
    pub losses: Vec<Statement>,
}

impl Sheet {
    /// Reads a quality sheet of any version.
    ///
    /// # Errors
    /// [`ExportError::Sheet`].
    pub fn parse(json: &[u8]) -> Result<Self, ExportError> {
        serde_json::from_slice(json).map_err(|e| ExportError::Sheet { why: e.to_string() })
    }

    /// What became of the table's cells: of a merge one coarsening, of a ladder one per rung above 0.
    #[must_use]
    pub fn coarser(&self) -> Vec<Coarsening> {
        let merge = self.merge.iter().map(|merge| merge.coarsening().clone());
        let rungs = self.rungs.iter().map(|rung| rung.coarsening.clone());
        merge.chain(rungs).collect()
    }

    /// All agreements it stands under, the first one first.
    #[must_use]
    pub fn agreements(&self) -> Vec<&AgreementId> {
        match &self.joint {
            Some(joint) => joint.parts.iter().map(|part| &part.agreement).collect(),
            None => vec![&self.agreement],
        }
    }

    /// All providers, the first one first.
    #[must_use]
    pub fn providers(&self) -> Vec<&OrgId> {
        let sources = self.sources().into_iter();
        sources.map(|(provider, _)| provider).collect()
    }

    /// Whose data of which people, the first provider first.
    #[must_use]
    pub fn sources(&self) -> Vec<(&OrgId, &PopulationId)> {
        match &self.joint {
            Some(joint) => {
                let parts = joint.parts.iter();
                parts
                    .map(|part| (&part.provider, &part.population))
                    .collect()
            }
            None => vec![(&self.provider, &self.population)],
        }
    }

    /// The least k of all parts: what a row counts at least of whichever provider it includes; 0 where none is promised.
    #[must_use]
    pub fn k(&self) -> u32 {
        let k = |mechanism: &Mechanism| match mechanism {
            Mechanism::Thresholded { selection, .. } => selection.k,
            Mechanism::KOnly { k } => *k,
            Mechanism::Dense { .. } | Mechanism::Unprotected => 0,
        };
        let parts = self.joint.iter().flat_map(|joint| &joint.parts);
        let least = parts.map(|part| k(&part.mechanism)).min();
        least.unwrap_or_else(|| k(&self.mechanism))
    }

    /// Is nothing in it noisy?
    #[must_use]
    pub fn is_exact(&self) -> bool {
        self.mechanism.draws().is_none()
    }

    /// `2023-10-05`, or of a merge `2023-10-02 to 2023-10-08`; one with gaps lists its periods.
    #[must_use]
    pub fn period_text(&self) -> String {
        let Some(merge) = &self.merge else {
            return self.period.to_string();
        };
        match (self.stretch(), merge.periods().last()) {
            (Some(2..), Some(last)) => format!("{} to {last}", merge.first()),
            _ => {
                let periods = merge.periods().map(|period| period.to_string());
                periods.collect::<Vec<_>>().join(", ")
            }
        }
    }

    /// The same for a headline: many periods with gaps between them are counted, not listed.
    #[must_use]
    pub fn period_brief(&self) -> String {
        let Some(merge) = &self.merge else {
            return self.period_text();
        };
        match (merge.periods().count(), merge.periods().last()) {
            (count @ 4.., Some(last)) if self.stretch().is_none() => {
                let grain = self.period.grain().as_str();
                format!("{count} {grain}s of {} to {last}", merge.first())
            }
            _ => self.period_text(),
        }
    }

    /// How many periods it covers in one stretch; `None` where there are gaps between them.
    #[must_use]
    pub fn stretch(&self) -> Option<usize> {
        let Some(merge) = &self.merge else {
            return Some(1);
        };
        let periods: Vec<Period> = merge.periods().collect();
        let mut pairs = periods.windows(2);
        let whole = pairs.all(|pair| matches!(pair, [a, b] if a.next() == Ok(*b)));
        whole.then_some(periods.len())
    }

    /// Every day that it covers.
    #[must_use]
    pub fn days(&self) -> usize {
        let days = |period: Period| period.days().len();
        match &self.merge {
            Some(merge) => merge.periods().map(days).sum(),
            None => days(self.period),
        }
    }

    /// What protects it, in words: the unit, ε and δ, k, of a joint table for each provider; or that nothing does.
    #[must_use]
    pub fn privacy(&self) -> String {
        let unit = self.unit.word();
        match &self.mechanism {
            Mechanism::Unprotected => {
                return "Not protected: values as contributed, no k-anonymity and no differential privacy claim."
                    .into();
            }
            Mechanism::KOnly { k } => {
                return format!(
                    "{K_ONLY}. Given the provider's bounds, exact counts of at least k = {k} of the unit {unit}; \
                     further cells are hidden so that the rows and their margins alone do not tell a smaller one."
                );
            }
            Mechanism::Thresholded { .. } | Mechanism::Dense { .. } => {}
        }
        let per = format!("differentially private per {unit} ({})", self.unit.about());
        let Some(joint) = &self.joint else {
            let promise = promise(&self.mechanism, &self.losses, self.charge, false);
            return format!("Given the provider's bounds, {per}: {promise}.");
        };
        let mut text = format!("Given each provider's bounds, {per}.");
        for (promise, providers) in joint.promises() {
            text += &format!(" In the data of {providers}: {promise}.");
        }
        if let Some(statement) = joint.person_in_all.first() {
            text += &format!(" Somebody in all providers' data: {}.", statement.text());
        }
        text
    }
}

impl Joint {
    /// What holds for each part, and the providers it holds for: parts have bounds, charges and k of their own.
    fn promises(&self) -> Vec<(String, String)> {
        let mut all: Vec<(String, Vec<&str>)> = Vec::new();
        for part in &self.parts {
            let promise = promise(&part.mechanism, &part.losses, part.charge, true);
            let provider = part.provider.as_str();
            match all.iter_mut().find(|(known, _)| *known == promise) {
                Some((_, providers)) => providers.push(provider),
                None => all.push((promise, vec![provider])),
            }
        }
        let all = all.into_iter();
        all.map(|(promise, providers)| match providers.as_slice() {
            [one] => (promise, (*one).to_owned()),
            many => (promise, format!("each of {}", many.join(", "))),
        })
        .collect()
    }
}

/// What is lost, and whom a row counts, of one provider's data.
fn promise(mechanism: &Mechanism, losses: &[Statement], charge: Loss, is_part: bool) -> String {
    let loss = losses.first();
    let loss = loss.map_or_else(|| charge.to_string(), Statement::text);
    let (row, units) = match is_part {
        true => ("row that includes it", "of its units"),
        false => ("row", "units"),
    };
    match mechanism {
        Mechanism::Thresholded { selection, .. } => format!(
            "{loss}; every {row} counts at least k = {} {units}",
            selection.k
        ),
        _ => format!("{loss}; every key is shown, and no k is promised"),
    }
}

impl Statement {
    fn text(&self) -> String {
        match (&self.epsilon, &self.epsilon_delta) {
            (Some(epsilon), Some(delta)) => format!("ε {epsilon} at δ {delta} ({})", self.loss),
            _ => self.loss.to_string(),
        }
    }
}

#[cfg(test)]
mod tests;
