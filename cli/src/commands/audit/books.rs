//! What the log implies, on one screen: who lost how much of which cap.

use audit::replay::{Gap, Open};
use comfy_table::Table;
use jiff::Timestamp;
use policies::id::AgreementId;
use policies::loss::Loss;
use policies::state::{AgreementRecord, Stage, Status};
use serde::Serialize;

use super::compared::Compared;
use super::follow::gap_line;
use super::replay::Checked;
use crate::output::{View, right, short, table};

/// The books of a whole log.
#[derive(Debug, Serialize)]
pub struct Books {
    holds: bool,
    log: String,
    entries: u64,
    root: String,
    organisations: usize,
    agreements_active: usize,
    releases_published: usize,
    releases_open: Vec<Open>,
    silences: Vec<Gap>,
    settings: Vec<String>,
    silence: Option<String>,
    /// Entries under a checkpoint that a quorum has cosigned, where a policy was named.
    cosigned: Option<u64>,
    behind: Option<String>,
    snapshots_unchecked: u64,
    compared: Compared,
    agreements: Vec<AgreementView>,
    accounts: Vec<AccountView>,
    balances: Vec<BalanceView>,
}

#[derive(Debug, Serialize)]
struct AgreementView {
    agreement: String,
    title: String,
    provider: String,
    planner: String,
    state: &'static str,
    changed_by_entry: u64,
    suspended_by: Vec<String>,
    ends: Option<Timestamp>,
    superseded_by: Option<String>,
}

#[derive(Debug, Serialize)]
struct AccountView {
    provider: String,
    population: String,
    unit: &'static str,
    cap: Loss,
    allotted: Loss,
}

#[derive(Debug, Serialize)]
struct BalanceView {
    provider: String,
    population: String,
    unit_period: String,
    spent: Loss,
    left: Loss,
}

impl Books {
    /// Of a log that holds.
    #[must_use]
    pub fn of(checked: &Checked, compared: Compared, silence: Option<String>) -> Self {
        let (replayer, checkpoint) = (&checked.replayer, &checked.checkpoint);
        let (state, ledger) = (replayer.state(), replayer.state().ledger());
        let open = replayer.open();
        let accounts = ledger.accounts().map(|(account, terms)| AccountView {
            provider: account.provider.to_string(),
            population: account.population.to_string(),
            unit: terms.unit.word(),
            cap: terms.cap,
            allotted: terms.allotted,
        });
        let balances = ledger
            .balances()
            .map(|(account, period, spent)| BalanceView {
                provider: account.provider.to_string(),
                population: account.population.to_string(),
                unit_period: period.to_string(),
                spent,
                left: ledger
                    .terms(account)
                    .map_or(Loss::ZERO, |t| t.cap.left_after(spent)),
            });
        let published = |stage: &Stage| matches!(stage, Stage::Published { .. });
        let active = state
            .agreements()
            .filter(|(_, a)| a.status == Status::Active);
        Self {
            holds: true,
            log: checkpoint.origin().to_string(),
            entries: checkpoint.size(),
            root: checkpoint.root().to_string(),
            organisations: state.orgs().count(),
            agreements_active: active.count(),
            releases_published: state
                .releases()
                .filter(|(_, r)| published(&r.stage))
                .count(),
            releases_open: open.collect(),
            silences: replayer.gaps().to_vec(),
            settings: replayer.settings(),
            silence,
            cosigned: checked.cosigned,
            behind: checked.behind(),
            snapshots_unchecked: replayer.snapshots_unchecked(),
            compared,
            agreements: state.agreements().map(AgreementView::of).collect(),
            accounts: accounts.collect(),
            balances: balances.collect(),
        }
    }
}

impl AgreementView {
    fn of((id, record): (&AgreementId, &AgreementRecord)) -> Self {
        let (terms, life) = (&record.terms, &record.life);
        Self {
            agreement: id.to_string(),
            title: terms.title.clone(),
            provider: terms.provider.org.to_string(),
            planner: terms.planner.org.to_string(),
            state: record.status.as_str(),
            changed_by_entry: record.entry,
            suspended_by: life.suspended_by.iter().map(ToString::to_string).collect(),
            ends: life.ends,
            superseded_by: life.superseded_by.as_ref().map(ToString::to_string),
        }
    }
}

impl View for Books {
    fn text(&self) -> String {
        let open: String = self.releases_open.iter().map(open_line).collect();
        let silences: String = (self.silences.iter())
            .map(|gap| format!("\n{}", gap_line(gap)))
            .collect();
        let told = self
            .silence
            .iter()
            .chain(&self.behind)
            .chain(&self.settings);
        let told: String = told.map(|sentence| format!("\n{sentence}")).collect();
        let unchecked = match self.snapshots_unchecked {
            0 => String::new(),
            n => format!("\nnot recomputed: {n} snapshots of another form than this version's"),
        };
        format!(
            "The log `{}` holds: {} entries, {} organisations, {} active agreements, {} releases; \
             every charge\nand balance recomputed from the entries alone, under a signed root.\n\n\
             {}\n\n{}\n\n{}\n\n{}{open}{silences}{told}{unchecked}",
            self.log,
            self.entries,
            self.organisations,
            self.agreements_active,
            self.releases_published,
            agreements(&self.agreements),
            accounts(&self.accounts),
            balances(&self.balances),
            self.compared.text().trim_end(),
        )
    }
}

fn agreements(all: &[AgreementView]) -> Table {
    let header = [
        "agreement",
        "title",
        "provider",
        "planner",
        "state",
        "by entry",
    ];
    let mut rows = table(&header);
    for a in all {
        let (id, entry) = (short(&a.agreement), a.changed_by_entry.to_string());
        rows.add_row([&id, &a.title, &a.provider, &a.planner, a.state, &entry]);
    }
    right(&mut rows, &[5]);
    if all.is_empty() {
        rows.add_row(["none yet"]);
    }
    rows
}

fn accounts(all: &[AccountView]) -> Table {
    let mut rows = table(&["provider", "population", "unit", "cap", "allotted"]);
    for a in all {
        let (cap, allotted) = (a.cap.to_string(), a.allotted.to_string());
        rows.add_row([&a.provider, &a.population, a.unit, &cap, &allotted]);
    }
    if all.is_empty() {
        rows.add_row(["none yet"]);
    }
    rows
}

fn balances(all: &[BalanceView]) -> Table {
    let mut rows = table(&["provider", "population", "unit-period", "lost", "left"]);
    for b in all {
        let (spent, left) = (b.spent.to_string(), b.left.to_string());
        rows.add_row([&b.provider, &b.population, &b.unit_period, &spent, &left]);
    }
    right(&mut rows, &[3, 4]);
    if all.is_empty() {
        rows.add_row(["nothing was charged yet"]);
    }
    rows
}

fn open_line(open: &Open) -> String {
    let (table, period, entry) = (&open.table, open.period, open.entry);
    let key = short(open.key.as_str());
    format!(
        "\nnot ended: {table} {period}, reserved by entry {entry} at {:.0} ({key}…)",
        open.since
    )
}
