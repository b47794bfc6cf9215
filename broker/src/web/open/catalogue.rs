//! The catalogue: DCAT-AP 3 with the additions of mobilityDCAT-AP 1.0, as JSON-LD that carries its own context.
//!
//! A release is a dataset with one distribution for each of its files; the releases of one table of one line of
//! agreements are a series. What was withdrawn stays as a record that says so.

use std::sync::Arc;

use export::Bounds;
use jiff::Timestamp;
use policies::period::Grain;
use serde_json::{Value, json};

use super::Presented;
use super::about::About;
use super::format::Format;
use super::mail::is_mail;
use super::shelf::{Digest, Known};

const EU: &str = "http://publications.europa.eu/resource/authority";
const MOBILITY: &str = "https://w3id.org/mobilitydcat-ap";

/// A release, what is known of its files while it is public, and where its data are.
pub(super) struct Described {
    pub(super) about: About,
    pub(super) known: Option<Arc<Known>>,
    pub(super) bounds: Option<Bounds>,
}

/// The catalogue of these releases: a page of all.
pub(super) fn of(
    presented: &Presented,
    all: &[Described],
    (before, next): (Option<u64>, Option<u64>),
) -> Value {
    let base = presented.url.as_deref().unwrap_or_default();
    let page = |before: Option<u64>| {
        let query = before.map_or_else(String::new, |entry| format!("?before={entry}"));
        format!("{base}/open.jsonld{query}")
    };
    let publisher = presented.publisher.as_deref().unwrap_or("Weir");
    let datasets: Vec<_> = all.iter().map(|one| dataset(presented, one)).collect();
    let records: Vec<_> = all.iter().map(|one| record(base, &one.about)).collect();
    let mut catalogue = json!({
        "@context": context(),
        "@id": format!("{base}/open#catalogue"),
        "@type": "dcat:Catalog",
        "dct:title": said("Open data about how people move"),
        "dct:description": said(
            "Statistics that were released under signed agreements, with noise or other protection for the people in \
             them, and that two persons of their parties have made public. Each has a proof of its place in a public log.",
        ),
        "dct:publisher": { "@id": format!("{base}/open#publisher"), "@type": "foaf:Agent", "foaf:name": publisher },
        "dct:language": concept(&format!("{EU}/language/ENG"), "dct:LinguisticSystem"),
        "foaf:homepage": { "@id": format!("{base}/open"), "@type": "foaf:Document" },
        "dcat:themeTaxonomy": {
            "@id": format!("{EU}/data-theme"), "@type": "skos:ConceptScheme", "dct:title": said("Data theme"),
        },
        "dcat:dataset": datasets,
        "dcat:record": records,
    });
    let latest = all.iter().map(|one| changed(&one.about)).max();
    insert(&mut catalogue, "dct:modified", latest.map(moment));
    if before.is_some() || next.is_some() {
        let mut view = json!({ "@id": page(before), "@type": "hydra:PartialCollectionView" });
        insert(
            &mut view,
            "hydra:next",
            next.map(|next| json!({ "@id": page(Some(next)) })),
        );
        insert(&mut catalogue, "hydra:view", Some(view));
    }
    catalogue
}

fn context() -> Value {
    json!({
        "adms": "http://www.w3.org/ns/adms#",
        "dcat": "http://www.w3.org/ns/dcat#",
        "dcatap": "http://data.europa.eu/r5r/",
        "dct": "http://purl.org/dc/terms/",
        "dqv": "http://www.w3.org/ns/dqv#",
        "foaf": "http://xmlns.com/foaf/0.1/",
        "hydra": "http://www.w3.org/ns/hydra/core#",
        "mobilitydcatap": "http://w3id.org/mobilitydcat-ap#",
        "oa": "http://www.w3.org/ns/oa#",
        "owl": "http://www.w3.org/2002/07/owl#",
        "rdfs": "http://www.w3.org/2000/01/rdf-schema#",
        "skos": "http://www.w3.org/2004/02/skos/core#",
        "spdx": "http://spdx.org/rdf/terms#",
        "vcard": "http://www.w3.org/2006/vcard/ns#",
        "xsd": "http://www.w3.org/2001/XMLSchema#",
    })
}

