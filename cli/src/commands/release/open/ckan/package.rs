//! A release as a CKAN package.

use serde_json::{Value, json};

use crate::errors::CliError;
use crate::site::Site;

/// Longest title that is sent, in characters.
const TITLE_CHARS_MAX: usize = 250;
/// Fields of a resource that are compared and sent.
const RESOURCE: [&str; 6] = ["name", "url", "format", "mimetype", "hash", "size"];
/// Fields of a package that are compared and sent, beside its extras and resources.
const FIELDS: [&str; 7] = [
    "name",
    "title",
    "notes",
    "owner_org",
    "license_id",
    "url",
    "version",
];
/// Keys of the extras that are ours: the others in a package are somebody else's.
const EXTRAS: [&str; 8] = [
    "identifier",
    "issued",
    "temporal_start",
    "temporal_end",
    "temporal_periods",
    "publisher_name",
    "tlog_proof",
    "status",
];

/// What a package should be.
#[derive(Debug)]
pub struct Package {
    wanted: Value,
    withdrawn: bool,
    whole: bool,
}

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
        let withdrawn = files.is_none();
        if withdrawn {
            notes = format!("Withdrawn: {}.\n\n{notes}", why(dataset, catalogue));
        }
        let files: Vec<_> = files.into_iter().flatten().collect();
        let licence = files
            .first()
            .and_then(|file| file.pointer("/dct:rights/rdfs:label/@value"));
        let resources: Result<Vec<_>, _> =
            files.iter().map(|file| resource(file, broker)).collect();
        let wanted = json!({
            "name": format!("weir-{key}"),
            "title": title.chars().take(TITLE_CHARS_MAX).collect::<String>(),
            "notes": notes,
            "owner_org": owner,
            "license_id": licence,
            "url": page,
            "version": text("/dcat:version"),
            "extras": extras(dataset, &page, withdrawn),
            "resources": resources?,
        });
        Ok(Self {
            wanted,
            withdrawn,
            whole: files.iter().all(|file| sha256(file).is_some()),
        })
    }

    /// Was the release withdrawn?
    pub fn is_withdrawn(&self) -> bool {
        self.withdrawn
    }

    /// Are all its files known? Without the checksum of one, it is not said that there are no others.
    pub fn is_whole(&self) -> bool {
        self.whole
    }

    /// Its name: the release's key, so that it is made once.
    pub fn name(&self) -> &str {
        self.wanted
            .get("name")
            .and_then(Value::as_str)
            .unwrap_or_default()
    }

    /// Its title.
    pub fn title(&self) -> &str {
        self.wanted
            .get("title")
            .and_then(Value::as_str)
            .unwrap_or_default()
    }

    /// As it is created.
    pub fn wanted(&self) -> &Value {
        &self.wanted
    }

    /// What a package in CKAN has to be updated with; `None` where it is as it should be. What others added stays: fields,
    /// extras under other keys, resources elsewhere, and their fields of our resources, which keep their ids.
    pub fn merged(&self, found: &Value) -> Option<Value> {
        let object = found.as_object()?;
        let wanted = |name: &str| self.wanted.get(name).cloned().unwrap_or(Value::Null);
        // CKAN gives the owner's id in the place of its name, and the name inside `organization`.
        let owner = found
            .pointer("/organization/name")
            .or(object.get("owner_org"));
        let same = |name: &str| match name {
            "owner_org" => owner == Some(&wanted(name)),
            name => object.get(name).unwrap_or(&Value::Null) == &wanted(name),
        };
        let (files, foreign): (Vec<_>, Vec<_>) = list(found, "resources")
            .iter()
            .partition(|resource| self.has_made(resource, found));
        let (extras, kept): (Vec<_>, Vec<_>) = list(found, "extras")
            .iter()
            .partition(|extra| is_ours(extra));
        let as_sent = |resource: &Value| RESOURCE.map(|name| field(resource, name));
        let ours = list(&self.wanted, "resources");
        let same_files = files
            .iter()
            .map(|r| as_sent(r))
            .eq(ours.iter().map(as_sent));
        let own = list(&self.wanted, "extras");
        if same_files && pairs(extras) == pairs(own) && FIELDS.into_iter().all(same) {
            return None;
        }
        let mut merged = object.clone();
        for name in FIELDS {
            merged.insert(name.to_owned(), wanted(name));
        }
        let extras = own.iter().chain(kept).cloned().collect();
        merged.insert("extras".to_owned(), extras);
        let resources = ours.iter().map(|ours| over(ours, &files));
        let resources = resources.chain(foreign.into_iter().cloned());
        merged.insert("resources".to_owned(), resources.collect());
        Some(Value::Object(merged))
    }

    /// Is this resource of a package in CKAN one that this command has made: a file under the release's address, as it is
    /// or as it was when the package was pushed last?
    fn has_made(&self, resource: &Value, found: &Value) -> bool {
        let url = |of: &'_ Value| of.get("url").and_then(Value::as_str).map(str::to_owned);
        let key = self.name().trim_start_matches("weir-");
        let pages = [url(&self.wanted), url(found)];
        let mut pages = pages.iter().flatten().filter(|page| page.ends_with(key));
        url(resource).is_some_and(|file| {
            pages.any(|page| {
                file.strip_prefix(page.as_str())
                    .is_some_and(|rest| rest.starts_with('.'))
            })
        })
    }
}

