//! `weir agreement`: write, check, read, offer, sign, list. The agreement is the program.

mod check;
mod new;
mod page;
mod parties;
mod show;

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::Session;
use super::confirm::Expected;
use crate::errors::CliError;

#[cfg(test)]
pub use check::usual_floors;
pub use page::loss;

/// Agreements: write, check, read, offer, sign, list.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Write an agreement from a template, or bring an edited one into canonical form.
    #[command(after_help = new::HELP)]
    New(new::New),
    /// Check a file: every fault with the path of its field. Needs no broker.
    #[command(after_help = check::HELP)]
    Check(check::Check),
    /// Read an agreement on one page.
    #[command(after_help = show::HELP)]
    Show(Which),
    /// Sign an agreement and offer it to the other party.
    #[command(after_help = parties::OFFER_HELP)]
    Offer(Offer),
    /// Sign an agreement that the other party offered; it becomes active.
    #[command(after_help = parties::SIGN_HELP)]
    Sign(Sign),
    /// List the agreements that we may see.
    #[command(after_help = parties::LIST_HELP)]
    List,
}

/// Which agreement.
#[derive(Debug, Args)]
pub struct Which {
    /// Its file, its id, or the first digits of its id.
    #[arg(value_name = "ID|FILE")]
    pub agreement: String,
}

/// Arguments of `weir agreement offer`.
#[derive(Debug, Args)]
pub struct Offer {
    /// The agreement's file.
    pub file: PathBuf,
}

/// Arguments of `weir agreement sign`.
#[derive(Debug, Args)]
pub struct Sign {
    /// Its id, the first digits of its id, or your copy of its file.
    #[arg(value_name = "ID|FILE")]
    pub agreement: String,
    /// The other party's fingerprint as they told you: its first 16 digits or more.
    #[arg(long, value_name = "DIGITS")]
    pub expect_fingerprint: Option<Expected>,
    /// Do not ask: terms and fingerprint were confirmed before.
    #[arg(long)]
    pub yes: bool,
}

/// Runs one of them.
///
/// # Errors
/// [`CliError`].
pub async fn run(command: Command, session: &Session) -> Result<(), CliError> {
    match command {
        Command::New(args) => new::run(args, session).await,
        Command::Check(args) => check::run(&args, session),
        Command::Show(which) => show::run(&which, session).await,
        Command::Offer(args) => parties::offer(&args, session).await,
        Command::Sign(args) => parties::sign(&args, session).await,
        Command::List => parties::list(session).await,
    }
}
