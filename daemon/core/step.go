package core

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/taudaemon/taudaemon/daemon/actuator"
	"github.com/taudaemon/taudaemon/daemon/fixed"
	"github.com/taudaemon/taudaemon/daemon/guard"
	"github.com/taudaemon/taudaemon/daemon/monitor"
)

// Decision is what a tick found and decided.
type Decision struct {
	// Facts before the kernel ran.
	Facts Facts
	// Anomalies of this tick, in the order they were found.
	Anomalies []Anomaly
	// Healthy: no anomaly.
	Healthy bool
	// Action to take once this tick's record is durable; nil for none.
	Action *Action
	// Cancel is the client order id of a live order of ours that stands in the way of an owed exit; empty for none.
	Cancel string
	// Refused says why the kernel's buy, an owed sell or an armed burn did not become an action; empty if nothing was held back.
	Refused string
}

// Step is the tick: it takes up the specs' verdicts on Assess(p, s, o), judges them, and decides.
func Step(p *Params, s State, o *Observation, v *Verdicts) (State, Decision) {
	return Decide(p, s, o, Assess(p, &s, o), v)
}

// Decide is Step with the facts at hand: f must be Assess(p, &s, o), and v the specs' verdicts on it.
func Decide(p *Params, s State, o *Observation, f Facts, v *Verdicts) (State, Decision) {
	next := s
	next.Tick++
	next.Pending = nil
	next.Signal, next.Peak = f.signal, f.peak
	if f.Fresh.OK {
		next.EverFresh, next.LastPrice = true, f.Price
		if p.MaxMoveBps > 0 {
			next.LastMedian = f.Fresh.Median
		}
	}
	if o.Acknowledge != "" {
		next.Acknowledged = o.Acknowledge
	}
	if v.Err == "" {
		next.Kernel, next.Words = v.Out, v.Words
	}

	t := step{p: p, before: &s, next: &next, o: o, v: v, Decision: Decision{Facts: f, Anomalies: f.anomalies}}
	t.judge()
	t.follow()
	t.owe()
	t.act()

	d := &t.Decision
	d.Healthy = len(d.Anomalies) == 0
	next.Echo = s.Echo.Next(len(d.Anomalies), p.FailHoldTicks)
	next.LateAnomaly = len(d.Anomalies) > len(f.anomalies)
	if v.Err == "" {
		next.Cooldown = s.Cooldown.Next(v.Out.Sell, p.CooldownTicks)
	}
	next.Quarantine = quarantine(p, f.quarantine, d.Anomalies, next.Tick)
	if d.Action != nil {
		d.Action.Expires, d.Action.Ticket = o.Expires, o.Account.Ticket
		next.Open = &Intent{Action: *d.Action, Tick: next.Tick}
	}
	return next, *d
}

// step is a tick in the making.
type step struct {
	p            *Params
	before, next *State
	o            *Observation
	v            *Verdicts
	broken       string // the invariants that the kernel broke
	Decision
}

func (t *step) note(c Code, detail string) {
	t.Anomalies = append(t.Anomalies[:len(t.Anomalies):len(t.Anomalies)], Anomaly{c, detail})
}

// verdict says that there is one.
func (t *step) verdict() bool { return t.v.Err == "" }

// judge takes up the verdicts: a missing one, a witness that says otherwise than its guard, a broken invariant, a stall.
func (t *step) judge() {
	if !t.verdict() {
		code := NoVerdict
		if t.v.Disagreement {
			code = EngineDisagreement
		}
		t.note(code, t.v.Err)
		return
	}
	f, said := &t.Facts, &t.v.Monitors
	if t.before.Position.Qty > 0 && f.Price > 0 { // else there is no profit to be right or wrong about
		t.witness(monitor.Profit, "profit", f.Profit.OK)
	}
	t.witness(monitor.Freshness, "freshness", f.Fresh.OK)
	t.witness(monitor.Echo, "failure echo", f.Echo)
	t.witness(monitor.Cooldown, "cooldown", f.Cooldown)
	if t.broken = zeros(monitor.Invariants, said[monitor.Invariants]); t.broken != "" {
		t.note(InvariantBroken, t.broken)
	}
	if said[monitor.Liveness].Has(0) {
		t.note(Stalled, "a position is held, and nothing moves or its exit is owed")
	}
}

