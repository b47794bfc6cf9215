//! The quality sheet in lines: what it cost, how exact it is, what is missing, what is promised.

use policies::agreement::Unit;
use policies::coarse::{Coarsening, Zones};
use policies::mechanism::{Mechanism, Noise};
use privacy::quality::{Bias, ColumnNote, Interval, JointSheet, PartSheet, QualitySheet};

use super::super::agreement::loss;
use crate::output::{facts, thousands, wrap};

/// The summary of a sheet; one that this build does not know is shown as it came.
#[must_use]
pub fn summary(json: &[u8]) -> String {
    match serde_json::from_slice::<QualitySheet>(json) {
        Ok(sheet) => facts(&lines(&sheet)),
        Err(_) => String::from_utf8_lossy(json).into_owned(),
    }
}

fn lines(sheet: &QualitySheet) -> Vec<(&'static str, String)> {
    let late = if sheet.late {
        ", from a late contribution"
    } else {
        ""
    };
    let period = sheet.merge.as_ref().map_or_else(
        || sheet.period.to_string(),
        |merge| {
            let periods: Vec<_> = merge.periods().map(|p| p.to_string()).collect();
            periods.join(", ")
        },
    );
    let mut lines = vec![
        (
            "table",
            format!(
                "{} of {}, edition {}{late}; {} by `{}`",
                sheet.table.name, period, sheet.edition, sheet.population, sheet.provider
            ),
        ),
        ("agreement", sheet.agreement.to_string()),
    ];
    if let Some(key) = &sheet.replaces {
        let replaced = format!("{key}: the period was corrected since");
        lines.push(("in place of", replaced));
    }
    if let Some(merge) = &sheet.merge {
        lines.push(("merged", coarsening(merge.coarsening())));
    }
    if sheet.unit != Unit::None && !sheet.mechanism.is_k_only() {
        lines.push((
            "charge",
            format!("{} for each unit-period it read", loss(sheet.charge)),
        ));
        lines.extend(losses(sheet));
    }
    lines.extend(mechanism(&sheet.mechanism, sheet.unit));
    if let Some(joint) = &sheet.joint {
        lines.extend(parts(joint));
    }
    lines.extend(rungs(sheet));
    if !sheet.half_widths.is_empty() {
        let widths = sheet.half_widths.iter();
        let widths = widths.map(|w| width(&w.number, w.half_width));
        lines.push(("95 % error", widths.collect::<Vec<_>>().join(", ")));
    }
    lines.extend(columns(&sheet.columns));
    let withheld = format!(
        "{} of the {} keys of the public domain: suppressed and absent look the same",
        thousands(sheet.withheld_keys),
        thousands(sheet.domain_keys)
    );
    lines.push(("withheld", withheld));
    if !sheet.missing_periods.is_empty() {
        let missing: Vec<_> = sheet
            .missing_periods
            .iter()
            .map(ToString::to_string)
            .collect();
        lines.push((
            "missing",
            format!("nothing was contributed for {}", missing.join(", ")),
        ));
    }
    let declared = sheet.declared.iter();
    let declared: Vec<_> = declared
        .map(|d| format!("{} {}", d.name, percent(d.ppm)))
        .collect();
    if !declared.is_empty() {
        lines.push(("declared", declared.join(", ")));
    }
    lines.push(("promise", wrap(&sheet.claim)));
    lines
}

/// Every provider's part, and what a person in all of them loses.
fn parts(joint: &JointSheet) -> Vec<(&'static str, String)> {
    let part = |part: &PartSheet| {
        let from = match &part.mechanism {
            Mechanism::Thresholded { selection, .. } => format!(
                "k = {}, from {} noisy contributors",
                selection.k,
                selection.published_from()
            ),
            // No part of a joint table is one of these.
            Mechanism::Dense { .. } | Mechanism::Unprotected | Mechanism::KOnly { .. } => {
                "without selection".to_owned()
            }
        };
        let late = if part.late { ", late" } else { "" };
        let text = format!(
            "{} by `{}`, edition {}{late}: {from}, charged ({})",
            part.population, part.provider, part.edition, part.charge
        );
        ("part", text)
    };
    let mut lines: Vec<_> = joint.parts.iter().map(part).collect();
    let statements = joint.person_in_all.iter();
    let statements: Vec<_> = statements
        .map(|s| format!("in {} unit-periods {}", s.unit_periods, loss(s.loss)))
        .collect();
    if !statements.is_empty() {
        lines.push(("a person in all", statements.join("; ")));
    }
    lines
}

/// What became of the cells.
pub fn coarsening(merged: &Coarsening) -> String {
    let mut parts = Vec::new();
    if let Some(bins) = &merged.bins {
        let starts: Vec<_> = bins.starts().iter().map(|s| format!("{s:02}:00")).collect();
        parts.push(format!("day bins from {}", starts.join(", ")));
    }
    match merged.zones {
        Zones::Same => {}
        Zones::Parent => parts.push("zones by their parents".into()),
        Zones::All => parts.push("all zones as one".into()),
    }
    parts.extend(
        merged
            .categories
            .iter()
            .map(|name| format!("every {name} as one")),
    );
    if parts.is_empty() {
        parts.push("the periods, at the table's own grain".into());
    }
    parts.join("; ")
}

/// `trips ± 12`; a histogram's width is that of each of its bins.
pub fn width(number: &str, half: u64) -> String {
    let half = thousands(half);
    match number.strip_suffix("_histogram") {
        Some(measure) => format!("each bin of {measure} ± {half}"),
        None => format!("{number} ± {half}"),
    }
}

