use object_store::ObjectStoreExt as _;
use object_store::memory::InMemory;
use object_store::path::Path as ObjectPath;

use super::*;

/// Where a checked payload can be scanned.
#[derive(Debug, Clone)]
pub struct BlobSource {
    /// The store it lies in.
    pub store: Arc<dyn ObjectStore>,
    /// Its place in that store.
    pub path: ObjectPath,
    /// Its length in bytes.
    pub length: u64,
}

/// Where a payload lies that has been checked.
pub(super) async fn locate(blobs: &Blobs, id: &BlobId) -> Result<BlobSource, BlobError> {
    let files = Files::of(id)?;
    let path = ObjectPath::from(files.blob.as_str());
    let Some(local) = &blobs.files else {
        return copy(blobs.get(id).await?.bytes, path, &files.blob).await;
    };
    let store: Arc<dyn ObjectStore> = Arc::<LocalFileSystem>::clone(local);
    let length = blobs.run(move |blobs| check(blobs, &files)).await?;
    Ok(BlobSource {
        store,
        path,
        length,
    })
}

/// Checks the whole payload against its id, in pieces, and gives its length.
fn check(blobs: &Blobs, files: &Files) -> Result<u64, BlobError> {
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
    files.check(committer.finish())?;
    Ok(length)
}

/// A disk without a directory is a simulated one: its blobs are small enough to copy.
async fn copy(bytes: Bytes, path: ObjectPath, file: &FileName) -> Result<BlobSource, BlobError> {
    let (store, length) = (InMemory::new(), bytes.len() as u64);
    let put = store.put(&path, bytes.into()).await;
    put.map_err(|e| io_error(file, io::Error::other(e)))?;
    Ok(BlobSource {
        store: Arc::new(store),
        path,
        length,
    })
}
