//! Attack: ids of others. Every RPC that takes the id of an object, asked with a foreign id and with one that
//! nobody ever used: the two answers are the same NOT_FOUND, so no id tells whether it exists.

use std::collections::BTreeSet;

use broker::access::documents::Documents;
use broker::access::{Policies, method};
use policies::agreement::Agreement;
use policies::id::{AgreementId, ReleaseKey, Role};
use prost::Message;
use proto::v1;
use tonic::client::Grpc;
use tonic::metadata::MetadataValue;
use tonic::transport::Channel;
use tonic::{Code, Request, Status};
use tonic_prost::ProstCodec;

use crate::harness::*;
use crate::opening::*;
use crate::raw::{self, channel};

mod beside;

/// Ids of one agreement and what is under it.
struct Ids {
    agreement: AgreementId,
    batch: String,
    release: ReleaseKey,
    entry: u64,
}

async fn send<M: Message + Clone + 'static>(to: &Caller, path: &str, message: M) -> Status {
    let mut grpc = Grpc::new(to.channel.clone());
    grpc.ready().await.unwrap();
    let mut request = Request::new(message);
    let bearer = MetadataValue::try_from(format!("Bearer {}", to.token)).unwrap();
    request.metadata_mut().insert("authorization", bearer);
    let codec = ProstCodec::<M, ()>::default();
    // The first message of a stream, or its end.
    match grpc
        .server_streaming(request, path.parse().unwrap(), codec)
        .await
    {
        Err(status) => status,
        Ok(answer) => match answer.into_inner().message().await {
            Err(status) => status,
            Ok(_) => Status::new(Code::Ok, ""),
        },
    }
}

struct Caller {
    channel: Channel,
    token: String,
}

impl Caller {
    async fn of(member: &Member) -> Self {
        let token = raw::token(member);
        Self {
            channel: channel(member).await,
            token,
        }
    }
}

fn signature() -> v1::Signature {
    v1::Signature {
        protected: "e30".into(),
        signature: "AA".repeat(43),
    }
}

fn act(agreement_id: String) -> v1::AgreementAct {
    v1::AgreementAct {
        agreement_id,
        after: 1,
        takes_effect: String::new(),
        reason: "an attack".into(),
        signature: Some(signature()),
    }
}

