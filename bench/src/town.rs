//! A broker's keys and config on disk, and the organisations of one agreement: through the public
//! interfaces only, so that the broker may be in this process or in another.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use audit::checkpoint::LogKey;
use audit::note::Signer as LogSigner;
use broker::clock::Clock;
use broker::config::Config;
use broker::serve::Running;
use certs::{DevPki, Ed25519Seed};
use jiff::Timestamp;
use policies::agreement::Agreement;
use policies::id::{AgreementId, Fingerprint, Role};
use proto::convert::Push;
use sdk::client::{Client, Profile, new_batch_id};
use sdk::sign::{Admission, Signer};
use tempfile::TempDir;
use zeroize::Zeroizing;

use crate::grid;
use crate::run::Failed;

const DOMAIN: &str = "weir.test";
/// The broker's first organisation.
pub const STEWARD: &str = "steward";

/// Keys, config and state of one broker; gone when dropped.
pub struct Town {
    folder: TempDir,
    /// The test PKI.
    pub pki: DevPki,
    log_key: LogKey,
}

/// A company with an active agreement, ready to push.
pub struct Provider {
    /// Its connection.
    pub client: Client,
    /// What was signed.
    pub terms: Agreement,
    id: AgreementId,
}

/// An organisation that was admitted.
pub struct Member {
    /// Its name.
    pub name: String,
    /// A connection.
    pub client: Client,
    /// What it signs with.
    pub signer: Signer,
    key: Fingerprint,
}

impl Member {
    /// As an agreement names it.
    #[must_use]
    pub fn party(&self) -> (&str, &Fingerprint) {
        (&self.name, &self.key)
    }
}

impl Town {
    /// Mints keys and writes `broker.toml`.
    ///
    /// # Errors
    /// Where a file cannot be written.
    pub fn new() -> Result<Self, Failed> {
        let folder = tempfile::tempdir()?;
        let pki = DevPki::create(&folder.path().join("pki"), DOMAIN)?;
        let seed = Ed25519Seed::read(&pki.log_key())?;
        let origin = format!("{DOMAIN}/log");
        let signer = LogSigner::from_seed(origin.parse()?, &Zeroizing::new(*seed.as_bytes()))?;
        let log_key = LogKey::new(signer.verifier_key().clone());
        let steward = pki.org(STEWARD, Role::Steward.as_str(), "bench")?;
        let admission = admission(&steward.signing_key, STEWARD, Role::Steward)?;
        let written = serde_json::to_vec(&admission)?;
        std::fs::write(folder.path().join("steward.json"), written)?;
        let town = Self {
            folder,
            pki,
            log_key,
        };
        std::fs::write(town.config(), config_text(&town.pki, &origin))?;
        Ok(town)
    }

    /// The config file.
    #[must_use]
    pub fn config(&self) -> PathBuf {
        self.folder.path().join("broker.toml")
    }

    /// Where else files may be put.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Starts the broker in this process.
    ///
    /// # Errors
    /// As the broker says.
    pub async fn start(&self) -> Result<Running, Failed> {
        let config = Config::read(&self.config())?;
        Ok(broker::serve::start(&config, Clock::system()).await?)
    }

    /// Admits a provider and a planner to the broker at `address` and signs the grid's agreement.
    ///
    /// # Errors
    /// As the broker says.
    pub async fn provider(&self, address: SocketAddr, zones: usize) -> Result<Provider, Failed> {
        let geojson = grid::geojson(zones)?;
        let steward = self.connect(STEWARD, address).await?;
        let zoning = grid::ZONING.parse()?;
        steward.add_zoning(zoning, geojson.clone().into()).await?;
        let fleet = self
            .join(&steward, "fleet", Role::Provider, address)
            .await?;
        let city = self.join(&steward, "city", Role::Planner, address).await?;
        let terms = grid::agreement(fleet.party(), city.party(), &geojson, zones)?;
        let id = terms.id()?;
        fleet.client.offer(&terms, &fleet.signer).await?;
        city.client.sign_agreement(&id, &city.signer).await?;
        Ok(Provider {
            client: fleet.client,
            terms,
            id,
        })
    }

    /// Admits an organisation.
    ///
    /// # Errors
    /// As the broker says.
    pub async fn join(
        &self,
        steward: &Client,
        name: &str,
        role: Role,
        address: SocketAddr,
    ) -> Result<Member, Failed> {
        let files = self.pki.org(name, role.as_str(), "bench")?;
        steward
            .admit(admission(&files.signing_key, name, role)?)
            .await?;
        let signer = Signer::from_pem_file(&files.signing_key)?;
        Ok(Member {
            name: name.to_owned(),
            client: self.connect(name, address).await?,
            key: signer.public_key().fingerprint().clone(),
            signer,
        })
    }

    /// One more connection of an organisation; [`STEWARD`] is there from the start.
    ///
    /// # Errors
    /// As the broker says.
    pub async fn connect(&self, name: &str, address: SocketAddr) -> Result<Client, Failed> {
        Ok(Client::connect(&self.profile(name, address)?).await?)
    }

    fn profile(&self, name: &str, address: SocketAddr) -> Result<Profile, Failed> {
        let files = self.pki.org_files(name)?;
        Ok(Profile {
            endpoint: format!("https://localhost:{}", address.port()).parse()?,
            ca: self.pki.ca(),
            cert: files.cert,
            key: files.key,
            token: files.token,
            log_key: self.log_key.clone(),
            policy: None,
            signing_key: Some(files.signing_key),
            state: self.folder.path().join("clients").join(name),
        })
    }
}

impl Provider {
    /// A new batch for one day of October 2026, from 1.
    ///
    /// # Errors
    /// For other days.
    pub fn push(&self, day: usize) -> Result<Push, Failed> {
        Ok(Push {
            agreement: self.id.clone(),
            table: grid::TABLE.parse()?,
            period: format!("2026-10-{day:02}").parse()?,
            batch: new_batch_id()?,
            supersedes: None,
            rates: Vec::new(),
            active_units: None,
        })
    }
}

fn admission(signing_key: &Path, name: &str, role: Role) -> Result<Admission, Failed> {
    let signer = Signer::from_pem_file(signing_key)?;
    let spiffe = format!("spiffe://{DOMAIN}/org/{name}");
    Ok(signer.admission(name.parse()?, role, spiffe, Timestamp::now())?)
}

fn config_text(pki: &DevPki, origin: &str) -> String {
    let domain = pki.trust_domain();
    let (issuer, audience) = (domain.token_issuer(), domain.token_audience());
    format!(
        r#"trust_domain = "{domain}"
listen = "127.0.0.1:0"
state = "state"
log_origin = "{origin}"
publish_tick = "1s"
mode = "development"
steward = "steward.json"
[tls]
cert = "pki/broker/cert.pem"
key = "pki/broker/key.pem"
client_ca = "pki/ca.pem"
[tokens]
issuer = "{issuer}"
audience = "{audience}"
public_keys = ["pki/issuer.pub.pem"]
[keys]
log = "pki/log.key"
[floors]
k_min = 5
cap_max = {{ rho = "4", delta = "0.00001" }}
retention_days_max = 400
[log]
filter = "warn"
"#
    )
}
