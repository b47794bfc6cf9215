//! The log's own operation: what an operator might leave out of it or make up about it.

use jiff::SignedDuration;
use policies::entry::{AuditorRead, Configuration, RefusalsFolded, SNAPSHOT_FORM, Snapshot};
use policies::state::{SNAPSHOT_EVERY, State};

use super::attacks::names;
use super::*;

/// An honest log, and an auditor who was admitted at its end.
fn watched() -> Vec<Entry> {
    let (_, mut log) = honest();
    let auditor = Signer::new();
    let (name, spiffe) = (org("ombudsman"), "spiffe://weir.test/org/ombudsman");
    let key = auditor.public.clone();
    let claim = possession_payload(&name, Role::Auditor, spiffe, key.fingerprint());
    let possession = auditor.sign(Signs::KeyPossession, &claim);
    let admitted = Body::OrgAdmitted {
        org: name,
        role: Role::Auditor,
        spiffe: spiffe.to_owned(),
        key,
        possession,
        by: Some(org("mayor")),
    };
    log.push(timed(admitted, ASKED));
    log
}

fn state_of(log: &[Entry]) -> State {
    replay(bytes(log)).unwrap().state().clone()
}

fn snapshot(log: &[Entry]) -> Body {
    let (form, root) = (SNAPSHOT_FORM, state_of(log).root().unwrap());
    Body::StateSnapshot(Snapshot { form, root })
}

fn settings(heartbeat_s: u32) -> Configuration {
    Configuration {
        development: true,
        publish_tick_ms: 2000,
        heartbeat_s,
        witnesses: None,
        limits: [("calls".to_owned(), 1)].into(),
    }
}

/// The watched log with one entry more, which is found to be broken.
#[track_caller]
fn broken(body: Body, says: &str) {
    let mut log = watched();
    let index = log.len();
    log.push(timed(body, ASKED));
    let finding = replay(bytes(&log)).map(|_| ()).unwrap_err();
    names(&finding, index, says);
}

#[test]
fn what_an_honest_broker_says_of_itself_holds() {
    let mut log = watched();
    for body in [
        Body::ConfigChanged(Box::new(settings(3600))),
        Body::Heartbeat {},
        Body::AuditorRead(AuditorRead {
            by: org("ombudsman"),
            from: 0,
            to: 5,
        }),
        Body::RefusalsFolded(RefusalsFolded {
            by: org("city"),
            since: at(ASKED),
            requests: 7,
        }),
    ] {
        log.push(timed(body, ASKED));
    }
    log.push(timed(snapshot(&log), ASKED));
    log.push(timed(Body::Heartbeat {}, ASKED));
    log.push(timed(snapshot(&log), ASKED));
    let replayer = replay(bytes(&log)).unwrap();
    assert_eq!(replayer.state().snapshot(), Some(log.len() as u64 - 1));
    assert_eq!(
        (replayer.gaps(), replayer.snapshots_unchecked()),
        (&[][..], 0)
    );
}

#[test]
fn a_snapshot_of_another_state() {
    let log = watched();
    let Body::StateSnapshot(mut snapshot) = snapshot(&log[..log.len() - 1]) else {
        panic!()
    };
    broken(Body::StateSnapshot(snapshot.clone()), "`root`");
    // Of a form that nobody here knows it is not checked, and said so.
    snapshot.form += 1;
    let mut log = log;
    log.push(timed(Body::StateSnapshot(snapshot), ASKED));
    assert_eq!(replay(bytes(&log)).unwrap().snapshots_unchecked(), 1);
}

#[test]
fn snapshots_that_stop_coming() {
    let mut log = watched();
    log.push(timed(snapshot(&log), ASKED));
    let most = usize::try_from(2 * SNAPSHOT_EVERY).unwrap();
    let beats = std::iter::repeat_with(|| timed(Body::Heartbeat {}, ASKED));
    log.extend(beats.take(most + 1));
    assert_eq!(replay(bytes(&log)).unwrap().size(), log.len() as u64);
    log.push(timed(Body::Heartbeat {}, ASKED));
    let finding = replay(bytes(&log)).map(|_| ()).unwrap_err();
    names(&finding, log.len() - 1, "no `state.snapshot` came");
}

/// Found by a reread: a broker that never writes the first one was found by nobody.
#[test]
fn a_first_snapshot_that_never_comes_is_told() {
    let most = usize::try_from(2 * SNAPSHOT_EVERY).unwrap();
    let mut log = watched();
    let beat = || timed(Body::Heartbeat {}, ASKED);
    let told = |log: &[Entry]| {
        let replayer = replay(bytes(log)).unwrap();
        let told = replayer.settings();
        told.iter().any(|told| told.starts_with("no snapshot"))
    };
    log.resize_with(most, beat);
    assert!(!told(&log));
    log.push(beat());
    assert!(told(&log));
    log.push(timed(snapshot(&log), ASKED));
    assert!(!told(&log));
}

