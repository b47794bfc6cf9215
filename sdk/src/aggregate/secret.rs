//! The local secret that decides which cells and events a unit keeps, and that the ids of pushes follow from. It never
//! leaves the machine.

use std::fmt;
use std::fs;
use std::io::{self, Write};
use std::path::Path;

use aws_lc_rs::{hmac, rand};
use zeroize::Zeroizing;

use super::error::SecretError;

/// Bytes of the secret, and of each tag.
pub const SECRET_BYTES: usize = 32;

/// 32 secret bytes behind HMAC-SHA256. Its `Debug` shows nothing.
#[derive(Clone)]
pub struct Secret(hmac::Key);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

impl Secret {
    /// Uses these bytes, for tests and for companies with their own key store.
    #[must_use]
    pub fn from_bytes(bytes: &[u8; SECRET_BYTES]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, bytes))
    }

    /// Reads the secret at `path`, or makes one there (mode 0600) on first use. The same file MUST
    /// be kept for corrections: another secret keeps other cells.
    ///
    /// # Errors
    /// [`SecretError`] where the file cannot be used, has another length or can be read by others.
    pub fn open(path: &Path) -> Result<Self, SecretError> {
        let fail = |source: io::Error| SecretError::File {
            path: path.to_owned(),
            source,
        };
        if !path.try_exists().map_err(fail)? {
            create(path)?;
        }
        if others_may_read(path).map_err(fail)? {
            return Err(SecretError::Exposed {
                path: path.to_owned(),
            });
        }
        let bytes = Zeroizing::new(fs::read(path).map_err(fail)?);
        let bytes: &[u8; SECRET_BYTES] =
            bytes
                .as_slice()
                .try_into()
                .map_err(|_| SecretError::Damaged {
                    path: path.to_owned(),
                })?;
        Ok(Self::from_bytes(bytes))
    }

    /// HMAC-SHA256 over the parts in order. Parts of varying length MUST come last or be preceded
    /// by their length, so that no two messages read the same.
    pub(crate) fn tag(&self, parts: &[&[u8]]) -> [u8; SECRET_BYTES] {
        let mut context = hmac::Context::with_key(&self.0);
        for part in parts {
            context.update(part);
        }
        let mut tag = [0; SECRET_BYTES];
        for (to, from) in tag.iter_mut().zip(context.sign().as_ref()) {
            *to = *from;
        }
        tag
    }
}

/// Makes the file whole or not at all; a file that another process made first stays.
fn create(path: &Path) -> Result<(), SecretError> {
    let fail = |source: io::Error| SecretError::File {
        path: path.to_owned(),
        source,
    };
    let mut bytes = Zeroizing::new([0_u8; SECRET_BYTES]);
    rand::fill(bytes.as_mut_slice()).map_err(|_| SecretError::Randomness)?;
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    // A named temporary file has mode 0600 from the start.
    let mut file = tempfile::NamedTempFile::new_in(folder).map_err(fail)?;
    file.write_all(bytes.as_slice()).map_err(fail)?;
    file.as_file().sync_all().map_err(fail)?;
    match file.persist_noclobber(path) {
        Ok(_) => Ok(()),
        Err(e) if e.error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(e) => Err(fail(e.error)),
    }
}

#[cfg(unix)]
fn others_may_read(path: &Path) -> io::Result<bool> {
    use std::os::unix::fs::PermissionsExt;
    Ok(fs::metadata(path)?.permissions().mode() & 0o077 != 0)
}

#[cfg(not(unix))]
fn others_may_read(_: &Path) -> io::Result<bool> {
    Ok(false)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    #[test]
    fn the_same_file_gives_the_same_secret_and_stays_private() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        let first = Secret::open(&path).unwrap();
        let second = Secret::open(&path).unwrap();
        assert_eq!(first.tag(&[b"x"]), second.tag(&[b"x"]));
        assert!(!others_may_read(&path).unwrap());
        let other = Secret::open(&folder.path().join("other")).unwrap();
        assert_ne!(first.tag(&[b"x"]), other.tag(&[b"x"]));
        assert_eq!(format!("{first:?}"), "Secret(..)");
    }

    #[test]
    fn a_damaged_or_open_file_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        Secret::open(&path).unwrap();
        fs::write(&path, b"short").unwrap();
        assert!(matches!(
            Secret::open(&path),
            Err(SecretError::Damaged { .. })
        ));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
            assert!(matches!(
                Secret::open(&path),
                Err(SecretError::Exposed { .. })
            ));
        }
    }
}
