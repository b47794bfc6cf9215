//! Our stored hashes as tiles, read by somebody else's tile reader.

use audit::tree::{HashReader as _, HashRun, MemoryHashes, leaf_hash};
use tlog_tiles::{Error, Tile, TileHashReader, TileReader};

use super::entry;
use super::trees::theirs;

/// Our stored hashes, served as the tiles of the format.
struct OurTiles<'a>(&'a MemoryHashes);

impl TileReader for OurTiles<'_> {
    fn height(&self) -> u8 {
        8
    }

    fn read_tiles(&self, tiles: &[Tile]) -> Result<Vec<Vec<u8>>, Error> {
        let read = |tile: &Tile| {
            let first = tile.level_index() * 256;
            let count = tile.width() as u16;
            let run = HashRun {
                tile_level: tile.level(),
                first,
                count,
            };
            let hashes = self.0.read(run).unwrap();
            assert_eq!(hashes.len(), usize::from(count), "{tile:?}");
            hashes.iter().flat_map(|hash| *hash.as_bytes()).collect()
        };
        Ok(tiles.iter().map(read).collect())
    }

    fn save_tiles(&self, _: &[Tile], _: &[Vec<u8>]) {}
}

/// An off-the-shelf reader takes our stored hashes for tiles, authenticates them by our root and
/// makes its own proofs from them.
#[test]
fn our_stored_hashes_are_tiles_that_others_can_read() {
    let mut ours = MemoryHashes::default();
    for size in 1..=700 {
        ours.append(leaf_hash(entry(size - 1).as_bytes()));
        if ![1, 2, 255, 256, 257, 511, 512, 513, 700].contains(&size) {
            continue;
        }
        let tiles = OurTiles(&ours);
        let root = theirs(&ours.frontier().root());
        let reader = TileHashReader::new(size, root, &tiles);
        for index in [0, size / 2, size - 1] {
            let proof = tlog_tiles::prove_record(size, index, &reader).unwrap();
            let leaf = tlog_tiles::record_hash(entry(index).as_bytes());
            tlog_tiles::check_record(&proof, size, root, index, leaf).unwrap();
        }
        if size == 1 {
            continue; // nothing is read for a proof without hashes
        }
        let mut wrong_root = root;
        wrong_root.0[0] ^= 1;
        let reader = TileHashReader::new(size, wrong_root, &tiles);
        assert!(tlog_tiles::prove_record(size, 0, &reader).is_err());
    }
}
