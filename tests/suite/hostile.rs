//! A member of the town with a good certificate and bad intentions (reference/trust.md section 7, classes 3,
//! 11, 12 and 14): what it sends costs it its own connection or its own places, and nobody else's.

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::{ArrayRef, DictionaryArray, Int32Array, RecordBatch, StringArray};
use arrow::datatypes::Int32Type;
use arrow_flight::FlightDescriptor;
use arrow_flight::encode::{DictionaryHandling, FlightDataEncoderBuilder};
use arrow_flight::flight_service_client::FlightServiceClient;
use bytes::Bytes;
use futures::stream::FuturesUnordered;
use futures::{StreamExt, TryStreamExt, stream};
use h2::client::SendRequest;
use policies::id::Role;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio::task::JoinHandle;
use tonic::Code;

use crate::access::call;
use crate::harness::*;
use crate::opening::*;
use crate::raw::{channel, token, with_token};

const METHOD: &str = "/weir.v1.TransparencyService/GetLogKey";
const DEADLINE: Duration = Duration::from_secs(60);

/// An HTTP/2 connection below any gRPC library, and the task that drives it.
pub async fn h2(
    member: &Member,
    at: u16,
) -> (SendRequest<Bytes>, JoinHandle<Result<(), h2::Error>>) {
    let mut roots = rustls::RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_file(&member.profile.ca).unwrap())
        .unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_client_auth_cert(
            vec![CertificateDer::from_pem_file(&member.profile.cert).unwrap()],
            PrivateKeyDer::from_pem_file(&member.profile.key).unwrap(),
        )
        .unwrap();
    config.alpn_protocols = vec![b"h2".to_vec()];
    let socket = tokio::net::TcpStream::connect(("127.0.0.1", at))
        .await
        .unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let tls = tokio_rustls::TlsConnector::from(Arc::new(config));
    let stream = tls.connect(name, socket).await.unwrap();
    let (send, connection) = h2::client::handshake(stream).await.unwrap();
    (send, tokio::spawn(connection))
}

fn post(member: &Member, method: &str, encoding: &str) -> http::Request<()> {
    http::Request::post(format!("https://localhost{method}"))
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .header("grpc-encoding", encoding)
        .header("authorization", format!("Bearer {}", token(member)))
        .body(())
        .unwrap()
}

async fn served(member: &Member) -> bool {
    let channel = channel(member).await;
    call(&channel, Some(&token(member)), METHOD).await.code() == Code::Ok
}

/// CVE-2023-44487: streams that are opened and reset at once.
#[tokio::test(flavor = "multi_thread")]
async fn a_rapid_reset_ends_its_connection_and_nobody_elses() {
    let town = Town::new().await;
    let loud = town.join("loud", Role::Planner).await;
    let quiet = town.join("quiet", Role::Planner).await;
    let at = town.running().address.port();
    let (mut send, mut driver) = h2(&loud, at).await;
    let flood = async {
        for _ in 0..20_000 {
            let Ok(ready) = send.clone().ready().await else {
                return;
            };
            send = ready;
            match send.send_request(post(&loud, METHOD, "identity"), false) {
                Ok((_, mut stream)) => stream.send_reset(h2::Reason::CANCEL),
                Err(_) => return,
            }
            tokio::task::yield_now().await;
        }
        panic!("20,000 streams were opened and reset, and the connection stands");
    };
    tokio::time::timeout(DEADLINE, flood).await.unwrap();
    let ended = tokio::time::timeout(DEADLINE, &mut driver)
        .await
        .unwrap()
        .unwrap();
    // GOAWAY, or the closed socket where the flood was still writing.
    ended.unwrap_err();
    assert!(served(&quiet).await && served(&loud).await);
}

