//! `weir.v1.ReleaseService`.

use std::sync::Arc;

use audit::receipt::Receipt;
use futures::{StreamExt, stream};
use policies::entry::{Reservation, Step};
use policies::id::{OrgId, ReleaseKey};
use policies::state::OpenStage;
use proto::convert::{
    Answer as WireAnswer, Chunk, Logged, Opens, PreviewQuery, Recalls, Refused, ReleaseHead,
    ReleaseSummary, Released, TableFilter, Wish,
};
use proto::v1;
use proto::v1::release_service_server::ReleaseService;
use tonic::{Request, Response, Status};

use super::page::paged;
use super::reader::{Parts, unless_slow_or_long};
use crate::access::method::{GET_RELEASE, LIST_RELEASES};
use crate::error::Error;
use crate::flow::Broker;
use crate::flow::release::Answer as FlowAnswer;
use crate::identity::caller::Caller;
use crate::limits::CHUNK_BYTES;
use crate::telemetry::Metrics;

/// Previews, requests and released tables.
#[derive(Debug)]
pub struct Releases {
    /// The use cases.
    pub broker: Arc<Broker>,
    /// Where decisions are counted.
    pub metrics: Arc<Metrics>,
}

/// What a reader of a table finds who comes back too late.
pub(super) const UNTAKEN: &str = "the rest was not taken in time: fetch it again";

type Answer<T> = Result<Response<T>, Status>;
type Chunks = Parts<v1::GetReleaseResponse>;

#[tonic::async_trait]
impl ReleaseService for Releases {
    type GetReleaseStream = Chunks;

    async fn preview(&self, request: Request<v1::PreviewRequest>) -> Answer<v1::PreviewResponse> {
        let by = Caller::of(&request)?.org().clone();
        let query: PreviewQuery = request.into_inner().try_into()?;
        Ok(Response::new(self.broker.preview(&by, &query)?.into()))
    }

    async fn request_release(
        &self,
        request: Request<v1::RequestReleaseRequest>,
    ) -> Answer<v1::RequestReleaseResponse> {
        let by = Caller::of(&request)?.org().clone();
        let wish: Wish = request.into_inner().try_into()?;
        let answer = match self.broker.release(wish.by(by)).await? {
            FlowAnswer::Released { key, receipt } => {
                self.metrics.release_published();
                let state = self.broker.sequencer().state();
                let release = state.release(&key);
                let replaces = release.and_then(|r| r.reservation.replaces.clone());
                WireAnswer::Released(Released {
                    key,
                    receipt,
                    replaces,
                })
            }
            FlowAnswer::Refused { refusal, receipt } => {
                for reason in refusal.reasons() {
                    self.metrics.release_refused(reason.id.as_str());
                }
                WireAnswer::Refused(Refused { refusal, receipt })
            }
        };
        Ok(Response::new(answer.into()))
    }

    async fn get_release(&self, request: Request<v1::GetReleaseRequest>) -> Answer<Chunks> {
        let by = Caller::of(&request)?.org().clone();
        let key: ReleaseKey = request.into_inner().try_into()?;
        let place = self.broker.fetching.enter(&by)?;
        let table = self.broker.released(&by, GET_RELEASE, &key).await?;
        let head = ReleaseHead {
            key,
            quality_sheet: table.quality_sheet,
            salt: table.salt,
            blob: table.blob,
            table_bytes: table.bytes.len() as u64,
            receipt: table.receipt,
        };
        let bytes = table.bytes;
        let starts = (0..bytes.len()).step_by(CHUNK_BYTES);
        let chunks: Vec<_> = starts
            .map(|from| bytes.slice(from..bytes.len().min(from + CHUNK_BYTES)))
            .collect();
        let parts = std::iter::once(Chunk::Head(Box::new(head)))
            .chain(chunks.into_iter().map(Chunk::Table))
            .map(move |chunk| {
                let _held = &place;
                Ok(chunk.into())
            });
        let parts = stream::iter(parts).boxed();
        let times = self.broker.times;
        let parts = unless_slow_or_long((times.reader, times.fetch), UNTAKEN, parts);
        Ok(Response::new(parts))
    }

