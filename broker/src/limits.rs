//! Every bound of the broker, in one place, each with its reason. Over a bound is a refusal, not a wait.
//! What one message may hold is the contract's: `proto::limits`.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::SignedDuration;

/// Connections at one time, handshakes included.
pub const CONNECTIONS_MAX: usize = 512;
/// Connections of one organisation at one time: no single one can shut out the others.
pub const CONNECTIONS_PER_ORG_MAX: usize = 128;
/// From the first byte to a finished handshake.
pub const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// Streams of one connection at one time; h2's own guard against rapid reset stands on it.
pub const STREAMS_PER_CONNECTION_MAX: u32 = 64;
/// Calls in work at one time; one more is shed.
pub const CALLS_MAX: usize = 256;
/// Calls of one organisation in work at one time: who sends its bodies slowly, or never reads its
/// answers, fills its own places only.
pub const CALLS_PER_ORG_MAX: usize = 64;
/// Longest unary call; a contribution has [`STREAM_TIMEOUT`].
pub const CALL_TIMEOUT: Duration = Duration::from_secs(60);
/// Longest stream: of cells by itself, of anything else by the end of its connection.
pub const STREAM_TIMEOUT: Duration = Duration::from_secs(3600);
/// A connection takes no new calls after this, so that certificates are looked at again.
pub const CONNECTION_AGE_MAX: Duration = Duration::from_secs(600);
/// How long its calls in work have from then on; what has not ended is cut. No stream that keeps its own bound is.
pub const CONNECTION_GRACE: Duration = STREAM_TIMEOUT;
/// Largest message of a unary call: a zoning of 16 MiB and its frame.
pub const MESSAGE_BYTES_MAX: usize = 17 << 20;
/// Largest message of a Flight stream: pyarrow sends large batches.
pub const FLIGHT_MESSAGE_BYTES_MAX: usize = 64 << 20;
/// HTTP/2 window of one stream: what may be in flight before the writer has taken it.
pub const STREAM_WINDOW_BYTES: u32 = 4 << 20;
/// Bytes of one chunk of a released table, over gRPC and about so many over Flight.
pub const CHUNK_BYTES: usize = 256 << 10;
/// How long a part of an answer (a released table, rows of a statement, notices) may wait for its reader; then the rest is
/// let go. Who takes 9 kB/s of a table is fast enough, for as long as it may take.
pub const READER_SLOW: Duration = Duration::from_secs(30);
/// How long a released table may be on its way to its reader: 100 MiB at 1 Mbit/s. Who takes a little at a time holds its
/// places no longer.
pub const FETCH_TIME: Duration = Duration::from_secs(900);
/// Released tables on their way to readers at one time; each is in memory until its last part is taken.
pub const FETCHES_MAX: usize = 32;
/// Released tables on their way to readers of one organisation at one time.
pub const FETCHES_PER_ORG_MAX: usize = 8;

/// Longest time without an entry while the broker runs: then it logs a sign of life.
pub const HEARTBEAT: SignedDuration = SignedDuration::from_hours(1);
/// What an auditor reads is logged once in this time, folded.
pub const AUDITOR_READ_EVERY: SignedDuration = SignedDuration::from_mins(15);
/// Refusals of one organisation that are logged one by one when it was quiet before.
pub const REFUSALS_BURST: i32 = 128;
/// And sustained: one in this time. Above, a request that would be refused is turned away as busy.
pub const REFUSALS_LOGGED_EVERY: SignedDuration = SignedDuration::from_secs(10);
/// Those that were turned away are logged once in this time, as a number.
pub const REFUSALS_FOLD_EVERY: SignedDuration = SignedDuration::from_mins(1);

/// Offers of one organisation that nobody has answered: each stays in the memory of the one writer, and everybody's
/// lists. Withdrawn, countered, signed and expired ones are none.
pub const OPEN_OFFERS_PER_ORG_MAX: usize = 256;

/// Answers of the access policies that are remembered, of two ids and a few words each.
pub const ANSWERS_REMEMBERED_MAX: usize = 1 << 16;

/// Calls of one organisation in one second, sustained.
pub const ORG_CALLS_PER_SECOND: u32 = 200;
/// Calls an idle organisation may make at once.
pub const ORG_CALLS_BURST: u32 = 400;

