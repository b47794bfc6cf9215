//! Which role may call which method. A method without a line here is denied to everyone.
//!
//! What a caller may see *inside* a method (its own agreements, its own entries) is decided where
//! the object is known; this table is the first lock.

use crate::id::Role;
use Role::{Planner, Provider, Steward};

/// A gRPC method and the roles that may call it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    /// Path, as on the wire: `/package.Service/Method`.
    pub method: &'static str,
    /// Roles that may call it.
    pub roles: &'static [Role],
}

const EVERYONE: &[Role] = &Role::ALL;
const PARTIES: &[Role] = &[Provider, Planner];

/// The whole table; `tests/suite/access.rs` compares it with the served descriptors.
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
        method: "/weir.v1.DirectoryService/ListOrganisations",
        roles: EVERYONE,
    },
    Rule {
        method: "/weir.v1.DirectoryService/AddZoning",
        roles: &[Steward, Provider, Planner],
    },
    Rule {
        method: "/weir.v1.DirectoryService/GetZoning",
        roles: EVERYONE,
    },
    Rule {
        method: "/weir.v1.DirectoryService/ListZonings",
        roles: EVERYONE,
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
        method: "/weir.v1.AgreementService/GetAgreement",
        roles: EVERYONE,
    },
    Rule {
        method: "/weir.v1.AgreementService/ListAgreements",
        roles: EVERYONE,
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
        method: "/weir.v1.AgreementService/WatchAgreements",
        roles: EVERYONE,
    },
    Rule {
        method: "/weir.v1.ContributionService/GetContribution",
        roles: PARTIES,
    },
    Rule {
        method: "/weir.v1.ContributionService/ListContributions",
        roles: PARTIES,
    },
    Rule {
        method: "/weir.v1.ReleaseService/Preview",
        roles: PARTIES,
    },
    Rule {
        method: "/weir.v1.ReleaseService/RequestRelease",
        roles: &[Planner],
    },
    Rule {
        method: "/weir.v1.ReleaseService/GetRelease",
        roles: PARTIES,
    },
    Rule {
        method: "/weir.v1.ReleaseService/ListReleases",
        roles: PARTIES,
    },
    Rule {
        method: "/weir.v1.TransparencyService/GetLogKey",
        roles: EVERYONE,
    },
    Rule {
        method: "/weir.v1.TransparencyService/GetCheckpoint",
        roles: EVERYONE,
    },
    Rule {
        method: "/weir.v1.TransparencyService/GetConsistencyProof",
        roles: EVERYONE,
    },
    Rule {
        method: "/weir.v1.TransparencyService/GetReceipt",
        roles: EVERYONE,
    },
    Rule {
        method: "/weir.v1.TransparencyService/GetEntries",
        roles: EVERYONE,
    },
    Rule {
        method: "/arrow.flight.protocol.FlightService/DoPut",
        roles: &[Provider],
    },
    Rule {
        method: "/arrow.flight.protocol.FlightService/DoGet",
        roles: PARTIES,
    },
];

/// May `role` call `method`?
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

    /// Auditors read; stewards never reach a contribution or a release.
    #[test]
    fn auditors_never_write_and_stewards_never_see_data() {
        let reads = |method: &str| {
            ["/Get", "/List", "/Watch"]
                .iter()
                .any(|verb| method.contains(verb))
        };
        for rule in RULES {
            if allows(Role::Auditor, rule.method) {
                assert!(reads(rule.method), "{} writes", rule.method);
            }
            let data = ["Contribution", "Release", "Flight"];
            if data.iter().any(|service| rule.method.contains(service)) {
                assert!(!allows(Role::Steward, rule.method), "{}", rule.method);
                assert!(!allows(Role::Auditor, rule.method), "{}", rule.method);
            }
        }
    }
}