fn list<'a>(package: &'a Value, name: &str) -> &'a [Value] {
    let list = package.get(name).and_then(Value::as_array);
    list.map(Vec::as_slice).unwrap_or_default()
}

fn is_ours(extra: &Value) -> bool {
    let key = extra.get("key").and_then(Value::as_str);
    key.is_some_and(|key| EXTRAS.contains(&key))
}

/// Our resource over the same one in CKAN, whose other fields stay.
fn over(ours: &Value, theirs: &[&Value]) -> Value {
    let known = theirs
        .iter()
        .find(|known| known.get("url") == ours.get("url"));
    let mut resource = known.map_or_else(|| ours.clone(), |known| (*known).clone());
    if let (Some(resource), Some(ours)) = (resource.as_object_mut(), ours.as_object()) {
        resource.extend(ours.clone());
    }
    resource
}

/// A field of a resource as it is compared: CKAN writes formats its own way, `GeoJSON` for `GEOJSON`.
fn field(resource: &Value, name: &str) -> Value {
    match resource.get(name) {
        Some(Value::String(text)) if name == "format" => text.to_uppercase().into(),
        found => found.cloned().unwrap_or(Value::Null),
    }
}

/// CKAN gives extras back in its own order, and with fields of its own.
fn pairs<'a>(extras: impl IntoIterator<Item = &'a Value>) -> Vec<(String, String)> {
    let text = |extra: &Value, name: &str| {
        let text = extra.get(name).and_then(Value::as_str);
        text.unwrap_or_default().to_owned()
    };
    let pairs = extras.into_iter();
    let mut all: Vec<_> = pairs
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

/// What CKAN has no field for.
fn extras(dataset: &Value, page: &str, withdrawn: bool) -> Vec<Value> {
    let text = |pointer: &str| dataset.pointer(pointer).and_then(Value::as_str);
    let spans = spans(dataset);
    let periods = (spans.len() > 1).then(|| {
        let each = spans.iter().map(|(first, last)| format!("{first}/{last}"));
        each.collect::<Vec<_>>().join(", ")
    });
    // It goes with the table.
    let proof = (!withdrawn).then(|| format!("{page}.tlog-proof"));
    let status = match withdrawn {
        true => "withdrawn",
        false => "public",
    };
    let values = [
        text("/dct:identifier"),
        text("/dct:issued/@value"),
        spans.first().map(|(first, _)| *first),
        spans.last().map(|(_, last)| *last),
        periods.as_deref(),
        text("/dct:publisher/foaf:name"),
        proof.as_deref(),
        Some(status),
    ];
    let extras = EXTRAS
        .iter()
        .zip(values)
        .filter_map(|(key, value)| Some(json!({ "key": key, "value": value? })));
    extras.collect()
}

/// First and last day of each span of time that it is about, rising: several where there are gaps.
fn spans(dataset: &Value) -> Vec<(&str, &str)> {
    let spans = match dataset.get("dct:temporal") {
        Some(Value::Array(spans)) => spans.as_slice(),
        Some(span) => std::slice::from_ref(span),
        None => &[],
    };
    let spans = spans.iter().filter_map(|span| {
        let day = |pointer: &str| span.pointer(pointer).and_then(Value::as_str);
        Some((day("/dcat:startDate/@value")?, day("/dcat:endDate/@value")?))
    });
    spans.collect()
}

fn sha256(file: &Value) -> Option<&str> {
    let value = file.pointer("/spdx:checksum/spdx:checksumValue/@value");
    value.and_then(Value::as_str).filter(|hex| !hex.is_empty())
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
    let size = text("/dcat:byteSize/@value").and_then(|size| size.parse::<u64>().ok());
    Ok(json!({
        "name": text("/dct:title/@value"),
        "url": broker.absolute(url)?,
        "format": last("/dct:format/@id", "/"),
        "mimetype": last("/dcat:mediaType/@id", "/media-types/"),
        "hash": sha256(file).map(|hex| format!("sha256:{hex}")),
        "size": size,
    }))
}
