//! Bounds of what is written, in one place.

/// Largest public domain of which every key gets a row. A spreadsheet opens 1,048,576 rows. Of a larger domain
/// only the released rows are written, and the papers say how many keys it has.
pub const DOMAIN_KEYS_MAX: u64 = 1_000_000;
/// Most vertices in one file of geometries: a zone's outline is repeated in each of its rows.
pub const VERTICES_MAX: u64 = 20_000_000;
/// Longest text that is taken from a zoning (a name, an attribution), in characters; more is cut.
pub const TEXT_CHARS_MAX: usize = 300;
/// Most vertices of a zoning.
pub const ZONING_VERTICES_MAX: usize = 500_000;
/// Most pairs of sides of a zoning that are looked at, to find those that cross: 20 times as many as a zoning has sides.
pub const CROSSINGS_LOOKED_AT_MAX: usize = 10_000_000;
