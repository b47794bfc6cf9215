//! The right to draw noise for one release: made only from a reservation that is durable in the log.

use audit::receipt::Verified;
use policies::entry::{Body, Entry, Reservation};

/// Why an entry gives no right to draw.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SpendError {
    /// The entry is no reservation, or none of this version.
    #[error("the entry is not a `release.reserved` of this version")]
    NotReserved,
    /// The pinned noise costs more than was charged.
    #[error("the pinned mechanism costs more than its charge: nothing may be drawn")]
    Undercharged,
}

/// A charged release, not yet drawn. [`crate::protect::protect`] consumes it.
///
/// Private fields, one door: [`Self::from_durable`] takes the evidence of [`Verified`], which exists only for an
/// entry under a checkpoint that the log's key signed, and checkpoints are durable before they are shown.
///
/// ```compile_fail,E0451
/// let forged = privacy::spend::Spend { reservation: todo!() };
/// ```
#[derive(Debug)]
pub struct Spend {
    reservation: Reservation,
}

impl Spend {
    /// Takes the right out of a durable entry, fresh or after a crash.
    ///
    /// # Errors
    /// [`SpendError`] where the entry is no reservation or its charge is below its cost.
    pub fn from_durable(entry: &Verified) -> Result<Self, SpendError> {
        let entry = Entry::from_bytes(entry.entry()).map_err(|_| SpendError::NotReserved)?;
        let Body::ReleaseReserved(reservation) = entry.body else {
            return Err(SpendError::NotReserved);
        };
        let cost = reservation
            .mechanism
            .cost()
            .map_err(|_| SpendError::Undercharged)?;
        if !cost.fits_in(reservation.charge) {
            return Err(SpendError::Undercharged);
        }
        Ok(Self {
            reservation: *reservation,
        })
    }

    /// What was reserved.
    #[must_use]
    pub fn reservation(&self) -> &Reservation {
        &self.reservation
    }

    #[cfg(test)]
    pub(crate) fn for_test(reservation: Reservation) -> Self {
        Self { reservation }
    }
}
