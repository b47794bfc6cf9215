//! What parties do with an agreement: offer it, sign it, list theirs.

use std::path::Path;

use policies::agreement::{Agreement, Party};
use policies::id::Fingerprint;
use policies::state::Status;
use policies::validate::faults;
use proto::convert::SignedAgreement;
use sdk::client::{Client, Proven};
use serde::Serialize;

use super::super::session::{from_client, read_agreement};
use super::super::{Session, call, confirm};
use super::check::usual_floors;
use super::{Offer, Sign, page};
use crate::errors::{CliError, OrFail};
use crate::output::{View, facts, short, table};

pub const OFFER_HELP: &str = "\
Example:
  weir agreement offer agreement.json --profile certs/city-bikes/weir.toml
  weir agreement offer agreement.json --call 9c41d7       the answer to a call of `weir call list`

Signs the canonical bytes with the profile's signing key and offers them; the agreement has to name
that key for one of its parties. Offering the same terms again answers the first receipt.";

pub const SIGN_HELP: &str = "\
Example:
  weir agreement sign 3f9ac2 --expect-fingerprint \"1f3a 90bc 77d2 05ee\"
  weir agreement sign agreement.json            your own copy: other terms cannot be slipped in

The other party's signature is verified first. Compare its fingerprint with what they tell you by
another way than this broker. Nothing can be unsigned: read `weir agreement show` before.";

pub const LIST_HELP: &str = "\
Example:
  weir agreement list --profile certs/city-bikes/weir.toml
  weir agreement list --json";

pub async fn offer(args: &Offer, session: &Session) -> Result<(), CliError> {
    let mut terms = read_agreement(&args.file)?;
    let client = session.client().await?;
    let Some(call) = &args.call else {
        return offer_terms(&terms, &args.file, &client, session).await;
    };
    terms.call = Some(call::named(&client, call).await?.id);
    let document = terms.canonical().or_fail()?;
    offer_terms(&terms, &args.file, &client, session).await?;
    std::fs::write(&args.file, document).map_err(|e| CliError::file("write", &args.file, e))
}

/// Signs the terms of a file and offers them.
pub(super) async fn offer_terms(
    terms: &Agreement,
    file: &Path,
    client: &Client,
    session: &Session,
) -> Result<(), CliError> {
    // The broker checks again, with the steward's own floors.
    let found = faults(terms, &usual_floors()?);
    if let Some(fault) = found.iter().find(|fault| !of_steward(&fault.path)) {
        let why = CliError::file("offer", file, fault);
        return Err(why.or_try("weir agreement check FILE lists every fault"));
    }
    let signer = session.signer()?;
    let proven = client.offer(terms, &signer).await.map_err(from_client)?;
    session.output.show(&Logged::of(&proven))
}

/// Fields that only the steward's own floors decide.
fn of_steward(path: &str) -> bool {
    matches!(path, "k" | "population.cap" | "retention_days")
}

pub async fn sign(args: &Sign, session: &Session) -> Result<(), CliError> {
    let (client, signer) = (session.client().await?, session.signer()?);
    let id = session.agreement_id(&client, &args.agreement).await?;
    let found = client.agreement(&id).await.map_err(from_client)?;
    client
        .verify_signatures(&found)
        .await
        .map_err(from_client)?;
    let other = other_party(&found.terms, signer.public_key().fingerprint());
    if !args.yes && args.expect_fingerprint.is_none() {
        // Whoever is asked has to see what they answer about.
        session.output.note(&page::text(
            &found.terms,
            id.as_str(),
            found.status.as_str(),
        ));
    }
    let expected = args.expect_fingerprint.as_ref();
    confirm::fingerprint(other.org.as_str(), &other.key, expected, args.yes)?;
    let proven = client
        .sign_agreement(&id, &signer)
        .await
        .map_err(from_client)?;
    if Path::new(&args.agreement).is_file() {
        session
            .output
            .note("the broker's terms are those of your file");
    }
    session.output.show(&Logged::of(&proven))
}

fn other_party<'a>(terms: &'a Agreement, ours: &Fingerprint) -> &'a Party {
    if terms.provider.key == *ours {
        &terms.planner
    } else {
        &terms.provider
    }
}

pub async fn list(session: &Session) -> Result<(), CliError> {
    let client = session.client().await?;
    let agreements = client.agreements().await.map_err(from_client)?;
    let view = |a: proto::convert::AgreementSummary| Listed {
        id: a.id.to_string(),
        title: a.title,
        provider: a.provider.to_string(),
        planner: a.planner.to_string(),
        state: a.status.as_str(),
    };
    session.output.show(&List {
        agreements: agreements.into_iter().map(view).collect(),
    })
}

/// An agreement after something was done with it.
#[derive(Serialize)]
pub(super) struct Logged {
    agreement: String,
    title: String,
    state: &'static str,
    signed_by: Vec<String>,
    suspended_by: Vec<String>,
    ends: Option<String>,
    /// What becomes of tables and cells at its end, where that has come or is to come.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    then: Vec<&'static str>,
    entry: u64,
}

impl Logged {
    pub(super) fn of(proven: &Proven<SignedAgreement>) -> Self {
        let agreement = &proven.what;
        let life = &agreement.life;
        let over = matches!(agreement.status, Status::Terminated | Status::Expired);
        let then = match over || life.ends.is_some() {
            true => page::follows(&agreement.terms),
            false => Vec::new(),
        };
        Self {
            then,
            agreement: agreement.id.to_string(),
            title: agreement.terms.title.clone(),
            state: agreement.status.as_str(),
            signed_by: agreement
                .signatures
                .iter()
                .map(|(org, _)| org.to_string())
                .collect(),
            suspended_by: life.suspended_by.iter().map(ToString::to_string).collect(),
            ends: life.ends.map(|ends| ends.to_string()),
            entry: proven.proof.index(),
        }
    }
}

impl View for Logged {
    fn text(&self) -> String {
        let mut known = vec![
            ("agreement", self.title.clone()),
            ("id", self.agreement.clone()),
            ("state", self.state.to_owned()),
            ("signed by", self.signed_by.join(", ")),
        ];
        if !self.suspended_by.is_empty() {
            known.push(("suspended by", self.suspended_by.join(", ")));
        }
        if let Some(ends) = &self.ends {
            known.push(("ends", ends.clone()));
        }
        if !self.then.is_empty() {
            known.push(("then", self.then.join("\n")));
        }
        let proof = format!("entry {}, receipt verified", self.entry);
        known.push(("in the log", proof));
        format!("{}\n{}", facts(&known), self.next())
    }
}

impl Logged {
    fn next(&self) -> String {
        let id = short(&self.agreement);
        match self.state {
            "active" if self.ends.is_some() => "It goes on until it ends.".to_owned(),
            "active" => format!("Next: the provider runs `weir aggregate --agreement {id} …`"),
            "offered" => format!("Next: the other party runs `weir agreement sign {id}`"),
            "suspended" => {
                format!("It is active again when each of them runs `weir agreement resume {id}`")
            }
            ended => format!("It is {ended}; nothing can be done with it any more."),
        }
    }
}

#[derive(Serialize)]
struct Listed {
    id: String,
    title: String,
    provider: String,
    planner: String,
    state: &'static str,
}

#[derive(Serialize)]
struct List {
    agreements: Vec<Listed>,
}

impl View for List {
    fn text(&self) -> String {
        let mut rows = table(&["id", "title", "provider", "planner", "state"]);
        for a in &self.agreements {
            let id = short(&a.id);
            rows.add_row([id.as_str(), &a.title, &a.provider, &a.planner, a.state]);
        }
        rows.to_string()
    }
}
