package evm

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"
	"github.com/go-logr/logr"

	"github.com/taudaemon/taudaemon/daemon/config"
	"github.com/taudaemon/taudaemon/daemon/core"
	"github.com/taudaemon/taudaemon/daemon/fixed"
	"github.com/taudaemon/taudaemon/daemon/guard"
	"github.com/taudaemon/taudaemon/daemon/ledger"
	"github.com/taudaemon/taudaemon/daemon/loop"
	"github.com/taudaemon/taudaemon/daemon/oracle"
	"github.com/taudaemon/taudaemon/daemon/report/lease"
	"github.com/taudaemon/taudaemon/daemon/venue"
	"github.com/taudaemon/taudaemon/daemon/venue/uniswapv2"
	"github.com/taudaemon/taudaemon/specs"
)

// agentConfig of the daemon on the chain: a tick a minute, so that an order has a minute to be mined in.
const agentConfig = `
[daemon]
tick_period_ms = 10_000
quarantine_clear_ticks = 3
[tick]
interval_ms = 60_000
[oracle]
min_quorum = 2
max_age_ms = 60_000
[economics]
fee_bps_buy = 30
fee_bps_sell = 30
slippage_bps_limit = 100
trade_qty = 2_000_000_000
burn_share_bps = 5_000
[signal]
band_window = 2
band_bps = -5000
trend_window = 0
[cooldown]
enabled = false
[risk]
max_drawdown_bps = 9000
emergency_slippage_bps = 500
[report]
lease_duration_ms = 60_000
`

// agent is a daemon's loop on the chain, on a clock that is the chain's, in a folder that outlives it.
type agent struct {
	*chain
	dir   string
	price string // what all sources say; empty: nothing
	// feeds are asked instead, where they are configured.
	feeds  []oracle.Source
	change func(*uniswapv2.Config)
	wrap   func(venue.Venue) venue.Venue
	config string

	ledger *ledger.Ledger
	state  core.State
	tick   core.Decision
	seen   core.Observation
	step   chan bool
	done   chan error
}

func newAgent(c *chain) *agent {
	return &agent{chain: c, dir: c.t.TempDir(), price: "100", config: agentConfig, wrap: func(v venue.Venue) venue.Venue { return v }}
}

func (a *agent) wall() time.Time { return time.Unix(int64(a.head().Time), 0) }

// boot starts the daemon, or starts it again: it recovers from the ledger.
func (a *agent) boot() {
	a.t.Helper()
	cfg, err := config.Parse("taud.toml", []byte(a.config))
	a.must(err)
	if strings.Contains(a.config, "[[oracle.sources]]") {
		a.feeds, err = oracle.New(cfg.Oracle.Sources)
		a.must(err)
	}
	set, err := loop.ReadSpecs(specs.FS.ReadFile, specs.FS.ReadFile, specs.KernelV35)
	a.must(err)
	nine, err := loop.Embedded(set)
	a.must(err)
	var found *ledger.Recovery
	a.ledger, found, err = ledger.Open(a.dir, ledger.Options{Durability: ledger.AtSeal}) // what the disk keeps is the ledger's own test
	a.must(err)
	recovered, err := loop.Recover(a.dir, found)
	a.must(err)
	l, err := loop.New(context.Background(), loop.Parts{
		Config: cfg, Specs: nine, Ledger: a.ledger, Tenure: lease.NewUnfenced(int64(found.HighestEpoch) + 1), Log: logr.Discard(),
		Clock:  loop.Clock{Wall: a.wall, Boot: func() time.Duration { return time.Duration(a.wall().UnixNano()) }},
		Gather: a.gather,
		NewVenue: func(*core.State, bool) (venue.Venue, error) {
			s := a.settings()
			if a.change != nil {
				a.change(&s)
			}
			v, err := uniswapv2.New(s)
			return a.wrap(v), err
		},
		Told: func(o *core.Observation, d *core.Decision, s *core.State) { a.seen, a.tick, a.state = *o, *d, *s },
		Boot: core.Boot{Version: "test", Name: "test", BootID: fmt.Sprint("boot", found.HighestEpoch+1), Mode: "live", Specs: set},
	}, recovered)
	a.must(err)
	// Driven from here, a tick at a time; a killed one is left where it stands.
	a.step, a.done = make(chan bool), make(chan error, 1)
	step, done := a.step, a.done
	go func() {
		defer func() {
			if p := recover(); p != nil {
				done <- fmt.Errorf("killed: %v", p)
			}
		}()
		beat := func() bool {
			done <- nil
			return <-step
		}
		done <- l.Drive(context.Background(), beat, func() string { return "the test ended" })
	}()
	a.must(<-a.done)
}

