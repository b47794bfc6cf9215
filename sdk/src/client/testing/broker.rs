//! A broker that says what a test tells it to say, behind real TLS.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};

use arrow::array::RecordBatch;
use arrow_flight::decode::FlightRecordBatchStream;
use arrow_flight::error::FlightError;
use arrow_flight::flight_service_server::{FlightService, FlightServiceServer};
use arrow_flight::{
    Action, ActionType, Criteria, Empty, FlightData, FlightDescriptor, FlightInfo,
    HandshakeRequest, HandshakeResponse, PollInfo, PutResult, SchemaResult, Ticket,
};
use audit::receipt::Receipt;
use certs::{DevPki, OrgFiles};
use futures::{Stream, StreamExt, TryStreamExt, stream};
use policies::entry::{Body, Contribution};
use prost::Message;
use proto::convert::{Accepted, Bundle, LogRange, Push, SizePair};
use proto::v1;
use proto::v1::release_service_server::ReleaseServiceServer;
use proto::v1::transparency_service_server::{TransparencyService, TransparencyServiceServer};
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::transport::{Certificate, Identity, Server, ServerTlsConfig};
use tonic::{Request, Response, Status, Streaming};

use super::{FakeLog, log_key};
use crate::client::testing::samples::accepted;
use crate::client::{Client, ClientError, Profile, Retry};

mod release;

type Boxed<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;
type Answer<T> = Result<Response<T>, Status>;

/// What the broker knows, and what it is told to do.
pub(crate) struct Script {
    pub log: FakeLog,
    /// Checkpoints and receipts show this many entries; all where absent.
    pub shows: Option<u64>,
    /// Answers to the next calls of DoPut or RequestRelease instead of the true ones.
    pub says: VecDeque<Status>,
    /// What is logged of a push instead of the truth.
    pub lies: fn(&mut Contribution),
    /// What is logged of a refusal instead of the truth.
    pub denies: fn(&mut Body),
    /// What is answered to the next wishes; a refusal gets its entry and receipt here.
    pub answers: VecDeque<v1::RequestReleaseResponse>,
    /// What is sent of a release.
    pub parts: Vec<v1::GetReleaseResponse>,
    /// Pushes that came in whole.
    pub pushed: Vec<(Push, Vec<RecordBatch>)>,
    /// Headers of all DoPut calls, and the token that came with each.
    pub calls: Vec<(Push, String)>,
}

#[derive(Clone)]
pub(crate) struct FakeBroker {
    script: Arc<Mutex<Script>>,
    pub at: SocketAddr,
    pub pki: Arc<DevPki>,
    root: Arc<tempfile::TempDir>,
}

impl FakeBroker {
    pub async fn start() -> Self {
        let root = tempfile::tempdir().unwrap();
        let pki = DevPki::create(&root.path().join("dev"), "weir.test").unwrap();
        let read = |path: PathBuf| std::fs::read(path).unwrap();
        let tls = ServerTlsConfig::new()
            .identity(Identity::from_pem(
                read(pki.broker().cert),
                read(pki.broker().key),
            ))
            .client_ca_root(Certificate::from_pem(read(pki.ca())));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let broker = Self {
            script: Arc::new(Mutex::new(Script::new())),
            at: listener.local_addr().unwrap(),
            pki: Arc::new(pki),
            root: Arc::new(root),
        };
        let server = Server::builder()
            .tls_config(tls)
            .unwrap()
            .add_service(TransparencyServiceServer::new(broker.clone()))
            .add_service(ReleaseServiceServer::new(broker.clone()))
            .add_service(FlightServiceServer::new(broker.clone()));
        tokio::spawn(server.serve_with_incoming(TcpListenerStream::new(listener)));
        broker
    }

    pub fn script(&self) -> MutexGuard<'_, Script> {
        self.script.lock().unwrap()
    }

    pub fn org(&self, name: &str) -> OrgFiles {
        let files = self.pki.org_files(name).unwrap();
        if !files.cert.exists() {
            self.pki.org(name, "provider", "push-job").unwrap();
        }
        files
    }

    pub fn profile(&self, org: &str, port: u16) -> Profile {
        let OrgFiles {
            cert, key, token, ..
        } = self.org(org);
        Profile {
            endpoint: format!("https://localhost:{port}").parse().unwrap(),
            ca: self.pki.ca(),
            cert,
            key,
            token,
            log_key: log_key(),
            policy: None,
            signing_key: None,
            state: self.root.path().join(format!("state-{org}")),
        }
    }

    pub async fn client(&self) -> Client {
        self.connect(&self.profile("bikes", self.at.port()))
            .await
            .unwrap()
    }

    /// A client that does not wait long between attempts.
    pub async fn connect(&self, profile: &Profile) -> Result<Client, ClientError> {
        let quick = Retry {
            attempts: 4,
            first: std::time::Duration::from_millis(2),
            most: std::time::Duration::from_millis(20),
        };
        Ok(Client::connect(profile).await?.with_retry(quick))
    }
}

impl Script {
    fn new() -> Self {
        Self {
            log: FakeLog::empty(),
            shows: None,
            says: VecDeque::new(),
            denies: |_| (),
            lies: |_| {},
            answers: VecDeque::new(),
            parts: Vec::new(),
            pushed: Vec::new(),
            calls: Vec::new(),
        }
    }

    pub fn size(&self) -> u64 {
        self.shows.unwrap_or(self.log.size())
    }

