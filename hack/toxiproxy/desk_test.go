package toxiproxy

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr"

	"github.com/taudaemon/taudaemon/api/v1alpha1"
	"github.com/taudaemon/taudaemon/daemon/config"
	"github.com/taudaemon/taudaemon/daemon/core"
	"github.com/taudaemon/taudaemon/daemon/fixed"
	"github.com/taudaemon/taudaemon/daemon/guard"
	"github.com/taudaemon/taudaemon/daemon/ledger"
	"github.com/taudaemon/taudaemon/daemon/loop"
	"github.com/taudaemon/taudaemon/daemon/oracle"
	"github.com/taudaemon/taudaemon/daemon/oracle/hermestest"
	"github.com/taudaemon/taudaemon/daemon/report/lease"
	"github.com/taudaemon/taudaemon/daemon/venue"
	"github.com/taudaemon/taudaemon/daemon/venue/kraken"
	"github.com/taudaemon/taudaemon/daemon/venue/kraken/krakentest"
	"github.com/taudaemon/taudaemon/hack/toxiproxy/network"
	"github.com/taudaemon/taudaemon/specs"
)

const (
	feedID = "ff61491a931112ddf1bd8147cd1b641375f79f5825126d665480874634fd0ace"
	// deadline of a tick, and an order's life at the exchange. Ten seconds of latency are beyond it, and a slow machine is within what a hanging
	// source leaves of it.
	deadline = 5 * time.Second
	// beat between two ticks, in which the streams hear of the new price.
	beat = 300 * time.Millisecond
	// patience with whatever must happen some time.
	patience = time.Minute
)

const agentConfig = `
[daemon]
mode = "live"
quarantine_clear_ticks = 3
tick_period_ms = 5_000
[tick]
interval_ms = 1_000
[oracle]
min_quorum = 2
max_age_ms = 3_000
tolerance_bps = 300
[[oracle.sources]]
name = "http"
http = { url = "%s/price", price = "$.price", time = "$.time" }
[[oracle.sources]]
name = "poll"
pyth = { url = "%s", feed = "` + feedID + `" }
[[oracle.sources]]
name = "stream"
pyth = { url = "%s", feed = "` + feedID + `", updates = "stream" }
[economics]
fee_bps_buy = 26
fee_bps_sell = 26
slippage_bps_limit = 50
trade_qty = 100_000_000
burn_share_bps = 0
[signal]
band_window = 2
band_bps = -5000
trend_window = 0
[cooldown]
enabled = false
[risk]
max_drawdown_bps = 9000
[venue.kraken]
pair = "XETHZUSD"
base_asset = "XETH"
quote_asset = "ZUSD"
quantity_decimals = 8
price_decimals = 2
url = "%s"
key_file = "%s"
secret_file = "%s"
`

func TestMain(m *testing.M) {
	if err := network.Setup(); err != nil {
		log.Fatal(err)
	}
	os.Exit(m.Run())
}

func val(s string) fixed.Value { return fixed.MustParse(s) }

// market is the price that everybody says and trades at.
type market struct {
	mu    sync.Mutex
	tick  int
	calm  bool // the price stays where it is
	price fixed.Value
}

// wave goes up by more than a round trip costs, and down again.
var wave = []fixed.Value{val("2000"), val("2001"), val("2030"), val("2010"), val("1990")}

// next moves the price.
func (m *market) next() fixed.Value {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.calm || m.price == 0 {
		m.tick++
		m.price = wave[m.tick%len(wave)]
	}
	return m.price
}

func (m *market) setCalm(calm bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.calm = calm
}

func (m *market) now() fixed.Value {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.price
}

// ServeHTTP is the HTTP feed.
func (m *market) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	_, _ = fmt.Fprintf(w, `{"price":"%s","time":%d}`, m.now(), time.Now().UnixMilli())
}

func (m *market) update() string {
	return hermestest.Update(feedID, fmt.Sprint(int64(m.now())), "0", -9, time.Now().Unix())
}

// hermes is a server of the market's price, polled and streamed.
func (m *market) hermes() *hermestest.Server {
	return &hermestest.Server{
		Feed:   feedID,
		Latest: func(w http.ResponseWriter) { _, _ = fmt.Fprint(w, m.update()) },
		Stream: func(w http.ResponseWriter, r *http.Request, _ int64) {
			for each := time.NewTicker(beat / 4); ; {
				hermestest.Send(w, m.update())
				select {
				case <-each.C:
				case <-r.Context().Done():
					each.Stop()
					return
				}
			}
		},
	}
}

