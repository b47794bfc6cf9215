//! An act is done once, whoever sends it again.

use super::*;

/// The same act again is answered with the first one's entry; an act on what has changed since is refused.
#[tokio::test(flavor = "multi_thread")]
async fn an_act_acts_once() {
    let story = Story::new(|_| {}).await;
    let channel = crate::raw::channel(&story.bikes).await;
    let mut service = proto::v1::agreement_service_client::AgreementServiceClient::new(channel);
    let after = story.bikes.client.agreement(&story.id).await.unwrap();
    let after = after.life.last_change;
    let reason: policies::life::Cause = "the figures look wrong".parse().unwrap();
    let at = (&story.id, &story.bikes.org, after);
    let signed = policies::life::payload(Action::Suspend, at, None, &reason);
    let signs = policies::sign::Signs::AgreementAct;
    let signature = story
        .bikes
        .signer
        .sign(signs, &signed, NOW.parse().unwrap());
    let acting = proto::convert::Acting {
        agreement: story.id.clone(),
        after,
        takes_effect: None,
        reason,
        signature: signature.unwrap(),
    };
    let mut send = async |acting: &proto::convert::Acting| {
        let message: proto::v1::SuspendAgreementRequest = acting.clone().into();
        let request = crate::raw::with_token(&story.bikes, message);
        let answer = service.suspend_agreement(request).await;
        answer.map(|a| a.into_inner().agreement.unwrap().last_change)
    };
    let first = send(&acting).await.unwrap();
    assert_eq!(send(&acting).await.unwrap(), first);
    let size = story.town.broker().sequencer().state().size();
    assert_eq!(size, first + 1, "one entry");
    let mut other = acting.clone();
    other.reason = "another reason".parse().unwrap();
    let forged = send(&other).await.unwrap_err();
    assert_eq!(forged.code(), tonic::Code::InvalidArgument, "{forged}");
    story.act(&story.bikes, Action::Resume).await.unwrap();
    let size = story.town.broker().sequencer().state().size();
    send(&acting).await.unwrap();
    assert_eq!(
        story.town.broker().sequencer().state().size(),
        size,
        "a replay does nothing"
    );
    let found = story.city.client.agreement(&story.id).await.unwrap();
    assert_eq!(found.status, Status::Active);
}

/// Another act with the same reason, after the same change, is another act: it is not answered with the first one's entry.
#[tokio::test(flavor = "multi_thread")]
async fn an_act_of_the_same_words_is_told_from_the_first() {
    let end = OnEnd {
        notice_days: 30,
        ..OnEnd::default()
    };
    let story = Story::new(|terms| terms.on_end = Some(end)).await;
    let channel = crate::raw::channel(&story.bikes).await;
    let mut service = proto::v1::agreement_service_client::AgreementServiceClient::new(channel);
    let after = story.bikes.client.agreement(&story.id).await.unwrap();
    let after = after.life.last_change;
    let acting = |action: Action, takes_effect: Option<&str>| {
        let reason: policies::life::Cause = "the figures look wrong".parse().unwrap();
        let takes_effect = takes_effect.map(|at| at.parse().unwrap());
        let at = (&story.id, &story.bikes.org, after);
        let signed = policies::life::payload(action, at, takes_effect, &reason);
        let signs = policies::sign::Signs::AgreementAct;
        let signature = story
            .bikes
            .signer
            .sign(signs, &signed, NOW.parse().unwrap());
        proto::convert::Acting {
            agreement: story.id.clone(),
            after,
            takes_effect,
            reason,
            signature: signature.unwrap(),
        }
    };
    // With notice it stays active, as after nothing at all.
    let notice = acting(Action::Terminate, Some("2027-01-31T00:00:00Z"));
    let sooner = acting(Action::Terminate, Some("2026-12-31T00:00:00Z"));
    let suspending = acting(Action::Suspend, None);
    let mut terminate = async |acting: &proto::convert::Acting| {
        let message: proto::v1::TerminateAgreementRequest = acting.clone().into();
        let request = crate::raw::with_token(&story.bikes, message);
        service.terminate_agreement(request).await.map(drop)
    };
    terminate(&notice).await.unwrap();
    let size = story.town.broker().sequencer().state().size();
    terminate(&notice).await.unwrap();
    let other = terminate(&sooner).await.unwrap_err();
    assert_eq!(other.code(), tonic::Code::FailedPrecondition, "{other}");
    let message: proto::v1::SuspendAgreementRequest = suspending.into();
    let request = crate::raw::with_token(&story.bikes, message);
    let suspended = service.suspend_agreement(request).await.unwrap_err();
    assert_eq!(
        suspended.code(),
        tonic::Code::FailedPrecondition,
        "{suspended}"
    );
    assert_eq!(story.town.broker().sequencer().state().size(), size);
    // Looked at again, it is suspended.
    let stands = story.act(&story.bikes, Action::Suspend).await.unwrap();
    assert_eq!(stands, Status::Suspended);
}
