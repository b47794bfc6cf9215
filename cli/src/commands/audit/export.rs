//! The whole log as files for other tools.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use audit::bundle::{BUNDLE_ENTRIES, append};
use audit::tile::TILE_HASHES;
use audit::tree::{Frontier, Node, leaf_hash};
use clap::Args;
use serde::Serialize;
use serde_json::json;

use super::super::Session;
use super::super::pki::files::write;
use super::replay::{Source, each};
use crate::errors::{CliError, OrFail};
use crate::output::{View, facts};

pub const HELP: &str = "\
Example:
  weir audit export --out log-export --profile certs/ombudsman/weir.toml
  weir audit export state-copy --log-key certs/log.vkey --out log-export

Checks the whole log first. Writes `entries.jsonl` (one line each: index, leaf hash, entry),
`checkpoint`, and the tree as c2sp.org/tlog-tiles lays it out (tile/<level>/<index>,
tile/entries/<index>), so that any tool for such logs reads it from a folder or a web server. The
entries are for auditors: do not serve `tile/entries` to everybody.
Exit code 4 names the first entry that does not hold.";

/// Arguments of `weir audit export`.
#[derive(Debug, Args)]
pub struct Export {
    /// Where the log comes from.
    #[command(flatten)]
    pub source: Source,
    /// The folder to write, which is made and has to be new.
    #[arg(long, value_name = "FOLDER")]
    pub out: PathBuf,
}

pub async fn run(args: Export, session: &Session) -> Result<(), CliError> {
    let folder = &args.out;
    fs::create_dir_all(folder.parent().unwrap_or(Path::new(".")))
        .and_then(|()| fs::create_dir(folder))
        .map_err(|e| CliError::file("make", folder, e))?;
    let mut files = Files::new(folder)?;
    let checked = each(&args.source, session, |index, _, bytes| {
        files.take(index, bytes)
    })
    .await;
    let checked = match checked {
        Ok(checked) => checked,
        Err(error) => {
            // Nothing is left that looks like an export of a log that holds.
            let _ = fs::remove_dir_all(folder);
            return Err(error);
        }
    };
    files.finish()?;
    let checkpoint = &checked.checkpoint;
    let note = String::from(checkpoint.signed().clone());
    write(&folder.join("checkpoint"), &note)?;
    session.output.show(&Exported {
        holds: true,
        log: checkpoint.origin().to_string(),
        entries: checkpoint.size(),
        cosigned: checked.cosigned,
        folder: folder.clone(),
    })
}

/// What is written while the entries come.
struct Files {
    folder: PathBuf,
    lines: BufWriter<File>,
    frontier: Frontier,
    /// Of each tile level: hashes since its last full tile.
    tiles: Vec<Vec<u8>>,
    /// Entries since the last full bundle.
    bundle: Vec<u8>,
}

impl Files {
    fn new(folder: &Path) -> Result<Self, CliError> {
        let path = folder.join("entries.jsonl");
        let lines = File::create(&path).map_err(|e| CliError::file("write", &path, e))?;
        Ok(Self {
            folder: folder.to_owned(),
            lines: BufWriter::new(lines),
            frontier: Frontier::default(),
            tiles: Vec::new(),
            bundle: Vec::new(),
        })
    }

