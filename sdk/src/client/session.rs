//! The client itself: a connection, the log's key, and the memory of what the log has shown.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use arrow_flight::flight_service_client::FlightServiceClient;
use audit::checkpoint::{Checkpoint, LogKey};
use audit::quorum::Policy;
use audit::receipt::Receipt;
use jiff::Timestamp;
use policies::entry::Body;
use proto::convert::ConvertError;
use proto::v1::agreement_service_client::AgreementServiceClient;
use proto::v1::contribution_service_client::ContributionServiceClient;
use proto::v1::directory_service_client::DirectoryServiceClient;
use proto::v1::release_service_client::ReleaseServiceClient;
use proto::v1::transparency_service_client::TransparencyServiceClient;
use tonic::{Request, Status};

use super::config::{Endpoint, Profile};
use super::connect::{Line, Wire};
use super::error::ClientError;
use super::identity::Stamp;
use super::limits::{CALL_TIMEOUT, FLIGHT_MESSAGE_BYTES_MAX, MESSAGE_BYTES_MAX};
use super::memory::Memory;
use super::proof::{Differs, Proof};
use super::retry::{Attempts, Retry};

/// A connection to one broker as one organisation. Cheap to clone; clones share the connection.
#[derive(Clone)]
pub struct Client {
    shared: Arc<Shared>,
    retry: Retry,
}

struct Shared {
    profile: Profile,
    policy: Option<Policy>,
    line: Mutex<Line>,
    memory: Arc<Memory>,
}

/// How large the log was known to be before a call; its answer may not be older.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mark(pub u64);

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Client({})", self.shared.profile.endpoint)
    }
}

impl Client {
    /// Connects to the profile's broker. Whether certificate and token are accepted shows at the
    /// first call. When the token's file changes later, certificate, key and token are read anew.
    ///
    /// # Errors
    /// [`ClientError::Identity`], [`ClientError::Memory`] or [`ClientError::Connect`].
    pub async fn connect(profile: &Profile) -> Result<Self, ClientError> {
        let memory = Memory::open(&profile.state, profile.log_key.clone())?;
        Ok(Self {
            shared: Arc::new(Shared {
                line: Mutex::new(Line::open(profile).await?),
                policy: profile.read_policy()?,
                profile: profile.clone(),
                memory: Arc::new(memory),
            }),
            retry: Retry::default(),
        })
    }

    /// The same client with another patience.
    #[must_use]
    pub fn with_retry(mut self, retry: Retry) -> Self {
        self.retry = retry;
        self
    }

    /// Where the broker is.
    #[must_use]
    pub fn endpoint(&self) -> &Endpoint {
        &self.shared.profile.endpoint
    }

    /// The key of the log that this client believes.
    #[must_use]
    pub fn log_key(&self) -> &LogKey {
        self.shared.memory.key()
    }

    /// The last checkpoint seen, by this or an earlier client with the same `state`; none before
    /// the first.
    ///
    /// # Errors
    /// [`ClientError::Memory`] where the file is damaged.
    pub fn last_checkpoint(&self) -> Result<Option<Checkpoint>, ClientError> {
        Ok(self.shared.memory.kept()?)
    }

    pub(super) fn attempts(&self) -> Attempts {
        Attempts::new(self.retry)
    }

    /// The present line, or a new one where the files have been renewed. Files that cannot be used
    /// (a renewal may be half done) leave the present line as it is.
    fn wire(&self) -> Wire {
        let Shared { profile, line, .. } = self.shared.as_ref();
        let mut line = line.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Stamp::of(profile);
        if now.is_some() && now != line.stamp {
            match Line::open_later(profile) {
                Ok(renewed) => *line = renewed,
                Err(error) => tracing::warn!(%error, "renewed files are not used"),
            }
        }
        line.wire.clone()
    }

    pub(super) fn directory_service(&self) -> DirectoryServiceClient<Wire> {
        DirectoryServiceClient::new(self.wire())
            .max_decoding_message_size(MESSAGE_BYTES_MAX)
            .max_encoding_message_size(MESSAGE_BYTES_MAX)
    }

