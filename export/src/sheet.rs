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
        match &self.joint {
            Some(joint) => joint.parts.iter().map(|part| &part.provider).collect(),
            None => vec![&self.provider],
        }
    }

    /// `2023-10-05`, or of a merge `2023-10-02 to 2023-10-08`; one with gaps lists its periods.
    #[must_use]
    pub fn period_text(&self) -> String {
        let Some(merge) = &self.merge else {
            return self.period.to_string();
        };
        let periods: Vec<Period> = merge.periods().collect();
        let whole = periods
            .windows(2)
            .all(|pair| matches!(pair, [a, b] if a.next() == Ok(*b)));
        match (periods.first(), periods.last()) {
            (Some(first), Some(last)) if whole && periods.len() > 1 => format!("{first} to {last}"),
            _ => periods
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join(", "),
        }
    }

    /// What protects it, in one sentence: the unit, ε and δ, k; or that nothing does.
    #[must_use]
    pub fn privacy(&self) -> String {
        let per = format!(
            "Differentially private per {} ({})",
            self.unit.word(),
            self.unit.about()
        );
        let loss = self.losses.first();
        let loss = loss.map_or_else(|| self.charge.to_string(), Statement::text);
        let mut text = match &self.mechanism {
            Mechanism::Unprotected => {
                return "Not protected: values as contributed, no k-anonymity and no differential privacy claim."
                    .into();
            }
            Mechanism::KOnly { k } => {
                return format!(
                    "{K_ONLY}. Exact counts of at least k = {k} of the unit {}; cells are hidden so that no \
                     smaller count can be computed.",
                    self.unit.word()
                );
            }
            Mechanism::Thresholded { selection, .. } => format!(
                "{per}: {loss}; every row counts at least k = {} units in each provider's data.",
                selection.k
            ),
            Mechanism::Dense { .. } => {
                format!("{per}: {loss}; every key is shown, and no k is promised.")
            }
        };
        let all = self.joint.iter().filter_map(|j| j.person_in_all.first());
        for statement in all {
            text += &format!(" Somebody in all providers' data: {}.", statement.text());
        }
        text
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
