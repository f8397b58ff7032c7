package process

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/taudaemon/taudaemon/daemon/tau"
	"github.com/taudaemon/taudaemon/daemon/tau/lang"
	"github.com/taudaemon/taudaemon/daemon/tau/lang/langtest"
	"github.com/taudaemon/taudaemon/specs"
)

// The tests of this file run the real Tau binary, which is not ours to ship: TAUD_TAU_BINARY names the user's own, without
// it they are skipped. What they hold is what the double is trusted to stand for. TAUD_TAU_ROUNDS multiplies their length.
//
//	TAUD_TAU_BINARY=/usr/bin/tau go test -run Real -timeout 0 -v ./daemon/tau/process

// useReal gives options that run the real binary. No deadline is short unless a test waits for it.
func useReal(t testing.TB, protocol Protocol) Options {
	t.Helper()
	path := os.Getenv("TAUD_TAU_BINARY")
	if path == "" {
		t.Skip("TAUD_TAU_BINARY names no Tau binary")
	}
	return Options{Binary: path, Protocol: protocol, RunDir: t.TempDir(), StepDeadline: 5 * time.Minute, StartDeadline: 5 * time.Minute, Tries: 1}
}

func rounds(t testing.TB) int {
	t.Helper()
	n, err := strconv.Atoi(os.Getenv("TAUD_TAU_ROUNDS"))
	if err != nil || n < 1 {
		return 1
	}
	return n
}

// TestRealBinaryEqualsTheEmbeddedEngineOnTheShippedSpecs also logs what a process costs: processor time, which a machine
// that does other things at the same time does not change much, and memory.
func TestRealBinaryEqualsTheEmbeddedEngineOnTheShippedSpecs(t *testing.T) {
	for _, name := range allSpecs(t) {
		t.Run(name, func(t *testing.T) {
			o, n := useReal(t, ProtocolSession), 50*rounds(t)
			src := spec(t, name)
			e := start(t, name, src, o).(*Session)
			started := processorTime(t, e.link.pid)
			model, rng := embedded(t, name, src), rand.New(rand.NewPCG(1, uint64(len(name))))
			var ticks []time.Duration
			for range n {
				before := processorTime(t, e.link.pid)
				sameTicks(t, e, model, rng, 1)
				ticks = append(ticks, processorTime(t, e.link.pid)-before)
			}
			t.Logf("%d ticks equal; processor time: %v to start, %v a tick, at most %v; %d MB", n, started.Round(time.Millisecond),
				median(ticks).Round(10*time.Microsecond), slices.Max(ticks).Round(10*time.Microsecond), residentBytes(t, e.link.pid)/1_000_000)
			requireResumed(t, e, model, rng, 5)
		})
	}
}

func TestRealBinaryEqualsTheEmbeddedEngineWithAProcessATick(t *testing.T) {
	for _, name := range allSpecs(t) {
		t.Run(name, func(t *testing.T) {
			src := spec(t, name)
			sameTicks(t, start(t, name, src, useReal(t, ProtocolFile)), embedded(t, name, src), rand.New(rand.NewPCG(1, uint64(len(name)))), 3*rounds(t))
		})
	}
}

// processorTime is what all threads of a process have used.
func processorTime(t testing.TB, pid int) (sum time.Duration) {
	t.Helper()
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range threads {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		ns, err := strconv.ParseInt(strings.Fields(string(text))[0], 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		sum += time.Duration(ns)
	}
	return sum
}

func residentBytes(t testing.TB, pid int) int {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		t.Fatal(err)
	}
	pages, err := strconv.Atoi(strings.Fields(string(text))[1])
	if err != nil {
		t.Fatal(err)
	}
	return pages * os.Getpagesize()
}

// requireResumed sends the session's process away, so that the next one starts from the saved state.
func requireResumed(t testing.TB, e *Session, model *tau.Embedded, rng *rand.Rand, n int) {
	t.Helper()
	if err := e.drop(); err != nil {
		t.Fatal(err)
	}
	sameTicks(t, e, model, rng, n)
}

