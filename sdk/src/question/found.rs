//! The released tables that a caller has, with what their agreements say about them.

use std::collections::BTreeMap;

use arrow::array::{AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type};
use policies::agreement::{Agreement, Unit, ZoningRef};
use policies::id::{AgreementId, OrgId};
use policies::kind::Kind;
use policies::period::Period;
use policies::table::Table;

use super::Source;
use super::argument::identifier;
use super::ask::AskError;
use crate::client::Client;

/// A table in SQL, and its terms.
#[derive(Debug, Clone)]
pub struct Found {
    /// Its schema.
    pub schema: String,
    /// Its name there.
    pub table: String,
    /// The newest agreement that it was released under.
    pub agreement: AgreementId,
    /// Whose data.
    pub provider: OrgId,
    pub(super) terms: Table,
    pub(super) unit: Unit,
    pub(super) zoning: ZoningRef,
    pub(super) columns: Vec<String>,
    /// Those that are released.
    pub(super) periods: Vec<Period>,
}

const RELEASED: &str =
    "SELECT schema_name, table_name, agreement, period FROM releases ORDER BY log_entry";

impl Found {
    /// Its name in full.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{}.{}", self.schema, self.table)
    }

    /// The same in a statement: a table's name may begin with a digit, or hold `-`.
    pub(super) fn quoted(&self) -> String {
        format!("{}.{}", identifier(&self.schema), identifier(&self.table))
    }

    /// The column that is counted, and what it is called.
    pub(super) fn number(&self) -> Option<(String, String)> {
        let kind = Kind::named(&self.terms.kind)?;
        let has = |name: &str| self.columns.iter().any(|column| column == name);
        let measure = kind.measures.first()?;
        if has(&measure.name) {
            return Some((measure.name.clone(), measure.name.clone()));
        }
        let called = || self.unit.counted(self.terms.period).replace('-', "_");
        has("contributors").then(|| ("contributors".to_owned(), called()))
    }

    /// Does its number count people, or their days? Who is in several rows is counted in each; a trip is in one.
    pub(super) fn counts_people(&self) -> bool {
        let number = self.number().map(|(column, _)| column);
        self.unit != Unit::Trip && number.as_deref() != self.terms.count()
    }

    /// Why it cannot be read as this source; `None` where it can.
    pub(super) fn lacks(&self, source: &Source) -> Option<String> {
        let shown = |sum: &String| self.columns.contains(&format!("{sum}_high"));
        if !source.kinds.contains(&self.terms.kind) {
            let kinds = source.kinds.join(" or ");
            return Some(format!("it is of kind {}, not {kinds}", self.terms.kind));
        }
        if let Some(sum) = source.sums.as_ref().filter(|sum| !shown(sum)) {
            return Some(format!("it shows no {sum} with an interval"));
        }
        self.number()
            .is_none()
            .then(|| "it shows no number of its own".to_owned())
    }
}

/// What the caller has of a source, and planned tables of its agreements that would do, had they been released.
pub(super) struct Candidates {
    pub have: Vec<Found>,
    pub planned: Vec<(AgreementId, Table)>,
}

/// All released tables of the kinds of these sources.
pub(super) async fn tables(client: &Client, kinds: &[&str]) -> Result<Vec<Found>, AskError> {
    let mut released: BTreeMap<_, (String, Vec<String>)> = BTreeMap::new();
    for batch in rows(client, RELEASED).await?.1 {
        let (schemas, tables) = (texts(&batch, 0)?, texts(&batch, 1)?);
        let releases = texts(&batch, 2)?.into_iter().zip(texts(&batch, 3)?);
        for (key, (agreement, period)) in schemas.into_iter().zip(tables).zip(releases) {
            let (newest, periods) = released.entry(key).or_default();
            // Later rows are of later agreements: an amendment takes the place of what it amends.
            *newest = agreement;
            periods.push(period);
        }
    }
    let mut known = BTreeMap::new();
    let mut found = Vec::new();
    for ((schema, table), (id, periods)) in released {
        let id: AgreementId = id.parse().map_err(|_| AskError::Shape)?;
        if !known.contains_key(&id) {
            known.insert(id.clone(), client.agreement(&id).await?.terms);
        }
        let Some(mut one) = known
            .get(&id)
            .and_then(|terms| of_terms(terms, id, schema, table))
        else {
            continue;
        };
        if kinds.contains(&one.terms.kind.as_str()) {
            let none = format!("SELECT * FROM {} LIMIT 0", one.quoted());
            let columns = rows(client, &none).await?.0;
            let periods: Result<Vec<Period>, _> = periods.iter().map(|p| p.parse()).collect();
            one.periods = periods.map_err(|_| AskError::Shape)?;
            one.columns = columns.fields().iter().map(|f| f.name().clone()).collect();
            found.push(one);
        }
    }
    Ok(found)
}

