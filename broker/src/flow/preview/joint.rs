//! What one table of several agreements would cost.

use policies::agreement::{Agreement, Charge};
use policies::id::{AgreementId, TableName};
use policies::joint::With;
use policies::mechanism::Mechanism;
use policies::state::State;
use privacy::convert::together;
use privacy::joint::contributors_half_widths;
use proto::convert::{JointPreview, PartPreview, PreviewQuery};

use super::super::broker::Broker;
use super::super::join::joint_noise;
use super::{least, left, protection};
use crate::error::Error;

pub(super) const RULE: &str = "a row adds up the parts that selected it, each by its own k and noise; each is \
                               charged to its own account, all or none";

impl Broker {
    /// The parts of one table, `terms`' first; `None` where the rules do not let them stand in one.
    pub(super) fn joint_preview(
        &self,
        query: &PreviewQuery,
        terms: &Agreement,
        further: &[(Agreement, With)],
    ) -> Result<Option<JointPreview>, Error> {
        let first = (terms.clone(), query.table.clone());
        let further_terms = further
            .iter()
            .map(|(terms, w)| (terms.clone(), w.table.clone()));
        let all: Vec<_> = std::iter::once(first).chain(further_terms).collect();
        let mut items = all.iter().filter_map(|(terms, name)| terms.plan_item(name));
        let merged = query.merge.is_some() || items.any(|item| !item.rungs.is_empty());
        let Some(noise) = joint_noise(&all)?.filter(|_| !merged) else {
            return Ok(None);
        };
        let ids = further.iter().map(|(_, with)| &with.agreement);
        let ids = std::iter::once(&query.agreement).chain(ids);
        let parts = ids.zip(&all).zip(&noise);
        let parts = parts
            .map(|((id, (terms, name)), mechanism)| self.part(query, id, (terms, name), mechanism))
            .collect::<Result<Vec<_>, Error>>()?;
        let lost = std::iter::zip(&all, &parts)
            .map(|((terms, _), part)| (terms.population.unit, part.protection.charge));
        let stated = together(&lost.collect::<Vec<_>>()).map_err(Error::internal)?;
        // All have the same unit, so that of a unit-period comes first.
        let stated = stated.into_iter().next();
        let stated = stated.ok_or_else(|| Error::internal("parts without a loss"))?;
        let widths = contributors_half_widths(&noise).map_err(Error::internal)?;
        Ok(Some(JointPreview {
            parts,
            contributors_error_95: widths.into_iter().map(i64::unsigned_abs).collect(),
            person_in_all: stated.loss,
            epsilon: stated.epsilon.unwrap_or_default(),
            epsilon_delta: stated.epsilon_delta,
        }))
    }

    fn part(
        &self,
        query: &PreviewQuery,
        id: &AgreementId,
        (terms, name): (&Agreement, &TableName),
        mechanism: &Mechanism,
    ) -> Result<PartPreview, Error> {
        let gone = || Error::internal("a part without a table");
        let (table, item) = terms
            .table(name)
            .zip(terms.plan_item(name))
            .ok_or_else(gone)?;
        let charge = item.charge.as_ref().and_then(Charge::total);
        let protection = protection(table, mechanism, charge, terms, false)?.ok_or_else(gone)?;
        let (state, account) = (self.sequencer.state(), State::account_of(terms));
        let left = query
            .periods
            .iter()
            .filter_map(|p| left(&state, &account, *p));
        Ok(PartPreview {
            agreement: id.clone(),
            table: name.clone(),
            provider: terms.provider.org.clone(),
            protection,
            left: left.reduce(least),
        })
    }
}
