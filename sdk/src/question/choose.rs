//! Which tables a question is read from, and whether they go together.

use std::collections::BTreeSet;

use jiff::civil::Date;
use policies::id::{AgreementId, OrgId, TableName};
use policies::period::Period;

use super::Source;
use super::argument::Arguments;
use super::ask::AskError;
use super::found::{Candidates, Found};
use super::statement::{Read, bins};

/// Periods that a sentence names; of more it says how many.
const PERIODS_NAMED: usize = 5;

pub(super) enum Chosen {
    These(Vec<Found>),
    OneOf(Vec<Found>),
    None(Vec<(AgreementId, TableName)>),
}

/// The tables that a source is read from: those named, else the only one, else all, of different providers.
pub(super) fn chosen(source: &Source, candidates: Candidates, named: &[String]) -> Chosen {
    let Candidates { have, planned } = candidates;
    if have.is_empty() {
        let planned = planned.into_iter();
        return Chosen::None(planned.map(|(id, table)| (id, table.name)).collect());
    }
    let picked: Vec<Found> = have
        .iter()
        .filter(|f| is_one_of(f, named))
        .cloned()
        .collect();
    let pool = if picked.is_empty() { have } else { picked };
    // Two tables of one provider, also under two agreements, may count the same trips.
    let mut providers: Vec<&OrgId> = pool.iter().map(|f| &f.provider).collect();
    providers.sort();
    providers.dedup();
    let one_each = providers.len() == pool.len();
    let called = |f: &Found| f.number().map(|(_, called)| (called, f.terms.kind.clone()));
    let alike = pool.windows(2).all(|two| match two {
        [one, other] => called(one) == called(other),
        _ => true,
    });
    if pool.len() == 1 || (source.several && one_each && alike) {
        return Chosen::These(pool);
    }
    Chosen::OneOf(pool)
}

fn is_one_of(found: &Found, named: &[String]) -> bool {
    named
        .iter()
        .any(|name| *name == found.table || *name == found.name())
}

/// Is each table that is named there, and read by some source? One that is not would be replaced by another in
/// silence.
pub(super) fn known(found: &[Found], sources: &[Source], named: &[String]) -> Result<(), AskError> {
    for name in named {
        let called: Vec<&Found> = found
            .iter()
            .filter(|f| is_one_of(f, std::slice::from_ref(name)))
            .collect();
        let fits = |f: &&Found| sources.iter().any(|source| f.lacks(source).is_none());
        if called.iter().any(&fits) {
            continue;
        }
        let have = found.iter().filter(fits).map(Found::name).collect();
        let name = name.clone();
        let lacks = called.first().map(|f| {
            let mut whys = sources.iter().filter(|s| s.kinds.contains(&f.terms.kind));
            whys.find_map(|source| f.lacks(source)).unwrap_or_default()
        });
        return Err(match lacks {
            None => AskError::Table { name, have },
            Some(why) => AskError::Unfit { name, why, have },
        });
    }
    Ok(())
}