    pub fn receipt(&self, index: u64) -> Receipt {
        self.log.receipt_at(index, self.size())
    }

    fn accept(&mut self, push: &Push) -> Receipt {
        let mut contribution = accepted(push);
        (self.lies)(&mut contribution);
        let index = self.log.append(Body::ContributionAccepted(contribution));
        self.receipt(index)
    }
}

#[tonic::async_trait]
impl TransparencyService for FakeBroker {
    type GetEntriesStream = Boxed<v1::GetEntriesResponse>;

    async fn get_log_key(
        &self,
        _request: Request<v1::GetLogKeyRequest>,
    ) -> Answer<v1::GetLogKeyResponse> {
        Ok(Response::new((&log_key()).into()))
    }

    async fn get_checkpoint(
        &self,
        _request: Request<v1::GetCheckpointRequest>,
    ) -> Answer<v1::GetCheckpointResponse> {
        let script = self.script();
        Ok(Response::new(script.log.note(script.size()).into()))
    }

    async fn get_consistency_proof(
        &self,
        request: Request<v1::GetConsistencyProofRequest>,
    ) -> Answer<v1::GetConsistencyProofResponse> {
        let SizePair { old, new } = request.into_inner().try_into()?;
        let script = self.script();
        if new > script.log.size() {
            return Err(Status::invalid_argument(
                "new_size: is past the end of the log",
            ));
        }
        Ok(Response::new(
            script.log.consistency(old, new).as_slice().into(),
        ))
    }

    async fn get_receipt(
        &self,
        request: Request<v1::GetReceiptRequest>,
    ) -> Answer<v1::GetReceiptResponse> {
        let index: u64 = request.into_inner().into();
        Ok(Response::new(self.script().receipt(index).into()))
    }

    async fn get_entries(
        &self,
        request: Request<v1::GetEntriesRequest>,
    ) -> Answer<Self::GetEntriesStream> {
        let LogRange { start, limit } = request.into_inner().try_into()?;
        let entries = self.script().log.entries.clone();
        let end = (start + u64::from(limit)).min(entries.len() as u64);
        let places: Vec<u64> = (start..end).collect();
        // Two places at a time; of every pair only the first may be seen.
        let bundles = places.chunks(2).map(|pair| {
            let (first, last) = (pair[0], pair[pair.len() - 1]);
            let entry = entries[usize::try_from(first).unwrap()].clone();
            Ok(Bundle {
                entries: vec![(first, entry)],
                next_start: last + 1,
            }
            .into())
        });
        let bundles: Vec<_> = bundles.collect();
        Ok(Response::new(stream::iter(bundles).boxed()))
    }
}

fn closed<T>() -> Answer<T> {
    Err(Status::unimplemented("closed"))
}

#[tonic::async_trait]
impl FlightService for FakeBroker {
    type HandshakeStream = Boxed<HandshakeResponse>;
    type ListFlightsStream = Boxed<FlightInfo>;
    type DoGetStream = Boxed<FlightData>;
    type DoPutStream = Boxed<PutResult>;
    type DoActionStream = Boxed<arrow_flight::Result>;
    type ListActionsStream = Boxed<ActionType>;
    type DoExchangeStream = Boxed<FlightData>;

    async fn do_put(&self, request: Request<Streaming<FlightData>>) -> Answer<Self::DoPutStream> {
        let token = request.metadata().get("authorization").unwrap();
        let token = token.to_str().unwrap().to_owned();
        let mut messages = request.into_inner();
        let first = messages.message().await?.unwrap();
        let push = Push::from_cmd(&first.flight_descriptor.clone().unwrap().cmd)?;
        let said = {
            let mut script = self.script();
            script.calls.push((push.clone(), token));
            script.says.pop_front()
        };
        if let Some(status) = said {
            return Err(status);
        }
        let broker = self.clone();
        let answer = stream::once(async move {
            let messages = stream::iter([Ok(first)]).chain(messages.map_err(FlightError::from));
            let batches = FlightRecordBatchStream::new_from_flight_data(messages);
            let batches = batches.try_collect().await.map_err(Status::from)?;
            let mut script = broker.script();
            let receipt = script.accept(&push);
            script.pushed.push((push, batches));
            let receipt = v1::ContributionReceipt::from(Accepted {
                receipt,
                never_released: None,
            });
            Ok(PutResult {
                app_metadata: receipt.encode_to_vec().into(),
            })
        });
        Ok(Response::new(answer.boxed()))
    }

    async fn do_get(&self, _request: Request<Ticket>) -> Answer<Self::DoGetStream> {
        closed()
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

    async fn get_flight_info(&self, _request: Request<FlightDescriptor>) -> Answer<FlightInfo> {
        closed()
    }

    async fn poll_flight_info(&self, _request: Request<FlightDescriptor>) -> Answer<PollInfo> {
        closed()
    }

    async fn get_schema(&self, _request: Request<FlightDescriptor>) -> Answer<SchemaResult> {
        closed()
    }

    async fn do_action(&self, _request: Request<Action>) -> Answer<Self::DoActionStream> {
        closed()
    }

    async fn list_actions(&self, _request: Request<Empty>) -> Answer<Self::ListActionsStream> {
        closed()
    }

    async fn do_exchange(
        &self,
        _request: Request<Streaming<FlightData>>,
    ) -> Answer<Self::DoExchangeStream> {
        closed()
    }
}
