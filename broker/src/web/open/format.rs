//! The formats of an open table, and which of them a reader gets (RFC 9110 section 12).

/// Ranges of an `Accept` header that are looked at.
const RANGES_MAX: usize = 32;
/// The media type of the catalogue.
pub(super) const CATALOGUE: &str = "application/ld+json";

/// A form of a table, or what lies beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Format {
    /// A row for each key of the public domain where they are not too many, intervals and a column `withheld`.
    Csv,
    /// The same.
    Parquet,
    /// The same with the zones' outlines, or desire lines.
    GeoJson,
    /// The released bytes as they are: an Arrow IPC stream, over which the log's commitment is.
    Arrow,
    /// The quality sheet.
    Sheet,
    /// What the columns of the CSV are (CSV on the Web).
    CsvMetadata,
    /// A page for people.
    Page,
}

impl Format {
    /// What is negotiated; where a reader has no preference, the first one that there is.
    pub(super) const NEGOTIATED: [Self; 7] = [
        Self::Csv,
        Self::Parquet,
        Self::GeoJson,
        Self::Arrow,
        Self::Sheet,
        Self::CsvMetadata,
        Self::Page,
    ];

    /// Its media type.
    pub(super) fn media(self) -> &'static str {
        match self {
            Self::Csv => "text/csv",
            Self::Parquet => "application/vnd.apache.parquet",
            Self::GeoJson => "application/geo+json",
            Self::Arrow => "application/vnd.apache.arrow.stream",
            Self::Sheet => "application/json",
            Self::CsvMetadata => "application/csvm+json",
            Self::Page => "text/html",
        }
    }

    /// What its address ends with.
    pub(super) fn suffix(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Parquet => "parquet",
            Self::GeoJson => "geojson",
            Self::Arrow => "arrow",
            Self::Sheet => "json",
            Self::CsvMetadata => "csv-metadata.json",
            Self::Page => "html",
        }
    }

    /// What it is, for lists.
    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Csv => "CSV",
            Self::Parquet => "Parquet",
            Self::GeoJson => "GeoJSON",
            Self::Arrow => "Arrow IPC stream: the released bytes that the log commits to",
            Self::Sheet => "Quality sheet: what was counted, protected and withheld",
            Self::CsvMetadata => "Columns of the CSV (CSV on the Web)",
            Self::Page => "Page",
        }
    }

    /// In the EU's list of file types.
    pub(super) fn file_type(self) -> &'static str {
        match self {
            Self::Csv => "CSV",
            Self::Parquet => "PARQUET",
            Self::GeoJson => "GEOJSON",
            Self::Arrow => "BIN",
            Self::Sheet | Self::CsvMetadata => "JSON",
            Self::Page => "HTML",
        }
    }

    /// The file of this suffix.
    pub(super) fn of_suffix(suffix: &str) -> Option<Self> {
        let mut all = Self::NEGOTIATED.into_iter();
        all.find(|format| format.suffix() == suffix)
    }

    /// Is it made of the table and its zones? The others are the released bytes, or words about them.
    pub(super) fn is_made(self) -> bool {
        match self {
            Self::Csv | Self::Parquet | Self::GeoJson | Self::CsvMetadata => true,
            Self::Arrow | Self::Sheet | Self::Page => false,
        }
    }

    /// The format that an `Accept` header prefers among those that there are; `None` where it takes none of them. Of
    /// equals the first.
    pub(super) fn accepted(accept: Option<&str>, available: &[Self]) -> Option<Self> {
        let ranges = ranges(accept);
        let mut best: Option<(u16, Self)> = None;
        for format in available {
            let weight = weight(format.media(), &ranges);
            if weight > best.map_or(0, |(weight, _)| weight) {
                best = Some((weight, *format));
            }
        }
        best.map(|(_, format)| format)
    }
}

/// Does an `Accept` header prefer a page to the catalogue? A browser's does.
pub(super) fn prefers_page(accept: Option<&str>) -> bool {
    let ranges = ranges(accept);
    weight(Format::Page.media(), &ranges) > weight(CATALOGUE, &ranges)
}

/// The ranges of an `Accept` header; none at all takes anything.
fn ranges(accept: Option<&str>) -> Vec<(String, u16)> {
    let accept = accept.filter(|accept| !accept.trim().is_empty());
    let accept = accept.unwrap_or("*/*");
    accept.split(',').take(RANGES_MAX).map(range).collect()
}

