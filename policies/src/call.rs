//! Calls for data: what a planner needs to know, for which project, at which grain. Providers read them in the
//! directory, and answer with an offer whose document names the call.

use serde::{Deserialize, Serialize};

use crate::id::{CallId, OrgId, ZoningId, sha256_hex};
use crate::kind::Kind;
use crate::period::Grain;
use crate::text::{is_line, is_lines};
use crate::validate::is_purpose;

/// Longest question, in characters.
pub const QUESTION_CHARS_MAX: usize = 2000;
/// Longest title and project, in characters.
pub const LINE_CHARS_MAX: usize = 200;
/// Calls that one planner has open at one time: a directory is for reading.
pub const OPEN_CALLS_MAX: usize = 100;

/// A call as it is published; it binds nobody.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Call {
    /// One line for lists.
    pub title: String,
    /// What has to be known, in plain words: "how do people get from Pasila to the harbour at 8 o'clock?"
    pub question: String,
    /// What it is for: the plan or project.
    pub project: String,
    /// The purpose that an agreement would name, a DPV term.
    pub purpose: String,
    /// The kind of table that would answer it, for example `od_trips`.
    pub kind: String,
    /// The length of its periods.
    pub grain: Grain,
    /// The zoning that it would be cut in.
    pub zoning: ZoningId,
}

/// Why a call cannot be published.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {message}")]
pub struct CallError {
    /// Which field.
    pub field: &'static str,
    /// What is allowed there.
    pub message: String,
}

impl Call {
    /// Does it say what a provider has to know?
    ///
    /// # Errors
    /// [`CallError`] names the first field that does not.
    pub fn check(&self) -> Result<(), CallError> {
        let wrong = |field, message| Err(CallError { field, message });
        for (field, text, most, lines) in [
            ("title", &self.title, LINE_CHARS_MAX, false),
            ("question", &self.question, QUESTION_CHARS_MAX, true),
            ("project", &self.project, LINE_CHARS_MAX, false),
        ] {
            let control = |c: char| c.is_control() && !(lines && c == '\n');
            let says = !text.trim().is_empty() && text.chars().count() <= most;
            if !says || text.chars().any(control) {
                let message = format!("has to say something, in at most {most} characters");
                return wrong(field, message);
            }
        }
        if !is_purpose(&self.purpose) {
            return wrong(
                "purpose",
                "name a DPV purpose, like `dpv:PublicPolicyMaking`".into(),
            );
        }
        if Kind::named(&self.kind).is_none() {
            let known: Vec<_> = Kind::all().iter().map(|kind| kind.kind.as_str()).collect();
            return wrong("kind", format!("is one of {}", known.join(", ")));
        }
        Ok(())
    }

    /// Does nothing in it steer how it is shown? A call that does is not published; the log may have one of an older
    /// build.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        is_line(&self.title) && is_lines(&self.question) && is_line(&self.project)
    }

    /// Its id: SHA-256 over who calls and the RFC 8785 bytes of the call. The same call of the same planner has the same
    /// one, so it is published once.
    ///
    /// # Errors
    /// [`CallError`] where a text cannot be written as JSON.
    pub fn id(&self, planner: &OrgId) -> Result<CallId, CallError> {
        let fail = |message: String| CallError {
            field: "call",
            message,
        };
        let bytes = serde_json_canonicalizer::to_vec(self).map_err(|e| fail(e.to_string()))?;
        let head = format!("weir call\nplanner {planner}\n").into_bytes();
        CallId::new(sha256_hex(&[head, bytes].concat())).map_err(|e| fail(e.to_string()))
    }
}
