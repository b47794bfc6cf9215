//! Following the log: entry by entry as they come, with a copy that the auditor keeps.

use std::collections::BTreeSet;
use std::time::Duration;

use audit::checkpoint::{Checkpoint, LogKey};
use audit::error::AuditError;
use audit::follow::Follower;
use audit::replay::{Finding, Gap, Replayer};
use clap::Args;
use futures::StreamExt;
use jiff::Timestamp;
use policies::entry::Entry;
use policies::id::sha256_hex;
use sdk::client::{Client, ClientError};
use serde_json::json;

use super::super::Session;
use super::super::session::from_client;
use super::archive::Archive;
use super::evidence::{completed, parse};
use super::line::line;
use super::replay::in_turn;
use crate::errors::{CliError, OrFail};
use crate::files;
use crate::output::{Output, short, shown, write_out};

pub const HELP: &str = "\
Example:
  weir audit follow --profile certs/ombudsman/weir.toml
  weir audit follow --once --json | jq .kind

Each entry is checked as it comes: form, signatures, rules, charges, balances; each checkpoint has
to be signed and to continue the one before. What was seen is kept in the profile's `state` folder
(audit/log), so a log that is rolled back or rewritten later is caught, and `weir audit replay`
works on that copy. Two checkpoints that contradict each other are kept as a file for others: the
error says where, and `weir audit evidence FILE` what it proves; signed entries that break a rule
are kept in audit/broken-…, for `weir audit replay`. A broker that does not answer is asked again. What
breaks no rule and should be known (silences, charges without an end, no answer) is told once, with
--quiet too. --json prints one line per entry and per finding. Exit code 4: something does not hold.";

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
    // Until the end: whoever else wants to write there is told.
    let _held = archive.hold()?;
    let mut follower = resumed(&archive, client.log_key())?;
    let own = follower.size();
    session
        .output
        .note(&format!("{own} entries from our own copy hold"));
    let mut findings = Findings::new(session.output);
    let (mut lost, mut coming) = (false, Vec::new());
    loop {
        match look(&client, &mut follower, &mut coming, &archive, session).await? {
            Look::Seen if args.once => {
                findings.look_at(follower.replayer())?;
                let (size, folder) = (follower.size(), archive.folder().display());
                let line = format!("{size} entries hold; copy kept in {folder}");
                session.output.note(&line);
                return Ok(());
            }
            Look::Unanswered(error) if args.once => return Err(from_client(error)),
            Look::Seen => {
                if lost {
                    findings.tell("the broker answers again")?;
                }
                lost = false;
            }
            Look::Unanswered(error) => {
                if !lost {
                    findings.tell(&format!("{error}; asking again every {} s", args.every))?;
                }
                lost = true;
            }
        }
        // A broker that does not answer is silent, too.
        findings.look_at(follower.replayer())?;
        tokio::select! {
            () = tokio::time::sleep(Duration::from_secs(args.every)) => {}
            _ = tokio::signal::ctrl_c() => return Ok(()),
        }
    }
}

/// Everything that was seen before, checked again: a copy is only as good as its last check. What a crash left behind
/// it is cut.
///
/// # Errors
/// [`CliError`] names the file, or what does not hold.
pub fn resumed(archive: &Archive, key: &LogKey) -> Result<Follower, CliError> {
    if !archive.exists() {
        archive.cut(0)?;
        return Ok(Follower::new());
    }
    let loaded = archive.load()?;
    let seen = loaded.verify(key)?;
    let follower = Follower::resume(&seen).map_err(CliError::broken)?;
    if seen.unsigned_bytes() > 0 {
        archive.cut(seen.signed_bytes())?;
    }
    Ok(follower)
}

/// What came of a look at the log.
enum Look {
    /// All that there is holds and is kept.
    Seen,
    /// The broker did not answer, and may answer yet.
    Unanswered(ClientError),
}

/// Takes the entries up to the newest checkpoint, keeps them when they are those that were signed and hold, and shows
/// each. What came before a line was lost is still `coming` at the next look.
async fn look(
    client: &Client,
    follower: &mut Follower,
    coming: &mut Vec<Vec<u8>>,
    archive: &Archive,
    session: &Session,
) -> Result<Look, CliError> {
    let key = client.log_key();
    let checkpoint = match client.checkpoint().await {
        Err(error) if error.retryable() => return Ok(Look::Unanswered(error)),
        checkpoint => checkpoint.map_err(|error| refused(error, archive, key))?,
    };
    let from = follower.size();
    match fetch(client, from, coming, checkpoint.size()).await? {
        Look::Seen => {}
        unanswered => return Ok(unanswered),
    }
    let new = std::mem::take(coming);
    taken(follower, &checkpoint, &new, archive, key)?;
    for (index, bytes) in (from..).zip(&new) {
        show(index, &Entry::from_bytes(bytes).or_fail()?, session)?;
    }
    Ok(Look::Seen)
}

