//! The policies in force: loaded at start, logged, and changed only as a whole.

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use policies::agreement::Agreement;
use policies::entry::Body;
use policies::id::{AgreementId, OrgId};
use policies::state::State;
use tokio_util::sync::CancellationToken;

use super::ask::{Object, Policies, Who};
use super::documents::{self, Documents, DocumentsError, MANIFEST};
use super::load::LoadError;
use crate::error::Error;
use crate::flow::Broker;
use crate::limits::POLICY_LOOK;

/// Where policies come from, and the set that answers now.
#[derive(Debug)]
pub struct InForce {
    directory: Option<PathBuf>,
    /// The directory's manifest, read before its documents.
    manifest: String,
    pub(super) now: RwLock<Arc<Policies>>,
}

/// Why policies do not come into force: those before stay. For the operator.
#[derive(Debug, thiserror::Error)]
pub enum PolicyError {
    /// The directory is not whole.
    #[error(transparent)]
    Documents(#[from] DocumentsError),
    /// Its documents are no policies.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// The log knows newer ones, or could not be written.
    #[error("{0}")]
    Log(Error),
}

impl InForce {
    /// Those of an operator's directory, or else the software's own.
    ///
    /// # Errors
    /// [`PolicyError`] names what is wrong with the directory.
    pub fn load(directory: Option<&Path>) -> Result<Self, PolicyError> {
        match directory {
            None => Ok(Self::own()?),
            Some(directory) => Self::from_directory(directory),
        }
    }

    /// The software's own policies.
    ///
    /// # Errors
    /// [`LoadError`]: never in a build that passed its tests.
    pub fn own() -> Result<Self, LoadError> {
        let own = Policies::load(&Documents::own())?;
        Ok(Self {
            directory: None,
            manifest: String::new(),
            now: RwLock::new(Arc::new(own)),
        })
    }

    /// Those of an operator's directory.
    ///
    /// # Errors
    /// [`PolicyError`] names what is wrong with it.
    pub fn from_directory(directory: &Path) -> Result<Self, PolicyError> {
        let manifest = documents::read(&directory.join(MANIFEST))?;
        let brought = Policies::load(&Documents::read(directory)?)?;
        Ok(Self {
            directory: Some(directory.to_owned()),
            manifest,
            now: RwLock::new(Arc::new(brought)),
        })
    }

    /// The set that answers now.
    #[must_use]
    pub fn now(&self) -> Arc<Policies> {
        Arc::clone(&self.now.read().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Reloads the operator's directory whenever its manifest has changed, until the broker stops. The manifest is
/// written last, so that a directory in the making is not looked at.
pub(crate) async fn watch(broker: Arc<Broker>, stop: CancellationToken) {
    let Some(mut watched) = broker.in_force.watched() else {
        return;
    };
    let mut look = tokio::time::interval(POLICY_LOOK);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = look.tick() => (),
        }
        let Some(found) = watched.other() else {
            continue;
        };
        let outcome = broker.reload_policies().await;
        match &outcome {
            Ok(()) => {
                let sha256 = broker.policies().sha256().to_string();
                tracing::info!(sha256, "other policies are in force");
            }
            Err(error) => tracing::error!(%error, "the policies stay as they were"),
        }
        watched.judge(found, &outcome);
    }
}

/// A directory, and its manifest when it was judged last.
#[derive(Debug)]
pub(super) struct Watched {
    manifest: PathBuf,
    seen: String,
}

impl InForce {
    /// The directory as it was loaded: what changed while the broker started is seen as changed.
    pub(super) fn watched(&self) -> Option<Watched> {
        let manifest = self.directory.as_ref()?.join(MANIFEST);
        let seen = self.manifest.clone();
        Some(Watched { manifest, seen })
    }
}

impl Watched {
    /// The manifest, empty where it cannot be read, if it is another than the one judged last.
    pub(super) fn other(&self) -> Option<String> {
        let found = documents::read(&self.manifest).unwrap_or_default();
        Some(found).filter(|found| *found != self.seen)
    }

    /// Remembers the judgement. A log that could not be written judges nothing: the same directory is tried again.
    pub(super) fn judge(&mut self, found: String, outcome: &Result<(), PolicyError>) {
        let again = match outcome {
            Err(PolicyError::Log(error)) => !matches!(error, Error::Precondition { .. }),
            _ => false,
        };
        if !again {
            self.seen = found;
        }
    }
}

impl Broker {
    /// The policies that answer now.
    #[must_use]
    pub fn policies(&self) -> Arc<Policies> {
        self.in_force.now()
    }

    /// May the organisation use the method on this agreement, as it stands in the log?
    ///
    /// # Errors
    /// [`Error::NotFound`] where the policies say no, as where there is no such agreement.
    pub(crate) fn agreement_for(
        &self,
        by: &OrgId,
        method: &str,
        id: &AgreementId,
    ) -> Result<Agreement, Error> {
        let state = self.sequencer.state();
        let record = state.agreement(id).ok_or(NO_AGREEMENT)?;
        self.policies()
            .on_agreement(&state, by, method, (id, &record.terms), None)?;
        Ok(record.terms.clone())
    }

    /// Writes the policies that were loaded at start into the log, where it does not name them last.
    ///
    /// # Errors
    /// [`Error::Precondition`] for a directory that was rolled back.
    pub(crate) async fn log_policies(&self) -> Result<(), Error> {
        self.bring(&self.policies()).await
    }

    /// Loads the operator's directory again. The new set answers from its entry on; where anything is wrong
    /// with it, the old one stays.
    ///
    /// # Errors
    /// [`PolicyError`] names what is wrong.
    pub async fn reload_policies(&self) -> Result<(), PolicyError> {
        let Some(directory) = &self.in_force.directory else {
            return Ok(());
        };
        let brought = Arc::new(Policies::load(&Documents::read(directory)?)?);
        self.bring(&brought).await.map_err(PolicyError::Log)?;
        let now = self.in_force.now.write();
        *now.unwrap_or_else(PoisonError::into_inner) = brought;
        Ok(())
    }

    async fn bring(&self, policies: &Policies) -> Result<(), Error> {
        let (sha256, serial) = (policies.sha256().clone(), policies.serial());
        let changed = move |state: &State, _| {
            let known = state.policies();
            if known.is_some_and(|p| p.sha256 == sha256 && p.serial == serial) {
                return Ok((Vec::new(), ()));
            }
            state
                .policies_in_turn(&sha256, serial)
                .map_err(|e| Error::Precondition {
                    message: format!("the policies do not come into force: {e}"),
                })?;
            Ok((vec![Body::PolicyChanged { sha256, serial }], ()))
        };
        self.sequencer.submit("policy.changed", changed).await?;
        Ok(())
    }
}

impl Policies {
    /// May the organisation, in the role that the log knows, use the method on the agreement?
    ///
    /// # Errors
    /// [`Error::NotFound`]: foreign agreements and agreements that nobody made look alike.
    pub fn on_agreement(
        &self,
        state: &State,
        by: &OrgId,
        method: &str,
        (id, terms): (&AgreementId, &Agreement),
        purpose: Option<&str>,
    ) -> Result<(), Error> {
        let who = Who::of(state, by).ok_or(NO_AGREEMENT)?;
        if self.allows_known(who, method, &Object::Agreement(id, terms), purpose) {
            Ok(())
        } else {
            tracing::debug!(org = %by, method, agreement = %id, "not for this organisation");
            Err(NO_AGREEMENT)
        }
    }
}

pub(crate) const NO_AGREEMENT: Error = Error::NotFound { what: "agreement" };
