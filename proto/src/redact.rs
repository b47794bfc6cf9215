//! Debug forms of the messages that hold a number of people or a salt: neither may reach a log.

use std::fmt;

use crate::v1::{ContributionHeader, ReleaseHeader};

impl fmt::Debug for ContributionHeader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            agreement_id,
            table,
            period,
            batch_id,
            supersedes_batch_id,
            rates: _,
            active_units: _,
        } = self;
        f.debug_struct("ContributionHeader")
            .field("agreement_id", agreement_id)
            .field("table", table)
            .field("period", period)
            .field("batch_id", batch_id)
            .field("supersedes_batch_id", supersedes_batch_id)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for ReleaseHeader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            release_key,
            quality_sheet: _,
            salt: _,
            blob_id,
            table_bytes,
            receipt: _,
        } = self;
        f.debug_struct("ReleaseHeader")
            .field("release_key", release_key)
            .field("blob_id", blob_id)
            .field("table_bytes", table_bytes)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_hides_people_and_salts() {
        let header = ContributionHeader {
            active_units: Some(987_654_321),
            ..ContributionHeader::default()
        };
        assert!(!format!("{header:?}").contains("987654321"));
        let release = ReleaseHeader {
            salt: vec![137; 16],
            ..ReleaseHeader::default()
        };
        assert!(!format!("{release:?}").contains("137"));
    }
}
