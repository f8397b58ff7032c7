package kraken

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr/funcr"

	"github.com/taudaemon/taudaemon/api/v1alpha1"
	"github.com/taudaemon/taudaemon/daemon/config"
	"github.com/taudaemon/taudaemon/daemon/core"
	"github.com/taudaemon/taudaemon/daemon/fixed"
	"github.com/taudaemon/taudaemon/daemon/guard"
	"github.com/taudaemon/taudaemon/daemon/ledger"
	"github.com/taudaemon/taudaemon/daemon/loop"
	"github.com/taudaemon/taudaemon/daemon/report/lease"
	"github.com/taudaemon/taudaemon/daemon/venue"
	"github.com/taudaemon/taudaemon/daemon/venue/kraken/krakentest"
	"github.com/taudaemon/taudaemon/specs"
)

const liveConfig = `
[daemon]
mode = "live"
quarantine_clear_ticks = 3
tick_period_ms = 3000
[tick]
interval_ms = 5000
[oracle]
min_quorum = 1
sources = [{ name = "feed", http = { url = "https://feed.example", price = "$.p" } }]
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
`

// desk is a daemon that trades on the market: the loop with the real venue, on a clock that only the test moves, in a folder that outlives it.
type desk struct {
	*market
	dir     string
	toml    string // without the exchange's URL and credentials
	began   time.Time
	acks    acknowledging
	wrap    func(venue.Venue) venue.Venue
	loop    *loop.Loop
	ledger  *ledger.Ledger
	state   core.State
	reasons map[core.Code]bool // of every anomaly so far
	log     strings.Builder
}

// acknowledging is the right to act of a process outside Kubernetes, with a person's acknowledgements.
type acknowledging struct {
	*lease.Unfenced
	commands v1alpha1.Commands
}

func (a *acknowledging) Commands() v1alpha1.Commands { return a.commands }

func newDesk(t *testing.T, change func(*krakentest.Options)) *desk {
	d := &desk{market: newMarket(t, change), dir: t.TempDir(), toml: liveConfig, reasons: map[core.Code]bool{}, wrap: func(v venue.Venue) venue.Venue { return v }}
	d.began = d.clock.Now()
	d.begin()
	return d
}

// begin opens the ledger and recovers, as main does.
func (d *desk) begin() {
	d.t.Helper()
	text := d.toml + fmt.Sprintf("url = %q\nkey_file = %q\nsecret_file = %q\n", d.config.URL, d.config.KeyFile, d.config.SecretFile)
	c, err := config.Parse("taud.toml", []byte(text))
	d.must(err)
	set, err := loop.ReadSpecs(specs.FS.ReadFile, specs.FS.ReadFile, specs.KernelV35)
	d.must(err)
	nine, err := loop.Embedded(set)
	d.must(err)
	var found *ledger.Recovery
	d.ledger, found, err = ledger.Open(d.dir, ledger.Options{Durability: ledger.AtSeal}) // what the disk keeps is the ledger's own test
	d.must(err)
	recovered, err := loop.Recover(d.dir, found)
	d.must(err)
	d.acks.Unfenced = lease.NewUnfenced(int64(found.HighestEpoch) + 1)
	d.clock.add(time.Second)
	d.loop, err = loop.New(context.Background(), loop.Parts{
		Config: c, Specs: nine, Gather: d.gather, Ledger: d.ledger, Tenure: &d.acks, Told: d.told,
		Clock: loop.Clock{Wall: d.clock.Now, Boot: func() time.Duration { return d.clock.Now().Sub(d.began) }},
		Log:   funcr.New(func(prefix, args string) { d.log.WriteString(prefix + args + "\n") }, funcr.Options{Verbosity: 9}),
		NewVenue: func(*core.State, bool) (venue.Venue, error) {
			v, err := New(*c.Venue.Kraken, d.clock.Now)
			if err != nil {
				return nil, err
			}
			return d.wrap(v), nil
		},
		Boot: core.Boot{Version: "test", Name: "test", BootID: fmt.Sprint("boot", found.HighestEpoch+1), Mode: "live", Market: c.Venue.Market(), Specs: set},
	}, recovered)
	d.must(err)
}

func (d *desk) must(err error) {
	d.t.Helper()
	if err != nil {
		d.t.Fatal(err)
	}
}

