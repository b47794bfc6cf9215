use std::fmt;
use std::io::{self, Write};

use uuid::Uuid;

use super::*;

/// Takes a payload in pieces and commits to it as it comes. Dropped before [`BlobWriter::finish`],
/// it leaves nothing.
pub(super) struct BlobWriter {
    incoming: Incoming,
    salt: Salt,
    committer: Committer,
    /// Small pieces are gathered, so that they do not cost a system call each.
    held: Vec<u8>,
}

/// The file that takes the pieces; removed when it is dropped without having got its name.
struct Incoming {
    disk: Arc<dyn Disk>,
    file: FileName,
    named: bool,
}

impl BlobWriter {
    pub(super) fn new(disk: Arc<dyn Disk>) -> Result<Self, BlobError> {
        let salt = Salt::random()?;
        let file = INCOMING.join(&Uuid::new_v4().simple().to_string());
        let file = file.map_err(|e| io_error(&INCOMING, io::Error::other(e)))?;
        Ok(Self {
            incoming: Incoming {
                disk,
                file,
                named: false,
            },
            committer: Committer::new(&salt),
            salt,
            held: Vec::new(),
        })
    }

    /// Stores what was written. On return blob and salt are durable.
    ///
    /// # Errors
    /// [`BlobError::Io`]; nothing that could be read is stored then.
    pub(super) fn finish(mut self) -> Result<BlobId, BlobError> {
        let Incoming { disk, file, .. } = &self.incoming;
        let (disk, file) = (Arc::clone(disk), file.clone());
        // An empty payload has a file too.
        self.pass_on().map_err(|e| io_error(&file, e))?;
        disk.sync_data(&file).map_err(|e| io_error(&file, e))?;
        let id = BlobId::new(self.committer.finish().to_string());
        let id = id.map_err(|e| io_error(&BLOBS, io::Error::other(e)))?;
        let files = Files::of(&id)?;
        // The salt first: a blob that has its name can be read.
        disk.write_durable(&files.salt, self.salt.as_bytes())
            .map_err(|e| io_error(&files.salt, e))?;
        disk.rename(&file, &files.blob)
            .map_err(|e| io_error(&files.blob, e))?;
        self.incoming.named = true;
        Ok(id)
    }

    fn pass_on(&mut self) -> io::Result<()> {
        self.committer.update(&self.held);
        self.incoming.disk.append(&self.incoming.file, &self.held)?;
        self.held.clear();
        Ok(())
    }
}

impl Write for BlobWriter {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        self.held.extend_from_slice(piece);
        if self.held.len() >= CHUNK_BYTES {
            self.pass_on()?;
        }
        Ok(piece.len())
    }

    /// Nothing is durable before [`BlobWriter::finish`], so there is nothing to do.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        if !self.named
            && let Err(error) = self.disk.remove(&self.file)
        {
            tracing::debug!(%error, "an unfinished blob stays until the next start");
        }
    }
}

impl fmt::Debug for BlobWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BlobWriter({})", self.incoming.file)
    }
}
