//! release open: propose, approve, withdraw, and the catalogue into a CKAN.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::contributions::pushed;
use crate::office::{Office, PURPOSE, first_day};

const TOKEN: &str = "a-token-that-nobody-may-see";
/// A resource that somebody has added by hand.
const MAP: &str = "https://city.example/open/map.html";

/// A CKAN that keeps packages and refuses what a real one would: its checks are those of CKAN's default schema.
#[derive(Clone, Default)]
struct Ckan {
    packages: Arc<Mutex<BTreeMap<String, Value>>>,
    /// Method and action of every call.
    calls: Arc<Mutex<Vec<String>>>,
}

impl Ckan {
    fn open() -> (Self, String) {
        let ckan = Self::default();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let stub = ckan.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                stub.answer(stream);
            }
        });
        (ckan, address)
    }

    fn answer(&self, mut stream: std::net::TcpStream) {
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        let mut head = Vec::new();
        for line in reader.by_ref().lines().map_while(Result::ok) {
            if line.is_empty() {
                break;
            }
            head.push(line);
        }
        let header = |name: &str| {
            let lines = head.iter().filter_map(|line| line.split_once(": "));
            let mut named = lines.filter(|(key, _)| key.eq_ignore_ascii_case(name));
            named.next().map(|(_, value)| value.to_owned())
        };
        let length = header("content-length").map_or(0, |n| n.parse().unwrap());
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        let (method, rest) = head[0].split_once(' ').unwrap();
        let path = rest.split(' ').next().unwrap();
        let (status, answer) = if header("authorization").as_deref() == Some(TOKEN) {
            self.act(method, path, header("content-type"), &body)
        } else {
            let error = json!({ "__type": "Authorization Error", "message": "Access denied" });
            (
                403,
                json!({ "help": path, "success": false, "error": error }),
            )
        };
        let answer = serde_json::to_vec(&answer).unwrap();
        let head = format!(
            "HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            answer.len()
        );
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(&answer).unwrap();
    }

    fn act(&self, method: &str, path: &str, kind: Option<String>, body: &[u8]) -> (u16, Value) {
        let (action, query) = path.split_once('?').unwrap_or((path, ""));
        let action = action.strip_prefix("/api/3/action/").expect("an action");
        self.calls
            .lock()
            .unwrap()
            .push(format!("{method} {action}"));
        let mut packages = self.packages.lock().unwrap();
        let done = |result: Value| {
            (
                200,
                json!({ "help": path, "success": true, "result": result }),
            )
        };
        let fault = |status, message: &str| {
            let error = json!({ "__type": "Validation Error", "message": message });
            (
                status,
                json!({ "help": path, "success": false, "error": error }),
            )
        };
        if (method, action) == ("GET", "package_show") {
            return match packages.get(query.strip_prefix("id=").unwrap()) {
                Some(package) => done(package.clone()),
                None => fault(404, "Not found"),
            };
        }
        assert_eq!(
            (method, kind.as_deref()),
            ("POST", Some("application/json"))
        );
        let sent: Value = serde_json::from_slice(body).unwrap();
        let name = sent["name"].as_str().unwrap_or_default().to_owned();
        if let Some(wrong) = wrong(&sent) {
            return fault(409, wrong);
        }
        match (action, packages.get(&name)) {
            ("package_create", None) => (),
            ("package_update", Some(known)) if known["id"] == sent["id"] => (),
            _ => return fault(409, "That URL is already in use, or no such dataset"),
        }
        let stored = stored(&sent, action == "package_create");
        packages.insert(name, stored.clone());
        done(stored)
    }
}

/// What CKAN's default schema has against a package.
fn wrong(package: &Value) -> Option<&'static str> {
    let text = |value: &Value| value.as_str().is_some_and(|text| !text.is_empty());
    let name = package["name"].as_str().unwrap_or_default();
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_';
    let checks = [
        (
            (2..=100).contains(&name.len()) && name.bytes().all(plain),
            "name",
        ),
        (text(&package["title"]), "title"),
        (package["owner_org"] == "city-of-example", "owner_org"),
        (package["notes"].is_string(), "notes"),
        (
            package["license_id"].is_string() || package["license_id"].is_null(),
            "license_id",
        ),
        (
            package["url"]
                .as_str()
                .is_some_and(|url| url.starts_with("https://")),
            "url",
        ),
        (
            package["extras"].is_array() && package["resources"].is_array(),
            "lists",
        ),
    ];
    let missing = checks
        .iter()
        .find(|(holds, _)| !holds)
        .map(|(_, name)| *name);
    let extras = package["extras"].as_array().into_iter().flatten();
    let mut keys: Vec<_> = extras.clone().map(|extra| extra["key"].as_str()).collect();
    keys.sort_unstable();
    let all = keys.len();
    keys.dedup();
    let extras = extras
        .clone()
        .all(|extra| text(&extra["key"]) && text(&extra["value"]));
    let mut resources = package["resources"].as_array().into_iter().flatten();
    let resources = resources.all(|r| {
        if r["url"] == MAP {
            return true;
        }
        let hash = r["hash"]
            .as_str()
            .and_then(|hash| hash.strip_prefix("sha256:"));
        r["url"]
            .as_str()
            .is_some_and(|url| url.starts_with("https://"))
            && ["name", "format", "mimetype"]
                .iter()
                .all(|name| text(&r[*name]))
            && hash.is_some_and(|hash| hash.len() == 64)
            && r["size"].as_u64().is_some_and(|size| size > 0)
    });
    missing
        .or((!extras || keys.len() != all).then_some("extras"))
        .or((!resources).then_some("resources"))
}

/// As CKAN gives a package back: with ids, the owner's id in the place of its name, formats its own way. A new one has at
/// once what somebody adds by hand: a tag, an extra, a resource elsewhere, a word about a file.
fn stored(sent: &Value, new: bool) -> Value {
    let mut package = sent.clone();
    if new {
        let extra = json!({ "key": "by-hand", "value": "asked for by the council" });
        package["extras"].as_array_mut().unwrap().push(extra);
        let resources = package["resources"].as_array_mut().unwrap();
        resources[0]["description"] = "the one to begin with".into();
        resources.insert(1, json!({ "name": "A map", "url": MAP, "format": "HTML" }));
    }
    let id = policies::id::sha256_hex(sent["name"].as_str().unwrap().as_bytes());
    package["id"] = id.into();
    package["owner_org"] = "5e1f0c8e-owner".into();
    package["organization"] = json!({ "id": "5e1f0c8e-owner", "name": "city-of-example" });
    package["state"] = "active".into();
    package["tags"] = sent
        .get("tags")
        .cloned()
        .unwrap_or_else(|| json!([{ "name": "by-hand" }]));
    package["extras"].as_array_mut().unwrap().reverse();
    for resource in package["resources"].as_array_mut().unwrap() {
        if resource["format"] == "GEOJSON" {
            resource["format"] = "GeoJSON".into();
        }
        let id = policies::id::sha256_hex(resource["url"].as_str().unwrap().as_bytes());
        resource["id"] = resource.get("id").cloned().unwrap_or_else(|| id.into());
    }
    package
}

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
