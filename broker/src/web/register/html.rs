//! Pages as HTML, in plain words.

use policies::agreement::Unit;
use policies::loss::Loss;
use policies::period::Period;
use privacy::convert::{DISPLAY_DELTA, epsilon};

use super::page::Page;
use super::plan::tables;
use super::view::{List, LossSoFar, One, Released, Summary};

/// Periods named in one line; of more the first and the last.
const PERIODS_NAMED: usize = 4;

/// A page of agreements.
pub(super) fn list(list: &List) -> String {
    let mut page = Page::new("Register of agreements");
    page.raw("<h1>Register of agreements</h1>\n<p>Who shares which statistics about people's movements with whom, what for, ");
    page.raw("and what that has cost the privacy of the people in them. Every agreement that both parties have signed is here: ");
    page.text(&list.all.to_string()).raw(".</p>\n");
    if list.agreements.is_empty() {
        page.raw("<p>There is none on this page.</p>\n");
    } else {
        page.raw("<table>\n<tr><th>Agreement</th><th>Between</th><th>State</th><th>Released</th><th>Lost so far</th></tr>\n");
        for summary in &list.agreements {
            row(&mut page, summary);
        }
        page.raw("</table>\n");
    }
    if let Some(next) = &list.next {
        page.raw("<p><a href=\"/register")
            .text(next)
            .raw("\">Older changes</a></p>\n");
    }
    page.finish(list.entries, "/register.json")
}

fn row(page: &mut Page, summary: &Summary) {
    page.raw("<tr><td><a href=\"/register/")
        .text(summary.id.as_str())
        .raw("\">");
    page.text(&summary.title)
        .raw("</a><br><span class=\"small\">");
    page.text(&purposes(&summary.purposes))
        .raw("</span></td><td>");
    page.text(summary.provider.as_str())
        .raw("<br>")
        .text(summary.planner.as_str());
    page.raw("</td><td><span class=\"state\">")
        .text(summary.state)
        .raw("</span></td><td>");
    page.text(&summary.releases.to_string()).raw("</td><td>");
    meter(page, &summary.loss);
    page.raw("</td></tr>\n");
}

/// The most that was lost, as a part of the cap.
fn meter(page: &mut Page, loss: &LossSoFar) {
    let Some(percent) = percent(loss) else {
        page.raw("<span class=\"small\">nothing is charged</span>");
        return;
    };
    let percent = percent.to_string();
    page.raw("<meter min=\"0\" max=\"100\" value=\"")
        .text(&percent)
        .raw("\"></meter> ");
    page.raw("<span class=\"number\">")
        .text(&percent)
        .raw(" % of the cap</span>");
}

/// The larger part of ρ and of δ, rounded up.
fn percent(loss: &LossSoFar) -> Option<u64> {
    let cap = loss.cap?;
    let part = |lost: u64, cap: u64| match (lost, cap) {
        (0, _) => 0,
        (_, 0) => 100,
        (lost, cap) => {
            u64::try_from((u128::from(lost) * 100).div_ceil(u128::from(cap))).unwrap_or(100)
        }
    };
    let rho = part(loss.most.rho.units(), cap.rho.units());
    Some(rho.max(part(loss.most.delta.units(), cap.delta.units())))
}

/// One agreement.
pub(super) fn one(one: &One) -> String {
    let summary = &one.summary;
    let mut page = Page::new(&summary.title);
    page.raw("<p><a href=\"/register\">Register of agreements</a></p>\n<h1>");
    page.text(&summary.title)
        .raw("</h1>\n<p><span class=\"state\">")
        .text(summary.state);
    page.raw("</span> ")
        .text(in_words(summary.state))
        .raw("</p>\n<p class=\"said\">");
    page.text(&one.public_summary).raw("</p>\n");
    about(&mut page, one);
    protection(&mut page, one);
    canvas(&mut page, one);
    tables(&mut page, one);
    released(&mut page, one);
    page.finish(one.entries, &format!("/register/{}.json", summary.id))
}

fn in_words(state: &str) -> &'static str {
    match state {
        "agreed" => "Both have signed; it is not yet in force.",
        "active" => "It is in force.",
        "suspended" => "It is stopped for now: nothing is contributed or released under it.",
        "superseded" => "A newer agreement has taken its place.",
        "expired" => "Its last day is over.",
        "terminated" => "A party has ended it.",
        _ => "",
    }
}

