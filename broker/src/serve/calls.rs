//! The calls of organisations, and what ends them.

use std::sync::Arc;
use std::time::Duration;

use arrow_flight::flight_service_server::FlightServiceServer;
use proto::v1::agreement_service_server::AgreementServiceServer;
use proto::v1::contribution_service_server::ContributionServiceServer;
use proto::v1::directory_service_server::DirectoryServiceServer;
use proto::v1::release_service_server::ReleaseServiceServer;
use proto::v1::transparency_service_server::TransparencyServiceServer;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;
use tonic::transport::Server;
use tonic_health::pb::health_server::{Health, HealthServer};
use tonic_reflection::server::v1::{ServerReflection, ServerReflectionServer};

use super::{ServeError, Writer, during};
use crate::api::plain::PlainLayer;
use crate::api::trace::TraceLayer;
use crate::api::{
    access, agreement, contribution, directory, entries, flight, rate, release, transparency,
};
use crate::cosign::CosignError;
use crate::flow::Broker;
use crate::identity::accept::Incoming;
use crate::identity::layer::IdentityLayer;
use crate::identity::token::TokenVerifier;
use crate::limits;
use crate::telemetry::Metrics;

/// What every call goes through.
pub(super) struct Layers {
    pub(super) verifier: Arc<TokenVerifier>,
    pub(super) metrics: Arc<Metrics>,
    /// After which a connection takes no new ones.
    pub(super) age: Duration,
}

pub(super) async fn serve(
    broker: Arc<Broker>,
    connections: Incoming,
    layers: Layers,
    stop: CancellationToken,
    ends: Ends,
) -> Result<Writer, ServeError> {
    let Layers {
        verifier,
        metrics,
        age,
    } = layers;
    let (health_service, reflection) = about().await?;
    let of = || Arc::clone(&broker);
    let releases = release::Releases {
        broker: of(),
        metrics: Arc::clone(&metrics),
    };
    let flights = flight::Flight {
        broker: of(),
        metrics: Arc::clone(&metrics),
    };
    let agreements = agreement::Agreements {
        broker: of(),
        stop: stop.clone(),
    };
    let beside_grpc = Routes::default().into_axum_router();
    let beside_grpc = Routes::from(beside_grpc.merge(entries::routes(of())));
    let router = Server::builder()
        .max_concurrent_streams(Some(limits::STREAMS_PER_CONNECTION_MAX))
        .initial_stream_window_size(Some(limits::STREAM_WINDOW_BYTES))
        // In order: calls in work finish. What does not is cut where connections come in; the library's own grace
        // would let new calls in until then.
        .max_connection_age(age)
        .timeout(limits::CALL_TIMEOUT)
        // The first is the outermost: even a refused call has an id, and bad tokens cost their bucket.
        .layer(TraceLayer)
        .layer(PlainLayer)
        .layer(rate::RateLayer::default())
        .layer(IdentityLayer::new(verifier))
        .layer(access::AccessLayer::new(of(), metrics))
        .add_routes(beside_grpc)
        .add_service(health_service)
        .add_service(reflection)
        .add_service(
            DirectoryServiceServer::new(directory::Directory(of()))
                .max_decoding_message_size(limits::MESSAGE_BYTES_MAX)
                .max_encoding_message_size(limits::MESSAGE_BYTES_MAX),
        )
        .add_service(AgreementServiceServer::new(agreements))
        .add_service(ContributionServiceServer::new(contribution::Contributions(
            of(),
        )))
        .add_service(ReleaseServiceServer::new(releases))
        .add_service(TransparencyServiceServer::new(transparency::Transparency(
            of(),
        )))
        .add_service(
            FlightServiceServer::new(flights)
                .max_decoding_message_size(limits::FLIGHT_MESSAGE_BYTES_MAX),
        );
    let (ended, on_end) = oneshot::channel();
    let drain = CancellationToken::new();
    let draining = drain.clone();
    let ending = async move {
        drop(ended.send(ends.first(&stop).await));
        stop.cancel();
        draining.cancel();
    };
    tokio::select! {
        served = router.serve_with_incoming_shutdown(connections, ending) => {
            served.map_err(during("serve"))?;
        }
        () = over(&drain) => tracing::warn!("calls that did not end in time are cut"),
    }
    // What was folded so far; where the log cannot be written any more, it is lost.
    if let Err(error) = broker.log_folded(true).await {
        tracing::warn!(code = error.code(), "what was folded is not written");
    }
    on_end.await.map_err(during("serve"))?
}

/// What may end a broker beside its operator.
pub(super) struct Ends {
    pub(super) on_stop: Writer,
    pub(super) watching: Option<JoinHandle<Result<(), CosignError>>>,
}

impl Ends {
    /// Waits for the first of them.
    async fn first(self, stop: &CancellationToken) -> Result<Writer, ServeError> {
        let Self {
            mut on_stop,
            watching,
        } = self;
        let contradicted = async {
            match watching {
                None => std::future::pending().await,
                Some(watching) => watching.await,
            }
        };
        tokio::select! {
            () = stop.cancelled() => Ok(on_stop),
            why = &mut on_stop => Err(ServeError {
                doing: "write the log",
                cause: why.unwrap_or_else(|_| "it died".into()),
            }),
            ended = contradicted => match ended {
                Ok(Ok(())) => Ok(on_stop),
                Ok(Err(error)) => Err(during("show the log to its witnesses")(error)),
                Err(error) => Err(during("show the log to its witnesses")(error)),
            },
        }
    }
}

/// What any gRPC server tells: that it is well, and what it can be asked.
async fn about() -> Result<
    (
        HealthServer<impl Health>,
        ServerReflectionServer<impl ServerReflection>,
    ),
    ServeError,
> {
    let (health, health_service) = tonic_health::server::health_reporter();
    health
        .set_service_status("", tonic_health::ServingStatus::Serving)
        .await;
    let reflection = tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(proto::DESCRIPTORS)
        .build_v1()
        .map_err(during("describe the services"))?;
    Ok((health_service, reflection))
}

/// The end of the time that calls in work have once the broker drains.
async fn over(drain: &CancellationToken) {
    drain.cancelled().await;
    tokio::time::sleep(limits::DRAIN).await;
}
