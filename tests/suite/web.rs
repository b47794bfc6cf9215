//! The public side, as a stranger sees it: no certificate, no login, somebody else's reader of tiles.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;

use audit::checkpoint::{Checkpoint, CheckpointNote};
use audit::tile::Tile as OurTile;
use broker::limits::WEB_CONNECTIONS_MAX;
use policies::id::Role;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use signed_note::{StandardVerifier, VerifierList};
use tlog_tiles::{Error, Hash, Tile, TileHashReader, TileReader};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::harness::*;
use crate::opening::*;

pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        let mut found = lines.filter(|(key, _)| key.eq_ignore_ascii_case(name));
        found.next().map(|(_, value)| value)
    }
}

async fn call(town: &Town, method: &str, path: &str) -> io::Result<Answer> {
    ask(town, method, path, "").await
}

/// With further header lines, each ended by CR LF.
pub async fn ask(town: &Town, method: &str, path: &str, lines: &str) -> io::Result<Answer> {
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_file(town.pki.ca()).unwrap())
        .unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let socket = TcpStream::connect(town.running().web_address.unwrap()).await?;
    let name = ServerName::try_from("localhost").unwrap();
    let connector = TlsConnector::from(Arc::new(config));
    let mut stream = connector.connect(name, socket).await?;
    let request =
        format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{lines}\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut all = Vec::new();
    stream.read_to_end(&mut all).await?;
    let end = all.windows(4).position(|w| w == b"\r\n\r\n").unwrap();
    let head = String::from_utf8(all[..end].to_vec()).unwrap();
    Ok(Answer {
        status: head.split(' ').nth(1).unwrap().parse().unwrap(),
        head,
        body: all[end + 4..].to_vec(),
    })
}

pub async fn get(town: &Town, path: &str) -> Answer {
    call(town, "GET", path).await.unwrap()
}

async fn checkpoint(town: &Town) -> Checkpoint {
    let text = String::from_utf8(get(town, "/checkpoint").await.body).unwrap();
    let note = signed_note::Note::from_bytes(text.as_bytes()).unwrap();
    let key = StandardVerifier::new(&town.log_key.to_string()).unwrap();
    note.verify(&VerifierList::new(vec![Box::new(key)]))
        .unwrap();
    let note: CheckpointNote = text.parse().unwrap();
    note.verify(&town.log_key).unwrap()
}

/// Tiles that were fetched before.
struct Fetched(HashMap<(u8, u64, u32), Vec<u8>>);

impl TileReader for Fetched {
    fn height(&self) -> u8 {
        8
    }

    fn read_tiles(&self, tiles: &[Tile]) -> Result<Vec<Vec<u8>>, Error> {
        let tile = |t: &Tile| self.0[&(t.level(), t.level_index(), t.width())].clone();
        Ok(tiles.iter().map(tile).collect())
    }

    fn save_tiles(&self, _: &[Tile], _: &[Vec<u8>]) {}
}

/// Every entry of the log, out of public tiles, authenticated by a public checkpoint.
async fn check_by_others(town: &Town, checkpoint: &Checkpoint) {
    let (size, root) = (checkpoint.size(), Hash(*checkpoint.root().as_bytes()));
    let mut fetched = Fetched(HashMap::new());
    for tile in OurTile::partial(size) {
        let answer = get(town, &format!("/tile/{tile}")).await;
        assert_eq!(answer.status, 200, "{tile}");
        let kept = answer.header("cache-control").unwrap();
        assert_eq!(kept, "public, max-age=31536000, immutable");
        let width = (answer.body.len() / 32) as u32;
        fetched
            .0
            .insert((tile.level(), tile.index(), width), answer.body);
    }
    let reader = TileHashReader::new(size, root, &fetched);
    for index in 0..size {
        let entry = town.broker().sequencer().log().entry(index).unwrap();
        let proof = tlog_tiles::prove_record(size, index, &reader).unwrap();
        let leaf = tlog_tiles::record_hash(&entry);
        tlog_tiles::check_record(&proof, size, root, index, leaf).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_elses_reader_checks_the_public_log() {
    let town = Town::new().await;
    let early = checkpoint(&town).await;
    check_by_others(&town, &early).await;
    town.join("bikes", Role::Provider).await;
    town.zoning().await;
    let late = checkpoint(&town).await;
    assert!(late.size() > early.size());
    check_by_others(&town, &late).await;
    // Whoever still holds the early checkpoint can finish.
    check_by_others(&town, &early).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_else_is_public_and_nothing_can_be_sent() {
    let town = Town::new().await;
    let answer = get(&town, "/checkpoint").await;
    assert_eq!(answer.status, 200);
    assert_eq!(
        answer.header("content-type"),
        Some("text/plain; charset=utf-8")
    );
    assert_eq!(answer.header("cache-control"), Some("public, max-age=1"));
    let size = checkpoint(&town).await.size();
    for absent in [
        "/",
        "/metrics",
        "/tile/entries/000",
        "/tile/0/000",
        "/tile/0/001.p/1",
        &format!("/tile/0/000.p/{}", size + 1),
        "/tile/0/000.p/0",
        "/tile/0/..%2f..%2fentries",
        "/tile/../entries",
        "/weir.v1.TransparencyService/GetEntries",
    ] {
        let answer = get(&town, absent).await;
        assert_eq!(answer.status, 404, "{absent}");
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{absent}");
        assert!(answer.body.is_empty(), "{absent}");
    }
    for method in ["POST", "PUT", "DELETE", "PATCH"] {
        let answer = call(&town, method, "/checkpoint").await.unwrap();
        assert_eq!(answer.status, 405, "{method}");
    }
    let head = call(&town, "HEAD", "/checkpoint").await.unwrap();
    assert_eq!((head.status, head.body.len()), (200, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crowd_is_turned_away_and_leaves_the_members_port_alone() {
    let town = Town::new().await;
    let mut crowd = Vec::new();
    for _ in 0..WEB_CONNECTIONS_MAX {
        let at = town.running().web_address.unwrap();
        crowd.push(TcpStream::connect(at).await.unwrap());
    }
    assert!(call(&town, "GET", "/checkpoint").await.is_err());
    town.join("bikes", Role::Provider).await;
    drop(crowd);
    // Places come back as soon as the server sees the connections end.
    until("a place comes back", async || {
        call(&town, "GET", "/checkpoint").await.ok()
    })
    .await;
}
