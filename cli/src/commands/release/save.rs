//! Where a release's rows go: files in forms that planners' tools read, their papers beside them.

use std::io::Write;
use std::path::{Path, PathBuf};

use arrow::array::RecordBatch;
use clap::Args;
use export::limits::{LAYERS_LISTED_MAX, ROWS_LISTED_MAX};
use export::{Domain, Export, ExportError, Listed, Source};
use sdk::client::{Client, Table};
use serde::Serialize;
use serde_json::Value;

use super::super::session::from_client;
use crate::errors::{CliError, OrFail};
use crate::files::{replace, replace_with};
use crate::output::thousands;

/// Where all rows go, and how.
#[derive(Debug, Clone, Args)]
pub struct Save {
    /// All rows as CSV; with --out, W3C metadata (CSVW) beside it.
    #[arg(long, group = "format")]
    pub csv: bool,
    /// All rows as Parquet, the papers in its metadata; needs --out.
    #[arg(long, group = "format", requires = "out")]
    pub parquet: bool,
    /// All rows as GeoJSON, RFC 7946; needs --out.
    #[arg(long, group = "format", requires = "out")]
    pub geojson: bool,
    /// All rows as a GeoPackage, for QGIS; needs --out.
    #[arg(long, group = "format", requires = "out")]
    pub gpkg: bool,
    /// All rows in the shape of MDS Metrics (Mobility Data Specification), JSON; needs --out.
    #[arg(long, group = "format", requires = "out")]
    pub mds: bool,
    /// The released bytes as they are, an Arrow IPC stream; needs --out.
    #[arg(long, group = "format", requires = "out")]
    pub arrow: bool,
    /// Released rows only: no row for each key of the public domain that is withheld.
    #[arg(long, conflicts_with = "arrow")]
    pub released: bool,
    /// Where to write them; with --json alone, as JSON.
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// A form of file that is made of a release; its own bytes ([`raw`]) are none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// With CSVW beside it.
    Csv,
    /// With the papers in its metadata.
    Parquet,
    /// With the papers in the member `weir`.
    GeoJson,
    /// With the papers in its metadata tables.
    GeoPackage,
    /// With the papers in the member `weir`.
    Mds,
}

impl Save {
    /// Says what is wrong before anything is charged.
    ///
    /// # Errors
    /// [`CliError`] where the file's folder does not exist.
    pub fn check(&self) -> Result<(), CliError> {
        let folder = self.out.as_deref().and_then(Path::parent);
        match folder.filter(|folder| !folder.as_os_str().is_empty() && !folder.is_dir()) {
            Some(folder) => Err(CliError::file("write into", folder, "no such folder")),
            None => Ok(()),
        }
    }

    /// The form that was asked for.
    pub fn format(&self) -> Option<Format> {
        let forms = [
            (self.csv, Format::Csv),
            (self.parquet, Format::Parquet),
            (self.geojson, Format::GeoJson),
            (self.gpkg, Format::GeoPackage),
            (self.mds, Format::Mds),
        ];
        let asked = forms.into_iter().find(|(asked, _)| *asked);
        asked.map(|(_, format)| format)
    }

    /// Which keys get a row in a file of this form.
    pub fn listed(&self, export: &Export, format: Format) -> Listed {
        match format {
            _ if self.released => Listed::Released,
            Format::Csv | Format::Parquet | Format::Mds => export.listed(ROWS_LISTED_MAX),
            Format::GeoJson => export.listed_on_map(),
            Format::GeoPackage => match export.listed(LAYERS_LISTED_MAX) {
                Listed::Every => export.listed_on_map(),
                Listed::Released => Listed::Released,
            },
        }
    }
}

/// What was written.
#[derive(Debug, Serialize)]
pub struct Saved {
    file: PathBuf,
    /// What the file says about the public domain.
    #[serde(skip_serializing_if = "Option::is_none")]
    domain: Option<Domain>,
}

