//! A working week of a city's cells as the broker stores them, and an ad-hoc release of it.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::Arc;
use std::time::Instant;

use broker::store::blobs::Blobs;
use broker::store::disk::OsDisk;
use cells::merge::{Parents, Rows};
use cells::read::{ExactCells, ahead};
use futures::StreamExt;
use policies::agreement::{Agreement, Unit};
use policies::coarse::{Coarsening, Merge, Zones};
use policies::entry::Reservation;
use policies::id::BlobId;
use policies::mechanism::{Mechanism, Noise};
use policies::period::Period;
use policies::table::Table;
use privacy::merge::Fold;
use privacy::protect::protect_merged;
use privacy::spend::Spend;
use proto::columns::read_columns;
use tempfile::TempDir;

use crate::grid::{CITY_ZONES, Day};
use crate::run::Failed;
use crate::usage::{Meter, Used};
use crate::{grid, released, reserved};

/// The city's fifth to ninth day, Monday to Friday.
const WEEK: [&str; 5] = [
    "2026-10-05",
    "2026-10-06",
    "2026-10-07",
    "2026-10-08",
    "2026-10-09",
];
/// The first of [`WEEK`], counted from the first day of the city.
const MONDAY: u64 = 4;
/// The parts of a day by their first hour: night, morning peak, midday, from the evening peak on.
const PARTS: [u8; 4] = [0, 7, 10, 16];
/// The first characters of a zone's id that name its district: ten zones have one.
pub(crate) const DISTRICT_CHARS: usize = 5;

/// Published rows up to which a release may take [`TIMES_FEW`] the bare grouping; above, [`TIMES_MANY`].
const FEW_ROWS: usize = 10_000;
const TIMES_FEW: f64 = 1.5;
const TIMES_MANY: f64 = 4.0;

/// Times the bare grouping that a release may take, by the rows it publishes.
#[must_use]
pub fn times_most(published: usize) -> f64 {
    match published {
        0..=FEW_ROWS => TIMES_FEW,
        _ => TIMES_MANY,
    }
}

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

/// One release and what it took.
#[derive(Debug, Clone, Copy)]
pub struct Released {
    /// All of it.
    pub used: Used,
    /// Rows.
    pub published: usize,
    /// Where the time went.
    pub stages: Stages,
}

/// Seconds of each step of a release, over all days.
#[derive(Debug, Clone, Copy, Default)]
pub struct Stages {
    /// Waited for: files → sorted cells, which are read one day ahead.
    pub read: f64,
    /// Which row each cell falls into, and the rows in order.
    pub rows: f64,
    /// Sums and bounds.
    pub fold: f64,
    /// Selection and noise.
    pub gate: f64,
    /// The published table's bytes.
    pub encode: f64,
}

/// The files of a week, for the peers and as the broker holds them; gone when dropped.
pub struct Week {
    folder: TempDir,
    /// The same as the broker's payloads, of each day one, each with the salt of its commitment.
    blobs: Blobs,
    manifest: Vec<BlobId>,
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
    pub async fn write(cells: usize) -> Result<Self, Failed> {
        let mut weeks = Self::in_sizes([cells]).await?;
        Ok(weeks.pop().ok_or("no week")?)
    }

    /// The same of the same city in several sizes: which of a day's keys come first is drawn once for all.
    ///
    /// # Errors
    /// Where a file cannot be written.
    pub async fn in_sizes(sizes: impl IntoIterator<Item = usize>) -> Result<Vec<Self>, Failed> {
        let weeks: Result<Vec<_>, _> = sizes.into_iter().map(Self::empty).collect();
        let mut weeks = weeks?;
        Self::fill(&mut weeks).await?;
        Ok(weeks)
    }

