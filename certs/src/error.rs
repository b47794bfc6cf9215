//! What can go wrong while keys and certificates are made or read. No message holds key material.

use std::path::PathBuf;

use crate::spiffe::SpiffeError;

/// Why the development PKI could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A trust domain or an organisation's name has another form.
    #[error(transparent)]
    Spiffe(#[from] SpiffeError),
    /// A role outside [`crate::ROLES`].
    #[error("`{given}` is not a role: use provider, planner, auditor or steward")]
    Role {
        /// What was given.
        given: String,
    },
    /// A user's name that may not stand in a token.
    #[error("`{given}` is not a user name: use 1 to 64 of a-z, 0-9, `-`, `_` and `.`")]
    User {
        /// What was given.
        given: String,
    },
    /// A validity of nothing, or one that no development key should have.
    #[error("a validity of {seconds} s is out of range: use 1 minute to {days_max} days")]
    Validity {
        /// What was given, in seconds.
        seconds: u64,
        /// The longest allowed, in days.
        days_max: u64,
    },
    /// The directory was never a PKI, or lost its CA.
    #[error("`{dir}` holds no development PKI (`{missing}` is missing): make one with `weir pki`")]
    NoPki {
        /// The directory.
        dir: PathBuf,
        /// The first file that is missing.
        missing: &'static str,
    },
    /// A file is in the way and replacing was not asked for; nothing was changed.
    #[error("`{path}` exists already and was kept: ask for overwriting to replace it")]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// A file does not hold what its name promises.
    #[error("`{path}` does not hold {what}: restore it, or mint the directory anew")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What should be there.
        what: &'static str,
    },
    /// A text is not the PEM that was expected.
    #[error("the text is not {what} in PEM form")]
    Pem {
        /// What was expected.
        what: &'static str,
    },
    /// A file of secrets can be read by every user of the machine.
    #[error("`{path}` can be read by every user of this machine: run `chmod 600` on it")]
    Exposed {
        /// The file.
        path: PathBuf,
    },
    /// The operating system refused.
    #[error("cannot {doing} `{path}`: {source}")]
    Io {
        /// The verb.
        doing: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// Its reason.
        source: std::io::Error,
    },
    /// A library of cryptography refused.
    #[error("cannot {doing}: the cryptographic library refused")]
    Crypto {
        /// The verb and its object.
        doing: &'static str,
    },
    /// The machine's clock stands before 1970 or after all certificates.
    #[error("the clock of this machine is out of range: set it")]
    Clock,
}
