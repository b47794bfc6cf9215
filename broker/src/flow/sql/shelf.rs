//! Which tables a caller's statements see, and under which names.
//!
//! A schema per line of agreements, `agreement_` and the first 12 digits of the first one's id, since an amendment
//! carries its tables on. In it a table per planned table, all its periods under one another, of each the newest
//! edition, and `table_2` where an amendment has changed its columns, bins, zoning, grain or unit; and one per merged
//! or joint release, `table_` and the first 8 digits of its key. The schema `released` has every table whose name only
//! one line has, and `releases`, which lists what is in them.

mod releases;
mod rows;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use cells::sql::{Loaded, SqlError, Tables};
use futures::FutureExt;
use futures::future::BoxFuture;
use policies::entry::Reservation;
use policies::id::{AgreementId, OrgId, ReleaseKey};
use policies::period::Period;
use policies::state::{ReleaseRecord, Stage, State};
use policies::table::Table;
use proto::columns::{Made, columns_of};

use crate::access::method::DO_GET;
use crate::flow::Broker;

/// The schema of names that only one line of agreements has.
pub(crate) const RELEASED: &str = "released";
/// The list of releases, in that schema.
pub(crate) const RELEASES: &str = "releases";

/// Digits of an agreement's id in the name of its schema.
const AGREEMENT_DIGITS: usize = 12;
/// Digits of a release's key in the name of its table.
const KEY_DIGITS: usize = 8;

/// A release, and where it is found.
#[derive(Debug, Clone)]
pub(super) struct Item {
    key: ReleaseKey,
    reservation: Reservation,
    entry: u64,
    schema: String,
    table: String,
}

impl Item {
    /// All periods that it is about, first to last.
    fn periods(&self) -> (Period, Period) {
        let first = self.reservation.period;
        let last = self.reservation.merge.as_ref();
        (
            first,
            last.and_then(|m| m.periods().last()).unwrap_or(first),
        )
    }
}

/// The released tables of one caller at one time.
pub(crate) struct Shelf {
    broker: Arc<Broker>,
    by: OrgId,
    items: Vec<Item>,
    /// Schema → table → places in `items`, in the order of periods.
    tables: BTreeMap<String, BTreeMap<String, Vec<usize>>>,
}

impl fmt::Debug for Shelf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shelf")
            .field("by", &self.by)
            .finish_non_exhaustive()
    }
}

impl Broker {
    /// What the caller may fetch now, by the names that SQL knows it by.
    pub(crate) fn shelf(self: &Arc<Self>, by: &OrgId) -> Shelf {
        let state = self.sequencer.state();
        let mut items = readable(self, &state, by);
        items.sort_by_key(|item| item.entry);
        let planned = planned(&state, &items);
        let items = named(items, &planned);
        let tables = placed(&items);
        Shelf {
            broker: Arc::clone(self),
            by: by.clone(),
            items,
            tables,
        }
    }
}

/// The published releases that the caller may fetch.
fn readable(broker: &Broker, state: &State, by: &OrgId) -> Vec<Item> {
    let mut open = BTreeMap::new();
    let mut may = |id: &AgreementId| {
        *open
            .entry(id.clone())
            .or_insert_with(|| broker.may_fetch(state, by, DO_GET, id))
    };
    let item = |(key, record): (&ReleaseKey, &ReleaseRecord)| {
        let Stage::Published { entry, .. } = &record.stage else {
            return None;
        };
        let r = &record.reservation;
        let all = r.asked().iter().all(|asked| may(&asked.agreement));
        let first = &state.agreement(&r.agreement)?.life.first;
        let digits: String = first.to_string().chars().take(AGREEMENT_DIGITS).collect();
        all.then(|| Item {
            key: key.clone(),
            reservation: r.clone(),
            entry: *entry,
            schema: format!("agreement_{digits}"),
            table: r.table.name.to_string(),
        })
    };
    state.releases().filter_map(item).collect()
}

/// Schemas and the tables that their agreements plan: no table of another kind has such a name.
fn planned(state: &State, items: &[Item]) -> BTreeSet<(String, String)> {
    let agreements: BTreeSet<_> = items
        .iter()
        .map(|item| (&item.schema, &item.reservation.agreement))
        .collect();
    let tables = |(schema, id): (&String, _)| {
        let tables = state.agreement(id).map(|known| &known.terms.tables);
        let tables = tables.into_iter().flatten();
        let names = tables.map(|table| (schema.clone(), table.name.to_string()));
        names.collect::<Vec<_>>()
    };
    agreements.into_iter().flat_map(tables).collect()
}