/// Connections of the public side at one time, handshakes included.
pub const WEB_CONNECTIONS_MAX: usize = 256;
/// From a connection, or the answer before, to the last byte of a request's head.
pub const WEB_HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// From a request of the public side, its body included, to the beginning of its answer; then it is 503, while what was
/// being made for it is made on. Less than a client waits.
pub const WEB_ANSWER_BEGINS: Duration = Duration::from_secs(45);
/// A connection of the public side takes no further request after this: nobody keeps a place by asking.
pub const WEB_CONNECTION_AGE_MAX: Duration = Duration::from_secs(120);
/// How long an answer in work has from then on; what has not ended is cut. The largest file at 1.2 Mbit/s.
pub const WEB_CONNECTION_GRACE: Duration = Duration::from_secs(900);
/// How long an answer of the public side may wait for its reader to take anything. The system's buffer counts as taken,
/// and has room again when about a third of its 4 MiB has gone: 22 kB/s are fast enough.
pub const WEB_READER_SLOW: Duration = Duration::from_secs(60);
/// Bytes of a request's head, and of the buffer it is read into.
pub const WEB_HEAD_BYTES_MAX: usize = 16 << 10;
/// Files read for the public side at one time.
pub const WEB_READS_MAX: usize = 16;
/// Shortest time between two looks of the public register through everything that was released.
pub const REGISTER_EVERY: Duration = Duration::from_secs(5);
/// Agreements on one page of the register.
pub const REGISTER_AGREEMENTS: usize = 50;
/// Open tables on one page of the catalogue.
pub const OPEN_ON_A_PAGE: usize = 50;
/// Open tables whose files are made at one time.
pub const OPEN_MADE_AT_ONCE: usize = 2;
/// Open tables of whose files sizes and digests are kept.
pub const OPEN_RELEASES_KEPT: usize = 4096;
/// Bytes of one file that is made of an open table; one that would be larger lists the released rows alone, or is not made.
pub const OPEN_FILE_BYTES_MAX: usize = 128 << 20;
/// Largest public domain of an open table of which CSV and GeoJSON list every key, withheld ones too; of a larger one they
/// list the released rows, and say so.
pub const OPEN_TEXT_LISTED_MAX: u64 = 1_000_000;
/// The same of Parquet, where a withheld key takes less than a byte.
pub const OPEN_PARQUET_LISTED_MAX: u64 = 5_000_000;
/// Bytes of files of open tables that are kept at hand, those asked for last.
pub const OPEN_BYTES_KEPT: usize = 128 << 20;
/// Bytes of files of open tables in memory, those kept and those on their way to readers, who may be slow; one more is
/// shed.
pub const OPEN_BYTES_HELD: usize = 512 << 20;
/// Released tables on one page of the register.
pub const REGISTER_RELEASES: usize = 100;

/// How long a release waits for a quorum of witnesses; then it ends as `UNAVAILABLE`, and its
/// reservation is kept. It may wait twice: for the reservation and for the table.
pub const QUORUM_WAIT: Duration = Duration::from_secs(10);
/// How long any other answer waits for one, unless it is known that none is to be had.
pub const QUORUM_WAIT_OTHERS: Duration = Duration::from_secs(2);
/// Between two tries for a quorum.
pub const QUORUM_RETRY: Duration = Duration::from_secs(1);
/// Longest exchange with one witness.
pub const WITNESS_TIMEOUT: Duration = Duration::from_secs(5);
/// Most bytes of a witness's answer: several signatures fit.
pub const WITNESS_ANSWER_BYTES_MAX: usize = 64 << 10;

/// How far the clock may be from where it should be by the time that has passed, and the newest entry ahead of the
/// clock at a start; beyond, nothing is decided. What auditors allow.
pub const CLOCK_JUMP_MAX: SignedDuration = audit::replay::CLOCK_AHEAD_MAX;
/// How long a quorum's word on the clock holds: a log grows each hour, so it is older only while witnesses are away.
pub const VOUCHED_FOR: SignedDuration = SignedDuration::from_hours(24);
/// How often it is looked whether that word is still good.
pub const VOUCHED_LOOK: Duration = Duration::from_secs(10);
/// Commands that wait for the sequencer; one more is shed.
pub const SEQUENCER_QUEUE: usize = 1024;
/// Commands decided in one batch, behind one sync.
pub const SEQUENCER_BATCH_MAX: usize = 256;

