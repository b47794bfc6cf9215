//! Flows by width: the largest ones, each bent to the right of its way, so that both directions are seen.

use std::collections::{BTreeMap, BTreeSet};

use geo::{Coord, Geometry, MultiPoint, Point};

use super::colour::nice;
use super::frame::{Frame, MARGIN, TOP, WIDTH, WITHHELD};
use super::map::{LEGEND, MAP_WIDTH, labels, withheld};
use super::svg::{Font, Svg, escaped};
use super::tally::{Selection, Sum};
use super::view::View;
use super::{FLOWS, FLOWS_MAX, Picture, PictureError};
use crate::geometry::{Area, Places};
use crate::label::thousands;
use crate::source::Export;

/// Pixels of the widest flow.
const WIDEST: f64 = 15.0;
/// Pixels of the largest circle's radius.
const LARGEST: f64 = 17.0;
const FLOW: &str = "#253494";
const WITHIN: &str = "#d55e00";
/// Zones that are named on the map.
const NAMED: usize = 10;

/// A flow that is drawn.
struct Flow<'a> {
    from: &'a str,
    to: &'a str,
    ends: (Coord, Coord),
    sum: Sum,
}

pub(super) fn draw(
    export: &Export,
    places: &Places,
    selection: &Selection,
    (from, to): (usize, usize),
    most: Option<usize>,
) -> Result<Picture, PictureError> {
    let sums = selection.by(&[from, to]);
    let areas: BTreeMap<&str, &Area> = places.areas().into_iter().collect();
    let mut flows = drawn(&sums, &areas);
    if flows.is_empty() {
        return Err(match sums.is_empty() {
            true => PictureError::Empty,
            false => PictureError::NoMap,
        });
    }
    let narrow = sums.values().filter(|sum| sum.value <= 0).count();
    flows.truncate(most.unwrap_or(FLOWS).clamp(1, FLOWS_MAX));
    // By the ends of lines: a zone may reach far out to sea.
    let ends = flows.iter().flat_map(|flow| [flow.ends.0, flow.ends.1]);
    let ends = Geometry::from(MultiPoint::from_iter(ends.map(Point::from)));
    let view =
        View::of(std::iter::once(&ends), (MARGIN, TOP), MAP_WIDTH).ok_or(PictureError::NoMap)?;
    let of_all = match (flows.len(), sums.len()) {
        (1, 1) => "the one released flow".to_owned(),
        (drawn, all) if drawn == all => format!("all {} released flows", thousands(all as i64)),
        (drawn, all) => format!(
            "the {} largest of {} released flows",
            thousands(drawn as i64),
            thousands(all as i64)
        ),
    };
    let what = format!(
        "{} · {of_all} · {}",
        export.sheet().table.name,
        selection.words()
    );
    let mut frame = Frame::new(export, &what, view.height());
    let told = told(&sums);
    let widest = flows
        .iter()
        .filter(|f| f.from != f.to)
        .map(|f| f.sum.value)
        .max();
    let largest = flows
        .iter()
        .filter(|f| f.from == f.to)
        .map(|f| f.sum.value)
        .max();
    view.frame(&mut frame.svg, |svg| {
        for (id, area) in &areas {
            ground(svg, &view, area, told.contains(id));
        }
        // The largest last, on top.
        for flow in flows.iter().rev() {
            let sum = selection.told(&flow.sum);
            match flow.from == flow.to {
                true => circle(svg, &view, flow, &sum, largest.unwrap_or(1)),
                false => arrow(svg, &view, flow, &sum, widest.unwrap_or(1)),
            }
        }
        labels(svg, &view, export, busiest(&flows).into_iter(), NAMED);
    });
    view.scale_bar(&mut frame.svg);
    legend(&mut frame.svg, selection, &flows, narrow, widest, largest);
    let (svg, title) = frame.finish();
    let series = flows
        .iter()
        .map(|flow| (format!("{} → {}", flow.from, flow.to), flow.sum));
    Ok(Picture {
        svg,
        title,
        unit: selection.unit(),
        intervals: selection.states_intervals(),
        series: series.collect(),
    })
}