    async fn list_releases(
        &self,
        request: Request<v1::ListReleasesRequest>,
    ) -> Answer<v1::ListReleasesResponse> {
        let by = Caller::of(&request)?.org().clone();
        let TableFilter {
            agreement,
            table,
            page,
        } = request.into_inner().try_into()?;
        self.broker.agreement_for(&by, LIST_RELEASES, &agreement)?;
        let state = self.broker.sequencer().state();
        let now = state.decision_time(self.broker.clock.now());
        let published = state.releases().filter_map(|(key, release)| {
            let entry = crate::flow::release::published_entry(&state, key).ok()?;
            // Of a joint table, this agreement's part.
            let mut parts = release.reservation.parts().into_iter();
            let r = parts.find(|r| r.agreement == agreement)?;
            let wanted = table.as_ref().is_none_or(|name| r.table.name == *name);
            wanted.then(|| summary(key, r, entry, state.open_stage(release, now)))
        });
        Ok(Response::new(
            paged(published, |r| r.key.to_string(), &page).into(),
        ))
    }

    async fn propose_open_data(
        &self,
        request: Request<v1::ProposeOpenDataRequest>,
    ) -> Answer<v1::ProposeOpenDataResponse> {
        let caller = Caller::of(&request)?.clone();
        let asked: Opens = request.into_inner().try_into()?;
        let key = asked.key.clone();
        let receipt = self.broker.open(&caller, Step::Propose, asked).await?;
        Ok(Response::new(
            self.stepped(caller.org(), &key, receipt)?.into(),
        ))
    }

    async fn approve_open_data(
        &self,
        request: Request<v1::ApproveOpenDataRequest>,
    ) -> Answer<v1::ApproveOpenDataResponse> {
        let caller = Caller::of(&request)?.clone();
        let asked: Opens = request.into_inner().try_into()?;
        let key = asked.key.clone();
        let receipt = self.broker.open(&caller, Step::Approve, asked).await?;
        Ok(Response::new(
            self.stepped(caller.org(), &key, receipt)?.into(),
        ))
    }

    async fn withdraw_open_data(
        &self,
        request: Request<v1::WithdrawOpenDataRequest>,
    ) -> Answer<v1::WithdrawOpenDataResponse> {
        let caller = Caller::of(&request)?.clone();
        let asked: Recalls = request.into_inner().try_into()?;
        let key = asked.key.clone();
        let receipt = self.broker.recall(&caller, asked).await?;
        Ok(Response::new(
            self.stepped(caller.org(), &key, receipt)?.into(),
        ))
    }
}

impl Releases {
    /// A release after a step of a party's, as that party sees it: of a joint table, its own part.
    fn stepped(
        &self,
        by: &OrgId,
        key: &ReleaseKey,
        receipt: Receipt,
    ) -> Result<Logged<ReleaseSummary>, Error> {
        let state = self.broker.sequencer().state();
        let now = state.decision_time(self.broker.clock.now());
        let entry = crate::flow::release::published_entry(&state, key)?;
        let missing = Error::NotFound { what: "release" };
        let release = state.release(key).ok_or(missing)?;
        let mut parts = release.reservation.parts().into_iter();
        let own = |part: &Reservation| {
            let record = state.agreement(&part.agreement);
            record.is_some_and(|record| record.terms.is_party(by))
        };
        let part = parts.find(own).ok_or(Error::NotFound { what: "release" })?;
        let what = summary(key, part, entry, state.open_stage(release, now));
        Ok(Logged { what, receipt })
    }
}

/// One part of a release, for a list.
pub(super) fn summary(
    key: &ReleaseKey,
    part: Reservation,
    entry: u64,
    open: OpenStage,
) -> ReleaseSummary {
    let charged = part.unit.grain().filter(|_| !part.mechanism.is_k_only());
    ReleaseSummary {
        key: key.clone(),
        agreement: part.agreement,
        table: part.table.name,
        period: part.period,
        edition: part.edition,
        charge: charged.map(|_| part.charge),
        entry,
        replaces: part.replaces,
        open,
    }
}