func TestRealBinaryGivesTheRecordedRows(t *testing.T) {
	for _, dir := range slices.Concat(corpus(t, recorded), corpus(t, "../lang/testdata/cases")) {
		t.Run(filepath.Base(dir), func(t *testing.T) {
			src, err := os.ReadFile(filepath.Join(dir, "spec.tau"))
			if err != nil {
				t.Fatal(err)
			}
			e := start(t, "spec.tau", src, useReal(t, ProtocolSession))
			out := make([]uint64, len(e.Info().Outputs))
			want := readRows(t, filepath.Join(dir, "outputs.csv"))[e.Info().Lookback:]
			for tick, in := range readRows(t, filepath.Join(dir, "inputs.csv")) {
				if err := e.Step(context.Background(), in, out); err != nil {
					t.Fatalf("tick %d: %v", tick, err)
				}
				if !slices.Equal(out, want[tick]) {
					t.Fatalf("tick %d: expected %v, found %v", tick, want[tick], out)
				}
			}
		})
	}
}

// TestRealBinaryEqualsTheEmbeddedEngineOnRandomSpecs draws specs that the checker accepts. The binary calls some of them
// unsat, starts on others never, or takes too long for a tick: those are counted and no failure, since such a spec has no
// verdict. A spec that runs must give the embedded engine's rows.
func TestRealBinaryEqualsTheEmbeddedEngineOnRandomSpecs(t *testing.T) {
	for name, shape := range map[string]langtest.Shape{
		"bits":              {BitsOnly: true, Flat: true},
		"bits in branches":  {BitsOnly: true},
		"words":             {Flat: true},
		"words in branches": {},
	} {
		t.Run(name, func(t *testing.T) {
			o := useReal(t, ProtocolSession)
			o.StartDeadline, o.StepDeadline = 30*time.Second, 20*time.Second
			equal, outcomes := 0, map[string]int{}
			for seed := range 25 * rounds(t) {
				text := rapid.Custom(shape.Draw).Example(seed)
				if _, err := lang.Validate("random.tau", []byte(text)); err != nil {
					outcomes["refused by the checker"]++
					continue
				}
				switch outcome := compareRandom(t, text, uint64(seed), o); outcome {
				case "":
					equal++
				default:
					outcomes[outcome]++
					t.Logf("seed %d: %s\n%s", seed, outcome, text)
				}
			}
			t.Logf("%d equal, others: %v", equal, outcomes)
		})
	}
}

// compareRandom runs a spec in both engines, and again from a state that is not the first. It says why there was nothing to
// compare, if so.
func compareRandom(t *testing.T, text string, seed uint64, o Options) (outcome string) {
	t.Helper()
	model, rng := embedded(t, "random.tau", []byte(text)), rand.New(rand.NewPCG(seed, 1))
	e, err := New(context.Background(), "random.tau", []byte(text), o)
	if err != nil {
		return why(err)
	}
	defer func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	}()
	info := model.Info()
	got, want := make([]uint64, len(info.Outputs)), make([]uint64, len(info.Outputs))
	for tick := range 30 {
		if tick == 20 {
			if err := e.(*Session).drop(); err != nil {
				t.Fatal(err)
			}
		}
		in := randomInputs(rng, info)
		if err := model.Step(context.Background(), in, want); err != nil {
			t.Fatal(err)
		}
		if err := e.Step(context.Background(), in, got); err != nil {
			return why(err)
		}
		if !slices.Equal(got, want) {
			t.Errorf("seed %d, tick %d, inputs %v: expected %v, found %v\n%s", seed, tick, in, want, got, text)
			return "different"
		}
	}
	return ""
}

func why(err error) string {
	for _, text := range []string{"unsat", "mirror", "(Error)", "died"} {
		if strings.Contains(err.Error(), text) {
			return err.Error()
		}
	}
	if errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, context.DeadlineExceeded) {
		return "too slow"
	}
	return err.Error()
}

func TestRealBinaryThatIsKilledIsReplaced(t *testing.T) {
	o, src := useReal(t, ProtocolSession), spec(t, specs.KernelV35)
	e, model, rng := start(t, specs.KernelV35, src, o), embedded(t, specs.KernelV35, src), rand.New(rand.NewPCG(5, 6))
	sameTicks(t, e, model, rng, 20)
	for range 3 {
		l := e.(*Session).link
		if err := syscall.Kill(l.pid, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		<-l.done
		sameTicks(t, e, model, rng, 20)
	}
}
