//! A release as a CKAN package.

use serde_json::{Value, json};

use super::http::Site;
use crate::errors::CliError;

/// Longest title that is sent, in characters.
const TITLE_CHARS_MAX: usize = 250;
/// Fields of a resource that are compared and sent.
const RESOURCE: [&str; 6] = ["name", "url", "format", "mimetype", "hash", "size"];
/// Fields of a package that are compared and sent, beside its resources.
const FIELDS: [&str; 8] = [
    "name",
    "title",
    "notes",
    "owner_org",
    "license_id",
    "url",
    "version",
    "extras",
];

/// What a package should be.
#[derive(Debug)]
pub struct Package(Value);

impl Package {
    /// The package of a dataset of the catalogue.
    ///
    /// # Errors
    /// [`CliError`] where the dataset has not what Weir writes.
    pub fn of(
        dataset: &Value,
        catalogue: &Value,
        broker: &Site,
        owner: &str,
    ) -> Result<Self, CliError> {
        let missing =
            || CliError::new("the catalogue has a dataset without name, title or address");
        let text = |pointer: &str| dataset.pointer(pointer).and_then(Value::as_str);
        let key = text("/dct:identifier").ok_or_else(missing)?;
        let plain = key.len() == 64 && key.bytes().all(|b| b.is_ascii_hexdigit());
        let title = text("/dct:title/@value")
            .filter(|_| plain)
            .ok_or_else(missing)?;
        let page = broker.absolute(text("/@id").ok_or_else(missing)?)?;
        let files = dataset.get("dcat:distribution").and_then(Value::as_array);
        let mut notes = text("/dct:description/@value")
            .unwrap_or_default()
            .to_owned();
        if let Some(privacy) = text("/dct:provenance/rdfs:label/@value") {
            notes = format!("{notes}\n\n{privacy}");
        }
        if files.is_none() {
            notes = format!("Withdrawn: {}.\n\n{notes}", why(dataset, catalogue));
        }
        let files: Vec<_> = files.into_iter().flatten().collect();
        let licence = files
            .first()
            .and_then(|file| file.pointer("/dct:rights/rdfs:label/@value"));
        let mut extras = vec![
            ("identifier", json!(key)),
            ("issued", json!(text("/dct:issued/@value"))),
            (
                "temporal_start",
                json!(text("/dct:temporal/dcat:startDate/@value")),
            ),
            (
                "temporal_end",
                json!(text("/dct:temporal/dcat:endDate/@value")),
            ),
            ("publisher_name", json!(text("/dct:publisher/foaf:name"))),
            ("tlog_proof", json!(format!("{page}.tlog-proof"))),
            (
                "status",
                json!(if files.is_empty() {
                    "withdrawn"
                } else {
                    "public"
                }),
            ),
        ];
        extras.retain(|(_, value)| value.is_string());
        let extras = extras
            .iter()
            .map(|(key, value)| json!({ "key": key, "value": value }));
        let resources: Result<Vec<_>, _> =
            files.iter().map(|file| resource(file, broker)).collect();
        Ok(Self(json!({
            "name": format!("weir-{key}"),
            "title": title.chars().take(TITLE_CHARS_MAX).collect::<String>(),
            "notes": notes,
            "owner_org": owner,
            "license_id": licence,
            "url": page,
            "version": text("/dcat:version"),
            "extras": extras.collect::<Vec<_>>(),
            "resources": resources?,
        })))
    }

    /// Its name: the release's key, so that it is made once.
    pub fn name(&self) -> &str {
        self.0
            .get("name")
            .and_then(Value::as_str)
            .unwrap_or_default()
    }

    /// Its title.
    pub fn title(&self) -> &str {
        self.0
            .get("title")
            .and_then(Value::as_str)
            .unwrap_or_default()
    }

    /// As it is created.
    pub fn wanted(&self) -> &Value {
        &self.0
    }