/// 320 calls whose bodies never come: more than all places of the broker.
#[tokio::test(flavor = "multi_thread")]
async fn slow_bodies_fill_their_own_places_only() {
    let town = Town::new().await;
    let loud = town.join("loud", Role::Planner).await;
    let quiet = town.join("quiet", Role::Planner).await;
    let at = town.running().address.port();
    let (mut answers, mut bodies) = (FuturesUnordered::new(), Vec::new());
    for _ in 0..5 {
        let (send, _) = h2(&loud, at).await;
        for _ in 0..64 {
            let mut ready = send.clone().ready().await.unwrap();
            let (answer, body) = ready
                .send_request(post(&loud, METHOD, "identity"), false)
                .unwrap();
            answers.push(answer);
            bodies.push(body);
        }
    }
    // Those over its share are answered at once; the others wait for their bodies.
    for _ in 0..320 - 64 {
        let answer = tokio::time::timeout(DEADLINE, answers.next())
            .await
            .unwrap();
        let status = answer.unwrap().unwrap().headers()["grpc-status"].clone();
        assert_eq!(status, "8", "RESOURCE_EXHAUSTED");
    }
    let more = tokio::time::timeout(Duration::from_millis(100), answers.next()).await;
    assert!(more.is_err(), "a call within its share was shed");
    assert!(
        served(&quiet).await,
        "another organisation pays for slow bodies"
    );
    drop(bodies);
}

/// A message that says it is compressed is refused by its header: no byte of it is inflated.
#[tokio::test(flavor = "multi_thread")]
async fn a_gzip_bomb_is_refused_unopened() {
    let town = Town::new().await;
    let bikes = town.join("bikes", Role::Provider).await;
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    for _ in 0..256 {
        gzip.write_all(&[0; 1 << 20]).unwrap();
    }
    let bomb = gzip.finish().unwrap();
    assert!(bomb.len() < 1 << 20, "256 MiB in {} bytes", bomb.len());
    let mut frame = vec![1];
    frame.extend(u32::try_from(bomb.len()).unwrap().to_be_bytes());
    frame.extend(&bomb);
    let at = town.running().address.port();
    for method in [METHOD, "/arrow.flight.protocol.FlightService/DoPut"] {
        for encoding in ["gzip", "zstd", "deflate"] {
            let (send, _driver) = h2(&bikes, at).await;
            let mut ready = send.ready().await.unwrap();
            let (answer, mut body) = ready
                .send_request(post(&bikes, method, encoding), false)
                .unwrap();
            // An answer that came from the header alone has closed the stream already: then this is not even sent.
            let _ = body.send_data(frame.clone().into(), true);
            let answer = tokio::time::timeout(DEADLINE, answer)
                .await
                .unwrap()
                .unwrap();
            let status = answer.headers().get("grpc-status").cloned();
            assert_eq!(status.unwrap(), "12", "{method} {encoding}: UNIMPLEMENTED");
        }
    }
    assert!(served(&bikes).await);
}

/// One row, and a dictionary of over a million zones beside it.
#[tokio::test(flavor = "multi_thread")]
async fn a_dictionary_bomb_is_refused_and_leaves_no_entry() {
    let (town, bikes, _city, terms, id) = agreed().await;
    let size = town.broker().sequencer().state().size();

    let good = cells(&terms, &ROWS).slice(0, 1);
    let values = StringArray::from_iter_values((0..=1 << 20).map(|n| format!("{n}")));
    let keys = Int32Array::from(vec![0]);
    let bomb: ArrayRef = Arc::new(DictionaryArray::<Int32Type>::new(keys, Arc::new(values)));
    let mut columns = good.columns().to_vec();
    assert_eq!(
        columns[0].data_type(),
        bomb.data_type(),
        "the column of origins"
    );
    columns[0] = bomb;
    let batch = RecordBatch::try_new(good.schema(), columns).unwrap();
    let messages: Vec<_> = FlightDataEncoderBuilder::new()
        .with_schema(batch.schema())
        .with_dictionary_handling(DictionaryHandling::Resend)
        .with_flight_descriptor(Some(FlightDescriptor::new_cmd(
            push(&id, "2026-10-05").to_cmd(),
        )))
        .build(stream::iter([Ok(batch)]))
        .try_collect()
        .await
        .unwrap();
    let mut flight = FlightServiceClient::new(channel(&bikes).await);
    let put = flight
        .do_put(with_token(&bikes, stream::iter(messages)))
        .await;
    let refused = match put {
        Ok(answers) => answers.into_inner().message().await.unwrap_err(),
        Err(status) => status,
    };
    let codes = [
        Code::InvalidArgument,
        Code::OutOfRange,
        Code::ResourceExhausted,
    ];
    assert!(codes.contains(&refused.code()), "{refused}");
    assert_eq!(town.broker().sequencer().state().size(), size);
    assert!(served(&bikes).await);
}

