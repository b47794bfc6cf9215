//! Zones by colour.

use std::collections::BTreeMap;

use geo::Coord;
use policies::kind::DimensionKind;

use super::colour::{classes, colour, step};
use super::frame::{Frame, MARGIN, TOP, WIDTH, WITHHELD};
use super::svg::{Anchor, Font, Svg, escaped, width_of};
use super::tally::{Selection, Sum, beside, columns};
use super::view::View;
use super::{Picture, PictureError, Wish, flows};
use crate::geometry::{Area, Places};
use crate::label::thousands;
use crate::source::Export;

/// Width of the map beside its legend.
pub(super) const MAP_WIDTH: f64 = 716.0;
/// Where the legend begins.
pub(super) const LEGEND: f64 = MARGIN + MAP_WIDTH + 22.0;
/// Zones that are named on the map.
const NAMED: usize = 7;
/// Longest name on the map; more is cut.
const NAME_CHARS: usize = 32;

pub(super) fn draw(export: &Export, wish: &Wish) -> Result<Picture, PictureError> {
    let places = Places::of(export);
    let zones: Vec<usize> = columns(export, DimensionKind::Zone).collect();
    let selection = Selection::of(export, wish, &beside(export, None))?;
    match zones.as_slice() {
        [zone] => zoned(export, &places, &selection, *zone),
        [from, to] => flows::draw(export, &places, &selection, (*from, *to), wish.flows),
        _ => Err(PictureError::NoMap),
    }
}

fn zoned(
    export: &Export,
    places: &Places,
    selection: &Selection,
    zone: usize,
) -> Result<Picture, PictureError> {
    let sums = selection.of_each(zone);
    let areas = places.areas();
    let shown = areas
        .iter()
        .filter(|(id, _)| sums.get(*id).is_some_and(|sum| !sum.is_withheld()));
    let shown: Vec<(&str, &Area)> = shown.copied().collect();
    if shown.is_empty() {
        let any = sums.values().any(|sum| !sum.is_withheld());
        return Err(if any {
            PictureError::NoMap
        } else {
            PictureError::Empty
        });
    }
    let shapes = shown.iter().map(|(_, area)| &area.shape);
    let view = View::of(shapes, (MARGIN, TOP), MAP_WIDTH).ok_or(PictureError::NoMap)?;
    let values: Vec<i64> = sums
        .values()
        .filter(|s| !s.is_withheld())
        .map(|s| s.value)
        .collect();
    let ends = classes(&values);
    let what = format!(
        "{} · {} · {}",
        export.sheet().table.name,
        selection.unit(),
        selection.words()
    );
    let mut frame = Frame::new(export, &what, view.height());
    view.frame(&mut frame.svg, |svg| {
        for (id, area) in &areas {
            outline(svg, &view, id, area, sums.get(*id), &ends, selection);
        }
        names(svg, &view, export, &shown, &sums);
    });
    view.scale_bar(&mut frame.svg);
    legend(&mut frame.svg, selection, &sums, &ends);
    let (svg, title) = frame.finish();
    let mut series: Vec<(String, Sum)> = sums.into_iter().collect();
    series.sort_by_key(|(_, sum)| std::cmp::Reverse((sum.rows > 0, sum.value)));
    Ok(Picture {
        svg,
        title,
        unit: selection.unit(),
        intervals: selection.states_intervals(),
        series,
    })
}

fn outline(
    svg: &mut Svg,
    view: &View,
    id: &str,
    area: &Area,
    sum: Option<&Sum>,
    ends: &[i64],
    selection: &Selection,
) {
    let Some(d) = view.path(&area.shape) else {
        return;
    };
    let (style, text) = match sum {
        // Not among those that were asked for.
        None => (
            "fill=\"#fcfcfa\" stroke=\"#c3c9cd\" stroke-width=\"0.5\"".to_owned(),
            id.to_owned(),
        ),
        Some(sum) if !sum.is_withheld() => (
            format!(
                "fill=\"{}\" stroke=\"#6b7780\" stroke-width=\"0.5\"",
                colour(sum.value, ends)
            ),
            format!("{id}: {} {}", selection.told(sum), selection.unit()),
        ),
        Some(_) => (
            format!("{WITHHELD} stroke=\"#a0a0a0\" stroke-width=\"0.5\""),
            format!("{id}: withheld"),
        ),
    };
    svg.raw(&format!(
        "<path d=\"{d}\" fill-rule=\"evenodd\" {style}><title>{}</title></path>",
        escaped(&text)
    ));
}

