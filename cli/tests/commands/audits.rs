//! What auditors do: replay, compared with what a running broker says, and a fork, with its evidence.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::contributions::pushed;
use crate::office::{Office, PURPOSE, call as weir, first_day};

/// A server that says what it is told to say.
struct Says(Arc<Mutex<Value>>, String);

impl Says {
    fn open() -> Self {
        let says = Arc::new(Mutex::new(Value::Null));
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}/register.json", listener.local_addr().unwrap());
        let told = Arc::clone(&says);
        std::thread::spawn(move || {
            for mut stream in listener.incoming().map_while(Result::ok) {
                let lines = BufReader::new(stream.try_clone().unwrap()).lines();
                let asked = lines
                    .map_while(Result::ok)
                    .take_while(|line| !line.is_empty());
                assert!(asked.count() > 0);
                let body = serde_json::to_vec(&*told.lock().unwrap()).unwrap();
                let length = body.len();
                let head = format!(
                    "HTTP/1.1 200 X\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
                );
                stream
                    .write_all(&[head.as_bytes(), &body].concat())
                    .unwrap();
            }
        });
        Self(says, address)
    }
}

#[test]
fn what_a_broker_says_is_compared_with_its_log_and_a_lie_is_found() {
    let office = Office::open();
    office.auditor();
    let id = office.agreed();
    pushed(&office, &id);
    let day = first_day().to_string();
    let request = ["release", "request", &id, "od", &day, "--purpose", PURPOSE];
    office.weir("city", &request).json();
    let suspend = ["agreement", "suspend", &id, "--reason", "for now"];
    office.weir("bikes", &suspend).json();
    let replayed = |register: &str| {
        let args = ["audit", "replay", "--register", register];
        office.weir("ombudsman", &args)
    };
    let books = replayed(&format!("{}/register.json", office.web)).json();
    let compared = |books: &Value, what: &str| books["compared"][what]["compared"].clone();
    assert_eq!(compared(&books, "agreements"), true, "{books}");
    assert_eq!(compared(&books, "register"), true, "{books}");
    assert_eq!(compared(&books, "snapshots"), false, "{books}");
    assert_eq!(books["agreements"][0]["agreement"], id.as_str());
    assert_eq!(books["agreements"][0]["state"], "suspended");
    let balance = &books["balances"][0];

    // The same register from elsewhere, and one that says that nothing was lost.
    let says = Says::open();
    let loss =
        json!({ "cap": books["accounts"][0]["cap"], "most": balance["spent"], "unit_periods": 1 });
    let page = json!({
        "entries": books["entries"],
        "agreements": [{ "id": id, "releases": 1, "loss": loss }],
        "next": null,
    });
    *says.0.lock().unwrap() = page.clone();
    assert_eq!(compared(&replayed(&says.1).json(), "register"), true);
    let mut lie = page;
    lie["agreements"][0]["loss"]["most"] = json!({ "rho": "0", "delta": "0" });
    *says.0.lock().unwrap() = lie;
    let found = replayed(&says.1);
    assert_eq!(found.code, 4, "{}{}", found.out, found.err);
    assert!(
        found.err.contains("the register says of agreement"),
        "{}",
        found.err
    );

    // Without a register, and from files: what was not compared is said.
    let bare = office.weir("ombudsman", &["audit", "replay"]).json();
    assert_eq!(compared(&bare, "agreements"), true, "{bare}");
    assert_eq!(compared(&bare, "register"), false, "{bare}");
    let state = office.file("certs/state");
    let files = office
        .weir("ombudsman", &["audit", "replay", &state])
        .json();
    for what in ["agreements", "register", "snapshots"] {
        assert_eq!(compared(&files, what), false, "{what}: {files}");
    }
    let both = ["audit", "replay", &state, "--register", &says.1];
    assert_eq!(office.weir("ombudsman", &both).code, 2);
}

/// What an auditor has seen last, and what it does under its name.
const STATE: &str = "certs/ombudsman/state";

fn copied(from: &str, to: &str) {
    let done = Command::new("cp").args(["-r", from, to]).status().unwrap();
    assert!(done.success());
}

