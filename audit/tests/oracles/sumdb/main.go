// Reads one of our logs from standard input (see ../sumdb.rs) and checks it with the packages that
// Go's checksum database is made of: golang.org/x/mod/sumdb/note and /tlog.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

type inclusion struct {
	Index, Size int64
	Proof       [][]byte
}

type consistency struct {
	Old, Size int64
	Proof     [][]byte
}

type log struct {
	Key         string
	Checkpoint  string
	Entries     [][]byte
	Levels      [][]byte // stored hashes of tile level 0, 1, …, concatenated
	Inclusion   []inclusion
	Consistency []consistency
}

type stored []tlog.Hash

func (s stored) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	hashes := make([]tlog.Hash, len(indexes))
	for i, at := range indexes {
		if at >= int64(len(s)) {
			return nil, fmt.Errorf("hash %d is not stored", at)
		}
		hashes[i] = s[at]
	}
	return hashes, nil
}

// tiles serves our stored hashes as tiles of height 8.
type tiles [][]byte

func (t tiles) Height() int                             { return 8 }
func (t tiles) SaveTiles(tiles []tlog.Tile, _ [][]byte) {}
func (t tiles) ReadTiles(wanted []tlog.Tile) ([][]byte, error) {
	var data [][]byte
	for _, tile := range wanted {
		from := tile.N * 256 * tlog.HashSize
		to := from + int64(tile.W)*tlog.HashSize
		if tile.L >= len(t) || to > int64(len(t[tile.L])) {
			return nil, fmt.Errorf("no tile %v", tile)
		}
		data = append(data, t[tile.L][from:to])
	}
	return data, nil
}

func main() {
	var in log
	must(json.NewDecoder(os.Stdin).Decode(&in))

	var theirs stored
	for i, entry := range in.Entries {
		more, err := tlog.StoredHashes(int64(i), entry, theirs)
		must(err)
		theirs = append(theirs, more...)
	}
	size := int64(len(in.Entries))
	roots := map[int64]tlog.Hash{}
	root := func(size int64) tlog.Hash {
		if _, known := roots[size]; !known {
			hash, err := tlog.TreeHash(size, theirs)
			must(err)
			roots[size] = hash
		}
		return roots[size]
	}

	checkNote(in, size, root(size))
	mutants := 0
	for _, p := range in.Inclusion {
		leaf := tlog.RecordHash(in.Entries[p.Index])
		proof := tlog.RecordProof(hashes(p.Proof))
		check := func() error { return tlog.CheckRecord(proof, p.Size, root(p.Size), p.Index, leaf) }
		must(check())
		mutants += mutate(proof, p.Index+p.Size, check)
	}
	for _, p := range in.Consistency {
		proof := tlog.TreeProof(hashes(p.Proof))
		check := func() error { return tlog.CheckTree(proof, p.Size, root(p.Size), p.Old, root(p.Old)) }
		must(check())
		mutants += mutate(proof, p.Old+p.Size, check)
	}

	// Every entry again, out of our tiles, each authenticated by our root.
	reader := tlog.TileHashReader(tlog.Tree{N: size, Hash: root(size)}, tiles(in.Levels))
	for from := int64(0); from < size; from += 256 {
		var wanted []int64
		for i := from; i < size && i < from+256; i++ {
			wanted = append(wanted, tlog.StoredHashIndex(0, i))
		}
		read, err := reader.ReadHashes(wanted)
		must(err)
		for i, hash := range read {
			if hash != tlog.RecordHash(in.Entries[from+int64(i)]) {
				fail("entry %d read from our tiles is another", from+int64(i))
			}
		}
	}
	fmt.Printf("inclusion %d, consistency %d, mutants %d, entries %d\n",
		len(in.Inclusion), len(in.Consistency), mutants, size)
}

func checkNote(in log, size int64, root tlog.Hash) {
	verifier, err := note.NewVerifier(in.Key)
	must(err)
	opened, err := note.Open([]byte(in.Checkpoint), note.VerifierList(verifier))
	must(err)
	want := fmt.Sprintf("%s\n%d\n%s\n", verifier.Name(), size, root)
	if opened.Text != want || len(opened.Sigs) != 1 {
		fail("checkpoint says %q, the entries make %q", opened.Text, want)
	}
	other := strings.Replace(in.Checkpoint, fmt.Sprintf("\n%d\n", size), fmt.Sprintf("\n%d\n", size+1), 1)
	if _, err := note.Open([]byte(other), note.VerifierList(verifier)); err == nil {
		fail("a changed checkpoint verifies")
	}
}

// mutate flips one bit of the proof, another one each turn, and wants the check to fail.
func mutate(proof []tlog.Hash, turn int64, check func() error) int {
	if len(proof) == 0 {
		return 0
	}
	hash, bit := &proof[turn%int64(len(proof))], turn*7%256
	hash[bit/8] ^= 1 << (bit % 8)
	if check() == nil {
		fail("a proof with one bit changed is accepted")
	}
	return 1
}

func hashes(proof [][]byte) []tlog.Hash {
	list := make([]tlog.Hash, len(proof))
	for i, hash := range proof {
		if copy(list[i][:], hash) != tlog.HashSize {
			fail("a hash of %d bytes", len(hash))
		}
	}
	return list
}

func must(err error) {
	if err != nil {
		fail("%v", err)
	}
}

func fail(format string, args ...any) {
	fmt.Fprintf(os.Stderr, format+"\n", args...)
	os.Exit(1)
}
