//! What the catalogue says of open tables, made before anybody asks: a page of it would have to wait for the files of fifty.

use std::cmp::Reverse;
use std::sync::Arc;

use policies::id::ReleaseKey;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::Open;
use super::make::Keep;
use super::reply::tell;
use crate::limits::{OPEN_RELEASES_KEPT, REGISTER_EVERY};
use crate::web::answer::beside;

impl Open {
    /// Makes the files of what is open, newest first and one table at a time, and of what is opened from then on; of what
    /// cannot be made the log says why, and whoever asks for it tries again. The files themselves are not kept: readers'
    /// are. Until `stop`, which ends what is in work.
    pub async fn make_ahead(self: Arc<Self>, stop: CancellationToken) {
        stop.run_until_cancelled(self.go_ahead()).await;
        self.shelf.close();
    }

    async fn go_ahead(self: &Arc<Self>) {
        let mut tick = interval(REGISTER_EVERY);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut seen = None;
        loop {
            tick.tick().await;
            let open = Arc::clone(self);
            let new = beside(move || open.opened_after(seen)).await;
            for (entry, key) in new.unwrap_or_default() {
                seen = seen.max(Some(entry));
                let about = self.look(&key).filter(|about| about.withdrawn.is_none());
                if let Some(about) = about {
                    let _made = self.learned(&about, Keep::Nothing).await.inspect_err(tell);
                }
            }
        }
    }

    /// What was opened after an entry, newest first; of more than these nothing would be kept. It does not look at the list
    /// that strangers are shown, which would then be older for them.
    fn opened_after(&self, seen: Option<u64>) -> Vec<(u64, ReleaseKey)> {
        let state = self.broker.sequencer().state();
        let new = state.opened().filter(|(entry, _)| Some(*entry) > seen);
        let mut new: Vec<_> = new.map(|(entry, key)| (entry, key.clone())).collect();
        new.sort_by_key(|(entry, _)| Reverse(*entry));
        new.truncate(OPEN_RELEASES_KEPT);
        new
    }
}
