package core_test

import (
	"context"
	"encoding/json"
	"fmt"
	"path"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/taudaemon/taudaemon/daemon/core"
	"github.com/taudaemon/taudaemon/daemon/fixed"
	"github.com/taudaemon/taudaemon/daemon/guard"
	"github.com/taudaemon/taudaemon/daemon/loop"
	"github.com/taudaemon/taudaemon/daemon/monitor"
	"github.com/taudaemon/taudaemon/daemon/signal"
	"github.com/taudaemon/taudaemon/daemon/tau"
	"github.com/taudaemon/taudaemon/specs"
)

var one = fixed.MustParse("1")

func testParams() core.Params {
	return core.Params{
		FailHoldTicks: 2, ClearTicks: 3,
		Freshness: guard.FreshnessLimits{MinQuorum: 2, ToleranceBps: 50, MaxAgeMS: []int64{1000, 1000, 1000}},
		Costs:     guard.Costs{FeeBpsBuy: 10, FeeBpsSell: 10, SlippageBps: 10},
		TradeQty:  one, BurnShareBps: 1000, EmergencySlippageBps: 200, CooldownTicks: 2,
		Risk:            guard.RiskLimits{MaxPositionTicks: 12, MaxPositionQty: one, MaxDrawdownBps: 5000},
		Signal:          signal.Params{BandWindow: 2, BandBps: -100, TargetBps: 100, VolumeWindow: 1},
		ExitOnLeaseRisk: true,
	}
}

// world steps core with the real kernel, and plays the venue.
type world struct {
	t      testing.TB
	params core.Params
	state  core.State
	specs  *loop.Specs
	said   core.Verdicts // of the last tick
	seq    uint64
	ms     int64
	base   fixed.Value
	quote  fixed.Value
}

func newWorld(t testing.TB, p core.Params) *world {
	t.Helper()
	var set [monitor.Count + 1]core.Spec
	for i := range set {
		name := specs.KernelV35
		if i < int(monitor.Count) {
			name = monitor.ID(i).File()
		}
		src, err := specs.FS.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		set[i] = core.Spec{Name: path.Base(name), Digest: tau.Digest(src), Text: string(src)}
	}
	nine, err := loop.Embedded(set)
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, params: p, specs: nine, ms: 1_000_000, quote: fixed.MustParse("100000")}
	w.state = core.ApplyBoot(core.State{}, &core.Boot{Config: "c", Specs: set, Baseline: core.Account{Quote: w.quote}})
	return w
}

// observe is a healthy observation at a price; an empty price is a dead market of sources.
func (w *world) observe(price string) core.Observation {
	w.ms += 1000
	o := core.Observation{MS: w.ms, Lease: core.LeaseHeld, Account: core.Account{Base: w.base, Quote: w.quote}}
	for i := range 3 {
		q := guard.Quote{Source: fmt.Sprint("s", i), Published: w.ms, Received: w.ms, Err: "dead"}
		if price != "" {
			q.Price, q.Err = fixed.MustParse(price), ""
		}
		o.Quotes = append(o.Quotes, q)
	}
	return o
}

// tick runs one tick and leaves its intent, if any, open.
func (w *world) tick(o core.Observation) core.Decision {
	w.t.Helper()
	before, err := json.Marshal(w.state)
	if err != nil {
		w.t.Fatal(err)
	}
	facts := core.Assess(&w.params, &w.state, &o)
	w.said = w.specs.Consult(context.Background(), &w.params, &w.state, &o, &facts)
	next, d := core.Step(&w.params, w.state, &o, &w.said)
	if after, _ := json.Marshal(w.state); string(after) != string(before) {
		w.t.Fatalf("Step changed the state it was given:\n%s\n%s", before, after)
	}
	w.seq++
	w.state = next.Named(w.seq, fmt.Sprint("id", w.seq))
	return d
}

// answer gives the open intent an outcome; a filled one is filled with qty at its reference price.
func (w *world) answer(result core.Result, qty fixed.Value) {
	w.t.Helper()
	open := w.state.Open
	out := core.Outcome{Intent: open.Seq, ID: open.ID, Side: open.Side, Result: result, Reason: "test"}
	if open.Side != core.Burn && qty > 0 {
		out.Fills = []core.Fill{{Qty: qty, Price: open.Reference}}
		cost, err := qty.Mul(open.Reference, fixed.Ceil)
		if err != nil {
			w.t.Fatal(err)
		}
		if open.Side == core.Buy {
			w.base, w.quote = w.base+qty, w.quote-cost
		} else {
			w.base, w.quote = w.base-qty, w.quote+cost
		}
	}
	next, err := core.ApplyOutcome(w.state, &out)
	if err != nil {
		w.t.Fatal(err)
	}
	w.state = next
}

