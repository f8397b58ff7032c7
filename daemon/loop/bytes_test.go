package loop

import (
	"context"
	"encoding/csv"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/taudaemon/taudaemon/daemon/fixed"
	"github.com/taudaemon/taudaemon/daemon/guard"
	"github.com/taudaemon/taudaemon/daemon/ledger"
)

// trade is a price, and when it was made, in milliseconds from the market's beginning.
type trade struct {
	ms    int64
	price fixed.Value
}

// walked is a market that nobody can compress but by its form: a trade every 200 to 600 ms, each up to 20 cents from the last, around 1600.
func walked() (trades []trade) {
	draw, price := rand.New(rand.NewPCG(1, 2)), int64(160_000)
	for ms := int64(0); ms < 24*time.Hour.Milliseconds(); ms += 200 + draw.Int64N(400) {
		price = max(price+draw.Int64N(41)-20, 100_000)
		trades = append(trades, trade{ms, fixed.Value(price) * fixed.Scale / 100})
	}
	return trades
}

// recorded is the minutes of trades that were recorded, over and over for a day. It is data that may not be committed; where it is not there, this says so.
func recorded(b *testing.B) (trades []trade) {
	file := filepath.Join("..", "..", "..", "shared", "market", "ethusdt-trades-2023-02-02.csv")
	f, err := os.Open(file)
	if err != nil {
		b.Skip("no recorded market: ", err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		b.Fatal(err)
	}
	var once []trade
	for _, row := range rows[1:] { // ts_ms, price, ...
		ms, err := strconv.ParseInt(row[0], 10, 64)
		if err != nil {
			b.Fatal(err)
		}
		once = append(once, trade{ms, fixed.MustParse(row[1])})
	}
	begun, long := once[0].ms, once[len(once)-1].ms-once[0].ms+1
	for at := int64(0); at < 24*time.Hour.Milliseconds(); at += long {
		for _, t := range once {
			trades = append(trades, trade{at + t.ms - begun, t.price})
		}
	}
	return trades
}

// BenchmarkBytesATick is a day of ticks in a ledger: what a tick takes on the disk once its segment is sealed, of segments of the default size. Each of three
// sources shows the market's last trade a different time after it was made, at a price that is a bit its own. B/tick-sealed counts all records of the sealed
// segments, also those of orders and snapshots, over their ticks.
//
//	go test ./daemon/loop -run '^$' -bench BytesATick -benchtime 1x
func BenchmarkBytesATick(b *testing.B) {
	for _, market := range []struct {
		name   string
		trades func(*testing.B) []trade
	}{{"a random walk", func(*testing.B) []trade { return walked() }}, {"recorded trades", recorded}} {
		for _, beat := range []time.Duration{time.Second, 250 * time.Millisecond} {
			b.Run(market.name+", every "+beat.String(), func(b *testing.B) {
				trades := market.trades(b)
				for b.Loop() {
					oneDay(b, trades, beat)
				}
			})
		}
	}
}

func oneDay(b *testing.B, trades []trade, beat time.Duration) {
	r := newRig(b)
	if dir, err := os.MkdirTemp("/dev/shm", "taud-bench"); err == nil {
		defer os.RemoveAll(dir)
		r.dir = dir
	}
	r.config = strings.NewReplacer("snapshot_ticks = 10", "snapshot_ticks = 1000", "band_window = 2\nband_bps = -5000", "band_window = 20\nband_bps = 5").Replace(testConfig)
	lags, next := []int64{40, 310, 720}, make([]int, 3)
	begun := r.clock().Wall().UnixMilli() - 2000
	r.sources = func(_ context.Context, _ uint64, ms int64) []guard.Quote {
		quotes := make([]guard.Quote, len(lags))
		for i, lag := range lags {
			for next[i]+1 < len(trades) && trades[next[i]+1].ms+lag <= ms-begun {
				next[i]++
			}
			t := &trades[next[i]]
			own := fixed.Value(t.ms/1000%7-3) * fixed.Value(i) * fixed.Scale / 100
			quotes[i] = guard.Quote{Source: []string{"kraken", "hermes", "coinbase"}[i], Price: t.price + own, Published: begun + t.ms, Received: ms + lag/10 + int64(next[i]%13)}
		}
		return quotes
	}
	r.must(r.begin())
	ticks := int(24*time.Hour/beat) - 10
	for range ticks {
		r.now += beat
		r.must(r.loop.once(context.Background()))
	}
	r.crash()
	result := r.measured()
	b.ReportMetric(result.packed/result.ticks, "B/tick-sealed")
	b.ReportMetric(result.tree/result.ticks, "B/tick-tree")
	b.ReportMetric(result.lines/result.ticks, "B/tick-unsealed")
	b.ReportMetric(result.ticks, "ticks-sealed")
}

// sealedSizes are sums over the sealed segments.
type sealedSizes struct{ ticks, lines, packed, tree float64 }

func (r *rig) measured() (s sealedSizes) {
	r.t.Helper()
	v := r.verified()
	sum := func(pattern string) (bytes float64) {
		names, err := filepath.Glob(filepath.Join(r.dir, pattern))
		r.must(err)
		for _, name := range names {
			info, err := os.Stat(name)
			r.must(err)
			bytes += float64(info.Size())
		}
		return bytes
	}
	s.packed, s.tree = sum("*.zst"), sum("*.tree")
	left := sum("*.log") // the last segment, which is not sealed
	s.lines = float64(v.Bytes) - left
	s.ticks = float64(v.ByKind[ledger.KindTick])
	names, err := filepath.Glob(filepath.Join(r.dir, "*.log"))
	r.must(err)
	first, err := strconv.ParseUint(strings.TrimSuffix(filepath.Base(names[len(names)-1]), ".log"), 10, 64)
	r.must(err)
	for rec, err := range ledger.Scan(r.dir, first) {
		if r.must(err); rec.Kind == ledger.KindTick {
			s.ticks--
		}
	}
	if len(names) != 1 || s.packed == 0 {
		r.t.Fatalf("%d segments are not sealed", len(names))
	}
	return s
}
