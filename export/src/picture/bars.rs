//! Bars by a category, for example how trips split into modes, with 95 % intervals.

use policies::kind::DimensionKind;

use super::colour::{CATEGORIES, nice};
use super::frame::{Frame, MARGIN, TOP, WIDTH, WITHHELD};
use super::svg::{Anchor, Font, Svg};
use super::tally::{Selection, Sum, beside, columns};
use super::{Picture, PictureError, Wish};
use crate::label::thousands;
use crate::source::Export;

const LEFT: f64 = MARGIN + 150.0;
const RIGHT: f64 = WIDTH - MARGIN - 190.0;
const BAR: f64 = 34.0;

pub(super) fn draw(export: &Export, wish: &Wish, by: &str) -> Result<Picture, PictureError> {
    let known = columns(export, DimensionKind::Category);
    let mut known = known.filter_map(|n| Some((n, export.grid().columns().get(n)?.name.as_str())));
    let column = known.find(|(_, name)| *name == by).map(|(n, _)| n);
    let column = column.ok_or_else(|| PictureError::Dimension {
        given: by.to_owned(),
        known: export
            .sheet()
            .table
            .categories
            .iter()
            .map(|a| a.dimension.as_str())
            .collect::<Vec<_>>()
            .join(", "),
    })?;
    let selection = Selection::of(export, wish, &beside(export, Some(column)))?;
    let mut bars: Vec<(String, Sum)> = selection.of_each(column).into_iter().collect();
    if bars.iter().all(|(_, sum)| sum.is_withheld()) {
        return Err(PictureError::Empty);
    }
    bars.sort_by_key(|(_, sum)| std::cmp::Reverse((sum.rows > 0, sum.value)));
    let what = format!(
        "{} · {} by {by} · {}",
        export.sheet().table.name,
        selection.unit(),
        selection.words()
    );
    let mut frame = Frame::new(export, &what, bars.len() as f64 * BAR + 40.0);
    paint(&mut frame.svg, &bars, &selection);
    let (svg, title) = frame.finish();
    Ok(Picture {
        svg,
        title,
        unit: selection.unit(),
        intervals: selection.states_intervals(),
        series: bars,
    })
}

fn paint(svg: &mut Svg, bars: &[(String, Sum)], selection: &Selection) {
    let values = bars.iter().map(|(_, sum)| sum.value);
    let total = values.fold(0, i64::saturating_add);
    let top = bars.iter().map(|(_, sum)| sum.high() as f64);
    let top = top.fold(1.0, f64::max) * 1.02;
    let x = |value: f64| LEFT + value.clamp(0.0, top) / top * (RIGHT - LEFT);
    let foot = TOP + bars.len() as f64 * BAR + 6.0;
    let step = nice(top / 4.0);
    let mut value = 0.0;
    while value <= top {
        svg.line(
            (x(value), TOP),
            (x(value), foot),
            "stroke=\"#e2e5e8\" stroke-width=\"1\"",
        );
        let font = Font::of(11.0).grey().at(Anchor::Middle);
        svg.text(
            (x(value), foot + 16.0),
            font,
            &thousands(value.round() as i64),
        );
        value += step;
    }
    svg.text(
        (RIGHT + 10.0, foot + 16.0),
        Font::of(11.0).grey(),
        &selection.unit(),
    );
    let bar = CATEGORIES.first().copied().unwrap_or("#0072b2");
    for (n, (name, sum)) in bars.iter().enumerate() {
        let y = TOP + n as f64 * BAR + 5.0;
        let name: String = name.chars().take(24).collect();
        svg.text(
            (LEFT - 10.0, y + 16.0),
            Font::of(12.5).at(Anchor::End),
            &name,
        );
        if sum.is_withheld() {
            svg.rect(
                (LEFT, y),
                (60.0, 22.0),
                &format!("{WITHHELD} stroke=\"#a0a0a0\" stroke-width=\"0.5\""),
            );
            svg.text((LEFT + 70.0, y + 16.0), Font::of(12.0).grey(), "withheld");
            continue;
        }
        svg.rect(
            (LEFT, y),
            (x(sum.value as f64) - LEFT, 22.0),
            &format!("fill=\"{bar}\" fill-opacity=\"0.75\""),
        );
        let (low, high) = (x(sum.low() as f64), x(sum.high() as f64));
        if selection.states_intervals() {
            whisker(svg, (low, high), y);
        }
        let share = sum.value as f64 / total.max(1) as f64 * 100.0;
        let text = format!("{} ({share:.0} %)", selection.told(sum));
        svg.text((high + 10.0, y + 16.0), Font::of(12.0), &text);
    }
    let mut note = "In brackets: share of what is released.".to_owned();
    if selection.states_intervals() {
        note += " Whiskers: 95 % intervals.";
    }
    svg.text((MARGIN, foot + 34.0), Font::of(11.0).grey(), &note);
}

fn whisker(svg: &mut Svg, (low, high): (f64, f64), y: f64) {
    let ink = "stroke=\"#1a1a1a\" stroke-width=\"1.3\"";
    svg.line((low, y + 11.0), (high, y + 11.0), ink);
    for end in [low, high] {
        svg.line((end, y + 6.0), (end, y + 16.0), ink);
    }
}
