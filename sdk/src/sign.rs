//! Signatures of an organisation: agreements, and the proof that it holds its key.

use std::fmt;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use policies::id::{OrgId, Role};
use policies::sign::{
    PartySignature, PublicKey, SignError as VerifyError, Signs, possession_payload,
    protected_header, rotation_payload, signing_input, verify,
};
use proto::convert::{Admission as WireAdmission, Organisation, Rotation};
use serde::{Deserialize, Serialize};

pub mod key;
#[cfg(feature = "pkcs11")]
pub mod pkcs11;

use key::{FileKey, SigningKey};

/// What an organisation signs with; `Debug` shows the key's fingerprint only.
pub struct Signer(Box<dyn SigningKey>);

/// Why there is no key or no signature.
#[derive(Debug, thiserror::Error)]
pub enum SignError {
    /// The key's file cannot be used.
    #[error(transparent)]
    File(#[from] certs::Error),
    /// The key is not one for signatures of organisations.
    #[error("`{path}` holds no P-256 key: give the `signing.key` that `weir pki` wrote")]
    Key {
        /// The file.
        path: std::path::PathBuf,
    },
    /// The key is in a PKCS#11 module, and cannot be used.
    #[error("the key in the PKCS#11 module cannot be used: {why}")]
    Module {
        /// What is wrong.
        why: String,
    },
    /// The library gave up.
    #[error("the cryptographic library could not sign: nothing was sent")]
    Failed,
    /// What was signed does not verify.
    #[error(transparent)]
    Verify(#[from] VerifyError),
}

/// What an organisation hands to the steward, as JSON: who it is, and the proof that it holds its
/// key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Admission {
    /// Its name.
    pub org: OrgId,
    /// Its one role.
    pub role: Role,
    /// Its SPIFFE id: its certificate's.
    pub spiffe: String,
    /// The key it will sign with.
    pub key: PublicKey,
    /// Over [`possession_payload`], with that key.
    pub possession: PartySignature,
}

impl Signer {
    /// Takes the key that a profile names: a `pkcs11:` URI, or else a file.
    ///
    /// # Errors
    /// [`SignError`] names what cannot be used.
    pub fn open(place: &Path) -> Result<Self, SignError> {
        match place.to_str().filter(|text| text.starts_with("pkcs11:")) {
            None => Self::from_pem_file(place),
            #[cfg(feature = "pkcs11")]
            Some(uri) => Ok(Self(Box::new(pkcs11::Pkcs11Key::open(uri)?))),
            #[cfg(not(feature = "pkcs11"))]
            Some(_) => Err(SignError::Module {
                why: "this program was built without it: cargo build --features pkcs11".to_owned(),
            }),
        }
    }

    /// Reads a PKCS#8 PEM file that only its owner can read.
    ///
    /// # Errors
    /// [`SignError::File`] or [`SignError::Key`]; both name the file.
    pub fn from_pem_file(path: &Path) -> Result<Self, SignError> {
        Ok(Self(Box::new(FileKey::read(path)?)))
    }

    /// The public half: what the steward admits and the other parties confirm.
    #[must_use]
    pub fn public_key(&self) -> &PublicKey {
        self.0.public_key()
    }

    /// Signs `payload` for one purpose; `iat` is the time that the signature states.
    ///
    /// # Errors
    /// [`SignError::Failed`] where the library gives up; nothing was signed then.
    pub fn sign(
        &self,
        signs: Signs,
        payload: &[u8],
        iat: Timestamp,
    ) -> Result<PartySignature, SignError> {
        let protected = protected_header(signs, self.0.key_id(), iat.as_second())?;
        let signature = self.0.sign(&signing_input(&protected, payload))?;
        Ok(PartySignature {
            protected,
            signature: URL_SAFE_NO_PAD.encode(signature),
        })
    }

