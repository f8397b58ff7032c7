package ledger

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"
)

// ShowFilter says which records Show writes, and how. The zero value shows all, as a table.
type ShowFilter struct {
	Kinds    []Kind // empty means every kind
	From     uint64 // the first sequence number looked at
	Limit    uint64 // at most that many records; 0 means no limit
	FromTick uint64 // with ToTick: only records whose body has a member "tick" within these, both included
	ToTick   uint64 // 0 means no upper bound; when both are 0, records without a tick are shown too
	SinceMS  int64  // only records of this time (Unix milliseconds) and later
	UntilMS  int64  // only records of this time and earlier; 0 means no upper bound
	JSON     bool   // the exact lines, as they are in the segments, in place of the table
}

// Show writes records of the ledger in dir to w, oldest first. It ends with the error that Scan ends with, after
// all records before it. Records that were pruned are passed over, which the table says.
func Show(w io.Writer, dir string, filter ShowFilter) error {
	s := shower{filter: filter, out: bufio.NewWriter(w)}
	s.header()
	return errors.Join(s.all(dir, filter.From), s.out.Flush())
}

// Follow does what Show does, and then goes on with new records until ctx ends. It looks every so often.
func Follow(ctx context.Context, w io.Writer, dir string, filter ShowFilter, every time.Duration) error {
	s := shower{filter: filter, out: bufio.NewWriter(w), next: filter.From}
	s.header()
	look := time.NewTicker(every)
	defer look.Stop()
	for {
		if err := errors.Join(s.all(dir, s.next), s.out.Flush()); err != nil || s.full() {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-look.C:
		}
	}
}

// shower writes what a filter admits.
type shower struct {
	filter ShowFilter
	out    *bufio.Writer
	shown  uint64
	next   uint64 // the sequence number after the last one looked at
}

func (s *shower) header() {
	if !s.filter.JSON {
		fmt.Fprintf(s.out, "%8s  %-24s  %-8s  %5s  %8s  %-16s  %s\n", "SEQ", "TIME", "KIND", "EPOCH", "TICK", "LEAF", "BODY")
	}
}

func (s *shower) full() bool { return s.filter.Limit > 0 && s.shown == s.filter.Limit }

// all writes the records from sequence number from on, over what was pruned.
func (s *shower) all(dir string, from uint64) error {
	for {
		err := s.some(dir, from)
		var pruned *PrunedError
		if !errors.As(err, &pruned) {
			return err
		}
		if !s.filter.JSON {
			fmt.Fprintf(s.out, "%8d  %s\n", pruned.From, pruned)
		}
		from = pruned.To
	}
}

func (s *shower) some(dir string, from uint64) error {
	for r, err := range Scan(dir, from) {
		if err != nil {
			return err
		}
		s.next = r.Seq + 1
		tick := tickOf(r)
		if !s.filter.admits(r, tick) {
			continue
		}
		if s.filter.JSON {
			_, err = s.out.Write(append(r.Line, '\n'))
		} else {
			err = writeRow(s.out, r, tick)
		}
		if err != nil {
			return err
		}
		if s.shown++; s.full() {
			break
		}
	}
	return nil
}

// tickOf returns the body's member "tick", nil when it has none that is a tick number.
func tickOf(r *Record) *uint64 {
	var body struct {
		Tick json.RawMessage `json:"tick"`
	}
	if json.Unmarshal(r.Line, &body) != nil {
		return nil
	}
	tick, err := strconv.ParseUint(string(body.Tick), 10, 64)
	if err != nil {
		return nil
	}
	return &tick
}

func (f *ShowFilter) admits(r *Record, tick *uint64) bool {
	if len(f.Kinds) > 0 && !slices.Contains(f.Kinds, r.Kind) {
		return false
	}
	if r.UnixMilli < f.SinceMS || f.UntilMS > 0 && r.UnixMilli > f.UntilMS {
		return false
	}
	if f.FromTick == 0 && f.ToTick == 0 {
		return true
	}
	return tick != nil && *tick >= f.FromTick && (f.ToTick == 0 || *tick <= f.ToTick)
}

func writeRow(w io.Writer, r *Record, tick *uint64) error {
	number := "-"
	if tick != nil {
		number = strconv.FormatUint(*tick, 10)
	}
	at := time.UnixMilli(r.UnixMilli).UTC().Format("2006-01-02T15:04:05.000Z")
	_, err := fmt.Fprintf(w, "%8d  %-24s  %-8s  %5d  %8s  %-16.16s  %s\n", r.Seq, at, r.Kind, r.Epoch, number, r.Leaf, shorten(r.Body(), 100))
	return err
}

// shorten cuts b to n bytes or a little less, never inside a character.
func shorten(b []byte, n int) string {
	if len(b) <= n {
		return string(b)
	}
	for n > 0 && !utf8.RuneStart(b[n]) {
		n--
	}
	return string(b[:n]) + "..."
}
