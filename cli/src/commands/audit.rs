//! `weir audit`: check the log without trusting the broker.

mod archive;
mod books;
mod follow;
mod replay;
mod verify;

use clap::Subcommand;

pub use verify::log_key;

use super::Session;
use crate::errors::CliError;

pub use follow::line;

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
    }
}

#[cfg(test)]
mod tests;
