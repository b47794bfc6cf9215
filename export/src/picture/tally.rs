//! Released numbers added up for a picture, with the interval of the sum.

use std::collections::BTreeMap;

use policies::agreement::Unit;
use policies::coarse::AT_LEAST;
use policies::column::CONTRIBUTORS;
use policies::kind::{DimensionKind, MeasureKind};

use super::{PictureError, Wish};
use crate::column::{Column, Role};
use crate::domain::Axis;
use crate::label::thousands;
use crate::rows::Value;
use crate::source::Export;

/// A sum of released numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Sum {
    /// The released numbers, added up.
    pub value: i64,
    /// Squares of their half widths, added up: noise is drawn for each row alone. Each is taken a step wider, since
    /// noise is a whole number and its distribution jumps.
    squares: f64,
    /// The half width of the last one.
    last: i64,
    /// How many rows it adds up.
    pub rows: u64,
    /// How many keys of it have no released row.
    pub withheld: u64,
}

impl Sum {
    /// Half the width of its 95 % interval, about; of one row alone that of the row.
    #[must_use]
    pub fn half(&self) -> i64 {
        match self.rows {
            0 | 1 => self.last,
            _ => self.squares.sqrt().ceil() as i64,
        }
    }

    /// The lower end of its interval.
    #[must_use]
    pub fn low(&self) -> i64 {
        self.value.saturating_sub(self.half())
    }

    /// The upper end of its interval.
    #[must_use]
    pub fn high(&self) -> i64 {
        self.value.saturating_add(self.half())
    }

    /// One more row, with the ends of its own interval.
    fn add(&mut self, value: i64, low: i64, high: i64) {
        self.last = value
            .saturating_sub(low)
            .max(high.saturating_sub(value))
            .max(0);
        if self.last > 0 {
            self.squares += (self.last as f64 + 1.0).powi(2);
        }
        self.value = self.value.saturating_add(value);
        self.rows += 1;
        self.withheld = self.withheld.saturating_sub(1);
    }

    /// Is there anything released of it?
    #[must_use]
    pub fn is_withheld(&self) -> bool {
        self.rows == 0
    }
}

/// Which rows are added up, and of what.
#[derive(Debug, Clone)]
pub(super) struct Selection<'a> {
    export: &'a Export,
    /// The number's column.
    value: usize,
    low: Option<usize>,
    high: Option<usize>,
    /// Values that a key column has to have.
    only: Vec<(usize, String)>,
}

impl<'a> Selection<'a> {
    /// By a wish. Counts of people do not add up over times of the day, nor over categories: of each of the
    /// columns `alone` only one value is shown then, the busiest where none is named.
    pub(super) fn of(
        export: &'a Export,
        wish: &Wish,
        alone: &[usize],
    ) -> Result<Self, PictureError> {
        let value = measure(export, wish)?;
        let place = |end: &str| {
            let name = export
                .grid()
                .columns()
                .get(value)
                .map(|c| format!("{}{end}", c.name));
            name.and_then(|name| export.grid().place(&name))
        };
        let mut selection = Self {
            export,
            value,
            low: place("_low"),
            high: place("_high"),
            only: Vec::new(),
        };
        for (dimension, value) in &wish.only {
            selection.only.push(selection.key(dimension, value)?);
        }
        if adds_up(export, value) {
            return Ok(selection);
        }
        for column in alone {
            let given = selection.only.iter().any(|(given, _)| given == column);
            let sums = selection.of_each(*column).into_iter();
            let busiest = sums.max_by_key(|(_, sum)| (sum.rows > 0, sum.value));
            let busiest = busiest.map(|(label, _)| label);
            selection
                .only
                .extend(busiest.filter(|_| !given).map(|value| (*column, value)));
        }
        Ok(selection)
    }