fn dataset(presented: &Presented, one: &Described) -> Value {
    let (base, about) = (presented.url.as_deref().unwrap_or_default(), &one.about);
    let id = format!("{base}{}", about.path());
    let agent = |org: &policies::id::OrgId| json!({ "@id": format!("urn:weir:org:{org}"), "@type": "foaf:Agent", "foaf:name": org });
    let holders: Vec<_> = about.providers.iter().map(agent).collect();
    let mut dataset = json!({
        "@id": id,
        "@type": "dcat:Dataset",
        "dct:identifier": about.key,
        "dct:title": said(&about.name()),
        "dct:description": said(&format!("{}\n{}.", about.summary, about.counts)),
        "dcat:version": about.edition.to_string(),
        "dcat:inSeries": series(base, about),
        "dct:publisher": agent(&about.planner),
        "dct:rightsHolder": holders,
        "dct:issued": moment(about.opened),
        "dcat:keyword": [said("mobility"), said(about.table.as_str())],
        "dcat:theme": labelled(&format!("{EU}/data-theme/TRAN"), "Transport"),
        "mobilitydcatap:mobilityTheme": { "@id": format!("{MOBILITY}/mobility-theme/other") },
        "dct:conformsTo": concept("http://www.opengis.net/def/crs/EPSG/0/4326", "dct:Standard"),
        "dct:accessRights": {
            "@id": format!("{EU}/access-right/PUBLIC"), "@type": "dct:RightsStatement",
            "dct:type": { "@id": conditions() },
        },
        "dct:accrualPeriodicity": concept(&frequency(about.grain), "dct:Frequency"),
        "dct:spatial": location(about, one.bounds),
        "foaf:page": pages(base, about),
    });
    insert(&mut dataset, "dct:temporal", temporal(about));
    insert(&mut dataset, "dcat:contactPoint", contact(presented, about));
    let replaces = about.replaces.as_ref();
    let replaces = replaces.map(|key| json!({ "@id": format!("{base}/open/{key}") }));
    insert(&mut dataset, "dct:replaces", replaces);
    // What is withdrawn has no files; readers tell it by that.
    if about.withdrawn.is_none() {
        let known = one.known.as_deref();
        let claim = known.and_then(|known| known.claim.as_deref());
        let privacy = format!("{}. {}", about.protection, claim.unwrap_or_default());
        let provenance =
            json!({ "@type": "dct:ProvenanceStatement", "rdfs:label": said(&privacy) });
        insert(&mut dataset, "dct:provenance", Some(provenance));
        let quality = json!({ "oa:hasBody": { "@id": format!("{id}.json") } });
        insert(&mut dataset, "dqv:hasQualityAnnotation", Some(quality));
        let files = files(known).into_iter();
        let files = files.filter(|(format, _)| *format != Format::CsvMetadata);
        let files = files.map(|(format, digest)| distribution(&id, about, format, digest));
        insert(&mut dataset, "dcat:distribution", Some(files.collect()));
    }
    dataset
}

/// The pages about a release; of one that was withdrawn no more is there than its agreement's.
fn pages(base: &str, about: &About) -> Vec<Value> {
    let document = |id: String| json!({ "@id": id, "@type": "foaf:Document" });
    let mut pages = vec![document(format!("{base}/register/{}", about.agreement))];
    if about.withdrawn.is_none() {
        let own = ["html", "tlog-proof"];
        pages.extend(own.map(|suffix| document(format!("{base}{}.{suffix}", about.path()))));
    }
    pages
}

/// The files of a release. Where not all that they are made of can be read now, those that there are in any case, without
/// sizes: a reader knows by that that these are not all.
fn files(known: Option<&Known>) -> Vec<(Format, Option<Digest>)> {
    known.filter(|known| known.whole).map_or_else(
        || vec![(Format::Arrow, None), (Format::Sheet, None)],
        |known| {
            let files = known.files.iter();
            files.map(|(format, of)| (*format, Some(*of))).collect()
        },
    )
}

/// All releases of a table of one line of agreements.
fn series(base: &str, about: &About) -> Value {
    json!({
        "@id": format!("{base}/open#{}-{}", about.line, about.table),
        "@type": "dcat:DatasetSeries",
        "dct:title": said(&format!("{}: {}", about.title, about.table)),
        "dct:description": said(&about.summary),
    })
}

fn distribution(id: &str, about: &About, format: Format, digest: Option<Digest>) -> Value {
    let address = format!("{id}.{}", format.suffix());
    let named: Vec<_> = about
        .licences
        .iter()
        .map(|(name, _)| name.as_str())
        .collect();
    let mut distribution = json!({
        "@id": address,
        "@type": "dcat:Distribution",
        "dct:title": said(format.title()),
        "dct:description": said(format.title()),
        "dcat:accessURL": concept(id, "rdfs:Resource"),
        "dcat:downloadURL": concept(&address, "rdfs:Resource"),
        "dcat:mediaType": concept(
            &format!("https://www.iana.org/assignments/media-types/{}", format.media()),
            "dct:MediaType",
        ),
        "dct:format": concept(&format!("{EU}/file-type/{}", format.file_type()), "dct:MediaTypeOrExtent"),
        "dct:issued": moment(about.opened),
        "dct:rights": {
            "@type": "dct:RightsStatement",
            "dct:type": { "@id": conditions() },
            "rdfs:label": said(&named.join(", ")),
        },
        "dcatap:availability": labelled(&format!("{EU}/planned-availability/STABLE"), "stable"),
        "mobilitydcatap:mobilityDataStandard": { "@id": format!("{MOBILITY}/mobility-data-standard/other") },
        "mobilitydcatap:applicationLayerProtocol": {
            "@id": format!("{MOBILITY}/application-layer-protocol/http-https"),
        },
    });
    let size = digest.map(
        |digest| json!({ "@type": "xsd:nonNegativeInteger", "@value": digest.size.to_string() }),
    );
    insert(&mut distribution, "dcat:byteSize", size);
    let checksum = digest.map(|digest| {
        json!({
            "@type": "spdx:Checksum",
            "spdx:algorithm": concept("http://spdx.org/rdf/terms#checksumAlgorithm_sha256", "spdx:ChecksumAlgorithm"),
            "spdx:checksumValue": { "@type": "xsd:hexBinary", "@value": hex::encode(digest.sha256) },
        })
    });
    insert(&mut distribution, "spdx:checksum", checksum);
    // DCAT-AP takes one; where there are several `dct:rights` names them all.
    let licence = about.licence();
    let licence = licence.map(|url| concept(url, "dct:LicenseDocument"));
    insert(&mut distribution, "dct:license", licence);
    distribution
}

