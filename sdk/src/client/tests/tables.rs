use policies::coarse::{Coarsening, Merge};
use policies::entry::Body;
use policies::id::ReleaseKey;
use policies::joint::With;
use policies::refusal::{Reason, ReasonId, Refusal};
use proto::convert::{Answer, Chunk, ReleaseHead, Released, Wish};
use proto::v1;
use tonic::Status;

use crate::client::testing::broker::{FakeBroker, Script};
use crate::client::testing::samples::{DIGEST, OTHER_DIGEST, published};
use crate::client::{Ask, Client, ClientError, Outcome, Table};

fn key() -> ReleaseKey {
    DIGEST.parse().unwrap()
}

/// Publishes a table of three rows and lets the broker answer with it.
fn publish(script: &mut Script, change: impl FnOnce(&mut ReleaseHead, &mut Vec<u8>)) {
    let (blob, quality_sheet, salt, mut bytes) = published(&key(), 3);
    let entry = Body::ReleasePublished {
        key: key(),
        blob: blob.clone(),
    };
    let index = script.log.append(entry);
    let receipt = script.receipt(index);
    let mut head = ReleaseHead {
        key: key(),
        quality_sheet,
        salt,
        blob,
        table_bytes: bytes.len() as u64,
        receipt: receipt.clone(),
    };
    change(&mut head, &mut bytes);
    let chunks = bytes.chunks(500).map(|c| Chunk::Table(c.to_vec().into()));
    let parts = std::iter::once(Chunk::Head(Box::new(head))).chain(chunks);
    script.parts = parts.map(v1::GetReleaseResponse::from).collect();
    let released = Released {
        key: key(),
        receipt,
        replaces: None,
    };
    script.answers.push_back(Answer::Released(released).into());
}

fn ask(periods: &[&str]) -> Ask {
    Ask {
        agreement: DIGEST.parse().unwrap(),
        table: "od".parse().unwrap(),
        periods: periods.iter().map(|p| p.parse().unwrap()).collect(),
        purpose: "dpv:PublicPolicyMaking".to_owned(),
    }
}

async fn fetched(change: impl FnOnce(&mut ReleaseHead, &mut Vec<u8>)) -> Result<Table, String> {
    let broker = FakeBroker::start().await;
    publish(&mut broker.script(), change);
    let client: Client = broker.client().await;
    client
        .fetch(&key())
        .await
        .map_err(|error| error.to_string())
}

#[tokio::test]
async fn a_release_is_fetched_whole_and_proven() {
    let table = fetched(|_, _| {}).await.unwrap();
    assert_eq!((table.key(), table.sheet().published_keys), (&key(), 3));
    assert_eq!(table.proof().index(), 0);
    let held: audit::commitment::Commitment = table.blob().as_str().parse().unwrap();
    held.verify(table.salt(), table.bytes()).unwrap();
    let shown = format!("{table:?}");
    assert!(shown.starts_with("Table(od of 2023-10-05"), "{shown}");
}

#[tokio::test]
async fn a_release_that_is_not_what_the_log_says_is_refused() {
    let why = |result: Result<Table, String>| result.unwrap_err();
    let flipped = why(fetched(|_, bytes| bytes[700] ^= 1).await);
    assert!(flipped.contains("do not match commitment"), "{flipped}");
    let blob = why(fetched(|head, _| head.blob = OTHER_DIGEST.parse().unwrap()).await);
    assert!(blob.contains("another blob than was asked"), "{blob}");
    let other = why(fetched(|head, _| head.key = OTHER_DIGEST.parse().unwrap()).await);
    assert!(other.contains("another release"), "{other}");
    let short = why(fetched(|_, bytes| bytes.truncate(900)).await);
    assert!(short.contains("fewer bytes than it announced"), "{short}");
    let long = why(fetched(|_, bytes| bytes.push(0)).await);
    assert!(long.contains("more bytes than it announced"), "{long}");
    let huge = why(fetched(|head, _| head.table_bytes = u64::MAX).await);
    assert!(huge.contains("is not taken"), "{huge}");
    let sheet = why(fetched(|head, _| head.quality_sheet.push(b' ')).await);
    assert!(sheet.contains("not the one that was published"), "{sheet}");
}

