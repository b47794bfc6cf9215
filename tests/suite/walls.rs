//! The walls of DESIGN section 5, checked on the resolved dependency tree.

use std::collections::BTreeSet;
use std::process::Command;

/// Names of all crates that `package` links, build and test tools left out.
fn tree(package: &str) -> BTreeSet<String> {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".into());
    let output = Command::new(cargo)
        .args([
            "tree",
            "--offline",
            "--edges",
            "normal",
            "--prefix",
            "none",
            "--package",
            package,
        ])
        .args(["--format", "{p}"])
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines()
        .filter_map(|line| line.split(' ').next().map(str::to_owned))
        .collect()
}

fn forbid(package: &str, forbidden: &[&str]) {
    let tree = tree(package);
    assert!(
        tree.contains(package),
        "`{package}` is not in its own tree: {tree:?}"
    );
    for name in forbidden {
        assert!(!tree.contains(*name), "`{package}` links `{name}`");
    }
}

const SHELL: [&str; 13] = [
    "tonic",
    "prost",
    "sled",
    "cedar-policy",
    "tokio",
    "tracing",
    "tower",
    "axum",
    "hyper",
    "datafusion",
    "parquet",
    "object_store",
    "broker",
];

#[test]
fn policies_privacy_and_audit_are_pure() {
    for package in ["policies", "privacy", "audit"] {
        forbid(package, &SHELL);
    }
}

/// It reads and writes Parquet, and nothing else of the shell.
#[test]
fn export_is_pure() {
    let shell = SHELL.iter().filter(|name| **name != "parquet");
    let theirs = ["sdk", "proto", "cells", "privacy", "audit"];
    let forbidden: Vec<&str> = shell.copied().chain(theirs).collect();
    forbid("export", &forbidden);
}

#[test]
fn only_privacy_knows_opendp() {
    for package in [
        "policies", "audit", "proto", "cells", "export", "sdk", "certs",
    ] {
        forbid(package, &["opendp", "privacy"]);
    }
}

#[test]
fn the_sdk_never_sees_the_brokers_side() {
    let theirs = [
        "sled",
        "broker",
        "cells",
        "datafusion",
        "privacy",
        "cedar-policy",
    ];
    forbid("sdk", &theirs);
}

/// The holes of `policies::mutants` are compiled for tests alone, whichever way `weir` is built to be run. Built along with
/// the tests it has their code, shut: `cli/tests/commands/holes.rs`.
#[test]
fn no_binary_that_serves_has_a_mutant() {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".into());
    let builds: [&[&str]; 3] = [
        &["--package", "cli"],
        &["--package", "broker"],
        &["--workspace"],
    ];
    for selected in builds {
        let output = Command::new(&cargo)
            .args([
                "tree",
                "--offline",
                "--edges",
                "normal,build,features",
                "--prefix",
                "none",
            ])
            .args(selected)
            .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
            .output()
            .unwrap();
        let tree = String::from_utf8(output.stdout).unwrap();
        assert!(
            tree.contains("policies feature \"default\""),
            "features are listed: {tree}"
        );
        let mutant = tree
            .lines()
            .find(|line| line.contains("feature \"mutants\""));
        assert_eq!(mutant, None, "{selected:?}");
    }
}

#[test]
fn one_version_of_every_heavy_crate() {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".into());
    let output = Command::new(cargo)
        .args([
            "tree",
            "--offline",
            "--workspace",
            "--edges",
            "normal",
            "--prefix",
            "none",
        ])
        .args(["--format", "{p}"])
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let heavy = [
        "arrow",
        "parquet",
        "datafusion",
        "object_store",
        "tonic",
        "prost",
        "tokio",
        "rustls",
        "h2",
        "hyper",
        "aws-lc-rs",
        "opendp",
    ];
    for name in heavy {
        let lines = text.lines().map(|line| line.trim_end_matches(" (*)"));
        let versions: BTreeSet<&str> = lines
            .filter(|line| line.split(' ').next() == Some(name))
            .collect();
        assert_eq!(versions.len(), 1, "{versions:?}");
    }
    assert!(
        !text.lines().any(|line| line.starts_with("ring ")),
        "one crypto provider: aws-lc-rs"
    );
}
