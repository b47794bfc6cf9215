//! `weir agreement`: write, check, try, read, offer, sign, change, end, list. The agreement is the program.

mod check;
mod life;
mod new;
mod page;
mod parties;
mod show;
mod watch;
mod whatif;

use std::path::PathBuf;

use clap::{Args, Subcommand};
use policies::life::{Action, Cause};

use super::Session;
use super::confirm::Expected;
use crate::errors::CliError;

#[cfg(test)]
pub use check::usual_floors;
pub use page::loss;

/// Agreements: write, check, try, read, offer, sign, change, end, list.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Write an agreement from a template, or bring an edited one into canonical form.
    #[command(after_help = new::HELP)]
    New(new::New),
    /// Check a file: every fault with the path of its field. Needs no broker.
    #[command(after_help = check::HELP)]
    Check(check::Check),
    /// Try a plan on cells of our own, or on an invented city: what would be shown, and how exactly. Needs no broker.
    #[command(after_help = whatif::HELP)]
    Try(whatif::Try),
    /// Read an agreement on one page.
    #[command(after_help = show::HELP)]
    Show(show::Show),
    /// Sign an agreement and offer it to the other party.
    #[command(after_help = parties::OFFER_HELP)]
    Offer(Offer),
    /// Sign an agreement that the other party offered; it becomes active.
    #[command(after_help = parties::SIGN_HELP)]
    Sign(Sign),
    /// Answer an offer with your own version of its terms; the offer is closed.
    #[command(after_help = life::COUNTER_HELP)]
    Counter(Answer),
    /// Change an agreement in force: offer a new document that takes its place once both have signed.
    #[command(after_help = life::AMEND_HELP)]
    Amend(Answer),
    /// Take an offer back before it is signed.
    #[command(after_help = life::WITHDRAW_HELP)]
    Withdraw(Act),
    /// Stop an agreement for now: nothing is contributed or released until you resume it.
    #[command(after_help = life::SUSPEND_HELP)]
    Suspend(Act),
    /// Lift your own suspension.
    #[command(after_help = life::RESUME_HELP)]
    Resume(Act),
    /// End an agreement, as soon as its notice allows or at a later time.
    #[command(after_help = life::TERMINATE_HELP)]
    Terminate(Terminate),
    /// Be told what happens to our agreements.
    #[command(after_help = watch::HELP)]
    Watch(watch::Watch),
    /// List the agreements that we may see.
    #[command(after_help = parties::LIST_HELP)]
    List,
}

/// Arguments of `weir agreement offer`.
#[derive(Debug, Args)]
pub struct Offer {
    /// The agreement's file.
    pub file: PathBuf,
    /// The call for data that it answers, by its id or the first digits; the command writes it into the file.
    #[arg(long, value_name = "CALL")]
    pub call: Option<String>,
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

/// Arguments of `weir agreement counter` and `amend`.
#[derive(Debug, Args)]
pub struct Answer {
    /// Its id, or the first digits of its id.
    #[arg(value_name = "ID")]
    pub agreement: String,
    /// Your version of the terms; the command writes into it which agreement it answers.
    pub file: PathBuf,
}

/// Arguments of `weir agreement withdraw`, `suspend` and `resume`.
#[derive(Debug, Args)]
pub struct Act {
    /// Its id, or the first digits of its id.
    #[arg(value_name = "ID")]
    pub agreement: String,
    /// Why, in one line of at most 280 bytes. It stands in the log for ever: name no person.
    #[arg(long, value_name = "TEXT")]
    pub reason: Cause,
}

/// Arguments of `weir agreement terminate`.
#[derive(Debug, Args)]
pub struct Terminate {
    /// What and why.
    #[command(flatten)]
    pub act: Act,
    /// When it takes effect, for example 2027-01-01T00:00:00Z; without it as soon as the notice allows.
    #[arg(long, value_name = "TIME")]
    pub at: Option<jiff::Timestamp>,
}

/// Runs one of them.
///
/// # Errors
/// [`CliError`].
pub async fn run(command: Command, session: &Session) -> Result<(), CliError> {
    match command {
        Command::New(args) => new::run(args, session).await,
        Command::Check(args) => check::run(&args, session),
        Command::Try(args) => whatif::run(&args, session),
        Command::Show(args) => show::run(&args, session).await,
        Command::Offer(args) => parties::offer(&args, session).await,
        Command::Sign(args) => parties::sign(&args, session).await,
        Command::Counter(args) => life::answer(Action::Counter, &args, session).await,
        Command::Amend(args) => life::answer(Action::Amend, &args, session).await,
        Command::Withdraw(args) => life::act(Action::Withdraw, args, None, session).await,
        Command::Suspend(args) => life::act(Action::Suspend, args, None, session).await,
        Command::Resume(args) => life::act(Action::Resume, args, None, session).await,
        Command::Terminate(args) => life::terminate(args, session).await,
        Command::Watch(args) => watch::run(&args, session).await,
        Command::List => parties::list(session).await,
    }
}
