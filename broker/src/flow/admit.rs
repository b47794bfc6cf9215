//! Admitting an organisation: the steward names it, the organisation proves that it holds its key.

use audit::receipt::Receipt;
use policies::entry::Body;
use policies::id::{OrgId, Role};
use policies::sign::{PartySignature, PublicKey, Signs, possession_payload, verify};
use serde::{Deserialize, Serialize};

use super::broker::Broker;
use crate::error::Error;

/// What an organisation hands to the steward (`weir org request` writes it).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Admission {
    /// Its name.
    pub org: OrgId,
    /// Its one role.
    pub role: Role,
    /// Its SPIFFE id: its certificate's.
    pub spiffe: String,
    /// The key it will sign with.
    pub key: PublicKey,
    /// Over [`possession_payload`], with that key.
    pub possession: PartySignature,
}

impl Broker {
    /// Admits an organisation. `by` is the steward; `None` only for the first steward, from the config.
    /// The receipt's entry holds the key's fingerprint: what the other parties confirm before they sign.
    ///
    /// # Errors
    /// [`Error::Invalid`] where possession is not proved, [`Error::AlreadyExists`] for a known name.
    pub async fn admit(&self, by: Option<&OrgId>, admission: Admission) -> Result<Receipt, Error> {
        let Admission {
            org,
            role,
            spiffe,
            key,
            possession,
        } = admission;
        let claim = possession_payload(&org, role, &spiffe, key.fingerprint());
        verify(Signs::KeyPossession, &key, &claim, &possession)
            .map_err(|e| Error::invalid("possession", e))?;
        if !spiffe.starts_with("spiffe://") || !spiffe.ends_with(&format!("/org/{org}")) {
            return Err(Error::invalid(
                "spiffe",
                format!("has to end in `/org/{org}`"),
            ));
        }
        if by.is_none() && role != Role::Steward {
            return Err(Error::invalid(
                "role",
                "the config admits a steward, nobody else",
            ));
        }
        let by = by.cloned();
        let done = self
            .sequencer
            .submit("org.admitted", move |state, _| {
                if let Some(known) = state.org(&org) {
                    let same = known.key == key && known.role == role && known.spiffe == spiffe;
                    // A repeat of the same admission is answered with the first one's entry.
                    return if same {
                        Ok((Vec::new(), Some(known.entry)))
                    } else {
                        Err(Error::AlreadyExists {
                            what: "organisation",
                            id: org.to_string(),
                        })
                    };
                }
                Ok((
                    vec![Body::OrgAdmitted {
                        org,
                        role,
                        spiffe,
                        key,
                        possession,
                        by,
                    }],
                    None,
                ))
            })
            .await?;
        match done.value {
            Some(entry) => self.heads.receipt(entry).await,
            None => self.last_receipt(&done.entries).await,
        }
    }
}
