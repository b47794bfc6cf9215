//! Changing the key that an organisation signs with: the old key and the new one sign the change.

use audit::receipt::Receipt;
use policies::entry::Body;
use policies::id::{Fingerprint, OrgId};
use policies::sign::{Signs, rotation_payload, verify};
use policies::state::{ROTATIONS_MAX, State};
use proto::convert::Rotation;

use super::broker::Broker;
use crate::error::Error;

/// Is the key that a signature was checked with in force still? Between the check and the decision it may have been changed;
/// an entry signed with any other would break the log for every auditor.
///
/// # Errors
/// [`Error::Precondition`] where it was changed.
pub(super) fn still_in_force(state: &State, org: &OrgId, key: &Fingerprint) -> Result<(), Error> {
    if state.org(org).map(|known| known.key.fingerprint()) == Some(key) {
        return Ok(());
    }
    let message = "your key was changed while this was on its way: sign it again".into();
    Err(Error::Precondition { message })
}

impl Broker {
    /// Puts the caller's new key in force. What the old one signed before stays signed; an offer
    /// that names it can be signed no more.
    ///
    /// # Errors
    /// [`Error::Invalid`] where a signature does not hold, [`Error::AlreadyExists`] for a key that
    /// anybody ever used, [`Error::Precondition`] where the key in force changed meanwhile or has
    /// changed [`ROTATIONS_MAX`] times.
    pub async fn rotate_key(&self, org: &OrgId, rotation: Rotation) -> Result<Receipt, Error> {
        let Rotation {
            key,
            by_old,
            by_new,
        } = rotation;
        let known = self.sequencer.state().org(org).cloned();
        let known = known.ok_or(Error::Denied)?;
        // The same change again: the key before the one in force signed it.
        let repeated = known.key == key;
        let old = if repeated {
            known.former.last()
        } else {
            Some(&known.key)
        };
        let old = old.ok_or(Error::AlreadyExists {
            what: "key",
            id: key.fingerprint().to_string(),
        })?;
        let claim = rotation_payload(org, old.fingerprint(), key.fingerprint());
        for (field, key, signature) in [("by_old", old, &by_old), ("by_new", &key, &by_new)] {
            verify(Signs::KeyRotation, key, &claim, signature)
                .map_err(|e| Error::invalid(field, e))?;
        }
        if repeated {
            return self.heads.receipt(known.entry).await;
        }
        let (org, from) = (org.clone(), old.fingerprint().clone());
        let done = self
            .sequencer
            .submit("org.key_rotated", move |state, _| {
                let known = state.org(&org).ok_or(Error::Denied)?;
                if *known.key.fingerprint() != from || known.former.len() >= ROTATIONS_MAX {
                    return Err(Error::Precondition {
                        message: "the key in force was changed meanwhile, or too often: list it"
                            .into(),
                    });
                }
                if state.key_was_used(&key) {
                    return Err(Error::AlreadyExists {
                        what: "key",
                        id: key.fingerprint().to_string(),
                    });
                }
                let rotated = Body::OrgKeyRotated {
                    org,
                    from,
                    key,
                    by_old,
                    by_new,
                };
                Ok((vec![rotated], ()))
            })
            .await?;
        self.last_receipt(&done.entries).await
    }
}

#[cfg(test)]
mod tests {
    use policies::testing::{Town, org};

    use super::*;

    /// Whoever changes a key while a signature by the old one is on its way has it turned away, not logged.
    #[test]
    fn a_signature_counts_while_its_key_is_in_force() {
        let town = Town::active();
        let (bikes, key) = (org("bikes"), town.bikes.public.fingerprint());
        assert!(still_in_force(&town.state, &bikes, key).is_ok());
        for (org, key) in [
            (&bikes, town.city.public.fingerprint()),
            (&org("trams"), key),
        ] {
            let refused = still_in_force(&town.state, org, key);
            assert!(matches!(refused, Err(Error::Precondition { .. })));
        }
    }
}
