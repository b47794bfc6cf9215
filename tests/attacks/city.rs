//! A city with more cells than people in one: every cell is a replicate of the same small experiment.

use std::sync::Arc;

use arrow::array::{ArrayRef, DictionaryArray, RecordBatch, UInt8Array, UInt64Array};
use arrow::datatypes::Int32Type;
use policies::agreement::Agreement;
use policies::id::{AgreementId, BatchId, Role};
use policies::loss::Loss;
use policies::period::Period;
use privacy::quality::QualitySheet;
use proto::convert::Wish;
use sdk::client::{Answered, new_request_id};

use crate::harness::{self, Member, PURPOSE, Town};

/// Zones of the city, so that a table has `ZONES² · BINS` keys.
pub const ZONES: usize = 128;
/// Bins of a day.
pub const BINS: usize = 24;
/// The day that everything happens on, where nothing else is said.
pub const DAY: &str = "2026-10-05";

/// What reads the raw trips of an attack.
pub const MAPPING: &str = r#"
[source]
format = "csv"
[time]
column = "start"
[unit]
column = "rider"
[dimensions.origin]
column = "from"
[dimensions.destination]
column = "to"
[dimensions.mode]
column = "mode"
"#;

/// Floors that let an audit use a charge whose loss can be seen in thousands of replicates: a sound one is
/// far below what any sample could show.
const FLOORS: &str =
    r#"{"k_min":1,"cap_max":{"rho":"1000","delta":"0.9"},"retention_days_max":400}"#;

pub struct City {
    pub town: Town,
    pub bikes: Member,
    pub planner: Member,
    pub geojson: Vec<u8>,
}

/// Contributors and trips, where they are published.
pub type Row = Option<(i64, i64)>;

/// What a planner has after one request.
pub struct Shown {
    /// Contributors and trips of cell 0, 1, …; `None` where it is not published.
    pub cells: Vec<Row>,
    pub sheet: QualitySheet,
    pub key: String,
}

impl City {
    pub async fn new() -> Self {
        let town = Town::with_floors(FLOORS).await;
        let bikes = town.join("bikes", Role::Provider).await;
        let planner = town.join("city", Role::Planner).await;
        let geojson = grid();
        let steward = town.member("steward").await;
        let zoning = steward
            .client
            .add_zoning("grid-2026".parse().unwrap(), geojson.clone().into());
        zoning.await.unwrap();
        Self {
            town,
            bikes,
            planner,
            geojson,
        }
    }

    /// The suite's agreement over the grid, with `cells_max` 1 and `per_cell_max` 1.
    pub fn terms(&self) -> Agreement {
        self.terms_of(&self.bikes)
    }

    /// The same with another provider.
    pub fn terms_of(&self, provider: &Member) -> Agreement {
        let mut terms = harness::agreement(provider, &self.planner, &self.geojson);
        terms.zonings[0].id = "grid-2026".parse().unwrap();
        terms.zonings[0].zones = ZONES as u32;
        let table = &mut terms.tables[0];
        table.zoning = terms.zonings[0].id.clone();
        let bins: Vec<usize> = (0..BINS).collect();
        table.bins = serde_json::from_value(serde_json::json!(bins)).unwrap();
        (table.cells_max, table.per_cell_max) = (1, 1);
        terms
    }

    /// Makes an agreement's table one of another zoning, of the same zones a little narrower.
    pub async fn zoned(&self, terms: &mut Agreement, id: &str) {
        let zoning = &mut terms.zonings[0];
        zoning.id = id.parse().unwrap();
        terms.tables[0].zoning = zoning.id.clone();
        if id != "grid-2026" {
            let geojson = String::from_utf8(self.geojson.clone())
                .unwrap()
                .replace("60.01", "60.009");
            zoning.sha256 = policies::id::sha256_hex(geojson.as_bytes())
                .parse()
                .unwrap();
            let steward = self.town.member("steward").await;
            let added = steward
                .client
                .add_zoning(zoning.id.clone(), geojson.into_bytes().into());
            added.await.unwrap();
        }
    }

    pub async fn activate(&self, terms: &Agreement) -> AgreementId {
        harness::activate(&self.bikes, &self.planner, terms).await
    }

    /// Pushes cell 0, 1, … with these contributors and trips; a cell of (0, 0) is left out.
    pub async fn push(
        &self,
        terms: &Agreement,
        period: &str,
        supersedes: Option<&BatchId>,
        cells: &[(u64, u64)],
    ) -> BatchId {
        self.push_from(&self.bikes, terms, period, supersedes, cells)
            .await
    }

    /// The same from another provider.
    pub async fn push_from(
        &self,
        provider: &Member,
        terms: &Agreement,
        period: &str,
        supersedes: Option<&BatchId>,
        cells: &[(u64, u64)],
    ) -> BatchId {
        let mut push = harness::push(&terms.id().unwrap(), period);
        push.table = terms.tables[0].name.clone();
        push.supersedes = supersedes.cloned();
        let batches: Vec<_> = batches(terms, cells).collect();
        let pushed = provider.client.push(&push, &batches, |_| {});
        pushed.await.unwrap();
        push.batch
    }

