//! Who asks: an organisation in its role, and a user inside it who is known by a pseudonym.

use std::fmt;
use std::path::Path;

use aws_lc_rs::hmac;
use policies::id::{OrgId, Role};
use tonic::Status;
use zeroize::Zeroizing;

use super::layer::unauthenticated;

/// A verified pair of certificate and token. Only [`super::token::TokenVerifier`] makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    org: OrgId,
    role: Role,
    user: UserPseudonym,
}

impl Caller {
    pub(super) fn new(org: OrgId, role: Role, user: UserPseudonym) -> Self {
        Self { org, role, user }
    }

    /// The caller that [`super::layer::IdentityLayer`] put into a request.
    ///
    /// # Errors
    /// `UNAUTHENTICATED` when there is none, so that a method outside the layer stays closed.
    pub fn of<T>(request: &tonic::Request<T>) -> Result<&Self, Status> {
        request
            .extensions()
            .get::<Self>()
            .ok_or_else(unauthenticated)
    }

    /// The organisation.
    #[must_use]
    pub fn org(&self) -> &OrgId {
        &self.org
    }

    /// Its role, as the token's issuer states it.
    #[must_use]
    pub fn role(&self) -> Role {
        self.role
    }

    /// The user inside the organisation.
    #[must_use]
    pub fn user(&self) -> &UserPseudonym {
        &self.user
    }
}

/// 32 hexadecimal digits in place of a user's name. The same for one user of one organisation as
/// long as the [`PseudonymKey`] lives; without the key nobody can link it to the name.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct UserPseudonym(String);

impl UserPseudonym {
    /// The digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for UserPseudonym {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The broker's secret between users and their pseudonyms; deleting its file erases every link.
pub struct PseudonymKey(hmac::Key);

impl PseudonymKey {
    /// Takes 32 secret bytes.
    #[must_use]
    pub fn new(secret: &[u8; 32]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, secret))
    }

    /// Reads the key's file (32 bytes, mode 0600), or makes one with fresh randomness when there is
    /// none.
    ///
    /// # Errors
    /// [`certs::Error`]: the file has another length, can be read by everybody, or cannot be made.
    pub fn load_or_create(path: &Path) -> Result<Self, certs::Error> {
        if !path.exists() {
            let mut secret = Zeroizing::new([0; 32]);
            aws_lc_rs::rand::fill(secret.as_mut()).map_err(|_| certs::Error::Crypto {
                doing: "make a pseudonym key",
            })?;
            certs::write_secret(path, secret.as_ref(), false)?;
        }
        let bytes = certs::read_secret(path)?;
        let secret = bytes
            .as_slice()
            .try_into()
            .map_err(|_| certs::Error::Damaged {
                path: path.to_owned(),
                what: "a pseudonym key of 32 bytes",
            })?;
        Ok(Self::new(secret))
    }

    pub(super) fn pseudonym(&self, org: &OrgId, subject: &str) -> UserPseudonym {
        // No organisation's name holds a 0 byte, so no two pairs meet in one text.
        let mut context = hmac::Context::with_key(&self.0);
        context.update(org.as_str().as_bytes());
        context.update(&[0]);
        context.update(subject.as_bytes());
        let tag = context.sign();
        UserPseudonym(hex::encode(
            tag.as_ref().iter().take(16).copied().collect::<Vec<_>>(),
        ))
    }
}

impl fmt::Debug for PseudonymKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PseudonymKey(secret)")
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    #[test]
    fn a_pseudonym_is_stable_under_its_key_and_differs_by_organisation_and_key() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("pseudonym.key");
        let key = PseudonymKey::load_or_create(&path).unwrap();
        let again = PseudonymKey::load_or_create(&path).unwrap();
        let (a, b) = (OrgId::new("a").unwrap(), OrgId::new("b").unwrap());
        let user = key.pseudonym(&a, "jane");
        assert_eq!(user, again.pseudonym(&a, "jane"));
        assert_eq!(user.as_str().len(), 32);
        assert_ne!(user, key.pseudonym(&b, "jane"));
        assert_ne!(user, key.pseudonym(&a, "joan"));
        std::fs::remove_file(&path).unwrap();
        let other = PseudonymKey::load_or_create(&path).unwrap();
        assert_ne!(user, other.pseudonym(&a, "jane"));
        std::fs::write(&path, "short").unwrap();
        assert!(matches!(
            PseudonymKey::load_or_create(&path),
            Err(certs::Error::Damaged { .. })
        ));
    }
}
