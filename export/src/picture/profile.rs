//! The profile of a day: how many an hour, with 95 % intervals.

use std::collections::BTreeMap;
use std::fmt::Write;

use policies::coarse::Merge;
use policies::kind::DimensionKind;

use super::colour::{CATEGORIES, nice};
use super::frame::{Frame, MARGIN, TOP, WIDTH, WITHHELD};
use super::svg::{Anchor, Font, Svg, width_of};
use super::tally::{Selection, Sum, columns};
use super::{Picture, PictureError, Wish};
use crate::label::{bin_text, thousands};
use crate::source::Export;

const LEFT: f64 = MARGIN + 64.0;
const RIGHT: f64 = WIDTH - MARGIN - 150.0;
const HEIGHT: f64 = 400.0;
/// Of one line's withheld times, below the axis.
const STRIP: f64 = 13.0;

/// One line of the chart: a category, and for each bin its sum.
struct Line {
    name: String,
    colour: &'static str,
    sums: Vec<Sum>,
}

/// A part of the day, in hours.
struct Bin {
    label: String,
    from: f64,
    until: f64,
}

impl Bin {
    fn hours(&self) -> f64 {
        (self.until - self.from).max(1.0)
    }
}

/// What a sum is divided by, so that parts of a day and periods of unlike length can be compared.
#[derive(Debug, Clone, Copy)]
struct Rate {
    /// Does it depend on the length of the time at all? How many come or go does, how many are there does not.
    adds_up: bool,
    /// Days that are added up in each sum.
    days: usize,
}

impl Rate {
    fn of(self, value: i64, bin: &Bin) -> f64 {
        match self.adds_up {
            true => value as f64 / bin.hours() / self.days.max(1) as f64,
            false => value as f64,
        }
    }

    fn unit(self, unit: &str) -> String {
        match (self.adds_up, self.days) {
            (false, _) => unit.to_owned(),
            (true, 0 | 1) => format!("{unit} an hour"),
            (true, days) => format!("{unit} an hour, mean of {days} days"),
        }
    }
}

pub(super) fn draw(export: &Export, wish: &Wish) -> Result<Picture, PictureError> {
    let bins = bins(export);
    let time = columns(export, DimensionKind::DayBin).next();
    let Some(time) = time.filter(|_| bins.len() > 1) else {
        let axis = axis(export).ok_or(PictureError::NoChart)?;
        return super::bars::draw(export, wish, axis);
    };
    // The first category has a line for each value: nothing else is left to be added up.
    let others: Vec<usize> = columns(export, DimensionKind::Category).skip(1).collect();
    let selection = Selection::of(export, wish, &others)?;
    let asked = |bin: &Bin| selection.admits(time, &bin.label);
    let bins: Vec<Bin> = bins.into_iter().filter(asked).collect();
    let lines = lines(export, &selection, time, &bins);
    if lines.is_empty() {
        return Err(PictureError::Empty);
    }
    let rate = Rate {
        adds_up: selection.adds_up(),
        days: export.sheet().days(),
    };
    let drawn = lines.get(..CATEGORIES.len()).unwrap_or(&lines);
    let mut left_out = match lines.len() - drawn.len() {
        0 => String::new(),
        _ => format!(" · the {} largest of {} lines", drawn.len(), lines.len()),
    };
    if let Some(withheld @ 1..) = asked_for(export, &selection).checked_sub(lines.len()) {
        left_out += &format!(" · {withheld} more withheld throughout");
    }
    let what = format!(
        "{} · {}{left_out} · {}",
        export.sheet().table.name,
        rate.unit(&selection.unit()),
        selection.words()
    );
    let strips = gapped(drawn).count() as f64 * STRIP;
    let mut frame = Frame::new(export, &what, HEIGHT + 26.0 + strips);
    paint(&mut frame.svg, drawn, &bins, rate, export.time_zone());
    let (svg, title) = frame.finish();
    let several = lines.len() > 1;
    let series = lines.iter().flat_map(|line| {
        let name = move |bin: &Bin| match several {
            true => format!("{} {}", bin.label, line.name),
            false => bin.label.clone(),
        };
        bins.iter()
            .zip(&line.sums)
            .map(move |(bin, sum)| (name(bin), *sum))
    });
    Ok(Picture {
        svg,
        title,
        unit: selection.unit(),
        intervals: selection.states_intervals(),
        series: series.collect(),
    })
}

/// How many lines there are where everything is released: a category's values that were asked for.
fn asked_for(export: &Export, selection: &Selection) -> usize {
    let category = columns(export, DimensionKind::Category).next();
    category.map_or(1, |column| selection.values(column).count())
}

