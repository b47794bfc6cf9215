//! One page, without scripts, images or links.

use std::fmt::Write;

use policies::text::steers;

use super::{Report, Table};

/// Rows of a table on the page; the CSV file has all.
const ROWS_MAX: usize = 2000;
/// A longer word, a digest for example, may be broken anywhere; others stay whole, on paper too.
const WORD_CHARS: usize = 24;

const HEAD: &str = "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n";

const STYLE: &str = "<style>\n\
body{font:15px/1.45 system-ui,sans-serif;color:#1a1a1a;margin:2rem auto;max-width:78rem;padding:0 1rem}\n\
h1{font-size:1.5rem}h2{font-size:1.15rem;margin:2.2rem 0 .4rem}\n\
dl{display:grid;grid-template-columns:max-content 1fr;gap:.2rem 1rem}dt{color:#555}dd{margin:0;overflow-wrap:anywhere}\n\
.scroll{overflow-x:auto}table{border-collapse:collapse;font-size:13px}\n\
th,td{text-align:left;vertical-align:top;padding:.25rem .7rem .25rem 0;border-bottom:1px solid #ddd;\
max-width:24rem}th{border-bottom:2px solid #888}td.long{overflow-wrap:anywhere;min-width:9rem}\n\
p.none,p.more{color:#555}@page{size:A4 landscape;margin:1cm}\n\
@media print{body{max-width:none;margin:0}.scroll{overflow:visible}table{font-size:9px}\
td,th{padding-right:.4rem}td.long{min-width:6rem}}\n</style>\n";

impl Report {
    /// The report as one page. Every text stands in it as text: markup is escaped, and characters
    /// that change the direction of reading are shown as what they are.
    #[must_use]
    pub fn html(&self) -> String {
        let mut page = String::from(HEAD);
        let title = format!("Audit of {}", text(&self.log));
        let _ = write!(
            page,
            "<title>{title}</title>\n{STYLE}</head>\n<body>\n<h1>{title}</h1>\n<dl>"
        );
        for (name, value) in [
            ("Entries", self.entries.to_string()),
            ("Root hash", self.root.clone()),
            ("About", self.about.clone()),
        ] {
            let _ = write!(page, "<dt>{name}</dt><dd>{}</dd>", text(&value));
        }
        page.push_str(
            "</dl>\n<p>Every entry was checked: its form, the signatures, that each release and each \
             refusal is what the agreement and the rules come to, that the noise costs what was \
             charged, and that no cap was passed. All entries together are the tree whose root the \
             log signed. What a log cannot show: that the data given were true, that the noise was \
             honestly drawn, and that no copies were made.</p>\n<h2>To look at</h2>\n",
        );
        list(&mut page, &self.findings);
        page.push_str("<h2>Not compared</h2>\n");
        list(&mut page, &self.not_compared);
        for table in &self.tables {
            section(&mut page, table);
        }
        page.push_str("</body>\n</html>\n");
        page
    }
}

fn list(page: &mut String, sentences: &[String]) {
    if sentences.is_empty() {
        page.push_str("<p class=\"none\">Nothing.</p>\n");
        return;
    }
    page.push_str("<ul>");
    for sentence in sentences {
        let _ = write!(page, "<li>{}</li>", text(sentence));
    }
    page.push_str("</ul>\n");
}

fn section(page: &mut String, table: &Table) {
    let (title, name, rows) = (table.title, table.name, table.rows.len());
    let _ = writeln!(page, "<h2 id=\"{name}\">{title} ({rows})</h2>");
    if table.rows.is_empty() {
        page.push_str("<p class=\"none\">None.</p>\n");
        return;
    }
    page.push_str("<div class=\"scroll\"><table><thead><tr>");
    for name in &table.header {
        let _ = write!(page, "<th scope=\"col\">{}</th>", text(name));
    }
    page.push_str("</tr></thead><tbody>\n");
    for row in table.rows.iter().take(ROWS_MAX) {
        page.push_str("<tr>");
        for value in row {
            let long = value
                .split_whitespace()
                .any(|word| word.chars().count() > WORD_CHARS);
            let class = if long { " class=long" } else { "" };
            let _ = write!(page, "<td{class}>{}</td>", text(value));
        }
        page.push_str("</tr>\n");
    }
    page.push_str("</tbody></table></div>\n");
    if rows > ROWS_MAX {
        let more = rows - ROWS_MAX;
        let _ = writeln!(
            page,
            "<p class=\"more\">And {more} more: <code>{name}.csv</code>.</p>"
        );
    }
}

/// Text as HTML.
fn text(value: &str) -> String {
    let mut escaped = String::with_capacity(value.len());
    for c in value.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c if steers(c) => {
                let _ = write!(escaped, "[U+{:04X}]", u32::from(c));
            }
            c => escaped.push(c),
        }
    }
    escaped
}
