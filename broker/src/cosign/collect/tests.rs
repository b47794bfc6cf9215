#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

use audit::checkpoint::TreeHead;
use audit::cosignature::Cosigner;
use audit::tree::leaf_hash;
use zeroize::Zeroizing;

use super::*;
use crate::store::testing::signer;

fn cosigner(seed: u8) -> Cosigner {
    let name = "north.example/w".parse().unwrap();
    Cosigner::from_seed(name, &Zeroizing::new([seed; 32])).unwrap()
}

fn checkpoint(size: u64) -> CheckpointNote {
    let origin = signer().verifier_key().name().clone();
    let head = TreeHead::new(origin, size, leaf_hash(b"one")).unwrap();
    head.sign(&signer()).unwrap()
}

/// A desk for the witness with seed 5.
fn desk() -> Desk {
    let witness = Witness {
        name: "north".to_owned(),
        key: cosigner(5).verifier_key().clone(),
        url: Some("http://127.0.0.1:1".to_owned()),
    };
    Desk {
        line: Line::to(&witness, None).unwrap(),
        witness,
        known: 0,
        forgot: false,
        met: false,
        apart: None,
    }
}

fn line(seed: u8, size: u64) -> String {
    let line = cosigner(seed).cosign(checkpoint(size).claimed(), 77);
    format!("{}\n", line.unwrap())
}

/// Attack: whoever stands where a witness should, under its name, makes up cosignatures.
#[test]
fn only_the_witnesss_own_line_over_this_checkpoint_counts() {
    let at = |second| Timestamp::from_second(second).unwrap();
    let counts_at = |lines: &str, now| {
        let answer = desk().read(&checkpoint(9), lines, at(now));
        matches!(answer, Answer::Cosigned(_))
    };
    let counts = |lines: &str| counts_at(lines, 77);
    assert!(counts(&line(5, 9)));
    assert!(!counts(&line(6, 9)), "another key under its name");
    assert!(!counts(&line(5, 8)), "its line over another checkpoint");
    let key = cosigner(5).verifier_key().clone();
    let mut forged = cosigner(6).cosign(checkpoint(9).claimed(), 77).unwrap();
    forged.id = key.id();
    assert!(
        !counts(&format!("{forged}\n")),
        "another key under its name and id"
    );
    assert!(!counts(""), "no line at all");
    assert!(!counts("no signature\n"));
    // Its clock has to be right, for all who read it later.
    assert!(counts_at(&line(5, 9), 77 + 300) && counts_at(&line(5, 9), 77 - 300));
    for now in [77 + 301, 77 - 301] {
        assert!(!counts_at(&line(5, 9), now));
        let told = desk().read(&checkpoint(9), &line(5, 9), at(now));
        assert!(
            matches!(told, Answer::Apart(time) if time == at(77)),
            "{now}"
        );
    }
}
