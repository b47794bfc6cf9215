//! A signing key in an HSM, used through its PKCS#11 module.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use aws_lc_rs::digest::{SHA256, digest};
use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::error::{Error, RvError};
use cryptoki::mechanism::Mechanism;
use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::{Session, UserType};
use cryptoki::types::AuthPin;
use policies::sign::PublicKey;

use super::SignError;
use super::key::{Alg, SigningKey};

/// DER of the octet string that holds an uncompressed P-256 point.
const POINT_HEAD: [u8; 2] = [0x04, 0x41];

/// A P-256 key pair in a token; its private half never leaves the module.
pub struct Pkcs11Key {
    /// One call at a time: a session is not for two threads.
    session: Mutex<Session>,
    private: ObjectHandle,
    public: PublicKey,
}

/// Where it is, from a `pkcs11:` URI (RFC 7512).
#[derive(Debug, Clone, PartialEq, Eq)]
struct Place {
    module: PathBuf,
    token: String,
    object: String,
    pin: PathBuf,
}

impl Pkcs11Key {
    /// Opens `pkcs11:token=LABEL;object=LABEL?module-path=FILE&pin-source=FILE`. The PIN stands in a
    /// file that only its owner can read.
    ///
    /// # Errors
    /// [`SignError::Module`] says which part is missing or what the module answered.
    pub fn open(uri: &str) -> Result<Self, SignError> {
        let place = Place::parse(uri)?;
        let pin = certs::read_secret(&place.pin)?;
        let pin = std::str::from_utf8(&pin).map_err(|_| module("the PIN is not UTF-8"))?;
        let session = place.session(&AuthPin::new(pin.trim_end().into()))?;
        let private = place.find(&session, ObjectClass::PRIVATE_KEY)?;
        let public = place.find(&session, ObjectClass::PUBLIC_KEY)?;
        let public = public_key(&session, public)?;
        Ok(Self {
            session: Mutex::new(session),
            private,
            public,
        })
    }
}

impl SigningKey for Pkcs11Key {
    fn public_key(&self) -> &PublicKey {
        &self.public
    }

    fn alg(&self) -> Alg {
        Alg::Es256
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
        // Hashed here: not every module knows ECDSA together with SHA-256.
        let hash = digest(&SHA256, message);
        let session = self.session.lock().unwrap_or_else(PoisonError::into_inner);
        session
            .sign(&Mechanism::Ecdsa, self.private, hash.as_ref())
            .map_err(answered)
    }
}

impl Place {
    fn parse(uri: &str) -> Result<Self, SignError> {
        let rest = uri.strip_prefix("pkcs11:").unwrap_or(uri);
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        let pairs: Vec<(&str, &str)> = path
            .split(';')
            .chain(query.split('&'))
            .filter_map(|pair| pair.split_once('='))
            .collect();
        let get = |name: &str| match pairs.iter().find(|(key, _)| *key == name) {
            Some((_, value)) if !value.contains('%') => Ok(*value),
            Some(_) => Err(module(format_args!(
                "`{name}` has to stand there without `%`"
            ))),
            None => Err(module(format_args!(
                "`{name}=` is missing in the pkcs11 URI"
            ))),
        };
        Ok(Self {
            module: get("module-path")?.into(),
            token: get("token")?.to_owned(),
            object: get("object")?.to_owned(),
            pin: get("pin-source")?.into(),
        })
    }

    fn session(&self, pin: &AuthPin) -> Result<Session, SignError> {
        let context = load(&self.module)?;
        let named = |slot: &cryptoki::slot::Slot| {
            context
                .get_token_info(*slot)
                .is_ok_and(|info| info.label() == self.token)
        };
        let slots = context.get_slots_with_initialized_token();
        let slot = slots.map_err(answered)?.into_iter().find(named);
        let slot = slot.ok_or_else(|| module(format_args!("no token `{}`", self.token)))?;
        let session = context.open_ro_session(slot).map_err(answered)?;
        match session.login(UserType::User, Some(pin)) {
            Ok(()) | Err(Error::Pkcs11(RvError::UserAlreadyLoggedIn, _)) => Ok(session),
            Err(error) => Err(answered(error)),
        }
    }

    fn find(&self, session: &Session, class: ObjectClass) -> Result<ObjectHandle, SignError> {
        let template = [
            Attribute::Class(class),
            Attribute::KeyType(KeyType::EC),
            Attribute::Label(self.object.clone().into_bytes()),
        ];
        let found = session.find_objects(&template).map_err(answered)?;
        match found.as_slice() {
            [one] => Ok(*one),
            other => Err(module(format_args!(
                "token `{}` has {} EC keys `{}` of class {class:?}: it has to be one",
                self.token,
                other.len(),
                self.object
            ))),
        }
    }
}

fn load(path: &Path) -> Result<Pkcs11, SignError> {
    let context = Pkcs11::new(path).map_err(answered)?;
    match context.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)) {
        Ok(()) | Err(Error::Pkcs11(RvError::CryptokiAlreadyInitialized, _)) => Ok(context),
        Err(error) => Err(answered(error)),
    }
}

fn public_key(session: &Session, object: ObjectHandle) -> Result<PublicKey, SignError> {
    let attributes = session.get_attributes(object, &[AttributeType::EcPoint]);
    let point = attributes
        .map_err(answered)?
        .into_iter()
        .find_map(|a| match a {
            Attribute::EcPoint(der) => der.strip_prefix(&POINT_HEAD).map(<[u8]>::to_vec),
            _ => None,
        });
    let point = point.ok_or_else(|| module("the key is not on P-256"))?;
    Ok(PublicKey::from_point(&point)?)
}

fn module(why: impl std::fmt::Display) -> SignError {
    SignError::Module {
        why: why.to_string(),
    }
}

fn answered(error: Error) -> SignError {
    module(format_args!("the module answered: {error}"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    #[test]
    fn a_uri_names_module_token_key_and_pin() {
        let uri = "pkcs11:token=weir;object=bikes?module-path=/lib/p11.so&pin-source=/etc/pin";
        let place = Place::parse(uri).unwrap();
        assert_eq!(
            (place.token.as_str(), place.object.as_str()),
            ("weir", "bikes")
        );
        assert_eq!(place.module, Path::new("/lib/p11.so"));
        for missing in [
            "token=weir;",
            "object=bikes",
            "module-path=/lib/p11.so&",
            "pin-source=/etc/pin",
        ] {
            let refused = Place::parse(&uri.replace(missing, ""))
                .unwrap_err()
                .to_string();
            let name = missing.split('=').next().unwrap();
            assert!(refused.contains(name), "{refused}");
        }
        assert!(Place::parse(&uri.replace("bikes", "b%20s")).is_err());
    }
}
