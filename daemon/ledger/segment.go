package ledger

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

const (
	segmentSuffix = ".log"
	tempSuffix    = ".log.tmp"
	brokenSuffix  = ".broken"
	lockName      = "LOCK"
	nameDigits    = 20
)

// segment is one segment file of a folder.
type segment struct {
	name  string
	first uint64 // sequence number of its first record, from the name
	size  int64  // bytes when it was listed
}

func segmentName(first uint64) string { return fmt.Sprintf("%020d%s", first, segmentSuffix) }

// parseName splits a name into the 20 digits it begins with and the rest.
func parseName(name string) (first uint64, suffix string, ok bool) {
	if len(name) < nameDigits {
		return 0, "", false
	}
	for _, c := range name[:nameDigits] {
		if c < '0' || c > '9' {
			return 0, "", false
		}
	}
	first, err := strconv.ParseUint(name[:nameDigits], 10, 64)
	return first, name[nameDigits:], err == nil
}

// listSegments returns dir's segments in order and the names of left-over temporary files.
// A name that looks like a segment's and isn't one is refused: a copy or a renamed
// segment must not be passed over in silence.
func listSegments(dir string) (segments []segment, temps []string, err error) {
	entries, err := os.ReadDir(dir) // sorted by name, which 20 digits make the order of sequence
	if err != nil {
		return nil, nil, err
	}
	for _, entry := range entries {
		name := entry.Name()
		first, suffix, numbered := parseName(name)
		switch {
		case numbered && suffix == segmentSuffix:
			info, err := entry.Info()
			if err != nil {
				return nil, nil, err
			}
			if !info.Mode().IsRegular() {
				return nil, nil, &CorruptionError{Segment: name, Seq: first, Problem: "not a file",
					Expected: "a regular file", Found: info.Mode().Type().String()}
			}
			segments = append(segments, segment{name, first, info.Size()})
		case numbered && suffix == tempSuffix:
			temps = append(temps, name)
		case numbered && strings.HasSuffix(suffix, brokenSuffix):
		case numbered, strings.Contains(name, segmentSuffix):
			return nil, nil, &CorruptionError{Segment: name, Seq: first, Problem: "unknown file that looks like a segment",
				Expected: "20 digits and " + segmentSuffix, Found: strconv.Quote(name)}
		}
	}
	return segments, temps, nil
}

// chain is what the next record must fit to.
type chain struct {
	next  uint64 // its sequence number
	leaf  Hash   // its prev
	epoch uint64 // its epoch is at least this
	// free is set when reading starts in the middle of a ledger: the first record's prev can't be checked there.
	free bool
}

// accept checks that line is the next record, and returns it.
func (c *chain) accept(line []byte) (Record, *RecordError) {
	r, err := decodeRecord(line)
	if err != nil {
		return Record{}, err
	}
	switch {
	case r.Seq != c.next:
		return Record{}, &RecordError{"seq", strconv.FormatUint(c.next, 10), strconv.FormatUint(r.Seq, 10)}
	case r.Prev != c.leaf && !c.free:
		return Record{}, &RecordError{"prev", c.leaf.String() + " (leaf hash of the record before)", r.Prev.String()}
	case r.Epoch < c.epoch:
		return Record{}, &RecordError{"epoch", "at least " + strconv.FormatUint(c.epoch, 10), strconv.FormatUint(r.Epoch, 10)}
	case r.Seq == 0 && r.Kind != KindBoot:
		return Record{}, &RecordError{"kind", "boot, as every ledger begins", string(r.Kind)}
	}
	r.Leaf = leafHash(line)
	c.next, c.leaf, c.epoch, c.free = r.Seq+1, r.Leaf, r.Epoch, false
	return r, nil
}

// errStop is what a visit function returns to end the reading without an error.
var errStop = errors.New("stop")

// readBuffer holds the longest record and its LF, and is big enough to make reads few.
const readBuffer = 256 << 10

// readSegment gives the records of one segment to visit, in order, each checked against c. A record's Line
// is valid only during the call. It returns the length of the whole lines, and of an unterminated rest.
// in has a buffer of readBuffer bytes.
func readSegment(in *bufio.Reader, name string, c *chain, visit func(*Record) error) (whole, rest int64, err error) {
	var r Record
	for {
		line, err := in.ReadSlice('\n')
		switch {
		case err == io.EOF && len(line) <= MaxRecord:
			return whole, int64(len(line)), nil
		case err == bufio.ErrBufferFull, err == io.EOF:
			return whole, 0, damagedLine(name, whole, c.next, &RecordError{"line", "an LF within 65536 bytes", "none"})
		case err != nil:
			return whole, 0, fmt.Errorf("read %s at offset %d: %w", name, whole, err)
		}
		var bad *RecordError
		if r, bad = c.accept(line[:len(line)-1]); bad != nil {
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
// is returned, nil when there is none. done is called after each segment with the bytes read of it.
func readAll(dir string, segments []segment, c *chain, visit func(*Record) error, done func(int64)) (*TornTail, error) {
	in := bufio.NewReaderSize(nil, readBuffer)
	for i, s := range segments {
		if s.first != c.next {
			return nil, &CorruptionError{Segment: s.name, Seq: c.next, Problem: "gap, doubled or misnamed segment",
				Expected: segmentName(c.next), Found: s.name}
		}
		f, err := os.Open(filepath.Join(dir, s.name))
		if err != nil {
			return nil, err
		}
		in.Reset(f)
		whole, rest, err := readSegment(in, s.name, c, visit)
		f.Close()
		if err != nil {
			return nil, err
		}
		last := i == len(segments)-1
		if rest > 0 && !last {
			return nil, &CorruptionError{Segment: s.name, Offset: whole, Seq: c.next, Problem: "line without end in a sealed segment",
				Expected: "LF", Found: fmt.Sprintf("the file's end after %d bytes", rest)}
		}
		if done != nil {
			done(whole + rest)
		}
		if rest > 0 {
			return &TornTail{Segment: s.name, Offset: whole, Bytes: rest}, nil
		}
	}
	return nil, nil
}
