//! A CKAN that is none, for tests.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

pub const TOKEN: &str = "a-token-that-nobody-may-see";
/// A resource that somebody has added by hand.
pub const MAP: &str = "https://city.example/open/map.html";

/// A CKAN that keeps packages and refuses what a real one would: its checks are those of CKAN's default schema.
#[derive(Clone, Default)]
pub struct Ckan {
    pub packages: Arc<Mutex<BTreeMap<String, Value>>>,
    /// Method and action of every call.
    pub calls: Arc<Mutex<Vec<String>>>,
    /// A catalogue that lies beside it, at `/open.jsonld`.
    pub catalogue: Arc<Mutex<Value>>,
    /// The name of a package that it refuses, whatever is in it.
    pub refused: Arc<Mutex<Option<String>>>,
    /// Packages that the token may not change.
    pub others: Arc<Mutex<Vec<String>>>,
}

impl Ckan {
    pub fn open() -> (Self, String) {
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
        let (status, answer) = if path == "/open.jsonld" {
            (200, self.catalogue.lock().unwrap().to_string())
        } else if !path.starts_with("/api/") {
            self.calls.lock().unwrap().push(format!("{method} nothing"));
            (404, "<html><h1>Not found</h1></html>".to_owned())
        } else if header("authorization").as_deref() == Some(TOKEN) {
            let (status, answer) = self.act(method, path, header("content-type"), &body);
            (status, answer.to_string())
        } else {
            let error = json!({ "__type": "Authorization Error", "message": "Access denied" });
            let answer = json!({ "help": path, "success": false, "error": error });
            (403, answer.to_string())
        };
        let kind = match answer.starts_with('<') {
            true => "text/html",
            false => "application/json",
        };
        let head = format!(
            "HTTP/1.1 {status} X\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            answer.len()
        );
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(answer.as_bytes()).unwrap();
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
        if self.refused.lock().unwrap().as_ref() == Some(&name) {
            return fault(409, "It is not to its liking");
        }
        if self.others.lock().unwrap().contains(&name) {
            return fault(403, "Access denied");
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
        if let Some(first) = resources.first_mut() {
            first["description"] = "the one to begin with".into();
            resources.insert(1, json!({ "name": "A map", "url": MAP, "format": "HTML" }));
        }
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
