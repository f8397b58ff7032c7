package ledger

import (
	"context"
	"errors"
	"path/filepath"
	"time"
)

// PruneOptions say what Prune may delete.
type PruneOptions struct {
	// BeforeMS: only segments all of whose records are older than this, in Unix milliseconds.
	BeforeMS int64
	// Anchor is a checkpoint of this ledger that is kept outside its folder: only segments that it covers go, so that nobody can deny later what they
	// held. Whoever brings it has checked its signature, or has it from one who did; Prune compares it with the ledger's own tree.
	Anchor Checkpoint
	// BytesPerSecond of lines bounds the reading, so that the ticks keep the disk; 0 is no bound.
	BytesPerSecond int64
}

// Pruned is what Prune did.
type Pruned struct {
	Segments int    `json:"segments"`
	Records  uint64 `json:"records"`
	Bytes    int64  `json:"bytes"` // that the files took on disk
}

// Prune deletes the sealed segments that o permits. Their part of the tree stays, so roots and proofs of what is kept go on working, and the signed
// manifest says what was deleted. What a start needs is always kept: the segments from the newest sealed snapshot on, and those of the boot records
// that it may ask for; without a sealed snapshot that is all. Each segment is checked, as Scrub does it, before it goes: damage is evidence, and is not
// deleted. Commit does not wait for Prune.
//
// Errors, with nothing deleted: [*SignatureError] for an anchor that is not of this ledger, [*CorruptionError] for damage, ctx's when it ended. After the
// file system's own, what the manifest says is gone may still be there until the next Open.
func (l *Ledger) Prune(ctx context.Context, o PruneOptions) (Pruned, error) {
	if err := l.anchored(o.Anchor); err != nil {
		return Pruned{}, err
	}
	l.state.Lock()
	f := &folder{dir: l.dir, entries: l.entries}
	l.state.Unlock()
	gone := prunable(f.entries, o.Anchor.Size, o.BeforeMS)
	slow := slowly(ctx, o.BytesPerSecond)
	for _, i := range gone {
		if err := f.checkSealed(i, slow); err != nil {
			return Pruned{}, err
		}
	}
	if err := ctx.Err(); err != nil {
		return Pruned{}, err
	}
	return l.prune(gone)
}

// anchored checks that the anchor is a beginning of this ledger.
func (l *Ledger) anchored(anchor Checkpoint) error {
	if origin := l.Origin(); anchor.Origin != origin {
		return &SignatureError{"anchor", "the origin " + origin, anchor.Origin}
	}
	h, err := l.tree(anchor.Size)
	if err != nil {
		return err
	}
	root, err := h.root(anchor.Size)
	if err != nil {
		return err
	}
	if root != anchor.Root {
		return &SignatureError{"anchor", "the root " + root.String() + " at size " + segmentName(anchor.Size)[:nameDigits], anchor.Root.String()}
	}
	return nil
}

// prunable are the places in entries of the segments that may go: whole before record `before` and older than beforeMS, and not needed by a start.
func prunable(entries []entry, before uint64, beforeMS int64) (gone []int) {
	snapshot, boot, underSnapshot := 0, -1, -1
	for i := range entries {
		if entries[i].Snapshot != nil {
			// It names the boot record that it was written under: the newest before it. Where this segment's own newest boot is a later one, that may
			// lie in an earlier segment.
			snapshot, underSnapshot = i, boot
		}
		if entries[i].Boot != nil {
			boot = i
		}
	}
	for i := range entries[:snapshot] {
		e := &entries[i]
		if !e.Pruned && i != boot && i != underSnapshot && e.next() <= before && e.ToMS < beforeMS {
			gone = append(gone, i)
		}
	}
	return gone
}

// prune deletes the segments at these places: first the manifest says so, durably, then the files go.
func (l *Ledger) prune(places []int) (done Pruned, err error) {
	l.pruning.Lock()
	defer l.pruning.Unlock()
	l.state.Lock()
	entries := append([]entry(nil), l.entries...) // it may have grown since; the places stay
	l.state.Unlock()
	var gone []uint64
	for _, i := range places {
		e := &entries[i]
		if e.Pruned {
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
		err = errors.Join(err, removeIfThere(l.disk, filepath.Join(l.dir, packedName(first))))
	}
	return done, err
}

// slowly returns what a reader calls with the bytes that it has read, and that waits so that they are at most bytesPerSecond; 0 is no bound. It returns
// ctx's error when that has ended.
func slowly(ctx context.Context, bytesPerSecond int64) func(int) error {
	begun, read := time.Now(), int64(0)
	return func(n int) error {
		read += int64(n)
		if bytesPerSecond <= 0 {
			return ctx.Err()
		}
		due := time.Duration(read/bytesPerSecond)*time.Second + time.Duration(read%bytesPerSecond)*time.Second/time.Duration(bytesPerSecond)
		wait := time.NewTimer(due - time.Since(begun))
		defer wait.Stop()
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-wait.C:
			return nil
		}
	}
}
