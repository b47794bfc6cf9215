//! A clock that is wrong: witnesses say the time, and what time alone brings waits for them.

use std::time::Duration;

use broker::clock::Clock;
use broker::error::Error;
use broker::serve::start;
use jiff::SignedDuration;
use policies::agreement::{CellsOnEnd, OnEnd};
use policies::entry::{Body, Entry};
use policies::id::Role;
use policies::life::Action;
use policies::state::Status;

use super::*;

/// Longer than cells are kept.
const RETENTION: SignedDuration = SignedDuration::from_hours(24 * 91);

fn stored(town: &Town) -> usize {
    let folders = ["blobs", "salts"].map(|folder| town.config.state.join(folder));
    let files = folders.map(|folder| std::fs::read_dir(folder).unwrap().count());
    files.iter().sum()
}

fn kinds(town: &Town) -> Vec<String> {
    let broker = town.broker();
    let log = broker.sequencer().log();
    let entries = log.entries(0..log.size()).unwrap();
    let kind = |bytes: &Vec<u8>| Entry::from_bytes(bytes).unwrap().body.kind().to_owned();
    entries.iter().map(kind).collect()
}

/// Days or an hour ahead: no start, no entry, and no cell is gone. Under the right time it goes on.
#[tokio::test(flavor = "multi_thread")]
async fn a_start_under_a_clock_that_witnesses_contradict_is_refused() {
    let mut watched = Watched::new().await;
    contributed(&watched.town).await;
    let town = &mut watched.town;
    town.stop().await;
    let log = || std::fs::read(town.config.state.join("log/entries")).unwrap();
    let (before, cells) = (log(), stored(town));
    let right = town.clock.now();
    for ahead in [RETENTION, SignedDuration::from_hours(1)] {
        let wrong = Clock::standing_at(right + ahead);
        let error = start(&town.config, wrong.clone()).await.unwrap_err();
        let text = error.to_string();
        let (ours, theirs) = (wrong.now().to_string(), right.to_string());
        for told in ["north", "set the clock right", &ours, &theirs] {
            assert!(text.contains(told), "`{told}` is not in: {text}");
        }
        assert!(log() == before, "an entry was written");
        assert_eq!(stored(town), cells, "cells were erased");
    }
    // One witness alone that is wrong keeps nobody from starting.
    watched.north.stop().await;
    watched.north.clock = Clock::standing_at(right + RETENTION);
    watched.north.start().await;
    watched.town.start().await;
    watched.town.join("trams", Role::Provider).await;
}

/// While no witness can be asked the broker starts, as ever; what time alone brings is not written and nothing goes
/// past it. Once a quorum says the time, it is.
#[tokio::test(flavor = "multi_thread")]
async fn what_time_alone_brings_waits_for_a_quorum() {
    let mut watched = Watched::new().await;
    contributed(&watched.town).await;
    watched.town.stop().await;
    watched.north.stop().await;
    watched.south.stop().await;
    watched.town.start().await;
    let town = &watched.town;
    let broker = town.broker();
    let cells = stored(town);
    town.clock.set(town.clock.now() + RETENTION);
    let before = kinds(town);
    broker.erase_due().await.unwrap();
    let error = broker.beat().await.unwrap_err();
    assert!(matches!(error, Error::Untimed { .. }), "{error:?}");
    assert_eq!((kinds(town), stored(town)), (before, cells));
    // Past the agreement's last day its end is not written either.
    town.clock.set("2028-01-02T12:00:00Z".parse().unwrap());
    assert!(broker.let_run_out().await.is_err());
    assert!(!kinds(town).contains(&"agreement.expired".to_owned()));

    watched.north.start().await;
    until("cells go", async || {
        broker.erase_due().await.unwrap();
        (stored(town) < cells).then_some(())
    })
    .await;
    broker.let_run_out().await.unwrap();
    broker.beat().await.unwrap();
    let after = kinds(town);
    for kind in ["retention.deleted", "agreement.expired"] {
        assert!(after.contains(&kind.to_owned()), "{kind}: {after:?}");
    }
}

/// A start that finds cells due waits with its first entry, which is their deletion.
#[tokio::test(flavor = "multi_thread")]
async fn a_start_that_finds_cells_due_waits_for_a_quorum() {
    let mut watched = Watched::new().await;
    contributed(&watched.town).await;
    watched.town.stop().await;
    watched.north.stop().await;
    watched.south.stop().await;
    let Watched {
        mut town,
        mut north,
        ..
    } = watched;
    let cells = stored(&town);
    town.clock.set(town.clock.now() + RETENTION);
    let (state, log_file) = (town.config.state.clone(), "log/entries");
    let before = std::fs::read(state.join(log_file)).unwrap();
    let mut starting = tokio::spawn(async move {
        town.start().await;
        town
    });
    let waited = tokio::time::timeout(Duration::from_secs(2), &mut starting).await;
    assert!(waited.is_err(), "it started");
    assert!(std::fs::read(state.join(log_file)).unwrap() == before);
    north.start().await;
    let town = starting.await.unwrap();
    assert!(stored(&town) < cells, "deleted and not erased");
    let broker = town.broker();
    let log = broker.sequencer().log();
    let entries = log.entries(0..log.size()).unwrap();
    let bodies = entries
        .iter()
        .map(|bytes| Entry::from_bytes(bytes).unwrap().body);
    let started = |body: &Body| matches!(body, Body::BrokerStarted { .. });
    let last: Vec<_> = bodies.collect();
    let at = last.iter().rposition(started).unwrap();
    assert_eq!(last[at - 1].kind(), "retention.deleted");
    audit::replay::replay(entries).unwrap();
}

