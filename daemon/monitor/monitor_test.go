package monitor_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/taudaemon/taudaemon/daemon/kernel"
	"github.com/taudaemon/taudaemon/daemon/monitor"
	"github.com/taudaemon/taudaemon/daemon/tau"
	"github.com/taudaemon/taudaemon/specs"
)

var all = []monitor.Invariant{
	monitor.ActionExclusivity, monitor.FreshWhileExecuting, monitor.BurnImpliesProfit, monitor.BurnMonotonic, monitor.Nonce,
	monitor.TimeoutExit, monitor.FreshnessDropExit, monitor.EchoExit, monitor.EchoBlocksEntry,
}

// TestEachInvariantAlone has for each invariant ticks that break it and no other.
func TestEachInvariantAlone(t *testing.T) {
	type out = kernel.Outputs
	held := out{State: true, Holding: true, Nonce: true}
	expired := out{State: true, Holding: true, Nonce: true, TimerB0: true, TimerB1: true}
	executing := out{State: true}
	burn := out{Sell: true, Burn: true, HasBurned: true}
	guard, echo := kernel.Inputs{ProfitGuard: true}, kernel.Inputs{FailureEcho: true}
	seen := map[monitor.Invariant]bool{}
	for _, c := range []struct {
		name string
		tick monitor.Tick
		want monitor.Invariant
	}{
		{"buy and sell in one tick", monitor.Tick{Out: out{Buy: true, Sell: true}, Fresh: true}, monitor.ActionExclusivity},
		{"execution begins without freshness", monitor.Tick{Out: executing}, monitor.FreshWhileExecuting},
		{"a burn without the profit guard", monitor.Tick{Prev: held, Out: burn, Fresh: true}, monitor.BurnImpliesProfit},
		{"a burn without freshness", monitor.Tick{Prev: held, In: guard, Out: burn}, monitor.BurnImpliesProfit},
		{"a burn under a failure echo", monitor.Tick{Prev: held, In: kernel.Inputs{ProfitGuard: true, FailureEcho: true}, Out: burn, Fresh: true}, monitor.BurnImpliesProfit},
		{"a burn without a sell", monitor.Tick{In: guard, Out: out{Burn: true, HasBurned: true}, Fresh: true}, monitor.BurnImpliesProfit},
		{"a burn that was is forgotten", monitor.Tick{Prev: out{HasBurned: true}, Fresh: true}, monitor.BurnMonotonic},
		{"a burn that is goes unnoted", monitor.Tick{Prev: held, In: guard, Out: out{Sell: true, Burn: true}, Fresh: true}, monitor.BurnMonotonic},
		{"a buy while the nonce is set", monitor.Tick{Prev: out{Nonce: true}, Out: out{Buy: true}, Fresh: true}, monitor.Nonce},
		{"a buy while a position is believed held", monitor.Tick{Prev: out{Holding: true}, Out: out{Buy: true}, Fresh: true}, monitor.Nonce},
		{"an expired timer and it stays", monitor.Tick{Prev: expired, Out: held, Fresh: true}, monitor.TimeoutExit},
		{"an expired timer and it leaves without a sell", monitor.Tick{Prev: expired, Fresh: true}, monitor.TimeoutExit},
		{"freshness is lost and it leaves without a sell", monitor.Tick{Prev: held}, monitor.FreshnessDropExit},
		{"an echo and it stays", monitor.Tick{Prev: held, In: echo, Out: held, Fresh: true}, monitor.EchoExit},
		{"an echo and it leaves without a sell", monitor.Tick{Prev: held, In: echo, Fresh: true}, monitor.EchoExit},
		{"a buy under an echo", monitor.Tick{In: echo, Out: out{Buy: true}, Fresh: true}, monitor.EchoBlocksEntry},
	} {
		seen[c.want] = true
		t.Run(c.name, func(t *testing.T) {
			if got := monitor.Judge(c.tick); !slices.Equal(got, []monitor.Invariant{c.want}) {
				t.Fatalf("expected %s alone, found %v", c.want, got)
			}
		})
	}
	for _, i := range all {
		if !seen[i] {
			t.Errorf("no tick breaks %s alone", i)
		}
	}
}

