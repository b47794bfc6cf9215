//! What we have contributed, and the header of the next push.

use jiff::Timestamp;
use policies::entry::withdrawal_payload;
use policies::id::{AgreementId, BatchId, TableName};
use policies::life::Cause;
use policies::sign::Signs;
use proto::convert::{
    ContributionQuery, ContributionStatus, Logged, Push, Rate, TableFilter, Withdrawing,
};

use super::error::ClientError;
use super::expect;
use super::pages::all_pages;
use super::proof::Proven;
use super::session::{Client, ask, understood};
use crate::aggregate::{Aggregated, Declared};
use crate::sign::Signer;

/// Parts per million in a thousandth.
const PPM_PER_THOUSANDTH: u32 = 1000;

impl Client {
    /// One contribution of ours, with the proof of its acceptance.
    ///
    /// # Errors
    /// [`ClientError::Receipt`] where the log says otherwise, else as the broker says.
    pub async fn contribution(
        &self,
        agreement: &AgreementId,
        batch: &BatchId,
    ) -> Result<Proven<ContributionStatus>, ClientError> {
        let doing = "get the contribution";
        let query = ContributionQuery {
            agreement: agreement.clone(),
            batch: batch.clone(),
        };
        let mark = self.mark()?;
        let answer = self
            .contribution_service()
            .get_contribution(ask(query.into()))
            .await
            .map_err(|s| self.failed(doing, &s))?;
        let Logged { what, receipt } = understood(doing, answer.into_inner())?;
        let status: &ContributionStatus = &what;
        let asked = status.agreement == *agreement && status.batch == *batch;
        if !asked || status.entry != receipt.index() {
            let what = "another contribution";
            return Err(ClientError::Mismatch { doing, what });
        }
        let proof = self.checked(doing, receipt, |body| expect::contribution(body, status))?;
        let proof = self.seen(doing, mark, proof).await?;
        Ok(Proven { what, proof })
    }

    /// Takes a contribution of ours back, signed with our key: its cells are erased when this returns. What was
    /// published from it is in the answer, and stays published.
    ///
    /// # Errors
    /// [`ClientError::Own`] where the directory does not know our key, [`ClientError::Receipt`] where the log does
    /// not hold the withdrawal, else as the broker says.
    pub async fn withdraw_contribution(
        &self,
        agreement: &AgreementId,
        batch: &BatchId,
        reason: Cause,
        signer: &Signer,
    ) -> Result<Proven<ContributionStatus>, ClientError> {
        let doing = "withdraw the contribution";
        let by = self.own_name(doing, signer).await?;
        let payload = withdrawal_payload(agreement, (&by, batch), &reason);
        let signs = Signs::ContributionWithdrawal;
        let asked = Withdrawing {
            agreement: agreement.clone(),
            batch: batch.clone(),
            reason,
            signature: signer.sign(signs, &payload, Timestamp::now())?,
        };
        let mark = self.mark()?;
        let answer = self
            .contribution_service()
            .withdraw_contribution(ask(asked.clone().into()))
            .await
            .map_err(|s| self.failed(doing, &s))?;
        let Logged { what, receipt } = understood(doing, answer.into_inner())?;
        let status: &ContributionStatus = &what;
        if status.agreement != *agreement || status.batch != *batch {
            let what = "another contribution";
            return Err(ClientError::Mismatch { doing, what });
        }
        let proof = self.checked(doing, receipt, |body| expect::withdrawal(body, &asked))?;
        let proof = self.seen(doing, mark, proof).await?;
        Ok(Proven { what, proof })
    }

    /// The contributions under one agreement, in the broker's order; of one table where it is
    /// named.
    ///
    /// # Errors
    /// As the broker says.
    pub async fn contributions(
        &self,
        agreement: &AgreementId,
        table: Option<&TableName>,
    ) -> Result<Vec<ContributionStatus>, ClientError> {
        let doing = "list contributions";
        Ok(all_pages!(doing, |page| {
            let filter = TableFilter {
                agreement: agreement.clone(),
                table: table.cloned(),
                page,
            };
            let answer = self
                .contribution_service()
                .list_contributions(ask(filter.into()))
                .await
                .map_err(|s| self.failed(doing, &s))?;
            understood(doing, answer.into_inner())?
        }))
    }
}

/// A batch id that nobody has used.
///
/// # Errors
/// Never in practice: a UUID is an id.
pub fn new_batch_id() -> Result<BatchId, ClientError> {
    BatchId::new(uuid::Uuid::new_v4().to_string()).map_err(|e| ClientError::Own {
        doing: "make a batch id",
        why: e.to_string(),
    })
}

/// The header that pushes one table and period of aggregated cells: what was declared becomes the
/// rates `truncated` and `clamped_<measure>`.
///
/// # Errors
/// [`ClientError::Own`] where a measure's name is too long for a rate's.
pub fn push_of(
    agreement: &AgreementId,
    cells: &Aggregated,
    batch: BatchId,
    supersedes: Option<BatchId>,
) -> Result<Push, ClientError> {
    let Declared {
        active_units,
        truncated,
        clamped,
    } = &cells.declared;
    let truncated = truncated.map(|rate| ("truncated".to_owned(), rate));
    let clamped = clamped
        .iter()
        .map(|(m, rate)| (format!("clamped_{m}"), *rate));
    let rates = truncated.into_iter().chain(clamped).map(|(name, rate)| {
        Ok(Rate {
            name: name.parse()?,
            ppm: u32::from(rate.thousandths()) * PPM_PER_THOUSANDTH,
        })
    });
    let rates = rates.collect::<Result<_, policies::id::IdError>>();
    Ok(Push {
        agreement: agreement.clone(),
        table: cells.table.clone(),
        period: cells.period,
        batch,
        supersedes,
        rates: rates.map_err(|e| ClientError::Own {
            doing: "push",
            why: e.to_string(),
        })?,
        // Zero units is a period without anyone; the contract has no such number.
        active_units: active_units.filter(|units| *units > 0),
    })
}
