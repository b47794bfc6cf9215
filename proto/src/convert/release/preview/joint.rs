//! What one table of several agreements would cost.

use policies::id::{AgreementId, OrgId, TableName};
use policies::joint::PARTS_MAX;
use policies::loss::{Delta, Loss};

use super::super::super::{ConvertError, at_most, parse, parse_optional, print_optional, required};
use super::Protection;
use crate::v1;

/// A table of several agreements.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JointPreview {
    /// In the order asked, the request's own first.
    pub parts: Vec<PartPreview>,
    /// Half width of the 95 % interval of a row's contributors, by how many providers it counts, from one on.
    pub contributors_error_95: Vec<u64>,
    /// What a unit-period loses that is in the data of all.
    pub person_in_all: Loss,
    /// ε of that at `epsilon_delta`, a decimal; for display only. Empty where none can be stated.
    pub epsilon: String,
    /// The δ at which ε holds; none where there is no ε.
    pub epsilon_delta: Option<Delta>,
}

/// One agreement's part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartPreview {
    /// The agreement.
    pub agreement: AgreementId,
    /// Its table.
    pub table: TableName,
    /// Whose data.
    pub provider: OrgId,
    /// Its own selection and charge; the noise of measures is that of all parts.
    pub protection: Protection,
    /// The least that is left of the provider's cap over all periods asked; none where it has no account yet.
    pub left: Option<Loss>,
}

impl TryFrom<v1::JointPreview> for JointPreview {
    type Error = ConvertError;

    fn try_from(message: v1::JointPreview) -> Result<Self, ConvertError> {
        let v1::JointPreview {
            parts,
            contributors_error_95,
            person_in_all,
            epsilon,
            epsilon_delta,
        } = message;
        at_most("parts", "items", parts.len(), PARTS_MAX)?;
        let widths = contributors_error_95.len();
        at_most("contributors_error_95", "items", widths, PARTS_MAX)?;
        let parts = parts.into_iter().map(TryInto::try_into);
        Ok(Self {
            parts: parts.collect::<Result<_, _>>()?,
            contributors_error_95,
            person_in_all: required("person_in_all", person_in_all)?.try_into()?,
            epsilon,
            epsilon_delta: parse_optional("epsilon_delta", &epsilon_delta)?,
        })
    }
}

impl From<JointPreview> for v1::JointPreview {
    fn from(preview: JointPreview) -> Self {
        let JointPreview {
            parts,
            contributors_error_95,
            person_in_all,
            epsilon,
            epsilon_delta,
        } = preview;
        Self {
            parts: parts.into_iter().map(Into::into).collect(),
            contributors_error_95,
            person_in_all: Some(person_in_all.into()),
            epsilon,
            epsilon_delta: print_optional(epsilon_delta.as_ref()),
        }
    }
}

impl TryFrom<v1::PartPreview> for PartPreview {
    type Error = ConvertError;

    fn try_from(message: v1::PartPreview) -> Result<Self, ConvertError> {
        let v1::PartPreview {
            agreement_id,
            table,
            provider,
            protection,
            left,
        } = message;
        Ok(Self {
            agreement: parse("agreement_id", &agreement_id)?,
            table: parse("table", &table)?,
            provider: parse("provider", &provider)?,
            protection: required("protection", protection)?.try_into()?,
            left: left.map(TryInto::try_into).transpose()?,
        })
    }
}

impl From<PartPreview> for v1::PartPreview {
    fn from(preview: PartPreview) -> Self {
        let PartPreview {
            agreement,
            table,
            provider,
            protection,
            left,
        } = preview;
        Self {
            agreement_id: agreement.into(),
            table: table.into(),
            provider: provider.into(),
            protection: Some(protection.into()),
            left: left.map(Into::into),
        }
    }
}