    fn empty(cells: usize) -> Result<Self, Failed> {
        let key = policies::id::sha256_hex(b"nobody").parse()?;
        let geojson = grid::geojson(CITY_ZONES)?;
        let terms = grid::agreement(("fleet", &key), ("city", &key), &geojson, CITY_ZONES)?;
        let folder = tempfile::tempdir()?;
        // PostgreSQL runs as its own user and reads from here.
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755))?;
        let state = OsDisk::open(folder.path().join("state"))?;
        let blobs = Blobs::open(Arc::new(state))?;
        let ids = grid::zone_ids(CITY_ZONES);
        let parents = ids
            .iter()
            .map(|id| (id.clone(), id.chars().take(DISTRICT_CHARS).collect()));
        Ok(Self {
            parents: parents.collect(),
            folder,
            blobs,
            manifest: Vec::new(),
            terms,
            cells: cells / grid::CITY_DAYS * WEEK.len(),
        })
    }

    async fn fill(weeks: &mut [Self]) -> Result<(), Failed> {
        let most = weeks.iter().map(Self::per_day).max().unwrap_or_default();
        for (n, number) in (0..WEEK.len()).zip(MONDAY..) {
            let day = Day::new(CITY_ZONES, most, number)?;
            for week in weeks.iter_mut() {
                let file = week.files().nth(n).ok_or("no such day")?;
                let cells = day.cells(&week.terms, week.per_day())?;
                released::write(&file, &week.terms, CITY_ZONES, &cells)?;
                week.manifest.push(week.blobs.put_file(&file).await?);
            }
        }
        Ok(())
    }

    fn per_day(&self) -> usize {
        self.cells / WEEK.len()
    }

    /// Its Parquet files lie here, and nothing else that is called so.
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

    /// What the broker does between reservation and blob: every payload is checked against its commitment, its rates are
    /// read, then its cells.
    ///
    /// # Errors
    /// As the crates say.
    pub async fn release(&self, grain: Grain) -> Result<Released, Failed> {
        let logged = reserved::logged(&self.reservation(grain)?)?;
        let mut stages = Stages::default();
        let meter = Meter::start()?;
        let spend = Spend::from_durable(&logged)?;
        let reservation = spend.reservation().clone();
        let (table, unit) = (&reservation.table, reservation.unit);
        let mut rows = Rows::new(table, &grain.coarsening()?, self.parents.clone());
        let mut fold = Fold::new(&reservation)?;
        let days = self.manifest.iter().map(|blob| {
            let (blobs, blob) = (self.blobs.clone(), blob.clone());
            let measures = read_columns(table, unit, &reservation.mechanism);
            day(blobs, blob, table.clone(), unit, measures)
        });
        let mut clock = Instant::now();
        let mut days = pin!(ahead(days));
        while let Some(cells) = days.next().await {
            let cells = cells??;
            stages.read += lap(&mut clock);
            let (keys, exact) = released::exact(cells);
            let into = rows.of(&keys)?;
            stages.rows += lap(&mut clock);
            fold.add(exact, &into)?;
            stages.fold += lap(&mut clock);
        }
        let (keys, order) = rows.finish()?;
        stages.rows += lap(&mut clock);
        let merged = fold.finish(&order)?;
        stages.fold += lap(&mut clock);
        let release = protect_merged(spend, merged)?;
        stages.gate += lap(&mut clock);
        let published = released::encode(&release, &keys)?;
        stages.encode += lap(&mut clock);
        let used = meter.stop()?;
        Ok(Released {
            used,
            published,
            stages,
        })
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

/// As `broker::flow::merge` reads a period.
async fn day(
    blobs: Blobs,
    blob: BlobId,
    table: Table,
    unit: Unit,
    measures: Vec<String>,
) -> Result<ExactCells, Failed> {
    let cells = blobs.manifest(&[blob]).await?;
    std::hint::black_box(cells.rates().await?);
    let memory = broker::limits::SCAN_MEMORY_BYTES;
    Ok(cells::read::read(&cells, &table, unit, &measures, memory).await?)
}

fn lap(clock: &mut Instant) -> f64 {
    let seconds = clock.elapsed().as_secs_f64();
    *clock = Instant::now();
    seconds
}
