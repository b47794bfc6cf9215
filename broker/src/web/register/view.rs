//! What a page says. It serialises to the JSON, and the HTML is made of it.

use jiff::Timestamp;
use policies::agreement::{AdHoc, Agreement, Allowed, Canvas, Days, Protection, Publication, Unit};
use policies::entry::Entry;
use policies::id::{AgreementId, OrgId, PopulationId, ReleaseKey, TableName};
use policies::ledger::Account;
use policies::life::is_past;
use policies::loss::Loss;
use policies::period::{Grain, Period};
use policies::state::{AgreementRecord, OpenStage, State, Status};
use serde::Serialize;

use super::digest::{Digest, Lost, Register, is_public, page};
use crate::limits::{REGISTER_AGREEMENTS, REGISTER_RELEASES};
use crate::store::log::LogError;

/// A page of agreements, the last changed first.
#[derive(Debug, Serialize)]
pub(super) struct List {
    /// What a program finds here; a new form has a new word.
    form: &'static str,
    /// How many entries of the log it is about.
    pub(super) entries: u64,
    /// How many agreements there are.
    pub(super) all: usize,
    /// Those of this page.
    pub(super) agreements: Vec<Summary>,
    /// The query of the next page.
    pub(super) next: Option<String>,
}

/// One agreement in a list.
#[derive(Debug, Serialize)]
pub(super) struct Summary {
    pub(super) id: AgreementId,
    pub(super) title: String,
    pub(super) provider: OrgId,
    pub(super) planner: OrgId,
    pub(super) purposes: Vec<String>,
    pub(super) state: &'static str,
    pub(super) valid: Days,
    pub(super) releases: usize,
    pub(super) loss: LossSoFar,
}

/// One agreement and what was released under it.
#[derive(Debug, Serialize)]
pub(super) struct One {
    form: &'static str,
    pub(super) entries: u64,
    #[serde(flatten)]
    pub(super) summary: Summary,
    pub(super) public_summary: String,
    pub(super) recipients: Vec<OrgId>,
    pub(super) since: Option<Timestamp>,
    pub(super) ends: Option<Timestamp>,
    pub(super) supersedes: Option<AgreementId>,
    pub(super) superseded_by: Option<AgreementId>,
    pub(super) covers: Days,
    pub(super) retention_days: u32,
    pub(super) tables_on_end: &'static str,
    pub(super) cells_on_end: &'static str,
    /// Days between a party's word that it ends the agreement and the end; 0 where it ends at once.
    pub(super) notice_days: u32,
    /// May released tables become open data, and on which terms?
    pub(super) publication: Option<Publication>,
    pub(super) people: String,
    pub(super) protection: &'static str,
    pub(super) k: u32,
    pub(super) tables: Vec<Table>,
    /// What else may be asked for.
    pub(super) on_request: Vec<OnRequest>,
    pub(super) canvas: Option<Canvas>,
    /// The newest first.
    pub(super) released: Vec<Released>,
    pub(super) next: Option<String>,
}

/// What the people of a population have lost, through all agreements, against the cap their provider signed.
#[derive(Debug, Clone, Serialize)]
pub(super) struct LossSoFar {
    pub(super) population: PopulationId,
    pub(super) unit: &'static str,
    /// The most that any one unit-period may lose; `null` where nothing is charged.
    pub(super) cap: Option<Loss>,
    /// The most ρ and the most δ that any unit-period has lost.
    pub(super) most: Loss,
    /// How many unit-periods have lost anything.
    pub(super) unit_periods: u64,
}

/// One table of an agreement.
#[derive(Debug, Serialize)]
pub(super) struct Table {
    pub(super) name: TableName,
    pub(super) counts: String,
    pub(super) period: Grain,
    /// Is every key published, zeros included, so that no k is promised?
    pub(super) dense: bool,
    /// What one release costs each unit-period it reads.
    pub(super) charge: Option<Loss>,
    pub(super) editions: u32,
}

/// Leave to ask for a table in a coarser form, beside the plan.
#[derive(Debug, Serialize)]
pub(super) struct OnRequest {
    pub(super) table: TableName,
    pub(super) coarsenings: Allowed,
    /// What one request costs each unit-period it reads.
    pub(super) charge: Option<Loss>,
    /// How many requests may read one period.
    pub(super) requests: u32,
}

/// One released table.
#[derive(Debug, Serialize)]
pub(super) struct Released {
    pub(super) table: TableName,
    /// All periods it reads.
    pub(super) periods: Vec<Period>,
    pub(super) edition: u32,
    /// Is it coarser than the table, on request?
    pub(super) merged: bool,
    /// How many other agreements' data stand in it.
    pub(super) together_with: usize,
    pub(super) purpose: String,
    /// What it cost each unit-period it reads.
    pub(super) charge: Loss,
    /// Where everybody may have it, where it is open data.
    pub(super) open: Option<String>,
    /// When it was published, and by which entry of the log.
    pub(super) published: Option<Timestamp>,
    pub(super) entry: u64,
}

const FORM: &str = "weir/register/1";

impl Register {
    /// A page of agreements.
    pub(super) fn list(&self, before: Option<u64>) -> List {
        let digest = self.digest();
        let (items, next) = page(&digest.agreements, before, REGISTER_AGREEMENTS);
        let state = self.broker.sequencer().state();
        let time = state.decision_time(self.broker.clock.now());
        let summary = |(_, id): &(u64, AgreementId)| {
            Some(Summary::of(
                id,
                state.agreement(id)?,
                (&*digest, &*state),
                time,
            ))
        };
        List {
            form: FORM,
            entries: digest.size,
            all: digest.agreements.len(),
            agreements: items.iter().filter_map(summary).collect(),
            next: next.map(query),
        }
    }

