//! Python: clients that nobody here wrote, ADBC and pyarrow over mTLS (`tests/python`), and our own package, built
//! and installed from its wheel (`sdk/python`).

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

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
    let (town, bikes, city, _, id) = agreed().await;
    let contract = town.folder.path().join("weir.binpb");
    std::fs::write(&contract, proto::DESCRIPTORS).unwrap();
    let more = [contract.display().to_string(), id.to_string()];
    let pushed = run(&python, "contribute", &bikes, &more);
    assert_eq!(told(&pushed), "pushed");
    let wish = wish(&id, "od", "2026-10-05");
    city.client.request(&wish).await.unwrap();
    assert_eq!(told(&run(&python, "ask", &city, &[])), "asked");
}

/// The package as users get it: a wheel, built and installed into a folder of the test.
fn installed(python: &Path, folder: &Path) -> PathBuf {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("wheel");
    told(
        &Command::new(script)
            .arg(python)
            .arg(folder)
            .output()
            .unwrap(),
    );
    folder.join("installed")
}

fn package() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    root.join("sdk/python")
}

/// The profile as `weir pki org` would write it.
fn written(town: &Town, member: &Member) -> PathBuf {
    let profile = &member.profile;
    let file = town.folder.path().join(format!("{}.toml", member.org));
    let text = format!(
        "endpoint = \"{}\"\nca = {:?}\ncert = {:?}\nkey = {:?}\ntoken = {:?}\nlog_key = \"{}\"\nstate = {:?}\n",
        profile.endpoint,
        profile.ca,
        profile.cert,
        profile.key,
        profile.token,
        town.log_key.verifier_key(),
        profile.state,
    );
    std::fs::write(&file, text).unwrap();
    file
}

#[tokio::test(flavor = "multi_thread")]
async fn our_package_pushes_requests_fetches_and_refuses_what_has_no_valid_receipt() {
    let Some(python) = python("python", "the Python package was not tried") else {
        return;
    };
    let (town, bikes, city, _, id) = agreed().await;
    let modules = installed(&python, town.folder.path());
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("python/weir_package.py");
    let mut command = Command::new(&python);
    command.env("PYTHONPATH", modules).arg(script);
    command.args([written(&town, &bikes), written(&town, &city)]);
    command.arg(id.to_string());
    command.arg(town.log_key.verifier_key().to_string());
    // Nobody stands between: where nothing listens, a proxy would break every call.
    for proxy in ["grpc_proxy", "https_proxy", "http_proxy", "all_proxy"] {
        command.env(proxy, "http://127.0.0.1:9");
    }
    let done = tokio::task::block_in_place(|| command.output().unwrap());
    assert_eq!(told(&done), "told");
}

/// The package's own tests, and its types, on the installed wheel.
#[test]
fn the_packages_own_tests_and_types_hold() {
    let Some(python) = python("python", "the Python package was not tried") else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let modules = installed(&python, folder.path());
    let run = |words: &[&str]| {
        let mut command = Command::new(&python);
        command.args(words).current_dir(package());
        command.env("PYTHONPATH", &modules);
        command.env("PYTHONDONTWRITEBYTECODE", "1");
        command.output().unwrap()
    };
    let tested = run(&["-m", "pytest", "-q", "-p", "no:cacheprovider", "tests"]);
    let shown = String::from_utf8_lossy(&tested.stdout);
    assert!(tested.status.success(), "{shown}");
    let cache = folder.path().join("mypy").display().to_string();
    let typed = run(&["-m", "mypy", "--strict", "--cache-dir", &cache]);
    let shown = String::from_utf8_lossy(&typed.stdout);
    assert!(typed.status.success(), "{shown}");
}

fn told(done: &Output) -> String {
    assert!(
        done.status.success(),
        "{}",
        String::from_utf8_lossy(&done.stderr)
    );
    String::from_utf8_lossy(&done.stdout).trim().to_owned()
}
