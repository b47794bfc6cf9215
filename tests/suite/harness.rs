//! A whole town in one process: a real broker on loopback, organisations with certificates and clients,
//! one zoning of four squares. Everything goes through the public interfaces.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::{
    ArrayRef, DictionaryArray, Int64Array, RecordBatch, StringArray, UInt8Array, UInt64Array,
};
use arrow::datatypes::Int32Type;
use audit::checkpoint::LogKey;
use audit::note::Signer as LogSigner;
use broker::clock::Clock;
use broker::config::{Config, Keys, Logging, Mode, Tls, Tokens};
use broker::flow::admit::Admission;
use broker::limits::Times;
use broker::serve::{Running, start_within};
use certs::{DevPki, Ed25519Seed};
use jiff::Timestamp;
use policies::agreement::Agreement;
use policies::coarse::AT_LEAST;
use policies::entry::Floors;
use policies::id::{AgreementId, Fingerprint, OrgId, Role};
use policies::period::Period;
use proto::convert::Push;
use sdk::client::{Client, Profile, Retry, new_batch_id};
use sdk::sign::Signer;
use tempfile::TempDir;

pub const DOMAIN: &str = "weir.test";
pub const ORIGIN: &str = "weir.test/log";
pub const PURPOSE: &str = "dpv:PublicPolicyMaking";
/// All agreements of the tests cover October 2026, and it is November.
pub const NOW: &str = "2026-11-20T12:00:00Z";

/// What the steward asks of every agreement.
pub const FLOORS: &str =
    r#"{"k_min":5,"cap_max":{"rho":"4","delta":"0.00001"},"retention_days_max":400}"#;

/// The broker's side of the town.
pub struct Town {
    pub folder: TempDir,
    pub pki: DevPki,
    pub clock: Clock,
    pub config: Config,
    pub log_key: LogKey,
    /// What clients ask of every checkpoint, where they ask for more than the log's signature.
    pub policy: Option<PathBuf>,
    /// Bounds in time, in force from the next start.
    pub times: Times,
    running: Option<Running>,
}

/// One organisation.
pub struct Member {
    pub org: OrgId,
    pub client: Client,
    pub signer: Signer,
    pub profile: Profile,
}

impl Town {
    pub async fn new() -> Self {
        Self::with_floors(FLOORS).await
    }

    /// A town whose steward asks for other floors (JSON).
    pub async fn with_floors(floors: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let pki = DevPki::create(&folder.path().join("pki"), DOMAIN).unwrap();
        let seed = Ed25519Seed::read(&pki.log_key()).unwrap();
        let log_signer =
            LogSigner::from_seed(ORIGIN.parse().unwrap(), &(*seed.as_bytes()).into()).unwrap();
        let steward = pki.org("steward", "steward", "ops").unwrap();
        let signer = Signer::from_pem_file(&steward.signing_key).unwrap();
        let admission = admission(&signer, "steward", Role::Steward);
        let admission_file = folder.path().join("steward.json");
        std::fs::write(&admission_file, serde_json::to_vec(&admission).unwrap()).unwrap();
        let config = Config {
            mode: Mode::Development,
            trust_domain: DOMAIN.into(),
            listen: "127.0.0.1:0".parse().unwrap(),
            metrics: Some("127.0.0.1:0".parse().unwrap()),
            witnesses: None,
            web: Some(broker::config::Web {
                listen: "127.0.0.1:0".parse().unwrap(),
                url: None,
                publisher: None,
                contact: Some("open-data@city.example".into()),
            }),
            state: folder.path().join("state"),
            log_origin: ORIGIN.into(),
            publish_tick: Duration::from_millis(50),
            tls: Tls {
                cert: pki.broker().cert,
                key: pki.broker().key,
                client_ca: pki.ca(),
                client_crl: Vec::new(),
            },
            tokens: Tokens {
                issuer: pki.trust_domain().token_issuer(),
                audience: pki.trust_domain().token_audience(),
                public_keys: vec![pki.issuer_pub()],
                jwks_url: None,
                jwks_ca: None,
            },
            keys: Keys { log: pki.log_key() },
            floors: serde_json::from_str::<Floors>(floors).unwrap(),
            policies: None,
            steward: Some(admission_file),
            log: Logging::default(),
        };
        let clock = Clock::standing_at(NOW.parse::<Timestamp>().unwrap());
        let log_key = LogKey::new(log_signer.verifier_key().clone());
        let mut town = Self {
            folder,
            pki,
            clock,
            config,
            log_key,
            policy: None,
            times: Times::default(),
            running: None,
        };
        town.start().await;
        town
    }

    pub async fn start(&mut self) {
        let started = start_within(&self.config, self.clock.clone(), self.times).await;
        self.running = Some(started.unwrap());
    }

    pub async fn stop(&mut self) {
        self.running.take().unwrap().stop().await.unwrap();
    }

    pub fn running(&self) -> &Running {
        self.running.as_ref().unwrap()
    }

