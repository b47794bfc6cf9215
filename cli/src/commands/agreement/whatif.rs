//! `weir agreement try`: what an agreement's plan would show, before anyone signs.
//!
//! Computed, not drawn: each cell's chance to be published follows from its contributors and the noise that the charge
//! buys. So nothing is charged, no broker is asked, and there are no noisy numbers that could be compared with true ones.
//! What comes out is still made of true cells and protected by nothing (`docs/decisions/2026-11-29-try.md`).

use std::io::IsTerminal;
use std::path::PathBuf;

use clap::Args;
use policies::agreement::{Agreement, Protection, Unit};
use policies::period::Period;
use policies::text::line;
use privacy::plan::{Part, price};
use serde::Serialize;

use self::cells::{Cells, Districts};
use self::replay::Replay;
use super::super::Session;
use super::super::session::read_agreement;
use super::super::zoning::ZoningFile;
use crate::errors::{CliError, OrFail};
use crate::output::{View, right, table, thousands};

mod cells;
mod invented;
mod replay;

pub const HELP: &str = "\
Example:
  weir aggregate --agreement draft.json --mapping bikes.toml --out cells 2023-10.csv.gz \\
      --zoning helsinki-postal-2024=zones.geojson
  weir agreement try draft.json --cells cells
  weir agreement try cheaper.json --cells cells --counted-under draft.json --out tried.txt
  weir agreement try draft.json --people 50000          no data yet: an invented city

For each table, period and district: how many of the cells with anybody in them would be shown, how much of what was
counted stands in those, and how far the shown numbers may be off (95 %). Change k, charges or bins in the draft
and try again: no broker is asked, nothing is charged. Districts are the parents that --zoning names, else zones.

Made of your own true cells, the answer is protected by nothing. It goes to the terminal, or into the file that --out
names (mode 0600), and nowhere else. Absolute counts are left out unless you say --reveal.";

/// Districts shown on a screen; --json and --out have them all.
const DISTRICTS_SHOWN: usize = 40;

/// Arguments of `weir agreement try`.
#[derive(Debug, Args)]
pub struct Try {
    /// The agreement's file.
    pub file: PathBuf,
    /// Our own cells: what `weir aggregate` wrote.
    #[arg(
        long,
        value_name = "DIR",
        required_unless_present = "people",
        conflicts_with = "people"
    )]
    pub cells: Option<PathBuf>,
    /// The document that the cells were counted under, where it is another one; its tables have to be the same.
    #[arg(long, value_name = "FILE", requires = "cells")]
    pub counted_under: Option<PathBuf>,
    /// In place of cells: an invented city in which so many units fill all the cells they may.
    #[arg(long, value_name = "UNITS", value_parser = clap::value_parser!(u32).range(1..))]
    pub people: Option<u32>,
    /// A zoning of the agreement, as ID=FILE, for the districts it names; may be repeated.
    #[arg(long, value_name = "ID=FILE")]
    pub zoning: Vec<ZoningFile>,
    /// Write the answer into this new file.
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// With true counts of each district. Give that to nobody.
    #[arg(long)]
    pub reveal: bool,
}

pub fn run(args: &Try, session: &Session) -> Result<(), CliError> {
    let own = args.cells.is_some();
    if own && args.out.is_none() && !std::io::stdout().is_terminal() {
        let why = "the answer is made of your own true cells, and this is no terminal";
        return Err(CliError::new(why).or_try("--out FILE: a new file that only you can read"));
    }
    let terms = read_agreement(&args.file)?;
    let districts = Districts::read(&terms, &args.zoning)?;
    let tried = match &args.cells {
        Some(folder) => {
            let under = args.counted_under.as_deref();
            tried(&terms, cells::read(folder, &terms, under, &districts)?, own)?
        }
        None => {
            let people = args.people.unwrap_or_default();
            tried(&terms, invented::city(&terms, people, &districts)?, own)?
        }
    };
    let tried = if args.reveal {
        tried
    } else {
        tried.without_counts()
    };
    let Some(path) = &args.out else {
        return session.output.show(&tried);
    };
    let text = match session.output.json() {
        true => serde_json::to_string_pretty(&tried).or_fail()?,
        false => tried.page(usize::MAX),
    };
    let written = certs::write_secret(path, format!("{text}\n").as_bytes(), false);
    written.map_err(|e| CliError::file("write", path, e))?;
    session
        .output
        .note(&format!("written to {}", path.display()));
    Ok(())
}

