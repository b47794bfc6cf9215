//! A small world for tests: keys, an agreement, and the entries that make it active.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;

use crate::agreement::{AdHoc, Agreement, Protection, Rung};
use crate::coarse::Merge;
use crate::decide::Request;
use crate::entry::{Body, Contribution, Entry, EntrySalt, Floors, VERSION};
use crate::id::{OrgId, Role};
use crate::loss::Delta;
use crate::mechanism::{Draw, MeasureDraw, Mechanism, Noise, Scale, Selection};
use crate::sign::{
    PartySignature, PublicKey, Signs, possession_payload, protected_header, signing_input,
};
use crate::state::State;

mod life;
mod opening;
mod providers;
mod reloaded;
mod skipped;

pub use opening::{publication, user};
pub use providers::{PROVIDERS, Providers};
pub use reloaded::Index;
pub use skipped::skipped;

/// All entries are written at this time.
pub const NOW: &str = "2026-11-20T12:00:00Z";

/// A key pair of one organisation.
pub struct Signer {
    pair: EcdsaKeyPair,
    pub public: PublicKey,
}

impl Default for Signer {
    fn default() -> Self {
        Self::new()
    }
}

impl Signer {
    pub fn new() -> Self {
        let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let pair = EcdsaKeyPair::generate(algorithm).unwrap();
        let point = pair.public_key().as_ref().to_vec();
        let prefix = hex::decode("3059301306072a8648ce3d020106082a8648ce3d030107034200").unwrap();
        let public = PublicKey::from_spki(&[prefix, point].concat()).unwrap();
        Self { pair, public }
    }

    pub fn sign(&self, signs: Signs, payload: &[u8]) -> PartySignature {
        let protected = protected_header(signs, self.public.fingerprint(), 1_800_000_000).unwrap();
        self.sign_under(protected, payload)
    }

    /// Under any header, for attacks.
    pub fn sign_under(&self, protected: String, payload: &[u8]) -> PartySignature {
        let message = signing_input(&protected, payload);
        let signature = self.pair.sign(&SystemRandom::new(), &message).unwrap();
        PartySignature {
            protected,
            signature: URL_SAFE_NO_PAD.encode(signature.as_ref()),
        }
    }
}

pub fn floors() -> Floors {
    serde_json::from_str(
        r#"{"k_min": 5, "cap_max": {"rho": "4", "delta": "0.00001"}, "retention_days_max": 400}"#,
    )
    .unwrap()
}

/// The same of a steward who allows k-only tables.
pub fn k_only_floors() -> Floors {
    Floors {
        k_only_k_min: Some(5),
        ..floors()
    }
}

/// The same people and table without differential privacy: k-only, one edition.
pub fn k_only(terms: &Agreement) -> Agreement {
    let mut terms = terms.clone();
    terms.title += ", k-only";
    terms.population.protection = Protection::KOnly;
    terms.tables[0].clamps.clear();
    (terms.plan[0].charge, terms.plan[0].editions) = (None, 1);
    terms
}

/// The same people and table, every key of it published: DP only, no δ.
pub fn dense(terms: &Agreement) -> Agreement {
    let mut terms = terms.clone();
    terms.plan[0].dense = true;
    if let Some(charge) = &mut terms.plan[0].charge {
        charge.delta = Delta::ZERO;
    }
    terms
}

/// The noise of [`mechanism`] on every key.
pub fn dense_mechanism() -> Mechanism {
    let sparse = mechanism();
    let (contributors, measures) = sparse.draws().unwrap();
    Mechanism::Dense {
        contributors: *contributors,
        measures: measures.to_vec(),
    }
}

