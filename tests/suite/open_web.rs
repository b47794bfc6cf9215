//! Open data as strangers see it: the catalogue, the tables in each format, validators, and what is withdrawn.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::{Timestamp, ToSpan};
use policies::entry::{Body, Entry};
use policies::id::sha256_hex;
use policies::life::Action;
use serde_json::Value;

use crate::harness::*;
use crate::open_data::Open;
use crate::opening::*;
use crate::web::{Answer, ask, get};

/// What each address of one table may end with.
const SUFFIXES: [&str; 9] = [
    ".csv",
    ".csv-metadata.json",
    ".parquet",
    ".geojson",
    ".arrow",
    ".json",
    ".html",
    ".tlog-proof",
    ".salt",
];

async fn accepting(town: &Town, path: &str, accept: &str) -> Answer {
    let lines = format!("Accept: {accept}\r\n");
    ask(town, "GET", path, &lines).await.unwrap()
}

async fn catalogue(town: &Town) -> Value {
    let answer = get(town, "/open.jsonld").await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), Some("application/ld+json"));
    assert_eq!(answer.header("cache-control"), Some("public, max-age=10"));
    serde_json::from_slice(&answer.body).unwrap()
}

/// The catalogue once it names a number of datasets: it looks at the log every few seconds.
pub async fn with_datasets(town: &Town, number: usize) -> Value {
    until("the catalogue has them", async || {
        let catalogue = catalogue(town).await;
        let there = catalogue["dcat:dataset"].as_array().unwrap().len();
        (there == number).then_some(catalogue)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_finds_open_data_and_fetches_it_in_each_format() {
    let open = Open::new("kept").await;
    let (town, key) = (&open.town, &open.key);
    let (page, nobodys) = (format!("/open/{key}"), format!("/open/{}", "f".repeat(64)));
    // Not proposed, and proposed: as if it did not exist.
    for step in 0..2 {
        for suffix in ["", ".csv", ".arrow", ".json", ".tlog-proof", ".salt"] {
            let ours = get(town, &format!("{page}{suffix}")).await;
            let none = get(town, &format!("{nobodys}{suffix}")).await;
            assert_eq!((ours.status, none.status), (404, 404), "{suffix}");
            assert_eq!(ours.body, none.body);
        }
        assert_eq!(catalogue(town).await["dcat:dataset"], serde_json::json!([]));
        if step == 0 {
            open.propose_by(&open.person("yrsa").await).await;
        }
    }
    let second = open.second().await;
    second
        .client
        .approve_open_data(key, &second.signer)
        .await
        .unwrap();
    let listed = with_datasets(town, 1).await;
    let dataset = &listed["dcat:dataset"][0];
    assert_eq!(dataset["dct:identifier"], key.as_str());
    assert_eq!(
        dataset["dct:temporal"]["dcat:endDate"]["@value"],
        "2026-10-05"
    );
    let wkt = dataset["dct:spatial"]["dcat:bbox"]["@value"]
        .as_str()
        .unwrap();
    assert!(wkt.starts_with("POLYGON((24.9 60, 24.94 60"), "{wkt}");
    let files = dataset["dcat:distribution"].as_array().unwrap();
    assert!(files.len() == 5, "{files:?}");
    for file in files {
        let address = file["dcat:downloadURL"]["@id"].as_str().unwrap();
        let media = file["dcat:mediaType"]["@id"].as_str().unwrap();
        let media = media
            .strip_prefix("https://www.iana.org/assignments/media-types/")
            .unwrap();
        let direct = get(town, address).await;
        assert_eq!(direct.status, 200, "{address}");
        assert_eq!(direct.header("content-type"), Some(media), "{address}");
        assert_eq!(direct.header("cache-control"), Some("public, no-cache"));
        let sha256 = file["spdx:checksum"]["spdx:checksumValue"]["@value"]
            .as_str()
            .unwrap();
        assert_eq!(sha256_hex(&direct.body), sha256, "{address}");
        let size = file["dcat:byteSize"]["@value"].as_str().unwrap();
        assert_eq!(direct.body.len().to_string(), size, "{address}");
        let digest = format!(
            "sha-256=:{}:",
            STANDARD.encode(hex::decode(sha256).unwrap())
        );
        assert_eq!(direct.header("content-digest"), Some(digest.as_str()));
        // By negotiation the same bytes, and whoever has them gets no more.
        let negotiated = accepting(town, &page, media).await;
        assert_eq!(negotiated.body, direct.body, "{media}");
        assert_eq!(negotiated.header("vary"), Some("Accept"));
        let etag = direct.header("etag").unwrap();
        assert_eq!(etag, format!("\"{sha256}\""));
        for sent in [etag.to_owned(), format!("\"x\", W/{etag}"), "*".to_owned()] {
            let lines = format!("If-None-Match: {sent}\r\n");
            let again = ask(town, "GET", address, &lines).await.unwrap();
            assert_eq!((again.status, again.body.len()), (304, 0), "{sent}");
            assert_eq!(again.header("etag"), Some(etag));
        }
        let other = ask(town, "GET", address, "If-None-Match: \"x\"\r\n")
            .await
            .unwrap();
        assert_eq!(other.status, 200);
        let head = ask(town, "HEAD", address, "").await.unwrap();
        assert_eq!((head.status, head.body.len()), (200, 0));
        assert_eq!(head.header("content-length"), Some(size));
        assert_eq!(head.header("etag"), Some(etag));
    }
    let refused = accepting(town, &page, "image/png").await;
    assert_eq!(refused.status, 406);
    let offered = String::from_utf8(refused.body).unwrap();
    assert!(
        offered.contains("application/json") && offered.contains(".arrow"),
        "{offered}"
    );
    for path in [
        format!("{page}.exe"),
        format!("{page}."),
        "/open/x".into(),
        "/open/../open".into(),
    ] {
        assert_eq!(get(town, &path).await.status, 404, "{path}");
    }
    assert_eq!(ask(town, "POST", &page, "").await.unwrap().status, 405);
    // Pages for people.
    let html = accepting(town, &page, "text/html,*/*;q=0.8").await;
    let html = (
        html.header("content-security-policy").is_some(),
        String::from_utf8(html.body).unwrap(),
    );
    assert!(
        html.0 && html.1.contains("CC-BY-4.0") && html.1.contains("differential privacy"),
        "{}",
        html.1
    );
    let index = accepting(town, "/open", "text/html").await;
    assert!(String::from_utf8(index.body).unwrap().contains(&page));
    let index = accepting(town, "/open", "text/html;q=0").await;
    assert_eq!(index.header("content-type"), Some("application/ld+json"));
    let register = format!("/register/{}", open.agreement);
    until("the register links to it", async || {
        let register = String::from_utf8(get(town, &register).await.body).unwrap();
        register.contains(&format!("href=\"{page}\"")).then_some(())
    })
    .await;
    verify(&open).await;
    names_nobody(&open).await;
}

/// What has a checksum in somebody's catalogue keeps it: files are made anew after a start, to the same bytes.
#[tokio::test(flavor = "multi_thread")]
async fn files_are_the_same_after_a_restart() {
    let mut open = Open::new("kept").await;
    open.open().await;
    let suffixes = [
        "csv",
        "csv-metadata.json",
        "parquet",
        "geojson",
        "arrow",
        "json",
    ];
    let mut seen: Vec<Vec<Option<String>>> = Vec::new();
    for _ in 0..2 {
        let mut tags = Vec::new();
        for suffix in suffixes {
            let answer = get(&open.town, &format!("/open/{}.{suffix}", open.key)).await;
            assert_eq!(answer.status, 200, "{suffix}");
            tags.push(answer.header("etag").map(ToOwned::to_owned));
        }
        seen.push(tags);
        // The log has grown, too.
        open.town.stop().await;
        open.town.start().await;
    }
    assert!(seen[0].iter().all(Option::is_some));
    assert_eq!(seen[0], seen[1]);
}

/// The bytes are those that the log commits to: what anybody can check offline.
async fn verify(open: &Open) {
    let page = format!("/open/{}", open.key);
    let of = async |suffix: &str| get(&open.town, &format!("{page}.{suffix}")).await.body;
    let receipt = String::from_utf8(of("tlog-proof").await).unwrap();
    let receipt: audit::receipt::Receipt = receipt.parse().unwrap();
    let verified = receipt.verify(&open.town.log_key).unwrap();
    let entry = Entry::from_bytes(verified.entry()).unwrap();
    let Body::ReleasePublished { key, blob } = entry.body else {
        panic!("another entry")
    };
    assert_eq!(key, open.key);
    let salt = String::from_utf8(of("salt").await).unwrap();
    let salt: audit::commitment::Salt = salt.trim().parse().unwrap();
    let commitment = audit::commitment::Commitment::new(&salt, &of("arrow").await);
    assert_eq!(commitment.to_string(), blob.as_str());
}

/// The persons behind the steps: names, and what stands for them in the log.
fn persons(town: &Town) -> Vec<String> {
    let mut names = vec!["yrsa".to_owned(), "zita".to_owned()];
    let broker = town.broker();
    let log = broker.sequencer().log();
    for entry in log.entries(0..log.size()).unwrap() {
        if let Body::ReleaseProposed(step) | Body::ReleaseOpened(step) =
            Entry::from_bytes(&entry).unwrap().body
        {
            names.push(step.user.pseudonym.to_string());
            names.push(step.user.secret.to_string());
        }
    }
    names.sort();
    names.dedup();
    assert_eq!(names.len(), 5, "two persons under one secret: {names:?}");
    names
}

/// No user is named, by whatever name, in what strangers get.
async fn names_nobody(open: &Open) {
    let names = persons(&open.town);
    let page = format!("/open/{}", open.key);
    let files = SUFFIXES.map(|suffix| format!("{page}{suffix}"));
    let register = format!("/register/{}", open.agreement);
    let others = [
        "/open",
        "/open.jsonld",
        &register,
        &format!("{register}.json"),
    ];
    for path in files.iter().map(String::as_str).chain(others) {
        let answer = accepting(&open.town, path, "text/html, */*;q=0.1").await;
        assert_eq!(answer.status, 200, "{path}");
        let body = String::from_utf8_lossy(&answer.body);
        for name in &names {
            assert!(!body.contains(name.as_str()), "{path} has {name}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_withdrawn_is_gone_and_the_catalogue_says_so() {
    let open = Open::new("withdrawn").await;
    open.open().await;
    let page = format!("/open/{}", open.key);
    assert_eq!(get(&open.town, &page).await.status, 200);
    let etag = get(&open.town, &page)
        .await
        .header("etag")
        .unwrap()
        .to_owned();
    let ends: Timestamp = NOW.parse::<Timestamp>().unwrap() + 1.hour();
    let city = &open.city;
    let reason = "the project has ended".parse().unwrap();
    let act = city.client.act(
        Action::Terminate,
        &open.agreement,
        reason,
        Some(ends),
        &city.signer,
    );
    act.await.unwrap();
    assert_eq!(get(&open.town, &page).await.status, 200, "the notice runs");
    open.town.clock.set(ends);
    for suffix in [""].iter().chain(&SUFFIXES) {
        let gone = get(&open.town, &format!("{page}{suffix}")).await;
        assert_eq!(gone.status, 410, "{suffix}");
    }
    // Not even whoever has it is told that it still is.
    let lines = format!("If-None-Match: {etag}\r\n");
    let kept = ask(&open.town, "GET", &page, &lines).await.unwrap();
    assert_eq!(kept.status, 410);
    let listed = with_datasets(&open.town, 1).await;
    assert!(listed["dcat:dataset"][0].get("dcat:distribution").is_none());
    // Of what it names nothing is gone.
    let pages = listed["dcat:dataset"][0]["foaf:page"].as_array().unwrap();
    for page in pages {
        let page = page["@id"].as_str().unwrap();
        assert_eq!(get(&open.town, page).await.status, 200, "{page}");
    }
    assert_eq!(pages.len(), 1, "the register's");
    let status = listed["dcat:record"][0]["adms:status"]["@id"]
        .as_str()
        .unwrap();
    assert!(status.ends_with("/WITHDRAWN"), "{status}");
    let changed = &listed["dcat:record"][0]["dct:modified"]["@value"];
    assert_eq!(changed.as_str().unwrap(), format!("{ends:.0}"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_reason_of_a_withdrawal_stands_in_the_place_of_the_data() {
    let open = Open::new("kept").await;
    open.open().await;
    let page = format!("/open/{}", open.key);
    let reason = "a zone was named <wrongly>";
    let bikes = &open.bikes;
    let taken = bikes
        .client
        .withdraw_open_data(&open.key, reason.parse().unwrap(), &bikes.signer);
    taken.await.unwrap();
    let gone = get(&open.town, &page).await;
    assert_eq!(gone.status, 410);
    assert_eq!(
        gone.header("content-type"),
        Some("text/plain; charset=utf-8")
    );
    assert!(String::from_utf8(gone.body).unwrap().contains(reason));
    let html = until("the page lists it", async || {
        let index = accepting(&open.town, "/open", "text/html").await;
        let html = String::from_utf8(index.body).unwrap();
        html.contains("withdrawn").then_some(html)
    })
    .await;
    assert!(
        html.contains("&lt;wrongly&gt;") && !html.contains("<wrongly>"),
        "{html}"
    );
}
