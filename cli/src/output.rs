//! What is shown: a table or a page for people, one JSON document for programs.

use std::io::{BufWriter, IsTerminal, StdoutLock, Write};

use comfy_table::{CellAlignment, ContentArrangement, Table};
pub use export::label::thousands;
use serde::Serialize;

use crate::errors::CliError;

/// One line under the header, nothing else (comfy-table's preset form).
const PRESET: &str = "     ──            ";

/// Columns of running text.
const WIDTH: usize = 92;

/// An answer that can be shown both ways. Its `Serialize` is the JSON.
pub trait View: Serialize {
    /// The text for a person, without the last line feed.
    fn text(&self) -> String;
}

/// Where answers go.
#[derive(Debug, Clone, Copy)]
pub struct Output {
    json: bool,
    quiet: bool,
}

impl Output {
    /// To standard output, as JSON or text.
    #[must_use]
    pub fn new(json: bool) -> Self {
        Self { json, quiet: false }
    }

    /// The same, or nothing at all.
    #[must_use]
    pub fn quiet_if(self, quiet: bool) -> Self {
        Self { quiet, ..self }
    }

    /// Is nothing to be shown?
    #[must_use]
    pub fn is_quiet(self) -> bool {
        self.quiet
    }

    /// Is it a program that reads?
    #[must_use]
    pub fn json(self) -> bool {
        self.json
    }

    /// Shows one answer.
    ///
    /// # Errors
    /// Where standard output cannot be written, except that a reader who has gone is no error.
    pub fn show(self, view: &impl View) -> Result<(), CliError> {
        if self.quiet {
            return Ok(());
        }
        let text = if self.json {
            serde_json::to_string_pretty(view).map_err(CliError::new)?
        } else {
            shown(&view.text())
        };
        write_out(text.as_bytes(), true)
    }

    /// A line beside the answer, for people only; to standard error, so that pipes stay clean.
    pub fn note(self, line: &str) {
        if !self.json && !self.quiet {
            eprintln!("{}", shown(line));
        }
    }
}

/// Text for a person, as a terminal may have it: whatever anybody else wrote in it moves no cursor and turns nothing
/// around.
#[must_use]
pub fn shown(text: &str) -> String {
    let text = policies::text::lines(text.trim_end());
    let lines: Vec<&str> = text.split('\n').map(str::trim_end).collect();
    lines.join("\n")
}

/// Writes bytes to standard output.
///
/// # Errors
/// As [`Output::show`].
pub fn write_out(bytes: &[u8], line_feed: bool) -> Result<(), CliError> {
    let mut out = std::io::stdout().lock();
    let written = out.write_all(bytes).and_then(|()| match line_feed {
        true => out.write_all(b"\n"),
        false => Ok(()),
    });
    match written.and_then(|()| out.flush()) {
        // `weir … | head` is not an error.
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        other => other.map_err(|e| CliError::new(format_args!("cannot write the answer: {e}"))),
    }
}

/// Writes to standard output what is made on its way, so that much of it needs no memory.
///
/// # Errors
/// As `write` says; a reader who went away is none.
pub fn stream_out<E>(write: impl FnOnce(&mut Reader) -> Result<(), E>) -> Result<(), CliError>
where
    E: std::fmt::Display + From<std::io::Error>,
{
    let mut reader = Reader {
        out: BufWriter::new(std::io::stdout().lock()),
        is_gone: false,
    };
    let written = write(&mut reader).and_then(|()| Ok(reader.flush()?));
    match written {
        Err(_) if reader.is_gone => Ok(()),
        other => other.map_err(|e| CliError::new(format_args!("cannot write the answer: {e}"))),
    }
}

/// Standard output, and whether its reader has gone.
#[derive(Debug)]
pub struct Reader {
    out: BufWriter<StdoutLock<'static>>,
    is_gone: bool,
}

