//! `weir demo`: the whole story on this machine, in a few minutes.
//!
//! A real broker on loopback, three or four companies, a planner and an auditor, each with its own
//! certificate. Everything is done by the commands that users type; the demo only types them.

mod city;
mod company;
mod real;
mod stage;
mod synthetic;

use std::path::{Path, PathBuf};

use broker::clock::Clock;
use broker::config::Config;
use broker::serve::{Running, start};

use crate::errors::{CliError, OrFail};
use crate::output::tell;
use company::Company;
use stage::Stage;

const HELP: &str = "\
Example:
  weir demo                          a synthetic city, clearly labelled so
  weir demo --data ../shared/data    Helsinki, New York and Porto, real open data
  weir demo --keep                   leaves the broker running and says what to try next

Every line that begins with `$ weir` can be typed by hand; the files are in the folder that the demo
names at its start.";

/// Run the whole story on this machine: sign, aggregate, push, release, refuse, verify, tamper.
#[derive(Debug, clap::Args)]
#[command(after_help = HELP)]
pub struct Args {
    /// A folder with the real data sets; without it a synthetic city is made.
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Leave broker and files, and say what to try next; Ctrl-C ends it.
    #[arg(long)]
    pub keep: bool,
    /// The seed of the synthetic city.
    #[arg(long, default_value_t = 2026, value_name = "NUMBER")]
    pub seed: u64,
    /// Where everything goes; a temporary folder where it is left out.
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
}

/// Plays the story.
///
/// # Errors
/// [`CliError`] where a step does not end as told.
pub async fn run(args: Args) -> Result<(), CliError> {
    let temporary = tempfile::Builder::new()
        .prefix("weir-demo-")
        .tempdir()
        .or_fail()?;
    let folder = args
        .dir
        .clone()
        .unwrap_or_else(|| temporary.path().to_owned());
    std::fs::create_dir_all(&folder).or_fail()?;
    broker::telemetry::init(broker::telemetry::LogFormat::Text, "warn");
    // Before the working directory changes: the path is relative to where it was typed.
    let data = args.data.as_deref().map(real::find).transpose()?;
    let stage = Stage::in_folder(&folder)?;
    let folder = stage.path("");
    let companies = match &data {
        Some(data) => real::companies(data, &folder)?,
        None => synthetic::companies(&folder, args.seed)?,
    };
    stage.say(&format!("Everything is in {}", folder.display()));

    let running = open_the_house(&stage, &companies).await?;
    for company in &companies {
        agree_and_push(&stage, company).await?;
    }
    for company in &companies {
        release(&stage, company).await?;
    }
    over_budget(&stage, &companies).await?;
    audit(&stage, &folder).await?;

    if args.keep {
        let kept = args.dir.is_some() || temporary.keep().exists();
        return wait(&stage, running, kept).await;
    }
    running.stop().await.or_fail()?;
    stage.say("Done. `weir demo --keep` leaves it running; every command has --help.");
    Ok(())
}

/// Keys, broker, organisations, zonings.
async fn open_the_house(stage: &Stage, companies: &[Company]) -> Result<Running, CliError> {
    stage.act(
        "The steward opens the house",
        "One binary, one config file, one state directory.",
    );
    let address = format!("127.0.0.1:{}", stage::free_port()?);
    stage
        .weir(&["pki", "new", "certs", "--listen", &address])
        .await?;
    let names = companies.iter().map(|company| (company.name, "provider"));
    let others = [
        ("ops", "steward"),
        ("city", "planner"),
        ("ombudsman", "auditor"),
    ];
    for (name, role) in others.into_iter().chain(names) {
        stage
            .quietly(&[
                "pki", "org", "certs", name, "--role", role, "--user", "demo",
            ])
            .await?;
    }
    let mut config = Config::read(&stage.path("certs/broker.toml")).or_fail()?;
    // Another broker on this machine may have the usual port, and anybody the one behind ours (found by CI).
    let free = ([127, 0, 0, 1], 0).into();
    config.metrics = Some(free);
    if let Some(web) = &mut config.web {
        web.listen = free;
    }
    let running = start(&config, Clock::system()).await.or_fail()?;
    stage.say(&format!(
        "The broker serves on {} (weir serve --config certs/broker.toml)",
        running.address
    ));

    let members = companies
        .iter()
        .map(|company| company.name)
        .chain(["city", "ombudsman"]);
    for name in members {
        let admission = format!("certs/{name}/admission.json");
        stage
            .quietly_as("ops", &["org", "add", &admission, "--yes"])
            .await?;
    }
    stage.weir_as("ops", &["org", "list"]).await?;
    for company in companies {
        let file = stage.file(&company.zoning);
        stage
            .quietly_as("ops", &["zoning", "add", company.zoning_id, &file])
            .await?;
    }
    stage.weir_as("city", &["zoning", "list"]).await?;
    Ok(running)
}

