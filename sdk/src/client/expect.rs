//! What an entry has to say to be the answer to a call.

use policies::entry::{Body, Contribution, Opening, Recall, Step};
use policies::id::{AgreementId, BlobId, CallId, OrgId, ReleaseKey};
use policies::life::{Act, Action};
use policies::refusal::Refusal;
use policies::sign::{PublicKey, Signs, possession_payload, rotation_payload, verify};
use proto::convert::{
    Acting, CallStatus, ContributionStatus, Organisation, Push, Rotation, Wish, Withdrawing, Zoning,
};

use super::proof::Differs;

type Same = Result<(), Differs>;

/// `true` where a field is what was asked.
fn same(is: bool, field: &'static str) -> Same {
    if is {
        Ok(())
    } else {
        Err(Differs::Field(field))
    }
}

/// The organisation with this role, id and key, which it proved to hold.
pub(super) fn organisation(body: &Body, asked: &Organisation) -> Same {
    let Body::OrgAdmitted {
        org,
        role,
        spiffe,
        key,
        possession,
        by: _,
    } = body
    else {
        return Err(Differs::Kind("org.admitted"));
    };
    same(*org == asked.org, "organisation")?;
    same(*role == asked.role, "role")?;
    same(*spiffe == asked.spiffe, "SPIFFE id")?;
    same(*key == asked.key, "key")?;
    let claim = possession_payload(org, *role, spiffe, key.fingerprint());
    let proved = verify(Signs::KeyPossession, key, &claim, possession);
    same(proved.is_ok(), "proof of possession")
}

/// The organisation's change from `old` to the key asked for, signed by both.
pub(super) fn rotation(body: &Body, who: &OrgId, old: &PublicKey, asked: &Rotation) -> Same {
    let Body::OrgKeyRotated {
        org,
        from,
        key,
        by_old,
        by_new,
    } = body
    else {
        return Err(Differs::Kind("org.key_rotated"));
    };
    same(org == who, "organisation")?;
    same(from == old.fingerprint(), "old key")?;
    same(*key == asked.key, "key")?;
    let claim = rotation_payload(org, from, key.fingerprint());
    let signed = |key, signature| verify(Signs::KeyRotation, key, &claim, signature).is_ok();
    same(signed(old, by_old) && signed(key, by_new), "signatures")
}

/// The zoning with this content.
pub(super) fn zoning(body: &Body, asked: &Zoning) -> Same {
    let Body::ZoningAdded {
        zoning,
        sha256,
        zones,
        parents,
        blob: _,
        by: _,
    } = body
    else {
        return Err(Differs::Kind("zoning.added"));
    };
    same(*zoning == asked.id, "zoning")?;
    same(*sha256 == asked.sha256, "SHA-256")?;
    same(*zones == asked.zones, "number of zones")?;
    same(*parents == asked.parents, "number of parents")
}

/// The call with these terms.
pub(super) fn call(body: &Body, told: &CallStatus) -> Same {
    let Body::CallPublished { call, by, terms } = body else {
        return Err(Differs::Kind("call.published"));
    };
    same(*call == told.id, "call")?;
    same(*by == told.planner, "planner")?;
    same(*terms == told.terms, "terms")
}

/// The end of this call.
pub(super) fn closed_call(body: &Body, asked: &CallId) -> Same {
    match body {
        Body::CallClosed { call, by: _ } => same(call == asked, "call"),
        _ => Err(Differs::Kind("call.closed")),
    }
}

/// Something that happened to this agreement; a repeated call is answered with its last entry.
pub(super) fn agreement(body: &Body, asked: &AgreementId) -> Same {
    let is = match body {
        Body::AgreementOffered { agreement, .. } => agreement.id().is_ok_and(|id| id == *asked),
        Body::AgreementSigned { agreement, .. }
        | Body::AgreementActivated { agreement, .. }
        | Body::AgreementExpired { agreement }
        | Body::AgreementWithdrawn(Act { agreement, .. })
        | Body::AgreementSuspended(Act { agreement, .. })
        | Body::AgreementResumed(Act { agreement, .. })
        | Body::AgreementTerminated(Act { agreement, .. }) => agreement == asked,
        _ => return Err(Differs::Kind("agreement.offered")),
    };
    same(is, "agreement")
}

/// The agreement is signed by both, or in force.
pub(super) fn signed(body: &Body, asked: &AgreementId) -> Same {
    match body {
        Body::AgreementSigned { .. } | Body::AgreementActivated { .. } => agreement(body, asked),
        _ => Err(Differs::Kind("agreement.activated")),
    }
}

