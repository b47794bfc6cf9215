//! What can be typed: options that every command knows, and the commands.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::commands::{
    aggregate, agreement, audit, call, contribution, org, pki, push, question, release, serve, sql,
    table, witness, zoning,
};
use crate::demo;

/// The profile where nothing else is said.
const PROFILE: &str = "weir.toml";
/// Names another one.
const PROFILE_VARIABLE: &str = "WEIR_PROFILE";

const EXAMPLES: &str = "\
A first hour, all on one machine (each command has --help with an example):
  weir pki new certs                                     keys for a test broker
  weir pki org certs ops   --role steward  --user anna   one folder per organisation
  weir pki org certs bikes --role provider --user job
  weir serve --config certs/broker.toml                  in another terminal
  weir org request --profile certs/bikes/weir.toml --out bikes.json
  weir org add bikes.json --profile certs/ops/weir.toml
  weir agreement check agreement.json                    then offer, sign, aggregate, push

Exit codes: 0 done, 1 failed, 2 mistyped, 3 refused (with reasons), 4 the log does not hold.";

/// A broker between the companies that know how a city moves and the people who plan it.
///
/// Companies push cells that they aggregated and bounded themselves, the broker releases protected
/// tables under signed agreements, and anyone with the log can check every step.
#[derive(Debug, Parser)]
#[command(name = "weir", version, after_help = EXAMPLES, max_term_width = 100)]
pub struct Cli {
    /// What every command knows.
    #[command(flatten)]
    pub globals: Globals,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Options of every command.
#[derive(Debug, Clone, Args)]
pub struct Globals {
    /// Print one JSON document instead of text; errors and refusals too.
    #[arg(long, global = true, help_heading = "Global options")]
    pub json: bool,
    /// Print nothing but errors; files are written as ever.
    #[arg(
        long,
        global = true,
        conflicts_with = "json",
        help_heading = "Global options"
    )]
    pub quiet: bool,
    /// Who you are and where the broker is [default: $WEIR_PROFILE, else weir.toml].
    #[arg(
        long,
        global = true,
        value_name = "FILE",
        help_heading = "Global options"
    )]
    pub profile: Option<PathBuf>,
}

impl Globals {
    /// The profile's file: `--profile`, else `WEIR_PROFILE`, else `weir.toml`.
    #[must_use]
    pub fn profile_path(&self) -> PathBuf {
        let given = self.profile.clone();
        let from_environment = || std::env::var_os(PROFILE_VARIABLE).map(PathBuf::from);
        given
            .or_else(from_environment)
            .unwrap_or_else(|| PROFILE.into())
    }
}

/// The nouns.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// The whole story on this machine, in a few minutes: start here.
    Demo(demo::Args),
    /// Make keys and certificates for a test installation.
    #[command(subcommand)]
    Pki(pki::Command),
    /// Run the broker.
    Serve(serve::Args),
    /// Organisations: ask to be admitted, admit, list.
    #[command(subcommand)]
    Org(org::Command),
    /// Zonings: the zones that tables are cut in.
    #[command(subcommand)]
    Zoning(zoning::Command),
    /// Calls for data: what planners need to know; publish, list, read, close.
    #[command(subcommand)]
    Call(call::Command),
    /// Tables on offer: what providers count already, and for whom.
    #[command(subcommand)]
    Table(table::Command),
    /// Agreements: write, check, read, offer, sign, list.
    #[command(subcommand)]
    Agreement(agreement::Command),
    /// Raw records to bounded cells, on the company's own machine.
    Aggregate(aggregate::Args),
    /// Push cells to the broker, with receipts.
    Push(push::Args),
    /// Contributions: list, look one up, take one back.
    #[command(subcommand)]
    Contribution(contribution::Command),
    /// Releases: what one would cost, ask for one, fetch, list.
    #[command(subcommand)]
    Release(release::Command),
    /// Questions that planners ask, ready-made: list, read, ask.
    #[command(subcommand)]
    Question(question::Command),
    /// Ask released tables a question in SQL: free, read-only.
    #[command(after_help = sql::HELP)]
    Sql(sql::Sql),
    /// Check the log without trusting the broker.
    #[command(subcommand)]
    Audit(audit::Command),
    /// Watch a log, your own or another's, and cosign what holds.
    #[command(subcommand)]
    Witness(witness::Command),
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn every_command_is_well_formed() {
        Cli::command().debug_assert();
    }

    /// Every leaf command has one line about itself and an example below its options.
    #[test]
    fn every_command_teaches() {
        fn leaves(command: &clap::Command, path: String, found: &mut Vec<(String, bool, bool)>) {
            let path = format!("{path} {}", command.get_name());
            let mut children = command.get_subcommands().filter(|c| c.get_name() != "help");
            let Some(first) = children.next() else {
                let example = command.get_after_help().map(ToString::to_string);
                let example = example.is_some_and(|text| text.contains("weir "));
                return found.push((path, command.get_about().is_some(), example));
            };
            for child in std::iter::once(first).chain(children) {
                leaves(child, path.clone(), found);
            }
        }
        let mut found = Vec::new();
        leaves(&Cli::command(), String::new(), &mut found);
        assert!(found.len() >= 20, "{found:?}");
        for (path, about, example) in found {
            assert!(about, "`{path}` says nothing about itself");
            assert!(example, "`{path}` has no example");
        }
    }

    #[test]
    fn global_options_stand_anywhere() {
        for line in [
            "weir --json org list",
            "weir org list --json",
            "weir org --json list",
        ] {
            let cli = Cli::try_parse_from(line.split(' ')).unwrap();
            assert!(cli.globals.json, "{line}");
        }
        let line = "weir org list --profile a/weir.toml";
        let cli = Cli::try_parse_from(line.split(' ')).unwrap();
        assert_eq!(cli.globals.profile_path(), PathBuf::from("a/weir.toml"));
    }
}
