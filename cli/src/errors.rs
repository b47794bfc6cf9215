//! What went wrong, in one form: an `error:` line, a `try:` line, and an exit code.

use std::fmt::Display;
use std::path::{Path, PathBuf};

use policies::refusal::Refusal;
use serde_json::json;

/// Exit code of a failure.
const FAILED: u8 = 1;
/// Exit code of a refusal: an answer, not a failure.
const REFUSED: u8 = 3;
/// Exit code of a log that does not hold.
const BROKEN: u8 = 4;

/// Why a command did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// Something failed; nothing was decided.
    #[error("{what}")]
    Failed {
        /// What, in one line.
        what: String,
        /// What to do next.
        help: Option<String>,
        /// A stable word for scripts.
        code: &'static str,
    },
    /// The broker refused, with every reason. The command has shown them.
    #[error("refused: {refusal}")]
    Refused {
        /// Why.
        refusal: Refusal,
        /// Where its proof was kept.
        proof: Option<PathBuf>,
    },
    /// The log, or a proof, does not hold. The command has shown where.
    #[error("{what}")]
    Broken {
        /// What does not hold.
        what: String,
    },
}

impl CliError {
    /// A failure.
    pub fn new(what: impl Display) -> Self {
        Self::Failed {
            what: what.to_string(),
            help: None,
            code: "failed",
        }
    }

    /// The same failure with a word of its own for scripts.
    #[must_use]
    pub fn coded(self, code: &'static str) -> Self {
        match self {
            Self::Failed { what, help, .. } => Self::Failed { what, help, code },
            other => other,
        }
    }

    /// Is this its word for scripts?
    #[must_use]
    pub fn is_coded(&self, word: &str) -> bool {
        matches!(self, Self::Failed { code, .. } if *code == word)
    }

    /// The same failure as a part of something larger.
    #[must_use]
    pub fn within(self, larger: impl Display) -> Self {
        match self {
            Self::Failed { what, help, code } => Self::Failed {
                what: format!("{larger}: {what}"),
                help,
                code,
            },
            other => other,
        }
    }

    /// A file that cannot be used.
    pub fn file(doing: &str, path: &Path, why: impl Display) -> Self {
        Self::new(format_args!("cannot {doing} `{}`: {why}", path.display()))
    }

    /// A log or proof that does not hold.
    pub fn broken(what: impl Display) -> Self {
        Self::Broken {
            what: what.to_string(),
        }
    }

    /// Says what to do next, unless that is said already.
    #[must_use]
    pub fn or_try(self, next: impl Display) -> Self {
        match self {
            Self::Failed {
                what,
                help: None,
                code,
            } => Self::Failed {
                what,
                help: Some(next.to_string()),
                code,
            },
            other => other,
        }
    }

    /// The process's exit code.
    #[must_use]
    pub fn code(&self) -> u8 {
        match self {
            Self::Failed { .. } => FAILED,
            Self::Refused { .. } => REFUSED,
            Self::Broken { .. } => BROKEN,
        }
    }

    /// The lines for a person.
    #[must_use]
    pub fn text(&self) -> String {
        match self {
            Self::Failed { what, help, .. } => {
                let help = help
                    .as_ref()
                    .map(|h| format!("\n  try: {h}"))
                    .unwrap_or_default();
                format!("error: {what}{help}")
            }
            Self::Refused { refusal, proof } => {
                let reasons = refusal.reasons().iter();
                let lines = reasons.map(|r| format!("\n  {}: {}", r.id, r.text));
                let next = "\n  try: `weir release preview` shows what would be granted";
                let proof = proof
                    .as_ref()
                    .map(|path| format!("\n  proof: {} (weir audit verify)", path.display()));
                format!(
                    "refused, nothing was charged:{}{}{next}",
                    lines.collect::<String>(),
                    proof.unwrap_or_default()
                )
            }
            Self::Broken { what } => format!(
                "broken: {what}\n  try: keep your copy, and show it to the provider and the auditor"
            ),
        }
    }

    /// The same for a program.
    #[must_use]
    pub fn json(&self) -> serde_json::Value {
        match self {
            Self::Failed { what, help, code } => {
                json!({"error": {"code": code, "message": what, "try": help}})
            }
            Self::Refused { refusal, proof } => {
                let reasons = refusal.reasons().iter();
                let reasons = reasons.map(|r| json!({"id": r.id.as_str(), "text": r.text}));
                json!({"refused": {"reasons": reasons.collect::<Vec<_>>(), "proof": proof}})
            }
            Self::Broken { what } => json!({"broken": {"message": what}}),
        }
    }

    /// Writes it: a refusal in JSON is an answer and goes to standard output, all else to standard
    /// error.
    pub fn show(&self, as_json: bool) {
        match (as_json, self) {
            (true, Self::Refused { .. }) => crate::output::tell(&self.json().to_string()),
            (true, _) => eprintln!("{}", self.json()),
            (false, _) => eprintln!("{}", crate::output::shown(&self.text())),
        }
    }
}

/// Turns any error into a failure, where its own text says enough.
pub trait OrFail<T> {
    /// The value, or a failure in the error's words.
    ///
    /// # Errors
    /// [`CliError::Failed`].
    fn or_fail(self) -> Result<T, CliError>;
    /// As [`Self::or_fail`], with what to do next.
    ///
    /// # Errors
    /// [`CliError::Failed`].
    fn or_try(self, next: impl Display) -> Result<T, CliError>;
}

impl<T, E: Display> OrFail<T> for Result<T, E> {
    fn or_fail(self) -> Result<T, CliError> {
        self.map_err(CliError::new)
    }

    fn or_try(self, next: impl Display) -> Result<T, CliError> {
        self.map_err(|e| CliError::new(e).or_try(next))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;
    use policies::refusal::{Reason, ReasonId};

    #[test]
    fn a_failure_is_one_line_and_one_try() {
        let error = CliError::new("no such file")
            .or_try("weir pki new DIR")
            .or_try("else");
        assert_eq!(error.text(), "error: no such file\n  try: weir pki new DIR");
        assert_eq!(error.code(), 1);
        assert_eq!(
            error.json().pointer("/error/try").unwrap(),
            "weir pki new DIR"
        );
    }

    #[test]
    fn a_refusal_shows_every_reason_and_has_its_own_code() {
        let reason = |id| Reason {
            id,
            text: "why".into(),
        };
        let reasons = vec![
            reason(ReasonId::BudgetExceeded),
            reason(ReasonId::PeriodNotDue),
        ];
        let error = CliError::Refused {
            refusal: Refusal::from_reasons(reasons).unwrap(),
            proof: None,
        };
        assert_eq!(error.code(), 3);
        let text = error.text();
        assert!(text.contains("budget.cap_exceeded: why") && text.contains("period.not_due: why"));
        let json = error.json();
        assert_eq!(
            json.pointer("/refused/reasons/1/id").unwrap(),
            "period.not_due"
        );
    }
}