/// Plain releases under their table's name, with a number where a later one has another [`shape`]; of each period the
/// newest edition. All others under a name of their own.
fn named(items: Vec<Item>, planned: &BTreeSet<(String, String)>) -> Vec<Item> {
    let mut shapes: BTreeMap<(String, String), Vec<String>> = BTreeMap::new();
    let mut newest = BTreeMap::new();
    let mut single = Vec::new();
    for mut item in items {
        let r = &item.reservation;
        if r.merge.is_some() || r.joint.is_some() {
            let digits: String = item.key.to_string().chars().take(KEY_DIGITS).collect();
            item.table = free(&item, planned, [digits, item.key.to_string()], 0);
            single.push(item);
            continue;
        }
        let shape = shape(r);
        let known = shapes
            .entry((item.schema.clone(), item.table.clone()))
            .or_default();
        let place = known.iter().position(|other| *other == shape);
        let place = place.unwrap_or_else(|| {
            known.push(shape);
            known.len() - 1
        });
        let plain = (item.schema.clone(), item.table.clone(), r.period);
        if place > 0 {
            item.table = free(&item, planned, 2_u64.., place - 1);
        }
        newest.insert(plain, item);
    }
    newest.into_values().chain(single).collect()
}

/// The `n`th of those names of a release that no agreement plans.
fn free<E: fmt::Display>(
    item: &Item,
    planned: &BTreeSet<(String, String)>,
    endings: impl IntoIterator<Item = E>,
    n: usize,
) -> String {
    let names = endings.into_iter();
    let names = names.map(|ending| format!("{}_{ending}", item.table));
    let mut free = names.filter(|name| !planned.contains(&(item.schema.clone(), name.clone())));
    free.nth(n).unwrap_or_else(|| item.key.to_string())
}

/// What its columns depend on, and what a key and a number in them mean: an amendment may cut the day, the town or the
/// year another way under the same name.
fn shape(r: &Reservation) -> String {
    let Table {
        kind,
        zoning,
        period,
        bins,
        ..
    } = &r.table;
    let fields = released(r);
    let fields: Vec<_> = fields.fields().iter().map(|f| f.name().as_str()).collect();
    format!(
        "{kind} {} {zoning} {period:?} {bins:?} {fields:?} {} {}",
        r.unit.word(),
        r.mechanism.is_k_only(),
        r.rungs.len()
    )
}

/// The columns of a release.
fn released(r: &Reservation) -> SchemaRef {
    let made = Made {
        merged: r.merge.is_some(),
        on_rungs: !r.rungs.is_empty(),
        joint: r.joint.is_some(),
    };
    columns_of(&r.table, r.unit, &r.mechanism, made)
}

type Places = BTreeMap<String, BTreeMap<String, Vec<usize>>>;

fn placed(items: &[Item]) -> Places {
    let mut places = Places::new();
    for (n, item) in items.iter().enumerate() {
        let schema = places.entry(item.schema.clone()).or_default();
        schema.entry(item.table.clone()).or_default().push(n);
    }
    let mut names: BTreeMap<&String, BTreeSet<&String>> = BTreeMap::new();
    for item in items {
        names.entry(&item.table).or_default().insert(&item.schema);
    }
    let mut released = BTreeMap::from([(RELEASES.to_owned(), (0..items.len()).collect())]);
    for (table, schemas) in names {
        if let (1, Some(schema)) = (schemas.len(), schemas.first())
            && let Some(found) = places.get(*schema).and_then(|tables| tables.get(table))
        {
            // A table of an agreement that is called as the list is found in its own schema only.
            released
                .entry(table.clone())
                .or_insert_with(|| found.clone());
        }
    }
    places.insert(RELEASED.to_owned(), released);
    places
}

impl Shelf {
    fn items(&self, schema: &str, table: &str) -> Option<Vec<&Item>> {
        let places = self.tables.get(schema)?.get(table)?;
        Some(places.iter().filter_map(|n| self.items.get(*n)).collect())
    }
}

impl Tables for Shelf {
    fn schemas(&self) -> Vec<String> {
        self.tables.keys().cloned().collect()
    }

    fn default_schema(&self) -> String {
        RELEASED.into()
    }

    fn tables(&self, schema: &str) -> Vec<String> {
        let tables = self.tables.get(schema).into_iter().flat_map(BTreeMap::keys);
        tables.cloned().collect()
    }

    /// From what was reserved: no release is read for a list of tables.
    fn columns(&self, schema: &str, table: &str) -> Result<Option<SchemaRef>, SqlError> {
        if (schema, table) == (RELEASED, RELEASES) {
            return releases::list(&[]).map(|none| Some(none.schema));
        }
        let items = self.items(schema, table).unwrap_or_default();
        let columns = |first: &&Item| rows::with_period(&released(&first.reservation));
        Ok(items.first().map(columns))
    }

    fn load<'a>(
        &'a self,
        schema: &'a str,
        table: &'a str,
    ) -> BoxFuture<'a, Result<Option<Loaded>, SqlError>> {
        async move {
            let Some(items) = self.items(schema, table) else {
                return Ok(None);
            };
            if (schema, table) == (RELEASED, RELEASES) {
                return releases::list(&items).map(Some);
            }
            rows::load(&self.broker, &self.by, &items).await.map(Some)
        }
        .boxed()
    }
}
