//! `weir`: one binary for companies, planners, auditors and the steward.
//!
//! | module | holds |
//! | --- | --- |
//! | `args` | what can be typed |
//! | `commands` | one file per noun: what is done |
//! | `demo` | the whole story, typed by itself |
//! | `site` | a web server that is asked: a broker's public side, a CKAN |
//! | `output`, `errors`, `progress` | what is shown: tables or JSON, one error form, exit codes |
//!
//! Nothing is decided here: rules live in `policies`, proofs in `audit`, the wire in `sdk`.

use std::process::ExitCode;

use clap::Parser;

mod args;
mod commands;
mod demo;
mod errors;
mod files;
mod output;
mod period_range;
mod progress;
mod rows;
mod site;

fn main() -> ExitCode {
    let cli = args::Cli::parse();
    let json = cli.globals.json;
    let done = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime.block_on(commands::run(cli)),
        Err(error) => Err(errors::CliError::new(format!("cannot start: {error}"))),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            error.show(json);
            ExitCode::from(error.code())
        }
    }
}
