//! Calls for data, and tables on offer.

use policies::call::Call;
use policies::id::CallId;
use proto::convert::{CallStatus, Logged, OfferedTable, Page, Paged};

use super::error::ClientError;
use super::expect;
use super::pages::all_pages;
use super::proof::Proven;
use super::session::{Client, ask, understood};

impl Client {
    /// Publishes a call for data; planners only. The same call again answers the first receipt.
    ///
    /// # Errors
    /// [`ClientError::Own`] where the call says too little (nothing is sent), [`ClientError::Receipt`] where the log does
    /// not hold it, else as the broker says.
    pub async fn publish_call(&self, call: &Call) -> Result<Proven<CallStatus>, ClientError> {
        let doing = "publish the call";
        call.check().map_err(|e| ClientError::Own {
            doing,
            why: e.to_string(),
        })?;
        let mark = self.mark()?;
        let answer = self
            .directory_service()
            .publish_call(ask(call.clone().into()))
            .await
            .map_err(|s| self.failed(doing, &s))?;
        let Logged { what, receipt } = understood(doing, answer.into_inner())?;
        let told: &CallStatus = &what;
        if told.terms != *call {
            let what = "another call";
            return Err(ClientError::Mismatch { doing, what });
        }
        let proof = self.checked(doing, receipt, |body| expect::call(body, told))?;
        let proof = self.seen(doing, mark, proof).await?;
        Ok(Proven { what, proof })
    }

    /// Closes a call of ours: no offer can name it any more.
    ///
    /// # Errors
    /// [`ClientError::Receipt`] where the log does not hold its end, else as the broker says.
    pub async fn close_call(&self, id: &CallId) -> Result<Proven<CallStatus>, ClientError> {
        let doing = "close the call";
        let mark = self.mark()?;
        let answer = self
            .directory_service()
            .close_call(ask(id.clone().into()))
            .await
            .map_err(|s| self.failed(doing, &s))?;
        let Logged { what, receipt } = understood(doing, answer.into_inner())?;
        let told: &CallStatus = &what;
        if told.id != *id {
            let what = "another call";
            return Err(ClientError::Mismatch { doing, what });
        }
        let proof = self.checked(doing, receipt, |body| expect::closed_call(body, id))?;
        let proof = self.seen(doing, mark, proof).await?;
        Ok(Proven { what, proof })
    }

    /// Tables on offer: those of agreements in force, and of offers that we may read. Sorted by agreement and table.
    ///
    /// # Errors
    /// As the broker says.
    pub async fn tables_on_offer(&self) -> Result<Vec<OfferedTable>, ClientError> {
        let doing = "list tables on offer";
        Ok(all_pages!(doing, |page| self
            .tables_on_offer_page(page)
            .await?))
    }

    /// One page of [`Self::tables_on_offer`], for whoever shows them as they come.
    ///
    /// # Errors
    /// As the broker says.
    pub async fn tables_on_offer_page(
        &self,
        page: Page,
    ) -> Result<Paged<OfferedTable>, ClientError> {
        let doing = "list tables on offer";
        let answer = self
            .directory_service()
            .list_tables(ask(page.into()))
            .await
            .map_err(|s| self.failed(doing, &s))?;
        understood(doing, answer.into_inner())
    }

    /// All calls for data, open and closed, sorted by id.
    ///
    /// # Errors
    /// As the broker says.
    pub async fn calls(&self) -> Result<Vec<CallStatus>, ClientError> {
        let doing = "list calls";
        Ok(all_pages!(doing, |page| {
            let answer = self
                .directory_service()
                .list_calls(ask(page.into()))
                .await
                .map_err(|s| self.failed(doing, &s))?;
            understood(doing, answer.into_inner())?
        }))
    }
}
