//! The life of agreements: what an operator might do in the name of others, or in spite of them.

use super::*;
use policies::agreement::OnEnd;
use policies::life::{Act, Action};

const LATER: &str = "2026-10-08T08:00:00Z";
const NOTICE_OVER: &str = "2026-11-07T08:00:00Z";

/// A town that writes its log, with the key of its steward.
struct Story {
    town: Town,
    mayor: Signer,
    log: Vec<Entry>,
}

impl Story {
    /// Admitted organisations; bikes offers terms that ask for 30 days of notice.
    fn new() -> Self {
        let mut town = Town::new();
        let (mayor, admission) = steward();
        let mut log = begun(&town);
        log[1] = timed(admission, SETUP);
        town.state = policies::state::State::new();
        for entry in &log {
            town.state.apply(entry).unwrap();
        }
        town.terms.on_end = Some(OnEnd {
            notice_days: 30,
            ..OnEnd::default()
        });
        let mut story = Self { town, mayor, log };
        let [offered, ..] = story.town.agreeing();
        story.write(offered, SETUP);
        story
    }

    /// Signed, active, with one day contributed and its release reserved.
    fn running() -> Self {
        let mut story = Self::new();
        let [_, signed, activated] = story.town.agreeing();
        story.write(signed, SETUP);
        story.write(activated, SETUP);
        let body = story.town.contribution("2026-10-05", "b1", None);
        story.write(body, PUSHED);
        let body = answer(&story.town, "r1", "2026-10-05");
        story.write(body, ASKED);
        story
    }

    fn write(&mut self, body: Body, time: &str) {
        let entry = timed(body, time);
        self.town.state.apply(&entry).unwrap();
        self.log.push(entry);
    }

    fn act(&self, action: Action, by: &str, at: Option<&str>) -> Act {
        let signer = match by {
            "bikes" => &self.town.bikes,
            "city" => &self.town.city,
            _ => &self.mayor,
        };
        let at = at.map(|at| at.parse().unwrap());
        self.town.act(action, by, signer, at)
    }

    fn publish(&self) -> Body {
        let open = self.town.state.releases().next().unwrap();
        Body::ReleasePublished {
            key: open.0.clone(),
            blob: "c".repeat(64).parse().unwrap(),
        }
    }

    /// What the auditor says to one entry more.
    fn found(&self, body: Body, time: &str) -> String {
        let mut log = self.log.clone();
        log.push(timed(body, time));
        let finding = replay(bytes(&log)).map(|_| ()).unwrap_err();
        assert_eq!(finding.index, log.len() as u64 - 1, "{}", finding.why);
        finding.why
    }
}

/// A counter-offer, a withdrawal, a suspension that a release waits for, an amendment, a notice and its end.
fn whole_life() -> Story {
    let mut story = Story::new();
    let mut answer = story.town.terms.clone();
    answer.title = "Rides, as the city sees it".into();
    answer.counters = Some(story.town.id());
    let sign = |story: &Story, terms: &policies::agreement::Agreement| {
        let document = terms.canonical().unwrap();
        story.town.city.sign(Signs::Agreement, &document)
    };
    let countered = Body::AgreementOffered {
        signature: sign(&story, &answer),
        agreement: Box::new(answer.clone()),
        by: org("city"),
    };
    story.write(countered, SETUP);
    let first = std::mem::replace(&mut story.town.terms, answer);
    let act = story.act(Action::Withdraw, "city", None);
    story.write(Body::AgreementWithdrawn(act), SETUP);
    story.town.terms = first;
    story.town.terms.title = "Rides, offered again".into();
    for body in story.town.agreeing() {
        story.write(body, SETUP);
    }
    let body = story.town.contribution("2026-10-05", "b1", None);
    story.write(body, PUSHED);
    let body = super::answer(&story.town, "r1", "2026-10-05");
    story.write(body, ASKED);
    let act = story.act(Action::Suspend, "mayor", None);
    story.write(Body::AgreementSuspended(act), ASKED);
    let body = super::answer(&story.town, "r2", "2026-10-05");
    assert_eq!(body.kind(), "release.refused");
    story.write(body, ASKED);
    let act = story.act(Action::Resume, "mayor", None);
    story.write(Body::AgreementResumed(act), LATER);
    let body = story.publish();
    story.write(body, LATER);
    let amended = story.town.amendment(|terms| terms.retention_days = 30);
    let bodies = story.town.agreeing_to(&amended, &story.town.bikes);
    for body in bodies {
        story.write(body, LATER);
    }
    story.town.terms = amended;
    let act = story.act(Action::Terminate, "city", Some(NOTICE_OVER));
    story.write(Body::AgreementTerminated(act), LATER);
    let agreement = story.town.id();
    story.write(Body::AgreementExpired { agreement }, NOTICE_OVER);
    story
}

