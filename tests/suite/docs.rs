//! What PRIVACY.md, LOG.md and COMPLIANCE.md say is tested is.

use std::path::Path;

/// Each test that a page names as `path/file.rs::test` is in that file. The page.
fn check_named_tests(page: &str, at_least: usize) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let text = std::fs::read_to_string(root.join(page)).unwrap();
    let named = text.split('`').filter_map(|word| word.split_once(".rs::"));
    let named: Vec<_> = named.collect();
    assert!(named.len() >= at_least, "the table of {page} is gone");
    for (file, test) in named {
        let path = root.join(format!("{file}.rs"));
        let source = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{file}.rs: {e}"));
        assert!(
            source.contains(&format!("fn {test}(")),
            "{file}.rs has no test `{test}`"
        );
    }
    text
}

/// The table against NIST SP 800-226.
#[test]
fn every_test_that_privacy_md_names_exists() {
    check_named_tests("docs/PRIVACY.md", 11);
}

/// The rules of an auditor.
#[test]
fn every_test_that_log_md_names_exists() {
    check_named_tests("docs/LOG.md", 20);
}

/// Article 12 of the EU Data Governance Act.
#[test]
fn every_letter_of_compliance_md_names_tests_that_exist() {
    let page = check_named_tests("docs/COMPLIANCE.md", 25);
    let rows = page.lines().filter(|line| line.contains(".rs::"));
    let letters: Vec<_> = rows
        .map(|row| row.split('|').nth(1).unwrap().trim())
        .collect();
    let asked = [
        "a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l", "o",
    ];
    assert_eq!(letters, asked);
}