// gather is the market's price, and the exchange's book around it.
func (d *desk) gather(_ context.Context, tick uint64, ms int64) []guard.Quote {
	price := []fixed.Value{val("2000"), val("2001"), val("2030"), val("2010"), val("1990")}[tick%5]
	d.server.SetBook([]krakentest.Level{{Price: price - val("0.5"), Qty: d.depth(tick)}}, []krakentest.Level{{Price: price + val("0.5"), Qty: d.depth(tick)}})
	return []guard.Quote{{Source: "feed", Price: price, Published: ms, Received: ms}}
}

// depth of the book: now and then there is not enough of it for an order.
func (d *desk) depth(tick uint64) fixed.Value {
	if tick%7 == 3 {
		return val("0.03")
	}
	return val("5")
}

func (d *desk) told(obs *core.Observation, decision *core.Decision, s *core.State) {
	d.state = *s
	for _, a := range decision.Anomalies {
		d.reasons[a.Code] = true
	}
}

type stopped struct{}

// ticks does n ticks, 5 s each. A panic of the venue's is the end of the process, in the middle of what it did; ticks says whether it was.
func (d *desk) ticks(n int) (died bool) {
	d.t.Helper()
	defer func() {
		switch p := recover().(type) {
		case nil, stopped:
		case killed:
			died = true
			d.must(d.ledger.Close())
		default:
			panic(p)
		}
	}()
	d.must(d.loop.Drive(context.Background(), func() bool {
		if n--; n < 0 {
			panic(stopped{})
		}
		d.clock.add(5 * time.Second)
		return true
	}, nil))
	return false
}

// until ticks until the state is as wanted, at most so many times.
func (d *desk) until(what string, most int, is func() bool) {
	d.t.Helper()
	for range most {
		if is() {
			return
		}
		if d.ticks(1) {
			d.t.Fatalf("died while waiting for %s", what)
		}
	}
	if !is() {
		d.t.Fatalf("expected %s within %d ticks; state %+v", what, most, d.state)
	}
}

// kill ends the process between two ticks, and starts the next one.
func (d *desk) kill() {
	d.t.Helper()
	d.must(d.ledger.Close())
	d.begin()
}

func (d *desk) held() bool { return d.state.Position.Qty > 0 }
func (d *desk) flat() bool { return d.state.Position.Qty == 0 && d.state.Open == nil }

// acknowledge does the person's part.
func (d *desk) acknowledge() {
	if d.state.Quarantine.Active {
		d.acks.commands.Acknowledge = d.state.Quarantine.Incident
	}
}

// reconcile ends the trading and checks what must hold whatever happened: every order of the exchange is an intent of the ledger, sent once; the
// position and the cash are the exchange's, to the last unit; the ledger replays; and nothing that was written holds a credential.
func (d *desk) reconcile() {
	d.t.Helper()
	d.server.Heal()
	d.server.Hide(0)
	d.acks.commands.Flatten = true
	d.until("a flat position", 12, func() bool { return d.flat() && d.state.Exit == "" })
	intents := map[string]bool{}
	for rec, err := range ledger.Scan(d.dir, 0) {
		d.must(err)
		if rec.Kind == ledger.KindTick && strings.Contains(string(rec.Body()), `"act":{`) {
			intents[loop.ClientID(rec.Leaf)] = true
		}
	}
	seen := map[string]bool{}
	var net fixed.Value
	for _, o := range d.server.Orders() {
		if !intents[o.ClientID] || seen[o.ClientID] {
			d.t.Errorf("order %s at the exchange: expected it once, of an intent in the ledger", o.ClientID)
		}
		seen[o.ClientID] = true
		if o.Side == "buy" {
			net += o.Executed
		} else {
			net -= o.Executed
		}
	}
	if net != d.state.Position.Qty || d.server.Balance("XETH") != val("1")+d.state.Position.Qty {
		d.t.Errorf("expected the exchange's position of %s, found %s", net, d.state.Position.Qty)
	}
	if want := d.server.Balance("ZUSD"); d.state.Cash != want {
		d.t.Errorf("expected the exchange's cash of %s, found %s", want, d.state.Cash)
	}
	d.must(d.ledger.Close())
	led, found, err := ledger.Open(d.dir, ledger.Options{Durability: ledger.AtSeal})
	d.must(err)
	replayed, err := loop.Recover(d.dir, found)
	d.must(err)
	if replayed.State.Cash != d.state.Cash || replayed.State.Position != d.state.Position {
		d.t.Errorf("replay: expected %+v, found %+v", d.state, replayed.State)
	}
	d.must(led.Close())
	d.secretsStayed()
}

