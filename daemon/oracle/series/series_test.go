package series

import (
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/taudaemon/taudaemon/daemon/fixed"
)

func TestTheShippedSeriesIsWhatORIGINSays(t *testing.T) {
	for _, name := range Names() {
		if _, err := Get(name); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	s, err := Get(Sp500Daily)
	if err != nil {
		t.Fatal(err)
	}
	first, last := s.Rows[0], s.Rows[len(s.Rows)-1]
	if len(s.Rows) != 5105 || s.Symbol != "SPX" ||
		first != (Row{Date: "2000-01-03", Price: fixed.MustParse("1455.22")}) || last != (Row{Date: "2020-04-17", Price: fixed.MustParse("2874.56")}) {
		t.Errorf("found %d rows of %s from %+v to %+v", len(s.Rows), s.Symbol, first, last)
	}
	if !slices.IsSortedFunc(s.Rows, func(a, b Row) int { return strings.Compare(a.Date, b.Date) }) {
		t.Error("expected the rows in the order of their dates")
	}
	if again, _ := Get(Sp500Daily); again != s {
		t.Error("expected the series to be read once")
	}
	if _, err := Get("dow"); err == nil || err.Error() != `expected a shipped series, one of sp500-daily, found "dow"` {
		t.Errorf("found %v", err)
	}
}

func TestARecordingIsPlayedInALoop(t *testing.T) {
	s := &Series{Rows: []Row{{Price: 1}, {Price: 2}, {Price: 3}}}
	for _, c := range []struct {
		offset, tick uint64
		index        int
	}{{0, 0, 0}, {0, 2, 2}, {0, 3, 0}, {2, 2, 1}, {math.MaxUint64, math.MaxUint64, 0}, {1, math.MaxUint64, 1}} {
		row, index := s.At(c.offset, c.tick)
		if index != c.index || row != s.Rows[c.index] {
			t.Errorf("offset %d, tick %d: expected row %d, found %d", c.offset, c.tick, c.index, index)
		}
	}
}

func TestColumnsAreFoundByTheHeader(t *testing.T) {
	for _, c := range []struct {
		name, csv string
		want      []Row
	}{
		{"only a price", "price\n1.5\n2\n", []Row{{Price: fixed.MustParse("1.5")}, {Price: fixed.MustParse("2")}}},
		{"candles", "date,open,close,volume\n2020-01-01,9,10.25,7\n", []Row{{Date: "2020-01-01", Price: fixed.MustParse("10.25"), Volume: fixed.MustParse("7")}}},
		{"more digits than a value has, CRLF, quotes and an exponent", "close\r\n\"1.23456789019\"\r\n5e-1\r\n", []Row{{Price: fixed.MustParse("1.23456789")}, {Price: fixed.MustParse("0.5")}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, err := Read("x.csv", strings.NewReader(c.csv))
			if err != nil || !reflect.DeepEqual(s.Rows, c.want) {
				t.Errorf("expected %+v, found %+v, %v", c.want, s, err)
			}
		})
	}
}

func TestABadRecordingIsRefusedWithItsLine(t *testing.T) {
	for _, c := range []struct{ name, csv, want string }{
		{"nothing", "", "x.csv:1: expected a header with a column price or close, found nothing"},
		{"no price", "date,open\n", `x.csv:1: expected a header with a column price or close, found "date,open"`},
		{"two prices", "price,close\n1,1\n", "x.csv:1: expected one column price or close, found both"},
		{"no row", "price\n", "x.csv: expected at least one row below the header, found none"},
		{"a word", "price\n1\n\nn/a\n", `x.csv:4: price: expected a decimal number with at most 9 digits after the point, found "n/a": not a decimal number`},
		{"a price of zero", "close\n0.00\n", "x.csv:2: close: expected a price above 0, found 0.00"},
		{"a price that is zero in 1e-9 units", "close\n1e-10\n", "x.csv:2: close: expected a price above 0, found 1e-10"},
		{"a negative volume", "close,volume\n1,-1\n", "x.csv:2: volume: expected at least 0, found -1"},
		{"an empty volume", "close,volume\n1,\n", `x.csv:2: volume: expected a decimal number with at most 9 digits after the point, found "": not a decimal number`},
		{"a missing field", "date,close\n2020-01-01,1\n2020-01-02\n", "x.csv:3: expected a row of CSV with as many fields as the header, found an error at column 1: wrong number of fields"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := Read("x.csv", strings.NewReader(c.csv)); err == nil || err.Error() != c.want {
				t.Errorf("expected\n%s\nfound\n%v", c.want, err)
			}
		})
	}
}

// FuzzRead: what is accepted has only rows that a tick can use, and every error begins with the name.
func FuzzRead(f *testing.F) {
	f.Add("date,close,volume\n2020-01-01,10.25,7\n")
	f.Add("price\n\"1\n")
	f.Fuzz(func(t *testing.T, text string) {
		s, err := Read("x.csv", strings.NewReader(text))
		if err != nil {
			if !strings.HasPrefix(err.Error(), "x.csv:") {
				t.Fatalf("expected the name first, found %v", err)
			}
			return
		}
		if len(s.Rows) == 0 || slices.ContainsFunc(s.Rows, func(r Row) bool { return r.Price <= 0 || r.Volume < 0 }) {
			t.Fatalf("%q was accepted as %+v", text, s.Rows)
		}
	})
}
