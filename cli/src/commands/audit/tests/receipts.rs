//! Directories of receipts, offline.

use audit::receipt::Receipt;

use super::super::verify::directory;
use super::*;

/// What `weir org export` writes is checked as a whole, offline.
#[test]
fn a_directory_of_receipts_holds_or_names_the_one_that_does_not() {
    let folder = tempfile::tempdir().unwrap();
    let entries = bytes(&story(folder.path()))[..2].to_vec();
    let key = log(folder.path(), &entries);
    let note = std::fs::read_to_string(folder.path().join("log/checkpoint")).unwrap();
    let out = folder.path().join("our-entries");
    std::fs::create_dir(&out).unwrap();
    assert!(
        directory(&out, &key, None).is_err(),
        "there is nothing in it"
    );
    let receipt = |index: u64, sibling: &[u8]| {
        let entry = entries[usize::try_from(index).unwrap()].clone();
        let note = note.parse().unwrap();
        Receipt::new(index, entry, vec![leaf_hash(sibling)], note)
            .unwrap()
            .to_string()
    };
    let file = |index: u64| out.join(format!("{index:012}.tlog-proof"));
    let (first, second) = (receipt(0, &entries[1]), receipt(1, &entries[0]));
    std::fs::write(file(0), &first).unwrap();
    std::fs::write(file(1), &second).unwrap();
    std::fs::write(out.join("notes.txt"), "ours").unwrap();
    let all = directory(&out, &key, None).unwrap();
    assert_eq!(
        (all.size, all.entries.len(), all.entries[0].kind),
        (2, 2, "broker.started")
    );

    let says = |why: &str| {
        let error = directory(&out, &key, None).map(|_| ()).unwrap_err();
        assert_eq!(error.code(), 4, "{error}");
        let text = error.to_string();
        assert!(
            text.contains("000000000001.tlog-proof") && text.contains(why),
            "{text}"
        );
    };
    std::fs::write(file(1), receipt(1, &entries[1])).unwrap();
    says("");
    std::fs::write(file(1), &first).unwrap();
    says("holds entry 0");
}