// enter brings the world into a position of one unit bought at 100.
func (w *world) enter() {
	w.t.Helper()
	for range 2 {
		w.tick(w.observe("100"))
	}
	d := w.tick(w.observe("100"))
	if d.Action == nil || d.Action.Side != core.Buy {
		w.t.Fatalf("no buy after warm-up: %+v", d)
	}
	w.answer(core.Filled, one)
}

func wantAction(t *testing.T, d core.Decision, side core.Side, forced bool, why string) {
	t.Helper()
	if d.Action == nil || d.Action.Side != side || d.Action.Forced != forced || d.Action.Reason != why {
		t.Fatalf("expected a %s (forced %t, %s), found %+v refused %q anomalies %v", side, forced, why, d.Action, d.Refused, d.Anomalies)
	}
}

func codes(as []core.Anomaly) string {
	var s strings.Builder
	for _, a := range as {
		s.WriteString(string(a.Code) + " ")
	}
	return s.String()
}

func TestWarmingUpNothingIsEntered(t *testing.T) {
	w := newWorld(t, testParams())
	for range 2 {
		if d := w.tick(w.observe("100")); d.Action != nil || !d.Healthy {
			t.Fatalf("%+v", d)
		}
	}
	w2 := newWorld(t, testParams())
	w2.enter()
}

func TestAProfitableRoundTripSellsAtTheTargetAndBurnsItsShare(t *testing.T) {
	w := newWorld(t, testParams())
	w.enter()
	wantAction(t, w.tick(w.observe("110")), core.Sell, false, "target")
	w.answer(core.Filled, one)
	d := w.tick(w.observe("110"))
	wantAction(t, d, core.Burn, false, "realised profit")
	if d.Action.Qty != one { // 10 realised, a tenth of it burned
		t.Fatalf("expected to burn 1, found %s", d.Action.Qty)
	}
	w.answer(core.Filled, 0)
	if w.state.Burned != one || w.state.Realised != 10*one || w.state.BurnArmed {
		t.Fatalf("%+v", w.state)
	}
}

func TestABurnIsCancelledWhenTheSellRealisedNoProfit(t *testing.T) {
	w := newWorld(t, testParams())
	w.enter()
	wantAction(t, w.tick(w.observe("110")), core.Sell, false, "target")
	w.state.Open.Reference = fixed.MustParse("99") // the venue fills far below what the guard saw
	w.answer(core.Filled, one)
	d := w.tick(w.observe("110"))
	if d.Action != nil || d.Refused != "burn: cancelled, the sell realised -1" {
		t.Fatalf("%+v %q", d.Action, d.Refused)
	}
	if codes(d.Anomalies) != "SlippageExceeded " {
		t.Fatal(d.Anomalies)
	}
}

func TestAFreshnessDropSellsAtTheSameTickWithoutAPrice(t *testing.T) {
	w := newWorld(t, testParams())
	w.enter()
	d := w.tick(w.observe(""))
	wantAction(t, d, core.Sell, true, "stale")
	if want := fixed.MustParse("98"); d.Action.Limit != want { // emergency slippage of 2% below the last good price
		t.Fatalf("expected limit %s, found %s", want, d.Action.Limit)
	}
	if q := w.state.Quarantine; !q.Active || q.Reason != core.OracleStale || q.Manual {
		t.Fatalf("%+v", q)
	}
}

func TestTheTimerSellsAfterThreeTicks(t *testing.T) {
	w := newWorld(t, testParams())
	w.enter()
	for range 2 {
		if d := w.tick(w.observe("100")); d.Action != nil {
			t.Fatalf("%+v", d.Action)
		}
	}
	wantAction(t, w.tick(w.observe("100")), core.Sell, false, "timeout")
}

func TestAnEchoIsHeldForTwoTicksAfterAnAnomalyAndQuarantineForClearTicks(t *testing.T) {
	w := newWorld(t, testParams())
	for range 2 {
		w.tick(w.observe("100"))
	}
	o := w.observe("100")
	o.Events = []core.Anomaly{{Code: core.ClockStep}}
	if d := w.tick(o); d.Action != nil || !w.said.In.FailureEcho {
		t.Fatalf("a buy or no echo at the anomaly's tick: %+v", d)
	}
	for i := range 3 {
		d := w.tick(w.observe("100"))
		if d.Action != nil || !w.said.In.FailureEcho || !d.Healthy {
			t.Fatalf("tick %d after the anomaly: %+v", i+1, d)
		}
	}
	if w.state.Quarantine.Active {
		t.Fatal("still quarantined after three clean ticks")
	}
	wantAction(t, w.tick(w.observe("100")), core.Buy, false, "kernel")
}