    /// The number's name.
    pub(super) fn name(&self) -> &'a str {
        self.column().map_or("", |column| column.name.as_str())
    }

    /// Its unit, for a legend.
    pub(super) fn unit(&self) -> String {
        let name = self.name();
        if name == CONTRIBUTORS || name == AT_LEAST {
            let sheet = self.export.sheet();
            let counted = sheet.unit.counted(sheet.table.period);
            let least = if name == AT_LEAST { ", at least" } else { "" };
            return format!("{counted}{least}");
        }
        let unit = self.column().and_then(|column| column.unit.clone());
        unit.unwrap_or_else(|| name.to_owned())
    }

    /// Do its rows add up over the day?
    pub(super) fn adds_up(&self) -> bool {
        adds_up(self.export, self.value)
    }

    fn column(&self) -> Option<&'a Column> {
        self.export.grid().columns().get(self.value)
    }

    /// What the rows have in common, in words.
    pub(super) fn words(&self) -> String {
        let only = self.only.iter().map(|(_, value)| value.clone());
        let only: Vec<String> = only.collect();
        if only.is_empty() {
            "sum of all released rows".to_owned()
        } else {
            format!("{}; sum of released rows", only.join(", "))
        }
    }

    /// Sums by the values of some columns, of which anything was released. Only rows of the table's own grain: margins
    /// would count twice, and rows of coarser rungs span several zones or times.
    pub(super) fn by(&self, columns: &[usize]) -> BTreeMap<Vec<String>, Sum> {
        let grid = self.export.grid();
        let mut sums: BTreeMap<Vec<String>, Sum> = BTreeMap::new();
        for row in (0..grid.count()).filter(|row| grid.is_finest(*row) && self.holds(*row)) {
            let Value::Number(value) = grid.value(self.value, row) else {
                continue;
            };
            let end = |column: Option<usize>| match grid.value(column.unwrap_or(self.value), row) {
                Value::Number(end) => end,
                _ => value,
            };
            let key = columns.iter().map(|column| text(grid.value(*column, row)));
            let sum = sums
                .entry(key.collect())
                .or_insert_with(|| self.nothing(columns));
            sum.add(value, end(self.low), end(self.high));
        }
        sums
    }

    /// Sums by every value of one column that was asked for.
    pub(super) fn of_each(&self, column: usize) -> BTreeMap<String, Sum> {
        let mut sums: BTreeMap<String, Sum> = self
            .values(column)
            .map(|label| (label.to_owned(), self.nothing(&[column])))
            .collect();
        for (key, sum) in self.by(&[column]) {
            sums.extend(key.into_iter().map(|label| (label, sum)));
        }
        sums
    }

    /// The values of a column that were asked for.
    pub(super) fn values(&self, column: usize) -> impl Iterator<Item = &'a str> {
        let axis = self.export.grid().keys().axes().get(column);
        let labels = axis.into_iter().flat_map(Axis::labels);
        labels.filter(move |label| self.admits(column, label))
    }

    /// The sum by the values of some columns before any row is added: all its keys are withheld.
    pub(super) fn nothing(&self, columns: &[usize]) -> Sum {
        let axes = self.export.grid().keys().axes().iter().enumerate();
        let shown = |n: usize| columns.contains(&n) || self.only.iter().any(|(of, _)| *of == n);
        let sizes = axes
            .filter(|(n, _)| !shown(*n))
            .map(|(_, axis)| axis.size());
        Sum {
            withheld: sizes.fold(1, u64::saturating_mul),
            ..Sum::default()
        }
    }

    /// A sum in words, with its interval where there is one.
    pub(super) fn told(&self, sum: &Sum) -> String {
        match self.states_intervals() {
            true => format!("{} ± {}", thousands(sum.value), thousands(sum.half())),
            false => thousands(sum.value),
        }
    }

    /// Is a value of a key column among those asked for?
    pub(super) fn admits(&self, column: usize, value: &str) -> bool {
        let mut only = self.only.iter();
        only.all(|(of, wanted)| *of != column || wanted == value)
    }

    /// Does each number come with the ends of an interval?
    pub(super) fn states_intervals(&self) -> bool {
        self.low.is_some() && self.high.is_some()
    }

    /// How exact these sums are, in words.
    pub(super) fn exactness<'s>(&self, sums: impl Iterator<Item = &'s Sum>, of: &str) -> String {
        if self.export.sheet().is_exact() {
            return "Numbers as released, without noise.".to_owned();
        }
        if !self.states_intervals() {
            return "Noisy numbers, of which no interval is stated.".to_owned();
        }
        let mut halves: Vec<i64> = sums.filter(|s| !s.is_withheld()).map(Sum::half).collect();
        halves.sort_unstable();
        let median = halves.get(halves.len() / 2).copied().unwrap_or(0);
        format!(
            "95 % interval of a {of}: about ± {} (median).",
            thousands(median)
        )
    }

    fn holds(&self, row: usize) -> bool {
        let grid = self.export.grid();
        let mut only = self.only.iter();
        only.all(|(column, value)| text(grid.value(*column, row)) == *value)
    }

    /// A column of the key and one of its values.
    fn key(&self, dimension: &str, value: &str) -> Result<(usize, String), PictureError> {
        let grid = self.export.grid();
        let of = grid.place(dimension);
        let of =
            of.filter(|n| matches!(grid.columns().get(*n).map(|c| c.role), Some(Role::Key(_))));
        let column = of.ok_or_else(|| PictureError::Dimension {
            given: dimension.to_owned(),
            known: names(self.export, |role| matches!(role, Role::Key(_))),
        })?;
        let axis = grid.keys().axes().get(column);
        if axis.is_some_and(|axis| axis.has(value)) {
            Ok((column, value.to_owned()))
        } else {
            Err(PictureError::Value {
                dimension: dimension.to_owned(),
                given: value.to_owned(),
            })
        }
    }
}

