//! Entries over HTTPS: bundles for those who may see them whole, single entries for those whom they concern, and
//! nothing for anybody else.

use audit::bundle;
use audit::tree::{TreeHash, leaf_hash};
use http::StatusCode;
use policies::id::Role;

use crate::harness::*;
use crate::hostile::h2;
use crate::opening::*;
use crate::raw::token;

/// What a plain HTTP/2 client gets with this bearer.
async fn get(member: &Member, at: u16, path: &str, bearer: Option<&str>) -> (StatusCode, Vec<u8>) {
    let (send, _driver) = h2(member, at).await;
    let mut send = send.ready().await.unwrap();
    let mut request = http::Request::get(format!("https://localhost{path}"));
    if let Some(bearer) = bearer {
        request = request.header("authorization", format!("Bearer {bearer}"));
    }
    let (answer, _) = send.send_request(request.body(()).unwrap(), true).unwrap();
    let (head, mut body) = answer.await.unwrap().into_parts();
    let mut bytes = Vec::new();
    while let Some(part) = body.data().await {
        bytes.extend_from_slice(&part.unwrap());
    }
    (head.status, bytes)
}

async fn with_token(member: &Member, at: u16, path: &str) -> (StatusCode, Vec<u8>) {
    get(member, at, path, Some(&token(member))).await
}

/// An auditor with a reader of tiles follows the log: the entries of the bundle are the leaves of the public tile.
#[tokio::test(flavor = "multi_thread")]
async fn an_auditor_reads_whole_bundles_and_they_are_the_leaves_of_the_public_tiles() {
    let (town, ..) = agreed().await;
    let auditor = town.join("ombudsman", Role::Auditor).await;
    let at = town.running().address.port();
    let size = town.broker().sequencer().state().size();
    assert!(size < 256, "one partial bundle");
    let (status, bytes) = with_token(&auditor, at, &format!("/tile/entries/000.p/{size}")).await;
    assert_eq!(status, StatusCode::OK);
    let entries = bundle::read(&bytes, usize::try_from(size).unwrap()).unwrap();
    let tile = format!("0/000.p/{size}").parse().unwrap();
    let hashes = town
        .broker()
        .sequencer()
        .log()
        .tile(&tile)
        .unwrap()
        .unwrap();
    let leaves: Vec<_> = entries
        .iter()
        .flat_map(|e| leaf_hash(e).as_bytes().to_vec())
        .collect();
    assert_eq!(leaves.len(), entries.len() * TreeHash::BYTES);
    assert_eq!(leaves, hashes);

    let absent = [
        format!("/tile/entries/000.p/{}", size + 40), // beyond the log
        "/tile/entries/001".to_owned(),
        "/tile/entries/x000".to_owned(),
        "/tile/entries/..%2f..%2fetc".to_owned(),
        format!("/entry/{}", size + 1000),
        "/entry/0/more".to_owned(),
        "/tile/entries/".to_owned(),
    ];
    for path in absent {
        assert_eq!(
            with_token(&auditor, at, &path).await.0,
            StatusCode::NOT_FOUND,
            "{path}"
        );
    }
}

/// Bundles are read while entries are written: neither waits for the other.
#[tokio::test(flavor = "multi_thread")]
async fn bundles_are_read_while_the_log_is_written() {
    let (town, _bikes, city, _terms, id) = agreed().await;
    let auditor = town.join("ombudsman", Role::Auditor).await;
    let at = town.running().address.port();
    let size = town.broker().sequencer().state().size();
    let path = format!("/tile/entries/000.p/{size}");
    let (send, _driver) = h2(&auditor, at).await;
    let writes = async {
        // Each is refused, and its refusal logged: that is a write.
        for _ in 0..100 {
            city.client
                .request(&wish(&id, "od", "2027-01-05"))
                .await
                .unwrap();
        }
    };
    let reads = async {
        for _ in 0..30 {
            let round = (0..8).map(|_| {
                let request = http::Request::get(format!("https://localhost{path}"))
                    .header("authorization", format!("Bearer {}", token(&auditor)));
                let send = send.clone();
                async move {
                    let mut send = send.ready().await.unwrap();
                    let (answer, _) = send.send_request(request.body(()).unwrap(), true).unwrap();
                    answer.await.unwrap().status()
                }
            });
            for status in futures::future::join_all(round).await {
                assert_eq!(status, StatusCode::OK);
            }
        }
    };
    let both = async { tokio::join!(writes, reads) };
    let limit = std::time::Duration::from_secs(60);
    tokio::time::timeout(limit, both)
        .await
        .expect("readers and writer wait for each other");
}

/// A party gets the entries that concern it, one by one; of others it learns nothing, not even that they are there.
#[tokio::test(flavor = "multi_thread")]
async fn a_party_reads_its_own_entries_and_foreign_ones_are_not_there() {
    let (town, bikes, _city, _terms, id) = agreed().await;
    let stranger = town.join("stranger", Role::Provider).await;
    let auditor = town.join("ombudsman", Role::Auditor).await;
    let at = town.running().address.port();
    let size = town.broker().sequencer().state().size();
    let mut own = 0;
    for index in 0..size {
        let path = format!("/entry/{index}");
        let (all, entry) = with_token(&auditor, at, &path).await;
        assert_eq!(all, StatusCode::OK, "auditors read all");
        if !String::from_utf8_lossy(&entry).contains(id.as_str()) {
            continue;
        }
        own += 1;
        assert_eq!(with_token(&bikes, at, &path).await, (StatusCode::OK, entry));
        assert_eq!(
            with_token(&stranger, at, &path).await,
            (StatusCode::NOT_FOUND, vec![])
        );
    }
    assert!(own > 0, "the agreement is in the log");
    // All that happened so far concerns the party; the stranger's bundle would have to lack entries.
    let whole = format!("/tile/entries/000.p/{size}");
    assert_eq!(with_token(&bikes, at, &whole).await.0, StatusCode::OK);
    assert_eq!(
        with_token(&stranger, at, &whole).await,
        (StatusCode::NOT_FOUND, vec![])
    );
}

/// The gates are those of every call, and say no in HTTP's words.
#[tokio::test(flavor = "multi_thread")]
async fn without_a_token_of_its_own_nobody_reads_an_entry() {
    let town = Town::new().await;
    let auditor = town.join("ombudsman", Role::Auditor).await;
    let other = town.join("other", Role::Auditor).await;
    let at = town.running().address.port();
    for path in ["/entry/0", "/tile/entries/000.p/1"] {
        for bearer in [None, Some("a.b.c"), Some(token(&other).as_str())] {
            let (status, body) = get(&auditor, at, path, bearer).await;
            assert_eq!((status, body), (StatusCode::UNAUTHORIZED, vec![]), "{path}");
        }
    }
}
