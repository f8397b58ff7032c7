package solver_test

import (
	"errors"
	"testing"

	"pgregory.net/rapid"

	"github.com/taudaemon/taudaemon/daemon/fixed"
	"github.com/taudaemon/taudaemon/daemon/guard"
	"github.com/taudaemon/taudaemon/daemon/solver"
)

func val(s string) fixed.Value { return fixed.MustParse(s) }

// mission's costs: 30 bps each way, 10 bps of slippage, no gas.
var mission = guard.Costs{FeeBpsBuy: 30, FeeBpsSell: 30, SlippageBps: 10}

func TestBreakEven(t *testing.T) {
	gas := mission
	gas.Gas = val("0.5")
	for _, c := range []struct {
		name                 string
		costs                guard.Costs
		qty, cost, minProfit string
		want                 string
		err                  error
	}{
		// Ten bought at 100 cost 1004.003. Selling must bring more: a notional of 1004.003 / 0.997, so a worst price of a tenth of it, so a median of
		// that / 0.999 = 100.8032104...
		{"ten units, with the mission's costs", mission, "10", "1004.003", "0", "100.803210433", nil},
		{"gas raises it", gas, "10", "1004.503", "0", "100.903611737", nil},
		{"a minimum raises it", mission, "10", "1004.003", "5", "101.305216953", nil},
		{"a minimum below zero lowers it", mission, "10", "1004.003", "-5", "100.301203913", nil},
		{"without costs it is a unit above what was paid", guard.Costs{}, "1", "100", "0", "100.000000001", nil},
		{"what cost nothing is worth a unit", guard.Costs{}, "1", "0", "0", "0.000000001", nil},
		{"a fee of everything lets none", guard.Costs{FeeBpsSell: 10_000}, "10", "100", "0", "", solver.ErrNone},
		{"so does a cost that no price brings", mission, "0.000000001", "100", "0", "", solver.ErrNone},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := solver.BreakEven(c.costs, val(c.qty), val(c.cost), val(c.minProfit))
			if !errors.Is(err, c.err) || c.err == nil && got != val(c.want) {
				t.Fatalf("expected %s, %v; found %s, %v", c.want, c.err, got, err)
			}
		})
	}
	for _, bad := range [][3]fixed.Value{{0, 1, 0}, {-1, 1, 0}, {1, -1, 0}, {1, 1, -1}} {
		if _, err := solver.BreakEven(guard.Costs{Gas: bad[2]}, bad[0], bad[1], 0); err == nil {
			t.Errorf("%v: expected an error", bad)
		}
	}
}

var (
	someCosts = rapid.Custom(func(t *rapid.T) guard.Costs {
		bps := rapid.OneOf(rapid.Int64Range(0, 100), rapid.Int64Range(0, 5000))
		return guard.Costs{
			FeeBpsBuy: bps.Draw(t, "fee buy"), FeeBpsSell: bps.Draw(t, "fee sell"), SlippageBps: bps.Draw(t, "slippage"),
			Gas: fixed.Value(rapid.OneOf(rapid.Just[int64](0), rapid.Int64Range(0, 20), rapid.Int64Range(0, 10*fixed.Scale), rapid.Int64Range(0, int64(fixed.Max))).Draw(t, "gas")),
		}
	})
	someAmount = rapid.Custom(func(t *rapid.T) fixed.Value {
		return fixed.Value(rapid.OneOf(rapid.Int64Range(1, 1000), rapid.Int64Range(1, 1000*fixed.Scale), rapid.Int64Range(1, int64(fixed.Max))).Draw(t, "amount"))
	})
	someLeast = rapid.Custom(func(t *rapid.T) fixed.Value {
		return fixed.Value(rapid.OneOf(rapid.Just[int64](0), rapid.Int64Range(-50, 50), rapid.Int64Range(-10*fixed.Scale, 10*fixed.Scale), rapid.Int64()).Draw(t, "min profit"))
	})
)

