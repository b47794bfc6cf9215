//! counter, amend, withdraw, suspend, resume, terminate, watch.

use crate::office::Office;

const WHY: &str = "the figures look wrong";

fn state(office: &Office, id: &str) -> String {
    let listed = office.weir("city", &["agreement", "list"]).json();
    let all = listed["agreements"].as_array().unwrap();
    let found = all.iter().find(|a| a["id"] == id).unwrap();
    found["state"].as_str().unwrap().to_owned()
}

/// What an act comes to.
fn act(office: &Office, who: &str, act: &str, id: &str) -> String {
    let done = office
        .weir(who, &["agreement", act, id, "--reason", WHY])
        .json();
    assert_eq!(done["agreement"], id);
    done["state"].as_str().unwrap().to_owned()
}

#[test]
fn an_offer_is_countered_and_withdrawn() {
    let office = Office::open();
    let file = office.terms("first.json", |_| {});
    let offered = office.weir("bikes", &["agreement", "offer", &file]).json();
    let first = offered["agreement"].as_str().unwrap();
    assert_eq!(offered["state"], "offered");
    // As the help of `counter` says.
    let theirs = office.weir("city", &["agreement", "show", first, "--odrl"]);
    let theirs = office.write("theirs.jsonld", &theirs.json());
    let mine = office.file("mine.json");
    let taken = office.weir(
        "city",
        &["agreement", "new", "--from", &theirs, "--out", &mine],
    );
    taken.json();
    let mut edited: serde_json::Value =
        serde_json::from_slice(&std::fs::read(&mine).unwrap()).unwrap();
    edited["retention_days"] = 60.into();
    let mine = office.write("mine.json", &edited);
    // The first digits of an id are enough.
    let countered = office
        .weir("city", &["agreement", "counter", &first[..8], &mine])
        .json();
    let second = countered["agreement"].as_str().unwrap();
    assert_ne!(second, first);
    assert_eq!(state(&office, first), "countered");
    let written = std::fs::read_to_string(&mine).unwrap();
    assert!(written.contains(first), "the file names what it answers");
    let late = office.weir("bikes", &["agreement", "sign", first, "--yes"]);
    assert!(late.failed().contains("offered agreement"), "{}", late.err);
    let foreign = office.weir("bikes", &["agreement", "withdraw", second, "--reason", WHY]);
    assert!(
        foreign.failed().contains("party that made it"),
        "{}",
        foreign.err
    );
    assert_eq!(act(&office, "city", "withdraw", second), "withdrawn");
    let bare = office.weir("city", &["agreement", "withdraw", second]);
    assert_eq!(bare.code, 2, "a reason is asked for: {}", bare.err);
}

#[test]
fn an_agreement_is_suspended_resumed_amended_and_terminated_and_all_is_told_once() {
    let office = Office::open();
    let first = office.agreed();
    assert_eq!(act(&office, "ops", "suspend", &first), "suspended");
    assert_eq!(act(&office, "bikes", "suspend", &first), "suspended");
    let foreign = office.weir("city", &["agreement", "resume", &first, "--reason", WHY]);
    assert!(
        foreign.failed().contains("whoever made it"),
        "{}",
        foreign.err
    );
    assert_eq!(act(&office, "ops", "resume", &first), "suspended");
    assert_eq!(act(&office, "bikes", "resume", &first), "active");
    let told = office.watched("bikes", &[]);
    let expected = [
        "agreement.offered",
        "agreement.signed",
        "agreement.activated",
        "agreement.suspended",
        "agreement.suspended",
        "agreement.resumed",
        "agreement.resumed",
    ];
    assert_eq!(told, expected);
    assert!(office.watched("bikes", &[]).is_empty(), "told once");
    let place = office.file("certs/bikes/state/watched");
    assert!(
        std::fs::read_to_string(place)
            .unwrap()
            .parse::<u64>()
            .unwrap()
            > 0
    );

    let terms = office.terms("amended.json", |terms| terms["retention_days"] = 30.into());
    let amended = office
        .weir("bikes", &["agreement", "amend", &first, &terms])
        .json();
    let second = amended["agreement"].as_str().unwrap();
    assert_eq!(
        state(&office, &first),
        "active",
        "until the other party signs"
    );
    office
        .weir("city", &["agreement", "sign", second, "--yes"])
        .json();
    assert_eq!(state(&office, &first), "superseded");
    assert_eq!(state(&office, second), "active");
    let steward = office.weir("ops", &["agreement", "terminate", second, "--reason", WHY]);
    steward.failed();
    assert_eq!(act(&office, "city", "terminate", second), "terminated");
    let again = office.weir("bikes", &["agreement", "resume", second, "--reason", WHY]);
    again.failed();
    let told = office.watched("bikes", &[]);
    let rest = [
        "agreement.offered",
        "agreement.signed",
        "agreement.activated",
        "agreement.terminated",
    ];
    assert_eq!(told, rest, "what happened while nobody watched");
    let all = office.watched("bikes", &["--from", "0"]);
    assert_eq!(all, [expected.as_slice(), &rest].concat());
}

