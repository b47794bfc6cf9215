//! Certificates: one development CA, leaves with one SPIFFE URI each, server and client kept apart.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyUsagePurpose, SanType, date_time_ymd, string::Ia5String,
};
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate, X509Name};

use crate::{Error, Es256Key, SpiffeId, TrustDomain, pem};

/// The organisation that every CA minted here names as its own; leaves carry it as their issuer's.
pub const DEVELOPMENT_ORGANISATION: &str = "Weir development CA - not for production";

/// Clocks of other machines may stand behind ours by this much.
const SKEW_S: u64 = 300;

/// A certificate's first and last second, in seconds since 1970.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Validity {
    pub(crate) from_s: u64,
    pub(crate) until_s: u64,
}

impl Validity {
    /// From a little before `now_s` until `length` after it, and never after `latest_s`.
    pub(crate) fn starting(now_s: u64, length: Duration, latest_s: u64) -> Self {
        let until_s = now_s.saturating_add(length.as_secs()).min(latest_s);
        Self {
            from_s: now_s.saturating_sub(SKEW_S),
            until_s,
        }
    }
}

/// The CA: its key and its certificate.
pub(crate) struct Authority {
    key: Es256Key,
    der: Vec<u8>,
    pub(crate) domain: TrustDomain,
    pub(crate) until_s: u64,
}

impl Authority {
    pub(crate) fn mint(domain: TrustDomain, validity: Validity) -> Result<Self, Error> {
        let key = Es256Key::generate()?;
        let mut params = params(&format!("Weir development CA for {domain}"), validity)?;
        // A signing certificate carries its domain as SPIFFE id (X509-SVID section 4.2).
        params.subject_alt_names = vec![SanType::URI(ia5(&format!("spiffe://{domain}"))?)];
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let doing = "sign the CA's certificate";
        let cert = params
            .self_signed(&key)
            .map_err(|_| Error::Crypto { doing })?;
        Ok(Self {
            key,
            der: cert.der().to_vec(),
            domain,
            until_s: validity.until_s,
        })
    }

    /// Takes a stored CA; none when the certificate is not one that [`Self::mint`] made.
    pub(crate) fn restore(key: Es256Key, pem_text: &str) -> Option<Self> {
        let der = pem::decode("CERTIFICATE", pem_text)?.to_vec();
        let cert = parse(&der)?;
        let same_key =
            rcgen::PublicKeyData::der_bytes(&key) == &*cert.public_key().subject_public_key.data;
        if !cert.is_ca() || !same_key {
            return None;
        }
        let domain = match only_uri(&cert)?.strip_prefix("spiffe://") {
            Some(domain) => TrustDomain::new(domain).ok()?,
            None => return None,
        };
        let until_s = u64::try_from(cert.validity().not_after.timestamp()).ok()?;
        Some(Self {
            key,
            der,
            domain,
            until_s,
        })
    }

    pub(crate) fn key(&self) -> &Es256Key {
        &self.key
    }

    pub(crate) fn der(&self) -> &[u8] {
        &self.der
    }

    pub(crate) fn pem(&self) -> String {
        certificate_pem(&self.der)
    }

    /// A certificate for the broker: server only, under `localhost` and the loopback addresses.
    pub(crate) fn server(&self, key: &Es256Key, validity: Validity) -> Result<Vec<u8>, Error> {
        let names = vec![
            SanType::DnsName(ia5("localhost")?),
            SanType::IpAddress(IpAddr::V4(Ipv4Addr::LOCALHOST)),
            SanType::IpAddress(IpAddr::V6(Ipv6Addr::LOCALHOST)),
        ];
        let id = SpiffeId::broker(self.domain.clone());
        self.leaf(
            &id,
            names,
            ExtendedKeyUsagePurpose::ServerAuth,
            key,
            validity,
        )
    }

    /// A certificate for an organisation: client only.
    pub(crate) fn client(
        &self,
        id: &SpiffeId,
        key: &Es256Key,
        validity: Validity,
    ) -> Result<Vec<u8>, Error> {
        self.leaf(
            id,
            Vec::new(),
            ExtendedKeyUsagePurpose::ClientAuth,
            key,
            validity,
        )
    }

    fn leaf(
        &self,
        id: &SpiffeId,
        mut names: Vec<SanType>,
        usage: ExtendedKeyUsagePurpose,
        key: &Es256Key,
        validity: Validity,
    ) -> Result<Vec<u8>, Error> {
        let doing = || Error::Crypto {
            doing: "sign a certificate",
        };
        let mut params = params(id.org_name().unwrap_or("broker"), validity)?;
        names.push(SanType::URI(ia5(&id.to_string())?));
        params.subject_alt_names = names;
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![usage];
        params.use_authority_key_identifier_extension = true;
        let issuer = Issuer::from_ca_cert_der(&self.der.as_slice().into(), &self.key)
            .map_err(|_| doing())?;
        params
            .signed_by(key, &issuer)
            .map(|c| c.der().to_vec())
            .map_err(|_| doing())
    }
}

/// Whether a certificate (DER) is a CA of this crate or was signed by one: production MUST refuse
/// it. A text that is no certificate counts as one, so that nothing unknown passes.
#[must_use]
pub fn is_development(der: &[u8]) -> bool {
    let names = |name: &X509Name<'_>| {
        name.iter_organization()
            .any(|o| o.as_str() == Ok(DEVELOPMENT_ORGANISATION))
    };
    parse(der).is_none_or(|cert| names(cert.subject()) || names(cert.issuer()))
}

pub(crate) fn certificate_pem(der: &[u8]) -> String {
    pem::encode("CERTIFICATE", der).to_string()
}

/// The DER of a certificate in PEM form and its last second, if it is one certificate.
pub(crate) fn read_leaf(pem_text: &str) -> Option<(Vec<u8>, u64)> {
    let der = pem::decode("CERTIFICATE", pem_text)?.to_vec();
    let until_s = u64::try_from(parse(&der)?.validity().not_after.timestamp()).ok()?;
    Some((der, until_s))
}

fn params(common_name: &str, validity: Validity) -> Result<CertificateParams, Error> {
    let epoch = date_time_ymd(1970, 1, 1);
    let at = |seconds| epoch.checked_add(Duration::from_secs(seconds).try_into().ok()?);
    let mut params = CertificateParams::default();
    params.not_before = at(validity.from_s).ok_or(Error::Clock)?;
    params.not_after = at(validity.until_s).ok_or(Error::Clock)?;
    params.distinguished_name = DistinguishedName::new();
    params
        .distinguished_name
        .push(DnType::OrganizationName, DEVELOPMENT_ORGANISATION);
    params
        .distinguished_name
        .push(DnType::CommonName, common_name);
    Ok(params)
}

fn ia5(text: &str) -> Result<Ia5String, Error> {
    text.try_into().map_err(|_| Error::Crypto {
        doing: "write a name into a certificate",
    })
}

fn parse(der: &[u8]) -> Option<X509Certificate<'_>> {
    match X509Certificate::from_der(der) {
        Ok(([], cert)) => Some(cert),
        _ => None,
    }
}

fn only_uri<'a>(cert: &'a X509Certificate<'_>) -> Option<&'a str> {
    let names = cert.subject_alternative_name().ok()??;
    match names.value.general_names.as_slice() {
        [GeneralName::URI(uri)] => Some(uri),
        _ => None,
    }
}
