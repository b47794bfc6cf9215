//! How many releases are drawn at one time.

use policies::mechanism::Mechanism;
use tokio::sync::{AcquireError, Semaphore, SemaphorePermit};

use crate::limits::{DRAWS_MAX, K_ONLY_DRAWS_MAX};

/// Places for draws; a k-only table, which takes minutes, MUST NOT keep one with noise waiting.
#[derive(Debug)]
pub(crate) struct Slots {
    noise: Semaphore,
    k_only: Semaphore,
}

impl Default for Slots {
    fn default() -> Self {
        Self {
            noise: Semaphore::new(DRAWS_MAX),
            k_only: Semaphore::new(K_ONLY_DRAWS_MAX),
        }
    }
}

impl Slots {
    /// Waits for a place; it is free again when the permit is dropped.
    pub(super) async fn one(
        &self,
        mechanism: &Mechanism,
    ) -> Result<SemaphorePermit<'_>, AcquireError> {
        let of = match mechanism.is_k_only() {
            true => &self.k_only,
            false => &self.noise,
        };
        of.acquire().await
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests fail by panicking")]

    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn k_only_draws_keep_no_other_waiting() {
        let slots = Slots::default();
        let k_only = Mechanism::KOnly { k: 5 };
        let mut held = Vec::new();
        let soon = Duration::from_millis(20);
        while let Ok(slot) = tokio::time::timeout(soon, slots.one(&k_only)).await {
            held.push(slot.unwrap());
        }
        assert_eq!(held.len(), K_ONLY_DRAWS_MAX);
        for _ in 0..DRAWS_MAX {
            let other = tokio::time::timeout(soon, slots.one(&Mechanism::Unprotected));
            held.push(other.await.unwrap().unwrap());
        }
    }
}
