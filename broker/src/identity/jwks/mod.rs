//! The token issuer's key set (RFC 7517): fetched from one pinned place, never from where a token says.

mod fetch;
mod parse;
mod refresh;

pub use fetch::Source;
pub use parse::parse;
pub use refresh::{KeySet, keep};

/// Why there is no new key set; the one before stays, until it is stale.
#[derive(Debug, thiserror::Error)]
pub enum JwksError {
    /// The address is not one to pin. It is not told: a password may stand in it.
    #[error("it is no `https://host[:port]/path`, without a user and password")]
    Url,
    /// The pinned CA cannot be read.
    #[error("cannot read the CA of the key set from `{}`: {cause}", path.display())]
    Ca {
        /// The file.
        path: std::path::PathBuf,
        /// Why.
        cause: String,
    },
    /// Nobody there, not the pinned one, or no answer to use.
    #[error("cannot fetch `{url}`: {cause}")]
    Fetch {
        /// From where.
        url: String,
        /// Why.
        cause: String,
    },
    /// What was fetched is not a set of public keys that verify ES256.
    #[error("the key set is refused: {why}")]
    Set {
        /// What is wrong.
        why: String,
    },
}
