//! org rotate: the old key and the new one sign the change, and the new one signs from then on.

use crate::office::Office;

#[test]
fn an_organisation_signs_with_its_new_key() {
    let office = Office::open();
    let before = office.weir("bikes", &["org", "list"]).json();
    let key = |listed: &serde_json::Value| {
        let all = listed["organisations"].as_array().unwrap().clone();
        let found = all.into_iter().find(|o| o["org"] == "bikes").unwrap();
        found["key_fingerprint"].as_str().unwrap().to_owned()
    };
    let new = office.file("certs/bikes/signing-2.key");
    let rotated = office
        .weir("bikes", &["org", "rotate", "--new-key", &new, "--make"])
        .json();
    assert_eq!(rotated["former_fingerprint"], key(&before).as_str());
    let after = office.weir("city", &["org", "list"]).json();
    assert_ne!(key(&after), key(&before));
    // Again, as after a broken connection: the same entry.
    let again = office
        .weir("bikes", &["org", "rotate", "--new-key", &new])
        .json();
    assert_eq!(again["entry"], rotated["entry"]);
    // The file that is there is never replaced.
    let over = office.weir("bikes", &["org", "rotate", "--new-key", &new, "--make"]);
    over.failed();
    // Terms that name the new key are signed with it, once the profile does.
    let file = office.terms("agreement.json", |_| {});
    let old = office.weir("bikes", &["agreement", "offer", &file]);
    old.failed();
    let profile = office.file("certs/bikes/weir.toml");
    let text = std::fs::read_to_string(&profile).unwrap();
    std::fs::write(
        &profile,
        text.replace("\"signing.key\"", "\"signing-2.key\""),
    )
    .unwrap();
    let offered = office.weir("bikes", &["agreement", "offer", &file]).json();
    assert_eq!(offered["state"], "offered");
}
