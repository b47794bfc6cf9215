//! What to merge, as it is typed.

use clap::Args;
use policies::coarse::{Coarsening, Merge, Zones};
use policies::period::{DayBins, Period};

use crate::errors::{CliError, OrFail};

/// An ad-hoc merge. Without `--merge` nothing is merged.
#[derive(Debug, Clone, Default, Args)]
pub struct MergeArgs {
    /// Read all periods together, as one ad-hoc merge, and charge each of them for it.
    #[arg(long)]
    pub merge: bool,
    /// Coarser day bins by the hours at which they start, each the start of one of the table's own:
    /// 0,7,16.
    #[arg(long, value_name = "HOURS", value_parser = bins, requires = "merge")]
    pub bins: Option<DayBins>,
    /// What becomes of the zones: parent (each becomes its parent) or all (they become one).
    #[arg(long, value_name = "parent|all", value_parser = zones, requires = "merge")]
    pub zones: Option<Zones>,
    /// Category dimensions whose values become one, for example mode.
    #[arg(
        long,
        value_name = "DIMENSIONS",
        value_delimiter = ',',
        requires = "merge"
    )]
    pub drop: Vec<String>,
}

impl MergeArgs {
    /// The merge of these periods, or none where none is asked for.
    ///
    /// # Errors
    /// [`CliError`] where the periods cannot be merged, or nothing would be.
    pub fn of(&self, periods: &[Period]) -> Result<Option<Merge>, CliError> {
        if !self.merge {
            return Ok(None);
        }
        let mut rising = periods.to_vec();
        rising.sort_unstable();
        let coarsening = Coarsening {
            bins: self.bins.clone(),
            zones: self.zones.unwrap_or_default(),
            categories: self.drop.clone(),
        };
        let merge = Merge::new(&rising, coarsening);
        merge.map(Some).or_try("weir release request --help")
    }
}

fn bins(text: &str) -> Result<DayBins, String> {
    let hours = text.split(',').map(|hour| hour.trim().parse::<u8>());
    let hours: Result<Vec<u8>, _> = hours.collect();
    hours
        .map_err(|_| format!("`{text}` is not hours with commas, like 0,7,16"))
        .and_then(DayBins::try_from)
}

fn zones(text: &str) -> Result<Zones, String> {
    match text {
        "parent" => Ok(Zones::Parent),
        "all" => Ok(Zones::All),
        _ => Err(format!("`{text}` is neither parent nor all")),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    #[test]
    fn a_merge_is_what_was_typed() {
        let periods: Vec<Period> = ["2023-10-06", "2023-10-05"]
            .map(|p| p.parse().unwrap())
            .into();
        let mut args = MergeArgs::default();
        assert_eq!(args.of(&periods).unwrap(), None);
        args.merge = true;
        let merge = args.of(&periods).unwrap().unwrap();
        assert!(merge.periods().eq(periods.iter().rev().copied()));
        assert!(
            args.of(periods.get(..1).unwrap()).is_err(),
            "merges nothing"
        );
        (args.bins, args.zones) = (Some(bins("0, 7,16").unwrap()), Some(zones("all").unwrap()));
        args.drop = vec!["mode".into()];
        let merge = args.of(&periods).unwrap().unwrap();
        let expected = r#"{"bins": [0, 7, 16], "zones": "all", "categories": ["mode"]}"#;
        assert_eq!(*merge.coarsening(), serde_json::from_str(expected).unwrap());
        for wrong in ["7", "0,x", "0,25", "0,9,7", ""] {
            assert!(bins(wrong).is_err(), "`{wrong}` was taken");
        }
        assert!(zones("same").is_err());
    }
}
