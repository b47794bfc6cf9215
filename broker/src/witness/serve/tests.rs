#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

use audit::checkpoint::{CheckpointNote, TreeHead};
use audit::note::{Note, Signer};
use audit::tree::{MemoryHashes, consistency_proof, leaf_hash, root_at};
use certs::write_secret;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;
use crate::store::testing::signer;

/// A log of nine entries; with another `story` they are others.
fn log(story: &str) -> MemoryHashes {
    let mut hashes = MemoryHashes::default();
    hashes.extend((0..9).map(|n| leaf_hash(format!("{story}{n}").as_bytes())));
    hashes
}

fn signed(log: &MemoryHashes, size: u64, signer: &Signer) -> CheckpointNote {
    let origin = signer.verifier_key().name().clone();
    let head = TreeHead::new(origin, size, root_at(log, size).unwrap()).unwrap();
    head.sign(signer).unwrap()
}

fn request(log: &MemoryHashes, old: u64, size: u64) -> AddCheckpoint {
    AddCheckpoint {
        old,
        proof: consistency_proof(log, old, size).unwrap(),
        checkpoint: signed(log, size, &signer()),
    }
}

/// One answer, as bytes came over the wire: status, content type, body.
async fn ask(to: SocketAddr, method: &str, path: &str, body: &str) -> (u16, String, String) {
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: witness\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    let mut stream = tokio::net::TcpStream::connect(to).await.unwrap();
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(body.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let mut lines = head.lines();
    let status = lines.next().unwrap().split(' ').nth(1).unwrap();
    let kind = lines.find_map(|line| {
        let (name, value) = line.split_once(": ")?;
        name.eq_ignore_ascii_case("content-type").then_some(value)
    });
    let kind = kind.unwrap_or_default().to_owned();
    (status.parse().unwrap(), kind, body.to_owned())
}

/// Every status of c2sp.org/tlog-witness, to whoever speaks HTTP.
#[tokio::test]
async fn answers_over_http_are_those_of_the_specification() {
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("witness.key");
    let pem = Ed25519Seed::generate().unwrap().to_pem().unwrap();
    write_secret(&key, pem.as_bytes(), false).unwrap();
    let config = WitnessConfig {
        listen: "127.0.0.1:0".parse().unwrap(),
        name: "north.example/w".into(),
        key,
        state: folder.path().join("state"),
        logs: vec![LogKey::new(signer().verifier_key().clone())],
    };
    let clock = Clock::standing_at("2026-11-20T12:00:00Z".parse().unwrap());
    let stop = CancellationToken::new();
    begin(&config.state).unwrap();
    let witness = start(&config, clock, stop.clone()).await.unwrap();
    let post = async |body: String| ask(witness.address, "POST", "/add-checkpoint", &body).await;
    let add = async |asked: &AddCheckpoint| post(asked.to_string()).await;
    let (honest, other) = (log("honest"), log("other"));

    let first = request(&honest, 0, 4);
    let (status, _, lines) = add(&first).await;
    assert_eq!(status, 200, "{lines}");
    let joined: Note = format!("{}\n{lines}", first.checkpoint.note().text())
        .parse()
        .unwrap();
    joined.verify(std::slice::from_ref(&witness.key)).unwrap();

    let size = "text/x.tlog.size".to_owned();
    // It knows another size, or another tree of this size: both tell which.
    let known = (409, size, "4\n".to_owned());
    assert_eq!(add(&request(&honest, 0, 9)).await, known);
    assert_eq!(add(&request(&honest, 3, 9)).await, known);
    assert_eq!(add(&request(&other, 4, 4)).await, known);
    // No proof leads from what it knows to this.
    assert_eq!(add(&request(&other, 4, 9)).await.0, 422);
    let status = async |asked: AddCheckpoint| add(&asked).await.0;
    let origin = signer().verifier_key().name().clone();
    let forger = Signer::from_seed(origin, &Zeroizing::new([9; 32])).unwrap();
    let stranger = Signer::from_seed(
        "stranger.example/log".parse().unwrap(),
        &Zeroizing::new([9; 32]),
    );
    let as_signed = |signer: &Signer| AddCheckpoint {
        checkpoint: signed(&honest, 9, signer),
        ..request(&honest, 4, 9)
    };
    assert_eq!(status(as_signed(&forger)).await, 403);
    assert_eq!(status(as_signed(&stranger.unwrap())).await, 404);
    let backwards = AddCheckpoint {
        old: 9,
        ..request(&honest, 4, 4)
    };
    assert_eq!(status(backwards).await, 400);
    assert_eq!(post("not a request".into()).await.0, 400);
    assert_eq!(post(String::new()).await.0, 400);
    // None of them changed what it knows.
    assert_eq!(status(request(&honest, 4, 9)).await, 200);
    let get = ask(witness.address, "GET", "/add-checkpoint", "").await;
    assert_eq!(get.0, 405);
    stop.cancel();
    witness.ended().await;
}
