package guard_test

import (
	"errors"
	"math/big"
	"testing"

	"pgregory.net/rapid"

	"github.com/taudaemon/taudaemon/daemon/fixed"
	"github.com/taudaemon/taudaemon/daemon/guard"
)

// costs: 0.3 % each way, a limit 0.1 % off, half a unit of gas.
var costs = guard.Costs{FeeBpsBuy: 30, FeeBpsSell: 30, SlippageBps: 10, Gas: fixed.MustParse("0.5")}

func TestProfit(t *testing.T) {
	const (
		below = "not above the minimum"
		// Ten bought at a median of 100: worst 100.1, notional 1001, fee 3.003, gas 0.5.
		cost = "1004.503"
		// Ten sold at a median of 110: worst 109.89, notional 1098.9, fee 3.2967, gas 0.5.
		proceeds = "1095.1033"
	)
	noCosts := guard.Costs{}
	for _, c := range []struct {
		name               string
		costs              guard.Costs
		qty, cost, median  string
		minProfit          string
		wantOK             bool
		wantProfit, reason string
	}{
		{"a rise of a tenth pays slippage, both fees and gas", costs, "10", cost, "110", "0", true, "90.6003", ""}, // 1095.1033 - 1004.503
		{"the fee of the buy is in the cost, so a price that did not move is a loss", costs, "10", cost, "100", "0", false,
			"-9", below}, // worst 99.9, notional 999, fee 2.997, gas 0.5: 995.503 - 1004.503 = -9
		{"exactly break-even is not above a minimum of zero", costs, "10", proceeds, "110", "0", false, "0", below},
		{"one unit above break-even is", costs, "10", "1095.103299999", "110", "0", true, "0.000000001", ""},
		{"exactly the minimum is not above it", costs, "10", cost, "110", "90.6003", false, "90.6003", below},
		{"one unit above the minimum is", costs, "10", cost, "110", "90.600299999", true, "90.6003", ""},
		{"a loss is a negative number and no error", costs, "10", "2000", "110", "0", false, "-904.8967", below},
		{"a minimum below zero lets a smaller loss pass", costs, "10", "1100", "110", "-5", true, "-4.8967", ""},
		{"gas can be more than all that is sold", costs, "0.001", "0", "100", "0", false, "-0.4003997", below}, // 0.0999 - 0.0002997 - 0.5
		{"the notional is rounded down", noCosts, "0.000000001", "0", "1.999999999", "0", true, "0.000000001", ""},
		{"the fee is rounded up", guard.Costs{FeeBpsSell: 1}, "0.000000002", "0", "1", "0", true, "0.000000001", ""}, // 2 units, fee 0.0002 of a unit
		{"the limit is rounded down", guard.Costs{SlippageBps: 1}, "1", "0", "0.000000002", "0", true, "0.000000001", ""},
		{"without a position there is no profit to take", costs, "0", "0", "110", "-5", false, "0", "no position"},
		{"a short position is none", costs, "-1", "0", "110", "-5", false, "0", "no position"},
		{"without a price there is none", costs, "10", cost, "0", "-5", false, "0", "no price"},
		{"a price below zero is none", costs, "10", cost, "-1", "-5", false, "0", "no price"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := guard.Profit(c.costs, val(c.qty), val(c.cost), val(c.median), val(c.minProfit))
			if err != nil {
				t.Fatal(err)
			}
			if want := (guard.ProfitResult{OK: c.wantOK, Profit: val(c.wantProfit), Reason: c.reason}); got != want {
				t.Fatalf("expected %+v\nfound    %+v", want, got)
			}
		})
	}
}

func TestProfitOverflowIsAnErrorAndNotOK(t *testing.T) {
	for _, c := range []struct {
		name              string
		costs             guard.Costs
		qty, cost, median fixed.Value
	}{
		{"the notional", guard.Costs{}, fixed.Max, 0, fixed.Max},
		{"the gas", guard.Costs{FeeBpsSell: 20_000, Gas: fixed.Max}, fixed.Max, 0, fixed.One}, // net -Max, less Max
		{"the cost", guard.Costs{}, fixed.One, fixed.Min, fixed.One},
		{"the fee", guard.Costs{FeeBpsSell: 30_000}, fixed.Max, 0, fixed.One},
		{"the limit", guard.Costs{SlippageBps: -20_000}, fixed.One, 0, fixed.Max},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := guard.Profit(c.costs, c.qty, c.cost, c.median, fixed.Min)
			if !errors.Is(err, fixed.ErrOverflow) || got != (guard.ProfitResult{Reason: "overflow"}) {
				t.Fatalf("expected an overflow that is not OK, found %+v, %v", got, err)
			}
		})
	}
}

