//! The rule that a unit-period is read under one protection, and by at most one k-only table.

use super::rules::Rules;
use crate::refusal::{Reason, ReasonId};

impl Rules<'_> {
    /// Has another protection, or a k-only table, been chosen for a unit-period it reads?
    pub(super) fn protection(&self) -> Option<Reason> {
        let (period, id) = self.state.forbids(self.terms(), self.request.periods())?;
        let population = &self.terms().population.id;
        let text = match id {
            ReasonId::KOnlyBeside => format!(
                "unit-period {period} of `{population}` is in a k-only table already, from which a second \
                 one could be subtracted: fetch that one"
            ),
            _ => format!(
                "unit-period {period} of `{population}` has been released under another protection, which \
                 is chosen once: k-only never stands beside differential privacy"
            ),
        };
        Some(Reason { id, text })
    }
}
