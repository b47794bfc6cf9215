//! The life of an agreement: where it can stand, who may do what to it, and what they sign for it.
//!
//! The table [`RULES`] is the whole of it (docs/AGREEMENTS.md shows it, and a test compares). Two closings
//! have no act of their own: an offer is *countered* by the offer of a document that names it, and an
//! agreement is *superseded* when an amendment, which both have signed, becomes active. An agreement whose
//! last day or whose notice is over has no power from that moment on, whatever the log says; the entry
//! `agreement.expired` follows to free its allotment and to tell the parties.

use std::collections::BTreeSet;

use jiff::{Timestamp, ToSpan};
use serde::{Deserialize, Serialize};

use crate::agreement::Agreement;
use crate::id::{AgreementId, OrgId, Role};
use crate::state::AgreementRecord;

mod act;
mod status;

pub use act::{Act, Cause, CauseError, REASON_BYTES_MAX, payload};
pub use status::Status;

/// Changes that the index keeps of one agreement, the newest; the log has them all.
pub const HISTORY_MAX: usize = 64;

/// What can be done to an agreement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Sign it, which makes it active.
    Sign,
    /// Answer it with another document.
    Counter,
    /// Take the offer back.
    Withdraw,
    /// Stop it for now.
    Suspend,
    /// Lift one's own suspension.
    Resume,
    /// End it, at once or with notice.
    Terminate,
    /// Put an amendment in its place.
    Amend,
}

impl Action {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Sign,
        Self::Counter,
        Self::Withdraw,
        Self::Suspend,
        Self::Resume,
        Self::Terminate,
        Self::Amend,
    ];

    /// The word of commands and of what is signed.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sign => "sign",
            Self::Counter => "counter",
            Self::Withdraw => "withdraw",
            Self::Suspend => "suspend",
            Self::Resume => "resume",
            Self::Terminate => "terminate",
            Self::Amend => "amend",
        }
    }
}

/// How an organisation stands to an agreement, for [`RULES`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// The party that signed the offer.
    Offerer,
    /// The party that has not.
    OtherParty,
    /// Provider and planner.
    Parties,
    /// Provider, planner, and every steward; each of them once until it resumes.
    PartiesAndStewards,
    /// Who has suspended it and not resumed since.
    Suspender,
}

impl Who {
    /// In words, for the documents.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Offerer => "the party that offered it",
            Self::OtherParty => "the other party",
            Self::Parties => "provider, planner",
            Self::PartiesAndStewards => "provider, planner, steward",
            Self::Suspender => "whoever suspended it",
        }
    }
}

/// One line of the table: who may do it, and where the agreement has to stand.
#[derive(Debug, Clone, Copy)]
pub struct Rule {
    /// What.
    pub action: Action,
    /// Who.
    pub who: Who,
    /// Where it has to stand.
    pub from: &'static [Status],
    /// What the log says where it may not be.
    pub text: &'static str,
}

const IN_FORCE: &[Status] = &[Status::Active, Status::Suspended];

/// Who may do what, and when. What is not here nobody may do.
pub const RULES: [Rule; 7] = [
    Rule {
        action: Action::Sign,
        who: Who::OtherParty,
        from: &[Status::Offered],
        text: "an offered agreement is signed by the other party",
    },
    Rule {
        action: Action::Counter,
        who: Who::OtherParty,
        from: &[Status::Offered],
        text: "an offered agreement is countered by the other party",
    },
    Rule {
        action: Action::Withdraw,
        who: Who::Offerer,
        from: &[Status::Offered],
        text: "an offer is withdrawn by the party that made it, before it is signed",
    },
    Rule {
        action: Action::Suspend,
        who: Who::PartiesAndStewards,
        from: IN_FORCE,
        text: "an agreement in force is suspended by a party or a steward, once by each",
    },
    Rule {
        action: Action::Resume,
        who: Who::Suspender,
        from: &[Status::Suspended],
        text: "a suspension is lifted by whoever made it",
    },
    Rule {
        action: Action::Terminate,
        who: Who::Parties,
        from: IN_FORCE,
        text: "an agreement in force is terminated by a party",
    },
    Rule {
        action: Action::Amend,
        who: Who::Parties,
        from: IN_FORCE,
        text: "an agreement in force is amended by its parties",
    },
];

