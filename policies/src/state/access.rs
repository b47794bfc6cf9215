//! Which access policies are in force. What they say is the broker's to evaluate; that they never go back
//! to an older set unseen is a rule of the log.

use serde::{Deserialize, Serialize};

use super::{ApplyError, State, Touched};
use crate::id::Fingerprint;

/// The access policies in force, by digest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PoliciesInForce {
    /// Over all documents.
    pub sha256: Fingerprint,
    /// Serial number of the operator's directory; `None` where the software's own are in force.
    pub serial: Option<u32>,
    /// The highest serial number that was ever in force, and its digest.
    pub newest: Option<(u32, Fingerprint)>,
    /// Index of the entry.
    pub entry: u64,
}

/// Why policies cannot follow those that were in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OutOfTurn {
    /// An older set.
    #[error("serial number {serial} is older than {newest}, which was in force before")]
    RolledBack {
        /// What was brought.
        serial: u32,
        /// The highest in the log.
        newest: u32,
    },
    /// Other documents under a number that has been used.
    #[error("serial number {serial} stands in the log for other documents: use a higher one")]
    Reused {
        /// What was brought.
        serial: u32,
    },
}

impl State {
    /// May these policies come into force? The software's own (no serial number) always may.
    ///
    /// # Errors
    /// `OutOfTurn` for an older directory and for a changed one under a used number.
    pub fn policies_in_turn(
        &self,
        sha256: &Fingerprint,
        serial: Option<u32>,
    ) -> Result<(), OutOfTurn> {
        let newest = self.policies.as_ref().and_then(|p| p.newest.as_ref());
        match (serial, newest) {
            (Some(serial), Some((newest, _))) if serial < *newest => Err(OutOfTurn::RolledBack {
                serial,
                newest: *newest,
            }),
            (Some(serial), Some((newest, known))) if serial == *newest && known != sha256 => {
                Err(OutOfTurn::Reused { serial })
            }
            _ => Ok(()),
        }
    }

    pub(super) fn change_policies(
        &mut self,
        sha256: &Fingerprint,
        serial: Option<u32>,
    ) -> Result<Vec<Touched>, ApplyError> {
        self.policies_in_turn(sha256, serial)
            .map_err(|_| ApplyError::Rule {
                rule: "access policies never go back to an older serial number",
            })?;
        let before = self.policies.as_ref();
        let same = |p: &PoliciesInForce| p.sha256 == *sha256 && p.serial == serial;
        if before.is_some_and(same) {
            return Err(ApplyError::Rule {
                rule: "`policy.changed` changes the policies",
            });
        }
        let brought = serial.map(|serial| (serial, sha256.clone()));
        self.policies = Some(PoliciesInForce {
            sha256: sha256.clone(),
            serial,
            newest: brought.or_else(|| before.and_then(|p| p.newest.clone())),
            entry: self.size,
        });
        Ok(vec![Touched::Policies])
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;
    use crate::entry::Body;
    use crate::id::sha256_hex;
    use crate::testing::entry;

    fn digest(text: &str) -> Fingerprint {
        Fingerprint::new(sha256_hex(text.as_bytes())).unwrap()
    }

    /// Takes (documents, serial) one after the other; the index of the first that is refused.
    fn refused(steps: &[(&str, Option<u32>)]) -> Option<usize> {
        let mut state = State::new();
        steps.iter().position(|(documents, serial)| {
            let sha256 = digest(documents);
            let serial = *serial;
            state
                .apply(&entry(Body::PolicyChanged { sha256, serial }))
                .is_err()
        })
    }

    #[test]
    fn policies_never_roll_back() {
        assert_eq!(
            refused(&[("a", Some(1)), ("b", Some(2)), ("c", Some(7))]),
            None
        );
        assert_eq!(
            refused(&[("a", Some(1)), ("b", Some(2)), ("a", Some(1))]),
            Some(2)
        );
        // Nor by a detour over the software's own.
        assert_eq!(
            refused(&[("b", Some(2)), ("own", None), ("a", Some(1))]),
            Some(2)
        );
        assert_eq!(
            refused(&[("b", Some(2)), ("own", None), ("b", Some(2))]),
            None
        );
        // An old set under a new number is a decision of the operator, and seen by everyone.
        assert_eq!(
            refused(&[("a", Some(1)), ("b", Some(2)), ("a", Some(3))]),
            None
        );
        assert_eq!(refused(&[("a", Some(1)), ("b", Some(1))]), Some(1));
        assert_eq!(refused(&[("a", Some(1)), ("a", Some(1))]), Some(1));
    }
}
