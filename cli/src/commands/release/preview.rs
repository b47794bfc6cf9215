//! What releases would cost and could show.

use clap::Args;
use jiff::Timestamp;
use policies::agreement::Agreement;
use policies::id::TableName;
use policies::period::Period;
use proto::convert::{PeriodPreview, Preview as Told, Protection, RungPreview};
use proto::limits::PERIODS_MAX;
use serde::Serialize;
use serde_json::{Value, json};

use super::super::Session;
use super::super::agreement::loss;
use super::super::session::from_client;
use super::merge::MergeArgs;
use super::plan;
use super::sheet::coarsening;
use crate::errors::{CliError, OrFail};
use crate::output::{View, facts, right, short, table, thousands};
use crate::period_range::Periods;

mod joint;

/// Periods that are shown where none is named: the newest that have ended.
const NEWEST: usize = 14;

pub const HELP: &str = "\
Example:
  weir release preview agreement.json           the whole plan of a file, offline: before you sign
  weir release preview 3f9ac2                   the same, with what other agreements hold
  weir release preview --all                    what a person in all your agreements can lose
  weir release preview 3f9ac2 od
  weir release preview 3f9ac2 od --periods 2023-10-01..2023-10-07
  weir release preview 3f9ac2 od --periods 2023-10-01..2023-10-07 --merge --zones parent
  weir release preview 3f9ac2 od --periods 2023-10-05 --with 7c2f01 --with 90ab3c:trips

A plan is priced table by table and edition by edition, against the cap. For one table, from
public state only: agreements, calendar, balances, and which contributions exist. It says how many
units a cell needs to be published, how wide the 95 % interval will be, what is left of the
cap, and every reason why a request made now would be refused.
With --with it prices one table of several providers: what each part costs on its own account, and
what a person in the data of all of them loses.";

/// Arguments of `weir release preview`.
#[derive(Debug, Args)]
pub struct Preview {
    /// The agreement: its file, its id, or the first digits of its id.
    #[arg(value_name = "AGREEMENT", required_unless_present = "all")]
    pub agreement: Option<String>,
    /// The table's name; without it, the whole plan is priced.
    pub table: Option<TableName>,
    /// All active agreements at once: what a person behind the data of each can lose.
    #[arg(long, conflicts_with_all = ["agreement", "periods"])]
    pub all: bool,
    /// Periods: one, FIRST..LAST (both included), or several with commas. Without it, the newest 14
    /// that have ended.
    #[arg(long, requires = "table")]
    pub periods: Option<Periods>,
    /// A further agreement whose part would stand in the same table; again for each. Its table has the
    /// same name, or follows a colon: 7c2f01:trips.
    #[arg(
        long,
        value_name = "AGREEMENT[:TABLE]",
        requires = "table",
        conflicts_with = "merge"
    )]
    pub with: Vec<String>,
    /// All periods together.
    #[command(flatten)]
    pub merge: MergeArgs,
}

pub async fn run(args: Preview, session: &Session) -> Result<(), CliError> {
    let (agreement, table) = match (args.agreement, args.table) {
        (None, _) => return plan::all(session).await,
        (Some(agreement), None) => return plan::one(&agreement, session).await,
        (Some(agreement), Some(table)) => (agreement, table),
    };
    let client = session.client().await?;
    let id = session.agreement_id(&client, &agreement).await?;
    let periods = match args.periods {
        Some(Periods(periods)) => periods,
        None => {
            let found = client.agreement(&id).await.map_err(from_client)?;
            newest(&found.terms, &table, Timestamp::now())?
        }
    };
    let with = super::with(&args.with, &table, &client, session).await?;
    let told = match args.merge.of(&periods)? {
        None if with.is_empty() => client.preview(&id, &table, &periods).await,
        None => client.preview_joint(&id, &table, &with, &periods).await,
        Some(merge) => client.preview_merge(&id, &table, &merge).await,
    };
    let told = told.map_err(from_client)?;
    let several = !with.is_empty();
    session.output.show(&Shown {
        table,
        told,
        several,
    })
}