func TestAManualQuarantineEndsOnlyByTheAcknowledgementOfItsIncident(t *testing.T) {
	p := testParams()
	p.ManualRelease = true
	w := newWorld(t, p)
	w.tick(w.observe("100"))
	w.tick(w.observe(""))
	for range 20 {
		w.tick(w.observe("100"))
	}
	incident := w.state.Quarantine.Incident
	if !w.state.Quarantine.Active || incident != "q2" {
		t.Fatalf("%+v", w.state.Quarantine)
	}
	for _, ack := range []string{"", "q1", "q22"} {
		o := w.observe("100")
		o.Acknowledge = ack
		if w.tick(o); !w.state.Quarantine.Active {
			t.Fatalf("released by %q", ack)
		}
	}
	o := w.observe("100")
	o.Acknowledge = incident
	if w.tick(o); w.state.Quarantine.Active {
		t.Fatal("not released by its own acknowledgement")
	}
}

func TestADrawdownBreachIsManualAndItsReleaseResetsThePeak(t *testing.T) {
	p := testParams()
	p.Risk.MaxDrawdownBps = 5 // of 100000: a loss of 50
	w := newWorld(t, p)
	w.enter()
	d := w.tick(w.observe("40"))
	if codes(d.Anomalies) != "RiskHalted " || !w.state.Quarantine.Manual || w.state.Quarantine.Reason != core.RiskHalted {
		t.Fatalf("%v %+v", d.Anomalies, w.state.Quarantine)
	}
	wantAction(t, d, core.Sell, true, "failure echo")
	w.answer(core.Filled, one)
	for range 5 {
		if d := w.tick(w.observe("40")); !d.Healthy {
			t.Fatalf("the same breach again: %v", d.Anomalies)
		}
	}
	o := w.observe("40")
	o.Acknowledge = w.state.Quarantine.Incident
	w.tick(o)
	if w.state.Quarantine.Active || w.state.Peak != w.state.Cash {
		t.Fatalf("%+v peak %s", w.state.Quarantine, w.state.Peak)
	}
}

func TestAnExitThatIsRefusedStaysOwedAndIsTriedAtEveryTick(t *testing.T) {
	w := newWorld(t, testParams())
	w.enter()
	wantAction(t, w.tick(w.observe("110")), core.Sell, false, "target")
	w.answer(core.Refused, 0)
	for range 5 {
		wantAction(t, w.tick(w.observe("")), core.Sell, true, "target")
		w.answer(core.Refused, 0)
	}
	wantAction(t, w.tick(w.observe("110")), core.Sell, true, "target")
	w.answer(core.Partial, one/4)
	wantAction(t, w.tick(w.observe("110")), core.Sell, true, "target")
	if got := w.state.Open.Qty; got != one-one/4 {
		t.Fatalf("expected the rest of the position, found %s", got)
	}
	w.answer(core.Filled, one-one/4)
	if w.state.Position != (core.Position{}) || w.state.Exit != "" {
		t.Fatalf("%+v", w.state)
	}
}

func TestARefusedBuyLeavesNoBeliefBehind(t *testing.T) {
	w := newWorld(t, testParams())
	for range 2 {
		w.tick(w.observe("100"))
	}
	w.tick(w.observe("100"))
	w.answer(core.Refused, 0)
	if d := w.tick(w.observe("100")); codes(d.Anomalies) != "OrderRefused BeliefDiffers " || d.Action != nil || w.state.Kernel.Holding {
		t.Fatalf("%v %+v", d.Anomalies, d.Action)
	}
	if d := w.tick(w.observe("100")); !d.Healthy {
		t.Fatal(d.Anomalies)
	}
}

func TestAnAmbiguousOrderBlocksNewRiskUntilTheVenueTells(t *testing.T) {
	w := newWorld(t, testParams())
	for range 3 {
		w.tick(w.observe("100"))
	}
	id := w.state.Open.ID
	w.answer(core.Ambiguous, 0)
	for range 10 {
		if d := w.tick(w.observe("100")); d.Action != nil {
			t.Fatalf("%+v", d.Action)
		}
	}
	if w.state.Open == nil || w.state.Open.ID != id || w.state.Quarantine.Reason != core.OrderAmbiguous || !w.state.Quarantine.Manual {
		t.Fatalf("%+v %+v", w.state.Open, w.state.Quarantine)
	}
	w.answer(core.Filled, one) // it had been filled after all: now it is a position that the kernel does not believe in
	wantAction(t, w.tick(w.observe("100")), core.Sell, true, "not believed held")
}

