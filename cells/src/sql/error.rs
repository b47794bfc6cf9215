//! Why a statement has no answer.

/// Why a statement has no answer. All but [`SqlError::Tables`] and [`SqlError::Engine`] are for who asked.
#[derive(Debug, Clone, thiserror::Error)]
pub enum SqlError {
    /// Too long.
    #[error("the statement is over {limit} bytes long")]
    Text {
        /// The limit.
        limit: usize,
    },
    /// No SQL, or it names what there is not.
    #[error("{message}")]
    Wrong {
        /// The engine's words: they say where.
        message: String,
    },
    /// It does something else than read, or something that has no bound.
    #[error("{what}: released tables can be read, and nothing else")]
    Refused {
        /// What it does.
        what: String,
    },
    /// Its tables are too large together.
    #[error(
        "the tables it names have over {limit} bytes together: name fewer, or fetch them with `weir release get`"
    )]
    Read {
        /// The limit.
        limit: usize,
    },
    /// Its operators need too much memory.
    #[error(
        "it needs more memory than a statement may have: filter or group before you join or sort"
    )]
    Memory,
    /// Its answer has too many rows.
    #[error("its answer has over {limit} rows: add a LIMIT, or group")]
    Rows {
        /// The limit.
        limit: u64,
    },
    /// Its answer has too many bytes.
    #[error("its answer has over {limit} bytes: add a LIMIT, group, or ask for fewer columns")]
    Bytes {
        /// The limit.
        limit: usize,
    },
    /// One row of its answer has too many bytes.
    #[error("a row of its answer has over {limit} bytes: ask for fewer columns")]
    Row {
        /// The limit.
        limit: usize,
    },
    /// A join or a window takes in too much.
    #[error("over {limit} rows go into a window or one side of a join: filter or group before it")]
    Held {
        /// The limit.
        limit: usize,
    },
    /// Its time was up.
    #[error("it took over {seconds} s: ask for less, or group before you join")]
    Time {
        /// The limit.
        seconds: u64,
    },
    /// A table could not be had. For the operator.
    #[error("a released table could not be read: {why}")]
    Tables {
        /// What went wrong.
        why: String,
    },
    /// The engine failed. For the operator.
    #[error("the statement could not be run: {why}")]
    Engine {
        /// What went wrong.
        why: String,
    },
}
