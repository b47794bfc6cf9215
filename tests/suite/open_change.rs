//! Open data after things have changed: another licence, and files of the broker that are damaged.

use std::path::PathBuf;

use policies::id::sha256_hex;
use policies::state::Stage;
use serde_json::Value;

use crate::harness::*;
use crate::open_data::Open;
use crate::opening::*;
use crate::web::{ask, get};

async fn dataset(town: &Town) -> Value {
    until("the catalogue has it", async || {
        let answer = get(town, "/open.jsonld").await;
        assert_eq!(answer.status, 200);
        let catalogue: Value = serde_json::from_slice(&answer.body).unwrap();
        catalogue["dcat:dataset"].get(0).cloned()
    })
    .await
}

/// The parties agree on another licence: from then on it stands in every file, and digests are those of the bytes that
/// are served.
#[tokio::test(flavor = "multi_thread")]
async fn files_name_the_licence_that_is_in_force() {
    let open = Open::new("kept").await;
    open.open().await;
    let (town, path) = (&open.town, format!("/open/{}", open.key));
    let metadata = format!("{path}.csv-metadata.json");
    for (licence, other) in [("CC-BY-4.0", "CC0-1.0"), ("CC0-1.0", "CC-BY-4.0")] {
        if licence == "CC0-1.0" {
            let mut amended = open.terms.clone();
            amended.supersedes = Some(open.agreement.clone());
            amended.publication.as_mut().unwrap().licence = licence.into();
            activate(&open.bikes, &open.city, &amended).await;
        }
        let file = get(town, &metadata).await;
        let text = String::from_utf8(file.body).unwrap();
        assert!(text.contains(licence) && !text.contains(other), "{text}");
        let listed = dataset(town).await;
        for file in listed["dcat:distribution"].as_array().unwrap() {
            let url = file["dct:license"]["@id"].as_str().unwrap();
            assert!(url.contains(licence), "{url}");
            let address = file["dcat:downloadURL"]["@id"].as_str().unwrap();
            let served = get(town, address).await;
            let sha256 = &file["spdx:checksum"]["spdx:checksumValue"]["@value"];
            assert_eq!(sha256_hex(&served.body), sha256.as_str().unwrap());
            assert_eq!(served.header("etag"), Some(format!("{sha256}").as_str()));
        }
    }
}

/// A file that is moved away, and put back.
struct Away(PathBuf, PathBuf);

impl Away {
    fn blob(town: &Town, blob: &policies::id::BlobId) -> Self {
        let file = town.config.state.join("blobs").join(blob.as_str());
        let away = town.folder.path().join(blob.as_str());
        std::fs::rename(&file, &away).unwrap();
        Self(file, away)
    }

    fn back(self) {
        std::fs::rename(&self.1, &self.0).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_damaged_costs_no_more_than_itself() {
    let open = Open::new("kept").await;
    open.propose().await;
    let (town, path) = (&open.town, format!("/open/{}", open.key));
    let of = async |suffix: &str| get(town, &format!("{path}{suffix}")).await;
    let (table, zoning) = {
        let broker = town.broker();
        let state = broker.sequencer().state();
        let Stage::Published { blob, .. } = &state.release(&open.key).unwrap().stage else {
            panic!("not published")
        };
        let zoning = state.zoning(&open.terms.tables[0].zoning).unwrap();
        (blob.clone(), zoning.blob.clone())
    };
    // The table: it is listed, as public, and what opens its commitment is there. It is damaged before it is opened, or
    // its files might be made before.
    let away = Away::blob(town, &table);
    let second = open.second().await;
    let approved = second.client.approve_open_data(&open.key, &second.signer);
    approved.await.unwrap();
    let listed = dataset(town).await;
    let files = listed["dcat:distribution"].as_array().unwrap();
    assert_eq!(files.len(), 2, "none would say that it is withdrawn");
    let sized = |file: &Value| {
        file.get("dcat:byteSize")
            .or(file.get("spdx:checksum"))
            .is_some()
    };
    assert!(!files.iter().any(sized), "{files:?}");
    assert_eq!(of(".arrow").await.status, 500);
    assert_eq!(of(".salt").await.status, 200);
    // The zoning: the released bytes and their sheet are there, and nothing else is offered.
    let zones = Away::blob(town, &zoning);
    away.back();
    for suffix in [".arrow", ".json", ".html", ""] {
        assert_eq!(of(suffix).await.status, 200, "{suffix}");
    }
    assert_eq!(of(".csv").await.status, 500);
    let accept = "Accept: text/csv\r\n";
    let refused = ask(town, "GET", &path, accept).await.unwrap();
    let offered = String::from_utf8(refused.body).unwrap();
    assert_eq!(refused.status, 406);
    assert!(
        offered.contains(".arrow") && !offered.contains(".csv"),
        "{offered}"
    );
    let listed = dataset(town).await;
    let files = listed["dcat:distribution"].as_array().unwrap();
    assert_eq!(files.len(), 2, "{files:?}");
    assert!(!files.iter().any(sized), "these are not all: {files:?}");
    zones.back();
    // It was no more than away.
    assert_eq!(of(".csv").await.status, 200);
    let files = dataset(town).await["dcat:distribution"].clone();
    assert_eq!(files.as_array().unwrap().len(), 5, "{files}");
}

/// A log whose bytes changed is a fault, and not the absence of a release.
#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_that_cannot_be_made_is_a_fault() {
    let open = Open::new("kept").await;
    open.open().await;
    let proof = format!("/open/{}.tlog-proof", open.key);
    assert_eq!(get(&open.town, &proof).await.status, 200);
    let file = open.town.config.state.join("log/entries");
    let mut bytes = std::fs::read(&file).unwrap();
    let kind = b"release.published";
    let at = bytes.windows(kind.len()).position(|at| at == kind).unwrap();
    bytes[at + 2] ^= 1;
    std::fs::write(&file, bytes).unwrap();
    assert_eq!(get(&open.town, &proof).await.status, 500);
}
