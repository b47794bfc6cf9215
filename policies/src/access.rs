//! Which role may cause an entry by which method: a rule of the log, that auditors check again. Methods
//! that only read have no line.
//!
//! Who may call a method at all, and what it may see, the broker asks its Cedar policies
//! (`policies/*.cedar`). They may be stricter than this table, never wider.

use crate::id::Role;
use Role::{Planner, Provider, Steward};

/// A gRPC method and the roles that may cause an entry by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    /// Path, as on the wire: `/package.Service/Method`.
    pub method: &'static str,
    /// Roles that may.
    pub roles: &'static [Role],
}

const PARTIES: &[Role] = &[Provider, Planner];

/// The whole table; the broker's policies are checked against it when they are loaded.
pub const RULES: &[Rule] = &[
    Rule {
        method: "/weir.v1.DirectoryService/AdmitOrganisation",
        roles: &[Steward],
    },
    Rule {
        method: "/weir.v1.DirectoryService/RotateKey",
        roles: &[Steward, Provider, Planner],
    },
    Rule {
        method: "/weir.v1.DirectoryService/AddZoning",
        roles: &[Steward, Provider, Planner],
    },
    Rule {
        method: "/weir.v1.DirectoryService/PublishCall",
        roles: &[Planner],
    },
    Rule {
        method: "/weir.v1.DirectoryService/CloseCall",
        roles: &[Planner],
    },
    Rule {
        method: "/weir.v1.AgreementService/OfferAgreement",
        roles: PARTIES,
    },
    Rule {
        method: "/weir.v1.AgreementService/SignAgreement",
        roles: PARTIES,
    },
    Rule {
        method: "/weir.v1.AgreementService/WithdrawAgreement",
        roles: PARTIES,
    },
    Rule {
        method: "/weir.v1.AgreementService/SuspendAgreement",
        roles: &[Steward, Provider, Planner],
    },
    Rule {
        method: "/weir.v1.AgreementService/ResumeAgreement",
        roles: &[Steward, Provider, Planner],
    },
    Rule {
        method: "/weir.v1.AgreementService/TerminateAgreement",
        roles: PARTIES,
    },
    Rule {
        method: "/weir.v1.ReleaseService/RequestRelease",
        roles: &[Planner],
    },
    Rule {
        method: "/weir.v1.ReleaseService/ProposeOpenData",
        roles: PARTIES,
    },
    Rule {
        method: "/weir.v1.ReleaseService/ApproveOpenData",
        roles: PARTIES,
    },
    Rule {
        method: "/weir.v1.ReleaseService/WithdrawOpenData",
        roles: PARTIES,
    },
    Rule {
        method: "/weir.v1.ContributionService/WithdrawContribution",
        roles: &[Provider],
    },
    Rule {
        method: "/arrow.flight.protocol.FlightService/DoPut",
        roles: &[Provider],
    },
];

/// May `role` cause an entry by `method`?
///
/// ```
/// use policies::{access::allows, id::Role};
/// assert!(allows(Role::Planner, "/weir.v1.ReleaseService/RequestRelease"));
/// assert!(!allows(Role::Auditor, "/weir.v1.ReleaseService/RequestRelease"));
/// assert!(!allows(Role::Steward, "/weir.v1.ReleaseService/NewMethod"));
/// ```
#[must_use]
pub fn allows(role: Role, method: &str) -> bool {
    RULES
        .iter()
        .any(|rule| rule.method == method && rule.roles.contains(&role))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_method_has_one_rule_and_somebody_who_may_call_it() {
        for (n, rule) in RULES.iter().enumerate() {
            let same = |other: &Rule| other.method == rule.method;
            assert_eq!(
                RULES.iter().position(same),
                Some(n),
                "{} twice",
                rule.method
            );
            assert!(!rule.roles.is_empty());
        }
    }

    /// Auditors cause no entry; stewards none about data.
    #[test]
    fn auditors_never_write_and_stewards_never_touch_data() {
        for rule in RULES {
            assert!(!allows(Role::Auditor, rule.method), "{}", rule.method);
            let data = ["Contribution", "Release", "Flight"];
            if data.iter().any(|service| rule.method.contains(service)) {
                assert!(!allows(Role::Steward, rule.method), "{}", rule.method);
            }
        }
    }
}
