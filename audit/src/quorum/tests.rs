#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

use super::*;
use crate::checkpoint::TreeHead;
use crate::testing::{cosigner, key as log_key, signer as log_signer};
use crate::tree::leaf_hash;

fn vkey(n: u8) -> String {
    cosigner(&format!("w{n}.example"), n)
        .verifier_key()
        .to_string()
}

/// The example of the specification: two of three X, and any of three Y.
fn example() -> String {
    let witnesses = [
        ("X1", 1),
        ("X2", 2),
        ("X3", 3),
        ("Y1", 4),
        ("Y2", 5),
        ("Y3", 6),
    ];
    let witnesses: String = witnesses
        .iter()
        .map(|(name, n)| format!("witness {name} {}\n", vkey(*n)))
        .collect();
    format!(
        "# an example\n\nlog {}\n{witnesses}group X-witnesses 2 X1 X2 X3\n \
         group\tY-witnesses any Y1 Y2 Y3\ngroup X-and-Y all X-witnesses Y-witnesses\n\
         quorum X-and-Y\n",
        log_key()
    )
}

fn cosigned(by: &[u8]) -> Checkpoint {
    let origin = log_key().origin().clone();
    let head = TreeHead::new(origin, 9, leaf_hash(b"")).unwrap();
    let mut note = head.clone().sign(&log_signer()).unwrap();
    for n in by {
        let line = cosigner(&format!("w{n}.example"), *n)
            .cosign(&head, 5)
            .unwrap();
        note = note.with_signature(line).unwrap();
    }
    note.verify(&log_key()).unwrap()
}

#[test]
fn the_example_of_the_specification_counts_as_it_says() {
    let policy: Policy = example().parse().unwrap();
    policy.check_log(&log_key()).unwrap();
    for enough in [&[1, 2, 4][..], &[2, 3, 6], &[1, 2, 3, 4, 5, 6], &[1, 3, 5]] {
        policy.check(&cosigned(enough)).unwrap();
    }
    for short in [
        &[][..],
        &[1, 2],
        &[1, 4, 5, 6],
        &[4],
        &[1, 2, 7],
        &[1, 1, 4],
    ] {
        let refused = policy.check(&cosigned(short)).unwrap_err();
        assert!(
            matches!(refused, QuorumError::NotReached { size: 9, .. }),
            "{short:?}"
        );
    }
}

/// Attack: enough true cosignatures, and one that was made for another tree.
/// [`cosigned`] says 5 seconds after 1970.
#[test]
fn a_cosignature_from_a_time_to_come_does_not_count() {
    let policy: Policy = example().parse().unwrap();
    let checkpoint = cosigned(&[1, 2, 4]);
    let at = |second| Timestamp::from_second(second).unwrap();
    policy.check_times(&checkpoint, at(5)).unwrap();
    policy.check_times(&checkpoint, at(5 - 300)).unwrap();
    policy.check_times(&checkpoint, at(2_000_000_000)).unwrap();
    let error = policy.check_times(&checkpoint, at(5 - 301)).unwrap_err();
    assert!(
        matches!(&error, QuorumError::Ahead { witness, .. } if witness == "X1"),
        "{error}"
    );
    // Nobody's, nobody lies.
    policy.check_times(&cosigned(&[]), at(-900)).unwrap();
}

#[test]
fn a_false_cosignature_spoils_the_whole_checkpoint() {
    let policy: Policy = example().parse().unwrap();
    let origin = log_key().origin().clone();
    let other = TreeHead::new(origin, 8, leaf_hash(b"")).unwrap();
    let replayed = cosigner("w5.example", 5).cosign(&other, 5).unwrap();
    let note = cosigned(&[1, 2, 4]).signed().clone();
    let note = note.with_signature(replayed).unwrap();
    let refused = policy.check(&note.verify(&log_key()).unwrap());
    assert!(matches!(refused, Err(QuorumError::Note(_))));
}

#[test]
fn a_policy_without_witnesses_asks_for_none() {
    let policy: Policy = "quorum none".parse().unwrap();
    policy.check(&cosigned(&[])).unwrap();
    policy.check_log(&log_key()).unwrap();
    let policy: Policy = example().parse().unwrap();
    let other = crate::note::Signer::from_seed(
        log_key().origin().clone(),
        &zeroize::Zeroizing::new([50; 32]),
    );
    let other = LogKey::new(other.unwrap().verifier_key().clone());
    assert!(policy.check_log(&other).is_err());
}

#[test]
fn every_rule_of_the_form_is_asked_for() {
    let (one, two, log) = (vkey(1), vkey(2), log_key());
    let under_another_name = cosigner("alias.example", 1).verifier_key().to_string();
    for (line, wrong) in [
        (1, String::new()),
        (2, format!("witness a {one}\n")),
        (1, "quorum a".to_owned()),
        (2, "quorum none\nquorum none".to_owned()),
        (1, format!("witness none {one}\nquorum none")),
        (2, format!("witness a {one}\nwitness a {two}\nquorum none")),
        (
            2,
            format!("witness a {one}\nwitness b {under_another_name}\nquorum none"),
        ),
        (1, format!("witness a {log}\nquorum none")),
        (1, format!("log {one}\nquorum none")),
        (2, format!("log {log}\nlog {log}\nquorum none")),
        (1, "group g all a\nquorum none".to_owned()),
        (2, format!("witness a {one}\ngroup g 0 a\nquorum none")),
        (2, format!("witness a {one}\ngroup g 2 a\nquorum none")),
        (2, format!("witness a {one}\ngroup g 01 a\nquorum none")),
        (2, format!("witness a {one}\ngroup g all\nquorum none")),
        (2, format!("witness a {one}\ngroup g all a a\nquorum none")),
        (
            3,
            format!("witness a {one}\ngroup g all a\ngroup h all a\nquorum none"),
        ),
        (2, format!("witness a {one}\ngroup g all g\nquorum none")),
        (2, format!("witness a {one}\ngroup g all none\nquorum none")),
        (1, "what is this".to_owned()),
        (1, "quorum none\r\n".to_owned()),
        (1, format!("witness a {one} http://a extra\nquorum none")),
    ] {
        let refused = wrong.parse::<Policy>().unwrap_err();
        assert_eq!(refused.line, line, "{wrong:?}: {refused}");
    }
    let url = format!("\t witness a {one} \t http://127.0.0.1:1/ \nquorum a");
    let policy: Policy = url.parse().unwrap();
    let given = policy.witnesses().first().unwrap().url.clone();
    assert_eq!(given.unwrap(), "http://127.0.0.1:1/");
}