// TestAPositionThatABuyLeavesBehindBitByBitIsOwed: found by taud spec prove. The kernel sold while the buy was only pending, so there was
// nothing to sell; what the buy then fills is held by nobody's wish, and the rest of the buy stands in the way of its exit.
func TestAPositionThatABuyLeavesBehindBitByBitIsOwed(t *testing.T) {
	w := newWorld(t, testParams())
	for range 3 {
		w.tick(w.observe("100"))
	}
	if w.state.Open == nil || w.state.Open.Side != core.Buy {
		t.Fatalf("expected an open buy, found %+v", w.state.Open)
	}
	w.answer(core.Pending, 0)
	w.tick(w.observe("")) // the kernel sells: nothing is held, nothing is owed
	w.answer(core.Pending, one/2)
	d := w.tick(w.observe(""))
	if w.state.Exit != "not believed held" || d.Cancel != w.state.Open.ID || d.Action != nil {
		t.Fatalf("expected the exit to be owed and the buy to be cancelled, found exit %q, cancel %q, action %+v", w.state.Exit, d.Cancel, d.Action)
	}
	w.answer(core.Cancelled, 0)
	wantAction(t, w.tick(w.observe("")), core.Sell, true, "not believed held")
}

func TestNothingLeavesWithoutALease(t *testing.T) {
	w := newWorld(t, testParams())
	w.enter()
	o := w.observe("110")
	o.Lease = core.LeaseLost
	if d := w.tick(o); d.Action != nil || d.Refused != "sell: the Lease is lost" {
		t.Fatalf("%+v %q", d.Action, d.Refused)
	}
	wantAction(t, w.tick(w.observe("110")), core.Sell, true, "target")
}

func TestAThinLeaseExitsWhileItStillMay(t *testing.T) {
	w := newWorld(t, testParams())
	w.enter()
	o := w.observe("100")
	o.Lease = core.LeaseMarginThin
	wantAction(t, w.tick(o), core.Sell, true, "failure echo")

	p := testParams()
	p.ExitOnLeaseRisk = false
	w = newWorld(t, p)
	w.enter()
	o = w.observe("100")
	o.Lease = core.LeaseMarginThin
	if d := w.tick(o); d.Action != nil || !d.Healthy {
		t.Fatalf("%+v", d)
	}
}

func TestFlattenSellsAndTakesOnNothing(t *testing.T) {
	w := newWorld(t, testParams())
	w.enter()
	o := w.observe("100")
	o.Flatten = true
	wantAction(t, w.tick(o), core.Sell, false, "flatten")
	w.answer(core.Filled, one)
	for range 10 {
		o := w.observe("100")
		o.Flatten = true
		if d := w.tick(o); d.Action != nil {
			t.Fatalf("%+v", d.Action)
		}
	}
}

func TestAnotherKernelStartsAnewAndAHeldPositionIsSold(t *testing.T) {
	w := newWorld(t, testParams())
	w.enter()
	fresh := newWorld(t, testParams())
	fresh.base, fresh.quote, fresh.ms = w.base, w.quote, w.ms
	fresh.state = core.ApplyBoot(w.state, &core.Boot{Config: "c", Specs: [monitor.Count + 1]core.Spec{{Digest: "another"}}})
	wantAction(t, fresh.tick(fresh.observe("100")), core.Sell, true, "not believed held")
}

