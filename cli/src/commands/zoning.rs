//! `weir zoning`: the zones that tables are cut in, by content.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use policies::id::ZoningId;
use serde::Serialize;

use super::Session;
use super::session::from_client;
use crate::errors::CliError;
use crate::output::{View, facts, right, short, table, thousands};

/// Zonings: the zones that tables are cut in.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Add a version of a set of zones; it can never change.
    #[command(after_help = ADD_HELP)]
    Add(Add),
    /// List the zonings.
    #[command(after_help = LIST_HELP)]
    List,
    /// Fetch a zoning, byte for byte as it was added.
    #[command(after_help = GET_HELP)]
    Get(Get),
}

const ADD_HELP: &str = "\
Example:
  weir zoning add helsinki-postal-2024 zones_postal_2024.geojson

The file is a GeoJSON FeatureCollection in WGS 84 (longitude first) whose features carry a property
`zone_id`: a text, leading zeros kept. Where all of them carry a `parent` too (the id of a district,
say), tables can be released by parents. A changed zoning is a new name. Top-level texts `attribution` and
`licence` stand on every map. It is checked here first: not taken are coordinates beyond 180 and 90 degrees,
another `crs`, outlines that cross themselves (they may touch) and more than 500,000 vertices. Axes that
are swapped but still degrees are found when an agreement names a time zone elsewhere, and some not even
then: look at where the answer says it lies.";

const LIST_HELP: &str = "\
Example:
  weir zoning list
  weir zoning list --json";

const GET_HELP: &str = "\
Example:
  weir zoning get helsinki-postal-2024 --out zones.geojson

Agreements name a zoning by its hash: `weir aggregate` refuses a file with another one.";

/// Arguments of `weir zoning add`.
#[derive(Debug, Args)]
pub struct Add {
    /// Name and version, for example helsinki-postal-2024.
    pub id: ZoningId,
    /// The GeoJSON file.
    pub file: PathBuf,
}

/// Arguments of `weir zoning get`.
#[derive(Debug, Args)]
pub struct Get {
    /// Name and version.
    pub id: ZoningId,
    /// Where to write the GeoJSON.
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
}

/// Runs one of them.
///
/// # Errors
/// [`CliError`].
pub async fn run(command: Command, session: &Session) -> Result<(), CliError> {
    match command {
        Command::Add(args) => add(args, session).await,
        Command::List => list(session).await,
        Command::Get(args) => get(&args, session).await,
    }
}

async fn add(args: Add, session: &Session) -> Result<(), CliError> {
    let (path, bytes) = (&args.file, read(&args.file)?);
    let parsed = sdk::aggregate::Zoning::parse(&bytes);
    parsed.map_err(|e| CliError::file("use", path, e).or_try("weir zoning add --help"))?;
    let bounds = export::Zones::check(&bytes);
    let bounds =
        bounds.map_err(|e| CliError::file("use", path, e).or_try("weir zoning add --help"))?;
    let client = session.client().await?;
    let proven = client
        .add_zoning(args.id, bytes.into())
        .await
        .map_err(from_client)?;
    let zoning = proven.what;
    session.output.show(&ZoningView {
        zoning: zoning.id.to_string(),
        zones: zoning.zones,
        parents: zoning.parents,
        sha256: zoning.sha256.to_string(),
        bounds,
        entry: Some(proven.proof.index()),
        file: None,
    })
}

async fn list(session: &Session) -> Result<(), CliError> {
    let client = session.client().await?;
    let zonings = client.zonings().await.map_err(from_client)?;
    let view = |zoning: proto::convert::Zoning| ZoningView {
        zoning: zoning.id.to_string(),
        zones: zoning.zones,
        parents: zoning.parents,
        sha256: zoning.sha256.to_string(),
        bounds: None,
        entry: None,
        file: None,
    };
    session.output.show(&Listed {
        zonings: zonings.into_iter().map(view).collect(),
    })
}

