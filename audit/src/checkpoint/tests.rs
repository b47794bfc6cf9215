#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

use zeroize::Zeroizing;

use super::*;
use crate::tree::leaf_hash;

/// The example in c2sp.org/tlog-checkpoint.
const EXAMPLE: &str = "example.com/behind-the-sofa\n20852163\n\
    CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n\
    — example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n";

fn name(text: &str) -> KeyName {
    text.parse().unwrap()
}

fn signer(origin: &str, seed: u8) -> Signer {
    Signer::from_seed(name(origin), &Zeroizing::new([seed; 32])).unwrap()
}

fn key(signer: &Signer) -> LogKey {
    LogKey::new(signer.verifier_key().clone())
}

fn head(origin: &str) -> TreeHead {
    TreeHead::new(name(origin), 1, leaf_hash(b"entry")).unwrap()
}

#[test]
fn the_example_of_the_format_is_read_and_printed_alike() {
    let checkpoint: CheckpointNote = EXAMPLE.parse().unwrap();
    let claimed = checkpoint.claimed();
    assert_eq!(claimed.origin().as_str(), "example.com/behind-the-sofa");
    assert_eq!(claimed.size(), 20_852_163);
    assert_eq!(
        claimed.root().to_string(),
        "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I="
    );
    assert_eq!(checkpoint.to_string(), EXAMPLE);
    let json = serde_json::to_string(&checkpoint).unwrap();
    assert_eq!(
        serde_json::from_str::<CheckpointNote>(&json).unwrap(),
        checkpoint
    );
}

/// Frozen, and made with Python (hashlib, cryptography): Ed25519 is deterministic, so this text must come out for ever.
#[test]
fn golden_checkpoint() {
    let log = signer("weir.example/log", 7);
    let signed = head("weir.example/log").sign(&log).unwrap();
    assert_eq!(
        key(&log).to_string(),
        "weir.example/log+7e5d12d2+AepKbGPinFIKvvVQexMuxfmVR3auvr57kkIe6mkURtIs"
    );
    assert_eq!(
        signed.to_string(),
        "weir.example/log\n1\n2cLWa1IsJSJyj1Of+fZ7hdQN7/8JX8ilKMmU9PNbs94=\n\n— weir.example/log fl0S0sPfy3mMrQwqLdSZIMfgkykQBt47APIIuAEw46iF6Gk79iplZeyJG7uZC5k2ZEuqzwi2SaxoRmw7ypMUerPEoAY=\n"
    );
    let verified = signed.verify(&key(&log)).unwrap();
    assert_eq!(
        (verified.size(), *verified.root()),
        (1, leaf_hash(b"entry"))
    );
    assert_eq!(
        (verified.origin(), verified.signed()),
        (&name("weir.example/log"), &signed)
    );
}

#[test]
fn only_the_logs_own_signature_counts() {
    let log = signer("log", 1);
    let signed = head("log").sign(&log).unwrap();
    assert!(signed.verify(&key(&log)).is_ok());

    let unsigned = Err(CheckpointError::Note(NoteError::NoKnownKey));
    let same_name = signer("log", 2);
    assert_eq!(signed.verify(&key(&same_name)), unsigned);
    let foreign = CheckpointError::ForeignLog {
        expected: name("other"),
        found: name("log"),
    };
    assert_eq!(
        signed.verify(&key(&signer("other", 1))),
        Err(foreign.clone())
    );
    assert_eq!(head("log").sign(&signer("other", 1)), Err(foreign));

    let witness = signer("witness", 3);
    let text = signed.note().text().to_owned();
    let cosigned = signed.with_signature(witness.sign(&text).unwrap()).unwrap();
    assert_eq!(cosigned.verify(&key(&log)).unwrap().signed(), &cosigned);

    let another_tree = head("log").to_string().replace("\n1\n", "\n2\n");
    let moved: CheckpointNote = cosigned
        .to_string()
        .replace(&head("log").to_string(), &another_tree)
        .parse()
        .unwrap();
    let changed = NoteError::Signature { name: name("log") };
    assert_eq!(
        moved.verify(&key(&log)),
        Err(CheckpointError::Note(changed))
    );
}

#[test]
fn what_is_not_a_tree_head_is_refused_with_the_reason() {
    let root = leaf_hash(b"");
    let error = |given: &str| given.parse::<TreeHead>().unwrap_err();
    for size in [
        "",
        "-1",
        "+1",
        "01",
        "00",
        "1 ",
        "1.0",
        "0x1",
        "9223372036854775808",
        "１",
    ] {
        let refused = CheckpointError::Size { given: size.into() };
        assert_eq!(error(&format!("log\n{size}\n{root}\n")), refused);
    }
    for given in ["", "AAAA", &format!("A{root}"), &format!("{root} ")] {
        assert_eq!(
            error(&format!("log\n1\n{given}\n")),
            CheckpointError::Root {
                given: given.into()
            }
        );
    }
    for origin in ["", "a b", "a+b"] {
        assert!(matches!(
            error(&format!("{origin}\n1\n{root}\n")),
            CheckpointError::Origin(_)
        ));
    }
    let lines = |found| CheckpointError::Lines { found };
    assert_eq!(error(&format!("log\n1\n{root}")), lines(2));
    assert_eq!(error("log\n1\n"), lines(2));
    assert_eq!(error(""), lines(0));
    assert_eq!(error(&format!("log\n1\n{root}\nextension\n")), lines(4));
    assert_eq!(error(&format!("log\n1\n{root}\n\n")), lines(4));
    assert_eq!(
        error(&format!("log\n0\n{root}\n")),
        CheckpointError::EmptyRoot
    );
    let empty = TreeHead::new(name("log"), 0, empty_root()).unwrap();
    assert_eq!(empty.to_string().parse(), Ok(empty));
    assert!(TreeHead::new(name("log"), SIZE_MAX, root).is_ok());
    assert!(TreeHead::new(name("log"), SIZE_MAX + 1, root).is_err());
}