// TestSafetyUnderEveryEnvironment lets prices, leases, commands and the venue do whatever they like.
func TestSafetyUnderEveryEnvironment(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := testParams()
		p.CooldownTicks = uint64(rapid.IntRange(0, 3).Draw(t, "cooldown"))
		p.ManualRelease = rapid.Bool().Draw(t, "manual")
		tb := &fataler{t: t}
		w := newWorld(tb, p)
		sinceAnomaly, sinceSell := 100, 100
		for range rapid.IntRange(1, 120).Draw(t, "ticks") {
			price := rapid.SampledFrom([]string{"100", "100", "100", "103", "97", "110", "90", ""}).Draw(t, "price")
			o := w.observe(price)
			o.Lease = rapid.SampledFrom([]core.LeaseState{core.LeaseHeld, core.LeaseHeld, core.LeaseHeld, core.LeaseMarginThin, core.LeaseLost}).Draw(t, "lease")
			o.Flatten = rapid.IntRange(0, 9).Draw(t, "flatten") == 0
			if rapid.IntRange(0, 4).Draw(t, "ack") == 0 {
				o.Acknowledge = w.state.Quarantine.Incident
			}
			before := w.state
			d := w.tick(o)
			sinceAnomaly++
			sinceSell++
			if a := d.Action; a != nil {
				if before.Open != nil {
					t.Fatalf("a second order beside the open intent %+v: %+v", before.Open, a)
				}
				if o.Lease == core.LeaseLost {
					t.Fatalf("%+v left without a Lease", a)
				}
				switch a.Side {
				case core.Buy:
					switch {
					case price == "", o.Lease != core.LeaseHeld, o.Flatten, len(d.Anomalies) > 0, before.Position.Qty != 0,
						before.Quarantine.Active && before.Quarantine.Incident != o.Acknowledge, sinceSell <= int(p.CooldownTicks):
						t.Fatalf("a buy that must not be: %+v, before %+v", d, before)
					}
					if sinceAnomaly <= 2 {
						t.Fatalf("a buy %d ticks after an anomaly", sinceAnomaly)
					}
				case core.Sell:
					if a.Qty > before.Position.Qty || a.Qty <= 0 {
						t.Fatalf("sold %s of %s", a.Qty, before.Position.Qty)
					}
				}
			}
			if before.Position.Qty > 0 && price == "" && w.state.Exit == "" {
				t.Fatal("a position is held at a tick that is not fresh, and no exit is owed")
			}
			if w.state.Exit != "" && before.Open == nil && o.Lease != core.LeaseLost && before.Position.Qty > 0 && d.Action == nil {
				t.Fatalf("a position is trapped: %q", d.Refused)
			}
			if len(d.Anomalies) > 0 {
				sinceAnomaly = 0
				if !w.state.Quarantine.Active {
					t.Fatal("an anomaly without quarantine")
				}
			}
			if w.state.Kernel.Sell {
				sinceSell = 0
			}
			if w.state.Open != nil {
				switch rapid.IntRange(0, 5).Draw(t, "venue") {
				case 0:
					w.answer(core.Refused, 0)
				case 1:
					w.answer(core.Ambiguous, 0)
				case 2:
					if w.state.Open.Side != core.Burn && w.state.Open.Qty > 1 {
						w.answer(core.Partial, w.state.Open.Qty/2)
					}
				case 3: // stays open and unanswered
				default:
					w.answer(core.Filled, w.state.Open.Qty)
				}
			}
			if got := w.state.Position.Qty; got != w.base {
				t.Fatalf("the ledger's fills say %s, the venue %s", got, w.base)
			}
		}
	})
}

// fataler lets a rapid.T stand where a testing.TB is wanted.
type fataler struct {
	testing.TB
	t *rapid.T
}

func (f *fataler) Helper()                      {}
func (f *fataler) Fatal(args ...any)            { f.t.Fatal(args...) }
func (f *fataler) Fatalf(s string, args ...any) { f.t.Fatalf(s, args...) }

// TestTheShieldLooksAgainAtWhatOnlyTheTrendBitTold: found by taud spec prove with a kernel that does not look at its trend bit. Whatever the specs
// say, nothing is bought while flatten is ordered or a burn is armed.
func TestTheShieldLooksAgainAtWhatOnlyTheTrendBitTold(t *testing.T) {
	for _, c := range []struct {
		name string
		but  func(*core.State, *core.Observation)
		want string
	}{
		{"nothing in the way", func(*core.State, *core.Observation) {}, ""},
		{"flatten", func(_ *core.State, o *core.Observation) { o.Flatten = true }, "flatten is ordered"},
		{"an armed burn", func(s *core.State, _ *core.Observation) { s.BurnArmed = true }, "a burn is armed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, testParams())
			for range 2 {
				w.tick(w.observe("100"))
			}
			o := w.observe("100")
			facts := core.Assess(&w.params, &w.state, &o)
			said := w.specs.Consult(context.Background(), &w.params, &w.state, &o, &facts)
			c.but(&w.state, &o)
			_, d := core.Step(&w.params, w.state, &o, &said)
			if c.want == "" {
				wantAction(t, d, core.Buy, false, "kernel")
				return
			}
			if want := (core.Anomaly{Code: core.ShieldRefused, Detail: c.want}); !said.Out.Buy || d.Action != nil || len(d.Anomalies) != 1 || d.Anomalies[0] != want {
				t.Fatalf("expected %+v, found the kernel's buy %t, anomalies %+v, action %+v", want, said.Out.Buy, d.Anomalies, d.Action)
			}
		})
	}
}
