//! `weir.v1.DirectoryService`.

use std::sync::Arc;

use policies::call::Call;
use policies::id::{CallId, OrgId};
use policies::state::{CallRecord, Org};
use proto::convert::{
    Admission as Wire, CallStatus, Logged, Organisation, Page, Rotation, Zoning, ZoningBytes,
};
use proto::v1;
use proto::v1::directory_service_server::DirectoryService;
use tonic::{Request, Response, Status};

use super::listing::on_offer;
use super::page::paged;
use crate::error::Error;
use crate::flow::Broker;
use crate::flow::admit::Admission;
use crate::identity::caller::Caller;

/// Organisations, zonings and calls for data.
#[derive(Debug)]
pub struct Directory(pub Arc<Broker>);

type Answer<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl DirectoryService for Directory {
    async fn admit_organisation(
        &self,
        request: Request<v1::AdmitOrganisationRequest>,
    ) -> Answer<v1::AdmitOrganisationResponse> {
        let by = Caller::of(&request)?.org().clone();
        let Wire {
            organisation,
            possession,
        } = request.into_inner().try_into()?;
        let Organisation {
            org,
            role,
            spiffe,
            key,
            former: _, // who is admitted has none
        } = organisation.clone();
        let admission = Admission {
            org,
            role,
            spiffe,
            key,
            possession,
        };
        let receipt = self.0.admit(Some(&by), admission).await?;
        Ok(Response::new(
            Logged {
                what: organisation,
                receipt,
            }
            .into(),
        ))
    }

    async fn rotate_key(
        &self,
        request: Request<v1::RotateKeyRequest>,
    ) -> Answer<v1::RotateKeyResponse> {
        let org = Caller::of(&request)?.org().clone();
        let rotation: Rotation = request.into_inner().try_into()?;
        let receipt = self.0.rotate_key(&org, rotation).await?;
        let state = self.0.sequencer().state();
        let known = state.org(&org).ok_or(Error::Denied)?;
        let what = organisation(&org, known);
        Ok(Response::new(Logged { what, receipt }.into()))
    }

    async fn list_organisations(
        &self,
        request: Request<v1::ListOrganisationsRequest>,
    ) -> Answer<v1::ListOrganisationsResponse> {
        let page: Page = request.into_inner().try_into()?;
        let state = self.0.sequencer().state();
        let all = state.orgs().map(|(id, org)| organisation(id, org));
        Ok(Response::new(
            paged(all, |o| o.org.to_string(), &page).into(),
        ))
    }

    async fn add_zoning(
        &self,
        request: Request<v1::AddZoningRequest>,
    ) -> Answer<v1::AddZoningResponse> {
        let by = Caller::of(&request)?.org().clone();
        let ZoningBytes { id, geojson } = request.into_inner().try_into()?;
        let receipt = self.0.add_zoning(&by, id.clone(), geojson).await?;
        let what = self.zoning(&id)?;
        Ok(Response::new(Logged { what, receipt }.into()))
    }

    async fn get_zoning(
        &self,
        request: Request<v1::GetZoningRequest>,
    ) -> Answer<v1::GetZoningResponse> {
        let id: policies::id::ZoningId = request.into_inner().try_into()?;
        let zoning = self.zoning(&id)?;
        let bytes = self.0.zoning_file(&id).await?;
        Ok(Response::new((zoning, bytes).into()))
    }

    async fn list_zonings(
        &self,
        request: Request<v1::ListZoningsRequest>,
    ) -> Answer<v1::ListZoningsResponse> {
        let page: Page = request.into_inner().try_into()?;
        let state = self.0.sequencer().state();
        let all = state.zonings().map(|(id, zoning)| Zoning {
            id: id.clone(),
            sha256: zoning.sha256.clone(),
            zones: zoning.zones,
            parents: zoning.parents,
        });
        Ok(Response::new(
            paged(all, |z| z.id.to_string(), &page).into(),
        ))
    }

    async fn publish_call(
        &self,
        request: Request<v1::PublishCallRequest>,
    ) -> Answer<v1::PublishCallResponse> {
        let by = Caller::of(&request)?.org().clone();
        let terms: Call = request.into_inner().try_into()?;
        let (id, receipt) = self.0.publish_call(&by, terms).await?;
        let what = self.call(&id)?;
        Ok(Response::new(Logged { what, receipt }.into()))
    }

    async fn close_call(
        &self,
        request: Request<v1::CloseCallRequest>,
    ) -> Answer<v1::CloseCallResponse> {
        let by = Caller::of(&request)?.org().clone();
        let id: CallId = request.into_inner().try_into()?;
        let receipt = self.0.close_call(&by, &id).await?;
        let what = self.call(&id)?;
        Ok(Response::new(Logged { what, receipt }.into()))
    }

    async fn list_tables(
        &self,
        request: Request<v1::ListTablesRequest>,
    ) -> Answer<v1::ListTablesResponse> {
        let by = Caller::of(&request)?.org().clone();
        let page: Page = request.into_inner().try_into()?;
        Ok(Response::new(on_offer(&self.0, &by, &page)?.into()))
    }

    async fn list_calls(
        &self,
        request: Request<v1::ListCallsRequest>,
    ) -> Answer<v1::ListCallsResponse> {
        let page: Page = request.into_inner().try_into()?;
        let state = self.0.sequencer().state();
        let all = state.calls().map(|(id, record)| call(id, record));
        Ok(Response::new(
            paged(all, |c| c.id.to_string(), &page).into(),
        ))
    }
}

fn call(id: &CallId, record: &CallRecord) -> CallStatus {
    CallStatus {
        id: id.clone(),
        planner: record.planner.clone(),
        terms: record.terms.clone(),
        published: record.time,
        open: record.closed.is_none(),
        entry: record.entry,
    }
}

impl Directory {
    fn call(&self, id: &CallId) -> Result<CallStatus, Error> {
        let state = self.0.sequencer().state();
        let record = state.call(id).ok_or(Error::NotFound { what: "call" })?;
        Ok(call(id, record))
    }

    fn zoning(&self, id: &policies::id::ZoningId) -> Result<Zoning, Error> {
        let state = self.0.sequencer().state();
        let zoning = state.zoning(id).ok_or(Error::NotFound { what: "zoning" })?;
        Ok(Zoning {
            id: id.clone(),
            sha256: zoning.sha256.clone(),
            zones: zoning.zones,
            parents: zoning.parents,
        })
    }
}

fn organisation(id: &OrgId, org: &Org) -> Organisation {
    Organisation {
        org: id.clone(),
        role: org.role,
        spiffe: org.spiffe.clone(),
        key: org.key.clone(),
        former: org.former.clone(),
    }
}
