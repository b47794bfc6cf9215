//! What a whole plan would cost: of a file before anyone signs, of an agreement, of all of them.

use std::path::Path;

use policies::agreement::{Agreement, Protection, Unit};
use policies::loss::Loss;
use policies::state::Status;
use policies::text::line;
use privacy::convert::{LossStatement, Window, together};
use privacy::plan::{ItemPrice, Part, PlanPrice, price};
use serde::Serialize;

use super::super::Session;
use super::super::agreement::loss;
use super::super::session::{from_client, read_agreement};
use crate::errors::{CliError, OrFail};
use crate::output::{View, facts, right, short, table, thousands};

/// The plan of one agreement: a file is priced here, without a broker.
pub async fn one(text: &str, session: &Session) -> Result<(), CliError> {
    let path = Path::new(text);
    if path.is_file() {
        let terms = read_agreement(path)?;
        return session.output.show(&Priced::of(&terms, None)?);
    }
    let client = session.client().await?;
    let id = session.agreement_id(&client, text).await?;
    let found = client.agreement(&id).await.map_err(from_client)?;
    let active = in_force(found.status);
    let held = found.population_allotted.map(|all| Held { all, active });
    session.output.show(&Priced::of(&found.terms, held)?)
}

/// What is allotted stays so while it is suspended.
fn in_force(status: Status) -> bool {
    matches!(status, Status::Active | Status::Suspended)
}

/// Every agreement in force that we see, and what a person in all of them can lose.
pub async fn all(session: &Session) -> Result<(), CliError> {
    let client = session.client().await?;
    let listed = client.agreements().await.map_err(from_client)?;
    let (mut lines, mut people) = (Vec::new(), Vec::new());
    for summary in listed.into_iter().filter(|a| in_force(a.status)) {
        let found = client.agreement(&summary.id).await.map_err(from_client)?;
        let allotment = found.terms.allotment();
        let allotment = allotment.ok_or_else(|| CliError::new("an allotment leaves its type"))?;
        let unit = found.terms.population.unit;
        let k_only = found.terms.population.protection == Protection::KOnly;
        let is_person = !matches!(unit, Unit::Trip | Unit::None) && !k_only;
        if is_person {
            people.push((unit, allotment));
        }
        lines.push(Line {
            agreement: summary.id.to_string(),
            title: summary.title,
            provider: summary.provider.to_string(),
            unit,
            allotment,
            counted: is_person,
            k_only,
        });
    }
    session.output.show(&Everything {
        agreements: lines,
        person_in_all: together(&people).or_fail()?,
    })
}

/// What the account holds already.
struct Held {
    all: Loss,
    active: bool,
}

#[derive(Serialize)]
struct Priced {
    title: String,
    unit: Unit,
    protection: Protection,
    k: u32,
    cap: Option<Loss>,
    /// What other active agreements of the population hold; unknown for a file.
    held_by_others: Option<Loss>,
    allotment: Loss,
    fits: bool,
    items: Vec<Item>,
    losses: Vec<LossStatement>,
}

#[derive(Serialize)]
struct Item {
    table: String,
    editions: u32,
    charge: Option<Loss>,
    all_editions: Option<Loss>,
    published_from: Option<u64>,
    contributors_needed: Option<u64>,
    errors_95: Vec<(String, u64)>,
}

impl Priced {
    fn of(terms: &Agreement, held: Option<Held>) -> Result<Self, CliError> {
        let next = "weir agreement check FILE names every fault";
        let PlanPrice {
            items,
            allotment,
            losses,
        } = price(terms).or_try(next)?;
        // An active agreement's own allotment stands in the account already.
        let others = held.map(|held| match held.active {
            true => held.all.left_after(allotment),
            false => held.all,
        });
        let together = others.unwrap_or_default().checked_add(allotment);
        let cap = terms.population.cap;
        let fits = together.is_some_and(|sum| sum.fits_in(cap.unwrap_or_default()));
        Ok(Self {
            title: terms.title.clone(),
            unit: terms.population.unit,
            protection: terms.population.protection,
            k: terms.k,
            cap,
            held_by_others: others,
            allotment,
            fits: fits || cap.is_none(),
            items: items.into_iter().map(Item::of).collect(),
            losses,
        })
    }
}

impl Item {
    fn of(item: ItemPrice) -> Self {
        let all = |charge: Loss| charge.checked_mul(u64::from(item.editions));
        let preview = item.preview.as_ref();
        let widths = preview.map(|p| p.half_widths.iter());
        Self {
            table: match item.part {
                Part::Table => item.table.to_string(),
                Part::Rung(n) => format!("{}, rung {n}", item.table),
                Part::Merges => format!("{}, ad-hoc merges", item.table),
            },
            editions: item.editions,
            charge: item.charge,
            all_editions: item.charge.and_then(all),
            published_from: preview.map(|p| p.contributors_for_half),
            contributors_needed: preview.map(|p| p.contributors_for_most),
            errors_95: widths
                .into_iter()
                .flatten()
                .map(|(name, _, half)| (name.clone(), *half))
                .collect(),
        }
    }
}

