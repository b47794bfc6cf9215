use jiff::Timestamp;
use policies::entry::EntryError;
use policies::id::{BatchId, OrgId, ReleaseKey, RequestId, Role};
use policies::loss::Loss;
use policies::mechanism::MechanismError;
use policies::period::Period;
use policies::sign::SignError;
use policies::state::ApplyError;

/// The rule that an entry breaks, told with what was expected and what was found.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Breach {
    /// Its bytes are no entry this version knows.
    #[error(transparent)]
    Form(#[from] EntryError),
    /// Time went backwards.
    #[error("it is back-dated: the entry ahead of it is of {before}")]
    Time {
        /// Time of the entry ahead of it.
        before: Timestamp,
    },
    /// No `broker.started` came before it.
    #[error("no floors are in force: a log begins with `broker.started`")]
    NoFloors,
    /// A signature is not the organisation's over these bytes.
    #[error("signature of `{org}`: {source}")]
    Signature {
        /// Who is said to have signed.
        org: OrgId,
        /// What does not hold.
        source: SignError,
    },
    /// Somebody did what its role does not allow.
    #[error("`{org}` may not do this: {why}")]
    Caller {
        /// Who.
        org: OrgId,
        /// Why not.
        why: String,
    },
    /// A party of an agreement has another role than its place in it asks for.
    #[error("`{org}` stands in the agreement as {wanted}, which it was not admitted as")]
    Party {
        /// The party.
        org: OrgId,
        /// The role of its place.
        wanted: Role,
    },
    /// An admission without a steward, other than the first steward's own.
    #[error("nobody admitted `{org}`: only the first steward comes from the config")]
    AdmittedByNobody {
        /// Who was admitted.
        org: OrgId,
    },
    /// A SPIFFE id that is not the organisation's.
    #[error("`{spiffe}` is not `spiffe://…/org/{org}`")]
    Spiffe {
        /// Who was admitted.
        org: OrgId,
        /// The id, shortened.
        spiffe: String,
    },
    /// An agreement that the rules or the floors in force forbid.
    #[error("the agreement may not exist here: {faults}")]
    Terms {
        /// Every fault with the path of its field.
        faults: String,
    },
    /// A contribution for a period that the table or the agreement does not have.
    #[error("{period} is not a period of the table inside the days that the agreement covers")]
    Period {
        /// The period.
        period: Period,
    },
    /// A contribution about time that had not passed.
    #[error("{period} had not ended: it ends at {ends}")]
    NotEnded {
        /// The period.
        period: Period,
        /// Its end.
        ends: Timestamp,
    },
    /// Cells that had to be deleted before.
    #[error("the cells of batch `{batch}` had to be deleted before it")]
    Kept {
        /// The provider's id of the push.
        batch: BatchId,
    },
    /// A field is not what the rules make of the state before it.
    #[error("its `{field}` is {found}, the rules give {expected}")]
    Differs {
        /// The field.
        field: &'static str,
        /// What the rules give, as JSON, shortened.
        expected: String,
        /// What stands there, as JSON, shortened.
        found: String,
    },
    /// A reservation that the rules refuse.
    #[error("it was reserved although the rules refuse it: {reasons}")]
    Unpermitted {
        /// Every reason, with its stable id.
        reasons: String,
    },
    /// A second draw of the same release.
    #[error(
        "release `{key}` was reserved before, by entry {entry}: a second draw would cost again"
    )]
    DrawnBefore {
        /// The release.
        key: ReleaseKey,
        /// Its reservation.
        entry: u64,
    },
    /// A request id that acts twice.
    #[error("request `{request}` of `{org}` was answered before")]
    AnsweredBefore {
        /// Who asked.
        org: OrgId,
        /// The request.
        request: RequestId,
    },
    /// A refusal that the rules do not give.
    #[error("it was refused for [{found}], the rules give [{expected}]")]
    Unjustified {
        /// The reasons logged.
        found: String,
        /// What the rules give: the reasons, or nothing where they allow it.
        expected: String,
    },
    /// A mechanism outside all ranges.
    #[error("its mechanism has no cost: {0}")]
    Mechanism(#[from] MechanismError),
    /// Noise that is not the plan's: for other bounds or another k, or dearer than the plan pays for.
    #[error("{why}")]
    Noise {
        /// What is not as agreed.
        why: String,
    },
    /// All noise together loses more than the entry charges.
    #[error("its noise costs ({cost}), more than the charge ({charge})")]
    Charge {
        /// What it costs.
        cost: Loss,
        /// What is charged.
        charge: Loss,
    },
    /// A log that had snapshots has none any more.
    #[error("no `state.snapshot` came within {most} entries")]
    NoSnapshot {
        /// The most entries between two.
        most: u64,
    },
    /// The state has no digest.
    #[error("{why}")]
    State {
        /// What cannot be written.
        why: String,
    },
    /// A range of entries that is empty or was not there.
    #[error("entries {from} to {to} are no range of the {size} before it")]
    Range {
        /// The first.
        from: u64,
        /// One more than the last.
        to: u64,
        /// How many there were.
        size: u64,
    },
    /// A text that has to be a stable word and could hold anything.
    #[error("its `{field}` is not a word of a-z, 0-9, `.`, `_`, `-`, at most 64")]
    Word {
        /// The field.
        field: &'static str,
    },
    /// The reducer does not take it.
    #[error(transparent)]
    Rule(#[from] ApplyError),
}