func TestBuyCost(t *testing.T) {
	for _, c := range []struct {
		name              string
		costs             guard.Costs
		qty, median, want string
	}{
		{"slippage, fee and gas are on top", costs, "10", "100", "1004.503"}, // worst 100.1, notional 1001, fee 3.003, gas 0.5
		{"the notional is rounded up", guard.Costs{}, "0.000000001", "1.000000001", "0.000000002"},
		{"the fee is rounded up", guard.Costs{FeeBpsBuy: 1}, "0.000000001", "1", "0.000000002"},
		{"the limit is rounded up", guard.Costs{SlippageBps: 1}, "1", "0.000000001", "0.000000002"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := guard.BuyCost(c.costs, val(c.qty), val(c.median))
			if err != nil || got != val(c.want) {
				t.Fatalf("expected %s, found %s, %v", c.want, got, err)
			}
		})
	}
	for name, c := range map[string]guard.Costs{
		"the limit": {SlippageBps: 1}, "the fee": {FeeBpsBuy: 1}, "the gas": {Gas: 1},
	} {
		if _, err := guard.BuyCost(c, fixed.One, fixed.Max); !errors.Is(err, fixed.ErrOverflow) {
			t.Errorf("%s overflows: expected an error, found %v", name, err)
		}
	}
}

var (
	anyCosts = rapid.Custom(func(t *rapid.T) guard.Costs {
		return guard.Costs{
			FeeBpsBuy: rapid.Int64Range(0, 10_000).Draw(t, "fee buy"), FeeBpsSell: rapid.Int64Range(0, 10_000).Draw(t, "fee sell"),
			SlippageBps: rapid.Int64Range(0, 10_000).Draw(t, "slippage"), Gas: fixed.Value(rapid.Int64Range(0, int64(fixed.Max)).Draw(t, "gas")),
		}
	})
	anyAmount = rapid.Custom(func(t *rapid.T) fixed.Value {
		return fixed.Value(rapid.OneOf(
			rapid.Int64Range(1, 1_000), rapid.Int64Range(1, 1_000*fixed.Scale), rapid.Int64Range(1, int64(fixed.Max)),
		).Draw(t, "amount"))
	})
)

// exact is arithmetic without bounds that notes whether a Value would have overflowed.
type exact struct{ overflow bool }

func (e *exact) keep(v *big.Int) *big.Int {
	e.overflow = e.overflow || !v.IsInt64()
	return v
}

// mulDiv is floor(a * b / c), or the ceiling if up, for c above zero.
func (e *exact) mulDiv(a, b *big.Int, c int64, up bool) *big.Int {
	product := new(big.Int).Mul(a, b)
	if up {
		product.Add(product, big.NewInt(c-1))
	}
	return e.keep(product.Div(product, big.NewInt(c))) // big.Int.Div is Euclidean: the floor for a divisor above zero
}

func (e *exact) sub(a, b *big.Int) *big.Int { return e.keep(new(big.Int).Sub(a, b)) }

func bigOf(v fixed.Value) *big.Int { return big.NewInt(int64(v)) }

func TestProfitIsTheExactOneOrAnOverflow(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c, qty, median := anyCosts.Draw(t, "costs"), anyAmount.Draw(t, "quantity"), anyAmount.Draw(t, "median")
		cost, least := fixed.Value(rapid.Int64().Draw(t, "cost")), fixed.Value(rapid.Int64().Draw(t, "min profit"))
		got, err := guard.Profit(c, qty, cost, median, least)

		var e exact
		worst := e.mulDiv(bigOf(median), big.NewInt(10_000-c.SlippageBps), 10_000, false)
		notional := e.mulDiv(bigOf(qty), worst, fixed.Scale, false)
		fee := e.mulDiv(notional, big.NewInt(c.FeeBpsSell), 10_000, true)
		profit := e.sub(e.sub(e.sub(notional, fee), bigOf(c.Gas)), bigOf(cost))
		if e.overflow {
			if !errors.Is(err, fixed.ErrOverflow) || got.OK {
				t.Fatalf("expected an overflow that is not OK, found %+v, %v", got, err)
			}
			return
		}
		if err != nil || bigOf(got.Profit).Cmp(profit) != 0 || got.OK != (profit.Cmp(bigOf(least)) > 0) {
			t.Fatalf("expected profit %s, found %+v, %v", profit, got, err)
		}
	})
}

func TestARoundTripAtOnePriceNeverProfits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c, qty, median := anyCosts.Draw(t, "costs"), anyAmount.Draw(t, "quantity"), anyAmount.Draw(t, "median")
		cost, err := guard.BuyCost(c, qty, median)
		if err != nil {
			t.Skip("beyond what a Value holds")
		}
		got, err := guard.Profit(c, qty, cost, median, 0)
		if err == nil && (got.OK || got.Profit > 0) {
			t.Fatalf("bought %s at %s for %s and gained %s", qty, median, cost, got.Profit)
		}
	})
}
