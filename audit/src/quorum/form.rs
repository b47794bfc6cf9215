//! The text form of a policy.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

use super::{Policy, Rule, Witness};
use crate::checkpoint::LogKey;
use crate::note::{PublicKey, VerifierKey};
use crate::text;

/// Most bytes of a policy's text.
pub const POLICY_BYTES_MAX: usize = 256 * 1024;
/// Most lines that are not empty or comments: 32 logs, witnesses and groups fit five times over.
pub const POLICY_LINES_MAX: usize = 512;

/// Why a text is no policy: the line, and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("policy line {line}: {why}")]
pub struct PolicyError {
    /// Number of the line, from 1; after the last one where something is missing.
    pub line: usize,
    /// What is wrong.
    pub why: String,
}

impl FromStr for Policy {
    type Err = PolicyError;

    fn from_str(given: &str) -> Result<Self, PolicyError> {
        let at = |line| move |why: String| PolicyError { line, why };
        if given.len() > POLICY_BYTES_MAX {
            return Err(at(1)(format!("over the limit of {POLICY_BYTES_MAX} bytes")));
        }
        let (mut reader, mut lines, mut read) = (Reader::default(), 0, 0);
        for (number, line) in given.split('\n').enumerate() {
            lines = number + 1;
            if line.chars().any(|c| c.is_ascii_control() && c != '\t') {
                return Err(at(lines)("control characters are not allowed".to_owned()));
            }
            let fields: Vec<&str> = line.split([' ', '\t']).filter(|f| !f.is_empty()).collect();
            if fields.first().is_none_or(|first| first.starts_with('#')) {
                continue;
            }
            read += 1;
            if read > POLICY_LINES_MAX {
                return Err(at(lines)(format!("more than {POLICY_LINES_MAX} lines")));
            }
            reader.read(&fields).map_err(at(lines))?;
        }
        let Reader {
            logs,
            witnesses,
            quorum,
            ..
        } = reader;
        let missing =
            || at(lines)("no `quorum` line; `quorum none` asks for no witness".to_owned());
        Ok(Self {
            logs,
            witnesses,
            quorum: quorum.ok_or_else(missing)?,
        })
    }
}

#[derive(Default)]
struct Reader {
    logs: Vec<LogKey>,
    witnesses: Vec<Witness>,
    /// What each name stands for; taken out when it becomes a member of a group.
    names: BTreeMap<String, Rule>,
    /// Names that are members already.
    members: BTreeSet<String>,
    /// The outer option: was there a line?
    quorum: Option<Option<Rule>>,
}

impl Reader {
    fn read(&mut self, fields: &[&str]) -> Result<(), String> {
        match fields {
            ["log", key] | ["log", key, _] => self.log(key),
            ["witness", name, key] => self.witness(name, key, None),
            ["witness", name, key, url] => self.witness(name, key, Some((*url).to_owned())),
            ["group", name, least, members @ ..] => self.group(name, least, members),
            ["quorum", name] => self.quorum(name),
            _ => Err("`log`, `witness`, `group` or `quorum` with its fields is wanted".to_owned()),
        }
    }

    fn log(&mut self, key: &str) -> Result<(), String> {
        let key: LogKey = key.parse().map_err(|e| format!("{e}"))?;
        let same = |known: &LogKey| known.verifier_key().key() == key.verifier_key().key();
        if self.logs.iter().any(same) {
            return Err("the same key as another log's".to_owned());
        }
        self.logs.push(key);
        Ok(())
    }

    fn witness(&mut self, name: &str, key: &str, url: Option<String>) -> Result<(), String> {
        let key: VerifierKey = key.parse().map_err(|e| format!("{e}"))?;
        if !key.key().cosigns() {
            let of = key.name();
            return Err(format!(
                "the key of `{of}` is no cosigning key (type 4 or 6)"
            ));
        }
        let same = |known: &Witness| same_bytes(known.key.key(), key.key());
        if self.witnesses.iter().any(same) {
            return Err("the same key as another witness's".to_owned());
        }
        self.name(name, Rule::Witness(self.witnesses.len()))?;
        self.witnesses.push(Witness {
            name: name.to_owned(),
            key,
            url,
        });
        Ok(())
    }

    fn group(&mut self, name: &str, least: &str, members: &[&str]) -> Result<(), String> {
        let count = members.len();
        let least = match least {
            "all" => Some(count),
            "any" => Some(1),
            number => text::decode_decimal(number).and_then(|n| usize::try_from(n).ok()),
        };
        let least = least.filter(|n| (1..=count).contains(n));
        let least = least.ok_or_else(|| format!("`all`, `any` or a number from 1 to {count}"))?;
        let members = members
            .iter()
            .map(|m| self.member(m))
            .collect::<Result<_, _>>()?;
        self.name(name, Rule::Group { least, members })
    }

    /// Each name is a member once, so that a witness counts in one way.
    fn member(&mut self, name: &str) -> Result<Rule, String> {
        let rule = self.known(name)?;
        if self.members.insert(name.to_owned()) {
            Ok(rule)
        } else {
            Err(format!("`{}` is a member already", text::shorten(name)))
        }
    }

    fn quorum(&mut self, name: &str) -> Result<(), String> {
        if self.quorum.is_some() {
            return Err("a second `quorum` line".to_owned());
        }
        self.quorum = Some(match name {
            "none" => None,
            name => Some(self.known(name)?),
        });
        Ok(())
    }

    fn known(&self, name: &str) -> Result<Rule, String> {
        let rule = self.names.get(name).cloned();
        rule.ok_or_else(|| format!("`{}` is not defined above", text::shorten(name)))
    }

    fn name(&mut self, name: &str, rule: Rule) -> Result<(), String> {
        let taken = name == "none" || self.names.insert(name.to_owned(), rule).is_some();
        if taken {
            return Err(format!("the name `{}` is taken", text::shorten(name)));
        }
        Ok(())
    }
}

/// The same key under whatever type.
fn same_bytes(one: &PublicKey, other: &PublicKey) -> bool {
    one.bytes() == other.bytes()
}
