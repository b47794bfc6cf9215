//! A copy of a log is asked for its quorum: `weir audit replay DIR --policy FILE`, and so `report` and `export`.

use audit::cosignature::Cosigner;
use audit::note::VerifierKey;

use super::*;
use crate::commands::Session;
use crate::commands::audit::replay::{Source, each};

fn witness(name: &str, seed: u8) -> Cosigner {
    let name = format!("{name}.example/w").parse().unwrap();
    Cosigner::from_seed(name, &Zeroizing::new([seed; 32])).unwrap()
}

/// What a broker leaves in `log/cosigned`: the head of so many entries, cosigned at a time.
fn cosigned(entries: &[Vec<u8>], by: &Cosigner, time: i64) -> String {
    let seed = Zeroizing::new([9; 32]);
    let signer = LogSigner::from_seed("weir.test/log".parse().unwrap(), &seed).unwrap();
    let mut frontier = Frontier::default();
    for entry in entries {
        frontier.append(leaf_hash(entry), |_, _| {});
    }
    let origin = signer.verifier_key().name().clone();
    let head = TreeHead::new(origin, frontier.size(), frontier.root()).unwrap();
    let signature = by.cosign(&head, time.try_into().unwrap()).unwrap();
    let note = head.sign(&signer).unwrap();
    String::from(note.with_signature(signature).unwrap())
}

#[tokio::test]
async fn a_copy_has_to_show_the_quorum_that_is_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let good = bytes(&story(folder.path()));
    let key = log(folder.path(), &good);
    let (north, south) = (witness("north", 1), witness("south", 2));
    let named = |key: &VerifierKey| format!("witness north {key} http://127.0.0.1:1\n");
    let policy = format!("log {key}\n{}quorum north\n", named(north.verifier_key()));
    std::fs::write(at("witnesses.policy"), policy).unwrap();
    let session = Session::silent();
    let replayed = async || {
        let source = Source {
            directory: Some(folder.path().to_owned()),
            log_key: Some(key.to_string()),
            policy: Some(at("witnesses.policy")),
        };
        let replayed = each(&source, &session, |_, _, _| Ok(())).await;
        replayed.map(|checked| (checked.cosigned.unwrap(), checked.behind().is_some()))
    };
    let refused = async |says: &str| {
        let error = replayed().await.unwrap_err();
        assert_eq!(error.code(), 4, "{error}");
        assert!(error.to_string().contains(says), "{error}");
    };
    refused("not cosigned by a quorum").await;

    let now = Timestamp::now().as_second();
    let put = |text: String| std::fs::write(at("log/cosigned"), text).unwrap();
    // A quorum is behind the log, never beside it.
    for (size, shown) in [(good.len(), (11, false)), (3, (3, true))] {
        put(cosigned(&good[..size], &north, now));
        assert_eq!(replayed().await.unwrap(), shown);
    }
    put(cosigned(&good, &south, now));
    refused("quorum").await;
    put(cosigned(&good, &north, now + 3600));
    refused("to come").await;
    let mut other = good.clone();
    other[2] = other[3].clone();
    put(cosigned(&other, &north, now));
    refused("forked or rewritten").await;

    // What `weir audit follow` keeps is one checkpoint, with the quorum's lines.
    std::fs::remove_file(at("log/cosigned")).unwrap();
    let checkpoint = cosigned(&good, &north, now);
    std::fs::write(at("log/checkpoint"), checkpoint).unwrap();
    assert_eq!(replayed().await.unwrap(), (11, false));
}
