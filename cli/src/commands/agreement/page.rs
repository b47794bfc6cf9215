//! The page itself: what was agreed, in the words of the design, with every number that matters.

use std::fmt::Write;

use export::label::bin_text;
use policies::agreement::{Agreement, CellsOnEnd, OpenOnEnd, Protection, TablesOnEnd, Unit};
use policies::loss::Loss;
use policies::period::Grain;
use policies::table::Table;
use policies::text::line;
use privacy::convert::{DISPLAY_DELTA, epsilon};

use crate::output::{facts, grouped, thousands, wrap};

mod plan;

/// The page.
#[must_use]
pub fn text(agreement: &Agreement, id: &str, state: &str) -> String {
    let a = agreement;
    let mut page = format!("{}\n\n", line(&a.title));
    page.push_str(&facts(&[
        ("id", id.to_owned()),
        ("state", state.to_owned()),
    ]));
    // Set in, as every value is: no words of a party can be a line of the page.
    let about = facts(&[("", wrap(&a.public_summary))]);
    section(&mut page, "What it is about", &about);
    section(&mut page, "Parties and use", &facts(&parties(a)));
    section(&mut page, "How it ends", &facts(&ending(a)));
    section(&mut page, "Whose privacy", &facts(&privacy(a)));
    section(&mut page, "Open data", &facts(&open_data(a)));
    let canvas = a.canvas.as_ref().map_or_else(
        || "none; the public register says so".to_owned(),
        |canvas| {
            facts(
                &canvas
                    .answers()
                    .map(|(field, _, answer)| (field, wrap(answer))),
            )
        },
    );
    section(&mut page, "Data Ethics Canvas", &canvas);
    section(
        &mut page,
        "Tables: what the provider counts, within which bounds",
        &tables(a),
    );
    section(
        &mut page,
        "Plan: what is released, and what that costs",
        &plan::text(a),
    );
    page.trim_end().to_owned()
}

fn section(page: &mut String, title: &str, body: &str) {
    // Writing to a String does not fail.
    let _ = write!(
        page,
        "\n{title}\n{}\n{}\n",
        "─".repeat(title.chars().count()),
        body.trim_end()
    );
}

fn parties(a: &Agreement) -> Vec<(&'static str, String)> {
    let party =
        |p: &policies::agreement::Party| format!("{}\nkey {}", p.org, grouped(p.key.as_str()));
    let recipients: Vec<_> = a.recipients.iter().map(ToString::to_string).collect();
    vec![
        ("provider", party(&a.provider)),
        ("planner", party(&a.planner)),
        ("recipients", recipients.join(", ")),
        ("purposes", a.purposes.join(", ")),
        (
            "valid",
            format!("{} to {}, both included", a.valid.from, a.valid.until),
        ),
        (
            "covers",
            format!("data about {} to {}", a.covers.from, a.covers.until),
        ),
        (
            "retention",
            format!("cells are kept {} days after acceptance", a.retention_days),
        ),
        ("time zone", a.time_zone.name().to_owned()),
    ]
}

/// What its end means, and which document it answers or amends.
fn ending(a: &Agreement) -> Vec<(&'static str, String)> {
    let end = a.on_end.unwrap_or_default();
    let notice = match end.notice_days {
        0 => "either party can end it at once".to_owned(),
        days => {
            format!("either party can end it with {days} days of notice, or suspend it at once")
        }
    };
    let mut rows = vec![("notice", notice), ("then", follows(a).join("\n"))];
    let named = [
        ("amends", a.supersedes.as_ref()),
        ("answers", a.counters.as_ref()),
    ];
    rows.extend(a.call.as_ref().map(|id| ("call for data", id.to_string())));
    rows.extend(
        named
            .into_iter()
            .filter_map(|(name, id)| Some((name, id?.to_string()))),
    );
    rows
}

/// What becomes of released tables, of cells and of open tables when it ends, a sentence each.
#[must_use]
pub fn follows(a: &Agreement) -> Vec<&'static str> {
    let end = a.on_end.unwrap_or_default();
    let tables = match end.tables {
        TablesOnEnd::Served => "released tables stay available to those entitled",
        TablesOnEnd::Closed => "released tables are given out no more; copies already fetched stay",
    };
    let cells = match end.cells {
        CellsOnEnd::Kept => {
            "contributed cells stay until their retention is over; nothing reads them"
        }
        CellsOnEnd::Deleted => "contributed cells are deleted",
    };
    let open = a.publication.as_ref().map(|open| match open.on_end {
        OpenOnEnd::Kept => "open tables stay public",
        OpenOnEnd::Withdrawn => "open tables are withdrawn; copies already fetched stay",
    });
    [tables, cells].into_iter().chain(open).collect()
}

/// May released tables be given to everybody, and in which formats?
fn open_data(a: &Agreement) -> Vec<(&'static str, String)> {
    let Some(publication) = &a.publication else {
        let no = "no: released tables go to the recipients, and to nobody else".to_owned();
        return vec![("allowed", no)];
    };
    let yes = "yes, each table after two persons of the parties have proposed and approved it";
    let formats: Vec<_> = broker::web::open_formats().collect();
    vec![
        ("allowed", yes.to_owned()),
        ("licence", publication.licence.clone()),
        ("formats", wrap(&formats.join(", "))),
    ]
}

