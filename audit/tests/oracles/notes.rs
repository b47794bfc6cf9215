//! Notes and checkpoints signed here and verified there, and the other way round.

use audit::checkpoint::{CheckpointNote, LogKey, TreeHead};
use audit::note::{Note, Signer};
use audit::tree::root_at;
use signed_note::{Signer as _, StandardSigner, StandardVerifier, VerifierList};
use zeroize::Zeroizing;

use super::trees::{Logs, theirs};

const TEXT: &str = "weir.example/log\n1\n2cLWa1IsJSJyj1Of+fZ7hdQN7/8JX8ilKMmU9PNbs94=\n";

pub fn our_signer(seed: u8) -> Signer {
    let seed = Zeroizing::new([seed; 32]);
    Signer::from_seed("weir.example/log".parse().unwrap(), &seed).unwrap()
}

/// Does `signed_note` find this signer's signature, and find it true?
fn verifies_there(note: &str, signer: &Signer) -> bool {
    let note = signed_note::Note::from_bytes(note.as_bytes()).unwrap();
    let key = StandardVerifier::new(&signer.verifier_key().to_string()).unwrap();
    let verified = note.verify(&VerifierList::new(vec![Box::new(key)]));
    verified.is_ok_and(|(known, _)| known.len() == 1)
}

#[test]
fn notes_signed_here_verify_there() {
    let signer = our_signer(7);
    let note = Note::new(TEXT, signer.sign(TEXT).unwrap()).unwrap();
    let there = signed_note::Note::from_bytes(note.to_string().as_bytes()).unwrap();
    assert_eq!(there.text(), TEXT.as_bytes());
    assert!(verifies_there(&note.to_string(), &signer));
    assert!(!verifies_there(&note.to_string(), &our_signer(8)));
}

#[test]
fn notes_signed_there_verify_here() {
    use audit::note::VerifierKey;
    let private = "PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";
    let public = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
    let key: VerifierKey = public.parse().unwrap();
    let signer = StandardSigner::new(private).unwrap();
    assert_eq!(signer.name(), key.name().as_str());
    for text in ["\n", "a\n\n\nb\n", TEXT] {
        let mut note = signed_note::Note::new(text.as_bytes(), &[]).unwrap();
        note.add_sigs(&[&signer]).unwrap();
        let here: Note = String::from_utf8(note.to_bytes()).unwrap().parse().unwrap();
        assert_eq!(here.text(), text);
        assert_eq!(here.verify(std::slice::from_ref(&key)).unwrap(), [&key]);
        assert_eq!(here.to_string().as_bytes(), note.to_bytes());
    }
}

#[test]
fn checkpoints_say_the_same_here_and_there() {
    let signer = our_signer(7);
    let origin = signer.verifier_key().name().clone();
    let key = LogKey::new(signer.verifier_key().clone());
    let logs = Logs::of(9);
    for size in 0..=9 {
        let root = root_at(&logs.ours, size).unwrap();
        let signed = TreeHead::new(origin.clone(), size, root)
            .unwrap()
            .sign(&signer)
            .unwrap();
        let there = tlog_tiles::Checkpoint::from_bytes(signed.note().text().as_bytes()).unwrap();
        assert_eq!(there.origin(), origin.as_str());
        assert_eq!((there.size(), *there.hash()), (size, theirs(&root)));
        assert_eq!(there.extension(), "");
        assert_eq!(there.to_bytes(), signed.note().text().as_bytes());
        assert!(verifies_there(&signed.to_string(), &signer));
        assert!(!verifies_there(&signed.to_string(), &our_signer(8)));
        let again: CheckpointNote = signed.to_string().parse().unwrap();
        assert_eq!(again.verify(&key).unwrap().size(), size);
    }
}
