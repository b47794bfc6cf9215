//! Known people and known numbers are planted in everything that a provider and its users send, and looked for
//! in the whole log and in the metrics: nobody is named, and nothing is counted.

use std::collections::BTreeSet;

use policies::entry::{Body, Entry};
use policies::id::Role;

use crate::harness::*;

mod story;

/// Users inside the organisations, as their tokens name them: no such names come about by chance.
const USERS: [(&str, Role, &str); 4] = [
    ("bikes", Role::Provider, "maijaliisa-meikalainen"),
    ("city", Role::Planner, "mattijuhani-virtanen"),
    ("ombudsman", Role::Auditor, "liisamaria-korhonen"),
    ("city", Role::Planner, "zitakristiina-nieminen"),
];
const FIRST: [Cell; 2] = [
    ("a", "b", 0, 7_654_321, 8_765_432),
    ("c", "d", 1, 6_543_219, 9_876_543),
];
const CORRECTED: [Cell; 2] = [
    ("a", "b", 0, 7_111_321, 8_222_432),
    ("c", "d", 1, 6_333_219, 9_444_543),
];
/// People that the provider declares it knows of in the day: fewer than 1 / δ.
const ACTIVE: u64 = 9_654_321;

/// Kinds of entry that [`story::whole`] does not make, each with the reason. A new kind fails the test until it is made
/// there, or stands here.
const NOT_MADE: [(&str, &str); 0] = [];

/// Numbers that must stand nowhere.
fn numbers() -> Vec<u64> {
    let mut numbers = vec![ACTIVE, ACTIVE + 1];
    for cells in [FIRST, CORRECTED] {
        for (_, _, _, people, trips) in cells {
            numbers.extend([people, trips]);
        }
        numbers.push(cells.iter().map(|c| c.3).sum());
        numbers.push(cells.iter().map(|c| c.4).sum());
    }
    numbers
}

/// Is a planted name in a text, or a planted number: as a number, which no digits of a digest are, or as its bytes?
fn found(text: &str) -> Option<String> {
    let text = text.to_lowercase();
    let names = USERS.iter().flat_map(|(_, _, user)| {
        let (given, family) = user.split_once('-').unwrap();
        [given, family]
    });
    if let Some(name) = names.into_iter().find(|name| text.contains(name)) {
        return Some(name.to_owned());
    }
    let hex = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_hexdigit);
    let alone = |digits: &str| {
        let bytes = text.as_bytes();
        text.match_indices(digits).any(|(at, _)| {
            let before = at.checked_sub(1).and_then(|at| bytes.get(at));
            !hex(before) && !hex(bytes.get(at + digits.len()))
        })
    };
    let mut numbers = numbers().into_iter();
    let number = numbers.find(|n| alone(&n.to_string()) || text.contains(&format!("{n:08x}")));
    number.map(|n| n.to_string())
}

#[test]
fn what_is_planted_is_found_in_whatever_form() {
    for text in [
        r#"{"n":7654321}"#,
        "n=7654321",
        "007654321 0074cbb1",
        r#"{"by":"Mattijuhani"}"#,
        "9654322",
    ] {
        assert!(found(text).is_some(), "{text}");
    }
    for text in ["a7654321", "76543210", r#"{"org":"city"}"#] {
        assert_eq!(found(text), None, "{text}");
    }
}

/// Every kind the code knows, in the words of serde: it lists them where it finds another.
fn kinds() -> BTreeSet<String> {
    let error = serde_json::from_str::<Body>(r#"{"kind":"no such kind"}"#).unwrap_err();
    let error = error.to_string();
    let (_, listed) = error.split_once("expected one of ").unwrap();
    let quoted = listed.split('`').skip(1).step_by(2);
    quoted.map(ToOwned::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_named_and_nothing_is_counted_outside_the_cells() {
    let town = Town::new().await;
    story::whole(&town).await;
    let log = std::fs::read(town.config.state.join("log/entries")).unwrap();
    let entries = audit::bundle::Entries::new(&log).map(|e| Entry::from_bytes(e.unwrap()).unwrap());
    let bodies: Vec<Body> = entries.map(|entry| entry.body).collect();
    let made: BTreeSet<_> = bodies.iter().map(|body| body.kind().to_owned()).collect();
    let not_made: BTreeSet<_> = NOT_MADE
        .iter()
        .map(|(kind, _)| (*kind).to_owned())
        .collect();
    let missed: BTreeSet<_> = kinds().difference(&made).cloned().collect();
    assert_eq!(missed, not_made, "make it in the story, or say why not");
    let metrics = page(town.running().metrics_address.unwrap()).await;
    let accepted = "weir_contributions_total{outcome=\"accepted\"} 2";
    assert!(metrics.contains(accepted), "{metrics}");
    assert_eq!(found(&metrics), None, "in the metrics");
    // Salts are 128 random bits each, in which any eight digits come about in time.
    let written: BTreeSet<_> = bodies
        .iter()
        .map(|b| serde_json::to_string(b).unwrap())
        .collect();
    let printed: BTreeSet<_> = bodies.iter().map(|b| format!("{b:?}")).collect();
    for text in written.iter().chain(&printed) {
        assert_eq!(found(text), None, "in {text}");
    }
}

pub async fn page(address: std::net::SocketAddr) -> String {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let request = "GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    text
}
