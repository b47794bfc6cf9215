//! Open data over the wire.

use policies::sign::PartySignature;
use policies::state::OpenStage;

use super::*;

fn signature() -> PartySignature {
    PartySignature {
        protected: "e30".into(),
        signature: "AA".repeat(43),
    }
}

#[test]
fn steps_and_stages_come_back_as_they_were_sent() {
    let opens = Opens {
        key: DIGEST.parse().unwrap(),
        signature: signature(),
    };
    assert_eq!(wire::<_, v1::ProposeOpenDataRequest>(opens.clone()), opens);
    assert_eq!(wire::<_, v1::ApproveOpenDataRequest>(opens.clone()), opens);
    let recalls = Recalls {
        key: DIGEST.parse().unwrap(),
        reason: "counted twice".parse().unwrap(),
        signature: signature(),
    };
    assert_eq!(
        wire::<_, v1::WithdrawOpenDataRequest>(recalls.clone()),
        recalls
    );
    for open in [
        OpenStage::Closed,
        OpenStage::Proposed,
        OpenStage::Public,
        OpenStage::Withdrawn,
    ] {
        let summary = ReleaseSummary {
            key: DIGEST.parse().unwrap(),
            agreement: DIGEST.parse().unwrap(),
            table: "od".parse().unwrap(),
            period: "2023-10-05".parse().unwrap(),
            edition: 1,
            charge: None,
            entry: 7,
            replaces: None,
            open,
        };
        assert_eq!(wire::<_, v1::ReleaseSummary>(summary.clone()), summary);
        for stage in [0, 5, -1] {
            let message = v1::ReleaseSummary {
                open_stage: stage,
                ..summary.clone().into()
            };
            assert_eq!(refused::<ReleaseSummary, _>(message), "open_stage");
        }
    }
}

#[test]
fn what_is_missing_or_too_much_is_refused_by_name() {
    let sent = || v1::WithdrawOpenDataRequest {
        release_key: DIGEST.into(),
        reason: "counted twice".into(),
        signature: Some(signature().into()),
    };
    let field = |change: fn(&mut v1::WithdrawOpenDataRequest)| {
        let mut message = sent();
        change(&mut message);
        refused::<Recalls, _>(message)
    };
    assert_eq!(field(|m| m.release_key = "x".into()), "release_key");
    assert_eq!(field(|m| m.reason.clear()), "reason");
    assert_eq!(field(|m| m.reason = "two\nlines".into()), "reason");
    assert_eq!(field(|m| m.reason = "x".repeat(281)), "reason");
    assert_eq!(field(|m| m.signature = None), "signature");
    let message = v1::ApproveOpenDataRequest {
        release_key: DIGEST.into(),
        signature: None,
    };
    assert_eq!(refused::<Opens, _>(message), "signature");
}