impl View for Priced {
    fn text(&self) -> String {
        if self.protection == Protection::KOnly {
            return format!(
                "plan of {}\n\nno charge: k-only, not differentially private. Exact counts of at least {} \
                 units; what a person can lose by them cannot be stated",
                line(&self.title),
                self.k
            );
        }
        let Some(cap) = self.cap else {
            return format!(
                "plan of {}\n\nno unit is known: nothing is charged, and no k or DP claim is made",
                line(&self.title)
            );
        };
        let mut rows = table(&[
            "table",
            "editions",
            "charge of one",
            "all editions",
            "a cell needs",
            "95 % error",
        ]);
        for item in &self.items {
            let errors = item.errors_95.iter();
            let errors: Vec<_> = errors
                .map(|(name, half)| super::sheet::width(name, *half))
                .collect();
            let told = |loss: Option<Loss>| loss.map_or("-".into(), |loss| loss.to_string());
            rows.add_row([
                item.table.clone(),
                item.editions.to_string(),
                told(item.charge),
                told(item.all_editions),
                match item.contributors_needed {
                    None => "-".into(),
                    Some(0) => "nobody: every key is shown".into(),
                    Some(n) => format!("{} units", thousands(n)),
                },
                errors.join(", "),
            ]);
        }
        right(&mut rows, &[1]);
        let others = match self.held_by_others {
            Some(held) => loss(held),
            None => "unknown for a file: offer it, then preview its id".to_owned(),
        };
        let verdict = match (self.fits, self.held_by_others) {
            (true, Some(_)) => "fits",
            (true, None) => "fits, if no other agreement holds too much",
            (false, _) => "does NOT fit: it would not become active",
        };
        let mut lines = vec![
            ("unit", self.unit.word().to_owned()),
            ("k", self.k.to_string()),
            ("all together", loss(self.allotment)),
            ("other agreements", others),
            ("cap", format!("{}: the plan {verdict}", loss(cap))),
        ];
        lines.extend(statements(&self.losses));
        format!(
            "plan of {}\n\n{rows}\n\n{}",
            line(&self.title),
            facts(&lines)
        )
    }
}

/// One line per stretch of time, with ε where it can be said.
fn statements(losses: &[LossStatement]) -> Vec<(&'static str, String)> {
    let line = |s: &LossStatement| {
        let over = match s.over {
            Window::UnitPeriod => "in a unit-period",
            Window::ThirtyDays => "in 30 days",
            Window::Year => "in a year",
        };
        let epsilon = match (&s.epsilon, s.epsilon_delta) {
            (Some(epsilon), Some(delta)) => format!(" (ε {epsilon} at δ {delta})"),
            _ => String::new(),
        };
        let periods = s.unit_periods;
        (
            over,
            format!("{}{epsilon}, {periods} unit-period(s)", s.loss),
        )
    };
    losses.iter().map(line).collect()
}

#[derive(Serialize)]
struct Line {
    agreement: String,
    title: String,
    provider: String,
    unit: Unit,
    allotment: Loss,
    counted: bool,
    k_only: bool,
}

#[derive(Serialize)]
struct Everything {
    agreements: Vec<Line>,
    person_in_all: Vec<LossStatement>,
}

impl View for Everything {
    fn text(&self) -> String {
        let mut rows = table(&["agreement", "title", "provider", "unit", "each may cost"]);
        for line in &self.agreements {
            rows.add_row([
                short(&line.agreement),
                line.title.clone(),
                line.provider.clone(),
                line.unit.word().to_owned(),
                line.allotment.to_string(),
            ]);
        }
        let mut lines = statements(&self.person_in_all);
        if lines.is_empty() {
            lines.push(("a person", "no active agreement is about people".to_owned()));
        }
        let exact = self.agreements.iter().filter(|line| line.k_only).count();
        if exact > 0 {
            let text = format!("{exact}: k-only, of which no loss can be stated");
            lines.push(("NOT bounded", text));
        }
        let other = |line: &&Line| !line.counted && !line.k_only;
        let trips = self.agreements.iter().filter(other).count();
        if trips > 0 {
            let text = format!("{trips}: trips do not add up to a person, and no unit has no loss");
            lines.push(("not counted", text));
        }
        format!(
            "{rows}\n\nA person behind the data of every agreement above loses at most:\n{}",
            facts(&lines)
        )
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use policies::loss::Delta;

    use super::*;

    fn terms(name: &str) -> Agreement {
        let template = policies::template::named(name).unwrap();
        Agreement::parse(template.json.as_bytes()).unwrap()
    }

    #[test]
    fn a_plan_is_priced_against_its_cap_and_what_others_hold() {
        let terms = terms("bikes");
        let half = Loss {
            rho: "0.5".parse().unwrap(),
            delta: "0.00000004".parse().unwrap(),
        };
        let of = |all, active| Priced::of(&terms, Some(Held { all, active })).unwrap();
        // Half of the cap is this plan's own; another agreement may hold the other half.
        assert!(Priced::of(&terms, None).unwrap().fits && of(half, false).fits);
        let own = of(half, true);
        assert_eq!(own.held_by_others, Some(Loss::ZERO));
        let full = of(half.checked_mul(2).unwrap(), false);
        assert!(!full.fits && full.text().contains("does NOT fit"));
        let json = serde_json::to_value(&own).unwrap();
        assert_eq!(json.pointer("/items/0/all_editions/rho").unwrap(), "0.25");
        assert_eq!(json.pointer("/allotment/rho").unwrap(), "0.5");
        let text = own.text();
        assert!(
            text.contains("od_week") && text.contains("a cell needs"),
            "{text}"
        );
        let mut dense = terms.clone();
        dense.plan.iter_mut().for_each(|item| {
            item.dense = true;
            let charge = item.charge.as_mut().unwrap();
            charge.delta = Delta::ZERO;
        });
        let text = Priced::of(&dense, None).unwrap().text();
        assert!(text.contains("every key is shown"), "{text}");
        let none = Priced::of(&self::terms("telecom-presence"), None).unwrap();
        assert!(none.text().contains("no k or DP claim"));
        let exact = Priced::of(&self::terms("telecom-k-only"), None).unwrap();
        let says = "no charge: k-only, not differentially private";
        assert!(exact.text().contains(says) && exact.losses.is_empty());
    }
}
