//! `weir aggregate`: raw records to bounded cells, on the company's own machine.

use std::path::PathBuf;

use policies::agreement::{Agreement, Days};
use policies::id::AgreementId;
use sdk::aggregate::{
    Aggregated, Mapping, Options, Progress, Report, Secret, TableReport, Zoning, run as aggregate,
    write_cells,
};
use serde::Serialize;

use super::Session;
use super::days::days;
use super::session::{from_client, read_agreement};
use super::zoning::ZoningFile;
use crate::errors::{CliError, OrFail};
use crate::output::{View, right, table, thousands};
use crate::progress;

const HELP: &str = "\
Example:
  weir aggregate --agreement agreement.json --mapping bikes.toml --days 2023-10-01..2023-10-31 \\
      --zoning helsinki-postal-2024=zones.geojson --out cells 2023-10.csv.gz

The mapping says which column is which field:
  [source]
  format = \"csv\"                     # or \"parquet\"; .gz is unpacked
  [time]
  column = \"Departure\"
  format = \"iso\"                     # or \"epoch_s\", \"epoch_ms\", \"%d.%m.%Y %H:%M\"
  [dimensions.origin]
  column = \"Departure station id\"
  lookup = { file = \"station_zone.csv\", key = \"station_id\", zone = \"zone_id\" }
  [dimensions.destination]
  lon = \"end_lon\"
  lat = \"end_lat\"
  [dimensions.mode]
  const = \"bike\"
  [unit]                             # only where the agreement protects persons
  column = \"rider\"

Rows come in any order and may be larger than memory. Every row that is not counted is shown with
its reason. With --days every whole period of those days is written, empty ones too: everybody sees which
periods were contributed, and that must not depend on whether somebody was there. Without it the first
and the last record decide. A repeated run with the same secret gives the same cells. Without --zoning the zonings
are fetched from the broker; their hash has to be the one that was signed. Then: weir push cells";

const ENDS: &str = "the first and the last period are those of the records, so one person may decide of them: state \
                    the days with --days FROM..UNTIL";

/// Raw records to bounded cells, on the company's own machine.
#[derive(Debug, clap::Args)]
#[command(after_help = HELP)]
pub struct Args {
    /// The agreement: its file, its id, or the first digits of its id.
    #[arg(long, value_name = "FILE|ID")]
    pub agreement: String,
    /// Which column is which field.
    #[arg(long, value_name = "FILE")]
    pub mapping: PathBuf,
    /// A zoning of the agreement, as ID=FILE; may be repeated.
    #[arg(long, value_name = "ID=FILE")]
    pub zoning: Vec<ZoningFile>,
    /// The days whose periods are written, with records or without. Rows of other days are not
    /// counted.
    #[arg(long, value_name = "FROM..UNTIL", value_parser = days)]
    pub days: Option<Days>,
    /// The folder for the cells.
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// The local secret that decides which cells a unit keeps, and that the ids of pushes follow from;
    /// made on first use. Keep it, and to yourself: a correction made with another one keeps other
    /// cells, and whoever has it can try guesses of the cells on the ids in the log.
    #[arg(long, value_name = "FILE", default_value = "weir-aggregate.secret")]
    pub secret: PathBuf,
    /// Memory for records before they spill to disk, in MiB.
    #[arg(long, value_name = "MIB", default_value_t = 256,
        value_parser = clap::value_parser!(u32).range(1..=65_536))]
    pub memory: u32,
    /// Where spill files go; they hold records, and vanish with the run.
    #[arg(long, value_name = "DIR")]
    pub spill: Option<PathBuf>,
    /// Raw records: CSV or Parquet, as the mapping says.
    #[arg(required = true, value_name = "RAW")]
    pub raw: Vec<PathBuf>,
}

/// Aggregates, writes the cells, shows the report.
///
/// # Errors
/// [`CliError`] where agreement, mapping, zonings or files do not fit.
pub async fn run(args: Args, session: &Session) -> Result<(), CliError> {
    let (agreement, id, zonings) = terms(&args, session).await?;
    let mapping = Mapping::open(&args.mapping).or_try("weir aggregate --help shows a mapping")?;
    let secret = Secret::open(&args.secret).or_fail()?;
    let mut options = Options::new(secret.clone());
    options.memory_bytes = usize::try_from(args.memory)
        .or_fail()?
        .saturating_mul(1 << 20);
    options.spill_folder = args.spill;
    options.days = args.days;

    let bar = progress::bytes(session.output, "aggregating", 0);
    let mut show = |progress: Progress| {
        bar.set_length(progress.bytes_total);
        bar.set_position(progress.bytes);
    };
    let done = aggregate(
        &agreement, &mapping, &args.raw, &zonings, &options, &mut show,
    );
    bar.finish_and_clear();
    let (cells, mut report) = done.or_try("weir aggregate --help")?;
    if args.days.is_none() {
        report.notes.push(ENDS.to_owned());
    }
    let files = write_cells(&args.out, &id, &cells, &secret).or_fail()?;
    session
        .output
        .show(&Done::of(report, &cells, files, args.out))
}

