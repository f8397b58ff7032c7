package ledger

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"

	"golang.org/x/mod/sumdb/tlog"
)

// Recovery is what Open found. Records in it are copies and stay valid.
type Recovery struct {
	Head         Head
	Origin       string    // "" when the ledger is new
	Segments     int       // segments, with the unsealed one
	TornTail     *TornTail // what a crash left half-written and Open cut off; nil after a clean end
	Last         *Record   // the newest record; nil when the ledger is new
	Boot         *Record   // the newest boot record; nil when the ledger is new
	Snapshot     *Record   // the newest snapshot record, nil when there is none: state is this plus Scan from the next record
	HighestEpoch uint64    // the highest epoch in the ledger: a new boot takes a higher one
}

// TornTail is an unterminated last line: a record whose Commit never returned.
type TornTail struct {
	Segment string `json:"segment"`
	Offset  int64  `json:"offset"`         // where the line begins
	Bytes   int64  `json:"bytes"`          // its length
	Kept    string `json:"kept,omitempty"` // the file in the ledger's folder that keeps it, once Open has cut it
}

// Open opens the ledger in dir for writing, and creates folder, key and first segment when they are missing. It locks; checks the
// signatures, every record from the newest snapshot to the head, and that these are the end of the tree that the signed checkpoint and
// Options.Known have the beginning of; cuts a torn tail (kept in a .broken file); and rewrites the unsealed segment, so that all it
// reports is durable. The older sealed segments are for Scrub and Verify.
//
// Errors: [*LockedError] when another writer has it; [*CorruptionError] for damage or a ledger that
// does not fit to Options.Known, with nothing changed on disk; else the file system's own.
func Open(dir string, o Options) (*Ledger, *Recovery, error) {
	l := &Ledger{dir: dir, disk: o.disk, segmentBytes: o.SegmentBytes, durability: o.Durability, gathers: o.Plain && o.Durability == AtSeal}
	if l.disk == nil {
		l.disk = osDisk{}
	}
	if l.segmentBytes == 0 {
		l.segmentBytes = DefaultSegmentBytes
	}
	if l.segmentBytes < 0 {
		return nil, nil, fmt.Errorf("ledger: SegmentBytes: expected 0 or more, found %d", o.SegmentBytes)
	}
	if err := makeFolder(l.disk, dir); err != nil {
		return nil, nil, err
	}
	lock, err := lockFolder(dir)
	if err != nil {
		return nil, nil, err
	}
	l.lock = lock
	recovery, err := l.recover(&o)
	if err != nil {
		if l.out != nil {
			err = errors.Join(err, l.out.Close())
		}
		return nil, nil, errors.Join(err, lock.Close())
	}
	if o.Plain {
		o.sealing = sealNever
	}
	l.sealer.start(l, o.sealing)
	return l, recovery, nil
}

// recover checks the ledger and makes it ready for Commit.
func (l *Ledger) recover(o *Options) (*Recovery, error) {
	f, err := openFolder(l.dir)
	if err != nil {
		return nil, err
	}
	if err := l.loadKey(f); err != nil {
		return nil, err
	}
	found := &Recovery{Segments: max(len(f.entries)+len(f.tail), 1)}
	torn, err := l.examineAll(f, o.Known, found)
	if err != nil {
		return nil, err
	}

	// All is checked: only from here on is anything changed.
	for _, name := range f.spare {
		if err := l.disk.remove(filepath.Join(l.dir, name)); err != nil {
			return nil, err
		}
	}
	if err := l.makeKey(); err != nil {
		return nil, err
	}
	if err := l.space.start(l, o.Space); err != nil {
		return nil, err
	}
	if err := l.continueTail(f, torn, found); err != nil {
		return nil, err
	}
	l.synced = l.tally.head()
	return found, nil
}

