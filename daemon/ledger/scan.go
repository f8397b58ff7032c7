package ledger

import (
	"bytes"
	"errors"
	"fmt"
	"iter"
	"os"
)

// PrunedError says that records which were asked for have been deleted by retention.
type PrunedError struct {
	From, To uint64 // the first that is gone, and the first after it that is there
}

// Error names the records.
func (e *PrunedError) Error() string {
	return fmt.Sprintf("records %d to %d were pruned: their hashes are in the tree, they themselves are gone", e.From, e.To-1)
}

// Scan returns the records of the ledger in dir from sequence number from on, in order. Each is checked
// as it passes: form, hash chain, order; the link to what lies before the first segment read is checked against the
// manifest ([Verify] checks that). It needs no lock and may run beside the writer; a torn tail ends it without an
// error. After an error, which comes with a nil Record, it ends; records that were pruned are a [*PrunedError]. Records are
// copies and stay valid.
func Scan(dir string, from uint64) iter.Seq2[*Record, error] {
	return func(yield func(*Record, error) bool) {
		f, err := openFolder(dir)
		if err == nil {
			err = f.scan(from, func(r *Record) error {
				kept := *r
				kept.Line = bytes.Clone(r.Line)
				if !yield(&kept, nil) {
					return errStop
				}
				return nil
			})
		}
		if err != nil && !errors.Is(err, errStop) {
			yield(nil, err)
		}
	}
}

// scan gives the records from sequence number from on to visit; their lines are valid only during the call.
func (f *folder) scan(from uint64, visit func(*Record) error) error {
	c := chain{}
	var segments []segment
	for i := range f.entries {
		e := &f.entries[i]
		switch {
		case e.next() <= from:
			c = chain{next: e.next(), leaf: e.Leaf, epoch: e.Epoch}
		case e.Pruned:
			if err := f.scanSegments(segments, &c, from, visit); err != nil {
				return err
			}
			return f.gap(i, from)
		default:
			segments = append(segments, segment{packedName(e.First), e.First, e.Packed, true})
		}
	}
	tail := f.tail
	for len(tail) > 1 && len(segments) == 0 && tail[1].first <= from {
		tail = tail[1:]
	}
	if len(segments) == 0 && len(tail) > 0 && tail[0].first != c.next && tail[0].first <= from && tail[0].first > f.sealedEnd() {
		c = chain{next: tail[0].first, free: true}
	}
	return f.scanSegments(append(segments, tail...), &c, from, visit)
}

// gap is the error of a scan from sequence number from on that has come to the i-th sealed segment, which is pruned.
func (f *folder) gap(i int, from uint64) *PrunedError {
	gone := &PrunedError{From: max(from, f.entries[i].First)}
	for ; i < len(f.entries) && f.entries[i].Pruned; i++ {
		gone.To = f.entries[i].next()
	}
	return gone
}

// prunedSince looks again whether the segment is pruned, as it is not there any more; nil if it is not.
func prunedSince(dir string, first uint64) (*entry, error) {
	f, err := openFolder(dir)
	if err != nil {
		return nil, err
	}
	i, pruned := f.pruned(first)
	if !pruned {
		return nil, nil
	}
	return &f.entries[i], nil
}

// pruned finds the sealed segment that begins with record first, if it is pruned.
func (f *folder) pruned(first uint64) (at int, pruned bool) {
	for i := range f.entries {
		if f.entries[i].First == first {
			return i, f.entries[i].Pruned
		}
	}
	return 0, false
}

func (f *folder) scanSegments(segments []segment, c *chain, from uint64, visit func(*Record) error) error {
	_, err := readAll(f.dir, segments, c, func(r *Record) error {
		if r.Seq < from {
			return nil
		}
		return visit(r)
	})
	if errors.Is(err, os.ErrNotExist) {
		// The writer may have pruned the next segment since the folder was listed.
		now, again := openFolder(f.dir)
		if again != nil {
			return errors.Join(err, again)
		}
		if i, pruned := now.pruned(c.next); pruned {
			return now.gap(i, from)
		}
	}
	return err
}

// record reads one record, whose line stays valid.
func (f *folder) record(seq uint64) (*Record, error) {
	var found *Record
	err := f.scan(seq, func(r *Record) error {
		kept := *r
		kept.Line = bytes.Clone(r.Line)
		found = &kept
		return errStop
	})
	if err != nil && !errors.Is(err, errStop) {
		return nil, err
	}
	if found == nil || found.Seq != seq {
		return nil, fmt.Errorf("record %d: expected a record below the ledger's end, found none", seq)
	}
	return found, nil
}

// Bytes returns how many bytes of lines the ledger in dir has, LFs included, without those of pruned records: what Scan reads, for who shows progress.
func Bytes(dir string) (int64, error) {
	f, err := openFolder(dir)
	if err != nil {
		return 0, err
	}
	return f.lines(), nil
}
