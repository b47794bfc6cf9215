//! A data set as events, and its cells at any grain.

use std::collections::{BTreeMap, HashMap, HashSet};

use policies::agreement::Unit;
use policies::coarse::Zones;
use policies::table::Table;
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::run::{Failed, SEED};

/// Origin, destination (0 where there is none), bin of the day, category.
pub type Key = [u32; 4];

/// Something that units did, in one period.
#[derive(Debug, Clone, Copy)]
pub struct Event {
    /// Which period.
    pub period: u32,
    /// Who, numbered through all periods; of no meaning where the unit is a trip.
    pub unit: u32,
    /// Where and when.
    pub key: Key,
    /// How many units did just this: more than 1 only where the unit is a trip.
    pub units: u64,
}

/// Distinct units per cell of one period.
pub type Cells = BTreeMap<Key, u64>;

/// Which dimensions become one value at a coarser grain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grain {
    /// What becomes of every zone.
    pub zones: Zones,
    /// The whole day is one bin.
    pub bins: bool,
    /// All categories are one.
    pub categories: bool,
}

impl Grain {
    /// The grain that is asked for.
    pub const FINE: Self = Self {
        zones: Zones::Same,
        bins: false,
        categories: false,
    };

    /// The key of the coarse cell; `parents` of each zone.
    #[must_use]
    pub fn of(self, parents: &[u32], [origin, destination, bin, category]: Key) -> Key {
        let keep = |merged: bool, value: u32| if merged { 0 } else { value };
        let zone = |zone: u32| match self.zones {
            Zones::Same => zone,
            Zones::Parent => parents.get(zone as usize).copied().unwrap_or(zone),
            Zones::All => 0,
        };
        [
            zone(origin),
            zone(destination),
            keep(self.bins, bin),
            keep(self.categories, category),
        ]
    }
}

/// A coarser table beside the fine one.
#[derive(Debug, Clone, Copy)]
pub struct Rung {
    /// Its grain.
    pub grain: Grain,
    /// Its share of ε and δ in hundredths; the fine table has the rest.
    pub share: u64,
    /// L0 at its grain.
    pub cells_max: u32,
}

/// One data set.
#[derive(Debug)]
pub struct Set {
    /// Its name in the tables.
    pub name: &'static str,
    /// What is protected, and what that is in this source.
    pub unit: Unit,
    /// In words.
    pub unit_is: &'static str,
    /// The grain in words.
    pub grain: String,
    /// Bins of a day.
    pub bins: u32,
    /// Values of the category.
    pub categories: u32,
    /// The district of each zone; empty where no table has districts.
    pub parents: Vec<u32>,
    /// L0 at the fine grain.
    pub cells_max: u32,
    /// The table whose rows are spread over what the fine one withholds.
    pub coarse: Rung,
    /// The table over all zones by which they are spread; evenly without it.
    pub profile: Option<Rung>,
    /// All events.
    pub events: Vec<Event>,
}

impl Set {
    /// The true cells of every period: all distinct units, without any bound.
    #[must_use]
    pub fn truth(&self) -> Vec<Cells> {
        self.count(Grain::FINE, usize::MAX)
    }

    /// The cells of every period as they are contributed at this grain: at most `cells_max` cells per
    /// unit and period. Which ones is drawn with the bench's seed; the SDK takes a keyed hash.
    #[must_use]
    pub fn bounded(&self, grain: Grain, cells_max: u32) -> Vec<Cells> {
        self.count(grain, usize::try_from(cells_max).unwrap_or(usize::MAX))
    }

    fn count(&self, grain: Grain, cells_max: usize) -> Vec<Cells> {
        let periods = self.events.iter().map(|e| e.period + 1).max().unwrap_or(0);
        let mut cells = vec![Cells::new(); periods as usize];
        let mut add = |period: u32, key, units| {
            if let Some(cells) = cells.get_mut(period as usize) {
                *cells.entry(key).or_default() += units;
            }
        };
        if self.unit == Unit::Trip {
            for event in &self.events {
                add(
                    event.period,
                    grain.of(&self.parents, event.key),
                    event.units,
                );
            }
            return cells;
        }
        let mut rng = ChaCha8Rng::seed_from_u64(SEED);
        let mut touched: HashMap<(u32, u32), HashSet<Key>> = HashMap::new();
        for event in &self.events {
            let unit = touched.entry((event.period, event.unit)).or_default();
            unit.insert(grain.of(&self.parents, event.key));
        }
        let mut touched: Vec<_> = touched.into_iter().collect();
        touched.sort_unstable_by_key(|(unit, _)| *unit);
        for ((period, _), keys) in touched {
            let mut keys: Vec<_> = keys.into_iter().collect();
            keys.sort_unstable();
            keys.shuffle(&mut rng);
            for key in keys.into_iter().take(cells_max) {
                add(period, key, 1);
            }
        }
        cells
    }

    /// The terms of a table at this grain.
    ///
    /// # Errors
    /// Where it is no table.
    pub fn table(&self, cells_max: u32) -> Result<Table, Failed> {
        let bins: Vec<u32> = (0..self.bins.min(24)).collect();
        let values: Vec<String> = (0..self.categories).map(|n| format!("c{n}")).collect();
        Ok(serde_json::from_value(serde_json::json!({
            "name": "od", "kind": "od_trips", "zoning": "zones", "period": "day", "bins": bins,
            "categories": [{ "dimension": "mode", "values": values }],
            "cells_max": cells_max, "per_cell_max": 1, "clamps": [],
        }))?)
    }
}

/// A place in a list of weights, each drawn in proportion to its weight.
#[must_use]
pub fn weighted(rng: &mut ChaCha8Rng, cumulated: &[f64]) -> u32 {
    let most = cumulated.last().copied().unwrap_or_default();
    let at = rng.random::<f64>() * most;
    u32::try_from(cumulated.partition_point(|c| *c <= at)).unwrap_or(0)
}
