//! Bounds of what is written, in one place.

/// Largest public domain of which every key gets a row. A spreadsheet opens 1,048,576 rows. Of a larger domain
/// only the released rows are written, and the papers say how many keys it has.
pub const DOMAIN_KEYS_MAX: u64 = 1_000_000;
/// Most vertices in one file of geometries: a zone's outline is repeated in each of its rows.
pub const VERTICES_MAX: u64 = 20_000_000;
/// Longest text that is taken from a zoning (a name, an attribution), in characters; more is cut.
pub const TEXT_CHARS_MAX: usize = 300;