/// The act that was signed; a repeated call is answered with the first one's entry.
pub(super) fn act(body: &Body, action: Action, asked: &Acting) -> Same {
    let (Body::AgreementWithdrawn(act)
    | Body::AgreementSuspended(act)
    | Body::AgreementResumed(act)
    | Body::AgreementTerminated(act)) = body
    else {
        return Err(Differs::Kind("agreement.suspended"));
    };
    same(body.kind() == kind(action), "kind")?;
    same(act.agreement == asked.agreement, "agreement")?;
    same(act.after == asked.after, "last change")?;
    same(act.takes_effect == asked.takes_effect, "time of effect")?;
    same(act.reason == asked.reason, "reason")
}

fn kind(action: Action) -> &'static str {
    match action {
        Action::Withdraw => "agreement.withdrawn",
        Action::Suspend => "agreement.suspended",
        Action::Resume => "agreement.resumed",
        Action::Terminate => "agreement.terminated",
        Action::Sign | Action::Counter | Action::Amend => "agreement.offered",
    }
}

/// The contribution that was pushed.
pub(super) fn push(body: &Body, asked: &Push) -> Same {
    let found = accepted(body)?;
    same(found.agreement == asked.agreement, "agreement")?;
    same(found.table == asked.table, "table")?;
    same(found.period == asked.period, "period")?;
    same(found.batch == asked.batch, "batch id")?;
    same(found.supersedes == asked.supersedes, "superseded batch")
}

/// The contribution whose status is told.
pub(super) fn contribution(body: &Body, told: &ContributionStatus) -> Same {
    let found = accepted(body)?;
    same(found.agreement == told.agreement, "agreement")?;
    same(found.table == told.table, "table")?;
    same(found.period == told.period, "period")?;
    same(found.batch == told.batch, "batch id")?;
    same(found.supersedes == told.supersedes, "superseded batch")?;
    same(found.late == told.late, "lateness")
}

/// The withdrawal that was asked for.
pub(super) fn withdrawal(body: &Body, asked: &Withdrawing) -> Same {
    let Body::ContributionWithdrawn(found) = body else {
        return Err(Differs::Kind("contribution.withdrawn"));
    };
    same(found.agreement == asked.agreement, "agreement")?;
    same(found.batch == asked.batch, "batch id")
}

fn accepted(body: &Body) -> Result<&Contribution, Differs> {
    match body {
        Body::ContributionAccepted(contribution) => Ok(contribution),
        _ => Err(Differs::Kind("contribution.accepted")),
    }
}

/// The publication of this release, with this blob where the blob is known.
pub(super) fn published(body: &Body, asked: &ReleaseKey, holds: Option<&BlobId>) -> Same {
    let Body::ReleasePublished { key, blob } = body else {
        return Err(Differs::Kind("release.published"));
    };
    same(key == asked, "release key")?;
    same(holds.is_none_or(|holds| holds == blob), "blob")
}

/// The step of this release towards everybody, or back.
pub(super) fn open_data(body: &Body, step: Step, asked: &ReleaseKey) -> Same {
    let key = match (step, body) {
        (Step::Propose, Body::ReleaseProposed(Opening { key, .. }))
        | (Step::Approve, Body::ReleaseOpened(Opening { key, .. }))
        | (Step::Withdraw, Body::ReleaseWithdrawn(Recall { key, .. })) => key,
        (Step::Propose, _) => return Err(Differs::Kind("release.proposed")),
        (Step::Approve, _) => return Err(Differs::Kind("release.opened")),
        (Step::Withdraw, _) => return Err(Differs::Kind("release.withdrawn")),
    };
    same(key == asked, "release key")
}

/// The refusal of this wish, for exactly these reasons.
pub(super) fn refused(body: &Body, wish: &Wish, told: &Refusal) -> Same {
    let Body::ReleaseRefused {
        request,
        by: _,
        agreement,
        table,
        period,
        with,
        merge,
        reasons,
    } = body
    else {
        return Err(Differs::Kind("release.refused"));
    };
    same(*request == wish.request, "request id")?;
    same(*agreement == wish.agreement, "agreement")?;
    same(*table == wish.table, "table")?;
    same(*period == wish.period, "period")?;
    same(*with == wish.with, "further agreements")?;
    same(*merge == wish.merge, "merge")?;
    let told = told.reasons().iter().map(|reason| &reason.id);
    same(told.eq(reasons), "reasons")
}
