#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

use std::sync::Mutex;

use audit::checkpoint::TreeHead;
use audit::cosignature::Cosigner;
use audit::tree::leaf_hash;
use axum::http::StatusCode;
use zeroize::Zeroizing;

use super::*;
use crate::store::disk::sim::SimDisk;
use crate::store::open::Store;
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

/// A witness that gives these answers in turn; its address.
async fn answering(answers: Vec<(StatusCode, String)>) -> String {
    let answers = Arc::new(Mutex::new(answers.into_iter()));
    let next = move || async move { answers.lock().unwrap().next().unwrap() };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let routes = axum::Router::new().route("/add-checkpoint", axum::routing::post(next));
    tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
    url
}

/// The operator's log of this thread, and where it is read.
#[derive(Clone, Default)]
struct Told(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Told {
    fn write(&mut self, line: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(line)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// One line each time, and not one for each answer.
#[tokio::test]
async fn a_witness_that_forgets_again_is_told_again() {
    let folder = tempfile::tempdir().unwrap();
    let disk = Arc::new(SimDisk::new());
    let store = Store::open_on(disk, &folder.path().join("index"), signer()).unwrap();
    let clock = Clock::standing_at(policies::testing::now());
    let (sequencer, _stopped) = Sequencer::start(store.log, store.state, None, clock.clone());
    let begun = policies::testing::Town::new().log.into_iter();
    let begun: Vec<_> = begun.map(|entry| entry.body).collect();
    let written = sequencer.submit("test", move |_, _| Ok((begun, ())));
    written.await.unwrap();
    let note = sequencer.log().checkpoint().clone();
    let seconds = u64::try_from(clock.now().as_second()).unwrap();
    let line = cosigner(5).cosign(note.claimed(), seconds).unwrap();
    let forgot = |size: u64| (StatusCode::CONFLICT, size.to_string());
    let cosigned = (StatusCode::OK, format!("{line}\n"));
    let answers = [
        forgot(1),
        cosigned.clone(),
        forgot(2),
        forgot(1),
        forgot(0),
        cosigned,
    ];
    let mut desk = desk();
    desk.witness.url = Some(answering(answers.to_vec()).await);
    desk.line = Line::to(&desk.witness, None).unwrap();
    desk.known = note.claimed().size();
    let told = Told::default();
    let lines = told.clone();
    let log = tracing_subscriber::fmt().with_writer(move || lines.clone());
    let _log = tracing::subscriber::set_default(log.finish());
    for times in [1, 2, 2] {
        let asked = desk.ask(&note, (&sequencer, &clock), &Metrics::new()).await;
        asked.unwrap();
        let text = String::from_utf8(told.0.lock().unwrap().clone()).unwrap();
        assert_eq!(text.matches("has forgotten").count(), times, "{text}");
    }
}
