//! Entries about the log's own operation.

use jiff::Timestamp;
use policies::entry::{AuditorRead, Body, Configuration, RefusalsFolded, SNAPSHOT_FORM, Snapshot};
use policies::id::Role;
use policies::state::{SNAPSHOT_EVERY, State};

use super::{Breach, caller, same, word};

/// Once a log has snapshots, they keep coming: without them nothing in it says what the broker
/// believed.
pub(super) fn snapshot_due(state: &State, body: &Body) -> Result<(), Breach> {
    let most = state.snapshot_after().saturating_add(SNAPSHOT_EVERY);
    let late = state.snapshot().is_some() && state.since_snapshot() > most;
    if late && !matches!(body, Body::StateSnapshot(_)) {
        return Err(Breach::NoSnapshot { most });
    }
    Ok(())
}

/// Does the broker believe what the entries imply? Of another form, nobody here can tell.
pub(super) fn snapshot(state: &State, found: &Snapshot) -> Result<(), Breach> {
    if found.form != SNAPSHOT_FORM {
        return Ok(());
    }
    let root = state
        .root()
        .map_err(|e| Breach::State { why: e.to_string() })?;
    same("root", &root, &found.root)
}

/// Names of limits are words, so that they carry nothing else.
pub(super) fn configured(config: &Configuration) -> Result<(), Breach> {
    config
        .limits
        .keys()
        .try_for_each(|name| word("limits", name))
}

/// Read by an auditor, and only what was there.
pub(super) fn read(state: &State, read: &AuditorRead) -> Result<(), Breach> {
    match state.org(&read.by) {
        Some(org) if org.role == Role::Auditor => {}
        found => {
            return Err(Breach::Caller {
                org: read.by.clone(),
                why: found.map_or("it is not admitted".to_owned(), |org| {
                    format!("it is admitted as {}", org.role)
                }),
            });
        }
    }
    if read.from >= read.to || read.to > state.size() {
        let size = state.size();
        return Err(Breach::Range {
            from: read.from,
            to: read.to,
            size,
        });
    }
    Ok(())
}

/// Asked by somebody who may ask, in a time that has passed.
pub(super) fn folded(
    state: &State,
    folded: &RefusalsFolded,
    time: Timestamp,
) -> Result<(), Breach> {
    caller(state, &folded.by, "/weir.v1.ReleaseService/RequestRelease")?;
    same("since", &folded.since.min(time), &folded.since)?;
    same("requests", &folded.requests.max(1), &folded.requests)
}