func TestTicksThatBreakNothing(t *testing.T) {
	type out = kernel.Outputs
	held := out{State: true, Holding: true, Nonce: true}
	for _, c := range []struct {
		name string
		tick monitor.Tick
	}{
		{"idle and not fresh", monitor.Tick{}},
		{"idle under an echo", monitor.Tick{In: kernel.Inputs{FailureEcho: true}}},
		{"a buy", monitor.Tick{Out: out{State: true, Buy: true, Holding: true, Nonce: true}, Fresh: true}},
		{"holding on", monitor.Tick{Prev: held, Out: held, Fresh: true}},
		{"a sell when freshness is lost", monitor.Tick{Prev: held, Out: out{Sell: true}}},
		{"a sell under an echo", monitor.Tick{Prev: held, In: kernel.Inputs{FailureEcho: true}, Out: out{Sell: true}, Fresh: true}},
		{"leaving without a sell what was not held", monitor.Tick{Prev: out{State: true}}},
		{"a sell with a burn", monitor.Tick{Prev: held, In: kernel.Inputs{ProfitGuard: true}, Out: out{Sell: true, Burn: true, HasBurned: true}, Fresh: true}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := monitor.Judge(c.tick); got != nil {
				t.Fatalf("expected none, found %v", got)
			}
		})
	}
}

func TestBrokenInvariantsComeInTheOrderOfTheirDeclaration(t *testing.T) {
	got := monitor.Judge(monitor.Tick{
		Prev: kernel.Outputs{State: true, Holding: true, Nonce: true, HasBurned: true, TimerB0: true, TimerB1: true},
		In:   kernel.Inputs{FailureEcho: true},
		Out:  kernel.Outputs{State: true, Buy: true, Sell: true, Burn: true},
	})
	if !slices.Equal(got, all) {
		t.Fatalf("expected %v\nfound    %v", all, got)
	}
}

// explore steps the kernel through every state that it can reach, with all inputs that core can make (v implies fresh, g implies fresh and
// no echo), and returns how many states there are and one example for each set of invariants that a tick breaks.
func explore(t *testing.T, src string) (states int, broken map[string]string) {
	t.Helper()
	e, err := tau.NewEmbedded("kernel", []byte(src))
	if err != nil {
		t.Fatal(err)
	}
	b, err := kernel.Bind(e.Info())
	if err != nil {
		t.Fatal(err)
	}
	type state struct {
		words []uint64
		prev  kernel.Outputs
	}
	broken = map[string]string{}
	engineStates, seen := map[string]bool{}, map[string]bool{}
	queue := []state{{words: e.Snapshot()}}
	in, out := make([]uint64, len(e.Info().Inputs)), make([]uint64, len(e.Info().Outputs))
	for len(queue) > 0 {
		at := queue[0]
		queue = queue[1:]
		engineStates[fmt.Sprint(at.words)] = true
		for bits := range 32 {
			i := kernel.Inputs{PriceHigh: bits&1 != 0, VolumeFresh: bits&2 != 0, TrendUp: bits&4 != 0, ProfitGuard: bits&8 != 0, FailureEcho: bits&16 != 0}
			if i.ProfitGuard && i.FailureEcho {
				continue
			}
			if err := e.Restore(at.words); err != nil {
				t.Fatal(err)
			}
			b.Encode(i, in)
			if err := e.Step(context.Background(), in, out); err != nil {
				t.Fatal(err)
			}
			o, err := b.Decode(out)
			if err != nil {
				t.Fatal(err)
			}
			for _, fresh := range []bool{true, false} {
				if !fresh && (i.VolumeFresh || i.ProfitGuard) {
					continue
				}
				for _, inv := range monitor.Judge(monitor.Tick{Prev: at.prev, In: i, Out: o, Fresh: fresh}) {
					broken[string(inv)] = fmt.Sprintf("after %s: in %s, fresh %t, out %s", at.prev.Bits(), i.Bits(), fresh, o.Bits())
				}
			}
			next := state{e.Snapshot(), o}
			if key := fmt.Sprint(next); !seen[key] {
				seen[key] = true
				queue = append(queue, next)
			}
		}
	}
	return len(engineStates), broken
}

