package series

import (
	"bytes"
	_ "embed" // for the shipped series
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"

	"github.com/taudaemon/taudaemon/daemon/fixed"
)

// Series is a recorded price series of at least one row.
type Series struct {
	// Name of the series: that of a shipped one, or of its file.
	Name string
	// Symbol of what was recorded; empty for a file.
	Symbol string
	// Rows in the order of the recording.
	Rows []Row
}

// Row is one observation.
type Row struct {
	// Date as it is written in the recording; empty if it has no such column.
	Date string
	// Price above 0.
	Price fixed.Value
	// Volume of at least 0; 0 if the recording has no such column.
	Volume fixed.Value
}

// At returns the row of a tick, the recording being played in a loop: row (offset + tick) modulo its length.
func (s *Series) At(offset, tick uint64) (row Row, index int) {
	length := uint64(len(s.Rows))
	// The sum of two remainders cannot wrap, that of two ticks could.
	index = int((offset%length + tick%length) % length)
	return s.Rows[index], index
}

//go:embed sp500-daily.csv
var sp500Daily []byte

// Sp500Daily is the name of the shipped series.
const Sp500Daily = "sp500-daily"

var readSp500Daily = sync.OnceValues(func() (*Series, error) {
	s, err := Read(Sp500Daily, bytes.NewReader(sp500Daily))
	if err == nil {
		s.Symbol = "SPX"
	}
	return s, err
})

// Names of the shipped series.
func Names() []string { return []string{Sp500Daily} }

// Get returns a shipped series, read once. It must not be changed.
func Get(name string) (*Series, error) {
	if name != Sp500Daily {
		return nil, fmt.Errorf("expected a shipped series, one of %s, found %q", strings.Join(Names(), ", "), name)
	}
	return readSp500Daily()
}

// MaxBytes is the longest CSV that Read takes.
const MaxBytes = 64 << 20

// Read reads a CSV: a header with a column price or close, and optionally volume and date (other columns are passed over), then one row an
// observation. The name is that of the series, and stands in errors with the line.
func Read(name string, r io.Reader) (*Series, error) {
	limited := &io.LimitedReader{R: r, N: MaxBytes + 1}
	rows := csv.NewReader(limited)
	rows.ReuseRecord = true
	header, err := rows.Read()
	if errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%s:1: expected a header with a column price or close, found nothing", name)
	}
	if err != nil {
		return nil, csvError(name, err)
	}
	columns, err := findColumns(header)
	if err != nil {
		return nil, fmt.Errorf("%s:1: %w", name, err)
	}
	s := &Series{Name: name}
	for {
		record, err := rows.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, csvError(name, err)
		}
		row, err := columns.row(record)
		if err != nil {
			line, _ := rows.FieldPos(0)
			return nil, fmt.Errorf("%s:%d: %w", name, line, err)
		}
		s.Rows = append(s.Rows, row)
	}
	if limited.N <= 0 {
		return nil, fmt.Errorf("%s: expected at most %d bytes, found more", name, MaxBytes)
	}
	if len(s.Rows) == 0 {
		return nil, fmt.Errorf("%s: expected at least one row below the header, found none", name)
	}
	return s, nil
}

func csvError(name string, err error) error {
	var parse *csv.ParseError
	if errors.As(err, &parse) {
		return fmt.Errorf("%s:%d: expected a row of CSV with as many fields as the header, found an error at column %d: %w", name, parse.Line, parse.Column, parse.Err)
	}
	return fmt.Errorf("%s: %w", name, err)
}

// columns are indexes into a record; -1 is a column that is not there.
type columns struct {
	price, volume, date int
	priceName           string
}

func findColumns(header []string) (columns, error) {
	price, found := slices.Index(header, "price"), "price"
	if closing := slices.Index(header, "close"); closing >= 0 {
		if price >= 0 {
			return columns{}, errors.New("expected one column price or close, found both")
		}
		price, found = closing, "close"
	}
	if price < 0 {
		return columns{}, fmt.Errorf("expected a header with a column price or close, found %q", strings.Join(header, ","))
	}
	return columns{price: price, priceName: found, volume: slices.Index(header, "volume"), date: slices.Index(header, "date")}, nil
}

func (c columns) row(record []string) (Row, error) {
	var row Row
	price, err := fixed.ParseTruncate(record[c.price])
	if err != nil {
		return row, fmt.Errorf("%s: %w", c.priceName, err)
	}
	if price <= 0 {
		return row, fmt.Errorf("%s: expected a price above 0, found %s", c.priceName, record[c.price])
	}
	row.Price = price
	if c.volume >= 0 {
		volume, err := fixed.ParseTruncate(record[c.volume])
		if err != nil {
			return row, fmt.Errorf("volume: %w", err)
		}
		if volume < 0 {
			return row, fmt.Errorf("volume: expected at least 0, found %s", record[c.volume])
		}
		row.Volume = volume
	}
	if c.date >= 0 {
		row.Date = strings.Clone(record[c.date])
	}
	return row, nil
}
