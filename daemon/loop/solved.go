package loop

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/taudaemon/taudaemon/daemon/core"
	"github.com/taudaemon/taudaemon/daemon/fixed"
	"github.com/taudaemon/taudaemon/daemon/guard"
	"github.com/taudaemon/taudaemon/daemon/solver"
)

// solved is what the costs make of a tick's price, for people: it is worked out when somebody looks, and decides nothing.
type solved struct {
	params   *core.Params
	position core.Position
	price    fixed.Value
	quote    fixed.Value
}

func newSolved(p *core.Params, s *core.State, o *core.Observation, f *core.Facts) *solved {
	return &solved{params: p, position: s.Position, price: f.Price, quote: o.Account.Quote}
}

// solution is what /statusz shows of it; decimals, and empty where there is none.
type solution struct {
	// RoundTripBps that a buy and a sell at one price lose, gas aside.
	RoundTripBps string `json:"roundTripBps"`
	// BreakEven is the least median at which selling all that is held passes the profit guard; while flat, all of a trade that is bought at this
	// tick's price.
	BreakEven string `json:"breakEven,omitempty"`
	// Target is the price at which the signal sells, and TargetPasses that the profit guard holds there: while flat, of a trade that is bought now.
	Target       string `json:"target,omitempty"`
	TargetPasses bool   `json:"targetPasses"`
	// Size is, while flat, the largest that the account pays for, the position limit allows, and of which a sale at the target passes the guard.
	Size string `json:"size,omitempty"`
	// Why something is missing.
	Why string `json:"why,omitempty"`
}

// MarshalJSON works it out.
func (s *solved) MarshalJSON() ([]byte, error) {
	out, err := s.solve()
	if err != nil {
		out.Why = err.Error()
	}
	return json.Marshal(out)
}

func (s *solved) solve() (out solution, err error) {
	p := s.params
	rise, err := solver.RoundTrip(p.Costs)
	if err != nil {
		return out, err
	}
	out.RoundTripBps = Hundredths(rise)
	if s.price <= 0 {
		return out, errors.New("no price yet")
	}
	held := s.position.Qty > 0
	qty, cost, entry := s.position.Qty, s.position.Cost, s.position.Entry
	if !held {
		qty, entry = p.TradeQty, s.price
		if cost, err = guard.BuyCost(p.Costs, qty, entry); err != nil {
			return out, fmt.Errorf("the cost of a trade: %w", err)
		}
	}
	even, err := solver.BreakEven(p.Costs, qty, cost, p.MinProfit)
	if err != nil {
		return out, err
	}
	target, err := entry.MulBps(fixed.BpsScale+p.Signal.TargetBps, fixed.Ceil)
	if err != nil {
		return out, fmt.Errorf("the target: %w", err)
	}
	out.BreakEven, out.Target, out.TargetPasses = even.String(), target.String(), target >= even
	if held {
		return out, nil
	}
	size, err := solver.Affordable(p.Costs, entry, s.quote, p.Risk.MaxPositionQty)
	if err == nil && size > 0 {
		size, err = solver.Size(p.Costs, entry, target, p.MinProfit, size)
	}
	if err != nil {
		return out, err
	}
	out.Size = size.String()
	return out, nil
}

// Hundredths words a number of hundredths, as of a basis point.
func Hundredths(n int64) string {
	return fmt.Sprintf("%d.%02d", n/100, n%100)
}