/// Riders' days in October 2026, one table, two editions, cap = allotment.
pub fn agreement(bikes: &Signer, city: &Signer) -> Agreement {
    let json = serde_json::json!({
        "form": "weir/agreement/1",
        "title": "Rides in town",
        "public_summary": "How many people travel between districts.",
        "provider": { "org": "bikes", "key": bikes.public.fingerprint() },
        "planner": { "org": "city", "key": city.public.fingerprint() },
        "recipients": ["city"],
        "purposes": ["dpv:PublicPolicyMaking"],
        "valid": { "from": "2026-01-01", "until": "2027-12-31" },
        "covers": { "from": "2026-10-01", "until": "2026-10-31" },
        "retention_days": 90,
        "population": {
            "id": "riders", "description": "riders", "unit": "person-day",
            "cap": { "rho": "1", "delta": "0.0000002" },
        },
        "time_zone": "Europe/Helsinki",
        "zonings": [{ "id": "town-2026", "sha256": "a".repeat(64), "zones": 4 }],
        "k": 5,
        "tables": [{
            "name": "od", "kind": "od_trips", "zoning": "town-2026", "period": "day",
            "bins": [0, 12], "categories": [{ "dimension": "mode", "values": ["bike"] }],
            "cells_max": 2, "per_cell_max": 3,
            "clamps": [{ "measure": "duration_s", "min": 0, "max": 7200 }],
        }],
        "plan": [{
            "table": "od",
            "charge": {
                "selection": "0.25", "delta": "0.0000001",
                "measures": [{ "measure": "trips", "rho": "0.25" }],
            },
            "editions": 2, "due_hours": 24, "grace_hours": 48,
        }],
    });
    serde_json::from_value(json).unwrap()
}

/// A mechanism that costs at most the plan's charge.
pub fn mechanism() -> Mechanism {
    let draw = |sixteenths, linf| Draw {
        noise: Noise::DiscreteGaussian,
        scale: Scale::from_sixteenths(sixteenths).unwrap(),
        l0: 2,
        linf,
        merged: 1,
    };
    let selection = Selection {
        draw: draw(33, 1),
        k: 5,
        threshold: 20,
    };
    let measures = vec![MeasureDraw {
        measure: "trips".into(),
        draw: draw(97, 3),
    }];
    Mechanism::Thresholded {
        selection,
        measures,
    }
}

/// Any merge of the table, twice a period; with one edition of the plan it comes to the cap.
pub fn ad_hoc() -> AdHoc {
    serde_json::from_value(serde_json::json!({
        "table": "od", "coarsenings": "any", "requests": 2,
        "charge": {
            "selection": "0.125", "delta": "0.00000005",
            "measures": [{ "measure": "trips", "rho": "0.125" }],
        },
    }))
    .unwrap()
}

/// Costs at most what [`ad_hoc`] charges where both cells of a unit fall into one row.
pub fn merging_mechanism() -> Mechanism {
    let Mechanism::Thresholded {
        mut selection,
        mut measures,
    } = mechanism()
    else {
        return Mechanism::Unprotected;
    };
    let scale = |sixteenths| Scale::from_sixteenths(sixteenths).unwrap();
    (selection.draw.scale, selection.threshold) = (scale(46), 25);
    for measure in &mut measures {
        (measure.draw.scale, measure.draw.merged) = (scale(192), 2);
    }
    Mechanism::Thresholded {
        selection,
        measures,
    }
}

