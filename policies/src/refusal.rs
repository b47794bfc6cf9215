//! A refusal is data: every reason, with an id that never changes its meaning.
//!
//! Refusals depend on public state only (agreements, calendar, ledger, which contributions exist),
//! never on what was contributed.

use std::fmt;

use serde::{Deserialize, Serialize};

macro_rules! reasons {
    ($($(#[$doc:meta])* $variant:ident => $id:literal,)*) => {
        /// Why a request is refused. The text form is stable: it stands in entries of the log.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum ReasonId {
            $($(#[$doc])* #[serde(rename = $id)] $variant,)*
        }

        impl ReasonId {
            /// All reasons there are.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The stable text.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $id,)*
                }
            }
        }
    };
}

reasons! {
    /// The agreement is not active yet: signatures are missing.
    AgreementNotActive => "agreement.not_active",
    /// Somebody who may has suspended the agreement.
    AgreementSuspended => "agreement.suspended",
    /// The agreement has ended, or its offer never became one.
    AgreementEnded => "agreement.ended",
    /// Today lies outside the days on which the agreement can be active.
    AgreementOutsideValidity => "agreement.outside_validity",
    /// The organisation is not named as a recipient.
    RecipientNotNamed => "recipient.not_named",
    /// The purpose is not one that the agreement allows.
    PurposeNotAgreed => "purpose.not_agreed",
    /// The agreement has no such table, or its plan does not release it.
    TableNotPlanned => "table.not_planned",
    /// The period's length is not the table's.
    PeriodGrain => "period.grain",
    /// The period lies outside the days that the agreement covers.
    PeriodOutsideCoverage => "period.outside_coverage",
    /// The period has not ended, or its due time has not come.
    PeriodNotDue => "period.not_due",
    /// The provider has no live contribution for the period.
    PeriodNotContributed => "period.not_contributed",
    /// The cells of the period are deleted: kept as long as agreed, or taken back by the provider.
    PeriodDeleted => "period.deleted",
    /// All editions that the plan allows for the period have been made.
    EditionsExhausted => "plan.editions_exhausted",
    /// The tables of the agreements cannot be one table.
    PartsDiffer => "parts.differ",
    /// An agreement asks for more providers in a table than the request names.
    PartsTooFew => "parts.too_few",
    /// An agreement lets one table of its people stand for this time, and there is another.
    PartsBeside => "parts.beside_another",
    /// The agreement allows no ad-hoc merge of the table, or not this one.
    MergeNotAgreed => "ad_hoc.not_agreed",
    /// The coarsening is none of the table.
    MergeUnfit => "ad_hoc.unfit",
    /// All merges that the agreement allows for a period have been made.
    MergesExhausted => "ad_hoc.exhausted",
    /// Another protection has been chosen for a unit-period: k-only and differential privacy never read the
    /// same one.
    ProtectionChosen => "protection.chosen_otherwise",
    /// A k-only table has been released of a unit-period: no second one stands beside it.
    KOnlyBeside => "k_only.beside_another",
    /// The charge does not fit what is left of the cap of some unit-period it reads.
    BudgetExceeded => "budget.cap_exceeded",
}

impl fmt::Display for ReasonId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One reason, as it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    /// Stable id.
    pub id: ReasonId,
    /// What was asked, what is allowed, what to do next.
    pub text: String,
}

/// A request denied, with every reason there is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    reasons: Vec<Reason>,
}

impl Refusal {
    /// A refusal, or `None` where there is no reason for one.
    #[must_use]
    pub fn from_reasons(reasons: Vec<Reason>) -> Option<Self> {
        if reasons.is_empty() {
            None
        } else {
            Some(Self { reasons })
        }
    }

    /// Every reason, in the order the rules ran; at least one.
    #[must_use]
    pub fn reasons(&self) -> &[Reason] {
        &self.reasons
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, reason) in self.reasons.iter().enumerate() {
            let comma = if n == 0 { "" } else { "; " };
            write!(f, "{comma}{}: {}", reason.id, reason.text)?;
        }
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    /// The words stand in old entries and in other people's scripts.
    #[test]
    fn the_words_of_reasons_never_change() {
        let words: Vec<&str> = ReasonId::ALL.iter().map(|id| id.as_str()).collect();
        assert_eq!(
            words,
            [
                "agreement.not_active",
                "agreement.suspended",
                "agreement.ended",
                "agreement.outside_validity",
                "recipient.not_named",
                "purpose.not_agreed",
                "table.not_planned",
                "period.grain",
                "period.outside_coverage",
                "period.not_due",
                "period.not_contributed",
                "period.deleted",
                "plan.editions_exhausted",
                "parts.differ",
                "parts.too_few",
                "parts.beside_another",
                "ad_hoc.not_agreed",
                "ad_hoc.unfit",
                "ad_hoc.exhausted",
                "protection.chosen_otherwise",
                "k_only.beside_another",
                "budget.cap_exceeded",
            ]
        );
        for id in ReasonId::ALL {
            assert_eq!(serde_json::to_string(id).unwrap(), format!("\"{id}\""));
        }
    }

    #[test]
    fn a_refusal_without_a_reason_does_not_exist() {
        assert_eq!(Refusal::from_reasons(vec![]), None);
    }
}
