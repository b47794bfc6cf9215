//! The auditor's checks, entry by entry: form, signatures, charges, rules, balances, tree.
//!
//! Pure: entries come in as bytes in the order of the log; nothing is read from a disk or a network
//! here.

use audit::tree::{Frontier, TreeHash, leaf_hash};
use jiff::Timestamp;
use policies::agreement::{Agreement, PlanItem};
use policies::decide::due_at;
use policies::entry::{Body, Entry, Reservation};
use policies::id::OrgId;
use policies::mechanism::{Draw, Mechanism};
use policies::sign::{PartySignature, PublicKey, Signs, possession_payload, verify};
use policies::state::State;
use policies::validate::faults;

/// What follows from the entries so far, each of them checked.
#[derive(Debug, Default)]
pub struct Replayer {
    state: State,
    frontier: Frontier,
}

/// The first entry that does not hold, and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("entry {index} does not hold: {why}")]
pub struct Finding {
    /// Its place in the log, from 0.
    pub index: u64,
    /// What does not hold.
    pub why: String,
}

impl Replayer {
    /// Checks the next entry and applies it.
    ///
    /// # Errors
    /// [`Finding`]; then nothing after it can be judged either.
    pub fn step(&mut self, bytes: &[u8]) -> Result<Entry, Finding> {
        let index = self.size();
        let finding = |why: String| Finding { index, why };
        let entry = Entry::from_bytes(bytes).map_err(|e| finding(e.to_string()))?;
        self.check(&entry).map_err(finding)?;
        self.state
            .apply(&entry)
            .map_err(|e| finding(e.to_string()))?;
        self.frontier.append(leaf_hash(bytes), |_, _| {});
        Ok(entry)
    }

    /// Entries so far.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.state.size()
    }

    /// Root hash over them: to be compared with a signed checkpoint.
    #[must_use]
    pub fn root(&self) -> TreeHash {
        self.frontier.root()
    }

    /// What they imply.
    #[must_use]
    pub fn state(&self) -> &State {
        &self.state
    }

    /// What `State::apply` leaves to the auditor: signatures, and that noise and time keep the
    /// terms.
    fn check(&self, entry: &Entry) -> Result<(), String> {
        match &entry.body {
            Body::OrgAdmitted {
                org,
                role,
                spiffe,
                key,
                possession,
                ..
            } => {
                let claim = possession_payload(org, *role, spiffe, key.fingerprint());
                let held = verify(Signs::KeyPossession, key, &claim, possession);
                held.map_err(|e| format!("`{org}` does not prove that it holds its key: {e}"))
            }
            Body::AgreementOffered {
                agreement,
                by,
                signature,
            } => {
                self.signed(agreement, by, signature)?;
                let floors = self.state.floors().ok_or("no floors are in force")?;
                match faults(agreement, &floors).first() {
                    Some(fault) => Err(format!("the agreement has a fault: {fault}")),
                    None => Ok(()),
                }
            }
            Body::AgreementSigned {
                agreement,
                by,
                signature,
            } => {
                let record = self.state.agreement(agreement);
                let record = record.ok_or_else(|| format!("no agreement `{agreement}`"))?;
                self.signed(&record.terms, by, signature)
            }
            Body::ReleaseReserved(reservation) => self.reserved(reservation, entry.time),
            _ => Ok(()),
        }
    }

    fn signed(
        &self,
        terms: &Agreement,
        by: &OrgId,
        signature: &PartySignature,
    ) -> Result<(), String> {
        let key: &PublicKey = match self.state.org(by) {
            Some(org) => &org.key,
            None => return Err(format!("`{by}` is not admitted")),
        };
        let document = terms.canonical().map_err(|e| e.to_string())?;
        let held = verify(Signs::Agreement, key, &document, signature);
        held.map_err(|e| format!("signature of `{by}`: {e}"))
    }

    /// Is the noise what the plan pays for, and was it time?
    fn reserved(&self, new: &Reservation, time: Timestamp) -> Result<(), String> {
        let record = self.state.agreement(&new.agreement);
        let terms = &record
            .ok_or_else(|| format!("no agreement `{}`", new.agreement))?
            .terms;
        let item = terms
            .plan_item(&new.table.name)
            .ok_or("the plan does not release the table")?;
        if due_at(terms, item, new.period).is_none_or(|due| time < due) {
            return Err(format!("{} was not due at {time}", new.period));
        }
        let cost = new.mechanism.cost().map_err(|e| e.to_string())?;
        if !cost.fits_in(new.charge) {
            return Err(format!(
                "its noise costs ({cost}), more than the charge ({})",
                new.charge
            ));
        }
        noise(new, terms, item)
    }
}

