//! Connections, and calls in work, per organisation: one member must not take the places of all the others.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use policies::id::OrgId;

/// How many places each organisation holds, and the most it may.
#[derive(Debug)]
pub struct Shares {
    most: usize,
    held: Mutex<HashMap<OrgId, usize>>,
}

/// One place of an organisation, given back when dropped.
#[derive(Debug)]
pub struct Share {
    of: Arc<Shares>,
    org: OrgId,
}

impl Shares {
    /// At most `most` for each organisation.
    #[must_use]
    pub fn new(most: usize) -> Arc<Self> {
        let held = Mutex::default();
        Arc::new(Self { most, held })
    }

    /// A place for `org`, or `None` where it holds all of its own.
    #[must_use]
    pub fn take(self: &Arc<Self>, org: &OrgId) -> Option<Share> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let count = held.entry(org.clone()).or_default();
        if *count >= self.most {
            return None;
        }
        *count += 1;
        Some(Share {
            of: Arc::clone(self),
            org: org.clone(),
        })
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let held = self.of.held.lock();
        let mut held = held.unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = held.get_mut(&self.org) {
            *count -= 1;
            if *count == 0 {
                held.remove(&self.org);
            }
        }
    }
}
