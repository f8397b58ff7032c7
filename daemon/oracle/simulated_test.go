package oracle

import (
	"context"
	"math"
	"testing"

	"pgregory.net/rapid"

	"github.com/taudaemon/taudaemon/daemon/config"
	"github.com/taudaemon/taudaemon/daemon/fixed"
)

func simulate(t testing.TB, name string, c config.SimulatedSource) *simulated {
	t.Helper()
	s, err := newSimulated(name, c)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// distanceBps is how far a lies from b, in bps of b, rounded up.
func distanceBps(t testing.TB, a, b fixed.Value) int64 {
	t.Helper()
	d, err := fixed.MulDiv(max(a, b)-min(a, b), fixed.BpsScale, b, fixed.Ceil)
	if err != nil {
		t.Fatal(err)
	}
	return int64(d)
}

func TestTheSimulatedWalkIsAFunctionOfSeedAndTickWithinItsBounds(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		c := config.SimulatedSource{
			Seed:    rapid.Int64Min(0).Draw(rt, "seed"),
			Start:   fixed.Value(rapid.Int64Range(1, math.MaxInt64).Draw(rt, "start")),
			StepBps: rapid.Int64Range(0, 1000).Draw(rt, "step_bps"),
		}
		tick := rapid.Uint64Max(math.MaxUint64-1).Draw(rt, "tick")
		walk := simulate(t, "a", c)
		price, err := walk.walk(tick)
		if err != nil {
			rt.Fatal(err)
		}
		if again, _ := simulate(t, "b", c).walk(tick); again != price {
			rt.Fatalf("another source of the walk has %s, not %s", again, price)
		}
		if price < c.Start/2 || price < 1 || (c.Start < fixed.Max/2 && price > c.Start+c.Start/2) {
			rt.Fatalf("%s is out of bounds of a walk from %s", price, c.Start)
		}
		next, err := walk.walk(tick + 1)
		if err != nil {
			rt.Fatal(err)
		}
		if moved := distanceBps(t, next, price); moved > c.StepBps+1 {
			// A bp of slack: prices of few units can't be halved exactly.
			rt.Fatalf("from %s to %s are %d bps, and the step is %d", price, next, moved, c.StepBps)
		}
	})
}

func TestThreeSimulatedSourcesAgreeAndMove(t *testing.T) {
	c := config.SimulatedSource{Seed: 7, Start: fixed.MustParse("100"), StepBps: 20}
	sources := []*simulated{simulate(t, "a", c), simulate(t, "b", c), simulate(t, "c", c)}
	seen, differ := map[fixed.Value]bool{}, false
	low, high := fixed.Max, fixed.Min
	for tick := range uint64(3 * 2 * halfBlock) {
		var prices []fixed.Value
		for _, s := range sources {
			q := s.Poll(context.Background(), tick, 5000)
			if q.Err != "" || q.Published != 5000 || q.Received != 5000 || q.Volume < fixed.One || q.Volume > 10*fixed.One || q.Source != s.name {
				t.Fatalf("tick %d: found %+v", tick, q)
			}
			prices = append(prices, q.Price)
		}
		if distanceBps(t, prices[0], prices[1]) > 3 || distanceBps(t, prices[0], prices[2]) > 3 {
			t.Fatalf("tick %d: the sources lie apart: %v", tick, prices)
		}
		differ = differ || prices[0] != prices[1]
		seen[prices[0]] = true
		low, high = min(low, prices[0]), max(high, prices[0])
	}
	if !differ || len(seen) < halfBlock || distanceBps(t, high, low) < 100 {
		t.Errorf("expected a walk with noise, found %d prices from %s to %s", len(seen), low, high)
	}
	other := c
	other.Seed = 8
	if a, b := sources[0].Poll(context.Background(), 9, 0), simulate(t, "a", other).Poll(context.Background(), 9, 0); a.Price == b.Price {
		t.Error("expected another walk for another seed")
	}
}

func TestTheSimulatedWalkIsTheSameInEveryVersion(t *testing.T) {
	s := simulate(t, "simulated-1", config.SimulatedSource{Start: fixed.MustParse("100"), StepBps: 20})
	for tick, want := range map[uint64]string{0: "100.003843803", 1: "99.847749574", 1000: "100.180076793", 4096: "99.997713366", math.MaxUint64: "99.799750142"} {
		if q := s.Poll(context.Background(), tick, 0); q.Price.String() != want {
			t.Errorf("tick %d: expected %s, found %s: recorded runs would no longer be reproduced", tick, want, q.Price)
		}
	}
}

func BenchmarkSimulatedAtTheFarEndOfABlock(b *testing.B) {
	s := simulate(b, "a", config.SimulatedSource{Start: fixed.MustParse("100"), StepBps: 20})
	for b.Loop() {
		if _, err := s.walk(halfBlock); err != nil {
			b.Fatal(err)
		}
	}
}