func v35(t *testing.T) string {
	t.Helper()
	src, err := specs.FS.ReadFile(specs.KernelV35)
	if err != nil {
		t.Fatal(err)
	}
	return string(src)
}

func TestTheV35KernelBreaksNothingInAnyReachableState(t *testing.T) {
	states, broken := explore(t, v35(t))
	if states != 10 {
		t.Errorf("expected the 10 reachable states of V35, found %d", states)
	}
	for inv, example := range broken {
		t.Errorf("%s is broken %s", inv, example)
	}
}

// TestAFaultyKernelIsFoundOut takes one term out of V35 at a time: the test above could fail, and the monitors see each such fault.
func TestAFaultyKernelIsFoundOut(t *testing.T) {
	for _, c := range []struct {
		fault, from, to string
		want            monitor.Invariant
	}{
		{"enters under an echo", "& ononce[t-1]' & ifailure_echo[t]'", "& ononce[t-1]'", monitor.EchoBlocksEntry},
		{"stays under an echo", "& ivolume[t] & ifailure_echo[t]')", "& ivolume[t])", monitor.EchoExit},
		{"enters without freshness", "= ostate[t-1]' & iprice[t]' & ivolume[t] & itrend[t]", "= ostate[t-1]' & iprice[t]' & itrend[t]", monitor.FreshWhileExecuting},
		{"stays without freshness", "& ivolume[t] & ifailure_echo[t]')", "& ifailure_echo[t]')", monitor.FreshnessDropExit},
		{"stays when the timer has run out", "(iprice[t] & oholding[t-1])' & (otimer_b1[t-1] & otimer_b0[t-1])'", "(iprice[t] & oholding[t-1])'", monitor.TimeoutExit},
		{"leaves without a sell", "(osell_signal[t] = ostate[t-1] & ostate[t]' & oholding[t-1])", "(osell_signal[t] = ostate[t-1] & ostate[t]' & oholding[t-1] & ifailure_echo[t]')", monitor.EchoExit},
		{"burns without the profit guard", "oentry_price[t-1]' & iprofit_guard[t])", "oentry_price[t-1]')", monitor.BurnImpliesProfit},
		{"forgets its burns", "(ohas_burned[t]  = ohas_burned[t-1] | oburn_event[t])", "(ohas_burned[t]  = oburn_event[t])", monitor.BurnMonotonic},
		{"buys at every tick that it executes", "(obuy_signal[t]  = ostate[t] & ostate[t-1]' & oholding[t-1]')", "(obuy_signal[t]  = ostate[t])", monitor.Nonce},
		{"sells what it buys", "(osell_signal[t] = ostate[t-1] & ostate[t]' & oholding[t-1])", "(osell_signal[t] = ostate[t-1] & ostate[t]' & oholding[t-1] | obuy_signal[t])", monitor.ActionExclusivity},
	} {
		t.Run(c.fault, func(t *testing.T) {
			src := v35(t)
			if strings.Count(src, c.from) != 1 {
				t.Fatalf("%q is not in the spec once", c.from)
			}
			if _, broken := explore(t, strings.Replace(src, c.from, c.to, 1)); broken[string(c.want)] == "" {
				t.Fatalf("expected %s to be broken, found %v", c.want, broken)
			}
		})
	}
}
