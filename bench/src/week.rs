//! A working week of a city's cells as the broker stores them, and an ad-hoc release of it.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cells::merge::{Parents, Rows};
use cells::read::Blobs;
use object_store::local::LocalFileSystem;
use policies::agreement::Agreement;
use policies::coarse::{Coarsening, Merge, Zones};
use policies::entry::Reservation;
use policies::mechanism::{Mechanism, Noise};
use policies::period::Period;
use privacy::merge::Fold;
use privacy::protect::protect_merged;
use privacy::spend::Spend;
use tempfile::TempDir;

use crate::run::Failed;
use crate::usage::{Meter, Used};
use crate::{grid, released, reserved};

/// Zones of the city.
pub const ZONES: usize = 500;
/// Days over which the cells of the whole city are spread.
const DAYS: usize = 30;
/// Monday to Friday.
const WEEK: [&str; 5] = [
    "2026-10-05",
    "2026-10-06",
    "2026-10-07",
    "2026-10-08",
    "2026-10-09",
];
/// The parts of a day by their first hour: night, morning peak, midday, from the evening peak on.
const PARTS: [u8; 4] = [0, 7, 10, 16];
/// The parts of a day in SQL, of the hour in `start`.
pub const PART_SQL: &str =
    "CASE WHEN start < 7 THEN 0 WHEN start < 10 THEN 7 WHEN start < 16 THEN 10 ELSE 16 END";
/// The first characters of a zone's id that name its district: ten zones have one.
pub const DISTRICT_CHARS: usize = 5;

/// What becomes of the zones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Grain {
    /// 50 districts: 10,000 groups.
    Districts,
    /// All zones: a million groups.
    Zones,
}

impl Grain {
    /// As the tables and the peers call it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Districts => "districts",
            Self::Zones => "zones",
        }
    }

    /// Times the bare grouping that a release may take.
    #[must_use]
    pub fn times_most(self) -> f64 {
        match self {
            Self::Districts => 1.5,
            Self::Zones => 4.0,
        }
    }

    /// A column of zones at this grain.
    #[must_use]
    pub fn sql(self, zone: &str) -> String {
        match self {
            Self::Districts => format!("substr({zone}, 1, {DISTRICT_CHARS})"),
            Self::Zones => zone.to_owned(),
        }
    }

    fn coarsening(self) -> Result<Coarsening, Failed> {
        Ok(Coarsening {
            bins: Some(PARTS.to_vec().try_into()?),
            zones: match self {
                Self::Districts => Zones::Parent,
                Self::Zones => Zones::Same,
            },
            categories: vec!["mode".to_owned()],
        })
    }
}

/// The files of a week; gone when dropped.
pub struct Week {
    folder: TempDir,
    terms: Agreement,
    parents: Parents,
    /// Cells of the week.
    pub cells: usize,
}

