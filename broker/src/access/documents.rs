//! The documents of a policy set, with their digest: the software's own, or an operator's directory with
//! its `MANIFEST`.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};

use policies::id::{Fingerprint, IdError, sha256_hex};

use crate::limits::{POLICY_BYTES_MAX, POLICY_FILES_MAX};

/// What the policies may speak about. It belongs to the software.
pub const SCHEMA: &str = include_str!("../../../policies/schema.cedarschema");
/// What no policy can allow. It belongs to the software, too, and is part of every set.
pub const NEVER: &str = include_str!("../../../policies/never.cedar");
const DOOR: &str = include_str!("../../../policies/door.cedar");
const OBJECTS: &str = include_str!("../../../policies/objects.cedar");

/// The file that completes a directory: its serial number, then every document with its SHA-256.
pub const MANIFEST: &str = "MANIFEST";
const SCHEMA_NAME: &str = "schema.cedarschema";
const NEVER_NAME: &str = "never.cedar";

/// The texts of a policy set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Documents {
    /// By file name; never the schema.
    pub policies: BTreeMap<String, String>,
    /// Of an operator's directory.
    pub serial: Option<u32>,
}

/// Why a directory holds no policies. For the operator.
#[derive(Debug, thiserror::Error)]
pub enum DocumentsError {
    /// A file or the directory cannot be read.
    #[error("`{}`: {source}", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Larger than [`POLICY_BYTES_MAX`], or more than [`POLICY_FILES_MAX`] files.
    #[error("`{}` is too large for policies", path.display())]
    TooLarge {
        /// Which.
        path: PathBuf,
    },
    /// The manifest has another form.
    #[error("`{}`, line {line}: has to be {form}", path.display())]
    Manifest {
        /// Its path.
        path: PathBuf,
        /// From 1.
        line: usize,
        /// What stands there in a whole one.
        form: &'static str,
    },
    /// A document is not what the manifest says: half-written, missing, or not yet listed.
    #[error(
        "`{}` {found}: finish the directory, then write `{MANIFEST}` last (docs/ACCESS.md)",
        path.display()
    )]
    NotWhole {
        /// Which document.
        path: PathBuf,
        /// What is wrong with it.
        found: &'static str,
    },
    /// The manifest names no document.
    #[error("`{}` has no policies: nobody could do anything", path.display())]
    Empty {
        /// The directory.
        path: PathBuf,
    },
}

impl Documents {
    /// The policies of the software.
    #[must_use]
    pub fn own() -> Self {
        let own = [
            (NEVER_NAME, NEVER),
            ("door.cedar", DOOR),
            ("objects.cedar", OBJECTS),
        ];
        let named = own.map(|(name, text)| (name.to_owned(), text.to_owned()));
        Self {
            policies: named.into(),
            serial: None,
        }
    }

    /// An operator's directory, whole or not at all: every `*.cedar` file in it is listed in its `MANIFEST`
    /// with its SHA-256, and the reverse. What no policy can allow is added.
    ///
    /// # Errors
    /// [`DocumentsError`] names the file.
    pub fn read(directory: &Path) -> Result<Self, DocumentsError> {
        let path = directory.join(MANIFEST);
        let (serial, listed) = manifest(&path, &read(&path)?)?;
        if listed.is_empty() {
            let path = directory.to_owned();
            return Err(DocumentsError::Empty { path });
        }
        let mut policies = BTreeMap::new();
        for name in names(directory)? {
            let path = directory.join(&name);
            let not_whole = |found| {
                let path = path.clone();
                DocumentsError::NotWhole { path, found }
            };
            let sha256 = listed.get(&name);
            let sha256 = sha256.ok_or_else(|| not_whole("is not in the manifest"))?;
            let text = read(&path)?;
            if sha256_hex(text.as_bytes()) != *sha256 {
                return Err(not_whole("has another SHA-256 than in the manifest"));
            }
            policies.insert(name, text);
        }
        if let Some(missing) = listed.keys().find(|name| !policies.contains_key(*name)) {
            let (path, found) = (directory.join(missing), "is not there");
            return Err(DocumentsError::NotWhole { path, found });
        }
        policies.insert(NEVER_NAME.into(), NEVER.into());
        Ok(Self {
            policies,
            serial: Some(serial),
        })
    }

    /// SHA-256 over the lines `<sha256>  <name>` of all documents and the schema, sorted by name: what
    /// `sha256sum *.cedar schema.cedarschema | sha256sum` prints.
    ///
    /// # Errors
    /// Never, in truth: a SHA-256 is a fingerprint.
    pub fn sha256(&self) -> Result<Fingerprint, IdError> {
        let mut all: BTreeMap<&str, &str> = BTreeMap::from([(SCHEMA_NAME, SCHEMA)]);
        let named = self.policies.iter();
        all.extend(named.map(|(name, text)| (name.as_str(), text.as_str())));
        let lines = all
            .iter()
            .map(|(name, text)| format!("{}  {name}\n", sha256_hex(text.as_bytes())));
        Fingerprint::new(sha256_hex(lines.collect::<String>().as_bytes()))
    }
}

/// Serial number and documents. `never.cedar` is no file that a directory may replace.
fn manifest(path: &Path, text: &str) -> Result<(u32, BTreeMap<String, String>), DocumentsError> {
    let wrong = |line, form| DocumentsError::Manifest {
        path: path.to_owned(),
        line,
        form,
    };
    let mut lines = text.lines();
    let serial = lines.next().and_then(|line| line.strip_prefix("serial "));
    let serial = serial.and_then(|n| n.parse().ok()).filter(|n| *n > 0);
    let serial = serial.ok_or_else(|| wrong(1, "`serial` and a number from 1"))?;
    let mut listed = BTreeMap::new();
    for (n, line) in lines.enumerate() {
        let form = "a SHA-256, two spaces and the name of a `.cedar` file, once";
        let parts = line.split_once("  ");
        let (sha256, name) = parts.ok_or_else(|| wrong(n + 2, form))?;
        let plain = name.ends_with(".cedar") && !name.contains(['/', '\\']) && name != NEVER_NAME;
        if !plain || listed.insert(name.to_owned(), sha256.to_owned()).is_some() {
            return Err(wrong(n + 2, form));
        }
    }
    // The last line is whole only with its end.
    if !text.ends_with('\n') {
        return Err(wrong(listed.len() + 1, "ended by a line feed"));
    }
    Ok((serial, listed))
}

fn names(directory: &Path) -> Result<Vec<String>, DocumentsError> {
    let fail = |source| DocumentsError::Read {
        path: directory.to_owned(),
        source,
    };
    let mut names = Vec::new();
    for file in std::fs::read_dir(directory).map_err(fail)? {
        let name = file.map_err(fail)?.file_name();
        let name = name.to_string_lossy();
        if name.ends_with(".cedar") {
            names.push(name.into_owned());
        }
        if names.len() > POLICY_FILES_MAX {
            let path = directory.to_owned();
            return Err(DocumentsError::TooLarge { path });
        }
    }
    Ok(names)
}

/// A file's text, bounded.
pub(super) fn read(path: &Path) -> Result<String, DocumentsError> {
    let fail = |source| DocumentsError::Read {
        path: path.to_owned(),
        source,
    };
    let mut text = String::new();
    let file = std::fs::File::open(path).map_err(fail)?;
    file.take(POLICY_BYTES_MAX + 1)
        .read_to_string(&mut text)
        .map_err(fail)?;
    if text.len() as u64 > POLICY_BYTES_MAX {
        let path = path.to_owned();
        return Err(DocumentsError::TooLarge { path });
    }
    Ok(text)
}
