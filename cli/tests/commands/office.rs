//! A broker, its organisations and their folders, all made by the binary.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use jiff::ToSpan;
use jiff::civil::Date;
use serde_json::{Value, json};
use tempfile::TempDir;

const WEIR: &str = env!("CARGO_BIN_EXE_weir");
pub const PURPOSE: &str = "dpv:PublicPolicyMaking";

/// What a command came to.
pub struct Done {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Done {
    /// Its answer, where it is one JSON document.
    pub fn json(&self) -> Value {
        assert_eq!(self.code, 0, "{}{}", self.out, self.err);
        serde_json::from_str(&self.out).unwrap_or_else(|e| panic!("{e}: {}", self.out))
    }

    /// Its error, where it failed.
    pub fn failed(&self) -> &str {
        assert_ne!(self.code, 0, "{}", self.out);
        &self.err
    }
}

/// A running broker with `ops` (steward), `bikes` (provider), `city` (planner) and the zoning `town`.
pub struct Office {
    pub folder: TempDir,
    /// Where its public side is.
    pub web: String,
    broker: Child,
}

impl Office {
    pub fn open() -> Self {
        Self::open_with(&[])
    }

    /// Whose broker has these variables in its environment.
    pub fn open_with(variables: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let certs = folder.path().join("certs");
        let at = certs.to_str().unwrap();
        run(&["pki", "new", at, "--listen", "127.0.0.1:0"]);
        for (name, role) in [
            ("ops", "steward"),
            ("bikes", "provider"),
            ("city", "planner"),
        ] {
            run(&["pki", "org", at, name, "--role", role, "--user", "test"]);
        }
        let config = certs.join("broker.toml");
        let text = std::fs::read_to_string(&config).unwrap();
        // Free ports for what is only looked at, and the shortest public tick.
        let text = text
            .replace("127.0.0.1:9464", "127.0.0.1:0")
            .replace("listen = \"127.0.0.1:1\"", "listen = \"127.0.0.1:0\"")
            .replace("publish_tick = \"2s\"", "publish_tick = \"1s\"");
        std::fs::write(&config, text).unwrap();
        let (broker, web) = serve(&certs, variables);
        let office = Self {
            folder,
            web,
            broker,
        };
        for name in ["bikes", "city"] {
            let admission = office.file(&format!("certs/{name}/admission.json"));
            office
                .weir("ops", &["org", "add", &admission, "--yes"])
                .json();
        }
        office.write("town.geojson", &squares());
        let zones = office.file("town.geojson");
        office
            .weir("ops", &["zoning", "add", "town", &zones])
            .json();
        office
    }

    /// Ends the broker, and starts it again over what is done to its files `between`.
    pub fn reopen(&mut self, between: impl FnOnce(&Self)) {
        self.broker.kill().unwrap();
        self.broker.wait().unwrap();
        between(self);
        (self.broker, self.web) = serve(&self.folder.path().join("certs"), &[]);
    }

    /// Admits `ombudsman`, an auditor.
    pub fn auditor(&self) {
        let certs = self.file("certs");
        run(&[
            "pki",
            "org",
            &certs,
            "ombudsman",
            "--role",
            "auditor",
            "--user",
            "test",
        ]);
        let profile = |name: &str| self.file(&format!("certs/{name}/weir.toml"));
        let read = |name: &str| std::fs::read_to_string(profile(name)).unwrap();
        let text = read("city");
        let endpoint = text
            .lines()
            .find(|line| line.starts_with("endpoint"))
            .unwrap();
        let port = endpoint
            .rsplit(':')
            .next()
            .unwrap()
            .split('"')
            .next()
            .unwrap();
        let text = read("ombudsman").replace("localhost:0", &format!("localhost:{port}"));
        std::fs::write(profile("ombudsman"), text).unwrap();
        let admission = self.file("certs/ombudsman/admission.json");
        self.weir("ops", &["org", "add", &admission, "--yes"])
            .json();
    }

    /// Runs a command as one of them, with `--json`.
    pub fn weir(&self, who: &str, args: &[&str]) -> Done {
        let profile = self.file(&format!("certs/{who}/weir.toml"));
        call(&[args, &["--json", "--profile", &profile]].concat())
    }

    /// The same as a person types it, who reads a terminal.
    pub fn typed(&self, who: &str, args: &[&str]) -> Done {
        let profile = self.file(&format!("certs/{who}/weir.toml"));
        call(&[args, &["--profile", &profile]].concat())
    }

    /// As a program, with a variable of the environment.
    pub fn weir_with(&self, who: &str, args: &[&str], (name, value): (&str, &str)) -> Done {
        let profile = self.file(&format!("certs/{who}/weir.toml"));
        let mut command = Command::new(WEIR);
        command.args(args).args(["--json", "--profile", &profile]);
        done(command.env(name, value))
    }

    /// The CA that the broker's certificate is under.
    pub fn ca(&self) -> String {
        let profile = std::fs::read_to_string(self.file("certs/city/weir.toml")).unwrap();
        let line = profile
            .lines()
            .find_map(|line| line.strip_prefix("ca = \""));
        let path = line.unwrap().split('"').next().unwrap();
        self.file(&format!("certs/city/{path}"))
    }

    pub fn file(&self, name: &str) -> String {
        let path: PathBuf = self.folder.path().join(name);
        path.to_str().unwrap().to_owned()
    }

    pub fn write(&self, name: &str, value: &Value) -> String {
        let bytes = serde_json::to_vec(value).unwrap();
        std::fs::write(self.folder.path().join(name), bytes).unwrap();
        self.file(name)
    }

