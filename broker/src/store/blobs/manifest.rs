use super::*;

/// The cells of a manifest for a scan, after every payload was checked against its id, in pieces.
pub(super) async fn read(blobs: &Blobs, ids: &[BlobId]) -> Result<cells::read::Blobs, BlobError> {
    let Some(local) = &blobs.files else {
        return copy(blobs, ids).await;
    };
    let mut paths = Vec::new();
    for id in ids {
        let files = Files::of(id)?;
        paths.push(ObjectPath::from(files.blob.as_str()));
        blobs.run(move |blobs| check(blobs, &files)).await?;
    }
    let store: Arc<dyn ObjectStore> = Arc::<LocalFileSystem>::clone(local);
    Ok(cells::read::Blobs::new(store, paths))
}

pub(super) fn check(blobs: &Blobs, files: &Files) -> Result<(), BlobError> {
    let salt = blobs.salt(files)?;
    let failed = |e| io_error(&files.blob, e);
    let length = blobs.disk.length(&files.blob).map_err(failed)?;
    let length = length.ok_or_else(|| files.missing_blob())?;
    let mut committer = Committer::new(&salt);
    let mut at = 0;
    while at < length {
        let end = length.min(at + CHUNK_BYTES as u64);
        committer.update(&blobs.disk.read(&files.blob, at..end).map_err(failed)?);
        at = end;
    }
    files.check(committer.finish())
}

/// A disk without a directory is a simulated one: its blobs are small enough to hold.
async fn copy(blobs: &Blobs, ids: &[BlobId]) -> Result<cells::read::Blobs, BlobError> {
    let mut payloads = Vec::new();
    for id in ids {
        payloads.push(blobs.get(id).await?.bytes);
    }
    let copied = cells::read::Blobs::in_memory(payloads).await;
    copied.map_err(|e| io_error(&BLOBS, io::Error::other(e)))
}
