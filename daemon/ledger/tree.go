package ledger

import (
	"crypto/sha256"

	"golang.org/x/mod/sumdb/tlog"
)

// Head names a ledger's state. Two ledgers of equal Size and Root hold the same records.
type Head struct {
	Size  uint64 `json:"size"`  // number of records
	Leaf  Hash   `json:"leaf"`  // leaf hash of the last record; zero when Size is 0
	Root  Hash   `json:"root"`  // RFC 6962 Merkle tree hash over all records
	Epoch uint64 `json:"epoch"` // epoch of the last record
}

// Origin returns the name of a ledger, from its founding record's leaf hash, in the schema-less URL form that C2SP
// checkpoints ask for. The founding record is record 0, or in a restored ledger the newest restore record.
func Origin(founder Hash) string { return originPrefix + founder.String() }

const originPrefix = "taudaemon.io/ledger/"

// frontier is the right edge of the RFC 6962 tree over the records from `from` to size-1: the roots of the perfect
// subtrees that they divide into, in order. With from 0 it is all that a root needs; with another it is what a part read
// by itself adds to the tree.
type frontier struct {
	from, size uint64
	nodes      []node
}

// node is the root of the perfect subtree over 2^level records.
type node struct {
	level uint8
	hash  tlog.Hash
}

// push takes the next record's leaf hash.
func (f *frontier) push(leaf Hash) { f.add(node{0, tlog.Hash(leaf)}, nil) }

// add takes the subtree over the next 2^level records, and joins what is complete with it. Each joined subtree is told to
// joined, smallest first: that is the order in which tlog stores them.
func (f *frontier) add(n node, joined func(n node, start uint64)) {
	start := f.size
	f.size += 1 << n.level
	for last := len(f.nodes) - 1; last >= 0 && f.nodes[last].level == n.level && start>>n.level&1 == 1; last-- {
		start -= 1 << n.level
		n = node{n.level + 1, tlog.NodeHash(f.nodes[last].hash, n.hash)}
		f.nodes = f.nodes[:last]
		if joined != nil {
			joined(n, start)
		}
	}
	f.nodes = append(f.nodes, n)
}

// join takes the frontier of the records that follow.
func (f *frontier) join(next *frontier, joined func(n node, start uint64)) {
	for _, n := range next.nodes {
		f.add(n, joined)
	}
}

func (f *frontier) clone() frontier {
	return frontier{f.from, f.size, append([]node(nil), f.nodes...)}
}

// root is the tree's root; from is 0.
func (f *frontier) root() Hash {
	if f.size == 0 {
		return sha256.Sum256(nil)
	}
	last := len(f.nodes) - 1
	h := f.nodes[last].hash
	for i := last - 1; i >= 0; i-- {
		h = tlog.NodeHash(f.nodes[i].hash, h)
	}
	return Hash(h)
}

// frontierAt reads the frontier of the first size records.
func frontierAt(size uint64, r tlog.HashReader) (frontier, error) {
	f := frontier{size: size}
	var indexes []int64
	for level, start := 63, uint64(0); level >= 0; level-- {
		if size>>level&1 == 1 {
			f.nodes = append(f.nodes, node{level: uint8(level)})
			indexes = append(indexes, tlog.StoredHashIndex(level, int64(start>>level)))
			start += 1 << level
		}
	}
	hashes, err := r.ReadHashes(indexes)
	if err != nil {
		return frontier{}, err
	}
	for i := range f.nodes {
		f.nodes[i].hash = hashes[i]
	}
	return f, nil
}