/// Which access policies are in force stands in the log, and they never go back unseen.
#[test]
fn access_policies_that_went_back() {
    let changed = |digit: &str, serial| {
        let sha256 = digit.repeat(64).parse().unwrap();
        timed(Body::PolicyChanged { sha256, serial }, ASKED)
    };
    let mut log = watched();
    log.extend([changed("a", Some(1)), changed("b", Some(2))]);
    let state = state_of(&log);
    let in_force = state.policies().unwrap();
    assert_eq!(
        (in_force.serial, in_force.entry),
        (Some(2), log.len() as u64 - 1)
    );
    for (back, says) in [
        (changed("a", Some(1)), "never go back"),
        (changed("c", Some(2)), "never go back"),
        (changed("b", Some(2)), "changes the policies"),
    ] {
        let mut log = log.clone();
        log.push(back);
        let finding = replay(bytes(&log)).map(|_| ()).unwrap_err();
        names(&finding, log.len() - 1, says);
    }
}

#[test]
fn settings_that_did_not_change_or_carry_something_else() {
    let mut talkative = settings(1);
    talkative.limits = [("Maija Meikäläinen".to_owned(), 1)].into();
    broken(Body::ConfigChanged(Box::new(talkative)), "`limits`");
    let mut log = watched();
    let same = timed(Body::ConfigChanged(Box::new(settings(60))), ASKED);
    log.extend([same.clone(), same]);
    let finding = replay(bytes(&log)).map(|_| ()).unwrap_err();
    names(&finding, log.len() - 1, "changes the settings");
}

#[test]
fn reads_that_nobody_made() {
    let read = |by: &str, from, to| {
        let by = org(by);
        Body::AuditorRead(AuditorRead { by, from, to })
    };
    let size = watched().len() as u64;
    broken(read("city", 0, 1), "planner");
    broken(read("nobody", 0, 1), "not admitted");
    broken(read("ombudsman", 3, 3), "no range");
    broken(read("ombudsman", 0, size + 1), "no range");
}

#[test]
fn refusals_that_nobody_asked_for() {
    let folded = |by: &str, since: &str, requests| {
        Body::RefusalsFolded(RefusalsFolded {
            by: org(by),
            since: at(since),
            requests,
        })
    };
    broken(folded("bikes", ASKED, 1), "provider");
    broken(folded("nobody", ASKED, 1), "not admitted");
    broken(folded("city", ASKED, 0), "`requests`");
    broken(folded("city", "2030-01-01T00:00:00Z", 1), "`since`");
}

/// Silence is listed, with what ended it, and only where a heartbeat was promised.
#[test]
fn a_silence_longer_than_the_heartbeat() {
    let mut log = watched();
    let last = at(ASKED);
    let beat = |log: &mut Vec<Entry>, after: i64| {
        let time = log.last().unwrap().time + SignedDuration::from_secs(after);
        log.push(Entry {
            time,
            ..entry(Body::Heartbeat {})
        });
    };
    // Nothing was promised yet.
    beat(&mut log, 100_000);
    log.push(Entry {
        time: log.last().unwrap().time,
        ..entry(Body::ConfigChanged(Box::new(settings(3600))))
    });
    beat(&mut log, 3600 + 300);
    assert_eq!(replay(bytes(&log)).unwrap().gaps(), []);
    beat(&mut log, 3600 + 301);
    let silent = log.len() - 1;
    let mut started = log[0].clone();
    started.time = log[silent].time + SignedDuration::from_hours(9);
    log.push(started);
    let replayer = replay(bytes(&log)).unwrap();
    let [on, off] = replayer.gaps() else {
        panic!("{:?}", replayer.gaps())
    };
    assert_eq!((on.entry, on.stopped), (silent as u64, false));
    assert_eq!((off.entry, off.stopped), (silent as u64 + 1, true));
    assert_eq!((on.to, off.from), (log[silent].time, log[silent].time));
    // And at the end, by an auditor's clock.
    let newest = replayer.state().time().unwrap();
    let after = |seconds| newest + SignedDuration::from_secs(seconds);
    assert_eq!(replayer.silent_since(after(3900)), None);
    assert_eq!(replayer.silent_since(after(3901)), Some(newest));
    assert!(last < newest);
}

/// Every reservation ends: one that is open for a day is pointed at.
#[test]
fn a_reservation_that_is_never_ended() {
    let (_, mut log) = honest();
    log.truncate(PUBLISHED);
    let key = reservation(&mut log[RESERVED]).key.clone();
    let beat = |hours| Entry {
        time: at(ASKED) + SignedDuration::from_hours(hours),
        ..entry(Body::Heartbeat {})
    };
    log.push(beat(24));
    assert_eq!(replay(bytes(&log)).unwrap().overdue().count(), 0);
    log.push(beat(25));
    let overdue: Vec<_> = replay(bytes(&log)).unwrap().overdue().collect();
    assert_eq!((overdue.len(), &overdue[0].key), (1, &key));
}
