//! What a broker says beside its log: a lie is found, and what was not compared is told.

use audit::replay::{Replayer, replay};
use policies::loss::Loss;
use policies::state::{State, Status};
use proto::convert::{AgreementSummary, Lived, SignedAgreement};

use super::super::books::Books;
use super::super::compared::agreements::{Told, judge};
use super::super::compared::register::{self, Listed, LossSoFar, Page};
use super::super::compared::{Answer, Compared, Verdict};
use super::super::follow::Findings;
use super::super::replay::Checked;
use super::*;
use crate::output::{Output, View};

/// A change of what is told, and what has to be said of it.
type Lie<'a, T> = (&'a dyn Fn(&mut T), &'a str);

fn replayed() -> Replayer {
    let folder = tempfile::tempdir().unwrap();
    replay(bytes(&story(folder.path()))).unwrap()
}

/// What an honest broker tells of the story.
fn honest(state: &State) -> Told {
    let (id, record) = state.agreements().next().unwrap();
    let life = record.life.clone();
    let account = State::account_of(&record.terms);
    let shown = SignedAgreement {
        id: id.clone(),
        terms: record.terms.clone(),
        document: record.terms.canonical().unwrap(),
        status: record.status,
        signatures: record.signatures.clone(),
        population_allotted: state.ledger().terms(&account).map(|t| t.allotted),
        life: Lived {
            last_change: record.entry,
            suspended_by: vec![],
            ends: life.ends,
            superseded_by: life.superseded_by,
            history: life.history,
        },
    };
    let listed = AgreementSummary {
        id: id.clone(),
        title: record.terms.title.clone(),
        provider: record.terms.provider.org.clone(),
        planner: record.terms.planner.org.clone(),
        status: record.status,
    };
    Told {
        listed: vec![listed],
        each: vec![shown],
    }
}

fn lies(verdict: Verdict) -> String {
    let error = Answer::of(verdict).unwrap_err();
    assert_eq!(error.code(), 4, "{error}");
    error.to_string()
}

#[test]
fn an_answer_other_than_the_log_implies_is_a_lie() {
    let replayer = replayed();
    let state = replayer.state();
    let told = honest(state);
    assert_eq!(
        judge(state, &told),
        Verdict::Same("1 agreements, as of 11 entries".to_owned())
    );
    let lie = |change: &dyn Fn(&mut Told)| {
        let mut other = told.clone();
        change(&mut other);
        lies(judge(state, &other))
    };
    let cases: [Lie<'_, Told>; 9] = [
        (
            &|told| told.each[0].status = Status::Suspended,
            "as suspended, its log implies active",
        ),
        (
            &|told| told.listed[0].status = Status::Terminated,
            "as terminated, its log implies active",
        ),
        (&|told| told.listed.clear(), "does not list"),
        (
            &|told| told.each[0].population_allotted = Some(Loss::ZERO),
            "`population_allotted`",
        ),
        (&|told| told.each[0].life.last_change = 6, "`last_change`"),
        (
            &|told| told.each[0].life.suspended_by = vec!["city".parse().unwrap()],
            "`suspended_by`",
        ),
        (&|told| drop(told.each[0].signatures.pop()), "`signatures`"),
        (&|told| told.each[0].life.history.clear(), "`history`"),
        (
            &|told| told.each[0].id = "0f".repeat(32).parse().unwrap(),
            "no entry offers",
        ),
    ];
    for (change, says) in cases {
        let text = lie(change);
        assert!(text.contains(says), "`{says}` is not in: {text}");
    }
    // Of a moment after the checkpoint nothing can be judged, and that is said.
    let mut ahead = told.clone();
    (ahead.each[0].status, ahead.each[0].life.last_change) = (Status::Suspended, 11);
    let Verdict::Moved(why) = judge(state, &ahead) else {
        panic!("judged")
    };
    assert!(
        why.contains("as of entry 11, and shows 11 entries"),
        "{why}"
    );
}

#[test]
fn a_register_other_than_the_log_implies_is_a_lie() {
    let replayer = replayed();
    let state = replayer.state();
    let (id, record) = state.agreements().next().unwrap();
    let most = state.ledger().balances().next().unwrap().2;
    let honest = Page {
        entries: 11,
        agreements: vec![Listed {
            id: id.clone(),
            releases: 1,
            loss: LossSoFar {
                cap: record.terms.population.cap,
                most,
                unit_periods: 1,
            },
        }],
        next: None,
    };
    let judge = |change: &dyn Fn(&mut Page)| {
        let mut page = honest.clone();
        change(&mut page);
        register::judge(state, &[page])
    };
    assert!(matches!(judge(&|_| ()), Verdict::Same(_)));
    let cases: [Lie<'_, Page>; 6] = [
        (
            &|page| page.agreements[0].loss.most = Loss::ZERO,
            "at most (ρ 0, δ 0)",
        ),
        (
            &|page| page.agreements[0].loss.unit_periods = 0,
            "in 0 unit-periods",
        ),
        (&|page| page.agreements[0].loss.cap = None, "cap (none)"),
        (&|page| page.agreements[0].releases = 0, "0 releases"),
        (&|page| page.agreements.clear(), "leaves out"),
        (
            &|page| {
                let mut other = page.agreements[0].clone();
                other.id = "0f".repeat(32).parse().unwrap();
                page.agreements.push(other);
            },
            "does not have signed by both",
        ),
    ];
    for (change, says) in cases {
        let text = lies(judge(change));
        assert!(text.contains(says), "`{says}` is not in: {text}");
    }
    let behind = judge(&|page| page.entries = 10);
    assert!(matches!(behind, Verdict::Moved(_)), "{behind:?}");
}