/// One company: sign with the city, aggregate at home, push cells.
async fn agree_and_push(stage: &Stage, company: &Company) -> Result<(), CliError> {
    stage.act(company.title, company.about);
    let agreement = stage.write_agreement(company)?;
    stage.weir(&["agreement", "show", &agreement]).await?;
    stage
        .weir_as(company.name, &["agreement", "offer", &agreement])
        .await?;
    let id = stage.agreement_id(company)?;
    stage
        .weir_as("city", &["agreement", "sign", &id, "--yes"])
        .await?;

    let mapping = stage.write_mapping(company)?;
    let cells = format!("{}/cells", company.name);
    aggregate(stage, company, &mapping, &company.inputs, &cells).await?;
    stage.weir_as(company.name, &["push", &cells]).await
}

async fn aggregate(
    stage: &Stage,
    company: &Company,
    mapping: &str,
    inputs: &[PathBuf],
    cells: &str,
) -> Result<(), CliError> {
    let agreement = stage.agreement_file(company);
    let secret = format!("{}/aggregate.secret", company.name);
    let zoning = format!("{}={}", company.zoning_id, stage.file(&company.zoning));
    let inputs: Vec<String> = inputs.iter().map(|path| stage.file(path)).collect();
    let mut command = vec!["aggregate", "--agreement", &agreement, "--mapping", mapping];
    command.extend(["--days", &company.days, "--zoning", &zoning]);
    command.extend(["--secret", &secret, "--out", cells]);
    command.extend(inputs.iter().map(String::as_str));
    stage.weir(&command).await
}

/// The planner's side of one company's data.
async fn release(stage: &Stage, company: &Company) -> Result<(), CliError> {
    let title = format!("The city asks for {}", company.question);
    stage.act(&title, company.answer);
    let id = stage.agreement_id(company)?;
    let preview = [
        "release",
        "preview",
        &id,
        company.table,
        "--periods",
        &company.period,
    ];
    stage.weir_as("city", &preview).await?;
    let purpose = ["--purpose", company::PURPOSE];
    let request = ["release", "request", &id, company.table, &company.period];
    stage
        .weir_as("city", &[&request[..], &purpose[..]].concat())
        .await?;
    stage.weir_as("city", &["release", "list", &id]).await
}

/// A correction makes another edition, which the plan has no budget for.
async fn over_budget(stage: &Stage, companies: &[Company]) -> Result<(), CliError> {
    let Some(company) = companies
        .iter()
        .find(|company| company.correction.is_some())
    else {
        return Ok(());
    };
    let Some(correction) = &company.correction else {
        return Ok(());
    };
    stage.act(
        "A correction, and a budget that nobody can reset",
        "The company pushes a corrected period. A new edition would be a new draw of noise, and what the \
         cap allows is spent: the broker refuses, with every reason, and charges nothing.",
    );
    let mapping = stage.write_mapping(company)?;
    let cells = format!("{}/corrected", company.name);
    aggregate(
        stage,
        company,
        &mapping,
        std::slice::from_ref(correction),
        &cells,
    )
    .await?;
    stage
        .weir_as(company.name, &["push", &cells, "--supersede"])
        .await?;
    let id = stage.agreement_id(company)?;
    let purpose = ["--purpose", company::PURPOSE];
    let request = ["release", "request", &id, company.table, &company.period];
    stage
        .refused_as("city", &[&request[..], &purpose[..]].concat())
        .await
}

/// The auditor follows the log, replays a copy, and catches a changed byte.
async fn audit(stage: &Stage, folder: &Path) -> Result<(), CliError> {
    stage.act(
        "The auditor trusts nobody",
        "Every entry is checked against the signed checkpoint, every charge recomputed from the entries \
         alone, without the broker and without OpenDP.",
    );
    stage
        .weir_as("ombudsman", &["audit", "follow", "--once"])
        .await?;
    let copy = folder.join("copy");
    stage::copy_log(&folder.join("certs/state/log"), &copy.join("log"))?;
    stage
        .weir(&["audit", "replay", "copy", "--log-key", "certs/log.vkey"])
        .await?;
    stage.act(
        "The operator cheats",
        "In the copy, the charge of the first release is changed, as an operator might who overspent.",
    );
    stage::tamper(&copy.join("log/entries"))?;
    stage
        .broken(&["audit", "replay", "copy", "--log-key", "certs/log.vkey"])
        .await
}

async fn wait(stage: &Stage, running: Running, kept: bool) -> Result<(), CliError> {
    stage.act(
        "It is yours",
        "The broker goes on until Ctrl-C. Try, in another terminal:",
    );
    let profile = |name: &str| {
        stage
            .path(&format!("certs/{name}/weir.toml"))
            .display()
            .to_string()
    };
    tell(&format!(
        "  weir agreement list --profile {}",
        profile("city")
    ));
    tell(&format!(
        "  weir audit follow --profile {}",
        profile("ombudsman")
    ));
    tell("  weir release --help");
    tokio::signal::ctrl_c().await.or_fail()?;
    running.stop().await.or_fail()?;
    if kept {
        stage.say("The files stay where they are.");
    }
    Ok(())
}