    /// One agreement; `None` for what is not public or not there.
    pub(super) fn one(
        &self,
        id: &AgreementId,
        before: Option<u64>,
    ) -> Result<Option<One>, LogError> {
        let digest = self.digest();
        let found = {
            let state = self.broker.sequencer().state();
            let time = state.decision_time(self.broker.clock.now());
            let record = state.agreement(id).filter(|record| is_public(record));
            record.map(|record| One::of(id, record, (&*digest, &*state), (before, time)))
        };
        let Some(mut one) = found else {
            return Ok(None);
        };
        // The state is let go of before the log is taken hold of: the writer takes them in its own order.
        let log = self.broker.sequencer().log();
        for released in &mut one.released {
            let entry = Entry::from_bytes(&log.entry(released.entry)?);
            released.published = entry.ok().map(|entry| entry.time);
        }
        Ok(Some(one))
    }
}

impl Summary {
    fn of(
        id: &AgreementId,
        record: &AgreementRecord,
        (digest, state): (&Digest, &State),
        time: Timestamp,
    ) -> Self {
        let terms = &record.terms;
        Self {
            id: id.clone(),
            title: terms.title.clone(),
            provider: terms.provider.org.clone(),
            planner: terms.planner.org.clone(),
            purposes: terms.purposes.clone(),
            state: standing(record, time).as_str(),
            valid: terms.valid,
            releases: digest.releases.get(id).map_or(0, Vec::len),
            loss: LossSoFar::of(terms, digest, state),
        }
    }
}

/// Where it stands now, whatever the log has said yet.
fn standing(record: &AgreementRecord, time: Timestamp) -> Status {
    match record.standing(time) {
        status if status.is_end() => status,
        _ if is_past(&record.terms, time) => Status::Expired,
        status => status,
    }
}

impl LossSoFar {
    fn of(terms: &Agreement, digest: &Digest, state: &State) -> Self {
        let account: Account = State::account_of(terms);
        let Lost { most, periods } = digest.lost.get(&account).copied().unwrap_or_default();
        let booked = state.ledger().terms(&account).map(|terms| terms.cap);
        let cap = booked
            .or(terms.population.cap)
            .filter(|cap| *cap != Loss::ZERO);
        Self {
            population: account.population,
            unit: terms.population.unit.word(),
            cap,
            most,
            unit_periods: periods,
        }
    }
}

impl One {
    fn of(
        id: &AgreementId,
        record: &AgreementRecord,
        (digest, state): (&Digest, &State),
        (before, time): (Option<u64>, Timestamp),
    ) -> Self {
        let terms = &record.terms;
        let made = digest
            .releases
            .get(id)
            .map(Vec::as_slice)
            .unwrap_or_default();
        let end = terms.on_end.unwrap_or_default();
        let (made, next) = page(made, before, REGISTER_RELEASES);
        let released = made
            .iter()
            .filter_map(|(entry, key)| Released::of(*entry, key, id, (state, time)));
        Self {
            form: FORM,
            entries: digest.size,
            summary: Summary::of(id, record, (digest, state), time),
            public_summary: terms.public_summary.clone(),
            recipients: terms.recipients.clone(),
            since: record.life.history.last().map(|change| change.time),
            ends: record.life.ends,
            supersedes: terms.supersedes.clone(),
            superseded_by: record.life.superseded_by.clone(),
            covers: terms.covers,
            retention_days: terms.retention_days,
            tables_on_end: end.tables.as_str(),
            cells_on_end: end.cells.as_str(),
            notice_days: end.notice_days,
            people: terms.population.description.clone(),
            protection: match (terms.population.protection, terms.population.unit) {
                (Protection::KOnly, _) => "k-only",
                (Protection::Differential, Unit::None) => "none",
                (Protection::Differential, _) => "differential-privacy",
            },
            k: terms.k,
            tables: terms
                .plan
                .iter()
                .filter_map(|item| table(terms, item))
                .collect(),
            on_request: terms.ad_hoc.iter().map(OnRequest::of).collect(),
            publication: terms.publication.clone(),
            canvas: terms.canvas.clone(),
            released: released.collect(),
            next: next.map(query),
        }
    }
}

fn table(terms: &Agreement, item: &policies::agreement::PlanItem) -> Option<Table> {
    let table = terms.table(&item.table)?;
    Some(Table {
        name: table.name.clone(),
        counts: table
            .kind()
            .map_or(&table.kind, |kind| &kind.counts)
            .clone(),
        period: table.period,
        dense: item.dense,
        charge: item.charge.as_ref().and_then(|_| item.total()),
        editions: item.editions,
    })
}

impl OnRequest {
    fn of(line: &AdHoc) -> Self {
        Self {
            table: line.table.clone(),
            coarsenings: line.coarsenings.clone(),
            charge: line.charge.total(),
            requests: line.requests,
        }
    }
}

impl Released {
    /// The part of a release that stands under one agreement.
    fn of(
        entry: u64,
        key: &ReleaseKey,
        id: &AgreementId,
        (state, time): (&State, Timestamp),
    ) -> Option<Self> {
        let release = state.release(key)?;
        let public = state.open_stage(release, time) == OpenStage::Public;
        let reservation = &release.reservation;
        let parts = reservation.parts();
        let part = parts.iter().find(|part| part.agreement == *id)?;
        Some(Self {
            table: part.table.name.clone(),
            periods: part.periods().collect(),
            edition: part.edition,
            merged: part.merge.is_some(),
            together_with: parts.len().saturating_sub(1),
            purpose: part.purpose.clone(),
            charge: part.charge,
            open: public.then(|| format!("/open/{key}")),
            published: None,
            entry,
        })
    }
}

fn query(before: u64) -> String {
    format!("?before={before}")
}
