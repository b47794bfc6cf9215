//! Leave to reserve one release.

use super::Request;
use crate::agreement::{Charge, Unit};
use crate::entry::Reservation;
use crate::id::{BlobId, ReleaseKey};
use crate::loss::Loss;
use crate::mechanism::Mechanism;
use crate::period::Period;
use crate::table::Table;

/// Leave to reserve one release. Only [`decide`](super::decide) makes it; only the sequencer takes
/// it.
#[derive(Debug)]
pub struct Permit {
    pub(super) request: Request,
    pub(super) key: ReleaseKey,
    pub(super) table: Table,
    pub(super) unit: Unit,
    pub(super) k: u32,
    pub(super) charge: Option<Charge>,
    pub(super) edition: u32,
    pub(super) manifest: Vec<BlobId>,
    pub(super) late: bool,
    pub(super) missing: Vec<Period>,
}

impl Permit {
    /// The release it would be.
    #[must_use]
    pub fn key(&self) -> &ReleaseKey {
        &self.key
    }

    /// The table's terms, for calibration.
    #[must_use]
    pub fn table(&self) -> &Table {
        &self.table
    }

    /// What is protected.
    #[must_use]
    pub fn unit(&self) -> Unit {
        self.unit
    }

    /// The agreement's k.
    #[must_use]
    pub fn k(&self) -> u32 {
        self.k
    }

    /// The plan's charge; `None` where the population has no unit.
    #[must_use]
    pub fn charge(&self) -> Option<&Charge> {
        self.charge.as_ref()
    }

    /// The reservation to write, with all noise pinned.
    ///
    /// # Errors
    /// A sentence where the mechanism is not the plan's ([`Mechanism::check_terms`]): its bounds
    /// are not the table's, its k is not the agreement's, or it costs more than is paid. The
    /// caller MUST not write it.
    pub fn reserve(self, mechanism: Mechanism) -> Result<Reservation, String> {
        let charge = self.charge.as_ref();
        mechanism
            .check_terms(&self.table, self.k, charge)
            .map_err(|e| e.to_string())?;
        let charge = charge.map_or(Some(Loss::ZERO), Charge::total);
        let charge = charge.ok_or("the charge leaves its type")?;
        Ok(Reservation {
            key: self.key,
            request: self.request.id,
            by: self.request.by,
            agreement: self.request.agreement,
            purpose: self.request.purpose,
            table: self.table,
            period: self.request.period,
            unit: self.unit,
            edition: self.edition,
            manifest: self.manifest,
            late: self.late,
            missing: self.missing,
            mechanism,
            charge,
        })
    }
}
