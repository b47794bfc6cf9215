//! Following the log: entry by entry as they come, with a copy that the auditor keeps.

use std::time::Duration;

use audit::checkpoint::{Checkpoint, LogKey};
use audit::error::AuditError;
use audit::follow::Follower;
use audit::replay::{Gap, Replayer};
use clap::Args;
use futures::StreamExt;
use jiff::Timestamp;
use policies::entry::{Body, Entry};
use sdk::client::{Client, ClientError};
use serde_json::json;

use super::super::Session;
use super::super::session::from_client;
use super::archive::Archive;
use super::evidence::{completed, parse};
use super::replay::in_turn;
use crate::errors::{CliError, OrFail};
use crate::files;
use crate::output::{short, write_out};

pub const HELP: &str = "\
Example:
  weir audit follow --profile certs/ombudsman/weir.toml
  weir audit follow --once --json | jq .kind

Each entry is checked as it comes: form, signatures, rules, charges, balances; each checkpoint has
to be signed and to continue the one before. What was seen is kept in the profile's `state` folder
(audit/log), so a log that is rolled back or rewritten later is caught, and `weir audit replay`
works on that copy. Two checkpoints that contradict each other are kept as a file for others: the
error says where, and `weir audit evidence FILE` what it proves. --json prints one line per entry.
Exit code 4: something does not hold.";

/// Arguments of `weir audit follow`.
#[derive(Debug, Args)]
pub struct Follow {
    /// Stop at the present end of the log.
    #[arg(long)]
    pub once: bool,
    /// Seconds between two looks, 1 to 3600.
    #[arg(long, value_name = "SECONDS", default_value_t = 5,
        value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub every: u64,
}

pub async fn run(args: Follow, session: &Session) -> Result<(), CliError> {
    let profile = session.profile()?;
    let client = session.client().await?;
    client.check_log_key().await.map_err(from_client)?;
    let archive = Archive::at(&profile.state.join("audit"));
    let mut follower = resume(&archive, &client, session)?;
    loop {
        let checkpoint = client.checkpoint().await;
        let checkpoint = checkpoint.map_err(|error| refused(error, &archive, client.log_key()))?;
        advance(&client, &mut follower, &checkpoint, &archive, session).await?;
        if args.once {
            let size = checkpoint.size();
            let folder = archive.folder().display();
            session
                .output
                .note(&format!("{size} entries hold; copy kept in {folder}"));
            return Ok(());
        }
        tokio::select! {
            () = tokio::time::sleep(Duration::from_secs(args.every)) => {}
            _ = tokio::signal::ctrl_c() => return Ok(()),
        }
    }
}

/// Everything that was seen before, checked again: a copy is only as good as its last check.
fn resume(archive: &Archive, client: &Client, session: &Session) -> Result<Follower, CliError> {
    if !archive.exists() {
        return Ok(Follower::new());
    }
    let loaded = archive.load()?;
    let seen = loaded.verify(client.log_key())?;
    let follower = Follower::resume(&seen).map_err(CliError::broken)?;
    if seen.unsigned_bytes() > 0 {
        archive.cut(seen.signed_bytes())?;
    }
    session.output.note(&format!(
        "{} entries from our own copy hold",
        follower.size()
    ));
    Ok(follower)
}

/// Takes the entries up to a checkpoint, keeps them when they are those that were signed and hold,
/// and shows each.
async fn advance(
    client: &Client,
    follower: &mut Follower,
    checkpoint: &Checkpoint,
    archive: &Archive,
    session: &Session,
) -> Result<(), CliError> {
    let mut new: Vec<Vec<u8>> = Vec::new();
    let (from, size) = (follower.size(), checkpoint.size());
    let mut next = from;
    let mut bundles = std::pin::pin!(client.entries(from, size));
    while let Some(bundle) = bundles.next().await {
        for (index, bytes) in bundle.map_err(from_client)?.entries {
            in_turn(next, index)?;
            next = next.saturating_add(1);
            new.push(bytes);
        }
    }
    if from < size {
        in_turn(next, size)?;
    }
    let entries = new.iter().map(Vec::as_slice);
    let advanced = follower.advance(checkpoint.signed(), entries, client.log_key());
    advanced.map_err(|error| contradicted(&error, archive, client.log_key()))?;
    let clock = follower.replayer().check_clock(Timestamp::now());
    clock.map_err(CliError::broken)?;
    watched(follower.replayer(), from, session);
    for (index, bytes) in (from..).zip(&new) {
        show(index, &Entry::from_bytes(bytes).or_fail()?, session)?;
    }
    if new.is_empty() && archive.exists() {
        Ok(())
    } else {
        archive.keep(&new, checkpoint)
    }
}

