//! Trying again: bounded, ever slower, and never in step with others.

use std::time::Duration;

use super::error::ClientError;

/// How often and how patiently a call that carries its own id is repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retry {
    /// Calls in all, the first included; at least one is made.
    pub attempts: u32,
    /// Wait before the second call; each further wait is twice as long.
    pub first: Duration,
    /// Longest wait.
    pub most: Duration,
}

impl Default for Retry {
    /// 5 calls, waiting about 0.25, 0.5, 1 and 2 s.
    fn default() -> Self {
        Self {
            attempts: 5,
            first: Duration::from_millis(250),
            most: Duration::from_secs(10),
        }
    }
}

/// The attempts at one call.
#[derive(Debug)]
pub(super) struct Attempts {
    retry: Retry,
    made: u32,
}

impl Attempts {
    pub fn new(retry: Retry) -> Self {
        Self { retry, made: 0 }
    }

    /// Which attempt is being made, from 1.
    pub fn number(&self) -> u32 {
        self.made.saturating_add(1)
    }

    /// After a failed attempt: waits when there may be another, else hands the error on.
    pub async fn again(&mut self, error: ClientError) -> Result<(), ClientError> {
        self.made = self.made.saturating_add(1);
        if !error.retryable() || self.made >= self.retry.attempts {
            return Err(error);
        }
        let wait = self.wait();
        tracing::info!(
            attempt = self.made,
            code = error.code(),
            wait_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX),
            "trying again"
        );
        tokio::time::sleep(wait).await;
        Ok(())
    }

    /// Half of the doubled wait, and a random share of the other half.
    fn wait(&self) -> Duration {
        let doublings = self.made.saturating_sub(1).min(16);
        let whole = self.retry.first.saturating_mul(1 << doublings);
        let half = whole.min(self.retry.most) / 2;
        let mut random = [0_u8; 2];
        // Without randomness the wait is merely in step with others.
        let _ = aws_lc_rs::rand::fill(&mut random);
        let share = u32::from(u16::from_le_bytes(random));
        half + half.saturating_mul(share) / u32::from(u16::MAX)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]
mod tests {
    use tonic::Status;

    use super::*;

    const QUICK: Retry = Retry {
        attempts: 3,
        first: Duration::from_micros(10),
        most: Duration::from_micros(20),
    };

    fn said(status: Status) -> ClientError {
        ClientError::status("test", &status)
    }

    #[tokio::test]
    async fn attempts_are_counted() {
        let mut attempts = Attempts::new(QUICK);
        assert_eq!(attempts.number(), 1);
        let busy = || said(Status::unavailable("later"));
        attempts.again(busy()).await.unwrap();
        attempts.again(busy()).await.unwrap();
        assert_eq!(attempts.number(), 3);
        attempts.again(busy()).await.unwrap_err();
    }

    #[tokio::test]
    async fn what_would_fail_again_is_not_repeated() {
        for status in [
            Status::invalid_argument("period"),
            Status::already_exists("the batch `b` exists already"),
            Status::resource_exhausted("the contribution is over the limit of 5"),
            Status::permission_denied("not allowed for your role"),
            Status::internal("internal error: the operator's log tells more"),
        ] {
            let error = Attempts::new(QUICK).again(said(status)).await.unwrap_err();
            assert!(!error.retryable(), "{error}");
        }
        for status in [
            Status::unavailable("unavailable: nothing has changed, try again later"),
            Status::resource_exhausted("busy: try again later"),
        ] {
            Attempts::new(QUICK).again(said(status)).await.unwrap();
        }
    }

    #[test]
    fn waits_grow_to_the_bound_and_are_never_shorter_than_half() {
        let retry = Retry::default();
        for (made, whole_ms) in [
            (1, 250),
            (2, 500),
            (3, 1_000),
            (4, 2_000),
            (9, 10_000),
            (99, 10_000),
        ] {
            let attempts = Attempts { retry, made };
            let wait = attempts.wait();
            let whole = Duration::from_millis(whole_ms);
            assert!(wait >= whole / 2 && wait <= whole, "{made}: {wait:?}");
        }
    }
}
