//! Coarser rows. Of an ad-hoc merge, cells are read period by period, one ahead of the merging: two periods' are in
//! memory at a time, beside the merged rows. Of a ladder, the cells of the table say which rows a rung could have.

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::Arc;

use arrow::array::RecordBatch;
use cells::merge::{Parents, Rows};
use cells::read::{ExactCells, ahead};
use futures::StreamExt;
use policies::coarse::{Coarsening, Merge, Zones};
use policies::entry::Reservation;
use policies::id::{BlobId, Category};
use policies::table::Table;
use privacy::merge::{Fold, Merged};
use privacy::protect::Falls;
use privacy::quality::DeclaredRate;
use proto::columns::read_columns;
use proto::convert::Rate;

use super::broker::Broker;
use super::draw::{Failure, exact};
use crate::error::Error;
use crate::limits::SCAN_MEMORY_BYTES;
use crate::store::blobs::Blobs;

impl Broker {
    /// The merged rows with their keys, and the greatest of each rate that the provider declared.
    pub(super) async fn read_merged(
        &self,
        reservation: &Reservation,
        merge: &Merge,
    ) -> Result<(RecordBatch, Merged, Vec<DeclaredRate>), Failure> {
        let table = &reservation.table;
        let parents = self.parents_for(table, merge.coarsening()).await?;
        let mut rows = Rows::new(table, merge.coarsening(), parents);
        let mut fold = Fold::new(reservation)?;
        let mut declared = BTreeMap::<Category, u32>::new();
        let of = Arc::new(reservation.clone());
        // The reducer has seen to it that each period has one blob of the manifest.
        let periods =
            (0..of.manifest.len()).map(|n| period(self.blobs.clone(), Arc::clone(&of), n));
        let mut periods = pin!(ahead(periods));
        while let Some(period) = periods.next().await {
            let (rates, cells) = period.map_err(Error::internal)??;
            for rate in rates {
                let most = declared.entry(rate.name).or_default();
                *most = (*most).max(rate.ppm);
            }
            let (keys, exact) = exact(cells);
            let rows_of_cells = rows.of(&keys)?;
            fold.add(exact, &rows_of_cells)?;
        }
        let (keys, order) = rows.finish()?;
        let merged = fold.finish(&order)?;
        let declared = declared.into_iter();
        let declared = declared.map(|(name, ppm)| DeclaredRate { name, ppm });
        Ok((keys, merged, declared.collect()))
    }

    /// For each rung the keys of its rows, sorted, and which of them each cell falls into.
    pub(super) async fn rungs(
        &self,
        reservation: &Reservation,
        cells: &RecordBatch,
    ) -> Result<Vec<(RecordBatch, Falls)>, Failure> {
        let table = &reservation.table;
        let mut rungs = Vec::with_capacity(reservation.rungs.len());
        for rung in &reservation.rungs {
            let parents = self.parents_for(table, &rung.coarsening).await?;
            let mut rows = Rows::new(table, &rung.coarsening, parents);
            let of = rows.of(cells)?;
            let (keys, order) = rows.finish()?;
            let mut place_of = vec![0; order.len()];
            for (place, row) in order.iter().enumerate() {
                if let Some(own) = place_of.get_mut(*row) {
                    *own = place;
                }
            }
            let into = of.iter().filter_map(|row| place_of.get(*row).copied());
            let into = into.collect();
            let rows = place_of.len();
            rungs.push((keys, Falls { into, rows }));
        }
        Ok(rungs)
    }

    /// Zones' parents, where a coarsening asks for them.
    async fn parents_for(&self, table: &Table, coarsening: &Coarsening) -> Result<Parents, Error> {
        match coarsening.zones {
            Zones::Parent => self.parents(&table.zoning).await,
            Zones::Same | Zones::All => Ok(Parents::new()),
        }
    }
}

/// What the provider declared of the period with this number, and its cells.
async fn period(
    blobs: Blobs,
    of: Arc<Reservation>,
    number: usize,
) -> Result<(Vec<Rate>, ExactCells), Failure> {
    let blob: Vec<BlobId> = of.manifest.get(number).cloned().into_iter().collect();
    let cells = blobs.manifest(&blob).await.map_err(Error::internal)?;
    let rates = cells.rates().await?.concat();
    let (table, unit) = (&of.table, of.unit);
    let measures = read_columns(table, unit, &of.mechanism);
    let cells = cells::read::read(&cells, table, unit, &measures, SCAN_MEMORY_BYTES).await?;
    Ok((rates, cells))
}
