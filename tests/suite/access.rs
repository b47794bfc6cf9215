//! Every RPC × every role, against the matrix of `docs/ACCESS.md`; a new RPC without a policy fails.

use std::collections::{BTreeMap, BTreeSet};

use broker::access::documents::Documents;
use broker::access::{Policies, method};
use http::uri::PathAndQuery;
use policies::id::Role;
use prost::Message;
use prost_types::FileDescriptorSet;
use tonic::client::Grpc;
use tonic::metadata::MetadataValue;
use tonic::transport::Channel;
use tonic::{Code, Request, Status};
use tonic_prost::ProstCodec;

use crate::harness::*;
use crate::raw::{self, channel};

const FLIGHT: [&str; 10] = [
    "Handshake",
    "ListFlights",
    "GetFlightInfo",
    "PollFlightInfo",
    "GetSchema",
    "DoGet",
    "DoPut",
    "DoExchange",
    "DoAction",
    "ListActions",
];

/// Those of Flight that do something; Flight SQL needs most of them.
const FLIGHT_OPEN: [&str; 6] = [
    "GetFlightInfo",
    "GetSchema",
    "DoGet",
    "DoPut",
    "DoAction",
    "ListActions",
];

/// Paths of all methods of `weir.v1`, from the descriptors that the server reflects.
fn described() -> BTreeSet<String> {
    let set = FileDescriptorSet::decode(proto::DESCRIPTORS).unwrap();
    let services = set
        .file
        .iter()
        .filter(|f| f.package() == "weir.v1")
        .flat_map(|f| &f.service);
    services
        .flat_map(|s| {
            s.method
                .iter()
                .map(|m| format!("/weir.v1.{}/{}", s.name(), m.name()))
        })
        .collect()
}

fn flight() -> impl Iterator<Item = String> {
    FLIGHT
        .iter()
        .map(|m| format!("/arrow.flight.protocol.FlightService/{m}"))
}

/// An empty message to any method, with or without the member's token.
pub async fn call(channel: &Channel, token: Option<&str>, path: &str) -> Status {
    let mut grpc = Grpc::new(channel.clone());
    grpc.ready().await.unwrap();
    let mut request = Request::new(());
    if let Some(token) = token {
        let bearer = MetadataValue::try_from(format!("Bearer {token}")).unwrap();
        request.metadata_mut().insert("authorization", bearer);
    }
    let path = PathAndQuery::try_from(path).unwrap();
    let codec = ProstCodec::<(), ()>::default();
    // A watch goes on: its first message is the answer.
    let answered = match path.path().contains("/Watch") {
        false => grpc.unary(request, path, codec).await.map(drop),
        true => match grpc.server_streaming(request, path, codec).await {
            Ok(told) => told.into_inner().message().await.map(drop),
            Err(status) => Err(status),
        },
    };
    match answered {
        Ok(()) => Status::new(Code::Ok, ""),
        Err(status) => status,
    }
}

/// The checked-in matrix: which roles get through the door of each method.
fn checked_in() -> BTreeMap<String, Vec<Role>> {
    let page = include_str!("../../docs/ACCESS.md");
    let rows = page.lines().filter(|line| line.starts_with("| `/"));
    let door = rows.map(|row| {
        let cells: Vec<_> = row.trim_matches('|').split('|').map(str::trim).collect();
        let open = std::iter::zip(Role::ALL, &cells[2..]).filter(|(_, cell)| **cell != "–");
        let method = cells[0].trim_matches('`').to_owned();
        (method, open.map(|(role, _)| role).collect())
    });
    door.collect()
}

