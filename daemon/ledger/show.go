package ledger

import (
	"bufio"
	"encoding/json"
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
	JSON     bool   // the exact lines, as they are in the segments, in place of the table
}

// Show writes records of the ledger in dir to w, oldest first. It ends with the error that Scan ends with, after
// all records before it.
func Show(w io.Writer, dir string, filter ShowFilter) error {
	out := bufio.NewWriter(w)
	defer out.Flush()
	if !filter.JSON {
		fmt.Fprintf(out, "%8s  %-24s  %-8s  %5s  %8s  %-16s  %s\n", "SEQ", "TIME", "KIND", "EPOCH", "TICK", "LEAF", "BODY")
	}
	var shown uint64
	for r, err := range Scan(dir, filter.From) {
		if err != nil {
			return err
		}
		tick := tickOf(r)
		if !filter.admits(r, tick) {
			continue
		}
		if filter.JSON {
			_, err = out.Write(append(r.Line, '\n'))
		} else {
			err = writeRow(out, r, tick)
		}
		if err != nil {
			return err
		}
		if shown++; shown == filter.Limit {
			break
		}
	}
	return out.Flush()
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
