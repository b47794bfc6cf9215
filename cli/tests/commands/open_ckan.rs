//! release open ckan: several packages, and what goes wrong with some of them.

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::ckan::{Ckan, TOKEN};
use crate::office::{Done, call};

const SITE: &str = "https://data.city.example";

/// A CKAN with a catalogue beside it.
struct Push {
    ckan: Ckan,
    address: String,
    folder: TempDir,
}

impl Push {
    fn new(datasets: &[Value]) -> Self {
        let (ckan, address) = Ckan::open();
        let push = Self {
            ckan,
            address,
            folder: tempfile::tempdir().unwrap(),
        };
        std::fs::write(push.token(), TOKEN).unwrap();
        push.lists(datasets);
        push
    }

    fn token(&self) -> String {
        self.folder
            .path()
            .join("token")
            .to_str()
            .unwrap()
            .to_owned()
    }

    fn lists(&self, datasets: &[Value]) {
        *self.ckan.catalogue.lock().unwrap() = json!({ "dcat:dataset": datasets });
    }

    /// Pushes into the CKAN under this path of its server.
    fn run_at(&self, path: &str, more: &[&str]) -> Done {
        let (at, token) = (&self.address, self.token());
        let (catalogue, ckan) = (format!("{at}/open.jsonld"), format!("{at}{path}"));
        let args = [
            "release",
            "open",
            "ckan",
            "--json",
            "--owner",
            "city-of-example",
        ];
        let places = [
            "--catalogue",
            &catalogue,
            "--ckan",
            &ckan,
            "--token-file",
            &token,
        ];
        call(&[&args[..], &places, more].concat())
    }

    fn run(&self) -> Done {
        self.run_at("", &[])
    }

    /// Actions that were asked for since the last look.
    fn calls(&self) -> Vec<String> {
        std::mem::take(&mut self.ckan.calls.lock().unwrap())
    }

    fn package(&self, name: &str) -> Option<Value> {
        self.ckan.packages.lock().unwrap().get(name).cloned()
    }
}

fn key(letter: char) -> String {
    letter.to_string().repeat(64)
}

fn name(letter: char) -> String {
    format!("weir-{}", key(letter))
}

/// A release as the catalogue has it, with these files; none where it was withdrawn.
fn dataset(letter: char, files: Option<Value>) -> Value {
    let day = |day: &str| json!({ "@value": day });
    let mut dataset = json!({
        "@id": format!("{SITE}/open/{}", key(letter)),
        "dct:identifier": key(letter),
        "dct:title": { "@value": format!("Rides {letter}") },
        "dct:description": { "@value": "How many people travel." },
        "dct:temporal": { "dcat:startDate": day("2026-10-05"), "dcat:endDate": day("2026-10-06") },
    });
    if let Some(files) = files {
        dataset["dcat:distribution"] = files;
    }
    dataset
}

fn file(letter: char, suffix: &str, checksum: bool) -> Value {
    let address = format!("{SITE}/open/{}.{suffix}", key(letter));
    let mut file = json!({
        "dct:title": { "@value": suffix },
        "dcat:downloadURL": { "@id": address },
        "dct:format": { "@id": format!("https://types.example/{}", suffix.to_uppercase()) },
        "dcat:mediaType": { "@id": format!("https://x.example/media-types/text/{suffix}") },
    });
    if checksum {
        file["spdx:checksum"] = json!({ "spdx:checksumValue": { "@value": "a".repeat(64) } });
        file["dcat:byteSize"] = json!({ "@value": "7" });
    }
    file
}

fn public(letter: char) -> Value {
    let files = ["csv", "parquet", "arrow", "json"].map(|suffix| file(letter, suffix, true));
    dataset(letter, Some(json!(files)))
}

/// What was done with each, by its letter.
fn done(done: &Done) -> Vec<(char, String)> {
    let report: Value = serde_json::from_str(&done.out).unwrap();
    let lines = report["packages"].as_array().unwrap().iter();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let lines = lines.map(|line| (text(&line["package"]).pop().unwrap(), text(&line["done"])));
    lines.collect()
}

fn told(each: &[(char, &str)]) -> Vec<(char, String)> {
    let each = each
        .iter()
        .map(|(letter, done)| (*letter, (*done).to_owned()));
    each.collect()
}

/// Else one bad package would keep all older ones, and what was withdrawn, from the CKAN night after night.
#[test]
fn a_package_that_is_refused_keeps_no_other_one_away_and_withdrawals_go_first() {
    let push = Push::new(&[public('a'), public('b'), public('c'), dataset('d', None)]);
    *push.ckan.refused.lock().unwrap() = Some(name('b'));
    let first = push.run();
    let failed = first.failed();
    assert!(failed.contains("1 of 4 packages failed"), "{failed}");
    assert!(
        failed.contains(&name('b')) && failed.contains("not to its liking"),
        "{failed}"
    );
    assert!(!failed.contains(&name('a')), "{failed}");
    let expected = [
        ('d', "created"),
        ('a', "created"),
        ('b', "failed"),
        ('c', "created"),
    ];
    assert_eq!(done(&first), told(&expected));
    assert!(push.package(&name('c')).is_some() && push.package(&name('b')).is_none());
    assert_eq!(push.package(&name('d')).unwrap()["resources"], json!([]));
    *push.ckan.refused.lock().unwrap() = None;
    let second = push.run();
    let expected = [
        ('d', "unchanged"),
        ('a', "unchanged"),
        ('b', "created"),
        ('c', "unchanged"),
    ];
    assert_eq!((second.code, done(&second)), (0, told(&expected)));
}

