package solver

import (
	"errors"
	"fmt"

	"github.com/taudaemon/taudaemon/daemon/fixed"
	"github.com/taudaemon/taudaemon/daemon/guard"
)

// ErrNone says that no price that there is a number for makes the guard hold.
var ErrNone = errors.New("no price makes the profit guard hold")

// BreakEven is the least median at which the profit guard holds for a position of quantity (base units, above 0) that cost cost (quote units, at
// least 0): guard.Profit is OK at it and at no lower one. ErrNone if there is none, as where all that is sold goes into the fee.
func BreakEven(c guard.Costs, quantity, cost, minProfit fixed.Value) (fixed.Value, error) {
	if quantity <= 0 || cost < 0 || c.Gas < 0 {
		return 0, fmt.Errorf("expected a quantity above 0, and a cost and gas of at least 0, found %s, %s and %s", quantity, cost, c.Gas)
	}
	// What selling brings never falls as the price rises, so the guard holds from some price on. Where the proceeds are too much for a number
	// (Unknown), a higher price gives no answer either; where they are too little for the cost, the guard does not hold.
	at := func(median fixed.Value) verdict { return holds(c, quantity, cost, median, minProfit) }
	least := first(1, fixed.Max, func(median fixed.Value) bool { return at(median) != fails })
	if least == 0 || at(least) != passes {
		return 0, ErrNone
	}
	return least, nil
}

// verdict of the guard.
type verdict int

const (
	fails verdict = iota
	passes
	unknown // the proceeds overflow
)

func holds(c guard.Costs, quantity, cost, median, minProfit fixed.Value) verdict {
	if _, err := guard.SellProceeds(c, quantity, median); err != nil {
		return unknown
	}
	r, err := guard.Profit(c, quantity, cost, median, minProfit)
	if err != nil || !r.OK { // the error is of a loss too large for a number
		return fails
	}
	return passes
}

// first is the least value from low to high at which is says true, if it does so from some value on; 0 where it never does.
func first(low, high fixed.Value, is func(fixed.Value) bool) fixed.Value {
	if !is(high) {
		return 0
	}
	for low < high {
		middle := low + (high-low)/2
		if is(middle) {
			high = middle
		} else {
			low = middle + 1
		}
	}
	return low
}

// RoundTrip is what a buy and a sell at one median lose, by slippage at its limit and both fees, without gas and without rounding: how far the
// median must rise to make up for it, in hundredths of a basis point of where it was, rounded up. A price that rose by less loses. It is the least
// h with (10000 + slippage)(10000 + feeBuy) * 10^6 <= (10000 - slippage)(10000 - feeSell) * (10^6 + h).
func RoundTrip(c guard.Costs) (int64, error) {
	paid, got := (fixed.BpsScale+c.SlippageBps)*(fixed.BpsScale+c.FeeBpsBuy), (fixed.BpsScale-c.SlippageBps)*(fixed.BpsScale-c.FeeBpsSell)
	for _, bps := range []int64{c.SlippageBps, c.FeeBpsBuy, c.FeeBpsSell} {
		if bps < 0 || bps >= fixed.BpsScale {
			return 0, fmt.Errorf("expected costs from 0 to 9999 bps, found %d", bps)
		}
	}
	rise, err := fixed.MulDiv(fixed.Value(paid-got), 1_000_000, fixed.Value(got), fixed.Ceil)
	return int64(rise), err
}
