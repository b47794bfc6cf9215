//! Too much is shed, the rest goes on.

use std::time::{Duration, Instant};

use policies::id::Role;
use tonic::Code;

use crate::access::call;
use crate::harness::*;
use crate::raw::{channel, token};

const METHOD: &str = "/weir.v1.TransparencyService/GetLogKey";

#[tokio::test(flavor = "multi_thread")]
async fn an_organisation_that_floods_is_shed_and_others_are_served() {
    let town = Town::new().await;
    let loud = town.join("loud", Role::Planner).await;
    let quiet = town.join("quiet", Role::Planner).await;
    let quiet_channel = channel(&quiet).await;
    let mut loud_channels = Vec::new();
    for _ in 0..5 {
        loud_channels.push(channel(&loud).await);
    }
    let (loud_token, quiet_token) = (token(&loud), token(&quiet));

    // 320 calls at a time until one is shed. Those without a token cost the bucket the same and the machine the
    // least; where it is too slow to empty the bucket, more than the organisation's 64 are in work at once.
    let mut shed = false;
    for _ in 0..12 {
        let calls = (0..320).map(|n| call(&loud_channels[n % 5], None, METHOD));
        let codes = futures::future::join_all(calls).await;
        shed = codes
            .iter()
            .any(|status| status.code() == Code::ResourceExhausted);
        if shed {
            break;
        }
    }
    assert!(shed, "3,840 calls at once, and none was shed");
    let code = call(&quiet_channel, Some(&quiet_token), METHOD)
        .await
        .code();
    assert_eq!(code, Code::Ok, "another organisation pays for the flood");

    // And the loud one is served again, on the same connection.
    let start = Instant::now();
    loop {
        match call(&loud_channels[0], Some(&loud_token), METHOD)
            .await
            .code()
        {
            Code::Ok => break,
            code => assert_eq!(code, Code::ResourceExhausted),
        }
        assert!(
            start.elapsed() < Duration::from_secs(10),
            "never served again"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_names_its_call() {
    let town = Town::new().await;
    let city = town.join("city", Role::Planner).await;
    let channel = channel(&city).await;
    let denied = "/weir.v1.DirectoryService/AdmitOrganisation";
    let status = call(&channel, Some(&token(&city)), denied).await;
    assert_eq!(status.code(), Code::PermissionDenied);
    let id = status
        .metadata()
        .get("x-request-id")
        .unwrap()
        .to_str()
        .unwrap();
    assert_eq!(id.len(), 36);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_zoning_over_its_limit_is_refused_and_the_connection_lives() {
    let town = Town::new().await;
    let steward = town.member("steward").await;
    let id: policies::id::ZoningId = "huge".parse().unwrap();
    steward
        .client
        .add_zoning(id.clone(), vec![b' '; 20 << 20].into())
        .await
        .unwrap_err();
    for wrong in [
        &b"{}"[..],
        b"[1",
        br#"{"type":"FeatureCollection","features":[]}"#,
    ] {
        steward
            .client
            .add_zoning(id.clone(), wrong.to_vec().into())
            .await
            .unwrap_err();
    }
    assert!(steward.client.zonings().await.unwrap().is_empty());
    town.zoning().await;
}
