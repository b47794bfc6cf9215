#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

use super::*;

fn salt() -> Salt {
    Salt::new(*b"0123456789abcdef")
}

/// HMAC-SHA256 as any other tool computes it; made with Python's `hmac`.
#[test]
fn golden_commitment() {
    let golden = "46ff18fcd34b7c0d3ff9008026b8d5236c371f16f82656ddabc88b61d511aad5";
    let commitment = Commitment::new(&salt(), b"payload");
    assert_eq!(commitment.to_string(), golden);
    assert_eq!(golden.parse(), Ok(commitment));
    let mut pieces = Committer::new(&salt());
    pieces.update(b"pay");
    pieces.update(b"load");
    assert_eq!(pieces.finish(), commitment);
}

#[test]
fn any_changed_bit_is_a_mismatch() {
    let commitment = Commitment::new(&salt(), b"payload");
    assert_eq!(commitment.verify(&salt(), b"payload"), Ok(()));
    let mismatch = Err(CommitmentError::Mismatch {
        expected: commitment,
    });
    for bit in 0..56 {
        let mut payload = *b"payload";
        payload[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(commitment.verify(&salt(), &payload), mismatch);
    }
    for bit in 0..128 {
        let mut other = *salt().as_bytes();
        other[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(commitment.verify(&Salt::new(other), b"payload"), mismatch);
    }
    for bit in 0..256 {
        let mut other = *commitment.as_bytes();
        other[bit / 8] ^= 1 << (bit % 8);
        assert!(Commitment(other).verify(&salt(), b"payload").is_err());
    }
}

#[test]
fn salts_differ_and_a_failed_generator_gives_none() {
    let salts: std::collections::HashSet<_> = (0..1000)
        .map(|_| *Salt::random().unwrap().as_bytes())
        .collect();
    assert_eq!(salts.len(), 1000);
    assert_eq!(
        Salt::filled(|_| Err(Unspecified)),
        Err(CommitmentError::Random)
    );
}

#[test]
fn a_salt_is_stored_and_never_shown() {
    let json = serde_json::to_string(&salt()).unwrap();
    assert_eq!(json, r#""30313233343536373839616263646566""#);
    assert_eq!(serde_json::from_str::<Salt>(&json).unwrap(), salt());
    assert_eq!(format!("{:?}", salt()), "Salt(…)");
    let secret = "30313233343536373839616263646566AA";
    let error = secret.parse::<Salt>().unwrap_err();
    assert_eq!(
        error.to_string(),
        "not a salt: 32 lower-case hexadecimal digits are"
    );
}

#[test]
fn only_lower_case_digits_of_the_right_number_are_read() {
    let good = Commitment::new(&salt(), b"").to_string();
    for wrong in [
        &good.to_uppercase(),
        &format!("0{good}"),
        "",
        "zz",
        &format!("{good} "),
    ] {
        let form = CommitmentError::Form {
            what: "commitment",
            digits: 64,
        };
        assert_eq!(wrong.parse::<Commitment>(), Err(form));
    }
}
