package series

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/taudaemon/taudaemon/daemon/fixed"
	"github.com/taudaemon/taudaemon/daemon/oracle/moment"
)

// MaxBytes is the longest recording that Read takes.
const MaxBytes = 64 << 20

// Read reads a recording. One that begins with { is JSONL: an object a line; any other is CSV: a header, then one row an observation. The
// columns, or members, are price or close, and optionally volume or quantity, and ts_ms (Unix milliseconds), time (Unix seconds, milliseconds or
// RFC 3339) or date (as a moment: of its first, in UTC). Others are passed over. A member of JSONL is a number or a string. The name is that of
// the series, and stands in errors with the line.
func Read(name string, r io.Reader) (*Series, error) {
	limited := &io.LimitedReader{R: r, N: MaxBytes + 1}
	buffered := bufio.NewReader(limited)
	read := readCSV
	if begins(buffered, '{') {
		read = readJSONL
	}
	s := &Series{Name: name}
	if err := read(s, buffered); err != nil {
		return nil, err
	}
	if limited.N <= 0 {
		return nil, fmt.Errorf("%s: expected at most %d bytes, found more", name, MaxBytes)
	}
	if len(s.Rows) == 0 {
		return nil, fmt.Errorf("%s: expected at least one row, found none", name)
	}
	return s, nil
}

// begins says what the first byte is that is no space.
func begins(r *bufio.Reader, with byte) bool {
	for n := 1; ; n++ {
		seen, err := r.Peek(n)
		if err != nil {
			return false
		}
		if b := seen[n-1]; b != ' ' && b != '\t' && b != '\r' && b != '\n' {
			return b == with
		}
	}
}

func readCSV(s *Series, r io.Reader) error {
	rows := csv.NewReader(r)
	rows.ReuseRecord = true
	header, err := rows.Read()
	if errors.Is(err, io.EOF) {
		return fmt.Errorf("%s:1: expected a header with a column price or close, found nothing", s.Name)
	}
	if err != nil {
		return csvError(s.Name, err)
	}
	header = slices.Clone(header)
	columns, err := findColumns(header)
	if err != nil {
		return fmt.Errorf("%s:1: %w", s.Name, err)
	}
	at := map[string]int{}
	for i, name := range slices.Backward(header) {
		at[name] = i // of two columns of a name, the first counts
	}
	for {
		record, err := rows.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return csvError(s.Name, err)
		}
		line, _ := rows.FieldPos(0)
		if err := s.add(line, columns, func(name string) string { return record[at[name]] }); err != nil {
			return err
		}
	}
}

func csvError(name string, err error) error {
	var parse *csv.ParseError
	if errors.As(err, &parse) {
		return fmt.Errorf("%s:%d: expected a row of CSV with as many fields as the header, found an error at column %d: %w", name, parse.Line, parse.Column, parse.Err)
	}
	return fmt.Errorf("%s: %w", name, err)
}

// maxLine is the longest line of JSONL.
const maxLine = 64 << 10

func readJSONL(s *Series, r io.Reader) error {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxLine)
	line := 0
	for lines.Scan() {
		line++
		if len(bytes.TrimSpace(lines.Bytes())) == 0 {
			continue
		}
		members, err := object(lines.Bytes())
		var columns columns
		if err == nil {
			columns, err = findColumns(slices.Sorted(maps.Keys(members)))
		}
		if err != nil {
			return fmt.Errorf("%s:%d: %w", s.Name, line, err)
		}
		if err := s.add(line, columns, func(name string) string { return members[name] }); err != nil {
			return err
		}
	}
	if err := lines.Err(); err != nil {
		if errors.Is(err, bufio.ErrTooLong) {
			err = fmt.Errorf("expected a line of at most %d bytes, found more", maxLine)
		}
		return fmt.Errorf("%s:%d: %w", s.Name, line+1, err)
	}
	return nil
}

// object reads a JSON object, and of its members those that are numbers or strings.
func object(line []byte) (map[string]string, error) {
	decoder := json.NewDecoder(bytes.NewReader(line))
	decoder.UseNumber()
	var document map[string]any
	if err := decoder.Decode(&document); err != nil {
		return nil, errors.New("expected a line with a whole JSON object, found another text")
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("expected one JSON object, found more after byte %d", decoder.InputOffset())
	}
	members := make(map[string]string, len(document))
	for name, value := range document {
		switch v := value.(type) {
		case json.Number:
			members[name] = v.String()
		case string:
			members[name] = v
		}
	}
	return members, nil
}

// columns are the names of those that are there.
type columns struct{ price, volume, time, date string }

// findColumns finds them among the names of a header or of an object's members.
func findColumns(names []string) (c columns, err error) {
	one := func(wanted ...string) string {
		var found []string
		for _, name := range wanted {
			if slices.Contains(names, name) {
				found = append(found, name)
			}
		}
		if len(found) > 1 && err == nil {
			err = fmt.Errorf("expected one column %s, found %s", strings.Join(wanted, " or "), strings.Join(found, " and "))
		}
		return strings.Join(found, "")
	}
	c.price, c.volume, c.time, c.date = one("price", "close"), one("volume", "quantity"), one("ts_ms", "time"), one("date")
	if c.price == "" && err == nil {
		err = fmt.Errorf("expected a column price or close, found %q", strings.Join(names, ","))
	}
	return c, err
}

// add reads a row.
func (s *Series) add(line int, c columns, field func(name string) string) error {
	failed := func(column string, err error) error { return fmt.Errorf("%s:%d: %s: %w", s.Name, line, column, err) }
	row := Row{}
	var err error
	if row.Price, err = fixed.ParseTruncate(field(c.price)); err == nil && row.Price <= 0 {
		err = fmt.Errorf("expected a price above 0, found %s", field(c.price))
	}
	if err != nil {
		return failed(c.price, err)
	}
	if c.volume != "" {
		if row.Volume, err = fixed.ParseTruncate(field(c.volume)); err == nil && row.Volume < 0 {
			err = fmt.Errorf("expected at least 0, found %s", field(c.volume))
		}
		if err != nil {
			return failed(c.volume, err)
		}
	}
	if c.time != "" {
		var ok bool
		if row.MS, ok = parseTime(c.time, field(c.time)); !ok {
			return failed(c.time, fmt.Errorf("expected %s, found %q", wantedTime[c.time], field(c.time)))
		}
	}
	if c.date != "" {
		row.Date = strings.Clone(field(c.date))
		if c.time == "" {
			row.MS, _ = moment.ParseDate(row.Date) // a label, unless it is played by
		}
	}
	s.Rows, s.lines = append(s.Rows, row), append(s.lines, line)
	return nil
}

var wantedTime = map[string]string{"ts_ms": "Unix milliseconds", "time": "Unix seconds, milliseconds or RFC 3339"}

func parseTime(column, text string) (unixMS int64, ok bool) {
	if column == "ts_ms" {
		n, err := strconv.ParseInt(text, 10, 64)
		return n, err == nil && 0 < n && n <= maxMS
	}
	return moment.Parse(text)
}

// maxMS bounds times as package moment does.
const maxMS = 99_999_999_999_999
