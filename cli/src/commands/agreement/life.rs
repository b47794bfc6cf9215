//! How an agreement changes and ends.

use jiff::Timestamp;
use policies::life::{Action, earliest_end};

use super::super::Session;
use super::super::session::{from_client, read_agreement};
use super::parties::{Logged, offer_terms};
use super::{Act, Answer, Terminate};
use crate::errors::{CliError, OrFail};

pub const COUNTER_HELP: &str = "\
Example:
  weir agreement show 3f9ac2 --odrl > theirs.jsonld            read what they offer
  weir agreement new --from theirs.jsonld --out mine.json      the document in it, for you to edit
  weir agreement counter 3f9ac2 mine.json                      answer with your version

Writes `counters` into your file, signs it and offers it. The offer you answer is closed by that: the other
party signs yours, counters again, or lets it be. Both documents are between the same two parties.";

pub const AMEND_HELP: &str = "\
Example:
  weir agreement amend 3f9ac2 new-terms.json
  weir agreement sign 77d205                           the other party; now the new terms hold

Writes `supersedes` into your file, signs it and offers it. The agreement in force goes on until the other party
signs; then the new one takes its place in one step. What people have lost stays lost: budget and editions are
carried over, and so is a suspension. Periods are pushed anew under the new terms.";

pub const WITHDRAW_HELP: &str = "\
Example:
  weir agreement withdraw 3f9ac2 --reason \"wrong zoning, a corrected offer follows\"

Only the party that made the offer can, and only before the other has signed.";

pub const SUSPEND_HELP: &str = "\
Example:
  weir agreement suspend 3f9ac2 --reason \"the March figures look wrong\"

Provider, planner and steward can, each for itself, at once: the next push and the next request are refused, and
a release that was charged but not published waits. Released tables stay. Only you lift your suspension, with
`weir agreement resume`; the agreement is active again when nobody's is left.";

pub const RESUME_HELP: &str = "\
Example:
  weir agreement resume 3f9ac2 --reason \"figures corrected\"

Releases that waited are drawn now, without another charge.";

pub const TERMINATE_HELP: &str = "\
Example:
  weir agreement terminate 3f9ac2 --reason \"the project has ended\"
  weir agreement terminate 3f9ac2 --reason \"the project ends\" --at 2027-01-01T00:00:00Z

Either party can. The agreement's `on_end` says how many days of notice it takes (none where it says nothing), and
whether tables already released are served on; `weir agreement show` tells both. It cannot be undone. Releases
that were charged and not published end without a table, and the charge stays. To stop at once in spite of a
notice, suspend as well.";

/// Offers a document that answers or amends another.
pub async fn answer(action: Action, args: &Answer, session: &Session) -> Result<(), CliError> {
    let mut terms = read_agreement(&args.file)?;
    let client = session.client().await?;
    let id = session.agreement_id(&client, &args.agreement).await?;
    match action {
        Action::Counter => terms.counters = Some(id),
        _ => terms.supersedes = Some(id),
    }
    let document = terms.canonical().or_fail()?;
    offer_terms(&terms, &args.file, &client, session).await?;
    std::fs::write(&args.file, document).map_err(|e| CliError::file("write", &args.file, e))
}

/// Withdraws, suspends or resumes; terminates where `at` or the action says so.
pub async fn act(
    action: Action,
    args: Act,
    at: Option<Timestamp>,
    session: &Session,
) -> Result<(), CliError> {
    let (client, signer) = (session.client().await?, session.signer()?);
    let id = session.agreement_id(&client, &args.agreement).await?;
    let proven = client.act(action, &id, args.reason, at, &signer);
    let proven = proven.await.map_err(from_client)?;
    session.output.show(&Logged::of(&proven))
}

/// Terminates, by default as soon as the notice allows.
pub async fn terminate(args: Terminate, session: &Session) -> Result<(), CliError> {
    let client = session.client().await?;
    let id = session.agreement_id(&client, &args.act.agreement).await?;
    let terms = client.agreement(&id).await.map_err(from_client)?.terms;
    let notice = terms.on_end.map_or(0, |end| end.notice_days);
    // The broker's clock may be ahead of ours: a minute is nobody's notice.
    let soonest = Timestamp::now() + jiff::SignedDuration::from_mins(1);
    let soonest = earliest_end(&terms, soonest).filter(|_| notice > 0);
    let at = args.at.or(soonest);
    act(Action::Terminate, args.act, at, session).await
}
