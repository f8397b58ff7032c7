package ledger

import (
	"errors"
	"fmt"
)

// VerifyOptions of Verify. The zero value verifies everything.
type VerifyOptions struct {
	// Size, when not 0, ends the verification after that many records: the head of a
	// ledger as it was. A ledger with fewer is refused.
	Size uint64
	// Known is a head known outside; see Options.Known.
	Known Head
	// Progress, when not nil, is called after each segment with the bytes read so far and in all.
	Progress func(read, total int64)
}

// VerifyResult is what Verify found in a ledger that is whole.
type VerifyResult struct {
	Head     Head            `json:"head"`
	Origin   string          `json:"origin,omitempty"` // "" when there is no record
	Segments int             `json:"segments"`         // segments that hold them
	Bytes    int64           `json:"bytes"`            // bytes of the verified records, LFs included
	ByKind   map[Kind]uint64 `json:"byKind"`           // number of records of each kind that occurs
	TornTail *TornTail       `json:"tornTail,omitempty"`
}

// Verify checks every byte of the ledger in dir, from its first record on, and changes nothing. It needs no
// lock and may run beside the writer. A torn tail is no damage (the next Open cuts it); it is reported. Errors:
// [*CorruptionError] for damage, else the file system's own, a folder without any segment among them.
func Verify(dir string, o VerifyOptions) (VerifyResult, error) {
	if o.Size != 0 && o.Known.Size > o.Size {
		return VerifyResult{}, fmt.Errorf("verify: Size: expected 0 or at least the known head's size %d, found %d", o.Known.Size, o.Size)
	}
	segments, _, err := listSegments(dir)
	if err != nil {
		return VerifyResult{}, err
	}
	if len(segments) == 0 && o.Known.Size == 0 && o.Size == 0 {
		return VerifyResult{}, fmt.Errorf("no ledger in %s: expected a segment such as %s, found none", dir, segmentName(0))
	}
	var total, read int64
	for _, s := range segments {
		total += s.size
	}
	result := VerifyResult{ByKind: map[Kind]uint64{}}
	t := tally{known: o.Known}
	visit := func(r *Record) error {
		result.Bytes += int64(len(r.Line)) + 1
		result.ByKind[r.Kind]++
		t.push(r.Leaf, r.Epoch)
		if err := t.matches(); err != nil {
			return err
		}
		if t.tree.size == o.Size {
			return errStop
		}
		return nil
	}
	segmentDone := func(n int64) {
		read += n
		if o.Progress != nil {
			o.Progress(read, total)
		}
	}
	result.TornTail, err = readAll(dir, segments, &chain{}, visit, segmentDone)
	if err != nil && !errors.Is(err, errStop) {
		return VerifyResult{}, err
	}
	t.known.Size = max(t.known.Size, o.Size)
	if err := t.complete(); err != nil {
		return VerifyResult{}, err
	}
	result.Segments = reached(segments, t.tree.size)
	result.Head = t.head()
	if t.tree.size > 0 {
		result.Origin = Origin(t.first)
	}
	return result, nil
}

// reached returns how many segments the first size records lie in.
func reached(segments []segment, size uint64) int {
	n := 0
	for n < len(segments) && segments[n].first <= max(size, 1)-1 {
		n++
	}
	return n
}
