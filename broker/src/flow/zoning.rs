//! Zonings: a GeoJSON file whose content is named by its hash, so that no zone moves under an agreement.

use std::collections::BTreeSet;

use audit::receipt::Receipt;
use bytes::Bytes;
use geojson::{FeatureCollection, GeoJson};
use policies::entry::Body;
use policies::id::{Fingerprint, OrgId, ZoningId, sha256_hex};

use super::broker::Broker;
use crate::error::Error;
use crate::limits::ZONING_BYTES_MAX;

/// Longest zone id, in bytes.
const ZONE_ID_BYTES_MAX: usize = 64;

impl Broker {
    /// Adds a zoning; the same file under the same id again changes nothing.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a file without unique `zone_id`s, [`Error::AlreadyExists`] for another
    /// file under a known id.
    pub async fn add_zoning(
        &self,
        by: &OrgId,
        id: ZoningId,
        geojson: Bytes,
    ) -> Result<Receipt, Error> {
        if geojson.len() > ZONING_BYTES_MAX {
            let limit = ZONING_BYTES_MAX as u64;
            return Err(Error::TooLarge {
                what: "the zoning",
                limit,
            });
        }
        let zones = u32::try_from(zone_ids(&geojson)?.len()).map_err(Error::internal)?;
        let sha256 = Fingerprint::new(sha256_hex(&geojson)).map_err(Error::internal)?;
        if let Some(entry) = self.same_zoning(&id, &sha256)? {
            return self.sequencer.receipt(entry);
        }
        let blob = self.blobs.put(&geojson).await.map_err(Error::internal)?;
        let by = by.clone();
        let done = self
            .sequencer
            .submit("zoning.added", move |_, _| {
                Ok((
                    vec![Body::ZoningAdded {
                        zoning: id,
                        sha256,
                        zones,
                        blob,
                        by,
                    }],
                    (),
                ))
            })
            .await?;
        self.last_receipt(&done.entries)
    }

    /// The GeoJSON file.
    ///
    /// # Errors
    /// [`Error::NotFound`]; [`Error::Internal`] where its blob is damaged.
    pub async fn zoning_file(&self, id: &ZoningId) -> Result<Bytes, Error> {
        let blob = self
            .sequencer
            .state()
            .zoning(id)
            .map(|zoning| zoning.blob.clone());
        let blob = blob.ok_or(Error::NotFound { what: "zoning" })?;
        Ok(self.blobs.get(&blob).await.map_err(Error::internal)?.bytes)
    }

    fn same_zoning(&self, id: &ZoningId, sha256: &Fingerprint) -> Result<Option<u64>, Error> {
        match self.sequencer.state().zoning(id) {
            Some(known) if known.sha256 == *sha256 => Ok(Some(known.entry)),
            Some(_) => Err(Error::AlreadyExists {
                what: "zoning",
                id: id.to_string(),
            }),
            None => Ok(None),
        }
    }
}

/// The `zone_id` of every feature, as text, sorted.
///
/// # Errors
/// [`Error::Invalid`] where the file is no feature collection or an id is missing or doubled.
pub(crate) fn zone_ids(file: &[u8]) -> Result<Vec<String>, Error> {
    let wrong = |message: String| Error::invalid("geojson", message);
    let parsed = GeoJson::from_reader(file).map_err(|e| wrong(e.to_string()))?;
    let GeoJson::FeatureCollection(FeatureCollection { features, .. }) = parsed else {
        return Err(wrong("has to be a FeatureCollection".into()));
    };
    let mut ids = BTreeSet::new();
    for (n, feature) in features.iter().enumerate() {
        let id = match feature.property("zone_id") {
            Some(serde_json::Value::String(text)) => text.clone(),
            Some(serde_json::Value::Number(number)) => number.to_string(),
            _ => {
                return Err(wrong(format!(
                    "features[{n}] has no text or number `zone_id`"
                )));
            }
        };
        if id.is_empty() || id.len() > ZONE_ID_BYTES_MAX || id.chars().any(char::is_control) {
            return Err(wrong(format!(
                "features[{n}] has an empty, long or unprintable `zone_id`"
            )));
        }
        if !ids.insert(id.clone()) {
            return Err(wrong(format!(
                "zone `{id}` stands there twice: dissolve it first"
            )));
        }
    }
    if ids.is_empty() {
        return Err(wrong("has no features".into()));
    }
    Ok(ids.into_iter().collect())
}