// examineAll checks what Open promises to check, and fills found and the ledger's state with it.
func (l *Ledger) examineAll(f *folder, known Head, found *Recovery) (*TornTail, error) {
	j := joiner{dir: l.dir, marks: []mark{known.mark()}}
	if f.checkpoint != nil {
		j.marks = append(j.marks, f.checkpoint.mark("signed checkpoint in the folder"))
		l.signed = *f.checkpoint
	}
	if err := l.rebuildTrees(f); err != nil {
		return nil, err
	}
	if err := f.startAt(len(f.entries), &j); err != nil {
		return nil, err
	}
	l.tally, l.entries = j.tally, f.entries
	c := chain{next: f.sealedEnd(), leaf: j.tally.leaf, epoch: j.tally.epoch}
	torn, err := readAll(l.dir, f.tail, &c, func(r *Record) error {
		found.note(r)
		l.take(r)
		for i := range j.marks {
			if j.marks[i].size != l.tally.tree.size {
				continue
			}
			if err := j.marks[i].compare(r.Leaf, l.tally.tree.root()); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	for i := range j.marks {
		if err := j.marks[i].complete(l.tally.tree.size, l.tally.founder); err != nil {
			return nil, err
		}
	}
	if err := f.findOlder(found); err != nil {
		return nil, err
	}
	found.settle(&l.tally)
	return torn, nil
}

// findOlder looks in the sealed segments for the newest snapshot and boot, when the tail has none, and checks the segments from the
// snapshot on.
func (f *folder) findOlder(found *Recovery) error {
	from := len(f.entries)
	if found.Snapshot == nil {
		for i := len(f.entries) - 1; i >= 0; i-- {
			if f.entries[i].Snapshot != nil {
				from = i
				break
			}
		}
	}
	for i := from; i < len(f.entries); i++ {
		if err := f.checkSealed(i, nil); err != nil {
			return err
		}
	}
	for i := len(f.entries) - 1; i >= 0; i-- {
		e := &f.entries[i]
		for _, want := range []struct {
			seq  *uint64
			into **Record
		}{{e.Boot, &found.Boot}, {e.Snapshot, &found.Snapshot}} {
			if want.seq == nil || *want.into != nil {
				continue
			}
			r, err := f.record(*want.seq)
			if err != nil {
				return err
			}
			*want.into = r
		}
		if found.Boot != nil && found.Snapshot != nil {
			break
		}
	}
	if n := len(f.entries); found.Last == nil && n > 0 {
		r, err := f.record(f.sealedEnd() - 1)
		if err != nil {
			return err
		}
		found.Last = r
	}
	return nil
}

// checkSealed checks the i-th sealed segment against the manifest and its tree file, and that it follows from the one before.
func (f *folder) checkSealed(i int, slow func(int) error) error {
	e := &f.entries[i]
	p := part{dir: f.dir, name: packedName(e.First), first: e.First, entry: e, limit: math.MaxUint64, slow: slow}
	if err := p.check(); err != nil || i == 0 || e.Pruned {
		return err
	}
	if before := &f.entries[i-1]; p.prev != before.Leaf {
		return damagedLine(p.name, 0, p.first, wrongPrev(before.Leaf, p.prev))
	}
	return nil
}

// rebuildTrees makes the tree files that are missing. They follow from the records, and hold nothing that could be lost.
func (l *Ledger) rebuildTrees(f *folder) error {
	for i := range f.missing {
		e := &f.missing[i]
		tree, err := frontierAt(e.First, f.hashes())
		if err != nil {
			return err
		}
		var stored []tlog.Hash
		c := chain{next: e.First, free: true}
		_, err = readAll(l.dir, []segment{{packedName(e.First), e.First, e.Packed, true}}, &c, func(r *Record) error {
			stored = append(stored, tlog.Hash(r.Leaf))
			tree.add(node{0, tlog.Hash(r.Leaf)}, func(n node, _ uint64) { stored = append(stored, n.hash) })
			return nil
		})
		if err != nil {
			return err
		}
		if c.leaf != e.Leaf || c.next != e.next() {
			return &CorruptionError{Segment: packedName(e.First), Seq: c.next, Problem: "not the segment of the manifest",
				Expected: e.Leaf.String(), Found: c.leaf.String()}
		}
		if err := replace(l.disk, l.dir, treeName(e.First), hashBytes(stored), sealedPerm); err != nil {
			return err
		}
	}
	return nil
}

// continueTail makes the last segment ready to be appended to: cut, durable, open. The full ones before it wait for the sealer.
func (l *Ledger) continueTail(f *folder, torn *TornTail, found *Recovery) (err error) {
	n := len(f.tail)
	if n == 0 {
		l.first = f.sealedEnd()
		l.out, err = l.createSegment(l.first)
		return err
	}
	last := f.tail[n-1]
	l.waiting = append(l.waiting, f.tail[:n-1]...)
	whole := last.size
	if torn != nil {
		whole = torn.Offset
		if torn.Kept, err = l.keepTail(torn); err != nil {
			return err
		}
		found.TornTail = torn
	}
	l.first, l.size = last.first, whole
	l.out, err = l.rewrite(last.name, whole)
	return err
}

// note remembers the newest record, and the newest boot and snapshot. Lines are copied when their buffer
// goes: a ledger has few boots and snapshots, and the last line is copied in place.
func (f *Recovery) note(r *Record) {
	if f.Last == nil {
		f.Last = &Record{}
	}
	line := append(f.Last.Line[:0], r.Line...)
	*f.Last = *r
	f.Last.Line = line
	if r.Kind == KindBoot || r.Kind == KindSnapshot {
		kept := *r
		kept.Line = bytes.Clone(r.Line)
		if r.Kind == KindBoot {
			f.Boot = &kept
		} else {
			f.Snapshot = &kept
		}
	}
}

func (f *Recovery) settle(t *tally) {
	f.Head = t.head()
	f.HighestEpoch = t.epoch
	if t.tree.size > 0 {
		f.Origin = Origin(t.founder)
	}
}

// keepTail copies a torn tail to a file of its own, durable before the tail is cut. After a crash between
// the two the same tail is found again, and its file with it.
func (l *Ledger) keepTail(torn *TornTail) (string, error) {
	tail, err := readRange(filepath.Join(l.dir, torn.Segment), torn.Offset, torn.Bytes)
	if err != nil {
		return "", err
	}
	stem := fmt.Sprintf("%s-%d", torn.Segment[:nameDigits], torn.Offset)
	name := stem + brokenSuffix
	for n := 2; ; n++ {
		path := filepath.Join(l.dir, name)
		switch kept, err := os.ReadFile(path); {
		case errors.Is(err, os.ErrNotExist):
			return name, l.writeNew(path, bytes.NewReader(tail))
		case err != nil:
			return "", err
		case bytes.Equal(kept, tail):
			// It may not be durable yet: the crash may have come before its sync.
			if err := l.disk.remove(path); err != nil {
				return "", err
			}
			return name, l.writeNew(path, bytes.NewReader(tail))
		}
		name = fmt.Sprintf("%s-%d%s", stem, n, brokenSuffix)
	}
}

// writeNew writes a file that does not exist yet, and makes content and name durable.
func (l *Ledger) writeNew(path string, content io.Reader) error {
	f, err := l.disk.create(path, filePerm)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, content)
	return errors.Join(err, f.sync(), f.Close(), l.disk.syncDir(l.dir))
}

// rewrite replaces a segment by a copy of its first whole bytes, and returns the copy for
// appending. The copy is durable; of the original nobody knows: when a sync of it had
// failed, the page cache may hold what the disk does not.
func (l *Ledger) rewrite(name string, whole int64) (_ file, err error) {
	path := filepath.Join(l.dir, name)
	temp := path + tempSuffix
	old, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer old.Close()
	out, err := l.disk.create(temp, filePerm)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, out.Close())
		}
	}()
	if err := l.makeRoom(func() error { return out.allocate(l.segmentBytes) }); err != nil {
		return nil, err
	}
	n, err := io.CopyN(out, old, whole)
	if err != nil {
		return nil, fmt.Errorf("copy %s: %d of %d bytes: %w", name, n, whole, err)
	}
	if err := out.sync(); err != nil {
		return nil, err
	}
	if err := l.disk.rename(temp, path); err != nil {
		return nil, err
	}
	return out, l.disk.syncDir(l.dir)
}

func readRange(path string, offset, length int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	buf := make([]byte, length)
	_, err = io.ReadFull(io.NewSectionReader(f, offset, length), buf)
	return buf, err
}
