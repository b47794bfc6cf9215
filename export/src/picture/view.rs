//! From degrees to pixels: north up, true at the middle latitude.

use std::fmt::Write;

use geo::{BoundingRect, Coord, Geometry, LineString, Rect};

use super::colour::nice;
use super::svg::{Anchor, Font, Svg};
use crate::geometry::polygons;

/// Kilometres of a degree of latitude (a meridian of 40,008 km).
const DEGREE_KM: f64 = 111.13;
/// Points closer than this many pixels are drawn as one.
const NEAR: f64 = 0.35;

/// A part of the world in a rectangle of the picture.
pub(super) struct View {
    at: (f64, f64),
    size: (f64, f64),
    middle: Coord,
    /// Pixels of a degree of latitude.
    scale: f64,
    /// Degrees of longitude are so much shorter there.
    narrow: f64,
}

impl View {
    /// All of these shapes with a little room, in a rectangle of this width; its height follows.
    pub(super) fn of<'a>(
        shapes: impl Iterator<Item = &'a Geometry>,
        at: (f64, f64),
        width: f64,
    ) -> Option<Self> {
        let rects = shapes.filter_map(BoundingRect::bounding_rect);
        let all = rects.reduce(|a, b| {
            let (low, high) = ((a.min(), b.min()), (a.max(), b.max()));
            Rect::new(
                Coord {
                    x: low.0.x.min(low.1.x),
                    y: low.0.y.min(low.1.y),
                },
                Coord {
                    x: high.0.x.max(high.1.x),
                    y: high.0.y.max(high.1.y),
                },
            )
        })?;
        let middle = all.center();
        let narrow = middle.y.to_radians().cos().max(0.01);
        let (wide, high) = ((all.width() * narrow).max(5e-3), all.height().max(5e-3));
        let height = (width * high / wide).clamp(400.0, 720.0);
        let scale = (width * 0.9 / wide).min(height * 0.9 / high);
        Some(Self {
            at,
            size: (width, height),
            middle,
            scale,
            narrow,
        })
    }

    pub(super) fn height(&self) -> f64 {
        self.size.1
    }

    pub(super) fn pixel(&self, at: Coord) -> (f64, f64) {
        let (x, y) = (self.at.0 + self.size.0 / 2.0, self.at.1 + self.size.1 / 2.0);
        (
            x + (at.x - self.middle.x) * self.narrow * self.scale,
            y - (at.y - self.middle.y) * self.scale,
        )
    }

    /// Is a point in the picture?
    pub(super) fn shows(&self, at: Coord) -> bool {
        let (x, y) = self.pixel(at);
        let ((left, top), (w, h)) = (self.at, self.size);
        (left..left + w).contains(&x) && (top..top + h).contains(&y)
    }

    /// The outline of a shape, polygons as rings and streets as lines; `None` where nothing of it would be seen.
    pub(super) fn path(&self, shape: &Geometry) -> Option<String> {
        let rect = shape.bounding_rect()?;
        let ((left, bottom), (right, top)) = (self.pixel(rect.min()), self.pixel(rect.max()));
        let (w, h) = self.size;
        let seen = right >= self.at.0
            && left <= self.at.0 + w
            && bottom >= self.at.1
            && top <= self.at.1 + h;
        if !seen {
            return None;
        }
        let mut d = String::new();
        for polygon in &polygons(shape) {
            let rings = std::iter::once(polygon.exterior()).chain(polygon.interiors());
            rings.for_each(|ring| self.trace(&mut d, ring, true));
        }
        match shape {
            Geometry::LineString(line) => self.trace(&mut d, line, false),
            Geometry::MultiLineString(lines) => {
                lines.iter().for_each(|l| self.trace(&mut d, l, false))
            }
            _ => {}
        }
        (!d.is_empty()).then_some(d)
    }

    fn trace(&self, d: &mut String, line: &LineString, closed: bool) {
        let mut last: Option<(f64, f64)> = None;
        let count = line.0.len().saturating_sub(usize::from(closed));
        for at in line.0.iter().take(count) {
            let (x, y) = self.pixel(*at);
            let near = last.is_some_and(|(a, b)| (a - x).abs() + (b - y).abs() < NEAR);
            if near {
                continue;
            }
            let _ = write!(d, "{}{x:.1} {y:.1}", if last.is_none() { "M" } else { "L" });
            last = Some((x, y));
        }
        if closed && last.is_some() {
            d.push('Z');
        }
    }

    /// Draws inside the rectangle: what `inside` draws is cut at its edge.
    pub(super) fn frame(&self, svg: &mut Svg, inside: impl FnOnce(&mut Svg)) {
        let ((x, y), (w, h)) = (self.at, self.size);
        svg.raw(&format!(
            "<clipPath id=\"frame\"><rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{w:.1}\" height=\"{h:.1}\"/></clipPath>"
        ));
        svg.rect(self.at, self.size, "fill=\"#eaf0f4\"");
        svg.raw("<g clip-path=\"url(#frame)\">");
        inside(svg);
        svg.raw("</g>");
        svg.rect(
            self.at,
            self.size,
            "fill=\"none\" stroke=\"#9aa5ad\" stroke-width=\"1\"",
        );
    }

    /// A bar of a round number of kilometres, below the map: inside it would lie over zones.
    pub(super) fn scale_bar(&self, svg: &mut Svg) {
        let km = nice(150.0 / self.scale * DEGREE_KM);
        let length = km / DEGREE_KM * self.scale;
        let (x, y) = (self.at.0 + 12.0, self.at.1 + self.size.1 + 10.0);
        let text = if km < 1.0 {
            format!("{:.0} m", km * 1000.0)
        } else {
            format!("{km:.0} km")
        };
        svg.rect((x, y), (length / 2.0, 4.0), "fill=\"#333333\"");
        let white = "fill=\"#ffffff\" stroke=\"#333333\" stroke-width=\"0.8\"";
        svg.rect((x + length / 2.0, y), (length / 2.0, 4.0), white);
        svg.text((x - 5.0, y + 6.0), Font::of(10.5).at(Anchor::End), "0");
        svg.text((x + length + 6.0, y + 6.0), Font::of(10.5), &text);
    }
}