/// A witness that is away at the start and then says another time ends the broker, as one that is ahead does.
#[tokio::test(flavor = "multi_thread")]
async fn a_witness_that_contradicts_the_clock_later_ends_the_broker() {
    let mut watched = Watched::new().await;
    watched.town.stop().await;
    watched.north.stop().await;
    watched.south.stop().await;
    let right = watched.town.clock.now();
    let wrong = Clock::standing_at(right + RETENTION);
    let running = start(&watched.town.config, wrong).await.unwrap();
    watched.south.start().await;
    let ended = tokio::time::timeout(Duration::from_secs(60), running.ended()).await;
    let error = ended.expect("it ends").unwrap_err().to_string();
    assert!(error.contains("set the clock right"), "{error}");
}

/// What a party or a steward does waits for nobody's time: neither for the end of another agreement, which does wait, nor
/// does the end that a party makes hold up others by the cells that go with it.
#[tokio::test(flavor = "multi_thread")]
async fn while_no_quorum_says_the_time_agreements_are_suspended_and_ended_as_ever() {
    let mut watched = Watched::new().await;
    let town = &mut watched.town;
    let bikes = town.join("bikes", Role::Provider).await;
    let city = town.join("city", Role::Planner).await;
    let (_, geojson) = town.zoning().await;
    let mut over = agreement(&bikes, &city, &geojson);
    over.population.id = "walkers".parse().unwrap();
    over.valid.until = "2026-12-10".parse().unwrap();
    let (walking, over) = (over.clone(), activate(&bikes, &city, &over).await);
    let mut kept = agreement(&bikes, &city, &geojson);
    kept.on_end = Some(OnEnd {
        cells: CellsOnEnd::Deleted,
        ..OnEnd::default()
    });
    let id = activate(&bikes, &city, &kept).await;
    let sent = [cells(&kept, &ROWS)];
    let day = push(&id, "2026-10-05");
    bikes.client.push(&day, &sent, |_| {}).await.unwrap();
    town.stop().await;
    watched.north.stop().await;
    watched.south.stop().await;
    // Its client would ask for the quorum that is away.
    town.policy = None;
    town.start().await;
    let stored_before = stored(town);
    town.clock.set("2026-12-12T12:00:00Z".parse().unwrap());
    let (broker, why) = (town.broker(), "to be looked into");
    assert!(broker.let_run_out().await.is_err(), "nothing has run out");
    for (name, action) in [("steward", Action::Suspend), ("city", Action::Terminate)] {
        let member = town.member(name).await;
        let acted = member
            .client
            .act(action, &id, why.parse().unwrap(), None, &member.signer);
        acted.await.unwrap();
    }
    town.join("trams", Role::Provider).await;
    // So are others signed, but for one that amends what is over.
    let (bikes, city) = (town.member("bikes").await, town.member("city").await);
    let mut late = walking.clone();
    late.supersedes = Some(over.clone());
    late.valid = kept.valid;
    bikes.client.offer(&late, &bikes.signer).await.unwrap();
    let late = late.id().unwrap();
    let signed = city.client.sign_agreement(&late, &city.signer).await;
    let error = signed.unwrap_err().to_string();
    assert!(error.contains("is over"), "{error}");
    kept.title = "Rides once more".to_owned();
    activate(&bikes, &city, &kept).await;
    broker.erase_due().await.unwrap();
    assert!(stored(town) < stored_before, "deleted and not erased");
    let state = broker.sequencer().state().clone();
    assert_eq!(state.agreement(&over).unwrap().status, Status::Active);
    let written = kinds(town);
    let was = |kind: &str| written.iter().any(|written| written == kind);
    assert!(
        was("retention.deleted") && !was("agreement.expired"),
        "{written:?}"
    );
}

/// A table that is drawn while the clock is off is named by no entry, and each further try would leave one more beside it:
/// it is erased at once. Under the right time the release goes on, under its one charge.
#[tokio::test(flavor = "multi_thread")]
async fn a_table_drawn_while_the_clock_is_off_is_not_kept() {
    let mut watched = Watched::new().await;
    contributed_with(&watched.town, |terms| terms.plan[0].scheduled = true).await;
    watched.north.stop().await;
    watched.south.stop().await;
    let broker = watched.town.broker();
    broker.release_due().await;
    let unfinished = || broker.sequencer().state().unfinished().len();
    assert_eq!(unfinished(), 1, "charged, no table");
    let (before, right) = (stored(&watched.town), watched.town.clock.now());
    watched
        .town
        .clock
        .jump(right + SignedDuration::from_hours(1));
    watched.north.start().await;
    broker.resume().await;
    assert_eq!((unfinished(), stored(&watched.town)), (1, before));
    watched.town.clock.jump(right);
    until("the table is published", async || {
        broker.resume().await;
        (unfinished() == 0).then_some(())
    })
    .await;
    assert_eq!(stored(&watched.town), before + 2, "one table and its salt");
}