/// The columns of a kind, from the left.
pub(super) fn columns(export: &Export, kind: DimensionKind) -> impl Iterator<Item = usize> {
    let columns = export.grid().columns().iter().enumerate();
    columns
        .filter(move |(_, c)| c.role == Role::Key(kind))
        .map(|(n, _)| n)
}

/// The columns of times and categories, without one.
pub(super) fn beside(export: &Export, one: Option<usize>) -> Vec<usize> {
    let times = columns(export, DimensionKind::DayBin);
    let all = times.chain(columns(export, DimensionKind::Category));
    all.filter(|column| Some(*column) != one).collect()
}

fn names(export: &Export, wanted: impl Fn(Role) -> bool) -> String {
    let columns = export.grid().columns().iter().filter(|c| wanted(c.role));
    let names: Vec<&str> = columns.map(|column| column.name.as_str()).collect();
    names.join(", ")
}

/// The wished number; else the table's count of events, else its contributors, else its first one.
fn measure(export: &Export, wish: &Wish) -> Result<usize, PictureError> {
    let numbers = export
        .grid()
        .columns()
        .iter()
        .enumerate()
        .filter(|(_, column)| {
            let end = ["_low", "_high", "_mean", "_p15", "_p50", "_p85"];
            column.role == Role::Number
                && column.optional
                && !end.iter().any(|e| column.name.ends_with(e))
        });
    let numbers: Vec<(usize, &str)> = numbers
        .map(|(n, column)| (n, column.name.as_str()))
        .collect();
    let named = |name: &str| numbers.iter().find(|(_, known)| *known == name);
    let table = &export.sheet().table;
    let found = match &wish.measure {
        Some(name) => named(name),
        None => table
            .count()
            .and_then(named)
            .or_else(|| named(CONTRIBUTORS))
            .or_else(|| named(AT_LEAST))
            .or_else(|| numbers.first()),
    };
    let known = || {
        numbers
            .iter()
            .map(|(_, name)| *name)
            .collect::<Vec<_>>()
            .join(", ")
    };
    found.map(|(n, _)| *n).ok_or_else(|| PictureError::Measure {
        given: wish.measure.clone().unwrap_or_default(),
        known: known(),
    })
}

/// Events and trips add up over the day, people do not.
fn adds_up(export: &Export, column: usize) -> bool {
    let name = export.grid().columns().get(column).map(|c| c.name.as_str());
    let kind = export.sheet().table.kind();
    let measure = name.and_then(|name| kind?.measure(name)).map(|m| m.kind);
    export.sheet().unit == Unit::Trip
        || matches!(measure, Some(MeasureKind::Count | MeasureKind::Sum))
}

pub(super) fn text(value: Value) -> String {
    match value {
        Value::Text(text) => text.into_owned(),
        Value::Number(number) => number.to_string(),
        Value::Flag(flag) => flag.to_string(),
        Value::Missing => String::new(),
    }
}
