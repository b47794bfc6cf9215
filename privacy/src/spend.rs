//! The right to draw noise for one release: made only from a reservation that is durable in the log.

use audit::receipt::Verified;
use policies::agreement::Unit;
use policies::coarse::Merge;
use policies::entry::{Body, Entry, Reservation};
use policies::joint::check_noise;
use policies::loss::{Delta, Loss};
use policies::mechanism::{Draw, MeasureDraw, Mechanism};
use policies::table::Table;

/// Why an entry gives no right to draw. Then nothing MUST be drawn for it, ever: entries do not change.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SpendError {
    /// The entry is no reservation, or none of this version.
    #[error("the entry is not a `release.reserved` of this version")]
    NotReserved,
    /// The pinned noise costs more than was charged.
    #[error("the pinned mechanism costs more than its charge: nothing may be drawn")]
    Undercharged,
    /// The pinned noise hides less than one unit can change by the table's bounds.
    #[error("the pinned mechanism has other sensitivities than the table `{table}`")]
    Sensitivity {
        /// The table's name.
        table: String,
    },
    /// Parts of a joint table without one draw for their sum.
    #[error("the parts of the table have not one draw per measure")]
    Noise,
    /// A dense table with anything beside it.
    #[error("a dense table has one provider, and no δ, rungs or merge")]
    Dense,
    /// Noise where there is no unit, or a unit without noise.
    #[error("only data without a unit is released unprotected, and always is")]
    Unit,
    /// k-only with anything beside it.
    #[error("a k-only table has a unit, a k, one provider, and no charge, rungs or merge")]
    KOnly,
}

/// A charged release, not yet drawn. [`crate::protect::protect`] consumes it.
///
/// Private fields, one door: [`Self::from_durable`] takes the evidence of [`Verified`], which exists only for an
/// entry under a checkpoint that the log's key signed, and checkpoints are durable before they are shown.
///
/// After a crash the same entry gives the right again. That two draws of one reservation are not both
/// published is the log's promise: the first `release.published` ends it.
///
/// ```compile_fail,E0451
/// fn forge(reservation: policies::entry::Reservation) -> privacy::spend::Spend {
///     privacy::spend::Spend { reservation }
/// }
/// ```
/// ```compile_fail,E0277
/// fn copies<T: Clone>() {}
/// copies::<privacy::spend::Spend>();
/// ```
/// ```compile_fail,E0277
/// let forged: privacy::spend::Spend = serde_json::from_str("{}").unwrap();
/// ```
#[derive(Debug)]
pub struct Spend {
    reservation: Reservation,
}

impl Spend {
    /// Takes the right out of a durable entry, fresh or after a crash.
    ///
    /// # Errors
    /// [`SpendError`] where the entry is no reservation, its charge is below its cost, or its noise does not
    /// fit its own table and unit.
    pub fn from_durable(entry: &Verified) -> Result<Self, SpendError> {
        let entry = Entry::from_bytes(entry.entry()).map_err(|_| SpendError::NotReserved)?;
        let Body::ReleaseReserved(reservation) = entry.body else {
            return Err(SpendError::NotReserved);
        };
        Self::checked(*reservation)
    }

    fn checked(reservation: Reservation) -> Result<Self, SpendError> {
        let parts = reservation.parts();
        parts.iter().try_for_each(check_alone)?;
        let k_only = |part: &Reservation| part.mechanism.is_k_only();
        if reservation.joint.is_some() && parts.iter().any(k_only) {
            return Err(SpendError::KOnly);
        }
        if reservation.joint.is_some() {
            let mechanisms = parts.iter().map(|part| &part.mechanism);
            check_noise(mechanisms).map_err(|_| SpendError::Noise)?;
        }
        Ok(Self { reservation })
    }

    /// What was reserved.
    #[must_use]
    pub fn reservation(&self) -> &Reservation {
        &self.reservation
    }

    /// What was reserved, taken out for good.
    pub(crate) fn into_reservation(self) -> Reservation {
        self.reservation
    }

    #[cfg(test)]
    pub(crate) fn checked_for_test(reservation: Reservation) -> Result<Self, SpendError> {
        Self::checked(reservation)
    }

    #[cfg(test)]
    #[expect(clippy::expect_used, reason = "tests fail by panicking")]
    pub(crate) fn for_test(reservation: Reservation) -> Self {
        Self::checked(reservation).expect("a test reserves what may be drawn")
    }
}

/// Does one part's charge pay for its noise, and does its noise hide one of its units?
fn check_alone(reservation: &Reservation) -> Result<(), SpendError> {
    if reservation.mechanism.is_dense() {
        let alone = reservation.rungs.is_empty()
            && reservation.merge.is_none()
            && reservation.joint.is_none()
            && reservation.charge.delta == Delta::ZERO;
        if !alone {
            return Err(SpendError::Dense);
        }
    }
    if let Mechanism::KOnly { k } = reservation.mechanism {
        let fits = k > 0
            && reservation.unit != Unit::None
            && reservation.charge == Loss::ZERO
            && reservation.rungs.is_empty()
            && reservation.merge.is_none();
        return fits.then_some(()).ok_or(SpendError::KOnly);
    }
    let unprotected = matches!(reservation.mechanism, Mechanism::Unprotected);
    let rungs = reservation.rungs.iter();
    if rungs
        .map(|rung| &rung.mechanism)
        .any(|m| !matches!(m, Mechanism::Thresholded { .. }))
    {
        return Err(SpendError::Unit);
    }
    if unprotected != (reservation.unit == Unit::None) {
        return Err(SpendError::Unit);
    }
    let cost = reservation.cost();
    let charged = cost.is_ok_and(|cost| cost.fits_in(reservation.charge));
    if !charged {
        return Err(SpendError::Undercharged);
    }
    if !hides_one_unit(reservation) {
        let table = reservation.table.name.to_string();
        return Err(SpendError::Sensitivity { table });
    }
    Ok(())
}

/// One unit changes at most `cells_max` cells: by 1 in their contributors, by [`Table::sensitivity`] in a
/// measure; and where cells merge, up to r of them are one row.
///
/// [`Table::sensitivity`]: policies::table::Table::sensitivity
fn hides_one_unit(reservation: &Reservation) -> bool {
    let table = &reservation.table;
    let coarsening = reservation.merge.as_ref().map(Merge::coarsening);
    let rungs = reservation.rungs.iter();
    let rungs = rungs.map(|rung| (&rung.mechanism, Some(&rung.coarsening)));
    std::iter::once((&reservation.mechanism, coarsening))
        .chain(rungs)
        .all(|(mechanism, coarsening)| {
            let merged = coarsening.map_or(Some(1), |coarsening| coarsening.merged(table));
            hides_in(mechanism, table, merged)
        })
}

fn hides_in(mechanism: &Mechanism, table: &Table, merged: Option<u32>) -> bool {
    let Some((contributors, measures)) = mechanism.draws() else {
        return true;
    };
    let all = |draw: &Draw| draw.l0 >= table.cells_max;
    let hidden = |m: &MeasureDraw| {
        let changes = table.sensitivity(&m.measure);
        changes.is_some_and(|changes| m.draw.linf >= changes)
            && merged.is_some_and(|r| m.draw.merged >= r)
    };
    all(contributors)
        && contributors.linf >= 1
        && measures.iter().all(|m| all(&m.draw) && hidden(m))
}

#[cfg(test)]
mod tests;
