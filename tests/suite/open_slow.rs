//! Open data while a disk takes its time: what happens meanwhile counts, and nothing is done twice.

use std::io;
use std::net::SocketAddr;
use std::ops::Range;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex};

use broker::clock::Clock;
use broker::flow::Broker;
use broker::store::disk::{Disk, FileName, OsDisk};
use broker::web;
use certs::Ed25519Seed;
use policies::entry::Body;
use policies::id::ReleaseKey;
use policies::state::{Openness, Stage, State};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

use crate::crash::broker_on;
use crate::harness::*;
use crate::open_data::Open;
use crate::opening::until;

/// A disk whose reads of one file wait until they may go on.
#[derive(Debug)]
struct Gated {
    disk: OsDisk,
    gate: Mutex<Gate>,
    turned: Condvar,
}

#[derive(Debug, Default)]
struct Gate {
    /// The file whose reads wait.
    shut: Option<String>,
    waiting: usize,
    passed: usize,
}

impl Gated {
    fn shut(&self, file: String) {
        self.gate.lock().unwrap().shut = Some(file);
    }

    fn open(&self) {
        self.gate.lock().unwrap().shut = None;
        self.turned.notify_all();
    }

    /// Once a number of reads wait, and have passed.
    async fn counts(&self, waiting: usize, passed: usize) {
        until("the reads are there", async || {
            let gate = self.gate.lock().unwrap();
            (gate.waiting == waiting && gate.passed == passed).then_some(())
        })
        .await;
    }
}

impl Disk for Gated {
    fn append(&self, name: &FileName, bytes: &[u8]) -> io::Result<()> {
        self.disk.append(name, bytes)
    }

    fn read(&self, name: &FileName, range: Range<u64>) -> io::Result<Vec<u8>> {
        let mut gate = self.gate.lock().unwrap();
        if gate.shut.as_deref() != Some(name.as_str()) {
            drop(gate);
            return self.disk.read(name, range);
        }
        gate.waiting += 1;
        let mut gate = self
            .turned
            .wait_while(gate, |gate| gate.shut.is_some())
            .unwrap();
        let read = self.disk.read(name, range);
        (gate.waiting, gate.passed) = (gate.waiting - 1, gate.passed + 1);
        read
    }

    fn length(&self, name: &FileName) -> io::Result<Option<u64>> {
        self.disk.length(name)
    }

    fn truncate(&self, name: &FileName, length: u64) -> io::Result<()> {
        self.disk.truncate(name, length)
    }

    fn sync_data(&self, name: &FileName) -> io::Result<()> {
        self.disk.sync_data(name)
    }

    fn rename(&self, from: &FileName, to: &FileName) -> io::Result<()> {
        self.disk.rename(from, to)
    }

    fn write_durable(&self, name: &FileName, bytes: &[u8]) -> io::Result<()> {
        self.disk.write_durable(name, bytes)
    }

    fn remove(&self, name: &FileName) -> io::Result<bool> {
        self.disk.remove(name)
    }

    fn list(&self, folder: &FileName) -> io::Result<Vec<FileName>> {
        self.disk.list(folder)
    }

    fn root(&self) -> Option<&Path> {
        self.disk.root()
    }
}

/// The public side of a stopped town, on a gated disk and in the clear.
struct Slow {
    disk: Arc<Gated>,
    clock: Clock,
    at: SocketAddr,
    broker: Arc<Broker>,
    open: Arc<web::Open>,
    _stop: tokio_util::sync::DropGuard,
}

impl Slow {
    async fn of(open: &mut Open) -> Self {
        let town = &mut open.town;
        town.stop().await;
        let disk = Arc::new(Gated {
            disk: OsDisk::open(&town.config.state).unwrap(),
            gate: Mutex::default(),
            turned: Condvar::new(),
        });
        let seed = Ed25519Seed::read(&town.pki.log_key()).unwrap();
        let index = town.folder.path().join("another-index");
        let on: Arc<dyn Disk> = Arc::clone(&disk) as Arc<dyn Disk>;
        let clock = Clock::standing_at(NOW.parse().unwrap());
        let broker = broker_on(on, &index, *seed.as_bytes(), clock.clone()).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (at, stop) = (listener.local_addr().unwrap(), CancellationToken::new());
        let open = web::Open::new(&broker, web::Presented::default());
        let routes = web::routes(Arc::clone(&broker), Arc::clone(&open));
        tokio::spawn(web::serve(listener, None, routes, stop.clone()));
        Self {
            disk,
            clock,
            at,
            broker,
            open,
            _stop: stop.drop_guard(),
        }
    }

    /// The file of a release's table.
    fn table(&self, key: &ReleaseKey) -> String {
        let state = self.broker.sequencer().state();
        let Stage::Published { blob, .. } = &state.release(key).unwrap().stage else {
            panic!("not published")
        };
        format!("blobs/{blob}")
    }

