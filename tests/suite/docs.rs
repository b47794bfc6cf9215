//! What PRIVACY.md says is tested is.

use std::path::Path;

#[test]
fn every_test_that_privacy_md_names_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let text = std::fs::read_to_string(root.join("docs/PRIVACY.md")).unwrap();
    let named = text.split('`').filter_map(|word| word.split_once(".rs::"));
    let named: Vec<_> = named.collect();
    assert!(
        named.len() >= 11,
        "the table against NIST SP 800-226 is gone"
    );
    for (file, test) in named {
        let path = root.join(format!("{file}.rs"));
        let source = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{file}.rs: {e}"));
        assert!(
            source.contains(&format!("fn {test}(")),
            "{file}.rs has no test `{test}`"
        );
    }
}
