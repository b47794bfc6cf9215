//! The bins of a day.

use serde::{Deserialize, Serialize};

/// The bins of a local day by the hour each one starts: `[0, 7, 9, 16, 18]` makes five.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "Vec<u8>", into = "Vec<u8>")]
pub struct DayBins(Vec<u8>);

impl DayBins {
    /// One bin that is the whole day.
    #[must_use]
    pub fn whole_day() -> Self {
        Self(vec![0])
    }

    /// The bin that holds the local hour `hour` (0 to 23). A wall-clock hour that a DST change
    /// repeats falls twice into the same bin.
    #[must_use]
    pub fn of_hour(&self, hour: u8) -> u8 {
        let after = self.0.partition_point(|start| *start <= hour);
        u8::try_from(after.saturating_sub(1)).unwrap_or(u8::MAX)
    }

    /// The hour at which each one starts, rising from 0.
    #[must_use]
    pub fn starts(&self) -> &[u8] {
        &self.0
    }

    /// How many there are, 1 to 24.
    #[must_use]
    pub fn count(&self) -> u8 {
        u8::try_from(self.0.len()).unwrap_or(u8::MAX)
    }

    /// `07-09`, or `None` past the last bin.
    #[must_use]
    pub fn label(&self, bin: u8) -> Option<String> {
        let from = self.0.get(usize::from(bin))?;
        let until = self.0.get(usize::from(bin) + 1).copied().unwrap_or(24);
        Some(format!("{from:02}-{until:02}"))
    }
}

impl TryFrom<Vec<u8>> for DayBins {
    type Error = String;
    fn try_from(starts: Vec<u8>) -> Result<Self, String> {
        let rising = starts.is_sorted_by(|a, b| a < b);
        let in_day = starts.last().is_some_and(|last| *last < 24);
        if starts.first() == Some(&0) && rising && in_day {
            Ok(Self(starts))
        } else {
            Err("bins are the hours at which they start: from 0, rising, below 24".into())
        }
    }
}

impl From<DayBins> for Vec<u8> {
    fn from(bins: DayBins) -> Self {
        bins.0
    }
}