/// One rung, the whole day, at the price of one ad-hoc merge.
pub fn rung() -> Rung {
    Rung {
        coarsening: serde_json::from_str(r#"{"bins": [0]}"#).unwrap(),
        charge: ad_hoc().charge,
    }
}

/// A town whose log can be written on.
pub struct Town {
    pub bikes: Signer,
    pub city: Signer,
    pub terms: Agreement,
    pub state: State,
    pub log: Vec<Entry>,
}

impl Town {
    /// Admitted organisations and a zoning; nothing agreed.
    pub fn new() -> Self {
        let (bikes, city) = (Signer::new(), Signer::new());
        let terms = agreement(&bikes, &city);
        let mut town = Self {
            bikes,
            city,
            terms,
            state: State::new(),
            log: vec![],
        };
        town.write(Body::BrokerStarted {
            binary: None,
            software: "0".into(),
            floors: floors(),
        });
        for (name, role) in [("bikes", Role::Provider), ("city", Role::Planner)] {
            let body = town.admission(name, role);
            town.write(body);
        }
        town.write(Body::ZoningAdded {
            zoning: "town-2026".parse().unwrap(),
            sha256: "a".repeat(64).parse().unwrap(),
            zones: 4,
            parents: None,
            blob: "b".repeat(64).parse().unwrap(),
            by: "city".parse().unwrap(),
        });
        town
    }

    /// Both have signed.
    pub fn active() -> Self {
        let mut town = Self::new();
        for body in town.agreeing() {
            town.write(body);
        }
        town
    }

    /// Active, with [`ad_hoc`] merges and three contributed days from 5 October on.
    pub fn merging() -> Self {
        let mut town = Self::new();
        town.terms.plan[0].editions = 1;
        town.terms.ad_hoc = vec![ad_hoc()];
        for body in town.agreeing() {
            town.write(body);
        }
        for (period, batch) in [
            ("2026-10-05", "b5"),
            ("2026-10-06", "b6"),
            ("2026-10-07", "b7"),
        ] {
            let body = town.contribution(period, batch, None);
            town.write(body);
        }
        town
    }

    /// Asks for the whole day of these periods.
    pub fn merge(&self, id: &str, periods: &[&str]) -> Request {
        let parsed: Vec<_> = periods.iter().map(|p| p.parse().unwrap()).collect();
        let whole_day = serde_json::from_str(r#"{"bins": [0]}"#).unwrap();
        Request {
            merge: Some(Merge::new(&parsed, whole_day).unwrap()),
            ..self.request(id, periods[0])
        }
    }

    pub fn agreeing(&self) -> [Body; 3] {
        self.agreeing_to(&self.terms, &self.bikes)
    }

    /// Another provider's agreement with the city becomes active.
    pub fn agree(&mut self, terms: &Agreement, provider: &Signer) {
        for body in self.agreeing_to(terms, provider) {
            self.write(body);
        }
    }

    pub fn agreeing_to(&self, terms: &Agreement, provider: &Signer) -> [Body; 3] {
        let document = terms.canonical().unwrap();
        let id = terms.id().unwrap();
        [
            Body::AgreementOffered {
                agreement: Box::new(terms.clone()),
                by: terms.provider.org.clone(),
                signature: provider.sign(Signs::Agreement, &document),
            },
            Body::AgreementSigned {
                agreement: id.clone(),
                by: org("city"),
                signature: self.city.sign(Signs::Agreement, &document),
            },
            Body::AgreementActivated {
                agreement: id,
                allotment: terms.allotment().unwrap(),
            },
        ]
    }

    pub fn admission(&self, name: &str, role: Role) -> Body {
        let signer = if name == "bikes" {
            &self.bikes
        } else {
            &self.city
        };
        let (org, spiffe) = (org(name), format!("spiffe://weir.test/org/{name}"));
        let claim = possession_payload(&org, role, &spiffe, signer.public.fingerprint());
        let possession = signer.sign(Signs::KeyPossession, &claim);
        Body::OrgAdmitted {
            org,
            role,
            spiffe,
            key: signer.public.clone(),
            possession,
            by: None,
        }
    }

    pub fn contribution(&self, period: &str, batch: &str, supersedes: Option<&str>) -> Body {
        Body::ContributionAccepted(Contribution {
            agreement: self.terms.id().unwrap(),
            table: "od".parse().unwrap(),
            period: period.parse().unwrap(),
            provider: org("bikes"),
            batch: batch.parse().unwrap(),
            blob: crate::id::sha256_hex(batch.as_bytes()).parse().unwrap(),
            supersedes: supersedes.map(|id| id.parse().unwrap()),
            late: false,
        })
    }

    pub fn request(&self, id: &str, period: &str) -> Request {
        Request {
            id: id.parse().unwrap(),
            by: org("city"),
            agreement: self.terms.id().unwrap(),
            table: "od".parse().unwrap(),
            period: period.parse().unwrap(),
            merge: None,
            purpose: "dpv:PublicPolicyMaking".into(),
            with: vec![],
        }
    }

    pub fn write(&mut self, body: Body) {
        self.state.apply(&entry(body.clone())).unwrap();
        self.log.push(entry(body));
    }

    /// What the state says to an entry that it does not take, and that leaves no trace in it.
    pub fn refuses(&self, body: Body) -> String {
        self.refuses_entry(&entry(body))
    }

    pub fn refuses_entry(&self, entry: &Entry) -> String {
        let mut after = self.state.clone();
        let error = after.apply(entry).unwrap_err().to_string();
        let kind = entry.body.kind();
        assert!(after == self.state, "{kind} was refused and left a part");
        error
    }
}

pub fn org(name: &str) -> OrgId {
    name.parse().unwrap()
}

pub fn now() -> Timestamp {
    NOW.parse().unwrap()
}

pub fn entry(body: Body) -> Entry {
    Entry {
        v: VERSION,
        time: now(),
        salt: EntrySalt::from_bytes([7; 16]),
        body,
    }
}
