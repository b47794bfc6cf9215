//! A released table on its way to files.

use std::io::Write;

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use arrow::datatypes::SchemaRef;
use serde_json::Value;

use crate::error::ExportError;
use crate::geometry::Places;
use crate::grid::{Grid, Listed};
use crate::rows::Rows;
use crate::sheet::Sheet;
use crate::zones::Zones;
use crate::{csvw, geojson, geopackage, mds, parquet};

/// One released table as `sdk::client::Table` gives it, with its zoning.
#[derive(Debug, Clone, Copy)]
pub struct Source<'a> {
    /// The columns.
    pub schema: &'a SchemaRef,
    /// The rows.
    pub batches: &'a [RecordBatch],
    /// The quality sheet, byte for byte.
    pub quality_sheet: &'a [u8],
    /// The GeoJSON that the agreement signs for.
    pub zoning: &'a [u8],
    /// The receipt, a `.tlog-proof`.
    pub receipt: &'a str,
    /// Where the day bins are cut, for example `Europe/Helsinki`; of the agreement.
    pub time_zone: Option<&'a str>,
    /// A licence as a URL, where the release is published under one; else the agreement is the licence.
    pub licence: Option<&'a str>,
}

/// A released table with all that its files carry. Every writer is deterministic.
#[derive(Debug, Clone)]
pub struct Export {
    sheet: Sheet,
    sheet_json: Value,
    zones: Zones,
    grid: Grid,
    receipt: String,
    time_zone: Option<String>,
    licence: Option<String>,
}

impl Export {
    /// Reads the parts and finds the rows' places among all keys of the public domain.
    ///
    /// # Errors
    /// [`ExportError`] where sheet, zoning and rows are not of one release.
    pub fn new(source: Source<'_>) -> Result<Self, ExportError> {
        let sheet = Sheet::parse(source.quality_sheet)?;
        let sheet_json = serde_json::from_slice(source.quality_sheet)
            .map_err(|e| ExportError::Sheet { why: e.to_string() })?;
        let zones = Zones::parse(source.zoning)?;
        let batch = concat_batches(source.schema, source.batches)?;
        let coarser = sheet.coarser();
        let rows = Rows::new(&batch, &sheet.table, &coarser);
        let grid = Grid::build(rows, &sheet, &zones)?;
        Ok(Self {
            sheet,
            sheet_json,
            zones,
            grid,
            receipt: source.receipt.to_owned(),
            time_zone: source.time_zone.map(ToOwned::to_owned),
            licence: source.licence.map(ToOwned::to_owned),
        })
    }

    /// The released rows, and the public domain that they stand in.
    #[must_use]
    pub fn grid(&self) -> &Grid {
        &self.grid
    }

    /// What a file lists that takes up to so many keys, of [`crate::limits`]: every key where they are not more.
    #[must_use]
    pub fn listed(&self, keys_max: u64) -> Listed {
        match self.grid.domain(Listed::Every).keys <= keys_max {
            true => Listed::Every,
            false => Listed::Released,
        }
    }

    /// What GeoJSON lists: every key where the vertices of all of them are not more than one file holds.
    #[must_use]
    pub fn listed_on_map(&self) -> Listed {
        match geojson::fits(self, Listed::Every, &Places::of(self)) {
            Ok(()) => Listed::Every,
            Err(_) => Listed::Released,
        }
    }

    /// What the quality sheet says.
    #[must_use]
    pub fn sheet(&self) -> &Sheet {
        &self.sheet
    }

    /// The zones.
    #[must_use]
    pub fn zones(&self) -> &Zones {
        &self.zones
    }

    pub(crate) fn sheet_json(&self) -> &Value {
        &self.sheet_json
    }

    pub(crate) fn receipt(&self) -> &str {
        &self.receipt
    }

    /// Where the day bins are cut, where the agreement was at hand.
    #[must_use]
    pub fn time_zone(&self) -> Option<&str> {
        self.time_zone.as_deref()
    }

    /// URLs: the licence's, or the names of all agreements that it stands under.
    pub(crate) fn licences(&self) -> Vec<String> {
        match &self.licence {
            Some(licence) => vec![licence.clone()],
            None => self.agreement_names(),
        }
    }

    /// The agreements as URNs, the first one first.
    pub(crate) fn agreement_names(&self) -> Vec<String> {
        let agreements = self.sheet.agreements().into_iter();
        agreements
            .map(|id| format!("urn:weir:agreement:{id}"))
            .collect()
    }

    /// The rows as CSV with a header, RFC 4180 with line feeds; texts are defused ([`crate::label::defused`]),
    /// an empty field is no value.
    ///
    /// # Errors
    /// [`ExportError::Csv`] where `out` cannot be written.
    pub fn csv(&self, listed: Listed, out: impl Write) -> Result<(), ExportError> {
        csvw::rows(self, listed, out)
    }

    /// The W3C metadata of that CSV, to be put beside it as `FILE.csv-metadata.json`; `file` is the CSV's name.
    ///
    /// # Errors
    /// [`ExportError::Json`].
    pub fn csv_metadata(&self, listed: Listed, file: &str) -> Result<Vec<u8>, ExportError> {
        csvw::metadata(self, listed, file)
    }

    /// The rows as one Parquet file with the papers in its key-value metadata, under `weir.*`.
    ///
    /// # Errors
    /// [`ExportError::Parquet`] where `out` cannot be written.
    pub fn parquet(&self, listed: Listed, out: impl Write + Send) -> Result<(), ExportError> {
        parquet::write(self, listed, out)
    }

    /// The rows as GeoJSON (RFC 7946): zones, or desire lines where a row has an origin and a destination. The
    /// papers stand in the member `weir`.
    ///
    /// # Errors
    /// [`ExportError::Vertices`] for more outlines than a file holds; [`ExportError::Write`].
    pub fn geojson(&self, listed: Listed, out: impl Write) -> Result<(), ExportError> {
        geojson::write(self, listed, out)
    }

    /// The rows as a GeoPackage 1.3 for QGIS: a layer named as the table (of flows, those inside a zone in a layer
    /// `TABLE_within`), and all zones in `zones`. Where the layers list released rows alone, the view `TABLE_domain` has
    /// a row for every key all the same. The papers are its metadata.
    ///
    /// # Errors
    /// [`ExportError::Vertices`] for more outlines than a file holds; [`ExportError::GeoPackage`].
    pub fn geopackage(&self, listed: Listed) -> Result<Vec<u8>, ExportError> {
        geopackage::bytes(self, listed)
    }

    /// The rows in the shape of a Metrics query's answer in MDS 2.0, the papers in the member `weir`. What is
    /// withheld is -1 there, as MDS has it, and `withheld` is 1. A merge is one interval.
    ///
    /// # Errors
    /// [`ExportError::Gaps`] for a merge with gaps between its periods; [`ExportError::Write`] where `out` cannot be written.
    pub fn mds(&self, listed: Listed, out: impl Write) -> Result<(), ExportError> {
        mds::write(self, listed, std::io::BufWriter::new(out))
    }
}