    pub fn broker(&self) -> Arc<broker::flow::Broker> {
        Arc::clone(&self.running().broker)
    }

    pub fn profile(&self, name: &str) -> Profile {
        let files = self.pki.org_files(name).unwrap();
        Profile {
            endpoint: format!("https://localhost:{}", self.running().address.port())
                .parse()
                .unwrap(),
            ca: self.pki.ca(),
            cert: files.cert,
            key: files.key,
            token: files.token,
            log_key: self.log_key.clone(),
            policy: self.policy.clone(),
            signing_key: Some(files.signing_key),
            state: self.folder.path().join("clients").join(name),
        }
    }

    /// A client of an organisation that has certificates already.
    pub async fn member(&self, name: &str) -> Member {
        self.with_profile(name, self.profile(name)).await
    }

    /// A client of an organisation by another profile than its own.
    pub async fn with_profile(&self, name: &str, profile: Profile) -> Member {
        let signer = Signer::from_pem_file(profile.signing_key.as_ref().unwrap()).unwrap();
        let client = Client::connect(&profile)
            .await
            .unwrap()
            .with_retry(Retry::default());
        Member {
            org: name.parse().unwrap(),
            client,
            signer,
            profile,
        }
    }

    /// Certificates, admission by the steward, a client.
    pub async fn join(&self, name: &str, role: Role) -> Member {
        self.pki.org(name, role.as_str(), "user").unwrap();
        let member = self.member(name).await;
        let admission = admission(&member.signer, name, role);
        let steward = self.member("steward").await;
        steward.client.admit(wire(admission)).await.unwrap();
        member
    }

    /// The town's own zoning, added by the steward.
    pub async fn zoning(&self) -> (PathBuf, Vec<u8>) {
        let geojson = squares();
        let steward = self.member("steward").await;
        let id = "town-2026".parse().unwrap();
        steward
            .client
            .add_zoning(id, geojson.clone().into())
            .await
            .unwrap();
        let path = self.folder.path().join("town.geojson");
        std::fs::write(&path, &geojson).unwrap();
        (path, geojson)
    }
}

pub fn admission(signer: &Signer, name: &str, role: Role) -> Admission {
    let spiffe = format!("spiffe://{DOMAIN}/org/{name}");
    let now = NOW.parse().unwrap();
    let made = signer
        .admission(name.parse().unwrap(), role, spiffe, now)
        .unwrap();
    serde_json::from_value(serde_json::to_value(made).unwrap()).unwrap()
}

pub fn wire(admission: Admission) -> sdk::sign::Admission {
    serde_json::from_value(serde_json::to_value(admission).unwrap()).unwrap()
}

/// Four squares of 0.01°, `a` to `d`, from west to east.
pub fn squares() -> Vec<u8> {
    row_of_squares(&["a", "b", "c", "d"])
}

/// A square of 0.01° for each, from west to east.
pub fn row_of_squares(ids: &[&str]) -> Vec<u8> {
    let feature = |n: usize, id: &str| {
        let (west, east) = (24.9 + n as f64 * 0.01, 24.91 + n as f64 * 0.01);
        serde_json::json!({
            "type": "Feature", "properties": { "zone_id": id },
            "geometry": { "type": "Polygon", "coordinates": [[
                [west, 60.0], [east, 60.0], [east, 60.01], [west, 60.01], [west, 60.0]]] },
        })
    };
    let features: Vec<_> = ids
        .iter()
        .enumerate()
        .map(|(n, id)| feature(n, id))
        .collect();
    let all = serde_json::json!({ "type": "FeatureCollection", "features": features });
    serde_json::to_vec(&all).unwrap()
}

/// [`squares`] with a parent each: `a` and `b` are in the west, `c` and `d` in the east.
pub fn districts() -> Vec<u8> {
    let mut all: serde_json::Value = serde_json::from_slice(&squares()).unwrap();
    for (n, parent) in ["west", "west", "east", "east"].iter().enumerate() {
        all["features"][n]["properties"]["parent"] = (*parent).into();
    }
    serde_json::to_vec(&all).unwrap()
}

/// An agreement over October 2026: one table `od` of people per day, one edition, cap = what it costs.
pub fn agreement(provider: &Member, planner: &Member, geojson: &[u8]) -> Agreement {
    let party = |m: &Member| {
        (
            m.org.to_string(),
            m.signer.public_key().fingerprint().clone(),
        )
    };
    let (provider, planner) = (party(provider), party(planner));
    terms((&provider.0, provider.1), (&planner.0, planner.1), geojson)
}

