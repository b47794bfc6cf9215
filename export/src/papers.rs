//! What every file carries beside its rows.

use serde::Serialize;
use serde_json::Value;

use crate::grid::{Domain, Listed};
use crate::label::thousands;
use crate::source::Export;

/// The papers of a release: where it comes from, what protects it, what is missing, and the proof.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Papers<'a> {
    release: &'a str,
    agreements: Vec<&'a str>,
    providers: Vec<&'a str>,
    table: &'a str,
    period: String,
    edition: u32,
    privacy: String,
    claim: &'a str,
    /// Several, of a joint table without a licence of its own, are apart by spaces.
    licence: String,
    attribution: String,
    domain: Domain,
    domain_note: String,
    quality_sheet: &'a Value,
    receipt: &'a str,
}

impl Export {
    pub(crate) fn papers(&self, listed: Listed) -> Papers<'_> {
        let sheet = self.sheet();
        Papers {
            release: sheet.release.as_str(),
            agreements: sheet.agreements().iter().map(|id| id.as_str()).collect(),
            providers: sheet.providers().iter().map(|id| id.as_str()).collect(),
            table: sheet.table.name.as_str(),
            period: sheet.period_text(),
            edition: sheet.edition,
            privacy: sheet.privacy(),
            claim: &sheet.claim,
            licence: self.licences().join(" "),
            attribution: self.attribution(),
            domain: self.grid().domain(listed),
            domain_note: self.domain_note(listed),
            quality_sheet: self.sheet_json(),
            receipt: self.receipt(),
        }
    }

    /// `od of 2023-10, edition 1`.
    pub(crate) fn title(&self) -> String {
        let sheet = self.sheet();
        format!(
            "{} of {}, edition {}",
            sheet.table.name,
            sheet.period_text(),
            sheet.edition
        )
    }

    /// How much is not there, in words.
    pub(crate) fn withheld_note(&self) -> String {
        let Domain { keys, withheld, .. } = self.grid().domain(Listed::Released);
        if withheld == 0 {
            return "Every key of the table's public domain has a released row.".to_owned();
        }
        let (withheld, keys) = (thousands(withheld), thousands(keys));
        format!(
            "{withheld} of the {keys} keys of the table's public domain have no released row: suppressed and \
             absent look the same."
        )
    }

    /// The same, and what stands for them in a file.
    pub(crate) fn domain_note(&self, listed: Listed) -> String {
        let (note, domain) = (self.withheld_note(), self.grid().domain(listed));
        match (domain.withheld, listed) {
            (0, _) => note,
            (_, Listed::Every) => {
                format!("{note} Each of them has a row with withheld = true and no values.")
            }
            (_, Listed::Released) => {
                format!("{note} Released rows only are listed: every other key is withheld.")
            }
        }
    }

    /// Whose data, under which agreement, and who drew the zones.
    pub(crate) fn attribution(&self) -> String {
        let sheet = self.sheet();
        let sources = sheet.sources().into_iter();
        let sources = sources.map(|(provider, population)| format!("{provider} ({population})"));
        let zones = self.zones().attribution();
        let zones = zones.map(|text| format!("; zones: {text}"));
        format!(
            "Data of {}, released by Weir under agreement {}{}",
            sources.collect::<Vec<_>>().join(", "),
            sheet
                .agreements()
                .iter()
                .map(|id| id.as_str())
                .collect::<Vec<_>>()
                .join(", "),
            zones.unwrap_or_default()
        )
    }
}
