package ledger

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/mod/sumdb/tlog"
)

const tileWidth = 256

// Exported is what Export wrote.
type Exported struct {
	Checkpoint Checkpoint `json:"checkpoint"`
	Files      int        `json:"files"`
	Bytes      int64      `json:"bytes"`
	From       uint64     `json:"from"` // the minimum index: records before it were pruned and have no entry bundles
}

// Export writes the ledger in dir, up to its checkpoint, as C2SP tlog-tiles into the new folder out: any client of such logs reads it. What it
// writes is checked as it passes, and leads to the checkpoint's root. It needs no lock and may run beside the writer.
func Export(dir, out string, progress Progress) (Exported, error) {
	for range lookTries {
		x, err := export(dir, out, &meter{tell: progress})
		var gone *PrunedError
		if !errors.As(err, &gone) {
			return x, err
		}
		// Records were pruned while they were exported: the next look finds the new state.
		if err := os.RemoveAll(out); err != nil {
			return Exported{}, err
		}
	}
	return Exported{}, fmt.Errorf("export of %s: %w: expected a moment of rest in %d tries, found none", dir, errMoving, lookTries)
}

func export(dir, out string, told *meter) (Exported, error) {
	f, err := openFolder(dir)
	if err != nil {
		return Exported{}, err
	}
	if f.checkpoint == nil {
		return Exported{}, errors.New("export: expected a checkpoint in the folder, found none: it is written with each snapshot record and when the ledger is closed")
	}
	if err := os.Mkdir(out, 0o755); err != nil {
		return Exported{}, err
	}
	told.total = f.lines()
	x := exporter{out: out, size: f.checkpoint.Size, meter: told}
	x.result.Checkpoint = *f.checkpoint
	for i := range f.entries {
		if f.entries[i].Pruned {
			x.result.From = f.entries[i].next()
		}
	}
	if x.result.From > 0 {
		// A bundle that begins before the minimum index would lack records.
		x.result.From = min((x.result.From+tileWidth-1)/tileWidth*tileWidth, x.size)
	}
	h, err := f.hashesTo(x.size)
	if err != nil {
		return Exported{}, err
	}
	root, err := h.root(x.size)
	if err != nil {
		return Exported{}, err
	}
	m := f.checkpoint.mark("signed checkpoint in the folder")
	if err := m.compare(Hash{}, root); err != nil {
		return Exported{}, err
	}
	if err := x.tiles(h); err != nil {
		return Exported{}, err
	}
	if err := x.entries(f, h); err != nil {
		return Exported{}, err
	}
	// Last: a folder with a checkpoint is a whole export.
	if err := x.write("checkpoint", f.signed); err != nil {
		return Exported{}, err
	}
	return x.result, x.write("ledger.pub", []byte(f.public+"\n"))
}

type exporter struct {
	out    string
	size   uint64
	result Exported
	meter  *meter // of the lines
}

// tiles writes the hashes of every level, 256 a tile.
func (x *exporter) tiles(h *hashes) error {
	for level := 0; x.size>>(8*level) > 0; level++ {
		count := x.size >> (8 * level)
		for n := uint64(0); n*tileWidth < count; n++ {
			width := min(count-n*tileWidth, tileWidth)
			indexes := make([]int64, width)
			for i := range indexes {
				indexes[i] = tlog.StoredHashIndex(8*level, int64(n*tileWidth)+int64(i))
			}
			got, err := h.ReadHashes(indexes)
			if err != nil {
				return err
			}
			if err := x.write(tilePath(fmt.Sprint(level), n, width), hashBytes(got)); err != nil {
				return err
			}
		}
	}
	return nil
}

// entries writes the records, 256 a bundle, each with its length before it.
func (x *exporter) entries(f *folder, h *hashes) error {
	var bundle []byte
	var leaves []Hash
	var indexes []int64
	n := x.result.From / tileWidth
	put := func(width uint64) error {
		stored, err := h.ReadHashes(indexes)
		if err != nil {
			return err
		}
		for i, leaf := range leaves {
			if Hash(stored[i]) != leaf {
				seq := n*tileWidth + uint64(i)
				return &CorruptionError{Segment: treeName(seq), Seq: seq, Problem: "stored hash of level 0", Expected: leaf.String(), Found: Hash(stored[i]).String()}
			}
		}
		err = x.write(tilePath("entries", n, width), bundle)
		x.meter.add(int64(len(bundle)) - int64(width)) // an LF takes one byte, a length two
		n, bundle, leaves, indexes = n+1, bundle[:0], leaves[:0], indexes[:0]
		return err
	}
	err := f.scan(x.result.From, func(r *Record) error {
		if r.Seq >= x.size {
			return errStop
		}
		leaves, indexes = append(leaves, r.Leaf), append(indexes, tlog.StoredHashIndex(0, int64(r.Seq)))
		bundle = binary.BigEndian.AppendUint16(bundle, uint16(len(r.Line)))
		bundle = append(bundle, r.Line...)
		if (r.Seq+1)%tileWidth == 0 {
			return put(tileWidth)
		}
		return nil
	})
	if err != nil && !errors.Is(err, errStop) {
		return err
	}
	if width := x.size % tileWidth; width > 0 && x.size > x.result.From {
		return put(width)
	}
	return nil
}

func (x *exporter) write(name string, content []byte) error {
	path := filepath.Join(x.out, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, fs.FileMode(0o644))
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	x.result.Files++
	x.result.Bytes += int64(len(content))
	return errors.Join(err, f.Close())
}

// tilePath is the path of C2SP tlog-tiles, with slashes.
func tilePath(level string, n, width uint64) string {
	path := fmt.Sprintf("%03d", n%1000)
	for n >= 1000 {
		n /= 1000
		path = fmt.Sprintf("x%03d/%s", n%1000, path)
	}
	if width < tileWidth {
		path += fmt.Sprintf(".p/%d", width)
	}
	return "tile/" + level + "/" + path
}