/// The same between two named parties.
pub fn terms(
    provider: (&str, Fingerprint),
    planner: (&str, Fingerprint),
    geojson: &[u8],
) -> Agreement {
    let sha256 = policies::id::sha256_hex(geojson);
    let json = serde_json::json!({
        "form": "weir/agreement/1",
        "title": "Rides in town",
        "public_summary": "How many people travel between districts.",
        "provider": { "org": provider.0, "key": provider.1 },
        "planner": { "org": planner.0, "key": planner.1 },
        "recipients": [planner.0],
        "purposes": [PURPOSE],
        "valid": { "from": "2026-01-01", "until": "2027-12-31" },
        "covers": { "from": "2026-10-01", "until": "2026-10-31" },
        "retention_days": 90,
        "population": {
            "id": "riders", "description": "riders", "unit": "person-day",
            "cap": { "rho": "0.5", "delta": "0.0000001" },
        },
        "time_zone": "Europe/Helsinki",
        "zonings": [{ "id": "town-2026", "sha256": sha256, "zones": 4 }],
        "k": 5,
        "tables": [{
            "name": "od", "kind": "od_trips", "zoning": "town-2026", "period": "day",
            "bins": [0, 12], "categories": [{ "dimension": "mode", "values": ["bike"] }],
            "cells_max": 2, "per_cell_max": 3, "clamps": [],
        }],
        "plan": [{
            "table": "od",
            "charge": {
                "selection": "0.25", "delta": "0.0000001",
                "measures": [{ "measure": "trips", "rho": "0.25" }],
            },
            "editions": 1, "due_hours": 0, "grace_hours": 24 * 30,
        }],
    });
    serde_json::from_value(json).unwrap()
}

/// Both sign; active when this returns.
pub async fn activate(provider: &Member, planner: &Member, terms: &Agreement) -> AgreementId {
    let id = terms.id().unwrap();
    provider
        .client
        .offer(terms, &provider.signer)
        .await
        .unwrap();
    planner
        .client
        .sign_agreement(&id, &planner.signer)
        .await
        .unwrap();
    id
}

/// One cell: origin, destination, day bin, people, trips.
pub type Cell = (&'static str, &'static str, u8, u64, u64);

/// Cells of the table `od`, in the order given: MUST be rising by key.
pub fn cells(terms: &Agreement, rows: &[Cell]) -> RecordBatch {
    let table = &terms.tables[0];
    let text = |values: Vec<&str>| -> ArrayRef {
        Arc::new(values.into_iter().collect::<DictionaryArray<Int32Type>>())
    };
    let columns: Vec<ArrayRef> = vec![
        text(rows.iter().map(|r| r.0).collect()),
        text(rows.iter().map(|r| r.1).collect()),
        Arc::new(rows.iter().map(|r| r.2).collect::<UInt8Array>()),
        text(rows.iter().map(|_| "bike").collect()),
        Arc::new(rows.iter().map(|r| r.3).collect::<UInt64Array>()),
        Arc::new(rows.iter().map(|r| r.4).collect::<UInt64Array>()),
    ];
    let schema = proto::columns::cells_schema(table, terms.population.unit);
    RecordBatch::try_new(schema, columns).unwrap()
}

/// Cells that are published almost surely, and one of four people that never is.
pub const ROWS: [Cell; 4] = [
    ("a", "b", 0, 500, 700),
    ("a", "c", 0, 4, 4),
    ("b", "a", 1, 900, 1000),
    ("c", "d", 0, 300, 300),
];

pub fn push(id: &AgreementId, period: &str) -> Push {
    Push {
        agreement: id.clone(),
        table: "od".parse().unwrap(),
        period: period.parse::<Period>().unwrap(),
        batch: new_batch_id().unwrap(),
        supersedes: None,
        rates: vec![],
        active_units: None,
    }
}

/// A published table as rows: origin, destination, bin, people, trips.
pub fn rows(table: &sdk::client::Table) -> Vec<(String, String, u8, i64, i64)> {
    let mut rows = Vec::new();
    for batch in table.batches() {
        let text = |name: &str| -> Vec<String> {
            let column = arrow::compute::cast(
                batch.column_by_name(name).unwrap(),
                &arrow::datatypes::DataType::Utf8,
            );
            let column = column.unwrap();
            let column = column.as_any().downcast_ref::<StringArray>().unwrap();
            column.iter().map(|v| v.unwrap().to_owned()).collect()
        };
        let number = |name: &str| {
            let column = batch.column_by_name(name).unwrap();
            column
                .as_any()
                .downcast_ref::<Int64Array>()
                .unwrap()
                .values()
                .to_vec()
        };
        let bins = batch.column_by_name("start").unwrap();
        let bins = bins
            .as_any()
            .downcast_ref::<UInt8Array>()
            .unwrap()
            .values()
            .to_vec();
        let (o, d) = (text("origin"), text("destination"));
        // Merged rows have a lower bound in its place.
        let bounded = batch.column_by_name(AT_LEAST).is_some();
        let n = number(if bounded { AT_LEAST } else { "contributors" });
        let c = number("trips");
        for row in 0..batch.num_rows() {
            rows.push((o[row].clone(), d[row].clone(), bins[row], n[row], c[row]));
        }
    }
    rows
}
