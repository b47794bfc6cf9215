//! Effects on calls for data.

use jiff::Timestamp;

use super::{Touched, insert_new, rule, unknown};
use crate::agreement::Agreement;
use crate::call::{Call, OPEN_CALLS_MAX};
use crate::id::{CallId, OrgId, Role};
use crate::state::{ApplyError, CallRecord, State};

impl State {
    pub(super) fn publish_call(
        &mut self,
        id: &CallId,
        (by, terms): (&OrgId, &Call),
        time: Timestamp,
    ) -> Result<Vec<Touched>, ApplyError> {
        let planner = self.org(by).is_some_and(|org| org.role == Role::Planner);
        rule(planner, "a planner calls for data")?;
        let fits = terms.check().is_ok() && terms.id(by).is_ok_and(|own| own == *id);
        rule(
            fits,
            "a call says what is asked, and its id follows from it",
        )?;
        rule(
            self.zonings.contains_key(&terms.zoning),
            "the zoning of a call is known here",
        )?;
        rule(
            self.open_calls(by) < OPEN_CALLS_MAX,
            "a planner has so many open calls at most",
        )?;
        let record = CallRecord {
            planner: by.clone(),
            terms: terms.clone(),
            time,
            entry: self.size,
            closed: None,
        };
        insert_new(&mut self.calls, id, record, "call", id.as_str())?;
        Ok(vec![Touched::Call(id.clone())])
    }

    pub(super) fn close_call(
        &mut self,
        id: &CallId,
        by: &OrgId,
    ) -> Result<Vec<Touched>, ApplyError> {
        let entry = self.size;
        let record = self.calls.get_mut(id);
        let record = record.ok_or_else(|| unknown("call", id.as_str()))?;
        rule(record.planner == *by, "a call is closed by its planner")?;
        rule(record.closed.is_none(), "a call is closed once")?;
        record.closed = Some(entry);
        Ok(vec![Touched::Call(id.clone())])
    }

    /// May the document answer the call that it names?
    pub(super) fn answerable(&self, terms: &Agreement) -> Result<(), ApplyError> {
        let Some(id) = &terms.call else {
            return Ok(());
        };
        let record = self.call(id);
        let record = record.ok_or_else(|| unknown("call", id.as_str()))?;
        rule(
            record.closed.is_none() && record.planner == terms.planner.org,
            "an offer answers an open call of the planner it is made to",
        )
    }

    fn open_calls(&self, planner: &OrgId) -> usize {
        let own = self.calls.values().filter(|call| call.planner == *planner);
        own.filter(|call| call.closed.is_none()).count()
    }
}
