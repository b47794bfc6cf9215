//! A key in a PKCS#11 token signs like one in a file: with SoftHSM, where Debian's `softhsm2` is there.
#![cfg(feature = "pkcs11")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

use std::path::Path;
use std::process::Command;

use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::mechanism::Mechanism;
use cryptoki::object::Attribute;
use cryptoki::session::UserType;
use cryptoki::types::AuthPin;
use policies::sign::{Signs, verify};
use sdk::sign::key::{Alg, SigningKey};
use sdk::sign::pkcs11::Pkcs11Key;
use sdk::sign::{SignError, Signer};

const MODULE: &str = "/usr/lib/softhsm/libsofthsm2.so";
/// SoftHSM reads its folder from here: the test runs itself again with it.
const CONF: &str = "SOFTHSM2_CONF";
const PIN: &str = "1234-planted-pin";
/// P-256, as DER of its object identifier.
const P256: [u8; 10] = [0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];

#[test]
fn a_key_in_a_token_signs_and_never_leaves_it() {
    if !Path::new(MODULE).exists() {
        return policies::testing::skipped(format_args!(
            "{MODULE} is not here (apt-get install softhsm2): PKCS#11 was not tested"
        ));
    }
    match std::env::var(CONF) {
        Ok(conf) => signs(Path::new(&conf).parent().unwrap()),
        Err(_) => {
            let folder = tempfile::tempdir().unwrap();
            std::fs::create_dir(folder.path().join("tokens")).unwrap();
            let conf = folder.path().join("softhsm2.conf");
            let tokens = folder.path().join("tokens").display().to_string();
            std::fs::write(&conf, format!("directories.tokendir = {tokens}\n")).unwrap();
            let again = Command::new(std::env::current_exe().unwrap())
                .args([
                    "--exact",
                    "a_key_in_a_token_signs_and_never_leaves_it",
                    "--nocapture",
                ])
                .env(CONF, &conf)
                .status()
                .unwrap();
            assert!(again.success());
        }
    }
}

fn signs(folder: &Path) {
    make_token();
    let pin = folder.join("pin");
    certs::write_secret(&pin, format!("{PIN}\n").as_bytes(), false).unwrap();
    let uri = |object: &str, pin: &Path| {
        let pin = pin.display();
        format!("pkcs11:token=weir;object={object}?module-path={MODULE}&pin-source={pin}")
    };
    let key = Pkcs11Key::open(&uri("bikes", &pin)).unwrap();
    assert_eq!(key.alg(), Alg::Es256);
    assert_eq!(key.key_id(), key.public_key().fingerprint());
    let signer = Signer::open(Path::new(&uri("bikes", &pin))).unwrap();
    let at = "2026-11-24T08:00:00Z".parse().unwrap();
    let signature = signer.sign(Signs::Agreement, b"terms", at).unwrap();
    verify(Signs::Agreement, signer.public_key(), b"terms", &signature).unwrap();
    verify(Signs::Agreement, signer.public_key(), b"terns", &signature).unwrap_err();
    assert_eq!(signer.public_key(), key.public_key());
    assert!(!format!("{signer:?}").contains(PIN));

    let refused = |uri: &str| match Signer::open(Path::new(uri)) {
        Err(SignError::Module { why }) => why,
        other => panic!("{other:?}"),
    };
    let absent = refused(&uri("taxis", &pin));
    assert!(absent.contains("0 EC keys `taxis`"), "{absent}");
    let elsewhere = uri("bikes", &pin).replace("token=weir", "token=other");
    assert!(refused(&elsewhere).contains("no token `other`"));
    let missing = uri("bikes", &pin).replace(MODULE, "/nowhere.so");
    assert!(!refused(&missing).contains(PIN));
}

/// A token `weir` with one key pair `bikes`, made in the module and not to be taken out.
fn make_token() {
    let module = Pkcs11::new(MODULE).unwrap();
    module
        .initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK))
        .unwrap();
    let slot = module.get_slots_with_token().unwrap()[0];
    let (officer, user) = (AuthPin::new("officer".into()), AuthPin::new(PIN.into()));
    module.init_token(slot, &officer, "weir").unwrap();
    let slot = module.get_slots_with_initialized_token().unwrap()[0];
    {
        let session = module.open_rw_session(slot).unwrap();
        session.login(UserType::So, Some(&officer)).unwrap();
        session.init_pin(&user).unwrap();
    }
    let session = module.open_rw_session(slot).unwrap();
    session.login(UserType::User, Some(&user)).unwrap();
    let label = || Attribute::Label(b"bikes".to_vec());
    let public = [
        Attribute::Token(true),
        Attribute::Private(false),
        Attribute::Verify(true),
        Attribute::EcParams(P256.to_vec()),
        label(),
    ];
    let private = [
        Attribute::Token(true),
        Attribute::Private(true),
        Attribute::Sensitive(true),
        Attribute::Extractable(false),
        Attribute::Sign(true),
        label(),
    ];
    session
        .generate_key_pair(&Mechanism::EccKeyPairGen, &public, &private)
        .unwrap();
}
