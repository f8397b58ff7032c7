package loop

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/taudaemon/taudaemon/daemon/core"
	"github.com/taudaemon/taudaemon/daemon/fixed"
	"github.com/taudaemon/taudaemon/daemon/guard"
	"github.com/taudaemon/taudaemon/daemon/ledger"
	"github.com/taudaemon/taudaemon/daemon/monitor"
	"github.com/taudaemon/taudaemon/daemon/report/lease"
	"github.com/taudaemon/taudaemon/daemon/tau"
	"github.com/taudaemon/taudaemon/daemon/tau/shadow"
	"github.com/taudaemon/taudaemon/daemon/venue"
	"github.com/taudaemon/taudaemon/daemon/venue/paper"
)

// lab is a rig in which everything can be made to go wrong for a tick, on a venue without a balance of somebody else.
type lab struct {
	*rig
	tenure *thin
	disk   *fullDisk
	// do answers an order in the market's stead, account changes what it says that we have, renew fails the dead man's switch, quotes changes what the
	// sources say; nil for nothing. silent: the venue does not answer a question.
	do      func(*market, venue.Order) venue.Answer
	account func(*core.Account)
	renew   error
	quotes  func([]guard.Quote)
	silent  bool
	skew    time.Duration // of the wall clock
	slow    time.Duration // what the sources take
	engines [specCount]*faultyEngine
}

// faulty is the market with the lab's faults.
type faulty struct {
	*market
	lab *lab
}

func (f *faulty) Do(ctx context.Context, o venue.Order) venue.Answer {
	if f.lab.do != nil {
		return f.lab.do(f.market, o)
	}
	return f.market.Do(ctx, o)
}

func (f *faulty) Query(ctx context.Context, o venue.Order) venue.Answer {
	if f.lab.silent {
		return venue.Answer{Result: core.Ambiguous, Reason: "no answer"}
	}
	return f.market.Query(ctx, o)
}

func (f *faulty) Cancel(ctx context.Context, o venue.Order) venue.Answer { return f.Query(ctx, o) }

func (f *faulty) Account(ctx context.Context) core.Account {
	a := f.market.Account(ctx)
	if f.lab.account != nil {
		f.lab.account(&a)
	}
	return a
}

func (f *faulty) Renew(context.Context) error { return f.lab.renew }

// faultyEngine fails a step, or changes what it says.
type faultyEngine struct {
	tau.Engine
	fails  error
	change func(out []uint64)
}

func (e *faultyEngine) Step(ctx context.Context, in, out []uint64) error {
	if e.fails != nil {
		return e.fails
	}
	err := e.Engine.Step(ctx, in, out)
	if e.change != nil {
		e.change(out)
	}
	return err
}

type fullDisk struct {
	Ledger
	full bool
}

func (d *fullDisk) Space() (ledger.Space, error) { return ledger.Space{Stop: d.full}, nil }

func newLab(t *testing.T, edit ...string) *lab {
	l := &lab{rig: newRig(t), tenure: &thin{Unfenced: lease.NewUnfenced(1), margin: time.Hour}}
	l.config = strings.NewReplacer(edit...).Replace(testConfig)
	l.rig.tenure = l.tenure
	m := l.withMarket(paper.Config{})
	m.foreign, m.Venue = 0, paper.New(paper.Config{Now: func() time.Time { return l.clock().Wall() }}, 0, fixed.MustParse("1000"))
	l.begin()
	return l
}

func (l *lab) begin() {
	l.t.Helper()
	l.must(l.rig.begin())
	l.loop.Venue = &faulty{l.market, l}
	l.disk = &fullDisk{Ledger: l.loop.Ledger}
	l.loop.Ledger = l.disk
	wall, gather := l.loop.Clock.Wall, l.loop.Gather
	l.loop.Clock.Wall = func() time.Time { return wall().Add(l.skew) }
	l.loop.Gather = func(ctx context.Context, tick uint64, ms int64) []guard.Quote {
		l.now += l.slow
		quotes := gather(ctx, tick, ms)
		if l.quotes != nil {
			l.quotes(quotes)
		}
		return quotes
	}
	for i, e := range l.loop.Specs.engines {
		l.engines[i] = &faultyEngine{Engine: e}
		l.loop.Specs.engines[i] = l.engines[i]
	}
}

