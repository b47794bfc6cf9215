#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

use aws_lc_rs::signature::Ed25519KeyPair;
use zeroize::Zeroizing;

use super::*;

/// The example of golang.org/x/mod/sumdb/note: key, text and signature made by Go.
const PETER_KEY: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
const PETER_PRIVATE: &str = "AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";
const PETER_NOTE: &str = "If you think cryptography is the answer to your problem,\n\
    then you don't know what your problem is.\n\
    \n\
    — PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";

fn name(text: &str) -> KeyName {
    text.parse().unwrap()
}

fn signer(text: &str, seed: u8) -> Signer {
    Signer::from_seed(name(text), &Zeroizing::new([seed; 32])).unwrap()
}

fn peter() -> Signer {
    let typed_seed = text::decode(PETER_PRIVATE).unwrap();
    let seed = Zeroizing::new(typed_seed[1..].try_into().unwrap());
    Signer::from_seed(name("PeterNeumann"), &seed).unwrap()
}

#[test]
fn the_note_that_go_signed_verifies_and_is_signed_alike() {
    let key: VerifierKey = PETER_KEY.parse().unwrap();
    assert_eq!(key.to_string(), PETER_KEY);
    let note: Note = PETER_NOTE.parse().unwrap();
    assert_eq!(note.to_string(), PETER_NOTE);
    assert_eq!(note.verify(std::slice::from_ref(&key)), Ok(vec![&key]));

    assert_eq!(peter().verifier_key(), &key);
    let again = Note::new(note.text(), peter().sign(note.text()).unwrap()).unwrap();
    assert_eq!(again.to_string(), PETER_NOTE);
}

#[test]
fn every_bit_of_text_and_signature_counts() {
    let keys = [PETER_KEY.parse().unwrap()];
    for bit in 0..PETER_NOTE.len() * 8 {
        let mut bytes = PETER_NOTE.as_bytes().to_vec();
        bytes[bit / 8] ^= 1 << (bit % 8);
        let Ok(changed) = String::from_utf8(bytes) else {
            continue;
        };
        let verdict = changed
            .parse::<Note>()
            .and_then(|note| note.verify(&keys).map(|_| ()));
        assert!(verdict.is_err(), "bit {bit}: {changed}");
    }
}

#[test]
fn keys_of_other_tools_are_read_and_printed_alike() {
    for key in [
        "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8",
        "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        "TEST+7997405c+AQcC+FTVKf0jlTdHDY3rbevmnKxxPjigCXlVtGe6RIr6",
    ] {
        assert_eq!(key.parse::<VerifierKey>().unwrap().to_string(), key);
    }
}

#[test]
fn what_is_not_a_verifier_key_is_refused_with_the_reason() {
    let error = |given: &str| given.parse::<VerifierKey>().unwrap_err();
    let peter = name("PeterNeumann");
    let miscopied = PETER_KEY.replace("c74f20a3", "c74f20a4");
    let [expected, found] = [[0xc7, 0x4f, 0x20, 0xa3], [0xc7, 0x4f, 0x20, 0xa4]].map(KeyId::new);
    assert_eq!(
        error(&miscopied),
        KeyError::Id {
            name: peter.clone(),
            expected,
            found
        }
    );
    let renamed = error(&PETER_KEY.replace("Peter", "Pieter"));
    assert!(matches!(renamed, KeyError::Id { .. }));
    // A cosigner's key (type 4) signs another message: it must not pass for a log's.
    let cosigner = "remora.n621.de+da77ade7+BOvN63jn/bLvkieywe8R6UYAtVtNbZpXh34x7onlmtw2";
    let read: VerifierKey = cosigner.parse().unwrap();
    assert!(read.key().cosigns() && read.to_string() == cosigner);
    assert_eq!(
        cosigner.parse::<crate::checkpoint::LogKey>().unwrap_err(),
        KeyError::NotALog {
            name: name("remora.n621.de")
        }
    );
    let short = format!("PeterNeumann+c74f20a3+{}", text::encode([1, 2, 3]));
    assert_eq!(error(&short), KeyError::Type { name: peter });
    let upper = PETER_KEY.replace("c74f20a3", "C74F20A3");
    let two_fields = "PeterNeumann+c74f20a3";
    let not_base64 = "PeterNeumann+c74f20a3+ARpc2Q";
    for given in ["", "Peter", two_fields, not_base64, &upper] {
        assert_eq!(
            error(given),
            KeyError::Form {
                given: given.into()
            }
        );
    }
    assert!(matches!(
        error("Peter Neumann+c74f20a3+AAAA"),
        KeyError::Name { .. }
    ));
}

#[test]
fn names_are_without_spaces_plus_and_controls() {
    let longest = "n".repeat(255);
    for good in ["a", "weir.example/log", "Straße-42", &longest] {
        assert_eq!(good.parse::<KeyName>().unwrap().as_str(), good);
    }
    let too_long = "n".repeat(256);
    for bad in [
        "",
        "a b",
        "a+b",
        "a\nb",
        "a\u{a0}b",
        "a\u{2003}b",
        "a\0",
        "a\u{85}",
        &too_long,
    ] {
        assert!(
            matches!(bad.parse::<KeyName>(), Err(KeyError::Name { .. })),
            "{bad:?}"
        );
    }
}

