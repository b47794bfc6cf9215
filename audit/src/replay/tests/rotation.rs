//! A changed signing key: what it signed before holds, what it signs after is found.

use policies::sign::rotation_payload;

use super::*;

/// The change from `old` to `new`, signed by whom it is said to be, or by others.
fn rotated(old: &Signer, new: &Signer, signers: [&Signer; 2]) -> Entry {
    let (from, to) = (old.public.fingerprint(), new.public.fingerprint());
    let claim = rotation_payload(&org("bikes"), from, to);
    let [by_old, by_new] = signers.map(|signer| signer.sign(Signs::KeyRotation, &claim));
    let body = Body::OrgKeyRotated {
        org: org("bikes"),
        from: from.clone(),
        key: new.public.clone(),
        by_old,
        by_new,
    };
    timed(body, SETUP)
}

/// What is found in an honest log with a change of the provider's key put in front of `index`.
fn found(index: usize, change: impl FnOnce(&Town, &Signer, &mut Vec<Entry>)) -> Finding {
    let ((town, mut log), new) = (honest(), Signer::new());
    log.insert(index, rotated(&town.bikes, &new, [&town.bikes, &new]));
    change(&town, &new, &mut log);
    replay(bytes(&log)).map(|_| ()).unwrap_err()
}

#[track_caller]
fn names(finding: &Finding, index: usize, says: &str) {
    assert_eq!(finding.index, index as u64, "{finding}");
    assert!(finding.why.contains(says), "{finding}");
}

#[test]
fn signatures_from_before_hold_and_everything_goes_on() {
    let ((town, mut log), new) = (honest(), Signer::new());
    log.insert(CONTRIBUTED, rotated(&town.bikes, &new, [&town.bikes, &new]));
    let replayer = replay(bytes(&log)).unwrap();
    assert_eq!(replayer.state().org(&org("bikes")).unwrap().key, new.public);
    assert_eq!(replayer.size(), log.len() as u64);
}

#[test]
fn the_old_key_signs_nothing_after_the_change() {
    let finding = found(OFFERED, |_, _, _| ());
    names(&finding, OFFERED + 1, "signature of `bikes`");
    // The terms name the new key and the old one signs them.
    let finding = found(OFFERED, |town, new, log| {
        let Body::AgreementOffered {
            agreement,
            signature,
            ..
        } = &mut log[OFFERED + 1].body
        else {
            panic!()
        };
        agreement.provider.key = new.public.fingerprint().clone();
        *signature = town
            .bikes
            .sign(Signs::Agreement, &agreement.canonical().unwrap());
    });
    names(&finding, OFFERED + 1, "signature of `bikes`");
    // The new key signs terms that name the old one.
    let finding = found(OFFERED, |town, new, log| {
        let Body::AgreementOffered { signature, .. } = &mut log[OFFERED + 1].body else {
            panic!()
        };
        *signature = new.sign(Signs::Agreement, &town.terms.canonical().unwrap());
    });
    names(&finding, OFFERED + 1, "the one in force");
    // Offered before the change, signed by the other party after it.
    let finding = found(SIGNED, |_, _, _| ());
    names(&finding, SIGNED + 1, "the one in force");
}

#[test]
fn a_change_needs_both_keys() {
    let (stranger, new) = (Signer::new(), Signer::new());
    let (town, log) = honest();
    for signers in [
        [&stranger, &new],
        [&town.bikes, &stranger],
        [&new, &new],
        [&new, &town.bikes],
    ] {
        let mut log = log.clone();
        log.insert(CONTRIBUTED, rotated(&town.bikes, &new, signers));
        let finding = replay(bytes(&log)).unwrap_err();
        names(&finding, CONTRIBUTED, "signature of `bikes`");
    }
    // Two strangers agree on a change of somebody else's key.
    let mut forged = log.clone();
    forged.insert(CONTRIBUTED, rotated(&stranger, &new, [&stranger, &new]));
    let finding = replay(bytes(&forged)).unwrap_err();
    names(&finding, CONTRIBUTED, "signature of `bikes`");
}
