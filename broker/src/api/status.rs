//! Errors as gRPC statuses: one total mapping, the public text only.

use tonic::{Code, Status};

use crate::error::Error;

impl From<Error> for Status {
    fn from(error: Error) -> Self {
        let code = match &error {
            Error::Invalid { .. } => Code::InvalidArgument,
            Error::NotFound { .. } => Code::NotFound,
            Error::AlreadyExists { .. } => Code::AlreadyExists,
            Error::Precondition { .. } => Code::FailedPrecondition,
            Error::Denied => Code::PermissionDenied,
            Error::TooLarge { .. } | Error::Exhausted { .. } | Error::Busy => {
                Code::ResourceExhausted
            }
            Error::Unavailable { .. } | Error::Untimed { .. } => Code::Unavailable,
            Error::Internal { .. } => Code::Internal,
        };
        match &error {
            // ERROR means that a person has to look.
            Error::Internal { cause } => tracing::error!(%cause, "internal error"),
            Error::Unavailable { cause } | Error::Untimed { cause } => {
                tracing::warn!(%cause, "unavailable");
            }
            _ => tracing::debug!(code = error.code(), "refused"),
        }
        Self::new(code, error.to_string())
    }
}
