//! call publish, list, show, close, and the offer that answers.

use crate::office::{Office, PURPOSE};

#[test]
fn a_call_is_published_read_answered_and_closed() {
    let office = Office::open();
    let publish = [
        "call",
        "publish",
        "--title",
        "To the harbour",
        "--project",
        "Harbour tram",
        "--question",
        "How do people get to the harbour at eight?",
        "--purpose",
        PURPOSE,
        "--kind",
        "od_trips",
        "--grain",
        "day",
        "--zoning",
        "town",
    ];
    let denied = office.weir("bikes", &publish);
    assert!(denied.failed().contains("not allowed"), "{}", denied.err);
    let call = office.weir("city", &publish).json();
    let id = call["call"].as_str().unwrap();
    let listed = office.weir("bikes", &["call", "list"]).json();
    assert_eq!(listed["calls"][0]["call"], id);
    let shown = office.weir("bikes", &["call", "show", &id[..8]]).json();
    assert_eq!(
        shown["question"],
        "How do people get to the harbour at eight?"
    );
    let file = office.terms("agreement.json", |_| {});
    let offered = office
        .weir("bikes", &["agreement", "offer", &file, "--call", &id[..8]])
        .json();
    let agreement = offered["agreement"].as_str().unwrap();
    assert!(
        std::fs::read_to_string(&file).unwrap().contains(id),
        "the file names it"
    );
    let closed = office.weir("city", &["call", "close", id]).json();
    assert_eq!(closed["open"], false);
    let open = office.weir("bikes", &["call", "list"]).json();
    assert_eq!(open["calls"].as_array().unwrap().len(), 0);
    let all = office.weir("bikes", &["call", "list", "--all"]).json();
    assert_eq!(all["calls"].as_array().unwrap().len(), 1);
    let late = office.terms("late.json", |terms| terms["title"] = "Again".into());
    let late = office.weir("bikes", &["agreement", "offer", &late, "--call", id]);
    assert!(late.failed().contains("open call"), "{}", late.err);
    let signed = office
        .weir("city", &["agreement", "sign", agreement, "--yes"])
        .json();
    assert_eq!(signed["state"], "active");
    let tables = office.weir("city", &["table", "list", "--kind", "od_trips"]);
    let tables = tables.json();
    let table = &tables["tables"][0];
    assert_eq!(
        (&table["agreement"], &table["state"]),
        (&signed["agreement"], &"active".into())
    );
    let none = office
        .weir("city", &["table", "list", "--kind", "parking"])
        .json();
    assert_eq!(none["tables"].as_array().unwrap().len(), 0);
    let mistyped = office.weir("city", &["call", "show", "ffff"]);
    assert!(mistyped.failed().contains("6 digits"), "{}", mistyped.err);
}