/// Adds the entries from `from` on, which begin with those that are there.
async fn fetch(
    client: &Client,
    from: u64,
    coming: &mut Vec<Vec<u8>>,
    to: u64,
) -> Result<Look, CliError> {
    let mut next = from.saturating_add(u64::try_from(coming.len()).or_fail()?);
    let mut bundles = std::pin::pin!(client.entries(next, to));
    while let Some(bundle) = bundles.next().await {
        let bundle = match bundle {
            Err(error) if error.retryable() => return Ok(Look::Unanswered(error)),
            bundle => bundle.map_err(from_client)?,
        };
        for (index, bytes) in bundle.entries {
            in_turn(next, index)?;
            next = next.saturating_add(1);
            coming.push(bytes);
        }
    }
    Ok(Look::Seen)
}

/// Keeps entries that are those that were signed and hold. Others are no part of the copy: what shows that they do not
/// hold is kept beside it.
///
/// # Errors
/// [`CliError::Broken`] says what does not hold, and where its evidence is.
pub fn taken(
    follower: &mut Follower,
    checkpoint: &Checkpoint,
    new: &[Vec<u8>],
    archive: &Archive,
    key: &LogKey,
) -> Result<(), CliError> {
    // A checkpoint behind our copy is a finding of its own.
    let taken = u64::try_from(new.len()).or_fail()?;
    if follower.size() < checkpoint.size() {
        in_turn(follower.size().saturating_add(taken), checkpoint.size())?;
    }
    let entries = new.iter().map(Vec::as_slice);
    let advanced = follower.advance(checkpoint.signed(), entries, key);
    let holds = advanced.and_then(|_| follower.replayer().check_clock(Timestamp::now()));
    if let Err(error) = holds {
        return Err(match &error {
            AuditError::Broken(finding) => broken(finding, new, checkpoint, archive),
            _ => contradicted(&error, archive, key),
        });
    }
    if new.is_empty() && archive.exists() {
        return Ok(());
    }
    archive.keep(new, checkpoint)
}

/// What the log itself signed and what breaks a rule, kept as a log of its own, which `weir audit replay` finds broken
/// wherever it is shown. Its folder is named by the entry: the same one is kept once.
fn broken(
    finding: &Finding,
    new: &[Vec<u8>],
    checkpoint: &Checkpoint,
    archive: &Archive,
) -> CliError {
    let behind = checkpoint.size().saturating_sub(finding.index);
    let at = usize::try_from(behind)
        .ok()
        .and_then(|n| new.len().checked_sub(n));
    let entry = at.and_then(|at| new.get(at)).map(|entry| sha256_hex(entry));
    let name = format!(
        "broken-{}-{}",
        finding.index,
        short(&entry.unwrap_or_default())
    );
    match archive.keep_beside(&name, new, checkpoint) {
        Ok(folder) => CliError::broken(format_args!(
            "{finding}; the signed entries that show it are in `{0}`: `weir audit replay {0}` finds the same",
            folder.display()
        )),
        Err(kept) => CliError::broken(format_args!(
            "{finding}; the entries that show it could not be kept: {kept}"
        )),
    }
}

/// What breaks no rule and an auditor should know, each told once: a line on standard error, also where nothing else
/// is wanted; of JSON, a line `{"finding": …}` among the entries.
pub struct Findings {
    output: Output,
    told: BTreeSet<String>,
}

impl Findings {
    /// Nothing was told yet.
    pub fn new(output: Output) -> Self {
        let told = BTreeSet::new();
        Self { output, told }
    }

    fn look_at(&mut self, replayer: &Replayer) -> Result<(), CliError> {
        let new = self.take(replayer);
        new.iter().try_for_each(|line| self.tell(line))
    }

    /// Silences, charges without an end, and what the settings give away, as far as they are new.
    pub fn take(&mut self, replayer: &Replayer) -> Vec<String> {
        let mut now: Vec<String> = replayer.gaps().iter().map(gap_line).collect();
        now.extend(replayer.silent_since(Timestamp::now()).map(silence_line));
        now.extend(replayer.overdue().map(|open| {
            let (key, since) = (short(open.key.as_str()), open.since);
            format!("charged at {since:.0} and not ended: {key}…")
        }));
        now.extend(replayer.settings());
        now.retain(|line| self.told.insert(line.clone()));
        now
    }

    fn tell(&self, line: &str) -> Result<(), CliError> {
        if self.output.json() {
            return write_out(json!({ "finding": line }).to_string().as_bytes(), true);
        }
        eprintln!("{}", shown(line));
        Ok(())
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
