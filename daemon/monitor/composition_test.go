package monitor_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/taudaemon/taudaemon/daemon/kernel"
	"github.com/taudaemon/taudaemon/daemon/monitor"
	"github.com/taudaemon/taudaemon/daemon/tau"
	"github.com/taudaemon/taudaemon/specs"
)

// explore steps a kernel together with spec 04 through every state that the two can reach, with all inputs that the adapters can make (volume
// implies fresh; the guard implies fresh and no failure). It returns the number of the kernel's states, and one example for each output of
// 04 that is ever 0.
func explore(t *testing.T, src string) (states int, broken map[string]string) {
	t.Helper()
	k, err := tau.NewEmbedded("kernel", []byte(src))
	if err != nil {
		t.Fatal(err)
	}
	kb, err := kernel.Bind(k.Info())
	if err != nil {
		t.Fatal(err)
	}
	m := engine(t, monitor.Invariants.File())
	mb, err := monitor.Invariants.Bind(m.Info())
	if err != nil {
		t.Fatal(err)
	}
	step := func(e *tau.Embedded, in []uint64) []uint64 {
		out := make([]uint64, len(e.Info().Outputs))
		if err := e.Step(context.Background(), in, out); err != nil {
			t.Fatal(err)
		}
		return out
	}
	restore := func(e *tau.Embedded, words []uint64) {
		if err := e.Restore(words); err != nil {
			t.Fatal(err)
		}
	}
	type pair struct{ kernel, monitor []uint64 }
	broken = map[string]string{}
	kernels, seen := map[string]bool{}, map[string]bool{}
	for queue := []pair{{k.Snapshot(), m.Snapshot()}}; len(queue) > 0; queue = queue[1:] {
		at := queue[0]
		kernels[fmt.Sprint(at.kernel)] = true
		for bits := range 64 {
			fresh := bits&32 != 0
			in := kernel.Inputs{PriceHigh: bits&1 != 0, VolumeFresh: bits&2 != 0, TrendUp: bits&4 != 0, ProfitGuard: bits&8 != 0, FailureEcho: bits&16 != 0}
			if !fresh && (in.VolumeFresh || in.ProfitGuard) || in.ProfitGuard && in.FailureEcho {
				continue
			}
			restore(k, at.kernel)
			values := make([]uint64, len(k.Info().Inputs))
			kb.Encode(in, values)
			o, err := kb.Decode(step(k, values))
			if err != nil {
				t.Fatal(err)
			}
			restore(m, at.monitor)
			values = make([]uint64, len(m.Info().Inputs))
			mb.Encode(monitor.InvariantsIn(nil, o.Buy, o.Sell, o.State, o.Nonce, o.Profit, o.Burn, fresh, in.ProfitGuard, in.FailureEcho, false, false), values)
			said, err := mb.Decode(step(m, values))
			if err != nil {
				t.Fatal(err)
			}
			for i := range monitor.Invariants.Width() {
				if !said.Has(i) {
					broken[monitor.Invariants.Output(i)] = fmt.Sprintf("kernel %v, monitor %v: in %s, fresh %t, out %s", at.kernel, at.monitor, in.Bits(), fresh, o.Bits())
				}
			}
			next := pair{k.Snapshot(), m.Snapshot()}
			if key := fmt.Sprint(next); !seen[key] {
				seen[key] = true
				queue = append(queue, next)
			}
		}
	}
	return len(kernels), broken
}

func v35(t *testing.T) string {
	t.Helper()
	src, err := specs.FS.ReadFile(specs.KernelV35)
	if err != nil {
		t.Fatal(err)
	}
	return string(src)
}

func TestTheV35KernelBreaksNoInvariantInAnyReachableState(t *testing.T) {
	states, broken := explore(t, v35(t))
	if states != 10 {
		t.Errorf("expected the 10 reachable states of V35, found %d", states)
	}
	for name, example := range broken {
		t.Errorf("%s is 0: %s", name, example)
	}
}

// TestAFaultyKernelIsFoundOut takes one term out of V35 at a time: the test above could fail, and spec 04 sees each such fault.
func TestAFaultyKernelIsFoundOut(t *testing.T) {
	for _, c := range []struct{ fault, from, to, want string }{
		{"enters under an echo", "& ononce[t-1]' & ifailure_echo[t]'", "& ononce[t-1]'", "echo_exit"},
		{"stays under an echo", "& ivolume[t] & ifailure_echo[t]')", "& ivolume[t])", "echo_exit"},
		{"enters without freshness", "= ostate[t-1]' & iprice[t]' & ivolume[t] & itrend[t]", "= ostate[t-1]' & iprice[t]' & itrend[t]", "fresh_exec"},
		{"stays without freshness", "& ivolume[t] & ifailure_echo[t]')", "& ifailure_echo[t]')", "fresh_exit"},
		{"stays when the timer has run out", "(iprice[t] & oholding[t-1])' & (otimer_b1[t-1] & otimer_b0[t-1])'", "(iprice[t] & oholding[t-1])'", "timeout_exit"},
		{"leaves without a sell", "(osell_signal[t] = ostate[t-1] & ostate[t]' & oholding[t-1])", "(osell_signal[t] = ostate[t-1] & ostate[t]' & oholding[t-1] & ifailure_echo[t]')", "echo_exit"},
		{"burns without the profit guard", "oentry_price[t-1]' & iprofit_guard[t])", "oentry_price[t-1]')", "burn_profit"},
		{"buys at every tick that it executes", "(obuy_signal[t]  = ostate[t] & ostate[t-1]' & oholding[t-1]')", "(obuy_signal[t]  = ostate[t])", "nonce_ok"},
		{"sells what it buys", "(osell_signal[t] = ostate[t-1] & ostate[t]' & oholding[t-1])", "(osell_signal[t] = ostate[t-1] & ostate[t]' & oholding[t-1] | obuy_signal[t])", "exclusive"},
	} {
		t.Run(c.fault, func(t *testing.T) {
			src := v35(t)
			if strings.Count(src, c.from) != 1 {
				t.Fatalf("%q is not in the spec once", c.from)
			}
			if _, broken := explore(t, strings.Replace(src, c.from, c.to, 1)); broken[c.want] == "" {
				t.Fatalf("expected %s to be broken, found %v", c.want, broken)
			}
		})
	}
}