/// The largest zones by name, where there is room.
fn names(
    svg: &mut Svg,
    view: &View,
    export: &Export,
    shown: &[(&str, &Area)],
    sums: &BTreeMap<String, Sum>,
) {
    let mut largest: Vec<_> = shown.to_vec();
    largest.sort_by_key(|(id, _)| std::cmp::Reverse(sums.get(*id).map_or(0, |sum| sum.value)));
    let points = largest
        .iter()
        .filter_map(|(id, area)| Some((*id, area.inside?)));
    labels(svg, view, export, points, NAMED);
}

/// Names of zones beside their points, none over another.
pub(super) fn labels<'a>(
    svg: &mut Svg,
    view: &View,
    export: &Export,
    points: impl Iterator<Item = (&'a str, Coord)>,
    most: usize,
) {
    let mut taken: Vec<(f64, f64, f64)> = Vec::new();
    for (id, at) in points {
        if taken.len() == most {
            break;
        }
        let name = export.zones().all().iter().find(|zone| zone.id == id);
        let name = name.and_then(|zone| zone.name.as_deref()).unwrap_or(id);
        let mut name = name.to_owned();
        if name.chars().count() > NAME_CHARS {
            name = name.chars().take(NAME_CHARS - 1).chain(['…']).collect();
        }
        let ((x, y), half) = (view.pixel(at), width_of(&name, 10.5) / 2.0);
        // At the edge it moves in, so that all of it is read.
        let (first, last) = (MARGIN + half + 4.0, MARGIN + MAP_WIDTH - half - 4.0);
        let x = x.clamp(first, last);
        let free = taken
            .iter()
            .all(|(a, b, w)| (a - x).abs() > half + w || (b - y).abs() > 14.0);
        if !free || !view.shows(at) {
            continue;
        }
        taken.push((x, y, half));
        let halo = format!(
            "<text x=\"{x:.1}\" y=\"{:.1}\" font-size=\"10.5\" text-anchor=\"middle\" fill=\"#ffffff\" \
             stroke=\"#ffffff\" stroke-width=\"3\" stroke-linejoin=\"round\" stroke-opacity=\"0.85\">{}</text>",
            y + 3.5,
            escaped(&name)
        );
        svg.raw(&halo);
        svg.text(
            (x, y + 3.5),
            Font {
                colour: "#1a1a1a",
                ..Font::of(10.5).at(Anchor::Middle)
            },
            &name,
        );
    }
}

fn legend(svg: &mut Svg, selection: &Selection, sums: &BTreeMap<String, Sum>, ends: &[i64]) {
    let width = WIDTH - MARGIN - LEGEND;
    let mut y = svg.paragraph(
        (LEGEND, TOP + 14.0),
        width,
        Font::of(13.0).bold(),
        &selection.unit(),
    );
    let least = sums
        .values()
        .filter(|s| !s.is_withheld())
        .map(|s| s.value)
        .min()
        .unwrap_or(0);
    let mut from = least;
    for (n, end) in ends.iter().enumerate() {
        let style = format!(
            "fill=\"{}\" stroke=\"#6b7780\" stroke-width=\"0.5\"",
            step(n, ends.len())
        );
        svg.rect((LEGEND, y - 8.0), (26.0, 17.0), &style);
        let text = match from == *end {
            true => thousands(*end),
            false => format!("{} to {}", thousands(from), thousands(*end)),
        };
        svg.text((LEGEND + 36.0, y + 5.0), Font::of(12.0), &text);
        from = end.saturating_add(1);
        y += 21.0;
    }
    if sums.values().any(Sum::is_withheld) {
        y = withheld(svg, y + 4.0, "withheld: too few, or nobody") + 6.0;
    }
    let partly = sums
        .values()
        .filter(|s| !s.is_withheld() && s.withheld > 0)
        .count();
    let mut notes = vec![selection.exactness(sums.values(), "zone")];
    if partly > 0 {
        notes.push(format!(
            "{partly} coloured zones have withheld parts that are not in their sum."
        ));
    }
    for note in notes {
        y = svg.paragraph((LEGEND, y + 12.0), width, Font::of(11.0).grey(), &note);
    }
}

/// The sign for what is withheld; where the next line stands.
pub(super) fn withheld(svg: &mut Svg, y: f64, text: &str) -> f64 {
    svg.rect(
        (LEGEND, y - 8.0),
        (26.0, 17.0),
        &format!("{WITHHELD} stroke=\"#a0a0a0\" stroke-width=\"0.5\""),
    );
    svg.paragraph(
        (LEGEND + 36.0, y + 5.0),
        WIDTH - MARGIN - LEGEND - 36.0,
        Font::of(12.0),
        text,
    )
}