#[test]
fn a_whole_life_holds() {
    let story = whole_life();
    let replayer = replay(bytes(&story.log)).unwrap();
    let kinds = replayer.summary().kinds;
    for kind in [
        "agreement.withdrawn",
        "agreement.suspended",
        "agreement.resumed",
        "agreement.terminated",
        "agreement.expired",
    ] {
        assert_eq!(kinds[kind], 1, "{kind}");
    }
}

/// As it was first written: documents, signed acts and what they cover MUST never change.
#[test]
fn the_golden_life_holds() {
    let log = include_str!("../../../../policies/golden/life.jsonl");
    let replayer = replay(log.lines()).unwrap();
    assert_eq!(replayer.size(), log.lines().count() as u64);
}

/// An operator has no key of its parties: it cannot suspend, resume or end in their name.
#[test]
fn an_act_in_somebodys_name() {
    let mut story = Story::running();
    let act = story.act(Action::Suspend, "bikes", None);
    let forged = Act {
        signature: story
            .mayor
            .sign(Signs::AgreementAct, &act.payload(Action::Suspend)),
        ..act.clone()
    };
    let says = story.found(Body::AgreementSuspended(forged), LATER);
    assert!(says.contains("signature of `bikes`"), "{says}");
    let other_reason = Act {
        reason: "we have changed our mind".parse().unwrap(),
        ..act.clone()
    };
    let says = story.found(Body::AgreementSuspended(other_reason), LATER);
    assert!(says.contains("signature of `bikes`"), "{says}");
    // What was signed as a suspension is no resumption.
    story.write(Body::AgreementSuspended(act.clone()), LATER);
    let turned = Act {
        after: story.act(Action::Resume, "bikes", None).after,
        ..act
    };
    let says = story.found(Body::AgreementResumed(turned), LATER);
    assert!(says.contains("signature of `bikes`"), "{says}");
}

#[test]
fn a_signed_act_told_twice() {
    let mut story = Story::running();
    let suspend = Body::AgreementSuspended(story.act(Action::Suspend, "bikes", None));
    story.write(suspend.clone(), LATER);
    let resume = Body::AgreementResumed(story.act(Action::Resume, "bikes", None));
    story.write(resume, LATER);
    let says = story.found(suspend, LATER);
    assert!(
        says.contains("answers the agreement's last change"),
        "{says}"
    );
}

#[test]
fn a_stranger_suspends_and_a_steward_terminates() {
    let mut story = Story::running();
    let act = story.act(Action::Terminate, "mayor", Some(NOTICE_OVER));
    let says = story.found(Body::AgreementTerminated(act), LATER);
    assert!(says.contains("admitted as steward"), "{says}");
    let stranger = Signer::new();
    let (name, spiffe) = (org("trams"), "spiffe://weir.test/org/trams".to_owned());
    let key = stranger.public.clone();
    let claim = possession_payload(&name, Role::Provider, &spiffe, key.fingerprint());
    let admitted = Body::OrgAdmitted {
        org: name,
        role: Role::Provider,
        spiffe,
        key,
        possession: stranger.sign(Signs::KeyPossession, &claim),
        by: Some(org("mayor")),
    };
    story.write(admitted, LATER);
    let act = story.town.act(Action::Suspend, "trams", &stranger, None);
    let says = story.found(Body::AgreementSuspended(act), LATER);
    assert!(says.contains("by a party or a steward"), "{says}");
    let act = story.act(Action::Suspend, "bikes", None);
    story.write(Body::AgreementSuspended(act), LATER);
    let act = story.act(Action::Resume, "city", None);
    let says = story.found(Body::AgreementResumed(act), LATER);
    assert!(says.contains("lifted by whoever made it"), "{says}");
}

