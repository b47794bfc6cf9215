//! May an agreement allow open data on these terms?

use super::Check;
use crate::agreement::{Agreement, LICENCE_BYTES_MAX, OpenOnEnd, TablesOnEnd};

impl Check {
    pub(super) fn publication(&mut self, a: &Agreement) {
        let Some(publication) = &a.publication else {
            return;
        };
        let message = format!(
            "name an SPDX identifier, like `CC-BY-4.0`, or the `https` address of a licence, in at most \
             {LICENCE_BYTES_MAX} bytes"
        );
        let named = publication.names_a_licence();
        self.require(named, "publication.licence", message);
        let closed = a.on_end.unwrap_or_default().tables == TablesOnEnd::Closed;
        let kept = publication.on_end == OpenOnEnd::Kept;
        self.require(
            !(closed && kept),
            "publication.on_end",
            "`on_end.tables` is `closed`: then open tables are `withdrawn` at the end",
        );
    }
}
