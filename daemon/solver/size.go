package solver

import (
	"errors"
	"fmt"
	"math/big"

	"github.com/taudaemon/taudaemon/daemon/fixed"
	"github.com/taudaemon/taudaemon/daemon/guard"
)

// ErrFlat says that a unit more or less of quantity makes next to no difference, so that the answer hangs on single units of rounding over more
// sizes than are looked at.
var ErrFlat = errors.New("the costs hardly depend on the size: the answer hangs on single units of rounding")

// Size is the largest quantity of at most limit (base units) that, bought now at the median entry and sold at the median exit, makes the profit
// guard hold: guard.Profit of it, with what guard.BuyCost says that it costs, is OK, and of no larger quantity up to limit. 0 if none is. Where a
// round trip gains by the unit that is limit itself, unless gas or a minimum is above what limit gains; where it loses by the unit, as at an exit
// near the entry, it is where the loss reaches a minimum below zero. A quantity too large for the arithmetic counts as one that the guard
// does not hold for. ErrFlat where it cannot be told.
func Size(c guard.Costs, entry, exit, minProfit, limit fixed.Value) (fixed.Value, error) {
	if entry <= 0 || exit <= 0 || limit < 0 || c.Gas < 0 {
		return 0, fmt.Errorf("expected prices above 0, and a limit and gas of at least 0, found %s, %s, %s and %s", entry, exit, limit, c.Gas)
	}
	t, err := newTrip(c, entry, exit, minProfit)
	if err != nil {
		return 0, err
	}
	size := t.most(limit)
	for range flatSteps {
		if size < 1 || t.hopeless(size) {
			return 0, nil
		}
		if t.holds(size) {
			return size, nil
		}
		if size, err = t.next(size); err != nil {
			return 0, err
		}
	}
	return 0, ErrFlat
}

// flatSteps is how many sizes are looked at. With costs of a basis point of the notional, a step changes the profit by 1e-4 units, so fewer than
// 50,000 make up for all that is rounded.
const flatSteps = 1 << 16

// trip is a round trip of any size. Without rounding, a quantity of q units would give a profit of
//
//	ideal(q) = q * slope / (1e9 * 1e4) - 2 gas      slope = worstSell * (1e4 - feeSell) - worstBuy * (1e4 + feeBuy)
//
// units. Every rounding is against us: the real profit is never above ideal, and less than five units below it.
type trip struct {
	costs                  guard.Costs
	entry, exit, minProfit fixed.Value
	worstBuy               fixed.Value
	slope, needed          *big.Int // ideal(q) is above minProfit exactly if q * slope is above needed
}

func newTrip(c guard.Costs, entry, exit, minProfit fixed.Value) (*trip, error) {
	worstBuy, err := guard.LimitAbove(entry, c.SlippageBps)
	if err != nil {
		return nil, fmt.Errorf("the limit of a buy at %s: %w", entry, err)
	}
	worstSell, err := guard.LimitBelow(exit, c.SlippageBps)
	if err != nil {
		return nil, fmt.Errorf("the limit of a sell at %s: %w", exit, err)
	}
	product := func(v fixed.Value, n int64) *big.Int { return new(big.Int).Mul(big.NewInt(int64(v)), big.NewInt(n)) }
	t := &trip{costs: c, entry: entry, exit: exit, minProfit: minProfit, worstBuy: worstBuy}
	t.slope = new(big.Int).Sub(product(worstSell, fixed.BpsScale-c.FeeBpsSell), product(worstBuy, fixed.BpsScale+c.FeeBpsBuy))
	needed := new(big.Int).Add(big.NewInt(int64(minProfit)), product(c.Gas, 2))
	t.needed = needed.Mul(needed, big.NewInt(fixed.Scale*fixed.BpsScale))
	return t, nil
}

// holds asks the guard.
func (t *trip) holds(size fixed.Value) bool {
	cost, err := guard.BuyCost(t.costs, size, t.entry)
	return err == nil && holds(t.costs, size, cost, t.exit, t.minProfit) == passes
}

// most is a size above which none holds: the limit, what the arithmetic bears, or, where every unit loses, where even the ideal profit is too low.
func (t *trip) most(limit fixed.Value) fixed.Value {
	if limit == 0 {
		return 0
	}
	beyond := first(1, limit, func(size fixed.Value) bool {
		_, buy := guard.BuyCost(t.costs, size, t.entry)
		_, sell := guard.SellProceeds(t.costs, size, t.exit)
		return buy != nil || sell != nil
	})
	most := limit
	if beyond > 0 {
		most = beyond - 1
	}
	if t.slope.Sign() >= 0 || t.needed.Sign() >= 0 {
		return most // rising, or hopeless from the first unit on
	}
	// Both are below zero: q < needed / slope, so at most one less than the quotient rounded up.
	q, rest := new(big.Int).QuoRem(t.needed, t.slope, new(big.Int))
	if rest.Sign() == 0 {
		q.Sub(q, big.NewInt(1))
	}
	if q.IsInt64() {
		most = min(most, fixed.Value(q.Int64()))
	}
	return most
}

// hopeless says that neither size nor any smaller one can hold: the ideal profit of size is too low, and that of a smaller one is lower still.
func (t *trip) hopeless(size fixed.Value) bool {
	ideal := new(big.Int).Mul(big.NewInt(int64(size)), t.slope)
	return ideal.Cmp(t.needed) <= 0 && (t.slope.Sign() >= 0 || t.needed.Sign() >= 0)
}

// next is the next smaller size that may hold. All sizes whose notional is rounded up to the same number cost the same, so that of them the
// largest brings the most: the last one with a notional of a unit less.
func (t *trip) next(size fixed.Value) (fixed.Value, error) {
	notional, err := size.Mul(t.worstBuy, fixed.Ceil)
	if err != nil {
		return 0, fmt.Errorf("the notional of %s: %w", size, err) // cannot be: most bounds it
	}
	return fixed.MulDiv(notional-1, fixed.One, t.worstBuy, fixed.Floor)
}

// Affordable is the largest quantity of at most limit (base units) that budget (quote units) pays for at the worst price that the slippage limit
// allows above the median entry, fee and gas included: guard.BuyCost of it is at most budget, and of no larger quantity up to limit.
func Affordable(c guard.Costs, entry, budget, limit fixed.Value) (fixed.Value, error) {
	if entry <= 0 || limit < 0 || c.Gas < 0 {
		return 0, fmt.Errorf("expected a price above 0, and a limit and gas of at least 0, found %s, %s and %s", entry, limit, c.Gas)
	}
	if limit == 0 {
		return 0, nil
	}
	tooMuch := first(1, limit, func(size fixed.Value) bool {
		cost, err := guard.BuyCost(c, size, entry)
		return err != nil || cost > budget
	})
	if tooMuch == 0 {
		return limit, nil
	}
	return tooMuch - 1, nil
}
