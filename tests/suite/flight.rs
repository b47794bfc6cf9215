//! Arrow Flight without our SDK: what any Flight client can do, and what it cannot.

use std::sync::Arc;

use arrow::array::{RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use arrow::ipc::CompressionType;
use arrow::ipc::writer::IpcWriteOptions;
use arrow_flight::decode::FlightRecordBatchStream;
use arrow_flight::encode::{DictionaryHandling, FlightDataEncoderBuilder};
use arrow_flight::error::FlightError;
use arrow_flight::flight_service_client::FlightServiceClient;
use arrow_flight::{FlightData, FlightDescriptor, Ticket};
use futures::{StreamExt, TryStreamExt, stream};
use policies::id::Role;
use prost::Message;
use proto::convert::key_to_ticket;
use proto::v1::ContributionReceipt;
use sdk::client::Answered;
use tonic::transport::Channel;
use tonic::{Code, Status};

use crate::harness::*;
use crate::opening::*;
use crate::raw::{channel, with_token};

async fn messages(cmd: Vec<u8>, batch: RecordBatch) -> Vec<FlightData> {
    FlightDataEncoderBuilder::new()
        .with_schema(batch.schema())
        .with_dictionary_handling(DictionaryHandling::Resend)
        .with_flight_descriptor(Some(FlightDescriptor::new_cmd(cmd)))
        .build(stream::iter([Ok(batch)]))
        .try_collect()
        .await
        .unwrap()
}

/// The same cells, their buffers compressed: a lie about a length would be believed.
async fn compressed(cmd: Vec<u8>, batch: RecordBatch) -> Vec<FlightData> {
    let options = IpcWriteOptions::default();
    let options = options
        .try_with_compression(Some(CompressionType::ZSTD))
        .unwrap();
    FlightDataEncoderBuilder::new()
        .with_schema(batch.schema())
        .with_options(options)
        .with_dictionary_handling(DictionaryHandling::Resend)
        .with_flight_descriptor(Some(FlightDescriptor::new_cmd(cmd)))
        .build(stream::iter([Ok(batch)]))
        .try_collect()
        .await
        .unwrap()
}

async fn put(
    member: &Member,
    client: &mut FlightServiceClient<Channel>,
    messages: Vec<FlightData>,
) -> Result<ContributionReceipt, Status> {
    let request = with_token(member, stream::iter(messages));
    let mut answers = client.do_put(request).await?.into_inner();
    let result = answers.message().await?.unwrap();
    Ok(ContributionReceipt::decode(result.app_metadata).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn any_flight_client_contributes_and_fetches() {
    let town = Town::new().await;
    let bikes = town.join("bikes", Role::Provider).await;
    let city = town.join("city", Role::Planner).await;
    let other = town.join("other", Role::Planner).await;
    let (_, geojson) = town.zoning().await;
    let terms = agreement(&bikes, &city, &geojson);
    let id = activate(&bikes, &city, &terms).await;
    let push = push(&id, "2026-10-05");
    let mut flight = FlightServiceClient::new(channel(&bikes).await);
    let sent = messages(push.clone().to_cmd(), cells(&terms, &ROWS)).await;
    let receipt = put(&bikes, &mut flight, sent).await.unwrap();
    let accepted: proto::convert::Accepted = receipt.try_into().unwrap();
    let receipt = accepted.receipt;
    receipt.verify(&town.log_key).unwrap();

    let wish = wish(&id, "od", "2026-10-05");
    let Answered::Released(released) = city.client.request(&wish).await.unwrap() else {
        panic!()
    };
    let ours = city.client.fetch(&released.what).await.unwrap();
    let ticket = || Ticket {
        ticket: key_to_ticket(released.what.clone()).into(),
    };
    let mut flight = FlightServiceClient::new(channel(&city).await);
    let data = flight
        .do_get(with_token(&city, ticket()))
        .await
        .unwrap()
        .into_inner();
    let batches = FlightRecordBatchStream::new_from_flight_data(data.map_err(FlightError::from));
    let batches: Vec<RecordBatch> = batches.try_collect().await.unwrap();
    let count = |batches: &[RecordBatch]| batches.iter().map(RecordBatch::num_rows).sum::<usize>();
    assert_eq!(count(&batches), count(ours.batches()));
    assert_eq!(
        batches[0].column_by_name("trips"),
        ours.batches()[0].column_by_name("trips")
    );

    let mut flight = FlightServiceClient::new(channel(&other).await);
    let foreign = flight
        .do_get(with_token(&other, ticket()))
        .await
        .unwrap_err();
    assert_eq!(foreign.code(), Code::NotFound);
}

/// Each damaged push has one clear status, leaves no entry, and the same connection goes on.
#[tokio::test(flavor = "multi_thread")]
async fn damaged_pushes_change_nothing() {
    let (town, bikes, _city, terms, id) = agreed().await;
    let size = town.broker().sequencer().state().size();
    let cmd = || push(&id, "2026-10-05").to_cmd();
    let whole = messages(cmd(), cells(&terms, &ROWS)).await;
    let foreign = {
        let field = Field::new("name", DataType::Utf8, false);
        let column = StringArray::from(vec!["anna"]);
        let schema = Arc::new(Schema::new(vec![field]));
        RecordBatch::try_new(schema, vec![Arc::new(column)]).unwrap()
    };
    let changed = |change: &dyn Fn(&mut Vec<FlightData>)| {
        let mut messages = whole.clone();
        change(&mut messages);
        messages
    };
    let damaged = [
        ("nothing at all", vec![]),
        ("no header", changed(&|m| m[0].flight_descriptor = None)),
        (
            "a header of noise",
            messages(vec![0xff; 40], cells(&terms, &ROWS)).await,
        ),
        (
            "a header over its limit",
            messages(vec![b'x'; 20 << 10], cells(&terms, &ROWS)).await,
        ),
        ("compressed", compressed(cmd(), cells(&terms, &ROWS)).await),
        ("another schema", messages(cmd(), foreign).await),
        (
            "noise for columns",
            changed(&|m| m.last_mut().unwrap().data_header = vec![1, 2, 3].into()),
        ),
        (
            "half a body",
            changed(&|m| {
                let body = m.last().unwrap().data_body.clone();
                m.last_mut().unwrap().data_body = body.slice(..body.len() / 2);
            }),
        ),
        (
            "columns before their schema",
            changed(&|m| m[1..].reverse()),
        ),
    ];
    let mut flight = FlightServiceClient::new(channel(&bikes).await);
    for (what, messages) in damaged {
        let status = put(&bikes, &mut flight, messages).await.expect_err(what);
        assert_eq!(status.code(), Code::InvalidArgument, "{what}: {status}");
    }
    // A stream that never ends is cut by its client: nothing was accepted.
    let endless = stream::iter(whole.clone()).chain(stream::pending());
    let call = flight.do_put(with_token(&bikes, endless));
    let cut = tokio::time::timeout(std::time::Duration::from_millis(300), async {
        call.await?.into_inner().message().await
    });
    assert!(cut.await.is_err(), "a stream without an end was answered");
    assert_eq!(town.broker().sequencer().state().size(), size);
    put(&bikes, &mut flight, whole).await.unwrap();
}

/// A sender who says nothing holds a place, not the house.
#[tokio::test(flavor = "multi_thread")]
async fn silent_streams_of_one_provider_leave_room_for_others() {
    let town = Town::new().await;
    let bikes = town.join("bikes", Role::Provider).await;
    let taxis = town.join("taxis", Role::Provider).await;
    let city = town.join("city", Role::Planner).await;
    let (_, geojson) = town.zoning().await;
    let terms = agreement(&bikes, &city, &geojson);
    let id = activate(&bikes, &city, &terms).await;
    let other = agreement(&taxis, &city, &geojson);
    let other_id = activate(&taxis, &city, &other).await;

    let mut silent = Vec::new();
    let mut shed = 0;
    for _ in 0..12 {
        let mut flight = FlightServiceClient::new(channel(&bikes).await);
        let cmd = push(&id, "2026-10-05").to_cmd();
        let schema = messages(cmd, cells(&terms, &ROWS)).await.remove(0);
        let endless = stream::iter([schema]).chain(stream::pending());
        let answers = flight
            .do_put(with_token(&bikes, endless))
            .await
            .unwrap()
            .into_inner();
        silent.push(answers);
    }
    for answers in &mut silent {
        let answer = tokio::time::timeout(std::time::Duration::from_millis(50), answers.message());
        if let Ok(Err(status)) = answer.await {
            assert_eq!(status.code(), Code::ResourceExhausted, "{status}");
            shed += 1;
        }
    }
    assert_eq!(shed, 4, "8 of 12 have a place");
    let fine = push(&other_id, "2026-10-05");
    taxis
        .client
        .push(&fine, &[cells(&other, &ROWS)], |_| {})
        .await
        .unwrap();
    drop(silent);
}