impl Reader {
    fn noted<T>(&mut self, done: std::io::Result<T>) -> std::io::Result<T> {
        let broken = |e: &std::io::Error| e.kind() == std::io::ErrorKind::BrokenPipe;
        self.is_gone |= done.as_ref().is_err_and(broken);
        done
    }
}

impl Write for Reader {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let done = self.out.write(bytes);
        self.noted(done)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        let done = self.out.flush();
        self.noted(done)
    }
}

/// Writes a line of a story to standard output. A reader who went away does not end it.
pub fn tell(line: &str) {
    let _unread = write_out(line.as_bytes(), true);
}

/// A table with a header, without colour. On a terminal it fits its width; in a pipe every row is a
/// line.
#[must_use]
pub fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_preset(PRESET).set_header(header.iter().copied());
    if std::io::stdout().is_terminal() {
        table.set_content_arrangement(ContentArrangement::Dynamic);
    }
    table
}

/// Aligns columns of numbers to the right.
pub fn right(table: &mut Table, columns: &[usize]) {
    for column in columns {
        if let Some(column) = table.column_mut(*column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
}

/// Two columns: what, and its value. For pages about one thing.
#[must_use]
pub fn facts(rows: &[(&str, String)]) -> String {
    let width = rows
        .iter()
        .map(|(name, _)| name.chars().count())
        .max()
        .unwrap_or(0);
    let mut text = String::new();
    for (name, value) in rows {
        let mut lines = value.lines();
        let first = lines.next().unwrap_or_default();
        text.push_str(format!("{name:<width$}  {first}").trim_end());
        text.push('\n');
        for line in lines {
            text.push_str(format!("{:<width$}  {line}\n", "").as_str());
        }
    }
    text
}

/// The first digits of a digest: enough to tell ids on a screen apart, and to type.
#[must_use]
pub fn short(digest: &str) -> String {
    digest.chars().take(12).collect()
}

/// A fingerprint in groups of four, as two people read it to each other.
#[must_use]
pub fn grouped(digest: &str) -> String {
    let mut text = String::with_capacity(digest.len() * 5 / 4);
    for (n, digit) in digest.chars().enumerate() {
        if n > 0 && n % 4 == 0 {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

/// Breaks running text at spaces; a longer word stays whole.
#[must_use]
pub fn wrap(text: &str) -> String {
    wrap_at(text, WIDTH)
}

fn wrap_at(text: &str, width: usize) -> String {
    let (mut wrapped, mut column) = (String::new(), 0);
    for word in text.split_whitespace() {
        let length = word.chars().count();
        if column > 0 && column + 1 + length > width {
            wrapped.push('\n');
            column = 0;
        } else if column > 0 {
            wrapped.push(' ');
            column += 1;
        }
        wrapped.push_str(word);
        column += length;
    }
    wrapped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_readable() {
        assert_eq!(grouped("0123456789ab"), "0123 4567 89ab");
        assert_eq!(short(&"a".repeat(64)), "aaaaaaaaaaaa");
    }

    #[test]
    fn facts_align_and_wrap_under_their_value() {
        let text = facts(&[("k", "5".into()), ("tables", "od\nod_day".into())]);
        assert_eq!(text, "k       5\ntables  od\n        od_day\n");
    }

    #[test]
    fn a_table_has_its_header_and_rows() {
        let mut table = table(&["org", "role"]);
        table.add_row(["city-bikes", "provider"]);
        right(&mut table, &[1, 9]);
        let text = table.to_string();
        assert!(text.contains("org") && text.contains("city-bikes") && !text.contains('\u{1b}'));
    }

    #[test]
    fn text_wraps_at_spaces() {
        assert_eq!(wrap_at("aa bb  cc\ndd", 5), "aa bb\ncc dd");
        assert_eq!(wrap_at("aaaaaaa b", 3), "aaaaaaa\nb");
        assert_eq!(wrap_at("", 3), "");
    }
}
