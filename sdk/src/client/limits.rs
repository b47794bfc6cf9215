//! Every bound of the client, each with its reason.

use std::time::Duration;

use proto::limits::{CHUNK_BYTES_MAX, GEOJSON_BYTES_MAX};

/// TCP, TLS and HTTP/2 until the connection can be used.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Longest wait for the answer of a unary call: the broker gives up after 60 s.
pub const CALL_TIMEOUT: Duration = Duration::from_secs(90);
/// How often a call is sent that ending connections turn away.
pub const SENDS_MAX: u32 = 3;
/// While calls are open, a ping is sent this often; a silent peer is found out.
pub const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(20);
/// How long a ping's answer may take.
pub const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(10);
/// What may be in flight to us in one stream.
pub const STREAM_WINDOW_BYTES: u32 = 4 << 20;
/// What may be in flight to us in the connection.
pub const CONNECTION_WINDOW_BYTES: u32 = 16 << 20;

/// Largest message of the `weir.v1` services: a zoning or a bundle of entries, and its frame.
pub const MESSAGE_BYTES_MAX: usize = 17 << 20;
/// Largest message of a Flight stream.
pub const FLIGHT_MESSAGE_BYTES_MAX: usize = 64 << 20;
/// Longest token: the broker takes no longer one.
pub const TOKEN_BYTES_MAX: usize = 8 << 10;

/// Rows of one message of a push.
pub const PUSH_ROWS: usize = 65_536;
/// Largest dictionary of one column of a push, in bytes: it travels as one message.
pub const DICTIONARY_BYTES_MAX: usize = 32 << 20;
/// Largest released table that is taken, in bytes: it is held in memory once.
pub const TABLE_BYTES_MAX: u64 = 2 << 30;
/// Bytes that are set aside for a table before any of it has come.
pub const TABLE_BYTES_FIRST: u64 = 8 << 20;
/// Most pages of one list: a list without end is given up.
pub const PAGES_MAX: u32 = 10_000;

const _: () = assert!(GEOJSON_BYTES_MAX < MESSAGE_BYTES_MAX);
const _: () = assert!(CHUNK_BYTES_MAX < MESSAGE_BYTES_MAX);
const _: () = assert!(DICTIONARY_BYTES_MAX < FLIGHT_MESSAGE_BYTES_MAX);
const _: () =
    assert!(proto::limits::BUNDLE_MAX * (audit::bundle::ENTRY_BYTES_MAX + 16) < MESSAGE_BYTES_MAX);
