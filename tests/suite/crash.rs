//! A kill at 100 random points, over a file layer that drops unsynced writes: no acknowledged work is
//! lost, nothing is spent twice, the log verifies, and what was charged is drawn in the end.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use audit::checkpoint::LogKey;
use audit::note::Signer as LogSigner;
use audit::receipt::Receipt;
use broker::access::InForce;
use broker::access::method::GET_RELEASE;
use broker::clock::Clock;
use broker::error::Error;
use broker::flow::Broker;
use broker::flow::broker::Terms;
use broker::flow::release::Answer;
use broker::sequencer::Sequencer;
use broker::store::disk::Disk;
use broker::store::disk::sim::SimDisk;
use broker::store::open::Store;
use futures::stream;
use jiff::Timestamp;
use policies::agreement::Agreement;
use policies::decide::Request;
use policies::entry::{Configuration, Floors};
use policies::id::{OrgId, Role};
use policies::loss::Loss;
use policies::sign::Signs;
use policies::state::Stage;
use proto::convert::Push;
use sdk::sign::Signer;

mod aborted;
mod deleted;

use crate::harness::{NOW, ORIGIN, PURPOSE, ROWS, admission, cells, squares};
use crate::opening::until;

/// Steps of the workload at which a crash is tried; the seed of each is its number.
const CRASHES: u64 = 100;
const DAYS: [&str; 3] = ["2026-10-05", "2026-10-06", "2026-10-07"];

/// Everyone's keys, made once.
struct Cast {
    log: [u8; 32],
    steward: Signer,
    bikes: Signer,
    city: Signer,
    terms: Agreement,
}

/// What was acknowledged before the power went.
#[derive(Default)]
struct Acknowledged {
    receipts: Vec<Receipt>,
    released: Vec<policies::id::ReleaseKey>,
}

fn cast(folder: &Path) -> Cast {
    let pki = certs::DevPki::create(folder, "weir.test").unwrap();
    let signer = |name: &str, role: &str| {
        let files = pki.org(name, role, "user").unwrap();
        Signer::from_pem_file(&files.signing_key).unwrap()
    };
    let (steward, bikes) = (signer("steward", "steward"), signer("bikes", "provider"));
    let city = signer("city", "planner");
    let key = |signer: &Signer| signer.public_key().fingerprint().clone();
    let terms = crate::harness::terms(("bikes", key(&bikes)), ("city", key(&city)), &squares());
    let log = *certs::Ed25519Seed::read(&pki.log_key()).unwrap().as_bytes();
    Cast {
        log,
        steward,
        bikes,
        city,
        terms,
    }
}

fn org(name: &str) -> OrgId {
    name.parse().unwrap()
}

async fn open(cast: &Cast, disk: &SimDisk, index: &Path) -> Result<Arc<Broker>, String> {
    open_at(cast, disk, index, NOW).await
}

/// A broker on any disk, with nobody around it.
pub fn broker_on(
    disk: Arc<dyn Disk>,
    index: &Path,
    seed: [u8; 32],
    clock: Clock,
) -> Result<Arc<Broker>, String> {
    let signer = LogSigner::from_seed(ORIGIN.parse().unwrap(), &seed.into()).unwrap();
    let key = LogKey::new(signer.verifier_key().clone());
    let store = Store::open_on(disk, index, signer).map_err(|e| e.to_string())?;
    // As a start does: after no power cut is it refused.
    store.check_payloads().map_err(|e| e.to_string())?;
    let Store {
        log,
        state,
        index,
        blobs,
        ..
    } = store;
    let (sequencer, _stopped) = Sequencer::start(log, state, Some(index), clock.clone());
    let tick = Duration::from_millis(1);
    let in_force = InForce::own().map_err(|e| e.to_string())?;
    let broker = Broker::new(sequencer, blobs, clock, key, in_force, tick);
    Ok(Arc::new(broker))
}

