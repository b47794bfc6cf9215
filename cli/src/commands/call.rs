//! `weir call`: what planners need to know, and who answers.

use clap::{Args, Subcommand};
use policies::call::Call;
use policies::id::ZoningId;
use policies::period::Grain;
use proto::convert::CallStatus;
use sdk::client::Client;
use serde::Serialize;

use super::Session;
use super::session::from_client;
use crate::errors::CliError;
use crate::output::{View, facts, short, table, wrap};

/// Digits of a call's id that are enough to name it.
const PREFIX_DIGITS_MIN: usize = 6;

/// Calls for data: publish, list, read, close.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Say what you need to know (planner): every provider reads it in the directory.
    #[command(after_help = PUBLISH_HELP)]
    Publish(Publish),
    /// List the open calls.
    #[command(after_help = LIST_HELP)]
    List(List),
    /// Read one call.
    #[command(after_help = SHOW_HELP)]
    Show(Which),
    /// Close a call of yours: no offer can name it any more.
    #[command(after_help = CLOSE_HELP)]
    Close(Which),
}

const PUBLISH_HELP: &str = "\
Example:
  weir call publish --title \"To the harbour at eight\" --project \"Harbour tram\" \\
      --question \"How do people get from Pasila to the harbour between 7 and 9?\" \\
      --purpose dpv:PublicPolicyMaking --kind od_trips --grain day --zoning helsinki-postal-2024

It binds nobody. Providers answer with `weir agreement offer FILE --call ID`. It stands in the log for ever: name no
person. Publishing the same call again answers the first receipt.";

const LIST_HELP: &str = "\
Example:
  weir call list
  weir call list --all --json

--all lists closed ones, too.";

const SHOW_HELP: &str = "\
Example:
  weir call show 9c41d7
  weir agreement new --help                  how to begin an answer";

const CLOSE_HELP: &str = "\
Example:
  weir call close 9c41d7

Offers that named it before stay offers, and can be signed.";

/// Arguments of `weir call publish`.
#[derive(Debug, Args)]
pub struct Publish {
    /// One line for lists.
    #[arg(long, value_name = "TEXT")]
    pub title: String,
    /// What has to be known, in plain words, at most 2000 characters.
    #[arg(long, value_name = "TEXT")]
    pub question: String,
    /// The plan or project that it is for.
    #[arg(long, value_name = "TEXT")]
    pub project: String,
    /// The purpose that an agreement would name.
    #[arg(long, value_name = "DPV TERM")]
    pub purpose: String,
    /// The kind of table that would answer it, for example od_trips.
    #[arg(long)]
    pub kind: String,
    /// The length of its periods: day, week or month.
    #[arg(long)]
    pub grain: Grain,
    /// The zoning it would be cut in, as `weir zoning list` shows it.
    #[arg(long)]
    pub zoning: ZoningId,
}

/// Arguments of `weir call list`.
#[derive(Debug, Args)]
pub struct List {
    /// Closed ones, too.
    #[arg(long)]
    pub all: bool,
}

/// Which call.
#[derive(Debug, Args)]
pub struct Which {
    /// Its id, or the first digits of its id.
    #[arg(value_name = "CALL")]
    pub call: String,
}

/// Runs one of them.
///
/// # Errors
/// [`CliError`].
pub async fn run(command: Command, session: &Session) -> Result<(), CliError> {
    match command {
        Command::Publish(args) => publish(args, session).await,
        Command::List(args) => list(&args, session).await,
        Command::Show(which) => show(&which, session).await,
        Command::Close(which) => close(&which, session).await,
    }
}

/// The call that a text names: its id, or the first digits.
///
/// # Errors
/// [`CliError`] where it names none, or several.
pub async fn named(client: &Client, text: &str) -> Result<CallStatus, CliError> {
    let next = "weir call list --all shows ids; the first digits serve";
    if text.len() < PREFIX_DIGITS_MIN {
        let why = format!("`{text}` is no call: give {PREFIX_DIGITS_MIN} digits or more");
        return Err(CliError::new(why).or_try(next));
    }
    let all = client.calls().await.map_err(from_client)?;
    let mut matching = all.into_iter().filter(|c| c.id.as_str().starts_with(text));
    match (matching.next(), matching.next()) {
        (Some(one), None) => Ok(one),
        (None, _) => Err(CliError::new(format!("no call `{text}`")).or_try(next)),
        (Some(_), Some(_)) => {
            let why = format!("several calls begin with `{text}`");
            Err(CliError::new(why).or_try("more digits"))
        }
    }
}

