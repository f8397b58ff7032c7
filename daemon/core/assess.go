package core

import (
	"fmt"

	"github.com/taudaemon/taudaemon/daemon/fixed"
	"github.com/taudaemon/taudaemon/daemon/guard"
	"github.com/taudaemon/taudaemon/daemon/signal"
)

// Facts are what is known before the specs run: the guards, the market bits, and the anomalies so far.
type Facts struct {
	Fresh  guard.FreshnessResult `json:"fresh"`
	Move   guard.MoveResult      `json:"move,omitzero"`
	Skew   guard.SkewResult      `json:"skew,omitzero"`
	Profit guard.ProfitResult    `json:"profit"`
	Risk   guard.RiskResult      `json:"risk"`
	Market signal.Bits           `json:"market"`
	// Cooldown: an entry is allowed by it; else CooldownLeft and CooldownWhy are its value and reason.
	Cooldown     bool   `json:"cooldown_ok"`
	CooldownLeft uint64 `json:"cooldown_left,omitempty"`
	CooldownWhy  string `json:"cooldown_why,omitempty"`
	// Echo: the failure echo is on; EchoLeft and EchoWhy are its value and reason then.
	Echo     bool   `json:"echo"`
	EchoLeft uint64 `json:"echo_left,omitempty"`
	EchoWhy  string `json:"echo_why,omitempty"`
	// Affordable: the account can pay for a buy at its limit.
	Affordable bool `json:"affordable"`
	// Price to work with: this tick's median if fresh and not moved too far, else the last good one; 0 before any.
	Price fixed.Value `json:"price"`
	// Equity at Price.
	Equity fixed.Value `json:"equity"`
	// TicksHeld since the position's fill; 0 while flat.
	TicksHeld uint64 `json:"ticks_held,omitempty"`
	// Foreign is what the venue holds above the position while no order of ours is open, in base units. It is never sold.
	Foreign fixed.Value `json:"foreign,omitzero"`

	anomalies  []Anomaly
	quarantine Quarantine // after this tick's acknowledgement
	peak       fixed.Value
	signal     signal.State
}

// Assess computes the guards and market bits of the tick after s.
func Assess(p *Params, s *State, o *Observation) Facts {
	f := Facts{quarantine: s.Quarantine, peak: s.Peak, signal: s.Signal}
	f.anomalies = append(f.anomalies, o.Events...)
	f.anomalies = append(f.anomalies, s.Pending...)
	riskReleased := f.acknowledge(o)
	f.guards(p, s, o, riskReleased)
	f.beliefs(s, o)
	if o.Lease == LeaseMarginThin && p.ExitOnLeaseRisk {
		f.note(LeaseThin, "the margin is too thin for more than an exit")
	}
	if f.Risk.Drawdown && !f.quarantine.RiskHalted {
		f.note(RiskHalted, fmt.Sprintf("drawdown of %d bps, limit %d", f.Risk.DrawdownBps, p.Risk.MaxDrawdownBps))
	}
	cooldown, echo := s.Cooldown.Judge(), s.Echo.Judge(len(f.anomalies))
	f.Cooldown, f.CooldownLeft, f.CooldownWhy = cooldown.OK, cooldown.Left, cooldown.Reason
	f.Echo, f.EchoLeft, f.EchoWhy = echo.On, echo.Left, echo.Reason
	return f
}

func (f *Facts) note(c Code, detail string) { f.anomalies = append(f.anomalies, Anomaly{c, detail}) }

// failed notes a guard that could not be computed.
func (f *Facts) failed(what string, err error) {
	if err != nil {
		f.note(GuardError, what+": "+err.Error())
	}
}

