//! When a key set is fetched, and how long it counts.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use jsonwebtoken::DecodingKey;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::JwksError;
use crate::identity::keys::TokenKeys;
use crate::limits::{JWKS_BACK_OFF, JWKS_EVERY, JWKS_STALE_AFTER, JWKS_UNKNOWN_EVERY};

/// The newest key set, for as long as it counts.
#[derive(Debug, Clone)]
pub struct KeySet {
    fetched: watch::Receiver<Option<Fetched>>,
    missed: Arc<Notify>,
}

/// Ages are measured on the monotonic clock: setting the time of day keeps no old set alive.
#[derive(Debug)]
struct Fetched {
    keys: TokenKeys,
    at: Instant,
}

impl KeySet {
    /// The key of this `kid`, unless the set is older than [`JWKS_STALE_AFTER`]. An unknown one asks
    /// for a fetch, and is unknown until that is done.
    #[must_use]
    pub fn get(&self, kid: &str) -> Option<Arc<DecodingKey>> {
        self.get_at(kid, Instant::now())
    }

    fn get_at(&self, kid: &str, now: Instant) -> Option<Arc<DecodingKey>> {
        let fetched = self.fetched.borrow();
        let fresh = fetched
            .as_ref()
            .filter(|set| now.saturating_duration_since(set.at) < JWKS_STALE_AFTER);
        let found = fresh.and_then(|set| set.keys.get(kid));
        if found.is_none() {
            self.missed.notify_one();
        }
        found
    }
}

/// When to fetch next, by how the last fetches went.
#[derive(Debug)]
struct Pace {
    back_off: Duration,
}

impl Pace {
    fn new() -> Self {
        Self {
            back_off: JWKS_BACK_OFF,
        }
    }

    /// The wait after a fetch, from its start.
    fn wait(&mut self, succeeded: bool) -> Duration {
        if succeeded {
            self.back_off = JWKS_BACK_OFF;
            return JWKS_EVERY;
        }
        let wait = self.back_off;
        self.back_off = wait.saturating_mul(2).min(JWKS_EVERY);
        wait
    }
}

/// Fetches now and every [`JWKS_EVERY`], after a failure sooner with a growing wait, for an unknown
/// `kid` no sooner than [`JWKS_UNKNOWN_EVERY`] after the last fetch. A failure takes nothing away.
/// MUST be called inside a tokio runtime.
pub fn keep<F, A>(fetch: F, stop: CancellationToken) -> KeySet
where
    F: Fn() -> A + Send + 'static,
    A: Future<Output = Result<TokenKeys, JwksError>> + Send,
{
    keep_with(fetch, JWKS_UNKNOWN_EVERY, stop)
}

fn keep_with<F, A>(fetch: F, unknown_every: Duration, stop: CancellationToken) -> KeySet
where
    F: Fn() -> A + Send + 'static,
    A: Future<Output = Result<TokenKeys, JwksError>> + Send,
{
    let (tell, fetched) = watch::channel(None);
    let missed = Arc::new(Notify::new());
    let asked = Arc::clone(&missed);
    tokio::spawn(async move {
        let mut pace = Pace::new();
        loop {
            let started = Instant::now();
            let fetched = fetch().await;
            let wait = pace.wait(fetched.is_ok());
            match fetched {
                Ok(keys) => drop(tell.send_replace(Some(Fetched { keys, at: started }))),
                Err(cause) => {
                    tracing::warn!(%cause, "the token issuer's key set is not renewed");
                }
            }
            let unknown = async {
                asked.notified().await;
                sleep_until(started + unknown_every).await;
            };
            tokio::select! {
                () = stop.cancelled() => return,
                () = sleep_until(started + wait) => (),
                () = unknown => (),
            }
        }
    });
    KeySet { fetched, missed }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    fn keys(kid: &str) -> TokenKeys {
        let zero = "A".repeat(43);
        let mut keys = TokenKeys::default();
        let key = DecodingKey::from_ec_components(&zero, &zero).unwrap();
        assert!(keys.insert(kid.to_owned(), key));
        keys
    }

    #[test]
    fn failures_back_off_to_the_usual_wait_and_a_success_forgets_them() {
        let mut pace = Pace::new();
        assert_eq!(pace.wait(true).as_secs(), 300);
        let waits: Vec<u64> = (0..9).map(|_| pace.wait(false).as_secs()).collect();
        assert_eq!(waits, [5, 10, 20, 40, 80, 160, 300, 300, 300]);
        assert_eq!(pace.wait(true).as_secs(), 300);
        assert_eq!(pace.wait(false).as_secs(), 5);
    }

    #[test]
    fn a_set_opens_nothing_once_it_is_a_day_old() {
        let at = Instant::now();
        let fetched = Some(Fetched {
            keys: keys("a"),
            at,
        });
        let (_tell, fetched) = watch::channel(fetched);
        let missed = Arc::default();
        let set = KeySet { fetched, missed };
        let second = Duration::from_secs(1);
        assert!(set.get_at("a", at + JWKS_STALE_AFTER - second).is_some());
        assert!(set.get_at("a", at + JWKS_STALE_AFTER).is_none());
        assert!(set.get_at("b", at).is_none());
    }

    /// However many tokens come with an unknown `kid`: one fetch in each span, and the new key is found.
    #[tokio::test]
    async fn an_unknown_kid_causes_one_fetch_in_its_span() {
        let fetches = Arc::new(AtomicUsize::new(0));
        let (counted, stop) = (Arc::clone(&fetches), CancellationToken::new());
        let fetch = move || {
            let first = counted.fetch_add(1, Ordering::SeqCst) == 0;
            std::future::ready(Ok(keys(if first { "old" } else { "new" })))
        };
        let (span, start) = (Duration::from_millis(300), Instant::now());
        let set = keep_with(fetch, span, stop.clone());
        while set.get("new").is_none() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        assert!(start.elapsed() >= span, "fetched again at once");
        assert_eq!(fetches.load(Ordering::SeqCst), 2);
        assert!(set.get("old").is_none());
        stop.cancel();
    }
}
