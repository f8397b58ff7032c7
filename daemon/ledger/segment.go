package ledger

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
)

// chain is what the next record must fit to.
type chain struct {
	next  uint64 // its sequence number
	leaf  Hash   // its prev
	epoch uint64 // its epoch is at least this
	// free is set when reading starts in the middle of a ledger: the first record's prev can't be checked there.
	free bool
}

// accept checks that line is the next record, and returns it with its leaf hash, which leaf computes of a line of that length.
func (c *chain) accept(line []byte, leaf func(length int) Hash) (Record, *RecordError) {
	r, err := decodeRecord(line)
	if err != nil {
		return Record{}, err
	}
	switch {
	case r.Seq != c.next:
		return Record{}, &RecordError{"seq", strconv.FormatUint(c.next, 10), strconv.FormatUint(r.Seq, 10)}
	case r.Prev != c.leaf && !c.free:
		return Record{}, wrongPrev(c.leaf, r.Prev)
	case r.Epoch < c.epoch:
		return Record{}, fallingEpoch(c.epoch, r.Epoch)
	case r.Seq == 0 && r.Kind != KindBoot:
		return Record{}, &RecordError{"kind", "boot, as every ledger begins", string(r.Kind)}
	}
	r.Leaf = leaf(len(line))
	c.next, c.leaf, c.epoch, c.free = r.Seq+1, r.Leaf, r.Epoch, false
	return r, nil
}

func wrongPrev(want, got Hash) *RecordError {
	return &RecordError{"prev", want.String() + " (leaf hash of the record before)", got.String()}
}

func fallingEpoch(least, got uint64) *RecordError {
	return &RecordError{"epoch", "at least " + strconv.FormatUint(least, 10), strconv.FormatUint(got, 10)}
}

// errStop is what a visit function returns to end the reading without an error.
var errStop = errors.New("stop")

// readSegment gives the records of one segment to visit, in order, each checked against c. A record's Line
// is valid only during the call. It returns the length of the whole lines, and of an unterminated rest.
func readSegment(in *lineReader, name string, c *chain, visit func(*Record) error) (whole, rest int64, err error) {
	var r Record
	leaf := in.leaf
	for {
		line, err := in.next()
		switch {
		case err == nil:
		case err == io.EOF && len(line) <= MaxRecord:
			return whole, int64(len(line)), nil
		case err == errLongLine, err == io.EOF:
			return whole, 0, damagedLine(name, whole, c.next, &RecordError{"line", "an LF within 65536 bytes", "none"})
		case errors.As(err, new(*unpackError)):
			return whole, 0, &CorruptionError{Segment: name, Offset: whole, Seq: c.next, Problem: "compressed data",
				Expected: "a zstd frame", Found: err.Error()}
		case err != nil:
			return whole, 0, fmt.Errorf("read %s at offset %d: %w", name, whole, err)
		}
		var bad *RecordError
		if r, bad = c.accept(line[:len(line)-1], leaf); bad != nil {
			return whole, 0, damagedLine(name, whole, c.next, bad)
		}
		if err := visit(&r); err != nil {
			return whole, 0, err
		}
		whole += int64(len(line))
	}
}

func damagedLine(segment string, offset int64, seq uint64, bad *RecordError) error {
	return &CorruptionError{Segment: segment, Offset: offset, Seq: seq,
		Problem: "field " + bad.Field, Expected: bad.Expected, Found: bad.Found}
}

// readAll reads segments one after the other; only the last may end in an unterminated line, which
// is returned, nil when there is none.
func readAll(dir string, segments []segment, c *chain, visit func(*Record) error) (*TornTail, error) {
	in, release := newLineReader(nil)
	defer release()
	for i, s := range segments {
		if s.first != c.next {
			return nil, gap(s.name, c.next)
		}
		f, err := openSegment(dir, s)
		if err != nil {
			return nil, err
		}
		in.reset(f)
		whole, rest, err := readSegment(in, s.name, c, visit)
		f.Close()
		if err != nil {
			return nil, err
		}
		if rest > 0 {
			if s.packed || i < len(segments)-1 {
				return nil, unended(s.name, whole, rest, c.next)
			}
			return &TornTail{Segment: s.name, Offset: whole, Bytes: rest}, nil
		}
	}
	return nil, nil
}

func gap(name string, next uint64) error {
	return &CorruptionError{Segment: name, Seq: next, Problem: "gap, doubled or misnamed segment",
		Expected: segmentName(next)[:nameDigits], Found: name}
}

func unended(name string, offset, rest int64, seq uint64) error {
	return &CorruptionError{Segment: name, Offset: offset, Seq: seq, Problem: "line without end in a sealed segment",
		Expected: "LF", Found: fmt.Sprintf("the file's end after %d bytes", rest)}
}

// openSegment opens a segment for reading its lines. A plain segment that was sealed since it was listed is read packed.
func openSegment(dir string, s segment) (io.ReadCloser, error) {
	if !s.packed {
		f, err := os.Open(filepath.Join(dir, s.name))
		if !errors.Is(err, os.ErrNotExist) {
			return f, err
		}
	}
	return openPacked(filepath.Join(dir, packedName(s.first)), nil)
}
