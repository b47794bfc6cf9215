//! Effects on open data.

use jiff::Timestamp;

use super::{Touched, rule, unknown};
use crate::entry::{Opening, Recall};
use crate::id::ReleaseKey;
use crate::state::{ApplyError, Openness, ReleaseRecord, Stage, State, Status};

impl State {
    /// A first person proposes it; again while nobody has approved, the newest counts.
    pub(super) fn propose_opening(
        &mut self,
        new: &Opening,
        time: Timestamp,
    ) -> Result<Vec<Touched>, ApplyError> {
        let release = self.openable(new, time)?;
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
        let release = self.openable(new, time)?;
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
            Some(Openness::Proposed { .. }) => None,
            Some(Openness::Opened { time, .. }) => Some(*time),
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

    /// What has to hold for both steps: a final table, all of whose agreements allow it and are active, and a party.
    fn openable(&self, new: &Opening, time: Timestamp) -> Result<&ReleaseRecord, ApplyError> {
        let release = self.releases.get(&new.key);
        let release = release.ok_or_else(|| unknown("release", new.key.as_str()))?;
        rule(
            matches!(release.stage, Stage::Published { .. }),
            "open data is a release that is published",
        )?;
        rule(
            self.publications(release).is_some(),
            "open data is allowed by every agreement of the release",
        )?;
        let asked = release.reservation.asked();
        let mut active = asked.iter().map(|asked| {
            let record = self.newest(&asked.agreement);
            record.is_some_and(|r| r.standing(time) == Status::Active && !r.has_run_out(time))
        });
        rule(
            active.all(|active| active),
            "open data is made of active agreements",
        )?;
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