async fn publish(args: Publish, session: &Session) -> Result<(), CliError> {
    let Publish {
        title,
        question,
        project,
        purpose,
        kind,
        grain,
        zoning,
    } = args;
    let call = Call {
        title,
        question,
        project,
        purpose,
        kind,
        grain,
        zoning,
    };
    let client = session.client().await?;
    let proven = client.publish_call(&call).await.map_err(from_client)?;
    let logged = Some(proven.proof.index());
    session.output.show(&Told::of(proven.what, logged))
}

async fn list(args: &List, session: &Session) -> Result<(), CliError> {
    let client = session.client().await?;
    let calls = client.calls().await.map_err(from_client)?;
    let shown = calls.into_iter().filter(|call| args.all || call.open);
    session.output.show(&Listed {
        calls: shown.map(|call| Told::of(call, None)).collect(),
    })
}

async fn show(which: &Which, session: &Session) -> Result<(), CliError> {
    let client = session.client().await?;
    let call = named(&client, &which.call).await?;
    session.output.show(&Told::of(call, None))
}

async fn close(which: &Which, session: &Session) -> Result<(), CliError> {
    let client = session.client().await?;
    let id = named(&client, &which.call).await?.id;
    let proven = client.close_call(&id).await.map_err(from_client)?;
    let logged = Some(proven.proof.index());
    session.output.show(&Told::of(proven.what, logged))
}

/// One call.
#[derive(Serialize)]
struct Told {
    call: String,
    planner: String,
    #[serde(flatten)]
    terms: Call,
    published: String,
    open: bool,
    /// The entry that a receipt proves, where something was done.
    #[serde(skip_serializing_if = "Option::is_none")]
    proven_entry: Option<u64>,
}

impl Told {
    fn of(status: CallStatus, proven_entry: Option<u64>) -> Self {
        let CallStatus {
            id,
            planner,
            terms,
            published,
            open,
            entry: _,
        } = status;
        Self {
            call: id.to_string(),
            planner: planner.to_string(),
            terms,
            published: published.to_string(),
            open,
            proven_entry,
        }
    }
}

impl View for Told {
    fn text(&self) -> String {
        let Call {
            title,
            question,
            project,
            purpose,
            kind,
            grain,
            zoning,
        } = &self.terms;
        let state = if self.open { "open" } else { "closed" };
        let mut known = vec![
            ("call", title.clone()),
            ("id", self.call.clone()),
            ("planner", self.planner.clone()),
            ("question", wrap(question)),
            ("project", project.clone()),
            ("purpose", purpose.clone()),
            (
                "table",
                format!("{kind} by {} in `{zoning}`", grain.as_str()),
            ),
            ("published", self.published.clone()),
            ("state", state.to_owned()),
        ];
        if let Some(entry) = self.proven_entry {
            known.push(("in the log", format!("entry {entry}, receipt verified")));
        }
        let next = match self.open {
            true => {
                let id = short(&self.call);
                format!("\nNext: a provider runs `weir agreement offer FILE --call {id}`")
            }
            false => String::new(),
        };
        format!("{}{next}", facts(&known))
    }
}

#[derive(Serialize)]
struct Listed {
    calls: Vec<Told>,
}

impl View for Listed {
    fn text(&self) -> String {
        let mut rows = table(&["id", "call", "planner", "table", "zoning", "state"]);
        for told in &self.calls {
            let terms = &told.terms;
            let counted = format!("{} by {}", terms.kind, terms.grain.as_str());
            rows.add_row([
                short(&told.call).as_str(),
                &terms.title,
                &told.planner,
                &counted,
                terms.zoning.as_str(),
                if told.open { "open" } else { "closed" },
            ]);
        }
        rows.to_string()
    }
}
