//! The rules that [`State::apply`] does not check itself, checked against the state before an
//! entry.
//!
//! Signatures, roles, agreements under the floors in force, and for every release and refusal the
//! decision made again by [`policies::decide`]: an entry MUST be exactly what the rules give at its
//! time. What no entry can show (were inputs true, was noise honestly drawn) is not checked.

mod breach;
mod operation;
mod parties;
mod release;

use policies::access;
use policies::decide::late_after;
use policies::entry::{Body, Contribution, Entry, Step};
use policies::id::OrgId;
use policies::life::Action;
use policies::state::State;
use serde::Serialize;

pub use breach::Breach;

use crate::text;

/// Longest stable word in an entry, in bytes.
const WORD_BYTES_MAX: usize = 64;

/// May `entry` follow the entries that made `state`? To be asked before [`State::apply`], which
/// checks the rest; [`crate::replay::Replayer`] does both.
///
/// # Errors
/// [`Breach`] names the rule, what was expected and what was found.
pub fn check(state: &State, entry: &Entry) -> Result<(), Breach> {
    if let Some(before) = state.time().filter(|before| entry.time < *before) {
        return Err(Breach::Time { before });
    }
    if matches!(entry.body, Body::BrokerStarted { .. }) {
        return kept(state, entry);
    }
    let floors = state.floors().ok_or(Breach::NoFloors)?;
    kept(state, entry)?;
    operation::snapshot_due(state, &entry.body)?;
    match &entry.body {
        Body::OrgAdmitted {
            org,
            role,
            spiffe,
            key,
            possession,
            by,
        } => {
            parties::possession(org, *role, spiffe, key, possession)?;
            parties::admitted(state, org, *role, spiffe, by.as_ref())
        }
        Body::OrgKeyRotated {
            org,
            from,
            key,
            by_old,
            by_new,
        } => {
            caller(state, org, "/weir.v1.DirectoryService/RotateKey")?;
            parties::rotated(state, org, (from, key), (by_old, by_new))
        }
        Body::ZoningAdded { by, .. } => caller(state, by, "/weir.v1.DirectoryService/AddZoning"),
        // What a call says, and whose it is, the reducer checks.
        Body::CallPublished { by, .. } => {
            caller(state, by, "/weir.v1.DirectoryService/PublishCall")
        }
        Body::CallClosed { by, .. } => caller(state, by, "/weir.v1.DirectoryService/CloseCall"),
        Body::AgreementOffered {
            agreement,
            by,
            signature,
        } => {
            caller(state, by, "/weir.v1.AgreementService/OfferAgreement")?;
            parties::terms(state, agreement, &floors)?;
            parties::signed(state, agreement, by, signature)
        }
        Body::AgreementSigned {
            agreement,
            by,
            signature,
        } => {
            caller(state, by, "/weir.v1.AgreementService/SignAgreement")?;
            let record = state.agreement(agreement);
            record.map_or(Ok(()), |record| {
                parties::signed(state, &record.terms, by, signature)
            })
        }
        // The floors may have risen since the offer; the allotment is the reducer's to check.
        Body::AgreementActivated { agreement, .. } => {
            let record = state.agreement(agreement);
            record.map_or(Ok(()), |record| {
                parties::terms(state, &record.terms, &floors)
            })
        }
        Body::AgreementWithdrawn(act) => parties::acted(state, Action::Withdraw, act),
        Body::AgreementSuspended(act) => parties::acted(state, Action::Suspend, act),
        Body::AgreementResumed(act) => parties::acted(state, Action::Resume, act),
        Body::AgreementTerminated(act) => parties::acted(state, Action::Terminate, act),
        Body::ContributionAccepted(contribution) => contributed(state, contribution, entry.time),
        Body::ContributionWithdrawn(withdrawal) => parties::withdrawn(state, withdrawal),
        // That it is allowed, and another person's, the reducer knows.
        Body::ReleaseProposed(opening) => parties::opened(state, Step::Propose, opening),
        Body::ReleaseOpened(opening) => parties::opened(state, Step::Approve, opening),
        Body::ReleaseWithdrawn(recall) => parties::recalled(state, recall),
        Body::ReleaseReserved(reservation) => release::reserved(state, reservation, entry.time),
        Body::ReleaseRefused { .. } => release::refused(state, &entry.body, entry.time),
        Body::ReleaseAborted { reason, .. } => word("reason", reason),
        Body::ConfigChanged(config) => operation::configured(config),
        Body::StateSnapshot(found) => operation::snapshot(state, found),
        Body::AuditorRead(read) => operation::read(state, read),
        Body::RefusalsFolded(folded) => operation::folded(state, folded, entry.time),
        // The reducer knows all there is to these; floors come with the start itself.
        Body::BrokerStarted { .. }
        | Body::Heartbeat {}
        | Body::PolicyChanged { .. }
        | Body::ReleasePublished { .. }
        | Body::ContributionMissing(_)
        | Body::RetentionDeleted(_)
        | Body::AgreementExpired { .. } => Ok(()),
    }
}