// secretsStayed looks for the credentials in all that was written and logged.
func (d *desk) secretsStayed() {
	d.t.Helper()
	report, err := json.Marshal(d.loop.Report(v1alpha1.PhaseRunning))
	d.must(err)
	written := map[string]string{"the log": d.log.String(), "the report": string(report)}
	files, err := filepath.Glob(filepath.Join(d.dir, "*"))
	d.must(err)
	for _, file := range files {
		if text, err := os.ReadFile(file); err == nil {
			written[file] = string(text)
		}
	}
	for where, text := range written {
		for _, secret := range []string{testKey, testSecret, "SECRETsecret", "API-Sign"} {
			if strings.Contains(text, secret) {
				d.t.Errorf("%s holds %q", where, secret)
			}
		}
	}
	if len(d.log.String()) == 0 || len(files) == 0 {
		d.t.Error("expected a log and a ledger to look into")
	}
}

// killed is the end of the process.
type killed struct{}

// mortal dies at an order: before it leaves, or after the exchange has had it.
type mortal struct {
	venue.Venue
	before, after bool
}

func (m *mortal) Do(ctx context.Context, o venue.Order) venue.Answer {
	if m.before {
		panic(killed{})
	}
	a := m.Venue.Do(ctx, o)
	if m.after {
		panic(killed{})
	}
	return a
}

func (m *mortal) Renew(ctx context.Context) error { return m.Venue.(venue.Watched).Renew(ctx) }
func (m *mortal) OrdersSince(ctx context.Context, ms int64) ([]string, error) {
	return m.Venue.(venue.Listed).OrdersSince(ctx, ms)
}

// TestTheShortestTicksThatTheConfigurationTakesTrade: an order lives at most twice the tick's deadline, and the exchange must take that.
func TestTheShortestTicksThatTheConfigurationTakesTrade(t *testing.T) {
	d := newDesk(t, nil)
	d.must(d.ledger.Close())
	d.toml = strings.Replace(liveConfig, "tick_period_ms = 3000", "tick_period_ms = 2500", 1)
	d.begin()
	d.until("a position", 10, d.held)
	if d.reasons[core.OrderRefused] {
		t.Errorf("expected no refusal, found %v", d.reasons)
	}
	d.reconcile()
}

func TestAQuietMarketIsTradedAndBookedToTheLastUnit(t *testing.T) {
	d := newDesk(t, nil)
	d.ticks(60)
	partly := 0
	for _, o := range d.server.Orders() {
		if o.Executed > 0 && o.Executed < o.Volume {
			partly++
		}
	}
	if n := len(d.server.Orders()); n < 10 || partly == 0 {
		t.Fatalf("expected trades, some in part; found %d orders, %d in part", n, partly)
	}
	if d.server.Renewals() == 0 {
		t.Error("expected the dead man's switch to be renewed while a position was held")
	}
	d.reconcile()
}