async fn get(args: &Get, session: &Session) -> Result<(), CliError> {
    let client = session.client().await?;
    let (zoning, geojson) = client.zoning(&args.id).await.map_err(from_client)?;
    std::fs::write(&args.out, &geojson).map_err(|e| CliError::file("write", &args.out, e))?;
    session.output.show(&ZoningView {
        zoning: zoning.id.to_string(),
        zones: zoning.zones,
        parents: zoning.parents,
        sha256: zoning.sha256.to_string(),
        bounds: None,
        entry: None,
        file: Some(args.out.clone()),
    })
}

/// A file's bytes.
///
/// # Errors
/// [`CliError`] names the file.
pub fn read(path: &Path) -> Result<Vec<u8>, CliError> {
    std::fs::read(path).map_err(|e| CliError::file("read", path, e))
}

#[derive(Serialize)]
struct ZoningView {
    zoning: String,
    zones: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    parents: Option<u32>,
    sha256: String,
    /// West, south, east, north.
    #[serde(skip_serializing_if = "Option::is_none")]
    bounds: Option<export::Bounds>,
    #[serde(skip_serializing_if = "Option::is_none")]
    entry: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<PathBuf>,
}

impl View for ZoningView {
    fn text(&self) -> String {
        let mut rows = vec![
            ("zoning", self.zoning.clone()),
            ("zones", thousands(self.zones)),
            ("sha256", self.sha256.clone()),
        ];
        let parents = self.parents.map(|parents| ("parents", thousands(parents)));
        rows.extend(parents);
        let bounds = self.bounds.map(|[west, south, east, north]| {
            format!(
                "longitude {west:.3} to {east:.3}, latitude {south:.3} to {north:.3}: is that the city?"
            )
        });
        rows.extend(bounds.map(|text| ("lies in", text)));
        let logged = self
            .entry
            .map(|entry| format!("entry {entry}, receipt verified"));
        rows.extend(logged.map(|text| ("in the log", text)));
        rows.extend(
            self.file
                .as_ref()
                .map(|file| ("written to", file.display().to_string())),
        );
        facts(&rows)
    }
}

#[derive(Serialize)]
struct Listed {
    zonings: Vec<ZoningView>,
}

impl View for Listed {
    fn text(&self) -> String {
        let mut rows = table(&["zoning", "zones", "sha256"]);
        for zoning in &self.zonings {
            rows.add_row([
                &zoning.zoning,
                &thousands(zoning.zones),
                &short(&zoning.sha256),
            ]);
        }
        right(&mut rows, &[1]);
        rows.to_string()
    }
}

/// `ID=FILE`, as it is typed.
#[derive(Debug, Clone)]
pub struct ZoningFile {
    /// The zoning's name.
    pub id: ZoningId,
    /// Its GeoJSON.
    pub path: PathBuf,
}

impl std::str::FromStr for ZoningFile {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (id, path) = text.split_once('=').ok_or("write ID=FILE")?;
        let id = id
            .parse()
            .map_err(|e: policies::id::IdError| e.to_string())?;
        Ok(Self {
            id,
            path: path.into(),
        })
    }
}

impl ZoningFile {
    /// The zones in it.
    ///
    /// # Errors
    /// [`CliError`] names the file.
    pub fn open(&self) -> Result<sdk::aggregate::Zoning, CliError> {
        let bytes = read(&self.path)?;
        sdk::aggregate::Zoning::parse(&bytes).map_err(|e| CliError::file("use", &self.path, e))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    #[test]
    fn a_zoning_file_is_typed_as_id_and_path() {
        let typed: ZoningFile = "postal-2024=a=b.geojson".parse().unwrap();
        assert_eq!(
            (typed.id.as_str(), typed.path),
            ("postal-2024", PathBuf::from("a=b.geojson"))
        );
        for text in ["postal", "=x", "Postal=x"] {
            assert!(text.parse::<ZoningFile>().is_err(), "`{text}` was taken");
        }
    }
}
