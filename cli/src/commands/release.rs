//! `weir release`: what one would cost, ask for one, fetch, draw, list.

mod get;
mod merge;
mod open;
mod picture;
mod plan;
mod preview;
mod save;
mod sheet;

use std::path::PathBuf;

use clap::{Args, Subcommand};
use policies::id::{ReleaseKey, RequestId, TableName, sha256_hex};
use policies::joint::With;
use policies::period::Period;
use policies::refusal::Refusal;
use proto::convert::{ReleaseSummary, Wish};
use sdk::client::{Answered, Client, Proven, new_request_id};
use serde::Serialize;

use super::Session;
use super::session::from_client;
use crate::errors::{CliError, OrFail};
use crate::output::{View, right, short, table};
use crate::period_range::Periods;
use crate::progress;

/// Releases: what one would cost, ask for one, fetch, draw, list.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// What releases would cost and could show, and what would be refused. Free, and logged
    /// nowhere.
    #[command(after_help = preview::HELP)]
    Preview(preview::Preview),
    /// Ask for a release: a table with its quality sheet, or every reason against it (exit code 3).
    #[command(after_help = REQUEST_HELP)]
    Request(Request),
    /// Fetch a published release; free, the same bytes for everyone who may have them.
    #[command(after_help = get::HELP)]
    Get(get::Get),
    /// Draw a map: zones by colour, or the largest flows by width.
    #[command(after_help = picture::MAP_HELP)]
    Map(picture::Map),
    /// Draw a chart: the profile of a day, or bars by a category.
    #[command(after_help = picture::CHART_HELP)]
    Chart(picture::Chart),
    /// List the published releases of an agreement, and who may see each.
    #[command(after_help = LIST_HELP)]
    List(List),
    /// Released tables as open data, by two persons: propose, approve, withdraw.
    #[command(subcommand, after_help = open::HELP)]
    Open(open::Command),
}

const REQUEST_HELP: &str = "\
Example:
  weir release request 3f9ac2 od 2023-10-05 --purpose dpv:PublicPolicyMaking
  weir release request 3f9ac2 od 2023-10-05 --purpose dpv:PublicPolicyMaking \\
      --csv --out od.csv
  weir release request 3f9ac2 od 2023-10-05 --with 7c2f01 --with 90ab3c:trips \\
      --purpose dpv:PublicPolicyMaking
  weir release request 3f9ac2 od 2023-10-02..2023-10-08 --purpose dpv:PublicPolicyMaking \
      --merge --bins 0,7,16 --zones parent

--merge reads all periods together, coarser where --bins, --zones or --drop say so, where the
agreement has an `ad_hoc` line for the table. Each of the periods pays its whole charge. People in
several merged cells are counted at least once, which is what `contributors_at_least` says.
--with makes one table of several providers: each part is selected by its own k and noise and charged
to its own account, all or none, and a row adds up the parts that selected it.
What a release costs is charged when it is reserved, before noise is drawn, and never given back.
Asking again for what was released answers the same bytes, free. An answer whose receipt does not
verify is refused; the proof of a refusal is kept in the profile's `state` (refusals/). With --request-id the same wish can be repeated after a broken connection.";

const LIST_HELP: &str = "\
Example:
  weir release list 3f9ac2
  weir release list 3f9ac2 --table od --json";

/// Arguments of `weir release request`.
#[derive(Debug, Args)]
pub struct Request {
    /// The agreement: its file, its id, or the first digits of its id.
    #[arg(value_name = "AGREEMENT")]
    pub agreement: String,
    /// The table's name.
    pub table: TableName,
    /// The period, as long as the table says: 2023-10-05, 2023-W40 or 2023-10. With --merge several:
    /// FIRST..LAST (both included), or with commas.
    pub period: Periods,
    /// Which cells fall into one row.
    #[command(flatten)]
    pub merge: merge::MergeArgs,
    /// What it is used for: one of the agreement's purposes.
    #[arg(long, value_name = "DPV TERM")]
    pub purpose: String,
    /// A further agreement whose part stands in the same table; again for each. Its table has the
    /// same name, or follows a colon: 7c2f01:trips.
    #[arg(long, value_name = "AGREEMENT[:TABLE]", conflicts_with = "merge")]
    pub with: Vec<String>,
    /// Your id of this wish, which does not begin with `scheduled-`; a new one where it is left out.
    #[arg(long, value_name = "ID")]
    pub request_id: Option<RequestId>,
    /// What to do with the rows.
    #[command(flatten)]
    pub save: save::Save,
}

/// Arguments of `weir release list`.
#[derive(Debug, Args)]
pub struct List {
    /// The agreement: its file, its id, or the first digits of its id.
    #[arg(value_name = "AGREEMENT")]
    pub agreement: String,
    /// Only this table.
    #[arg(long)]
    pub table: Option<TableName>,
}

/// Runs one of them.
///
/// # Errors
/// [`CliError`]; a refusal is [`CliError::Refused`].
pub async fn run(command: Command, session: &Session) -> Result<(), CliError> {
    match command {
        Command::Preview(args) => preview::run(args, session).await,
        Command::Request(args) => request(args, session).await,
        Command::Get(args) => get::run(args, session).await,
        Command::Map(args) => picture::map(args, session).await,
        Command::Chart(args) => picture::chart(args, session).await,
        Command::List(args) => list(args, session).await,
        Command::Open(command) => open::run(command, session).await,
    }
}