/// What there is for one source; what is only planned is looked for where there is nothing.
pub(super) async fn candidates(
    client: &Client,
    found: &[Found],
    source: &Source,
) -> Result<Candidates, AskError> {
    let have: Vec<Found> = found
        .iter()
        .filter(|f| f.lacks(source).is_none())
        .cloned()
        .collect();
    let mut planned = Vec::new();
    if have.is_empty() {
        for listed in client.agreements().await? {
            let terms = client.agreement(&listed.id).await?.terms;
            let would = terms.plan.iter().filter_map(|item| {
                let table = terms.table(&item.table)?;
                let charges = item.charge.iter().flat_map(|charge| &charge.measures);
                let sum = source.sums.as_deref();
                let charged = sum.is_none_or(|sum| charges.into_iter().any(|m| m.measure == sum));
                (source.kinds.contains(&table.kind) && charged).then(|| table.clone())
            });
            planned.extend(would.map(|table| (listed.id.clone(), table)));
        }
    }
    Ok(Candidates { have, planned })
}

/// The planned table that is called so; none for a merge or a joint table, whose keys are others.
fn of_terms(terms: &Agreement, id: AgreementId, schema: String, table: String) -> Option<Found> {
    let shape = table.rsplit_once('_').filter(|(_, digits)| {
        digits.len() < 3 && digits.bytes().all(|digit| digit.is_ascii_digit())
    });
    let named = |name: &str| terms.tables.iter().find(|t| t.name.as_str() == name);
    let planned = named(&table).or_else(|| shape.and_then(|(name, _)| named(name)))?;
    let zoning = terms.zonings.iter().find(|z| z.id == planned.zoning)?;
    Some(Found {
        schema,
        agreement: id,
        provider: terms.provider.org.clone(),
        terms: planned.clone(),
        unit: terms.population.unit,
        zoning: zoning.clone(),
        columns: Vec::new(),
        periods: Vec::new(),
        table,
    })
}

/// All rows of a statement's answer.
pub(super) async fn rows(
    client: &Client,
    statement: &str,
) -> Result<(arrow::datatypes::SchemaRef, Vec<RecordBatch>), AskError> {
    let mut answer = client.sql(statement).await?;
    let mut batches = Vec::new();
    while let Some(batch) = answer.next().await {
        batches.push(batch?);
    }
    let schema = batches
        .first()
        .map_or_else(|| answer.schema().clone(), RecordBatch::schema);
    Ok((schema, batches))
}

fn texts(batch: &RecordBatch, column: usize) -> Result<Vec<String>, AskError> {
    let column = batch.columns().get(column).ok_or(AskError::Shape)?;
    let column = cast(column, &DataType::Utf8).map_err(|_| AskError::Shape)?;
    let values = column.as_string::<i32>().iter();
    Ok(values.map(|v| v.unwrap_or_default().to_owned()).collect())
}

/// The one number of an answer.
pub(super) fn number(batches: &[RecordBatch]) -> Result<u64, AskError> {
    let first = batches.iter().find(|batch| batch.num_rows() > 0);
    let column = first.and_then(|batch| batch.columns().first());
    let column = cast(column.ok_or(AskError::Shape)?, &DataType::Int64);
    let column = column.map_err(|_| AskError::Shape)?;
    let value = column.as_primitive::<Int64Type>().iter().next().flatten();
    u64::try_from(value.unwrap_or_default()).map_err(|_| AskError::Shape)
}
