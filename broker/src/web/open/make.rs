//! Files of open tables, made of what was released: post-processing, which costs no privacy.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use export::{Export, ExportError, Source};
use policies::id::BlobId;
use proto::columns::QUALITY;
use serde_json::Value;

use super::Open;
use super::about::About;
use super::format::Format;
use super::shelf::{Digest, Known};
use crate::error::Error;
use crate::limits::OPEN_FILE_BYTES_MAX;

impl Open {
    /// What is known of a release's files, made where it is not at hand; a few at a time.
    pub(super) async fn known(&self, about: &About) -> Result<Arc<Known>, Error> {
        if let Some(known) = self.shelf.known(&about.key) {
            return Ok(known);
        }
        let _place = self.making.acquire().await.map_err(Error::internal)?;
        // Whoever waited finds what the one before has made.
        if let Some(known) = self.shelf.known(&about.key) {
            return Ok(known);
        }
        self.made(about).await.map(|(known, _)| known)
    }

    /// One file; `None` where the release has no such file.
    pub(super) async fn file(
        &self,
        about: &About,
        format: Format,
    ) -> Result<Option<(Digest, Bytes)>, Error> {
        let known = self.known(about).await?;
        let Some(digest) = known.file(format) else {
            return Ok(None);
        };
        if let Some(bytes) = self.shelf.file(&about.key, format) {
            return Ok(Some((digest, bytes)));
        }
        let _place = self.making.acquire().await.map_err(Error::internal)?;
        let (_, files) = self.made(about).await?;
        let made = files.into_iter().find(|(of, _)| *of == format);
        Ok(made.map(|(_, bytes)| (digest, bytes)))
    }

    async fn made(&self, about: &About) -> Result<(Arc<Known>, Vec<(Format, Bytes)>), Error> {
        let table = self.blob(&about.blob).await?;
        let zoning = self.broker.zoning_file(&about.zoning).await?;
        let of = about.clone();
        let made = tokio::task::spawn_blocking(move || files(&of, table, &zoning)).await;
        let (sheet, files) = made.map_err(Error::internal)??;
        let digests = files
            .iter()
            .map(|(format, bytes)| (*format, Digest::of(bytes)));
        let known = Arc::new(Known {
            sheet,
            files: digests.collect(),
        });
        self.shelf.keep(&about.key, &known, files.clone());
        Ok((known, files))
    }

    async fn blob(&self, blob: &BlobId) -> Result<Bytes, Error> {
        let stored = self.broker.blobs.get(blob).await;
        Ok(stored.map_err(Error::internal)?.bytes)
    }
}

/// The sheet, and every file of the table. Equal tables give equal bytes: a receipt would not, since its checkpoint is
/// the newest, so the files name the place where it is.
fn files(
    about: &About,
    table: Bytes,
    zoning: &[u8],
) -> Result<(Value, Vec<(Format, Bytes)>), Error> {
    let sheet = cells::release::fact(&table, QUALITY).map_err(Error::internal)?;
    let sheet = sheet.ok_or_else(|| Error::internal("a table without quality sheet"))?;
    let value = serde_json::from_str(&sheet).map_err(Error::internal)?;
    let (schema, batches) = cells::release::decode(&table).map_err(Error::internal)?;
    let receipt = format!("{}.tlog-proof", about.path());
    let licence = about.licences.first().map(|(_, url)| url.as_str());
    let export = Export::new(Source {
        schema: &schema,
        batches: &batches,
        quality_sheet: sheet.as_bytes(),
        zoning,
        receipt: &receipt,
        time_zone: Some(&about.time_zone),
        licence,
    });
    let export = export.map_err(Error::internal)?;
    let mut files = vec![
        (Format::Arrow, table),
        (Format::Sheet, Bytes::from(sheet.into_bytes())),
    ];
    let csv = format!("{}.{}", about.key, Format::Csv.suffix());
    let mut add = |format, made: Result<Vec<u8>, ExportError>| match made {
        Ok(bytes) => files.push((format, Bytes::from(bytes))),
        Err(error) => {
            tracing::info!(release = %about.key, ?format, %error, "there is no such file")
        }
    };
    add(Format::Csv, written(|out| export.csv(out)));
    add(Format::CsvMetadata, export.csv_metadata(&csv));
    add(Format::Parquet, written(|out| export.parquet(out)));
    add(Format::GeoJson, written(|out| export.geojson(out)));
    files.sort_by_key(|(format, _)| Format::NEGOTIATED.iter().position(|of| of == format));
    Ok((value, files))
}

fn written(
    write: impl FnOnce(&mut Bounded) -> Result<(), ExportError>,
) -> Result<Vec<u8>, ExportError> {
    let mut bounded = Bounded(Vec::new());
    write(&mut bounded)?;
    Ok(bounded.0)
}

/// A file up to [`OPEN_FILE_BYTES_MAX`], so that a stranger cannot have the memory filled.
struct Bounded(Vec<u8>);

impl io::Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len().saturating_add(bytes.len()) > OPEN_FILE_BYTES_MAX {
            let why = format!("it has over {OPEN_FILE_BYTES_MAX} bytes");
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, why));
        }
        self.0.extend_from_slice(bytes);
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

    use super::*;

    #[test]
    fn a_file_is_not_made_past_its_bound() {
        let half = vec![0; OPEN_FILE_BYTES_MAX / 2];
        let of = |times: usize, more: &[u8]| {
            written(|out| {
                for _ in 0..times {
                    out.write_all(&half)?;
                }
                Ok(out.write_all(more)?)
            })
        };
        assert_eq!(of(2, b"").unwrap().len(), OPEN_FILE_BYTES_MAX);
        let error = of(2, b"x").unwrap_err().to_string();
        assert!(error.contains("has over"), "{error}");
    }
}