func (a *agent) gather(ctx context.Context, tick uint64, ms int64) []guard.Quote {
	if a.feeds != nil {
		return oracle.Gather(ctx, a.feeds, tick, ms)
	}
	quotes := make([]guard.Quote, 3)
	for i := range quotes {
		quotes[i] = guard.Quote{Source: fmt.Sprint("s", i), Published: ms, Received: ms, Err: "scripted"}
		if a.price != "" {
			quotes[i].Price, quotes[i].Err = fixed.MustParse(a.price), ""
		}
	}
	return quotes
}

// ticks lets so many ticks happen, with blocks after each: what a tick sends is mined, and final at the next.
func (a *agent) ticks(n, blocks int) {
	a.t.Helper()
	for range n {
		a.must(a.once())
		a.blocks(blocks)
	}
}

// once is a tick, and its error.
func (a *agent) once() error {
	a.step <- true
	return <-a.done
}

// until ticks until the condition holds, at most 20 times.
func (a *agent) until(what string, blocks int, holds func() bool) {
	a.t.Helper()
	for range 20 {
		if a.ticks(1, blocks); holds() {
			return
		}
	}
	a.t.Fatalf("%s: not in 20 ticks: %+v, outcomes %+v, quarantine %+v, refused %q, anomalies %v", what, a.state.Position, a.outcomes(), a.state.Quarantine, a.tick.Refused, a.tick.Anomalies)
}

func (a *agent) holding() bool { return a.state.Position.Qty > 0 }
func (a *agent) flat() bool    { return a.state.Position.Qty == 0 && a.state.Open == nil }

// kill drops everything that is not in the folder.
func (a *agent) kill() { a.must(a.ledger.Close()) }

// outcomes are the outcome records.
func (a *agent) outcomes() (all []core.Outcome) {
	a.t.Helper()
	for rec, err := range ledger.Scan(a.dir, 0) {
		a.must(err)
		if rec.Kind == ledger.KindOutcome {
			var o core.Outcome
			a.must(json.Unmarshal(rec.Body(), &o))
			all = append(all, o)
		}
	}
	return all
}

// settled checks at the end of a test that the ledger says what the chain says: every intent was sent at most once and told once, position and
// cash are what the account has, and the records replay to themselves.
func (a *agent) settled(transactions uint64) {
	a.t.Helper()
	a.ticks(1, 0)
	a.kill()
	var replay loop.Replayer
	for rec, err := range ledger.Scan(a.dir, 0) {
		a.must(err)
		a.must(replay.Apply(rec))
	}
	if !reflect.DeepEqual(replay.State, a.state) {
		a.t.Fatalf("replay gives\n%+v, the loop had\n%+v", replay.State, a.state)
	}
	acc := a.seen.Account
	if acc.Base != a.state.Position.Qty {
		a.t.Fatalf("the account has %s base, the ledger %s", acc.Base, a.state.Position.Qty)
	}
	// The chain's gas is paid in the native coin, so the quote balance is the ledger's cash and what it booked for gas.
	var gas fixed.Value
	for _, o := range a.outcomes() {
		gas += o.Gas
	}
	// A burn is booked as it was ordered, and sent without what the token cannot show: less than a unit of its six decimals stays.
	if dust := acc.Quote - a.state.Cash - gas; dust < 0 || dust >= val("0.000001") || dust > 0 && a.state.Burned == 0 {
		a.t.Fatalf("the account has %s quote, the ledger %s and %s of gas", acc.Quote, a.state.Cash, gas)
	}
	if n := a.nonce(a.trader); n != 2+transactions {
		a.t.Fatalf("expected %d transactions after the two approvals, found %d", transactions, n-2)
	}
}