/// What breaks no rule and an auditor should know: silence, and charges without an end.
fn watched(replayer: &Replayer, from: u64, session: &Session) {
    let output = session.output;
    let now = Timestamp::now();
    for gap in replayer.gaps().iter().filter(|gap| gap.entry >= from) {
        output.note(&gap_line(gap));
    }
    if let Some(since) = replayer.silent_since(now) {
        output.note(&silence_line(since));
    }
    for open in replayer.overdue() {
        let (key, since) = (short(open.key.as_str()), open.since);
        output.note(&format!("charged at {since:.0} and not ended: {key}…"));
    }
}

/// A silence that has not ended.
pub fn silence_line(since: Timestamp) -> String {
    format!("silent since {since:.0}: ask whether the broker runs")
}

/// A time without a sign of life.
pub fn gap_line(gap: &Gap) -> String {
    let how = if gap.stopped { "off" } else { "on, and silent" };
    format!(
        "no sign of life from {:.0} to {:.0} (entry {}): the broker was {how}",
        gap.from, gap.to, gap.entry
    )
}

/// A checkpoint that our client refuses. It keeps what contradicts; our copy may prove the fork.
fn refused(error: ClientError, archive: &Archive, key: &LogKey) -> CliError {
    if let ClientError::Log {
        evidence: Some(path),
        ..
    } = &error
        && let Ok(evidence) = parse(path)
        && let Ok(json) = serde_json::to_string_pretty(&completed(evidence, archive, key))
    {
        // What the client wrote stays where this cannot be.
        drop(files::replace(path, (json + "\n").as_bytes()));
    }
    from_client(error)
}

/// What does not hold, with both checkpoints kept for others where two contradict each other: our copy has seen more
/// than the client's own memory where that was lost.
fn contradicted(error: &AuditError, archive: &Archive, key: &LogKey) -> CliError {
    let kept = error.evidence().and_then(|evidence| {
        let evidence = completed(evidence.clone(), archive, key);
        let json = serde_json::to_string_pretty(&evidence).ok()?;
        archive.replace("evidence.json", &json).ok()
    });
    match kept {
        Some(()) => CliError::broken(format_args!(
            "{error}; both are in `{}`: `weir audit evidence` says what they prove",
            archive.folder().join("evidence.json").display()
        )),
        None => CliError::broken(error),
    }
}

fn show(index: u64, entry: &Entry, session: &Session) -> Result<(), CliError> {
    if session.output.is_quiet() {
        return Ok(());
    }
    let (kind, time, what) = (entry.body.kind(), entry.time, line(&entry.body));
    let text = if session.output.json() {
        json!({"index": index, "time": time, "kind": kind, "what": what, "holds": true}).to_string()
    } else {
        format!("{index:>6}  {time:.0}  {kind:<22} {what}")
    };
    write_out(text.as_bytes(), true)
}

/// One line about an entry, without a word that its readers may not see, and with nothing that steers a terminal.
pub fn line(body: &Body) -> String {
    policies::text::line(&said(body)).into_owned()
}