/// Fifty sends of one batch at once, past any retry of ours: one entry, and no second answer.
#[tokio::test(flavor = "multi_thread")]
async fn fifty_replays_at_once_are_one_entry() {
    let (town, bikes, _city, terms, id) = agreed().await;
    let size = town.broker().sequencer().state().size();
    let push = push(&id, "2026-10-05");
    let batch = cells(&terms, &ROWS);
    let messages: Vec<_> = FlightDataEncoderBuilder::new()
        .with_schema(batch.schema())
        .with_dictionary_handling(DictionaryHandling::Resend)
        .with_flight_descriptor(Some(FlightDescriptor::new_cmd(push.to_cmd())))
        .build(stream::iter([Ok(batch)]))
        .try_collect()
        .await
        .unwrap();
    let flight = FlightServiceClient::new(channel(&bikes).await);
    let sends = (0..50).map(|_| {
        let (mut flight, messages) = (flight.clone(), messages.clone());
        let request = with_token(&bikes, stream::iter(messages));
        async move {
            let mut answers = flight.do_put(request).await?.into_inner();
            answers.message().await
        }
    });
    let mut accepted = 0;
    for sent in futures::future::join_all(sends).await {
        match sent {
            Ok(_) => accepted += 1,
            Err(status) => assert_eq!(status.code(), Code::ResourceExhausted, "{status}"),
        }
    }
    assert!(accepted > 0);
    assert_eq!(town.broker().sequencer().state().size(), size + 1);
}

/// The clock of the machine is an hour off, or goes backwards: the log's time does not.
#[tokio::test(flavor = "multi_thread")]
async fn a_clock_an_hour_off_or_set_back_writes_no_earlier_entry() {
    let (town, bikes, city, geojson) = opened().await;
    let mut last = town.broker().sequencer().state().time().unwrap();
    for (n, hours) in [1, -1, 0].into_iter().enumerate() {
        let now: jiff::Timestamp = NOW.parse().unwrap();
        town.clock
            .set(now + jiff::SignedDuration::from_hours(hours));
        let mut terms = agreement(&bikes, &city, &geojson);
        terms.population.id = format!("riders-{n}").parse().unwrap();
        activate(&bikes, &city, &terms).await;
        let time = town.broker().sequencer().state().time().unwrap();
        assert!(time >= last, "{time} after {last}");
        last = time;
    }
}

/// Degrees all the same, so the file alone tells nothing: the agreement says whose time it is.
#[tokio::test(flavor = "multi_thread")]
async fn a_zoning_with_latitude_first_is_refused_where_it_is_offered() {
    let town = Town::new().await;
    let bikes = town.join("bikes", Role::Provider).await;
    let city = town.join("city", Role::Planner).await;
    let mut zones: serde_json::Value = serde_json::from_slice(&squares()).unwrap();
    for feature in zones["features"].as_array_mut().unwrap() {
        for point in feature["geometry"]["coordinates"][0]
            .as_array_mut()
            .unwrap()
        {
            point.as_array_mut().unwrap().reverse();
        }
    }
    let swapped = serde_json::to_vec(&zones).unwrap();
    let steward = town.member("steward").await.client;
    let id = "swapped".parse().unwrap();
    let added = steward.add_zoning(id, swapped.clone().into()).await;
    added.unwrap();
    town.zoning().await;
    let mut terms = agreement(&bikes, &city, &swapped);
    terms.zonings[0].id = "swapped".parse().unwrap();
    terms.tables[0].zoning = terms.zonings[0].id.clone();
    let refused = bikes.client.offer(&terms, &bikes.signer).await.unwrap_err();
    let said = refused.to_string();
    assert!(
        said.contains("zonings[0]") && said.contains("longitude first"),
        "{said}"
    );
    // Where nothing says where it should be, nobody is refused.
    let mut nowhere = serde_json::to_value(&terms).unwrap();
    nowhere["time_zone"] = "Etc/UTC".into();
    let nowhere = serde_json::from_value(nowhere).unwrap();
    bikes.client.offer(&nowhere, &bikes.signer).await.unwrap();
    activate(&bikes, &city, &agreement(&bikes, &city, &squares())).await;
}
