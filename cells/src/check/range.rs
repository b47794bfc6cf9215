//! The inequalities between a cell's numbers.

use policies::mutants::{Mutant, instead_of};

use super::fault::Fault;
use super::{CENTRED_MAX, VALUE_MAX};

/// The number columns of one batch; all have its number of rows.
pub(super) struct Numbers<'a> {
    pub contributors: Option<Count<'a>>,
    pub counts: Vec<Count<'a>>,
    pub sums: Vec<Sum<'a>>,
    /// The bins of each histogram.
    pub histograms: Vec<Vec<Count<'a>>>,
}

pub(super) struct Count<'a> {
    pub name: &'a str,
    pub values: &'a [u64],
    /// Counts events, at most per_cell_max a unit; else units.
    pub events: bool,
}

pub(super) struct Sum<'a> {
    pub name: &'a str,
    pub values: &'a [i64],
    pub min: u32,
    pub max: u32,
}

pub(super) struct Broken<'a> {
    pub row: usize,
    pub column: &'a str,
    pub fault: Fault,
}

/// The first inequality that does not hold: column by column, then row by row.
pub(super) fn first_broken<'a>(numbers: &Numbers<'a>, per_cell_max: u32) -> Option<Broken<'a>> {
    let contributors = numbers.contributors.iter().find_map(broken_contributors);
    let counts = || {
        numbers
            .counts
            .iter()
            .find_map(|count| broken_count(numbers, count, per_cell_max))
    };
    let sums = || {
        numbers
            .sums
            .iter()
            .find_map(|sum| broken_sum(numbers, sum, per_cell_max))
    };
    let histograms = || {
        let mut histograms = numbers.histograms.iter();
        histograms.find_map(|bins| broken_bins(numbers, bins))
    };
    contributors
        .or_else(counts)
        .or_else(sums)
        .or_else(histograms)
}

fn broken_contributors<'a>(contributors: &Count<'a>) -> Option<Broken<'a>> {
    let least = instead_of(1, Mutant::ZeroKeysKept, 0);
    let row = contributors
        .values
        .iter()
        .position(|n| !(least..=VALUE_MAX).contains(n))?;
    let fault = Fault::Contributors { max: VALUE_MAX };
    Some(Broken {
        row,
        column: contributors.name,
        fault,
    })
}

fn broken_count<'a>(
    numbers: &Numbers<'a>,
    count: &Count<'a>,
    per_cell_max: u32,
) -> Option<Broken<'a>> {
    let broken = |row, fault| {
        Some(Broken {
            row,
            column: count.name,
            fault,
        })
    };
    if let Some(row) = count.values.iter().position(|n| *n > VALUE_MAX) {
        return broken(row, Fault::Value { max: VALUE_MAX });
    }
    let contributors = numbers.contributors.as_ref().filter(|_| count.events)?;
    let most = u128::from(per_cell_max);
    let fits = |units: u64, n: u64| units <= n && u128::from(n) <= most * u128::from(units);
    let mut rows = contributors.values.iter().zip(count.values);
    let row = rows.position(|(units, n)| !fits(*units, *n))?;
    broken(row, Fault::Events { per_cell_max })
}

/// A sum is made of so many events as the count beside it says; where no count is contributed, of
/// one to per_cell_max events per unit.
fn broken_sum<'a>(numbers: &Numbers<'a>, sum: &Sum<'a>, per_cell_max: u32) -> Option<Broken<'a>> {
    let broken = |row, fault| {
        Some(Broken {
            row,
            column: sum.name,
            fault,
        })
    };
    let beyond = |n: &i64| !u64::try_from(*n).is_ok_and(|n| n <= VALUE_MAX);
    if let Some(row) = sum.values.iter().position(beyond) {
        return broken(row, Fault::Value { max: VALUE_MAX });
    }
    let events = numbers.counts.iter().find(|count| count.events);
    let units = || numbers.contributors.iter().chain(&numbers.counts).next();
    let (made_of, each) = match events {
        Some(count) => (count, 1),
        None => (units()?, u128::from(per_cell_max)),
    };
    let (min, max) = (u128::from(sum.min), u128::from(sum.max));
    let large = |n: &u64| u128::from(*n) * each * (min + max) > CENTRED_MAX;
    if let Some(row) = made_of.values.iter().position(large) {
        return broken(row, Fault::Large { max: sum.max });
    }
    let fits = |n: u64, value: i64| {
        let (n, value) = (u128::from(n), u128::from(value.unsigned_abs()));
        min * n <= value && value <= max * each * n
    };
    let mut rows = made_of.values.iter().zip(sum.values);
    let row = rows.position(|(n, value)| !fits(*n, *value))?;
    broken(
        row,
        Fault::Sum {
            min: sum.min,
            max: sum.max,
        },
    )
}

/// Every event is in one bin. A row whose bins do not add up is named by its first bin.
fn broken_bins<'a>(numbers: &Numbers<'a>, bins: &[Count<'a>]) -> Option<Broken<'a>> {
    let first = bins.first()?;
    let events = numbers.counts.iter().find(|count| count.events)?;
    let sum = |row| {
        let values = bins.iter().filter_map(|bin| bin.values.get(row));
        values.map(|n| u128::from(*n)).sum::<u128>()
    };
    let mut rows = events.values.iter().enumerate();
    let row = rows.position(|(row, events)| sum(row) != u128::from(*events))?;
    Some(Broken {
        row,
        column: first.name,
        fault: Fault::Bins,
    })
}
