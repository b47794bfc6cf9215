//! One question to the access policies: at the door of a method, and about an agreement with ten recipients
//! behind it. A call asks both: of policies that were never asked it, and as a broker asks, which remembers.
//! The policies are parsed once, before.

use std::hint::black_box;
use std::process::ExitCode;
use std::time::Instant;

use bench::report::{Goal, Measure, Report};
use bench::run;
use bench::run::{Failed, Settings};
use bench::series::Series;
use bench::town::Town;
use broker::access::documents::Documents;
use broker::access::{Object, Policies, Who, method};
use policies::id::{OrgId, Role};

/// What the issue allows one call at the median, in nanoseconds.
const CALL_MOST: f64 = 60_000.0;
/// Calls in each run; their median is the run's figure.
const CALLS: usize = 20_000;

fn main() -> ExitCode {
    run::bench("authorise", authorise)
}

async fn authorise(settings: Settings) -> Result<(), Failed> {
    let policies = Policies::load(&Documents::own())?;
    let town = Town::new()?;
    let running = town.start().await?;
    let provider = town.provider(running.address, 9).await?;
    let mut terms = provider.terms.clone();
    running.stop().await?;
    let recipients = (0..9).map(|n| OrgId::new(format!("recipient-{n}")));
    terms
        .recipients
        .extend(recipients.collect::<Result<Vec<_>, _>>()?);
    let (id, org) = (terms.id()?, terms.planner.org.clone());
    let who = Who {
        org: &org,
        role: Role::Planner,
    };
    let purpose = terms.purposes.first().map(String::as_str);
    let agreement = Object::Agreement(&id, &terms);
    let door = || policies.allows(who, method::REQUEST_RELEASE, &Object::Door, None);
    let behind = || policies.allows(who, method::REQUEST_RELEASE, &agreement, purpose);
    let known = |on, purpose| policies.allows_known(who, method::REQUEST_RELEASE, on, purpose);
    let again = || known(&Object::Door, None) && known(&agreement, purpose);
    if !(door() && behind() && again()) {
        return Err("the policies do not allow what is measured".into());
    }

    let [mut doors, mut objects, mut calls, mut again_s] = [(); 4].map(|()| Series::default());
    for _ in 0..settings.runs {
        doors.push(median_ns(|| black_box(door())));
        objects.push(median_ns(|| black_box(behind())));
        calls.push(median_ns(|| black_box(door() && behind())));
        again_s.push(median_ns(|| black_box(again())));
    }
    let mut report = Report::new("authorise", settings);
    report.plain("at the door", Measure::Nanoseconds, &doors);
    report.plain("about an agreement", Measure::Nanoseconds, &objects);
    report.plain("a call: both, the first time", Measure::Nanoseconds, &calls);
    let goal = Goal::Below(CALL_MOST);
    report.bounded(
        "a call: both, asked before",
        Measure::Nanoseconds,
        &again_s,
        goal,
    );
    report.note(&format!(
        "each figure: the median of {CALLS} calls; rows play no part"
    ));
    report.print();
    Ok(())
}

fn median_ns(mut once: impl FnMut() -> bool) -> f64 {
    let mut each = Series::default();
    for _ in 0..CALLS {
        let start = Instant::now();
        once();
        each.push(start.elapsed().as_secs_f64() * 1e9);
    }
    each.median()
}