    /// What the steward needs to admit the organisation that holds this key.
    ///
    /// # Errors
    /// As [`Self::sign`].
    pub fn admission(
        &self,
        org: OrgId,
        role: Role,
        spiffe: String,
        iat: Timestamp,
    ) -> Result<Admission, SignError> {
        let claim = possession_payload(&org, role, &spiffe, self.0.key_id());
        let possession = self.sign(Signs::KeyPossession, &claim, iat)?;
        Ok(Admission {
            org,
            role,
            spiffe,
            key: self.public_key().clone(),
            possession,
        })
    }

    /// The change from this key to `next`, signed by both.
    ///
    /// # Errors
    /// As [`Self::sign`].
    pub fn rotation(
        &self,
        org: &OrgId,
        next: &Self,
        iat: Timestamp,
    ) -> Result<Rotation, SignError> {
        let (from, to) = (self.0.key_id(), next.0.key_id());
        let claim = rotation_payload(org, from, to);
        Ok(Rotation {
            key: next.public_key().clone(),
            by_old: self.sign(Signs::KeyRotation, &claim, iat)?,
            by_new: next.sign(Signs::KeyRotation, &claim, iat)?,
        })
    }
}

impl Admission {
    /// Does the possession proof hold? A steward asks this before admitting, the broker again.
    ///
    /// # Errors
    /// [`SignError::Verify`] where it does not.
    pub fn verify(&self) -> Result<(), SignError> {
        let Self {
            org,
            role,
            spiffe,
            key,
            possession,
        } = self;
        let claim = possession_payload(org, *role, spiffe, key.fingerprint());
        Ok(verify(Signs::KeyPossession, key, &claim, possession)?)
    }
}

impl From<Admission> for WireAdmission {
    fn from(admission: Admission) -> Self {
        let Admission {
            org,
            role,
            spiffe,
            key,
            possession,
        } = admission;
        let organisation = Organisation {
            org,
            role,
            spiffe,
            key,
            former: Vec::new(),
        };
        Self {
            organisation,
            possession,
        }
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signer({})", self.0.key_id())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    fn signer(folder: &Path) -> Signer {
        let path = folder.join("signing.key");
        let key = certs::Es256Key::generate().unwrap();
        certs::write_secret(&path, key.to_pem().as_bytes(), false).unwrap();
        let signer = Signer::from_pem_file(&path).unwrap();
        let fingerprint = key.fingerprint();
        assert_eq!(signer.public_key().fingerprint().as_str(), fingerprint);
        assert_eq!(format!("{signer:?}"), format!("Signer({fingerprint})"));
        signer
    }

    fn at() -> Timestamp {
        "2026-11-24T08:00:00Z".parse().unwrap()
    }

    #[test]
    fn a_signature_holds_for_its_bytes_and_purpose_only() {
        let folder = tempfile::tempdir().unwrap();
        let signer = signer(folder.path());
        let key = signer.public_key();
        let signature = signer.sign(Signs::Agreement, b"terms", at()).unwrap();
        verify(Signs::Agreement, key, b"terms", &signature).unwrap();
        verify(Signs::Agreement, key, b"terns", &signature).unwrap_err();
        verify(Signs::KeyPossession, key, b"terms", &signature).unwrap_err();
    }

    #[test]
    fn an_admission_proves_possession_of_exactly_what_it_says() {
        let folder = tempfile::tempdir().unwrap();
        let signer = signer(folder.path());
        let org: OrgId = "city-bikes".parse().unwrap();
        let spiffe = "spiffe://weir.test/org/city-bikes".to_owned();
        let admission = signer.admission(org, Role::Provider, spiffe, at()).unwrap();
        admission.verify().unwrap();

        let json = serde_json::to_string(&admission).unwrap();
        assert_eq!(serde_json::from_str::<Admission>(&json).unwrap(), admission);
        let other = Admission {
            role: Role::Steward,
            ..admission
        };
        assert!(matches!(other.verify(), Err(SignError::Verify(_))));
    }

    #[test]
    fn a_key_that_everybody_can_read_is_refused_by_name() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        drop(signer(folder.path()));
        let path = folder.path().join("signing.key");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        let refused = Signer::from_pem_file(&path).unwrap_err().to_string();
        assert!(refused.contains("signing.key") && refused.contains("chmod 600"));
    }
}
