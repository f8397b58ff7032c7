package prove

import (
	"context"
	"path"
	"testing"

	"github.com/taudaemon/taudaemon/daemon/core"
	"github.com/taudaemon/taudaemon/daemon/tau"
	"github.com/taudaemon/taudaemon/specs"
)

var (
	// small limits have a first, a middle and a last value for every count.
	small = Limits{FailHoldTicks: 2, ClearTicks: 3, CooldownTicks: 2, MaxPositionTicks: 4}
	// tiny limits are for what needs all states.
	tiny = Limits{FailHoldTicks: 2, ClearTicks: 2, CooldownTicks: 1, MaxPositionTicks: 2}
	// defaults are those of daemon/config.
	defaults = Limits{FailHoldTicks: 2, ClearTicks: 10, CooldownTicks: 8, MaxPositionTicks: 12}
)

// bundled are the project's own specs with one of its kernels.
func bundled(t testing.TB, kernel string) (set [SpecCount]core.Spec) {
	t.Helper()
	for i := range set {
		name := kernel
		if i < kernelAt {
			name = specs.Supporting[i]
		}
		src, err := specs.FS.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		set[i] = spec(path.Base(name), string(src))
	}
	return set
}

func spec(name, text string) core.Spec {
	return core.Spec{Name: name, Digest: tau.Digest([]byte(text)), Text: text}
}

func prove(t testing.TB, set [SpecCount]core.Spec, l Limits, o Options) *Report {
	t.Helper()
	r, err := Prove(context.Background(), set, l, o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func requireProven(t *testing.T, r *Report) {
	t.Helper()
	if len(r.Verdicts) != int(disciplines) {
		t.Errorf("expected %d verdicts, found %d", disciplines, len(r.Verdicts))
	}
	for _, v := range r.Verdicts {
		if !v.Proven {
			t.Errorf("%s is refuted: %s", v.Discipline, v.Why)
			for i, s := range v.Trace.Steps {
				t.Logf("%3d  %s", i+1, s.Text)
			}
		}
	}
}

// TestTheBundledSpecsAreProvenWithTheDefaultLimits is taud spec prove specs/.
func TestTheBundledSpecsAreProvenWithTheDefaultLimits(t *testing.T) {
	t.Parallel()
	r := prove(t, bundled(t, specs.KernelV35), defaults, Options{Audit: DefaultAudit})
	requireProven(t, r)
	if want := defaults.cut(); r.Explored != want || want == defaults {
		t.Errorf("expected the limits to be cut to %+v, found %+v", want, r.Explored)
	}
	for _, v := range r.Verdicts {
		if want := defaults.ClearTicks + defaults.FailHoldTicks; v.Discipline == Release.String() && v.Bound > want {
			t.Errorf("expected a quarantine to end within %d ticks, found %d", want, v.Bound)
		}
	}
	t.Logf("%d states, %d transitions, %d ticks run, %d of them audits", r.States, r.Transitions, r.Ticks, r.Audited)
}

func TestEveryKernelIsProvenUnderEverySetting(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		kernel string
		limits Limits
	}{
		{"long hold", specs.KernelLongHold, Limits{FailHoldTicks: 2, ClearTicks: 1, CooldownTicks: 1, MaxPositionTicks: 3}},
		{"a manual release", specs.KernelV35, Limits{FailHoldTicks: 3, ClearTicks: 2, CooldownTicks: 1, MaxPositionTicks: 1, ManualRelease: true}},
		{"a position that is held on Lease risk", specs.KernelV35, Limits{FailHoldTicks: 2, ClearTicks: 1, CooldownTicks: 0, MaxPositionTicks: 1, HoldOnLeaseRisk: true}},
		{"a quarantine shorter than the echo", specs.KernelV35, Limits{FailHoldTicks: 4, ClearTicks: 1, CooldownTicks: 0, MaxPositionTicks: 2}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := prove(t, bundled(t, c.kernel), c.limits, Options{Audit: 0.1, Exact: true})
			requireProven(t, r)
			t.Logf("%d states, %d audits", r.States, r.Audited)
		})
	}
}