// heal ends all faults. A clock that was set stays set.
func (l *lab) heal() {
	l.do, l.account, l.renew, l.quotes, l.silent, l.slow = nil, nil, nil, nil, false, 0
	l.tenure.margin, l.disk.full = time.Hour, false
	l.price = at("100")
	for _, e := range l.engines {
		e.fails, e.change = nil, nil
	}
}

// step is a tick, and its record.
func (l *lab) step() core.Tick {
	l.t.Helper()
	l.must(l.ticks(1))
	return l.loop.last.record
}

// flip lets a monitor say the contrary with one output.
func (l *lab) flip(id monitor.ID) { l.engines[id].change = func(out []uint64) { out[0] ^= 1 } }

func at(price string) func(uint64) string { return func(uint64) string { return price } }

func bought(t core.Tick) bool { return t.Act != nil && t.Act.Side == core.Buy }

func sold(t core.Tick) bool { return t.Act != nil && t.Act.Side == core.Sell }

func has(t core.Tick, c core.Code) bool {
	return slices.ContainsFunc(t.Anomalies, func(a core.Anomaly) bool { return a.Code == c })
}

// fault is how an anomaly comes about, by what is done to a lab before a tick.
type fault struct {
	name   string
	code   core.Code
	inject func(*lab)
	// late: it is found after the tick, and taken up by the next one.
	late bool
	// held: there must be a position for it.
	held bool
	// edit of the configuration, as for a strings.Replacer.
	edit []string
}

// faults are those of a tick.
var faults = []fault{
	{name: "no price", code: core.OracleStale, inject: func(l *lab) { l.price = at("") }},
	{name: "two of three sources away from each other", code: core.OracleStale, inject: func(l *lab) {
		l.quotes = func(q []guard.Quote) { q[0].Price, q[1].Price = fixed.MustParse("90"), fixed.MustParse("110") }
	}},
	{name: "a move beyond the limit", code: core.PriceMove, inject: func(l *lab) { l.price = at("104") }, edit: []string{"min_quorum", "max_move_bps = 300\nmin_quorum"}},
	{name: "the venue's clock", code: core.ClockSkew, edit: []string{"min_quorum", "max_skew_ms = 2000\nmin_quorum"}, inject: func(l *lab) {
		l.account = func(a *core.Account) {
			a.Asked = l.clock().Wall().UnixMilli()
			a.Received, a.Server = a.Asked, a.Asked+60_000
		}
	}},
	{name: "an amount beyond what a Value holds", code: core.GuardError, inject: func(l *lab) { l.price = at("9223372036.5") }},
	{name: "an engine that is gone", code: core.NoVerdict, inject: func(l *lab) { l.engines[kernelAt].fails = errors.New("gone") }},
	{name: "a monitor that is gone", code: core.NoVerdict, inject: func(l *lab) { l.engines[monitor.Liveness].fails = errors.New("gone") }},
	{name: "two engines", code: core.EngineDisagreement, inject: func(l *lab) { l.engines[kernelAt].fails = &shadow.DisagreementError{} }},
	{name: "a witness", code: core.WitnessDisagreement, inject: func(l *lab) { l.flip(monitor.Cooldown) }},
	{name: "an invariant", code: core.InvariantBroken, inject: func(l *lab) { l.flip(monitor.Invariants) }},
	{name: "a stall", code: core.Stalled, inject: func(l *lab) { l.flip(monitor.Liveness) }},
	{name: "half of the position is gone", code: core.BalanceLow, held: true, inject: func(l *lab) { l.account = func(a *core.Account) { a.Base /= 2 } }},
	{name: "no balances", code: core.VenueUnreachable, inject: func(l *lab) { l.account = func(a *core.Account) { *a = core.Account{Err: "no route"} } }},
	{name: "the dead man's switch", code: core.VenueUnreachable, held: true, inject: func(l *lab) { l.renew = errors.New("no route") }},
	{name: "a clock that was set", code: core.ClockStep, inject: func(l *lab) { l.skew = time.Minute }},
	{name: "slow sources", code: core.TickOverrun, late: true, inject: func(l *lab) { l.slow = 5 * time.Second }},
	{name: "a thin margin", code: core.LeaseThin, inject: func(l *lab) { l.tenure.margin = 3 * time.Second }},
	{name: "a full disk", code: core.DiskLow, inject: func(l *lab) { l.disk.full = true }},
	{name: "a bit that turned", code: core.LedgerDamaged, inject: func(l *lab) { l.loop.damage <- errors.New("a bit is another") }},
	{name: "a loss", code: core.RiskHalted, held: true, inject: func(l *lab) { l.price = at("90") }, edit: []string{"max_drawdown_bps = 9000", "max_drawdown_bps = 50"}},
}

