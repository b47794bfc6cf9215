//! Releases: what they would cost, asking for them, listing them.

use policies::coarse::Merge;
use policies::id::{AgreementId, ReleaseKey, RequestId, TableName};
use policies::joint::With;
use policies::period::Period;
use policies::refusal::{ReasonId, Refusal};
use proto::convert::{
    Answer, Preview, PreviewQuery, Refused, ReleaseSummary, Released, TableFilter, Wish,
};
use proto::limits::PERIODS_MAX;

use super::error::ClientError;
use super::expect;
use super::pages::all_pages;
use super::proof::Proven;
use super::session::{Client, ask, understood};
use super::table::Table;

/// What a wish came to.
#[derive(Debug)]
pub enum Answered {
    /// It is published; fetch it by its key.
    Released(Box<Proven<ReleaseKey>>),
    /// It is refused, with every reason; nothing was charged.
    Refused(Box<Proven<Refusal>>),
}

/// Several periods of one table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ask {
    /// Under which agreement.
    pub agreement: AgreementId,
    /// Which table.
    pub table: TableName,
    /// Which periods, in the order wanted.
    pub periods: Vec<Period>,
    /// For which purpose, for example `dpv:PublicPolicyMaking`.
    pub purpose: String,
}

/// What became of one period.
#[derive(Debug)]
pub struct PeriodRelease {
    /// The period.
    pub period: Period,
    /// Table or refusal.
    pub outcome: Outcome,
}

/// A table, or every reason why there is none.
#[derive(Debug)]
pub enum Outcome {
    /// The released table, verified.
    Released(Box<Table>),
    /// Refused; nothing was charged.
    Refused(Refusal),
}

impl PeriodRelease {
    /// Is there no table because the provider has contributed nothing for the period?
    #[must_use]
    pub fn is_missing(&self) -> bool {
        match &self.outcome {
            Outcome::Released(_) => false,
            Outcome::Refused(refusal) => refusal
                .reasons()
                .iter()
                .any(|reason| reason.id == ReasonId::PeriodNotContributed),
        }
    }
}

impl Client {
    /// What releases of these periods would cost and could show; from public state only, and free.
    ///
    /// # Errors
    /// [`ClientError::Mismatch`] where the broker answers about other periods, else as the broker
    /// says.
    pub async fn preview(
        &self,
        agreement: &AgreementId,
        table: &TableName,
        periods: &[Period],
    ) -> Result<Preview, ClientError> {
        let query = PreviewQuery {
            agreement: agreement.clone(),
            table: table.clone(),
            periods: periods.to_vec(),
            merge: None,
            with: Vec::new(),
        };
        self.previewed(query).await
    }

    /// The same for one table of several agreements in each period: every part's price, and that of all.
    ///
    /// # Errors
    /// As [`Self::preview`].
    pub async fn preview_joint(
        &self,
        agreement: &AgreementId,
        table: &TableName,
        with: &[With],
        periods: &[Period],
    ) -> Result<Preview, ClientError> {
        let query = PreviewQuery {
            agreement: agreement.clone(),
            table: table.clone(),
            periods: periods.to_vec(),
            merge: None,
            with: with.to_vec(),
        };
        self.previewed(query).await
    }

    /// What one ad-hoc merge would cost and could show, with what stands for or against each of its
    /// periods; from public state only, and free.
    ///
    /// # Errors
    /// As [`Self::preview`].
    pub async fn preview_merge(
        &self,
        agreement: &AgreementId,
        table: &TableName,
        merge: &Merge,
    ) -> Result<Preview, ClientError> {
        let query = PreviewQuery {
            agreement: agreement.clone(),
            table: table.clone(),
            periods: merge.periods().collect(),
            merge: Some(merge.clone()),
            with: Vec::new(),
        };
        self.previewed(query).await
    }

    async fn previewed(&self, query: PreviewQuery) -> Result<Preview, ClientError> {
        let doing = "preview the release";
        let periods = query.periods.clone();
        if periods.is_empty() || periods.len() > PERIODS_MAX {
            let why = format!("1 to {PERIODS_MAX} periods can be previewed at once");
            return Err(ClientError::Own { doing, why });
        }
        let answer = self
            .release_service()
            .preview(ask(query.into()))
            .await
            .map_err(|s| self.failed(doing, &s))?;
        let preview: Preview = understood(doing, answer.into_inner())?;
        let told = preview.periods.iter().map(|told| &told.period);
        if !told.eq(&periods) {
            let what = "other periods than were asked";
            return Err(ClientError::Mismatch { doing, what });
        }
        Ok(preview)
    }