    /// Writes that somebody else has approved it.
    async fn approve(&self, key: &ReleaseKey) {
        let mut opening = {
            let state = self.broker.sequencer().state();
            let open = state.release(key).unwrap().open.clone();
            let Some(Openness::Proposed { by, .. }) = open else {
                panic!("not proposed")
            };
            by
        };
        opening.user.pseudonym = "f".repeat(32).parse().unwrap();
        let opened = move |_: &State, _| Ok((vec![Body::ReleaseOpened(opening)], ()));
        let written = self.broker.sequencer().submit("release.opened", opened);
        written.await.unwrap();
    }

    /// Once the catalogue has so many files with their checksums.
    async fn has_files(&self, number: usize) {
        until("they are known", async || {
            let mut stream = self.asks("/open.jsonld").await;
            let mut listed = String::new();
            stream.read_to_string(&mut listed).await.unwrap();
            let files = listed.matches("spdx:checksumValue\"").count();
            (files == number).then_some(())
        })
        .await;
    }

    async fn asks(&self, path: &str) -> TcpStream {
        let mut stream = TcpStream::connect(self.at).await.unwrap();
        let request =
            format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        stream
    }

    /// The status of an answer, once it is there.
    async fn status(mut stream: TcpStream) -> u16 {
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        let head = String::from_utf8_lossy(&answer);
        head.split(' ').nth(1).unwrap().parse().unwrap()
    }
}

/// An export takes its time, and a party need not wait for it: the answer that was being made does not go out.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_withdrawn_while_it_is_being_made_does_not_go_out() {
    let mut open = Open::new("withdrawn").await;
    open.open().await;
    let slow = Slow::of(&mut open).await;
    let zoning = {
        let state = slow.broker.sequencer().state();
        let id = &open.terms.tables[0].zoning;
        state.zoning(id).unwrap().blob.clone()
    };
    slow.disk.shut(format!("blobs/{zoning}"));
    let csv = slow.asks(&format!("/open/{}.csv", open.key)).await;
    slow.disk.counts(1, 0).await;
    let mut listing = slow.asks("/open.jsonld").await;
    slow.disk.counts(2, 0).await;
    // The agreement's last day is over, which withdraws it.
    slow.clock.set("2028-01-02T00:00:00Z".parse().unwrap());
    slow.disk.open();
    assert_eq!(Slow::status(csv).await, 410);
    let mut listed = String::new();
    listing.read_to_string(&mut listed).await.unwrap();
    assert!(
        listed.contains("WITHDRAWN") && !listed.contains("dcat:distribution"),
        "{listed}"
    );
}

/// Whoever asks and hangs up has the work done once, and not again by the next one.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_made_for_a_reader_who_has_gone_is_kept() {
    let mut open = Open::new("kept").await;
    open.open().await;
    let slow = Slow::of(&mut open).await;
    let file = slow.table(&open.key);
    slow.disk.shut(file.clone());
    let table = format!("/open/{}.arrow", open.key);
    let asked = slow.asks(&table).await;
    slow.disk.counts(1, 0).await;
    drop(asked);
    // So that the server has seen it: a further connection, which it takes after.
    assert_eq!(Slow::status(slow.asks("/open/x").await).await, 404);
    slow.disk.open();
    slow.disk.counts(0, 1).await;
    std::fs::remove_file(open.town.config.state.join(file)).unwrap();
    until("it is kept", async || {
        let status = Slow::status(slow.asks(&table).await).await;
        (status == 200).then_some(())
    })
    .await;
}

/// After a start, whoever asks for the catalogue first need not wait for the files of all that it names; nor of what is
/// opened later.
#[tokio::test(flavor = "multi_thread")]
async fn what_the_catalogue_names_is_made_before_anybody_asks() {
    let mut open = Open::new("kept").await;
    open.open().await;
    let next = open.released_too("2026-10-06").await;
    let (city, signer) = (&open.city.client, &open.city.signer);
    city.propose_open_data(&next, signer).await.unwrap();
    let slow = Slow::of(&mut open).await;
    let stop = CancellationToken::new();
    let ahead = Arc::clone(&slow.open).make_ahead(stop.clone());
    let state = open.town.config.state.clone();
    let file = slow.table(&open.key);
    slow.disk.shut(file.clone());
    let ahead = tokio::spawn(ahead);
    slow.disk.counts(1, 0).await;
    slow.disk.open();
    slow.disk.counts(0, 1).await;
    // From here on nobody else could make them.
    std::fs::remove_file(state.join(file)).unwrap();
    slow.has_files(5).await;
    let file = slow.table(&next);
    slow.disk.shut(file.clone());
    slow.approve(&next).await;
    slow.disk.counts(1, 1).await;
    slow.disk.open();
    slow.disk.counts(0, 2).await;
    std::fs::remove_file(state.join(file)).unwrap();
    slow.has_files(10).await;
    stop.cancel();
    ahead.await.unwrap();
}