// desk is a daemon on real time that reaches its sources and the exchange through proxies, in a folder that outlives it.
type desk struct {
	t        *testing.T
	dir      string
	market   *market
	exchange *krakentest.Server
	kraken   *network.Link            // the way to the exchange
	sources  map[string]*network.Link // the ways to the sources, by their names
	names    []string                 // of the sources, in the configured order
	config   *config.Config
	began    time.Time
	acks     acknowledging
	// before, if set, is called once before the next order is given to the venue.
	before func()

	ledger *ledger.Ledger
	feeds  []oracle.Source
	state  core.State
	step   chan bool
	done   chan error
}

// acknowledging is the right to act of a process outside Kubernetes, with a person's acknowledgements.
type acknowledging struct {
	*lease.Unfenced
	commands v1alpha1.Commands
}

func (a *acknowledging) Commands() v1alpha1.Commands { return a.commands }

// hooked calls the desk's hook before an order.
type hooked struct {
	*kraken.Venue
	d *desk
}

func (h hooked) Do(ctx context.Context, o venue.Order) venue.Answer {
	if before := h.d.before; before != nil {
		h.d.before = nil
		before()
	}
	return h.Venue.Do(ctx, o)
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	t.Parallel()
	key, secret := "KEYkeyKEYkeyKEYkeyKEYkey", base64.StdEncoding.EncodeToString([]byte("SECRETsecretSECRETsecret"))
	d := &desk{t: t, dir: t.TempDir(), market: &market{}, began: time.Now(), exchange: krakentest.New(krakentest.Options{
		Key: key, Secret: secret, Pair: "XETHZUSD", Base: "XETH", Quote: "ZUSD", LotDecimals: 8, PairDecimals: 2, FeeBps: 26,
		Balances: map[string]fixed.Value{"XETH": val("1"), "ZUSD": val("1000")},
	})}
	d.kraken = network.Serve(t, "kraken", d.exchange)
	d.names = []string{"http", "poll", "stream"}
	d.sources = map[string]*network.Link{"http": network.Serve(t, "feed", d.market), "poll": network.Serve(t, "hermes", d.market.hermes()), "stream": network.Serve(t, "hermes", d.market.hermes())}
	folder := t.TempDir()
	files := map[string]string{"key": key, "secret": secret}
	for name, text := range files {
		files[name] = filepath.Join(folder, name)
		d.must(os.WriteFile(files[name], []byte(text+"\n"), 0o600))
	}
	text := fmt.Sprintf(agentConfig, d.sources["http"].URL, d.sources["poll"].URL, d.sources["stream"].URL, d.kraken.URL, files["key"], files["secret"])
	var err error
	d.config, err = config.Parse("taud.toml", []byte(text))
	d.must(err)
	d.boot()
	return d
}

func (d *desk) must(err error) {
	d.t.Helper()
	if err != nil {
		d.t.Fatal(err)
	}
}

// boot starts the daemon, or starts it again: it recovers from the ledger.
func (d *desk) boot() {
	d.t.Helper()
	set, err := loop.ReadSpecs(specs.FS.ReadFile, specs.FS.ReadFile, specs.KernelV35)
	d.must(err)
	nine, err := loop.Embedded(set)
	d.must(err)
	d.feeds, err = oracle.New(d.config.Oracle.Sources)
	d.must(err)
	feeds := d.feeds
	d.t.Cleanup(func() { d.must(oracle.Close(feeds)) })
	var found *ledger.Recovery
	d.ledger, found, err = ledger.Open(d.dir, ledger.Options{Durability: ledger.AtSeal}) // what the disk keeps is the ledger's own test
	d.must(err)
	recovered, err := loop.Recover(d.dir, found)
	d.must(err)
	d.acks = acknowledging{Unfenced: lease.NewUnfenced(int64(found.HighestEpoch) + 1)}
	l, err := loop.New(context.Background(), loop.Parts{
		Config: d.config, Specs: nine, Ledger: d.ledger, Tenure: &d.acks, Clock: loop.SystemClock(), Log: logr.Discard(),
		Gather: func(ctx context.Context, tick uint64, ms int64) []guard.Quote {
			return oracle.Gather(ctx, feeds, tick, ms)
		},
		NewVenue: func(*core.State, bool) (venue.Venue, error) {
			v, err := kraken.New(*d.config.Venue.Kraken, time.Now)
			return hooked{v, d}, err
		},
		Told: func(_ *core.Observation, _ *core.Decision, s *core.State) { d.state = *s },
		Boot: core.Boot{Version: "test", Name: "test", BootID: fmt.Sprint("boot", found.HighestEpoch+1), Mode: "live", Market: d.config.Venue.Market(), Specs: set},
	}, recovered)
	d.must(err)
	// Driven from here, a tick at a time.
	step, done := make(chan bool), make(chan error, 1)
	d.step, d.done = step, done
	go func() {
		done <- l.Drive(context.Background(), func() bool { done <- nil; return <-step }, func() string { return "the test ended" })
	}()
	d.must(<-done)
}

