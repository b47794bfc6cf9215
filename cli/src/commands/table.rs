//! `weir table`: what is on offer.

use clap::{Args, Subcommand};
use policies::id::ZoningId;
use policies::period::Grain;
use proto::convert::OfferedTable;
use serde::Serialize;

use super::Session;
use super::session::from_client;
use crate::errors::CliError;
use crate::output::{View, right, short, table};

/// Tables on offer.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List the tables of agreements in force, and of offers to you or by you.
    #[command(after_help = LIST_HELP)]
    List(List),
}

const LIST_HELP: &str = "\
Example:
  weir table list
  weir table list --kind od_trips --grain day
  weir table list --zoning helsinki-postal-2024 --json

Terms alone: nothing here tells of data. A table of an agreement between others is there to ask for: talk to its
provider, or say what you need with `weir call publish`.";

/// Arguments of `weir table list`.
#[derive(Debug, Args)]
pub struct List {
    /// Of this kind only, for example od_trips.
    #[arg(long)]
    pub kind: Option<String>,
    /// With periods of this length only: day, week or month.
    #[arg(long)]
    pub grain: Option<Grain>,
    /// Cut in this zoning only.
    #[arg(long)]
    pub zoning: Option<ZoningId>,
}

/// Runs one of them.
///
/// # Errors
/// [`CliError`].
pub async fn run(command: Command, session: &Session) -> Result<(), CliError> {
    let Command::List(args) = command;
    let client = session.client().await?;
    let all = client.tables_on_offer().await.map_err(from_client)?;
    let tables = all.into_iter().filter(|t| args.wants(t)).map(Told::of);
    session.output.show(&Listed {
        tables: tables.collect(),
    })
}

impl List {
    fn wants(&self, table: &OfferedTable) -> bool {
        self.kind.as_ref().is_none_or(|kind| *kind == table.kind)
            && self.grain.is_none_or(|grain| grain == table.grain)
            && self.zoning.as_ref().is_none_or(|id| *id == table.zoning)
    }
}

/// One table.
#[derive(Serialize)]
struct Told {
    agreement: String,
    state: &'static str,
    provider: String,
    planner: String,
    table: String,
    kind: String,
    grain: &'static str,
    zoning: String,
    unit: &'static str,
    k: u32,
    k_only: bool,
    covers_from: String,
    covers_until: String,
}

impl Told {
    fn of(table: OfferedTable) -> Self {
        let OfferedTable {
            agreement,
            status,
            provider,
            planner,
            table,
            kind,
            grain,
            zoning,
            unit,
            k,
            k_only,
            covers,
        } = table;
        Self {
            agreement: agreement.to_string(),
            state: status.as_str(),
            provider: provider.to_string(),
            planner: planner.to_string(),
            table: table.to_string(),
            kind,
            grain: grain.as_str(),
            zoning: zoning.to_string(),
            unit: unit.word(),
            k,
            k_only,
            covers_from: covers.from.to_string(),
            covers_until: covers.until.to_string(),
        }
    }
}

#[derive(Serialize)]
struct Listed {
    tables: Vec<Told>,
}

impl View for Listed {
    fn text(&self) -> String {
        let mut rows = table(&[
            "table",
            "counts",
            "zoning",
            "unit",
            "k",
            "provider",
            "planner",
            "days",
            "agreement",
        ]);
        right(&mut rows, &[4]);
        for told in &self.tables {
            let counts = format!("{} by {}", told.kind, told.grain);
            let days = format!("{} to {}", told.covers_from, told.covers_until);
            let agreement = format!("{} {}", short(&told.agreement), told.state);
            let k = match told.k_only {
                true => format!("{} only", told.k),
                false => told.k.to_string(),
            };
            rows.add_row([
                &told.table,
                &counts,
                &told.zoning,
                told.unit,
                &k,
                &told.provider,
                &told.planner,
                &days,
                &agreement,
            ]);
        }
        rows.to_string()
    }
}
