//! What plans ask for by themselves, and what they miss. What is due is read from the state alone, so a downtime is caught up, and
//! each release has the one request id that follows from it, so it is made once.

use std::sync::{Arc, PoisonError, Weak};

use futures::{StreamExt, stream};
use policies::schedule::{due, still_missing};
use policies::state::State;

use super::broker::Broker;
use super::life::warn;
use super::release::Answer;
use crate::error::Error;
use crate::limits::{SCHEDULE_TICK, SCHEDULED_AT_ONCE};

impl Broker {
    /// Makes every scheduled release that is due and has not been made. It is charged and nobody asked for it: it waits
    /// until the time is known to be right.
    pub async fn release_due(self: &Arc<Self>) {
        if self.clock.is_vouched().is_err() {
            return;
        }
        let wishes = {
            let state = self.sequencer.state();
            due(&state, state.decision_time(self.clock.now()))
        };
        let releases = stream::iter(wishes).for_each_concurrent(SCHEDULED_AT_ONCE, |wish| async {
            let (table, period) = (wish.table.clone(), wish.period);
            match self.release(wish).await {
                Ok(Answer::Released { key, .. }) => {
                    tracing::info!(release = %key, %table, %period, "released on schedule");
                }
                Ok(Answer::Refused { refusal, .. }) => {
                    tracing::warn!(%table, %period, %refusal, "not released on schedule");
                }
                Err(error) => {
                    let code = error.code();
                    tracing::warn!(code, %table, %period, "tried again on schedule");
                }
            }
        });
        releases.await;
    }

    /// Tells, once each, which periods plans have waited for in vain.
    ///
    /// # Errors
    /// [`Error`] where the log cannot be written.
    pub async fn tell_missing(&self) -> Result<(), Error> {
        let found = {
            let state = self.sequencer.state();
            let now = state.decision_time(self.clock.now());
            let mut settled = self.settled.lock().unwrap_or_else(PoisonError::into_inner);
            settled.missing(&state, now)
        };
        if found.is_empty() {
            return Ok(());
        }
        let told = move |state: &State, now| Ok((still_missing(found, state, now), ()));
        let done = self.sequencer.submit("contribution.missing", told).await?;
        tracing::info!(entries = done.entries.len(), "periods are missing");
        Ok(())
    }

    /// What plans bring: what is missing is told, what is due is released.
    async fn keep_plans(self: &Arc<Self>) {
        if let Err(error) = self.tell_missing().await {
            warn(&error, "missing periods are not told yet");
        }
        self.release_due().await;
    }

    /// Does what the broker does by itself at every tick, from now on and until it is gone. What was charged and has no
    /// table yet does not wait for a long downtime to be caught up.
    pub fn keep_schedule(self: &Arc<Self>) {
        self.at_every_tick(|broker| async move { broker.keep_plans().await });
        self.at_every_tick(|broker| async move { broker.resume().await });
    }

    fn at_every_tick<F: Future<Output = ()> + Send>(
        self: &Arc<Self>,
        work: impl Fn(Arc<Self>) -> F + Send + 'static,
    ) {
        let broker: Weak<Self> = Arc::downgrade(self);
        tokio::spawn(async move {
            let mut tick = tokio::time::interval(SCHEDULE_TICK);
            tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            loop {
                tick.tick().await;
                let Some(broker) = broker.upgrade() else {
                    break;
                };
                work(broker).await;
            }
        });
    }
}
