#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

use policies::entry::Entry;

use super::*;
use crate::replay::tests::{bytes, honest};
use crate::testing::{key, sign};

const MADE: &str = "2026-12-01T08:00:00Z";

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn report(log: &[Entry], within: Within) -> Report {
    let (log, mut replayer) = (bytes(log), Replayer::default());
    let mut recorder = Recorder::new(within);
    for (index, entry) in (0..).zip(&log) {
        let entry = replayer.step(entry).unwrap();
        recorder.take(index, &entry, entry.body.kind().to_owned());
    }
    let checkpoint = sign(&log).verify(&key()).unwrap();
    recorder.finish(&replayer, &checkpoint, at(MADE))
}

fn table<'a>(report: &'a Report, name: &str) -> &'a Table {
    report.tables.iter().find(|t| t.name == name).unwrap()
}

#[test]
fn a_report_holds_what_follows_from_the_log() {
    let (_, log) = honest();
    let report = report(&log, Within::default());
    assert_eq!(report.entries, log.len() as u64);
    assert!(report.findings.is_empty(), "{:?}", report.findings);
    for table in &report.tables {
        let names: std::collections::BTreeSet<_> = table.header.iter().collect();
        assert_eq!(names.len(), table.header.len(), "{}", table.name);
        for row in &table.rows {
            assert_eq!(row.len(), table.header.len(), "{}: {row:?}", table.name);
        }
    }
    let counts: Vec<_> = report
        .tables
        .iter()
        .map(|t| (t.name, t.rows.len()))
        .collect();
    assert_eq!(
        counts,
        [
            ("organisations", 3),
            ("agreements", 1),
            ("balances", 1),
            ("contributions", 3),
            ("releases", 2),
            ("refusals", 2),
            ("entries", log.len()),
        ]
    );
    let releases = table(&report, "releases");
    for row in &releases.rows {
        let end = &row[row.len() - 2..];
        assert_eq!(end[0], "published");
        let entry: usize = end[1].parse().unwrap();
        assert_eq!(log[entry].body.kind(), "release.published");
    }
    let balances = table(&report, "balances");
    assert_eq!(balances.rows[0][4..], ["1", "0.0000002", "1", "0.0000002"]);
}

/// On paper, too, a column is as wide as its words; only digests, which are longer than any, may break.
#[test]
fn words_stay_whole_and_digests_may_break() {
    let mut made = report(&honest().1, Within::default());
    let digest = "0a".repeat(32);
    made.tables[0].rows = vec![vec![
        "a title of several short words".into(),
        digest.clone(),
    ]];
    let page = made.html();
    assert!(
        page.contains("<td>a title of several short words</td>"),
        "{page}"
    );
    assert!(
        page.contains(&format!("<td class=long>{digest}</td>")),
        "{page}"
    );
}

#[test]
fn a_report_about_a_time_replays_what_came_before() {
    let (_, log) = honest();
    let within = Within {
        from: Some(at("2026-10-07T00:00:00Z")),
        until: None,
    };
    let after = report(&log, within);
    assert_eq!(table(&after, "contributions").rows.len(), 2);
    assert_eq!(table(&after, "organisations").rows.len(), 3);
    let until = Some(at("2026-10-07T00:00:00Z"));
    let before = report(&log, Within { from: None, until });
    assert_eq!(table(&before, "contributions").rows.len(), 1);
    assert_eq!(table(&before, "releases").rows.len(), 0);
}