/// Are draws and threshold those that the table's bounds and the agreement's k ask for?
fn noise(new: &Reservation, terms: &Agreement, item: &PlanItem) -> Result<(), String> {
    let (charge, selection, measures) = match (&item.charge, &new.mechanism) {
        (None, Mechanism::Unprotected) => return Ok(()),
        (
            Some(charge),
            Mechanism::Thresholded {
                selection,
                measures,
            },
        ) => (charge, selection, measures),
        _ => return Err("its protection is not the plan's".into()),
    };
    if selection.k < terms.k {
        return Err(format!(
            "it selects with k {}, the agreement asks for {}",
            selection.k, terms.k
        ));
    }
    sensitivity("contributors", &selection.draw, new.table.cells_max, 1)?;
    let delta = selection.delta().map_err(|e| e.to_string())?;
    let rho = selection.draw.rho().map_err(|e| e.to_string())?;
    if rho > charge.selection || delta > charge.delta {
        return Err("its selection costs more than the plan pays for it".into());
    }
    let drawn = measures.iter().map(|m| &m.measure);
    if !drawn.eq(charge.measures.iter().map(|m| &m.measure)) {
        return Err("its measures are not the plan's".into());
    }
    for (measure, paid) in measures.iter().zip(&charge.measures) {
        let linf = u64::from(new.table.per_cell_max);
        sensitivity(&measure.measure, &measure.draw, new.table.cells_max, linf)?;
        if measure.draw.rho().map_err(|e| e.to_string())? > paid.rho {
            return Err(format!(
                "`{}` costs more than the plan pays for it",
                measure.measure
            ));
        }
    }
    Ok(())
}

fn sensitivity(name: &str, draw: &Draw, l0: u32, linf: u64) -> Result<(), String> {
    if draw.l0 == l0 && draw.linf == linf {
        return Ok(());
    }
    Err(format!(
        "the noise on `{name}` is made for other bounds than the table's"
    ))
}

/// One line about an entry, without a word that its readers may not see.
#[must_use]
pub fn line(body: &Body) -> String {
    let short = crate::output::short;
    match body {
        Body::BrokerStarted { software, floors } => {
            format!(
                "{software}; k at least {}, cap at most ({})",
                floors.k_min, floors.cap_max
            )
        }
        Body::OrgAdmitted { org, role, key, .. } => {
            format!("{org} ({role}), key {}…", short(key.fingerprint().as_str()))
        }
        Body::ZoningAdded { zoning, zones, .. } => format!("{zoning}, {zones} zones"),
        Body::AgreementOffered { agreement, by, .. } => format!("`{}` by {by}", agreement.title),
        Body::AgreementSigned { agreement, by, .. } => {
            format!("{}… by {by}", short(agreement.as_str()))
        }
        Body::AgreementActivated {
            agreement,
            allotment,
        } => {
            format!("{}…, allotted ({allotment})", short(agreement.as_str()))
        }
        Body::ContributionAccepted(c) => {
            let late = if c.late { ", late" } else { "" };
            let correction = if c.supersedes.is_some() {
                ", a correction"
            } else {
                ""
            };
            format!(
                "{} {} by {}{correction}{late}",
                c.table, c.period, c.provider
            )
        }
        Body::ReleaseReserved(r) => {
            format!(
                "{} {} for {}, charged ({})",
                r.table.name, r.period, r.by, r.charge
            )
        }
        Body::ReleasePublished { key, .. } => format!("{}…", short(key.as_str())),
        Body::ReleaseAborted { key, reason } => format!("{}…: {reason}", short(key.as_str())),
        Body::ReleaseRefused {
            by,
            table,
            period,
            reasons,
            ..
        } => {
            let reasons: Vec<_> = reasons.iter().map(|r| r.as_str()).collect();
            format!("{table} {period} for {by}: {}", reasons.join(", "))
        }
    }
}