// witness compares a guard's bit with what its spec derived.
func (t *step) witness(id monitor.ID, guard string, bit bool) {
	if said := t.v.Monitors[id].Has(0); said != bit {
		t.note(WitnessDisagreement, fmt.Sprintf("%s: the guard says %t, spec %s %t", guard, bit, id, said))
	}
}

// zeros names the outputs that are 0.
func zeros(id monitor.ID, b monitor.Bits) string {
	var names []string
	for i := range id.Width() {
		if !b.Has(i) {
			names = append(names, id.Output(i))
		}
	}
	return strings.Join(names, ", ")
}

// owe notes a sell that is owed from now on until the position is flat: the kernel's pulse, or whatever leaves a position without a
// kernel that would sell it. One that breaks an invariant is none: it may be the very sell that it withholds.
func (t *step) owe() {
	s := t.next
	if s.Position.Qty <= 0 || s.Exit != "" {
		return
	}
	switch {
	case !t.verdict():
		s.Exit = "no verdict"
	case t.v.Out.Sell:
		s.Exit = t.exitReason()
		s.BurnArmed = t.v.Out.Burn
	case t.o.Flatten:
		s.Exit = "flatten"
	case t.broken != "":
		s.Exit = "invariant"
	case !t.v.Out.Holding: // also while a buy is open: it is filled bit by bit, and the kernel left before the first
		s.Exit = "not believed held"
	}
}

// exitReason says in a word why the kernel sold.
func (t *step) exitReason() string {
	f := &t.Facts
	switch {
	case !f.Fresh.OK:
		return "stale"
	case f.failing():
		return "failure echo"
	case t.o.Flatten:
		return "flatten"
	case !f.Risk.OK:
		return "risk: " + f.Risk.Reason
	case f.Market.AboveTarget:
		return "target"
	case t.before.Kernel.Expired():
		return "timeout"
	}
	return "kernel"
}

// failing: an anomaly is recent or a quarantine is on.
func (f *Facts) failing() bool { return f.Echo || f.quarantine.Active }

// act decides on at most one action: an owed or excess sell first, then the kernel's buy, then an armed burn.
func (t *step) act() {
	want := t.Facts.Risk.Excess
	if t.next.Exit != "" {
		want = t.next.Position.Qty
	}
	if want > 0 {
		t.sell(want)
	}
	if t.verdict() && t.v.Out.Buy {
		t.buy()
	}
	if t.next.BurnArmed && t.next.Position.Qty == 0 && !busy(t.next, t.o) && t.Action == nil {
		t.burn()
	}
}

// busy: an order of ours may be live, so no other may leave, and what the ledger says and the venue holds may differ.
func busy(s *State, o *Observation) bool { return s.Open != nil || o.Asking != "" }

// sell plans an exit. A forced one needs no fresh price and has the emergency limit; an order of ours in the way is cancelled first. A sell that
// is on its way is no such order: it is the exit itself, until the venue should have dropped it.
func (t *step) sell(want fixed.Value) {
	s, f := t.next, &t.Facts
	if open := s.Open; open != nil && (open.Side == Buy || open.Side == Sell && t.o.MS > open.Expires) {
		t.Cancel = open.ID
	}
	qty, why := actuator.PlanExit(actuator.Exit{
		Position: s.Position.Qty, Balance: t.o.Account.Base, BalanceKnown: t.o.Account.Err == "", Quantity: want,
		OpenIntent: busy(s, t.o), LeaseHeld: t.o.Lease != LeaseLost,
	})
	if why != "" {
		t.Refused = "sell: " + why
		return
	}
	a := Action{Side: Sell, Qty: qty, Reference: f.Price, Reason: s.Exit}
	if a.Reason == "" {
		a.Reason = "excess"
	}
	slippage := t.p.Costs.SlippageBps
	if a.Forced = !f.Fresh.OK || f.failing() || len(t.Anomalies) > 0; a.Forced {
		slippage = max(slippage, t.p.EmergencySlippageBps)
	}
	limit, err := guard.LimitBelow(f.Price, slippage)
	if err != nil { // cannot be: a factor of at most 1; and a limit of 0 would still let the position out
		t.note(GuardError, "limit of a sell: "+err.Error())
	}
	a.Limit = limit
	t.Action = &a
}

