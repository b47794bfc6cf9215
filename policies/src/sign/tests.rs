#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

use super::*;
use crate::testing::Signer;

fn header(json: &str) -> String {
    URL_SAFE_NO_PAD.encode(json)
}

#[test]
fn a_signature_counts_for_its_bytes_key_and_purpose_only() {
    let (ours, theirs) = (Signer::new(), Signer::new());
    let signature = ours.sign(Signs::Agreement, b"terms");
    verify(Signs::Agreement, &ours.public, b"terms", &signature).unwrap();
    assert!(verify(Signs::Agreement, &ours.public, b"Terms", &signature).is_err());
    assert!(verify(Signs::Agreement, &theirs.public, b"terms", &signature).is_err());
    assert!(verify(Signs::KeyPossession, &ours.public, b"terms", &signature).is_err());
    let mut forged = signature;
    forged.signature = theirs.sign(Signs::Agreement, b"terms").signature;
    assert!(verify(Signs::Agreement, &ours.public, b"terms", &forged).is_err());
}

/// Attacks on the header (RFC 8725), each signed with the right key.
#[test]
fn headers_of_other_kinds_are_refused() {
    let signer = Signer::new();
    let kid = signer.public.fingerprint();
    let typ = Signs::Agreement.typ();
    let rest = format!(r#""kid":"{kid}","typ":"{typ}","iat":1"#);
    let wrong = [
        format!(r#"{{"alg":"none",{rest}}}"#),
        format!(r#"{{"alg":"HS256",{rest}}}"#),
        format!(r#"{{"alg":"ES384",{rest}}}"#),
        format!(r#"{{"alg":"ES256",{rest},"crit":["x"]}}"#),
        format!(r#"{{"alg":"ES256",{rest},"jwk":{{}}}}"#),
        format!(r#"{{"alg":"ES256","alg":"ES256",{rest}}}"#),
        format!(r#"{{"alg":"ES256","typ":"{typ}","iat":1}}"#),
        format!(r#"{{"alg":"ES256",{rest},"pad":"{}"}}"#, "x".repeat(2000)),
        "not json".into(),
    ];
    for json in wrong {
        let signature = signer.sign_under(header(&json), b"terms");
        assert!(
            verify(Signs::Agreement, &signer.public, b"terms", &signature).is_err(),
            "{json}"
        );
    }
    let right = header(&format!(r#"{{"alg":"ES256",{rest}}}"#));
    verify(
        Signs::Agreement,
        &signer.public,
        b"terms",
        &signer.sign_under(right, b"terms"),
    )
    .unwrap();
}

#[test]
fn only_uncompressed_p256_points_are_keys() {
    let spki = Signer::new().public.spki().to_vec();
    PublicKey::from_spki(&spki).unwrap();
    let mut compressed = spki.clone();
    compressed[26] = 2;
    for wrong in [&spki[..90], &spki[1..], &compressed, &[][..]] {
        assert_eq!(PublicKey::from_spki(wrong), Err(SignError::Key));
    }
}
