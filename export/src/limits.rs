//! Bounds of what is written, in one place.

/// Largest public domain of which CSV, Parquet and MDS list every key: they are written a page at a time, and read by
/// programs that do the same. 500 × 500 zones in 24 hours by 4 modes are 24 million keys. Of a larger domain only the
/// released rows are written, and the papers say so.
pub const ROWS_LISTED_MAX: u64 = 100_000_000;
/// Largest public domain of which the layers of a GeoPackage list every key: it is made in memory. Of a larger one a
/// view has a row for each.
pub const LAYERS_LISTED_MAX: u64 = 1_000_000;
/// Most vertices in one file of geometries: a zone's outline is repeated in each of its rows, a line has two. GeoJSON lists
/// every key where that is not more.
pub const VERTICES_MAX: u64 = 20_000_000;
/// Longest text that is taken from a zoning (a name, an attribution), in characters; more is cut.
pub const TEXT_CHARS_MAX: usize = 300;
/// Most vertices of a zoning.
pub const ZONING_VERTICES_MAX: usize = 500_000;
/// Most pairs of sides of a zoning that are looked at, to find those that cross: 20 times as many as a zoning has sides.
pub const CROSSINGS_LOOKED_AT_MAX: usize = 10_000_000;