    fn take(&mut self, index: u64, bytes: &[u8]) -> Result<(), CliError> {
        let entry: serde_json::Value = serde_json::from_slice(bytes).or_fail()?;
        let leaf = leaf_hash(bytes);
        writeln!(
            self.lines,
            "{}",
            json!({"index": index, "leaf": leaf, "entry": entry})
        )
        .or_fail()?;
        append(&mut self.bundle, bytes).or_fail()?;
        let mut new = Vec::new();
        self.frontier.append(leaf, |Node { level, .. }, hash| {
            if level.is_multiple_of(8) {
                new.push((usize::from(level / 8), *hash));
            }
        });
        for (level, hash) in new {
            if self.tiles.len() <= level {
                self.tiles.resize_with(level.saturating_add(1), Vec::new);
            }
            if let Some(tile) = self.tiles.get_mut(level) {
                tile.extend_from_slice(hash.as_bytes());
            }
        }
        let size = self.frontier.size();
        if size.is_multiple_of(BUNDLE_ENTRIES as u64) {
            self.put_bundle(size)?;
            self.put_tiles(true)?;
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<(), CliError> {
        if !self.bundle.is_empty() {
            self.put_bundle(self.frontier.size())?;
        }
        self.put_tiles(false)?;
        self.lines.flush().or_fail()
    }

    /// The bundle that ends a tree of `size`.
    fn put_bundle(&mut self, size: u64) -> Result<(), CliError> {
        let last = size.saturating_sub(1);
        let path = tile_path(
            "entries",
            last / BUNDLE_ENTRIES as u64,
            size % BUNDLE_ENTRIES as u64,
        );
        let bytes = std::mem::take(&mut self.bundle);
        self.put(&path, &bytes)
    }

    /// The tiles that are full, or all.
    fn put_tiles(&mut self, full_only: bool) -> Result<(), CliError> {
        let size = self.frontier.size();
        for level in 0..self.tiles.len() {
            let Some(tile) = self.tiles.get_mut(level) else {
                break;
            };
            let width = (tile.len() / 32) as u64;
            if width == 0 || (full_only && width < TILE_HASHES) {
                continue;
            }
            let bytes = std::mem::take(tile);
            let covered = u32::try_from(level)
                .ok()
                .and_then(|l| TILE_HASHES.checked_pow(l));
            let hashes = covered.map_or(0, |covered| size / covered);
            let index = hashes.saturating_sub(1) / TILE_HASHES;
            self.put(
                &tile_path(&level.to_string(), index, width % TILE_HASHES),
                &bytes,
            )?;
        }
        Ok(())
    }

    fn put(&self, name: &str, bytes: &[u8]) -> Result<(), CliError> {
        let path = self.folder.join(name);
        let folder = path.parent().unwrap_or(&self.folder);
        fs::create_dir_all(folder)
            .and_then(|()| fs::write(&path, bytes))
            .map_err(|e| CliError::file("write", &path, e))
    }
}

/// `tile/<level>/x001/234[.p/<width>]`; a full tile has no width.
fn tile_path(level: &str, index: u64, width: u64) -> String {
    let mut parts = vec![format!("{:03}", index % 1000)];
    let mut rest = index / 1000;
    while rest > 0 {
        parts.insert(0, format!("x{:03}", rest % 1000));
        rest /= 1000;
    }
    let partial = if width == 0 {
        String::new()
    } else {
        format!(".p/{width}")
    };
    format!("tile/{level}/{}{partial}", parts.join("/"))
}

#[derive(Debug, Serialize)]
struct Exported {
    holds: bool,
    log: String,
    entries: u64,
    /// By a quorum of the policy that was named.
    cosigned: Option<u64>,
    folder: PathBuf,
}

impl View for Exported {
    fn text(&self) -> String {
        facts(&[
            ("log", self.log.clone()),
            ("entries", format!("{}, all hold", self.entries)),
            ("written", self.folder.display().to_string()),
        ])
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;
    use audit::bundle::read;
    use audit::tile::Tile;
    use audit::tree::{HashReader, HashRun, TreeHash, root, root_at};

    /// Reads an export as a stranger's tool would: by tile names only.
    struct Tiles<'a>(&'a Path, u64);

    impl HashReader for Tiles<'_> {
        type Error = std::io::Error;
        fn read(&self, run: HashRun) -> std::io::Result<Vec<TreeHash>> {
            let mut found = Vec::new();
            let level = run.tile_level;
            let at_level = self.1 >> (8 * u32::from(level));
            let first = run.byte_range().start / 32;
            let end = run.byte_range().end / 32;
            for at in first..end {
                let tile = at / TILE_HASHES;
                let width = (at_level - tile * TILE_HASHES).min(TILE_HASHES) % TILE_HASHES;
                let name = tile_path(&level.to_string(), tile, width);
                name.strip_prefix("tile/").unwrap().parse::<Tile>().unwrap();
                let bytes = fs::read(self.0.join(name))?;
                let start = usize::try_from(at % TILE_HASHES).unwrap() * 32;
                let hash = bytes.get(start..start + 32).unwrap();
                found.push(TreeHash::new(hash.try_into().unwrap()));
            }
            Ok(found)
        }
    }

    #[test]
    fn an_export_is_read_by_the_names_of_its_tiles() {
        for size in [0_u64, 1, 2, 255, 256, 257, 600, 65_536 + 300] {
            let folder = tempfile::tempdir().unwrap();
            let mut files = Files::new(folder.path()).unwrap();
            let entries: Vec<String> = (0..size).map(|n| format!("{{\"n\":{n}}}")).collect();
            for (index, entry) in (0..).zip(&entries) {
                files.take(index, entry.as_bytes()).unwrap();
            }
            files.finish().unwrap();
            let leaves: Vec<_> = entries.iter().map(|e| leaf_hash(e.as_bytes())).collect();
            let found = root_at(&Tiles(folder.path(), size), size).unwrap();
            assert_eq!(found, root(&leaves), "{size}");
            for (n, part) in entries.chunks(BUNDLE_ENTRIES).enumerate() {
                let width = (part.len() % BUNDLE_ENTRIES) as u64;
                let path = folder.path().join(tile_path("entries", n as u64, width));
                let bytes = fs::read(path).unwrap();
                let there = read(&bytes, part.len()).unwrap();
                assert!(
                    there.iter().zip(part).all(|(a, b)| *a == b.as_bytes()),
                    "{size}"
                );
            }
            let lines = fs::read_to_string(folder.path().join("entries.jsonl")).unwrap();
            assert_eq!(lines.lines().count() as u64, size);
        }
        assert_eq!(tile_path("0", 1_234_067, 0), "tile/0/x001/x234/067");
    }
}
