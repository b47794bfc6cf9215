//! Who asks: an organisation in its role, and a user inside it who is known by a pseudonym.

use std::fmt;
use std::path::Path;

use aws_lc_rs::hmac;
use policies::id::{OrgId, Pseudonym, Role};
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

/// A pseudonym in place of a user's name. The same for one user of one organisation as long as the
/// [`PseudonymKey`] lives; without the key nobody can link it to the name.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct UserPseudonym {
    pseudonym: Pseudonym,
    secret: Pseudonym,
}

impl UserPseudonym {
    /// The user.
    #[must_use]
    pub fn pseudonym(&self) -> &Pseudonym {
        &self.pseudonym
    }

    /// Which [`PseudonymKey`] it is under: pseudonyms of two keys cannot be compared.
    #[must_use]
    pub fn secret(&self) -> &Pseudonym {
        &self.secret
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

    /// `None` never in practice: the tag has digits enough.
    pub(super) fn pseudonym(&self, org: &OrgId, subject: &str) -> Option<UserPseudonym> {
        // No organisation's name is empty or holds a 0 byte, so no two of these meet in one text.
        Some(UserPseudonym {
            pseudonym: self.tag(&[org.as_str().as_bytes(), &[0], subject.as_bytes()])?,
            secret: self.tag(&[&[0]])?,
        })
    }

    fn tag(&self, parts: &[&[u8]]) -> Option<Pseudonym> {
        let mut context = hmac::Context::with_key(&self.0);
        for part in parts {
            context.update(part);
        }
        let tag = hex::encode(context.sign());
        Pseudonym::new(tag.get(..32)?).ok()
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
        let pseudonym = |user: &Option<UserPseudonym>| user.clone().unwrap().pseudonym;
        let secret = |user: &Option<UserPseudonym>| user.clone().unwrap().secret;
        for other in [key.pseudonym(&b, "jane"), key.pseudonym(&a, "joan")] {
            assert_ne!(pseudonym(&user), pseudonym(&other));
            assert_eq!(secret(&user), secret(&other));
        }
        std::fs::remove_file(&path).unwrap();
        let other = PseudonymKey::load_or_create(&path).unwrap();
        let anew = other.pseudonym(&a, "jane");
        assert_ne!(pseudonym(&user), pseudonym(&anew));
        assert_ne!(secret(&user), secret(&anew));
        std::fs::write(&path, "short").unwrap();
        assert!(matches!(
            PseudonymKey::load_or_create(&path),
            Err(certs::Error::Damaged { .. })
        ));
    }
}