/// The zones that any released flow begins or ends in.
fn told(sums: &BTreeMap<Vec<String>, Sum>) -> BTreeSet<&str> {
    sums.keys().flatten().map(String::as_str).collect()
}

/// Released flows with both ends on the map, the largest first. A sum that noise made 0 or less has no width.
fn drawn<'a>(sums: &'a BTreeMap<Vec<String>, Sum>, areas: &BTreeMap<&str, &Area>) -> Vec<Flow<'a>> {
    let flow = |(key, sum): (&'a Vec<String>, &Sum)| {
        let [from, to] = key.as_slice() else {
            return None;
        };
        let inside = |id: &str| areas.get(id)?.inside;
        let ends = (inside(from)?, inside(to)?);
        (sum.value > 0).then_some(Flow {
            from,
            to,
            ends,
            sum: *sum,
        })
    };
    let mut flows: Vec<Flow> = sums.iter().filter_map(flow).collect();
    flows.sort_by_key(|flow| std::cmp::Reverse(flow.sum.value));
    flows
}

/// Zones by what begins and ends there, the busiest first.
fn busiest<'a>(flows: &[Flow<'a>]) -> Vec<(&'a str, Coord)> {
    let mut of: BTreeMap<&str, (i64, Coord)> = BTreeMap::new();
    for flow in flows {
        for (id, at) in [(flow.from, flow.ends.0), (flow.to, flow.ends.1)] {
            let sum = &mut of.entry(id).or_insert((0, at)).0;
            *sum = sum.saturating_add(flow.sum.value);
        }
    }
    let mut zones: Vec<_> = of.into_iter().collect();
    zones.sort_by_key(|(_, (sum, _))| std::cmp::Reverse(*sum));
    zones.into_iter().map(|(id, (_, at))| (id, at)).collect()
}

fn ground(svg: &mut Svg, view: &View, area: &Area, told: bool) {
    let Some(d) = view.path(&area.shape) else {
        return;
    };
    let fill = if told { "fill=\"#fcfcfa\"" } else { WITHHELD };
    svg.path(
        &d,
        &format!("fill-rule=\"evenodd\" {fill} stroke=\"#c3c9cd\" stroke-width=\"0.6\""),
    );
}

fn circle(svg: &mut Svg, view: &View, flow: &Flow, sum: &str, largest: i64) {
    let (x, y) = view.pixel(flow.ends.0);
    let radius = radius(flow.sum.value, largest);
    let text = format!("{}, inside: {sum}", flow.from);
    svg.raw(&format!(
        "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{radius:.1}\" fill=\"{WITHIN}\" fill-opacity=\"0.35\" \
         stroke=\"{WITHIN}\" stroke-width=\"0.8\"><title>{}</title></circle>",
        escaped(&text)
    ));
}

/// By area.
fn radius(value: i64, largest: i64) -> f64 {
    (value as f64 / largest.max(1) as f64).sqrt() * LARGEST
}

fn width(value: i64, widest: i64) -> f64 {
    (value as f64 / widest.max(1) as f64 * WIDEST).max(0.7)
}