    pub fn wish(&self, id: &AgreementId, table: &str, period: &str) -> Wish {
        Wish {
            request: new_request_id().unwrap(),
            agreement: id.clone(),
            table: table.parse().unwrap(),
            period: period.parse().unwrap(),
            purpose: PURPOSE.into(),
            merge: None,
            with: vec![],
        }
    }

    /// A planner asks over gRPC, fetches over Flight and reads.
    pub async fn release(&self, who: &Member, wish: &Wish) -> Shown {
        match who.client.request(wish).await.unwrap() {
            Answered::Released(released) => {
                let table = who.client.fetch(&released.what).await.unwrap();
                let mut cells = vec![None; ZONES * ZONES * BINS];
                for (origin, destination, bin, people, trips) in harness::rows(&table) {
                    let zone = |id: &str| id.trim_start_matches('z').parse::<usize>().unwrap();
                    let place =
                        (zone(&origin) * ZONES + zone(&destination)) * BINS + usize::from(bin);
                    cells[place] = Some((people, trips));
                }
                let sheet = serde_json::from_slice(table.quality_sheet()).unwrap();
                Shown {
                    cells,
                    sheet,
                    key: released.what.to_string(),
                }
            }
            Answered::Refused(refusal) => panic!("refused: {refusal:?}"),
        }
    }

    /// What [`DAY`] of all riders has lost, by the broker's own ledger.
    pub fn lost(&self) -> Loss {
        let broker = self.town.broker();
        let state = broker.sequencer().state();
        let day: Period = DAY.parse().unwrap();
        let balances = state.ledger().balances();
        let losses = balances.filter(|(_, period, _)| *period == day);
        losses.fold(Loss::ZERO, |sum, (_, _, loss)| {
            sum.checked_add(loss).unwrap()
        })
    }

    /// Signs, pushes, releases: the whole way from counts to a published table.
    pub async fn publish(&self, terms: &Agreement, cells: &[(u64, u64)]) -> Shown {
        let id = self.activate(terms).await;
        self.push(terms, DAY, None, cells).await;
        let wish = self.wish(&id, terms.tables[0].name.as_str(), DAY);
        self.release(&self.planner, &wish).await
    }
}

/// Zone ids in order.
pub fn zone(n: usize) -> String {
    format!("z{n:03}")
}

/// Zones of the `n`th cell and its bin.
pub fn place(n: usize) -> (String, String, usize) {
    (zone(n / BINS / ZONES), zone(n / BINS % ZONES), n % BINS)
}

fn batches<'a>(
    terms: &'a Agreement,
    cells: &'a [(u64, u64)],
) -> impl Iterator<Item = RecordBatch> + 'a {
    let schema = proto::columns::cells_schema(&terms.tables[0], terms.population.unit);
    let filled: Vec<_> = cells
        .iter()
        .enumerate()
        .filter(|(_, cell)| **cell != (0, 0))
        .collect();
    let parts: Vec<RecordBatch> = filled
        .chunks(20_000)
        .map(|part| {
            let text = |of: &dyn Fn(usize) -> String| -> ArrayRef {
                let values: Vec<String> = part.iter().map(|(n, _)| of(*n)).collect();
                Arc::new(
                    values
                        .iter()
                        .map(String::as_str)
                        .collect::<DictionaryArray<Int32Type>>(),
                )
            };
            let columns: Vec<ArrayRef> = vec![
                text(&|n| place(n).0),
                text(&|n| place(n).1),
                Arc::new(
                    part.iter()
                        .map(|(n, _)| (n % BINS) as u8)
                        .collect::<UInt8Array>(),
                ),
                text(&|_| "bike".into()),
                Arc::new(part.iter().map(|(_, cell)| cell.0).collect::<UInt64Array>()),
                Arc::new(part.iter().map(|(_, cell)| cell.1).collect::<UInt64Array>()),
            ];
            RecordBatch::try_new(schema.clone(), columns).unwrap()
        })
        .collect();
    parts.into_iter()
}

/// One row of squares of 0.001°, from west to east.
fn grid() -> Vec<u8> {
    let feature = |n: usize| {
        let (west, east) = (24.0 + n as f64 * 0.001, 24.001 + n as f64 * 0.001);
        serde_json::json!({
            "type": "Feature", "properties": { "zone_id": zone(n) },
            "geometry": { "type": "Polygon", "coordinates": [[
                [west, 60.0], [east, 60.0], [east, 60.01], [west, 60.01], [west, 60.0]]] },
        })
    };
    let features: Vec<_> = (0..ZONES).map(feature).collect();
    let all = serde_json::json!({ "type": "FeatureCollection", "features": features });
    serde_json::to_vec(&all).unwrap()
}
