//! Time zones by name.

use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::PeriodError;

/// An IANA time zone by name, from the database compiled into this build: the same bins everywhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Zone {
    name: String,
    tz: TimeZone,
}

impl Zone {
    /// Its IANA name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The zone's rules.
    #[must_use]
    pub fn tz(&self) -> &TimeZone {
        &self.tz
    }
}

impl TryFrom<String> for Zone {
    type Error = PeriodError;
    fn try_from(name: String) -> Result<Self, PeriodError> {
        // One spelling per zone, so that equal agreements have equal bytes; the library takes any
        // case.
        match TimeZone::get(&name) {
            Ok(tz) if tz.iana_name() == Some(&name) && !tz.is_unknown() => Ok(Self { name, tz }),
            _ => Err(PeriodError::Zone {
                zone: name.chars().take(40).collect(),
            }),
        }
    }
}

impl From<Zone> for String {
    fn from(zone: Zone) -> Self {
        zone.name
    }
}
