package shadow_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/taudaemon/taudaemon/daemon/tau"
	"github.com/taudaemon/taudaemon/daemon/tau/process"
	"github.com/taudaemon/taudaemon/daemon/tau/process/double"
	"github.com/taudaemon/taudaemon/daemon/tau/shadow"
	"github.com/taudaemon/taudaemon/specs"
)

func TestMain(m *testing.M) {
	if double.Asked() {
		os.Exit(double.Main(os.Args[1:]))
	}
	os.Exit(m.Run())
}

func embedded(t *testing.T, name string) *tau.Embedded {
	t.Helper()
	src, err := specs.FS.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	e, err := tau.NewEmbedded(name, src)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// both is the double of the binary, shadowed by the embedded engine.
func both(t *testing.T, name string, protocol process.Protocol) *shadow.Engine {
	t.Helper()
	path, err := double.Path()
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("TAU_DOUBLE", "1")
	variable, value, _ := strings.Cut(double.NoRaceDelay, "=")
	t.Setenv(variable, value)
	src, err := specs.FS.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	real, err := process.New(context.Background(), name, src, process.Options{
		Binary: path, Protocol: protocol, RunDir: t.TempDir(), StepDeadline: 20 * time.Second, StartDeadline: 20 * time.Second,
	})
	if err != nil {
		t.Fatal(err)
	}
	e, err := shadow.New(real, embedded(t, name))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return e
}

func ticks(t *testing.T, e, model tau.Engine, rng *rand.Rand, n int) {
	t.Helper()
	out, want := make([]uint64, len(model.Info().Outputs)), make([]uint64, len(model.Info().Outputs))
	for range n {
		in := make([]uint64, len(model.Info().Inputs))
		for i, s := range model.Info().Inputs {
			in[i] = rng.Uint64() & s.Max()
		}
		if err := model.Step(context.Background(), in, want); err != nil {
			t.Fatal(err)
		}
		if err := e.Step(context.Background(), in, out); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(out, want) || !slices.Equal(e.Snapshot(), model.Snapshot()) {
			t.Fatalf("expected %v, found %v", want, out)
		}
	}
}

func TestEnginesThatAgreeGiveTheVerdict(t *testing.T) {
	for _, name := range []string{specs.KernelV35, specs.ProfitWitness, specs.CooldownLimiter} {
		ticks(t, both(t, name, process.ProtocolSession), embedded(t, name), rand.New(rand.NewPCG(1, 2)), 300)
	}
}

func TestADisagreementNamesSpecStreamTickAndBothValues(t *testing.T) {
	for _, protocol := range []process.Protocol{process.ProtocolSession, process.ProtocolFile} {
		t.Run(string(protocol), func(t *testing.T) {
			t.Setenv("TAU_DOUBLE_ONCE", filepath.Join(t.TempDir(), "once"))
			if protocol == process.ProtocolSession {
				t.Setenv("TAU_DOUBLE_FAULT", string(double.WrongAnswer)+"@4")
			}
			e, model, rng := both(t, specs.KernelV35, protocol), embedded(t, specs.KernelV35), rand.New(rand.NewPCG(3, 4))
			ticks(t, e, model, rng, 4)
			if protocol == process.ProtocolFile {
				t.Setenv("TAU_DOUBLE_FAULT", string(double.WrongAnswer)+"@0")
			}
			before := e.Snapshot()
			// Not fresh: the kernel's state is 0 whatever it was, so that the double says 1.
			err := e.Step(context.Background(), []uint64{0, 0, 0, 0, 0}, make([]uint64, 18))
			var found *shadow.DisagreementError
			if !errors.As(err, &found) {
				t.Fatalf("expected a disagreement, found %v", err)
			}
			want := shadow.DisagreementError{
				Spec: specs.KernelV35, Tick: 5, Stream: "ostate", Decided: 1, Shadowed: 0, Engines: [2]string{"tau", "embedded"}, Streams: 1,
			}
			if *found != want {
				t.Errorf("expected %+v, found %+v", want, *found)
			}
			if want := specs.KernelV35 + ": no verdict: engines disagree in step 5 on output ostate: tau found 1, embedded found 0"; err.Error() != want {
				t.Errorf("expected %q, found %q", want, err)
			}
			if !slices.Equal(e.Snapshot(), before) {
				t.Errorf("expected the state %v unchanged, found %v", before, e.Snapshot())
			}
			ticks(t, e, model, rng, 20)
		})
	}
}

func TestWithoutAVerdictTheShadowStaysWhereItIs(t *testing.T) {
	t.Setenv("TAU_DOUBLE_ONCE", filepath.Join(t.TempDir(), "once"))
	t.Setenv("TAU_DOUBLE_FAULT", string(double.Exit)+"@4")
	e, model, rng := both(t, specs.KernelV35, process.ProtocolSession), embedded(t, specs.KernelV35), rand.New(rand.NewPCG(5, 6))
	ticks(t, e, model, rng, 4)
	err := e.Step(context.Background(), make([]uint64, 5), make([]uint64, 18))
	var disagree *shadow.DisagreementError
	if err == nil || errors.As(err, &disagree) || !strings.Contains(err.Error(), "the binary died") {
		t.Errorf("expected the death, found %v", err)
	}
	ticks(t, e, model, rng, 20)
}

// liar answers like the engine within, but for some ticks.
type liar struct {
	tau.Engine
	lie   func(out []uint64)
	fails bool
}

func (l *liar) Step(ctx context.Context, in, out []uint64) error {
	if l.fails {
		return errors.New("broken")
	}
	err := l.Engine.Step(ctx, in, out)
	if l.lie != nil {
		l.lie(out)
	}
	return err
}

func TestEverySingleOutputCounts(t *testing.T) {
	for i := range 18 {
		e, err := shadow.New(&liar{Engine: embedded(t, specs.KernelV35), lie: func(out []uint64) { out[i] ^= 1 }}, embedded(t, specs.KernelV35))
		if err != nil {
			t.Fatal(err)
		}
		var found *shadow.DisagreementError
		err = e.Step(context.Background(), []uint64{0, 1, 1, 0, 0}, make([]uint64, 18))
		if !errors.As(err, &found) || found.Stream != e.Info().Outputs[i].Name {
			t.Errorf("expected a disagreement on %s, found %v", e.Info().Outputs[i].Name, err)
		}
	}
}

func TestAShadowThatFailsPutsTheDecidingEngineBack(t *testing.T) {
	real := embedded(t, specs.KernelV35)
	e, err := shadow.New(real, &liar{Engine: embedded(t, specs.KernelV35), fails: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Step(context.Background(), []uint64{0, 1, 1, 0, 0}, make([]uint64, 18)); err == nil {
		t.Error("expected no verdict")
	}
	if !slices.Equal(real.Snapshot(), e.Snapshot()) {
		t.Errorf("expected %v, found %v", e.Snapshot(), real.Snapshot())
	}
}

func TestOnlyEnginesOfOneSpecAreJoined(t *testing.T) {
	if _, err := shadow.New(embedded(t, specs.KernelV35), embedded(t, specs.KernelLongHold)); err == nil || !strings.Contains(err.Error(), "expected both engines to run the spec sha256:") {
		t.Errorf("expected a refusal, found %v", err)
	}
}

func TestARestoreReachesBoth(t *testing.T) {
	real, other := embedded(t, specs.KernelV35), embedded(t, specs.KernelV35)
	e, err := shadow.New(real, other)
	if err != nil {
		t.Fatal(err)
	}
	state := []uint64{1, 0, 1, 1, 1, 0, 1, 0, 0}
	if err := e.Restore(state); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(real.Snapshot(), state) || !slices.Equal(other.Snapshot(), state) {
		t.Errorf("expected %v in both, found %v and %v", state, real.Snapshot(), other.Snapshot())
	}
	if err := e.Restore([]uint64{2}); err == nil || !slices.Equal(real.Snapshot(), state) {
		t.Errorf("expected a refusal and an unchanged state, found %v", err)
	}
}