// TestTheBreakEvenPassesAndAUnitBelowFails holds the answer to the guard itself; where there is none, no drawn price may pass.
func TestTheBreakEvenPassesAndAUnitBelowFails(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c, qty, least := someCosts.Draw(t, "costs"), someAmount.Draw(t, "quantity"), someLeast.Draw(t, "least")
		cost := fixed.Value(rapid.OneOf(rapid.Just(int64(0)), rapid.Map(someAmount, func(v fixed.Value) int64 { return int64(v) })).Draw(t, "cost"))
		ok := func(median fixed.Value) bool {
			r, err := guard.Profit(c, qty, cost, median, least)
			return err == nil && r.OK
		}
		price, err := solver.BreakEven(c, qty, cost, least)
		switch {
		case errors.Is(err, solver.ErrNone):
			if other := someAmount.Draw(t, "other"); ok(other) {
				t.Fatalf("expected a price, at most %s, found none", other)
			}
		case err != nil:
			t.Fatal(err)
		case !ok(price) || ok(price-1):
			t.Fatalf("%s passes: %t; a unit below passes: %t", price, ok(price), ok(price-1))
		default:
			if lower := fixed.Value(rapid.Int64Range(1, int64(price)).Draw(t, "lower")); lower < price && ok(lower) {
				t.Fatalf("%s passes, and so does %s", price, lower)
			}
		}
	})
}

func TestRoundTrip(t *testing.T) {
	for _, c := range []struct {
		name  string
		costs guard.Costs
		want  int64 // hundredths of a bp
	}{
		{"nothing costs nothing", guard.Costs{}, 0},
		// 1.001 * 1.003 / (0.999 * 0.997) - 1 = 0.0080321...
		{"the mission's", mission, 8033},
		{"gas is not in it", guard.Costs{FeeBpsBuy: 30, FeeBpsSell: 30, SlippageBps: 10, Gas: val("5")}, 8033},
		{"a basis point of one fee is a hundredth more than one, rounded up", guard.Costs{FeeBpsSell: 1}, 101}, // 1/0.9999
		{"one of the other is one", guard.Costs{FeeBpsBuy: 1}, 100},
		{"the most that there may be", guard.Costs{FeeBpsBuy: 5000, FeeBpsSell: 5000, SlippageBps: 5000}, 8_000_000}, // 1.5*1.5/(0.5*0.5) = 9
	} {
		t.Run(c.name, func(t *testing.T) {
			if got, err := solver.RoundTrip(c.costs); err != nil || got != c.want {
				t.Fatalf("expected %d, found %d, %v", c.want, got, err)
			}
		})
	}
	for _, bad := range []guard.Costs{{FeeBpsBuy: -1}, {FeeBpsSell: 10_000}, {SlippageBps: 10_000}} {
		if _, err := solver.RoundTrip(bad); err == nil {
			t.Errorf("%+v: expected an error", bad)
		}
	}
}

// TestARiseOfARoundTripEarnsItBackAndLessDoesNot: at a size at which a unit of rounding is nothing, without gas.
func TestARiseOfARoundTripEarnsItBackAndLessDoesNot(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		bps := rapid.Int64Range(0, 5000)
		c := guard.Costs{FeeBpsBuy: bps.Draw(t, "fee buy"), FeeBpsSell: bps.Draw(t, "fee sell"), SlippageBps: bps.Draw(t, "slippage")}
		rise, err := solver.RoundTrip(c)
		if err != nil {
			t.Fatal(err)
		}
		entry, qty := 100*fixed.One, 10_000*fixed.One
		cost, err := guard.BuyCost(c, qty, entry)
		if err != nil {
			t.Fatal(err)
		}
		profit := func(hundredths int64) fixed.Value {
			exit, err := fixed.MulDiv(entry, fixed.Value(1_000_000+hundredths), 1_000_000, fixed.Floor)
			if err != nil {
				t.Fatal(err)
			}
			r, err := guard.Profit(c, qty, cost, exit, 0)
			if err != nil {
				t.Fatal(err)
			}
			return r.Profit
		}
		const dust = 1_000_000 // 0.001 of a million: what is rounded, over such a quantity
		if got := profit(rise); got < -dust {
			t.Fatalf("a rise of %d hundredths leaves %s", rise, got)
		}
		if rise > 0 {
			if got := profit(rise - 1); got >= dust {
				t.Fatalf("a hundredth less leaves %s", got)
			}
		}
	})
}

