//! audit replay: every state and balance, compared with what a running broker says.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::contributions::pushed;
use crate::office::{Office, PURPOSE, first_day};

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
