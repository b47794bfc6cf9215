//! A released table's rows for people and programs: a head on the screen, JSON. Files are made by `export`.

use arrow::array::RecordBatch;
use export::rows::Value as Field;
use policies::coarse::Coarsening;
use policies::table::Table;
use sdk::shares::{Share, Shares};
use serde_json::{Map, Value};

use crate::errors::{CliError, OrFail};
use crate::output::{right, table, thousands};

/// Rows of one released table.
#[derive(Debug, Clone, Copy)]
pub struct Rows<'a> {
    rows: export::rows::Rows<'a>,
    table: &'a Table,
}

impl<'a> Rows<'a> {
    /// Rows with the columns of `proto::columns::released_schema`. `coarser` is what became of the table's
    /// cells: of a merge one coarsening, of a ladder one per rung above 0.
    #[must_use]
    pub fn new(batch: &'a RecordBatch, table: &'a Table, coarser: &'a [Coarsening]) -> Self {
        let rows = export::rows::Rows::new(batch, table, coarser);
        Self { rows, table }
    }

    /// How many there are.
    #[must_use]
    pub fn count(self) -> usize {
        self.rows.count()
    }

    /// All rows as JSON objects.
    ///
    /// # Errors
    /// [`CliError`] where a column has another type than a release's.
    pub fn json(self) -> Result<Vec<Value>, CliError> {
        let object = |row| {
            let fields = self.rows.values(row).or_fail()?.into_iter();
            let fields = fields.map(|field| match field {
                Field::Text(text) => Value::from(text),
                Field::Number(number) => Value::from(number),
                Field::Flag(flag) => Value::from(flag),
                Field::Missing => Value::Null,
            });
            let names = self.rows.names().map(ToOwned::to_owned);
            Ok(Value::Object(
                names.zip(fields).collect::<Map<String, Value>>(),
            ))
        };
        (0..self.count()).map(object).collect()
    }

    /// The largest rows by the first measured column, with their 95 % intervals and, where there is more than one
    /// category, their share of what is published. Of a sum only the mean is shown, of percentiles the median:
    /// the other columns are in all other forms.
    ///
    /// # Errors
    /// [`CliError`] where a column has another type than a release's.
    pub fn head(self, rows: usize) -> Result<String, CliError> {
        let names: Vec<&str> = self.rows.names().collect();
        let first_value = self.rows.key_columns();
        let mut all = (0..self.count())
            .map(|row| Ok((row, self.rows.values(row).or_fail()?)))
            .collect::<Result<Vec<_>, CliError>>()?;
        let size = |fields: &Vec<Field>| match fields.get(first_value) {
            Some(Field::Number(number)) => *number,
            _ => 0,
        };
        all.sort_by_key(|(_, fields)| std::cmp::Reverse(size(fields)));
        let shown: Vec<usize> = (0..names.len())
            .filter(|n| !names.get(*n).is_some_and(|name| is_beside(name, &names)))
            .collect();
        // Rows of several rungs are of unlike cells: their shares say nothing.
        let shares = Shares::of(self.rows.batch(), self.table).filter(|_| !self.rows.is_ladder());
        let share_title = shares
            .as_ref()
            .map(|s| format!("share of published {} by {}", s.counted, s.dimension));
        let mut header: Vec<&str> = shown
            .iter()
            .filter_map(|n| names.get(*n).copied())
            .collect();
        header.extend(share_title.as_deref());
        let mut screen = table(&header);
        for (row, fields) in all.iter().take(rows) {
            let share = shares.as_ref().and_then(|s| s.of_published.get(*row));
            let values = shown.iter().map(|n| value_text(fields, &names, *n));
            screen.add_row(values.chain(share.map(share_text)));
        }
        let numbers: Vec<usize> = (first_value..header.len()).collect();
        right(&mut screen, &numbers);
        Ok(screen.to_string())
    }
}

/// Shown with another column, or not on a screen: `x_low` and `x_high` beside `x`, a sum `x` beside `x_mean`, other
/// percentiles beside `x_p50`.
fn is_beside(name: &str, names: &[&str]) -> bool {
    let has = |name: &str| names.contains(&name);
    let bound = ["_low", "_high"]
        .iter()
        .any(|end| name.strip_suffix(end).is_some_and(has));
    let percentile = ["_p15", "_p85"].iter().any(|end| {
        let measure = name.strip_suffix(end);
        measure.is_some_and(|measure| has(&format!("{measure}_p50")))
    });
    bound || percentile || has(&format!("{name}_mean"))
}

/// Per cent with one decimal, ends outwards.
fn share_text(share: &Share) -> String {
    let (low, high) = ((share.low * 1000.0).floor(), (share.high * 1000.0).ceil());
    let percent = share.value * 100.0;
    format!("{percent:.1} % ({:.1} to {:.1})", low / 10.0, high / 10.0)
}

fn value_text(fields: &[Field], names: &[&str], column: usize) -> String {
    let number = |suffix: &str| {
        let name = names.get(column).map(|name| format!("{name}{suffix}"))?;
        let at = names.iter().position(|n| *n == name)?;
        match fields.get(at) {
            Some(Field::Number(number)) => Some(thousands(*number)),
            _ => None,
        }
    };
    match fields.get(column) {
        Some(Field::Text(text)) => text.clone().into_owned(),
        Some(Field::Flag(flag)) => if *flag { "yes" } else { "" }.to_owned(),
        Some(Field::Number(value)) => match number("_low").zip(number("_high")) {
            Some((low, high)) => format!("{} ({low} to {high})", thousands(*value)),
            None => thousands(*value),
        },
        Some(Field::Missing) | None => String::new(),
    }
}

#[cfg(test)]
mod tests;
