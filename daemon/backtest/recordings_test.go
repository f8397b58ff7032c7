package backtest_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/taudaemon/taudaemon/daemon/oracle/series"
)

// TestTheShippedSeriesAsCandles runs the daily closes of the S&P 500 as the candles of so many days.
func TestTheShippedSeriesAsCandles(t *testing.T) {
	recorded, err := series.Get("sp500-daily")
	if err != nil {
		t.Fatal(err)
	}
	const day = 24 * time.Hour
	var csv strings.Builder
	csv.WriteString("ts_ms,open,high,low,close,volume\n")
	for _, row := range recorded.Rows {
		at, err := time.Parse(time.DateOnly, row.Date)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&csv, "%d,%[2]s,%[2]s,%[2]s,%[2]s,0\n", at.UnixMilli(), row.Price)
	}
	// A weekend makes the price three days old; a tick is a day.
	c := byHand(t, "interval_ms = 1000", "interval_ms = 86_400_000", "max_age_ms = 3000", "max_age_ms = 86_400_000",
		"quote_balance = 1_000_000", "quote_balance = 100_000_000")
	dir := t.TempDir()
	s := run(t, c, read(t, csv.String()), dir)
	if s.Data.SpacingMS != day.Milliseconds() {
		t.Fatalf("%+v", s.Data)
	}
	if len(s.Trips) < 100 || s.Ticks < uint64(len(recorded.Rows)) || s.FreshTicks == s.Ticks {
		t.Errorf("%d trips in %d ticks, %d of them fresh: expected a market that trades, and stale weekends", len(s.Trips), s.Ticks, s.FreshTicks)
	}
	replay(t, dir)
}

// TestRecordedMarkets runs what the team has recorded and must not commit; where it is not there, this says so.
func TestRecordedMarkets(t *testing.T) {
	for _, m := range []struct {
		file    string
		changes []string
	}{
		{"ethusdt-trades-2023-02-02.csv", []string{
			"interval_ms = 1000", "interval_ms = 250", "gas_unit_cost = 10", "gas_unit_cost = 0", "quote_balance = 1_000_000", "quote_balance = 100_000_000",
		}},
		{"altbtc-1m-2017-11.csv", []string{
			"interval_ms = 1000", "interval_ms = 60_000", "max_age_ms = 3000", "max_age_ms = 150_000", "gas_unit_cost = 10", "gas_unit_cost = 0",
		}},
	} {
		t.Run(m.file, func(t *testing.T) {
			file := filepath.Join("..", "..", "..", "shared", "market", m.file)
			if _, err := os.Stat(file); err != nil {
				t.Skipf("no recorded market at %s", file)
			}
			dir := t.TempDir()
			s := run(t, byHand(t, m.changes...), readFile(t, file), dir)
			if len(s.Trips) == 0 || s.EquityEnd != s.EquityStart+s.PnL.Net-s.Burned {
				t.Errorf("%+v", s.PnL)
			}
			replay(t, dir)
		})
	}
}
