//! Files that a crash may not leave half-written.

use std::fs::File;
use std::io::Write;
use std::path::Path;

use crate::errors::CliError;

/// Writes a file whole, durably, in the place of whatever has the name: after a crash it holds the old bytes or the new
/// ones, and on return the new ones stay.
///
/// # Errors
/// [`CliError`] names the file.
pub fn replace(path: &Path, bytes: &[u8]) -> Result<(), CliError> {
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    let written = tempfile::NamedTempFile::new_in(folder).and_then(|mut new| {
        new.write_all(bytes)?;
        new.as_file().sync_all()?;
        new.persist(path).map_err(|e| e.error)?;
        File::open(folder)?.sync_all()
    });
    written.map_err(|e| CliError::file("write", path, e))
}
