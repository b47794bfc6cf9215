//! Effects on open data.

use jiff::Timestamp;

use super::{Touched, rule, unknown};
use crate::entry::{Opening, Recall};
use crate::id::ReleaseKey;
use crate::state::{ApplyError, Openness, ReleaseRecord, State};

impl State {
    /// A first person proposes it; again while nobody has approved, the newest counts.
    pub(super) fn propose_opening(
        &mut self,
        new: &Opening,
        time: Timestamp,
    ) -> Result<Vec<Touched>, ApplyError> {
        let release = self.stepping(new, time)?;
        let waits = matches!(release.open, None | Some(Openness::Proposed { .. }));
        rule(
            waits,
            "a release becomes open data once, and is withdrawn for good",
        )?;
        let (by, entry) = (new.clone(), self.size);
        self.set_open(&new.key, Openness::Proposed { by, entry })
    }

    /// Four eyes: the one who approves is another than the one who proposed.
    pub(super) fn approve_opening(
        &mut self,
        new: &Opening,
        time: Timestamp,
    ) -> Result<Vec<Touched>, ApplyError> {
        let release = self.stepping(new, time)?;
        let Some(Openness::Proposed { by: proposed, .. }) = &release.open else {
            let rule = "what is approved as open data was proposed, and is not yet public";
            return Err(ApplyError::Rule { rule });
        };
        rule(
            new.is_by_another(proposed),
            "open data is approved by another person than proposed it",
        )?;
        let (by, entry) = (new.clone(), self.size);
        self.set_open(&new.key, Openness::Opened { by, entry, time })
    }

    /// Any party takes it back, at any time, for good.
    pub(super) fn withdraw_opening(
        &mut self,
        new: &Recall,
        time: Timestamp,
    ) -> Result<Vec<Touched>, ApplyError> {
        let release = self.releases.get(&new.key);
        let release = release.ok_or_else(|| unknown("release", new.key.as_str()))?;
        rule(
            self.is_party_to(release, &new.by),
            "open data is withdrawn by a party of its agreement",
        )?;
        let opened = match &release.open {
            Some(open @ (Openness::Proposed { .. } | Openness::Opened { .. })) => open.opened(),
            None | Some(Openness::Withdrawn { .. }) => {
                let rule = "what is withdrawn was proposed or public";
                return Err(ApplyError::Rule { rule });
            }
        };
        let (by, entry) = (new.clone(), self.size);
        let withdrawn = Openness::Withdrawn {
            by,
            entry,
            time,
            opened,
        };
        self.set_open(&new.key, withdrawn)
    }

    /// What has to hold for both steps: a release that may become open, and a party.
    fn stepping(&self, new: &Opening, time: Timestamp) -> Result<&ReleaseRecord, ApplyError> {
        let release = self.releases.get(&new.key);
        let release = release.ok_or_else(|| unknown("release", new.key.as_str()))?;
        let may = self.may_open(release, time);
        may.map_err(|barred| ApplyError::Rule {
            rule: barred.rule(),
        })?;
        rule(
            self.is_party_to(release, &new.by),
            "open data is proposed and approved by parties of its agreement",
        )?;
        Ok(release)
    }

    fn set_open(&mut self, key: &ReleaseKey, open: Openness) -> Result<Vec<Touched>, ApplyError> {
        let release = self.releases.get_mut(key);
        let release = release.ok_or_else(|| unknown("release", key.as_str()))?;
        release.open = Some(open);
        Ok(vec![Touched::Release(key.clone())])
    }
}
