//! Several providers in one table: their noise, and their cells over the same keys.

use cells::join::join;
use cells::read::ExactCells;
use policies::agreement::Agreement;
use policies::decide::Request;
use policies::entry::Reservation;
use policies::id::TableName;
use policies::joint::check_tables;
use policies::mechanism::Mechanism;
use privacy::joint::{Terms, calibrate};
use privacy::quality::Context;

use super::broker::Broker;
use super::draw::Failure;
use crate::error::Error;

impl Broker {
    /// The noise of every part, from public terms; `None` where the rules will refuse anyway.
    pub(super) fn mechanisms_for_parts(
        &self,
        request: &Request,
    ) -> Result<Option<Vec<Mechanism>>, Error> {
        let parts = request.parts();
        let mut all = Vec::with_capacity(parts.len());
        for part in parts {
            let Some(terms) = self.requested(&part)? else {
                return Ok(None);
            };
            all.push((terms, part.table));
        }
        joint_noise(&all)
    }

    /// The parts' cells over the keys of all, and what the sheet says about each, in the order of
    /// [`Reservation::parts`].
    pub(super) async fn read_parts(
        &self,
        reservation: &Reservation,
    ) -> Result<(Vec<ExactCells>, Vec<Context>), Failure> {
        let (mut cells, mut contexts) = (Vec::new(), Vec::new());
        for part in reservation.parts() {
            let (its, context) = self.read_cells(&part).await?;
            cells.push(its);
            contexts.push(context);
        }
        Ok((join(cells)?, contexts))
    }
}

/// The noise of every part of one table of these; `None` where theirs are not one count.
pub(super) fn joint_noise(
    parts: &[(Agreement, TableName)],
) -> Result<Option<Vec<Mechanism>>, Error> {
    let named = parts.iter().map(|(terms, name)| {
        let (table, item) = (terms.table(name)?, terms.plan_item(name)?);
        Some((terms, table, item.charge.as_ref()?))
    });
    let Some(named) = named.collect::<Option<Vec<_>>>() else {
        return Ok(None);
    };
    let tables: Vec<_> = named
        .iter()
        .map(|(terms, table, _)| (*terms, *table))
        .collect();
    if check_tables(&tables).is_err() {
        return Ok(None);
    }
    let Some((first, ..)) = named.first() else {
        return Ok(None);
    };
    let terms = named.iter().map(|(terms, table, charge)| Terms {
        table,
        k: terms.k,
        charge,
    });
    let mechanisms = calibrate(first.population.unit, &terms.collect::<Vec<_>>());
    mechanisms.map(Some).map_err(|e| Error::Precondition {
        message: format!("the plans cannot be kept together: {e}"),
    })
}
