package backtest_test

import (
	"fmt"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// day is a day of trades, one every 200 to 600 ms, that wander around 1600.
func day() string {
	var csv strings.Builder
	csv.WriteString("ts_ms,price,quantity,taker_side\n")
	seed, price := uint64(1), int64(160_000)
	const begun, end = 1_700_000_000_000, 1_700_000_000_000 + 86_400_000 - 250
	for ms := int64(begun); ; {
		fmt.Fprintf(&csv, "%d,%d.%02d,0.%03d,buy\n", ms, price/100, price%100, seed%1000)
		if ms == end {
			return csv.String()
		}
		seed ^= seed << 13
		seed ^= seed >> 7
		seed ^= seed << 17
		price = max(price+int64(seed>>20%41)%41-20, 100_000)
		ms = min(ms+200+int64(seed>>40%400)%400, end)
	}
}

// processor is the processor time that this process has used: on a machine with other work it says more than the time on the wall.
func processor(b *testing.B) time.Duration {
	var used unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &used); err != nil {
		b.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

// BenchmarkBacktestDay is a day of 250 ms ticks (345,600) with all nine specs and the ledger.
//
//	GOMAXPROCS=1 go test ./daemon/backtest -run '^$' -bench BacktestDay -benchtime 1x -count 5
func BenchmarkBacktestDay(b *testing.B) {
	data := read(b, day())
	c := byHand(b, "interval_ms = 1000", "interval_ms = 250", "min_quorum = 2", "min_quorum = 3", "segment_bytes = 65_536", "segment_bytes = 16_777_216",
		"quote_balance = 1_000_000", "quote_balance = 100_000_000", "target_bps = 100", "target_bps = 10", "fee_bps_buy = 10", "fee_bps_buy = 1",
		"fee_bps_sell = 20", "fee_bps_sell = 1")
	defer debug.SetGCPercent(debug.SetGCPercent(200)) // as the command does
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	spent := processor(b)
	ticks := 0.0
	i := 0
	for b.Loop() {
		s := run(b, c, data, filepath.Join(b.TempDir(), fmt.Sprint(i)))
		if s.Ticks != 345_600 || len(s.Trips) < 1000 {
			b.Fatalf("%d ticks, %d trips", s.Ticks, len(s.Trips))
		}
		ticks += float64(s.Ticks)
		i++
	}
	runtime.ReadMemStats(&after)
	b.ReportMetric(b.Elapsed().Seconds()/float64(i), "s/day")
	b.ReportMetric((processor(b)-spent).Seconds()/float64(i), "cpu-s/day")
	b.ReportMetric(float64(after.Mallocs-before.Mallocs)/ticks, "allocs/tick")
	b.ReportMetric(float64(b.Elapsed().Microseconds())/ticks, "µs/tick")
}