/// Every line of the plan against the cells of its table.
fn tried(terms: &Agreement, cells: Vec<Cells>, own: bool) -> Result<Tried, CliError> {
    let price = price(terms).or_try("weir agreement check FILE names every fault")?;
    let mut tables = Vec::new();
    for item in price.items.iter().filter(|item| item.part == Part::Table) {
        let of = |cells: &&Cells| cells.table == item.table;
        for cells in cells.iter().filter(of) {
            tables.push(Replay::of(item, cells));
        }
    }
    let rungs = terms.plan.iter().filter(|item| !item.rungs.is_empty());
    let joint = terms.plan.iter().filter(|item| item.joint.is_some());
    let k_only = terms.population.protection == Protection::KOnly;
    let notes = [
        (
            rungs.count() > 0,
            "Coarser rows (rungs) are not replayed: what they show comes on top.",
        ),
        (
            joint.count() > 0,
            "Tables that stand with other providers' are replayed alone: of your part, the same would be shown.",
        ),
        (
            k_only,
            "k-only: an upper bound. So many cells of at least k are hidden besides that no smaller one can be computed.",
        ),
        (
            terms.population.unit == Unit::None,
            "Without a unit everything is published as contributed.",
        ),
    ];
    let notes = notes.into_iter().filter(|(holds, _)| *holds);
    Ok(Tried {
        title: terms.title.clone(),
        made_of: if own { OWN } else { INVENTED },
        notes: notes.map(|(_, note)| note).collect(),
        tables,
    })
}

const OWN: &str = "your own TRUE cells: protected by nothing, for nobody outside your organisation";
const INVENTED: &str = "an INVENTED city: no data of anybody";

#[derive(Serialize)]
struct Tried {
    title: String,
    made_of: &'static str,
    notes: Vec<&'static str>,
    tables: Vec<Replay>,
}

impl Tried {
    fn without_counts(mut self) -> Self {
        let districts = self
            .tables
            .iter_mut()
            .flat_map(|t| t.districts.iter_mut().chain([&mut t.all]));
        districts.for_each(|district| district.counts = None);
        self
    }

    fn page(&self, most: usize) -> String {
        let mut page = format!("{}\nMade of {}.\n", line(&self.title), self.made_of);
        for tried in &self.tables {
            page.push_str(&format!("\n{}\n", one(tried, most)));
        }
        if self.tables.is_empty() {
            page.push_str("\nNo cells of a planned table.\n");
        }
        for note in &self.notes {
            page.push_str(&format!("\n{note}"));
        }
        page.trim_end().to_owned()
    }
}

impl View for Tried {
    fn text(&self) -> String {
        self.page(DISTRICTS_SHOWN)
    }
}

fn one(tried: &Replay, most: usize) -> String {
    let mut header = vec!["district", "cells shown", "of what was counted"];
    let errors: Vec<_> = tried
        .errors_95
        .iter()
        .map(|(name, half)| format!("{name} ± {half}"))
        .collect();
    header.extend(errors.iter().map(String::as_str));
    let revealed = tried.all.counts.is_some();
    if revealed {
        header.extend(["TRUE cells", "TRUE contributors"]);
    }
    let mut rows = table(&header);
    let shown = tried.districts.iter().take(most);
    for district in shown.chain([&tried.all]) {
        let mut row = vec![
            district.name.clone(),
            format!("{} %", district.cells_shown_percent),
            format!("{} %", district.covered_percent),
        ];
        let error = |percent: &Option<u64>| percent.map_or("-".to_owned(), |p| format!("{p} %"));
        row.extend(district.errors_percent.iter().map(error));
        if let Some((cells, contributors)) = district.counts {
            row.extend([thousands(cells), thousands(contributors)]);
        }
        rows.add_row(row);
    }
    let numbers: Vec<_> = (1..header.len()).collect();
    right(&mut rows, &numbers);
    let more = tried.districts.len().saturating_sub(most);
    let more = if more > 0 {
        format!("\n{more} districts more: --out FILE or --json")
    } else {
        String::new()
    };
    let (table, rule) = (&tried.table, &tried.rule);
    format!("{table} {}: {rule}\n{rows}{more}", period(tried.period))
}

fn period(period: Option<Period>) -> String {
    period.map_or("in one period".to_owned(), |period| period.to_string())
}

#[cfg(test)]
mod tests;
