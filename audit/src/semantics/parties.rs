//! Organisations and agreements: who signed what with which key.

use policies::agreement::{AGREEMENT_BYTES_MAX, Agreement};
use policies::entry::{Floors, Opening, Recall, Step, Withdrawal};
use policies::id::{Fingerprint, OrgId, Role};
use policies::life::{Act, Action};
use policies::sign::{
    PartySignature, PublicKey, Signs, possession_payload, rotation_payload, verify,
};
use policies::state::State;
use policies::validate::lasting_faults;

use super::{Breach, caller};
use crate::text;

/// Did the organisation prove that it holds its key?
pub(super) fn possession(
    org: &OrgId,
    role: Role,
    spiffe: &str,
    key: &PublicKey,
    proof: &PartySignature,
) -> Result<(), Breach> {
    let claim = possession_payload(org, role, spiffe, key.fingerprint());
    verify(Signs::KeyPossession, key, &claim, proof).map_err(|source| Breach::Signature {
        org: org.clone(),
        source,
    })
}

/// Did a steward admit it, under a name of its own?
pub(super) fn admitted(
    state: &State,
    org: &OrgId,
    role: Role,
    spiffe: &str,
    by: Option<&OrgId>,
) -> Result<(), Breach> {
    let own = spiffe.starts_with("spiffe://") && spiffe.ends_with(&format!("/org/{org}"));
    if !own {
        return Err(Breach::Spiffe {
            org: org.clone(),
            spiffe: text::shorten(spiffe),
        });
    }
    if let Some(by) = by {
        return caller(state, by, "/weir.v1.DirectoryService/AdmitOrganisation");
    }
    let stewarded = state.orgs().any(|(_, known)| known.role == Role::Steward);
    if role == Role::Steward && !stewarded {
        return Ok(());
    }
    Err(Breach::AdmittedByNobody { org: org.clone() })
}

/// Did both keys of the organisation, the one in force and the next, sign the change?
pub(super) fn rotated(
    state: &State,
    org: &OrgId,
    (from, to): (&Fingerprint, &PublicKey),
    (by_old, by_new): (&PartySignature, &PartySignature),
) -> Result<(), Breach> {
    let claim = rotation_payload(org, from, to.fingerprint());
    let old = state.org(org).map(|known| &known.key);
    // An unknown organisation, and another key than the one in force, are the reducer's to name.
    let pairs = old
        .map(|old| (old, by_old))
        .into_iter()
        .chain([(to, by_new)]);
    pairs.into_iter().try_for_each(|(key, signature)| {
        verify(Signs::KeyRotation, key, &claim, signature).map_err(|source| Breach::Signature {
            org: org.clone(),
            source,
        })
    })
}

/// May the agreement exist under these floors, with these parties?
pub(super) fn terms(state: &State, terms: &Agreement, floors: &Floors) -> Result<(), Breach> {
    let mut faults: Vec<String> = lasting_faults(terms, floors)
        .iter()
        .map(ToString::to_string)
        .collect();
    if document(terms)?.len() > AGREEMENT_BYTES_MAX {
        faults.push(format!("it has over {AGREEMENT_BYTES_MAX} bytes"));
    }
    if !faults.is_empty() {
        return Err(Breach::Terms {
            faults: faults.join("; "),
        });
    }
    let places = [
        (&terms.provider, Role::Provider),
        (&terms.planner, Role::Planner),
    ];
    for (party, wanted) in places {
        if state.org(&party.org).map(|org| org.role) != Some(wanted) {
            return Err(Breach::Party {
                org: party.org.clone(),
                wanted,
            });
        }
    }
    Ok(())
}

/// Did the organisation sign these terms, with the key in force?
pub(super) fn signed(
    state: &State,
    terms: &Agreement,
    by: &OrgId,
    signature: &PartySignature,
) -> Result<(), Breach> {
    let org = state.org(by).ok_or_else(|| Breach::Caller {
        org: by.clone(),
        why: "it is not admitted".to_owned(),
    })?;
    let document = document(terms)?;
    verify(Signs::Agreement, &org.key, &document, signature).map_err(|source| Breach::Signature {
        org: by.clone(),
        source,
    })
}

/// Did the organisation sign this act, with the key in force? Whether it may, the reducer knows.
pub(super) fn acted(state: &State, action: Action, act: &Act) -> Result<(), Breach> {
    let method = match action {
        Action::Withdraw => "/weir.v1.AgreementService/WithdrawAgreement",
        Action::Suspend => "/weir.v1.AgreementService/SuspendAgreement",
        Action::Resume => "/weir.v1.AgreementService/ResumeAgreement",
        Action::Terminate => "/weir.v1.AgreementService/TerminateAgreement",
        Action::Sign => "/weir.v1.AgreementService/SignAgreement",
        Action::Counter | Action::Amend => "/weir.v1.AgreementService/OfferAgreement",
    };
    caller(state, &act.by, method)?;
    let org = state.org(&act.by).ok_or_else(|| Breach::Caller {
        org: act.by.clone(),
        why: "it is not admitted".to_owned(),
    })?;
    let payload = act.payload(action);
    verify(Signs::AgreementAct, &org.key, &payload, &act.signature).map_err(|source| {
        Breach::Signature {
            org: act.by.clone(),
            source,
        }
    })
}

/// Did the provider sign that it takes this back, with the key in force? Whether it is there, the reducer knows.
pub(super) fn withdrawn(state: &State, withdrawal: &Withdrawal) -> Result<(), Breach> {
    let method = "/weir.v1.ContributionService/WithdrawContribution";
    let signed = (withdrawal.payload(), &withdrawal.signature);
    step(
        state,
        (&withdrawal.provider, method),
        Signs::ContributionWithdrawal,
        signed,
    )
}

/// Did the party sign that it proposes or approves this as open data?
pub(super) fn opened(state: &State, as_step: Step, opening: &Opening) -> Result<(), Breach> {
    let method = match as_step {
        Step::Propose => "/weir.v1.ReleaseService/ProposeOpenData",
        Step::Approve => "/weir.v1.ReleaseService/ApproveOpenData",
        Step::Withdraw => "/weir.v1.ReleaseService/WithdrawOpenData",
    };
    let signed = (opening.payload(as_step), &opening.signature);
    step(state, (&opening.by, method), Signs::OpenData, signed)
}

/// Did the party sign that it withdraws this?
pub(super) fn recalled(state: &State, recall: &Recall) -> Result<(), Breach> {
    let method = "/weir.v1.ReleaseService/WithdrawOpenData";
    let signed = (recall.payload(), &recall.signature);
    step(state, (&recall.by, method), Signs::OpenData, signed)
}

/// May the organisation call the method, and did it sign this, with the key in force?
fn step(
    state: &State,
    (org, method): (&OrgId, &str),
    signs: Signs,
    (payload, signature): (Vec<u8>, &PartySignature),
) -> Result<(), Breach> {
    caller(state, org, method)?;
    let key = state.org(org).map(|known| &known.key);
    let key = key.ok_or_else(|| Breach::Caller {
        org: org.clone(),
        why: "it is not admitted".to_owned(),
    })?;
    verify(signs, key, &payload, signature).map_err(|source| Breach::Signature {
        org: org.clone(),
        source,
    })
}

fn document(terms: &Agreement) -> Result<Vec<u8>, Breach> {
    terms.canonical().map_err(|e| Breach::Terms {
        faults: e.to_string(),
    })
}
