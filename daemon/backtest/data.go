package backtest

import (
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/taudaemon/taudaemon/daemon/fixed"
)

// Kind of a recording.
type Kind string

// The kinds, told apart by the header.
const (
	Trades  Kind = "trades"
	Candles Kind = "candles"
)

// The headers.
var headers = map[Kind][]string{
	Trades:  {"ts_ms", "price", "quantity", "taker_side"},
	Candles: {"ts_ms", "open", "high", "low", "close", "volume"},
}

// Row is what becomes known at a moment.
type Row struct {
	// MS is when it is known, Unix milliseconds: a trade's time, a candle's end.
	MS int64
	// Price of the trade, or the candle's close; above 0. Digits beyond the ninth after the point were dropped.
	Price fixed.Value
	// Volume traded, in base units, at least 0.
	Volume fixed.Value
}

// Data is a recording: at least one row, in the order in which they become known.
type Data struct {
	Kind Kind
	// Rows by MS; several trades may have the same.
	Rows []Row
	// SpacingMS of candles; 0 for trades.
	SpacingMS int64
	// Digest is "sha256:" and the hex of the file's bytes.
	Digest string
}

// MaxBytes is the longest recording that Read takes.
const MaxBytes = 1 << 30

// maxMS bounds times: the year 9999, and far within what a record's header holds.
const maxMS = 253_402_300_799_999

// DataError says what is wrong with a recording.
type DataError struct {
	// File and Line, from 1; 0 where it is about the whole file.
	File string
	Line int
	// Field is the column's name, "" where it is about the whole line.
	Field           string
	Expected, Found string
}

// Error is file:line: field: expected, found.
func (e *DataError) Error() string {
	at := e.File
	if e.Line > 0 {
		at += ":" + strconv.Itoa(e.Line)
	}
	if e.Field != "" {
		at += ": " + e.Field
	}
	return fmt.Sprintf("%s: expected %s, found %s", at, e.Expected, e.Found)
}

// ReadFile is Read of a file.
func ReadFile(name string) (*Data, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	return Read(name, f)
}

// Read reads a recording; name stands in errors. What is wrong with its content is a *DataError.
func Read(name string, r io.Reader) (*Data, error) {
	limited := &io.LimitedReader{R: r, N: MaxBytes + 1}
	p := &reader{name: name, digest: sha256.New()}
	p.rows = csv.NewReader(io.TeeReader(limited, p.digest))
	p.rows.ReuseRecord = true
	data, err := p.read()
	if err != nil {
		return nil, err
	}
	if limited.N <= 0 {
		return nil, &DataError{File: name, Expected: fmt.Sprintf("at most %d bytes", int64(MaxBytes)), Found: "more"}
	}
	return data, nil
}

// reader reads one recording.
type reader struct {
	name   string
	digest hash.Hash
	rows   *csv.Reader
	data   Data
	record []string
	line   int
	last   int64       // ts_ms of the row before
	volume fixed.Value // of all rows so far
}

func (p *reader) read() (*Data, error) {
	if err := p.header(); err != nil {
		return nil, err
	}
	var offLine []int // lines of candles, to name the one that is off the grid
	for {
		more, err := p.next()
		if err != nil {
			return nil, err
		}
		if !more {
			break
		}
		row, err := p.row()
		if err != nil {
			return nil, err
		}
		p.data.Rows = append(p.data.Rows, row)
		if p.data.Kind == Candles {
			offLine = append(offLine, p.line)
		}
	}
	if len(p.data.Rows) == 0 {
		return nil, &DataError{File: p.name, Expected: "at least one row below the header", Found: "none"}
	}
	if p.data.Kind == Candles {
		if err := p.close(offLine); err != nil {
			return nil, err
		}
	}
	p.data.Digest = "sha256:" + hex.EncodeToString(p.digest.Sum(nil))
	return &p.data, nil
}

func (p *reader) header() error {
	more, err := p.next()
	if err != nil {
		return err
	}
	found := strings.TrimPrefix(strings.Join(p.record, ","), "\ufeff")
	for kind, header := range headers {
		if more && found == strings.Join(header, ",") {
			p.data.Kind = kind
			return nil
		}
	}
	if !more {
		found = "nothing"
	} else {
		found = strconv.Quote(shorten(found))
	}
	return &DataError{File: p.name, Line: 1, Field: "header",
		Expected: strings.Join(headers[Trades], ",") + " or " + strings.Join(headers[Candles], ","), Found: found}
}

