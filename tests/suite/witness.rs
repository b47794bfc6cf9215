//! Witnesses: what members get is cosigned, without a quorum no table leaves, and a restored backup
//! does not start.

use std::time::{Duration, Instant};

use audit::quorum::Policy;
use broker::clock::Clock;
use broker::config::Witnesses;
use broker::serve::start;
use broker::witness::{self, WitnessConfig};
use certs::{Ed25519Seed, write_secret};
use policies::agreement::Agreement;
use policies::id::{AgreementId, Role};
use policies::state::Stage;
use sdk::client::{Answered, Client, ClientError, Retry};
use tokio_util::sync::CancellationToken;

use crate::harness::*;
use crate::opening::*;
use crate::recovery::copy;

mod clock;
mod forgot;
mod https;

/// A witness on this machine, which can be ended and started again where it was.
struct Watcher {
    config: WitnessConfig,
    clock: Clock,
    vkey: String,
    stop: CancellationToken,
    ended: Option<tokio::task::JoinHandle<()>>,
}

impl Watcher {
    async fn new(town: &Town, name: &str) -> Self {
        let folder = town.folder.path().join(name);
        std::fs::create_dir_all(&folder).unwrap();
        let key = folder.join("witness.key");
        let pem = Ed25519Seed::generate().unwrap().to_pem().unwrap();
        write_secret(&key, pem.as_bytes(), false).unwrap();
        let mut watcher = Self {
            config: WitnessConfig {
                listen: "127.0.0.1:0".parse().unwrap(),
                name: format!("{name}.example/w"),
                key,
                state: folder.join("state"),
                logs: vec![town.log_key.clone()],
            },
            clock: town.clock.clone(),
            vkey: String::new(),
            stop: CancellationToken::new(),
            ended: None,
        };
        witness::begin(&watcher.config.state).unwrap();
        watcher.start().await;
        watcher
    }

    async fn start(&mut self) {
        self.stop = CancellationToken::new();
        let running = witness::start(&self.config, self.clock.clone(), self.stop.clone());
        let running = running.await.unwrap();
        self.config.listen = running.address;
        self.vkey = running.key.to_string();
        self.ended = Some(tokio::spawn(running.ended()));
    }

    async fn stop(&mut self) {
        self.stop.cancel();
        self.ended.take().unwrap().await.unwrap();
        // The file's lock is let go with the last connection.
        until("the state is let go", async || {
            broker::store::disk::OsDisk::open(&self.config.state).ok()
        })
        .await;
    }

    fn line(&self, name: &str) -> String {
        format!(
            "witness {name} {} http://{}\n",
            self.vkey, self.config.listen
        )
    }
}

/// A town whose log two witnesses watch; one of them is enough.
struct Watched {
    town: Town,
    north: Watcher,
    south: Watcher,
    policy: Policy,
}

impl Watched {
    async fn new() -> Self {
        let mut town = Town::new().await;
        let north = Watcher::new(&town, "north").await;
        let south = Watcher::new(&town, "south").await;
        let text = format!(
            "log {}\n{}{}group any-one any north south\nquorum any-one\n",
            town.log_key,
            north.line("north"),
            south.line("south")
        );
        let file = town.folder.path().join("witnesses.policy");
        std::fs::write(&file, &text).unwrap();
        town.stop().await;
        town.policy = Some(file.clone());
        town.config.witnesses = Some(Witnesses {
            policy: file,
            ca: None,
        });
        town.start().await;
        Self {
            town,
            north,
            south,
            policy: text.parse().unwrap(),
        }
    }
}

async fn contributed(town: &Town) -> (AgreementId, Member) {
    contributed_with(town, |_| {}).await
}

async fn contributed_with(
    town: &Town,
    change: impl FnOnce(&mut Agreement),
) -> (AgreementId, Member) {
    let bikes = town.join("bikes", Role::Provider).await;
    let city = town.join("city", Role::Planner).await;
    let (_, geojson) = town.zoning().await;
    let mut terms = agreement(&bikes, &city, &geojson);
    change(&mut terms);
    let id = activate(&bikes, &city, &terms).await;
    let cells = [cells(&terms, &ROWS)];
    bikes
        .client
        .push(&push(&id, "2026-10-05"), &cells, |_| {})
        .await
        .unwrap();
    (id, city)
}