func TestSize(t *testing.T) {
	gas := mission
	gas.Gas = val("0.5")
	for _, c := range []struct {
		name                          string
		costs                         guard.Costs
		entry, exit, minProfit, limit string
		want                          string
	}{
		{"above the break-even every unit gains: the limit", mission, "100", "101", "0", "10", "10"},
		{"below it every unit loses: nothing", mission, "100", "100.8", "0", "10", "0"},
		// A unit bought at 100 and sold at 100 loses 1.001*1.003*100 - 0.999*0.997*100 = 0.8 of quote; so five of quote are 6.25 of base, less a few
		// units, since exactly five is not above a minimum of -5, and rounding costs a unit here and there.
		{"a loss that is allowed bounds it", mission, "100", "100", "-5", "10", "6.249999996"},
		{"within the limit", mission, "100", "100", "-5", "2", "2"},
		{"gas twice a round trip comes off what is allowed", gas, "100", "100", "-5", "10", "4.999999996"},
		{"gas asks for a size that pays for it: the limit does not", gas, "100", "101", "0", "1", "0"},
		{"and a larger one does", gas, "100", "101", "0", "10", "10"},
		{"more than the arithmetic bears is not counted on", guard.Costs{}, "1000000", "2000000", "0", "9000000000", "4611.686018427"},
		{"no limit is no size", mission, "100", "200", "0", "0", "0"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := solver.Size(c.costs, val(c.entry), val(c.exit), val(c.minProfit), val(c.limit))
			if err != nil || got != val(c.want) {
				t.Fatalf("expected %s, found %s, %v", c.want, got, err)
			}
		})
	}
	for _, bad := range []func() (fixed.Value, error){
		func() (fixed.Value, error) { return solver.Size(mission, 0, 1, 0, 1) },
		func() (fixed.Value, error) { return solver.Size(mission, 1, 0, 0, 1) },
		func() (fixed.Value, error) { return solver.Size(mission, 1, 1, 0, -1) },
		func() (fixed.Value, error) { return solver.Size(mission, fixed.Max, 1, 0, 1) },
	} {
		if got, err := bad(); err == nil {
			t.Errorf("expected an error, found %s", got)
		}
	}
}

// guardHolds asks the guard about a size, as Size means it.
func guardHolds(c guard.Costs, entry, exit, least, size fixed.Value) bool {
	cost, err := guard.BuyCost(c, size, entry)
	if err != nil {
		return false
	}
	r, err := guard.Profit(c, size, cost, exit, least)
	return err == nil && r.OK
}

// TestSizeIsTheLargestOfAll tries every size up to a small limit, with prices that make rounding count.
func TestSizeIsTheLargestOfAll(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := someCosts.Draw(t, "costs")
		c.Gas %= 20
		price := rapid.OneOf(rapid.Int64Range(1, 10*fixed.Scale), rapid.Int64Range(1_000_000, 200_000_000), rapid.Int64Range(1, 100*fixed.Scale))
		entry := fixed.Value(price.Draw(t, "entry"))
		exit := fixed.Value(rapid.OneOf(price, rapid.Just(int64(entry)), rapid.Int64Range(int64(entry), 2*int64(entry))).Draw(t, "exit"))
		least := fixed.Value(rapid.Int64Range(-60, 20).Draw(t, "min profit"))
		limit := fixed.Value(rapid.Int64Range(0, 3000).Draw(t, "limit"))
		want := fixed.Value(0)
		for size := limit; size > 0 && want == 0; size-- {
			if guardHolds(c, entry, exit, least, size) {
				want = size
			}
		}
		if got, err := solver.Size(c, entry, exit, least, limit); err != nil || got != want {
			t.Fatalf("expected %d, found %d, %v", want, got, err)
		}
	})
}

// TestTheSizePassesAndAUnitMoreFails at any size; and of larger ones, those that are drawn fail too.
func TestTheSizePassesAndAUnitMoreFails(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c, entry, least := someCosts.Draw(t, "costs"), someAmount.Draw(t, "entry"), someLeast.Draw(t, "least")
		exit := someAmount.Draw(t, "exit")
		if near := entry / 50; near > 0 && entry < fixed.Max-near && rapid.Bool().Draw(t, "near") {
			exit = entry - near + fixed.Value(rapid.Int64Range(0, 2*int64(near)).Draw(t, "by"))
		}
		limit := someAmount.Draw(t, "limit")
		size, err := solver.Size(c, entry, exit, least, limit)
		if errors.Is(err, solver.ErrFlat) || errors.Is(err, fixed.ErrOverflow) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		if size > 0 && !guardHolds(c, entry, exit, least, size) {
			t.Fatalf("%s does not pass", size)
		}
		if size < limit {
			larger := []fixed.Value{size + 1, limit, fixed.Value(rapid.Int64Range(int64(size)+1, int64(limit)).Draw(t, "larger"))}
			for _, l := range larger {
				if guardHolds(c, entry, exit, least, l) {
					t.Fatalf("%s is called the largest, and %s passes", size, l)
				}
			}
		}
	})
}

