package guard_test

import (
	"strings"
	"testing"

	"github.com/taudaemon/taudaemon/daemon/guard"
)

// The numbers of the mission's file (daemon/config/testdata/mission.toml), for all five guards: each gives its value, its bit and its reason.
var (
	missionFreshness = guard.FreshnessLimits{MinQuorum: 3, ToleranceBps: 50, MaxAgeMS: []int64{1500, 1500, 1500}}
	missionCosts     = guard.Costs{FeeBpsBuy: 30, FeeBpsSell: 30, SlippageBps: 10}
	missionRisk      = guard.RiskLimits{MaxPositionTicks: 12, MaxPositionQty: val("10"), MaxDrawdownBps: 200}
)

const (
	missionHold     = 2
	missionCooldown = 8
	missionQty      = "10"
	// Ten bought at a median of 100: worst 100.1, notional 1001, fee 3.003.
	missionCost = "1004.003"
)

func TestFreshnessWithTheMissionsNumbers(t *testing.T) {
	at := func(prices string, ages ...int64) (quotes []guard.Quote) {
		for i, p := range strings.Fields(prices) {
			quotes = append(quotes, quote(p, now-ages[i]))
		}
		return quotes
	}
	down := func(quotes []guard.Quote, i int) []guard.Quote {
		quotes[i] = guard.Quote{Err: "deadline"}
		return quotes
	}
	for _, c := range []struct {
		name   string
		quotes []guard.Quote
		want   guard.FreshnessResult
	}{
		{"three of one price, just come", at("100 100 100", 0, 0, 0), guard.FreshnessResult{OK: true, Median: val("100"), Fresh: 3, Quorum: 3}},
		{"three that are 1500 ms old", at("100 100 100", 1500, 1500, 1500), guard.FreshnessResult{OK: true, Median: val("100"), Fresh: 3, Quorum: 3}},
		{"one of them a millisecond older", at("100 100 100", 1500, 1501, 1500), guard.FreshnessResult{Median: val("100"), Fresh: 2, Quorum: 2, Reason: "quorum too small"}},
		{"all of them", at("100 100 100", 1501, 1501, 1501), guard.FreshnessResult{Reason: "no fresh source"}},
		{"50 bps below and above the median", at("99.5 100 100.5", 0, 0, 0), guard.FreshnessResult{OK: true, Median: val("100"), Fresh: 3, Quorum: 3}},
		{"a unit further above: an outlier breaks a quorum of all three", at("99.5 100 100.500000001", 0, 0, 0),
			guard.FreshnessResult{Median: val("100"), Fresh: 3, Quorum: 2, Reason: "quorum too small"}},
		{"a source that is down breaks it too", down(at("100 100 100", 0, 0, 0), 1), guard.FreshnessResult{Median: val("100"), Fresh: 2, Quorum: 2, Reason: "quorum too small"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got, err := guard.Freshness(missionFreshness, c.quotes, now); err != nil || got != c.want {
				t.Fatalf("expected %+v\nfound    %+v, %v", c.want, got, err)
			}
		})
	}
}

func TestProfitWithTheMissionsNumbers(t *testing.T) {
	if cost, err := guard.BuyCost(missionCosts, val(missionQty), val("100")); err != nil || cost != val(missionCost) {
		t.Fatalf("the cost of ten at 100: expected %s, found %s, %v", missionCost, cost, err)
	}
	const below = "not above the minimum"
	for _, c := range []struct {
		name, qty, median string
		want              guard.ProfitResult
	}{
		// Worst 99.9, notional 999, fee 2.997: 996.003 less 1004.003.
		{"the price of the buy is a loss of 80 bps", missionQty, "100", guard.ProfitResult{Profit: val("-8"), Reason: below}},
		// Worst 100.699200, notional 1006.992, fee 3.020976: 1003.971024 less 1004.003.
		{"80 bps above it are not enough", missionQty, "100.8", guard.ProfitResult{Profit: val("-0.031976"), Reason: below}},
		// Worst 100.702407221, notional 1007.02407221, fee 3.021072217. Package solver finds the next one.
		{"a unit below the break-even", missionQty, "100.803210432", guard.ProfitResult{Profit: val("-0.000000007"), Reason: below}},
		{"the break-even", missionQty, "100.803210433", guard.ProfitResult{OK: true, Profit: val("0.000000003")}},
		// Worst 100.899, notional 1008.99, fee 3.02697: 1005.96303 less 1004.003.
		{"the target of 100 bps", missionQty, "101", guard.ProfitResult{OK: true, Profit: val("1.96003")}},
		{"nothing is held", "0", "101", guard.ProfitResult{Reason: "no position"}},
		{"no price is known", missionQty, "0", guard.ProfitResult{Reason: "no price"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got, err := guard.Profit(missionCosts, val(c.qty), val(missionCost), val(c.median), 0); err != nil || got != c.want {
				t.Fatalf("expected %+v\nfound    %+v, %v", c.want, got, err)
			}
		})
	}
}

