#![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

use super::*;

fn name(n: usize) -> Name {
    Name {
        key: format!("{n:064x}").parse().unwrap(),
        licence: None,
    }
}

fn known() -> Arc<Known> {
    Arc::new(Known {
        claim: None,
        files: Vec::new(),
        whole: true,
    })
}

fn file(bytes: usize) -> File {
    File::of(Bytes::from(vec![0; bytes]))
}

#[test]
fn files_are_kept_up_to_a_bound_and_those_asked_for_last_stay() {
    let shelf = Shelf::default();
    let third = file(OPEN_BYTES_KEPT / 3);
    for n in 0..3 {
        shelf.keep(&name(n), Format::Arrow, &third);
    }
    assert!(shelf.file(&name(0), Format::Arrow).is_some(), "asked for");
    shelf.keep(&name(3), Format::Arrow, &third);
    let there = |n| shelf.file(&name(n), Format::Arrow).is_some();
    assert_eq!(
        (0..4).map(there).collect::<Vec<_>>(),
        [true, false, true, true]
    );
    assert!(shelf.kept().bytes <= OPEN_BYTES_KEPT);
    shelf.keep(&name(4), Format::Arrow, &file(OPEN_BYTES_KEPT + 1));
    assert!(!there(4) && there(0));
}

/// A crowd of names costs those that came first, one by one, and what is there already costs nothing.
#[test]
fn what_is_known_is_kept_up_to_a_bound() {
    let shelf = Shelf::default();
    for n in 0..OPEN_RELEASES_KEPT {
        shelf.learn(&name(n), &known());
    }
    let there = |n| shelf.known(&name(n)).is_some();
    shelf.learn(&name(7), &known());
    assert!((0..OPEN_RELEASES_KEPT).all(there), "learnt again");
    shelf.learn(&name(OPEN_RELEASES_KEPT), &known());
    assert!(!there(0) && (1..=OPEN_RELEASES_KEPT).all(there));
    let kept = shelf.kept();
    assert_eq!(
        (kept.known.len(), kept.order.len()),
        (OPEN_RELEASES_KEPT, OPEN_RELEASES_KEPT)
    );
}

/// What was made under another licence is another file.
#[test]
fn a_licence_has_files_of_its_own() {
    let shelf = Shelf::default();
    let other = Name {
        licence: Some("https://licence.example".into()),
        ..name(1)
    };
    shelf.learn(&name(1), &known());
    shelf.keep(&name(1), Format::Csv, &file(1));
    assert!(shelf.known(&other).is_none() && shelf.file(&other, Format::Csv).is_none());
}

/// However slow its readers are: what they hold counts, once for all of one file, and what is kept makes way.
#[test]
fn what_is_in_memory_has_a_bound() {
    let shelf = Shelf::with_room(10);
    let first = shelf.hold(file(4)).unwrap();
    shelf.keep(&name(0), Format::Csv, &first);
    let readers: Vec<_> = (0..9).map(|_| first.bytes.clone()).collect();
    let second = shelf.hold(file(6)).unwrap();
    shelf.keep(&name(1), Format::Csv, &second);
    drop(second);
    let third = shelf.hold(file(3)).unwrap();
    assert!(shelf.file(&name(1), Format::Csv).is_none(), "made way");
    assert!(
        shelf.hold(file(4)).is_none(),
        "4 are held by readers, 3 here"
    );
    drop((first, readers));
    assert_eq!(shelf.hold(file(7)).unwrap().digest.size, 7);
    drop(third);
    assert_eq!(shelf.room.available_permits(), 10);
}
