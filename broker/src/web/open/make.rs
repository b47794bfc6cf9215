//! Files of open tables, made of what was released: post-processing, which costs no privacy.

use std::future::Future;
use std::io;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use export::{Export, ExportError, Listed, Source};
use proto::columns::QUALITY;
use serde_json::Value;
use tokio::sync::Semaphore;

use super::Open;
use super::about::About;
use super::format::Format;
use super::reply::tell;
use super::shelf::{File, Known, Shelf};
use crate::error::Error;
use crate::limits::{OPEN_FILE_BYTES_MAX, OPEN_PARQUET_LISTED_MAX, OPEN_TEXT_LISTED_MAX};

impl Open {
    /// What is known of a release's files, made where it is not at hand; a few at a time.
    pub(super) async fn known(self: &Arc<Self>, about: &About) -> Result<Arc<Known>, Error> {
        self.learned(about, Keep::Files).await
    }

    /// The same, and what becomes of the files that are made for it.
    pub(super) async fn learned(
        self: &Arc<Self>,
        about: &About,
        keep: Keep,
    ) -> Result<Arc<Known>, Error> {
        if let Some(known) = self.shelf.known(&about.files()) {
            return Ok(known);
        }
        let (open, about) = (Arc::clone(self), about.clone());
        apart(&self.making, async move {
            // Whoever waited finds what the one before has made.
            if let Some(known) = open.shelf.known(&about.files()) {
                return Ok(known);
            }
            let (parts, shelf) = (open.parts(about).await?, Arc::clone(&open.shelf));
            // A broker that stops need not wait for it.
            drop(open);
            blocking(move || shelf.make_all(&parts, keep)).await
        })
        .await
    }

    /// One file; `None` where the release has no such file.
    pub(super) async fn file(
        self: &Arc<Self>,
        about: &About,
        format: Format,
    ) -> Result<Option<File>, Error> {
        if let Some(file) = self.shelf.file(&about.files(), format) {
            return Ok(Some(file));
        }
        let (open, about) = (Arc::clone(self), about.clone());
        apart(&self.making, async move {
            if let Some(file) = open.shelf.file(&about.files(), format) {
                return Ok(Some(file));
            }
            let (parts, shelf) = (open.parts(about).await?, Arc::clone(&open.shelf));
            drop(open);
            blocking(move || shelf.make_one(&parts, format)).await
        })
        .await
    }

    async fn parts(&self, about: About) -> Result<Parts, Error> {
        let stored = self.broker.blobs.get(&about.blob).await;
        let table = stored.map_err(Error::internal)?.bytes;
        let zoning = self.broker.zoning_file(&about.zoning).await;
        Ok(Parts {
            about,
            table,
            zoning,
            csv_lists: OnceLock::new(),
        })
    }
}

/// What becomes of files that were made for their digests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keep {
    /// They are kept, in the place of those not asked for longest.
    Files,
    /// Nobody has asked for them.
    Nothing,
}

impl Shelf {
    /// Every file, for its digest. Where nothing can be made of a table, it is still there itself.
    fn make_all(&self, parts: &Parts, keep: Keep) -> Result<Arc<Known>, Error> {
        let (name, sheet) = (parts.about.files(), parts.sheet()?);
        let export = parts.export(&sheet);
        let whole = export.is_ok();
        let export = export.unwrap_or_else(|error| {
            tell(&error);
            None
        });
        let mut files = Vec::new();
        for format in Format::NEGOTIATED {
            let Some(bytes) = parts.written(format, &sheet, export.as_ref(), self) else {
                continue;
            };
            let file = File::of(bytes);
            files.push((format, file.digest));
            let held = (keep == Keep::Files).then(|| self.hold(file)).flatten();
            if let Some(file) = held {
                self.keep(&name, format, &file);
            }
        }
        let value: Value = serde_json::from_str(&sheet).map_err(Error::internal)?;
        let claim = value.get("claim").and_then(Value::as_str);
        let known = Arc::new(Known {
            claim: claim.map(ToOwned::to_owned),
            files,
            whole,
        });
        // Nothing was made after it was closed.
        if whole && !self.is_closed() {
            self.learn(&name, &known);
        }
        Ok(known)
    }

