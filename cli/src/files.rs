//! Files that a crash may not leave half-written.

use std::fmt::Display;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use tempfile::NamedTempFile;

use crate::errors::CliError;

/// Writes a file whole, durably, in the place of whatever has the name: after a crash it holds the old bytes or the new
/// ones, and on return the new ones stay. Who may read a file that is there already may read the new one.
///
/// # Errors
/// [`CliError`] names the file, which is as it was.
pub fn replace(path: &Path, bytes: &[u8]) -> Result<(), CliError> {
    replace_with(path, |file| file.write_all(bytes))
}

/// The same with all that `write` writes. A device or a pipe is written into, as it comes.
///
/// # Errors
/// [`CliError`] names the file, which is as it was; also where `write` fails.
pub fn replace_with<E: Display + From<io::Error>>(
    path: &Path,
    write: impl FnOnce(&mut BufWriter<&mut File>) -> Result<(), E>,
) -> Result<(), CliError> {
    let fail = |e: &dyn Display| CliError::file("write", path, e);
    // What is no file, such as /dev/stdout, is written into: a file in its place would be of no use to anybody.
    if std::fs::metadata(path).is_ok_and(|there| !there.is_file() && !there.is_dir()) {
        let mut there = File::options()
            .write(true)
            .open(path)
            .map_err(|e| fail(&e))?;
        let mut buffered = BufWriter::new(&mut there);
        return write(&mut buffered)
            .and_then(|()| buffered.flush().map_err(E::from))
            .map_err(|e| fail(&e));
    }
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    let mut new = temporary(folder, path).map_err(|e| fail(&e))?;
    let mut buffered = BufWriter::new(new.as_file_mut());
    write(&mut buffered).map_err(|e| fail(&e))?;
    let written = buffered.flush();
    drop(buffered);
    let kept = written.and_then(|()| {
        new.as_file().sync_all()?;
        new.persist(path).map_err(|e| e.error)?;
        File::open(folder)?.sync_all()
    });
    kept.map_err(|e| fail(&e))
}

/// A file beside the one that it takes the place of, with its permissions; else those of any new file.
fn temporary(folder: &Path, path: &Path) -> io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    let new = builder.tempfile_in(folder)?;
    #[cfg(unix)]
    if let Ok(old) = std::fs::metadata(path) {
        new.as_file().set_permissions(old.permissions())?;
    }
    Ok(new)
}

#[cfg(all(test, unix))]
#[allow(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use std::os::unix::fs::FileTypeExt;

    use super::*;

    /// As root, a file could take the place of /dev/null.
    #[test]
    fn a_device_is_written_into_and_stays_one() {
        let folder = tempfile::tempdir().unwrap();
        let link = folder.path().join("out.csv");
        std::os::unix::fs::symlink("/dev/null", &link).unwrap();
        replace(&link, b"rows").unwrap();
        let kind = std::fs::metadata(&link).unwrap().file_type();
        assert!(kind.is_char_device(), "a file took the place of a device");
        assert!(std::fs::symlink_metadata(&link).unwrap().is_symlink());
    }

    #[test]
    fn a_folder_is_no_file_to_write() {
        let folder = tempfile::tempdir().unwrap();
        replace(folder.path(), b"rows").unwrap_err();
        assert!(folder.path().is_dir());
    }
}
