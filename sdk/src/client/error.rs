//! What can go wrong at a client, each with what to do next.

use std::error::Error as _;
use std::path::PathBuf;

use policies::id::{AgreementId, ReleaseKey};
use proto::convert::ConvertError;
use tonic::{Code, Status};

use super::agreements::SignatureFault;
use super::config::{ConfigError, Endpoint};
use super::memory::MemoryError;
use super::proof::ReceiptFault;
use super::watch::LogFault;
use crate::sign::SignError;

/// Why a call did not do what was asked. No text holds a secret or a count.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The profile cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// One of the profile's files cannot be used.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// There is no connection.
    #[error("cannot connect to {endpoint}: {cause}; see that the broker runs there")]
    Connect {
        /// Where.
        endpoint: Endpoint,
        /// Every reason in the chain.
        cause: String,
    },
    /// The broker ended the TLS connection because of our certificate.
    #[error(
        "the broker at {endpoint} does not accept our certificate ({cause}): renew `{}`, or ask \
         the steward which CA it trusts",
        cert.display()
    )]
    CertificateRefused {
        /// Where.
        endpoint: Endpoint,
        /// The certificate's file.
        cert: PathBuf,
        /// The TLS alert.
        cause: String,
    },
    /// The broker said no, or the connection broke.
    #[error("cannot {doing}: {message}; {}", next(*code))]
    Status {
        /// What was asked.
        doing: &'static str,
        /// gRPC's code.
        code: Code,
        /// The broker's words, or every reason why there are none.
        message: String,
        /// The connection broke: nobody knows whether it was done.
        lost: bool,
    },
    /// The broker's answer is not what the contract says.
    #[error(
        "cannot {doing}: the broker's answer does not follow the contract: {source}; take the \
             `weir` of the broker's version"
    )]
    Answer {
        /// What was asked.
        doing: &'static str,
        /// The field and what is wrong with it.
        source: ConvertError,
    },
    /// The answer is about something else than was asked.
    #[error("cannot {doing}: the broker's answer has {what}; tell the steward and an auditor")]
    Mismatch {
        /// What was asked.
        doing: &'static str,
        /// What it has.
        what: &'static str,
    },
    /// The answer's receipt does not show that the log holds what was asked.
    #[error(
        "cannot {doing}: the broker's answer is refused: {fault}; tell the steward and an \
             auditor"
    )]
    Receipt {
        /// What was asked.
        doing: &'static str,
        /// What does not hold.
        fault: ReceiptFault,
    },
    /// The log contradicts what we have seen of it.
    #[error(
        "cannot {doing}: {fault}; stop, and show both checkpoints to an auditor{}",
        at(evidence)
    )]
    Log {
        /// What was asked.
        doing: &'static str,
        /// The contradiction.
        fault: LogFault,
        /// Where both checkpoints are kept, as one file.
        evidence: Option<PathBuf>,
    },
    /// An agreement's signatures do not make it one.
    #[error("agreement `{agreement}` is not signed as it says: {fault}; do not act on it")]
    Signatures {
        /// Which.
        agreement: AgreementId,
        /// What does not hold.
        fault: SignatureFault,
    },
    /// The last checkpoint seen cannot be read or kept.
    #[error(transparent)]
    Memory(#[from] MemoryError),
    /// A signature cannot be made.
    #[error(transparent)]
    Sign(#[from] SignError),
    /// What was to be sent is wrong; nothing was sent.
    #[error("cannot {doing}: {why}; nothing was sent")]
    Own {
        /// What was asked.
        doing: &'static str,
        /// What is wrong.
        why: String,
    },
    /// The released table is not what the log committed to, or cannot be read.
    #[error("release `{release}` cannot be used: {why}; tell the steward and an auditor")]
    Table {
        /// Which.
        release: ReleaseKey,
        /// What is wrong.
        why: String,
    },
}

/// Why our own certificate, key or token cannot be used.
#[derive(Debug, Clone, thiserror::Error)]
pub enum IdentityError {
    /// Not the PEM that was expected.
    #[error("cannot read {what} from `{}`: {cause}; it should be PEM", path.display())]
    Pem {
        /// What was expected.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// The reader's reason.
        cause: String,
    },
    /// The private key or the token cannot be read, or everybody can read it.
    #[error("{cause}")]
    Secret {
        /// Which file, why, and what to do.
        cause: String,
    },
    /// The token's file holds something else.
    #[error("`{}` holds no token: one line of visible ASCII is wanted", path.display())]
    Token {
        /// The file.
        path: PathBuf,
    },
    /// Key and certificate do not fit together.
    #[error(
        "`{}` does not fit the certificate in `{}`: {cause}; give one pair",
        key.display(),
        cert.display()
    )]
    Pair {
        /// The certificate's file.
        cert: PathBuf,
        /// The key's file.
        key: PathBuf,
        /// The TLS library's reason.
        cause: String,
    },
    /// The endpoint's host cannot stand in a certificate.
    #[error("`{host}` is not a name that a certificate can carry: use a DNS name or an address")]
    Host {
        /// The host.
        host: String,
    },
    /// The TLS library refused.
    #[error("the TLS library refused: {cause}")]
    Tls {
        /// Its reason.
        cause: String,
    },
}