/// A notice that the agreement asks for is kept, and said.
#[test]
fn a_termination_keeps_the_notice() {
    let office = Office::open();
    let file = office.terms("agreement.json", |terms| {
        terms["on_end"] = serde_json::json!({ "tables": "closed", "notice_days": 30 });
    });
    let offered = office.weir("bikes", &["agreement", "offer", &file]).json();
    let id = offered["agreement"].as_str().unwrap();
    office
        .weir("city", &["agreement", "sign", id, "--yes"])
        .json();
    let soon = jiff::Timestamp::now().to_string();
    let early = ["agreement", "terminate", id, "--reason", WHY, "--at", &soon];
    let early = office.weir("city", &early);
    assert!(early.failed().contains("notice"), "{}", early.err);
    let ended = office
        .weir("city", &["agreement", "terminate", id, "--reason", WHY])
        .json();
    assert_eq!(ended["state"], "active");
    let ends: jiff::Timestamp = ended["ends"].as_str().unwrap().parse().unwrap();
    let days = ends.duration_since(jiff::Timestamp::now()).as_hours() / 24;
    assert!((29..=30).contains(&days), "{ends}");
    let then = ended["then"].as_array().unwrap();
    assert_eq!(
        then[0],
        "released tables are given out no more; copies already fetched stay"
    );
    assert_eq!(then.len(), 2);
}

/// With the public key from its admission and somebody else's library: the JWS is what the standard says.
#[test]
fn a_signed_agreement_is_a_jws_that_other_libraries_verify() {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};

    let office = Office::open();
    let file = office.terms("agreement.json", |_| {});
    let offered = office.weir("bikes", &["agreement", "offer", &file]).json();
    let id = offered["agreement"].as_str().unwrap();
    let jws = || {
        office
            .weir("city", &["agreement", "show", id, "--jws"])
            .json()
    };
    assert_eq!(jws()["signatures"].as_array().unwrap().len(), 1, "an offer");
    office
        .weir("city", &["agreement", "sign", id, "--yes"])
        .json();
    let jws = jws();
    let fields: Vec<_> = jws.as_object().unwrap().keys().collect();
    assert_eq!(fields, ["payload", "signatures"]);
    let payload = jws["payload"].as_str().unwrap();
    let signatures = jws["signatures"].as_array().unwrap();
    assert_eq!(signatures.len(), 2);
    let mut validation = Validation::new(Algorithm::ES256);
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    let signed: serde_json::Value =
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).unwrap()).unwrap();
    for (signature, org) in signatures.iter().zip(["bikes", "city"]) {
        let part = |name: &str| signature[name].as_str().unwrap();
        let compact = format!("{}.{payload}.{}", part("protected"), part("signature"));
        let admission = std::fs::read(office.file(&format!("certs/{org}/admission.json"))).unwrap();
        let admission: serde_json::Value = serde_json::from_slice(&admission).unwrap();
        let spki = URL_SAFE_NO_PAD
            .decode(admission["key"].as_str().unwrap())
            .unwrap();
        let (x, y) = spki[spki.len() - 64..].split_at(32);
        let (x, y) = (URL_SAFE_NO_PAD.encode(x), URL_SAFE_NO_PAD.encode(y));
        let key = DecodingKey::from_ec_components(&x, &y).unwrap();
        let read = decode::<serde_json::Value>(&compact, &key, &validation).unwrap();
        assert_eq!(read.claims, signed);
        let of = if org == "bikes" {
            "provider"
        } else {
            "planner"
        };
        let kid = decode_header(&compact).unwrap().kid.unwrap();
        assert_eq!(signed[of]["key"], kid.as_str());
        // Over these bytes and no others.
        let other = URL_SAFE_NO_PAD.encode(signed.to_string().replace("riders", "walkers"));
        let forged = compact.replace(payload, &other);
        decode::<serde_json::Value>(&forged, &key, &validation).unwrap_err();
    }
    let file = office.weir("city", &["agreement", "show", &file, "--jws"]);
    assert!(file.failed().contains("no signatures"), "{}", file.err);
}