func (a *agent) wantQuarantine(code core.Code, manual bool) {
	a.t.Helper()
	if q := a.state.Quarantine; !q.Active || q.Reason != code || q.Manual != manual {
		a.t.Fatalf("expected a quarantine for %s, manual=%t, found %+v of %v", code, manual, q, a.tick.Anomalies)
	}
}

// pump lets somebody else buy, so that the pool's price rises.
func (a *agent) pump() {
	a.t.Helper()
	a.sends(a.owner, a.quote, approve.Pack(a.router, times(10_000, pow6)))
	a.sends(a.owner, a.router, swapIn.Pack(times(10_000, pow6), one, []common.Address{a.quote, a.base}, addressOf(a.owner), forever))
}

func TestARoundTripAndItsBurnOnTheChain(t *testing.T) {
	a := newAgent(startUniswap(t))
	a.boot()
	a.until("a buy", 2, func() bool { return a.state.Open != nil })
	if a.holding() {
		t.Fatal("a fill was told before its transaction was final")
	}
	a.until("its fill", 2, a.holding)
	a.pump() // the pool's price is 21 % higher
	a.price = "120"
	a.until("a burn", 1, func() bool { return a.tick.Action != nil && a.tick.Action.Side == core.Burn })
	if !soldAndFinal(a) {
		t.Fatalf("burned before the sell was final: %+v", a.outcomes())
	}
	a.price = "" // and no other trip
	a.until("its end", 1, a.flat)
	var sides []string
	for _, o := range a.outcomes() {
		sides = append(sides, fmt.Sprintf("%s %s", o.Side, o.Result))
	}
	if got := strings.Join(sides, ", "); !strings.Contains(got, "buy filled") || !strings.Contains(got, "sell filled") || !strings.HasSuffix(got, "burn filled") {
		t.Fatalf("found %s", got)
	}
	if dust := a.state.Burned - a.burntOnChain(); a.state.Burned <= 0 || dust < 0 || dust >= val("0.000001") {
		t.Fatalf("the ledger burned %s, the chain %s", a.state.Burned, a.burntOnChain())
	}
	a.settled(3)
}

// soldAndFinal: the last outcome before now is that of a sell, in full.
func soldAndFinal(a *agent) bool {
	all := a.outcomes()
	for i := len(all) - 1; i >= 0; i-- {
		if all[i].Side == core.Sell {
			return all[i].Result == core.Filled
		}
	}
	return false
}

// killed takes the process with it before or after an order of a side is sent, once.
type killed struct {
	venue.Venue
	side   core.Side
	before bool
	armed  *bool
}

func (k killed) Do(ctx context.Context, o venue.Order) venue.Answer {
	if o.Side != k.side || !*k.armed {
		return k.Venue.Do(ctx, o)
	}
	*k.armed = false
	if !k.before {
		k.Venue.Do(ctx, o)
	}
	panic("the process")
}

// TestACrashAroundEachSendLosesNothingAndSendsNothingTwice: the process is killed before, or after, each of the three kinds of order is sent.
func TestACrashAroundEachSendLosesNothingAndSendsNothingTwice(t *testing.T) {
	for _, side := range []core.Side{core.Buy, core.Sell, core.Burn} {
		for _, before := range []bool{true, false} {
			when := map[bool]string{true: "before", false: "after"}[before]
			t.Run(fmt.Sprintf("%s a %s is sent", when, side), func(t *testing.T) {
				c := startUniswap(t)
				c.t = t
				a := newAgent(c)
				armed := true
				a.wrap = func(v venue.Venue) venue.Venue { return killed{v, side, before, &armed} }
				a.boot()
				for range 20 {
					err := a.once()
					if err != nil {
						break
					}
					a.blocks(2)
					if a.holding() && a.price == "100" {
						a.pump()
						a.price = "120"
					}
				}
				if armed {
					t.Fatal("it was not killed")
				}
				a.kill()
				if before || side != core.Burn {
					a.blocks(2)
				}
				a.boot()
				a.price = "" // no other trip, and the exit of this one
				sent := uint64(map[core.Side]int{core.Buy: 1, core.Sell: 2, core.Burn: 3}[side])
				switch {
				case side == core.Buy && before: // it is not sent any more: it ends by its deadline
					a.ticks(1, 0)
					if a.state.Open == nil {
						t.Fatalf("expected the intent open until its deadline, found %+v", a.outcomes())
					}
					a.expire()
					a.ticks(1, 2)
					if out := a.outcomes(); out[len(out)-1].Result != core.NotFound || a.holding() {
						t.Fatalf("found %+v", out)
					}
					sent = 0
				case side == core.Buy: // it was filled, and the kernel, which saw no tick of it, is told to sell
					a.until("its fill", 2, a.holding)
					a.until("the exit", 2, a.flat)
					sent = 2
				default:
					a.until("the end of the trip", 2, func() bool { return a.flat() && a.state.Burned > 0 })
					sent = 3
				}
				a.settled(sent)
				count := map[string]int{}
				for _, o := range a.outcomes() {
					if o.Result.Final() {
						count[o.ID]++
					}
				}
				for id, n := range count {
					if n != 1 {
						t.Fatalf("%d final outcomes of %s", n, id)
					}
				}
			})
		}
	}
}

