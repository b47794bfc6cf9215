//! The CA's revocation list: which certificates it took back.

use std::time::Duration;

use rcgen::{
    CertificateRevocationListParams, Issuer, KeyIdMethod, RevokedCertParams, SerialNumber,
    date_time_ymd,
};
use x509_parser::prelude::{CertificateRevocationList, FromDer, X509Certificate};

use crate::mint::Authority;
use crate::{Error, pem};

const LABEL: &str = "X509 CRL";

/// One certificate that was taken back, and when, in seconds since 1970.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Revoked {
    pub(crate) serial: Vec<u8>,
    pub(crate) at_s: u64,
}

/// A list as it stands: its number, and what it holds.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct List {
    pub(crate) number: u64,
    pub(crate) revoked: Vec<Revoked>,
}

impl List {
    /// Reads a list that [`Self::sign`] made; `None` where it is none.
    pub(crate) fn read(pem_text: &str) -> Option<Self> {
        let der = pem::decode(LABEL, pem_text)?;
        let (rest, list) = CertificateRevocationList::from_der(&der).ok()?;
        let number = list.crl_number()?.to_bytes_be();
        let number = number.iter().try_fold(0_u64, |n, byte| {
            n.checked_mul(256)?.checked_add(u64::from(*byte))
        })?;
        let revoked = list.iter_revoked_certificates().map(|one| {
            let at_s = u64::try_from(one.revocation_date.timestamp()).ok()?;
            let serial = one.raw_serial().to_vec();
            Some(Revoked { serial, at_s })
        });
        let revoked = revoked.collect::<Option<Vec<_>>>()?;
        rest.is_empty().then_some(Self { number, revoked })
    }

    /// Adds a certificate (DER); `false` where it is there already.
    pub(crate) fn add(&mut self, der: &[u8], at_s: u64) -> Option<bool> {
        let (_, cert) = X509Certificate::from_der(der).ok()?;
        let serial = cert.raw_serial().to_vec();
        if self.revoked.iter().any(|known| known.serial == serial) {
            return Some(false);
        }
        self.revoked.push(Revoked { serial, at_s });
        Some(true)
    }

    /// The list in PEM form, signed by the CA, with the next number; good as long as the CA is.
    pub(crate) fn sign(&self, authority: &Authority, now_s: u64) -> Result<String, Error> {
        let epoch = date_time_ymd(1970, 1, 1);
        let at = |seconds: u64| {
            let since = Duration::from_secs(seconds).try_into().ok();
            let time = since.and_then(|since| epoch.checked_add(since));
            time.ok_or(Error::Clock)
        };
        let revoked = self.revoked.iter().map(|one| {
            Ok(RevokedCertParams {
                serial_number: SerialNumber::from_slice(&one.serial),
                revocation_time: at(one.at_s)?,
                reason_code: None,
                invalidity_date: None,
            })
        });
        let params = CertificateRevocationListParams {
            this_update: at(now_s)?,
            next_update: at(authority.until_s)?,
            crl_number: SerialNumber::from(self.number.saturating_add(1)),
            issuing_distribution_point: None,
            revoked_certs: revoked.collect::<Result<_, Error>>()?,
            key_identifier_method: KeyIdMethod::Sha256,
        };
        let doing = || Error::Crypto {
            doing: "sign the revocation list",
        };
        let ca = authority.der().into();
        let issuer = Issuer::from_ca_cert_der(&ca, authority.key()).map_err(|_| doing())?;
        let list = params.signed_by(&issuer).map_err(|_| doing())?;
        Ok(pem::encode(LABEL, list.der()).to_string())
    }
}
