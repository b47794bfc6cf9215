//! Leave to reserve one release.

use super::Request;
use crate::agreement::{Charge, Protection, Rung, Unit};
use crate::entry::{Reservation, RungNoise};
use crate::id::{BlobId, OrgId, ReleaseKey};
use crate::joint::{Joint, JointRule, Part, check_noise};
use crate::loss::Loss;
use crate::mechanism::Mechanism;
use crate::period::Period;
use crate::table::Table;

/// Leave to reserve one release. Only [`decide`](super::decide) makes it; only the sequencer takes
/// it.
#[derive(Debug)]
pub struct Permit {
    pub(super) request: Request,
    pub(super) provider: OrgId,
    pub(super) key: ReleaseKey,
    pub(super) table: Table,
    pub(super) unit: Unit,
    pub(super) protection: Protection,
    pub(super) dense: bool,
    pub(super) k: u32,
    pub(super) charge: Option<Charge>,
    pub(super) merged: u32,
    pub(super) rungs: Vec<Rung>,
    pub(super) edition: u32,
    pub(super) replaces: Option<ReleaseKey>,
    pub(super) manifest: Vec<BlobId>,
    pub(super) late: bool,
    pub(super) missing: Vec<Period>,
    pub(super) joint: Option<(JointRule, Vec<Self>)>,
}

impl Permit {
    /// The release it would be.
    #[must_use]
    pub fn key(&self) -> &ReleaseKey {
        &self.key
    }

    /// The published edition that it would take the place of.
    #[must_use]
    pub fn replaces(&self) -> Option<&ReleaseKey> {
        self.replaces.as_ref()
    }

    /// Every part, this one first: each is calibrated by its own table, k and charge.
    pub fn parts(&self) -> impl Iterator<Item = &Self> {
        let further = self.joint.iter().flat_map(|(_, further)| further);
        std::iter::once(self).chain(further)
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

    /// The most cells of one unit in one row: 1 but for a merge.
    #[must_use]
    pub fn merged(&self) -> u32 {
        self.merged
    }

    /// What the plan or the ad-hoc line charges; `None` where the population has no unit.
    #[must_use]
    pub fn charge(&self) -> Option<&Charge> {
        self.charge.as_ref()
    }

    /// The plan's coarser rungs, each to be calibrated by its own charge.
    #[must_use]
    pub fn rungs(&self) -> &[Rung] {
        &self.rungs
    }

    /// The reservation to write, with all noise pinned.
    ///
    /// # Errors
    /// A sentence where the mechanism is not the plan's ([`Mechanism::check_terms`]): its bounds
    /// are not the table's, its k is not the agreement's, or it costs more than is paid. The
    /// caller MUST not write it.
    pub fn reserve(self, mechanism: Mechanism) -> Result<Reservation, String> {
        self.reserve_joint(vec![mechanism])
    }

    /// The same with one mechanism per part, in the order of [`Self::parts`].
    ///
    /// # Errors
    /// As [`Self::reserve`], and where the parts have not one draw per measure
    /// ([`check_noise`]).
    pub fn reserve_joint(mut self, mechanisms: Vec<Mechanism>) -> Result<Reservation, String> {
        let joint = self.joint.take();
        let (rule, further) = match joint {
            Some((rule, further)) => (Some(rule), further),
            None => (None, Vec::new()),
        };
        if mechanisms.len() != further.len() + 1 {
            return Err("every part has a mechanism of its own".into());
        }
        if rule.is_some() {
            check_noise(&mechanisms).map_err(|e| e.to_string())?;
        }
        let mut mechanisms = mechanisms.into_iter();
        let mechanism = mechanisms.next().ok_or("no mechanism")?;
        let mut reservation = self.alone(mechanism)?;
        if let Some(rule) = rule {
            let parts = further
                .into_iter()
                .zip(mechanisms)
                .map(|(permit, mechanism)| {
                    let provider = permit.provider.clone();
                    permit.alone(mechanism).map(|r| part(provider, r))
                });
            let parts = parts.collect::<Result<_, _>>()?;
            reservation.joint = Some(Joint { rule, parts });
        }
        Ok(reservation)
    }

    /// The same for a table with rungs: its own mechanism, then one per rung in their order.
    ///
    /// # Errors
    /// As [`Self::reserve`].
    pub fn reserve_ladder(mut self, mechanisms: Vec<Mechanism>) -> Result<Reservation, String> {
        let rungs = std::mem::take(&mut self.rungs);
        if mechanisms.len() != rungs.len() + 1 {
            return Err(RUNGS.into());
        }
        let mut mechanisms = mechanisms.into_iter();
        let (table, k) = (self.table.clone(), self.k);
        let mut reservation = self.reserve(mechanisms.next().ok_or(RUNGS)?)?;
        for (rung, mechanism) in rungs.into_iter().zip(mechanisms) {
            let Rung { coarsening, charge } = rung;
            let merged = coarsening.merged(&table).ok_or(RUNGS)?;
            mechanism
                .check_terms(&table, k, Some(&charge), merged)
                .map_err(|e| e.to_string())?;
            let sum = charge
                .total()
                .and_then(|c| reservation.charge.checked_add(c));
            reservation.charge = sum.ok_or("the charge leaves its type")?;
            reservation.rungs.push(RungNoise {
                coarsening,
                mechanism,
            });
        }
        Ok(reservation)
    }

    fn alone(self, mechanism: Mechanism) -> Result<Reservation, String> {
        if !self.rungs.is_empty() {
            return Err(RUNGS.into());
        }
        if mechanism.is_k_only() != (self.protection == Protection::KOnly) {
            return Err("a k-only agreement is released k-only, and no other is".into());
        }
        if mechanism.is_dense() != self.dense {
            return Err(
                "a table that is dense in the plan is released dense, and no other is".into(),
            );
        }
        let charge = self.charge.as_ref();
        mechanism
            .check_terms(&self.table, self.k, charge, self.merged)
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
            merge: self.request.merge,
            unit: self.unit,
            edition: self.edition,
            replaces: self.replaces,
            manifest: self.manifest,
            late: self.late,
            missing: self.missing,
            mechanism,
            rungs: Vec::new(),
            charge,
            joint: None,
        })
    }
}

const RUNGS: &str = "every rung has a mechanism of its own";

fn part(provider: OrgId, reserved: Reservation) -> Part {
    let Reservation {
        agreement,
        table,
        edition,
        manifest,
        late,
        missing,
        mechanism,
        charge,
        ..
    } = reserved;
    Part {
        agreement,
        provider,
        table,
        edition,
        manifest,
        late,
        missing,
        mechanism,
        charge,
    }
}