async fn request(args: Request, session: &Session) -> Result<(), CliError> {
    args.save.check()?;
    let merge = args.merge.of(&args.period.0)?;
    let period = match (&merge, args.period.0.as_slice()) {
        (Some(merge), _) => merge.first(),
        (None, [period]) => *period,
        (None, _) => {
            let why = "several periods are one release only with --merge";
            return Err(CliError::new(why).or_try("one period at a time"));
        }
    };
    let client = session.client().await?;
    let agreement = session.agreement_id(&client, &args.agreement).await?;
    let with = with(&args.with, &args.table, &client, session).await?;
    let request = args
        .request_id
        .map_or_else(new_request_id, Ok)
        .map_err(from_client)?;
    let wish = Wish {
        request: request.clone(),
        agreement,
        table: args.table,
        period,
        merge,
        purpose: args.purpose,
        with,
    };
    let bar = progress::waiting(session.output, "waiting for the next public tick");
    let answered = client.request(&wish).await;
    bar.finish_and_clear();
    let again = format!("the same command with --request-id {request}: it never acts twice");
    match answered.map_err(|e| from_client(e).or_try(again))? {
        Answered::Refused(refused) => {
            let proof = keep_refusal(&refused, &request, session);
            let refusal = refused.what;
            Err(CliError::Refused { refusal, proof })
        }
        Answered::Released(released) => {
            let table = client.fetch_wished(&wish, &released.what).await;
            get::show(&client, &table.map_err(from_client)?, &args.save, session).await
        }
    }
}

/// Keeps the proof of a refusal in the profile's `state`: it is answered once more by the same request
/// id only. Where it cannot be kept, the refusal is told all the same.
fn keep_refusal(
    refused: &Proven<Refusal>,
    request: &RequestId,
    session: &Session,
) -> Option<PathBuf> {
    let kept = session.profile().and_then(|profile| {
        let folder = profile.state.join("refusals");
        std::fs::create_dir_all(&folder).map_err(|e| CliError::file("make", &folder, e))?;
        // An id may hold what a file name may not.
        let name = sha256_hex(request.as_str().as_bytes());
        let path = folder.join(format!("{}.tlog-proof", short(&name)));
        let text = refused.proof.receipt().to_string();
        std::fs::write(&path, text).map_err(|e| CliError::file("write", &path, e))?;
        Ok(path)
    });
    match kept {
        Ok(path) => Some(path),
        Err(error) => {
            session
                .output
                .note(&format!("its proof is not kept: {}", error.text()));
            None
        }
    }
}

/// The further agreements, as they were named.
async fn with(
    named: &[String],
    same: &TableName,
    client: &Client,
    session: &Session,
) -> Result<Vec<With>, CliError> {
    let mut with = Vec::with_capacity(named.len());
    for text in named {
        let (agreement, table) = match text.rsplit_once(':') {
            Some((agreement, table)) => (agreement, table.parse().or_fail()?),
            None => (text.as_str(), same.clone()),
        };
        let agreement = session.agreement_id(client, agreement).await?;
        with.push(With { agreement, table });
    }
    Ok(with)
}

async fn list(args: List, session: &Session) -> Result<(), CliError> {
    let client = session.client().await?;
    let agreement = session.agreement_id(&client, &args.agreement).await?;
    let found = client
        .releases(&agreement, args.table.as_ref())
        .await
        .map_err(from_client)?;
    session.output.show(&Listed {
        releases: found.into_iter().map(Line::of).collect(),
    })
}

#[derive(Serialize)]
struct Line {
    key: ReleaseKey,
    table: TableName,
    period: Period,
    edition: u32,
    charge: Option<policies::loss::Loss>,
    entry: u64,
    replaces: Option<ReleaseKey>,
    open_data: &'static str,
}

impl Line {
    fn of(release: ReleaseSummary) -> Self {
        let ReleaseSummary {
            key,
            agreement: _,
            table,
            period,
            edition,
            charge,
            entry,
            replaces,
            open,
        } = release;
        Self {
            key,
            table,
            period,
            edition,
            charge,
            entry,
            replaces,
            open_data: open.as_str(),
        }
    }
}

#[derive(Serialize)]
struct Listed {
    releases: Vec<Line>,
}

impl View for Listed {
    fn text(&self) -> String {
        let mut rows = table(&[
            "key", "table", "period", "edition", "charge", "entry", "open",
        ]);
        for line in &self.releases {
            rows.add_row([
                line.key.as_str(),
                line.table.as_str(),
                &line.period.to_string(),
                &line.edition.to_string(),
                &line
                    .charge
                    .map_or("none".into(), |charge| charge.to_string()),
                &line.entry.to_string(),
                line.open_data,
            ]);
        }
        right(&mut rows, &[3, 5]);
        let first = self.releases.first().map(|line| short(line.key.as_str()));
        let next = first
            .map(|_| "\n\nNext: weir release get KEY")
            .unwrap_or_default();
        format!("{rows}{next}")
    }
}
