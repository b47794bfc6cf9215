//! `weir audit`: check the log without trusting the broker.

mod verify;

use clap::Subcommand;

use super::Session;
use crate::errors::CliError;

/// Check the log without trusting the broker.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Check a receipt offline: is its entry in the log that its key signed?
    #[command(after_help = verify::HELP)]
    Verify(verify::Verify),
}

/// Runs one of them.
///
/// # Errors
/// [`CliError`]; what does not hold is [`CliError::Broken`].
pub async fn run(command: Command, session: &Session) -> Result<(), CliError> {
    match command {
        Command::Verify(args) => verify::run(&args, session),
    }
}