    pub(super) fn agreement_service(&self) -> AgreementServiceClient<Wire> {
        AgreementServiceClient::new(self.wire()).max_decoding_message_size(MESSAGE_BYTES_MAX)
    }

    pub(super) fn contribution_service(&self) -> ContributionServiceClient<Wire> {
        ContributionServiceClient::new(self.wire()).max_decoding_message_size(MESSAGE_BYTES_MAX)
    }

    pub(super) fn release_service(&self) -> ReleaseServiceClient<Wire> {
        ReleaseServiceClient::new(self.wire()).max_decoding_message_size(MESSAGE_BYTES_MAX)
    }

    pub(super) fn transparency_service(&self) -> TransparencyServiceClient<Wire> {
        TransparencyServiceClient::new(self.wire()).max_decoding_message_size(MESSAGE_BYTES_MAX)
    }

    pub(super) fn flight_service(&self) -> FlightServiceClient<Wire> {
        FlightServiceClient::new(self.wire())
            .max_decoding_message_size(FLIGHT_MESSAGE_BYTES_MAX)
            .max_encoding_message_size(FLIGHT_MESSAGE_BYTES_MAX)
    }

    /// A broken call as our error; a TLS alert that came after the handshake is about our
    /// certificate.
    pub(super) fn failed(&self, doing: &'static str, status: &Status) -> ClientError {
        let error = ClientError::status(doing, status);
        match &error {
            ClientError::Status {
                message,
                lost: true,
                ..
            } if message.contains("received fatal alert") => ClientError::CertificateRefused {
                endpoint: self.shared.profile.endpoint.clone(),
                cert: self.shared.profile.cert.clone(),
                cause: message.clone(),
            },
            _ => error,
        }
    }

    pub(super) fn memory(&self) -> &Arc<Memory> {
        &self.shared.memory
    }

    /// To be taken before a call is made.
    pub(super) fn mark(&self) -> Result<Mark, ClientError> {
        let kept = self.shared.memory.kept()?;
        Ok(Mark(kept.map_or(0, |checkpoint| checkpoint.size())))
    }

    /// The proof that the log holds what was asked; anything else refuses the answer. It counts
    /// only once its checkpoint was compared with the last one: see [`Self::seen`].
    pub(super) fn checked(
        &self,
        doing: &'static str,
        receipt: Receipt,
        asked: impl FnOnce(&Body) -> Result<(), Differs>,
    ) -> Result<Proof, ClientError> {
        let proof = Proof::of(receipt, self.log_key(), asked);
        let proof = proof.map_err(|fault| ClientError::Receipt { doing, fault })?;
        self.witnessed(doing, proof.checkpoint())?;
        Ok(proof)
    }

    /// Is the checkpoint cosigned by a quorum, where the profile asks for one?
    pub(super) fn witnessed(
        &self,
        doing: &'static str,
        checkpoint: &Checkpoint,
    ) -> Result<(), ClientError> {
        let policy = self.shared.policy.as_ref();
        let checked = policy.map_or(Ok(()), |policy| {
            policy.check(checkpoint)?;
            policy.check_times(checkpoint, Timestamp::now())
        });
        checked.map_err(|error| ClientError::Receipt {
            doing,
            fault: error.into(),
        })
    }

    /// The same proof, once its checkpoint is known to continue the last one seen.
    pub(super) async fn seen(
        &self,
        doing: &'static str,
        mark: Mark,
        proof: Proof,
    ) -> Result<Proof, ClientError> {
        self.observe(doing, mark, proof.checkpoint()).await?;
        Ok(proof)
    }
}

/// A unary call with our patience.
pub(super) fn ask<T>(message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.set_timeout(CALL_TIMEOUT);
    request
}

/// A message as what it means.
pub(super) fn understood<M, T>(doing: &'static str, message: M) -> Result<T, ClientError>
where
    T: TryFrom<M, Error = ConvertError>,
{
    message
        .try_into()
        .map_err(|source| ClientError::Answer { doing, source })
}
