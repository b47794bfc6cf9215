//! `weir audit`: check the log without trusting the broker.

mod archive;
mod books;
mod compared;
mod evidence;
mod export;
mod follow;
mod fsck;
mod line;
mod replay;
mod report;
mod verify;

use clap::Subcommand;

pub use verify::log_key;

use super::Session;
use crate::errors::CliError;

pub use line::line;

/// Check the log without trusting the broker.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Follow the log over gRPC: each entry checked as it comes, with a copy that we keep.
    #[command(after_help = follow::HELP)]
    Follow(follow::Follow),
    /// Check a receipt offline: is its entry in the log that its key signed?
    #[command(after_help = verify::HELP)]
    Verify(verify::Verify),
    /// Check the whole log and recompute every charge and balance.
    #[command(after_help = replay::HELP)]
    Replay(replay::Replay),
    /// The log as a page and CSV tables that can be filed.
    #[command(after_help = report::HELP)]
    Report(report::Make),
    /// The whole log as files for other tools: JSON lines and c2sp.org/tlog-tiles.
    #[command(after_help = export::HELP)]
    Export(export::Export),
    /// Two checkpoints that the log signed and that do not go together, as a file for others.
    #[command(after_help = evidence::HELP)]
    Evidence(evidence::Make),
    /// Check a stopped broker's log, index and payloads against each other.
    #[command(after_help = fsck::HELP)]
    Fsck(fsck::Fsck),
}

/// Runs one of them.
///
/// # Errors
/// [`CliError`]; what does not hold is [`CliError::Broken`].
pub async fn run(command: Command, session: &Session) -> Result<(), CliError> {
    match command {
        Command::Follow(args) => follow::run(args, session).await,
        Command::Verify(args) => verify::run(&args, session),
        Command::Replay(args) => replay::run(args, session).await,
        Command::Report(args) => report::run(args, session).await,
        Command::Export(args) => export::run(args, session).await,
        Command::Evidence(args) => evidence::run(&args, session),
        Command::Fsck(args) => fsck::run(&args, session),
    }
}

#[cfg(test)]
mod tests;
