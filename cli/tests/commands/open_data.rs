//! release open: propose, approve, withdraw, and the catalogue into a CKAN.

use serde_json::{Value, json};

use crate::ckan::{Ckan, MAP, TOKEN};
use crate::contributions::pushed;
use crate::office::{Office, PURPOSE, first_day};

/// One release that two persons have opened: its key.
fn opened(office: &Office) -> String {
    let file = office.terms("agreement.json", |terms| {
        terms["publication"] = json!({ "licence": "CC-BY-4.0", "on_end": "withdrawn" });
    });
    let offered = office.weir("bikes", &["agreement", "offer", &file]).json();
    let id = offered["agreement"].as_str().unwrap().to_owned();
    office
        .weir("city", &["agreement", "sign", &id, "--yes"])
        .json();
    pushed(office, &id);
    let day = first_day().to_string();
    let request = ["release", "request", &id, "od", &day, "--purpose", PURPOSE];
    let released = office.weir("city", &request).json();
    let key = released["release"].as_str().unwrap().to_owned();
    let proposed = office
        .weir("city", &["release", "open", "propose", &key])
        .json();
    assert_eq!(proposed["open_data"], "proposed");
    let alone = office.weir("city", &["release", "open", "approve", &key, "--yes"]);
    assert!(alone.failed().contains("you proposed it"), "{}", alone.err);
    let unasked = office.weir("bikes", &["release", "open", "approve", &key]);
    assert!(
        unasked.failed().contains("nobody confirmed"),
        "{}",
        unasked.err
    );
    let approved = office
        .weir("bikes", &["release", "open", "approve", &key, "--yes"])
        .json();
    assert_eq!(approved["open_data"], "public");
    let listed = office.weir("city", &["release", "list", &id]).json();
    assert_eq!(listed["releases"][0]["open_data"], "public");
    key
}

#[test]
fn open_data_is_pushed_into_a_ckan_once_and_its_withdrawal_too() {
    let office = Office::open();
    let key = opened(&office);
    let (ckan, address) = Ckan::open();
    let catalogue = format!("{}/open.jsonld", office.web);
    let token = office.file("ckan.token");
    std::fs::write(&token, format!("{TOKEN}\n")).unwrap();
    let ca = office.ca();
    let args = [
        "release",
        "open",
        "ckan",
        "--catalogue",
        &catalogue,
        "--ckan",
        &address,
        "--owner",
        "city-of-example",
        "--ca",
        &ca,
    ];
    let push = |more: &[&str]| office.weir("city", &[&args, more].concat());
    let as_told = |done: &crate::office::Done| {
        assert!(!done.out.contains(TOKEN) && !done.err.contains(TOKEN));
        done.json()["packages"][0]["done"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    let with_token = ["--token-file", token.as_str()];
    assert_eq!(
        as_told(&push(&[&with_token[..], &["--dry-run"]].concat())),
        "created"
    );
    assert!(
        ckan.packages.lock().unwrap().is_empty(),
        "a dry run does nothing"
    );
    assert_eq!(as_told(&push(&with_token)), "created");
    let name = format!("weir-{key}");
    let package = ckan.packages.lock().unwrap()[&name].clone();
    assert_eq!(package["license_id"], "CC-BY-4.0");
    let formats: Vec<_> = package["resources"]
        .as_array()
        .unwrap()
        .iter()
        .map(|r| &r["format"])
        .collect();
    let ours = ["CSV", "HTML", "PARQUET", "GeoJSON", "BIN", "JSON"];
    assert_eq!(formats, ours);
    ckan.calls.lock().unwrap().clear();
    assert_eq!(as_told(&push(&with_token)), "unchanged");
    assert_eq!(*ckan.calls.lock().unwrap(), ["GET package_show"]);
    // What somebody spoilt by hand is put right, and what they added stays.
    ckan.packages.lock().unwrap().get_mut(&name).unwrap()["title"] = "Bikes".into();
    assert_eq!(as_told(&push(&with_token)), "updated");
    let mended = ckan.packages.lock().unwrap()[&name].clone();
    assert_eq!(mended["title"], package["title"]);
    assert_eq!(mended["tags"], json!([{ "name": "by-hand" }]));
    let sorted = |package: &Value, name: &str, by: &str| {
        let mut all = package[name].as_array().unwrap().clone();
        all.sort_by_key(|one| one[by].to_string());
        all
    };
    for (name, by) in [("extras", "key"), ("resources", "url")] {
        let [now, then] = [&mended, &package].map(|p| sorted(p, name, by));
        assert_eq!(now, then, "with their ids, and what was added by hand");
    }
    assert_eq!(as_told(&push(&with_token)), "unchanged");
    let withdraw = [
        "release",
        "open",
        "withdraw",
        &key,
        "--reason",
        "counted twice",
        "--yes",
    ];
    assert_eq!(
        office.weir("bikes", &withdraw).json()["open_data"],
        "withdrawn"
    );
    assert_eq!(as_told(&push(&with_token)), "updated");
    let gone = ckan.packages.lock().unwrap()[&name].clone();
    let left: Vec<_> = gone["resources"].as_array().unwrap().iter().collect();
    assert!(left.len() == 1 && left[0]["url"] == MAP, "{left:?}");
    assert!(
        gone["notes"]
            .as_str()
            .unwrap()
            .starts_with("Withdrawn: counted twice.")
    );
    let extras = gone["extras"].as_array().unwrap();
    let proof = extras.iter().find(|extra| extra["key"] == "tlog_proof");
    assert_eq!(proof, None, "it went with the table");
    assert_eq!(as_told(&push(&with_token)), "unchanged");
    // A dry run takes the token from where a run takes it, and as it takes it.
    let padded = format!("{TOKEN}\n");
    let dry = [&args[..], &["--dry-run"]].concat();
    let dry = office.weir_with("city", &dry, ("CKAN_API_TOKEN", &padded));
    assert_eq!(as_told(&dry), "unchanged");
    // Not without a token, not with another one, and not over a wire in the clear.
    let none = push(&[]);
    assert!(none.failed().contains("no API token"), "{}", none.err);
    std::fs::write(&token, "another").unwrap();
    let other = push(&with_token);
    assert!(other.failed().contains("not authorised"), "{}", other.err);
    let clear = [
        "release",
        "open",
        "ckan",
        "--catalogue",
        &catalogue,
        "--ckan",
        "http://ckan.example",
        "--owner",
        "x",
        "--ca",
        &ca,
    ];
    let clear = office.weir("city", &[&clear[..], &with_token].concat());
    assert!(
        clear.failed().contains("http on this machine only"),
        "{}",
        clear.err
    );
}
