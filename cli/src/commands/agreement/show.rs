//! One agreement on one page.

use clap::Args;
use policies::agreement::Agreement;
use policies::id::OrgId;
use policies::life::Change;
use policies::odrl::{Class, Policy};
use policies::sign::GeneralJws;
use proto::convert::Lived;
use serde::Serialize;

use super::super::Session;
use super::super::session::{from_client, read_agreement};
use super::page;
use crate::errors::{CliError, OrFail};
use crate::output::{View, table, write_out};

pub const HELP: &str = "\
Example:
  weir agreement show agreement.json            a file, offline
  weir agreement show 3f9ac2 --profile certs/city-bikes/weir.toml
  weir agreement show 3f9ac2 --odrl >policy.jsonld --profile certs/city-bikes/weir.toml
  weir agreement show 3f9ac2 --jws >signed.json --profile certs/city-bikes/weir.toml

One page for the lawyer and the engineer: parties, purposes, whose privacy, what is counted within
which bounds, what is released when, and what that may cost each unit-period. From the broker, the
signatures are verified with the keys that the agreement names.

With --odrl, for dataspace connectors: an ODRL 2.2 policy in JSON-LD with DPV purposes, which holds by the
Dataspace Protocol's schemas. Its rules follow from the document inside it, which alone is signed. `show`,
`check` and `offer` read a policy in place of an agreement's file, and refuse one whose rules say anything
else; `weir agreement new --from policy.jsonld --out agreement.json` gives the document back.

With --jws, for any JOSE library: the document and the signatures over it, as a JWS in general JSON form (RFC
7515). `PROTECTED.PAYLOAD.SIGNATURE` of one signature is a compact JWS; its `kid` is the signing key's fingerprint.";

/// Arguments of `weir agreement show`.
#[derive(Debug, Args)]
pub struct Show {
    /// Its file, its id, or the first digits of its id.
    #[arg(value_name = "ID|FILE")]
    pub agreement: String,
    /// As an ODRL policy: an Offer, or an Agreement where the broker has both signatures.
    #[arg(long)]
    pub odrl: bool,
    /// As a JWS in general JSON form, with the signatures that the broker has; verified before.
    #[arg(long, conflicts_with = "odrl")]
    pub jws: bool,
}

pub async fn run(args: &Show, session: &Session) -> Result<(), CliError> {
    let path = std::path::Path::new(&args.agreement);
    if path.is_file() {
        let agreement = read_agreement(path)?;
        if args.odrl {
            return policy(&agreement, Class::Offer);
        }
        if args.jws {
            let nobody = CliError::new("a file has no signatures");
            return Err(nobody.or_try("weir agreement show ID --jws"));
        }
        let id = agreement.id().or_fail()?.to_string();
        let state = "a file; nobody has signed this copy".to_owned();
        return session.output.show(&Shown {
            id,
            state,
            signed_by: Vec::new(),
            life: None,
            agreement,
        });
    }
    let client = session.client().await?;
    let id = session.agreement_id(&client, &args.agreement).await?;
    let found = client.agreement(&id).await.map_err(from_client)?;
    client
        .verify_signatures(&found)
        .await
        .map_err(from_client)?;
    if args.odrl {
        let terms = &found.terms;
        let signed = |org: &OrgId| found.signatures.iter().any(|(by, _)| by == org);
        let both = signed(&terms.provider.org) && signed(&terms.planner.org);
        return policy(terms, if both { Class::Agreement } else { Class::Offer });
    }
    if args.jws {
        let signatures = found.signatures.into_iter().map(|(_, by)| by).collect();
        let jws = GeneralJws::of(&found.document, signatures);
        return write_out(&serde_json::to_vec_pretty(&jws).or_fail()?, true);
    }
    session.output.show(&Shown {
        id: id.to_string(),
        state: found.status.as_str().to_owned(),
        signed_by: found
            .signatures
            .iter()
            .map(|(org, _)| org.to_string())
            .collect(),
        life: Some(Life::of(&found.life)),
        agreement: found.terms,
    })
}

fn policy(terms: &Agreement, class: Class) -> Result<(), CliError> {
    let policy = Policy::of(terms, class).or_fail()?;
    write_out(&serde_json::to_vec_pretty(&policy).or_fail()?, true)
}

#[derive(Serialize)]
pub struct Shown {
    pub id: String,
    pub state: String,
    pub signed_by: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub life: Option<Life>,
    pub agreement: Agreement,
}

/// What has become of it, as the broker says; the entries prove it (`weir audit`).
#[derive(Serialize)]
pub struct Life {
    suspended_by: Vec<String>,
    ends: Option<String>,
    superseded_by: Option<String>,
    history: Vec<Change>,
}

impl Life {
    fn of(lived: &Lived) -> Self {
        Self {
            suspended_by: lived.suspended_by.iter().map(ToString::to_string).collect(),
            ends: lived.ends.map(|ends| ends.to_string()),
            superseded_by: lived.superseded_by.as_ref().map(ToString::to_string),
            history: lived.history.clone(),
        }
    }

    fn text(&self) -> String {
        let mut text = String::new();
        for (name, value) in [
            ("suspended by", Some(self.suspended_by.join(", "))),
            ("ends", self.ends.clone()),
            ("superseded by", self.superseded_by.clone()),
        ] {
            if let Some(value) = value.filter(|value| !value.is_empty()) {
                text.push_str(&format!("{name} {value}\n"));
            }
        }
        let mut rows = table(&["entry", "when", "it is then", "by", "why"]);
        for change in &self.history {
            rows.add_row([
                change.entry.to_string(),
                change.time.to_string(),
                change.status.as_str().to_owned(),
                change
                    .by
                    .as_ref()
                    .map(ToString::to_string)
                    .unwrap_or_default(),
                change
                    .reason
                    .as_ref()
                    .map(ToString::to_string)
                    .unwrap_or_default(),
            ]);
        }
        text + &rows.to_string()
    }
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
        let page = page::text(&self.agreement, &self.id, &state);
        match &self.life {
            None => page,
            Some(life) => format!(
                "{page}\n\nWhat has become of it\n{}\n{}",
                "─".repeat(21),
                life.text()
            ),
        }
    }
}
