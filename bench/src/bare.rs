//! The bare way: Arrow Flight `DoPut` over TLS → Parquet, written as the broker writes it → fsync, rename, fsync. Nothing
//! is checked, nobody is known, nothing is logged: what any push has to pay at least.

use std::fs::File;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use arrow::array::RecordBatch;
use arrow_flight::decode::FlightRecordBatchStream;
use arrow_flight::encode::{DictionaryHandling, FlightDataEncoderBuilder};
use arrow_flight::error::FlightError;
use arrow_flight::flight_service_client::FlightServiceClient;
use arrow_flight::flight_service_server::{FlightService, FlightServiceServer};
use arrow_flight::{
    Action, ActionType, Criteria, Empty, FlightData, FlightDescriptor, FlightInfo,
    HandshakeRequest, HandshakeResponse, PollInfo, PutResult, SchemaResult, Ticket,
};
use certs::DevPki;
use futures::{Stream, StreamExt, TryStreamExt, stream};
use parquet::arrow::ArrowWriter;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Identity, Server, ServerTlsConfig};
use tonic::{Request, Response, Status, Streaming};

use crate::run::Failed;

/// Largest message; tonic's default of 4 MiB refuses large batches.
const MESSAGE_BYTES_MAX: usize = 64 << 20;
/// HTTP/2 window of a stream, as the broker's.
const WINDOW_BYTES: u32 = 4 << 20;
/// Batches that wait for the writer, as the broker's.
const QUEUE: usize = 4;

/// Serves in this process until it ends; of the columns that come, the first `keys` are the key.
///
/// # Errors
/// Where it cannot listen or the certificate is not there.
pub async fn serve(pki: &DevPki, folder: &Path, keys: usize) -> Result<SocketAddr, Failed> {
    let files = pki.broker();
    let identity = Identity::from_pem(std::fs::read(files.cert)?, std::fs::read(files.key)?);
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let bare = Bare {
        folder: folder.to_owned(),
        keys,
        files: AtomicUsize::new(0),
    };
    let service = FlightServiceServer::new(bare).max_decoding_message_size(MESSAGE_BYTES_MAX);
    let router = Server::builder()
        .tls_config(ServerTlsConfig::new().identity(identity))?
        .initial_stream_window_size(Some(WINDOW_BYTES))
        .add_service(service);
    tokio::spawn(router.serve_with_incoming(TcpListenerStream::new(listener)));
    Ok(address)
}

/// A connection to [`serve`].
///
/// # Errors
/// Where there is none.
pub async fn connect(
    pki: &DevPki,
    address: SocketAddr,
) -> Result<FlightServiceClient<Channel>, Failed> {
    let ca = Certificate::from_pem(std::fs::read(pki.ca())?);
    let tls = ClientTlsConfig::new()
        .ca_certificate(ca)
        .domain_name("localhost");
    let endpoint = format!("https://localhost:{}", address.port());
    let channel = Channel::from_shared(endpoint)?
        .tls_config(tls)?
        .connect()
        .await?;
    Ok(FlightServiceClient::new(channel))
}

/// Sends the batches and waits until they are durable.
///
/// # Errors
/// Where the server refuses.
pub async fn push(
    client: &mut FlightServiceClient<Channel>,
    batches: &[RecordBatch],
) -> Result<(), Failed> {
    let schema = batches.first().ok_or("no batch")?.schema();
    let batches: Vec<_> = batches.iter().cloned().map(Ok).collect();
    let messages = FlightDataEncoderBuilder::new()
        .with_schema(schema)
        .with_dictionary_handling(DictionaryHandling::Resend)
        .with_max_flight_data_size(usize::MAX)
        .build(stream::iter(batches))
        .map(|message| message.unwrap_or_default());
    let mut results = client.do_put(messages).await?.into_inner();
    results.message().await?.ok_or("no answer")?;
    Ok(())
}

struct Bare {
    folder: PathBuf,
    keys: usize,
    files: AtomicUsize,
}

type Boxed<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;
type Answer<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl FlightService for Bare {
    type HandshakeStream = Boxed<HandshakeResponse>;
    type ListFlightsStream = Boxed<FlightInfo>;
    type DoGetStream = Boxed<FlightData>;
    type DoPutStream = Boxed<PutResult>;
    type DoActionStream = Boxed<arrow_flight::Result>;
    type ListActionsStream = Boxed<ActionType>;
    type DoExchangeStream = Boxed<FlightData>;

    async fn do_put(&self, request: Request<Streaming<FlightData>>) -> Answer<Self::DoPutStream> {
        let messages = request.into_inner().map_err(FlightError::from);
        let mut batches = FlightRecordBatchStream::new_from_flight_data(messages);
        let (to_writer, from_stream) = mpsc::channel(QUEUE);
        let (folder, keys) = (self.folder.clone(), self.keys);
        let name = format!("{}.parquet", self.files.fetch_add(1, Ordering::Relaxed));
        let written = tokio::task::spawn_blocking(move || write(&folder, &name, keys, from_stream));
        while let Some(batch) = batches.next().await {
            if to_writer.send(batch.map_err(Status::from)?).await.is_err() {
                break;
            }
        }
        drop(to_writer);
        let written = written.await.map_err(|e| Status::internal(e.to_string()))?;
        written.map_err(|e| Status::internal(e.to_string()))?;
        let done = stream::once(async { Ok(PutResult::default()) });
        Ok(Response::new(done.boxed()))
    }

    async fn do_get(&self, _: Request<Ticket>) -> Answer<Self::DoGetStream> {
        closed()
    }
    async fn handshake(
        &self,
        _: Request<Streaming<HandshakeRequest>>,
    ) -> Answer<Self::HandshakeStream> {
        closed()
    }
    async fn list_flights(&self, _: Request<Criteria>) -> Answer<Self::ListFlightsStream> {
        closed()
    }
    async fn get_flight_info(&self, _: Request<FlightDescriptor>) -> Answer<FlightInfo> {
        closed()
    }
    async fn poll_flight_info(&self, _: Request<FlightDescriptor>) -> Answer<PollInfo> {
        closed()
    }
    async fn get_schema(&self, _: Request<FlightDescriptor>) -> Answer<SchemaResult> {
        closed()
    }
    async fn do_action(&self, _: Request<Action>) -> Answer<Self::DoActionStream> {
        closed()
    }
    async fn list_actions(&self, _: Request<Empty>) -> Answer<Self::ListActionsStream> {
        closed()
    }
    async fn do_exchange(
        &self,
        _: Request<Streaming<FlightData>>,
    ) -> Answer<Self::DoExchangeStream> {
        closed()
    }
}

fn closed<T>() -> Answer<T> {
    Err(Status::unimplemented("only DoPut"))
}

fn write(
    folder: &Path,
    name: &str,
    keys: usize,
    mut batches: mpsc::Receiver<RecordBatch>,
) -> Result<(), Failed> {
    let first = batches.blocking_recv().ok_or("no batch")?;
    let properties = cells::write::properties(first.schema_ref(), keys, &[])?;
    let incoming = folder.join("incoming.parquet");
    let sink = File::create(&incoming)?;
    let mut writer = ArrowWriter::try_new(sink, Arc::clone(first.schema_ref()), Some(properties))?;
    writer.write(&first)?;
    while let Some(batch) = batches.blocking_recv() {
        writer.write(&batch)?;
    }
    writer.into_inner()?.sync_all()?;
    std::fs::rename(&incoming, folder.join(name))?;
    File::open(folder)?.sync_all()?;
    Ok(())
}