fn checked(folder: &Path, key: &LogKey) -> Checked {
    let (replayer, checkpoint) = offline(folder, key, |_, _, _| Ok(())).unwrap();
    Checked {
        replayer,
        checkpoint,
        cosigned: None,
    }
}

/// A short log without its broker: every state and balance stands there, and that nothing was compared.
#[test]
fn a_short_log_says_that_nothing_was_compared() {
    let folder = tempfile::tempdir().unwrap();
    let key = log(folder.path(), &bytes(&story(folder.path())));
    let checked = checked(folder.path(), &key);
    let replayer = &checked.replayer;
    let books = Books::of(&checked, Compared::offline(replayer), None);
    let text = books.text();
    for says in [
        "Nothing was compared with what the broker says",
        "the first follows after 4096 entries",
        "leave DIR out",
        "active",
        "2023-10-05",
    ] {
        assert!(text.contains(says), "`{says}` is not in: {text}");
    }
    let json = serde_json::to_value(&books).unwrap();
    for what in ["snapshots", "agreements", "register"] {
        assert_eq!(json["compared"][what]["compared"], false, "{what}");
    }
    let (id, _) = replayer.state().agreements().next().unwrap();
    assert_eq!(json["agreements"][0]["agreement"], id.as_str());
    assert_eq!(json["agreements"][0]["state"], "active");
    assert_eq!(json["balances"].as_array().unwrap().len(), 1);
}

/// A log of a broker in development, without witnesses, that said nothing for nine hours.
fn silent(folder: &Path) -> Vec<Vec<u8>> {
    let mut entries = bytes(&story(folder));
    let settings = policies::entry::Configuration {
        development: true,
        publish_tick_ms: 1000,
        heartbeat_s: 3600,
        witnesses: None,
        limits: std::collections::BTreeMap::new(),
    };
    let last = Entry::from_bytes(entries.last().unwrap()).unwrap().time;
    let mut add = |body: Body, hours: i64| {
        let time = last + jiff::SignedDuration::from_hours(hours);
        let entry = Entry {
            time,
            ..entry(&body)
        };
        entries.push(entry.to_bytes().unwrap());
    };
    add(Body::ConfigChanged(Box::new(settings)), 0);
    add(Body::Heartbeat {}, 9);
    entries
}

/// What breaks no rule and an auditor should know stands in the books: a silence longer than the log promises, and
/// settings that say little of a broker.
#[test]
fn the_books_tell_silences_and_settings() {
    let folder = tempfile::tempdir().unwrap();
    let key = log(folder.path(), &silent(folder.path()));
    let checked = checked(folder.path(), &key);
    let silence = Some("silent since then".to_owned());
    let text = Books::of(&checked, Compared::offline(&checked.replayer), silence).text();
    for says in [
        "no sign of life from",
        "the broker was on, and silent",
        "silent since then",
        "development mode",
        "no witnesses",
    ] {
        assert!(text.contains(says), "`{says}` is not in: {text}");
    }
}

/// Who follows looks every few seconds.
#[test]
fn a_finding_is_told_once_however_the_log_grows() {
    let folder = tempfile::tempdir().unwrap();
    let entries = silent(folder.path());
    let mut findings = Findings::new(Output::new(true));
    let mut replayer = replay(entries).unwrap();
    let told = findings.take(&replayer);
    for says in ["no sign of life", "development mode", "no witnesses"] {
        assert!(told.iter().any(|line| line.contains(says)), "{told:?}");
    }
    let last = replayer.state().time().unwrap();
    let beat = Entry {
        time: last + jiff::SignedDuration::from_secs(1),
        ..entry(&Body::Heartbeat {})
    };
    replayer.step(&beat.to_bytes().unwrap()).unwrap();
    let more = findings.take(&replayer);
    // The silence until now is another one.
    assert!(
        more.iter().all(|line| line.contains("silent since")),
        "{more:?}"
    );
}

/// A log that has a snapshot was compared with it.
#[test]
fn a_snapshot_in_the_log_is_a_comparison() {
    let folder = tempfile::tempdir().unwrap();
    let mut bodies = story(folder.path());
    let root = replay(bytes(&bodies)).unwrap().state().root().unwrap();
    let snapshot = |root| {
        Body::StateSnapshot(policies::entry::Snapshot {
            form: policies::entry::SNAPSHOT_FORM,
            root,
        })
    };
    bodies.push(snapshot(root));
    let replayer = replay(bytes(&bodies)).unwrap();
    let json = serde_json::to_value(Compared::offline(&replayer)).unwrap();
    assert_eq!(json["snapshots"]["compared"], true, "{json}");
    let text = Compared::offline(&replayer).text();
    assert!(
        text.starts_with("Compared with") && text.contains("entry 11"),
        "{text}"
    );
    // Of another state it is a lie.
    *bodies.last_mut().unwrap() = snapshot("0f".repeat(32).parse().unwrap());
    let finding = replay(bytes(&bodies)).unwrap_err();
    assert_eq!(finding.index, 11, "{finding}");
}