    /// Terms between bikes and city about the three weeks before yesterday, in a file.
    pub fn terms(&self, name: &str, change: impl FnOnce(&mut Value)) -> String {
        let listed = self.weir("bikes", &["org", "list"]).json();
        let key = |org: &str| {
            let all = listed["organisations"].as_array().unwrap();
            let found = all.iter().find(|o| o["org"] == org).unwrap();
            found["key_fingerprint"].clone()
        };
        let zones = std::fs::read(self.file("town.geojson")).unwrap();
        let (today, first) = (today(), first_day());
        let mut terms = json!({
            "form": "weir/agreement/1",
            "title": "Rides in town",
            "public_summary": "How many people travel between districts.",
            "provider": { "org": "bikes", "key": key("bikes") },
            "planner": { "org": "city", "key": key("city") },
            "recipients": ["city"],
            "purposes": [PURPOSE],
            "valid": { "from": today - 30.days(), "until": today + 300.days() },
            "covers": { "from": first, "until": first + 20.days() },
            "retention_days": 90,
            "population": {
                "id": "riders", "description": "riders", "unit": "person-day",
                "cap": { "rho": "1", "delta": "0.0000002" },
            },
            "time_zone": "Europe/Helsinki",
            "zonings": [{ "id": "town", "sha256": policies::id::sha256_hex(&zones), "zones": 2 }],
            "k": 5,
            "tables": [{
                "name": "od", "kind": "od_trips", "zoning": "town", "period": "day",
                "bins": [0, 12], "categories": [{ "dimension": "mode", "values": ["bike"] }],
                "cells_max": 2, "per_cell_max": 3, "clamps": [],
            }],
            "plan": [{
                "table": "od",
                "charge": {
                    "selection": "0.25", "delta": "0.0000001",
                    "measures": [{ "measure": "trips", "rho": "0.25" }],
                },
                "editions": 2, "due_hours": 0, "grace_hours": 24 * 30,
            }],
        });
        change(&mut terms);
        self.write(name, &terms)
    }

    /// The terms, offered by bikes and signed by city: their id.
    pub fn agreed(&self) -> String {
        let file = self.terms("agreement.json", |_| {});
        let offered = self.weir("bikes", &["agreement", "offer", &file]).json();
        let id = offered["agreement"].as_str().unwrap().to_owned();
        let signed = self
            .weir("city", &["agreement", "sign", &id, "--yes"])
            .json();
        assert_eq!(signed["state"], "active");
        id
    }

    /// Kinds that a watch tells as one of them, from where it was.
    pub fn watched(&self, who: &str, more: &[&str]) -> Vec<String> {
        let args = [&["agreement", "watch", "--once"], more].concat();
        let done = self.weir(who, &args);
        assert_eq!(done.code, 0, "{}", done.err);
        let lines = done
            .out
            .lines()
            .map(|line| -> Value { serde_json::from_str(line).unwrap() });
        lines
            .map(|told| told["kind"].as_str().unwrap().to_owned())
            .collect()
    }
}

impl Drop for Office {
    fn drop(&mut self) {
        let _ = self.broker.kill();
        let _ = self.broker.wait();
    }
}

/// A broker that serves, and where its public side is. Every profile points to it then.
fn serve(certs: &Path, variables: &[(&str, &str)]) -> (Child, String) {
    let config = certs.join("broker.toml");
    let mut broker = Command::new(WEIR)
        .args(["serve", "--json", "--config", config.to_str().unwrap()])
        .env("WEIR_LOG", "error")
        .envs(variables.iter().copied())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(broker.stdout.take().unwrap()).lines();
    let mut told = |name: &str| {
        let begins = format!("\"{name}\": \"");
        let told = lines.by_ref().map_while(Result::ok).find_map(|line| {
            let (_, rest) = line.split_once(&begins)?;
            Some(rest.split('"').next()?.to_owned())
        });
        told.expect("the broker starts")
    };
    let (address, web) = (told("address"), told("web"));
    let port = |address: &str| address.rsplit(':').next().unwrap().to_owned();
    let endpoint = format!("endpoint = \"https://localhost:{}\"", port(&address));
    for folder in std::fs::read_dir(certs).unwrap() {
        let profile = folder.unwrap().path().join("weir.toml");
        let Ok(text) = std::fs::read_to_string(&profile) else {
            continue;
        };
        let pointed = text.lines().map(|line| {
            let line = if line.starts_with("endpoint") {
                &endpoint
            } else {
                line
            };
            format!("{line}\n")
        });
        std::fs::write(&profile, pointed.collect::<String>()).unwrap();
    }
    (broker, format!("https://localhost:{}", port(&web)))
}

fn today() -> Date {
    jiff::tz::TimeZone::UTC
        .to_datetime(jiff::Timestamp::now())
        .date()
}

/// The first day that the terms cover; all of them are over.
pub fn first_day() -> Date {
    today() - 23.days()
}

fn run(args: &[&str]) {
    let done = call(args);
    assert_eq!(done.code, 0, "weir {args:?}: {}", done.err);
}

/// Runs a command of nobody.
pub fn call(args: &[&str]) -> Done {
    done(Command::new(WEIR).args(args))
}

fn done(command: &mut Command) -> Done {
    let done = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Done {
        code: done.status.code().unwrap(),
        out: text(done.stdout),
        err: text(done.stderr),
    }
}

/// Two squares of 0.01°, `a` and `b`.
fn squares() -> Value {
    let square = |id: &str, west: f64| {
        let east = west + 0.01;
        json!({
            "type": "Feature", "properties": { "zone_id": id },
            "geometry": { "type": "Polygon", "coordinates": [[
                [west, 60.0], [east, 60.0], [east, 60.01], [west, 60.01], [west, 60.0]]] },
        })
    };
    json!({ "type": "FeatureCollection", "features": [square("a", 24.9), square("b", 24.91)] })
}