/// Attack: the broker goes on from an older copy of its log, so that this auditor is shown another story. It is refused,
/// with one file that convinces whoever holds the log's key and nothing else.
#[test]
fn a_fork_is_refused_with_a_file_that_proves_it_to_others() {
    let mut office = Office::open();
    office.auditor();
    let (log_key, backup) = (office.file("certs/log.vkey"), office.file("backup"));
    let follow = |office: &Office| office.weir("ombudsman", &["audit", "follow", "--once"]);
    assert_eq!(follow(&office).code, 0);
    let state = office.file("certs/state");
    let memory = |office: &Office| -> Vec<PathBuf> {
        let files = std::fs::read_dir(office.file(STATE)).unwrap();
        let files = files.map(|file| file.unwrap().path());
        files.filter(|file| file.is_file()).collect()
    };
    let early = office.file("early.checkpoint");
    let ends = |path: &Path, ending: &str| path.to_str().unwrap().ends_with(ending);
    let seen = |office: &Office| {
        let mut seen = memory(office).into_iter();
        seen.find(|path| ends(path, ".checkpoint")).unwrap()
    };
    std::fs::copy(seen(&office), &early).unwrap();
    office.reopen(|_| copied(&state, &backup));
    office.agreed();
    assert_eq!(follow(&office).code, 0);

    // Two honest checkpoints prove nothing, whatever the file is called.
    let honest = office.file("honest.json");
    let late = seen(&office).to_str().unwrap().to_owned();
    let pair = [
        "audit", "evidence", &honest, "--before", &early, "--after", &late,
    ];
    let made = office.weir("ombudsman", &pair).json();
    assert_eq!(made["fork"], false, "{made}");
    assert!(
        made["says"].as_str().unwrap().contains("nothing yet"),
        "{made}"
    );
    let copy = office.file(&format!("{STATE}/audit"));
    let told = office.weir(
        "ombudsman",
        &["audit", "evidence", &honest, "--copy", &copy],
    );
    assert!(told.json()["says"].as_str().unwrap().contains("no fork"));

    office.reopen(|_| {
        std::fs::remove_dir_all(&state).unwrap();
        copied(&backup, &state);
    });
    let refused = follow(&office);
    assert_eq!(refused.code, 4, "{}{}", refused.out, refused.err);
    let kept = memory(&office).into_iter().find(|path| ends(path, ".json"));
    let kept = kept
        .expect("the evidence is kept")
        .to_str()
        .unwrap()
        .to_owned();
    assert!(refused.err.contains(&kept), "{}", refused.err);
    // Offline, for a stranger with the file and the log's key.
    office.reopen(|_| {});
    let file = office.file("fork.json");
    std::fs::rename(&kept, &file).unwrap();
    let offline = |file: &str| weir(&["audit", "evidence", file, "--log-key", &log_key, "--json"]);
    let proven = offline(&file);
    assert_eq!(proven.code, 4, "{}{}", proven.out, proven.err);
    assert!(proven.err.contains("signed two trees"), "{}", proven.err);
    assert_eq!(offline(&honest).json()["fork"], false);
    // A note that the log did not sign makes it evidence of nothing.
    let text = std::fs::read_to_string(&file).unwrap();
    let at = text.find("\\n\\n").unwrap() - 5;
    let other = if &text[at..=at] == "A" { "B" } else { "A" };
    let forged = [&text[..at], other, &text[at + 1..]].concat();
    std::fs::write(&file, forged).unwrap();
    assert_eq!(offline(&file).code, 1);

    // The client's memory is lost, the auditor's copy is not.
    std::fs::remove_file(seen(&office)).unwrap();
    let refused = follow(&office);
    assert_eq!(refused.code, 4, "{}{}", refused.out, refused.err);
    let kept = office.file(&format!("{STATE}/audit/log/evidence.json"));
    assert!(refused.err.contains(&kept), "{}", refused.err);
    assert_eq!(offline(&kept).code, 4);
}

/// A process that ends with the test.
struct Ends(Child);

impl Drop for Ends {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Found by a reread: a broker that was restarted ended whoever followed it, who then could tell no silence.
#[test]
fn follow_outlives_an_outage_and_tells_it() {
    let mut office = Office::open();
    office.auditor();
    let profile = office.file("certs/ombudsman/weir.toml");
    let text = std::fs::read_to_string(&profile).unwrap();
    let port = text.split("localhost:").nth(1).unwrap();
    let port = port.split('"').next().unwrap().to_owned();
    let mut follow = Command::new(env!("CARGO_BIN_EXE_weir"));
    follow.args(["audit", "follow", "--every", "1", "--json", "--profile"]);
    let mut follow = Ends(follow.arg(&profile).stdout(Stdio::piped()).spawn().unwrap());
    let (tell, told) = std::sync::mpsc::channel();
    let lines = BufReader::new(follow.0.stdout.take().unwrap()).lines();
    let read = std::thread::spawn(move || {
        lines
            .map_while(Result::ok)
            .for_each(|line| drop(tell.send(line)));
    });
    let until = |what: &str| {
        let most = std::time::Duration::from_secs(120);
        while let Ok(line) = told.recv_timeout(most) {
            if line.contains(what) {
                return serde_json::from_str::<Value>(&line).unwrap();
            }
        }
        panic!("follow never said `{what}`")
    };
    assert_eq!(until("org.admitted")["holds"], true);
    office.reopen(|office| {
        let config = office.file("certs/broker.toml");
        let text = std::fs::read_to_string(&config).unwrap();
        let text = text.replacen("127.0.0.1:0", &format!("127.0.0.1:{port}"), 1);
        std::fs::write(&config, text).unwrap();
        let lost = until("asking again every 1 s");
        assert!(lost["finding"].is_string(), "{lost}");
    });
    // The start is an entry.
    until("broker.started");
    assert!(until("the broker answers again")["finding"].is_string());
    // Whoever follows holds the copy.
    let second = office.weir("ombudsman", &["audit", "follow", "--once"]);
    assert_eq!(second.code, 1, "{}", second.err);
    assert!(
        second.err.contains("another process follows"),
        "{}",
        second.err
    );
    drop(follow);
    read.join().unwrap();
    assert_eq!(
        office
            .weir("ombudsman", &["audit", "follow", "--once"])
            .code,
        0
    );
}
