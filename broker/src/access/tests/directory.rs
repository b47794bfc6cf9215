//! Directories of an operator: whole, or refused.

use super::super::in_force::PolicyError;
use super::*;
use crate::error::Error;

const PERMIT: &str = r#"@id("own.read")
permit (principal, action in [Action::"AgreementService/GetAgreement"], resource is Broker);
"#;

/// A directory with these documents and a manifest over them.
fn directory(serial: u32, documents: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let mut manifest = format!("serial {serial}\n");
    for (name, text) in documents {
        std::fs::write(folder.path().join(name), text).unwrap();
        manifest += &format!("{}  {name}\n", sha256_hex(text.as_bytes()));
    }
    std::fs::write(folder.path().join(MANIFEST), manifest).unwrap();
    folder
}

fn load(folder: &tempfile::TempDir) -> Result<Policies, String> {
    let loaded = InForce::from_directory(folder.path());
    let loaded = loaded.map_err(|e| e.to_string())?;
    Ok(std::sync::Arc::into_inner(loaded.now.into_inner().unwrap()).unwrap())
}

fn refused(documents: &[(&str, &str)], why: &str) {
    let said = load(&directory(1, documents)).unwrap_err();
    assert!(said.contains(why), "{said}");
}

#[test]
fn a_whole_directory_is_loaded_and_keeps_what_no_policy_can_allow() {
    let policies = load(&directory(3, &[("own.cedar", PERMIT)])).unwrap();
    assert_eq!(policies.serial(), Some(3));
    let org = org("anyone");
    let who = |role| Who { org: &org, role };
    assert!(policies.allows(
        who(Role::Steward),
        method::GET_AGREEMENT,
        &Object::Door,
        None
    ));
    assert!(!policies.allows(who(Role::Planner), method::PREVIEW, &Object::Door, None));
    // The digest is what `sha256sum` makes of the same files.
    let files = BTreeMap::from([
        ("never.cedar", NEVER),
        ("own.cedar", PERMIT),
        ("schema.cedarschema", SCHEMA),
    ]);
    let lines = files
        .iter()
        .map(|(name, text)| format!("{}  {name}\n", sha256_hex(text.as_bytes())));
    let sum = sha256_hex(lines.collect::<String>().as_bytes());
    assert_eq!(policies.sha256().as_str(), sum);
}

#[test]
fn an_empty_policy_directory_is_refused() {
    refused(&[], "has no policies");
    let bare = tempfile::tempdir().unwrap();
    assert!(load(&bare).unwrap_err().contains(MANIFEST));
    refused(&[("own.cedar", "")], "has to hold policies");
    refused(
        &[("own.cedar", "// permit (principal, action, resource);")],
        "has to hold policies",
    );
}

/// Cut anywhere, with the manifest or without: nothing of it is loaded. A directory that lacks just a `forbid` would
/// be wider than the whole.
#[test]
fn a_half_written_policy_directory_is_refused() {
    let forbid = r#"@id("own.forbid") forbid (principal, action, resource is Entry);"#;
    let documents = [("own.cedar", PERMIT), ("own2.cedar", forbid)];
    let folder = directory(1, &documents);
    load(&folder).unwrap();
    for (name, text) in documents {
        let path = folder.path().join(name);
        for end in 0..text.len() {
            std::fs::write(&path, &text[..end]).unwrap();
            assert!(
                load(&folder).unwrap_err().contains("SHA-256"),
                "{name} to {end}"
            );
        }
        std::fs::remove_file(&path).unwrap();
        assert!(load(&folder).unwrap_err().contains("is not there"));
        std::fs::write(&path, text).unwrap();
    }
    let path = folder.path().join(MANIFEST);
    let manifest = std::fs::read_to_string(&path).unwrap();
    for end in 0..manifest.len() {
        std::fs::write(&path, &manifest[..end]).unwrap();
        assert!(load(&folder).is_err(), "the manifest to {end}");
    }
    std::fs::write(&path, &manifest).unwrap();
    load(&folder).unwrap();
    std::fs::write(folder.path().join("more.cedar"), PERMIT).unwrap();
    assert!(
        load(&folder)
            .unwrap_err()
            .contains("is not in the manifest")
    );
}

