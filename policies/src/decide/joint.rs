//! A request for one table of several agreements: every agreement's rules, and those between them.

use super::key::joint_key;
use super::rules::{Rules, reason};
use super::{DecideError, Permit, Request};
use crate::agreement::{Agreement, PlanItem};
use crate::entry::Reservation;
use crate::id::BlobId;
use crate::joint::{JointRule, check_tables};
use crate::mutants::{Mutant, active};
use crate::period::{Grain, Period};
use crate::refusal::{Reason, ReasonId};
use crate::state::{Slot, State};
use crate::table::Table;

/// The agreements of a request, the first one first; a request of one agreement has one.
pub(super) struct Parts<'a> {
    pub(super) request: &'a Request,
    pub(super) each: &'a [Rules<'a>],
}

impl Parts<'_> {
    /// Everything that is wrong with the request. Each reason names the agreement it stands in, where there are
    /// several.
    pub(super) fn reasons(&self) -> Vec<Reason> {
        let mut reasons = self.of_each(Rules::reasons);
        reasons.extend(self.differ());
        reasons.extend(self.merged_together());
        reasons.extend(self.of_each(|rules| self.too_few(rules).into_iter().collect()));
        reasons
    }

    /// What is asked only of a release that would be a new draw.
    pub(super) fn spending(&self) -> Vec<Reason> {
        self.of_each(|rules| {
            let beside = self.beside(rules);
            rules.spending().into_iter().chain(beside).collect()
        })
    }

    /// What a request without a reason against it comes to.
    pub(super) fn permit(&self) -> Result<Permit, DecideError> {
        let permits = self.each.iter().map(Rules::permit);
        let mut permits = permits.collect::<Result<Vec<_>, _>>()?;
        if permits.len() > 1 {
            let rule = self.rule();
            let named = std::iter::zip(self.each, &permits).map(|(rules, permit)| {
                let (table, item) = rules.item().ok_or(DecideError::Form)?;
                Ok((rules.terms(), table, item, permit.manifest.as_slice()))
            });
            let named: Vec<(&Agreement, &Table, &PlanItem, &[BlobId])> =
                named.collect::<Result<_, DecideError>>()?;
            let key = joint_key(&named, self.request.period, rule)?;
            let further = permits.split_off(1);
            if let Some(first) = permits.first_mut() {
                (first.key, first.joint) = (key, Some((rule, further)));
            }
        }
        permits.into_iter().next().ok_or(DecideError::Form)
    }

    fn of_each<'b>(&'b self, of: impl Fn(&'b Rules<'b>) -> Vec<Reason>) -> Vec<Reason> {
        let several = self.each.len() > 1;
        let told = self.each.iter().flat_map(|rules| {
            let reasons = of(rules).into_iter();
            reasons.map(|reason| match several {
                true => Reason {
                    text: format!("agreement {}: {}", name(rules), reason.text),
                    ..reason
                },
                false => reason,
            })
        });
        told.collect()
    }

    /// The strictest of all agreements' rules about joint tables.
    fn rule(&self) -> JointRule {
        let rules = self.each.iter().filter_map(|r| r.item()?.1.joint);
        rules.fold(JointRule::default(), JointRule::and)
    }

    fn differ(&self) -> Option<Reason> {
        let tables = self
            .each
            .iter()
            .filter_map(|r| Some((r.terms(), r.item()?.0)));
        let tables: Vec<_> = tables.collect();
        let error = check_tables(&tables).err();
        reason(error.is_some(), ReasonId::PartsDiffer, || {
            error.map(|e| e.to_string()).unwrap_or_default()
        })
    }

    /// A merged row, of a merge or of a rung, is gated by a bound of one provider's people.
    fn merged_together(&self) -> Option<Reason> {
        let mut items = self.each.iter().filter_map(Rules::item);
        let merged = self.request.merge.is_some() || items.any(|(_, i)| !i.rungs.is_empty());
        reason(merged && self.each.len() > 1, ReasonId::MergeUnfit, || {
            "a merge, and a table with rungs, is of one agreement alone".into()
        })
    }

    fn too_few(&self, rules: &Rules<'_>) -> Option<Reason> {
        let asked = rules.item()?.1.joint?.fewest();
        let parts = self.each.len();
        let few = u32::try_from(parts).is_ok_and(|parts| parts < asked);
        reason(few, ReasonId::PartsTooFew, || {
            format!(
                "it asks for at least {asked} providers in one table, the request names {parts}"
            )
        })
    }

    /// Where an agreement guards its provider by a joint rule, one table stands for a time: the difference of two
    /// would undo what the rule withholds. A further edition of the same tables is the same table; that of an
    /// amendment is another one, since its terms may be others.
    fn beside(&self, rules: &Rules<'_>) -> Option<Reason> {
        let (table, _) = rules.item()?;
        let (asked, request) = (self.request.asked(), self.request);
        if active(Mutant::MarginBeside) {
            return None;
        }
        let guarded = !self.rule().is_none();
        let periods = request.periods();
        let mut others =
            periods.flat_map(|period| others(rules.state, rules.terms(), table, period));
        let other = others.find(|other| {
            let same = other.asked() == asked
                && other.period == request.period
                && other.merge == request.merge;
            !same && (guarded || is_guarded(rules.state, other))
        })?;
        let provider = &rules.terms().provider.org;
        let text = format!(
            "a table of `{provider}`'s people for {} stands already (`{}` of {}), and a `joint` rule \
             allows no other beside it",
            request.period, other.table.name, other.period
        );
        let id = ReasonId::PartsBeside;
        Some(Reason { id, text })
    }
}

fn name(rules: &Rules<'_>) -> String {
    let id: String = rules.request.agreement.as_str().chars().take(8).collect();
    format!("{id}… (`{}`)", rules.terms().provider.org)
}

/// Does some agreement of the release guard its provider?
fn is_guarded(state: &State, release: &Reservation) -> bool {
    release.asked().iter().any(|asked| {
        let record = state.agreement(&asked.agreement);
        let item = record.and_then(|r| r.terms.plan_item(&asked.table));
        item.is_some_and(|item| item.joint.is_some())
    })
}

/// Releases of the same kind of table, from the same people, that read a day of `period`, under any agreement.
fn others<'a>(
    state: &'a State,
    terms: &Agreement,
    table: &Table,
    period: Period,
) -> Vec<&'a Reservation> {
    let account = State::account_of(terms);
    let same_people = state
        .agreements()
        .filter(|(_, record)| State::account_of(&record.terms) == account);
    let slots = same_people.flat_map(|(id, record)| {
        let tables = record.terms.tables.iter().filter(|t| t.kind == table.kind);
        tables.flat_map(move |its| {
            let periods = overlapping(period, its.period).into_iter();
            periods.map(move |period| Slot {
                agreement: id.clone(),
                table: its.name.clone(),
                period,
            })
        })
    });
    let keys = slots.flat_map(|slot| state.editions(&slot).iter().chain(state.merges(&slot)));
    keys.filter_map(|key| Some(&state.release(key)?.reservation))
        .collect()
}

/// The periods of a grain that share a day with `period`.
fn overlapping(period: Period, grain: Grain) -> Vec<Period> {
    let first = Period::holding(period.first(), grain).ok();
    let all = std::iter::successors(first, |p| p.next().ok());
    all.take_while(|p| p.first() <= period.last()).collect()
}
