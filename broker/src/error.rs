//! What went wrong, in two texts: one for the caller, which says little, and the cause for the operator.

use policies::decide::DecideError;
use policies::state::ApplyError;

/// A failure of a use case. `Display` is what a caller may read; the cause has no way into it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The request itself is wrong.
    #[error("{field}: {message}")]
    Invalid {
        /// Path of the field.
        field: String,
        /// What is wrong with it and what is allowed.
        message: String,
    },
    /// The thing does not exist, or not for this caller: the two look alike.
    #[error("no such {what}")]
    NotFound {
        /// What kind of thing.
        what: &'static str,
    },
    /// The id has been used for something else.
    #[error("the {what} `{id}` exists already, with other content: use a new id")]
    AlreadyExists {
        /// What kind of thing.
        what: &'static str,
        /// Its id.
        id: String,
    },
    /// It cannot be done in the present state.
    #[error("{message}")]
    Precondition {
        /// Why not, and what to do.
        message: String,
    },
    /// The caller's role or organisation may not do this.
    #[error("not allowed for your role")]
    Denied,
    /// A bound was reached.
    #[error("{what} is over the limit of {limit}")]
    TooLarge {
        /// What is too large.
        what: &'static str,
        /// The limit.
        limit: u64,
    },
    /// It takes more time, memory or rows than one may.
    #[error("{message}")]
    Exhausted {
        /// What is over which limit, and what to do.
        message: String,
    },
    /// Too much at once.
    #[error("busy: try again later")]
    Busy,
    /// The log cannot be written, so nothing happens.
    #[error("unavailable: nothing has changed, try again later")]
    Unavailable {
        /// For the operator.
        cause: String,
    },
    /// Nothing is decided, for the time of this machine's clock is not known to be right: nothing was written.
    #[error("unavailable: nothing has changed, try again later")]
    Untimed {
        /// For the operator.
        cause: String,
    },
    /// A fault in the broker or its state directory.
    #[error("internal error: the operator's log tells more")]
    Internal {
        /// For the operator.
        cause: String,
    },
}

impl Error {
    /// A stable word for metrics and logs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Invalid { .. } => "invalid",
            Self::NotFound { .. } => "not_found",
            Self::AlreadyExists { .. } => "already_exists",
            Self::Precondition { .. } => "precondition",
            Self::Denied => "denied",
            Self::TooLarge { .. } => "too_large",
            Self::Exhausted { .. } => "exhausted",
            Self::Busy => "busy",
            Self::Unavailable { .. } | Self::Untimed { .. } => "unavailable",
            Self::Internal { .. } => "internal",
        }
    }

    /// What only the operator may read.
    #[must_use]
    pub fn cause(&self) -> Option<&str> {
        match self {
            Self::Unavailable { cause } | Self::Untimed { cause } | Self::Internal { cause } => {
                Some(cause)
            }
            _ => None,
        }
    }

    /// A fault whose cause only the operator reads, on one line: it may hold what somebody sent, which MUST NOT begin
    /// a line of the operator's log.
    #[must_use]
    pub fn internal(cause: impl std::fmt::Display) -> Self {
        let mut line = String::new();
        for character in cause.to_string().chars() {
            match character.is_control() {
                true => line.extend(character.escape_default()),
                false => line.push(character),
            }
        }
        Self::Internal { cause: line }
    }

    /// A wrong field.
    #[must_use]
    pub fn invalid(field: impl Into<String>, message: impl std::fmt::Display) -> Self {
        Self::Invalid {
            field: field.into(),
            message: message.to_string(),
        }
    }
}

/// An entry that the reducer refuses is a wish that came too late or broke a rule no check named.
impl From<ApplyError> for Error {
    fn from(error: ApplyError) -> Self {
        Self::Precondition {
            message: error.to_string(),
        }
    }
}

impl From<DecideError> for Error {
    fn from(error: DecideError) -> Self {
        match error {
            DecideError::NotFound { .. } => Self::NotFound { what: "agreement" },
            DecideError::RequestIdReused { id } => Self::AlreadyExists {
                what: "request",
                id: id.to_string(),
            },
            DecideError::Form => Self::internal(error),
        }
    }
}
