//! The rules that an ad-hoc merge has to keep.

use super::rule;
use crate::agreement::Agreement;
use crate::coarse::Merge;
use crate::entry::Reservation;
use crate::state::{ApplyError, Slot, State};

impl State {
    /// Is it a merge that the agreement's `ad_hoc` line allows, at its charge?
    pub(super) fn mergeable(
        &self,
        new: &Reservation,
        merge: &Merge,
        terms: &Agreement,
        slots: &[Slot],
    ) -> Result<(), ApplyError> {
        let line = terms.ad_hoc(&new.table.name);
        let line = line.ok_or(ApplyError::Rule {
            rule: "the agreement allows ad-hoc merges of the table",
        })?;
        rule(merge.first() == new.period, "a merge begins at its period")?;
        rule(new.rungs.is_empty(), "a merge has no rungs")?;
        rule(
            line.coarsenings.allows(merge.coarsening()),
            "the merge is one that the agreement allows",
        )?;
        let charge = line.charge.total();
        rule(charge == Some(new.charge), "the charge is the ad-hoc one")?;
        let made = slots.iter().map(|slot| self.merges(slot).len()).max();
        rule(
            new.edition.checked_sub(1) == made.and_then(|made| u32::try_from(made).ok()),
            "merges are numbered from 1, in order",
        )?;
        rule(
            new.edition <= line.requests,
            "the agreement allows the merge",
        )
    }
}
