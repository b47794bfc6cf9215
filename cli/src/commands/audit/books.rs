//! What the log implies, on one screen: who lost how much of which cap.

use audit::checkpoint::Checkpoint;
use audit::replay::{Gap, Open, Replayer};
use policies::loss::Loss;
use policies::state::{Stage, Status};
use serde::Serialize;

use super::follow::gap_line;
use crate::output::{View, right, short, table};

/// Unit-periods on a screen; JSON has all.
const SHOWN_MAX: usize = 40;

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
    snapshots_unchecked: u64,
    accounts: Vec<AccountView>,
    balances: Vec<BalanceView>,
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
    /// Of a log whose entries are all those under `checkpoint`.
    #[must_use]
    pub fn of(replayer: &Replayer, checkpoint: &Checkpoint) -> Self {
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
            snapshots_unchecked: replayer.snapshots_unchecked(),
            accounts: accounts.collect(),
            balances: balances.collect(),
        }
    }
}

impl View for Books {
    fn text(&self) -> String {
        let mut accounts = table(&["provider", "population", "unit", "cap", "allotted"]);
        for a in &self.accounts {
            let (cap, allotted) = (a.cap.to_string(), a.allotted.to_string());
            accounts.add_row([&a.provider, &a.population, a.unit, &cap, &allotted]);
        }
        let mut balances = table(&["provider", "population", "unit-period", "lost", "left"]);
        for b in self.balances.iter().take(SHOWN_MAX) {
            let (spent, left) = (b.spent.to_string(), b.left.to_string());
            balances.add_row([&b.provider, &b.population, &b.unit_period, &spent, &left]);
        }
        right(&mut balances, &[3, 4]);
        if self.accounts.is_empty() {
            accounts.add_row(["none yet"]);
        }
        if self.balances.is_empty() {
            balances.add_row(["nothing was charged yet"]);
        }
        let more = self.balances.len().saturating_sub(SHOWN_MAX);
        let more = if more > 0 {
            format!("\n… and {more} more: --json")
        } else {
            String::new()
        };
        let open: String = self.releases_open.iter().map(open_line).collect();
        let silences: String = (self.silences.iter())
            .map(|gap| format!("\n{}", gap_line(gap)))
            .collect();
        let unchecked = match self.snapshots_unchecked {
            0 => String::new(),
            n => format!("\nnot recomputed: {n} snapshots of another form than this version's"),
        };
        format!(
            "The log `{}` holds: {} entries, {} organisations, {} active agreements, {} releases; \
             every charge\nand balance recomputed from the entries alone, under a signed root.\n\n\
             {accounts}\n\n{balances}{more}{open}{silences}{unchecked}",
            self.log,
            self.entries,
            self.organisations,
            self.agreements_active,
            self.releases_published
        )
    }
}

fn open_line(open: &Open) -> String {
    let (table, period, entry) = (&open.table, open.period, open.entry);
    let key = short(open.key.as_str());
    format!(
        "\nnot ended: {table} {period}, reserved by entry {entry} at {:.0} ({key}…)",
        open.since
    )
}
