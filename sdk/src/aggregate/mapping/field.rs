//! The parts of a mapping, each parsed into exactly the forms that exist.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;

/// What the input files are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(tag = "format", rename_all = "lowercase", deny_unknown_fields)]
pub enum SourceFormat {
    /// Text with a header line; UTF-8, with or without byte order mark.
    Csv {
        /// What separates fields.
        #[serde(default)]
        delimiter: Delimiter,
    },
    /// Parquet; only the columns that the mapping names are read.
    Parquet {},
}

/// One ASCII character that separates fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Delimiter(pub(crate) u8);

impl Default for Delimiter {
    fn default() -> Self {
        Self(b',')
    }
}

impl TryFrom<String> for Delimiter {
    type Error = &'static str;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        match text.as_bytes() {
            [byte] if byte.is_ascii() && !matches!(byte, b'"' | b'\n' | b'\r') => Ok(Self(*byte)),
            _ => Err("a delimiter is one ASCII character, for example `;` or a tab `\\t`"),
        }
    }
}

/// A value that stands for "not there". A number matches every spelling of it (`-1` and `-1.0`).
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(untagged)]
pub enum Sentinel {
    /// For example `-1`.
    Number(f64),
    /// For example `NA`.
    Text(String),
}

/// A column taken as it stands.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ColumnSource {
    /// Its name.
    pub column: String,
    /// Values that mean "not there", beside the empty one.
    #[serde(default)]
    pub missing: Vec<Sentinel>,
}

/// Where a zone or category comes from.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(try_from = "RawDimension")]
pub enum DimensionSource {
    /// `{ column = "PULocationID" }`: the column holds the id, or one that `values` translates.
    Column {
        /// The column.
        column: ColumnSource,
        /// Digits are padded with zeros on the left to this many (0: not padded).
        pad: usize,
        /// From the column's value to the id; a value not listed stands for itself.
        values: BTreeMap<String, String>,
    },
    /// `{ column = "station", lookup = { … } }`: a second file knows the zone of each key.
    Lookup {
        /// The column.
        column: ColumnSource,
        /// Digits of both sides are padded with zeros on the left to this many (0: not padded).
        pad: usize,
        /// The second file.
        lookup: Lookup,
    },
    /// `{ lon = "lon", lat = "lat" }`: degrees, EPSG:4326.
    Point {
        /// Column of the longitude.
        lon: String,
        /// Column of the latitude.
        lat: String,
    },
    /// `{ polyline = "POLYLINE", at = "first" }`: a JSON array of `[lon, lat]`.
    Line {
        /// The column.
        column: String,
        /// Which of its ends.
        at: End,
    },
    /// `{ const = "bike" }`.
    Constant(String),
}

/// An end of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum End {
    /// Where it begins.
    First,
    /// Where it ends.
    Last,
}

/// A CSV file with a header that says where a key lies.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "RawLookup")]
pub struct Lookup {
    /// The file, from the mapping's folder.
    pub file: PathBuf,
    /// Its column of keys.
    pub key: String,
    /// Where a key lies.
    pub place: Place,
    /// What separates its fields.
    pub delimiter: Delimiter,
}

/// Where a key of a lookup file lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// In the zone this column names.
    Zone(String),
    /// In the zone that holds the point of these columns.
    Point {
        /// Column of the longitude.
        lon: String,
        /// Column of the latitude.
        lat: String,
    },
}

/// Where the time of an event comes from.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TimeSource {
    /// The column.
    pub column: String,
    /// How it is written; Parquet timestamps need no format.
    #[serde(default)]
    pub format: TimeFormat,
}

/// How a time is written.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum TimeFormat {
    /// ISO 8601. With `Z` or an offset an instant, else local time of the agreement's zone; a date
    /// alone is its midnight.
    #[default]
    Iso,
    /// Seconds since 1970 UTC.
    EpochSeconds,
    /// Milliseconds since 1970 UTC.
    EpochMillis,
    /// A pattern of `strftime`; with `%z` or `%s` an instant, else local time.
    Pattern(String),
}

impl TryFrom<String> for TimeFormat {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        match text.as_str() {
            "iso" | "iso local" => Ok(Self::Iso),
            "epoch_s" => Ok(Self::EpochSeconds),
            "epoch_ms" => Ok(Self::EpochMillis),
            pattern if pattern.contains('%') => {
                let moment = jiff::civil::Date::constant(2023, 10, 29).at(3, 30, 0, 0);
                let zoned = moment.to_zoned_datetime(jiff::tz::TimeZone::UTC);
                zoned
                    .and_then(|zoned| jiff::fmt::strtime::format(pattern, &zoned))
                    .map_err(|e| format!("`{pattern}` is not a time pattern: {e}"))?;
                Ok(Self::Pattern(text))
            }
            _ => Err(format!(
                "`{text}` is not a time format: write `iso`, `epoch_s`, `epoch_ms` or a pattern \
                 like `%d.%m.%Y %H:%M`"
            )),
        }
    }
}