/// Rows of one contribution.
pub const CONTRIBUTION_ROWS_MAX: u64 = 64_000_000;
/// Rows of one contribution to a k-only table, whose hiding takes time and memory for every cell and margin:
/// at so many made ones 121 s and 208 MiB (`cargo bench -p privacy --bench konly`).
pub const K_ONLY_ROWS_MAX: u64 = 650_000;
/// Bytes of one contribution's stored cells.
pub const CONTRIBUTION_BYTES_MAX: u64 = 2 << 30;
/// Distinct values in one dictionary of one batch.
pub const DICTIONARY_VALUES_MAX: usize = 1 << 20;
/// Contributions in work at one time: each holds a thread and a row group.
pub const CONTRIBUTIONS_MAX: usize = 16;
/// Contributions of one organisation in work at one time.
pub const CONTRIBUTIONS_PER_ORG_MAX: usize = 8;
/// Watches of agreements at one time; each is a call in work for as long as it lasts.
pub const WATCHES_MAX: usize = 64;
/// Watches of one organisation at one time.
pub const WATCHES_PER_ORG_MAX: usize = 4;
/// Longest silence of a watch: then it tells where it is.
pub const WATCH_IDLE: Duration = Duration::from_secs(20);
/// Longest silence inside a contribution.
pub const CONTRIBUTION_IDLE: Duration = Duration::from_secs(30);
/// Batches that wait for the writer of one contribution.
pub const CONTRIBUTION_QUEUE: usize = 4;
/// Memory of one scan: a release has one, an ad-hoc merge two at a time.
pub const SCAN_MEMORY_BYTES: usize = 512 << 20;
/// Bytes of a statement in SQL.
pub const SQL_TEXT_BYTES_MAX: usize = 16 << 10;
/// How long a statement may take, its answer's way to the reader included.
pub const SQL_TIME: Duration = Duration::from_secs(30);
/// Bytes of the released tables that one statement reads.
pub const SQL_READ_BYTES_MAX: usize = 256 << 20;
/// Memory of one statement's operators, beside what it reads.
pub const SQL_MEMORY_BYTES: usize = 256 << 20;
/// Rows of one statement's answer.
pub const SQL_ANSWER_ROWS_MAX: u64 = 1_000_000;
/// Bytes of one statement's answer, in memory.
pub const SQL_ANSWER_BYTES_MAX: usize = 256 << 20;
/// Bytes of one row of it, with the words of its dictionaries: those of a large zoning alone are megabytes.
pub const SQL_ROW_BYTES_MAX: usize = 64 << 20;
/// Rows that go into a window or one side of a join.
pub const SQL_HELD_ROWS_MAX: usize = 1_000_000;
/// Statements in work at one time; each has a thread.
pub const SQL_AT_ONCE: usize = 4;
/// Statements of one organisation in work at one time.
pub const SQL_PER_ORG_MAX: usize = 2;
/// Parts of an answer that wait for its reader, each of 256 KiB or a single row.
pub const SQL_QUEUE: usize = 4;
/// Mechanisms kept at hand; more are computed again.
pub const MECHANISMS_KEPT_MAX: usize = 4096;
/// Bytes of one policy document, and of its manifest.
pub const POLICY_BYTES_MAX: u64 = 256 << 10;
/// Documents in a policy directory.
pub const POLICY_FILES_MAX: usize = 64;
/// How often the manifest of the policy directory is looked at.
pub const POLICY_LOOK: Duration = Duration::from_secs(5);
/// How long calls in work have after the broker was told to stop.
pub const DRAIN: Duration = Duration::from_secs(10);
/// Longest public tick: a request waits for one and a half, so they stay below [`CALL_TIMEOUT`].
pub const PUBLISH_TICK_MAX: Duration = Duration::from_secs(30);
/// How often agreements are looked through for those that have run out; they have no power already.
pub const LIFE_TICK: Duration = Duration::from_secs(10);
/// How often plans are looked through for scheduled releases that are due, and releases for those that were charged and
/// are still without a table.
pub const SCHEDULE_TICK: Duration = Duration::from_secs(30);
/// Scheduled releases in work at one time, and those that are taken up again; most of them wait for their public tick.
pub const SCHEDULED_AT_ONCE: usize = 8;
/// Releases with noise drawn at one time.
pub const DRAWS_MAX: usize = 2;
/// k-only releases drawn at one time, beside [`DRAWS_MAX`]: one takes minutes, and keeps no other release waiting.
pub const K_ONLY_DRAWS_MAX: usize = 1;
/// Largest zoning file.
pub const ZONING_BYTES_MAX: usize = 16 << 20;
/// Most vertices of one; the company's side asks the same before it sends it.
pub const ZONING_VERTICES_MAX: usize = export::limits::ZONING_VERTICES_MAX;
/// How far the middle of its zones may lie from the time zone's principal place before its axes are taken for swapped, in
/// kilometres; the company's side asks the same.
pub const ZONING_FROM_PLACE_KM_MAX: f64 = policies::period::FROM_PLACE_KM_MAX;
/// How often the files of certificates and keys are looked at.
pub const TRUST_LOOK_EVERY: Duration = Duration::from_secs(5);
/// How often the token issuer's key set is fetched.
pub const JWKS_EVERY: Duration = Duration::from_secs(300);
/// Shortest time between two fetches that tokens with an unknown `kid` cause.
pub const JWKS_UNKNOWN_EVERY: Duration = Duration::from_secs(30);
/// Wait after the first failed fetch; doubled by each further one, to [`JWKS_EVERY`] at most.
pub const JWKS_BACK_OFF: Duration = Duration::from_secs(5);
/// A key set that was fetched longer ago than this opens nothing.
pub const JWKS_STALE_AFTER: Duration = Duration::from_secs(24 * 3600);
/// Longest fetch of a key set.
pub const JWKS_TIMEOUT: Duration = Duration::from_secs(10);
/// Largest key set, in bytes.
pub const JWKS_BYTES_MAX: usize = 64 << 10;
/// Most keys in a key set.
pub const JWKS_KEYS_MAX: usize = 64;
/// Longest token of a user, in bytes.
pub const TOKEN_BYTES_MAX: usize = 8 * 1024;
/// Longest `sub` and `jti` of a token, in bytes.
pub const TOKEN_NAME_BYTES_MAX: usize = 255;
/// Longest zone id, in bytes.
pub const ZONE_ID_BYTES_MAX: usize = 64;
/// Memory that `sled` may hold; the index is read once, at start.
pub const INDEX_CACHE_BYTES: u64 = 16 << 20;
/// Entries that are replayed between two writes of the index.
pub const REPLAY_ENTRIES: u64 = 1024;
/// Bytes of one level of hashes that are held before they are compared with the file.
pub const HASHES_HELD_BYTES: usize = 256 << 10;
/// How long to wait for somebody in this process to let go of the state: sled's thread of its file, a call of the
/// sequencer.
pub const LET_GO: Duration = Duration::from_secs(5);

