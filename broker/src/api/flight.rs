//! Arrow Flight on the same port: `DoPut` takes cells, `DoGet` gives released tables and the answers of
//! Flight SQL (`flight_sql`). Every other method of Flight is closed.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::ipc::root_as_message;
use arrow::ipc::writer::IpcWriteOptions;
use arrow_flight::decode::FlightRecordBatchStream;
use arrow_flight::encode::{DictionaryHandling, FlightDataEncoderBuilder};
use arrow_flight::error::FlightError;
use arrow_flight::flight_service_server::FlightService;
use arrow_flight::{
    Action, ActionType, Criteria, Empty, FlightData, FlightDescriptor, FlightInfo,
    HandshakeRequest, HandshakeResponse, PollInfo, PutResult, SchemaAsIpc, SchemaResult, Ticket,
};
use futures::{Stream, StreamExt, TryStreamExt, stream};
use prost::Message;
use proto::convert::{Push, key_from_ticket};
use proto::v1;
use tonic::{Request, Response, Status, Streaming};

use super::flight_sql;
use super::reader::{Parts, unless_slow, unless_slow_or_long};
use super::release::UNTAKEN;
use crate::access::method::DO_GET;
use crate::error::Error;
use crate::flow::Broker;
use crate::identity::caller::Caller;
use crate::limits::{CHUNK_BYTES, STREAM_TIMEOUT, Times};
use crate::telemetry::Metrics;

/// Columns in and out.
#[derive(Debug)]
pub struct Flight {
    /// The use cases.
    pub broker: Arc<Broker>,
    /// Where outcomes are counted.
    pub metrics: Arc<Metrics>,
}

type Answer<T> = Result<Response<T>, Status>;

fn closed<T>() -> Answer<T> {
    Err(Status::unimplemented(
        "use DoPut to contribute, DoGet to fetch a release, and Flight SQL to ask about releases",
    ))
}

#[tonic::async_trait]
impl FlightService for Flight {
    type HandshakeStream = Parts<HandshakeResponse>;
    type ListFlightsStream = Parts<FlightInfo>;
    type DoGetStream = Parts<FlightData>;
    type DoPutStream = Parts<PutResult>;
    type DoActionStream = Parts<arrow_flight::Result>;
    type ListActionsStream = Parts<ActionType>;
    type DoExchangeStream = Parts<FlightData>;

    async fn do_put(&self, request: Request<Streaming<FlightData>>) -> Answer<Self::DoPutStream> {
        let by = Caller::of(&request)?.org().clone();
        let mut messages = request.into_inner();
        let first = messages.message().await?;
        let first = first.ok_or_else(|| Error::invalid("descriptor", "the stream is empty"))?;
        let descriptor = first.flight_descriptor.as_ref();
        let cmd = descriptor.map(|d| d.cmd.clone()).unwrap_or_default();
        let push = Push::from_cmd(&cmd)?;
        let (broker, metrics) = (Arc::clone(&self.broker), Arc::clone(&self.metrics));
        // The answer's headers go out at once: what follows may take longer than a unary call.
        let answer = stream::once(async move {
            let messages = stream::once(async { Ok(first) })
                .chain(messages)
                .map_err(FlightError::from)
                .and_then(|message| async move { uncompressed(message) });
            let batches = FlightRecordBatchStream::new_from_flight_data(messages);
            let contributed = broker.contribute(&by, push, sound(batches).boxed());
            let contributed = tokio::time::timeout(STREAM_TIMEOUT, contributed).await;
            let accepted = contributed.map_err(|_| Error::Busy).flatten();
            metrics.contribution(accepted.as_ref().map_or_else(Error::code, |_| "accepted"));
            let receipt = v1::ContributionReceipt::from(accepted?);
            Ok(PutResult {
                app_metadata: receipt.encode_to_vec().into(),
            })
        });
        Ok(Response::new(answer.boxed()))
    }

    async fn do_get(&self, request: Request<Ticket>) -> Answer<Self::DoGetStream> {
        let by = Caller::of(&request)?.org().clone();
        let ticket = request.into_inner().ticket;
        let Times {
            reader: slow,
            fetch: most,
            ..
        } = self.broker.times;
        if let Some(command) = flight_sql::command(&ticket)? {
            let rows = flight_sql::rows(&self.broker, &by, command).await?;
            return Ok(Response::new(unless_slow(slow, UNTAKEN, rows)));
        }
        let key = key_from_ticket(&ticket)?;
        let place = self.broker.fetching.enter(&by)?;
        let table = self.broker.released(&by, DO_GET, &key).await?;
        let (schema, batches) =
            cells::release::decode(table.bytes.as_ref()).map_err(Error::internal)?;
        let data = FlightDataEncoderBuilder::new()
            .with_schema(schema)
            .with_dictionary_handling(DictionaryHandling::Resend)
            .with_max_flight_data_size(CHUNK_BYTES)
            .build(stream::iter(batches.into_iter().map(Ok)))
            .map_err(move |error| {
                let _held = &place;
                Status::from(error)
            });
        let data = unless_slow_or_long((slow, most), UNTAKEN, data.boxed());
        Ok(Response::new(data))
    }

