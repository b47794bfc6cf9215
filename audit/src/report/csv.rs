//! RFC 4180, for spreadsheets that take some texts for formulas.

use super::Table;

/// What a spreadsheet may take for the beginning of a formula (OWASP, CSV injection), behind any
/// spaces; full-width forms too, which some of them fold.
const FORMULA: [char; 8] = ['=', '+', '-', '@', '＝', '＋', '－', '＠'];

impl Table {
    /// The table as CSV (RFC 4180: comma, double quotes, CR LF, UTF-8). A field that a spreadsheet
    /// might take for a formula stands behind an apostrophe; control characters are spaces.
    #[must_use]
    pub fn csv(&self) -> String {
        let header = self.header.iter().map(|name| field(name));
        let mut text = line(header);
        for row in &self.rows {
            text.push_str(&line(row.iter().map(|value| field(value))));
        }
        text
    }
}

fn line(fields: impl Iterator<Item = String>) -> String {
    let fields: Vec<_> = fields.collect();
    format!("{}\r\n", fields.join(","))
}

fn field(value: &str) -> String {
    let plain: String = value
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    let guarded = plain.trim_start().starts_with(FORMULA);
    let quoted = guarded || plain.contains(['"', ',', ';', '\'']) || plain != plain.trim();
    if quoted {
        let guard = if guarded { "'" } else { "" };
        format!("\"{guard}{}\"", plain.replace('"', "\"\""))
    } else {
        plain
    }
}