/// Every client of this town holds the policy, so that each of its calls asks for the quorum.
#[tokio::test(flavor = "multi_thread")]
async fn every_answer_is_cosigned_by_a_quorum() {
    let watched = Watched::new().await;
    let (id, city) = contributed(&watched.town).await;
    let Answered::Released(released) = city
        .client
        .request(&wish(&id, "od", "2026-10-05"))
        .await
        .unwrap()
    else {
        panic!()
    };
    watched.policy.check(released.proof.checkpoint()).unwrap();
    let checkpoint = city.client.checkpoint().await.unwrap();
    watched.policy.check(&checkpoint).unwrap();
    assert_eq!(
        watched.policy.cosigners(checkpoint.signed()).unwrap().len(),
        2
    );
}

/// Quorum lost: reads go on, a release waits and ends as unavailable; its reservation is kept, and
/// the retry with the same request id is answered under it.
#[tokio::test(flavor = "multi_thread")]
async fn without_a_quorum_no_table_leaves_and_the_retry_is_charged_nothing() {
    let mut watched = Watched::new().await;
    let (id, city) = contributed(&watched.town).await;
    watched.north.stop().await;
    watched.south.stop().await;
    let client = city.client.clone().with_retry(Retry {
        attempts: 1,
        ..Retry::default()
    });
    let wish = wish(&id, "od", "2026-10-05");
    let begun = Instant::now();
    let error = client.request(&wish).await.unwrap_err();
    assert!(begun.elapsed() < Duration::from_secs(25), "bounded");
    let ClientError::Status { code, .. } = &error else {
        panic!("{error}")
    };
    assert_eq!(*code, tonic::Code::Unavailable);
    let broker = watched.town.broker();
    let unfinished = broker.sequencer().state().unfinished();
    assert_eq!(unfinished.len(), 1, "reserved, and not drawn");
    // A reader without a policy is served all the same.
    watched.town.policy = None;
    let plain = watched.town.member("city").await;
    plain.client.agreement(&id).await.unwrap();
    plain.client.checkpoint().await.unwrap();

    watched.north.start().await;
    let Answered::Released(released) = city.client.request(&wish).await.unwrap() else {
        panic!()
    };
    watched.policy.check(released.proof.checkpoint()).unwrap();
    let state = broker.sequencer().state().clone();
    assert_eq!(state.releases().count(), 1, "one reservation, one charge");
}

/// The quorum is lost at the tick and back at a later one: what was charged meanwhile is published then, once, by the broker
/// alone.
#[tokio::test(flavor = "multi_thread")]
async fn a_scheduled_release_is_drawn_at_a_tick_after_the_quorum_is_back() {
    let mut watched = Watched::new().await;
    contributed_with(&watched.town, |terms| terms.plan[0].scheduled = true).await;
    watched.north.stop().await;
    watched.south.stop().await;
    let broker = watched.town.broker();
    broker.release_due().await;
    let sequencer = broker.sequencer();
    assert_eq!(sequencer.state().unfinished().len(), 1, "charged, no table");
    watched.north.start().await;
    broker.resume().await;
    until("the table is published", async || {
        let state = sequencer.state();
        state.unfinished().is_empty().then_some(())
    })
    .await;
    broker.release_due().await;
    broker.resume().await;
    let state = sequencer.state().clone();
    let stages: Vec<_> = state.releases().map(|(_, r)| r.stage.clone()).collect();
    assert!(
        matches!(stages[..], [Stage::Published { .. }]),
        "{stages:?}"
    );
}

/// A backup of yesterday: the witness has seen more, so the broker does not start, and says why.
#[tokio::test(flavor = "multi_thread")]
async fn an_older_copy_does_not_start_while_a_witness_is_ahead() {
    let mut watched = Watched::new().await;
    let town = &mut watched.town;
    town.stop().await;
    let backup = town.folder.path().join("backup");
    copy(&town.config.state, &backup);
    town.start().await;
    contributed(town).await;
    town.stop().await;
    // The newer payloads lie beside the older log, as where the log was put back alone.
    let newer = ["blobs", "salts"].map(|folder| town.config.state.join(folder));
    std::fs::remove_dir_all(town.config.state.join("log")).unwrap();
    copy(&backup, &town.config.state);
    let stored = || {
        newer
            .each_ref()
            .map(|folder| std::fs::read_dir(folder).unwrap().count())
    };
    let before = stored();
    let error = start(&town.config, town.clock.clone()).await.unwrap_err();
    assert_eq!(stored(), before, "erased under an older log");
    assert!(before[0] > 0);
    let text = error.to_string();
    for told in [
        "north",
        "has cosigned",
        "older copy",
        "restore a backup of at least",
    ] {
        assert!(text.contains(told), "`{told}` is not in: {text}");
    }
    // One witness that can be asked is enough.
    watched.north.stop().await;
    let error = start(&watched.town.config, watched.town.clock.clone()).await;
    let text = error.unwrap_err().to_string();
    assert!(
        text.contains("south") && text.contains("older copy"),
        "{text}"
    );
    // Where none can be asked it starts, as at every start in which they are away, and nothing is erased for good.
    watched.south.stop().await;
    let blind = start(&watched.town.config, watched.town.clock.clone()).await;
    blind.unwrap().stop().await.unwrap();
    assert_eq!(stored(), before, "erased though nobody saw the log");
}

