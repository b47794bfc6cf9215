//! Every way an operator could leave an honest log, each signed by the operator itself: only the
//! rules can tell, and they name the entry.

use super::*;

/// What is found in an honest log after a change.
fn found(change: impl FnOnce(&Town, &mut Vec<Entry>)) -> Finding {
    let (town, mut log) = honest();
    change(&town, &mut log);
    replay(bytes(&log)).map(|_| ()).unwrap_err()
}

#[track_caller]
pub(super) fn names(finding: &Finding, index: usize, says: &str) {
    let (there, why) = (finding.index, &finding.why);
    assert_eq!(there, index as u64, "{why}");
    assert!(why.contains(says), "`{why}` does not say `{says}`");
}

/// A reservation, changed.
#[track_caller]
fn reserves(index: usize, says: &str, change: impl FnOnce(&mut Reservation)) {
    let finding = found(|_, log| change(reservation(&mut log[index])));
    names(&finding, index, says);
}

/// A mechanism, changed: its selection and the draw of its first measure.
#[track_caller]
fn draws(says: &str, change: impl FnOnce(&mut Selection, &mut Draw)) {
    let finding = found(|_, log| {
        let (selection, measure) = thresholded(&mut log[RESERVED]);
        change(selection, measure);
    });
    names(&finding, RESERVED, says);
}

fn half(scale: Scale) -> Scale {
    Scale::from_sixteenths(scale.sixteenths() / 2).unwrap()
}

#[test]
fn rewritten_entry_bytes() {
    let (_, log) = honest();
    let mut all = bytes(&log);
    all[REFUSED].push(b' ');
    names(&replay(all).unwrap_err(), REFUSED, "canonical");
    let mut all = bytes(&log);
    let text = String::from_utf8(all[CONTRIBUTED].clone()).unwrap();
    all[CONTRIBUTED] = text.replace("\"kind\"", "\"kynd\"").into_bytes();
    names(&replay(all).unwrap_err(), CONTRIBUTED, "not an entry");
}

#[test]
fn a_dropped_refusal_gives_another_root() {
    let (_, mut log) = honest();
    let signed = replay(bytes(&log)).unwrap().root();
    log.remove(REFUSED);
    let replayer = replay(bytes(&log)).unwrap();
    assert_eq!(replayer.size(), REFUSED_LAST as u64);
    assert_ne!(replayer.root(), signed);
}

#[test]
fn another_salt_gives_another_root() {
    let (_, mut log) = honest();
    let signed = replay(bytes(&log)).unwrap().root();
    log[REFUSED].salt = policies::entry::EntrySalt::from_bytes([8; 16]);
    assert_ne!(replay(bytes(&log)).unwrap().root(), signed);
}

#[test]
fn reordered_entries() {
    names(
        &found(|_, log| log.swap(RESERVED, PUBLISHED)),
        RESERVED,
        "unknown release",
    );
    names(
        &found(|_, log| log.swap(SIGNED, ACTIVATED)),
        SIGNED,
        "signed by both",
    );
}

#[test]
fn a_back_dated_entry() {
    names(
        &found(|_, log| log[REFUSED].time = at(SETUP)),
        REFUSED,
        "back-dated",
    );
}

#[test]
fn a_charge_below_the_cost() {
    reserves(RESERVED, "more than the charge", |r| {
        r.charge.rho = "0.25".parse().unwrap();
    });
}

#[test]
fn a_charge_above_the_plan() {
    reserves(RESERVED, "its `charge`", |r| {
        r.charge.rho = "0.75".parse().unwrap();
    });
}

#[test]
fn an_edition_that_takes_the_place_of_another() {
    reserves(SECOND, "its `replaces`", |r| {
        r.replaces = Some(r.key.clone())
    });
    reserves(RESERVED, "its `replaces`", |r| {
        r.replaces = Some(r.key.clone())
    });
}

#[test]
fn half_the_scale() {
    draws("costs", |selection, _| {
        selection.draw.scale = half(selection.draw.scale);
    });
    draws("costs", |_, measure| measure.scale = half(measure.scale));
}

