//! Every call can run in a task of its own: that this compiles is the test.

use policies::agreement::{Agreement, ZoningRef};
use policies::id::{AgreementId, BatchId, ReleaseKey, ZoningId};
use proto::convert::{Push, Wish};

use crate::client::{Ask, Client};
use crate::sign::{Admission, Signer};

struct Things {
    client: Client,
    admission: Admission,
    agreement: Agreement,
    ask: Ask,
    batch: BatchId,
    id: AgreementId,
    key: ReleaseKey,
    push: Push,
    signer: Signer,
    wish: Wish,
    zoning: ZoningId,
    zoning_ref: ZoningRef,
}

fn send<T: Send>(_: T) {}

#[expect(dead_code, reason = "compiled only")]
fn all(things: Things) {
    send(async move {
        let (t, c) = (&things, &things.client);
        let _ = c.admit(t.admission.clone()).await;
        let _ = c.organisations().await;
        let _ = c.add_zoning(t.zoning.clone(), bytes::Bytes::new()).await;
        let _ = c.zoning_of(&t.zoning_ref).await;
        let _ = c.zonings().await;
        let _ = c.offer(&t.agreement, &t.signer).await;
        let _ = c.sign_agreement(&t.id, &t.signer).await;
        let _ = c.agreements().await;
        let _ = c.contribution(&t.id, &t.batch).await;
        let _ = c.contributions(&t.id, None).await;
        let _ = c.push(&t.push, &[], |_| {}).await;
        let _ = c.preview(&t.id, &t.push.table, &[]).await;
        let _ = c.request(&t.wish).await;
        let _ = c.release(&t.ask, |_| {}).await;
        let _ = c.releases(&t.id, None).await;
        let _ = c.fetch(&t.key).await;
        let _ = c.check_log_key().await;
        let _ = c.checkpoint().await;
        let _ = c.receipt(0).await;
    });
    send(|client: Client| client.entries(0, 1));
}