/// The newest periods of the agreement's coverage that have ended; its first where none has.
fn newest(terms: &Agreement, name: &TableName, now: Timestamp) -> Result<Vec<Period>, CliError> {
    let Some(table) = terms.table(name) else {
        let known: Vec<_> = terms.tables.iter().map(|t| t.name.to_string()).collect();
        let why = format!(
            "the agreement has no table `{name}`; it has {}",
            known.join(", ")
        );
        return Err(CliError::new(why).or_try("weir agreement show ID"));
    };
    let mut period = Period::holding(terms.covers.from, table.period).or_fail()?;
    let mut covered = Vec::new();
    while period.first() <= terms.covers.until && covered.len() < PERIODS_MAX * 100 {
        let ended = period.ends_at(&terms.time_zone).or_fail()? <= now;
        if !ended && !covered.is_empty() {
            break;
        }
        if terms.covers.hold(period) {
            covered.push(period);
        }
        period = period.next().or_fail()?;
    }
    if covered.is_empty() {
        let why = format!("the agreement covers no whole period of `{name}`");
        return Err(CliError::new(why).or_try("weir agreement show ID"));
    }
    Ok(covered.split_off(covered.len().saturating_sub(NEWEST)))
}

struct Shown {
    table: TableName,
    told: Told,
    /// Were further agreements named?
    several: bool,
}

impl Serialize for Shown {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Told {
            protection,
            periods,
            domain_keys,
            rule,
            rungs,
            joint,
        } = &self.told;
        let rungs = rungs.iter().map(|rung| {
            json!({"coarsening": rung.coarsening, "protection": protection_json(&rung.protection)})
        });
        json!({
            "table": self.table,
            "protection": protection.as_ref().map(protection_json),
            "joint": joint.as_ref().map(joint::json),
            "rungs": rungs.collect::<Vec<_>>(),
            "periods": periods.iter().map(period_json).collect::<Vec<_>>(),
            "domain_keys": domain_keys,
            "rule": rule,
        })
        .serialize(serializer)
    }
}

fn protection_json(p: &Protection) -> Value {
    let measures = p.measures.iter().map(|m| {
        json!({"measure": m.measure, "noise": m.noise, "scale_sixteenths": m.scale.sixteenths(),
            "rho": m.rho, "error_95": m.error_95})
    });
    json!({
        "charge": p.charge, "epsilon": p.epsilon, "epsilon_delta": p.epsilon_delta,
        "unit": p.unit, "k": p.k, "threshold": p.threshold, "published_from": p.published_from,
        "contributors_needed": p.contributors_needed, "measures": measures.collect::<Vec<_>>(),
    })
}

fn period_json(p: &PeriodPreview) -> Value {
    let refused = p.refused.as_ref().map(|refusal| {
        let reasons = refusal.reasons().iter();
        reasons
            .map(|r| json!({"id": r.id, "text": r.text}))
            .collect::<Vec<_>>()
    });
    json!({
        "period": p.period, "refused": refused, "left": p.left, "release": p.release,
        "replaces": p.replaces,
    })
}

impl View for Shown {
    fn text(&self) -> String {
        let Told {
            protection,
            periods,
            domain_keys,
            rule,
            rungs,
            joint,
        } = &self.told;
        let mut lines = match (protection, joint) {
            (_, Some(joint)) => joint::lines(joint),
            (Some(protection), None) => protected(protection),
            (None, None) if self.several => vec![(
                "charge",
                "none: these tables do not fit into one, see the reasons with --json".into(),
            )],
            (None, None) => vec![("charge", "none, and no DP claim: see the rule".into())],
        };
        lines.push(("public domain", format!("{} keys", thousands(*domain_keys))));
        lines.push(("rule", rule.clone()));
        lines.extend(rungs.iter().map(|rung| ("rung", rung_text(rung))));
        let mut rows = table(&["period", "a request now", "left of the cap"]);
        for period in periods {
            let left = period.left.map_or("-".into(), |left| left.to_string());
            rows.add_row([period.period.to_string(), verdict(period), left]);
        }
        right(&mut rows, &[2]);
        format!("preview of {}\n\n{}\n{rows}", self.table, facts(&lines))
    }
}

fn protected(p: &Protection) -> Vec<(&'static str, String)> {
    let widths = p
        .measures
        .iter()
        .map(|m| super::sheet::width(&m.measure, m.error_95));
    let from = thousands(p.published_from);
    // Agreements with a unit have a k of 1 at least: none is that of a dense table.
    let selected = match p.k {
        0 => vec![("k", "none promised: DP only, every key is shown".to_owned())],
        k => vec![
            (
                "k",
                format!("{k}: every published row counts at least so many units"),
            ),
            (
                "published from",
                format!("{from} noisy contributors (T = {})", p.threshold),
            ),
            (
                "a cell needs",
                format!("{} units to be published with 95 %", p.contributors_needed),
            ),
        ],
    };
    let mut lines = vec![
        (
            "charge",
            format!("{} for each unit-period it reads", loss(p.charge)),
        ),
        ("unit", p.unit.word().to_owned()),
    ];
    lines.extend(selected);
    lines.push(("95 % error", widths.collect::<Vec<_>>().join(", ")));
    lines
}