impl Week {
    /// The five working days of a city that has `cells` in 30 days.
    ///
    /// # Errors
    /// Where a file cannot be written.
    pub fn write(cells: usize) -> Result<Self, Failed> {
        let key = policies::id::sha256_hex(b"nobody").parse()?;
        let geojson = grid::geojson(ZONES)?;
        let terms = grid::agreement(("fleet", &key), ("city", &key), &geojson, ZONES)?;
        let folder = tempfile::tempdir()?;
        // PostgreSQL runs as its own user and reads from here.
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755))?;
        let ids = grid::zone_ids(ZONES);
        let parents = ids
            .iter()
            .map(|id| (id.clone(), id.chars().take(DISTRICT_CHARS).collect()));
        let per_day = cells / DAYS;
        let week = Self {
            parents: parents.collect(),
            folder,
            terms,
            cells: per_day * WEEK.len(),
        };
        for (day, file) in (0..).zip(week.files()) {
            let cells = grid::cells_of_day(&week.terms, ZONES, per_day, day)?;
            released::write(&file, &week.terms, ZONES, &cells)?;
        }
        Ok(week)
    }

    /// Its Parquet files lie alone here.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// One a day.
    pub fn files(&self) -> impl Iterator<Item = PathBuf> {
        WEEK.iter()
            .map(|day| self.folder.path().join(format!("{day}.parquet")))
    }

    /// On disk.
    #[must_use]
    pub fn bytes_per_cell(&self) -> f64 {
        let sizes = self
            .files()
            .filter_map(|file| Some(file.metadata().ok()?.len()));
        sizes.sum::<u64>() as f64 / self.cells.max(1) as f64
    }

    /// Threshold, and the scales of contributors and trips, for peers that draw the same noise.
    ///
    /// # Errors
    /// Where nothing can be calibrated.
    pub fn noise(&self, grain: Grain) -> Result<[String; 3], Failed> {
        let Mechanism::Thresholded {
            selection,
            measures,
        } = self.reservation(grain)?.mechanism
        else {
            return Err("a mechanism without a threshold".into());
        };
        let trips = measures.first().ok_or("no noise for trips")?;
        if [&selection.draw, &trips.draw]
            .iter()
            .any(|draw| draw.noise != Noise::DiscreteGaussian)
        {
            return Err("the peers draw Gaussian noise, and this is none".into());
        }
        let scale = |sixteenths: u64| (sixteenths as f64 / 16.0).to_string();
        Ok([
            selection.published_from().to_string(),
            scale(selection.draw.scale.sixteenths()),
            scale(trips.draw.scale.sixteenths()),
        ])
    }

    /// What the broker does between reservation and blob; gives the number of published rows.
    ///
    /// # Errors
    /// As the crates say.
    pub async fn release(&self, grain: Grain) -> Result<(Used, usize), Failed> {
        let logged = reserved::logged(&self.reservation(grain)?)?;
        let meter = Meter::start()?;
        let spend = Spend::from_durable(&logged)?;
        let reservation = spend.reservation().clone();
        let (table, unit) = (&reservation.table, reservation.unit);
        let mut rows = Rows::new(table, &grain.coarsening()?, self.parents.clone());
        let mut fold = Fold::new(&reservation)?;
        let store = Arc::new(LocalFileSystem::new_with_prefix(self.folder.path())?);
        let measures = ["trips".to_owned()];
        for day in WEEK {
            let blobs = Blobs::new(
                Arc::clone(&store) as _,
                vec![format!("{day}.parquet").into()],
            );
            let memory = broker::limits::SCAN_MEMORY_BYTES;
            let cells = cells::read::read(&blobs, table, unit, &measures, memory).await?;
            let (keys, exact) = released::exact(cells);
            fold.add(exact, &rows.of(&keys)?)?;
        }
        let (keys, order) = rows.finish()?;
        let release = protect_merged(spend, fold.finish(&order)?)?;
        let published = released::encode(&release, &keys)?;
        Ok((meter.stop()?, published))
    }

    fn reservation(&self, grain: Grain) -> Result<Reservation, Failed> {
        let coarsening = grain.coarsening()?;
        let mut reservation = reserved::reservation(&self.terms)?;
        let merged = coarsening.merged(&reservation.table).ok_or("no kind")?;
        let (table, unit) = (&reservation.table, reservation.unit);
        let item = self
            .terms
            .plan_item(&table.name)
            .and_then(|item| item.charge.as_ref());
        let charge = item.ok_or("no charge")?;
        let k = self.terms.k;
        reservation.mechanism =
            privacy::calibrate::calibrate_merged(table, unit, k, charge, merged)?;
        let days: Result<Vec<Period>, _> = WEEK.iter().map(|day| day.parse()).collect();
        let days = days?;
        reservation.period = *days.first().ok_or("no day")?;
        reservation.merge = Some(Merge::new(&days, coarsening)?);
        Ok(reservation)
    }
}
