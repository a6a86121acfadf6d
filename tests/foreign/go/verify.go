// Verifies an exported log with the code of Go's checksum database, golang.org/x/mod/sumdb/{note,tlog}:
//
//	verify DIR [PROOF ENTRYFILE]...
//
// The signature of the log and those of all witnesses in DIR/policy (which is at least as strict as its quorum), every
// entry against tiles that lead to the signed root, inclusion by proofs made here and by the proof files, and
// consistency with DIR/checkpoint.older where there is one. Prints what was verified as one line of JSON; exits with 1
// and a sentence at the first thing that is wrong.
package main

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const (
	height    = 8 // of a tile
	tileWidth = 1 << height
	span      = 64 * tileWidth // entries that one worker authenticates at once
)

type report struct {
	Entries        int64   `json:"entries"`
	Size           int64   `json:"size"`
	Root           string  `json:"root"`
	Cosignatures   int     `json:"cosignatures"`
	ConsistentWith int64   `json:"consistent_with"` // the size of the older tree; 0 where none was exported
	Proofs         int     `json:"proofs"`          // proof files
	Seconds        float64 `json:"seconds"`
}

func main() {
	if len(os.Args) < 2 || len(os.Args)%2 != 0 {
		fail(errors.New("usage: verify DIR [PROOF ENTRYFILE]..."))
	}
	begin := time.Now()
	verified, err := verify(os.Args[1], os.Args[2:])
	if err != nil {
		fail(err)
	}
	verified.Seconds = math.Round(time.Since(begin).Seconds()*1000) / 1000
	if err := json.NewEncoder(os.Stdout).Encode(verified); err != nil {
		fail(err)
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

func verify(dir string, proofs []string) (*report, error) {
	p, err := readPolicy(filepath.Join(dir, "policy"))
	if err != nil {
		return nil, fmt.Errorf("the policy cannot be used: %w", err)
	}
	tree, err := p.openFile(filepath.Join(dir, "checkpoint"))
	if err != nil {
		return nil, fmt.Errorf("the checkpoint is not valid: %w", err)
	}
	x := &export{dir: dir, tree: tree}
	entries, err := x.checkEntries()
	if err != nil {
		return nil, err
	}
	if err := x.checkInclusion(0, tree.N/3, tree.N/2, tree.N-1); err != nil {
		return nil, err
	}

	older := tlog.Tree{}
	path := filepath.Join(dir, "checkpoint.older")
	if _, err := os.Stat(path); err == nil {
		if older, err = p.openFile(path); err != nil {
			return nil, fmt.Errorf("the older checkpoint is not valid: %w", err)
		}
		if err := x.checkConsistency(older); err != nil {
			return nil, fmt.Errorf("the older checkpoint: %w", err)
		}
	}

	for i := 0; i < len(proofs); i += 2 {
		if err := x.checkProofFile(p, proofs[i], proofs[i+1]); err != nil {
			return nil, fmt.Errorf("%s: %w", filepath.Base(proofs[i]), err)
		}
	}
	return &report{
		Entries:        entries,
		Size:           tree.N,
		Root:           tree.Hash.String(),
		Cosignatures:   len(p.witnesses),
		ConsistentWith: older.N,
		Proofs:         len(proofs) / 2,
	}, nil
}

// A policy is whose signatures a checkpoint must have.
type policy struct {
	log       note.Verifier
	witnesses []note.Verifier
}

func readPolicy(path string) (*policy, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	p := &policy{}
	keys := map[string]bool{}
	for _, line := range strings.Split(string(text), "\n") {
		words := strings.Fields(line)
		switch {
		case len(words) >= 2 && words[0] == "log":
			if p.log != nil {
				return nil, errors.New("it names more than one log")
			}
			if p.log, err = note.NewVerifier(words[1]); err != nil {
				return nil, fmt.Errorf("%s: %w", words[1], err)
			}
		case len(words) >= 3 && words[0] == "witness":
			witness, err := newCosigner(words[2])
			if err != nil {
				return nil, fmt.Errorf("%s: %w", words[2], err)
			}
			// A cosignature does not commit to the name: one key under two names would pass for two witnesses.
			if keys[string(witness.key)] {
				return nil, fmt.Errorf("%s has the key of another witness", witness.name)
			}
			keys[string(witness.key)] = true
			p.witnesses = append(p.witnesses, witness)
		}
	}
	if p.log == nil {
		return nil, errors.New("it names no log")
	}
	if len(p.witnesses) == 0 {
		return nil, errors.New("it names no witness")
	}
	return p, nil
}

func (p *policy) openFile(path string) (tlog.Tree, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return tlog.Tree{}, err
	}
	return p.open(text)
}

// open returns the tree of a checkpoint that the log and all witnesses have signed.
func (p *policy) open(text []byte) (tlog.Tree, error) {
	required := append([]note.Verifier{p.log}, p.witnesses...)
	opened, err := note.Open(text, note.VerifierList(required...))
	if err != nil {
		return tlog.Tree{}, err
	}
	type signer struct {
		name string
		hash uint32
	}
	signed := map[signer]bool{}
	for _, signature := range opened.Sigs {
		signed[signer{signature.Name, signature.Hash}] = true
	}
	for _, verifier := range required {
		if !signed[signer{verifier.Name(), verifier.KeyHash()}] {
			return tlog.Tree{}, fmt.Errorf("it lacks the signature of %s", verifier.Name())
		}
	}

	lines := strings.Split(opened.Text, "\n")
	if len(lines) < 4 {
		return tlog.Tree{}, errors.New("it has no origin, size and root")
	}
	if lines[0] != p.log.Name() {
		return tlog.Tree{}, fmt.Errorf("it is of the log %q", lines[0])
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil || size < 1 || strconv.FormatInt(size, 10) != lines[1] {
		return tlog.Tree{}, fmt.Errorf("%q is not the size of a tree with entries", lines[1])
	}
	root, err := tlog.ParseHash(lines[2])
	if err != nil {
		return tlog.Tree{}, fmt.Errorf("%q is not a root: %w", lines[2], err)
	}
	return tlog.Tree{N: size, Hash: root}, nil
}

// A cosigner verifies cosignature/v1 with Ed25519, which x/mod does not know.
type cosigner struct {
	name string
	hash uint32
	key  ed25519.PublicKey
}

func newCosigner(vkey string) (*cosigner, error) {
	parts := strings.SplitN(vkey, "+", 3)
	if len(parts) != 3 {
		return nil, errors.New("malformed verifier key")
	}
	key, err := base64.StdEncoding.DecodeString(parts[2])
	if err != nil || len(key) != 1+ed25519.PublicKeySize || key[0] != 4 {
		return nil, errors.New("not the key of an Ed25519 cosigner")
	}
	sum := sha256.Sum256(append([]byte(parts[0]+"\n"), key...))
	if parts[1] != fmt.Sprintf("%x", sum[:4]) {
		return nil, errors.New("the key id is not that of the key")
	}
	return &cosigner{name: parts[0], hash: binary.BigEndian.Uint32(sum[:4]), key: key[1:]}, nil
}

func (c *cosigner) Name() string    { return c.name }
func (c *cosigner) KeyHash() uint32 { return c.hash }

func (c *cosigner) Verify(text, signature []byte) bool {
	if len(signature) != 8+ed25519.SignatureSize {
		return false
	}
	seconds := binary.BigEndian.Uint64(signature)
	signed := fmt.Sprintf("cosignature/v1\ntime %d\n%s", seconds, text)
	return seconds <= math.MaxInt64 && ed25519.Verify(c.key, []byte(signed), signature[8:])
}

// An export is the files of a log and the signed tree that they must lead to.
type export struct {
	dir  string
	tree tlog.Tree
}

// A tileReader reads tiles from files and keeps those of level 0 that have been authenticated.
type tileReader struct {
	*export
	leaves map[int64][]byte
}

func (r *tileReader) Height() int { return height }

func (r *tileReader) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	data := make([][]byte, len(tiles))
	for i, tile := range tiles {
		var err error
		if data[i], err = r.read(tile); err != nil {
			return nil, err
		}
	}
	return data, nil
}

// SaveTiles is called by the hash reader with what it has authenticated, and with nothing else.
func (r *tileReader) SaveTiles(tiles []tlog.Tile, data [][]byte) {
	for i, tile := range tiles {
		if tile.L == 0 {
			r.leaves[tile.N] = data[i]
		}
	}
}

// read reads a tile, or the bundle of entries where the level is -1, from where C2SP has it and not the Go project.
func (x *export) read(tile tlog.Tile) ([]byte, error) {
	path := strings.Replace(tile.Path(), "tile/8/", "tile/", 1)
	path = strings.Replace(path, "tile/data/", "tile/entries/", 1)
	return os.ReadFile(filepath.Join(x.dir, filepath.FromSlash(path)))
}

func (x *export) hashes() (tlog.HashReader, *tileReader) {
	reader := &tileReader{x, map[int64][]byte{}}
	return tlog.TileHashReader(x.tree, reader), reader
}

// bundle returns the entries of the n-th bundle.
func (x *export) bundle(n int64) ([][]byte, error) {
	width := x.tree.N - n*tileWidth
	if width > tileWidth {
		width = tileWidth
	}
	data, err := x.read(tlog.Tile{H: height, L: -1, N: n, W: int(width)})
	if err != nil {
		return nil, err
	}
	entries := make([][]byte, width)
	for i := range entries {
		if len(data) < 2 || len(data)-2 < int(binary.BigEndian.Uint16(data)) {
			return nil, fmt.Errorf("bundle %d ends within its entry %d of %d", n, i, width)
		}
		end := 2 + int(binary.BigEndian.Uint16(data))
		entries[i], data = data[2:end], data[end:]
	}
	if len(data) > 0 {
		return nil, fmt.Errorf("bundle %d has %d bytes behind its %d entries", n, len(data), width)
	}
	return entries, nil
}

// checkEntries compares every entry with the authenticated tiles and returns how many it has compared.
func (x *export) checkEntries() (int64, error) {
	var compared, next atomic.Int64
	workers := runtime.GOMAXPROCS(0)
	done := make(chan error, workers)
	for i := 0; i < workers; i++ {
		go func() {
			for {
				begin := next.Add(span) - span
				if begin >= x.tree.N {
					done <- nil
					return
				}
				n, err := x.checkSpan(begin)
				if err != nil {
					done <- err
					return
				}
				compared.Add(n)
			}
		}()
	}
	for i := 0; i < workers; i++ {
		if err := <-done; err != nil {
			return 0, err
		}
	}
	if compared.Load() != x.tree.N {
		return 0, fmt.Errorf("%d entries were compared, the checkpoint says %d", compared.Load(), x.tree.N)
	}
	return x.tree.N, nil
}

func (x *export) checkSpan(begin int64) (int64, error) {
	end := begin + span
	if end > x.tree.N {
		end = x.tree.N
	}
	var firsts []int64 // one hash of each tile: a tile is authenticated as a whole
	for i := begin; i < end; i += tileWidth {
		firsts = append(firsts, tlog.StoredHashIndex(0, i))
	}
	hashes, reader := x.hashes()
	if _, err := hashes.ReadHashes(firsts); err != nil {
		return 0, fmt.Errorf("the tiles of the entries %d to %d do not lead to the signed root: %w", begin, end-1, err)
	}
	compared := int64(0)
	for n := begin / tileWidth; n*tileWidth < end; n++ {
		entries, err := x.bundle(n)
		if err != nil {
			return 0, err
		}
		leaves := reader.leaves[n]
		if len(leaves) != len(entries)*tlog.HashSize {
			return 0, fmt.Errorf("bundle %d has %d entries, its tile %d bytes", n, len(entries), len(leaves))
		}
		for i, entry := range entries {
			if tlog.RecordHash(entry) != *(*tlog.Hash)(leaves[i*tlog.HashSize:]) {
				return 0, fmt.Errorf("entry %d is not the one in the tree", n*tileWidth+int64(i))
			}
		}
		compared += int64(len(entries))
	}
	return compared, nil
}

// checkInclusion proves that some entries are in the tree, and that changed ones are not.
func (x *export) checkInclusion(indexes ...int64) error {
	hashes, _ := x.hashes()
	for _, index := range indexes {
		entries, err := x.bundle(index / tileWidth)
		if err != nil {
			return err
		}
		proof, err := tlog.ProveRecord(x.tree.N, index, hashes)
		if err != nil {
			return fmt.Errorf("inclusion of entry %d cannot be proved: %w", index, err)
		}
		if err := checkRecord(proof, x.tree, index, entries[index%tileWidth]); err != nil {
			return err
		}
	}
	return nil
}

func checkRecord(proof tlog.RecordProof, tree tlog.Tree, index int64, entry []byte) error {
	if err := tlog.CheckRecord(proof, tree.N, tree.Hash, index, tlog.RecordHash(entry)); err != nil {
		return fmt.Errorf("the entry is not number %d of the tree: %w", index, err)
	}
	forged := append([]byte{}, entry...)
	if len(forged) == 0 {
		forged = []byte{0}
	}
	forged[len(forged)/2] ^= 1
	if tlog.CheckRecord(proof, tree.N, tree.Hash, index, tlog.RecordHash(forged)) == nil {
		return fmt.Errorf("the proof of entry %d also holds for a forged one", index)
	}
	return nil
}

func (x *export) checkConsistency(older tlog.Tree) error {
	if older.N > x.tree.N {
		return fmt.Errorf("its tree of %d entries is larger than the exported one of %d", older.N, x.tree.N)
	}
	hashes, _ := x.hashes()
	proof, err := tlog.ProveTree(x.tree.N, older.N, hashes)
	if err != nil {
		return fmt.Errorf("consistency with its tree of %d entries cannot be proved: %w", older.N, err)
	}
	if err := tlog.CheckTree(proof, x.tree.N, x.tree.Hash, older.N, older.Hash); err != nil {
		return fmt.Errorf("its tree of %d entries is not how the exported one began: %w", older.N, err)
	}
	return nil
}

// checkProofFile checks a file as of c2sp.org/tlog-proof@v1: by itself, and that its tree is not of another history.
func (x *export) checkProofFile(p *policy, path, entryPath string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	entry, err := os.ReadFile(entryPath)
	if err != nil {
		return err
	}
	head, signed, found := strings.Cut(string(text), "\n\n")
	lines := strings.Split(head, "\n")
	if !found || len(lines) < 2 || lines[0] != "c2sp.org/tlog-proof@v1" {
		return errors.New("this is not a tlog-proof")
	}
	lines = lines[1:]
	if strings.HasPrefix(lines[0], "extra ") {
		lines = lines[1:]
	}
	if len(lines) == 0 || !strings.HasPrefix(lines[0], "index ") {
		return errors.New("the proof does not say for which index")
	}
	index, err := strconv.ParseInt(strings.TrimPrefix(lines[0], "index "), 10, 64)
	if err != nil {
		return err
	}
	proof := tlog.RecordProof{}
	for _, line := range lines[1:] {
		hash, err := tlog.ParseHash(line)
		if err != nil {
			return fmt.Errorf("%q is not a hash: %w", line, err)
		}
		proof = append(proof, hash)
	}
	tree, err := p.open([]byte(signed))
	if err != nil {
		return fmt.Errorf("the checkpoint of the proof is not valid: %w", err)
	}
	if err := checkRecord(proof, tree, index, entry); err != nil {
		return err
	}
	return x.checkConsistency(tree)
}
