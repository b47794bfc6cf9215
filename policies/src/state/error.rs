use crate::ledger::LedgerError;

/// Why an entry cannot follow the entries before it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ApplyError {
    /// Time went backwards.
    #[error("its time is before that of the entry ahead of it")]
    Time,
    /// It names something that does not exist.
    #[error("it names the unknown {what} `{id}`")]
    Unknown {
        /// What kind of thing.
        what: &'static str,
        /// Its id.
        id: String,
    },
    /// It makes something a second time.
    #[error("the {what} `{id}` exists already")]
    Twice {
        /// What kind of thing.
        what: &'static str,
        /// Its id.
        id: String,
    },
    /// It breaks a rule of the thing it changes.
    #[error("it breaks the rule that {rule}")]
    Rule {
        /// The rule, as a sentence.
        rule: &'static str,
    },
    /// The budget does not allow it.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}