/// A coarser rung in a line: what it merges, what it costs, what a row of it needs.
fn rung_text(rung: &RungPreview) -> String {
    let p = &rung.protection;
    let widths = p
        .measures
        .iter()
        .map(|m| format!("{} ± {}", m.measure, thousands(m.error_95)));
    format!(
        "{}: {} of the charge; a row needs {} units to be published with 95 %; {}",
        coarsening(&rung.coarsening),
        p.charge,
        p.contributors_needed,
        widths.collect::<Vec<_>>().join(", ")
    )
}

fn verdict(period: &PeriodPreview) -> String {
    match (&period.refused, &period.release) {
        (Some(refusal), _) => {
            let reasons = refusal.reasons().iter().map(|r| r.id.as_str());
            format!("refused: {}", reasons.collect::<Vec<_>>().join(", "))
        }
        (None, Some(key)) => format!("free: {}… is released", short(key.as_str())),
        (None, None) => match &period.replaces {
            Some(key) => format!(
                "granted: corrected since {}…, a new edition",
                short(key.as_str())
            ),
            None => "granted".to_owned(),
        },
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use policies::refusal::{Reason, ReasonId, Refusal};

    use super::*;

    fn told() -> Told {
        let reason = Reason {
            id: ReasonId::BudgetExceeded,
            text: "0.1 left".into(),
        };
        let period = |text: &str, refused| PeriodPreview {
            period: text.parse().unwrap(),
            refused,
            left: None,
            release: None,
            replaces: None,
        };
        Told {
            protection: None,
            periods: vec![
                period("2023-10-05", None),
                period("2023-10-06", Refusal::from_reasons(vec![reason])),
            ],
            domain_keys: 84,
            rule: "as contributed".into(),
            rungs: vec![],
            joint: None,
        }
    }

    #[test]
    fn a_table_of_several_shows_each_part_and_what_all_of_them_cost() {
        let loss = policies::loss::Loss {
            rho: "0.5".parse().unwrap(),
            delta: "0.00000001".parse().unwrap(),
        };
        let part = proto::convert::PartPreview {
            agreement: "7".repeat(64).parse().unwrap(),
            table: "od".parse().unwrap(),
            provider: "taxis".parse().unwrap(),
            protection: Protection {
                charge: loss,
                epsilon: "2.5".into(),
                epsilon_delta: "0.000001".parse().unwrap(),
                unit: policies::agreement::Unit::PersonDay,
                k: 5,
                threshold: 30,
                published_from: 34,
                contributors_needed: 1_050,
                measures: vec![],
            },
            left: None,
        };
        let joint = proto::convert::JointPreview {
            parts: vec![part.clone(), part],
            contributors_error_95: vec![20, 28],
            person_in_all: loss.checked_mul(2).unwrap(),
            epsilon: "3.9".into(),
            epsilon_delta: Some("0.000001".parse().unwrap()),
        };
        let shown = |joint| Shown {
            table: "od".parse().unwrap(),
            told: Told { joint, ..told() },
            several: true,
        };
        let text = shown(Some(joint.clone())).text();
        for says in [
            "taxis (777",
            "a cell needs 1,050 units (k 5)",
            "ρ 1, δ 0.00000002 (ε 3.9 at δ 0.000001)",
            "± 28 of 2",
        ] {
            assert!(text.contains(says), "{says}: {text}");
        }
        let json = serde_json::to_value(shown(Some(joint))).unwrap();
        assert_eq!(json.pointer("/joint/parts/1/provider").unwrap(), "taxis");
        assert_eq!(json.pointer("/joint/person_in_all/rho").unwrap(), "1");
        // No price is not "costs nothing".
        let none = shown(None).text();
        assert!(none.contains("do not fit into one"), "{none}");
    }

    #[test]
    fn both_forms_say_what_is_granted_and_what_refused() {
        let shown = Shown {
            table: "od".parse().unwrap(),
            told: told(),
            several: false,
        };
        let text = shown.text();
        assert!(
            text.contains("granted") && text.contains("refused: budget.cap_exceeded"),
            "{text}"
        );
        let json = serde_json::to_value(&shown).unwrap();
        assert_eq!(
            json.pointer("/periods/1/refused/0/id").unwrap(),
            "budget.cap_exceeded"
        );
        assert_eq!(json.pointer("/periods/0/refused"), Some(&Value::Null));
        assert_eq!(json.pointer("/domain_keys").unwrap(), 84);
    }
}