#[test]
fn a_threshold_lower_by_one() {
    draws("costs", |selection, _| selection.threshold -= 1);
}

#[test]
fn k_below_the_agreement() {
    draws("the agreement asks for 5", |selection, _| selection.k = 4);
}

#[test]
fn noise_for_fewer_cells_or_smaller_changes() {
    let says = "other bounds than the table's";
    draws(says, |selection, _| selection.draw.l0 = 1);
    draws(says, |_, measure| measure.l0 = 1);
    draws(says, |_, measure| measure.linf = 1);
}

#[test]
fn a_measure_that_the_plan_does_not_name() {
    let finding = found(|_, log| {
        let Mechanism::Thresholded { measures, .. } =
            &mut reservation(&mut log[RESERVED]).mechanism
        else {
            panic!()
        };
        measures[0].measure = "duration_s".into();
    });
    names(&finding, RESERVED, "measures");
}

#[test]
fn no_protection_at_all() {
    reserves(RESERVED, "only data without a unit", |r| {
        r.mechanism = Mechanism::Unprotected;
    });
}

#[test]
fn a_release_without_an_active_agreement() {
    let finding = found(|_, log| {
        // Neither activated nor contributed: the reservation comes right after the signatures.
        let mut reserved = log[RESERVED].clone();
        reserved.time = at(ASKED);
        log.truncate(ACTIVATED);
        log.push(reserved);
    });
    names(&finding, ACTIVATED, "agreement.not_active");
}

#[test]
fn a_release_to_a_non_recipient() {
    reserves(RESERVED, "bikes", |r| r.by = org("bikes"));
    reserves(RESERVED, "stranger", |r| r.by = org("stranger"));
}

#[test]
fn a_release_for_another_purpose() {
    reserves(RESERVED, "purpose.not_agreed", |r| {
        r.purpose = "dpv:Marketing".into();
    });
}

#[test]
fn another_release_key() {
    reserves(RESERVED, "its `key`", |r| {
        r.key = "d".repeat(64).parse().unwrap();
    });
}

#[test]
fn another_input_than_the_live_contribution() {
    reserves(RESERVED, "its `manifest`", |r| {
        r.manifest = vec!["e".repeat(64).parse().unwrap()];
    });
}

#[test]
fn other_lateness_or_missing_periods() {
    reserves(RESERVED, "its `late`", |r| r.late = true);
    reserves(RESERVED, "its `missing`", |r| r.missing.truncate(1));
}

#[test]
fn a_reused_reservation() {
    let finding = found(|_, log| {
        let again = log[RESERVED].clone();
        log.insert(PUBLISHED, again);
    });
    names(&finding, PUBLISHED, "answered before");
    let finding = found(|_, log| {
        let mut again = log[RESERVED].clone();
        reservation(&mut again).request = "r8".parse().unwrap();
        log.insert(PUBLISHED, again);
    });
    names(&finding, PUBLISHED, "reserved before");
}

#[test]
fn a_second_edition_unannounced() {
    reserves(SECOND, "its `edition`", |r| r.edition = 1);
}

#[test]
fn over_the_cap() {
    let finding = found(|town, log| {
        // The refused third edition, reserved all the same.
        let mut third = log[SECOND].clone();
        let r = reservation(&mut third);
        let live = policies::state::Slot {
            agreement: r.agreement.clone(),
            table: r.table.name.clone(),
            period: r.period,
        };
        let live = town.state.live(&live).unwrap();
        r.manifest = vec![live.contribution.blob.clone()];
        (r.request, r.edition) = ("r3".parse().unwrap(), 3);
        r.key = "d".repeat(64).parse().unwrap();
        log[REFUSED_LAST] = third;
    });
    names(&finding, REFUSED_LAST, "budget.cap_exceeded");
}

