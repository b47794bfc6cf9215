//! Revocation lists, looked at before they come into force: the TLS library would take a list by a
//! stranger or of last year, and then refuse everybody.

use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer};
use x509_parser::prelude::{ASN1Time, CertificateRevocationList, FromDer, X509Certificate};

/// Is each list signed by one of `authorities`, and in force now?
///
/// # Errors
/// What is wrong, and what to do.
pub(super) fn check(
    lists: &[CertificateRevocationListDer<'_>],
    authorities: &[CertificateDer<'_>],
) -> Result<(), String> {
    lists.iter().try_for_each(|list| one(list, authorities))
}

fn one(der: &[u8], authorities: &[CertificateDer<'_>]) -> Result<(), String> {
    let (rest, list) =
        CertificateRevocationList::from_der(der).map_err(|e| format!("cannot be read: {e}"))?;
    if !rest.is_empty() {
        return Err("there are bytes after its end".to_owned());
    }
    let signed = authorities.iter().any(|authority| {
        X509Certificate::from_der(authority)
            .is_ok_and(|(_, ca)| ca.subject() == list.issuer() && signed_by(&list, &ca))
    });
    if !signed {
        return Err("no CA in client_ca signed it: give the CA's own list".to_owned());
    }
    let now = ASN1Time::now();
    let next = list.next_update().ok_or("it names no next update")?;
    if list.last_update() > now || next < now {
        let from = list.last_update();
        return Err(format!(
            "it is in force from {from} to {next}, not now: fetch the CA's newest"
        ));
    }
    Ok(())
}

fn signed_by(list: &CertificateRevocationList<'_>, ca: &X509Certificate<'_>) -> bool {
    let key: &[u8] = &ca.public_key().subject_public_key.data;
    let algorithms = aws_lc_rs::default_provider().signature_verification_algorithms;
    // A key of one kind is none to the others, so trying all accepts nothing more.
    algorithms.all.iter().any(|algorithm| {
        algorithm
            .verify_signature(key, list.tbs_cert_list.as_ref(), &list.signature_value.data)
            .is_ok()
    })
}
