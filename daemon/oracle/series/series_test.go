package series

import (
	"fmt"
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
		first != (Row{MS: 946_857_600_000, Date: "2000-01-03", Price: fixed.MustParse("1455.22")}) ||
		last != (Row{MS: 1_587_081_600_000, Date: "2020-04-17", Price: fixed.MustParse("2874.56")}) || s.Timed() != nil {
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

func TestColumnsAndMembersAreFoundByTheirNames(t *testing.T) {
	for _, c := range []struct {
		name, text string
		want       []Row
	}{
		{"only a price", "price\n1.5\n2\n", []Row{{Price: fixed.MustParse("1.5")}, {Price: fixed.MustParse("2")}}},
		{"candles", "date,open,close,volume\n2020-01-01,9,10.25,7\n", []Row{{MS: 1_577_836_800_000, Date: "2020-01-01", Price: fixed.MustParse("10.25"), Volume: fixed.MustParse("7")}}},
		{"trades", "ts_ms,price,quantity,taker_side\n1577836800123,10.25,7,buy\n", []Row{{MS: 1_577_836_800_123, Price: fixed.MustParse("10.25"), Volume: fixed.MustParse("7")}}},
		{"times of either form", "time,price\n1577836800.5,1\n2020-01-01T00:00:01Z,2\n", []Row{{MS: 1_577_836_800_500, Price: fixed.One}, {MS: 1_577_836_801_000, Price: 2 * fixed.One}}},
		{"a date beside a time is a label", "date,time,price\nMonday,1577836800,1\n", []Row{{MS: 1_577_836_800_000, Date: "Monday", Price: fixed.One}}},
		{"a date that is none is a label too", "date,price\nMonday,1\n", []Row{{Date: "Monday", Price: fixed.One}}},
		{"JSONL, of numbers and strings", `{"ts_ms":1577836800000,"price":"1.5","volume":2,"venue":{"name":"x"}}` + "\n\n" + `{"price":1e1,"ts_ms":"1577836801000"}` + "\n",
			[]Row{{MS: 1_577_836_800_000, Price: fixed.MustParse("1.5"), Volume: 2 * fixed.One}, {MS: 1_577_836_801_000, Price: 10 * fixed.One}}},
		{"JSONL after empty lines, without a last line feed", " \r\n" + `{"close":0.12345678999}`, []Row{{Price: fixed.MustParse("0.123456789")}}},
		{"more digits than a value has, CRLF, quotes and an exponent", "close\r\n\"1.23456789019\"\r\n5e-1\r\n", []Row{{Price: fixed.MustParse("1.23456789")}, {Price: fixed.MustParse("0.5")}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, err := Read("x.csv", strings.NewReader(c.text))
			if err != nil || !reflect.DeepEqual(s.Rows, c.want) {
				t.Errorf("expected %+v, found %+v, %v", c.want, s, err)
			}
		})
	}
}

func TestABadRecordingIsRefusedWithItsLine(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"nothing", "", "x.csv:1: expected a header with a column price or close, found nothing"},
		{"no price", "date,open\n", `x.csv:1: expected a column price or close, found "date,open"`},
		{"two prices", "price,close\n1,1\n", "x.csv:1: expected one column price or close, found price and close"},
		{"no row", "price\n", "x.csv: expected at least one row, found none"},
		{"two volumes", "price,volume,quantity\n1,1,1\n", "x.csv:1: expected one column volume or quantity, found volume and quantity"},
		{"two times", "price,time,ts_ms\n1,1,1\n", "x.csv:1: expected one column ts_ms or time, found ts_ms and time"},
		{"a time in seconds where milliseconds are named, with a fraction", "price,ts_ms\n1,1577836800.5\n", `x.csv:2: ts_ms: expected Unix milliseconds, found "1577836800.5"`},
		{"a time that is none", "price,time\n1,noon\n", `x.csv:2: time: expected Unix seconds, milliseconds or RFC 3339, found "noon"`},
		{"JSONL without a price", `{"p":1}`, `x.csv:1: expected a column price or close, found "p"`},
		{"JSONL with a price that is an object", "{\"price\":1}\n{\"price\":{}}", `x.csv:2: expected a column price or close, found ""`},
		{"JSONL with an array", "{\"price\":1}\n[1]", "x.csv:2: expected a line with a whole JSON object, found another text"},
		{"JSONL that is cut", "{\"price\":1}\n{\"price\":", "x.csv:2: expected a line with a whole JSON object, found another text"},
		{"two objects on a line", `{"price":1}{"price":2}`, "x.csv:1: expected one JSON object, found more after byte 12"},
		{"a price of zero in JSONL", `{"price":0.0}`, "x.csv:1: price: expected a price above 0, found 0.0"},
		{"a word", "price\n1\n\nn/a\n", `x.csv:4: price: expected a decimal number with at most 9 digits after the point, found "n/a": not a decimal number`},
		{"a price of zero", "close\n0.00\n", "x.csv:2: close: expected a price above 0, found 0.00"},
		{"a price that is zero in 1e-9 units", "close\n1e-10\n", "x.csv:2: close: expected a price above 0, found 1e-10"},
		{"a negative volume", "close,volume\n1,-1\n", "x.csv:2: volume: expected at least 0, found -1"},
		{"an empty volume", "close,volume\n1,\n", `x.csv:2: volume: expected a decimal number with at most 9 digits after the point, found "": not a decimal number`},
		{"a missing field", "date,close\n2020-01-01,1\n2020-01-02\n", "x.csv:3: expected a row of CSV with as many fields as the header, found an error at column 1: wrong number of fields"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := Read("x.csv", strings.NewReader(c.text)); err == nil || err.Error() != c.want {
				t.Errorf("expected\n%s\nfound\n%v", c.want, err)
			}
		})
	}
}