func TestTheEchoWithTheMissionsNumbers(t *testing.T) {
	var e guard.Echo
	for i, c := range []struct {
		anomalies int // at the tick, known before the kernel ran
		want      guard.EchoResult
	}{
		{0, guard.EchoResult{}},
		{1, guard.EchoResult{On: true, Reason: "an anomaly"}},
		{0, guard.EchoResult{On: true, Left: 2, Reason: "held after an anomaly"}},
		{3, guard.EchoResult{On: true, Left: 1, Reason: "an anomaly"}}, // loads it anew
		{0, guard.EchoResult{On: true, Left: 2, Reason: "held after an anomaly"}},
		{0, guard.EchoResult{On: true, Left: 1, Reason: "held after an anomaly"}},
		{0, guard.EchoResult{}},
	} {
		if got := e.Judge(c.anomalies); got != c.want {
			t.Fatalf("tick %d: expected %+v, found %+v", i+1, c.want, got)
		}
		e = e.Next(c.anomalies, missionHold)
	}
}

func TestTheCooldownWithTheMissionsNumbers(t *testing.T) {
	var g guard.Cooldown
	if got := g.Judge(); got != (guard.CooldownResult{OK: true}) {
		t.Fatalf("before any sell: found %+v", got)
	}
	g = g.Next(true, missionCooldown)
	for left := uint64(missionCooldown); left > 0; left-- {
		if got, want := g.Judge(), (guard.CooldownResult{Left: left, Reason: "cooling down after a sell"}); got != want {
			t.Fatalf("%d ticks left: expected %+v, found %+v", left, want, got)
		}
		g = g.Next(false, missionCooldown)
	}
	if got := g.Judge(); got != (guard.CooldownResult{OK: true}) {
		t.Fatalf("after 8 ticks: found %+v", got)
	}
}

func TestRiskWithTheMissionsNumbers(t *testing.T) {
	for _, c := range []struct {
		name         string
		qty          string
		ticks        uint64
		equity, peak string
		want         guard.RiskResult
	}{
		{"flat", "0", 0, "100000", "100000", guard.RiskResult{OK: true}},
		{"ten held for 11 ticks", "10", 11, "100000", "100000", guard.RiskResult{OK: true}},
		{"for 12", "10", 12, "100000", "100000", guard.RiskResult{Reason: "held too long"}},
		{"a unit more than ten", "10.000000001", 1, "100000", "100000", guard.RiskResult{Excess: 1, Reason: "position too large"}},
		{"1.99 % below the peak", "10", 1, "98010", "100000", guard.RiskResult{OK: true, DrawdownBps: 199}},
		{"2 % below it", "10", 1, "98000", "100000", guard.RiskResult{DrawdownBps: 200, Drawdown: true, Reason: "drawdown"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := guard.Risk(missionRisk, guard.RiskFacts{Quantity: val(c.qty), TicksHeld: c.ticks, Equity: val(c.equity), Peak: val(c.peak)})
			if err != nil || got != c.want {
				t.Fatalf("expected %+v\nfound    %+v, %v", c.want, got, err)
			}
		})
	}
}
