//! The development PKI behind `weir pki`, and the names that certificates carry.
//!
//! One directory holds a development CA, the broker's and the organisations' certificates (one
//! SPIFFE URI each), the signing keys and the token issuer. Every CA minted here says that it is
//! not for production ([`DEVELOPMENT_ORGANISATION`]), and a broker in production refuses it.

mod error;
mod files;
mod key;
mod layout;
mod mint;
mod options;
mod pem;
mod pki;
mod revoke;
mod spiffe;
mod token;

pub use error::Error;
pub use files::{read_secret, write_secret};
pub use key::{Ed25519Seed, Es256Key, fingerprint};
pub use layout::{BrokerFiles, OrgFiles};
pub use mint::{DEVELOPMENT_ORGANISATION, is_development};
pub use options::{Options, ROLES};
pub use pem::is_development_key;
pub use pki::DevPki;
pub use spiffe::{SpiffeError, SpiffeId, TrustDomain};
