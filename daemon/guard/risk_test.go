package guard_test

import (
	"errors"
	"math/big"
	"testing"

	"pgregory.net/rapid"

	"github.com/taudaemon/taudaemon/daemon/fixed"
	"github.com/taudaemon/taudaemon/daemon/guard"
)

func TestRisk(t *testing.T) {
	limits := guard.RiskLimits{MaxPositionTicks: 12, MaxPositionQty: val("10"), MaxDrawdownBps: 200}
	for _, c := range []struct {
		name         string
		qty          string
		ticks        uint64
		equity, peak string
		want         guard.RiskResult
	}{
		{"flat and at its peak", "0", 0, "1000", "1000", guard.RiskResult{OK: true}},
		{"flat, the ticks do not count", "0", 999, "1000", "1000", guard.RiskResult{OK: true}},
		{"one tick before the limit", "10", 11, "1000", "1000", guard.RiskResult{OK: true}},
		{"exactly at the limit in ticks", "10", 12, "1000", "1000", guard.RiskResult{Reason: "held too long"}},
		{"exactly at the limit in quantity", "10", 1, "1000", "1000", guard.RiskResult{OK: true}},
		{"one unit above it is the excess", "10.000000001", 1, "1000", "1000", guard.RiskResult{Reason: "position too large", Excess: 1}},
		{"too long and too large: the excess is told", "12.5", 12, "1000", "1000", guard.RiskResult{Reason: "position too large", Excess: val("2.5")}},
		{"equity above its peak is no drawdown", "0", 0, "1001", "1000", guard.RiskResult{OK: true}},
		{"a drawdown of 199 bps", "0", 0, "980.1", "1000", guard.RiskResult{OK: true, DrawdownBps: 199}},                                          // 19.9 of 1000
		{"exactly at the limit of 200 bps", "0", 0, "980", "1000", guard.RiskResult{DrawdownBps: 200, Drawdown: true, Reason: "drawdown"}},        // 20 of 1000
		{"a part of a basis point counts as one", "0", 0, "999.999999999", "1000", guard.RiskResult{OK: true, DrawdownBps: 1}},                    // 1e-9 of 1000
		{"so just above 199 bps is 200", "0", 0, "980.099999999", "1000", guard.RiskResult{DrawdownBps: 200, Drawdown: true, Reason: "drawdown"}}, // 199.00000001
		{"all lost is 10000 bps", "0", 0, "0", "1000", guard.RiskResult{DrawdownBps: 10_000, Drawdown: true, Reason: "drawdown"}},
		{"more than all lost is more", "0", 0, "-500", "1000", guard.RiskResult{DrawdownBps: 15_000, Drawdown: true, Reason: "drawdown"}},
		{"a peak of zero has no drawdown", "0", 0, "-5", "0", guard.RiskResult{OK: true}},
		{"nor has one below zero", "0", 0, "-5", "-1", guard.RiskResult{OK: true}},
		{"drawdown and excess: both are told", "11", 12, "980", "1000",
			guard.RiskResult{DrawdownBps: 200, Drawdown: true, Excess: val("1"), Reason: "drawdown"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := guard.Risk(limits, guard.RiskFacts{Quantity: val(c.qty), TicksHeld: c.ticks, Equity: val(c.equity), Peak: val(c.peak)})
			if err != nil {
				t.Fatal(err)
			}
			if got != c.want {
				t.Fatalf("expected %+v\nfound    %+v", c.want, got)
			}
		})
	}
}

func TestRiskOverflowIsAnErrorAndNotOK(t *testing.T) {
	for name, c := range map[string]struct {
		limits guard.RiskLimits
		facts  guard.RiskFacts
	}{
		"the excess":                {guard.RiskLimits{MaxPositionTicks: 1, MaxPositionQty: -1}, guard.RiskFacts{Quantity: fixed.Max}},
		"what was lost":             {guard.RiskLimits{}, guard.RiskFacts{Equity: fixed.Min, Peak: 1}},
		"the drawdown of tiny peak": {guard.RiskLimits{}, guard.RiskFacts{Equity: fixed.Min / 2, Peak: 1}},
	} {
		got, err := guard.Risk(c.limits, c.facts)
		if !errors.Is(err, fixed.ErrOverflow) || got != (guard.RiskResult{Reason: "overflow"}) {
			t.Errorf("%s: expected an overflow that is not OK, found %+v, %v", name, got, err)
		}
	}
}

func TestDrawdownIsTheExactOneOrAnOverflow(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		peak := anyAmount.Draw(t, "peak")
		equity := fixed.Value(rapid.OneOf(rapid.Int64Range(0, int64(peak)), rapid.Int64()).Draw(t, "equity"))
		limit := rapid.Int64Range(1, 10_000).Draw(t, "limit")
		got, err := guard.Risk(guard.RiskLimits{MaxDrawdownBps: limit}, guard.RiskFacts{Equity: equity, Peak: peak})

		var e exact
		want := new(big.Int)
		if equity < peak {
			lost := e.sub(bigOf(peak), bigOf(equity))
			want = e.mulDiv(lost, big.NewInt(10_000), int64(peak), true)
		}
		if e.overflow {
			if !errors.Is(err, fixed.ErrOverflow) || got.OK {
				t.Fatalf("expected an overflow that is not OK, found %+v, %v", got, err)
			}
			return
		}
		breach := want.Cmp(big.NewInt(limit)) >= 0
		if err != nil || big.NewInt(got.DrawdownBps).Cmp(want) != 0 || got.Drawdown != breach || got.OK == breach {
			t.Fatalf("expected %s bps, found %+v, %v", want, got, err)
		}
	})
}
