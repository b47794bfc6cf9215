//! What every picture has: a title, what it counts, and where it comes from.

use super::svg::{Font, NO_BREAK, Svg, width_of, wrapped};
use crate::source::Export;

pub(super) const WIDTH: f64 = 980.0;
pub(super) const MARGIN: f64 = 24.0;
/// Where the picture itself begins.
pub(super) const TOP: f64 = 84.0;
const SMALL: f64 = 10.5;

/// Hatching of what is withheld.
pub(super) const HATCH: &str = "<defs><pattern id=\"withheld\" patternUnits=\"userSpaceOnUse\" width=\"6\" \
    height=\"6\" patternTransform=\"rotate(45)\"><rect width=\"6\" height=\"6\" fill=\"#fafafa\"/><line x1=\"0\" \
    y1=\"0\" x2=\"0\" y2=\"6\" stroke=\"#b4b4b4\" stroke-width=\"1.6\"/></pattern></defs>";
/// The fill of what is withheld.
pub(super) const WITHHELD: &str = "fill=\"url(#withheld)\"";

/// A document with room for a picture of some height, its head and its foot written.
pub(super) struct Frame {
    pub(super) svg: Svg,
    title: String,
    foot: String,
}

impl Frame {
    /// `what` stands under the title.
    pub(super) fn new(export: &Export, what: &str, height: f64) -> Self {
        let sheet = export.sheet();
        let counts = sheet.table.kind().map_or("", |kind| kind.counts.as_str());
        let mut letters = counts.chars();
        let counts: String = letters
            .next()
            .map(|first| first.to_uppercase().chain(letters).collect())
            .unwrap_or_default();
        let title = format!("{counts}, {}", sheet.period_brief());
        let foot = [
            format!("{}, edition {}.", export.attribution(), sheet.edition),
            glued(&sheet.privacy()),
            export.withheld_note(),
        ];
        let room = WIDTH - 2.0 * MARGIN;
        let lines: usize = foot
            .iter()
            .map(|text| wrapped(text, room, SMALL).len())
            .sum();
        let whole = TOP + height + 34.0 + lines as f64 * SMALL * 1.4 + 12.0;
        let mut svg = Svg::new(WIDTH, whole);
        svg.raw(HATCH);
        let fitting = |text: &str, size: f64| Font::of(size.min(room / width_of(text, 1.0)));
        svg.text((MARGIN, 42.0), fitting(&title, 23.0).bold(), &title);
        svg.text((MARGIN, 66.0), fitting(what, 13.5).grey(), what);
        let mut y = TOP + height + 34.0;
        for text in &foot {
            y = svg.paragraph((MARGIN, y), room, Font::of(SMALL).grey(), text);
        }
        let foot = foot.join(" ");
        Self { svg, title, foot }
    }

    /// The document and its title.
    pub(super) fn finish(self) -> (String, String) {
        (self.svg.finish(&self.title, &self.foot), self.title)
    }
}

/// A Greek letter and its number stay on one line.
fn glued(text: &str) -> String {
    let letters = ['ε', 'ρ', 'δ'];
    letters.iter().fold(text.to_owned(), |text, letter| {
        text.replace(&format!("{letter} "), &format!("{letter}{NO_BREAK}"))
    })
}
