//! The rules that follow from an agreement.

use jiff::civil::Date;

use super::{Constraint, Name, OdrlError, Operand, PROFILE, Rule, Typed, org_iri};
use crate::agreement::{
    AdHoc, Agreement, OpenOnEnd, PlanItem, Protection, Publication, TablesOnEnd, Unit,
};
use crate::loss::Loss;

const DPV: &str = "https://w3id.org/dpv#";
const XSD: &str = "http://www.w3.org/2001/XMLSchema#";

/// One for each line of the plan and of the merges, one to use what was released, and one to make open data of it.
pub(super) fn permissions(a: &Agreement) -> Result<Vec<Rule>, OdrlError> {
    let mut rules = Vec::new();
    for item in &a.plan {
        rules.push(release(a, item)?);
    }
    for line in &a.ad_hoc {
        rules.push(merge(a, line)?);
    }
    rules.push(usage(a));
    rules.extend(a.publication.as_ref().map(distribution));
    Ok(rules)
}

/// What is contributed is deleted in time.
pub(super) fn obligations(a: &Agreement) -> Vec<Rule> {
    let days = typed("duration", format!("P{}D", a.retention_days));
    vec![Rule {
        action: "odrl:delete".to_owned(),
        constraint: vec![
            constraint(&own("data"), "eq", text("contributed-cells")),
            constraint("odrl:delayPeriod", "lteq", days),
        ],
    }]
}

/// A table may be released, as a line of the plan says.
fn release(a: &Agreement, item: &PlanItem) -> Result<Rule, OdrlError> {
    let mut constraints = vec![constraint(&own("table"), "eq", text(item.table.as_str()))];
    constraints.extend(when(a)?);
    let due = typed("duration", format!("PT{}H", item.due_hours));
    constraints.push(constraint("odrl:delayPeriod", "gteq", due));
    constraints.push(at_most("editions", item.editions));
    if a.k > 0 && !item.dense {
        constraints.push(constraint(&own("unitsPerRow"), "gteq", integer(a.k)));
    }
    constraints.push(protection(a));
    if item.charge.is_some() {
        constraints.extend(charge(item.total()));
    }
    if let Some(least) = item.joint.and_then(|rule| rule.min_providers) {
        constraints.push(constraint(&own("providersPerRow"), "gteq", integer(least)));
    }
    Ok(Rule {
        action: own("release"),
        constraint: constraints,
    })
}

/// Cells of a table may be merged on request.
fn merge(a: &Agreement, line: &AdHoc) -> Result<Rule, OdrlError> {
    let mut constraints = vec![constraint(&own("table"), "eq", text(line.table.as_str()))];
    constraints.extend(when(a)?);
    constraints.push(at_most("requestsPerPeriod", line.requests));
    constraints.push(protection(a));
    constraints.extend(charge(line.charge.total()));
    Ok(Rule {
        action: own("merge"),
        constraint: constraints,
    })
}

/// Released tables may be used by the recipients for the purposes.
fn usage(a: &Agreement) -> Rule {
    let purposes = a.purposes.iter().map(|purpose| Name {
        id: match purpose.strip_prefix("dpv:") {
            Some(term) => format!("{DPV}{term}"),
            None => purpose.clone(),
        },
    });
    let recipients = a.recipients.iter().map(|org| Name { id: org_iri(org) });
    let mut constraints = vec![
        constraint(
            "odrl:purpose",
            "isAnyOf",
            Operand::Names(purposes.collect()),
        ),
        constraint(
            "odrl:recipient",
            "isAnyOf",
            Operand::Names(recipients.collect()),
        ),
    ];
    if a.on_end.unwrap_or_default().tables == TablesOnEnd::Closed {
        // Not `neq`: W3C's context resolves it to `odrl:neg`, which is no operator.
        constraints.push(constraint(&own("agreementState"), "eq", text("not-ended")));
    }
    Rule {
        action: "odrl:use".to_owned(),
        constraint: constraints,
    }
}

/// Released tables may be given to everybody, after two persons have looked at each.
fn distribution(publication: &Publication) -> Rule {
    let licence = Name {
        id: publication.licence_url(),
    };
    let mut constraints = vec![
        constraint(&own("persons"), "gteq", integer(2)),
        constraint(&own("licence"), "isAnyOf", Operand::Names(vec![licence])),
    ];
    if publication.on_end == OpenOnEnd::Withdrawn {
        constraints.push(constraint(&own("agreementState"), "eq", text("not-ended")));
    }
    Rule {
        action: "odrl:distribute".to_owned(),
        constraint: constraints,
    }
}

/// On which days, and about which.
fn when(a: &Agreement) -> Result<[Constraint; 4], OdrlError> {
    let after = a.valid.until.tomorrow().map_err(|_| OdrlError::Calendar)?;
    Ok([
        constraint("odrl:dateTime", "gteq", start_of(a, a.valid.from)?),
        constraint("odrl:dateTime", "lt", start_of(a, after)?),
        constraint(&own("periodFirstDay"), "gteq", typed("date", a.covers.from)),
        constraint(&own("periodLastDay"), "lteq", typed("date", a.covers.until)),
    ])
}

/// The first moment of a day where the agreement's bins are cut, as a time in UTC.
fn start_of(a: &Agreement, day: Date) -> Result<Operand, OdrlError> {
    let start = day.to_zoned_datetime(a.time_zone.tz().clone());
    let start = start.map_err(|_| OdrlError::Calendar)?;
    Ok(typed("dateTime", start.timestamp()))
}

/// What is promised, of whom.
fn protection(a: &Agreement) -> Constraint {
    let how = match (a.population.protection, a.population.unit) {
        (Protection::KOnly, _) => "k-only",
        (Protection::Differential, Unit::None) => "none",
        (Protection::Differential, _) => "differential-privacy",
    };
    constraint(&own("protection"), "eq", text(how))
}

/// A sum that leaves the type belongs to no sound agreement; it allows nothing.
fn charge(total: Option<Loss>) -> [Constraint; 2] {
    let total = total.unwrap_or(Loss::ZERO);
    [
        constraint(&own("rho"), "lteq", typed("decimal", total.rho)),
        constraint(&own("delta"), "lteq", typed("decimal", total.delta)),
    ]
}

fn at_most(term: &str, most: u32) -> Constraint {
    constraint(&own(term), "lteq", integer(most))
}

fn constraint(left: &str, operator: &str, right: Operand) -> Constraint {
    Constraint {
        left_operand: left.to_owned(),
        operator: operator.to_owned(),
        right_operand: right,
    }
}

/// A term of the profile.
fn own(term: &str) -> String {
    format!("{PROFILE}:{term}")
}

fn text(value: &str) -> Operand {
    Operand::Text(value.to_owned())
}

fn integer(value: u32) -> Operand {
    typed("integer", value)
}

fn typed(datatype: &str, value: impl std::fmt::Display) -> Operand {
    Operand::Typed(Typed {
        datatype: format!("{XSD}{datatype}"),
        value: value.to_string(),
    })
}
