package backtest_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/taudaemon/taudaemon/daemon/backtest"
	"github.com/taudaemon/taudaemon/daemon/config"
	"github.com/taudaemon/taudaemon/daemon/core"
	"github.com/taudaemon/taudaemon/daemon/fixed"
	"github.com/taudaemon/taudaemon/daemon/ledger"
	"github.com/taudaemon/taudaemon/daemon/loop"
	"github.com/taudaemon/taudaemon/daemon/monitor"
	"github.com/taudaemon/taudaemon/specs"
)

func val(s string) fixed.Value { return fixed.MustParse(s) }

// bundled are the specs that the project ships.
func bundled(t testing.TB) [monitor.Count + 1]core.Spec {
	t.Helper()
	set, err := loop.ReadSpecs(specs.FS.ReadFile, specs.FS.ReadFile, specs.KernelV35)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// byHand is the configuration in testdata, changed by pairs of old and new text.
func byHand(t testing.TB, changes ...string) *config.Config {
	t.Helper()
	text, err := os.ReadFile("testdata/taud.toml")
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(changes); i += 2 {
		if !bytes.Contains(text, []byte(changes[i])) {
			t.Fatalf("no %q in testdata/taud.toml", changes[i])
		}
		text = bytes.Replace(text, []byte(changes[i]), []byte(changes[i+1]), 1)
	}
	c, err := config.Parse("testdata/taud.toml", text)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func read(t testing.TB, csv string) *backtest.Data {
	t.Helper()
	d, err := backtest.Read("test.csv", strings.NewReader(csv))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func readFile(t testing.TB, name string) *backtest.Data {
	t.Helper()
	d, err := backtest.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func run(t testing.TB, c *config.Config, d *backtest.Data, dir string) *backtest.Summary {
	t.Helper()
	s, err := backtest.Run(context.Background(), backtest.Options{Config: c, Data: d, Dir: dir, Version: "test", Specs: bundled(t)})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// lines are a ledger's records.
func lines(t testing.TB, dir string) (all []string) {
	t.Helper()
	for rec, err := range ledger.Scan(dir, 0) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, string(rec.Line))
	}
	return all
}

// TestARunWorkedOutByHand: 2 units a trip, 5 bps of slippage, 10 and 20 bps of fees, 0.01 of gas, a target of 1 %, prices up to 3 s old.
//
//	tick  price  what happens
//	1     100    the first price: nothing to compare it with
//	2     100    not above the one before: bought at 100 * 1.0005 = 100.05, fee 0.2001
//	3     102    above 100.05 * 1.01 = 101.0505: sold at 102 * 0.9995 = 101.949, fee 0.407796
//	4     103    burned: a tenth of the 3.170104 that it made
//	7     104.5  still the price of tick 6: bought at 104.55225, fee 0.2091045
//	10    104.5  its trade is 4 s old: stale, a forced sell at 104.44775, fee 0.417791; quarantine until three clean ticks, at 15
//	16    106    still the price of tick 14: bought at 106.053, fee 0.212106
//	17    107    the end
func TestARunWorkedOutByHand(t *testing.T) {
	want := backtest.Summary{
		Ticks: 17, FreshTicks: 14, QuarantinedTicks: 5, Buys: 3, Sells: 2, Won: 1,
		Trips: []backtest.Trip{
			{
				EntryTick: 2, EntryMS: 1700000001000, ExitTick: 3, ExitMS: 1700000002000, Qty: val("2"), Entry: val("100.05"), Exit: val("101.949"),
				Gross: val("4"), Costs: backtest.Costs{Fees: val("0.607896"), Slippage: val("0.202"), Gas: val("0.02")}, Net: val("3.170104"),
				Burned: val("0.3170104"), Reason: "target",
			},
			{
				EntryTick: 7, EntryMS: 1700000006000, ExitTick: 10, ExitMS: 1700000009000, Qty: val("2"), Entry: val("104.55225"), Exit: val("104.44775"),
				Gross: val("0"), Costs: backtest.Costs{Fees: val("0.6268955"), Slippage: val("0.209"), Gas: val("0.02")}, Net: val("-0.8558955"),
				Reason: "stale", Forced: true,
			},
		},
		// Gas: two actions a trip, the third buy, and the burn.
		PnL:    backtest.PnL{Gross: val("6"), Costs: backtest.Costs{Fees: val("1.4468975"), Slippage: val("0.517"), Gas: val("0.06")}, Net: val("3.9761025")},
		Burned: val("0.3170104"), EquityStart: val("1000"), EquityEnd: val("1003.6590921"), OpenQty: val("2"),
		// From 1003.170104 after the first trip down to 1001.9761025 after the third buy.
		MaxDrawdown: val("1.1940015"), MaxDrawdownBps: 12, ExposureBps: 6 * 10_000 / 17,
		Quarantines: []backtest.Quarantines{{Reason: core.OracleStale, Incidents: 1, Ticks: 5}},
	}
	for _, kind := range []backtest.Kind{backtest.Trades, backtest.Candles} {
		t.Run(string(kind), func(t *testing.T) {
			got := run(t, byHand(t), readFile(t, "testdata/"+string(kind)+".csv"), filepath.Join(t.TempDir(), "ledger"))
			if got.Data.Kind != kind || got.Data.FirstMS != 1700000000000 || got.Data.LastMS != 1700000016000 {
				t.Errorf("data: %+v", got.Data)
			}
			got.Data, got.Ledger, got.Notes, got.Took = backtest.DataSummary{}, backtest.LedgerSummary{}, nil, 0
			// What a trip counted on its way is not part of what it says.
			if g, w := fmt.Sprintf("%+v", strip(*got)), fmt.Sprintf("%+v", strip(want)); g != w {
				t.Errorf("expected\n%s\nfound\n%s", w, g)
			}
		})
	}
}

// strip makes copies of the trips without their unexported counts.
func strip(s backtest.Summary) backtest.Summary {
	trips := make([]backtest.Trip, len(s.Trips))
	for i := range s.Trips {
		from, to := reflect.ValueOf(s.Trips[i]), reflect.ValueOf(&trips[i]).Elem()
		for f := range from.NumField() {
			if to.Field(f).CanSet() {
				to.Field(f).Set(from.Field(f))
			}
		}
	}
	s.Trips = trips
	return s
}

func TestTheLedgerIsOneThatVerifiesAndReplays(t *testing.T) {
	dir := t.TempDir()
	s := run(t, byHand(t), readFile(t, "testdata/trades.csv"), dir)
	v, err := ledger.Verify(dir, ledger.VerifyOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if v.Head.Leaf.String() != s.Ledger.Head || v.Head.Size != s.Ledger.Records || v.Origin != s.Ledger.Origin {
		t.Errorf("verified %+v, the summary says %+v", v, s.Ledger)
	}
	replay(t, dir)
	all := lines(t, dir)
	if last := all[len(all)-1]; !strings.Contains(last, s.Data.Digest) {
		t.Errorf("expected the recording's digest in the last record, found %s", last)
	}
}

func replay(t testing.TB, dir string) {
	t.Helper()
	var r loop.Replayer
	for rec, err := range ledger.Scan(dir, 0) {
		if err == nil {
			err = r.Apply(rec)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestTheSameDataGivesTheSameBytesOnOneProcessorAndOnEight(t *testing.T) {
	var first []string
	before := runtime.GOMAXPROCS(0)
	defer runtime.GOMAXPROCS(before)
	for _, n := range []int{1, 8} {
		runtime.GOMAXPROCS(n)
		dir := t.TempDir()
		run(t, byHand(t), readFile(t, "testdata/candles.csv"), dir)
		if all := lines(t, dir); first == nil {
			first = all
		} else if !slices.Equal(first, all) {
			t.Fatalf("with GOMAXPROCS %d the records are others", n)
		}
	}
}

func TestAFolderThatIsNotEmptyIsRefused(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "x"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := backtest.Run(context.Background(), backtest.Options{
		Config: byHand(t), Data: readFile(t, "testdata/trades.csv"), Dir: dir, Version: "test", Specs: bundled(t),
	})
	if want := (&backtest.NotEmptyError{Dir: dir, Found: 1}); err == nil || err.Error() != want.Error() {
		t.Fatalf("expected %v, found %v", want, err)
	}
}

func TestAnInterruptedRunLeavesALedgerInOrder(t *testing.T) {
	dir := t.TempDir()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := backtest.Run(ctx, backtest.Options{Config: byHand(t), Data: readFile(t, "testdata/trades.csv"), Dir: dir, Version: "test", Specs: bundled(t)})
	if !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	replay(t, dir)
	if all := lines(t, dir); !strings.Contains(all[len(all)-1], "asked to stop") {
		t.Errorf("the last record is %s", all[len(all)-1])
	}
}

// recording draws trades of a jumpy market with gaps.
func recording(r *rapid.T, n int) []string {
	rows := make([]string, n)
	ms, price := int64(1_700_000_000_000), int64(10_000)
	for i := range rows {
		ms += rapid.Int64Range(1, 3_000).Draw(r, "gap")
		if rapid.IntRange(0, 20).Draw(r, "dead") == 0 {
			ms += 10_000
		}
		price += rapid.Int64Range(-150, 150).Draw(r, "move")
		rows[i] = fmt.Sprintf("%d,%d.%02d,1,buy", ms, price/100, price%100)
	}
	return rows
}

func asTrades(t testing.TB, rows []string) *backtest.Data {
	return read(t, "ts_ms,price,quantity,taker_side\n"+strings.Join(rows, "\n")+"\n")
}

// TestNoRecordKnowsTheFuture: two recordings that are the same up to a time give the same record bytes up to it.
func TestNoRecordKnowsTheFuture(t *testing.T) {
	c := byHand(t)
	rapid.Check(t, func(r *rapid.T) {
		rows := recording(r, 40)
		cut := rapid.IntRange(1, len(rows)-1).Draw(r, "cut")
		other := slices.Clone(rows[:cut])
		last := asTrades(t, rows).Rows[cut-1].MS
		for i := range rapid.IntRange(0, 20).Draw(r, "more") {
			other = append(other, fmt.Sprintf("%d,%d,2,sell", last+1+int64(i)*rapid.Int64Range(1, 5_000).Draw(r, "at"), 50+i))
		}
		a, b := t.TempDir(), t.TempDir()
		run(t, c, asTrades(t, rows), a)
		run(t, c, asTrades(t, sorted(other)), b)
		before := func(dir string) (kept []string) {
			for rec, err := range ledger.Scan(dir, 0) {
				if err != nil {
					t.Fatal(err)
				}
				// The end of a recording is known when it comes: its snapshot and shutdown are no ticks.
				if rec.UnixMilli <= last && (rec.Kind == ledger.KindTick || rec.Kind == ledger.KindOutcome || rec.Kind == ledger.KindBoot) {
					kept = append(kept, string(rec.Line))
				}
			}
			return kept
		}
		x, y := before(a), before(b)
		n := min(len(x), len(y))
		if !slices.Equal(x[:n], y[:n]) || len(x) != len(y) {
			r.Fatalf("%d and %d records up to %d ms differ", len(x), len(y), last)
		}
	})
}

func sorted(rows []string) []string {
	slices.Sort(rows) // times of equal width
	return rows
}

// TestTheAccountsMeetTheLedgersOwn: what the book makes of the fills is what core's cash says, to the last unit.
func TestTheAccountsMeetTheLedgersOwn(t *testing.T) {
	c := byHand(t, "slippage_bps = 5", "slippage_bps = 7", "gas_unit_cost = 10", "gas_unit_cost = 3")
	rapid.Check(t, func(r *rapid.T) {
		s := run(t, c, asTrades(t, recording(r, 60)), t.TempDir())
		p := s.PnL
		if p.Net != p.Gross-p.Fees-p.Slippage-p.Gas || s.EquityEnd != s.EquityStart+p.Net-s.Burned {
			r.Fatalf("%+v, equity %s to %s, burned %s", p, s.EquityStart, s.EquityEnd, s.Burned)
		}
		for _, trip := range s.Trips {
			if trip.Net != trip.Gross-trip.Fees-trip.Slippage-trip.Gas || trip.ExitTick <= trip.EntryTick {
				r.Fatalf("%+v", trip)
			}
		}
	})
}

func TestTheSummaryForAPerson(t *testing.T) {
	s := run(t, byHand(t), readFile(t, "testdata/trades.csv"), t.TempDir())
	var out strings.Builder
	if err := s.Print(&out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"17, 82.35 % with fresh prices", "2, 1 won; 3 buys, 2 sells", "1 OracleStale, 5 ticks", "proves nothing about a quorum", s.Ledger.Head} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, out.String())
		}
	}
}

// TestWhoOpensTheLedgerNextPacksIt: a backtest leaves its segments as text, which anyone may open and continue like any other ledger.
func TestWhoOpensTheLedgerNextPacksIt(t *testing.T) {
	dir := t.TempDir()
	c := byHand(t, "interval_ms = 1000", "interval_ms = 50") // 321 ticks fill several segments
	s := run(t, c, readFile(t, "testdata/trades.csv"), dir)
	count := func(pattern string) int {
		names, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			t.Fatal(err)
		}
		return len(names)
	}
	if logs, packed := count("*.log"), count("*.zst"); logs < 3 || packed != 0 {
		t.Fatalf("expected text in segments, found %d, and %d packed", logs, packed)
	}
	before := lines(t, dir)
	l, _, err := ledger.Open(dir, ledger.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	v, err := ledger.Verify(dir, ledger.VerifyOptions{})
	if err != nil || v.Head.Leaf.String() != s.Ledger.Head || !slices.Equal(lines(t, dir), before) || count("*.zst") == 0 {
		t.Fatalf("%v, head %s, expected %s; %d packed", err, v.Head.Leaf, s.Ledger.Head, count("*.zst"))
	}
}