/// Else each of thousands would ask once more, and be named in one line.
#[test]
fn a_token_that_may_not_is_tried_on_three_packages_and_the_error_names_five() {
    let push = Push::new(&['a', 'b', 'c', 'd', 'e', 'f'].map(public));
    std::fs::write(push.token(), "another").unwrap();
    let ended = push.run();
    let failed = ended.failed();
    assert!(failed.contains("6 of 6 packages failed"), "{failed}");
    assert!(failed.contains("editor rights"), "{failed}");
    assert!(
        failed.contains(&name('e')) && !failed.contains(&name('f')),
        "{failed}"
    );
    let report: Value = serde_json::from_str(&ended.out).unwrap();
    let why = |n: usize| report["packages"][n]["why"].as_str().unwrap().to_owned();
    assert!(why(2).contains("not authorised"), "{}", why(2));
    assert!(why(3).contains("not tried"), "{}", why(3));
}

/// Of packages that were moved to another organisation a CKAN says the same as of a token that may nothing.
#[test]
fn packages_that_belong_to_others_keep_no_other_one_away() {
    let push = Push::new(&['a', 'b', 'c', 'd', 'e'].map(public));
    *push.ckan.others.lock().unwrap() = vec![name('b'), name('c'), name('d')];
    let failed = push.run();
    assert!(failed.failed().contains("3 of 5 packages failed"));
    assert!(push.package(&name('e')).is_some());
}

/// Of a table that cannot be read for the moment the catalogue names two files, without checksums: in the CKAN the others
/// stay.
#[test]
fn a_package_whose_files_are_not_known_is_left_as_it_is() {
    let push = Push::new(&[public('a'), public('b')]);
    assert_eq!(push.run().code, 0);
    push.calls();
    let before = push.package(&name('a'));
    let files = ["arrow", "json"].map(|suffix| file('a', suffix, false));
    push.lists(&[dataset('a', Some(json!(files))), public('b')]);
    let left = push.run();
    let expected = [('a', "left"), ('b', "unchanged")];
    assert_eq!(
        (left.code, done(&left)),
        (0, told(&expected)),
        "{}",
        left.err
    );
    let report = left.json();
    let why = report["packages"][0]["why"].as_str().unwrap();
    assert!(why.contains("cannot make its files"), "{why}");
    assert_eq!(push.package(&name('a')), before);
    assert_eq!(push.calls(), ["GET package_show"], "of the other one");
}

/// A page that is not found says nothing about packages.
#[test]
fn what_is_no_ckan_is_not_one_without_packages() {
    let push = Push::new(&['a', 'b', 'c', 'd', 'e'].map(public));
    for more in [&["--dry-run"][..], &[]] {
        let done_there = push.run_at("/wrong", more);
        let failed = done_there.failed();
        assert!(
            failed.contains("404") && failed.contains("--ckan"),
            "{failed}"
        );
        assert!(failed.contains("5 of 5"), "{failed}");
        assert!(done(&done_there).iter().all(|(_, done)| done == "failed"));
        assert_eq!(push.calls().len(), 3, "then no further one is tried");
    }
}

#[test]
fn a_release_with_gaps_says_which_days_it_is_about() {
    let mut gaps = public('a');
    let span = |first: &str, last: &str| json!({ "dcat:startDate": { "@value": first }, "dcat:endDate": { "@value": last } });
    gaps["dct:temporal"] = json!([
        span("2026-10-05", "2026-10-06"),
        span("2026-10-19", "2026-10-20")
    ]);
    let push = Push::new(&[gaps, dataset('b', None)]);
    assert_eq!(push.run().code, 0);
    let extra = |name: &str, key: &str| {
        let package = push.package(name).unwrap();
        let extras = package["extras"].as_array().unwrap();
        let found = extras.iter().find(|extra| extra["key"] == key);
        found.map(|extra| extra["value"].as_str().unwrap().to_owned())
    };
    let told = |key: &str| extra(&name('a'), key);
    assert_eq!(told("temporal_start").as_deref(), Some("2026-10-05"));
    assert_eq!(told("temporal_end").as_deref(), Some("2026-10-20"));
    let periods = "2026-10-05/2026-10-06, 2026-10-19/2026-10-20";
    assert_eq!(told("temporal_periods").as_deref(), Some(periods));
    // One without gaps needs no list; and the receipt goes with the table.
    assert_eq!(extra(&name('b'), "temporal_periods"), None);
    assert_eq!(extra(&name('b'), "tlog_proof"), None);
    assert!(told("tlog_proof").is_some());
}
