//! A data set as events, and its cells at any grain.

use std::collections::{BTreeMap, HashMap, HashSet};

use policies::agreement::Unit;
use policies::coarse::Zones;
use policies::table::Table;
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::{Failed, SEED};

/// Origin, destination (0 where there is none), bin of the day, category, day.
pub type Key = [u32; 5];

/// Something that units did.
#[derive(Debug, Clone, Copy)]
pub struct Event {
    /// Who; of no meaning where the unit is a trip.
    pub unit: u32,
    /// Where and when.
    pub key: Key,
    /// How many units did just this: more than 1 only where the unit is a trip.
    pub units: u64,
}

/// Distinct units per cell. Days are drawn together: noise is independent, and every day has the same
/// mechanism.
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
    /// All days are one: a table of a longer period.
    pub days: bool,
}

impl Grain {
    /// The grain that is asked for.
    pub const FINE: Self = Self {
        zones: Zones::Same,
        bins: false,
        categories: false,
        days: false,
    };

    /// The key of the coarse cell; `parents` of each zone.
    #[must_use]
    pub fn of(self, parents: &[u32], [origin, destination, bin, category, day]: Key) -> Key {
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
            keep(self.days, day),
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
    /// Days that are read.
    pub days: u32,
    /// The tables whose rows are spread over what all finer ones withhold, finer ones first.
    pub rungs: Vec<Rung>,
    /// The table over all zones by which they are spread; evenly without it.
    pub profile: Option<Rung>,
    /// All events.
    pub events: Vec<Event>,
}

impl Set {
    /// The true cells: all distinct units, without any bound.
    #[must_use]
    pub fn truth(&self) -> Cells {
        self.count(Grain::FINE, usize::MAX)
    }

    /// The cells as they are contributed at this grain: at most `cells_max` cells per unit and day.
    /// Which ones is drawn with the bench's seed; the SDK takes a keyed hash.
    #[must_use]
    pub fn bounded(&self, grain: Grain, cells_max: u32) -> Cells {
        self.count(grain, usize::try_from(cells_max).unwrap_or(usize::MAX))
    }

    fn count(&self, grain: Grain, cells_max: usize) -> Cells {
        let mut cells = Cells::new();
        if self.unit == Unit::Trip {
            for event in &self.events {
                *cells.entry(grain.of(&self.parents, event.key)).or_default() += event.units;
            }
            return cells;
        }
        let mut rng = ChaCha8Rng::seed_from_u64(SEED);
        let mut touched: HashMap<(u32, u32), HashSet<Key>> = HashMap::new();
        for event in &self.events {
            let [.., day] = event.key;
            let unit = touched.entry((day, event.unit)).or_default();
            unit.insert(grain.of(&self.parents, event.key));
        }
        let mut touched: Vec<_> = touched.into_iter().collect();
        touched.sort_unstable_by_key(|(unit, _)| *unit);
        for (_, keys) in touched {
            let mut keys: Vec<_> = keys.into_iter().collect();
            keys.sort_unstable();
            keys.shuffle(&mut rng);
            for key in keys.into_iter().take(cells_max) {
                *cells.entry(key).or_default() += 1;
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