// TestWhateverHappensToAnOrderItIsNeitherSentTwiceNorLost: each fault at a buy and at a sell, followed by a restart or not.
func TestWhateverHappensToAnOrderItIsNeitherSentTwiceNorLost(t *testing.T) {
	for name, test := range map[string]struct {
		fault  krakentest.Fault
		reason core.Code // that must be among the anomalies
	}{
		"the reply is lost after the order was accepted":    {krakentest.Fault{Cut: true}, core.OrderAmbiguous},
		"the connection is reset before it":                 {krakentest.Fault{Cut: true, Unexecuted: true}, core.OrderAmbiguous},
		"a bad gateway, after it":                           {krakentest.Fault{Status: http.StatusBadGateway}, core.OrderAmbiguous},
		"a bad gateway, before it":                          {krakentest.Fault{Status: http.StatusBadGateway, Unexecuted: true}, core.OrderAmbiguous},
		"the engine is away":                                {krakentest.Fault{Errors: []string{"EService:Unavailable"}, Unexecuted: true}, core.OrderAmbiguous},
		"the engine says that it is away, and did it":       {krakentest.Fault{Errors: []string{"EService:Timeout"}}, core.OrderAmbiguous},
		"half an answer":                                    {krakentest.Fault{Body: `{"error":[],"res`}, core.OrderAmbiguous},
		"it is there already":                               {krakentest.Fault{Errors: []string{"EOrder:Duplicate client order id"}}, core.ReplayAlert},
		"a nonce that was used":                             {krakentest.Fault{Errors: []string{"EAPI:Invalid nonce"}, Unexecuted: true}, core.ReplayAlert},
		"asked too often":                                   {krakentest.Fault{Errors: []string{"EAPI:Rate limit exceeded"}, Unexecuted: true}, core.OrderRefused},
		"too many orders":                                   {krakentest.Fault{Errors: []string{"EOrder:Rate limit exceeded"}, Unexecuted: true}, core.OrderRefused},
		"no funds, it says":                                 {krakentest.Fault{Errors: []string{"EOrder:Insufficient funds"}, Unexecuted: true}, core.OrderRefused},
		"the deadline is over, says the engine":             {krakentest.Fault{Errors: []string{"EService:Deadline elapsed"}, Unexecuted: true}, core.OrderAmbiguous},
		"an internal error":                                 {krakentest.Fault{Errors: []string{"EGeneral:Internal error"}}, core.OrderAmbiguous},
		"an error that is in no list":                       {krakentest.Fault{Errors: []string{"EOrder:Something new"}}, core.OrderAmbiguous},
		"a gateway limits the rate":                         {krakentest.Fault{Status: http.StatusTooManyRequests, Unexecuted: true}, core.OrderAmbiguous},
		"a gateway's own error, with a page":                {krakentest.Fault{Status: 520}, core.OrderAmbiguous},
		"a page about maintenance":                          {krakentest.Fault{Body: "<html>maintenance</html>", Unexecuted: true}, core.OrderAmbiguous},
		"locked out for a while":                            {krakentest.Fault{Errors: []string{"EGeneral:Temporary lockout"}, Unexecuted: true}, core.OrderRefused},
		"throttled":                                         {krakentest.Fault{Errors: []string{"EService:Throttled:1700000000"}, Unexecuted: true}, core.OrderRefused},
		"a market that only cancels":                        {krakentest.Fault{Errors: []string{"EService:Market in cancel_only mode"}, Unexecuted: true}, core.OrderRefused},
		"a signature that is wrong, it says":                {krakentest.Fault{Errors: []string{"EAPI:Invalid signature"}, Unexecuted: true}, core.OrderRefused},
		"no right to trade":                                 {krakentest.Fault{Errors: []string{"EGeneral:Permission denied"}, Unexecuted: true}, core.OrderRefused},
		"the exchange is down when it is asked what became": {krakentest.Fault{Cut: true, After: func() {}}, core.OrderAmbiguous},
	} {
		for _, side := range []core.Side{core.Buy, core.Sell} {
			for _, restart := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s, %s, restart %t", name, side, restart), func(t *testing.T) {
					t.Parallel() // most of it is waiting for what the exchange shows a moment later
					d := newDesk(t, nil)
					if side == core.Sell {
						d.until("a position", 10, d.held)
					}
					fault := test.fault
					fault.Method = "AddOrder"
					d.server.Fail(fault)
					if fault.After != nil {
						d.server.Fail(krakentest.Fault{Method: "OpenOrders", Times: 3, Cut: true, Unexecuted: true})
					}
					d.until(string(test.reason), 12, func() bool { return d.reasons[test.reason] })
					if !d.state.Quarantine.Active {
						t.Errorf("expected a quarantine, found none")
					}
					if restart {
						d.kill()
					}
					d.until("the venue's word", 12, func() bool { return d.state.Open == nil })
					d.until("a flat position", 12, d.flat)
					before := len(d.server.Orders())
					if test.reason.AlwaysManual() {
						d.ticks(6)
						if n := len(d.server.Orders()); n != before || !d.state.Quarantine.Manual {
							t.Errorf("expected nothing new until a person looks, found %d orders, %+v", n-before, d.state.Quarantine)
						}
					}
					d.acknowledge()
					d.until("trading again", 30, func() bool { return len(d.server.Orders()) > before })
					d.reconcile()
				})
			}
		}
	}
}

