package ledger

import (
	"crypto/sha256"
	"math/bits"

	"golang.org/x/mod/sumdb/tlog"
)

// Head names a ledger's state. Two ledgers of equal Size and Root hold the same records.
type Head struct {
	Size  uint64 `json:"size"`  // number of records
	Leaf  Hash   `json:"leaf"`  // leaf hash of the last record; zero when Size is 0
	Root  Hash   `json:"root"`  // RFC 6962 Merkle tree hash over all records
	Epoch uint64 `json:"epoch"` // epoch of the last record
}

// Origin returns the name that a ledger has for life, from its record 0's leaf hash, in
// the schema-less URL form that C2SP checkpoints ask for.
func Origin(first Hash) string { return "taudaemon.io/ledger/" + first.String() }

// frontier is the right edge of an RFC 6962 tree: the roots of the perfect subtrees that
// the records so far divide into, largest first, one for each 1 bit of size.
type frontier struct {
	size  uint64
	roots []tlog.Hash
}

func (f *frontier) push(leaf Hash) {
	h := tlog.Hash(leaf)
	for range bits.TrailingZeros64(^f.size) {
		last := len(f.roots) - 1
		h = tlog.NodeHash(f.roots[last], h)
		f.roots = f.roots[:last]
	}
	f.roots = append(f.roots, h)
	f.size++
}

func (f *frontier) root() Hash {
	if f.size == 0 {
		return sha256.Sum256(nil)
	}
	last := len(f.roots) - 1
	h := f.roots[last]
	for i := last - 1; i >= 0; i-- {
		h = tlog.NodeHash(f.roots[i], h)
	}
	return Hash(h)
}