// buy lets the kernel's buy out if the shield agrees.
func (t *step) buy() {
	f := &t.Facts
	why := actuator.RefuseBuy(actuator.Entry{
		SellToo: t.v.Out.Sell || t.Action != nil, Fresh: f.Fresh.OK, CooldownOK: f.Cooldown, RiskOK: f.Risk.OK, Affordable: f.Affordable,
		Quarantined: f.quarantine.Active, Anomalies: len(t.Anomalies),
		NonceSet: t.before.Kernel.Nonce, OpenIntent: busy(t.next, t.o), Flatten: t.o.Flatten, BurnArmed: t.next.BurnArmed, Position: t.next.Position.Qty, Quantity: t.p.TradeQty,
		MaxPosition: t.p.Risk.MaxPositionQty, LeaseHeld: t.o.Lease == LeaseHeld,
	})
	limit, err := guard.LimitAbove(f.Price, t.p.Costs.SlippageBps)
	if why == "" && err != nil {
		why = "limit: " + err.Error()
	}
	if why != "" {
		t.Refused = "buy: " + why
		t.note(ShieldRefused, why)
		return
	}
	t.Action = &Action{Side: Buy, Qty: t.p.TradeQty, Limit: limit, Reference: f.Price, Reason: "kernel"}
}

// burn turns an armed burn into an action: the configured share of what the round trip realised. If that is not above zero, it is
// cancelled, and the record says so.
func (t *step) burn() {
	if t.o.Lease == LeaseLost {
		t.Refused = "burn: the Lease is lost"
		return
	}
	t.next.BurnArmed = false
	amount, err := t.next.TripProfit.MulBps(t.p.BurnShareBps, fixed.Floor)
	switch {
	case err != nil:
		t.note(GuardError, "burn: "+err.Error())
		t.Refused = "burn: cancelled, not computable"
	case amount <= 0:
		t.Refused = fmt.Sprintf("burn: cancelled, the sell realised %s", t.next.TripProfit)
	default:
		t.Action = &Action{Side: Burn, Qty: amount, Reason: "realised profit"}
	}
}

// quarantine after a tick with these anomalies. An anomaly that needs a person escalates an Auto quarantine into a new incident, so that
// an acknowledgement of what was known before does not release it.
func quarantine(p *Params, q Quarantine, anomalies []Anomaly, tick uint64) Quarantine {
	if len(anomalies) == 0 {
		if q.Active {
			if q.Clean++; !q.Manual && q.Clean >= p.ClearTicks {
				return Quarantine{}
			}
		}
		return q
	}
	q.Clean = 0
	reason, manual := anomalies[0].Code, false
	for _, a := range anomalies {
		if a.Code.AlwaysManual() && !manual {
			reason, manual = a.Code, true
		}
		q.RiskHalted = q.RiskHalted || a.Code == RiskHalted
	}
	switch {
	case !q.Active:
		q.Active, q.Since, q.Manual = true, tick, manual || p.ManualRelease
	case manual && !(q.Manual && q.Reason.AlwaysManual()):
		q.Manual = true
	default:
		return q
	}
	q.Incident, q.Reason = "q"+strconv.FormatUint(tick, 10), reason
	return q
}
