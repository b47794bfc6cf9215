//! What the data does to people, in their words: the questions of a Data Ethics Canvas.

use serde::{Deserialize, Serialize};

/// Answers that the parties sign and the public register shows. Plain text, one thought per line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Canvas {
    /// What good it does, and for whom.
    pub positive: String,
    /// What harm it could do, and to whom.
    pub negative: String,
    /// Who is affected: in the data, and by what is decided with it.
    pub affected: String,
    /// What is done against the harm.
    pub mitigations: String,
    /// Where to ask or object: the address of an office. It stands in the log for ever: name no person.
    pub contact: String,
}

impl Canvas {
    /// Its questions in order, each with its field and what was answered.
    #[must_use]
    pub fn answers(&self) -> [(&'static str, &'static str, &str); 5] {
        [
            ("positive", "What good it does", &self.positive),
            ("negative", "What harm it could do", &self.negative),
            ("affected", "Who is affected", &self.affected),
            (
                "mitigations",
                "What is done against harm",
                &self.mitigations,
            ),
            ("contact", "Where to ask or object", &self.contact),
        ]
    }
}
