//! Calls for data: planners say what they need to know, providers answer with offers that name the call.

use audit::receipt::Receipt;
use policies::call::Call;
use policies::entry::Body;
use policies::id::{CallId, OrgId};

use super::broker::Broker;
use crate::error::Error;

impl Broker {
    /// Publishes a planner's call; the same call again is answered with the first one's entry.
    ///
    /// # Errors
    /// [`Error::NotFound`] for an unknown zoning, [`Error::Precondition`] for a call that was closed, or one too many.
    pub async fn publish_call(&self, by: &OrgId, terms: Call) -> Result<(CallId, Receipt), Error> {
        let id = terms.id(by).map_err(|e| Error::invalid("terms", e))?;
        let (by, call) = (by.clone(), id.clone());
        let done = self
            .sequencer
            .submit("call.published", move |state, _| {
                if state.zoning(&terms.zoning).is_none() {
                    return Err(Error::NotFound { what: "zoning" });
                }
                match state.call(&call).map(|known| (known.closed, known.entry)) {
                    Some((None, entry)) => Ok((Vec::new(), Some(entry))),
                    Some((Some(_), _)) => {
                        let message = "this very call was closed: say what is different now".into();
                        Err(Error::Precondition { message })
                    }
                    None => Ok((vec![Body::CallPublished { call, by, terms }], None)),
                }
            })
            .await?;
        let receipt = match done.value {
            Some(entry) => self.heads.receipt(entry).await?,
            None => self.last_receipt(&done.entries).await?,
        };
        Ok((id, receipt))
    }

    /// Closes a call of the planner's own; closing it again is answered with the first time's entry.
    ///
    /// # Errors
    /// [`Error::NotFound`] for calls of others, and for none.
    pub async fn close_call(&self, by: &OrgId, id: &CallId) -> Result<Receipt, Error> {
        let (by, call) = (by.clone(), id.clone());
        let done = self
            .sequencer
            .submit("call.closed", move |state, _| {
                let known = state.call(&call).filter(|known| known.planner == by);
                let known = known.ok_or(Error::NotFound { what: "call" })?;
                match known.closed {
                    Some(entry) => Ok((Vec::new(), Some(entry))),
                    None => Ok((vec![Body::CallClosed { call, by }], None)),
                }
            })
            .await?;
        match done.value {
            Some(entry) => self.heads.receipt(entry).await,
            None => self.last_receipt(&done.entries).await,
        }
    }
}