/// Why these tables do not go together, or not with the hours or days asked.
pub(super) fn unfit(reads: &[Read<'_>], arguments: &Arguments) -> Option<String> {
    let mut all = reads.iter().flat_map(|read| &read.tables);
    let first = all.clone().next()?;
    if let Some(other) = all.clone().find(|f| f.zoning.sha256 != first.zoning.sha256) {
        return Some(format!(
            "{} is cut in the zones of {}, {} in those of {}: zone by zone they cannot be compared.",
            first.name(),
            first.zoning.id,
            other.name(),
            other.zoning.id
        ));
    }
    if let Some(cut) = all.find(|f| bins(f, arguments).is_empty()) {
        let labels = (0..cut.terms.bins.count()).filter_map(|bin| cut.terms.bins.label(bin));
        return Some(format!(
            "The parts of the day of {} are {}: none lies inside the hours asked.",
            cut.name(),
            labels.collect::<Vec<_>>().join(", ")
        ));
    }
    let firsts: Vec<&Found> = reads.iter().filter_map(|r| r.tables.first()).collect();
    let apart = reads.iter().find_map(|read| apart(read, arguments));
    apart.or_else(|| firsts.iter().find_map(|f| other_hours(first, f, arguments)))
}

/// Why the tables of one source do not add up.
fn apart(read: &Read<'_>, arguments: &Arguments) -> Option<String> {
    let (first, others) = read.tables.split_first()?;
    for other in others {
        let (one, two) = (first.name(), other.name());
        let grains = (first.terms.period, other.terms.period);
        if grains.0 != grains.1 {
            let (ours, theirs) = (grains.0.as_str(), grains.1.as_str());
            return Some(format!(
                "A period of {one} is a {ours}, one of {two} a {theirs}: they do not cover the same time."
            ));
        }
        if let Some(why) = other_hours(first, other, arguments) {
            return Some(why);
        }
    }
    let common = common(read);
    let asked = |f: &Found| f.periods.iter().any(|p| inside(*p, arguments));
    let none = !common.iter().any(|p| inside(*p, arguments));
    (!others.is_empty() && none && read.tables.iter().any(asked)).then(|| {
        let names: Vec<_> = read.tables.iter().map(Found::name).collect();
        format!(
            "No period of the days asked is released in all of {}.",
            names.join(", ")
        )
    })
}

/// Why two tables do not say something of the same hours.
fn other_hours(one: &Found, two: &Found, arguments: &Arguments) -> Option<String> {
    (hours(one, arguments) != hours(two, arguments)).then(|| {
        format!(
            "The parts of the day of {} and {} that lie inside the hours asked are not the same hours.",
            one.name(),
            two.name()
        )
    })
}

/// The hours of the day that are read of a table.
fn hours(found: &Found, arguments: &Arguments) -> Vec<u8> {
    let read = bins(found, arguments);
    let bin = |hour: &u8| found.terms.bins.of_hour(*hour);
    (0..24).filter(|hour| read.contains(&bin(hour))).collect()
}

/// The periods that all tables of a source have.
fn common(read: &Read<'_>) -> Vec<Period> {
    let Some((first, others)) = read.tables.split_first() else {
        return Vec::new();
    };
    let everywhere = |period: &&Period| others.iter().all(|f| f.periods.contains(period));
    first.periods.iter().filter(everywhere).copied().collect()
}

fn inside(period: Period, arguments: &Arguments) -> bool {
    let (from, until) = arguments.days();
    from.is_none_or(|from| from <= period.first())
        && until.is_none_or(|until| period.last() <= until)
}

/// How many periods of a table are read, those in which all is withheld included.
pub(super) fn periods(read: &Read<'_>, found: &Found, arguments: &Arguments) -> u64 {
    are_read(read, found, arguments).count() as u64
}

fn are_read<'a>(
    read: &Read<'_>,
    found: &'a Found,
    arguments: &Arguments,
) -> impl Iterator<Item = &'a Period> {
    let (common, compared) = (common(read), arguments.compared());
    found.periods.iter().filter(move |period| {
        let asked = compared.is_empty() || compared.contains(period);
        asked && common.contains(period) && inside(**period, arguments)
    })
}

/// That the tables of two sources are read of other days: a sum grows with its days, what it is compared with does not.
pub(super) fn other_days(reads: &[Read<'_>], arguments: &Arguments) -> Option<String> {
    let mut all = reads.iter().filter_map(|read| {
        let found = read.tables.first()?;
        let periods = are_read(read, found, arguments);
        let days: BTreeSet<Date> = periods.flat_map(|period| period.days()).collect();
        Some((found.name(), days))
    });
    let (one, days) = all.next()?;
    let (two, other) = all.find(|(_, other)| *other != days)?;
    let both = days.intersection(&other).count();
    Some(format!(
        "Days read: {} of {one}, {} of {two}, {both} of both. A sum grows with its days, a mean does not: --from and \
         --until choose the same ones.",
        days.len(),
        other.len()
    ))
}

/// Which of the periods asked are not read, since another table of the source has none such.
pub(super) fn left_out(read: &Read<'_>, arguments: &Arguments) -> Vec<String> {
    let common = common(read);
    let of = |found: &Found| {
        let mut left: Vec<Period> = found.periods.clone();
        left.retain(|p| inside(*p, arguments) && !common.contains(p));
        left.sort();
        let named = left.iter().take(PERIODS_NAMED).map(Period::to_string);
        let named = named.collect::<Vec<_>>().join(", ");
        let more = left.len().saturating_sub(PERIODS_NAMED);
        let more = match more {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        (!left.is_empty()).then(|| {
            format!(
                "Not read of {}: {named}{more}, which another table has not. Only periods of all tables add up.",
                found.name()
            )
        })
    };
    read.tables.iter().filter_map(of).collect()
}