/// When the dataset came into the catalogue and last changed there, and whether it is still what it was.
fn record(base: &str, about: &About) -> Value {
    let id = format!("{base}{}", about.path());
    let (status, label) = match about.withdrawn {
        Some(_) => ("WITHDRAWN", "withdrawn"),
        None => ("COMPLETED", "completed"),
    };
    let mut record = json!({
        "@id": format!("{id}#record"),
        "@type": "dcat:CatalogRecord",
        "foaf:primaryTopic": { "@id": id },
        "dct:created": moment(about.opened),
        "dct:modified": moment(changed(about)),
        "adms:status": labelled(&format!("{EU}/dataset-status/{status}"), label),
    });
    let why = about.withdrawn.as_ref().map(|(_, why)| said(why));
    insert(&mut record, "dct:description", why);
    record
}

fn changed(about: &About) -> Timestamp {
    let withdrawn = about.withdrawn.as_ref();
    withdrawn.map_or(about.opened, |(since, _)| *since)
}

/// One span of days, or one for each run of periods without a gap.
fn temporal(about: &About) -> Option<Value> {
    let day = |day: jiff::civil::Date| json!({ "@type": "xsd:date", "@value": day.to_string() });
    let spans = about.runs().into_iter().map(|(first, last)| {
        json!({
            "@type": "dct:PeriodOfTime",
            "dcat:startDate": day(first.first()),
            "dcat:endDate": day(last.last()),
        })
    });
    let mut spans: Vec<_> = spans.collect();
    match spans.len() {
        0 | 1 => spans.pop(),
        _ => Some(spans.into()),
    }
}

fn location(about: &About, bounds: Option<Bounds>) -> Value {
    let mut location = json!({ "@type": "dct:Location", "dct:identifier": about.zoning });
    let bounds = bounds.map(|[w, s, e, n]| {
        let wkt = format!("POLYGON(({w} {s}, {e} {s}, {e} {n}, {w} {n}, {w} {s}))");
        json!({ "@type": "http://www.opengis.net/ont/geosparql#wktLiteral", "@value": wkt })
    });
    insert(&mut location, "dcat:bbox", bounds);
    location
}

/// The address that the parties signed, where it is one of mail, else the operator's. Without any there is no contact
/// point: mobilityDCAT-AP asks for an address of mail in each.
fn contact(presented: &Presented, about: &About) -> Option<Value> {
    let signed = about
        .contact
        .as_deref()
        .map(str::trim)
        .filter(|text| is_mail(text));
    let operators = presented.contact.as_deref().filter(|text| is_mail(text));
    let mail = signed.or(operators)?;
    Some(json!({
        "@type": ["vcard:Kind", "vcard:Organization"],
        "vcard:fn": about.planner,
        "vcard:hasEmail": concept(&format!("mailto:{mail}"), "owl:Thing"),
    }))
}

fn frequency(grain: Grain) -> String {
    let word = match grain {
        Grain::Day => "DAILY",
        Grain::Week => "WEEKLY",
        Grain::Month => "MONTHLY",
    };
    format!("{EU}/frequency/{word}")
}

fn conditions() -> String {
    format!("{MOBILITY}/conditions-for-access-and-usage/licence-provided")
}

/// A text of ours or of the parties.
fn said(text: &str) -> Value {
    json!({ "@value": text, "@language": "en" })
}

fn moment(time: Timestamp) -> Value {
    json!({ "@type": "xsd:dateTime", "@value": format!("{time:.0}") })
}

fn concept(id: &str, class: &str) -> Value {
    json!({ "@id": id, "@type": class })
}

fn labelled(id: &str, label: &str) -> Value {
    json!({ "@id": id, "@type": "skos:Concept", "skos:prefLabel": said(label) })
}

fn insert(into: &mut Value, name: &str, value: Option<Value>) {
    if let (Some(object), Some(value)) = (into.as_object_mut(), value) {
        object.insert(name.to_owned(), value);
    }
}
