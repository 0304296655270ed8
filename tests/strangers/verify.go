// Checks a Daicho log with the code that the Go team wrote for its checksum database
// (golang.org/x/mod/sumdb): signed notes, tiles, inclusion and consistency.
//
// verify.go ADDRESS LOG-KEY OLD-CHECKPOINTS; an auditor's token in DAICHO_TOKEN.
// OLD-CHECKPOINTS is a folder with a checkpoint a file.
package main

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

var address = os.Args[1]

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func fetch(path string, asAuditor bool) []byte {
	request, err := http.NewRequest("GET", address+"/log/"+path, nil)
	must(err)
	if asAuditor {
		request.Header.Set("Authorization", "Bearer "+os.Getenv("DAICHO_TOKEN"))
	}
	answer, err := http.DefaultClient.Do(request)
	must(err)
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	must(err)
	if answer.StatusCode != 200 {
		log.Fatalf("%s: %s %s", path, answer.Status, body)
	}
	return body
}

// checkpoint opens a signed note and reads origin, size and root.
func checkpoint(text []byte, verifiers note.Verifiers, origin string) tlog.Tree {
	opened, err := note.Open(text, verifiers)
	must(err)
	lines := strings.SplitN(opened.Text, "\n", 4)
	if lines[0] != origin {
		log.Fatalf("the checkpoint is of %q", lines[0])
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	must(err)
	root, err := base64.StdEncoding.DecodeString(lines[2])
	must(err)
	var hash tlog.Hash
	copy(hash[:], root)
	return tlog.Tree{N: size, Hash: hash}
}

// service reads tiles of height 8 from /log/tile. What tlog has authenticated is kept and not fetched again.
type service struct{ authenticated map[tlog.Tile][]byte }

func (service) Height() int { return 8 }
func (s service) SaveTiles(tiles []tlog.Tile, data [][]byte) {
	for at, tile := range tiles {
		s.authenticated[tile] = data[at]
	}
}
func (s service) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var all [][]byte
	for _, tile := range tiles {
		data, known := s.authenticated[tile]
		if !known {
			data = fetch("tile/"+strings.TrimPrefix(tile.Path(), "tile/8/"), true)
		}
		all = append(all, data)
	}
	return all, nil
}

// entries reads every stored event from the bundles.
func entries(size int64) [][]byte {
	var all [][]byte
	for first := int64(0); first < size; first += 256 {
		tile := tlog.Tile{H: 8, L: 0, N: first / 256, W: int(min(256, size-first))}
		bundle := fetch("tile/entries/"+strings.TrimPrefix(tile.Path(), "tile/8/0/"), true)
		for len(bundle) > 0 {
			end := 2 + int(binary.BigEndian.Uint16(bundle))
			all = append(all, bundle[2:end])
			bundle = bundle[end:]
		}
	}
	return all
}

func min(a, b int64) int64 {
	if a < b {
		return a
	}
	return b
}

func main() {
	verifier, err := note.NewVerifier(os.Args[2])
	must(err)
	verifiers := note.VerifierList(verifier)
	tree := checkpoint(fetch("checkpoint", false), verifiers, verifier.Name())
	tiles := service{map[tlog.Tile][]byte{}}
	reader := tlog.TileHashReader(tree, tiles)

	all := entries(tree.N)
	if int64(len(all)) != tree.N {
		log.Fatalf("%d entries, %d signed", len(all), tree.N)
	}
	var indexes []int64
	for at := range all {
		indexes = append(indexes, tlog.StoredHashIndex(0, int64(at)))
	}
	stored, err := reader.ReadHashes(indexes)
	must(err)
	proofs := 0
	for at, entry := range all {
		index := int64(at)
		leaf := tlog.RecordHash(entry)
		if stored[at] != leaf {
			log.Fatalf("entry %d is not the one in the tree", at)
		}
		// Every entry was compared; a path for some of them is enough.
		if at%97 == 0 || index == tree.N-1 {
			proof, err := tlog.ProveRecord(tree.N, index, reader)
			must(err)
			must(tlog.CheckRecord(proof, tree.N, tree.Hash, index, leaf))
			proofs++
		}
	}
	files, err := filepath.Glob(filepath.Join(os.Args[3], "*"))
	must(err)
	var olds []int64
	for _, file := range files {
		oldText, err := os.ReadFile(file)
		must(err)
		old := checkpoint(oldText, verifiers, verifier.Name())
		proof, err := tlog.ProveTree(tree.N, old.N, reader)
		must(err)
		must(tlog.CheckTree(proof, tree.N, tree.Hash, old.N, old.Hash))
		olds = append(olds, old.N)
	}
	if len(olds) == 0 {
		log.Fatalf("no old checkpoints in %s", os.Args[3])
	}
	fmt.Printf("go: %d entries, %d proofs of inclusion, %d tiles, old heads of %v: all hold\n", tree.N, proofs, len(tiles.authenticated), olds)
}
