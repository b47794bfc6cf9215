//! `docs/LOG.md` names exactly the kinds of entries there are, and the fields of each.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use policies::entry::{Body, Entry};

/// Sections of the page, by the kind in their heading.
fn sections() -> BTreeMap<String, String> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/LOG.md");
    let page = std::fs::read_to_string(page).unwrap();
    let sections = page.split("\n### `").skip(1);
    let section = |text: &str| {
        let (kind, rest) = text.split_once('`').unwrap();
        let end = rest.find("\n## ").unwrap_or(rest.len());
        (kind.to_owned(), rest.get(..end).unwrap().to_owned())
    };
    sections.map(section).collect()
}

/// Every kind the code knows, in the words of serde: it lists them where it finds another.
fn kinds() -> BTreeSet<String> {
    let error = serde_json::from_str::<Body>(r#"{"kind":"no such kind"}"#).unwrap_err();
    let error = error.to_string();
    let (_, listed) = error.split_once("expected one of ").unwrap();
    let quoted = listed.split('`').skip(1).step_by(2);
    quoted.map(ToOwned::to_owned).collect()
}

#[test]
fn the_page_names_exactly_the_kinds_there_are() {
    let named: BTreeSet<String> = sections().into_keys().collect();
    let kinds = kinds();
    let known = kinds.contains("release.reserved") && kinds.len() > 10;
    assert!(known, "{kinds:?}");
    assert_eq!(named, kinds);
}

#[test]
fn the_page_names_every_field_of_every_golden_entry() {
    let (sections, mut seen) = (sections(), BTreeSet::new());
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden");
    for file in std::fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        if path.extension().is_none_or(|e| e != "json") {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let Ok(entry) = Entry::from_bytes(text.trim_end().as_bytes()) else {
            continue; // another test's file
        };
        let kind = entry.body.kind();
        seen.insert(kind.to_owned());
        let body = serde_json::to_value(&entry.body).unwrap();
        let section = sections.get(kind);
        let section = section.unwrap_or_else(|| panic!("docs/LOG.md has no `{kind}`"));
        for field in body.as_object().unwrap().keys().filter(|f| *f != "kind") {
            let named = section.contains(&format!("`{field}`"));
            assert!(named, "docs/LOG.md: `{kind}` does not name `{field}`");
        }
    }
    assert_eq!(seen, kinds(), "a golden entry of each kind");
}