impl Saved {
    /// The line for a person, with a line feed before it.
    pub fn text(&self) -> String {
        let file = self.file.display();
        let mut text = format!("\nSaved in {file}, with {file}.quality.json and {file}.tlog-proof");
        if let Some(Domain {
            keys,
            withheld,
            listed,
        }) = self.domain
        {
            let (keys, withheld) = (thousands(keys), thousands(withheld));
            text += &match listed {
                true => format!(": a row for each of {keys} keys, {withheld} of them withheld"),
                false => {
                    format!(": released rows only, for {withheld} of {keys} keys are withheld")
                }
            };
        }
        text + "."
    }
}

/// The release among all keys of its public domain, with the zoning that its agreement signs for. `batches` are the
/// table's rows, however many they are in.
///
/// # Errors
/// [`CliError`] as the broker says, or where sheet, zoning and rows are not of one release.
pub async fn export(
    client: &Client,
    table: &Table,
    batches: &[RecordBatch],
) -> Result<Export, CliError> {
    let sheet = table.sheet();
    let agreement = client
        .agreement(&sheet.agreement)
        .await
        .map_err(from_client)?;
    let signed = agreement.terms.zoning(&sheet.table.zoning);
    let signed =
        signed.ok_or_else(|| CliError::new("the agreement does not name the table's zoning"))?;
    let zoning = client.zoning_of(signed).await.map_err(from_client)?;
    let source = Source {
        schema: table.schema(),
        batches,
        quality_sheet: table.quality_sheet(),
        zoning: &zoning,
        receipt: &table.proof().receipt().to_string(),
        time_zone: Some(agreement.terms.time_zone.name()),
        licence: None,
    };
    Export::new(source).or_fail()
}

/// Writes a file whole; of one that could not be written nothing is left, and what had the name stays as it was.
///
/// # Errors
/// [`CliError`] names the file.
pub fn write(
    export: &Export,
    format: Format,
    listed: Listed,
    out: &Path,
) -> Result<Saved, CliError> {
    let fail = |e: ExportError| CliError::file("write", out, e);
    let metadata = match format {
        Format::Csv => {
            let name = out.file_name().unwrap_or_default().to_string_lossy();
            Some(export.csv_metadata(listed, &name).map_err(fail)?)
        }
        _ => None,
    };
    replace_with(out, |file| match format {
        Format::Csv => export.csv(listed, file),
        Format::Parquet => export.parquet(listed, file),
        Format::GeoJson => export.geojson(listed, file),
        Format::GeoPackage => Ok(file.write_all(&export.geopackage(listed)?)?),
        Format::Mds => export.mds(listed, file),
    })?;
    if let Some(metadata) = metadata {
        replace(&with_end(out, "-metadata.json"), &metadata)?;
    }
    Ok(Saved {
        file: out.to_owned(),
        domain: Some(export.grid().domain(listed)),
    })
}

/// Writes the released bytes, and the salt with which anyone can check them against the entry later.
///
/// # Errors
/// [`CliError`] names the file.
pub fn raw(table: &Table, out: &Path) -> Result<Saved, CliError> {
    replace(out, table.bytes())?;
    let salt = format!("{}\n", hex::encode(table.salt().as_bytes()));
    replace(&with_end(out, ".salt"), salt.as_bytes())?;
    Ok(Saved {
        file: out.to_owned(),
        domain: None,
    })
}

/// Writes released rows as JSON objects.
///
/// # Errors
/// [`CliError`] names the file.
pub fn json(rows: &[Value], out: &Path) -> Result<Saved, CliError> {
    replace(out, &serde_json::to_vec_pretty(rows).or_fail()?)?;
    Ok(Saved {
        file: out.to_owned(),
        domain: None,
    })
}

/// The quality sheet and the receipt beside a file.
///
/// # Errors
/// [`CliError`] names the file.
pub fn papers(table: &Table, out: &Path) -> Result<(), CliError> {
    replace(&with_end(out, ".quality.json"), table.quality_sheet())?;
    let receipt = table.proof().receipt().to_string();
    replace(&with_end(out, ".tlog-proof"), receipt.as_bytes())
}

fn with_end(out: &Path, end: &str) -> PathBuf {
    let mut name = out.as_os_str().to_owned();
    name.push(end);
    name.into()
}

#[cfg(test)]
mod tests;
