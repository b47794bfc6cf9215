//! The five data sets. A file that is not there is skipped, loudly.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use crate::Failed;
use crate::set::Set;

mod city;
mod matrices;
mod trips;

type Read = fn(&Path) -> Result<Set, Failed>;

/// What was found, and what was not.
///
/// # Errors
/// Where a file is there but is not what it should be.
pub fn all() -> Result<Vec<Set>, Failed> {
    let mut sets = Vec::new();
    let from_files: [(&str, Read); 4] = [
        ("helsinki-citybikes", trips::helsinki),
        ("porto-taxi", trips::porto),
        ("bristol-census-od", matrices::bristol),
        ("hamburg-stadtrad-od", matrices::hamburg),
    ];
    for (name, read) in from_files {
        let folder = folder().join(name);
        if folder.is_dir() {
            sets.push(read(&folder)?);
        } else {
            eprintln!("SKIPPED: `{name}` is not in {}", folder.display());
        }
    }
    sets.push(city::city());
    Ok(sets)
}

fn folder() -> PathBuf {
    let default = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    std::env::var_os("WEIR_DATA").map_or_else(default, PathBuf::from)
}

/// The rows of a CSV file, gunzipped where its name says so, as maps of its header's names to places.
fn rows(path: &Path) -> Result<(HashMap<String, usize>, Vec<csv::StringRecord>), Failed> {
    let file = std::fs::File::open(path).map_err(|e| format!("{}: {e}", path.display()))?;
    let plain: Box<dyn std::io::Read> = if path.extension().is_some_and(|e| e == "gz") {
        Box::new(flate2::read::MultiGzDecoder::new(file))
    } else {
        Box::new(file)
    };
    let mut reader = csv::Reader::from_reader(plain);
    let header = reader.headers()?.iter().enumerate();
    let names = header
        .map(|(place, name)| (name.trim_start_matches('\u{feff}').to_owned(), place))
        .collect();
    let rows = reader.records().collect::<Result<_, _>>()?;
    Ok((names, rows))
}

const SHAPE: &str = "a column is missing";

/// The text of a row's column.
fn text<'r>(
    names: &HashMap<String, usize>,
    row: &'r csv::StringRecord,
    name: &str,
) -> Result<&'r str, &'static str> {
    let place = names.get(name);
    place.and_then(|place| row.get(*place)).ok_or(SHAPE)
}

/// Numbers names in the order they come.
#[derive(Debug, Default)]
struct Numbers(HashMap<String, u32>);

impl Numbers {
    fn of(&mut self, name: &str) -> u32 {
        let next = u32::try_from(self.0.len()).unwrap_or(u32::MAX);
        *self.0.entry(name.to_owned()).or_insert(next)
    }
}