/// What a method answers about these ids.
async fn ask(caller: &Caller, method: &str, ids: &Ids) -> Status {
    let path = method::path(method);
    let agreement_id = ids.agreement.to_string();
    let table = "od".to_owned();
    match method {
        method::GET_AGREEMENT => {
            send(caller, &path, v1::GetAgreementRequest { agreement_id }).await
        }
        method::SIGN_AGREEMENT => {
            let signature = Some(signature());
            let message = v1::SignAgreementRequest {
                agreement_id,
                signature,
            };
            send(caller, &path, message).await
        }
        method::WITHDRAW_AGREEMENT => {
            let act = Some(act(agreement_id));
            send(caller, &path, v1::WithdrawAgreementRequest { act }).await
        }
        method::SUSPEND_AGREEMENT => {
            let act = Some(act(agreement_id));
            send(caller, &path, v1::SuspendAgreementRequest { act }).await
        }
        method::RESUME_AGREEMENT => {
            let act = Some(act(agreement_id));
            send(caller, &path, v1::ResumeAgreementRequest { act }).await
        }
        method::TERMINATE_AGREEMENT => {
            let act = Some(act(agreement_id));
            send(caller, &path, v1::TerminateAgreementRequest { act }).await
        }
        method::LIST_CONTRIBUTIONS => {
            let message = v1::ListContributionsRequest {
                agreement_id,
                ..Default::default()
            };
            send(caller, &path, message).await
        }
        method::GET_CONTRIBUTION => {
            let message = v1::GetContributionRequest {
                agreement_id,
                batch_id: ids.batch.clone(),
            };
            send(caller, &path, message).await
        }
        method::WITHDRAW_CONTRIBUTION => {
            let message = v1::WithdrawContributionRequest {
                agreement_id,
                batch_id: ids.batch.clone(),
                reason: "an attack".into(),
                signature: Some(signature()),
            };
            send(caller, &path, message).await
        }
        method::PREVIEW => {
            let message = v1::PreviewRequest {
                agreement_id,
                table,
                periods: vec!["2026-10-05".into()],
                ..Default::default()
            };
            send(caller, &path, message).await
        }
        method::REQUEST_RELEASE => {
            let message = v1::RequestReleaseRequest {
                request_id: "attack".into(),
                agreement_id,
                table,
                period: "2026-10-05".into(),
                purpose: PURPOSE.into(),
                ..Default::default()
            };
            send(caller, &path, message).await
        }
        method::LIST_RELEASES => {
            let message = v1::ListReleasesRequest {
                agreement_id,
                ..Default::default()
            };
            send(caller, &path, message).await
        }
        method::GET_RELEASE => {
            let message = v1::GetReleaseRequest {
                release_key: ids.release.to_string(),
            };
            send(caller, &path, message).await
        }
        method::PROPOSE_OPEN_DATA => {
            let message = v1::ProposeOpenDataRequest {
                release_key: ids.release.to_string(),
                signature: Some(signature()),
            };
            send(caller, &path, message).await
        }
        method::APPROVE_OPEN_DATA => {
            let message = v1::ApproveOpenDataRequest {
                release_key: ids.release.to_string(),
                signature: Some(signature()),
            };
            send(caller, &path, message).await
        }
        method::WITHDRAW_OPEN_DATA => {
            let message = v1::WithdrawOpenDataRequest {
                release_key: ids.release.to_string(),
                reason: "an attack".into(),
                signature: Some(signature()),
            };
            send(caller, &path, message).await
        }
        method::DO_GET => {
            let ticket = proto::convert::key_to_ticket(ids.release.clone());
            send(
                caller,
                &path,
                arrow_flight::Ticket {
                    ticket: ticket.into(),
                },
            )
            .await
        }
        method::DO_PUT => {
            let cmd = push(&ids.agreement, "2026-10-05").to_cmd();
            let descriptor = arrow_flight::FlightDescriptor::new_cmd(cmd);
            let message = arrow_flight::FlightData::new().with_descriptor(descriptor);
            send(caller, &path, message).await
        }
        method::GET_RECEIPT => {
            send(caller, &path, v1::GetReceiptRequest { index: ids.entry }).await
        }
        other => panic!("{other} takes the id of an object and is not attacked here"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_rpc_with_a_foreign_id_is_not_found_like_an_id_that_nobody_used() {
    let town = Town::new().await;
    let bikes = town.join("bikes", Role::Provider).await;
    let city = town.join("city", Role::Planner).await;
    let strangers = [
        town.join("rival", Role::Provider).await,
        town.join("other-city", Role::Planner).await,
        town.join("ombudsman", Role::Auditor).await,
        town.member("steward").await,
    ];
    let (_, geojson) = town.zoning().await;
    let terms = agreement(&bikes, &city, &geojson);
    let agreement = activate(&bikes, &city, &terms).await;
    let pushed = push(&agreement, "2026-10-05");
    let batches = [cells(&terms, &ROWS)];
    bikes.client.push(&pushed, &batches, |_| {}).await.unwrap();
    let foreign = {
        let wish = wish(&agreement, "od", "2026-10-05");
        city.client.request(&wish).await.unwrap();
        let broker = town.broker();
        let state = broker.sequencer().state();
        let (key, record) = state.releases().next().unwrap();
        Ids {
            agreement,
            batch: pushed.batch.to_string(),
            release: key.clone(),
            entry: record.entry,
        }
    };
    let nobodys = Ids {
        agreement: "f".repeat(64).parse().unwrap(),
        batch: "nobodys".into(),
        release: "f".repeat(64).parse().unwrap(),
        entry: 1 << 40,
    };
    let policies = Policies::load(&Documents::own()).unwrap();
    // Lists name no id; `GetEntries` leaves out what is not for the caller; offers have a test of their own.
    let no_id = [
        method::WATCH_AGREEMENTS,
        method::OFFER_AGREEMENT,
        method::LIST_AGREEMENTS,
        method::GET_ENTRIES,
    ];
    let about = |method: &&str| policies.objects(method) != (false, false);
    let methods: BTreeSet<&str> = policies.methods().into_iter().filter(about).collect();
    for stranger in &strangers {
        let caller = Caller::of(stranger).await;
        for method in methods.iter().filter(|method| !no_id.contains(method)) {
            let theirs = ask(&caller, method, &foreign).await;
            let absent = ask(&caller, method, &nobodys).await;
            let who = &stranger.org;
            // Auditors read agreements and entries, stewards read agreements and halt them: ids are no secret there.
            let open: &[&str] = match who.as_str() {
                "ombudsman" => &[method::GET_AGREEMENT, method::GET_RECEIPT],
                "steward" => &[
                    method::GET_AGREEMENT,
                    method::SUSPEND_AGREEMENT,
                    method::RESUME_AGREEMENT,
                ],
                _ => &[],
            };
            if open.contains(method) {
                assert_ne!(theirs.code(), Code::NotFound, "{who} {method}");
                assert_eq!(absent.code(), Code::NotFound, "{who} {method}");
                continue;
            }
            let expected = [Code::NotFound, Code::PermissionDenied];
            assert!(
                expected.contains(&theirs.code()),
                "{who} {method}: {theirs:?}"
            );
            assert_eq!(theirs.code(), absent.code(), "{who} {method}");
            assert_eq!(theirs.message(), absent.message(), "{who} {method}");
            assert_eq!(theirs.details(), absent.details(), "{who} {method}");
        }
    }
    // The same questions by those they belong to: the attack asks what can be answered.
    let (ours, theirs) = (Caller::of(&bikes).await, Caller::of(&city).await);
    for method in [
        method::GET_AGREEMENT,
        method::GET_CONTRIBUTION,
        method::PREVIEW,
        method::GET_RELEASE,
        method::DO_GET,
        method::GET_RECEIPT,
    ] {
        assert_eq!(
            ask(&ours, method, &foreign).await.code(),
            Code::Ok,
            "{method}"
        );
    }
    let asked = ask(&theirs, method::REQUEST_RELEASE, &foreign).await;
    assert_eq!(asked.code(), Code::Ok, "{asked:?}");
}

/// Found by a reread: an offer names agreements too, and its refusals told foreign ones from none.
#[tokio::test(flavor = "multi_thread")]
async fn an_offer_that_names_a_foreign_agreement_learns_nothing_of_it() {
    let (town, bikes, _, _, foreign) = agreed().await;
    let rival = town.join("rival", Role::Planner).await;
    let geojson = squares();
    let nobodys = "f".repeat(64).parse().unwrap();
    let mut answers = Vec::new();
    for id in [foreign, nobodys] {
        let mut countering = agreement(&bikes, &rival, &geojson);
        countering.counters = Some(id.clone());
        let mut amending = agreement(&bikes, &rival, &geojson);
        amending.supersedes = Some(id);
        for terms in [countering, amending] {
            let refused = rival.client.offer(&terms, &rival.signer).await;
            answers.push(refused.unwrap_err().to_string());
        }
    }
    assert!(
        answers.iter().all(|told| *told == answers[0]),
        "{answers:?}"
    );
    assert!(
        answers[0].contains("not found") || answers[0].contains("no such"),
        "{answers:?}"
    );
}

/// Found by a reread: the refusal of a planner's offer told the unit, the cap and the allotments of a population
/// whose id it had guessed.
#[tokio::test(flavor = "multi_thread")]
async fn a_planners_offer_learns_nothing_of_a_population_and_the_provider_is_told_when_it_signs() {
    let (town, bikes, _, _, _) = agreed().await;
    let rival = town.join("rival", Role::Planner).await;
    let geojson = squares();
    let over = agreement(&bikes, &rival, &geojson);
    let mut unknown = over.clone();
    unknown.population.id = "nobodys".parse().unwrap();
    let mut other = over.clone();
    other.population.cap = over.allotment().unwrap().checked_mul(2);
    // The account's allotments are at its cap already: over it, none there, another cap. All are offers.
    for terms in [&over, &unknown, &other] {
        rival.client.offer(terms, &rival.signer).await.unwrap();
        let id = terms.id().unwrap();
        let seen = rival.client.agreement(&id).await.unwrap();
        assert_eq!(seen.population_allotted, None, "what others were allotted");
        let seen = bikes.client.agreement(&id).await.unwrap();
        assert!(seen.population_allotted.is_some(), "its own account");
    }
    for (terms, told) in [
        (&over, "over the cap"),
        (&other, "already protected as person-day"),
    ] {
        let id = terms.id().unwrap();
        let refused = bikes.client.sign_agreement(&id, &bikes.signer).await;
        let refused = refused.unwrap_err().to_string();
        assert!(refused.contains(told), "{refused}");
    }
    let id = unknown.id().unwrap();
    bikes
        .client
        .sign_agreement(&id, &bikes.signer)
        .await
        .unwrap();
}

/// Two offers of a provider that fit one by one: the planner that signs the second is told no sum of the first.
#[tokio::test(flavor = "multi_thread")]
async fn a_planner_that_signs_too_late_is_told_no_figure_of_others() {
    let (town, bikes, city, _, _) = agreed().await;
    let rival = town.join("rival", Role::Planner).await;
    let geojson = squares();
    let [first, second] = [&city, &rival].map(|planner| {
        let mut terms = agreement(&bikes, planner, &geojson);
        terms.population.id = "two-fit-one-by-one".parse().unwrap();
        terms.title = format!("{} asks", terms.planner.org);
        terms
    });
    for terms in [&first, &second] {
        bikes.client.offer(terms, &bikes.signer).await.unwrap();
    }
    let sign = async |planner: &Member, terms: &Agreement| {
        let id = terms.id().unwrap();
        planner.client.sign_agreement(&id, &planner.signer).await
    };
    sign(&city, &first).await.unwrap();
    let refused = sign(&rival, &second).await.unwrap_err().to_string();
    assert!(refused.contains("ask the provider"), "{refused}");
    let figures = refused.chars().any(|c| c.is_ascii_digit());
    assert!(!figures, "{refused}");
    let seen = rival.client.agreement(&second.id().unwrap()).await.unwrap();
    assert_eq!(seen.population_allotted, None);
}
