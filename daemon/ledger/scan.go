package ledger

import (
	"bytes"
	"errors"
	"iter"
)

// Scan returns the records of the ledger in dir from sequence number from on, in order. Each is checked
// as it passes: form, hash chain, order; only the link to what lies before the first segment read is
// taken on trust ([Verify] checks it). It needs no lock and may run beside the writer; a torn tail ends it without an
// error. After an error, which comes with a nil Record, it ends. Records are copies and stay valid.
func Scan(dir string, from uint64) iter.Seq2[*Record, error] {
	return func(yield func(*Record, error) bool) {
		segments, _, err := listSegments(dir)
		if err != nil {
			yield(nil, err)
			return
		}
		for len(segments) > 1 && segments[1].first <= from {
			segments = segments[1:]
		}
		c := chain{}
		if len(segments) > 0 && segments[0].first != 0 && segments[0].first <= from {
			c = chain{next: segments[0].first, free: true}
		}
		_, err = readAll(dir, segments, &c, func(r *Record) error {
			if r.Seq < from {
				return nil
			}
			kept := *r
			kept.Line = bytes.Clone(r.Line)
			if !yield(&kept, nil) {
				return errStop
			}
			return nil
		}, nil)
		if err != nil && !errors.Is(err, errStop) {
			yield(nil, err)
		}
	}
}