/// Of several lines those with withheld times. Of one line they are hatched behind it.
fn gapped(lines: &[Line]) -> impl Iterator<Item = &Line> {
    let several = lines.len() > 1;
    let gap = move |line: &&Line| several && line.sums.iter().any(Sum::is_withheld);
    lines.iter().filter(gap)
}

/// A category with several values, for a table that has no profile of the day.
fn axis(export: &Export) -> Option<&str> {
    let sheet = export.sheet();
    let merged = sheet.merge.as_ref().map(Merge::coarsening);
    let dropped = |name: &String| merged.is_some_and(|merge| merge.categories.contains(name));
    let mut axes = sheet.table.categories.iter();
    let axis = axes.find(|axis| axis.values.len() > 1 && !dropped(&axis.dimension));
    axis.map(|axis| axis.dimension.as_str())
}

fn bins(export: &Export) -> Vec<Bin> {
    let sheet = export.sheet();
    let merged = sheet.merge.as_ref().map(Merge::coarsening);
    let bins = merged
        .and_then(|merge| merge.bins.as_ref())
        .unwrap_or(&sheet.table.bins);
    let starts = bins.starts();
    let ends = starts.iter().skip(1).copied().chain([24]);
    let all = starts.iter().zip(ends).zip(0..);
    all.map(|((from, until), n)| Bin {
        label: bin_text(bins, n),
        from: f64::from(*from),
        until: f64::from(until),
    })
    .collect()
}

/// One line, or one for each value of the first category that has several; the largest first.
fn lines(export: &Export, selection: &Selection, time: usize, bins: &[Bin]) -> Vec<Line> {
    let category = columns(export, DimensionKind::Category).next();
    let key: Vec<usize> = category.into_iter().chain([time]).collect();
    let nothing = selection.nothing(&key);
    let mut of: BTreeMap<String, BTreeMap<String, Sum>> = BTreeMap::new();
    for (mut key, sum) in selection.by(&key) {
        let bin = key.pop().unwrap_or_default();
        of.entry(key.pop().unwrap_or_default())
            .or_default()
            .insert(bin, sum);
    }
    let total = |sums: &BTreeMap<String, Sum>| {
        let values = sums.values().map(|sum| sum.value);
        values.fold(0, i64::saturating_add)
    };
    let mut all: Vec<(String, BTreeMap<String, Sum>)> = of.into_iter().collect();
    all.sort_by_key(|(_, sums)| std::cmp::Reverse(total(sums)));
    let lines = all
        .into_iter()
        .zip(CATEGORIES.iter().cycle())
        .map(|((name, sums), colour)| Line {
            name,
            colour,
            sums: bins
                .iter()
                .map(|bin| sums.get(&bin.label).copied().unwrap_or(nothing))
                .collect(),
        });
    lines.collect()
}

fn paint(svg: &mut Svg, lines: &[Line], bins: &[Bin], rate: Rate, zone: Option<&str>) {
    let high = |(bin, sum): (&Bin, &Sum)| rate.of(sum.high(), bin);
    let top = lines
        .iter()
        .flat_map(|line| bins.iter().zip(&line.sums).map(high));
    let top = top.fold(0.0, f64::max) * 1.04;
    // A mean over many days may be far below 1.
    let top = if top > 0.0 { top } else { 1.0 };
    let (x, y) = (
        |hour: f64| LEFT + hour / 24.0 * (RIGHT - LEFT),
        |value: f64| TOP + HEIGHT - value.clamp(0.0, top) / top * HEIGHT,
    );
    axes(svg, top, &x, &y, zone);
    let mut labels: Vec<(f64, &Line)> = Vec::new();
    for line in lines {
        let mut d = String::new();
        let mut joined = false;
        for (bin, sum) in bins.iter().zip(&line.sums) {
            let (from, until) = (x(bin.from), x(bin.until));
            if sum.is_withheld() {
                joined = false;
                if lines.len() == 1 {
                    let style = format!("{WITHHELD} fill-opacity=\"0.7\"");
                    svg.rect((from, TOP), (until - from, HEIGHT), &style);
                }
                continue;
            }
            let (low, high) = (y(rate.of(sum.low(), bin)), y(rate.of(sum.high(), bin)));
            let band = format!("fill=\"{}\" fill-opacity=\"0.22\"", line.colour);
            svg.rect((from, high), (until - from, (low - high).max(0.5)), &band);
            let at = y(rate.of(sum.value, bin));
            let _ = write!(
                d,
                "{}{from:.1} {at:.1}L{until:.1} {at:.1}",
                if joined { "L" } else { "M" }
            );
            joined = true;
        }
        svg.path(
            &d,
            &format!(
                "fill=\"none\" stroke=\"{}\" stroke-width=\"2.2\"",
                line.colour
            ),
        );
        let last = bins
            .iter()
            .zip(&line.sums)
            .rev()
            .find(|(_, sum)| !sum.is_withheld());
        let at = last.map_or(TOP, |(bin, sum)| y(rate.of(sum.value, bin)));
        labels.push((at, line));
    }
    name_lines(svg, labels);
    strips(svg, lines, bins, &x);
    legend(svg, lines);
}

