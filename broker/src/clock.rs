//! The one place that reads the time of day, so that tests can say what time it is.

use std::sync::{Arc, Mutex};

use jiff::Timestamp;

/// A clock that all parts of one broker share.
#[derive(Debug, Clone, Default)]
pub struct Clock(Option<Arc<Mutex<Timestamp>>>);

impl Clock {
    /// The operating system's.
    #[must_use]
    pub fn system() -> Self {
        Self(None)
    }

    /// One that stands until it is set.
    #[must_use]
    pub fn standing_at(time: Timestamp) -> Self {
        Self(Some(Arc::new(Mutex::new(time))))
    }

    /// Sets a standing clock; the system's clock is left alone.
    pub fn set(&self, time: Timestamp) {
        if let Self(Some(standing)) = self {
            *standing
                .lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner) = time;
        }
    }

    /// The time now, in whole milliseconds: what an entry can say.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        let now = match &self.0 {
            None => Timestamp::now(),
            Some(standing) => *standing
                .lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner),
        };
        Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now)
    }
}
