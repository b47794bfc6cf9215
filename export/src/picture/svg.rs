//! A small writer of SVG: shapes in order, every text escaped.

use std::fmt::Write;

/// The first of these that a reader has.
const FONTS: &str = "DejaVu Sans, Liberation Sans, Helvetica, Arial, sans-serif";
/// Width of an average letter, in parts of the font's size.
const LETTER: f64 = 0.56;

/// A space at which no line ends.
pub(super) const NO_BREAK: char = '\u{a0}';

/// A drawing of a fixed size in pixels.
pub(super) struct Svg {
    width: f64,
    height: f64,
    body: String,
}

/// Where a text stands beside its point.
#[derive(Debug, Clone, Copy)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

/// How a text looks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Font {
    pub(super) size: f64,
    pub(super) bold: bool,
    pub(super) colour: &'static str,
    pub(super) anchor: Anchor,
}

impl Font {
    pub(super) fn of(size: f64) -> Self {
        Self {
            size,
            bold: false,
            colour: "#333333",
            anchor: Anchor::Start,
        }
    }

    pub(super) fn bold(self) -> Self {
        Self { bold: true, ..self }
    }

    pub(super) fn grey(self) -> Self {
        Self {
            colour: "#666666",
            ..self
        }
    }

    pub(super) fn at(self, anchor: Anchor) -> Self {
        Self { anchor, ..self }
    }
}

impl Svg {
    pub(super) fn new(width: f64, height: f64) -> Self {
        Self {
            width,
            height,
            body: String::new(),
        }
    }

    /// An element as it is; its texts are escaped by the caller.
    pub(super) fn raw(&mut self, element: &str) {
        self.body.push_str(element);
        self.body.push('\n');
    }

    pub(super) fn rect(&mut self, at: (f64, f64), size: (f64, f64), style: &str) {
        let ((x, y), (w, h)) = (at, size);
        self.raw(&format!(
            "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{w:.1}\" height=\"{h:.1}\" {style}/>"
        ));
    }

    pub(super) fn line(&mut self, from: (f64, f64), to: (f64, f64), style: &str) {
        let ((x1, y1), (x2, y2)) = (from, to);
        self.raw(&format!(
            "<line x1=\"{x1:.1}\" y1=\"{y1:.1}\" x2=\"{x2:.1}\" y2=\"{y2:.1}\" {style}/>"
        ));
    }

    pub(super) fn circle(&mut self, at: (f64, f64), radius: f64, style: &str) {
        let (x, y) = at;
        self.raw(&format!(
            "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{radius:.1}\" {style}/>"
        ));
    }

    pub(super) fn path(&mut self, d: &str, style: &str) {
        self.raw(&format!("<path d=\"{d}\" {style}/>"));
    }

    pub(super) fn text(&mut self, at: (f64, f64), font: Font, text: &str) {
        let ((x, y), text) = (at, escaped(text));
        let anchor = match font.anchor {
            Anchor::Start => "",
            Anchor::Middle => " text-anchor=\"middle\"",
            Anchor::End => " text-anchor=\"end\"",
        };
        let weight = if font.bold {
            " font-weight=\"bold\""
        } else {
            ""
        };
        let (size, colour) = (font.size, font.colour);
        self.raw(&format!(
            "<text x=\"{x:.1}\" y=\"{y:.1}\" font-size=\"{size:.1}\" fill=\"{colour}\"{weight}{anchor}>{text}</text>"
        ));
    }

    /// Running text, broken at spaces to a width; where the next line would stand.
    pub(super) fn paragraph(&mut self, at: (f64, f64), width: f64, font: Font, text: &str) -> f64 {
        let (x, mut y) = at;
        for line in wrapped(text, width, font.size) {
            self.text((x, y), font, &line);
            y += font.size * 1.4;
        }
        y
    }

    /// The document, with a title for readers that cannot see it.
    pub(super) fn finish(self, title: &str, description: &str) -> String {
        let (w, h) = (self.width, self.height);
        let mut out = String::new();
        let _ = write!(
            out,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{w:.0}\" height=\"{h:.0}\" viewBox=\"0 0 {w:.0} \
             {h:.0}\" font-family=\"{FONTS}\" role=\"img\">\n<title>{}</title>\n<desc>{}</desc>\n",
            escaped(title),
            escaped(description)
        );
        out.push_str("<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n");
        out.push_str(&self.body);
        out.push_str("</svg>\n");
        out
    }
}

/// How wide a text is, about.
pub(super) fn width_of(text: &str, size: f64) -> f64 {
    text.chars().count() as f64 * size * LETTER
}

/// Lines of at most this width; a longer word is cut.
pub(super) fn wrapped(text: &str, width: f64, size: f64) -> Vec<String> {
    let letters = (width / (size * LETTER)).max(8.0) as usize;
    let mut lines = vec![String::new()];
    let breaks = |sign: char| sign.is_whitespace() && sign != NO_BREAK;
    for word in text.split(breaks).filter(|word| !word.is_empty()) {
        let mut rest: Vec<char> = word.chars().collect();
        while !rest.is_empty() {
            let part: String = rest.drain(..rest.len().min(letters)).collect();
            let Some(line) = lines.last_mut() else { break };
            let have = line.chars().count();
            if have == 0 {
                *line = part;
            } else if have + 1 + part.chars().count() <= letters {
                line.push(' ');
                line.push_str(&part);
            } else {
                lines.push(part);
            }
        }
    }
    lines
}

/// A text that ends no tag and no attribute. Signs that XML 1.0 does not have are left out.
pub(super) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for sign in text.chars() {
        match sign {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            '\u{fffe}' | '\u{ffff}' => {}
            sign if sign.is_control() => {}
            sign => out.push(sign),
        }
    }
    out
}
