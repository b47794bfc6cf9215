//! The directory: who has which file, made once, opened often.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use zeroize::Zeroizing;

use crate::files::{self, Existing};
use crate::layout::{BrokerFiles, OrgFiles};
use crate::mint::{Authority, Validity, certificate_pem, read_leaf};
use crate::options::{Options, ROLES};
use crate::pem::marked;
use crate::revoke::List;
use crate::token::{Grant, mint};
use crate::{Ed25519Seed, Error, Es256Key, SpiffeId, TrustDomain};

/// A development PKI in a directory.
///
/// ```
/// # fn main() -> Result<(), certs::Error> {
/// # let root = tempfile::tempdir().expect("a directory");
/// let pki = certs::DevPki::create(root.path(), "weir.test")?;
/// let bikes = pki.org("city-bikes", "provider", "push-job")?;
/// assert_eq!(bikes.id.to_string(), "spiffe://weir.test/org/city-bikes");
/// assert!(bikes.token.is_file());
/// # Ok(())
/// # }
/// ```
pub struct DevPki {
    dir: PathBuf,
    authority: Authority,
    issuer: Es256Key,
    options: Options,
}

impl DevPki {
    /// Makes CA, token issuer, log key and the broker's certificate with [`Options::default`].
    ///
    /// # Errors
    /// [`Error::Exists`] when the directory already holds any of them; nothing is changed then.
    pub fn create(dir: &Path, trust_domain: &str) -> Result<Self, Error> {
        Self::create_with(dir, trust_domain, Options::default())
    }

    /// [`Self::create`] with chosen lifetimes. With `overwrite` a new CA replaces the old one, and
    /// certificates that the old one signed are worth nothing any more.
    ///
    /// # Errors
    /// As [`Self::create`]; [`Error::Validity`] or [`Error::Spiffe`] for bad arguments.
    pub fn create_with(dir: &Path, trust_domain: &str, options: Options) -> Result<Self, Error> {
        options.check()?;
        let domain = TrustDomain::new(trust_domain)?;
        let authority = Authority::mint(
            domain,
            Validity::starting(now_s()?, options.ca_validity, u64::MAX),
        )?;
        let pki = Self {
            dir: dir.to_owned(),
            authority,
            issuer: Es256Key::generate()?,
            options,
        };
        let log_key = Ed25519Seed::generate()?.to_pem()?;
        let (broker_key, broker_cert) = pki.mint_broker()?;
        let broker = pki.broker();
        pki.place(&[
            (pki.path("ca.key"), &pki.authority.key().to_pem()),
            (pki.path("issuer.key"), &marked(&pki.issuer.to_pem())),
            (pki.issuer_pub(), &marked(&pki.issuer.public_pem())),
            (pki.log_key(), &marked(&log_key)),
            (broker.key, &broker_key.to_pem()),
            (broker.cert, &broker_cert),
            (pki.ca(), &pki.authority.pem()),
        ])?;
        Ok(pki)
    }

    /// Opens a directory that [`Self::create`] made.
    ///
    /// # Errors
    /// [`Error::NoPki`] when it is none, [`Error::Damaged`] when CA certificate and key do not
    /// belong together.
    pub fn open(dir: &Path) -> Result<Self, Error> {
        for missing in ["ca.pem", "ca.key", "issuer.key"] {
            if !dir.join(missing).is_file() {
                return Err(Error::NoPki {
                    dir: dir.to_owned(),
                    missing,
                });
            }
        }
        let ca = dir.join("ca.pem");
        let key = Es256Key::read(&dir.join("ca.key"))?;
        let authority = Authority::restore(key, &read_text(&ca)?).ok_or(Error::Damaged {
            path: ca,
            what: "the certificate of ca.key",
        })?;
        let issuer = Es256Key::read(&dir.join("issuer.key"))?;
        Ok(Self {
            dir: dir.to_owned(),
            authority,
            issuer,
            options: Options::default(),
        })
    }

    /// The same directory with other lifetimes for what is minted next.
    ///
    /// # Errors
    /// [`Error::Validity`].
    pub fn with(mut self, options: Options) -> Result<Self, Error> {
        options.check()?;
        self.options = options;
        Ok(self)
    }