fn said(body: &Body) -> String {
    match body {
        Body::BrokerStarted {
            software,
            floors,
            binary,
        } => {
            let k_only = match floors.k_only_k_min {
                Some(k) => format!("k-only from k {k}"),
                None => "no k-only tables".to_owned(),
            };
            let dense = if floors.dense_allowed {
                ""
            } else {
                ", no dense tables"
            };
            let binary = binary
                .as_ref()
                .map(|b| format!(" ({}…)", short(b.as_str())));
            format!(
                "{software}{}; k at least {}, cap at most ({}), {k_only}{dense}",
                binary.unwrap_or_default(),
                floors.k_min,
                floors.cap_max
            )
        }
        Body::ConfigChanged(config) => {
            let witnesses = config.witnesses.as_ref().map(|w| short(w.as_str()));
            let witnesses =
                witnesses.map_or("no witnesses".to_owned(), |w| format!("witnesses {w}…"));
            let mode = if config.development {
                "development"
            } else {
                "production"
            };
            let (tick, limits) = (config.publish_tick_ms, config.limits.len());
            format!("{mode}, tick {tick} ms, {witnesses}, {limits} limits")
        }
        Body::Heartbeat {} => "alive".to_owned(),
        Body::StateSnapshot(snapshot) => {
            format!(
                "form {}, root {}…",
                snapshot.form,
                short(snapshot.root.as_str())
            )
        }
        Body::AuditorRead(read) => format!("{}, entries {} to {}", read.by, read.from, read.to),
        Body::RefusalsFolded(folded) => {
            format!(
                "{} requests of {} since {:.0}",
                folded.requests, folded.by, folded.since
            )
        }
        Body::PolicyChanged { sha256, serial } => {
            let from = serial.map_or("the software's own".to_owned(), |n| format!("serial {n}"));
            format!("access policies {}…, {from}", short(sha256.as_str()))
        }
        Body::OrgAdmitted { org, role, key, .. } => {
            format!("{org} ({role}), key {}…", short(key.fingerprint().as_str()))
        }
        Body::OrgKeyRotated { org, from, key, .. } => {
            let (from, to) = (short(from.as_str()), short(key.fingerprint().as_str()));
            format!("{org}, key {from}… to {to}…")
        }
        Body::ZoningAdded { zoning, zones, .. } => format!("{zoning}, {zones} zones"),
        Body::CallPublished { by, terms, .. } => format!("`{}` by {by}", terms.title),
        Body::CallClosed { call, by } => format!("{}… by {by}", short(call.as_str())),
        Body::AgreementOffered { agreement, by, .. } => format!("`{}` by {by}", agreement.title),
        Body::AgreementSigned { agreement, by, .. } => {
            format!("{}… by {by}", short(agreement.as_str()))
        }
        Body::AgreementActivated {
            agreement,
            allotment,
        } => {
            format!("{}…, allotted ({allotment})", short(agreement.as_str()))
        }
        Body::AgreementWithdrawn(act)
        | Body::AgreementSuspended(act)
        | Body::AgreementResumed(act)
        | Body::AgreementTerminated(act) => {
            let from = act.takes_effect.map(|at| format!(" from {at}"));
            let (id, by) = (short(act.agreement.as_str()), &act.by);
            format!("{id}… by {by}{}: {}", from.unwrap_or_default(), act.reason)
        }
        Body::AgreementExpired { agreement } => format!("{}…", short(agreement.as_str())),
        Body::ContributionAccepted(c) => {
            let late = if c.late { ", late" } else { "" };
            let correction = if c.supersedes.is_some() {
                ", a correction"
            } else {
                ""
            };
            format!(
                "{} {} by {}{correction}{late}",
                c.table, c.period, c.provider
            )
        }
        Body::ContributionMissing(m) => {
            let periods: Vec<_> = m.periods.iter().map(ToString::to_string).collect();
            let (id, table) = (short(m.agreement.as_str()), &m.table);
            format!("{id}…: nothing of {table} for {}", periods.join(", "))
        }
        Body::ContributionWithdrawn(w) => {
            format!("{} {} by {}: {}", w.table, w.period, w.provider, w.reason)
        }
        Body::RetentionDeleted(d) => {
            let (table, period, provider) = (&d.table, d.period, &d.provider);
            format!("{table} {period} of {provider}: {}", d.why.as_str())
        }
        Body::ReleaseReserved(r) => {
            let further = r.joint.iter().flat_map(|joint| &joint.parts);
            let further: String = further
                .map(|part| format!(", {} ({})", part.provider, part.charge))
                .collect();
            let replaces = r.replaces.as_ref();
            let replaces =
                replaces.map(|key| format!(", in the place of {}…", short(key.as_str())));
            format!(
                "{} {} for {}, charged ({}){further}{}",
                r.table.name,
                r.period,
                r.by,
                r.charge,
                replaces.unwrap_or_default()
            )
        }
        Body::ReleasePublished { key, .. } => format!("{}…", short(key.as_str())),
        Body::ReleaseAborted { key, reason } => format!("{}…: {reason}", short(key.as_str())),
        Body::ReleaseProposed(o) | Body::ReleaseOpened(o) => {
            let person = short(o.user.pseudonym.as_str());
            format!(
                "{}… as open data, by {person}… of {}",
                short(o.key.as_str()),
                o.by
            )
        }
        Body::ReleaseWithdrawn(r) => {
            format!(
                "{}… as open data, by {}: {}",
                short(r.key.as_str()),
                r.by,
                r.reason
            )
        }
        Body::ReleaseRefused {
            by,
            table,
            period,
            reasons,
            ..
        } => {
            let reasons: Vec<_> = reasons.iter().map(|r| r.as_str()).collect();
            format!("{table} {period} for {by}: {}", reasons.join(", "))
        }
    }
}