func TestAnOrderThatIsTenSecondsLate(t *testing.T) {
	for name, late := range map[string]func(*desk, chan struct{}) krakentest.Fault{
		"on its way there: past its deadline, the exchange refuses it": func(d *desk, gone chan struct{}) krakentest.Fault {
			return krakentest.Fault{Before: func() { d.clock.add(10 * time.Second); <-gone }}
		},
		"on its way back: it was executed": func(d *desk, gone chan struct{}) krakentest.Fault {
			return krakentest.Fault{After: func() { d.clock.add(10 * time.Second); <-gone }}
		},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t, nil)
			gone := make(chan struct{})
			fault := late(d, gone)
			fault.Method = "AddOrder"
			d.server.Fail(fault)
			d.until("an ambiguous order", 12, func() bool { return d.reasons[core.OrderAmbiguous] })
			close(gone)
			d.until("the venue's word", 12, func() bool { return d.state.Open == nil })
			d.acknowledge()
			before := len(d.server.Orders())
			d.until("trading again", 30, func() bool { return len(d.server.Orders()) > before })
			d.reconcile()
		})
	}
}

func TestAnExchangeThatIsDownStopsBuyingAndIsSoldToWhenItIsBack(t *testing.T) {
	d := newDesk(t, nil)
	d.until("a position", 10, d.held)
	d.server.Fail(krakentest.Fault{Times: -1, Cut: true, Unexecuted: true})
	before := len(d.server.Orders())
	d.until("an anomaly", 3, func() bool { return d.reasons[core.VenueUnreachable] })
	d.ticks(6)
	if n := len(d.server.Orders()); n != before || d.flat() || d.state.Exit == "" && d.state.Open == nil {
		t.Fatalf("down: expected an exit that is owed, found %d orders and %+v", n-before, d.state)
	}
	d.kill()
	d.ticks(2)
	d.server.Heal()
	d.until("the exit", 12, d.flat)
	d.acknowledge()
	before = len(d.server.Orders())
	d.until("trading again", 30, func() bool { return len(d.server.Orders()) > before })
	d.reconcile()
}

// TestEachErrorOfAReadWhileAPositionIsHeld: balances that cannot be read are an anomaly, the position is sold all the same, and the release is automatic.
func TestEachErrorOfAReadWhileAPositionIsHeld(t *testing.T) {
	for name, fault := range map[string]krakentest.Fault{
		"asked too often":        {Errors: []string{"EAPI:Rate limit exceeded"}},
		"locked out for a while": {Errors: []string{"EGeneral:Temporary lockout"}},
		"unavailable":            {Errors: []string{"EService:Unavailable"}},
		"a nonce that was used":  {Errors: []string{"EAPI:Invalid nonce"}},
		"a gateway's limit":      {Status: http.StatusTooManyRequests},
		"a gateway's own error":  {Status: 520},
		"maintenance":            {Body: "<html>maintenance</html>"},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t, nil)
			d.until("a position", 10, d.held)
			fault.Method, fault.Times, fault.Unexecuted = "BalanceEx", -1, true
			d.server.Fail(fault)
			d.until("an anomaly", 3, func() bool { return d.reasons[core.VenueUnreachable] })
			if q := d.state.Quarantine; !q.Active || q.Reason != core.VenueUnreachable || q.Manual {
				t.Errorf("expected an Auto quarantine for %s, found %+v", core.VenueUnreachable, q)
			}
			d.until("the exit", 3, d.flat)
			before := len(d.server.Orders())
			d.ticks(6)
			if n := len(d.server.Orders()); n != before || !d.state.Quarantine.Active {
				t.Errorf("expected nothing new while it lasts, found %d orders, %+v", n-before, d.state.Quarantine)
			}
			d.server.Heal()
			d.until("trading again", 30, func() bool { return len(d.server.Orders()) > before })
			d.reconcile()
		})
	}
}