fn about(page: &mut Page, one: &One) {
    let summary = &one.summary;
    page.raw("<h2>Who, what for, how long</h2>\n<dl>\n");
    page.fact("Data comes from", summary.provider.as_str());
    page.fact("Asked for by", summary.planner.as_str());
    let recipients: Vec<_> = one.recipients.iter().map(|org| org.as_str()).collect();
    page.fact("Given to", &recipients.join(", "));
    page.fact("Purposes", &purposes(&summary.purposes));
    let days =
        |days: policies::agreement::Days| format!("{} to {}, both included", days.from, days.until);
    page.fact("Can be in force", &days(summary.valid));
    page.fact("Data about", &days(one.covers));
    let kept = format!(
        "what the provider sends is kept {} days",
        one.retention_days
    );
    page.fact("Kept", &kept);
    let after = match one.tables_on_end {
        "closed" => "released tables are given out no more; copies already fetched stay",
        _ => "released tables stay available to those entitled",
    };
    page.fact("After its end", after);
    let cells = match one.cells_on_end {
        "deleted" => "what the provider sent is deleted",
        _ => "what the provider sent stays until its days are over, and nothing reads it",
    };
    page.fact("And then", cells);
    let notice = match one.notice_days {
        0 => "either party can end it at once".to_owned(),
        days => format!("either party can end it with {days} days of notice, or stop it at once"),
    };
    page.fact("Notice", &notice);
    let open = one.publication.as_ref().map_or_else(
        || "no: released tables go to the recipients alone".to_owned(),
        |publication| format!("allowed under {}", publication.licence),
    );
    page.fact("Open data", &open);
    if let Some(since) = one.since {
        page.fact("Last change", &time(since));
    }
    if let Some(ends) = one.ends {
        page.fact("Ends", &time(ends));
    }
    for (name, other) in [
        ("Amends", &one.supersedes),
        ("Amended by", &one.superseded_by),
    ] {
        if let Some(other) = other {
            page.raw("<dt>")
                .raw(name)
                .raw("</dt><dd><a href=\"/register/")
                .text(other.as_str());
            page.raw("\">").text(other.as_str()).raw("</a></dd>\n");
        }
    }
    page.fact(
        "Its name",
        &format!("{} (SHA-256 of what was signed)", summary.id),
    );
    page.raw("</dl>\n");
}

fn protection(page: &mut Page, one: &One) {
    let loss = &one.summary.loss;
    page.raw("<h2>Whose privacy, and what it has cost so far</h2>\n<dl>\n");
    page.fact("People", &one.people);
    let unit = [
        Unit::PersonDay,
        Unit::PersonWeek,
        Unit::PersonMonth,
        Unit::Trip,
        Unit::None,
    ];
    let unit = unit.into_iter().find(|unit| unit.word() == loss.unit);
    page.fact("Protected is", unit.map_or(loss.unit, Unit::about));
    let how = match one.protection {
        "k-only" => format!(
            "k-anonymity alone, NOT differential privacy: exact counts of at least {} of them",
            one.k
        ),
        "none" => "nothing is promised: the source knows no people and no trips".to_owned(),
        _ => format!(
            "differential privacy: noise is added to every number. {}",
            k(one)
        ),
    };
    page.fact("How", &how);
    page.raw("<dt>Lost so far</dt><dd>");
    meter(page, loss);
    page.raw("</dd>\n");
    if let Some(cap) = loss.cap {
        let most = format!(
            "no {} has lost more than {}, through all agreements about these people; {} of them have lost anything",
            loss.unit,
            said(loss.most),
            loss.unit_periods
        );
        page.fact("In numbers", &most);
        page.fact("Never more than", &said(cap));
    }
    page.raw("</dl>\n");
}

fn k(one: &One) -> String {
    let dense: Vec<_> = one
        .tables
        .iter()
        .filter(|t| t.dense)
        .map(|t| t.name.as_str())
        .collect();
    let every = format!(
        "Every published row counts at least {} of them in the provider's data",
        one.k
    );
    match dense.as_slice() {
        [] => every,
        dense if dense.len() == one.tables.len() => {
            "No least number of people in a row is promised".to_owned()
        }
        dense => format!(
            "{every}; not so in {}, where every row is published",
            dense.join(", ")
        ),
    }
}

