//! A log as a page and as tables that can be filed.

use std::path::{Path, PathBuf};

use audit::report::{Recorder, Report, Within};
use clap::Args;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::Serialize;

use super::super::Session;
use super::super::pki::files::write;
use super::line::line;
use super::replay::{Source, each};
use crate::errors::{CliError, OrFail};
use crate::output::{View, facts};

pub const HELP: &str = "\
Example:
  weir audit report --out report-2026 --from 2026-01-01 --until 2026-12-31 --profile certs/ombudsman/weir.toml
  weir audit report state-copy --log-key certs/log.vkey --out report

Checks the whole log first, as `weir audit replay` does, then writes `report.html` (one page, to
print or to file) and a CSV file of each of its tables: organisations, agreements, balances,
contributions, releases, refusals, entries. --from and --until are days in UTC, both included, and
choose by the entries' time; agreements and balances are as they are at the log's end. Texts that
others wrote are escaped; a CSV field that a spreadsheet might run stands behind an apostrophe.
What the log was not compared with is said: `weir audit replay` asks the broker.
Exit code 4 names the first entry that does not hold; nothing is written then.";

/// Arguments of `weir audit report`.
#[derive(Debug, Args)]
pub struct Make {
    /// Where the log comes from.
    #[command(flatten)]
    pub source: Source,
    /// The folder to write, which is made.
    #[arg(long, value_name = "FOLDER")]
    pub out: PathBuf,
    /// The first day that it is about.
    #[arg(long, value_name = "DATE")]
    pub from: Option<Date>,
    /// The last day that it is about.
    #[arg(long, value_name = "DATE")]
    pub until: Option<Date>,
}

pub async fn run(args: Make, session: &Session) -> Result<(), CliError> {
    let within = Within {
        from: args.from.map(begins).transpose()?,
        until: args
            .until
            .map(|day| begins(day.tomorrow().or_fail()?))
            .transpose()?,
    };
    let mut recorder = Recorder::new(within);
    let checked = each(&args.source, session, |index, entry, _| {
        recorder.take(index, entry, line(&entry.body));
        Ok(())
    });
    let checked = checked.await?;
    let now = Timestamp::now();
    let mut report = recorder.finish(&checked.replayer, &checked.checkpoint, now);
    let silence = args.source.silence(&checked.replayer, now);
    report
        .findings
        .extend(silence.into_iter().chain(checked.behind()));
    let files = keep(&report, &args.out)?;
    session.output.show(&Made {
        holds: true,
        log: report.log,
        entries: report.entries,
        cosigned: checked.cosigned,
        about: report.about,
        findings: report.findings,
        not_compared: report.not_compared,
        files,
    })
}

fn begins(day: Date) -> Result<Timestamp, CliError> {
    Ok(day.to_zoned_datetime(TimeZone::UTC).or_fail()?.timestamp())
}

fn keep(report: &Report, folder: &Path) -> Result<Vec<PathBuf>, CliError> {
    std::fs::create_dir_all(folder).map_err(|e| CliError::file("make", folder, e))?;
    let page = folder.join("report.html");
    write(&page, &report.html())?;
    let mut files = vec![page];
    for table in &report.tables {
        let path = folder.join(format!("{}.csv", table.name));
        write(&path, &table.csv())?;
        files.push(path);
    }
    Ok(files)
}

#[derive(Debug, Serialize)]
struct Made {
    holds: bool,
    log: String,
    entries: u64,
    /// By a quorum of the policy that was named.
    cosigned: Option<u64>,
    about: String,
    findings: Vec<String>,
    not_compared: Vec<String>,
    files: Vec<PathBuf>,
}

impl View for Made {
    fn text(&self) -> String {
        let files: Vec<_> = self.files.iter().map(|f| f.display().to_string()).collect();
        let findings = match self.findings.as_slice() {
            [] => "nothing".to_owned(),
            all => all.join("\n"),
        };
        facts(&[
            ("log", self.log.clone()),
            ("entries", format!("{}, all hold", self.entries)),
            ("about", self.about.clone()),
            ("to look at", findings),
            ("not compared", self.not_compared.join("\n")),
            ("written", files.join("\n")),
        ])
    }
}