/// What intervals mean, and what they do not cover, where there are others than a fixed width.
fn columns(notes: &[ColumnNote]) -> Vec<(&'static str, String)> {
    let of = |holds: &dyn Fn(&ColumnNote) -> bool| {
        let names: Vec<_> = notes
            .iter()
            .filter(|note| holds(note))
            .map(|note| note.column.as_str())
            // The three percentiles have the same notes: the median stands for them.
            .filter(|column| !column.ends_with("_p15") && !column.ends_with("_p85"))
            .map(|column| column.replace("_p50", " percentiles"))
            .collect();
        (!names.is_empty()).then(|| names.join(", "))
    };
    let kind = |interval| of(&move |note: &ColumnNote| note.interval == interval);
    let bias = |bias| of(&move |note: &ColumnNote| note.biases.contains(&bias));
    let lines = [
        (
            "intervals",
            kind(Interval::GivenPublished),
            "given that the row is published",
        ),
        (
            "",
            kind(Interval::Fieller),
            "Fieller's, its own in each row",
        ),
        (
            "",
            kind(Interval::Bins),
            "the bins that may hold the percentile",
        ),
        (
            "biases",
            bias(Bias::NearThreshold),
            "too high where near_threshold says yes",
        ),
        (
            "",
            bias(Bias::Truncation),
            "without events that the bounds dropped (truncated)",
        ),
        (
            "",
            bias(Bias::Clamping),
            "with values moved into the clamp (clamped)",
        ),
        (
            "",
            bias(Bias::Interpolation),
            "taken to lie evenly inside a bin",
        ),
    ];
    let lines = lines.into_iter();
    lines
        .filter_map(|(name, columns, what)| Some((name, wrap(&format!("{what}: {}", columns?)))))
        .collect()
}

/// Which rows came from which rung, and how exact those of the coarser ones are.
fn rungs(sheet: &QualitySheet) -> Vec<(&'static str, String)> {
    if sheet.rungs.is_empty() {
        return Vec::new();
    }
    let share = |rows: u64| {
        let all = u128::from(sheet.published_keys.max(1));
        let ppm = u128::from(rows) * 1_000_000 / all;
        percent(u32::try_from(ppm).unwrap_or(u32::MAX))
    };
    let rows = |rows: u64| format!("{} rows ({})", thousands(rows), share(rows));
    let coarser: u64 = sheet.rungs.iter().map(|rung| rung.published_keys).sum();
    let finest = sheet.published_keys.saturating_sub(coarser);
    let mut lines = vec![("rung 0", format!("the table itself: {}", rows(finest)))];
    lines.extend(sheet.rungs.iter().map(|rung| {
        let widths = rung.half_widths.iter();
        let widths = widths.map(|w| width(&w.number, w.half_width));
        let text = format!(
            "{}, of what no finer row shows: {}; {}",
            coarsening(&rung.coarsening),
            rows(rung.published_keys),
            widths.collect::<Vec<_>>().join(", ")
        );
        ("rung", text)
    }));
    lines
}

/// What somebody loses who is in several unit-periods; the first statement is the charge itself.
fn losses(sheet: &QualitySheet) -> Option<(&'static str, String)> {
    let longer = sheet
        .losses
        .iter()
        .filter(|statement| statement.unit_periods > 1);
    let longer: Vec<_> = longer
        .map(|s| format!("in {} unit-periods {}", s.unit_periods, loss(s.loss)))
        .collect();
    (!longer.is_empty()).then(|| ("loss", longer.join("; ")))
}

fn mechanism(mechanism: &Mechanism, unit: Unit) -> Vec<(&'static str, String)> {
    let (draw, selected) = match mechanism {
        Mechanism::Thresholded { selection, .. } => {
            let text = format!(
                "rows of at least k = {} units, by noisy contributors from {} (T = {})",
                selection.k,
                selection.published_from(),
                selection.threshold
            );
            (selection.draw, text)
        }
        Mechanism::Dense { contributors, .. } => {
            let text = "none: every key is shown, and NO k is promised (DP only)";
            (*contributors, text.to_owned())
        }
        Mechanism::KOnly { k } => {
            let text = format!(
                "k-only, NOT differentially private: exact numbers of k = {k} units or more, no charge"
            );
            return vec![("protection", text), ("unit", unit.word().to_owned())];
        }
        Mechanism::Unprotected => {
            return vec![("protection", "none: values as contributed".into())];
        }
    };
    let noise = match draw.noise {
        Noise::DiscreteLaplace => "discrete Laplace",
        Noise::DiscreteGaussian => "discrete Gaussian",
    };
    let sixteenths = draw.scale.sixteenths();
    let noise = format!("{noise}, scale {} on contributors", decimal(sixteenths));
    vec![
        ("unit", unit.word().to_owned()),
        ("selection", selected),
        ("noise", noise),
    ]
}

/// Sixteenths as a decimal, exactly.
fn decimal(sixteenths: u64) -> String {
    let (whole, part) = (sixteenths / 16, sixteenths % 16 * 625);
    let text = format!("{whole}.{part:04}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Parts per million as a percentage, exactly.
fn percent(ppm: u32) -> String {
    let text = format!("{}.{:04}", ppm / 10_000, ppm % 10_000);
    format!("{} %", text.trim_end_matches('0').trim_end_matches('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scales_and_rates_are_written_exactly() {
        for (sixteenths, text) in [(16, "1"), (1, "0.0625"), (40, "2.5"), (321, "20.0625")] {
            assert_eq!(decimal(sixteenths), text);
        }
        for (ppm, text) in [
            (0, "0 %"),
            (12_500, "1.25 %"),
            (1_000_000, "100 %"),
            (1, "0.0001 %"),
        ] {
            assert_eq!(percent(ppm), text);
        }
    }

    #[test]
    fn a_sheet_of_another_version_is_shown_as_it_came() {
        assert_eq!(summary(b"{\"new\": 1}"), "{\"new\": 1}");
    }
}
