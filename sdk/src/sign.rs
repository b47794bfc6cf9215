//! Signatures of an organisation: agreements, and the proof that it holds its key.

use std::fmt;
use std::path::Path;

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use policies::id::{OrgId, Role};
use policies::sign::{
    PartySignature, PublicKey, SignError as VerifyError, Signs, possession_payload,
    protected_header, signing_input, verify,
};
use proto::convert::{Admission as WireAdmission, Organisation};
use serde::{Deserialize, Serialize};

/// An organisation's signing key (ES256).
///
/// AWS-LC wipes the key when this is dropped, the file's bytes are wiped after reading; `Debug`
/// shows the fingerprint only.
pub struct Signer {
    pair: EcdsaKeyPair,
    public: PublicKey,
}

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
    /// Reads a PKCS#8 PEM file that only its owner can read.
    ///
    /// # Errors
    /// [`SignError::File`] or [`SignError::Key`]; both name the file.
    pub fn from_pem_file(path: &Path) -> Result<Self, SignError> {
        let key = certs::Es256Key::read(path)?;
        Self::from_pkcs8(key.pkcs8_der()).ok_or_else(|| SignError::Key {
            path: path.to_owned(),
        })
    }

    /// The public half: what the steward admits and the other parties confirm.
    #[must_use]
    pub fn public_key(&self) -> &PublicKey {
        &self.public
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
        let protected = protected_header(signs, self.public.fingerprint(), iat.as_second())?;
        let message = signing_input(&protected, payload);
        let signature = self.pair.sign(&SystemRandom::new(), &message);
        let signature = signature.map_err(|_| SignError::Failed)?;
        Ok(PartySignature {
            protected,
            signature: URL_SAFE_NO_PAD.encode(signature.as_ref()),
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
        let claim = possession_payload(&org, role, &spiffe, self.public.fingerprint());
        let possession = self.sign(Signs::KeyPossession, &claim, iat)?;
        Ok(Admission {
            org,
            role,
            spiffe,
            key: self.public.clone(),
            possession,
        })
    }

    fn from_pkcs8(der: &[u8]) -> Option<Self> {
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der).ok()?;
        let spki = pair.public_key().as_der().ok()?;
        let public = PublicKey::from_spki(spki.as_ref()).ok()?;
        Some(Self { pair, public })
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
        };
        Self {
            organisation,
            possession,
        }
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Signer({})", self.public.fingerprint())
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
