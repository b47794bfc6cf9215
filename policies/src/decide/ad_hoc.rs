//! The rules of ad-hoc merges.

use super::rules::{Rules, reason};
use crate::agreement::AdHoc;
use crate::refusal::{Reason, ReasonId};

impl Rules<'_> {
    pub(super) fn ad_hoc(&self) -> Option<&AdHoc> {
        self.terms().ad_hoc(&self.request.table)
    }

    /// Does the agreement allow this merge?
    pub(super) fn merge_agreed(&self) -> Option<Reason> {
        let merge = self.request.merge.as_ref()?;
        let line = self.ad_hoc();
        let allowed = line.is_some_and(|line| line.coarsenings.allows(merge.coarsening()));
        reason(!allowed, ReasonId::MergeNotAgreed, || match line {
            None => format!(
                "the agreement allows no ad-hoc merge of `{}`",
                self.request.table
            ),
            Some(_) => "the agreement's `ad_hoc` line names other coarsenings".into(),
        })
    }

    /// Is it one of the table?
    pub(super) fn merge_fits(&self) -> Option<Reason> {
        let merge = self.request.merge.as_ref()?;
        let table = self.terms().table(&self.request.table)?;
        let zoning = self.terms().zoning(&table.zoning)?;
        let unfit = merge.coarsening().check(table, zoning).err()?;
        Some(Reason {
            id: ReasonId::MergeUnfit,
            text: unfit.to_string(),
        })
    }

    /// Has every period of it been read less often than it may be?
    pub(super) fn merges_left(&self) -> Option<Reason> {
        self.request.merge.as_ref()?;
        let (line, made) = (self.ad_hoc()?, self.merges_made());
        reason(made >= line.requests, ReasonId::MergesExhausted, || {
            let most = line.requests;
            format!("the agreement allows {most} ad-hoc merges of a period, {made} made")
        })
    }

    /// How many merges have read the period of it that most have.
    pub(super) fn merges_made(&self) -> u32 {
        let made = self.request.periods();
        let made = made.map(|period| self.state.merges(&self.request.slot_of(period)).len());
        u32::try_from(made.max().unwrap_or(0)).unwrap_or(u32::MAX)
    }
}
