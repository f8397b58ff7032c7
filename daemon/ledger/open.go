package ledger

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
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

// Open opens the ledger in dir for writing, and creates folder and first segment when
// they are missing. It locks, reads and checks every byte, cuts a torn tail (kept in
// a .broken file), and rewrites the unsealed segment, so that all it reports is durable.
//
// Errors: [*LockedError] when another writer has it; [*CorruptionError] for damage or a ledger that
// does not fit to Options.Known, with nothing changed on disk; else the file system's own.
func Open(dir string, o Options) (*Ledger, *Recovery, error) {
	l := &Ledger{dir: dir, disk: o.disk, segmentBytes: o.SegmentBytes, durability: o.Durability}
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
	recovery, err := l.recover(o.Known)
	if err != nil {
		return nil, nil, errors.Join(err, lock.Close())
	}
	return l, recovery, nil
}

// recover reads the whole ledger and makes it ready for Commit.
func (l *Ledger) recover(known Head) (*Recovery, error) {
	segments, temps, err := listSegments(l.dir)
	if err != nil {
		return nil, err
	}
	l.tally.known = known
	found := &Recovery{Segments: max(len(segments), 1)}
	torn, err := readAll(l.dir, segments, &chain{}, func(r *Record) error {
		found.note(r)
		l.tally.push(r.Leaf, r.Epoch)
		return l.tally.matches()
	}, nil)
	if err != nil {
		return nil, err
	}
	if err := l.tally.complete(); err != nil {
		return nil, err
	}
	found.settle(&l.tally)

	// All is checked: only from here on is anything changed.
	if err := l.removeTemps(temps, segments); err != nil {
		return nil, err
	}
	if len(segments) == 0 {
		l.out, err = createSegment(l.disk, l.dir, 0)
		return found, err
	}
	last := segments[len(segments)-1]
	whole := last.size
	if torn != nil {
		whole = torn.Offset
		if torn.Kept, err = l.keepTail(torn); err != nil {
			return nil, err
		}
		found.TornTail = torn
	}
	if l.out, err = l.rewrite(last.name, whole); err != nil {
		return nil, err
	}
	l.size = whole
	return found, nil
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
		f.Origin = Origin(t.first)
	}
}

// removeTemps removes the copy that a crash in rewrite left: only of the last segment can there be one.
func (l *Ledger) removeTemps(temps []string, segments []segment) error {
	for _, name := range temps {
		first, _, _ := parseName(name)
		if len(segments) == 0 || first != segments[len(segments)-1].first {
			return &CorruptionError{Segment: name, Seq: l.tally.tree.size, Problem: "temporary file of a segment that is not the last",
				Expected: "none", Found: name}
		}
		if err := l.disk.remove(filepath.Join(l.dir, name)); err != nil {
			return err
		}
	}
	return nil
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
	f, err := l.disk.create(path)
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
	temp := path[:len(path)-len(segmentSuffix)] + tempSuffix
	old, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer old.Close()
	out, err := l.disk.create(temp)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, out.Close())
		}
	}()
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
