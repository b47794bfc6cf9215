//! Tables on offer.

use policies::agreement::{Agreement, Days, PlanItem, Protection, Unit};
use policies::id::{AgreementId, OrgId, TableName, ZoningId};
use policies::life::Status;
use policies::period::Grain;

use super::both_ways::{page_request, paged};
use super::life::status;
use super::{ConvertError, Page, Paged, parse, wrong};
use crate::v1;

/// A table of a plan, as the directory tells it: terms alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OfferedTable {
    /// The agreement whose plan has it.
    pub agreement: AgreementId,
    /// Where that stands.
    pub status: Status,
    /// Who counts.
    pub provider: OrgId,
    /// For whom.
    pub planner: OrgId,
    /// Its name in the agreement.
    pub table: TableName,
    /// What is counted.
    pub kind: String,
    /// The length of its periods.
    pub grain: Grain,
    /// The zoning it is cut in.
    pub zoning: ZoningId,
    /// What is protected.
    pub unit: Unit,
    /// The least units behind a published row; 0 where none is promised.
    pub k: u32,
    /// Exact counts of at least k units, and no differential privacy?
    pub k_only: bool,
    /// The days that its data may be about.
    pub covers: Days,
}

impl OfferedTable {
    /// A line of a plan; `None` where it names no table of its agreement.
    #[must_use]
    pub fn of(
        id: &AgreementId,
        status: Status,
        terms: &Agreement,
        item: &PlanItem,
    ) -> Option<Self> {
        let table = terms.table(&item.table)?;
        Some(Self {
            agreement: id.clone(),
            status,
            provider: terms.provider.org.clone(),
            planner: terms.planner.org.clone(),
            table: table.name.clone(),
            kind: table.kind.clone(),
            grain: table.period,
            zoning: table.zoning.clone(),
            unit: terms.population.unit,
            k: if item.dense { 0 } else { terms.k },
            k_only: terms.population.protection == Protection::KOnly,
            covers: terms.covers,
        })
    }
}

impl TryFrom<v1::OfferedTable> for OfferedTable {
    type Error = ConvertError;

    fn try_from(message: v1::OfferedTable) -> Result<Self, ConvertError> {
        let v1::OfferedTable {
            agreement_id,
            state,
            provider_org_id,
            planner_org_id,
            table,
            kind,
            grain,
            zoning_id,
            unit,
            k,
            k_only,
            covers_from,
            covers_until,
        } = message;
        let unit = Unit::ALL.into_iter().find(|known| known.word() == unit);
        Ok(Self {
            agreement: parse("agreement_id", &agreement_id)?,
            status: status(state)?,
            provider: parse("provider_org_id", &provider_org_id)?,
            planner: parse("planner_org_id", &planner_org_id)?,
            table: parse("table", &table)?,
            kind,
            grain: parse("grain", &grain)?,
            zoning: parse("zoning_id", &zoning_id)?,
            unit: unit.ok_or_else(|| wrong("unit", "is none that is known here"))?,
            k,
            k_only,
            covers: Days {
                from: parse("covers_from", &covers_from)?,
                until: parse("covers_until", &covers_until)?,
            },
        })
    }
}

impl From<OfferedTable> for v1::OfferedTable {
    fn from(table: OfferedTable) -> Self {
        let OfferedTable {
            agreement,
            status,
            provider,
            planner,
            table,
            kind,
            grain,
            zoning,
            unit,
            k,
            k_only,
            covers,
        } = table;
        Self {
            agreement_id: agreement.into(),
            state: v1::AgreementState::from(status).into(),
            provider_org_id: provider.into(),
            planner_org_id: planner.into(),
            table: table.into(),
            kind,
            grain: grain.as_str().to_owned(),
            zoning_id: zoning.into(),
            unit: unit.word().to_owned(),
            k,
            k_only,
            covers_from: covers.from.to_string(),
            covers_until: covers.until.to_string(),
        }
    }
}

paged! { ListTablesResponse { tables: OfferedTable } }
page_request! { ListTablesRequest }
