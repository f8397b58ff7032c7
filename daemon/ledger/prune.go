package ledger

import (
	"fmt"
	"path/filepath"
)

// Pruned is what Prune did.
type Pruned struct {
	Segments int    `json:"segments"`
	Records  uint64 `json:"records"`
	Bytes    int64  `json:"bytes"` // that the files took on disk
}

// Prune deletes sealed segments all of whose records are before record `before` and older than beforeMS (Unix milliseconds), and covered by anchor: a checkpoint of
// this ledger that is kept outside. Their part of the tree stays, so roots and proofs of what is kept go on working, and the signed
// manifest says what was deleted. The segments from the newest snapshot on, and the one with the newest boot record, are always kept: a start needs them.
func (l *Ledger) Prune(before uint64, beforeMS int64, anchor []byte) (Pruned, error) {
	key, err := l.Key()
	if err != nil {
		return Pruned{}, err
	}
	c, err := ParseCheckpoint(anchor, key)
	if err != nil {
		return Pruned{}, err
	}
	h, err := l.tree(c.Size)
	if err != nil {
		return Pruned{}, err
	}
	root, err := h.root(c.Size)
	if err != nil {
		return Pruned{}, err
	}
	if root != c.Root {
		return Pruned{}, &SignatureError{"anchor", "the root " + root.String() + " at size " + fmt.Sprint(c.Size), c.Root.String()}
	}
	l.pruning.Lock()
	defer l.pruning.Unlock()
	return l.prune(min(before, c.Size), beforeMS)
}

func (l *Ledger) prune(before uint64, beforeMS int64) (done Pruned, err error) {
	l.state.Lock()
	entries := append([]entry(nil), l.entries...)
	l.state.Unlock()
	keepFrom, boot := len(entries), -1
	for i := range entries {
		if entries[i].Snapshot != nil {
			keepFrom = i
		}
		if entries[i].Boot != nil {
			boot = i
		}
	}
	var gone []uint64
	for i := range entries[:keepFrom] {
		e := &entries[i]
		if e.Pruned || i == boot || e.next() > before || e.ToMS >= beforeMS {
			continue
		}
		e.Pruned = true
		gone = append(gone, e.First)
		done.Segments++
		done.Records += e.Records
		done.Bytes += e.Packed
	}
	if len(gone) == 0 {
		return done, nil
	}
	if err := l.writeManifest(entries); err != nil {
		return Pruned{}, err
	}
	l.state.Lock()
	l.entries = entries
	l.state.Unlock()
	for _, first := range gone {
		if err := l.disk.remove(filepath.Join(l.dir, packedName(first))); err != nil {
			return done, err
		}
	}
	return done, nil
}
