//! Lifetimes, and whether what exists may be replaced.

use std::time::Duration;

use crate::Error;
use crate::files::Existing;

/// The roles an organisation may have; the broker reads the same words from a token.
pub const ROLES: [&str; 4] = ["provider", "planner", "auditor", "steward"];

const DAY: Duration = Duration::from_secs(86_400);
const VALIDITY_MIN: Duration = Duration::from_secs(60);
const VALIDITY_DAYS_MAX: u64 = 3_650;

/// How long things live, and whether what exists may be replaced.
#[derive(Debug, Clone)]
pub struct Options {
    /// Of the CA; default 365 days. Nothing it signs outlives it.
    pub ca_validity: Duration,
    /// Of the broker's and the organisations' certificates; default 7 days.
    pub validity: Duration,
    /// Of tokens; default 1 day. A token never outlives its certificate.
    pub token_validity: Duration,
    /// Replace existing files, signing keys included; default no.
    pub overwrite: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            ca_validity: DAY * 365,
            validity: DAY * 7,
            token_validity: DAY,
            overwrite: false,
        }
    }
}

impl Options {
    pub(crate) fn check(&self) -> Result<(), Error> {
        for validity in [self.ca_validity, self.validity, self.token_validity] {
            if validity < VALIDITY_MIN || validity.as_secs() > VALIDITY_DAYS_MAX * DAY.as_secs() {
                let seconds = validity.as_secs();
                return Err(Error::Validity {
                    seconds,
                    days_max: VALIDITY_DAYS_MAX,
                });
            }
        }
        Ok(())
    }

    pub(crate) fn existing(&self) -> Existing {
        if self.overwrite {
            Existing::Replace
        } else {
            Existing::Keep
        }
    }
}