/// In the schema, in the matrix, and open to somebody: a method without a policy fails here.
#[test]
fn every_method_has_a_policy_and_every_policy_a_method() {
    let mut methods = described();
    methods.extend(
        FLIGHT_OPEN
            .iter()
            .map(|m| format!("/arrow.flight.protocol.FlightService/{m}")),
    );
    let policies = Policies::load(&Documents::own()).unwrap();
    let ruled: BTreeSet<String> = policies.methods().into_iter().map(method::path).collect();
    assert_eq!(methods, ruled, "policies/schema.cedarschema");
    let matrix = checked_in();
    assert_eq!(methods, matrix.keys().cloned().collect());
    for (method, open) in matrix {
        assert!(!open.is_empty(), "{method} has no policy in door.cedar");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_rpc_by_every_role_is_as_the_checked_in_matrix_says() {
    let matrix = checked_in();
    let town = Town::new().await;
    let mut members = vec![town.member("steward").await];
    for (name, role) in [
        ("bikes", Role::Provider),
        ("city", Role::Planner),
        ("ombudsman", Role::Auditor),
    ] {
        members.push(town.join(name, role).await);
    }
    let roles = [Role::Steward, Role::Provider, Role::Planner, Role::Auditor];
    for (member, role) in members.iter().zip(roles) {
        let channel = channel(member).await;
        let token = raw::token(member);
        for method in described().into_iter().chain(flight()) {
            let code = call(&channel, Some(&token), &method).await.code();
            let denied = code == Code::PermissionDenied;
            assert_eq!(
                denied,
                !matrix.get(&method).is_some_and(|open| open.contains(&role)),
                "{role} calls {method}: {code:?}"
            );
            assert_ne!(code, Code::Unauthenticated, "{role} calls {method}");
            let code = call(&channel, None, &method).await.code();
            assert_eq!(
                code,
                Code::Unauthenticated,
                "{role} calls {method} without a token"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_organisation_that_was_not_admitted_may_call_nothing() {
    let town = Town::new().await;
    town.pki.org("stranger", "planner", "user").unwrap();
    let stranger = town.member("stranger").await;
    let channel = channel(&stranger).await;
    let token = raw::token(&stranger);
    for method in described() {
        let code = call(&channel, Some(&token), &method).await.code();
        assert_eq!(code, Code::PermissionDenied, "{method}");
    }
    // Health says nothing about anyone's data, so the certificate is enough.
    let health = call(&channel, None, "/grpc.health.v1.Health/Check")
        .await
        .code();
    assert_eq!(health, Code::Ok);
}

#[tokio::test(flavor = "multi_thread")]
async fn to_strangers_an_agreement_does_not_exist() {
    let town = Town::new().await;
    let bikes = town.join("bikes", Role::Provider).await;
    let city = town.join("city", Role::Planner).await;
    let other_city = town.join("other-city", Role::Planner).await;
    let rival = town.join("rival", Role::Provider).await;
    let (_, geojson) = town.zoning().await;
    let terms = agreement(&bikes, &city, &geojson);
    let id = activate(&bikes, &city, &terms).await;
    let absent = "f".repeat(64).parse().unwrap();

    let text = |error: sdk::client::ClientError| error.to_string();
    let theirs = text(other_city.client.agreement(&id).await.unwrap_err());
    let nobodys = text(other_city.client.agreement(&absent).await.unwrap_err());
    assert_eq!(theirs, nobodys);
    let table = "od".parse().unwrap();
    let periods = ["2026-10-05".parse().unwrap()];
    let theirs = text(
        other_city
            .client
            .preview(&id, &table, &periods)
            .await
            .unwrap_err(),
    );
    let nobodys = text(
        other_city
            .client
            .preview(&absent, &table, &periods)
            .await
            .unwrap_err(),
    );
    assert_eq!(theirs, nobodys);
    let batch = cells(&terms, &ROWS);
    let push_to = |id| push(id, "2026-10-05");
    let batches = std::slice::from_ref(&batch);
    let theirs = text(
        rival
            .client
            .push(&push_to(&id), batches, |_| {})
            .await
            .unwrap_err(),
    );
    let nobodys = text(
        rival
            .client
            .push(&push_to(&absent), batches, |_| {})
            .await
            .unwrap_err(),
    );
    assert_eq!(theirs, nobodys);
    assert!(rival.client.agreements().await.unwrap().is_empty());
}
