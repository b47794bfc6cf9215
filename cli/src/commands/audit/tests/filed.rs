//! What is written for others' files.

use super::super::replay::Source;
use super::super::{export, report};
use super::*;
use crate::commands::Session;

/// A report and an export are written of a log that holds, and of no other.
#[tokio::test]
async fn what_is_filed_is_of_a_log_that_holds() {
    let folder = tempfile::tempdir().unwrap();
    let good = bytes(&story(folder.path()));
    let key = log(folder.path(), &good);
    let source = || Source {
        directory: Some(folder.path().to_owned()),
        log_key: Some(key.to_string()),
        policy: None,
    };
    let session = Session::silent();
    let out = |name: &str| folder.path().join(name);
    let make = |name: &str| report::Make {
        source: source(),
        out: out(name),
        from: Some("2023-10-07".parse().unwrap()),
        until: Some("2023-10-07".parse().unwrap()),
    };
    let export_to = |name: &str| export::Export {
        source: source(),
        out: out(name),
    };
    report::run(make("report"), &session).await.unwrap();
    export::run(export_to("export"), &session).await.unwrap();
    let text = |path: &str| std::fs::read_to_string(folder.path().join(path)).unwrap();
    let page = text("report/report.html");
    assert!(page.contains("weir.test/log") && page.contains("<h2 id=\"balances\">"));
    for says in ["Not compared", "compared with nothing", "weir audit replay"] {
        assert!(page.contains(says), "`{says}` is not in: {page}");
    }
    assert_eq!(text("report/releases.csv").lines().count(), 2);
    assert_eq!(text("report/entries.csv").lines().count(), 12);
    assert_eq!(text("export/entries.jsonl").lines().count(), 11);
    assert_eq!(text("export/checkpoint"), text("log/checkpoint"));
    let bundle = std::fs::read(out("export/tile/entries/000.p/11")).unwrap();
    assert_eq!(bundle, std::fs::read(out("log/entries")).unwrap());
    // An export has a folder of its own.
    export::run(export_to("export"), &session)
        .await
        .unwrap_err();

    let mut entries = good;
    entries[9] = replaced(&entries[9], "\"rho\":\"0.125\"", "\"rho\":\"0.025\"");
    log(folder.path(), &entries);
    let error = report::run(make("no-report"), &session).await.unwrap_err();
    assert_eq!(error.code(), 4, "{error}");
    let error = export::run(export_to("no-export"), &session)
        .await
        .unwrap_err();
    assert_eq!(error.code(), 4, "{error}");
    assert!(!out("no-report").exists() && !out("no-export").exists());
}