    /// What a package in CKAN has to be updated with; `None` where it is as it should be. What others added stays,
    /// and resources keep their ids.
    pub fn merged(&self, found: &Value) -> Option<Value> {
        let object = found.as_object()?;
        let wanted = |name: &str| self.0.get(name).cloned().unwrap_or(Value::Null);
        // CKAN gives the owner's id in the place of its name, and the name inside `organization`.
        let owner = found
            .pointer("/organization/name")
            .or(object.get("owner_org"));
        let same = |name: &str| match name {
            "owner_org" => owner == Some(&wanted(name)),
            "extras" => sorted(object.get(name)) == sorted(Some(&wanted(name))),
            name => object.get(name).unwrap_or(&Value::Null) == &wanted(name),
        };
        let theirs = object.get("resources").and_then(Value::as_array);
        let theirs = theirs.map(Vec::as_slice).unwrap_or_default();
        let ours = wanted("resources");
        let ours = ours.as_array().map(Vec::as_slice).unwrap_or_default();
        let as_sent = |resource: &Value| RESOURCE.map(|name| field(resource, name));
        let files = theirs.iter().map(as_sent).eq(ours.iter().map(as_sent));
        if files && FIELDS.into_iter().all(same) {
            return None;
        }
        let mut merged = object.clone();
        for name in FIELDS {
            merged.insert(name.to_owned(), wanted(name));
        }
        let resources = ours.iter().map(|ours| {
            let known = theirs
                .iter()
                .find(|theirs| theirs.get("url") == ours.get("url"));
            let mut resource = ours.clone();
            if let (Some(resource), Some(id)) =
                (resource.as_object_mut(), known.and_then(|k| k.get("id")))
            {
                resource.insert("id".to_owned(), id.clone());
            }
            resource
        });
        merged.insert("resources".to_owned(), resources.collect());
        Some(Value::Object(merged))
    }
}

/// A field of a resource as it is compared: CKAN writes formats its own way, `GeoJSON` for `GEOJSON`.
fn field(resource: &Value, name: &str) -> Value {
    match resource.get(name) {
        Some(Value::String(text)) if name == "format" => text.to_uppercase().into(),
        found => found.cloned().unwrap_or(Value::Null),
    }
}

/// CKAN gives extras back in its own order, and with fields of its own.
fn sorted(extras: Option<&Value>) -> Vec<(String, String)> {
    let extras = extras.and_then(Value::as_array).into_iter().flatten();
    let text = |extra: &Value, name: &str| {
        extra
            .get(name)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let mut all: Vec<_> = extras
        .map(|extra| (text(extra, "key"), text(extra, "value")))
        .collect();
    all.sort();
    all
}

/// Why it was withdrawn, as its record says.
fn why<'a>(dataset: &Value, catalogue: &'a Value) -> &'a str {
    let records = catalogue.get("dcat:record").and_then(Value::as_array);
    let about = |record: &&Value| record.pointer("/foaf:primaryTopic/@id") == dataset.get("@id");
    let record = records.into_iter().flatten().find(about);
    let why = record.and_then(|record| record.pointer("/dct:description/@value"));
    why.and_then(Value::as_str).unwrap_or("no reason was given")
}

fn resource(file: &Value, broker: &Site) -> Result<Value, CliError> {
    let text = |pointer: &str| file.pointer(pointer).and_then(Value::as_str);
    let last = |pointer: &str, after: &str| {
        text(pointer)?
            .rsplit_once(after)
            .map(|(_, last)| last.to_owned())
    };
    let url =
        text("/dcat:downloadURL/@id").ok_or_else(|| CliError::new("a file without address"))?;
    let sha256 = text("/spdx:checksum/spdx:checksumValue/@value").unwrap_or_default();
    let size = text("/dcat:byteSize/@value").and_then(|size| size.parse::<u64>().ok());
    Ok(json!({
        "name": text("/dct:title/@value"),
        "url": broker.absolute(url)?,
        "format": last("/dct:format/@id", "/"),
        "mimetype": last("/dcat:mediaType/@id", "/media-types/"),
        "hash": format!("sha256:{sha256}"),
        "size": size,
    }))
}