/// Bounds in time that a test may wait for, if they are shorter; a broker has the [`Default`].
#[derive(Debug, Clone, Copy)]
pub struct Times {
    /// [`CONNECTION_AGE_MAX`].
    pub connection_age: Duration,
    /// [`CONNECTION_GRACE`].
    pub connection_grace: Duration,
    /// [`SQL_TIME`].
    pub statement: Duration,
    /// [`READER_SLOW`], of a released table and of a statement's answer.
    pub reader: Duration,
    /// [`FETCH_TIME`].
    pub fetch: Duration,
}

impl Default for Times {
    fn default() -> Self {
        Self {
            connection_age: CONNECTION_AGE_MAX,
            connection_grace: CONNECTION_GRACE,
            statement: SQL_TIME,
            reader: READER_SLOW,
            fetch: FETCH_TIME,
        }
    }
}

/// The bounds that callers meet, as `config.changed` logs them: the same for all.
#[must_use]
pub fn told() -> BTreeMap<String, u64> {
    let seconds = |time: SignedDuration| time.as_secs().unsigned_abs();
    [
        ("auditor_read_every_s", seconds(AUDITOR_READ_EVERY)),
        ("calls_per_org_max", CALLS_PER_ORG_MAX as u64),
        ("connections_per_org_max", CONNECTIONS_PER_ORG_MAX as u64),
        ("contribution_bytes_max", CONTRIBUTION_BYTES_MAX),
        ("contribution_rows_max", CONTRIBUTION_ROWS_MAX),
        (
            "contributions_per_org_max",
            CONTRIBUTIONS_PER_ORG_MAX as u64,
        ),
        ("fetches_per_org_max", FETCHES_PER_ORG_MAX as u64),
        ("k_only_rows_max", K_ONLY_ROWS_MAX),
        ("open_offers_per_org_max", OPEN_OFFERS_PER_ORG_MAX as u64),
        ("org_calls_burst", ORG_CALLS_BURST.into()),
        ("org_calls_per_second", ORG_CALLS_PER_SECOND.into()),
        ("quorum_wait_s", QUORUM_WAIT.as_secs()),
        ("refusals_burst", u64::from(REFUSALS_BURST.unsigned_abs())),
        ("refusals_logged_every_s", seconds(REFUSALS_LOGGED_EVERY)),
        ("watches_per_org_max", WATCHES_PER_ORG_MAX as u64),
        ("zoning_bytes_max", ZONING_BYTES_MAX as u64),
        ("zoning_vertices_max", ZONING_VERTICES_MAX as u64),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into()
}

// What ingest lets in, noise can be added to: nothing fails by size after it was charged.
const _: () = assert!(cells::check::VALUE_MAX <= privacy::protect::COUNT_MAX);
const _: () = assert!(cells::check::CENTRED_MAX <= privacy::protect::CENTRED_MAX.unsigned_abs());
const _: () = assert!(CONNECTIONS_PER_ORG_MAX < CONNECTIONS_MAX);
const _: () = assert!(K_ONLY_ROWS_MAX <= CONTRIBUTION_ROWS_MAX);
const _: () = assert!(CALLS_MAX <= SEQUENCER_QUEUE);
const _: () = assert!(CALLS_PER_ORG_MAX < CALLS_MAX);
const _: () = assert!(JWKS_BACK_OFF.as_secs() < JWKS_EVERY.as_secs());
const _: () = assert!(JWKS_EVERY.as_secs() < JWKS_STALE_AFTER.as_secs());
const _: () = assert!(CONTRIBUTIONS_PER_ORG_MAX <= CONTRIBUTIONS_MAX);
const _: () = assert!(FETCHES_PER_ORG_MAX < FETCHES_MAX);
const _: () = assert!(WATCHES_MAX < CALLS_MAX && WATCHES_PER_ORG_MAX <= WATCHES_MAX);
const _: () =
    assert!(PUBLISH_TICK_MAX.as_secs() + 2 * QUORUM_WAIT.as_secs() < CALL_TIMEOUT.as_secs());
const _: () =
    assert!(PUBLISH_TICK_MAX.as_secs() * 3 / 2 + QUORUM_WAIT.as_secs() < CALL_TIMEOUT.as_secs());
const _: () = assert!(WITNESS_TIMEOUT.as_secs() < QUORUM_WAIT.as_secs());
const _: () = assert!(SEQUENCER_BATCH_MAX <= SEQUENCER_QUEUE);
const _: () = assert!(ZONING_BYTES_MAX < MESSAGE_BYTES_MAX);
// A file that many ask for is in memory once.
const _: () = assert!(OPEN_FILE_BYTES_MAX <= OPEN_BYTES_KEPT && OPEN_BYTES_KEPT < OPEN_BYTES_HELD);
const _: () = assert!(OPEN_BYTES_HELD <= u32::MAX as usize);
const _: () = assert!(WEB_ANSWER_BEGINS.as_secs() < WEB_CONNECTION_AGE_MAX.as_secs());
const _: () = assert!(CHUNK_BYTES < MESSAGE_BYTES_MAX);
const _: () = assert!(ORG_CALLS_PER_SECOND <= ORG_CALLS_BURST);
