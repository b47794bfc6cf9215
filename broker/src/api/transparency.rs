//! `weir.v1.TransparencyService`: the log, for those who check it.

use std::pin::Pin;
use std::sync::Arc;

use audit::receipt::Receipt;
use audit::tree::TreeHash;
use futures::{Stream, StreamExt, stream};
use proto::convert::{Bundle, LogRange, SizePair};
use proto::limits::BUNDLE_MAX;
use proto::v1;
use proto::v1::transparency_service_server::TransparencyService;
use tonic::{Request, Response, Status};

use crate::access::method::{GET_ENTRIES, GET_RECEIPT};
use crate::error::Error;
use crate::flow::Broker;
use crate::identity::caller::Caller;

/// Checkpoints, proofs and entries.
#[derive(Debug)]
pub struct Transparency(pub Arc<Broker>);

type Answer<T> = Result<Response<T>, Status>;
type Entries = Pin<Box<dyn Stream<Item = Result<v1::GetEntriesResponse, Status>> + Send>>;

#[tonic::async_trait]
impl TransparencyService for Transparency {
    type GetEntriesStream = Entries;

    async fn get_log_key(
        &self,
        _request: Request<v1::GetLogKeyRequest>,
    ) -> Answer<v1::GetLogKeyResponse> {
        Ok(Response::new(self.0.log_key().into()))
    }

    async fn get_checkpoint(
        &self,
        _request: Request<v1::GetCheckpointRequest>,
    ) -> Answer<v1::GetCheckpointResponse> {
        let checkpoint = self.0.heads.head().await;
        Ok(Response::new(checkpoint.into()))
    }

    async fn get_consistency_proof(
        &self,
        request: Request<v1::GetConsistencyProofRequest>,
    ) -> Answer<v1::GetConsistencyProofResponse> {
        let SizePair { old, new } = request.into_inner().try_into()?;
        let log = self.0.sequencer().log();
        if new > log.size() {
            return Err(Error::invalid("new_size", "is past the end of the log").into());
        }
        let proof: Vec<TreeHash> = log.consistency(old, new).map_err(Error::internal)?;
        Ok(Response::new(proof.as_slice().into()))
    }

    async fn get_receipt(
        &self,
        request: Request<v1::GetReceiptRequest>,
    ) -> Answer<v1::GetReceiptResponse> {
        let caller = Caller::of(&request)?.clone();
        let index: u64 = request.into_inner().into();
        let range = (index, index.saturating_add(1));
        let visible = self.0.visible(GET_RECEIPT, range, caller.org())?;
        if visible.is_empty() {
            return Err(Error::NotFound { what: "entry" }.into());
        }
        let receipt: Receipt = self.0.heads.receipt(index).await?;
        Ok(Response::new(receipt.into()))
    }

    async fn get_entries(&self, request: Request<v1::GetEntriesRequest>) -> Answer<Entries> {
        let caller = Caller::of(&request)?.clone();
        let LogRange { start, limit } = request.into_inner().try_into()?;
        let end = start
            .saturating_add(u64::from(limit))
            .min(self.0.sequencer().state().size());
        let broker = Arc::clone(&self.0);
        // One bundle at a time, so that a long range is never in memory whole.
        let bundles = stream::iter((start..end).step_by(BUNDLE_MAX)).map(move |from| {
            let until = end.min(from.saturating_add(BUNDLE_MAX as u64));
            let entries = broker.visible(GET_ENTRIES, (from, until), caller.org())?;
            Ok(Bundle {
                entries,
                next_start: until,
            }
            .into())
        });
        Ok(Response::new(bundles.boxed()))
    }
}
