//! Names and digests as types, so that none can stand in for another.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Longest plain name, in bytes (trust.md section 7, class 13: ids never reach a path unchecked).
pub const NAME_BYTES_MAX: usize = 64;

/// Why a text is not an id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// Not `[a-z0-9][a-z0-9_-]{0,63}`.
    #[error(
        "`{given}` is not a name: use 1 to 64 of a-z, 0-9, `-` and `_`, not starting with a sign"
    )]
    Name {
        /// What was given, shortened.
        given: String,
    },
    /// Not the word of a [`Role`].
    #[error("`{given}` is not a role: use provider, planner, auditor or steward")]
    Role {
        /// What was given, shortened.
        given: String,
    },
    /// Not 32 lower-case hexadecimal digits.
    #[error("`{given}` is not a pseudonym: 32 lower-case hexadecimal digits are")]
    Pseudonym {
        /// What was given, shortened.
        given: String,
    },
    /// Not 64 lower-case hexadecimal digits.
    #[error("`{given}` is not a SHA-256 digest: 64 lower-case hexadecimal digits are")]
    Digest {
        /// What was given, shortened.
        given: String,
    },
}

fn shorten(text: &str) -> String {
    text.chars().take(80).collect()
}

fn is_name(text: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_';
    let first = text.bytes().next();
    text.len() <= NAME_BYTES_MAX
        && text.bytes().all(allowed)
        && first.is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
}

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident, $parse:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Takes the text if it has this id's form.
            ///
            /// # Errors
            /// [`IdError`] names what was given and the form that is allowed.
            pub fn new(text: impl Into<String>) -> Result<Self, IdError> {
                let text = text.into();
                $parse(&text)?;
                Ok(Self(text))
            }

            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = IdError;
            fn try_from(text: String) -> Result<Self, IdError> {
                Self::new(text)
            }
        }

        impl std::str::FromStr for $name {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> {
                Self::new(text)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

fn name(text: &str) -> Result<(), IdError> {
    if is_name(text) {
        Ok(())
    } else {
        Err(IdError::Name {
            given: shorten(text),
        })
    }
}

fn is_hex(text: &str, digits: usize) -> bool {
    let hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
    text.len() == digits && text.bytes().all(hex)
}

fn pseudonym(text: &str) -> Result<(), IdError> {
    if is_hex(text, 32) {
        Ok(())
    } else {
        Err(IdError::Pseudonym {
            given: shorten(text),
        })
    }
}

fn digest(text: &str) -> Result<(), IdError> {
    if is_hex(text, 64) {
        Ok(())
    } else {
        Err(IdError::Digest {
            given: shorten(text),
        })
    }
}

text_id!(
    /// A legal person that takes part, as it stands in its SPIFFE id:
    /// `spiffe://<domain>/org/<OrgId>`.
    OrgId, name
);
text_id!(
    /// The people behind a provider's data; one population has one unit and one cap.
    PopulationId, name
);
text_id!(
    /// A table's name, unique inside its agreement.
    TableName, name
);
text_id!(
    /// A zoning's name and version, for example `helsinki-postal-2024`.
    ZoningId, name
);
text_id!(
    /// A value of a category dimension (a mode, a use), for example `bike`.
    Category, name
);
text_id!(
    /// Made by the caller, once per wish: the same id never acts twice (a UUID serves).
    RequestId, name
);
text_id!(
    /// Made by the provider for one push; a retry carries the same id (a UUID serves).
    BatchId, name
);
text_id!(
    /// SHA-256 over the RFC 8785 bytes of the agreement.
    AgreementId, digest
);
text_id!(
    /// SHA-256 over a call for data and who calls ([`crate::call::Call::id`]).
    CallId, digest
);
text_id!(
    /// H(canonical table request, pinned manifest): one draw of noise, one release (DESIGN section
    /// 4).
    ReleaseKey, digest
);
text_id!(
    /// SHA-256 over a signing key's SubjectPublicKeyInfo; what the parties confirm to each other.
    Fingerprint, digest
);
text_id!(
    /// Stands in for a person of one organisation, or for the secret that pseudonyms are made with.
    Pseudonym, pseudonym
);
text_id!(
    /// A salted commitment, HMAC-SHA256(salt, bytes), that names a blob.
    BlobId, digest
);

/// SHA-256 as lower-case hexadecimal digits.
#[must_use]
pub fn sha256_hex(bytes: &[u8]) -> String {
    hex::encode(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes))
}

/// What an organisation is in Weir; one organisation has one role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Holds data about its customers and contributes cells.
    Provider,
    /// Plans a city and receives releases.
    Planner,
    /// Checks the log; never writes.
    Auditor,
    /// Runs the broker; never reads cells or releases it is no party to.
    Steward,
}

impl Role {
    /// All roles, in a fixed order.
    pub const ALL: [Self; 4] = [Self::Provider, Self::Planner, Self::Auditor, Self::Steward];

    /// The word used in tokens, entries and screens.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Provider => "provider",
            Self::Planner => "planner",
            Self::Auditor => "auditor",
            Self::Steward => "steward",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl std::str::FromStr for Role {
    type Err = IdError;
    fn from_str(text: &str) -> Result<Self, IdError> {
        Self::ALL
            .into_iter()
            .find(|role| role.as_str() == text)
            .ok_or_else(|| IdError::Role {
                given: shorten(text),
            })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    /// Ids reach file names, SPIFFE ids and screens: nothing but plain ASCII ever does.
    #[test]
    fn names_are_plain() {
        let longest = "a".repeat(NAME_BYTES_MAX);
        for text in ["a", "0", "city-bikes", "od_2026", longest.as_str()] {
            assert_eq!(OrgId::new(text).unwrap().as_str(), text);
        }
        let long = "a".repeat(NAME_BYTES_MAX + 1);
        for text in [
            "",
            "-a",
            "_a",
            "A",
            "a b",
            "a/b",
            "..",
            "a.b",
            "a%2e",
            "a\0",
            "a\n",
            "b\u{456}kes",
            "\u{ff41}",
            long.as_str(),
        ] {
            assert!(OrgId::new(text).is_err(), "{text:?} was taken");
            let json = serde_json::to_string(text).unwrap();
            assert!(
                serde_json::from_str::<OrgId>(&json).is_err(),
                "{text:?} was read"
            );
        }
    }

    #[test]
    fn digests_have_one_spelling() {
        let hash = sha256_hex(b"weir");
        assert_eq!(hash.len(), 64);
        AgreementId::new(hash.clone()).unwrap();
        for text in [
            hash.to_uppercase(),
            format!("{hash}0"),
            "0x".into(),
            format!("{} ", "a".repeat(63)),
        ] {
            assert!(AgreementId::new(text).is_err());
        }
    }

    /// An error never repeats more than a line of what somebody sent.
    #[test]
    fn errors_are_short() {
        let error = OrgId::new("x".repeat(10_000) + "!").unwrap_err();
        assert!(error.to_string().len() < 240);
    }

    #[test]
    fn roles_have_one_word_each() {
        for role in Role::ALL {
            assert_eq!(role.as_str().parse::<Role>().unwrap(), role);
            let json = serde_json::to_string(&role).unwrap();
            assert_eq!(json, format!("\"{role}\""));
        }
        assert!("Steward".parse::<Role>().is_err());
    }
}