/// Is the period one that may be contributed, has it passed, and is `late` right? Who contributes,
/// under which agreement and in place of what, the reducer checks.
fn contributed(state: &State, new: &Contribution, time: jiff::Timestamp) -> Result<(), Breach> {
    let terms = state.agreement(&new.agreement).map(|record| &record.terms);
    let table = terms.and_then(|terms| terms.table(&new.table));
    let (Some(terms), Some(table)) = (terms, table) else {
        return Ok(()); // the reducer names what is unknown
    };
    let period = new.period;
    if table.period != period.grain() || !terms.covers.hold(period) {
        return Err(Breach::Period { period });
    }
    let ends = period.ends_at(&terms.time_zone);
    let ends = ends.map_err(|_| Breach::Period { period })?;
    if time < ends {
        return Err(Breach::NotEnded { period, ends });
    }
    let item = terms.plan_item(&new.table);
    let after = item.and_then(|item| late_after(terms, item, period));
    same("late", &after.is_some_and(|after| time > after), &new.late)
}

/// Retention is kept on time: where cells have to go, no other entry comes before the one that says they are gone, but
/// for those that make way for it. A broker writes it ahead of whatever it decides next, a start included.
fn kept(state: &State, entry: &Entry) -> Result<(), Breach> {
    if entry.body.makes_way() {
        return Ok(());
    }
    let overdue = state.overdue(entry.time);
    let batch = overdue.into_iter().find_map(|body| match body {
        Body::RetentionDeleted(deletion) => Some(deletion.batch),
        _ => None,
    });
    batch.map_or(Ok(()), |batch| Err(Breach::Kept { batch }))
}

/// May the organisation call this method? The same table as the broker's first lock.
fn caller(state: &State, by: &OrgId, method: &str) -> Result<(), Breach> {
    let org = by.clone();
    match state.org(by) {
        None => Err(Breach::Caller {
            org,
            why: "it is not admitted".to_owned(),
        }),
        Some(known) if !access::allows(known.role, method) => Err(Breach::Caller {
            org,
            why: format!("it is admitted as {}", known.role),
        }),
        Some(_) => Ok(()),
    }
}

/// Is a field what the rules give?
fn same<T: PartialEq + Serialize>(
    field: &'static str,
    expected: &T,
    found: &T,
) -> Result<(), Breach> {
    if expected == found {
        return Ok(());
    }
    let json = |value: &T| text::shorten(&serde_json::to_string(value).unwrap_or_default());
    Err(Breach::Differs {
        field,
        expected: json(expected),
        found: json(found),
    })
}

/// Free text could carry what does not belong in a log.
fn word(field: &'static str, text: &str) -> Result<(), Breach> {
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._-".contains(&b);
    if (1..=WORD_BYTES_MAX).contains(&text.len()) && text.bytes().all(allowed) {
        Ok(())
    } else {
        Err(Breach::Word { field })
    }
}

#[cfg(test)]
mod tests;
