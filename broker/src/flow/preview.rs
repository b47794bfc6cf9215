//! What a release would cost and look like, from public state only; nothing is charged and nothing logged.

use policies::agreement::{Agreement, Charge, Rung, Unit};
use policies::coarse::{AT_LEAST, Merge};
use policies::decide::{Decision, Request, decide};
use policies::id::{OrgId, RequestId};
use policies::ledger::Account;
use policies::loss::Loss;
use policies::mechanism::Mechanism;
use policies::period::Period;
use policies::state::State;
use policies::table::Table;
use privacy::convert::{DISPLAY_DELTA, epsilon};
use privacy::preview::preview;
use proto::convert::{
    MeasurePreview, PeriodPreview, Preview, PreviewQuery, Protection, RungPreview,
};

use super::broker::Broker;
use super::release::priced;
use crate::access::method::PREVIEW;
use crate::error::Error;

mod joint;

impl Broker {
    /// Prices a table of a plan, alone or with those of further agreements, and says for each period what a
    /// request would meet.
    ///
    /// # Errors
    /// [`Error::NotFound`] for agreements of others and tables that are not there.
    pub fn preview(&self, by: &OrgId, query: &PreviewQuery) -> Result<Preview, Error> {
        let terms = self.agreement_for(by, PREVIEW, &query.agreement)?;
        let priced = priced(&terms, &query.table, query.merge.as_ref());
        let (table, charge, merged) = priced.ok_or(Error::NotFound { what: "table" })?;
        let further = query.with.iter().map(|with| {
            let terms = self.agreement_for(by, PREVIEW, &with.agreement)?;
            let item = terms.plan_item(&with.table).is_some();
            let none = Error::NotFound { what: "table" };
            item.then_some((terms, with.clone())).ok_or(none)
        });
        let further = further.collect::<Result<Vec<_>, Error>>()?;
        let all: Vec<_> = std::iter::once(&terms)
            .chain(further.iter().map(|(terms, _)| terms))
            .collect();
        let periods = self.met(&asked(by, query, &all)?, &query.periods)?;
        let domain_keys = domain(&terms, table, query.merge.as_ref()).unwrap_or(u64::MAX);
        if !further.is_empty() {
            return Ok(Preview {
                protection: None,
                periods,
                domain_keys,
                rule: joint::RULE.into(),
                rungs: Vec::new(),
                joint: self.joint_preview(query, &terms, &further)?,
            });
        }
        let mechanism = self.mechanism(&terms, table, charge, merged)?;
        let item = terms.plan_item(&query.table);
        let item = item.filter(|_| query.merge.is_none());
        let rungs = item.map(|item| item.rungs.as_slice()).unwrap_or_default();
        let bounded = query.merge.is_some() || !rungs.is_empty();
        let charged = match item {
            Some(item) => item.total(),
            None => charge.and_then(Charge::total),
        };
        Ok(Preview {
            protection: protection(table, &mechanism, charged, &terms, bounded)?,
            periods,
            domain_keys,
            rule: rule(&mechanism),
            rungs: self.rung_previews(&terms, table, rungs)?,
            joint: None,
        })
    }

    /// What `asked` would meet in each of the periods.
    fn met(&self, asked: &Request, periods: &[Period]) -> Result<Vec<PeriodPreview>, Error> {
        let (state, now) = (self.sequencer.state(), self.clock.now());
        let now = state.decision_time(now);
        let terms = state.agreement(&asked.agreement);
        let account = terms.map(|record| State::account_of(&record.terms));
        let one = |period: &Period| {
            let request = Request {
                period: asked.merge.as_ref().map_or(*period, Merge::first),
                ..asked.clone()
            };
            let (refused, release, replaces) = match decide(&state, &request, now)? {
                Decision::Refuse(refusal) => (Some(refusal), None, None),
                Decision::Exists(key) => (None, Some(key), None),
                Decision::Permit(permit) => (None, None, permit.replaces().cloned()),
            };
            Ok(PeriodPreview {
                period: *period,
                refused,
                left: account.as_ref().and_then(|a| left(&state, a, *period)),
                release,
                replaces,
            })
        };
        periods.iter().map(one).collect()
    }

    fn rung_previews(
        &self,
        terms: &Agreement,
        table: &Table,
        rungs: &[Rung],
    ) -> Result<Vec<RungPreview>, Error> {
        let mut told = Vec::with_capacity(rungs.len());
        for rung in rungs {
            let mechanism = self.rung_noise(terms, table, rung)?;
            let charge = rung.charge.total();
            let protection = protection(table, &mechanism, charge, terms, true)?;
            told.push(RungPreview {
                coarsening: rung.coarsening.clone(),
                protection: protection.ok_or_else(|| Error::internal("an unprotected rung"))?,
            });
        }
        Ok(told)
    }
}