    /// Mints an organisation: certificate, signing key, and a token for one of its users. `user`
    /// should be a pseudonym or a job's name, for it stands in the token as `sub`.
    ///
    /// # Errors
    /// [`Error::Exists`] when any of its files is there (nothing is changed); [`Error::Spiffe`],
    /// [`Error::Role`] or [`Error::User`] for bad arguments.
    pub fn org(&self, name: &str, role: &str, user: &str) -> Result<OrgFiles, Error> {
        let signing = Es256Key::generate()?;
        let files = self.org_files(name)?;
        let (key, cert, token) = self.mint_client(&files.id, role, user)?;
        self.place(&[
            (files.signing_key.clone(), &signing.to_pem()),
            (files.signing_pub.clone(), &signing.public_pem()),
            (files.key.clone(), &key.to_pem()),
            (files.cert.clone(), &cert),
            (files.token.clone(), &token),
        ])?;
        Ok(files)
    }

    /// Replaces an organisation's certificate, its key and the token; the signing key, which
    /// agreements name, stays.
    ///
    /// # Errors
    /// [`Error::Damaged`] or [`Error::Io`] when there is no such organisation, else as
    /// [`Self::org`].
    pub fn renew(&self, name: &str, role: &str, user: &str) -> Result<OrgFiles, Error> {
        let files = self.org_files(name)?;
        Es256Key::read(&files.signing_key)?;
        let (key, cert, token) = self.mint_client(&files.id, role, user)?;
        files::write(&files.key, key.to_pem().as_bytes(), Existing::Replace)?;
        files::write(&files.cert, cert.as_bytes(), Existing::Replace)?;
        files::write(&files.token, token.as_bytes(), Existing::Replace)?;
        Ok(files)
    }

    /// A fresh token for a user of an organisation that has a certificate here. Nothing is written.
    ///
    /// # Errors
    /// [`Error::Damaged`] or [`Error::Io`] when the certificate cannot be read, else as
    /// [`Self::org`].
    pub fn token(&self, name: &str, role: &str, user: &str) -> Result<Zeroizing<String>, Error> {
        let files = self.org_files(name)?;
        let (der, until_s) = read_leaf(&read_text(&files.cert)?).ok_or(Error::Damaged {
            path: files.cert,
            what: "one certificate",
        })?;
        self.mint_token(&files.id, role, user, &der, until_s)
    }

    /// Takes back the certificate that an organisation has here now: it is added to the CA's list ([`Self::crl`]), which
    /// grows with each call. A certificate from before its last renewal is not here any more, and runs out by itself.
    /// Taking the same one back again changes nothing, and answers `false`.
    ///
    /// # Errors
    /// [`Error::Damaged`] or [`Error::Io`] when certificate or list cannot be read, [`Error::Spiffe`] for a bad name.
    pub fn revoke(&self, name: &str) -> Result<bool, Error> {
        let (cert, path) = (self.org_files(name)?.cert, self.crl());
        let (der, _) = read_leaf(&read_text(&cert)?).ok_or(Error::Damaged {
            path: cert.clone(),
            what: "one certificate",
        })?;
        let mut list = match path.exists() {
            false => List::default(),
            true => List::read(&read_text(&path)?).ok_or(Error::Damaged {
                path: path.clone(),
                what: "a revocation list",
            })?,
        };
        let now = now_s()?;
        let added = list.add(&der, now).ok_or(Error::Damaged {
            path: cert,
            what: "one certificate",
        })?;
        if added {
            let signed = list.sign(&self.authority, now)?;
            files::write(&path, signed.as_bytes(), Existing::Replace)?;
        }
        Ok(added)
    }

    /// The CA's revocation list, PEM: there from the first [`Self::revoke`] on.
    #[must_use]
    pub fn crl(&self) -> PathBuf {
        self.path("ca.crl.pem")
    }

    /// Replaces the broker's certificate and its key.
    ///
    /// # Errors
    /// [`Error::Io`] or [`Error::Crypto`].
    pub fn renew_broker(&self) -> Result<BrokerFiles, Error> {
        let files = self.broker();
        let (key, cert) = self.mint_broker()?;
        files::write(&files.key, key.to_pem().as_bytes(), Existing::Replace)?;
        files::write(&files.cert, cert.as_bytes(), Existing::Replace)?;
        Ok(files)
    }