/// Where the value of a sum comes from; the result is rounded to a whole number of the measure's
/// unit.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(try_from = "RawSum")]
pub enum SumSource {
    /// `{ column = "trip_distance", scale = 1609.344 }`.
    Column {
        /// The column.
        column: ColumnSource,
        /// The column's unit in the measure's unit: miles to metres is 1609.344.
        scale: f64,
    },
    /// `{ from = "pickup", until = "dropoff" }`: seconds between two times, over a DST change too.
    Between {
        /// Column of the earlier time.
        from: String,
        /// Column of the later time.
        until: String,
        /// How both are written.
        format: TimeFormat,
        /// Applied to seconds.
        scale: f64,
    },
    /// `{ polyline_steps = "POLYLINE", scale = 15.0 }`: points less one, for lines of a fixed pace.
    Steps {
        /// The column.
        column: String,
        /// The length of a step in the measure's unit.
        scale: f64,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawDimension {
    column: Option<String>,
    #[serde(default)]
    missing: Vec<Sentinel>,
    #[serde(default)]
    pad: usize,
    #[serde(default)]
    values: BTreeMap<String, String>,
    lookup: Option<Lookup>,
    lon: Option<String>,
    lat: Option<String>,
    polyline: Option<String>,
    at: Option<End>,
    #[serde(rename = "const")]
    constant: Option<String>,
}

/// Longest padded key: ids have at most 64 bytes.
const PAD_MAX: usize = 64;

impl TryFrom<RawDimension> for DimensionSource {
    type Error = &'static str;
    fn try_from(raw: RawDimension) -> Result<Self, Self::Error> {
        let plain = raw.missing.is_empty() && raw.pad == 0 && raw.values.is_empty();
        let (pad, values) = (raw.pad, raw.values);
        if pad > PAD_MAX {
            return Err("`pad` is at most 64");
        }
        let column = raw.column.map(|column| ColumnSource {
            column,
            missing: raw.missing,
        });
        match (
            column,
            raw.lookup,
            raw.lon,
            raw.lat,
            raw.polyline,
            raw.at,
            raw.constant,
        ) {
            (Some(column), None, None, None, None, None, None) => Ok(Self::Column {
                column,
                pad,
                values,
            }),
            (Some(column), Some(lookup), None, None, None, None, None) if values.is_empty() => {
                Ok(Self::Lookup {
                    column,
                    pad,
                    lookup,
                })
            }
            (None, None, Some(lon), Some(lat), None, None, None) if plain => {
                Ok(Self::Point { lon, lat })
            }
            (None, None, None, None, Some(column), Some(at), None) if plain => {
                Ok(Self::Line { column, at })
            }
            (None, None, None, None, None, None, Some(text)) if plain => Ok(Self::Constant(text)),
            _ => Err(
                "write one of: `column` (with `lookup`, or with `values`; `pad`, `missing`), `lon` \
                 and `lat`, `polyline` and `at`, `const`",
            ),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawLookup {
    file: PathBuf,
    key: String,
    zone: Option<String>,
    lon: Option<String>,
    lat: Option<String>,
    #[serde(default)]
    delimiter: Delimiter,
}

impl TryFrom<RawLookup> for Lookup {
    type Error = &'static str;
    fn try_from(raw: RawLookup) -> Result<Self, Self::Error> {
        let place = match (raw.zone, raw.lon, raw.lat) {
            (Some(zone), None, None) => Place::Zone(zone),
            (None, Some(lon), Some(lat)) => Place::Point { lon, lat },
            _ => return Err("a lookup has either `zone`, or `lon` and `lat`"),
        };
        Ok(Self {
            file: raw.file,
            key: raw.key,
            place,
            delimiter: raw.delimiter,
        })
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawSum {
    column: Option<String>,
    #[serde(default)]
    missing: Vec<Sentinel>,
    from: Option<String>,
    until: Option<String>,
    format: Option<TimeFormat>,
    polyline_steps: Option<String>,
    #[serde(default = "one")]
    scale: f64,
}

pub(super) fn one() -> f64 {
    1.0
}

impl TryFrom<RawSum> for SumSource {
    type Error = &'static str;
    fn try_from(raw: RawSum) -> Result<Self, Self::Error> {
        let scale = raw.scale;
        if !scale.is_normal() {
            return Err("`scale` is a finite number other than 0");
        }
        let plain = raw.missing.is_empty();
        match (
            raw.column,
            raw.from,
            raw.until,
            raw.format,
            raw.polyline_steps,
        ) {
            (Some(column), None, None, None, None) => Ok(Self::Column {
                column: ColumnSource {
                    column,
                    missing: raw.missing,
                },
                scale,
            }),
            (None, Some(from), Some(until), format, None) if plain => Ok(Self::Between {
                from,
                until,
                format: format.unwrap_or_default(),
                scale,
            }),
            (None, None, None, None, Some(column)) if plain => Ok(Self::Steps { column, scale }),
            _ => Err(
                "write one of: `column` (with `missing`), `from` and `until` (with `format`), \
                 `polyline_steps`; `scale` fits each",
            ),
        }
    }
}