// orderFaults are those of the buy at the third tick.
var orderFaults = []fault{
	{name: "refused", code: core.OrderRefused, inject: func(l *lab) { l.answers(venue.Answer{Result: core.Refused, Reason: "no"}) }},
	{name: "a venue that does not find what it was just given", code: core.OrderAmbiguous, inject: func(l *lab) {
		l.do = func(m *market, o venue.Order) venue.Answer {
			m.Do(context.Background(), o)
			return venue.Answer{Result: core.NotFound}
		}
		l.silent = true
	}},
	{name: "no reply, and it was executed", code: core.OrderAmbiguous, inject: func(l *lab) {
		l.do = func(m *market, o venue.Order) venue.Answer {
			m.Do(context.Background(), o)
			return venue.Answer{Result: core.Ambiguous, Reason: "no reply"}
		}
		l.silent = true
	}},
	{name: "no reply, and it never came", code: core.OrderAmbiguous, inject: func(l *lab) {
		l.answers(venue.Answer{Result: core.Ambiguous, Reason: "no reply"})
		l.silent = true
	}},
	{name: "an answer that there is none of", code: core.OrderAmbiguous, inject: func(l *lab) { l.answers(venue.Answer{Result: "maybe"}); l.silent = true }},
	{name: "beyond its limit", code: core.SlippageExceeded, inject: func(l *lab) {
		l.do = func(m *market, o venue.Order) venue.Answer {
			a := m.Do(context.Background(), o)
			a.Fills[0].Price = o.Limit + 1
			return a
		}
	}},
	{name: "twice of what was ordered", code: core.SettlementMismatch, inject: func(l *lab) {
		l.do = func(m *market, o venue.Order) venue.Answer {
			a := m.Do(context.Background(), o)
			o.ID += "again"
			a.Fills = append(a.Fills, m.Do(context.Background(), o).Fills...)
			return a
		}
	}},
	{name: "an id that was used", code: core.ReplayAlert, inject: func(l *lab) { l.answers(venue.Answer{Result: core.Refused, Reason: "duplicate", Replay: true}) }},
	{name: "cancelled", code: core.BeliefDiffers, inject: func(l *lab) { l.answers(venue.Answer{Result: core.Cancelled}) }},
}

// answers lets the venue answer without doing anything.
func (l *lab) answers(a venue.Answer) { l.do = func(*market, venue.Order) venue.Answer { return a } }

func TestEveryCodeHasItsFault(t *testing.T) {
	known := map[core.Code]bool{core.ShieldRefused: true} // in a test of its own
	for _, f := range slices.Concat(faults, orderFaults) {
		known[f.code] = true
	}
	for _, c := range core.Codes() {
		if !known[c] {
			t.Errorf("no fault leads to %s", c)
		}
	}
}

// TestAnAnomalyAtATickThatHoldsAPosition: f is set at n+1 and n+2, the exit is ordered by n+1, the quarantine has the anomaly's reason, and ends as it
// must.
func TestAnAnomalyAtATickThatHoldsAPosition(t *testing.T) {
	for _, f := range faults {
		t.Run(string(f.code)+"/"+f.name, func(t *testing.T) {
			l := newLab(t, f.edit...)
			l.must(l.ticks(3))
			if l.loop.state.Position.Qty == 0 {
				t.Fatal("no position to begin with")
			}
			f.inject(l)
			n := l.step()
			l.heal()
			n1 := l.step()
			n2 := l.step()
			found := n
			if f.late {
				found = n1
			}
			l.check(f.code, found, n, n1, n2)
			if !sold(n) && !sold(n1) {
				t.Errorf("no exit by n+1: %+v %+v", n.Act, n1.Act)
			}
			l.recovers(f.code)
		})
	}
}

