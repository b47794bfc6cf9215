//! What is protected, and the words for it.

use serde::{Deserialize, Serialize};

use crate::period::Grain;

/// What is protected (DESIGN section 2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unit {
    /// Everything one person does in a day.
    PersonDay,
    /// Everything one person does in a week.
    PersonWeek,
    /// Everything one person does in a month.
    PersonMonth,
    /// One trip, where no person id exists.
    Trip,
    /// Nothing is known: the table carries no k or DP claim, and says so.
    None,
}

impl Unit {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::PersonDay,
        Self::PersonWeek,
        Self::PersonMonth,
        Self::Trip,
        Self::None,
    ];

    /// The grain of its unit-periods in the ledger. A trip belongs to the day it starts on; data
    /// without a unit is not in the ledger.
    #[must_use]
    pub fn grain(self) -> Option<Grain> {
        match self {
            Self::PersonDay | Self::Trip => Some(Grain::Day),
            Self::PersonWeek => Some(Grain::Week),
            Self::PersonMonth => Some(Grain::Month),
            Self::None => None,
        }
    }

    /// The word for one of them on a screen.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::PersonDay => "person-day",
            Self::PersonWeek => "person-week",
            Self::PersonMonth => "person-month",
            Self::Trip => "trip",
            Self::None => "none",
        }
    }

    /// What that means, without wording trips as people.
    #[must_use]
    pub fn about(self) -> &'static str {
        match self {
            Self::PersonDay => "everything one person does in a day",
            Self::PersonWeek => "everything one person does in a week",
            Self::PersonMonth => "everything one person does in a month",
            Self::Trip => "one trip; somebody who makes many is protected for each, not for all",
            Self::None => "these tables carry no k-anonymity and no differential privacy claim",
        }
    }

    /// What the distinct units in a row are, in one word, for a table of this grain. A person is counted once per
    /// unit-period: units are people only where the table has that very grain, and may be more than people else.
    ///
    /// ```
    /// use policies::agreement::Unit;
    /// use policies::period::Grain;
    /// assert_eq!(Unit::PersonDay.counted(Grain::Day), "people");
    /// assert_eq!(Unit::PersonDay.counted(Grain::Month), "person-days");
    /// assert_eq!(Unit::Trip.counted(Grain::Month), "trips");
    /// ```
    #[must_use]
    pub fn counted(self, table: Grain) -> &'static str {
        match self {
            Self::Trip => "trips",
            Self::None => "units",
            _ if self.grain() == Some(table) => "people",
            Self::PersonDay => "person-days",
            Self::PersonWeek => "person-weeks",
            Self::PersonMonth => "person-months",
        }
    }
}
