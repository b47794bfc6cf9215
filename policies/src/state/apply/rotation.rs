//! An organisation changes the key it signs with.

use super::{Touched, rule, unknown};
use crate::agreement::Agreement;
use crate::id::{Fingerprint, OrgId};
use crate::sign::PublicKey;
use crate::state::{ApplyError, State};

/// Most former keys of one organisation: all of them are listed wherever it is.
pub const ROTATIONS_MAX: usize = 64;

impl State {
    /// Has any organisation ever signed with this key?
    #[must_use]
    pub fn key_was_used(&self, key: &PublicKey) -> bool {
        let same = |known: &PublicKey| known.fingerprint() == key.fingerprint();
        self.orgs
            .values()
            .any(|org| same(&org.key) || org.former.iter().any(same))
    }

    /// The signatures are the auditor's to check.
    pub(super) fn rotate(
        &mut self,
        id: &OrgId,
        from: &Fingerprint,
        key: &PublicKey,
    ) -> Result<Vec<Touched>, ApplyError> {
        let used = self.key_was_used(key);
        rule(!used, "a key belongs to one organisation, and once")?;
        let index = self.size;
        let org = self.orgs.get_mut(id);
        let org = org.ok_or_else(|| unknown("organisation", id.as_str()))?;
        rule(
            org.key.fingerprint() == from,
            "a rotation starts from the key in force",
        )?;
        rule(
            org.former.len() < ROTATIONS_MAX,
            "an organisation changes its key 64 times at most",
        )?;
        let old = std::mem::replace(&mut org.key, key.clone());
        org.former.push(old);
        org.entry = index;
        Ok(vec![Touched::Org(id.clone())])
    }

    pub(super) fn keys_in_force(&self, terms: &Agreement) -> Result<(), ApplyError> {
        [&terms.provider, &terms.planner]
            .into_iter()
            .try_for_each(|party| {
                let key = self.org(&party.org).map(|org| org.key.fingerprint());
                rule(key == Some(&party.key), "a party's key is the one in force")
            })
    }
}
