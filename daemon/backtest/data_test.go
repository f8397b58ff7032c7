package backtest_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/taudaemon/taudaemon/daemon/backtest"
)

const (
	trades  = "ts_ms,price,quantity,taker_side\n"
	candles = "ts_ms,open,high,low,close,volume\n"
)

func TestABadRecordingIsRefusedWithItsPlace(t *testing.T) {
	for _, c := range []struct{ name, csv, want string }{
		{"nothing at all", "", `x.csv:1: header: expected ts_ms,price,quantity,taker_side or ts_ms,open,high,low,close,volume, found nothing`},
		{"another header", "time,price\n1,2\n", `x.csv:1: header: expected ts_ms,price,quantity,taker_side or ts_ms,open,high,low,close,volume, found "time,price"`},
		{"a header alone", trades, `x.csv: expected at least one row below the header, found none`},
		{"a field too few", trades + "1,2,3\n", `x.csv:2: expected 4 fields, found 3`},
		{"a field too many", trades + "1,2,3,buy\n1,2,3,buy,5\n", `x.csv:3: expected 4 fields, found 5`},
		{"a quote left open", trades + "\"1,2,3,buy\n", `x.csv:2: expected a line of CSV, found an error at column`},
		{"seconds with a point", trades + "1.5,2,3,buy\n", `x.csv:2: ts_ms: expected Unix milliseconds, 0 to 253402300799999, found "1.5"`},
		{"microseconds", trades + "1700000000000000,2,3,buy\n", `x.csv:2: ts_ms: expected Unix milliseconds, 0 to 253402300799999, found "1700000000000000"`},
		{"trades out of order", trades + "5,2,3,buy\n4,2,3,buy\n", `x.csv:3: ts_ms: expected at least 5, the time of the row before, found "4"`},
		{"no price", trades + "5,,3,buy\n", `x.csv:2: price: expected a price above 0, found ""`},
		{"a price of 0", trades + "5,0,3,buy\n", `x.csv:2: price: expected a price above 0, found "0"`},
		{"a price that is 0 in our digits", trades + "5,0.0000000001,3,buy\n", `x.csv:2: price: expected a price above 0, found "0.0000000001"`},
		{"a negative price", trades + "5,-1,3,buy\n", `x.csv:2: price: expected a price above 0, found "-1"`},
		{"a price out of range", trades + "5,99999999999,3,buy\n", `x.csv:2: price: expected a price above 0`},
		{"a negative quantity", trades + "5,1,-3,buy\n", `x.csv:2: quantity: expected an amount of at least 0, found "-3"`},
		{"volumes whose sum is out of range", trades + "5,1,9000000000,buy\n6,1,9000000000,buy\n", `x.csv:3: quantity: expected an amount that does not bring the sum of all above 9223372036.854775807`},
		{"a side that is none", trades + "5,1,3,BUY\n", `x.csv:2: taker_side: expected buy or sell, found "BUY"`},
		{"two candles of one time", candles + "5,1,1,1,1,1\n5,1,1,1,1,1\n", `x.csv:3: ts_ms: expected above 5, the time of the row before, found "5"`},
		{"one candle alone", candles + "5,1,1,1,1,1\n", `x.csv: expected at least two candles, whose distance says how long one is, found one`},
		{"a candle off the grid", candles + "0,1,1,1,1,1\n60,1,1,1,1,1\n130,1,1,1,1,1\n", `x.csv:4: ts_ms: expected a multiple of the spacing of 60 ms after the first candle, found 10 ms more`},
		{"a low above the high", candles + "0,1,1,2,1,1\n", `x.csv:2: low: expected at most the high of 1, found "2"`},
		{"an open outside", candles + "0,5,2,1,1,1\n", `x.csv:2: open: expected from the low of 1 to the high of 2, found "5"`},
		{"a close outside", candles + "0,1,2,1,5,1\n", `x.csv:2: close: expected from the low of 1 to the high of 2, found "5"`},
		{"a word for a volume", candles + "0,1,2,1,1,much\n", `x.csv:2: volume: expected an amount of at least 0, found "much"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := backtest.Read("x.csv", strings.NewReader(c.csv))
			if err == nil || !strings.HasPrefix(err.Error(), c.want) {
				t.Fatalf("expected %s\nfound %v", c.want, err)
			}
			if !errors.As(err, new(*backtest.DataError)) {
				t.Errorf("expected a *DataError, found %T", err)
			}
		})
	}
}

func TestACandleIsKnownOnlyAtItsEnd(t *testing.T) {
	d, err := backtest.Read("x.csv", strings.NewReader(candles+"1000,1,3,1,2,5\n1060,2,3,2,3,0\n1180,3,4,3,4,1\n"))
	if err != nil {
		t.Fatal(err)
	}
	if d.SpacingMS != 60 || len(d.Rows) != 3 || d.Rows[0].MS != 1060 || d.Rows[2].MS != 1240 || d.Rows[0].Price != val("2") || d.Rows[0].Volume != val("5") {
		t.Fatalf("%+v", d)
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(trades + "5,1,3,buy\n"))
	f.Add([]byte(candles + "0,1,2,1,1,1\n60,1,1,1,1,1\n"))
	f.Add([]byte("\ufeff" + trades + "5,1e3,3,sell\r\n"))
	f.Fuzz(func(t *testing.T, csv []byte) {
		d, err := backtest.Read("x.csv", strings.NewReader(string(csv)))
		if err != nil {
			if !errors.As(err, new(*backtest.DataError)) {
				t.Fatalf("%T: %v", err, err)
			}
			return
		}
		for i, r := range d.Rows {
			if r.Price <= 0 || r.Volume < 0 || i > 0 && r.MS < d.Rows[i-1].MS {
				t.Fatalf("row %d: %+v", i, r)
			}
		}
	})
}