/// (ρ, δ), and ε where it can be said.
fn said(loss: Loss) -> String {
    match epsilon(loss) {
        Ok(Some(epsilon)) => format!("{loss} (ε {epsilon} at δ {DISPLAY_DELTA})"),
        _ => loss.to_string(),
    }
}

fn canvas(page: &mut Page, one: &One) {
    page.raw("<h2>Data Ethics Canvas</h2>\n");
    match &one.canvas {
        None => {
            page.raw("<p>The parties filled in none.</p>\n");
        }
        Some(canvas) => {
            page.raw("<dl>\n");
            for (_, question, answer) in canvas.answers() {
                page.fact(question, answer);
            }
            page.raw("</dl>\n");
        }
    }
}

fn released(page: &mut Page, one: &One) {
    page.raw("<h2>What was released</h2>\n");
    if one.released.is_empty() {
        page.raw("<p>Nothing, on this page.</p>\n");
        return;
    }
    page.raw("<table>\n<tr><th>Published</th><th>Table</th><th>About</th><th>For</th><th>Cost</th></tr>\n");
    for released in &one.released {
        release(page, released);
    }
    page.raw("</table>\n");
    if let Some(next) = &one.next {
        page.raw("<p><a href=\"/register/")
            .text(one.summary.id.as_str())
            .text(next);
        page.raw("\">Older releases</a></p>\n");
    }
}

fn release(page: &mut Page, released: &Released) {
    let published = released.published.map_or("unknown".to_owned(), time);
    page.raw("<tr><td>")
        .text(&published)
        .raw("<br><span class=\"small\">entry ");
    page.text(&released.entry.to_string())
        .raw("</span></td><td>")
        .text(released.table.as_str());
    if released.merged {
        page.raw(", made coarser");
    }
    if released.edition > 1 {
        page.raw(", edition ").text(&released.edition.to_string());
    }
    if released.together_with > 0 {
        page.raw(", together with ")
            .text(&released.together_with.to_string())
            .raw(" more");
    }
    page.raw("</td><td>")
        .text(&periods(&released.periods))
        .raw("</td><td>");
    page.text(&purpose(&released.purpose))
        .raw("</td><td>")
        .text(&released.charge.to_string());
    if let Some(path) = &released.open {
        page.raw("<br><a href=\"")
            .text(path)
            .raw("\">open data</a>");
    }
    page.raw("</td></tr>\n");
}

fn periods(periods: &[Period]) -> String {
    match periods {
        [first, .., last] if periods.len() > PERIODS_NAMED => {
            format!("{} periods, {first} to {last}", periods.len())
        }
        periods => {
            let named: Vec<_> = periods.iter().map(ToString::to_string).collect();
            named.join(", ")
        }
    }
}

/// To the second: no page is more exact than the public tick.
fn time(time: jiff::Timestamp) -> String {
    time.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

fn purposes(terms: &[String]) -> String {
    let all: Vec<_> = terms.iter().map(|term| purpose(term)).collect();
    all.join(", ")
}

/// `dpv:PublicPolicyMaking` as words, with the term beside them.
fn purpose(term: &str) -> String {
    let name = term.strip_prefix("dpv:").unwrap_or(term);
    let mut words = String::new();
    for (n, char) in name.chars().enumerate() {
        match (n, char.is_ascii_uppercase()) {
            (0, _) | (_, false) => words.push(char),
            _ => words.extend([' ', char.to_ascii_lowercase()]),
        }
    }
    format!("{words} ({term})")
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    #[test]
    fn terms_and_numbers_are_told_in_words() {
        let told = purpose("dpv:PublicPolicyMaking");
        assert_eq!(told, "Public policy making (dpv:PublicPolicyMaking)");
        let periods =
            |texts: &[&str]| periods(&texts.iter().map(|t| t.parse().unwrap()).collect::<Vec<_>>());
        assert_eq!(periods(&["2026-10-05"]), "2026-10-05");
        let five = ["2026-W40", "2026-W41", "2026-W42", "2026-W43", "2026-W44"];
        assert_eq!(periods(&five), "5 periods, 2026-W40 to 2026-W44");
    }
}