#[test]
fn released_before_its_due_time() {
    let finding = found(|_, log| {
        let mut early = log[RESERVED].clone();
        early.time = at("2026-10-06T20:59:59Z");
        log.insert(REFUSED, early);
    });
    names(&finding, REFUSED, "period.not_due");
}

#[test]
fn released_outside_the_days_of_validity() {
    let finding = found(|_, log| {
        // Contributed so late that its retention is not over.
        log.remove(REFUSED);
        let Body::ContributionAccepted(contribution) = &mut log[CONTRIBUTED].body else {
            panic!()
        };
        contribution.late = true;
        log[CONTRIBUTED].time = at("2027-12-01T08:00:00Z");
        // In Helsinki it is the first of January.
        log[RESERVED - 1].time = at("2027-12-31T22:00:00Z");
    });
    names(&finding, RESERVED - 1, "agreement.outside_validity");
}

fn contributed(index: usize, says: &str, change: impl FnOnce(&mut Contribution)) {
    let finding = found(|_, log| {
        let Body::ContributionAccepted(contribution) = &mut log[index].body else {
            panic!()
        };
        change(contribution);
    });
    names(&finding, index, says);
}

#[test]
fn a_contribution_that_is_not_late_or_not_over() {
    contributed(CONTRIBUTED, "its `late`", |c| c.late = true);
    contributed(CONTRIBUTED, "had not ended", |c| {
        c.period = "2026-10-06".parse().unwrap();
    });
    contributed(CONTRIBUTED, "not a period", |c| {
        c.period = "2026-09-30".parse().unwrap();
    });
}

#[test]
fn a_refusal_that_the_rules_do_not_give() {
    let refused = |index: usize, says: &str, change: &dyn Fn(&mut Body)| {
        let finding = found(|_, log| change(&mut log[index].body));
        names(&finding, index, says);
    };
    refused(REFUSED, "the rules give", &|body| {
        let Body::ReleaseRefused { reasons, .. } = body else {
            panic!()
        };
        reasons.pop();
    });
    let finding = found(|_, log| {
        // What was permitted, refused for the purse of another day.
        let mut refusal = log[REFUSED_LAST].clone();
        let Body::ReleaseRefused { request, .. } = &mut refusal.body else {
            panic!()
        };
        *request = "r1".parse().unwrap();
        log[RESERVED] = refusal;
    });
    names(&finding, RESERVED, "the rules give");
}

/// The signature and the key of an entry that has them.
fn signature(entry: &mut Entry) -> &mut PartySignature {
    match &mut entry.body {
        Body::OrgAdmitted { possession, .. } => possession,
        Body::AgreementOffered { signature, .. } | Body::AgreementSigned { signature, .. } => {
            signature
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_signature_by_another_key() {
    for (index, who) in [(OFFERED, "bikes"), (SIGNED, "city")] {
        let finding = found(|town, log| {
            let document = town.terms.canonical().unwrap();
            *signature(&mut log[index]) = Signer::new().sign(Signs::Agreement, &document);
        });
        names(&finding, index, &format!("signature of `{who}`"));
    }
    let finding = found(|_, log| {
        let offered = signature(&mut log[OFFERED]).clone();
        *signature(&mut log[SIGNED]) = offered;
    });
    names(&finding, SIGNED, "signature of `city`");
}

#[test]
fn an_admission_by_another_key() {
    let finding = found(|_, log| {
        let Body::OrgAdmitted { key, .. } = &mut log[ADMITTED].body else {
            panic!()
        };
        *key = PublicKey::clone(&Signer::new().public);
    });
    names(&finding, ADMITTED, "signature of `bikes`");
}

#[test]
fn terms_under_the_floors_of_the_last_start() {
    for index in [OFFERED, ACTIVATED] {
        let finding = found(|_, log| {
            let mut strict = floors();
            strict.k_min = 6;
            let software = "1".to_owned();
            let started = Body::BrokerStarted {
                software,
                floors: strict,
                binary: None,
            };
            log.insert(index, timed(started, SETUP));
        });
        names(&finding, index + 1, "k: ");
    }
}