/// One change in an agreement's life.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Change {
    /// Where it stood after it.
    pub status: Status,
    /// When.
    pub time: Timestamp,
    /// Who made it; absent where time did.
    pub by: Option<OrgId>,
    /// Why, where the act says so.
    pub reason: Option<Cause>,
    /// Index of its entry.
    pub entry: u64,
}

/// What the log says about an agreement's life.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Life {
    /// Who has suspended it and not resumed since.
    pub suspended_by: BTreeSet<OrgId>,
    /// The entry by which it came into force, and when; the history may be too long to hold it.
    // Not read as `None` where it is absent: an index from before it has to be made anew.
    #[serde(deserialize_with = "Option::deserialize")]
    pub activated: Option<(u64, Timestamp)>,
    /// When a termination with notice takes effect.
    pub ends: Option<Timestamp>,
    /// The amendment in its place.
    pub superseded_by: Option<AgreementId>,
    /// The first of its line of amendments, itself where it amends none: editions are counted there.
    pub first: AgreementId,
    /// The newest [`HISTORY_MAX`] changes, oldest first.
    pub history: Vec<Change>,
}

impl AgreementRecord {
    /// Where it stands at a time: a notice that has run out ends it, before the log says so.
    #[must_use]
    pub fn standing(&self, time: Timestamp) -> Status {
        let over = self.life.ends.is_some_and(|ends| ends <= time);
        if over && IN_FORCE.contains(&self.status) {
            return Status::Terminated;
        }
        self.status
    }

    /// Is its time over, and the log has not said so? Its last day, or its notice.
    #[must_use]
    pub fn has_run_out(&self, time: Timestamp) -> bool {
        !self.status.is_end() && (self.standing(time).is_end() || is_past(&self.terms, time))
    }

    /// The first moment after its time: its notice, or its last day. `None` past the calendar.
    #[must_use]
    pub fn over_at(&self) -> Option<Timestamp> {
        let next = self.terms.valid.until.tomorrow().ok();
        let past = next.and_then(|day| {
            day.to_zoned_datetime(self.terms.time_zone.tz().clone())
                .ok()
        });
        let past = past.map(|zoned| zoned.timestamp());
        [self.life.ends, past].into_iter().flatten().min()
    }

    /// May the organisation, admitted in this role, do it at this time?
    ///
    /// # Errors
    /// The rule that it would break.
    pub fn allows(
        &self,
        action: Action,
        (org, role): (&OrgId, Role),
        time: Timestamp,
    ) -> Result<(), &'static str> {
        let rule = RULES.iter().find(|rule| rule.action == action);
        let rule = rule.ok_or("nobody may do it")?;
        let status = self.standing(time);
        if rule.from.contains(&status) && self.is(rule.who, org, role) {
            Ok(())
        } else {
            Err(rule.text)
        }
    }

    fn is(&self, who: Who, org: &OrgId, role: Role) -> bool {
        let party = self.terms.is_party(org);
        let offered = self.signatures.iter().any(|(signer, _)| signer == org);
        let holds = self.life.suspended_by.contains(org);
        match who {
            Who::Offerer => party && offered,
            Who::OtherParty => party && !offered,
            Who::Parties => party,
            Who::PartiesAndStewards => (party || role == Role::Steward) && !holds,
            Who::Suspender => holds,
        }
    }
}

/// Is the agreement's last day over?
#[must_use]
pub fn is_past(terms: &Agreement, time: Timestamp) -> bool {
    let today = time.to_zoned_datetime(terms.time_zone.tz().clone()).date();
    today > terms.valid.until
}

/// The earliest time at which a termination given at `time` can take effect; `None` past the calendar.
#[must_use]
pub fn earliest_end(terms: &Agreement, time: Timestamp) -> Option<Timestamp> {
    let days = terms.on_end.map_or(0, |end| end.notice_days);
    time.checked_add((i64::from(days) * 24).hours()).ok()
}

#[cfg(test)]
mod tests;
