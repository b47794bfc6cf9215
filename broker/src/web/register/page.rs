//! Writing HTML so that nothing anybody else wrote can be markup: it goes in by [`Page::text`], which escapes it, and
//! [`Page::raw`] takes only what stands in our own source.

use policies::text::steers;

/// A page that is being written.
pub(in crate::web) struct Page(String);

impl Page {
    /// Begins it.
    pub(in crate::web) fn new(title: &str) -> Self {
        let mut page = Self(String::new());
        page.raw("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
        page.raw("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n");
        page.raw("<link rel=\"stylesheet\" href=\"/register/style.css\">\n<title>");
        page.text(title);
        page.raw("</title>\n</head>\n<body>\n");
        page
    }

    /// What is written in our own source.
    pub(in crate::web) fn raw(&mut self, html: &'static str) -> &mut Self {
        self.0.push_str(html);
        self
    }

    /// Escaped, for text and for attributes in quotes. Characters that would turn the order of the page around, or
    /// that no page may hold, are shown as missing.
    pub(in crate::web) fn text(&mut self, text: &str) -> &mut Self {
        for char in text.chars() {
            match char {
                '&' => self.0.push_str("&amp;"),
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '"' => self.0.push_str("&quot;"),
                '\'' => self.0.push_str("&#39;"),
                '\n' | '\t' => self.0.push(char),
                _ if steers(char) => self.0.push('\u{fffd}'),
                _ => self.0.push(char),
            }
        }
        self
    }

    /// A line of a list of facts.
    pub(in crate::web) fn fact(&mut self, name: &'static str, value: &str) {
        self.raw("<dt>").raw(name).raw("</dt><dd class=\"said\">");
        self.text(value).raw("</dd>\n");
    }

    /// Its last lines.
    pub(in crate::web) fn finish(mut self, entries: u64, json: &str) -> String {
        self.raw("<p class=\"small\">From the first ")
            .text(&entries.to_string());
        self.raw(" entries of <a href=\"/checkpoint\">the log</a>. For programs: <a href=\"");
        self.text(json).raw("\">JSON</a>.</p>\n</body>\n</html>\n");
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::Page;

    #[test]
    fn nothing_anybody_writes_is_markup() {
        let mut page = Page(String::new());
        page.text("<script>alert(\"x\")</script> & 'y'\u{202e}\u{0}\u{1b}\u{2066}\n");
        assert_eq!(
            page.0,
            "&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt; &amp; &#39;y&#39;\u{fffd}\u{fffd}\u{fffd}\u{fffd}\n"
        );
        let every: String = (0..0x3000).filter_map(char::from_u32).collect();
        let mut page = Page(String::new());
        page.text(&every);
        assert!(!page.0.contains(['<', '>', '"', '\'']));
        let mut amps = page.0.split('&').skip(1);
        assert!(amps.all(|rest| {
            ["amp;", "lt;", "gt;", "quot;", "#39;"]
                .iter()
                .any(|e| rest.starts_with(e))
        }));
    }
}