/// A request of somebody who may make it under all of these agreements, where there is such a one.
fn asked(by: &OrgId, query: &PreviewQuery, all: &[&Agreement]) -> Result<Request, Error> {
    let first = all.first().ok_or_else(|| Error::internal("no agreement"))?;
    let (mut recipients, mut purposes) = (first.recipients.iter(), first.purposes.iter());
    let recipient = recipients.find(|org| all.iter().all(|a| a.recipients.contains(org)));
    let purpose = purposes.find(|purpose| all.iter().all(|a| a.purposes.contains(purpose)));
    let period = query.periods.first();
    Ok(Request {
        id: RequestId::new("preview").map_err(Error::internal)?,
        by: recipient.unwrap_or(by).clone(),
        agreement: query.agreement.clone(),
        table: query.table.clone(),
        period: *period.ok_or_else(|| Error::internal("no period"))?,
        merge: query.merge.clone(),
        purpose: purpose
            .or(first.purposes.first())
            .cloned()
            .unwrap_or_default(),
        with: query.with.clone(),
    })
}

fn domain(terms: &Agreement, table: &Table, merge: Option<&Merge>) -> Option<u64> {
    let zoning = terms.zoning(&table.zoning)?;
    let coarsening = merge.map(Merge::coarsening).cloned().unwrap_or_default();
    coarsening.domain_size(table, zoning.zones, zoning.parents)
}

/// The least that any unit-period of the period has left of its cap.
fn left(state: &State, account: &Account, period: Period) -> Option<Loss> {
    let terms = state.ledger().terms(account)?;
    let parts = period.parts(terms.unit.grain()?)?;
    let left = parts
        .into_iter()
        .map(|p| terms.cap.left_after(state.ledger().spent(account, p)));
    left.reduce(least)
}

fn least(a: Loss, b: Loss) -> Loss {
    Loss {
        rho: a.rho.min(b.rho),
        delta: a.delta.min(b.delta),
    }
}

/// What every unit-period it reads will be charged (the plan's charge), and what that buys. Where cells merge,
/// contributors are `bounded` from below.
fn protection(
    table: &Table,
    mechanism: &Mechanism,
    charge: Option<Loss>,
    terms: &Agreement,
    bounded: bool,
) -> Result<Option<Protection>, Error> {
    // Of a dense table k, T and all that follows from them are 0: nothing is selected.
    let (k, threshold, published_from) = match mechanism {
        Mechanism::Thresholded { selection, .. } => {
            (selection.k, selection.threshold, selection.published_from())
        }
        Mechanism::Dense { .. } => (0, 0, 0),
        Mechanism::Unprotected | Mechanism::KOnly { .. } => return Ok(None),
    };
    let Some(mut priced) = preview(table, mechanism).map_err(Error::internal)? else {
        return Ok(None);
    };
    let bounded = bounded && terms.population.unit != Unit::Trip;
    if let Some((name, ..)) = priced.half_widths.first_mut().filter(|_| bounded) {
        AT_LEAST.clone_into(name);
    }
    let charge = charge.ok_or_else(|| Error::internal("the charge leaves its type"))?;
    let measures = priced
        .half_widths
        .into_iter()
        .map(|(measure, draw, error_95)| {
            let rho = draw.rho().map_err(Error::internal)?;
            let (noise, scale) = (draw.noise, draw.scale);
            Ok(MeasurePreview {
                measure,
                noise,
                scale,
                rho,
                error_95,
            })
        })
        .collect::<Result<_, Error>>()?;
    Ok(Some(Protection {
        charge,
        epsilon: epsilon(charge)
            .map_err(Error::internal)?
            .unwrap_or_default(),
        epsilon_delta: DISPLAY_DELTA.parse().map_err(Error::internal)?,
        unit: terms.population.unit,
        k,
        threshold,
        published_from,
        contributors_needed: priced.contributors_for_most,
        measures,
    }))
}

fn rule(mechanism: &Mechanism) -> String {
    match mechanism {
        Mechanism::Dense { .. } => {
            "DP only: every key of the public domain is shown with noise, zeros included, and NO k is promised"
                .into()
        }
        Mechanism::KOnly { k } => format!(
            "no charge: k-only, not differentially private. Exact contributors of every cell and margin of at \
             least {k} units, but for those that a smaller one could be computed from"
        ),
        Mechanism::Unprotected => {
            "the source has no unit of privacy: values are shown as contributed, with no claim"
                .into()
        }
        Mechanism::Thresholded { selection, .. } => format!(
            "a row is shown where at least {} units contributed and their noisy count is {} or more",
            selection.k,
            selection.published_from()
        ),
    }
}
