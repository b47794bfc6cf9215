//! Lists of agreements and of their tables: found by the caller and the page's token, so that thousands of others cost a
//! page nothing.

use std::ops::Bound;

use policies::id::{AgreementId, OrgId, Role};
use policies::state::{AgreementRecord, Status};
use proto::convert::{AgreementSummary, OfferedTable, Page, Paged};

use super::page::paged;
use crate::access::method::LIST_AGREEMENTS;
use crate::error::Error;
use crate::flow::Broker;
use crate::identity::caller::Caller;

/// A page of the agreements that the caller may read.
pub(super) fn of_caller(
    broker: &Broker,
    caller: &Caller,
    page: &Page,
) -> Result<Paged<AgreementSummary>, Error> {
    let (state, policies) = (broker.sequencer().state(), broker.policies());
    let after = first_id(page)?;
    let from = after.as_ref().map_or(Bound::Unbounded, Bound::Excluded);
    // Policies are asked about a page and not about everything: only auditors and stewards see agreements that do not
    // name them (`never.foreign-agreement`).
    let (org, sees_all) = (caller.org(), sees_all(caller.role()));
    let near: Box<dyn Iterator<Item = (&AgreementId, &AgreementRecord)>> = match sees_all {
        true => Box::new(state.agreements_from(from)),
        false => Box::new(state.agreements_naming(org, from)),
    };
    let visible = near.filter(|(id, record)| {
        let agreement = (*id, &record.terms);
        policies
            .on_agreement(&state, org, LIST_AGREEMENTS, agreement, None)
            .is_ok()
    });
    let summaries = visible.map(|(id, record)| AgreementSummary {
        id: id.clone(),
        title: record.terms.title.clone(),
        provider: record.terms.provider.org.clone(),
        planner: record.terms.planner.org.clone(),
        status: record.status,
    });
    Ok(paged(summaries, |a| a.id.to_string(), page))
}

/// A page of the tables of all agreements in force, which are public as they are in the register, and of offers that the
/// caller may read; sorted by agreement and table.
pub(super) fn on_offer(
    broker: &Broker,
    by: &OrgId,
    page: &Page,
) -> Result<Paged<OfferedTable>, Error> {
    let (state, policies) = (broker.sequencer().state(), broker.policies());
    let now = state.decision_time(broker.clock.now());
    let first = first_id(page)?;
    let from = first.as_ref().map_or(Bound::Unbounded, Bound::Included);
    let oversees = state.org(by).is_some_and(|org| sees_all(org.role));
    let told = |(id, record): &(&AgreementId, &AgreementRecord)| {
        let terms = &record.terms;
        let read = || {
            let near = oversees || terms.is_party(by) || terms.recipients.contains(by);
            let may = || policies.on_agreement(&state, by, LIST_AGREEMENTS, (id, terms), None);
            near && may().is_ok()
        };
        match record.status {
            Status::Active | Status::Suspended => true,
            Status::Offered | Status::Agreed => read(),
            _ => false,
        }
    };
    let tables = state.agreements_from(from).filter(told);
    let tables = tables.flat_map(|(id, record)| tables_of(id, record, now));
    Ok(paged(
        tables,
        |t| format!("{} {}", t.agreement, t.table),
        page,
    ))
}

/// The tables of one plan, by name; none where its time is over, whatever the log says yet.
fn tables_of(
    id: &AgreementId,
    record: &AgreementRecord,
    now: jiff::Timestamp,
) -> Vec<OfferedTable> {
    if record.has_run_out(now) {
        return Vec::new();
    }
    let (status, terms) = (record.standing(now), &record.terms);
    let lines = terms.plan.iter();
    let mut tables: Vec<_> = lines
        .filter_map(|item| OfferedTable::of(id, status, terms, item))
        .collect();
    tables.sort_by(|a, b| a.table.cmp(&b.table));
    tables
}

/// Does the role see agreements that do not name it?
fn sees_all(role: Role) -> bool {
    matches!(role, Role::Auditor | Role::Steward)
}

/// The agreement that the page's token begins with.
fn first_id(page: &Page) -> Result<Option<AgreementId>, Error> {
    let first = page
        .after
        .as_ref()
        .and_then(|token| token.split(' ').next());
    let id = first.map(str::parse).transpose();
    id.map_err(|_| Error::invalid("page_token", "is none of this list"))
}