    /// The trust domain of every id in this directory.
    #[must_use]
    pub fn trust_domain(&self) -> &TrustDomain {
        &self.authority.domain
    }

    /// The CA's certificate, PEM: what clients and broker trust.
    #[must_use]
    pub fn ca(&self) -> PathBuf {
        self.path("ca.pem")
    }

    /// The token issuer's public key, PEM; its fingerprint is the `kid` of every token.
    #[must_use]
    pub fn issuer_pub(&self) -> PathBuf {
        self.path("issuer.pub.pem")
    }

    /// The key of the broker's log (Ed25519), PKCS#8 PEM: [`Ed25519Seed::read`] takes it.
    #[must_use]
    pub fn log_key(&self) -> PathBuf {
        self.path("log.key")
    }

    /// The broker's files.
    #[must_use]
    pub fn broker(&self) -> BrokerFiles {
        BrokerFiles {
            cert: self.path("broker/cert.pem"),
            key: self.path("broker/key.pem"),
        }
    }

    /// An organisation's files, whether or not they exist.
    ///
    /// # Errors
    /// [`Error::Spiffe`] for a name that no organisation may have; `broker` is one, for its folder
    /// is taken.
    pub fn org_files(&self, name: &str) -> Result<OrgFiles, Error> {
        let id = SpiffeId::org(self.trust_domain().clone(), name)?;
        if name == "broker" {
            return Err(crate::SpiffeError::Org {
                given: name.to_owned(),
            }
            .into());
        }
        Ok(OrgFiles::in_dir(&self.dir.join(name), id))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    fn leaf_validity(&self, now_s: u64) -> Validity {
        Validity::starting(now_s, self.options.validity, self.authority.until_s)
    }

    fn mint_broker(&self) -> Result<(Es256Key, String), Error> {
        let key = Es256Key::generate()?;
        let der = self.authority.server(&key, self.leaf_validity(now_s()?))?;
        Ok((key, certificate_pem(&der)))
    }

    fn mint_client(
        &self,
        id: &SpiffeId,
        role: &str,
        user: &str,
    ) -> Result<(Es256Key, String, Zeroizing<String>), Error> {
        let key = Es256Key::generate()?;
        let validity = self.leaf_validity(now_s()?);
        let der = self.authority.client(id, &key, validity)?;
        let token = self.mint_token(id, role, user, &der, validity.until_s)?;
        Ok((key, certificate_pem(&der), token))
    }

    fn mint_token(
        &self,
        id: &SpiffeId,
        role: &str,
        user: &str,
        certificate_der: &[u8],
        latest_s: u64,
    ) -> Result<Zeroizing<String>, Error> {
        if !ROLES.contains(&role) {
            return Err(Error::Role {
                given: role.chars().take(80).collect(),
            });
        }
        check_user(user)?;
        let now_s = now_s()?;
        let until_s = now_s
            .saturating_add(self.options.token_validity.as_secs())
            .min(latest_s);
        mint(
            &self.issuer,
            &Grant {
                id,
                role,
                user,
                certificate_der,
                now_s,
                until_s,
            },
        )
    }

    /// Writes all files, or none when one is in the way.
    fn place(&self, files: &[(PathBuf, &str)]) -> Result<(), Error> {
        if !self.options.overwrite
            && let Some((path, _)) = files.iter().find(|(path, _)| path.exists())
        {
            return Err(Error::Exists { path: path.clone() });
        }
        let existing = self.options.existing();
        files
            .iter()
            .try_for_each(|(path, text)| files::write(path, text.as_bytes(), existing))
    }
}

fn check_user(user: &str) -> Result<(), Error> {
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-_.".contains(&b);
    if user.is_empty() || user.len() > 64 || !user.bytes().all(allowed) {
        return Err(Error::User {
            given: user.chars().take(80).collect(),
        });
    }
    Ok(())
}

fn read_text(path: &Path) -> Result<String, Error> {
    let io = |source| Error::Io {
        doing: "read",
        path: path.to_owned(),
        source,
    };
    fs::read_to_string(path).map_err(io)
}

fn now_s() -> Result<u64, Error> {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map(|d| d.as_secs())
        .map_err(|_| Error::Clock)
}

#[cfg(test)]
mod tests;