func TestALostReplyQuarantinesUntilAPersonSaysSoAndTheFillIsKept(t *testing.T) {
	c := startUniswap(t)
	p := newProxy(t, c.url)
	a := newAgent(c)
	a.change = func(s *uniswapv2.Config) { s.RPCURL = p.URL }
	p.on(loseReply, "eth_sendRawTransaction")
	a.boot()
	a.until("a buy", 0, func() bool { return a.state.Open != nil })
	p.on(pass)
	a.blocks(2)
	a.ticks(1, 2)
	a.wantQuarantine(core.OrderAmbiguous, true)
	if !a.holding() {
		t.Fatalf("the fill is lost: %+v", a.outcomes())
	}
	a.until("the exit", 2, a.flat)
	a.ticks(6, 0)
	a.wantQuarantine(core.OrderAmbiguous, true)
	if n := p.count("eth_sendRawTransaction"); n != 2 {
		t.Fatalf("expected a buy and a sell sent, found %d", n)
	}
	a.settled(2)
}

func TestANodeThatIsAwayWhileAPositionIsHeldIsAQuarantineAndTheExitFollows(t *testing.T) {
	c := startUniswap(t)
	p := newProxy(t, c.url)
	a := newAgent(c)
	a.change = func(s *uniswapv2.Config) { s.RPCURL = p.URL }
	a.boot()
	a.until("a position", 2, a.holding)
	p.on(cut)
	a.ticks(3, 1)
	a.wantQuarantine(core.VenueUnreachable, false)
	if !a.holding() || a.state.Exit == "" {
		t.Fatalf("expected the position kept and its exit owed, found %+v %q", a.state.Position, a.state.Exit)
	}
	p.on(pass)
	a.until("the exit", 2, a.flat)
	a.until("the release", 0, func() bool { return !a.state.Quarantine.Active })
	a.price = ""
	a.settled(2)
}

func TestASellThatRevertsIsTriedAgainUntilThePositionIsFlat(t *testing.T) {
	c := startUniswap(t)
	a := newAgent(c)
	a.boot()
	a.until("a position", 2, a.holding)
	a.sends(a.owner, a.base, approve.Pack(a.router, times(1_000, ether)))
	a.until("a sell", 0, func() bool { return a.state.Open != nil && a.state.Open.Side == core.Sell })
	// Somebody sells much in the same block, before it.
	front := a.sign(a.owner, a.nonce(a.owner), 50, &a.router, nil, swapIn.Pack(times(200, ether), one, []common.Address{a.base, a.quote}, addressOf(a.owner), forever))
	a.must(a.Client().SendTransaction(context.Background(), front))
	a.blocks(2)
	a.price = "69" // where the pool is now
	a.ticks(1, 0)
	a.wantQuarantine(core.OrderRefused, false)
	if out := a.outcomes(); !slices.ContainsFunc(out, func(o core.Outcome) bool { return o.Result == core.Refused && o.Gas > 0 }) || !a.holding() {
		t.Fatalf("found %+v", out)
	}
	a.blocks(2)
	a.until("the exit", 2, a.flat)
	a.settled(3)
}