fn privacy(a: &Agreement) -> Vec<(&'static str, String)> {
    let population = &a.population;
    let mut rows = vec![
        ("population", population.id.to_string()),
        ("who", wrap(&population.description)),
        (
            "unit",
            format!("{}: {}", population.unit.word(), population.unit.about()),
        ),
    ];
    if a.rates_shown && population.unit != Unit::None {
        let what = "the provider's declared rates (truncated, clamped) are on every sheet: exact numbers about the raw \
                    data, outside the promise";
        rows.push(("rates", wrap(what)));
    }
    if let Some(units) = population.units_max {
        let text = format!("{} in a unit-period: more are refused", thousands(units));
        rows.push(("at most", text));
    }
    if population.protection == Protection::KOnly {
        let what = format!(
            "k-only, NOT differentially private: exact counts of at least {} units, and of so many of them \
             that no smaller one can be computed from the table alone. Once for each period, never beside \
             another table of these people",
            a.k
        );
        rows.push(("protection", wrap(&what)));
        if let Some(cap) = population.cap {
            let what = format!(
                "each unit-period may lose {} over the other agreements about these people; this one charges nothing",
                loss(cap)
            );
            rows.push(("cap", wrap(&what)));
        }
        return rows;
    }
    if let Some(cap) = population.cap {
        rows.push((
            "k",
            format!("every published row counts at least {} units", a.k),
        ));
        let dense = a.plan.iter().filter(|item| item.dense);
        let dense: Vec<_> = dense.map(|item| item.table.as_str()).collect();
        if !dense.is_empty() {
            let what = format!(
                "`{}`: DP only. Every key is published with noise, zeros included, and NO k is promised",
                dense.join("`, `")
            );
            rows.push(("but", wrap(&what)));
        }
        rows.push((
            "cap",
            format!(
                "each unit-period may lose {}, over all agreements",
                loss(cap)
            ),
        ));
    }
    if let Some(sum) = a.allotment().filter(|_| population.cap.is_some()) {
        rows.push((
            "this agreement",
            format!("at most {} of that, all editions together", loss(sum)),
        ));
    }
    rows
}

/// (ρ, δ), and ε where it can be said.
#[must_use]
pub fn loss(loss: Loss) -> String {
    match epsilon(loss) {
        Ok(Some(epsilon)) => format!("{loss} (ε {epsilon} at δ {DISPLAY_DELTA})"),
        _ => loss.to_string(),
    }
}

fn tables(a: &Agreement) -> String {
    a.tables
        .iter()
        .map(|t| one_table(a, t))
        .collect::<Vec<_>>()
        .join("\n")
}

fn one_table(a: &Agreement, t: &Table) -> String {
    let kind = t.kind();
    let dimensions: Vec<&str> = kind
        .iter()
        .flat_map(|k| &k.dimensions)
        .map(|d| d.name.as_str())
        .collect();
    let bins: Vec<String> = (0..t.bins.count())
        .map(|bin| bin_text(&t.bins, bin))
        .collect();
    let known = a.zoning(&t.zoning);
    let zones = known.map(|z| z.zones);
    let content = known.map(|z| {
        let parents = z.parents.map(|n| format!(" with {} parents", thousands(n)));
        let (zones, parents) = (thousands(z.zones), parents.unwrap_or_default());
        format!(
            ", {zones} zones{parents}, by content\nSHA-256 {}",
            grouped(z.sha256.as_str())
        )
    });
    let zoning = format!("{}{}", t.zoning, content.unwrap_or_default());
    let domain = zones.and_then(|zones| t.domain_size(zones)).map(thousands);
    let mut rows = vec![
        (
            t.name.as_str(),
            kind.map_or(t.kind.clone(), |k| format!("{} ({})", k.counts, t.kind)),
        ),
        ("  by", dimensions.join(", ")),
        ("  zoning", zoning),
        (
            "  period",
            format!("{}; bins {}", word(t.period), bins.join(" ")),
        ),
        ("  keys", domain.unwrap_or_else(|| "unknown".into())),
    ];
    for axis in &t.categories {
        let values: Vec<&str> = axis
            .values
            .iter()
            .map(policies::id::Category::as_str)
            .collect();
        rows.push((
            "  values",
            format!("{}: {}", axis.dimension, values.join(", ")),
        ));
    }
    if a.population.unit != Unit::None {
        let cells = format!("a unit touches at most {} cells (cells_max)", t.cells_max);
        let events = format!("and adds at most {} to one (per_cell_max)", t.per_cell_max);
        rows.push(("  bounds", format!("{cells}, {events}")));
    }
    for clamp in &t.clamps {
        let text = format!(
            "{} of one event: {} to {}",
            clamp.measure, clamp.min, clamp.max
        );
        rows.push(("  clamp", text));
    }
    for histogram in &t.histograms {
        let edges: Vec<_> = histogram.edges.iter().map(ToString::to_string).collect();
        let text = format!("of {}, cut at {}", histogram.measure, edges.join(", "));
        rows.push(("  bins", wrap(&text)));
    }
    facts(&rows)
}

fn word(grain: Grain) -> &'static str {
    match grain {
        Grain::Day => "day",
        Grain::Week => "week",
        Grain::Month => "month",
    }
}

#[cfg(test)]
mod tests;
