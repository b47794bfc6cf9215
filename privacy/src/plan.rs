//! What a whole plan costs, from its terms alone: before anyone signs, without a broker.

use policies::agreement::{Agreement, Charge, Protection, Unit};
use policies::id::TableName;
use policies::loss::Loss;
use policies::mechanism::Mechanism;
use policies::table::Table;

use crate::calibrate::{CalibrateError, calibrate_dense, calibrate_merged};
use crate::convert::{LossStatement, statements};
use crate::engine::OpenDpError;
use crate::preview::{Preview, preview};

/// The price of an agreement's plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanPrice {
    /// One per line of the plan, in its order.
    pub items: Vec<ItemPrice>,
    /// What every unit-period can lose through this agreement: all editions of all tables.
    pub allotment: Loss,
    /// The allotment over a unit-period, 30 days and a year. Empty where there is no unit, and where the
    /// agreement is k-only: then no loss can be stated.
    pub losses: Vec<LossStatement>,
}

/// The price of one line of a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ItemPrice {
    /// The table.
    pub table: TableName,
    /// What is made of it.
    pub part: Part,
    /// How many editions of a period are planned, or how many merges may read one.
    pub editions: u32,
    /// What one edition costs each unit-period it reads; none where there is no unit.
    pub charge: Option<Loss>,
    /// The noise that the charge buys.
    pub mechanism: Mechanism,
    /// What a release will look like; none where there is no unit.
    pub preview: Option<Preview>,
}

/// What a charge is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The table itself.
    Table,
    /// A coarser rung, from 1.
    Rung(usize),
    /// Ad-hoc merges, with the noise of the coarsest that may be asked for.
    Merges,
}

/// Why a plan has no price.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PriceError {
    /// A line that no mechanism can keep.
    #[error("{path}: {source}")]
    Item {
        /// The field, for example `plan[0].charge`.
        path: String,
        /// What is wrong with it.
        source: CalibrateError,
    },
    /// A line for a table that the agreement does not have.
    #[error("{path}: names a table that the agreement does not have")]
    Table {
        /// The field.
        path: String,
    },
    /// The sum of all charges leaves its type.
    #[error("plan: the sum of all charges leaves its type")]
    Overflow,
    /// A loss or an accuracy could not be stated.
    #[error(transparent)]
    OpenDp(#[from] OpenDpError),
}

/// Prices every line of the plan.
///
/// # Errors
/// [`PriceError`] for the first line that no mechanism can keep.
pub fn price(terms: &Agreement) -> Result<PlanPrice, PriceError> {
    let unit = terms.population.unit;
    let mut items = Vec::with_capacity(terms.plan.len());
    for (n, item) in terms.plan.iter().enumerate() {
        let path = format!("plan[{n}]");
        let table = terms.table(&item.table);
        let table = table.ok_or_else(|| PriceError::Table { path: path.clone() })?;
        let charge = item.charge.as_ref().filter(|_| unit != Unit::None);
        let of = Line {
            terms,
            table,
            times: item.editions,
        };
        items.push(of.price(&path, Part::Table, charge, 1)?);
        for (rung_n, rung) in item.rungs.iter().enumerate() {
            let path = format!("{path}.rungs[{rung_n}]");
            let merged = rung.coarsening.merged(table).unwrap_or(table.cells_max);
            let part = Part::Rung(rung_n + 1);
            items.push(of.price(&path, part, Some(&rung.charge), merged)?);
        }
    }
    for (n, line) in terms.ad_hoc.iter().enumerate() {
        let path = format!("ad_hoc[{n}]");
        let table = terms.table(&line.table);
        let table = table.ok_or_else(|| PriceError::Table { path: path.clone() })?;
        let of = Line {
            terms,
            table,
            times: line.requests,
        };
        let merged = line.most_merged(table);
        items.push(of.price(&path, Part::Merges, Some(&line.charge), merged)?);
    }
    let allotment = terms.allotment().ok_or(PriceError::Overflow)?;
    let losses = match terms.population.protection {
        Protection::Differential => statements(unit, allotment)?,
        Protection::KOnly => Vec::new(),
    };
    Ok(PlanPrice {
        items,
        allotment,
        losses,
    })
}

/// A table and how often a period of it may be charged.
struct Line<'a> {
    terms: &'a Agreement,
    table: &'a Table,
    times: u32,
}

impl Line<'_> {
    fn price(
        &self,
        path: &str,
        part: Part,
        charge: Option<&Charge>,
        merged: u32,
    ) -> Result<ItemPrice, PriceError> {
        let (table, unit, k) = (self.table, self.terms.population.unit, self.terms.k);
        let k_only = self.terms.population.protection == Protection::KOnly;
        let mechanism = match charge {
            _ if k_only => Mechanism::KOnly { k },
            None => Mechanism::Unprotected,
            Some(charge) => {
                let dense = self.terms.is_dense(&table.name);
                let mechanism = match dense {
                    true => calibrate_dense(table, unit, charge),
                    false => calibrate_merged(table, unit, k, charge, merged),
                };
                mechanism.map_err(|source| {
                    let path = format!("{path}.charge");
                    PriceError::Item { path, source }
                })?
            }
        };
        Ok(ItemPrice {
            table: table.name.clone(),
            part,
            editions: self.times,
            charge: charge.and_then(Charge::total),
            preview: preview(table, &mechanism)?,
            mechanism,
        })
    }
}

#[cfg(test)]
#[allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]
mod tests {
    use super::*;

    fn terms(name: &str) -> Agreement {
        let template = policies::template::named(name).unwrap();
        Agreement::parse(template.json.as_bytes()).unwrap()
    }

    #[test]
    fn every_template_has_a_price_that_its_cap_pays() {
        for template in policies::template::TEMPLATES {
            let terms = terms(template.name);
            let price = price(&terms).unwrap();
            assert_eq!(price.items.len(), terms.plan.len());
            let all = price.items.iter().try_fold(Loss::ZERO, |sum, item| {
                let charge = item.charge.unwrap_or(Loss::ZERO);
                assert!(item.mechanism.cost().unwrap().fits_in(charge));
                sum.checked_add(charge.checked_mul(u64::from(item.editions))?)
            });
            assert_eq!(all, Some(price.allotment));
            assert!(
                price
                    .allotment
                    .fits_in(terms.population.cap.unwrap_or_default())
            );
        }
        // Two tables of two editions each, ρ 0.125: half of the cap of 1.
        assert_eq!(
            price(&terms("bikes")).unwrap().allotment.rho.to_string(),
            "0.5"
        );
        assert_eq!(price(&terms("telecom-presence")).unwrap().losses, []);
    }

    #[test]
    fn a_line_that_no_mechanism_keeps_is_named() {
        let mut terms = terms("bikes");
        terms.plan[1].charge.as_mut().unwrap().delta = "0".parse().unwrap();
        let error = price(&terms).unwrap_err().to_string();
        assert!(
            error.starts_with("plan[1].charge: `delta` has to be"),
            "{error}"
        );
        terms.plan[0].table = "secret".parse().unwrap();
        let error = price(&terms).unwrap_err().to_string();
        assert!(error.starts_with("plan[0]: names a table"), "{error}");
    }
}
