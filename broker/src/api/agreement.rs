//! `weir.v1.AgreementService`.

use std::sync::Arc;

use policies::id::{AgreementId, Role};
use policies::life::{Action, Life};
use policies::loss::Loss;
use policies::state::{AgreementRecord, State};
use proto::convert::{
    Acting, ConvertError, Lived, Logged, Offer, Page, SignedAgreement, Signing, WatchFrom,
};
use proto::v1;
use proto::v1::agreement_service_server::AgreementService;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status};

use super::listing::of_caller;
use super::watch::{Notices, notices};
use crate::access::method::GET_AGREEMENT;
use crate::error::Error;
use crate::flow::Broker;
use crate::identity::caller::Caller;

/// Offers, signatures and terms.
#[derive(Debug)]
pub struct Agreements {
    /// Its use cases.
    pub broker: Arc<Broker>,
    /// Ends the watches.
    pub stop: CancellationToken,
}

type Answer<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl AgreementService for Agreements {
    async fn offer_agreement(
        &self,
        request: Request<v1::OfferAgreementRequest>,
    ) -> Answer<v1::OfferAgreementResponse> {
        let caller = Caller::of(&request)?.clone();
        let Offer {
            terms: _,
            document,
            signature,
        } = request.into_inner().try_into()?;
        let (id, receipt) = self
            .broker
            .offer(caller.org(), &document, signature)
            .await?;
        let what = self.signed(&id, &caller)?;
        Ok(Response::new(Logged { what, receipt }.into()))
    }

    async fn sign_agreement(
        &self,
        request: Request<v1::SignAgreementRequest>,
    ) -> Answer<v1::SignAgreementResponse> {
        let caller = Caller::of(&request)?.clone();
        let Signing {
            agreement,
            signature,
        } = request.into_inner().try_into()?;
        let receipt = self
            .broker
            .sign(caller.org(), &agreement, signature)
            .await?;
        let what = self.signed(&agreement, &caller)?;
        Ok(Response::new(Logged { what, receipt }.into()))
    }

    type WatchAgreementsStream = Notices;

    async fn watch_agreements(
        &self,
        request: Request<v1::WatchAgreementsRequest>,
    ) -> Answer<Notices> {
        let caller = Caller::of(&request)?.clone();
        let WatchFrom { start } = request.into_inner().into();
        let watch = self.broker.watch(caller.org(), start)?;
        Ok(Response::new(notices(watch, self.stop.clone())))
    }

    async fn withdraw_agreement(
        &self,
        request: Request<v1::WithdrawAgreementRequest>,
    ) -> Answer<v1::WithdrawAgreementResponse> {
        self.act(Action::Withdraw, request).await
    }

    async fn suspend_agreement(
        &self,
        request: Request<v1::SuspendAgreementRequest>,
    ) -> Answer<v1::SuspendAgreementResponse> {
        self.act(Action::Suspend, request).await
    }

    async fn resume_agreement(
        &self,
        request: Request<v1::ResumeAgreementRequest>,
    ) -> Answer<v1::ResumeAgreementResponse> {
        self.act(Action::Resume, request).await
    }

    async fn terminate_agreement(
        &self,
        request: Request<v1::TerminateAgreementRequest>,
    ) -> Answer<v1::TerminateAgreementResponse> {
        self.act(Action::Terminate, request).await
    }

    async fn get_agreement(
        &self,
        request: Request<v1::GetAgreementRequest>,
    ) -> Answer<v1::GetAgreementResponse> {
        let caller = Caller::of(&request)?.clone();
        let id: AgreementId = request.into_inner().try_into()?;
        self.broker
            .agreement_for(caller.org(), GET_AGREEMENT, &id)?;
        Ok(Response::new(self.signed(&id, &caller)?.into()))
    }

    async fn list_agreements(
        &self,
        request: Request<v1::ListAgreementsRequest>,
    ) -> Answer<v1::ListAgreementsResponse> {
        let caller = Caller::of(&request)?.clone();
        let page: Page = request.into_inner().try_into()?;
        let listed = of_caller(&self.broker, &caller, &page)?;
        Ok(Response::new(listed.into()))
    }
}

impl Agreements {
    async fn act<M, A>(&self, action: Action, request: Request<M>) -> Answer<A>
    where
        Acting: TryFrom<M, Error = ConvertError>,
        A: From<Logged<SignedAgreement>>,
    {
        let caller = Caller::of(&request)?.clone();
        let acting: Acting = request.into_inner().try_into()?;
        let agreement = acting.agreement.clone();
        let receipt = self.broker.act(caller.org(), action, acting).await?;
        let what = self.signed(&agreement, &caller)?;
        Ok(Response::new(Logged { what, receipt }.into()))
    }

    /// As `caller` may see it: what others' agreements make of the population's account is not told for an offer.
    fn signed(&self, id: &AgreementId, caller: &Caller) -> Result<SignedAgreement, Error> {
        let state = self.broker.sequencer().state();
        let record = state
            .agreement(id)
            .ok_or(Error::NotFound { what: "agreement" })?;
        let AgreementRecord {
            terms,
            status,
            signatures,
            life,
            entry,
        } = record.clone();
        let Life {
            suspended_by,
            activated: _,
            ends,
            superseded_by,
            first: _,
            history,
        } = life;
        let document = terms.canonical().map_err(Error::internal)?;
        let account = State::account_of(&terms);
        let allotted = state.ledger().terms(&account).map(|terms| terms.allotted);
        let allotted = allotted.unwrap_or(Loss::ZERO);
        let protected = terms.population.cap.is_some();
        let owns = *caller.org() == terms.provider.org;
        let oversees = matches!(caller.role(), Role::Auditor | Role::Steward);
        let told = protected && (owns || oversees || signatures.len() > 1);
        Ok(SignedAgreement {
            id: id.clone(),
            terms,
            document,
            status,
            signatures,
            population_allotted: told.then_some(allotted),
            life: Lived {
                last_change: entry,
                suspended_by: suspended_by.into_iter().collect(),
                ends,
                superseded_by,
                history,
            },
        })
    }
}
