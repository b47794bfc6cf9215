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
        // Everything right, but for the key's name or the size.
        format!(
            r#"{{"alg":"ES256","kid":"{}","typ":"{typ}","iat":1}}"#,
            "a".repeat(64)
        ),
        format!(r#"{{"alg":"ES256",{rest}{}}}"#, " ".repeat(1000)),
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

/// A signature has one spelling: other bytes for the same thing would be another entry.
#[test]
fn encodings_of_a_signature_have_one_spelling() {
    let signer = Signer::new();
    let good = signer.sign(Signs::Agreement, b"terms");
    let last = good.signature.chars().last().unwrap();
    // 64 bytes leave 2 of the last character's 6 bits; the other 4 MUST be zero.
    let sloppy = match last {
        'A' => 'B',
        'Q' => 'R',
        'g' => 'h',
        _ => 'x',
    };
    for signature in [
        format!("{}=", good.signature),
        format!("{}\n", good.signature),
        format!("{}A", good.signature),
        good.signature.strip_suffix(last).unwrap().to_owned() + &sloppy.to_string(),
        URL_SAFE_NO_PAD.encode([0; 64]),
        String::new(),
    ] {
        let protected = good.protected.clone();
        let bad = PartySignature {
            protected,
            signature,
        };
        assert_eq!(
            verify(Signs::Agreement, &signer.public, b"terms", &bad),
            Err(SignError::Invalid {
                key: signer.public.fingerprint().clone()
            })
        );
    }
}

/// A point off the curve has the form of a key, and verifies nothing.
#[test]
fn a_point_off_the_curve_verifies_nothing() {
    let mut spki = Signer::new().public.spki().to_vec();
    spki[27..].fill(1);
    let key = PublicKey::from_spki(&spki).unwrap();
    let header = protected_header(Signs::Agreement, key.fingerprint(), 1).unwrap();
    let signature = Signer::new().sign_under(header, b"terms");
    verify(Signs::Agreement, &key, b"terms", &signature).unwrap_err();
}

/// What stands in old admissions was signed over these bytes.
#[test]
fn the_claim_of_possession_never_changes() {
    let org = "city-bikes".parse().unwrap();
    let key = Fingerprint::new("a".repeat(64)).unwrap();
    let claim = possession_payload(
        &org,
        Role::Provider,
        "spiffe://weir.test/org/city-bikes",
        &key,
    );
    assert_eq!(
        String::from_utf8(claim).unwrap(),
        format!(
            "weir admission\norg city-bikes\nrole provider\n\
             spiffe spiffe://weir.test/org/city-bikes\nkey {key}\n"
        )
    );
}