/// A bent line, and a head at its end.
fn arrow(svg: &mut Svg, view: &View, flow: &Flow, sum: &str, widest: i64) {
    let (a, b) = (view.pixel(flow.ends.0), view.pixel(flow.ends.1));
    let width = width(flow.sum.value, widest);
    let (dx, dy) = (b.0 - a.0, b.1 - a.1);
    let length = dx.hypot(dy).max(1.0);
    // Downwards on a screen is y: to the right of the way.
    let (right, ahead) = ((-dy / length, dx / length), (dx / length, dy / length));
    let bend = length * 0.16;
    let middle = (
        f64::midpoint(a.0, b.0) + right.0 * bend,
        f64::midpoint(a.1, b.1) + right.1 * bend,
    );
    let head = (4.0 + width * 1.1).min(length * 0.5);
    // The last piece of the curve points from its middle to its end.
    let (ex, ey) = (b.0 - middle.0, b.1 - middle.1);
    let last = ex.hypot(ey).max(1e-6);
    let (ux, uy) = if last > 1.0 {
        (ex / last, ey / last)
    } else {
        ahead
    };
    let neck = (b.0 - ux * head, b.1 - uy * head);
    let wing = 1.6 + width * 0.85;
    let text = format!("{} → {}: {sum}", flow.from, flow.to);
    svg.raw(&format!(
        "<g opacity=\"0.62\"><title>{}</title><path d=\"M{:.1} {:.1}Q{:.1} {:.1} {:.1} {:.1}\" fill=\"none\" \
         stroke=\"{FLOW}\" stroke-width=\"{width:.2}\"/><path d=\"M{:.1} {:.1}L{:.1} {:.1}L{:.1} {:.1}Z\" \
         fill=\"{FLOW}\"/></g>",
        escaped(&text),
        a.0,
        a.1,
        middle.0,
        middle.1,
        neck.0,
        neck.1,
        b.0,
        b.1,
        neck.0 - uy * wing,
        neck.1 + ux * wing,
        neck.0 + uy * wing,
        neck.1 - ux * wing,
    ));
}

fn legend(
    svg: &mut Svg,
    selection: &Selection,
    flows: &[Flow],
    narrow: usize,
    widest: Option<i64>,
    largest: Option<i64>,
) {
    let room = WIDTH - MARGIN - LEGEND;
    let mut y = svg.paragraph(
        (LEGEND, TOP + 14.0),
        room,
        Font::of(13.0).bold(),
        &selection.unit(),
    );
    if let Some(widest) = widest {
        svg.text((LEGEND, y + 4.0), Font::of(12.0), "from zone to zone");
        y += 22.0;
        for value in rounds(widest) {
            let style = format!(
                "stroke=\"{FLOW}\" stroke-opacity=\"0.62\" stroke-width=\"{:.2}\"",
                width(value, widest)
            );
            svg.line((LEGEND, y), (LEGEND + 46.0, y), &style);
            svg.text((LEGEND + 58.0, y + 4.5), Font::of(12.0), &thousands(value));
            y += 22.0;
        }
    }
    if let Some(largest) = largest {
        svg.text((LEGEND, y + 8.0), Font::of(12.0), "inside one zone");
        y += 20.0;
        for value in rounds(largest) {
            let radius = radius(value, largest);
            let style = format!(
                "fill=\"{WITHIN}\" fill-opacity=\"0.35\" stroke=\"{WITHIN}\" stroke-width=\"0.8\""
            );
            y += radius.max(9.0);
            svg.circle((LEGEND + 23.0, y), radius, &style);
            svg.text((LEGEND + 58.0, y + 4.5), Font::of(12.0), &thousands(value));
            y += radius.max(9.0) + 3.0;
        }
    }
    y = withheld(svg, y + 18.0, "no flow released from or to here");
    let mut notes = vec![
        "Lines bend to the right of their way. They join zones, and follow no street.".to_owned(),
        selection.exactness(flows.iter().map(|flow| &flow.sum), "flow"),
    ];
    if narrow > 0 {
        let narrow = thousands(narrow as u64);
        notes.push(format!(
            "Not drawn: {narrow} released flows whose noise made them 0 or less."
        ));
    }
    for note in notes {
        y = svg.paragraph((LEGEND, y + 12.0), room, Font::of(11.0).grey(), &note);
    }
}

/// Three round numbers up to the largest.
fn rounds(largest: i64) -> Vec<i64> {
    let top = nice(largest as f64);
    let mut values: Vec<i64> = [top, top / 2.5, top / 10.0]
        .map(|v| v.round() as i64)
        .into();
    values.retain(|value| *value > 0);
    values.dedup();
    values
}
