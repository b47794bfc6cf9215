//! Clients that nobody here wrote, in Python: ADBC and pyarrow over mTLS (`tests/python`).

use std::path::Path;
use std::process::{Command, Output};

use arrow::ipc::writer::StreamWriter;

use crate::harness::*;
use crate::opening::*;

fn run(python: &Path, what: &str, member: &Member, more: &[String]) -> Output {
    let profile = &member.profile;
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("python/flight_clients.py");
    let address = profile.endpoint.to_string();
    let mut command = Command::new(python);
    command.arg("-W").arg("ignore").arg(script).arg(what);
    command.arg(address.trim_start_matches("https://").trim_end_matches('/'));
    command.args([&profile.ca, &profile.cert, &profile.key, &profile.token]);
    command.args(more);
    tokio::task::block_in_place(|| command.output().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn pyarrow_contributes_and_adbc_asks_without_our_sdk() {
    let Some(python) = python("python", "no Python client was tried") else {
        return;
    };
    let (town, bikes, city, terms, id) = agreed().await;
    let file = town.folder.path().join("cells.arrows");
    let batch = cells(&terms, &ROWS);
    let written = std::fs::File::create(&file).unwrap();
    let mut writer = StreamWriter::try_new(written, &batch.schema()).unwrap();
    writer.write(&batch).unwrap();
    writer.finish().unwrap();
    let descriptor = hex(&push(&id, "2026-10-05").to_cmd());
    let more = [descriptor, file.display().to_string()];
    let pushed = run(&python, "contribute", &bikes, &more);
    assert_eq!(told(&pushed), "pushed");
    let wish = wish(&id, "od", "2026-10-05");
    city.client.request(&wish).await.unwrap();
    assert_eq!(told(&run(&python, "ask", &city, &[])), "asked");
}

fn told(done: &Output) -> String {
    assert!(
        done.status.success(),
        "{}",
        String::from_utf8_lossy(&done.stderr)
    );
    String::from_utf8_lossy(&done.stdout).trim().to_owned()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