// TestTheExchangesOwnLimitOfCallsIsKept: the lowest tier's counter, through trading and through an order that must be asked for.
func TestTheExchangesOwnLimitOfCallsIsKept(t *testing.T) {
	d := newDesk(t, func(o *krakentest.Options) { o.Calls, o.CallsPerSecond = 15, 0.33 })
	limited := func() (n int) {
		for _, line := range d.server.Log() {
			if strings.HasSuffix(line, "EAPI:Rate limit exceeded") {
				n++
			}
		}
		return n
	}
	d.ticks(60)
	if n := limited(); n != 0 {
		t.Errorf("trading: expected no limit to be exceeded, found it %d times in %d calls", n, len(d.server.Log()))
	}
	d.until("a flat position", 12, d.flat)
	d.server.Fail(krakentest.Fault{Method: "AddOrder", Cut: true, Unexecuted: true})
	d.until("an ambiguous order", 12, func() bool { return d.reasons[core.OrderAmbiguous] })
	d.until("the venue's word", 12, func() bool { return d.state.Open == nil })
	d.acknowledge()
	before := len(d.server.Orders())
	d.until("trading again", 30, func() bool { return len(d.server.Orders()) > before })
	d.reconcile()
	if n := limited(); n != 0 {
		t.Errorf("in all: expected no limit to be exceeded, found it %d times in %d calls", n, len(d.server.Log()))
	}
}

func TestADaemonThatDiesAtAnOrderNeitherSendsItAgainNorLosesIt(t *testing.T) {
	for _, side := range []core.Side{core.Buy, core.Sell} {
		for name, at := range map[string]mortal{"before it leaves": {before: true}, "after the exchange had it": {after: true}} {
			t.Run(string(side)+", "+name, func(t *testing.T) {
				d := newDesk(t, nil)
				if side == core.Sell {
					d.until("a position", 10, d.held)
				}
				d.wrap = func(v venue.Venue) venue.Venue { return &mortal{Venue: v, before: at.before, after: at.after} }
				d.kill()
				orders := len(d.server.Orders())
				died := false
				for range 10 {
					if died = d.ticks(1); died {
						break
					}
				}
				if !died {
					t.Fatal("expected it to die at an order, found it alive")
				}
				if n := len(d.server.Orders()) - orders; n > 1 || at.after != (n == 1) {
					t.Fatalf("expected the exchange to have had it: %t, found %d orders", at.after, n)
				}
				d.wrap = func(v venue.Venue) venue.Venue { return v }
				d.begin()
				d.until("the venue's word", 12, func() bool { d.ticks(1); return d.state.Open == nil })
				if n := len(d.server.Orders()) - orders; at.after && n < 1 {
					t.Fatal("an order was lost")
				}
				d.acknowledge()
				d.until("trading on", 30, func() bool { return len(d.server.Orders()) > orders+1 })
				d.reconcile()
			})
		}
	}
}

func TestAnOrderThatTheListsShowLateIsBookedOnce(t *testing.T) {
	d := newDesk(t, nil)
	d.server.Hide(1)
	d.until("an open intent", 10, func() bool { return d.state.Open != nil })
	d.ticks(1)
	if d.state.Open == nil || len(d.server.Orders()) != 1 {
		t.Fatalf("expected it open, found %+v", d.state.Open)
	}
	d.server.Hide(0)
	d.until("its fill", 2, d.held)
	d.reconcile()
}

func TestAWithdrawalBehindTheDaemonsBackIsNoticed(t *testing.T) {
	d := newDesk(t, nil)
	d.until("a position", 10, d.held)
	d.server.Add("XETH", -val("1.02"))
	d.until("an anomaly", 3, func() bool { return d.reasons[core.BalanceLow] })
	d.server.Add("XETH", val("1.02"))
	d.reconcile()
}

func TestALedgerOfAnotherMarketIsNotTraded(t *testing.T) {
	d := newDesk(t, nil)
	d.until("a position", 10, d.held)
	d.must(d.ledger.Close())
	led, found, err := ledger.Open(d.dir, ledger.Options{Durability: ledger.AtSeal})
	d.must(err)
	defer func() { d.must(led.Close()) }()
	recovered, err := loop.Recover(d.dir, found)
	d.must(err)
	records := found.Head.Size
	for _, market := range []string{"", "kraken https://api.kraken.com XXBTZUSD XXBT/ZUSD"} {
		parts := d.loop.Parts
		parts.Ledger, parts.Boot.Market = led, market
		_, err := loop.New(context.Background(), parts, recovered)
		var halt *loop.HaltError
		if !errors.As(err, &halt) || halt.Reason != "AnotherMarket" || led.Head().Size != records {
			t.Errorf("%q: expected a halt and no record, found %v, %d records", market, err, led.Head().Size-records)
		}
	}
}