#[test]
fn a_directory_cannot_replace_what_no_policy_can_allow() {
    let name = "never.cedar";
    refused(&[(name, PERMIT)], "once");
    let again = r#"@id("never.auditor-writes") permit (principal, action, resource is Entry);"#;
    refused(&[("own.cedar", again)], "never.auditor-writes");
    std::fs::write(directory(1, &[]).path().join("x"), "").unwrap();
}

/// A typo is found at load, not by whoever gets through.
#[test]
fn unknown_attributes_actions_and_arithmetic_are_refused() {
    let with = |condition: &str| {
        format!("@id(\"x\") forbid (principal, action, resource) when {{ {condition} }};")
    };
    for unknown in [
        "principal.rol == Role::\"auditor\"",
        "principal.role == Role::\"auditer\"",
        "principal.role == \"auditor\"",
        "context.purpose == \"x\"",
        "action == Action::\"ReleaseService/GetReleases\"",
        "resource.provider == principal",
    ] {
        refused(&[("own.cedar", &with(unknown))], "schema");
    }
    for sum in [
        "1 + 1 == 2",
        "2 - 1 == 1",
        "2 * 2 == 4",
        "-(1) < 0 || !(1 + 1 > 3)",
    ] {
        refused(&[("own.cedar", &with(sum))], "calculates");
    }
    refused(
        &[(
            "own.cedar",
            "permit (principal, action, resource is Entry);",
        )],
        "@id",
    );
    refused(&[("own.cedar", "permit (princi")], "own.cedar");
    let template = r#"@id("t") permit (principal == ?principal, action, resource);"#;
    refused(&[("own.cedar", template)], "templates");
}

/// An auditor would call the log broken.
#[test]
fn policies_are_never_wider_than_the_rules_of_the_log() {
    let wide = r#"@id("w") permit (principal, action == Action::"FlightService/DoPut", resource is Broker);"#;
    refused(&[("own.cedar", wide)], "may only be stricter");
    let error = Policies::load(&Documents {
        policies: BTreeMap::from([("w.cedar".into(), wide.into())]),
        serial: None,
    });
    assert!(matches!(error, Err(LoadError::Wider { .. })));
}

#[test]
fn a_directory_too_large_is_refused_unread() {
    let long = format!("// {}", "x".repeat(300 << 10));
    let folder = directory(1, &[("own.cedar", &long)]);
    let error = Documents::read(folder.path()).unwrap_err();
    assert!(matches!(error, DocumentsError::TooLarge { .. }), "{error}");
}

#[test]
fn what_changes_while_the_broker_starts_or_its_log_is_busy_is_not_missed() {
    let folder = directory(1, &[("own.cedar", PERMIT)]);
    let loaded = InForce::from_directory(folder.path()).unwrap();
    std::fs::write(folder.path().join(MANIFEST), "serial 2\n").unwrap();
    let mut watched = loaded.watched().unwrap();
    let found = watched.other().unwrap();
    assert_eq!(found, "serial 2\n");
    watched.judge(found.clone(), &Err(PolicyError::Log(Error::Busy)));
    assert_eq!(watched.other(), Some(found.clone()), "tried again");
    // What the log's rules refuse stays refused: it is said once.
    let message = "older".to_owned();
    let refused = Err(PolicyError::Log(Error::Precondition { message }));
    watched.judge(found, &refused);
    assert_eq!(watched.other(), None);
    std::fs::remove_file(folder.path().join(MANIFEST)).unwrap();
    assert_eq!(watched.other().as_deref(), Some(""));
}
