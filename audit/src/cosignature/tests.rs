#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

use aws_lc_rs::signature::{KeyPair as _, ML_DSA_44_SIGNING, PqdsaKeyPair};

use super::*;
use crate::checkpoint::{CheckpointNote, LogKey};
use crate::note::{NoteError, Signer};
use crate::testing::{cosigner, signer as log_signer};
use crate::tree::leaf_hash;

/// The example of the specification, made by others: its witness's key is not told, so only the
/// form is read.
const EXAMPLE: &str = "example.com/behind-the-sofa\n20852163\n\
    CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n\
    — example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n\
    — witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==\n";

fn head(size: u64) -> TreeHead {
    let origin = log_signer().verifier_key().name().clone();
    TreeHead::new(origin, size, leaf_hash(&size.to_be_bytes())).unwrap()
}

fn signed(size: u64) -> CheckpointNote {
    head(size).sign(&log_signer()).unwrap()
}

#[test]
fn a_cosignature_says_when_and_verifies() {
    let witness = cosigner("w1.example", 1);
    let line = witness.cosign(&head(7), 1_679_315_147).unwrap();
    assert_eq!(time(&line), Some(1_679_315_147));
    let note = signed(7).with_signature(line).unwrap();
    let again: CheckpointNote = note.to_string().parse().unwrap();
    let keys = [witness.verifier_key().clone()];
    assert_eq!(again.note().verify(&keys).unwrap().len(), 1);
    // The log's own signature is none of a witness, and the other way round.
    assert_eq!(signed(7).note().verify(&keys), Err(NoteError::NoKnownKey));
    again
        .verify(&LogKey::new(log_signer().verifier_key().clone()))
        .unwrap();
}

#[test]
fn the_example_of_the_specification_is_read() {
    let note: CheckpointNote = EXAMPLE.parse().unwrap();
    let cosigned = &note.note().signatures()[1];
    assert_eq!(time(cosigned), Some(1_679_315_147));
    assert_eq!(cosigned.bytes.len(), 72);
    assert_eq!(note.to_string(), EXAMPLE);
}

/// Attack: an operator puts a witness's cosignature of one tree under another, changes its time, or
/// passes it off as another witness's.
#[test]
fn a_cosignature_cannot_be_replayed() {
    let witness = cosigner("w1.example", 1);
    let line = witness.cosign(&head(7), 100).unwrap();
    let keys = [witness.verifier_key().clone()];
    let replayed = signed(8).with_signature(line.clone()).unwrap();
    let refused = replayed.note().verify(&keys).unwrap_err();
    assert!(matches!(refused, NoteError::Signature { .. }));
    let mut later = line.clone();
    later.bytes[7] += 1;
    let note = signed(7).with_signature(later).unwrap();
    assert!(note.note().verify(&keys).is_err());
    let other = cosigner("w2.example", 2);
    let stolen = NoteSignature {
        name: other.verifier_key().name().clone(),
        id: other.verifier_key().id(),
        ..line
    };
    let note = signed(7).with_signature(stolen).unwrap();
    assert!(note.note().verify(&[other.verifier_key().clone()]).is_err());
}

/// One key under two types has two ids, so a log's signature never counts as a cosignature.
#[test]
fn a_key_type_cannot_be_confused() {
    let log = Signer::from_seed("same.example".parse().unwrap(), &Zeroizing::new([9; 32])).unwrap();
    let witness = cosigner("same.example", 9);
    assert_ne!(log.verifier_key().id(), witness.verifier_key().id());
    let vkey = witness.verifier_key().to_string();
    assert_eq!(
        vkey.parse::<VerifierKey>().unwrap(),
        *witness.verifier_key()
    );
    assert!(
        vkey.parse::<LogKey>().is_err(),
        "a witness's key is no log's"
    );
    assert!(serde_json::from_value::<LogKey>(vkey.into()).is_err());
}

#[test]
fn an_ml_dsa_cosignature_verifies() {
    let pair = PqdsaKeyPair::from_seed(&ML_DSA_44_SIGNING, &[3; 32]).unwrap();
    let name: KeyName = "pq.example/w".parse().unwrap();
    let public = pair.public_key().as_ref().to_vec().try_into().unwrap();
    let key = VerifierKey::new(name.clone(), PublicKey::CosignMlDsa44(Box::new(public)));
    assert_eq!(key.to_string().parse::<VerifierKey>().unwrap(), key);
    let message = ml_dsa_message(&name, 55, &head(7)).unwrap();
    assert_eq!(message.len(), 12 + 1 + 12 + 8 + 1 + 13 + 8 + 8 + 32);
    let mut signature = vec![0; 2420];
    pair.sign(&message, &mut signature).unwrap();
    let line = NoteSignature {
        name,
        id: key.id(),
        bytes: [55_u64.to_be_bytes().as_slice(), &signature].concat(),
    };
    let keys = [key];
    let note = signed(7).with_signature(line.clone()).unwrap();
    assert_eq!(note.note().verify(&keys).unwrap().len(), 1);
    assert!(
        signed(8)
            .with_signature(line.clone())
            .unwrap()
            .note()
            .verify(&keys)
            .is_err()
    );
    let mut wrong = line;
    wrong.bytes[1000] ^= 1;
    assert!(
        signed(7)
            .with_signature(wrong)
            .unwrap()
            .note()
            .verify(&keys)
            .is_err()
    );
}
