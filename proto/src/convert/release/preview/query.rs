//! What to preview.

use std::collections::BTreeSet;

use policies::coarse::Merge;
use policies::id::{AgreementId, TableName};
use policies::joint::With;
use policies::period::Period;

use super::super::super::{ConvertError, at_most, parse, wrong};
use super::super::wish::further;
use crate::limits::PERIODS_MAX;
use crate::v1;

/// What to preview.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PreviewQuery {
    /// Under which agreement.
    pub agreement: AgreementId,
    /// Which table.
    pub table: TableName,
    /// 1 to [`PERIODS_MAX`], each once, in the order asked.
    pub periods: Vec<Period>,
    /// The ad-hoc merge of all of them; none for the plan's table of each.
    pub merge: Option<Merge>,
    /// Further agreements whose parts would stand in the same table; fewer than
    /// [`policies::joint::PARTS_MAX`].
    pub with: Vec<With>,
}

impl TryFrom<v1::PreviewRequest> for PreviewQuery {
    type Error = ConvertError;

    fn try_from(message: v1::PreviewRequest) -> Result<Self, ConvertError> {
        let v1::PreviewRequest {
            agreement_id,
            table,
            periods,
            merge,
            with,
        } = message;
        at_most("periods", "items", periods.len(), PERIODS_MAX)?;
        if periods.is_empty() {
            return Err(wrong("periods", "is empty: name at least one"));
        }
        let parsed = periods.iter().map(|text| parse("periods", text));
        let parsed = parsed.collect::<Result<Vec<Period>, _>>()?;
        if parsed.iter().collect::<BTreeSet<_>>().len() < parsed.len() {
            return Err(wrong("periods", "names a period twice"));
        }
        Ok(Self {
            agreement: parse("agreement_id", &agreement_id)?,
            with: further(with, &table)?,
            table: parse("table", &table)?,
            merge: merge
                .map(|coarsening| {
                    let merge = Merge::new(&parsed, coarsening.try_into()?);
                    merge.map_err(|e| wrong("merge", e))
                })
                .transpose()?,
            periods: parsed,
        })
    }
}

impl From<PreviewQuery> for v1::PreviewRequest {
    fn from(query: PreviewQuery) -> Self {
        let PreviewQuery {
            agreement,
            table,
            periods,
            merge,
            with,
        } = query;
        Self {
            agreement_id: agreement.into(),
            table: table.into(),
            periods: periods.into_iter().map(Into::into).collect(),
            merge: merge.map(|merge| merge.coarsening().clone().into()),
            with: with.into_iter().map(Into::into).collect(),
        }
    }
}