/// The same backup, grown past the witness with another story: not a single entry is added.
#[tokio::test(flavor = "multi_thread")]
async fn a_copy_that_grew_another_way_does_not_start() {
    let mut watched = Watched::new().await;
    let town = &mut watched.town;
    town.stop().await;
    let backup = town.folder.path().join("backup");
    copy(&town.config.state, &backup);
    town.start().await;
    let seen = town.broker().sequencer().log().size();
    // Shown to the witnesses beside the start: ended at once, they would not know of it. The client that asks is
    // not used again: it would find the fork before them.
    let mut profile = town.profile("steward");
    profile.state = town.folder.path().join("asked-once");
    let client = Client::connect(&profile).await.unwrap();
    until("the start is cosigned", async || {
        let shown = client.checkpoint().await.ok()?;
        let cosigned = watched.policy.check(&shown).is_ok();
        (cosigned && shown.size() >= seen).then_some(())
    })
    .await;
    town.stop().await;
    std::fs::remove_dir_all(&town.config.state).unwrap();
    copy(&backup, &town.config.state);
    // Without its witnesses it grows past what they saw.
    let witnesses = town.config.witnesses.take();
    town.policy = None;
    town.start().await;
    while town.broker().sequencer().log().size() <= seen {
        let name = format!("org{}", town.broker().sequencer().log().size());
        town.join(&name, Role::Planner).await;
    }
    town.stop().await;
    town.config.witnesses = witnesses;
    let error = start(&town.config, town.clock.clone()).await.unwrap_err();
    assert!(error.to_string().contains("not this log's"), "{error}");
}

/// A policy that asks nobody would vouch for the clock and for an older copy on nobody's word.
#[tokio::test(flavor = "multi_thread")]
async fn a_policy_without_a_quorum_is_refused() {
    let mut watched = Watched::new().await;
    let town = &mut watched.town;
    town.stop().await;
    let file = &town.config.witnesses.as_ref().unwrap().policy;
    let named = format!("log {}\n{}", town.log_key, watched.north.line("north"));
    for witnesses in ["", &named] {
        std::fs::write(file, format!("{witnesses}quorum none\n")).unwrap();
        let error = start(&town.config, town.clock.clone()).await.unwrap_err();
        assert!(error.to_string().contains("`quorum none`"), "{error}");
    }
}

/// A witness whose clock is off would put a false time into every proof: its word is not taken.
#[tokio::test(flavor = "multi_thread")]
async fn a_witness_whose_clock_is_off_is_not_counted() {
    let mut watched = Watched::new().await;
    let seen = |watched: &Watched| watched.town.broker().heads().public();
    let size = watched.town.broker().sequencer().log().size();
    until("both have cosigned", async || {
        let by = watched.policy.cosigners(&seen(&watched)).unwrap();
        (seen(&watched).claimed().size() >= size && by.len() == 2).then_some(())
    })
    .await;
    let right = watched.town.clock.now();
    watched.north.stop().await;
    watched.north.clock = Clock::standing_at(right + jiff::SignedDuration::from_hours(1));
    watched.north.start().await;
    watched.town.join("bikes", Role::Provider).await;
    let size = watched.town.broker().sequencer().log().size();
    until("one has cosigned", async || {
        let by = watched.policy.cosigners(&seen(&watched)).unwrap();
        (seen(&watched).claimed().size() >= size).then_some(by)
    })
    .await;
    assert_eq!(watched.policy.cosigners(&seen(&watched)).unwrap().len(), 1);
}
