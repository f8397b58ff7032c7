package prove

import (
	"github.com/taudaemon/taudaemon/daemon/core"
	"github.com/taudaemon/taudaemon/daemon/fixed"
	"github.com/taudaemon/taudaemon/daemon/guard"
	"github.com/taudaemon/taudaemon/daemon/signal"
)

// The scale of the small world: one unit is half of a trade, so a position is none, a part or the whole. The price is always the same, because
// what a price means is chosen anew at every tick by the windows, costs and peaks that it is compared with.
const (
	unit  = fixed.Value(1_000_000_000)
	full  = 2 * unit
	price = 100 * unit
	cash  = 1_000_000 * unit
	nowMS = 1 << 40
	// beyond: the venue fills so much worse than the limit.
	beyond = unit
)

// incident is the name of every concrete quarantine, the ids those of every order and of every exit that is authorised in advance.
const (
	incident = "q1"
	orderID  = "id"
	spareID  = "exit id"
)

// world is what surrounds the coordinator: the settings, and the numbers that make a choice of bits come true.
type world struct {
	params, tight core.Params // tight has a position limit of one unit
	obs           core.Observation
	quotes        [2]guard.Quote
	windows       [4][]fixed.Value // by below and up
	mild, grave   []core.Anomaly
}

func newWorld(l Limits) *world {
	w := &world{
		mild: []core.Anomaly{{Code: core.ClockStep}}, grave: []core.Anomaly{{Code: core.LedgerDamaged}},
		params: core.Params{
			FailHoldTicks: l.FailHoldTicks, ClearTicks: l.ClearTicks, ManualRelease: l.ManualRelease, ExitOnLeaseRisk: !l.HoldOnLeaseRisk,
			Freshness: guard.FreshnessLimits{MinQuorum: 2, ToleranceBps: 50, MaxAgeMS: []int64{1000, 1000}},
			Costs:     guard.Costs{SlippageBps: 100}, TradeQty: full, BurnShareBps: 1000, EmergencySlippageBps: 200, CooldownTicks: l.CooldownTicks,
			Risk:   guard.RiskLimits{MaxPositionTicks: l.MaxPositionTicks, MaxPositionQty: full, MaxDrawdownBps: 5000},
			Signal: signal.Params{BandWindow: 2, TargetBps: 100, TrendWindow: 1, VolumeWindow: 1, MinVolume: unit},
		},
	}
	w.windows[windowOf(false, false)] = []fixed.Value{10 * unit, 150 * unit}
	w.windows[windowOf(false, true)] = []fixed.Value{50 * unit, 50 * unit}
	w.windows[windowOf(true, false)] = []fixed.Value{200 * unit, 200 * unit}
	w.windows[windowOf(true, true)] = []fixed.Value{200 * unit, 50 * unit}
	w.tight = w.params
	w.tight.Risk.MaxPositionQty = unit
	return w
}

// windowOf is the place of the past prices by which the price is below its band or not, and above the last one or not.
func windowOf(below, up bool) int {
	at := 0
	if below {
		at |= 1
	}
	if up {
		at |= 2
	}
	return at
}

// meet sets the numbers of s that no discipline speaks of, and makes the observation, such that the choices come true. It returns the settings
// of the tick. Both results are the world's own until the next call.
func (w *world) meet(s *core.State, o outside, m market) (*core.Params, *core.Observation) {
	p, obs := &w.params, &w.obs
	if o.risk == excess {
		p = &w.tight
	}
	*obs = core.Observation{MS: nowMS, Quotes: w.quotes[:], Account: core.Account{Base: s.Position.Qty, Quote: cash}, Lease: core.LeaseHeld, Expires: nowMS, Flatten: o.flatten}
	if o.lapsed {
		obs.MS++ // what was sent at any earlier tick has expired
	}
	if o.asking {
		obs.Asking = "exit " + spareID
	}
	for i := range w.quotes {
		q := guard.Quote{Source: "s", Received: nowMS}
		if m.fresh == fresh || m.fresh == lonely && i == 0 {
			q.Price, q.Published = price, nowMS
		} else {
			q.Err = "dead"
		}
		if m.vol {
			q.Volume = unit
		}
		w.quotes[i] = q
	}
	s.Signal = signal.State{Prices: w.windows[windowOf(m.below, m.up)]}
	s.Peak = 1
	if o.risk == drawdown {
		s.Peak = 4 * cash
	}
	if s.Position.Qty > 0 {
		s.Position.Entry, s.Position.Cost = price, 1000*s.Position.Qty
		if m.above {
			s.Position.Entry = price / 2
		}
		if m.profit {
			s.Position.Cost = s.Position.Qty
		}
	}
	switch o.event {
	case mild:
		obs.Events = w.mild
	case grave:
		obs.Events = w.grave
	}
	switch o.balance {
	case half:
		obs.Account.Base = max(0, s.Position.Qty-unit)
	case empty:
		obs.Account.Base = 0
	case unknown:
		obs.Account = core.Account{Err: "no answer"}
	}
	switch o.lease {
	case leaseThin:
		obs.Lease = core.LeaseMarginThin
	case leaseLost:
		obs.Lease = core.LeaseLost
	}
	if o.ack {
		obs.Acknowledge = s.Quarantine.Incident
	}
	if o.poor {
		obs.Account.Quote = 0
	}
	return p, obs
}