/// One range of an `Accept` header, and its weight in thousandths.
fn range(text: &str) -> (String, u16) {
    let mut parts = text.split(';').map(str::trim);
    let media = parts.next().unwrap_or_default().to_ascii_lowercase();
    let weight = parts.find_map(|part| {
        let (name, value) = part.split_once('=')?;
        name.trim()
            .eq_ignore_ascii_case("q")
            .then(|| thousandths(value.trim()))
    });
    (media, weight.unwrap_or(1000))
}

/// `0`, `0.5`, `1`, `1.000`; what is none of these counts as not wanted.
fn thousandths(text: &str) -> u16 {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let digits = part.len() <= 3 && part.bytes().all(|b| b.is_ascii_digit());
    let part: u16 = match (whole, digits) {
        ("0" | "1", true) => format!("{part:0<3}").parse().unwrap_or(0),
        _ => return 0,
    };
    match whole {
        "1" => 1000,
        _ => part,
    }
}

/// The weight of a media type: that of the range that fits it most closely.
fn weight(media: &str, ranges: &[(String, u16)]) -> u16 {
    let kind = media.split('/').next().unwrap_or_default();
    let closeness = |range: &str| match range {
        range if range == media => 3,
        "*/*" => 1,
        range if range.strip_suffix("/*") == Some(kind) => 2,
        _ => 0,
    };
    let fitting = ranges
        .iter()
        .map(|(range, weight)| (closeness(range), *weight));
    let fitting = fitting.filter(|(closeness, _)| *closeness > 0);
    fitting.max().map_or(0, |(_, weight)| weight)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_gets_what_it_prefers_and_nothing_that_it_does_not_take() {
        for (accept, expected) in [
            (None, Some(Format::NEGOTIATED[0])),
            (Some(""), Some(Format::NEGOTIATED[0])),
            (Some("*/*"), Some(Format::NEGOTIATED[0])),
            (Some("application/json"), Some(Format::Sheet)),
            (
                Some("APPLICATION/VND.apache.arrow.stream ; q=0.1"),
                Some(Format::Arrow),
            ),
            (
                Some("application/json;q=0.5, text/html;q=0.9"),
                Some(Format::Page),
            ),
            (
                Some("text/html,application/xhtml+xml,*/*;q=0.8"),
                Some(Format::Page),
            ),
            (Some("text/*"), Some(Format::Csv)),
            (Some("text/*, text/csv;q=0"), Some(Format::Page)),
            (Some("application/geo+json"), Some(Format::GeoJson)),
            (
                Some("application/vnd.apache.parquet"),
                Some(Format::Parquet),
            ),
            // The closest range counts, whatever the wide one says.
            (
                Some("application/*, application/vnd.apache.parquet;q=0"),
                Some(Format::GeoJson),
            ),
            (Some("image/png"), None),
            (Some("*/*;q=0"), None),
            (Some("application/json;q=2"), None),
            (Some("application/json;q=0.0001"), None),
            (Some("json"), None),
        ] {
            let found = Format::accepted(accept, &Format::NEGOTIATED);
            assert_eq!(found, expected, "{accept:?}");
        }
        // A long header is read to its bound.
        let long = "image/png,".repeat(RANGES_MAX) + "application/json";
        assert_eq!(Format::accepted(Some(&long), &Format::NEGOTIATED), None);
    }

    /// A table so large that no CSV was made of it is still there.
    #[test]
    fn only_what_there_is_is_chosen() {
        let there = [Format::Arrow, Format::Sheet, Format::Page];
        for (accept, expected) in [
            (None, Some(Format::Arrow)),
            (Some("*/*"), Some(Format::Arrow)),
            (Some("text/*"), Some(Format::Page)),
            (Some("text/csv, */*;q=0.1"), Some(Format::Arrow)),
            (
                Some("text/csv, application/json;q=0.1"),
                Some(Format::Sheet),
            ),
            (Some("text/csv"), None),
        ] {
            assert_eq!(Format::accepted(accept, &there), expected, "{accept:?}");
        }
    }

    #[test]
    fn a_page_is_for_those_who_prefer_it_to_the_catalogue() {
        for (accept, page) in [
            (Some("text/html,application/xhtml+xml,*/*;q=0.8"), true),
            (Some("text/html"), true),
            (Some("text/*"), true),
            (Some("text/html;q=0"), false),
            (Some("application/ld+json, text/html;q=0.5"), false),
            (Some("*/*"), false),
            (Some(""), false),
            (None, false),
            (Some("image/png"), false),
        ] {
            assert_eq!(prefers_page(accept), page, "{accept:?}");
        }
    }
}
