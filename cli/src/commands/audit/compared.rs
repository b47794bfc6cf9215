//! What a broker says beside its log, compared with what the log implies: snapshots of its state, its own answers about
//! agreements, its public register.

use std::time::Duration;

use audit::checkpoint::Checkpoint;
use audit::replay::Replayer;
use policies::state::SNAPSHOT_EVERY;
use serde::Serialize;

use super::super::session::from_client;
use super::replay::advance;
use crate::commands::Session;
use crate::errors::CliError;
use crate::output::facts;
use crate::site::Site;

pub mod agreements;
pub mod register;

/// How often the broker is asked, where it was asked about another moment than its checkpoint's.
const TRIES: u32 = 8;
/// Between two of them: the register looks at the log every 5 s.
const WAIT: Duration = Duration::from_secs(1);

/// What was compared, and what was not.
#[derive(Debug, Serialize)]
pub struct Compared {
    snapshots: Answer,
    agreements: Answer,
    register: Answer,
}

/// One thing that a broker says.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Answer {
    /// Was it compared, and the same?
    compared: bool,
    /// What was compared, or why nothing was.
    what: String,
}

/// What a comparison came to.
#[derive(Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The same.
    Same(String),
    /// Told of another moment than the checkpoint's.
    Moved(String),
    /// Told otherwise than the log implies: each line names one thing.
    Lies(Vec<String>),
}

impl Verdict {
    fn is_same(&self) -> bool {
        matches!(self, Self::Same(_))
    }
}

impl Answer {
    fn not(why: impl Into<String>) -> Self {
        Self {
            compared: false,
            what: why.into(),
        }
    }

    /// What is filed of a verdict.
    ///
    /// # Errors
    /// [`CliError::Broken`] names each thing that the broker says otherwise.
    pub fn of(verdict: Verdict) -> Result<Self, CliError> {
        match verdict {
            Verdict::Same(what) => Ok(Self {
                compared: true,
                what,
            }),
            Verdict::Moved(why) => Ok(Self::not(why)),
            Verdict::Lies(lines) => Err(CliError::broken(lines.join("; "))),
        }
    }
}

impl Compared {
    /// Of a log that was read without its broker.
    #[must_use]
    pub fn offline(replayer: &Replayer) -> Self {
        let why = "a directory was read: leave DIR out to ask the broker";
        Self {
            snapshots: snapshots(replayer),
            agreements: Answer::not(why),
            register: Answer::not(why),
        }
    }

    /// Asks the broker, and the register where one is named, about the moment of the checkpoint. Where the log has grown
    /// meanwhile, replayer and checkpoint follow it.
    ///
    /// # Errors
    /// [`CliError::Broken`] names what the broker says otherwise than its log implies.
    pub async fn online(
        session: &Session,
        (replayer, checkpoint): (&mut Replayer, &mut Checkpoint),
        register: Option<&Site>,
    ) -> Result<Self, CliError> {
        let client = session.client().await?;
        let mut tries = 0;
        loop {
            let told = agreements::ask(&client).await?;
            let pages = match register {
                Some(site) => Some(register::ask(site).await?),
                None => None,
            };
            let now = client.checkpoint().await.map_err(from_client)?;
            let size = checkpoint.size();
            let (first, second) = if now.size() > size {
                advance(&client, replayer, &now, |_, _, _| Ok(())).await?;
                let why = moved(size, now.size());
                *checkpoint = now;
                let again = pages.map(|_| Verdict::Moved(why.clone()));
                (Verdict::Moved(why), again)
            } else {
                let state = replayer.state();
                let listed = pages.map(|pages| register::judge(state, &pages));
                (agreements::judge(state, &told), listed)
            };
            tries += 1;
            let done = first.is_same() && second.as_ref().is_none_or(Verdict::is_same);
            if done || tries == TRIES {
                let unnamed = || Ok(Answer::not("--register URL names it"));
                return Ok(Self {
                    snapshots: snapshots(replayer),
                    agreements: Answer::of(first)?,
                    register: second.map_or_else(unnamed, Answer::of)?,
                });
            }
            tokio::time::sleep(WAIT).await;
        }
    }

    /// For a person.
    #[must_use]
    pub fn text(&self) -> String {
        let told = [
            ("snapshots in the log", &self.snapshots),
            ("its answers", &self.agreements),
            ("its public register", &self.register),
        ];
        let any = told.iter().any(|(_, answer)| answer.compared);
        let begin = match any {
            true => "Compared with what the broker says",
            false => "Nothing was compared with what the broker says",
        };
        let rows = told.map(|(name, answer)| {
            let how = if answer.compared {
                "the same"
            } else {
                "not compared"
            };
            (name, format!("{how}: {}", answer.what))
        });
        format!("{begin}:\n{}", facts(&rows))
    }
}

fn moved(from: u64, to: u64) -> String {
    format!("the log grew from {from} to {to} entries while the broker was asked; ask again")
}

/// The snapshots that were recomputed on the way: an untrue one would have stopped the replay.
fn snapshots(replayer: &Replayer) -> Answer {
    let kinds = replayer.summary().kinds;
    let all = kinds.get("state.snapshot").copied().unwrap_or_default();
    let recomputed = all.saturating_sub(replayer.snapshots_unchecked());
    match (recomputed, replayer.state().snapshot()) {
        (0, None) => Answer::not(format!(
            "the log has none, the first follows after {SNAPSHOT_EVERY} entries"
        )),
        (0, Some(_)) => Answer::not(format!("all {all} are of another form than this version's")),
        (_, newest) => Answer {
            compared: true,
            what: format!(
                "{recomputed} digests of its whole state, balances included; entry {} is the newest",
                newest.unwrap_or_default()
            ),
        },
    }
}