/// The agreement and its zonings: from files where they are given, else from the broker.
async fn terms(
    args: &Args,
    session: &Session,
) -> Result<(Agreement, AgreementId, Vec<Zoning>), CliError> {
    let path = PathBuf::from(&args.agreement);
    let mut client = None;
    let agreement = if path.is_file() {
        read_agreement(&path)?
    } else {
        let connected = session.client().await?;
        let id = session.agreement_id(&connected, &args.agreement).await?;
        let found = connected.agreement(&id).await.map_err(from_client)?;
        client = Some(connected);
        found.terms
    };
    if let Some(foreign) = args
        .zoning
        .iter()
        .find(|z| agreement.zoning(&z.id).is_none())
    {
        let why = format!("the agreement has no zoning `{}`", foreign.id);
        return Err(CliError::new(why).or_try("weir agreement show FILE names its zonings"));
    }
    let mut zonings = Vec::new();
    for signed in &agreement.zonings {
        if let Some(given) = args.zoning.iter().find(|z| z.id == signed.id) {
            zonings.push(given.open()?);
            continue;
        }
        let missing = format!("--zoning {}=FILE, or a broker to fetch it from", signed.id);
        if client.is_none() {
            client = Some(session.client().await.map_err(|e| e.or_try(&missing))?);
        }
        let Some(client) = &client else { continue };
        let bytes = client
            .zoning_of(signed)
            .await
            .map_err(|e| from_client(e).or_try(&missing))?;
        zonings.push(Zoning::parse(&bytes).or_fail()?);
    }
    let id = agreement.id().or_fail()?;
    Ok((agreement, id, zonings))
}

/// What was made. Holds true counts: for the company's own screen only.
#[derive(Serialize)]
struct Done {
    report: Report,
    /// Declared to the broker beside the cells, by table: the largest rates of its periods.
    declared: Vec<DeclaredView>,
    out: PathBuf,
    files: Vec<PathBuf>,
}

#[derive(Serialize)]
struct DeclaredView {
    table: String,
    truncated_max: Option<String>,
    clamped_max: Option<String>,
}

impl Done {
    fn of(report: Report, cells: &[Aggregated], files: Vec<PathBuf>, out: PathBuf) -> Self {
        let declared = report.tables.iter().map(|table| {
            let of_table = || {
                cells
                    .iter()
                    .filter(|c| c.table == table.table)
                    .map(|c| &c.declared)
            };
            let clamped = of_table().flat_map(|declared| declared.clamped.values());
            DeclaredView {
                table: table.table.to_string(),
                truncated_max: of_table()
                    .filter_map(|d| d.truncated)
                    .max()
                    .map(|r| r.to_string()),
                clamped_max: clamped.max().map(ToString::to_string),
            }
        });
        Self {
            declared: declared.collect(),
            report,
            out,
            files,
        }
    }

    fn rejected(&self) -> Option<String> {
        let mut rows = table(&["table", "not counted because", "rows"]);
        for table in &self.report.tables {
            for (reason, count) in table.rejected.iter().filter(|(_, count)| **count > 0) {
                rows.add_row([table.table.as_str(), reason.as_str(), &thousands(*count)]);
            }
        }
        right(&mut rows, &[2]);
        (rows.row_iter().count() > 0).then(|| rows.to_string())
    }

    fn row(&self, table: &TableReport) -> [String; 8] {
        let declared = self
            .declared
            .iter()
            .find(|d| d.table == table.table.as_str());
        let rate = |of: fn(&DeclaredView) -> &Option<String>| {
            declared
                .and_then(|d| of(d).clone())
                .unwrap_or_else(|| "-".into())
        };
        [
            table.table.to_string(),
            thousands(self.report.read),
            thousands(table.kept),
            thousands(table.rejected_total()),
            rate(|d| &d.truncated_max),
            rate(|d| &d.clamped_max),
            periods(table),
            thousands(i128::try_from(table.cells).unwrap_or(i128::MAX)),
        ]
    }
}

fn periods(table: &TableReport) -> String {
    match table.periods_empty {
        0 => table.periods.to_string(),
        empty => format!("{} ({empty} empty)", table.periods),
    }
}

impl View for Done {
    fn text(&self) -> String {
        let header = [
            "table",
            "rows read",
            "kept",
            "rejected",
            "truncated",
            "clamped",
            "periods",
            "cells",
        ];
        let mut rows = table(&header);
        for table in &self.report.tables {
            rows.add_row(self.row(table));
        }
        right(&mut rows, &[1, 2, 3, 4, 5, 6, 7]);
        let mut text = format!("{rows}\n");
        text.extend(self.rejected().map(|table| format!("\n{table}\n")));
        text.extend(
            self.report
                .notes
                .iter()
                .map(|note| format!("\nnote: {note}\n")),
        );
        let out = self.out.display();
        text.push_str(&format!(
            "\n{} file(s) in {out}; truncated and clamped are the largest rates of a \
             period, and are declared.\nNothing raw left this machine; the counts above stay here too.\n\
             Next: weir push {out}",
            self.files.len()
        ));
        text
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use std::collections::BTreeMap;

    use sdk::aggregate::Reason;

    use super::*;

    #[test]
    fn every_rejected_row_is_shown_with_its_reason() {
        let table = TableReport {
            table: "od".parse().unwrap(),
            kept: 1200,
            rejected: BTreeMap::from([(Reason::ZoneUnknown, 34)]),
            dropped_by_cells_max: 0,
            dropped_by_per_cell_max: 0,
            clamped: BTreeMap::new(),
            periods: 31,
            periods_empty: 2,
            cells: 7,
        };
        let report = Report {
            read: 1234,
            tables: vec![table],
            notes: vec!["look here".into()],
        };
        let text = Done::of(report, &[], Vec::new(), "cells".into()).text();
        for part in [
            "1,234",
            "1,200",
            "zone.unknown",
            "34",
            "31 (2 empty)",
            "note: look here",
            "Nothing raw left",
        ] {
            assert!(text.contains(part), "`{part}` is missing in\n{text}");
        }
    }
}
