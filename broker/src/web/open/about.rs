//! What an open release is about, as the log and its agreements say it.

use jiff::Timestamp;
use policies::agreement::Agreement;
use policies::entry::Reservation;
use policies::id::{AgreementId, BlobId, OrgId, ReleaseKey, TableName, ZoningId};
use policies::mechanism::Mechanism;
use policies::period::{Grain, Period};
use policies::state::{OpenStage, Openness, ReleaseRecord, Stage, State};

use super::shelf::Name;

/// Runs of periods that a name lists; of more it says that there are gaps.
const RUNS_NAMED_MAX: usize = 3;

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
    /// All periods it reads, rising.
    pub(super) periods: Vec<Period>,
    pub(super) grain: Grain,
    pub(super) edition: u32,
    /// The edition before it, where that is, or was, public too.
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
    /// Where it is no more: since when, and why.
    pub(super) withdrawn: Option<(Timestamp, String)>,
}

impl About {
    /// `None` for what is not public and never was.
    pub(super) fn of(
        state: &State,
        key: &ReleaseKey,
        release: &ReleaseRecord,
        now: Timestamp,
    ) -> Option<Self> {
        let Stage::Published { blob, entry } = &release.stage else {
            return None;
        };
        let (_, opened) = release.open.as_ref()?.opened()?;
        let withdrawn = state.withdrawn_since(release, now).map(|since| {
            let why = match &release.open {
                Some(Openness::Withdrawn { by, .. }) => by.reason.to_string(),
                _ => "its agreement has ended, or allows it no more".to_owned(),
            };
            (since, why)
        });
        let r: &Reservation = &release.reservation;
        let record = state.newest(&r.agreement)?;
        let own = state.agreement(&r.agreement)?;
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
        let seen = |key: &&ReleaseKey| {
            let stage = state
                .release(key)
                .map(|release| state.open_stage(release, now));
            matches!(stage, Some(OpenStage::Public | OpenStage::Withdrawn))
        };
        Some(Self {
            key: key.clone(),
            agreement: r.agreement.clone(),
            line: own.life.first.clone(),
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
            replaces: r.replaces.as_ref().filter(seen).cloned(),
            providers: providers.collect(),
            planner: terms.planner.org.clone(),
            contact: terms.canvas.as_ref().map(|canvas| canvas.contact.clone()),
            zoning: r.table.zoning.clone(),
            time_zone: own.terms.time_zone.name().to_owned(),
            protection: protection(&parts),
            licences,
            blob: blob.clone(),
            published: *entry,
            opened,
            withdrawn,
        })
    }

    /// First and last of each run of periods without a gap, rising: a merge may leave some out.
    pub(super) fn runs(&self) -> Vec<(Period, Period)> {
        let mut runs: Vec<(Period, Period)> = Vec::new();
        for period in &self.periods {
            match runs.last_mut() {
                Some((_, last)) if last.next().is_ok_and(|next| next == *period) => *last = *period,
                _ => runs.push((*period, *period)),
            }
        }
        runs
    }

    /// One line for lists.
    pub(super) fn name(&self) -> String {
        let edition = match self.edition {
            1 => String::new(),
            n => format!(", edition {n}"),
        };
        let when = when(&self.runs());
        format!("{}: {} {when}{edition}", self.title, self.table)
    }

    /// Where its page is.
    pub(super) fn path(&self) -> String {
        format!("/open/{}", self.key)
    }

    /// The address of its licence. `None` where an amendment has made its agreements differ: all of them hold then, and
    /// nobody may take one for the whole.
    pub(super) fn licence(&self) -> Option<&str> {
        match self.licences.as_slice() {
            [(_, url)] => Some(url),
            _ => None,
        }
    }

    /// Under which name its files are kept: what they depend on.
    pub(super) fn files(&self) -> Name {
        Name {
            key: self.key.clone(),
            licence: self.licence().map(ToOwned::to_owned),
        }
    }
}

/// Which periods, in a few words.
fn when(runs: &[(Period, Period)]) -> String {
    if let [(first, _), _, .., (_, last)] = runs
        && runs.len() > RUNS_NAMED_MAX
    {
        let gaps = runs.len() - 1;
        return format!("{first} to {last} with {gaps} gaps");
    }
    let named = runs.iter().map(|(first, last)| match first == last {
        true => first.to_string(),
        false => format!("{first} to {last}"),
    });
    named.collect::<Vec<_>>().join(", ")
}

/// What protects a release, in words: its own noise says, whatever was agreed on later.
fn protection(parts: &[Reservation]) -> &'static str {
    let any = |is: fn(&Mechanism) -> bool| parts.iter().any(|part| is(&part.mechanism));
    if any(|m| matches!(m, Mechanism::Unprotected)) {
        "no promise about persons: the source knows none"
    } else if any(|m| matches!(m, Mechanism::KOnly { .. })) {
        "k-anonymity alone, not differential privacy"
    } else {
        "differential privacy: every number has noise"
    }
}

#[cfg(test)]
mod tests;
