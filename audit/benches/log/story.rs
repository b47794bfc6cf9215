//! A log of real decisions: agreements of six years, each day contributed, asked for, drawn and
//! published; a request in ten is refused.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a bench fails by panicking"
)]

use jiff::{SignedDuration, Timestamp, ToSpan, civil::date};
use policies::decide::{Decision, Request, decide};
use policies::entry::{Body, Entry};
use policies::id::Role;
use policies::sign::{Signs, possession_payload};
use policies::state::State;
use policies::testing::{Signer, Town, entry, mechanism, org};

/// Days of each agreement.
const DAYS: i64 = 2000;

struct Writer {
    state: State,
    log: Vec<Vec<u8>>,
    time: Timestamp,
}

impl Writer {
    /// Cells that have to go, go ahead of it, as a broker lets them.
    fn write(&mut self, body: Body) {
        for due in self.state.overdue(self.time) {
            self.append(due);
        }
        self.append(body);
    }

    fn append(&mut self, body: Body) {
        let entry = Entry {
            time: self.time,
            ..entry(body)
        };
        self.state.apply(&entry).unwrap();
        self.log.push(entry.to_bytes().unwrap());
    }
}

/// At least so many entries, each as a broker would have written it.
pub fn log(size: usize) -> Vec<Vec<u8>> {
    let mut town = Town::new();
    let steward = Signer::new();
    let begin = "2020-01-01T08:00:00Z".parse().unwrap();
    let mut writer = Writer {
        state: State::new(),
        log: Vec::new(),
        time: begin,
    };
    writer.write(town.log[0].body.clone());
    writer.write(admission("mayor", Role::Steward, &steward, None));
    for (name, role, signer) in [
        ("bikes", Role::Provider, &town.bikes),
        ("city", Role::Planner, &town.city),
    ] {
        writer.write(admission(name, role, signer, Some("mayor")));
    }
    writer.write(town.log[3].body.clone());
    // Agreements run beside each other, so that time goes on.
    let each = usize::try_from(DAYS).unwrap() * 31 / 10;
    let terms: Vec<_> = (0..size.div_ceil(each))
        .map(|n| {
            let mut terms = town.terms.clone();
            terms.title = format!("riders {n}");
            terms.population.id = format!("riders-{n}").parse().unwrap();
            let json = serde_json::json!({"from": "2020-01-01", "until": "2026-12-31"});
            terms.covers = serde_json::from_value(json.clone()).unwrap();
            terms.valid = serde_json::from_value(json).unwrap();
            terms
        })
        .collect();
    for terms in &terms {
        for body in town.agreeing_to(terms, &town.bikes) {
            writer.write(body);
        }
    }
    for day in 0..DAYS {
        let period = date(2020, 1, 1).checked_add(day.days()).unwrap();
        writer.time = begin + SignedDuration::from_hours(24 * (day + 2));
        for (n, terms) in terms.iter().enumerate() {
            town.terms = terms.clone();
            a_day(
                &mut writer,
                &town,
                &period.to_string(),
                &format!("{n}-{day}"),
            );
        }
    }
    writer.log
}

fn a_day(writer: &mut Writer, town: &Town, period: &str, name: &str) {
    writer.write(town.contribution(period, &format!("b{name}"), None));
    let request = |id: &str, period: &str| town.request(id, period);
    answer(writer, request(&format!("r{name}"), period));
    if name.ends_with('7') {
        answer(writer, request(&format!("x{name}"), "2026-12-01"));
    }
}

fn answer(writer: &mut Writer, request: Request) {
    match decide(&writer.state, &request, writer.time).unwrap() {
        Decision::Permit(permit) => {
            let reservation = permit.reserve(mechanism()).unwrap();
            let key = reservation.key.clone();
            writer.write(Body::ReleaseReserved(Box::new(reservation)));
            let blob = policies::id::sha256_hex(key.as_str().as_bytes());
            let blob = blob.parse().unwrap();
            writer.write(Body::ReleasePublished { key, blob });
        }
        Decision::Refuse(refusal) => writer.write(Body::ReleaseRefused {
            request: request.id,
            by: request.by,
            agreement: request.agreement,
            table: request.table,
            period: request.period,
            with: request.with,
            merge: request.merge,
            reasons: refusal.reasons().iter().map(|reason| reason.id).collect(),
        }),
        Decision::Exists(key) => unreachable_release(key.as_str()),
    }
}

#[expect(clippy::panic, reason = "a bench fails by panicking")]
fn unreachable_release(key: &str) {
    panic!("{key} exists");
}

fn admission(name: &str, role: Role, signer: &Signer, by: Option<&str>) -> Body {
    let (name, spiffe) = (org(name), format!("spiffe://weir.test/org/{name}"));
    let key = signer.public.clone();
    let claim = possession_payload(&name, role, &spiffe, key.fingerprint());
    Body::OrgAdmitted {
        possession: signer.sign(Signs::KeyPossession, &claim),
        org: name,
        role,
        spiffe,
        key,
        by: by.map(org),
    }
}
