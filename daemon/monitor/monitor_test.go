package monitor_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/taudaemon/taudaemon/daemon/monitor"
	"github.com/taudaemon/taudaemon/daemon/tau"
	"github.com/taudaemon/taudaemon/specs"
)

func engine(t *testing.T, file string) *tau.Embedded {
	t.Helper()
	src, err := specs.FS.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	e, err := tau.NewEmbedded(file, src)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// runner runs a bundled spec by its contract.
func runner(t *testing.T, id monitor.ID) func(in []uint64) string {
	t.Helper()
	e := engine(t, id.File())
	b, err := id.Bind(e.Info())
	if err != nil {
		t.Fatal(err)
	}
	return func(in []uint64) string {
		t.Helper()
		i, out := make([]uint64, len(e.Info().Inputs)), make([]uint64, len(e.Info().Outputs))
		b.Encode(in, i)
		if err := e.Step(context.Background(), i, out); err != nil {
			t.Fatal(err)
		}
		bits, err := b.Decode(out)
		if err != nil {
			t.Fatal(err)
		}
		text := id.Text(bits)
		if back, err := id.ParseBits(text); err != nil || back != bits {
			t.Fatalf("%s: expected %b back from %s, found %b, %v", id, bits, text, back, err)
		}
		return text
	}
}

// TestTheContractIsWhatTheBundledSpecsMean feeds each spec by its contract, one input at a time, and reads the verdict by its place: inputs in the
// wrong order, or an output in the wrong place, give something else.
func TestTheContractIsWhatTheBundledSpecsMean(t *testing.T) {
	type step struct {
		in   []uint64
		want string
	}
	for id, steps := range map[monitor.ID][]step{
		monitor.Profit:    {{monitor.ProfitIn(nil, -1, -2), "1"}, {monitor.ProfitIn(nil, -2, -1), "0"}, {monitor.ProfitIn(nil, 1, 1), "0"}, {monitor.ProfitIn(nil, 1, -1), "1"}},
		monitor.Freshness: {{monitor.FreshnessIn(nil, 2, 2, 9, 9), "1"}, {monitor.FreshnessIn(nil, 1, 2, 9, 9), "0"}, {monitor.FreshnessIn(nil, 3, 2, 10, 9), "0"}},
		monitor.Echo: {
			{monitor.EchoIn(nil, false, false, 2), "0"}, {monitor.EchoIn(nil, true, false, 2), "1"}, {monitor.EchoIn(nil, false, false, 2), "1"},
			{monitor.EchoIn(nil, false, false, 2), "1"}, {monitor.EchoIn(nil, false, false, 2), "0"}, {monitor.EchoIn(nil, false, true, 2), "1"},
			{monitor.EchoIn(nil, false, false, 2), "1"}, {monitor.EchoIn(nil, false, false, 2), "0"},
		},
		monitor.Invariants: {
			{monitor.InvariantsIn(nil, false, false, false, false, false, false, false, false, false, false, false), "11111111"},
			{monitor.InvariantsIn(nil, true, true, true, true, false, false, true, false, false, false, false), "01111110"},
			{monitor.InvariantsIn(nil, false, false, true, true, false, false, false, false, false, false, false), "10111010"},
		},
		monitor.Liveness: {
			{monitor.LivenessIn(nil, true, false, false, 2), "0"}, {monitor.LivenessIn(nil, true, false, false, 2), "1"}, {monitor.LivenessIn(nil, true, true, false, 2), "0"},
			{monitor.LivenessIn(nil, true, true, true, 2), "0"}, {monitor.LivenessIn(nil, true, true, true, 2), "1"}, {monitor.LivenessIn(nil, false, false, true, 2), "0"},
		},
		monitor.Cooldown: {
			{monitor.CooldownIn(nil, false, 2), "1"}, {monitor.CooldownIn(nil, true, 2), "0"}, {monitor.CooldownIn(nil, false, 2), "0"}, {monitor.CooldownIn(nil, false, 2), "1"},
		},
		monitor.Entry: {
			{monitor.EntryIn(nil, true, true, false, true, true, true, true, false, false), "110"},
			{monitor.EntryIn(nil, true, false, true, true, false, true, true, false, false), "110"},
			{monitor.EntryIn(nil, true, false, false, true, false, true, true, true, false), "001"},
			{monitor.EntryIn(nil, false, true, false, true, true, true, true, false, true), "000"},
		},
		monitor.Exit: {
			{monitor.ExitIn(nil, true, true, false, false, true, true, true, false, false), "110"},
			{monitor.ExitIn(nil, true, false, true, false, true, true, false, false, false), "100"},
			{monitor.ExitIn(nil, false, true, true, false, true, true, true, true, false), "001"},
			{monitor.ExitIn(nil, false, false, false, true, true, true, true, false, true), "101"},
		},
	} {
		run := runner(t, id)
		for i, s := range steps {
			if got := run(s.in); got != s.want {
				t.Errorf("spec %s step %d: expected %s, found %s", id, i+1, s.want, got)
			}
		}
	}
}

func TestASpecThatLacksAStreamIsRefused(t *testing.T) {
	for id := range monitor.Count {
		info := engine(t, id.File()).Info()
		if id.File()[:2] != id.String() || !slices.Contains(specs.Supporting, id.File()) {
			t.Errorf("spec %s is %s", id, id.File())
		}
		for i := range info.Inputs {
			cut := info
			cut.Inputs = slices.Delete(slices.Clone(info.Inputs), i, i+1)
			if _, err := id.Bind(cut); err == nil || !strings.Contains(err.Error(), "no input stream reads "+info.Inputs[i].Path) {
				t.Errorf("spec %s without %s: %v", id, info.Inputs[i].Path, err)
			}
		}
	}
}

func TestANumberThatDoesNotFitIsTheLongestThereIs(t *testing.T) {
	if got := monitor.CooldownIn(nil, false, 5000); !slices.Equal(got[1:], []uint64{1, 1, 1, 1, 1, 1, 1, 1, 1, 1}) {
		t.Fatal(got)
	}
	if got := monitor.EchoIn(nil, false, false, 5); !slices.Equal(got[2:], []uint64{1, 0, 1, 0, 0, 0}) {
		t.Fatal(got)
	}
}

func TestParseBitsRefusesWhatIsNoOutput(t *testing.T) {
	for _, s := range []string{"", "11", "2", " ", "1111111x"} {
		for _, id := range []monitor.ID{monitor.Echo, monitor.Invariants} {
			if _, err := id.ParseBits(s); err == nil {
				t.Errorf("spec %s: %q was read", id, s)
			}
		}
	}
}