func TestARecordingIsPlayedByTheClockOnlyIfItsTimesGoForward(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"times that go forward, and stand still", "ts_ms,price\n1000,1\n1000,2\n2000,3\n", ""},
		{"no time at all", "price\n1\n", "x.csv:2: expected a time in a column ts_ms, time or date (such as 2020-04-17), since it is played by recorded times; found none"},
		{"a date that is a label", "price,date\n1,2020-01-01\n\n2,Monday\n", "x.csv:4: expected a time in a column ts_ms, time or date (such as 2020-04-17), since it is played by recorded times; found none"},
		{"a time that goes back", `{"ts_ms":2000,"price":1}` + "\n" + `{"ts_ms":1999,"price":1}`, "x.csv:2: expected a time of at least 2000, that of the row before, found 1999"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, err := Read("x.csv", strings.NewReader(c.text))
			if err == nil {
				err = s.Timed()
			}
			if found := fmt.Sprint(err); c.want == "" && err != nil || c.want != "" && found != c.want {
				t.Errorf("expected %q, found %v", c.want, err)
			}
		})
	}
}

func TestTheRowThatIsDueIsTheLastOfItsTime(t *testing.T) {
	s := &Series{Rows: []Row{{MS: 1000}, {MS: 2000}, {MS: 2000}, {MS: 3000}}}
	for ms, want := range map[int64]int{0: -1, 999: -1, 1000: 0, 1999: 0, 2000: 2, 2999: 2, 3000: 3, math.MaxInt64: 3, math.MinInt64: -1} {
		if got := s.Due(ms); got != want {
			t.Errorf("at %d: expected row %d, found %d", ms, want, got)
		}
	}
}

// FuzzRead: what is accepted has only rows that a tick can use, and every error begins with the name.
func FuzzRead(f *testing.F) {
	f.Add("date,close,volume\n2020-01-01,10.25,7\n")
	f.Add("price\n\"1\n")
	f.Add(`{"ts_ms":1577836800000,"price":"1.5","volume":2}` + "\n" + `{"price":1e1,"date":"x"}`)
	f.Fuzz(func(t *testing.T, text string) {
		s, err := Read("x.csv", strings.NewReader(text))
		if err != nil {
			if !strings.HasPrefix(err.Error(), "x.csv:") {
				t.Fatalf("expected the name first, found %v", err)
			}
			return
		}
		if len(s.Rows) == 0 || slices.ContainsFunc(s.Rows, func(r Row) bool { return r.Price <= 0 || r.Volume < 0 || r.MS < 0 }) {
			t.Fatalf("%q was accepted as %+v", text, s.Rows)
		}
	})
}
