//! Ad-hoc merges and coarsenings.

use policies::coarse::{Coarsening, MERGE_PERIODS_MAX, Merge, Zones};
use policies::period::DayBins;

use super::super::{ConvertError, at_most, parse, wrong};
use crate::v1;

/// Most category dimensions that a message may name.
const CATEGORIES_MAX: usize = 16;
/// Longest name of a dimension, in bytes.
const NAME_BYTES_MAX: usize = 64;

impl TryFrom<v1::Merge> for Merge {
    type Error = ConvertError;

    fn try_from(message: v1::Merge) -> Result<Self, ConvertError> {
        let v1::Merge {
            periods,
            coarsening,
        } = message;
        let most = MERGE_PERIODS_MAX;
        at_most("merge.periods", "items", periods.len(), most)?;
        let periods: Result<Vec<_>, _> =
            periods.iter().map(|p| parse("merge.periods", p)).collect();
        let coarsening = coarsening.map(TryInto::try_into).transpose()?;
        Self::new(&periods?, coarsening.unwrap_or_default()).map_err(|e| wrong("merge", e))
    }
}

impl From<Merge> for v1::Merge {
    fn from(merge: Merge) -> Self {
        let coarsening = merge.coarsening().clone();
        Self {
            periods: merge.periods().map(Into::into).collect(),
            coarsening: (!coarsening.is_same()).then(|| coarsening.into()),
        }
    }
}

/// Whether it fits a table is for [`Coarsening::check`] to say.
impl TryFrom<v1::Coarsening> for Coarsening {
    type Error = ConvertError;

    fn try_from(message: v1::Coarsening) -> Result<Self, ConvertError> {
        let v1::Coarsening {
            bin_starts,
            zones,
            categories,
        } = message;
        at_most("bin_starts", "items", bin_starts.len(), 24)?;
        let hours: Result<Vec<u8>, _> = bin_starts.into_iter().map(u8::try_from).collect();
        let hours = hours.map_err(|_| wrong("bin_starts", "is not an hour of the day"))?;
        let bins = (!hours.is_empty()).then(|| DayBins::try_from(hours));
        let zones = match v1::CoarseZones::try_from(zones) {
            Ok(v1::CoarseZones::Unspecified | v1::CoarseZones::Same) => Zones::Same,
            Ok(v1::CoarseZones::Parent) => Zones::Parent,
            Ok(v1::CoarseZones::All) => Zones::All,
            Err(_) => return Err(wrong("zones", format_args!("`{zones}` is not known here"))),
        };
        at_most("categories", "items", categories.len(), CATEGORIES_MAX)?;
        for name in &categories {
            at_most("categories", "bytes", name.len(), NAME_BYTES_MAX)?;
        }
        Ok(Self {
            bins: bins.transpose().map_err(|e| wrong("bin_starts", e))?,
            zones,
            categories,
        })
    }
}

impl From<Coarsening> for v1::Coarsening {
    fn from(coarsening: Coarsening) -> Self {
        let Coarsening {
            bins,
            zones,
            categories,
        } = coarsening;
        let starts = bins.iter().flat_map(DayBins::starts);
        let zones = match zones {
            Zones::Same => v1::CoarseZones::Same,
            Zones::Parent => v1::CoarseZones::Parent,
            Zones::All => v1::CoarseZones::All,
        };
        Self {
            bin_starts: starts.map(|start| u32::from(*start)).collect(),
            zones: zones.into(),
            categories,
        }
    }
}