#[tokio::test]
async fn periods_come_one_by_one_with_refusals_and_missing_ones_named() {
    let broker = FakeBroker::start().await;
    let client = broker.client().await;
    {
        let mut script = broker.script();
        script
            .says
            .push_back(Status::unavailable("still being drawn"));
        publish(&mut script, |_, _| {});
        let refusal = |id| {
            let text = "why".to_owned();
            Refusal::from_reasons(vec![Reason { id, text }]).unwrap()
        };
        let missing = refused(refusal(ReasonId::PeriodNotContributed));
        let over = refused(refusal(ReasonId::BudgetExceeded));
        script.answers.extend([missing, over]);
    }
    let mut heard = Vec::new();
    let asked = ask(&["2023-10-05", "2023-10-06", "2023-10-07"]);
    let releases = client.release(&asked, |release| heard.push(release.period));
    let releases = releases.await.unwrap();
    assert_eq!(heard, asked.periods);
    assert!(matches!(releases[0].outcome, Outcome::Released(_)));
    let missing: Vec<bool> = releases.iter().map(|r| r.is_missing()).collect();
    assert_eq!(missing, [false, true, false]);
}

/// Attack: a broker answers with a release that the log holds, of something else than was wished for.
#[tokio::test]
async fn a_table_of_something_else_is_no_answer() {
    let broker = FakeBroker::start().await;
    publish(&mut broker.script(), |_, _| {});
    let client = broker.client().await;
    let right = Wish {
        request: "r".parse().unwrap(),
        agreement: DIGEST.parse().unwrap(),
        table: "od".parse().unwrap(),
        period: "2023-10-05".parse().unwrap(),
        merge: None,
        purpose: "dpv:PublicPolicyMaking".to_owned(),
        with: vec![],
    };
    client.fetch_wished(&right, &key()).await.unwrap();
    let mut period = right.clone();
    period.period = "2023-10-06".parse().unwrap();
    let mut merge = right.clone();
    let days = ["2023-10-05", "2023-10-06"].map(|day| day.parse().unwrap());
    merge.merge = Some(Merge::new(&days, Coarsening::default()).unwrap());
    let mut joint = right.clone();
    joint.with = vec![With {
        agreement: OTHER_DIGEST.parse().unwrap(),
        table: "od".parse().unwrap(),
    }];
    for wish in [period, merge, joint] {
        publish(&mut broker.script(), |_, _| {});
        let refused = client.fetch_wished(&wish, &key()).await.unwrap_err();
        assert!(matches!(refused, ClientError::Mismatch { .. }), "{refused}");
    }
    broker.script().answers.clear();
    publish(&mut broker.script(), |_, _| {});
    let refused = client.release(&ask(&["2023-10-06"]), |_| {}).await;
    let refused = refused.unwrap_err();
    assert!(matches!(refused, ClientError::Mismatch { .. }), "{refused}");
}

/// A refusal on the wire, to which the broker adds its receipt.
fn refused(refusal: Refusal) -> v1::RequestReleaseResponse {
    v1::RequestReleaseResponse {
        answer: Some(v1::request_release_response::Answer::Refused(
            refusal.into(),
        )),
        refused_receipt: None,
    }
}

/// What a dishonest broker logs of a refusal.
type Lie = fn(&mut Body);

/// Attack: a broker refuses, and hides or bends it in the log.
#[tokio::test]
async fn a_refusal_that_the_log_does_not_hold_is_no_answer() {
    let broker = FakeBroker::start().await;
    let client = broker.client().await;
    let text = "why".to_owned();
    let id = ReasonId::BudgetExceeded;
    let refusal = Refusal::from_reasons(vec![Reason { id, text }]).unwrap();
    let lies: [(Lie, &str); 4] = [
        (
            |body| {
                if let Body::ReleaseRefused { request, .. } = body {
                    *request = "another".parse().unwrap();
                }
            },
            "request id",
        ),
        (
            |body| {
                if let Body::ReleaseRefused { table, .. } = body {
                    *table = "another".parse().unwrap();
                }
            },
            "table",
        ),
        (
            |body| {
                if let Body::ReleaseRefused { reasons, .. } = body {
                    *reasons = vec![ReasonId::PeriodNotDue];
                }
            },
            "reasons",
        ),
        (
            |body| {
                *body = Body::ReleaseAborted {
                    key: DIGEST.parse().unwrap(),
                    reason: "none".into(),
                }
            },
            "release.refused",
        ),
    ];
    for (lie, told) in lies {
        broker.script().denies = lie;
        broker.script().answers.push_back(refused(refusal.clone()));
        let error = client.release(&ask(&["2023-10-06"]), |_| {}).await;
        let error = error.unwrap_err().to_string();
        assert!(error.contains(told), "{told}: {error}");
    }
    broker.script().denies = |_| ();
    broker.script().answers.push_back(refused(refusal));
    client.release(&ask(&["2023-10-06"]), |_| {}).await.unwrap();
}