// next reads a line; false at the end.
func (p *reader) next() (bool, error) {
	var err error
	p.record, err = p.rows.Read()
	if errors.Is(err, io.EOF) {
		return false, nil
	}
	var syntax *csv.ParseError
	switch {
	case errors.As(err, &syntax) && errors.Is(err, csv.ErrFieldCount):
		return false, &DataError{p.name, syntax.Line, "", fmt.Sprintf("%d fields", len(headers[p.data.Kind])), strconv.Itoa(len(p.record))}
	case errors.As(err, &syntax):
		return false, &DataError{p.name, syntax.Line, "", "a line of CSV", fmt.Sprintf("an error at column %d (%v)", syntax.Column, syntax.Err)}
	case err != nil:
		return false, fmt.Errorf("%s: %w", p.name, err)
	}
	p.line, _ = p.rows.FieldPos(0)
	return true, nil
}

func (p *reader) wrong(column int, expected string) error {
	return &DataError{p.name, p.line, headers[p.data.Kind][column], expected, strconv.Quote(shorten(p.record[column]))}
}

func (p *reader) row() (row Row, err error) {
	if row.MS, err = p.time(); err != nil {
		return row, err
	}
	if p.data.Kind == Trades {
		return row, p.trade(&row)
	}
	return row, p.candle(&row)
}

// time of a row: trades may share one, candles may not.
func (p *reader) time() (int64, error) {
	ms, err := strconv.ParseInt(p.record[0], 10, 64)
	if err != nil || ms < 0 || ms > maxMS {
		return 0, p.wrong(0, "Unix milliseconds, 0 to "+strconv.FormatInt(maxMS, 10))
	}
	if len(p.data.Rows) > 0 {
		switch {
		case p.data.Kind == Trades && ms < p.last:
			return 0, p.wrong(0, fmt.Sprintf("at least %d, the time of the row before", p.last))
		case p.data.Kind == Candles && ms <= p.last:
			return 0, p.wrong(0, fmt.Sprintf("above %d, the time of the row before", p.last))
		}
	}
	p.last = ms
	return ms, nil
}

func (p *reader) trade(row *Row) error {
	if err := p.price(1, &row.Price); err != nil {
		return err
	}
	if err := p.amount(2, &row.Volume); err != nil {
		return err
	}
	if side := p.record[3]; side != "buy" && side != "sell" {
		return p.wrong(3, "buy or sell")
	}
	return nil
}

func (p *reader) candle(row *Row) error {
	var o, h, l, c fixed.Value
	for i, into := range []*fixed.Value{&o, &h, &l, &c} {
		if err := p.price(i+1, into); err != nil {
			return err
		}
	}
	if l > h {
		return p.wrong(3, "at most the high of "+h.String())
	}
	for _, at := range []struct {
		column int
		price  fixed.Value
	}{{1, o}, {4, c}} {
		if at.price < l || at.price > h {
			return p.wrong(at.column, fmt.Sprintf("from the low of %s to the high of %s", l, h))
		}
	}
	row.Price = c
	return p.amount(5, &row.Volume)
}

func (p *reader) price(column int, into *fixed.Value) (err error) {
	if *into, err = fixed.ParseTruncate(p.record[column]); err != nil || *into <= 0 {
		return p.wrong(column, "a price above 0")
	}
	return nil
}

func (p *reader) amount(column int, into *fixed.Value) (err error) {
	if *into, err = fixed.ParseTruncate(p.record[column]); err != nil || *into < 0 {
		return p.wrong(column, "an amount of at least 0")
	}
	// The sum over all rows bounds every tick's.
	if p.volume, err = p.volume.Add(*into); err != nil {
		return p.wrong(column, "an amount that does not bring the sum of all above "+fixed.Max.String())
	}
	return nil
}

// close finds the spacing, and moves every candle's time to its end.
func (p *reader) close(lines []int) error {
	rows := p.data.Rows
	if len(rows) < 2 {
		return &DataError{File: p.name, Expected: "at least two candles, whose distance says how long one is", Found: "one"}
	}
	spacing := rows[1].MS - rows[0].MS
	for i := 1; i < len(rows); i++ {
		spacing = min(spacing, rows[i].MS-rows[i-1].MS)
	}
	first := rows[0].MS
	for i := range rows {
		if off := (rows[i].MS - first) % spacing; off != 0 {
			return &DataError{p.name, lines[i], "ts_ms", fmt.Sprintf("a multiple of the spacing of %d ms after the first candle", spacing), fmt.Sprintf("%d ms more", off)}
		}
	}
	for i := range rows {
		rows[i].MS += spacing
	}
	p.data.SpacingMS = spacing
	return nil
}

// shorten keeps what a line of a log bears.
func shorten(s string) string {
	const longest = 80
	if len(s) > longest {
		return s[:longest] + "..."
	}
	return s
}