/// Under the axis, a strip for each line that has withheld times: hatched where it has.
fn strips(svg: &mut Svg, lines: &[Line], bins: &[Bin], x: &impl Fn(f64) -> f64) {
    for (n, line) in gapped(lines).enumerate() {
        let y = TOP + HEIGHT + 46.0 + n as f64 * STRIP;
        let font = Font {
            colour: line.colour,
            ..Font::of(10.5)
        };
        let name: String = line.name.chars().take(12).collect();
        svg.text((RIGHT + 14.0, y + 8.5), font, &format!("{name}, withheld"));
        let withheld = bins
            .iter()
            .zip(&line.sums)
            .filter(|(_, sum)| sum.is_withheld());
        for (bin, _) in withheld {
            let (from, until) = (x(bin.from), x(bin.until));
            let style = format!("{WITHHELD} stroke=\"{}\" stroke-width=\"0.8\"", line.colour);
            svg.rect((from, y), (until - from, STRIP - 4.0), &style);
        }
    }
}

/// Under the axis, on the left: names of lines stand on the right at any height.
fn legend(svg: &mut Svg, lines: &[Line]) {
    let y = TOP + HEIGHT + 36.0;
    let sums = || lines.iter().flat_map(|line| &line.sums);
    let small = Font::of(11.0).grey();
    let mut at = LEFT;
    if sums().any(|sum| sum.half() > 0) {
        let band = "fill=\"#0072b2\" fill-opacity=\"0.22\"";
        svg.rect((at, y - 10.0), (20.0, 12.0), band);
        let widest = sums().map(Sum::half).max().unwrap_or(0);
        let text = format!("95 % interval; of a sum ± {} at most", thousands(widest));
        svg.text((at + 26.0, y), small, &text);
        at += 46.0 + width_of(&text, 11.0);
    }
    if sums().any(Sum::is_withheld) {
        let style = format!("{WITHHELD} stroke=\"#a0a0a0\" stroke-width=\"0.5\"");
        svg.rect((at, y - 10.0), (20.0, 12.0), &style);
        svg.text((at + 26.0, y), small, "withheld");
    }
}

/// Names at the right end of the lines, moved apart.
fn name_lines(svg: &mut Svg, mut labels: Vec<(f64, &Line)>) {
    if labels.len() < 2 {
        return;
    }
    labels.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut free = TOP;
    for (at, line) in labels {
        let y = at.max(free);
        free = y + 15.0;
        let font = Font {
            colour: line.colour,
            ..Font::of(12.0).bold()
        };
        svg.text(
            (RIGHT + 14.0, y + 4.0),
            font,
            &line.name.chars().take(18).collect::<String>(),
        );
    }
}

fn axes(
    svg: &mut Svg,
    top: f64,
    x: &impl Fn(f64) -> f64,
    y: &impl Fn(f64) -> f64,
    zone: Option<&str>,
) {
    let step = nice(top / 4.0);
    let mut value = 0.0;
    while value <= top {
        let at = y(value);
        svg.line(
            (LEFT, at),
            (RIGHT, at),
            "stroke=\"#e2e5e8\" stroke-width=\"1\"",
        );
        // A step is 1, 2 or 5 times a power of ten.
        let text = if step < 1.0 {
            let decimals = -step.log10().floor() as usize;
            format!("{value:.decimals$}")
        } else {
            thousands(value.round() as i64)
        };
        svg.text(
            (LEFT - 8.0, at + 4.0),
            Font::of(11.0).grey().at(Anchor::End),
            &text,
        );
        value += step;
    }
    for hour in (0..=24).step_by(3) {
        let at = x(f64::from(hour));
        let foot = TOP + HEIGHT;
        svg.line(
            (at, foot),
            (at, foot + 5.0),
            "stroke=\"#888888\" stroke-width=\"1\"",
        );
        let text = format!("{hour:02}:00");
        svg.text(
            (at, foot + 19.0),
            Font::of(11.0).grey().at(Anchor::Middle),
            &text,
        );
    }
    svg.line(
        (LEFT, TOP + HEIGHT),
        (RIGHT, TOP + HEIGHT),
        "stroke=\"#888888\" stroke-width=\"1\"",
    );
    let zone = zone.map_or_else(
        || "local time".to_owned(),
        |zone| format!("local time, {zone}"),
    );
    svg.text(
        (RIGHT, TOP + HEIGHT + 36.0),
        Font::of(11.0).grey().at(Anchor::End),
        &zone,
    );
}
