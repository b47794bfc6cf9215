//! What is released, when, and what that costs.

use policies::agreement::{AdHoc, Agreement, Charge, PlanItem, Protection};
use policies::mechanism::Noise;

use super::loss;
use crate::output::{facts, table, wrap};

/// The plan, and what may be asked for beside it.
pub(super) fn text(a: &Agreement) -> String {
    let mut rows = table(&[
        "table",
        "due",
        "late after",
        "editions",
        "published",
        "charge of one",
    ]);
    for item in &a.plan {
        let without = match a.population.protection {
            Protection::KOnly => "exact contributors, with margins",
            Protection::Differential => "as contributed",
        };
        let published = item.charge.as_ref().map_or(without.into(), published);
        let charge = item.charge.as_ref().and_then(|_| item.total());
        let charge = charge.map_or("none".into(), loss);
        let late = item.due_hours.saturating_add(item.grace_hours);
        rows.add_row([
            item.table.as_str(),
            &format!("{} h", item.due_hours),
            &format!("{late} h"),
            &item.editions.to_string(),
            &published,
            &charge,
        ]);
    }
    let joint: String = a.plan.iter().filter_map(joint).collect();
    let unplanned = a.tables.iter().filter(|t| a.plan_item(&t.name).is_none());
    let unplanned: Vec<_> = unplanned.map(|t| t.name.to_string()).collect();
    let never = match unplanned.as_slice() {
        [] => String::new(),
        names => format!("\nNever released: {}.", names.join(", ")),
    };
    let rungs: String = a.plan.iter().filter_map(rungs).collect();
    let scheduled = a.plan.iter().filter(|item| item.scheduled);
    let scheduled: Vec<_> = scheduled.map(|item| item.table.as_str()).collect();
    let itself = match scheduled.as_slice() {
        [] => String::new(),
        names => format!(
            "\nReleased by the broker itself when late: {}.",
            names.join(", ")
        ),
    };
    let merges = match a.ad_hoc.as_slice() {
        [] => "Nothing else may be asked for.".to_owned(),
        lines => {
            let lines: Vec<_> = lines.iter().map(ad_hoc).collect();
            format!("On request, beside the plan:\n\n{}", lines.join("\n"))
        }
    };
    format!(
        "{rows}\n\nDue and late are hours after a period's end.{itself}{rungs}{joint}{never}\n\n{merges}"
    )
}

/// What a table asks of those it stands in with other providers'.
fn joint(item: &PlanItem) -> Option<String> {
    let rule = item.joint?;
    let least = rule.min_providers;
    let least = least.map(|n| format!(" rows count at least {n} providers;"));
    let most = rule.dominance_percent;
    let most = most.map(|p| format!(" no provider has more than {p} % of a row's contributors;"));
    Some(format!(
        "\n`{}` is released only together with other providers' tables:{}{} no other table of the \
         same kind, people and time stands beside it.",
        item.table,
        least.unwrap_or_default(),
        most.unwrap_or_default()
    ))
}

fn published(charge: &Charge) -> String {
    let first = format!("contributors (ρ {})", charge.selection);
    let measures = charge
        .measures
        .iter()
        .map(|m| format!("{} (ρ {})", m.measure, m.rho));
    let delta = format!("δ {}", charge.delta);
    let noise = charge.noise.map(|noise| match noise {
        Noise::DiscreteGaussian => "all noise discrete Gaussian".to_owned(),
        Noise::DiscreteLaplace => "all noise discrete Laplace".to_owned(),
    });
    std::iter::once(first)
        .chain(measures)
        .chain([delta])
        .chain(noise)
        .collect::<Vec<_>>()
        .join(", ")
}

/// The coarser rows of a table, which cover what it cannot show.
fn rungs(item: &PlanItem) -> Option<String> {
    if item.rungs.is_empty() {
        return None;
    }
    let mut text = format!(
        "\n`{}` has coarser rows for cells it does not show:",
        item.table
    );
    for rung in &item.rungs {
        let charge = published(&rung.charge);
        text.push_str(&format!("\n  {}; {charge}", rung.coarsening.in_words()));
    }
    text.push_str(
        "\n  All of them are charged, whichever row is published; the charge above holds them.",
    );
    Some(text)
}

/// What may be merged on request.
fn ad_hoc(line: &AdHoc) -> String {
    let allowed = line.coarsenings.in_words();
    let total = line.charge.total().map_or("none".into(), loss);
    let rows = [
        (line.table.as_str(), wrap(&format!("merged: {allowed}"))),
        (
            "  requests",
            format!("at most {} may read one period", line.requests),
        ),
        ("  published", published(&line.charge)),
        (
            "  charge of one",
            format!("{total}, to each unit-period it reads"),
        ),
    ];
    facts(&rows)
}
