//! One agreement on one page.

use policies::agreement::Agreement;
use serde::Serialize;

use super::super::Session;
use super::super::session::{from_client, read_agreement};
use super::{Which, page};
use crate::errors::{CliError, OrFail};
use crate::output::View;

pub const HELP: &str = "\
Example:
  weir agreement show agreement.json            a file, offline
  weir agreement show 3f9ac2 --profile certs/city-bikes/weir.toml

One page for the lawyer and the engineer: parties, purposes, whose privacy, what is counted within
which bounds, what is released when, and what that may cost each unit-period. From the broker, the
signatures are verified with the keys that the agreement names.";

pub async fn run(which: &Which, session: &Session) -> Result<(), CliError> {
    let path = std::path::Path::new(&which.agreement);
    if path.is_file() {
        let agreement = read_agreement(path)?;
        let id = agreement.id().or_fail()?.to_string();
        let state = "a file; nobody has signed this copy".to_owned();
        return session.output.show(&Shown {
            id,
            state,
            signed_by: Vec::new(),
            agreement,
        });
    }
    let client = session.client().await?;
    let id = session.agreement_id(&client, &which.agreement).await?;
    let found = client.agreement(&id).await.map_err(from_client)?;
    client
        .verify_signatures(&found)
        .await
        .map_err(from_client)?;
    session.output.show(&Shown {
        id: id.to_string(),
        state: found.status.as_str().to_owned(),
        signed_by: found
            .signatures
            .iter()
            .map(|(org, _)| org.to_string())
            .collect(),
        agreement: found.terms,
    })
}

#[derive(Serialize)]
pub struct Shown {
    pub id: String,
    pub state: String,
    pub signed_by: Vec<String>,
    pub agreement: Agreement,
}

impl View for Shown {
    fn text(&self) -> String {
        let state = match self.signed_by.as_slice() {
            [] => self.state.clone(),
            signed => format!(
                "{}; signed by {}, verified",
                self.state,
                signed.join(" and ")
            ),
        };
        page::text(&self.agreement, &self.id, &state)
    }
}