#[test]
fn foreign_signatures_are_ignored_and_false_ones_are_not() {
    let text = "one line\n";
    let [log, witness, stranger] = [signer("log", 1), signer("witness", 2), signer("log", 3)];
    let note = Note::new(text, stranger.sign(text).unwrap()).unwrap();
    let [log_key, witness_key] = [&log, &witness].map(|signer| signer.verifier_key().clone());
    let keys = [log_key.clone(), witness_key.clone()];
    assert_eq!(
        note.verify(&keys),
        Err(NoteError::NoKnownKey),
        "same name, another key"
    );
    assert_eq!(note.verify(&[]), Err(NoteError::NoKnownKey));

    let note = note.with_signature(log.sign(text).unwrap()).unwrap();
    assert_eq!(note.verify(&keys), Ok(vec![&log_key]));
    let note = note.with_signature(witness.sign(text).unwrap()).unwrap();
    assert_eq!(note.verify(&keys), Ok(vec![&log_key, &witness_key]));

    let other_text = witness.sign("another line\n").unwrap();
    let note = note.with_signature(other_text).unwrap();
    let false_witness = NoteError::Signature {
        name: name("witness"),
    };
    assert_eq!(note.verify(&keys), Err(false_witness), "beside a true one");
    assert_eq!(
        note.verify(std::slice::from_ref(&log_key)),
        Ok(vec![&log_key]),
        "witness unknown"
    );
}

#[test]
fn text_may_hold_empty_lines_and_only_the_last_one_parts() {
    for text in [
        "\n",
        "a\n",
        "a\n\n",
        "a\n\n\nb\n\n\n",
        "\n\n",
        "— not a signature line\n",
    ] {
        let note = Note::new(text, signer("log", 1).sign(text).unwrap()).unwrap();
        let again: Note = note.to_string().parse().unwrap();
        assert_eq!((again.text(), &again), (text, &note));
    }
    let signature = || signer("log", 1).sign("").unwrap();
    for text in ["", "no newline"] {
        assert_eq!(Note::new(text, signature()), Err(NoteError::Text));
    }
    for text in ["tab\there\n", "carriage\r\n", "nul\0\n"] {
        assert_eq!(Note::new(text, signature()), Err(NoteError::Control));
        assert_eq!(
            format!("{text}\n{}\n", signature()).parse::<Note>(),
            Err(NoteError::Control)
        );
    }
}

#[test]
fn malformed_notes_are_refused() {
    let sound = "text\n\n— log AAAAAQE=\n";
    assert!(sound.parse::<Note>().is_ok());
    for given in [
        "",
        "text\n",
        "text\n\n",
        "text\n— log AAAAAQE=\n",
        "text\n\n— log AAAAAQE=",
    ] {
        assert_eq!(
            given.parse::<Note>(),
            Err(NoteError::NoSignatures),
            "{given:?}"
        );
    }
    for line in [
        "",
        "- log AAAAAQE=",
        "—  log AAAAAQE=",
        "— log",
        "— log ",
        "— log AAAAAQE",
        "— log AAAAAQF=",
        "— log AAAAAQE= ",
        "— log AAAAAQE=\r",
        "— lo+g AAAAAQE=",
        "— AAAAAQE=",
        "— log AAAA",
        "— log AAAAAA==",
    ] {
        let given = format!("text\n\n— log AAAAAQE=\n{line}\n");
        let refused = given.parse::<Note>();
        if line.is_empty() {
            assert_eq!(refused, Err(NoteError::NoSignatures));
        } else {
            assert_eq!(
                refused,
                Err(NoteError::SignatureLine { given: line.into() })
            );
        }
    }
}

#[test]
fn signatures_and_bytes_have_limits() {
    let lines = |n: usize| format!("text\n\n{}", "— log AAAAAQE=\n".repeat(n));
    let full: Note = lines(SIGNATURES_MAX).parse().unwrap();
    assert_eq!(
        lines(SIGNATURES_MAX + 1).parse::<Note>(),
        Err(NoteError::TooManySignatures)
    );
    let one_more = full.signatures()[0].clone();
    assert_eq!(
        full.with_signature(one_more.clone()),
        Err(NoteError::TooManySignatures)
    );
    let text = format!("{}\n", "x".repeat(NOTE_BYTES_MAX));
    assert!(matches!(
        Note::new(text.as_str(), one_more),
        Err(NoteError::TooLong { .. })
    ));
    let found = text.len();
    assert_eq!(text.parse::<Note>(), Err(NoteError::TooLong { found }));
}

#[test]
fn a_stored_private_key_signs_as_its_seed_does_and_is_never_shown() {
    let pair = Ed25519KeyPair::from_seed_unchecked(&[1; 32]).unwrap();
    for document in [pair.to_pkcs8(), pair.to_pkcs8v1()] {
        let document = Zeroizing::new(document.unwrap().as_ref().to_vec());
        let stored = Signer::from_pkcs8(name("log"), &document).unwrap();
        assert_eq!(stored.verifier_key(), signer("log", 1).verifier_key());
        assert_eq!(stored.sign("text\n"), signer("log", 1).sign("text\n"));
        let damaged = Zeroizing::new(document[..document.len() - 1].to_vec());
        let refused = Signer::from_pkcs8(name("log"), &damaged).unwrap_err();
        assert_eq!(refused, SignError::Key { name: name("log") });
    }
    let shown = format!("{:?}", signer("log", 0x5a));
    assert!(
        !shown.contains("5a5a") && !shown.contains("90, 90"),
        "{shown}"
    );
    assert!(!shown.contains(&text::encode([0x5a; 32])), "{shown}");
}
