//! A small world for tests: a development PKI, clients of it, and certificates that it would never
//! mint.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use certs::{DevPki, Es256Key, OrgFiles, TrustDomain};
use rcgen::{
    CertificateParams, CertificateRevocationListParams, ExtendedKeyUsagePurpose, Issuer,
    KeyIdMethod, KeyPair, RevokedCertParams, SanType, SerialNumber,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use x509_parser::prelude::{FromDer, X509Certificate};

use super::caller::PseudonymKey;
use super::jwks::KeySet;
use super::keys::KeyRing;
use super::peer::{Peer, PeerError};
use super::tls::{ALPN, TlsFiles};
use super::token::{TokenIssuer, TokenVerifier};
use super::trust::{Trust, TrustFiles};
use crate::config::Mode;

pub(super) const DOMAIN: &str = "weir.test";

/// A certificate and its key, as a client presents them.
pub(crate) struct Identity {
    pub(crate) cert: CertificateDer<'static>,
    pub(crate) key: PrivateKeyDer<'static>,
}

pub(crate) struct World {
    root: tempfile::TempDir,
    pub(super) pki: DevPki,
}

pub(super) fn domain() -> TrustDomain {
    TrustDomain::new(DOMAIN).unwrap()
}

pub(super) fn remote() -> SocketAddr {
    ([127, 0, 0, 1], 4_433).into()
}

impl World {
    pub(crate) fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let pki = DevPki::create(&root.path().join("dev"), DOMAIN).unwrap();
        Self { root, pki }
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    pub(crate) fn org(&self, name: &str) -> OrgFiles {
        self.pki.org(name, "provider", "push-job").unwrap()
    }

    pub(super) fn tls_files(&self) -> TlsFiles {
        let broker = self.pki.broker();
        TlsFiles {
            cert: broker.cert,
            key: broker.key,
            client_ca: self.pki.ca(),
            client_crl: Vec::new(),
        }
    }

    pub(super) fn trust_files(&self) -> TrustFiles {
        TrustFiles {
            mode: Mode::Development,
            tls: self.tls_files(),
            token_keys: vec![self.pki.issuer_pub()],
        }
    }

    /// What this world trusts, and never anything else.
    pub(super) fn trust(&self) -> watch::Receiver<Arc<Trust>> {
        watch::channel(Arc::new(Trust::load(&self.trust_files()).unwrap())).1
    }

    /// The token issuer's private key.
    pub(super) fn issuer(&self) -> Es256Key {
        Es256Key::read(&self.path("dev/issuer.key")).unwrap()
    }

    pub(super) fn verifier(&self) -> TokenVerifier {
        self.verifier_with(None)
    }

    /// One that also has the issuer's key set.
    pub(super) fn verifier_with(&self, set: Option<KeySet>) -> TokenVerifier {
        let issuer = TokenIssuer {
            issuer: domain().token_issuer(),
            audience: domain().token_audience(),
        };
        let trust = self.trust();
        let keys = KeyRing { trust, set };
        TokenVerifier::new(&issuer, keys, PseudonymKey::new(&[7; 32]))
    }

    /// Writes a list of this world's CA that takes these certificates back.
    pub(super) fn revoke(&self, certs: &[&CertificateDer<'_>]) -> PathBuf {
        self.revoke_with(certs, |_| ())
    }

    pub(super) fn revoke_with(
        &self,
        certs: &[&CertificateDer<'_>],
        change: impl FnOnce(&mut CertificateRevocationListParams),
    ) -> PathBuf {
        let (yesterday, tomorrow) = (
            rcgen::date_time_ymd(2026, 1, 1),
            rcgen::date_time_ymd(2999, 1, 1),
        );
        let revoked = |cert: &&CertificateDer<'_>| {
            let (_, cert) = X509Certificate::from_der(cert).unwrap();
            RevokedCertParams {
                serial_number: SerialNumber::from_slice(cert.raw_serial()),
                revocation_time: yesterday,
                reason_code: None,
                invalidity_date: None,
            }
        };
        let mut params = CertificateRevocationListParams {
            this_update: yesterday,
            next_update: tomorrow,
            crl_number: SerialNumber::from(1),
            issuing_distribution_point: None,
            revoked_certs: certs.iter().map(revoked).collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        change(&mut params);
        let path = self.path("ca.crl.pem");
        std::fs::write(
            &path,
            params.signed_by(&self.authority()).unwrap().pem().unwrap(),
        )
        .unwrap();
        path
    }

    fn authority(&self) -> Issuer<'static, KeyPair> {
        let ca_pem = std::fs::read_to_string(self.pki.ca()).unwrap();
        let ca_key = std::fs::read_to_string(self.path("dev/ca.key")).unwrap();
        let ca_key = KeyPair::from_pem(&ca_key).unwrap();
        Issuer::from_ca_cert_pem(&ca_pem, ca_key).unwrap()
    }

    /// A certificate of this world's CA with chosen names and use, which `weir pki` never mints.
    pub(super) fn forge(&self, uris: &[&str], usage: Vec<ExtendedKeyUsagePurpose>) -> Identity {
        self.forge_with(uris, |params| params.extended_key_usages = usage)
    }

    pub(super) fn forge_with(
        &self,
        uris: &[&str],
        change: impl FnOnce(&mut CertificateParams),
    ) -> Identity {
        let issuer = self.authority();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.subject_alt_names = uris
            .iter()
            .map(|uri| SanType::URI((*uri).try_into().unwrap()))
            .collect();
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        let cert = params.signed_by(&key, &issuer).unwrap();
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        Identity {
            cert: cert.into(),
            key,
        }
    }
}

pub(crate) fn identity(cert: &Path, key: &Path) -> Identity {
    Identity {
        cert: CertificateDer::from_pem_file(cert).unwrap(),
        key: PrivateKeyDer::from_pem_file(key).unwrap(),
    }
}

/// The peer that the accept loop would make of a certificate.
pub(crate) fn peer_of(cert: &CertificateDer<'_>) -> Result<Peer, PeerError> {
    Peer::from_certificate(cert, &domain(), remote())
}

/// A client of the world's CA; without an identity it presents no certificate.
pub(super) fn client(world: &World, identity: Option<Identity>) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_file(world.pki.ca()).unwrap())
        .unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots);
    let mut config = match identity {
        Some(Identity { cert, key }) => builder.with_client_auth_cert(vec![cert], key).unwrap(),
        None => builder.with_no_client_auth(),
    };
    config.alpn_protocols = vec![ALPN.to_vec()];
    config
}

pub(super) async fn connect(
    at: SocketAddr,
    config: &Arc<ClientConfig>,
) -> std::io::Result<TlsStream<TcpStream>> {
    let socket = TcpStream::connect(at).await?;
    let name = ServerName::try_from("localhost").unwrap();
    TlsConnector::from(Arc::clone(config))
        .connect(name, socket)
        .await
}
