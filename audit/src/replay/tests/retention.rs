//! Retention: what an operator might do with cells that have to go, or that may not yet.

use super::*;
use policies::entry::{Deletion, Why};

/// Ninety days after [`PUSHED`].
const OVER: &str = "2027-01-04T08:00:00Z";
const LATER: &str = "2027-01-05T08:00:00Z";

/// One day contributed, and nothing released.
fn kept() -> (Town, Vec<Entry>) {
    let mut town = Town::active();
    let mut log = begun(&town);
    let body = town.contribution("2026-10-05", "b1", None);
    let entry = timed(body, PUSHED);
    // As the log says it, for retention counts from there.
    town.state = policies::state::State::new();
    for entry in log.iter().chain([&entry]) {
        town.state.apply(entry).unwrap();
    }
    log.push(entry);
    (town, log)
}

fn deletion(town: &Town, why: Why) -> Body {
    let record = town.state.live_contributions().next().unwrap();
    let c = &record.contribution;
    Body::RetentionDeleted(Deletion {
        agreement: c.agreement.clone(),
        table: c.table.clone(),
        period: c.period,
        provider: c.provider.clone(),
        batch: c.batch.clone(),
        blob: c.blob.clone(),
        why,
    })
}

/// What the auditor says to further entries; nothing where they hold.
fn found(log: &[Entry], more: &[(Body, &str)]) -> String {
    let more = more.iter().map(|(body, time)| timed(body.clone(), time));
    let log: Vec<_> = log.iter().cloned().chain(more).collect();
    replay(bytes(&log)).map_or_else(|finding| finding.why, |_| String::new())
}

fn start() -> Body {
    Body::BrokerStarted {
        software: "0".into(),
        binary: None,
        floors: floors(),
    }
}

#[test]
fn a_log_that_goes_on_past_the_retention_is_found() {
    let (town, log) = kept();
    let deleted = deletion(&town, Why::Retention);
    assert_eq!(
        found(&log, &[(deleted.clone(), OVER), (start(), LATER)]),
        ""
    );
    // However late the broker comes back, it is the first thing that it writes.
    assert_eq!(found(&log, &[(deleted, LATER), (start(), LATER)]), "");
    let other = town.contribution("2026-10-06", "b2", None);
    for body in [start(), other] {
        let why = found(&log, &[(body, OVER)]);
        assert!(why.contains("batch `b1` had to be deleted"), "{why}");
    }
    let in_time = "2027-01-04T07:59:59Z";
    assert_eq!(found(&log, &[(start(), in_time)]), "");
}

#[test]
fn cells_that_are_deleted_too_early_or_in_anothers_name_are_found() {
    let (town, log) = kept();
    for (why, time) in [
        (Why::Retention, "2027-01-04T07:59:59Z"),
        (Why::End, OVER),
        (Why::Withdrawn, OVER),
    ] {
        let told = found(&log, &[(deletion(&town, why), time)]);
        assert!(told.contains("cells are deleted when"), "{told}");
    }
    let withdrawn = town.withdrawal("2026-10-05", "b1");
    let deleted = deletion(&town, Why::Withdrawn);
    assert_eq!(
        found(
            &log,
            &[(withdrawn.clone(), ASKED), (deleted.clone(), ASKED)]
        ),
        ""
    );
    let stays = found(&log, &[(withdrawn.clone(), ASKED), (start(), ASKED)]);
    assert!(stays.contains("had to be deleted"), "{stays}");
    let Body::ContributionWithdrawn(mut forged) = withdrawn else {
        panic!()
    };
    forged.reason = "another reason".parse().unwrap();
    let told = found(
        &log,
        &[(Body::ContributionWithdrawn(forged.clone()), ASKED)],
    );
    assert!(told.contains("signature of `bikes`"), "{told}");
    let payload = forged.payload();
    forged.signature = town.city.sign(Signs::ContributionWithdrawal, &payload);
    let told = found(&log, &[(Body::ContributionWithdrawn(forged), ASKED)]);
    assert!(told.contains("signature of `bikes`"), "{told}");
}

#[test]
fn a_release_never_reads_what_is_deleted() {
    let (town, log) = kept();
    let reserved = answer(&town, "r1", "2026-10-05");
    assert_eq!(reserved.kind(), "release.reserved");
    let gone = [
        (town.withdrawal("2026-10-05", "b1"), ASKED),
        (deletion(&town, Why::Withdrawn), ASKED),
        (reserved.clone(), ASKED),
    ];
    let told = found(&log, &gone);
    assert!(told.contains("period.deleted"), "{told}");
    // Nor does one that waits survive the deletion.
    let waits = [
        (reserved, ASKED),
        (town.withdrawal("2026-10-05", "b1"), ASKED),
    ];
    let told = found(&log, &waits);
    assert!(told.contains("no unfinished release"), "{told}");
}
