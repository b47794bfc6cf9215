//! What the contract allows in one message. Whoever sends more is refused; see each `.proto`.

/// Largest GeoJSON of a zoning, in bytes.
pub const GEOJSON_BYTES_MAX: usize = 16 << 20;
/// Largest chunk of a released table, in bytes.
pub const CHUNK_BYTES_MAX: usize = 1 << 20;
/// Largest quality sheet, in bytes.
pub const QUALITY_SHEET_BYTES_MAX: usize = 64 << 10;
/// Largest encoded `ContributionHeader`, in bytes.
pub const HEADER_BYTES_MAX: usize = 16 << 10;
/// Most declared rates of a contribution.
pub const RATES_MAX: usize = 32;
/// Most active units that may be declared, and most contributors of a cell.
pub const UNITS_MAX: u64 = 1 << 40;
/// Most items on a page.
pub const PAGE_MAX: u32 = 500;
/// Items on a page where the caller does not say.
pub const PAGE_DEFAULT: u32 = 100;
/// Most releases that are told of one contribution.
pub const RELEASED_FROM_MAX: usize = 500;
/// Longest page token, in bytes.
pub const PAGE_TOKEN_BYTES_MAX: usize = 256;
/// Most periods in one preview.
pub const PERIODS_MAX: usize = 366;
/// Most places of the log that one call looks at.
pub const ENTRIES_MAX: u32 = 65_536;
/// Most entries in one bundle of a stream.
pub const BUNDLE_MAX: usize = 256;
/// Most notices in one message of a watch.
pub const NOTICES_MAX: usize = 32;
/// Longest purpose, in bytes.
pub const PURPOSE_BYTES_MAX: usize = 128;
/// Longest SPIFFE id, in bytes.
pub const SPIFFE_BYTES_MAX: usize = 256;
/// Longest protected header of a signature, in bytes.
pub const SIGNATURE_BYTES_MAX: usize = 1024;

const _: () = assert!(PAGE_DEFAULT <= PAGE_MAX);
const _: () = assert!(NOTICES_MAX <= BUNDLE_MAX);
const _: () = assert!(BUNDLE_MAX <= ENTRIES_MAX as usize);