#[test]
fn a_release_under_a_suspended_or_ended_agreement() {
    let mut story = Story::running();
    let early = {
        let mut other = Story::new();
        let [_, signed, activated] = other.town.agreeing();
        for body in [signed, activated] {
            other.write(body, SETUP);
        }
        let body = other.town.contribution("2026-10-05", "b1", None);
        other.write(body, PUSHED);
        let permitted = answer(&other.town, "r1", "2026-10-05");
        let act = other.act(Action::Suspend, "city", None);
        other.write(Body::AgreementSuspended(act), ASKED);
        other.found(permitted, ASKED)
    };
    assert!(early.contains("agreement.suspended"), "{early}");
    let act = story.act(Action::Suspend, "bikes", None);
    story.write(Body::AgreementSuspended(act), LATER);
    let says = story.found(story.publish(), LATER);
    assert!(says.contains("suspended or ended"), "{says}");
    let act = story.act(Action::Resume, "bikes", None);
    story.write(Body::AgreementResumed(act), LATER);
    let act = story.act(Action::Terminate, "bikes", Some(NOTICE_OVER));
    story.write(Body::AgreementTerminated(act), LATER);
    // Nobody wrote that the notice is over: it is.
    let says = story.found(story.publish(), NOTICE_OVER);
    assert!(says.contains("suspended or ended"), "{says}");
    let says = story.found(unjust(&story), NOTICE_OVER);
    assert!(says.contains("agreement.ended"), "{says}");
    let agreement = story.town.id();
    let says = story.found(Body::AgreementExpired { agreement }, NOTICE_OVER);
    assert!(says.contains("no release unfinished"), "{says}");
}

/// A refusal that leaves out why.
fn unjust(story: &Story) -> Body {
    let request = story.town.request("r9", "2026-10-06");
    Body::ReleaseRefused {
        request: request.id,
        by: request.by,
        agreement: request.agreement,
        table: request.table,
        period: request.period,
        with: vec![],
        merge: None,
        reasons: vec![policies::refusal::ReasonId::PeriodNotContributed],
    }
}

#[test]
fn an_agreement_ended_before_its_time() {
    let story = Story::running();
    let agreement = story.town.id();
    let says = story.found(Body::AgreementExpired { agreement }, LATER);
    assert!(says.contains("after its last day or its notice"), "{says}");
    let act = story.act(Action::Terminate, "city", None);
    let says = story.found(Body::AgreementTerminated(act), LATER);
    assert!(says.contains("keeps the notice"), "{says}");
}

/// Found by a reread: rules for texts that came later were asked of every log, and an honest older one held no more. An
/// older broker let such texts in; the door does not.
#[test]
fn an_older_offer_whose_texts_steer_replays() {
    let mut town = Town::new();
    town.terms.title = "Rides\nin town\u{202e}".to_owned();
    town.terms.population.description = "riders ".repeat(1_000);
    let found = policies::validate::faults(&town.terms, &floors());
    let paths: Vec<_> = found.iter().map(|fault| fault.path.as_str()).collect();
    assert_eq!(paths, ["title", "population.description"]);
    for body in town.agreeing() {
        town.write(body);
    }
    let replayed = replay(bytes(&begun(&town))).unwrap();
    let active = replayed.state().agreement(&town.id()).unwrap();
    assert_eq!(active.status, policies::state::Status::Active);
}
