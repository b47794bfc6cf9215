//! What an open release is about, as the log and its agreements say it.

use jiff::Timestamp;
use jiff::civil::Date;
use policies::agreement::{Agreement, Protection, Unit};
use policies::entry::Reservation;
use policies::id::{AgreementId, BlobId, OrgId, ReleaseKey, TableName, ZoningId};
use policies::period::{Grain, Period};
use policies::state::{OpenStage, Openness, ReleaseRecord, Stage, State};

/// One release that is, or was, open.
#[derive(Debug, Clone)]
pub(super) struct About {
    pub(super) key: ReleaseKey,
    pub(super) agreement: AgreementId,
    /// The first of the agreement's line: amendments carry its tables on.
    pub(super) line: AgreementId,
    pub(super) title: String,
    pub(super) summary: String,
    pub(super) table: TableName,
    /// What its rows count, in words.
    pub(super) counts: String,
    /// All periods it reads, first to last.
    pub(super) periods: Vec<Period>,
    pub(super) grain: Grain,
    pub(super) edition: u32,
    pub(super) replaces: Option<ReleaseKey>,
    pub(super) providers: Vec<OrgId>,
    pub(super) planner: OrgId,
    /// Where to ask, in the parties' words.
    pub(super) contact: Option<String>,
    pub(super) zoning: ZoningId,
    /// Where its bins and days are cut.
    pub(super) time_zone: String,
    /// What protects it, in words.
    pub(super) protection: &'static str,
    /// The licences of all its agreements, each once: SPDX identifier or address, and the address.
    pub(super) licences: Vec<(String, String)>,
    pub(super) blob: BlobId,
    /// Index of the entry that published it.
    pub(super) published: u64,
    /// When it was opened.
    pub(super) opened: Timestamp,
    /// Index of the entry that opened it.
    pub(super) entry: u64,
    /// Where it is no more: since when, where an entry says so, and why.
    pub(super) withdrawn: Option<(Option<Timestamp>, String)>,
}

impl About {
    /// `None` for what is not public and never was.
    pub(super) fn of(
        state: &State,
        key: &ReleaseKey,
        release: &ReleaseRecord,
        now: Timestamp,
    ) -> Option<Self> {
        let stage = state.open_stage(release, now);
        let Stage::Published { blob, entry } = &release.stage else {
            return None;
        };
        let (opened, opened_entry, withdrawn) = match (&release.open, stage) {
            (Some(Openness::Opened { time, entry, .. }), OpenStage::Public) => {
                (*time, *entry, None)
            }
            (Some(Openness::Opened { time, entry, .. }), OpenStage::Withdrawn) => {
                let why = "its agreement has ended, or allows it no more".to_owned();
                (*time, *entry, Some((None, why)))
            }
            (
                Some(Openness::Withdrawn {
                    by,
                    entry,
                    time,
                    opened: Some(opened),
                }),
                OpenStage::Withdrawn,
            ) => (*opened, *entry, Some((Some(*time), by.reason.to_string()))),
            _ => return None,
        };
        let r: &Reservation = &release.reservation;
        let record = state.newest(&r.agreement)?;
        let line = state.agreement(&r.agreement)?.life.first.clone();
        let terms: &Agreement = &record.terms;
        let parts = r.parts();
        let providers = parts.iter().filter_map(|part| {
            let terms = &state.agreement(&part.agreement)?.terms;
            Some(terms.provider.org.clone())
        });
        let mut licences: Vec<_> = state
            .publications(release)
            .unwrap_or_default()
            .into_iter()
            .map(|publication| (publication.licence.clone(), publication.licence_url()))
            .collect();
        licences.sort();
        licences.dedup();
        Some(Self {
            key: key.clone(),
            agreement: r.agreement.clone(),
            line,
            title: terms.title.clone(),
            summary: terms.public_summary.clone(),
            table: r.table.name.clone(),
            counts: r
                .table
                .kind()
                .map_or(&r.table.kind, |kind| &kind.counts)
                .clone(),
            periods: r.periods().collect(),
            grain: r.table.period,
            edition: r.edition,
            replaces: r.replaces.clone(),
            providers: providers.collect(),
            planner: terms.planner.org.clone(),
            contact: terms.canvas.as_ref().map(|canvas| canvas.contact.clone()),
            zoning: r.table.zoning.clone(),
            time_zone: terms.time_zone.name().to_owned(),
            protection: protection(terms),
            licences,
            blob: blob.clone(),
            published: *entry,
            opened,
            entry: opened_entry,
            withdrawn,
        })
    }

    /// First and last day that it is about, in the agreement's time zone.
    pub(super) fn days(&self) -> Option<(Date, Date)> {
        let first = self.periods.iter().map(|period| period.first()).min()?;
        let last = self.periods.iter().map(|period| period.last()).max()?;
        Some((first, last))
    }

    /// One line for lists.
    pub(super) fn name(&self) -> String {
        let when = match self.periods.as_slice() {
            [one] => one.to_string(),
            [first, .., last] => format!("{first} to {last}"),
            [] => String::new(),
        };
        let edition = match self.edition {
            1 => String::new(),
            n => format!(", edition {n}"),
        };
        format!("{}: {} {when}{edition}", self.title, self.table)
    }

    /// Where its page is.
    pub(super) fn path(&self) -> String {
        format!("/open/{}", self.key)
    }
}

fn protection(terms: &Agreement) -> &'static str {
    match (terms.population.protection, terms.population.unit) {
        (Protection::KOnly, _) => "k-anonymity alone, not differential privacy",
        (Protection::Differential, Unit::None) => "no promise about persons: the source knows none",
        (Protection::Differential, _) => "differential privacy: every number has noise",
    }
}
