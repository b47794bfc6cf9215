//! Attack: the operator's policy directory, half-written, emptied or rolled back. A start is refused, a running
//! broker keeps the last good set.

use std::path::{Path, PathBuf};

use broker::access::documents::MANIFEST;
use broker::access::method;
use broker::serve::start;
use policies::id::sha256_hex;
use tonic::Code;

use crate::access::call;
use crate::harness::*;
use crate::raw::{self, channel};

const DOOR: &str = include_str!("../../policies/door.cedar");
const OBJECTS: &str = include_str!("../../policies/objects.cedar");
/// Nobody lists agreements.
const CLOSED: &str = r#"@id("ours.closed")
forbid (principal, action == Action::"AgreementService/ListAgreements", resource);
"#;

fn write(directory: &Path, serial: u32, documents: &[(&str, &str)]) {
    let _ = std::fs::remove_dir_all(directory);
    std::fs::create_dir(directory).unwrap();
    let mut manifest = format!("serial {serial}\n");
    for (name, text) in documents {
        std::fs::write(directory.join(name), text).unwrap();
        manifest += &format!("{}  {name}\n", sha256_hex(text.as_bytes()));
    }
    std::fs::write(directory.join(MANIFEST), manifest).unwrap();
}

const OPEN: [(&str, &str); 2] = [("door.cedar", DOOR), ("objects.cedar", OBJECTS)];
const CLOSING: [(&str, &str); 3] = [OPEN[0], OPEN[1], ("closed.cedar", CLOSED)];

async fn town() -> (Town, PathBuf) {
    let mut town = Town::new().await;
    town.stop().await;
    let directory = town.folder.path().join("policies");
    write(&directory, 1, &OPEN);
    town.config.policies = Some(directory.clone());
    town.start().await;
    (town, directory)
}

/// Why the broker does not start.
async fn refused(town: &Town) -> String {
    let error = start(&town.config, town.clock.clone()).await.err();
    error.expect("a start that has to be refused").to_string()
}

/// May the steward list agreements now?
async fn listing(town: &Town) -> Code {
    let steward = town.member("steward").await;
    let token = raw::token(&steward);
    let path = method::path(method::LIST_AGREEMENTS);
    call(&channel(&steward).await, Some(&token), &path)
        .await
        .code()
}

#[tokio::test(flavor = "multi_thread")]
async fn rolled_back_policies_are_refused_at_start() {
    let (mut town, directory) = town().await;
    assert_eq!(listing(&town).await, Code::Ok);
    town.stop().await;
    write(&directory, 2, &CLOSING);
    town.start().await;
    assert_eq!(listing(&town).await, Code::PermissionDenied);
    town.stop().await;
    write(&directory, 1, &OPEN);
    let said = refused(&town).await;
    assert!(said.contains("serial number 1 is older than 2"), "{said}");
    write(&directory, 2, &OPEN);
    let said = refused(&town).await;
    assert!(said.contains("use a higher one"), "{said}");
    // By a detour over the software's own it is still older.
    town.config.policies = None;
    town.start().await;
    town.stop().await;
    town.config.policies = Some(directory.clone());
    write(&directory, 1, &OPEN);
    assert!(refused(&town).await.contains("older"));
    write(&directory, 3, &OPEN);
    town.start().await;
    assert_eq!(listing(&town).await, Code::Ok);
}

#[tokio::test(flavor = "multi_thread")]
async fn empty_and_half_written_policies_are_refused_at_start() {
    let (mut town, directory) = town().await;
    town.stop().await;
    write(&directory, 2, &[]);
    assert!(refused(&town).await.contains("has no policies"));
    write(&directory, 2, &CLOSING);
    std::fs::remove_file(directory.join("closed.cedar")).unwrap();
    assert!(refused(&town).await.contains("is not there"));
    std::fs::write(directory.join("closed.cedar"), &CLOSED.as_bytes()[..20]).unwrap();
    assert!(refused(&town).await.contains("SHA-256"));
    std::fs::remove_dir_all(&directory).unwrap();
    assert!(refused(&town).await.contains(MANIFEST));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_broker_keeps_the_last_good_policies() {
    let (town, directory) = town().await;
    let broker = town.broker();
    write(&directory, 2, &CLOSING);
    std::fs::write(directory.join("closed.cedar"), "").unwrap();
    broker.reload_policies().await.unwrap_err();
    assert_eq!(listing(&town).await, Code::Ok);
    write(&directory, 2, &[("closed.cedar", "permit (principal")]);
    broker.reload_policies().await.unwrap_err();
    assert_eq!(listing(&town).await, Code::Ok);
    write(&directory, 2, &CLOSING);
    broker.reload_policies().await.unwrap();
    assert_eq!(listing(&town).await, Code::PermissionDenied);
    write(&directory, 1, &OPEN);
    let error = broker.reload_policies().await.unwrap_err();
    assert!(error.to_string().contains("older"), "{error}");
    assert_eq!(listing(&town).await, Code::PermissionDenied);
    // What is in force stands in the log, where everyone can read it.
    let state = broker.sequencer().state();
    let logged = state.policies().unwrap();
    assert_eq!(logged.serial, Some(2));
    assert_eq!(logged.sha256, *broker.policies().sha256());
}