// kill leaves the process where it stands, between two ticks, and starts the next.
func (d *desk) kill() {
	d.t.Helper()
	d.must(d.ledger.Close())
	d.boot()
}

// tick moves the market, and lets a tick happen.
func (d *desk) tick() {
	d.t.Helper()
	price := d.market.next()
	d.exchange.SetBook([]krakentest.Level{{Price: price - val("0.5"), Qty: val("5")}}, []krakentest.Level{{Price: price + val("0.5"), Qty: val("5")}})
	time.Sleep(beat)
	d.step <- true
	d.must(<-d.done)
}

// until ticks until it is so.
func (d *desk) until(what string, is func() bool) {
	d.t.Helper()
	for end := time.Now().Add(patience); !is(); d.tick() {
		if time.Now().After(end) {
			tick := d.last()
			d.t.Fatalf("expected %s within %v; tick %d: position %s, exit %q, open %+v, quarantine %+v, anomalies %+v, quotes %+v", what, patience, tick.Tick,
				d.state.Position.Qty, d.state.Exit, d.state.Open, d.state.Quarantine, tick.Anomalies, tick.Obs.Quotes)
		}
	}
}

func (d *desk) held() bool { return d.state.Position.Qty > 0 && d.state.Open == nil }
func (d *desk) flat() bool {
	return d.state.Position.Qty == 0 && d.state.Open == nil && d.state.Exit == ""
}
func (d *desk) settled() bool { return d.state.Open == nil }

// well: all sources count, and no quarantine is on.
func (d *desk) well() bool {
	return d.state.Tick > 0 && !d.state.Quarantine.Active && d.last().Facts.Fresh.Quorum == len(d.names)
}

// acknowledge does the person's part.
func (d *desk) acknowledge() {
	if d.state.Quarantine.Active {
		d.acks.commands.Acknowledge = d.state.Quarantine.Incident
	}
}

// tradesAgain waits until the quarantine is over and a buy was filled after it.
func (d *desk) tradesAgain() {
	d.t.Helper()
	d.market.setCalm(false)
	d.until("the end of the quarantine", func() bool { d.acknowledge(); return !d.state.Quarantine.Active })
	before := len(d.exchange.Orders())
	d.until("another trade", func() bool { return len(d.exchange.Orders()) > before && d.settled() })
}

// ticks are the tick records, in order.
func (d *desk) ticks() (all []core.Tick) {
	d.t.Helper()
	for rec, err := range ledger.Scan(d.dir, 0) {
		d.must(err)
		if rec.Kind == ledger.KindTick {
			var tick core.Tick
			d.must(json.Unmarshal(rec.Body(), &tick))
			all = append(all, tick)
		}
	}
	return all
}

func (d *desk) last() core.Tick {
	d.t.Helper()
	all := d.ticks()
	return all[len(all)-1]
}

// outcomes are the outcome records, in order.
func (d *desk) outcomes() (all []core.Outcome) {
	d.t.Helper()
	for rec, err := range ledger.Scan(d.dir, 0) {
		d.must(err)
		if rec.Kind == ledger.KindOutcome {
			var o core.Outcome
			d.must(json.Unmarshal(rec.Body(), &o))
			all = append(all, o)
		}
	}
	return all
}