    async fn handshake(
        &self,
        _request: Request<Streaming<HandshakeRequest>>,
    ) -> Answer<Self::HandshakeStream> {
        closed()
    }

    async fn list_flights(&self, _request: Request<Criteria>) -> Answer<Self::ListFlightsStream> {
        closed()
    }

    async fn get_flight_info(&self, request: Request<FlightDescriptor>) -> Answer<FlightInfo> {
        let by = Caller::of(&request)?.org().clone();
        let descriptor = request.into_inner();
        let command = flight_sql::command(&descriptor.cmd)?.ok_or_else(flight_sql::no_command)?;
        let info = flight_sql::info(&self.broker, &by, command, descriptor).await?;
        Ok(Response::new(info))
    }

    async fn poll_flight_info(&self, _request: Request<FlightDescriptor>) -> Answer<PollInfo> {
        closed()
    }

    async fn get_schema(&self, request: Request<FlightDescriptor>) -> Answer<SchemaResult> {
        let by = Caller::of(&request)?.org().clone();
        let command = flight_sql::command(&request.into_inner().cmd)?;
        let command = command.ok_or_else(flight_sql::no_command)?;
        let schema = flight_sql::schema(&self.broker, &by, &command).await?;
        let options = IpcWriteOptions::default();
        let schema = SchemaAsIpc::new(&schema, &options).try_into();
        Ok(Response::new(schema.map_err(Error::internal)?))
    }

    async fn do_action(&self, request: Request<Action>) -> Answer<Self::DoActionStream> {
        let by = Caller::of(&request)?.org().clone();
        let done = flight_sql::act(&self.broker, &by, &request.into_inner()).await?;
        let done = done.map(Ok);
        Ok(Response::new(stream::iter(done).boxed()))
    }

    async fn list_actions(&self, _request: Request<Empty>) -> Answer<Self::ListActionsStream> {
        let actions = flight_sql::actions().into_iter().map(Ok);
        Ok(Response::new(stream::iter(actions).boxed()))
    }

    async fn do_exchange(
        &self,
        _request: Request<Streaming<FlightData>>,
    ) -> Answer<Self::DoExchangeStream> {
        closed()
    }
}

/// Lets a message through whose buffers are as long as they look. A compressed one says itself how long it
/// will be, and arrow 59 believes it: 64 bytes could ask for 2⁶² (`compressed_bodies_are_refused_unread`).
fn uncompressed(message: FlightData) -> Result<FlightData, FlightError> {
    let refuse = |why: &str| FlightError::DecodeError(why.into());
    if message.data_header.is_empty() {
        return Ok(message);
    }
    let header = root_as_message(&message.data_header).map_err(|_| refuse("header"))?;
    let dictionary = header.header_as_dictionary_batch().and_then(|d| d.data());
    let batch = header.header_as_record_batch().or(dictionary);
    if batch.is_some_and(|batch| batch.compression().is_some()) {
        return Err(refuse("compressed"));
    }
    Ok(message)
}

/// The batches, or one error. arrow 59 panics on a body that is shorter than its header says; a panic here
/// would end the connection of everyone who shares it (`damaged_pushes_change_nothing`).
fn sound(
    batches: FlightRecordBatchStream,
) -> impl Stream<Item = Result<RecordBatch, Error>> + Send {
    let caught = AssertUnwindSafe(batches).catch_unwind();
    caught.map(|read| match read {
        Ok(Ok(batch)) => Ok(batch),
        Ok(Err(error)) => Err(unreadable(error_kind(&error))),
        Err(_) => Err(unreadable("panic")),
    })
}

/// What arrow cannot read is the sender's fault; its words may hold values, so they stay here.
fn unreadable(kind: &'static str) -> Error {
    tracing::debug!(kind, "a contribution could not be read");
    Error::invalid(
        "cells",
        "not a Flight stream of uncompressed record batches, or it broke off: push again",
    )
}

fn error_kind(error: &FlightError) -> &'static str {
    match error {
        FlightError::Arrow(_) => "arrow",
        FlightError::Tonic(_) => "stream",
        FlightError::ProtocolError(_) => "protocol",
        FlightError::DecodeError(_) => "decode",
        _ => "other",
    }
}