// TestAnAnomalyAtATickThatWouldBuy: it does not.
func TestAnAnomalyAtATickThatWouldBuy(t *testing.T) {
	for _, f := range faults {
		if f.held {
			continue
		}
		t.Run(string(f.code)+"/"+f.name, func(t *testing.T) {
			l := newLab(t, f.edit...)
			l.must(l.ticks(2))
			f.inject(l)
			n := l.step()
			if len(l.market.sent) != 0 {
				t.Fatalf("%+v left", l.market.sent)
			}
			l.heal()
			n1 := l.step()
			n2 := l.step()
			found := n
			if f.late { // what was decided before it was late is in the record, and has not left
				found, n.Act = n1, nil
			}
			l.check(f.code, found, n, n1, n2)
			l.recovers(f.code)
		})
	}
}

// TestAnOrderThatFails is taken up by the tick after it, here n.
func TestAnOrderThatFails(t *testing.T) {
	for _, f := range orderFaults {
		t.Run(string(f.code)+"/"+f.name, func(t *testing.T) {
			l := newLab(t, f.edit...)
			l.must(l.ticks(2))
			f.inject(l)
			if buy := l.step(); !bought(buy) {
				t.Fatalf("no buy: %+v", buy)
			}
			n := l.step()
			n1 := l.step()
			n2 := l.step()
			l.check(f.code, n, n, n1, n2)
			if f.code == core.OrderAmbiguous {
				if l.loop.state.Open == nil || len(l.market.sent) > 1 {
					t.Fatalf("open %+v, sent %+v", l.loop.state.Open, l.market.sent)
				}
			}
			held := l.market.ours() > 0
			l.heal()
			for n := 0; held && l.market.ours() > 0; n++ {
				if n > 4 {
					t.Fatalf("what was bought is not sold: %+v", l.loop.last.record)
				}
				l.step()
			}
			l.recovers(f.code)
		})
	}
}

func TestWhatTheShieldRefuses(t *testing.T) {
	l := newLab(t, "max_drawdown_bps", "max_position_qty = 500_000_000\nmax_drawdown_bps")
	l.must(l.ticks(2))
	n := l.step()
	n1 := l.step()
	n2 := l.step()
	l.check(core.ShieldRefused, n, n, n1, n2)
	if len(l.market.sent) != 0 || n.Refused != "buy: above the position limit" {
		t.Fatalf("%q %+v", n.Refused, l.market.sent)
	}
	// Another configuration is what helps.
	l.crash()
	l.config = testConfig
	l.begin()
	l.recovers(core.ShieldRefused)
}

// check is what holds for the ticks n, n+1 and n+2 of every anomaly; found is the one that took it up.
func (l *lab) check(c core.Code, found, n, n1, n2 core.Tick) {
	l.t.Helper()
	q := l.loop.state.Quarantine
	if !has(found, c) || !found.Quarantine.Active || found.Quarantine.Reason != c || found.Quarantine.Manual != c.AlwaysManual() || !q.Active || q.Reason != c {
		l.t.Fatalf("expected a quarantine for %s (manual %t), found %+v, then %+v, anomalies %v", c, c.AlwaysManual(), found.Quarantine, q, found.Anomalies)
	}
	if bought(n) || bought(n1) || bought(n2) {
		l.t.Fatalf("a buy: %+v %+v %+v", n.Act, n1.Act, n2.Act)
	}
	for i, t := range []core.Tick{n1, n2} {
		if t.NoVerdict == "" && t.In[4] != '1' || !t.Facts.Echo {
			l.t.Errorf("f is not set at n+%d: %q %+v", i+1, t.In, t.Facts)
		}
	}
}

// recovers: the quarantine ends after clean ticks, or on the acknowledgement of its incident and not before; then it is traded again.
func (l *lab) recovers(c core.Code) {
	l.t.Helper()
	for n := 0; n < 20 && l.loop.state.Quarantine.Active; n++ {
		if t := l.step(); t.Quarantine.Active && bought(t) {
			l.t.Fatalf("a buy in quarantine: %+v", t)
		}
	}
	if q := l.loop.state.Quarantine; q.Active != c.AlwaysManual() {
		l.t.Fatalf("after 20 ticks in which all was well: %+v, %v", q, l.loop.last.record.Anomalies)
	}
	l.tenure.commands.Acknowledge = l.loop.state.Quarantine.Incident
	for n := 0; ; n++ {
		t := l.step()
		if l.loop.state.Quarantine.Active {
			l.t.Fatalf("not released: %+v %v", l.loop.state.Quarantine, t.Anomalies)
		}
		if bought(t) {
			return
		}
		if n > 10 {
			l.t.Fatalf("no trade after it: %+v", t)
		}
	}
}