// found says whether an anomaly of that code is in a record after tick n.
func (d *desk) found(code core.Code, n uint64) bool {
	return slices.ContainsFunc(d.ticks(), func(tick core.Tick) bool {
		return tick.Tick > n && slices.ContainsFunc(tick.Anomalies, func(a core.Anomaly) bool { return a.Code == code })
	})
}

// wantQuarantine holds the first quarantine after tick n to its reason.
func (d *desk) wantQuarantine(code core.Code, n uint64) {
	d.t.Helper()
	for _, tick := range d.ticks() {
		if q := tick.Quarantine; tick.Tick > n && q.Active {
			if q.Reason != code || q.Manual != code.AlwaysManual() {
				d.t.Errorf("expected a quarantine for %s, manual %t, found %+v for %+v", code, code.AlwaysManual(), q, tick.Anomalies)
			}
			return
		}
	}
	d.t.Errorf("expected a quarantine for %s, found none", code)
}

// reconcile ends the trading in order and checks what must hold whatever happened.
func (d *desk) reconcile() {
	d.t.Helper()
	d.acks.commands.Flatten = true
	d.until("a flat position", d.flat)
	d.step <- false
	d.must(<-d.done)
	d.must(d.ledger.Close())
	d.eachOrderOnce()
	d.noRiskInQuarantine()
	// The books are the exchange's, to the last unit, and the ledger replays to them.
	if base, quote := d.exchange.Balance("XETH"), d.exchange.Balance("ZUSD"); base != val("1") || quote != d.state.Cash {
		d.t.Errorf("expected 1 and %s at the exchange, found %s and %s", d.state.Cash, base, quote)
	}
	var replay loop.Replayer
	for rec, err := range ledger.Scan(d.dir, 0) {
		d.must(err)
		d.must(replay.Apply(rec))
	}
	if replay.State.Cash != d.state.Cash || replay.State.Position != d.state.Position || replay.State.Open != nil {
		d.t.Errorf("replay: expected %+v, found %+v", d.state, replay.State)
	}
}

// eachOrderOnce: every order of the exchange is an intent of the ledger, sent once; what the ledger booked for it is what was executed; and no
// intent that the exchange does not have was booked.
func (d *desk) eachOrderOnce() {
	d.t.Helper()
	intents, booked, final := map[string]bool{}, map[string]fixed.Value{}, map[string]int{}
	for rec, err := range ledger.Scan(d.dir, 0) {
		d.must(err)
		var tick core.Tick
		if rec.Kind == ledger.KindTick {
			d.must(json.Unmarshal(rec.Body(), &tick))
		}
		if tick.Act != nil {
			intents[loop.ClientID(rec.Leaf)] = true
		}
	}
	for _, o := range d.outcomes() {
		for _, f := range o.Fills {
			booked[o.ID] += f.Qty
		}
		if o.Result.Final() {
			final[o.ID]++
		}
	}
	atExchange := map[string]int{}
	for _, o := range d.exchange.Orders() {
		if atExchange[o.ClientID]++; !intents[o.ClientID] || atExchange[o.ClientID] > 1 {
			d.t.Errorf("order %s: expected it once at the exchange, of an intent in the ledger (%t), found it %d times", o.ClientID, intents[o.ClientID], atExchange[o.ClientID])
		}
		if booked[o.ClientID] != o.Executed {
			d.t.Errorf("order %s: expected %s booked, found %s", o.ClientID, o.Executed, booked[o.ClientID])
		}
	}
	for id := range intents {
		if final[id] != 1 {
			d.t.Errorf("intent %s: expected one final outcome, found %d", id, final[id])
		}
		if atExchange[id] == 0 && booked[id] != 0 {
			d.t.Errorf("intent %s: the exchange has no such order, and %s are booked", id, booked[id])
		}
	}
	if len(intents) < 2 || len(atExchange) < 2 {
		d.t.Errorf("expected some trading, found %d intents and %d orders", len(intents), len(atExchange))
	}
}

// noRiskInQuarantine: what leaves while the quarantine is on is a sell.
func (d *desk) noRiskInQuarantine() {
	d.t.Helper()
	for _, tick := range d.ticks() {
		if tick.Quarantine.Active && tick.Act != nil && tick.Act.Side != core.Sell {
			d.t.Errorf("tick %d: expected no %s in quarantine %+v", tick.Tick, tick.Act.Side, tick.Quarantine)
		}
	}
}
