//! What a sheet says about a table of several providers.

use policies::agreement::Unit;
use policies::entry::Reservation;
use policies::id::{AgreementId, OrgId, PopulationId};
use policies::joint::JointRule;
use policies::loss::Loss;
use policies::mechanism::Mechanism;
use policies::period::Period;
use policies::table::Table;
use serde::{Deserialize, Serialize};

use super::{Context, DeclaredRate, HalfWidth, SheetError};
use crate::convert::{LossStatement, statements, together};
use crate::engine::OpenDpError;
use crate::joint::contributors_half_widths;

/// All parts of a joint table, the first included, and what holds for all of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JointSheet {
    /// One per provider.
    pub parts: Vec<PartSheet>,
    /// The strictest of the agreements' rules, which withheld what did not keep it.
    #[serde(skip_serializing_if = "JointRule::is_none", default)]
    pub rule: JointRule,
    /// What a person loses who is in the data of every provider, in a unit-period of each, in 30 days, in a year:
    /// the sum, since nobody can rule such a person out.
    pub person_in_all: Vec<LossStatement>,
    /// Half width of the 95 % interval of a row's contributors, by how many providers it counts, from one on.
    pub contributors_half_widths: Vec<i64>,
}

/// One provider's part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PartSheet {
    /// Under which agreement.
    pub agreement: AgreementId,
    /// Whose data.
    pub provider: OrgId,
    /// Which people.
    pub population: PopulationId,
    /// The table's terms: its own bounds.
    pub table: Table,
    /// 1 for the first edition of the period under this agreement.
    pub edition: u32,
    /// Did the contribution come after due time and grace?
    pub late: bool,
    /// Earlier periods of the agreement that nothing was contributed for.
    pub missing_periods: Vec<Period>,
    /// Its own selection, and the common noise of the sums with its own sensitivity.
    pub mechanism: Mechanism,
    /// What every unit-period it read was charged on this provider's account.
    pub charge: Loss,
    /// What the mechanism costs, at most the charge.
    pub cost: Loss,
    /// What is lost through this part, as in the sheet of a table alone.
    pub losses: Vec<LossStatement>,
    /// Declared by the provider.
    pub declared: Vec<DeclaredRate>,
}

impl JointSheet {
    /// `contexts` are in the order of [`Reservation::parts`]; `None` for a table of one provider.
    pub(super) fn of(
        reservation: &Reservation,
        contexts: &[Context],
    ) -> Result<Option<Self>, SheetError> {
        let Some(joint) = &reservation.joint else {
            return Ok(None);
        };
        let reserved = reservation.parts();
        let parts = std::iter::zip(&reserved, contexts).map(|(r, context)| part(r, context));
        let parts = parts.collect::<Result<Vec<_>, _>>()?;
        let losses: Vec<(Unit, Loss)> = reserved.iter().map(|r| (r.unit, r.charge)).collect();
        let mechanisms = reserved.iter().map(|r| &r.mechanism);
        Ok(Some(Self {
            parts,
            rule: joint.rule,
            person_in_all: together(&losses)?,
            contributors_half_widths: contributors_half_widths(mechanisms)?,
        }))
    }

    /// The widths of the table: contributors' as wide as they get, measures' as each part's.
    pub(super) fn widen(&self, half_widths: &mut [HalfWidth]) {
        let widest = self.contributors_half_widths.last();
        let widest = widest.and_then(|half| u64::try_from(*half).ok());
        if let (Some(first), Some(widest)) = (half_widths.first_mut(), widest) {
            first.half_width = widest;
        }
    }

    /// What is promised beside the claim of one provider's data.
    pub(super) fn claim(&self) -> String {
        let names: Vec<&str> = self.parts.iter().map(|p| p.provider.as_str()).collect();
        let mut claim = format!(
            " The table adds up the parts of {}; a row counts those of them that selected it (`providers`), each \
             with at least its own k. What is said of one provider's data holds for each, also for whoever knows \
             the others'. A person in the data of all of them loses the sum.",
            names.join(", ")
        );
        if let Some(least) = self.rule.min_providers {
            claim += &format!(" Rows that count fewer than {least} providers are withheld.");
        }
        if let Some(percent) = self.rule.dominance_percent {
            claim += &format!(
                " Rows of which one provider has more than {percent} % of the noisy contributors are withheld."
            );
        }
        claim
    }
}

fn part(r: &Reservation, context: &Context) -> Result<PartSheet, SheetError> {
    let doing = "price a mechanism";
    Ok(PartSheet {
        agreement: r.agreement.clone(),
        provider: context.provider.clone(),
        population: context.population.clone(),
        table: r.table.clone(),
        edition: r.edition,
        late: r.late,
        missing_periods: r.missing.clone(),
        mechanism: r.mechanism.clone(),
        charge: r.charge,
        cost: r.mechanism.cost().map_err(|_| OpenDpError { doing })?,
        losses: statements(r.unit, r.charge)?,
        declared: context.declared.clone(),
    })
}