impl ClientError {
    /// May the same call, with the same ids, be made again in the hope of another answer?
    #[must_use]
    pub fn retryable(&self) -> bool {
        match self {
            Self::Connect { .. } => true,
            Self::Status {
                code,
                message,
                lost,
                ..
            } => match code {
                Code::Unavailable => true,
                // The broker uses one code for "busy" and for "over the limit".
                Code::ResourceExhausted => !message.contains("over the limit"),
                Code::Unknown | Code::Cancelled | Code::Internal | Code::DeadlineExceeded => *lost,
                _ => false,
            },
            Self::Config(_)
            | Self::Identity(_)
            | Self::CertificateRefused { .. }
            | Self::Answer { .. }
            | Self::Mismatch { .. }
            | Self::Receipt { .. }
            | Self::Log { .. }
            | Self::Signatures { .. }
            | Self::Memory(_)
            | Self::Sign(_)
            | Self::Own { .. }
            | Self::Table { .. } => false,
        }
    }

    /// A stable word for scripts: gRPC's where the broker spoke, ours otherwise.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Config(_) => "config",
            Self::Identity(_) => "identity",
            Self::Connect { .. } => "connect",
            Self::CertificateRefused { .. } => "certificate_refused",
            Self::Status { code, .. } => word(*code),
            Self::Answer { .. } => "answer",
            Self::Mismatch { .. } => "mismatch",
            Self::Receipt { .. } => "receipt",
            Self::Log { .. } => "log",
            Self::Signatures { .. } => "signatures",
            Self::Memory(_) => "memory",
            Self::Sign(_) => "sign",
            Self::Own { .. } => "own",
            Self::Table { .. } => "table",
        }
    }

    /// What the broker, or the library that lost it, said to a call.
    pub(super) fn status(doing: &'static str, status: &Status) -> Self {
        let lost = status.source().is_some();
        let message = match status.source() {
            // tonic's own words for a broken connection say less than its reasons.
            Some(source) => chain(source),
            None => status.message().to_owned(),
        };
        Self::Status {
            doing,
            code: status.code(),
            message,
            lost,
        }
    }
}

/// All texts along an error's sources, each once.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut texts: Vec<String> = vec![error.to_string()];
    let mut next = error.source();
    while let Some(source) = next {
        let text = source.to_string();
        if !texts.iter().any(|said| said.contains(&text)) {
            texts.push(text);
        }
        next = source.source();
    }
    texts.join(": ")
}

fn next(code: Code) -> &'static str {
    match code {
        Code::Ok => "that is a fault of the library",
        Code::InvalidArgument | Code::OutOfRange => "change what the message names",
        Code::Unauthenticated => {
            "get a new token, and see that it was made for the certificate beside it"
        }
        Code::PermissionDenied => {
            "ask the steward whether your organisation is admitted, and in which role"
        }
        Code::NotFound => "see that the id is right, and that it concerns your organisation",
        Code::AlreadyExists => "use a new id for new content",
        Code::FailedPrecondition | Code::Aborted => "change what the message names, then repeat",
        Code::ResourceExhausted => "repeat it later, or send less at once",
        Code::Unavailable | Code::DeadlineExceeded | Code::Cancelled | Code::Unknown => {
            "repeat it with the same id"
        }
        Code::Unimplemented => "take the `weir` of the broker's version",
        Code::Internal | Code::DataLoss => "tell the steward: the broker's own log says more",
    }
}

fn word(code: Code) -> &'static str {
    match code {
        Code::Ok => "ok",
        Code::Cancelled => "cancelled",
        Code::Unknown => "unknown",
        Code::InvalidArgument => "invalid_argument",
        Code::DeadlineExceeded => "deadline_exceeded",
        Code::NotFound => "not_found",
        Code::AlreadyExists => "already_exists",
        Code::PermissionDenied => "permission_denied",
        Code::ResourceExhausted => "resource_exhausted",
        Code::FailedPrecondition => "failed_precondition",
        Code::Aborted => "aborted",
        Code::OutOfRange => "out_of_range",
        Code::Unimplemented => "unimplemented",
        Code::Internal => "internal",
        Code::Unavailable => "unavailable",
        Code::DataLoss => "data_loss",
        Code::Unauthenticated => "unauthenticated",
    }
}

fn at(evidence: &Option<PathBuf>) -> String {
    evidence.as_ref().map_or_else(String::new, |path| {
        format!(
            " (both are in `{}`: `weir audit evidence` says what they prove)",
            path.display()
        )
    })
}