/// What others wrote into a log is text on the page, whatever it is.
#[test]
fn hostile_text_is_text_on_the_page() {
    for hostile in [
        "<script>alert(1)</script>",
        "\"><img src=x onerror=alert(1)>",
        "' onmouseover='alert(1)",
        "</td></table><h1>All is well</h1>",
        "&lt;b&gt;",
        "<!--",
        "\u{202e}gpj.exe",
        "zero\u{200b}width\u{0}",
    ] {
        let mut made = report(&honest().1, Within::default());
        made.findings = vec![hostile.to_owned()];
        made.log = hostile.to_owned();
        for table in &mut made.tables {
            table.rows = vec![vec![hostile.to_owned(); table.header.len()]];
        }
        let mut harmless = made.clone();
        let plain = "x".to_owned();
        (harmless.findings, harmless.log) = (vec![plain.clone()], plain.clone());
        for table in &mut harmless.tables {
            table.rows = vec![vec![plain.clone(); table.header.len()]];
        }
        let (page, other) = (made.html(), harmless.html());
        // The same tags in the same order, and no attribute more.
        let tags = |page: &str| page.matches(['<', '>', '"', '\'']).collect::<String>();
        assert_eq!(tags(&page), tags(&other), "{hostile:?}");
        assert!(
            !page.contains(['\u{202e}', '\u{200b}', '\u{0}']),
            "{hostile:?}"
        );
        assert!(page.contains("default-src 'none'") && !page.contains("<script"));
    }
}

fn fields(csv: &str) -> Vec<Vec<String>> {
    let (mut rows, mut row, mut field, mut quoted) = (vec![], vec![], String::new(), false);
    let mut chars = csv.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => {
                field.push('"');
                chars.next();
            }
            '"' => quoted = !quoted,
            ',' if !quoted => row.push(std::mem::take(&mut field)),
            '\r' if !quoted => {
                assert_eq!(chars.next(), Some('\n'));
                row.push(std::mem::take(&mut field));
                rows.push(std::mem::take(&mut row));
            }
            c => field.push(c),
        }
    }
    assert!(row.is_empty() && field.is_empty() && !quoted);
    rows
}

/// No field begins as a formula does, none leaves its place, and what is harmless stays as it is.
#[test]
fn no_spreadsheet_runs_a_field() {
    let hostile = [
        "=1+1",
        "=cmd|' /C calc'!A0",
        "+1",
        "-1",
        "@SUM(A1)",
        "  =1+1",
        "\t=1+1",
        "\r=1+1",
        "\n=1+1",
        "＝1+1",
        "a\r\n=1+1",
        "a\",\"=1+1",
        "a;=1+1",
    ];
    let harmless = [
        "riders",
        "2026-10-05",
        "0.25",
        "a, b",
        "say \"no\"",
        "",
        "ä€𝄞",
    ];
    let made = Table {
        name: "t",
        title: "T",
        header: vec!["a", "b"],
        rows: (hostile.iter().chain(&harmless))
            .map(|text| vec![(*text).to_owned(), "x".to_owned()])
            .collect(),
    };
    let read = fields(&made.csv());
    assert_eq!(read.len(), 1 + hostile.len() + harmless.len());
    for row in &read {
        assert_eq!(row.len(), 2, "{row:?}");
        let begins = row[0].trim_start();
        let formula = begins.starts_with(['=', '+', '-', '@', '＝', '\t', '\r']);
        assert!(!formula, "{row:?}");
    }
    for (text, row) in harmless.iter().zip(&read[1 + hostile.len()..]) {
        assert_eq!(row[0], *text);
    }
}

#[test]
fn what_should_be_looked_at_is_said_first() {
    let (_, mut log) = honest();
    let settings = policies::entry::Configuration {
        development: true,
        publish_tick_ms: 1,
        heartbeat_s: 60,
        witnesses: None,
        limits: std::collections::BTreeMap::new(),
    };
    let last = log.last().unwrap().clone();
    log.push(Entry {
        body: Body::ConfigChanged(Box::new(settings)),
        ..last.clone()
    });
    log.push(Entry {
        body: Body::Heartbeat {},
        time: last.time + jiff::SignedDuration::from_hours(2),
        ..last
    });
    let found = report(&log, Within::default()).findings.join("\n");
    for says in ["no sign of life", "development mode", "no witnesses"] {
        assert!(found.contains(says), "{found}");
    }
}
