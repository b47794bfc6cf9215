//! `weir question`: what planners ask, ready-made, over the released tables.

mod shown;

use std::path::PathBuf;

use clap::{Args, Subcommand};
use sdk::question::{Argument, Arguments, AskError, Outcome, Question};

use super::Session;
use super::session::from_client;
use super::sql;
use crate::errors::{CliError, OrFail};
use crate::output::write_out;
use crate::progress;
use shown::{Answered, Choice, Lacking, List, Shown, withheld};

/// Questions: list, read, ask.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List the questions.
    #[command(after_help = LIST_HELP)]
    List,
    /// Read one: what it says, what it takes, its SQL.
    #[command(after_help = SHOW_HELP)]
    Show(Which),
    /// Ask one of your released tables: free, with error bars.
    #[command(after_help = ASK_HELP)]
    Ask(Box<Ask>),
}

const LIST_HELP: &str = "\
Example:
  weir question list";

const SHOW_HELP: &str = "\
Example:
  weir question show od-matrix";

const ASK_HELP: &str = "\
Example:
  weir question ask od-matrix --hours 6-9
  weir question ask catchment --zone 00100 --csv > catchment.csv
  weir question ask catchment --at 60.1719,24.9414 --hours 6-9
  weir question ask travel-time --date 2026-08-10 --table od_week
  weir question ask presence-by-hour --period 2026-W41 --baseline 2026-W40 --zone 00100
  weir question ask top-corridors --limit 20 --by zone
  weir question ask mode-split
  weir question ask trips-and-presence --hours 6-9

It reads what is released, so it is free and charges no budget. Intervals of sums are those of the rows, added as squares. What
is withheld is in no sum; how much of the table is released stands below the answer. Where no released table answers, it says
what a new agreement would need.";

/// Which question.
#[derive(Debug, Args)]
pub struct Which {
    /// Its name, as `weir question list` shows it.
    #[arg(value_name = "NAME", value_parser = question)]
    pub question: &'static Question,
}

/// Arguments of `weir question ask`.
#[derive(Debug, Args)]
pub struct Ask {
    /// Which question.
    #[command(flatten)]
    pub which: Which,
    /// The values it takes.
    #[command(flatten)]
    pub values: Values,
    /// All rows as CSV; a text that a spreadsheet would run as a formula gets a leading apostrophe.
    #[arg(long)]
    pub csv: bool,
    /// Where to write them as CSV.
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Show the SQL that was run, too.
    #[arg(long)]
    pub sql: bool,
}

/// What can be given with a question; each takes some of them.
#[derive(Debug, Args)]
pub struct Values {
    /// Periods from this day on.
    #[arg(long, value_name = "DAY")]
    pub from: Option<String>,
    /// Periods until this day, it included.
    #[arg(long, value_name = "DAY")]
    pub until: Option<String>,
    /// Parts of the day inside these hours.
    #[arg(long, value_name = "6-9")]
    pub hours: Option<String>,
    /// By `zone`, or by `district`: a zone's parent.
    #[arg(long, value_name = "GRAIN")]
    pub by: Option<String>,
    /// Which table, where several would do; several for some questions.
    #[arg(long, value_name = "TABLE")]
    pub table: Vec<String>,
    /// A zone, such as that of a stop.
    #[arg(long, value_name = "ZONE")]
    pub zone: Option<String>,
    /// A point, such as a stop, in place of its zone; latitude first.
    #[arg(long, value_name = "60.17,24.94", allow_hyphen_values = true)]
    pub at: Option<String>,
    /// A zone of origin.
    #[arg(long, value_name = "ZONE")]
    pub origin: Option<String>,
    /// A zone of destination.
    #[arg(long, value_name = "ZONE")]
    pub destination: Option<String>,
    /// A day, such as that on which a line opens.
    #[arg(long, value_name = "DAY")]
    pub date: Option<String>,
    /// A period, as long as the table's are: 2026-10-05, 2026-W41 or 2026-10.
    #[arg(long, value_name = "PERIOD")]
    pub period: Option<String>,
    /// The period to compare it with.
    #[arg(long, value_name = "PERIOD")]
    pub baseline: Option<String>,
    /// Most rows of the answer.
    #[arg(long, value_name = "NUMBER")]
    pub limit: Option<String>,
}

