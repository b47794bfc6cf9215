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

/// The same with all that `write` writes.
///
/// # Errors
/// [`CliError`] names the file, which is as it was; also where `write` fails.
pub fn replace_with<E: Display + From<io::Error>>(
    path: &Path,
    write: impl FnOnce(&mut BufWriter<&mut File>) -> Result<(), E>,
) -> Result<(), CliError> {
    let fail = |e: &dyn Display| CliError::file("write", path, e);
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