async fn open_at(
    cast: &Cast,
    disk: &SimDisk,
    index: &Path,
    time: &str,
) -> Result<Arc<Broker>, String> {
    let clock = Clock::standing_at(time.parse().unwrap());
    let broker = broker_on(Arc::new(disk.clone()), index, cast.log, clock)?;
    let floors = Floors {
        k_min: 5,
        cap_max: serde_json::from_str(r#"{"rho":"4","delta":"0.00001"}"#).unwrap(),
        retention_days_max: 400,
        k_only_k_min: None,
        dense_allowed: true,
    };
    let steward = Some(admission(&cast.steward, "steward", Role::Steward));
    broker
        .begin(Terms {
            binary: None,
            configuration: configuration(),
            floors,
            steward,
        })
        .await
        .map_err(|e| e.to_string())?;
    Ok(broker)
}

fn configuration() -> Configuration {
    Configuration {
        development: true,
        publish_tick_ms: 1,
        heartbeat_s: 3600,
        witnesses: None,
        limits: BTreeMap::new(),
    }
}

/// Agree, push three days, release each. Every acknowledged receipt is kept; safe to run again.
async fn work(cast: &Cast, broker: &Arc<Broker>, done: &mut Acknowledged) -> Result<(), Error> {
    let steward = org("steward");
    for (name, signer, role) in [
        ("bikes", &cast.bikes, Role::Provider),
        ("city", &cast.city, Role::Planner),
    ] {
        let receipt = broker
            .admit(Some(&steward), admission(signer, name, role))
            .await?;
        done.receipts.push(receipt);
    }
    let zoning = broker.add_zoning(&steward, "town-2026".parse().unwrap(), squares().into());
    done.receipts.push(zoning.await?);
    let (document, id) = (cast.terms.canonical().unwrap(), cast.terms.id().unwrap());
    let sign = |signer: &Signer| {
        let now: Timestamp = NOW.parse().unwrap();
        signer.sign(Signs::Agreement, &document, now).unwrap()
    };
    done.receipts.push(
        broker
            .offer(&org("bikes"), &document, sign(&cast.bikes))
            .await?
            .1,
    );
    done.receipts
        .push(broker.sign(&org("city"), &id, sign(&cast.city)).await?);
    for day in DAYS {
        let push = Push {
            agreement: id.clone(),
            table: "od".parse().unwrap(),
            period: day.parse().unwrap(),
            batch: format!("batch-{day}").parse().unwrap(),
            supersedes: None,
            rates: vec![],
            active_units: None,
        };
        let batches = stream::iter([Ok(cells(&cast.terms, &ROWS))]);
        done.receipts.push(
            broker
                .contribute(&org("bikes"), push, batches)
                .await?
                .receipt,
        );
        let request = Request {
            id: format!("request-{day}").parse().unwrap(),
            by: org("city"),
            agreement: id.clone(),
            table: "od".parse().unwrap(),
            period: day.parse().unwrap(),
            merge: None,
            purpose: PURPOSE.into(),
            with: vec![],
        };
        match broker.release(request).await? {
            Answer::Released { key, receipt } => {
                done.receipts.push(receipt);
                done.released.push(key);
            }
            Answer::Refused { refusal, .. } => panic!("{refusal}"),
        }
    }
    Ok(())
}

/// Everything that must hold after a restart, whenever the power went.
async fn check(cast: &Cast, broker: &Arc<Broker>, done: &Acknowledged, what: &str) {
    let sequencer = broker.sequencer();
    for receipt in &done.receipts {
        receipt.verify(broker.log_key()).unwrap();
        let entry = sequencer.log().entry(receipt.index()).unwrap();
        assert_eq!(
            entry,
            receipt.entry(),
            "{what}: acknowledged entry {} is gone",
            receipt.index()
        );
    }
    for key in &done.released {
        broker
            .released(&org("city"), GET_RELEASE, key)
            .await
            .unwrap();
    }
    let state = sequencer.state().clone();
    let entries = sequencer.log().entries(0..state.size()).unwrap();
    let replayed = audit::replay::replay(entries).unwrap_or_else(|e| panic!("{what}: {e}"));
    assert_eq!(
        *replayed.state(),
        state,
        "{what}: the index is not what the log says"
    );
    let mut charged: BTreeMap<_, Loss> = BTreeMap::new();
    for (_, release) in state.releases() {
        let r = &release.reservation;
        let sum = charged.entry(r.period).or_insert(Loss::ZERO);
        *sum = sum.checked_add(r.charge).unwrap();
    }
    let cap = cast.terms.population.cap.unwrap();
    for (_, period, loss) in state.ledger().balances() {
        assert!(loss.fits_in(cap), "{what}: {period} overspent");
        assert_eq!(
            charged.get(&period),
            Some(&loss),
            "{what}: {period} charged twice or never"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_at_100_random_points_loses_nothing_and_spends_nothing_twice() {
    let folder = tempfile::tempdir().unwrap();
    let cast = cast(&folder.path().join("pki"));
    // How many steps the whole workload takes, undisturbed.
    let disk = SimDisk::new();
    let broker = open(&cast, &disk, &folder.path().join("whole"))
        .await
        .unwrap();
    let mut whole = Acknowledged::default();
    work(&cast, &broker, &mut whole).await.unwrap();
    check(&cast, &broker, &whole, "undisturbed").await;
    let steps = disk.steps();
    assert!(steps > CRASHES, "{steps} steps");
    drop(broker);

    for seed in 0..CRASHES {
        // A cheap mix of the seed: spread over the workload, the same on every machine.
        let step = 1 + seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) % steps;
        let what = format!("seed {seed}, power lost after step {step} of {steps}");
        let index = folder.path().join(format!("index-{seed}"));
        let disk = SimDisk::new();
        disk.crash_after(step);
        let mut done = Acknowledged::default();
        if let Ok(broker) = open(&cast, &disk, &index).await {
            let _ = work(&cast, &broker, &mut done).await;
        }
        let disk = disk.after_power_cut(seed);
        // sled does not run on the simulated disk: it is kept (and may be ahead) or lost.
        let index = if seed % 2 == 0 {
            folder.path().join(format!("lost-{seed}"))
        } else {
            index
        };
        let broker = reopen(&cast, &disk, &index, &what).await;
        check(&cast, &broker, &done, &what).await;
        // The same wishes again: what was charged is resumed, not charged anew.
        work(&cast, &broker, &mut done)
            .await
            .unwrap_or_else(|e| panic!("{what}: {e:?}"));
        check(&cast, &broker, &done, &what).await;
        let state = broker.sequencer().state().clone();
        let published =
            |r: &policies::state::ReleaseRecord| matches!(r.stage, Stage::Published { .. });
        assert_eq!(
            state.releases().filter(|(_, r)| published(r)).count(),
            DAYS.len(),
            "{what}"
        );
        assert!(
            state.unfinished().is_empty(),
            "{what}: a charged release was never drawn"
        );
    }
}

/// The writer of the crashed broker lets go of its index a moment after its last handle is dropped.
async fn reopen(cast: &Cast, disk: &SimDisk, index: &Path, what: &str) -> Arc<Broker> {
    until(what, async || match open(cast, disk, index).await {
        Ok(broker) => Some(broker),
        Err(error) if error.contains("index") => None,
        Err(error) => panic!("{what}: {error}"),
    })
    .await
}
