//! Its releases.

use futures::{StreamExt, stream};
use policies::entry::Body;
use policies::refusal::Refusal;
use proto::convert::Wish;
use proto::v1;
use proto::v1::release_service_server::ReleaseService;
use proto::v1::request_release_response::Answer as Wire;
use tonic::{Request, Response, Status};

use super::{Answer, Boxed, FakeBroker, closed};

#[tonic::async_trait]
impl ReleaseService for FakeBroker {
    type GetReleaseStream = Boxed<v1::GetReleaseResponse>;

    async fn preview(&self, _request: Request<v1::PreviewRequest>) -> Answer<v1::PreviewResponse> {
        Err(Status::unimplemented("preview"))
    }

    async fn request_release(
        &self,
        request: Request<v1::RequestReleaseRequest>,
    ) -> Answer<v1::RequestReleaseResponse> {
        let mut script = self.script();
        if let Some(status) = script.says.pop_front() {
            return Err(status);
        }
        let answer = script.answers.pop_front();
        let mut answer = answer.ok_or_else(|| Status::not_found("no such agreement"))?;
        if let Some(Wire::Refused(refusal)) = &answer.answer {
            let refusal: Refusal = refusal.clone().try_into().unwrap();
            let wish: Wish = request.into_inner().try_into().unwrap();
            let mut body = Body::ReleaseRefused {
                request: wish.request,
                by: "city".parse().unwrap(),
                agreement: wish.agreement,
                table: wish.table,
                period: wish.period,
                with: wish.with,
                merge: wish.merge,
                reasons: refusal.reasons().iter().map(|reason| reason.id).collect(),
            };
            (script.denies)(&mut body);
            let entry = script.log.append(body);
            answer.refused_receipt = Some(script.receipt(entry).into());
        }
        Ok(Response::new(answer))
    }

    async fn get_release(
        &self,
        _request: Request<v1::GetReleaseRequest>,
    ) -> Answer<Self::GetReleaseStream> {
        let parts = self.script().parts.clone();
        Ok(Response::new(
            stream::iter(parts.into_iter().map(Ok)).boxed(),
        ))
    }

    async fn list_releases(
        &self,
        _request: Request<v1::ListReleasesRequest>,
    ) -> Answer<v1::ListReleasesResponse> {
        Err(Status::unimplemented("list"))
    }

    async fn propose_open_data(
        &self,
        _: Request<v1::ProposeOpenDataRequest>,
    ) -> Answer<v1::ProposeOpenDataResponse> {
        closed()
    }

    async fn approve_open_data(
        &self,
        _: Request<v1::ApproveOpenDataRequest>,
    ) -> Answer<v1::ApproveOpenDataResponse> {
        closed()
    }

    async fn withdraw_open_data(
        &self,
        _: Request<v1::WithdrawOpenDataRequest>,
    ) -> Answer<v1::WithdrawOpenDataResponse> {
        closed()
    }
}