    fn make_one(&self, parts: &Parts, format: Format) -> Result<Option<File>, Error> {
        let sheet = parts.sheet()?;
        let export = match format.is_made() {
            true => parts.export(&sheet)?,
            false => None,
        };
        let Some(bytes) = parts.written(format, &sheet, export.as_ref(), self) else {
            return Ok(None);
        };
        let file = self.hold(File::of(bytes)).ok_or(Error::Busy)?;
        self.keep(&parts.about.files(), format, &file);
        Ok(Some(file))
    }
}

/// Does a piece of work when there is a place for it. It goes on to its end, and has its place until then, when whoever
/// asked for it has gone.
pub(super) async fn apart<T: Send + 'static>(
    places: &Arc<Semaphore>,
    work: impl Future<Output = Result<T, Error>> + Send + 'static,
) -> Result<T, Error> {
    let place = Arc::clone(places).acquire_owned().await;
    let place = place.map_err(Error::internal)?;
    let work = async move {
        let done = work.await;
        drop(place);
        done
    };
    tokio::spawn(work).await.map_err(Error::internal)?
}

/// Beside the async threads.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(Error::internal)?
}

/// What files are made of.
struct Parts {
    about: About,
    table: Bytes,
    zoning: Result<Bytes, Error>,
    /// What the CSV lists, once it was made: its metadata says so, too.
    csv_lists: OnceLock<Listed>,
}

impl Parts {
    fn sheet(&self) -> Result<String, Error> {
        let sheet = cells::release::fact(&self.table, QUALITY).map_err(Error::internal)?;
        sheet.ok_or_else(|| Error::internal("a table without quality sheet"))
    }

    /// The rows among all keys of the public domain. `None` where sheet, zoning and rows are not what files are made of
    /// today: an old zoning, say. Equal tables give equal bytes: a receipt would not, since its checkpoint is the newest,
    /// so the files name the place where it is.
    fn export(&self, sheet: &str) -> Result<Option<Export>, Error> {
        let about = &self.about;
        let zoning = self.zoning.as_ref().map_err(|error| {
            Error::internal(
                error
                    .cause()
                    .map_or_else(|| error.to_string(), str::to_owned),
            )
        })?;
        let (schema, batches) = cells::release::decode(&self.table).map_err(Error::internal)?;
        let receipt = format!("{}.tlog-proof", about.path());
        let export = Export::new(Source {
            schema: &schema,
            batches: &batches,
            quality_sheet: sheet.as_bytes(),
            zoning,
            receipt: &receipt,
            time_zone: Some(&about.time_zone),
            licence: about.licence(),
        });
        let export = export.inspect_err(|error| {
            tracing::error!(release = %about.key, %error, "no files can be made of an open table");
        });
        Ok(export.ok())
    }

    /// One file; `None` where there is no such file.
    fn written(
        &self,
        format: Format,
        sheet: &str,
        export: Option<&Export>,
        shelf: &Shelf,
    ) -> Option<Bytes> {
        let about = &self.about;
        let csv = |export: &Export| {
            let write = |listed, out: &mut Bounded| export.csv(listed, out);
            let made = fitting(shelf, export.listed(OPEN_TEXT_LISTED_MAX), write)?;
            self.csv_lists.get_or_init(|| made.0);
            Ok(made)
        };
        let made = match (format, export) {
            (Format::Arrow, _) => return Some(self.table.clone()),
            (Format::Sheet, _) => return Some(Bytes::from(sheet.to_owned())),
            (Format::Page, _) | (_, None) => return None,
            (Format::Csv, Some(export)) => csv(export).map(|(_, bytes)| bytes),
            (Format::Parquet, Some(export)) => {
                let write = |listed, out: &mut Bounded| export.parquet(listed, out);
                let made = fitting(shelf, export.listed(OPEN_PARQUET_LISTED_MAX), write);
                made.map(|(_, bytes)| bytes)
            }
            (Format::GeoJson, Some(export)) => {
                let write = |listed, out: &mut Bounded| export.geojson(listed, out);
                let made = fitting(shelf, export.listed(OPEN_TEXT_LISTED_MAX), write);
                made.map(|(_, bytes)| bytes)
            }
            // Only the CSV's size tells what it lists.
            (Format::CsvMetadata, Some(export)) => {
                let known = self.csv_lists.get().copied();
                let listed = known.map_or_else(|| csv(export).map(|(listed, _)| listed), Ok);
                listed.and_then(|listed| {
                    let name = format!("{}.{}", about.key, Format::Csv.suffix());
                    export.csv_metadata(listed, &name)
                })
            }
        };
        let made = made.inspect_err(|error| {
            tracing::info!(release = %about.key, ?format, %error, "there is no such file");
        });
        made.ok().map(Bytes::from)
    }
}