    /// Asks for one release. The same request id never acts twice, so a wish that broke is repeated
    /// as it is: this does so a few times by itself.
    ///
    /// # Errors
    /// [`ClientError::Receipt`] where the log does not hold the publication, else as the broker
    /// says. A refusal is no error.
    pub async fn request(&self, wish: &Wish) -> Result<Answered, ClientError> {
        let doing = "request the release";
        let mark = self.mark()?;
        let mut attempts = self.attempts();
        let answer = loop {
            let call = self
                .release_service()
                .request_release(ask(wish.clone().into()))
                .await;
            match call {
                Ok(answer) => break understood(doing, answer.into_inner())?,
                Err(status) => attempts.again(self.failed(doing, &status)).await?,
            }
        };
        match answer {
            Answer::Refused(Refused { refusal, receipt }) => {
                let proof =
                    self.checked(doing, receipt, |body| expect::refused(body, wish, &refusal))?;
                let proof = self.seen(doing, mark, proof).await?;
                let refused = Proven {
                    what: refusal,
                    proof,
                };
                Ok(Answered::Refused(Box::new(refused)))
            }
            // What it replaces stands in the quality sheet, which is proven.
            Answer::Released(Released {
                key,
                receipt,
                replaces: _,
            }) => {
                let proof =
                    self.checked(doing, receipt, |body| expect::published(body, &key, None))?;
                let proof = self.seen(doing, mark, proof).await?;
                let released = Proven { what: key, proof };
                Ok(Answered::Released(Box::new(released)))
            }
        }
    }

    /// Asks for each period in turn and fetches what is released; `done` hears of each as it comes.
    /// Asked again, a period that was released answers the same bytes, free.
    ///
    /// # Errors
    /// The first failure ends it; what was released before is durable, and `done` has had it.
    pub async fn release(
        &self,
        wanted: &Ask,
        mut done: impl FnMut(&PeriodRelease),
    ) -> Result<Vec<PeriodRelease>, ClientError> {
        let mut releases = Vec::with_capacity(wanted.periods.len());
        for period in &wanted.periods {
            let outcome = self.release_one(wanted, *period).await?;
            let release = PeriodRelease {
                period: *period,
                outcome,
            };
            done(&release);
            releases.push(release);
        }
        Ok(releases)
    }

    async fn release_one(&self, wanted: &Ask, period: Period) -> Result<Outcome, ClientError> {
        let wish = Wish {
            request: new_request_id()?,
            agreement: wanted.agreement.clone(),
            table: wanted.table.clone(),
            period,
            merge: None,
            purpose: wanted.purpose.clone(),
            with: vec![],
        };
        let key = match self.request(&wish).await? {
            Answered::Refused(refused) => return Ok(Outcome::Refused(refused.what)),
            Answered::Released(released) => released.what,
        };
        let table = self.fetch_wished(&wish, &key).await?;
        Ok(Outcome::Released(Box::new(table)))
    }

    /// Fetches what a wish was answered with: [`Self::fetch`], and the table is of the agreements, tables, period and
    /// merge that were wished for. The log proves a key; only this shows that it is the right one.
    ///
    /// # Errors
    /// [`ClientError::Mismatch`] for a table of something else, else as [`Self::fetch`].
    pub async fn fetch_wished(&self, wish: &Wish, key: &ReleaseKey) -> Result<Table, ClientError> {
        let table = self.fetch(key).await?;
        if !table.sheet().answers(wish) {
            let (doing, what) = ("fetch the release", "a table of something else");
            return Err(ClientError::Mismatch { doing, what });
        }
        Ok(table)
    }

    /// The published releases under one agreement, in the broker's order; of one table where it is
    /// named.
    ///
    /// # Errors
    /// As the broker says.
    pub async fn releases(
        &self,
        agreement: &AgreementId,
        table: Option<&TableName>,
    ) -> Result<Vec<ReleaseSummary>, ClientError> {
        let doing = "list releases";
        Ok(all_pages!(doing, |page| {
            let filter = TableFilter {
                agreement: agreement.clone(),
                table: table.cloned(),
                page,
            };
            let answer = self
                .release_service()
                .list_releases(ask(filter.into()))
                .await
                .map_err(|s| self.failed(doing, &s))?;
            understood(doing, answer.into_inner())?
        }))
    }
}

/// A request id that nobody has used.
///
/// # Errors
/// Never in practice: a UUID is an id.
pub fn new_request_id() -> Result<RequestId, ClientError> {
    RequestId::new(uuid::Uuid::new_v4().to_string()).map_err(|e| ClientError::Own {
        doing: "make a request id",
        why: e.to_string(),
    })
}
