//! What each command does: one file per noun.

pub mod aggregate;
pub mod agreement;
pub mod audit;
pub mod call;
mod confirm;
pub mod contribution;
mod days;
pub mod org;
pub mod pki;
pub mod push;
pub mod question;
pub mod release;
pub mod serve;
mod session;
pub mod sql;
pub mod table;
pub mod witness;
pub mod zoning;

use crate::args::{Cli, Command};
use crate::demo;
use crate::errors::CliError;

pub use session::Session;

/// Does what was typed.
///
/// # Errors
/// [`CliError`]: its code becomes the process's.
pub async fn run(cli: Cli) -> Result<(), CliError> {
    let session = Session::new(&cli.globals);
    let done = match cli.command {
        Command::Demo(args) => demo::run(args).await,
        Command::Pki(command) => pki::run(command, &session),
        Command::Serve(args) => serve::run(args, &session).await,
        Command::Org(command) => org::run(command, &session).await,
        Command::Zoning(command) => zoning::run(command, &session).await,
        Command::Call(command) => call::run(command, &session).await,
        Command::Table(command) => table::run(command, &session).await,
        Command::Agreement(command) => agreement::run(command, &session).await,
        Command::Aggregate(args) => aggregate::run(args, &session).await,
        Command::Push(args) => push::run(args, &session).await,
        Command::Contribution(command) => contribution::run(command, &session).await,
        Command::Release(command) => release::run(command, &session).await,
        Command::Question(command) => question::run(command, &session).await,
        Command::Sql(args) => sql::run(args, &session).await,
        Command::Audit(command) => audit::run(command, &session).await,
        Command::Witness(command) => witness::run(command, &session).await,
    };
    done.map_err(|e| e.or_try("the same command with --help shows an example"))
}
