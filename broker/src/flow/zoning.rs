//! Zonings: a GeoJSON file whose content is named by its hash, so that no zone moves under an agreement.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::PoisonError;

use audit::receipt::Receipt;
use bytes::Bytes;
use cells::merge::Parents;
use export::Bounds;
use geojson::{Feature, FeatureCollection, GeoJson};
use policies::entry::Body;
use policies::id::{Fingerprint, OrgId, ZoningId, sha256_hex};

use super::broker::Broker;
use crate::error::Error;
use crate::limits::{ZONE_ID_BYTES_MAX, ZONING_BYTES_MAX};

impl Broker {
    /// Adds a zoning; the same file under the same id again changes nothing.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a file without unique `zone_id`s, or with outlines that no map would show right, [`Error::AlreadyExists`] for another
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
        let listed = zones(&geojson)?;
        let (zones, parents) = (counted(listed.len())?, parent_count(&listed)?);
        let sha256 = Fingerprint::new(sha256_hex(&geojson)).map_err(Error::internal)?;
        // What is known was taken before there was this check, or passed it.
        if let Some(entry) = self.same_zoning(&id, &sha256)? {
            return self.heads.receipt(entry).await;
        }
        let file = geojson.clone();
        let checked = tokio::task::spawn_blocking(move || export::Zones::check(&file)).await;
        let checked = checked.map_err(Error::internal)?;
        checked.map_err(|problem| Error::invalid("geojson", problem.to_string()))?;
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
                        parents,
                        blob,
                        by,
                    }],
                    (),
                ))
            })
            .await?;
        self.last_receipt(&done.entries).await
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

    /// The box around a zoning, where it was looked for before.
    pub(crate) fn known_bounds(&self, id: &ZoningId) -> Option<Option<Bounds>> {
        let known = self.bounds.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(id).copied()
    }

    /// The box around a zoning; `None` where no zone has a shape, or its file is no zoning by today's rules.
    ///
    /// # Errors
    /// As [`Self::zoning_file`].
    pub(crate) async fn zoning_bounds(&self, id: &ZoningId) -> Result<Option<Bounds>, Error> {
        if let Some(known) = self.known_bounds(id) {
            return Ok(known);
        }
        let file = self.zoning_file(id).await?;
        let parsed = move || export::Zones::parse(&file).map(|zones| zones.bounds());
        let parsed = tokio::task::spawn_blocking(parsed).await;
        let bounds = parsed.map_err(Error::internal)?.unwrap_or_else(|error| {
            tracing::warn!(zoning = id.as_str(), %error, "a zoning cannot be drawn");
            None
        });
        let mut known = self.bounds.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(*known.entry(id.clone()).or_insert(bounds))
    }

    /// The parent of every zone, from the zoning's file.
    pub(crate) async fn parents(&self, id: &ZoningId) -> Result<Parents, Error> {
        let zones = zones(&self.zoning_file(id).await?)?;
        let parents = zones
            .into_iter()
            .map(|(zone, parent)| Some((zone, parent?)));
        let parents: Option<Parents> = parents.collect();
        parents.ok_or_else(|| Error::internal("a zoning without parents"))
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

/// The `zone_id` of every feature, as text, with its `parent` where it names one.
///
/// # Errors
/// [`Error::Invalid`] where the file is no feature collection, an id is missing or doubled, or some
/// features name a parent and others do not.
pub(crate) fn zones(file: &[u8]) -> Result<BTreeMap<String, Option<String>>, Error> {
    let wrong = |message: String| Error::invalid("geojson", message);
    let parsed = GeoJson::from_reader(file).map_err(|e| wrong(e.to_string()))?;
    let GeoJson::FeatureCollection(FeatureCollection { features, .. }) = parsed else {
        return Err(wrong("has to be a FeatureCollection".into()));
    };
    let mut zones = BTreeMap::new();
    for (n, feature) in features.iter().enumerate() {
        let missing = || wrong(format!("features[{n}] has no text or number `zone_id`"));
        let id = id_of(n, "zone_id", feature)?.ok_or_else(missing)?;
        let parent = id_of(n, "parent", feature)?;
        if zones.insert(id.clone(), parent).is_some() {
            return Err(wrong(format!(
                "zone `{id}` stands there twice: dissolve it first"
            )));
        }
    }
    if zones.is_empty() {
        return Err(wrong("has no features".into()));
    }
    let with_parent = zones.values().flatten().count();
    if with_parent != 0 && with_parent != zones.len() {
        return Err(wrong(
            "names a `parent` for some zones and none for others: give each one, or none".into(),
        ));
    }
    Ok(zones)
}

/// A property that is an id: a text or a number. `None` where the feature has none, or null.
fn id_of(n: usize, name: &str, feature: &Feature) -> Result<Option<String>, Error> {
    let id = match feature.property(name) {
        Some(serde_json::Value::String(text)) => text.clone(),
        Some(serde_json::Value::Number(number)) => number.to_string(),
        _ => return Ok(None),
    };
    if id.is_empty() || id.len() > ZONE_ID_BYTES_MAX || id.chars().any(char::is_control) {
        let message = format!("features[{n}] has an empty, long or unprintable `{name}`");
        return Err(Error::invalid("geojson", message));
    }
    Ok(Some(id))
}

fn counted(count: usize) -> Result<u32, Error> {
    u32::try_from(count).map_err(Error::internal)
}

/// How many parents the zones have between them; none where they name none.
fn parent_count(zones: &BTreeMap<String, Option<String>>) -> Result<Option<u32>, Error> {
    let parents: BTreeSet<_> = zones.values().flatten().collect();
    (!parents.is_empty())
        .then(|| counted(parents.len()))
        .transpose()
}