// TestAnAllowedLossBoundsTheSize: a round trip at one price loses by the unit, so that a minimum below zero is reached somewhere.
func TestAnAllowedLossBoundsTheSize(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := someCosts.Draw(t, "costs")
		c.FeeBpsBuy, c.Gas = max(1, c.FeeBpsBuy), c.Gas%fixed.One
		price := fixed.Value(rapid.Int64Range(1_000_000, 1_000_000*fixed.Scale).Draw(t, "price"))
		allowed := fixed.Value(rapid.Int64Range(1_000, 10*fixed.Scale).Draw(t, "allowed"))
		size, err := solver.Size(c, price, price, -2*c.Gas-allowed, fixed.Max)
		if err != nil {
			t.Fatal(err)
		}
		passes := func(size fixed.Value) bool { return guardHolds(c, price, price, -2*c.Gas-allowed, size) }
		if size < fixed.Max && passes(size+1) || size > 0 && !passes(size) {
			t.Fatalf("%s passes: %t; a unit more: %t", size, passes(size), passes(size+1))
		}
		// A basis point of the notional is the least that is lost, and less than three times the notional the most.
		if beyond, err := fixed.MulDiv(allowed, 10_001*fixed.Scale, price, fixed.Ceil); err == nil && size > beyond {
			t.Fatalf("%s at %s loses more than the %s that are allowed", size, price, allowed)
		}
		if least, err := fixed.MulDiv(allowed-10, fixed.Scale/3, price, fixed.Floor); err == nil && size < least {
			t.Fatalf("%s at %s loses less than the %s that are allowed", size, price, allowed)
		}
	})
}

// TestWhereNothingDependsOnTheSizeItIsSaid: without costs, and with an exit that is the entry, a size loses nothing if its notional is a whole
// number of units, and a unit else. At a price of 0.999999937, which shares no factor with 1e9, only a whole number of base units does the former.
func TestWhereNothingDependsOnTheSizeItIsSaid(t *testing.T) {
	price := val("0.999999937")
	for _, c := range []struct {
		name      string
		minProfit fixed.Value
		limit     string
		want      string
		err       error
	}{
		{"a loss of a unit is allowed: any size", -2, "1.5", "1.5", nil},
		{"none is, and the limit has none", -1, "2", "2", nil},
		{"none is, and a size just below the limit has none", -1, "2.00001", "2", nil},
		{"none is, and such a size is half a billion units away", -1, "1.5", "", solver.ErrFlat},
		{"a profit is asked for", 0, "1.5", "0", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := solver.Size(guard.Costs{}, price, price, c.minProfit, val(c.limit))
			if !errors.Is(err, c.err) || c.err == nil && got != val(c.want) {
				t.Fatalf("expected %s, %v; found %s, %v", c.want, c.err, got, err)
			}
		})
	}
}

func TestAffordable(t *testing.T) {
	for _, c := range []struct {
		name                 string
		entry, budget, limit string
		want                 string
		costs                guard.Costs
	}{
		{"exactly what it costs", "100", "1004.003", "20", "10", mission},
		{"a unit less", "100", "1004.002999999", "20", "9.999999999", mission}, // a step of quantity costs a hundred units
		{"within the limit", "100", "1004.003", "2", "2", mission},
		{"not even the gas", "100", "0.4", "2", "0", guard.Costs{Gas: val("0.5")}},
		{"a budget below nothing", "100", "-1", "2", "0", mission},
		{"no limit", "100", "100", "0", "0", mission},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got, err := solver.Affordable(c.costs, val(c.entry), val(c.budget), val(c.limit)); err != nil || got != val(c.want) {
				t.Fatalf("expected %s, found %s, %v", c.want, got, err)
			}
		})
	}
	if _, err := solver.Affordable(mission, 0, 1, 1); err == nil {
		t.Error("expected an error without a price")
	}
	rapid.Check(t, func(t *rapid.T) {
		c, entry, limit := someCosts.Draw(t, "costs"), someAmount.Draw(t, "entry"), someAmount.Draw(t, "limit")
		budget := fixed.Value(rapid.Int64().Draw(t, "budget"))
		size, err := solver.Affordable(c, entry, budget, limit)
		if err != nil {
			t.Fatal(err)
		}
		pays := func(size fixed.Value) bool {
			cost, err := guard.BuyCost(c, size, entry)
			return err == nil && cost <= budget
		}
		if size > 0 && !pays(size) || size < limit && pays(size+1) {
			t.Fatalf("%s is paid for: %t; a unit more: %t", size, pays(size), pays(size+1))
		}
	})
}