func (f *Facts) guards(p *Params, s *State, o *Observation, riskReleased bool) {
	var err error
	f.Fresh, err = guard.Freshness(p.Freshness, o.Quotes, o.MS)
	f.failed("freshness", err)
	f.clock(p, o)
	f.Price = s.LastPrice
	switch {
	case !f.Fresh.OK && s.EverFresh:
		f.note(OracleStale, fmt.Sprintf("%s: %d of %d sources agree, %d needed", f.Fresh.Reason, f.Fresh.Quorum, len(o.Quotes), p.Freshness.MinQuorum))
	case f.Fresh.OK && f.moved(p, s):
		f.note(PriceMove, fmt.Sprintf("from %s to %s: %d bps in a tick, limit %d", s.LastMedian, f.Fresh.Median, f.Move.Bps, p.MaxMoveBps))
	case f.Fresh.OK:
		f.Price = f.Fresh.Median
		f.Market, f.signal, err = signal.Next(p.Signal, s.Signal, f.Price, f.Fresh.Volume, s.Position.Entry)
		f.failed("signal", err)
	}

	f.Profit, err = guard.Profit(p.Costs, s.Position.Qty, s.Position.Cost, f.Price, p.MinProfit)
	f.failed("profit", err)

	f.Equity, err = s.Equity(f.Price)
	f.failed("equity", err)
	switch {
	case err != nil:
	case riskReleased:
		f.peak = f.Equity
	default:
		f.peak = max(f.peak, f.Equity)
	}
	equity := f.Equity
	if err != nil {
		equity = f.peak // not known: that is the anomaly, and no drawdown
	}
	if s.Position.Qty > 0 {
		f.TicksHeld = s.Tick + 1 - s.Position.EntryTick
	}
	f.Risk, err = guard.Risk(p.Risk, guard.RiskFacts{Quantity: s.Position.Qty, TicksHeld: f.TicksHeld, Equity: equity, Peak: f.peak})
	f.failed("risk", err)

	cost, err := guard.BuyCost(p.Costs, p.TradeQty, f.Price)
	f.failed("cost of a buy", err)
	f.Affordable = err == nil && o.Account.Err == "" && o.Account.Quote >= cost
}

// clock notes a clock of ours that the others don't share. It comes before what it may be the cause of.
func (f *Facts) clock(p *Params, o *Observation) {
	limit := p.Freshness.MaxSkewMS
	if limit == 0 {
		return
	}
	if f.Skew = guard.Skew(limit, o.Quotes, o.Account.Clock()); !f.Skew.OK {
		f.note(ClockSkew, fmt.Sprintf("%s: %d of %d clocks by more than %d ms, the worst by %d", f.Skew.Reason, f.Skew.Beyond, f.Skew.Known, limit, f.Skew.WorstMS))
	}
}

// moved says that the quorum's median came too far in a tick. The quorum stands, but what it agrees on may be a fault that its sources share,
// so the tick works with the last good price: nothing is entered, an exit is limited by what was known before, and the signal does not see
// it. The next move begins at this median, so a market that really jumped is believed at the next tick.
func (f *Facts) moved(p *Params, s *State) bool {
	if p.MaxMoveBps == 0 {
		return false
	}
	f.Move = guard.Move(p.MaxMoveBps, s.LastMedian, f.Fresh.Median)
	return !f.Move.OK
}

// acknowledge ends the quarantine whose incident was acknowledged, and says whether a risk halt was among its reasons: equity is then
// measured from where it now is.
func (f *Facts) acknowledge(o *Observation) (riskReleased bool) {
	if !f.quarantine.Active || o.Acknowledge != f.quarantine.Incident {
		return false
	}
	riskReleased = f.quarantine.RiskHalted
	f.quarantine = Quarantine{}
	return riskReleased
}

// beliefs compares what the kernel, the ledger and the venue each say that we hold.
func (f *Facts) beliefs(s *State, o *Observation) {
	open := busy(s, o)
	if held := s.Position.Qty > 0; !open && s.Kernel.Holding != held {
		f.note(BeliefDiffers, fmt.Sprintf("the kernel believes holding=%t, the ledger's fills say %s", s.Kernel.Holding, s.Position.Qty))
	}
	switch {
	case o.Account.Err != "":
		f.note(VenueUnreachable, o.Account.Err)
	case !open && o.Account.Base < s.Position.Qty:
		f.note(BalanceLow, fmt.Sprintf("the venue holds %s, the ledger's fills say %s", o.Account.Base, s.Position.Qty))
	case !open && o.Account.Base > s.Position.Qty:
		var err error
		f.Foreign, err = o.Account.Base.Sub(s.Position.Qty)
		f.failed("foreign balance", err)
	}
}