fn question(name: &str) -> Result<&'static Question, String> {
    Question::named(name).ok_or_else(|| "`weir question list` shows the names".to_owned())
}

/// Runs one of them.
///
/// # Errors
/// [`CliError`].
pub async fn run(command: Command, session: &Session) -> Result<(), CliError> {
    match command {
        Command::List => session.output.show(&List::new()),
        Command::Show(which) => session.output.show(&Shown(which.question)),
        Command::Ask(ask) => asked(*ask, session).await,
    }
}

async fn asked(ask: Ask, session: &Session) -> Result<(), CliError> {
    let question = ask.which.question;
    let client = session.client().await?;
    let bar = progress::waiting(session.output, "waiting for the answer");
    let outcome = client.ask(question, &ask.values.into()).await;
    bar.finish_and_clear();
    // A file, or a pipe that takes CSV, holds rows or nothing.
    let rows_only = ask.csv || ask.out.is_some();
    let answer = match outcome.map_err(failed)? {
        Outcome::Answered(answer) => *answer,
        Outcome::Choose(several) => {
            let choice = Choice::new(question, &several);
            return match rows_only {
                true => Err(choice.error()),
                false => session.output.show(&choice),
            };
        }
        Outcome::Missing(missing) => {
            let lacking = Lacking::new(question, missing);
            return match rows_only {
                true => Err(lacking.error()),
                false => session.output.show(&lacking),
            };
        }
    };
    let rows = sql::Answer {
        schema: answer.schema,
        batches: answer.batches,
    };
    let withheld: Vec<String> = answer.used.iter().map(withheld).collect();
    match &ask.out {
        Some(out) => rows.save_csv(out)?,
        None if ask.csv => {
            let mut csv = Vec::new();
            rows.write_csv(&mut csv).or_fail()?;
            for line in withheld.iter().chain(&answer.remarks) {
                session.output.note(line);
            }
            return write_out(&csv, false);
        }
        None => (),
    }
    session.output.show(&Answered {
        question: &question.name,
        answered: true,
        count: rows.rows(),
        columns: rows.columns(),
        rows: ask
            .out
            .is_none()
            .then(|| rows.json())
            .transpose()
            .or_fail()?,
        screen: match &ask.out {
            Some(out) => format!("{} rows in {}.", rows.rows(), out.display()),
            None => format!("{}\n{}", rows.screen().or_fail()?, rows.said()),
        },
        file: ask.out,
        reading: &question.reading,
        withheld,
        remarks: answer.remarks,
        show_sql: ask.sql,
        sql: answer.statement,
    })
}

fn failed(error: AskError) -> CliError {
    match error {
        AskError::Client(error) => from_client(error),
        AskError::Argument(_) | AskError::Nowhere { .. } | AskError::NoZone { .. } => {
            CliError::new(error).or_try("weir question show NAME")
        }
        AskError::Table { .. } | AskError::Unfit { .. } | AskError::Zoning(_) | AskError::Shape => {
            CliError::new(error).or_try("weir sql \"SELECT * FROM releases\"")
        }
    }
}

impl From<Values> for Arguments {
    fn from(values: Values) -> Self {
        Self::default()
            .with(Argument::From, values.from)
            .with(Argument::Until, values.until)
            .with(Argument::Hours, values.hours)
            .with(Argument::By, values.by)
            .with(Argument::Zone, values.zone)
            .with(Argument::At, values.at)
            .with(Argument::Origin, values.origin)
            .with(Argument::Destination, values.destination)
            .with(Argument::Date, values.date)
            .with(Argument::Period, values.period)
            .with(Argument::Baseline, values.baseline)
            .with(Argument::Limit, values.limit)
            .with_tables(values.table)
    }
}
