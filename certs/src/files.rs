//! Files that hold secrets: mode 0600 from their first byte, whole or not there at all.

use std::fs::{self, DirBuilder, Permissions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::Path;

use zeroize::Zeroizing;

use crate::Error;

/// Whether an existing file may be replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Existing {
    Keep,
    Replace,
}

/// Writes a file with mode 0600 that MUST be there whole, and on disk, when this returns;
/// directories that are missing are made with mode 0700. An existing file is replaced only with
/// `overwrite`.
///
/// # Errors
/// [`Error::Exists`] when the file is there and was not to be replaced (it is unchanged), or
/// [`Error::Io`].
pub fn write_secret(path: &Path, bytes: &[u8], overwrite: bool) -> Result<(), Error> {
    write(
        path,
        bytes,
        if overwrite {
            Existing::Replace
        } else {
            Existing::Keep
        },
    )
}

/// Reads a file of secrets into memory that is wiped after use.
///
/// # Errors
/// [`Error::Exposed`] when every user of the machine can read the file, or [`Error::Io`].
pub fn read_secret(path: &Path) -> Result<Zeroizing<Vec<u8>>, Error> {
    let io = |source| Error::Io {
        doing: "read",
        path: path.to_owned(),
        source,
    };
    let mut file = fs::File::open(path).map_err(io)?;
    let about = file.metadata().map_err(io)?;
    if about.permissions().mode() & 0o007 != 0 {
        return Err(Error::Exposed {
            path: path.to_owned(),
        });
    }
    let size = usize::try_from(about.len()).map_err(|_| Error::Damaged {
        path: path.to_owned(),
        what: "a key",
    })?;
    // One byte more than the file: `read_to_end` then never moves the buffer.
    let mut bytes = Zeroizing::new(Vec::with_capacity(size.saturating_add(1)));
    file.read_to_end(&mut bytes).map_err(io)?;
    Ok(bytes)
}

pub(crate) fn write(path: &Path, bytes: &[u8], existing: Existing) -> Result<(), Error> {
    let io = |doing| {
        move |source| Error::Io {
            doing,
            path: path.to_owned(),
            source,
        }
    };
    let dir = match path.parent() {
        Some(dir) if !dir.as_os_str().is_empty() => dir,
        _ => Path::new("."),
    };
    make_dir(dir)?;
    let mut temp = tempfile::Builder::new()
        .prefix(".new-")
        .permissions(Permissions::from_mode(0o600))
        .tempfile_in(dir)
        .map_err(io("write"))?;
    temp.write_all(bytes).map_err(io("write"))?;
    temp.as_file().sync_all().map_err(io("sync"))?;
    let placed = match existing {
        Existing::Keep => temp.persist_noclobber(path),
        Existing::Replace => temp.persist(path),
    };
    match placed {
        Ok(_) => fs::File::open(dir)
            .and_then(|d| d.sync_all())
            .map_err(io("sync the folder of")),
        Err(e) if e.error.kind() == ErrorKind::AlreadyExists => Err(Error::Exists {
            path: path.to_owned(),
        }),
        Err(e) => Err(io("place")(e.error)),
    }
}

fn make_dir(dir: &Path) -> Result<(), Error> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(dir)
        .map_err(|source| Error::Io {
            doing: "make the folder",
            path: dir.to_owned(),
            source,
        })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_private_whole_and_never_replaced_unasked() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("a/b/key");
        write_secret(&path, b"first", false).unwrap();
        let mode = |p: &Path| fs::metadata(p).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&path), 0o600);
        assert_eq!(mode(path.parent().unwrap()), 0o700);

        let refused = write_secret(&path, b"second", false);
        assert!(matches!(refused, Err(Error::Exists { .. })), "{refused:?}");
        assert_eq!(&**read_secret(&path).unwrap(), b"first");

        write_secret(&path, b"second", true).unwrap();
        assert_eq!(&**read_secret(&path).unwrap(), b"second");
        let left = fs::read_dir(path.parent().unwrap()).unwrap().count();
        assert_eq!(left, 1, "a temporary file was left behind");
    }

    #[test]
    fn a_secret_that_everybody_can_read_is_not_used() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("key");
        write_secret(&path, b"x", false).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
        assert!(matches!(read_secret(&path), Err(Error::Exposed { .. })));
    }
}
