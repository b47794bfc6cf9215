//! Reading the cells of an ad-hoc merge, period by period: one period's cells are in memory at a time,
//! beside the merged rows.

use std::collections::BTreeMap;

use arrow::array::RecordBatch;
use cells::merge::{Parents, Rows};
use policies::coarse::{Merge, Zones};
use policies::entry::Reservation;
use policies::id::{BlobId, Category};
use privacy::merge::{Fold, Merged};
use privacy::quality::DeclaredRate;
use proto::columns::read_columns;

use super::broker::Broker;
use super::draw::exact;
use crate::error::Error;
use crate::limits::SCAN_MEMORY_BYTES;

impl Broker {
    /// The merged rows with their keys, and the greatest of each rate that the provider declared.
    pub(super) async fn read_merged(
        &self,
        reservation: &Reservation,
        merge: &Merge,
    ) -> Result<(RecordBatch, Merged, Vec<DeclaredRate>), Error> {
        let table = &reservation.table;
        let parents = match merge.coarsening().zones {
            Zones::Parent => self.parents(&table.zoning).await?,
            Zones::Same | Zones::All => Parents::new(),
        };
        let measures = read_columns(table, reservation.unit, &reservation.mechanism);
        let mut rows = Rows::new(table, merge.coarsening(), parents);
        let mut fold = Fold::new(reservation, &measures).map_err(Error::internal)?;
        let mut declared = BTreeMap::<Category, u32>::new();
        // The reducer has seen to it that each period has one blob of the manifest.
        for blob in &reservation.manifest {
            let blob: &[BlobId] = std::slice::from_ref(blob);
            let cells = self.blobs.manifest(blob).await.map_err(Error::internal)?;
            for rate in cells.rates().await.map_err(Error::internal)?.concat() {
                let most = declared.entry(rate.name).or_default();
                *most = (*most).max(rate.ppm);
            }
            let unit = reservation.unit;
            let cells = cells::read::read(&cells, table, unit, &measures, SCAN_MEMORY_BYTES);
            let (keys, exact) = exact(cells.await.map_err(Error::internal)?);
            let rows_of_cells = rows.of(&keys).map_err(Error::internal)?;
            fold.add(exact, &rows_of_cells).map_err(Error::internal)?;
        }
        let (keys, order) = rows.finish().map_err(Error::internal)?;
        let merged = fold.finish(&order).map_err(Error::internal)?;
        let declared = declared.into_iter();
        let declared = declared.map(|(name, ppm)| DeclaredRate { name, ppm });
        Ok((keys, merged, declared.collect()))
    }
}
