//! `weir.v1.ContributionService`: what has been contributed. The cells themselves come by Flight `DoPut`.

use std::sync::Arc;

use policies::id::OrgId;
use policies::state::{ContributionRecord, State};
use proto::convert::{ContributionQuery, ContributionStatus, Logged, TableFilter, Withdrawing};
use proto::limits::RELEASED_FROM_MAX;
use proto::v1;
use proto::v1::contribution_service_server::ContributionService;
use tonic::{Request, Response, Status};

use super::page::paged;
use super::release::summary;
use crate::access::method::{GET_CONTRIBUTION, LIST_CONTRIBUTIONS};
use crate::error::Error;
use crate::flow::Broker;
use crate::flow::release::published_entry;
use crate::identity::caller::Caller;

/// Status of contributions.
#[derive(Debug)]
pub struct Contributions(pub Arc<Broker>);

type Answer<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl ContributionService for Contributions {
    async fn get_contribution(
        &self,
        request: Request<v1::GetContributionRequest>,
    ) -> Answer<v1::GetContributionResponse> {
        let caller = Caller::of(&request)?.clone();
        let ContributionQuery { agreement, batch } = request.into_inner().try_into()?;
        let found = {
            let state = self.0.sequencer().state();
            let found = state.batch(caller.org(), &batch);
            let found = found.filter(|record| record.contribution.agreement == agreement);
            let found = found.filter(|_| {
                let policies = self.0.policies();
                state.agreement(&agreement).is_some_and(|record| {
                    let agreement = (&agreement, &record.terms);
                    policies
                        .on_agreement(&state, caller.org(), GET_CONTRIBUTION, agreement, None)
                        .is_ok()
                })
            });
            found.map(|record| (self.own_status(&state, record), record.entry))
        };
        let (what, entry) = found.ok_or(Error::NotFound {
            what: "contribution",
        })?;
        let receipt = self.0.heads.receipt(entry).await?;
        Ok(Response::new(Logged { what, receipt }.into()))
    }

    async fn withdraw_contribution(
        &self,
        request: Request<v1::WithdrawContributionRequest>,
    ) -> Answer<v1::WithdrawContributionResponse> {
        let by = Caller::of(&request)?.org().clone();
        let asked: Withdrawing = request.into_inner().try_into()?;
        let batch = asked.batch.clone();
        let receipt = self.0.withdraw(&by, asked).await?;
        let what = {
            let state = self.0.sequencer().state();
            let record = state.batch(&by, &batch);
            record.map(|record| self.own_status(&state, record))
        };
        let what = what.ok_or(Error::NotFound {
            what: "contribution",
        })?;
        Ok(Response::new(Logged { what, receipt }.into()))
    }

    async fn list_contributions(
        &self,
        request: Request<v1::ListContributionsRequest>,
    ) -> Answer<v1::ListContributionsResponse> {
        let caller: OrgId = Caller::of(&request)?.org().clone();
        let TableFilter {
            agreement,
            table,
            page,
        } = request.into_inner().try_into()?;
        self.0
            .agreement_for(&caller, LIST_CONTRIBUTIONS, &agreement)?;
        let state = self.0.sequencer().state();
        let live = state
            .live_contributions()
            .filter(|r| r.contribution.agreement == agreement)
            .filter(|r| {
                table
                    .as_ref()
                    .is_none_or(|name| r.contribution.table == *name)
            })
            .map(|record| status(&state, record));
        let key = |c: &ContributionStatus| format!("{} {}", c.table, c.period);
        let mut live: Vec<_> = live.collect();
        live.sort_by_key(key);
        Ok(Response::new(paged(live.into_iter(), key, &page).into()))
    }
}

fn status(state: &State, record: &ContributionRecord) -> ContributionStatus {
    let c = &record.contribution;
    ContributionStatus {
        agreement: c.agreement.clone(),
        table: c.table.clone(),
        period: c.period,
        batch: c.batch.clone(),
        supersedes: c.supersedes.clone(),
        late: c.late,
        standing: state.standing(record),
        entry: record.entry,
        releases: Vec::new(),
    }
}

impl Contributions {
    /// With what was published from it, in the order of the log: what its provider asks about one of its own.
    fn own_status(&self, state: &State, record: &ContributionRecord) -> ContributionStatus {
        let now = state.decision_time(self.0.clock.now());
        let released = state.released_from(&record.contribution);
        let mut releases: Vec<_> = released
            .filter_map(|(key, release)| {
                let entry = published_entry(state, key).ok()?;
                let mut parts = release.reservation.parts().into_iter();
                let part = parts.find(|part| part.manifest.contains(&record.contribution.blob))?;
                Some(summary(key, part, entry, state.open_stage(release, now)))
            })
            .collect();
        releases.sort_by_key(|release| release.entry);
        releases.truncate(RELEASED_FROM_MAX);
        ContributionStatus {
            releases,
            ..status(state, record)
        }
    }
}