/// A file that lists every key where that is wanted and fits; else one of the released rows.
fn fitting(
    shelf: &Shelf,
    wanted: Listed,
    write: impl Fn(Listed, &mut Bounded) -> Result<(), ExportError>,
) -> Result<(Listed, Vec<u8>), ExportError> {
    let made = |listed| {
        let mut out = Bounded::new(shelf);
        write(listed, &mut out).map(|()| (listed, out.bytes))
    };
    match made(wanted) {
        Err(_) if wanted == Listed::Every && !shelf.is_closed() => made(Listed::Released),
        other => other,
    }
}

/// A file up to [`OPEN_FILE_BYTES_MAX`], so that a stranger cannot have the memory filled; until the shelf is closed.
struct Bounded<'s> {
    bytes: Vec<u8>,
    shelf: &'s Shelf,
}

impl<'s> Bounded<'s> {
    fn new(shelf: &'s Shelf) -> Self {
        let bytes = Vec::new();
        Self { bytes, shelf }
    }
}

impl io::Write for Bounded<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.shelf.is_closed() {
            return Err(io::Error::other("the broker stops"));
        }
        if self.bytes.len().saturating_add(bytes.len()) > OPEN_FILE_BYTES_MAX {
            let why = format!("it has over {OPEN_FILE_BYTES_MAX} bytes");
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, why));
        }
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use std::io::Write;

    use tokio::sync::oneshot;

    use super::*;

    #[test]
    fn a_file_past_its_bound_lists_released_rows_or_is_not_made() {
        let half = vec![0; OPEN_FILE_BYTES_MAX / 2];
        let shelf = Shelf::default();
        // Halves of every key, and of the released rows.
        let of = |every: usize, released: usize, more: &[u8]| {
            let made = fitting(&shelf, Listed::Every, |listed, out| {
                for _ in 0..if listed == Listed::Every {
                    every
                } else {
                    released
                } {
                    out.write_all(&half)?;
                }
                Ok(out.write_all(more)?)
            });
            made.map(|(listed, bytes)| (listed, bytes.len()))
        };
        assert_eq!(of(2, 1, b"").unwrap(), (Listed::Every, OPEN_FILE_BYTES_MAX));
        let (listed, bytes) = of(2, 1, b"x").unwrap();
        assert_eq!((listed, bytes), (Listed::Released, half.len() + 1));
        let error = of(2, 2, b"x").unwrap_err().to_string();
        assert!(error.contains("has over"), "{error}");
    }

    /// A process waits for its threads, and a large file takes long.
    #[test]
    fn a_broker_that_stops_makes_no_file_to_its_end() {
        let shelf = Shelf::default();
        let made = fitting(&shelf, Listed::Every, |_, out| {
            out.write_all(b"a part")?;
            shelf.close();
            Ok(out.write_all(b"the rest")?)
        });
        assert!(made.unwrap_err().to_string().contains("stops"));
    }

    /// Whoever asks may hang up: the place stays taken until the work has ended, and the work ends.
    #[tokio::test]
    async fn work_keeps_its_place_when_whoever_asked_has_gone() {
        let places = Arc::new(Semaphore::new(1));
        let (go, wait) = oneshot::channel();
        let (tell, ended) = oneshot::channel();
        let mut asked = Box::pin(apart(&places, async move {
            wait.await.map_err(Error::internal)?;
            tell.send(()).map_err(|()| Error::internal("nobody waits"))
        }));
        assert!(futures::poll!(&mut asked).is_pending());
        assert_eq!(places.available_permits(), 0);
        drop(asked);
        assert_eq!(places.available_permits(), 0, "it is still in work");
        go.send(()).unwrap();
        ended.await.unwrap();
        let place = places.acquire().await;
        assert!(place.is_ok(), "it comes back");
    }
}
