package process

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/taudaemon/taudaemon/daemon/tau"
	"github.com/taudaemon/taudaemon/daemon/tau/lang"
	"github.com/taudaemon/taudaemon/daemon/tau/process/double"
	"github.com/taudaemon/taudaemon/specs"
)

func TestASessionEqualsTheEmbeddedEngineOverThousandsOfTicks(t *testing.T) {
	watchLeftovers(t)
	o := useDouble(t, ProtocolSession)
	for _, name := range allSpecs(t) {
		t.Run(name, func(t *testing.T) {
			src, n := spec(t, name), 1000
			if name == specs.KernelV35 {
				n = 5000
			}
			sameTicks(t, start(t, name, src, o), embedded(t, name, src), rand.New(rand.NewPCG(1, uint64(len(name)))), n)
		})
	}
	requireEmpty(t, o.RunDir)
}

// recorded is the folder of runs recorded from the real binary; it is not part of the project.
const recorded = "../../../../shared/tau-traces"

// TestRecordedRuns drives the double through every recorded run, inputs and outputs compared row by row on both sides.
func TestRecordedRuns(t *testing.T) {
	for _, c := range []struct {
		name, dir string
		atLeast   int
	}{
		{"of the real binary", recorded, 95},
		{"of our own corpus", "../lang/testdata/cases", 5},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := os.Stat(c.dir); err != nil {
				t.Skipf("no recorded runs: %v", err)
			}
			cases := corpus(t, c.dir)
			if len(cases) < c.atLeast {
				t.Fatalf("expected at least %d cases, found %d", c.atLeast, len(cases))
			}
			for _, dir := range cases {
				t.Run(filepath.Base(dir), func(t *testing.T) { replay(t, dir) })
			}
		})
	}
}

func replay(t *testing.T, dir string) {
	src, err := os.ReadFile(filepath.Join(dir, "spec.tau"))
	if err != nil {
		t.Fatal(err)
	}
	abs, err := filepath.Abs(dir)
	if err != nil {
		t.Fatal(err)
	}
	e := start(t, "spec.tau", src, useDouble(t, ProtocolSession, "TAU_DOUBLE_REPLAY="+abs))
	k := e.Info().Lookback
	out := make([]uint64, len(e.Info().Outputs))
	want := readRows(t, filepath.Join(dir, "outputs.csv"))
	for tick, in := range readRows(t, filepath.Join(dir, "inputs.csv")) {
		if err := e.Step(context.Background(), in, out); err != nil {
			t.Fatalf("tick %d: %v", tick, err)
		}
		if !slices.Equal(out, want[tick+k]) {
			t.Fatalf("tick %d: expected %v, found %v", tick, want[tick+k], out)
		}
	}
}

func TestInfoNamesTheBinaryAndTheSpec(t *testing.T) {
	o := useDouble(t, ProtocolSession)
	i := start(t, specs.KernelV35, spec(t, specs.KernelV35), o).Info()
	want := embedded(t, specs.KernelV35, spec(t, specs.KernelV35)).Info()
	if i.Engine != "tau" || i.Version != double.Version || i.SpecDigest != want.SpecDigest || i.SpecName != want.SpecName {
		t.Errorf("found %+v", i)
	}
	b, err := os.ReadFile(o.Binary)
	if err != nil {
		t.Fatal(err)
	}
	if i.BinaryDigest != tau.Digest(b) {
		t.Errorf("binary digest: expected %s, found %s", tau.Digest(b), i.BinaryDigest)
	}
	if i.Lookback != want.Lookback || !slices.Equal(i.Inputs, want.Inputs) || !slices.Equal(i.Outputs, want.Outputs) || !slices.Equal(i.State, want.State) {
		t.Errorf("expected the interface %+v, found %+v", want, i)
	}
}

// traps says for each fault of a tick what the error has to name.
var traps = map[double.Fault]string{
	double.ErrorText:    "(Error) [sbf] Syntax Error",
	double.Exit:         "the binary died: exit status 0",
	double.Die:          "the binary died: signal: killed",
	double.Hang:         "output ostate: expected a line, found none",
	double.HalfHang:     "output om_ifailure_echo: expected a line, found none",
	double.Late:         "output ostate: expected a line, found none",
	double.Symbol:       `output ostate: expected one value, 0 to 1, found "e s' y"`,
	double.Garbage:      `output ostate: expected one value, 0 to 1, found "\x00\xff\x1b[31m"`,
	double.Endless:      "output ostate: expected a line of at most 20 digits, found more than 512 bytes",
	double.Range:        `output ostate: expected one value, 0 to 1, found "19"`,
	double.EmptyLine:    `output ostate: expected one value, 0 to 1, found ""`,
	double.LeadingZero:  `output ostate: expected one value, 0 to 1, found "0`,
	double.Twice:        "output om_ifailure_echo: expected one line, found more",
	double.Missing:      "output ostate: expected a line, found none",
	double.WrongMirror:  "expected the mirror of input ivolume, 1, found 0",
	double.OrphanedKill: "output ostate: expected a line, found none",
	double.CutLine:      "the binary died: exit status 0",
}

func TestEveryTrapOfATickIsFoundInTimeAndNamedAndOvercome(t *testing.T) {
	if len(traps) != len(double.TickFaults) {
		t.Errorf("expected an error for each of %d faults, found %d", len(double.TickFaults), len(traps))
	}
	for _, fault := range double.TickFaults {
		t.Run(string(fault), func(t *testing.T) {
			watchLeftovers(t)
			o := useDouble(t, ProtocolSession, fmt.Sprintf("TAU_DOUBLE_FAULT=%s@3=1h", fault), "TAU_DOUBLE_ONCE="+filepath.Join(t.TempDir(), "once"))
			src := spec(t, specs.KernelV35)
			e, model, rng := start(t, specs.KernelV35, src, o), embedded(t, specs.KernelV35, src), rand.New(rand.NewPCG(3, 4))
			sameTicks(t, e, model, rng, 3)

			before := e.Snapshot()
			e.(*Session).StepDeadline = 300 * time.Millisecond
			begin := time.Now()
			err := e.Step(context.Background(), []uint64{0, 1, 1, 1, 0}, make([]uint64, 18))
			if took := time.Since(begin); took > 10*time.Second {
				t.Errorf("expected an end soon after the deadline of 300ms, found %v", took)
			}
			if err == nil || !strings.HasPrefix(err.Error(), specs.KernelV35+": no verdict: ") || !strings.Contains(err.Error(), traps[fault]) {
				t.Errorf("expected an error that names %q, found %v", traps[fault], err)
			}
			if !slices.Equal(e.Snapshot(), before) {
				t.Errorf("expected the state %v unchanged, found %v", before, e.Snapshot())
			}
			e.(*Session).StepDeadline = 20 * time.Second
			sameTicks(t, e, model, rng, 30)
		})
	}
}

func TestEveryTrapOfAStartIsNamed(t *testing.T) {
	for fault, want := range map[double.Fault]string{
		double.NeverStart:   "start 2 of 2: initial row 0: output ostate: expected a line, found none",
		double.Unsat:        "start 2 of 2: expected values, found an error of the binary's own: (Error) Tau specification is unsat",
		double.Crash:        "start 2 of 2: the binary died: exit status 134, having printed \"terminate called",
		double.WrongInitial: "start 2 of 2: initial row 0, output ostate: expected 0, the state it was started with, found 1",
		double.NoInitial:    "start 2 of 2: initial row 0: output ostate: expected a line, found none",
		double.NoVersion:    "--version: expected an answer within 5s, found none",
	} {
		t.Run(string(fault), func(t *testing.T) {
			watchLeftovers(t)
			o := useDouble(t, ProtocolSession, "TAU_DOUBLE_FAULT="+string(fault))
			o.StartDeadline, o.Tries = 300*time.Millisecond, 2
			if fault == double.WrongInitial || fault == double.Crash || fault == double.Unsat {
				o.StartDeadline = 20 * time.Second
			}
			e, err := New(context.Background(), specs.KernelV35, spec(t, specs.KernelV35), o)
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("expected %q, found %v", want, err)
			}
			if e != nil {
				t.Errorf("expected no engine beside an error, found %T", e)
			}
			requireEmpty(t, o.RunDir)
		})
	}
}

func TestAStartThatFailsOnceIsTriedAgain(t *testing.T) {
	for _, fault := range double.StartFaults {
		t.Run(string(fault), func(t *testing.T) {
			watchLeftovers(t)
			o := useDouble(t, ProtocolSession, "TAU_DOUBLE_FAULT="+string(fault), "TAU_DOUBLE_ONCE="+filepath.Join(t.TempDir(), "once"))
			o.StartDeadline, o.Tries = 3*time.Second, 3
			src := spec(t, specs.KernelV35)
			sameTicks(t, start(t, specs.KernelV35, src, o), embedded(t, specs.KernelV35, src), rand.New(rand.NewPCG(5, 6)), 10)
		})
	}
}

func TestAProcessThatDiesBetweenTicksIsReplacedBeforeTheNext(t *testing.T) {
	for _, how := range []string{"killed", "ended by itself after a row"} {
		t.Run(how, func(t *testing.T) {
			watchLeftovers(t)
			orders := []string{}
			if how != "killed" {
				orders = []string{"TAU_DOUBLE_FAULT=" + string(double.ExitAfter) + "@19", "TAU_DOUBLE_ONCE=" + filepath.Join(t.TempDir(), "once")}
			}
			o := useDouble(t, ProtocolSession, orders...)
			src, rng := spec(t, specs.KernelV35), rand.New(rand.NewPCG(7, 8))
			e, model := start(t, specs.KernelV35, src, o), embedded(t, specs.KernelV35, src)
			sameTicks(t, e, model, rng, 20)
			l := e.(*Session).link
			if how == "killed" {
				if err := syscall.Kill(l.pid, syscall.SIGKILL); err != nil {
					t.Fatal(err)
				}
			}
			<-l.done
			sameTicks(t, e, model, rng, 20)
			if e.(*Session).link == l {
				t.Error("expected another process")
			}
		})
	}
}

func TestALineTooManyAfterARowIsNotTheNextTicks(t *testing.T) {
	watchLeftovers(t)
	o := useDouble(t, ProtocolSession, "TAU_DOUBLE_FAULT="+string(double.ExtraLater)+"@0", "TAU_DOUBLE_ONCE="+filepath.Join(t.TempDir(), "once"))
	src, rng := spec(t, specs.KernelV35), rand.New(rand.NewPCG(9, 10))
	e, model := start(t, specs.KernelV35, src, o), embedded(t, specs.KernelV35, src)
	sameTicks(t, e, model, rng, 1)
	for e.(*Session).link.quiet() == nil { // until the line is there
		time.Sleep(time.Millisecond)
	}
	err := e.Step(context.Background(), make([]uint64, 5), make([]uint64, 18))
	if err == nil || !strings.Contains(err.Error(), "output om_ifailure_echo: expected nothing before this tick's inputs") {
		t.Errorf("expected the line too many to be named, found %v", err)
	}
	sameTicks(t, e, model, rng, 20)
}

func TestAMegabyteOfTextIsNoTrouble(t *testing.T) {
	o := useDouble(t, ProtocolSession, "TAU_DOUBLE_FAULT="+string(double.Chatter)+"@1")
	src := spec(t, specs.KernelV35)
	e := start(t, specs.KernelV35, src, o)
	sameTicks(t, e, embedded(t, specs.KernelV35, src), rand.New(rand.NewPCG(11, 12)), 20)
	out := &e.(*Session).link.out
	out.mu.Lock() // it still prints
	defer out.mu.Unlock()
	if n := cap(out.kept); n > 1<<17 {
		t.Errorf("expected a bounded part of the text in memory, found %d bytes", n)
	}
}

func TestTheCallersContextEndsAStep(t *testing.T) {
	src := spec(t, specs.KernelV35)
	for name, with := range map[string]func() (context.Context, context.CancelFunc){
		"a deadline before the tick's own": func() (context.Context, context.CancelFunc) {
			return context.WithTimeout(context.Background(), 100*time.Millisecond)
		},
		"cancelled in mid-tick": func() (context.Context, context.CancelFunc) {
			ctx, cancel := context.WithCancel(context.Background())
			time.AfterFunc(100*time.Millisecond, cancel)
			return ctx, cancel
		},
	} {
		t.Run(name, func(t *testing.T) {
			watchLeftovers(t)
			o := useDouble(t, ProtocolSession, "TAU_DOUBLE_FAULT="+string(double.Hang)+"@0", "TAU_DOUBLE_ONCE="+filepath.Join(t.TempDir(), "once"))
			e := start(t, specs.KernelV35, src, o)
			ctx, cancel := with()
			defer cancel()
			if err := e.Step(ctx, make([]uint64, 5), make([]uint64, 18)); err == nil {
				t.Error("expected an error")
			}
			sameTicks(t, e, embedded(t, specs.KernelV35, src), rand.New(rand.NewPCG(13, 14)), 10)
		})
	}
	t.Run("done before the tick: nothing is written and the process stays", func(t *testing.T) {
		e := start(t, specs.KernelV35, src, useDouble(t, ProtocolSession))
		l := e.(*Session).link
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		if err := e.Step(ctx, make([]uint64, 5), make([]uint64, 18)); !errors.Is(err, context.Canceled) {
			t.Errorf("expected %v, found %v", context.Canceled, err)
		}
		sameTicks(t, e, embedded(t, specs.KernelV35, src), rand.New(rand.NewPCG(15, 16)), 10)
		if e.(*Session).link != l {
			t.Error("expected the same process")
		}
	})
}

// A restart that takes longer than a tick must still end, or the engine would never be back.
func TestAStartLongerThanATickGoesOnBesideTheTicks(t *testing.T) {
	watchLeftovers(t)
	o := useDouble(t, ProtocolSession)
	src := spec(t, specs.KernelV35)
	e, model := start(t, specs.KernelV35, src, o), embedded(t, specs.KernelV35, src)
	t.Setenv("TAU_DOUBLE_START", "500ms")
	l := e.(*Session).link
	if err := syscall.Kill(l.pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	<-l.done
	short := func() error {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
		defer cancel()
		return e.Step(ctx, []uint64{0, 1, 1, 0, 0}, make([]uint64, 18))
	}
	if err := short(); err == nil || !strings.Contains(err.Error(), "still starting") {
		t.Fatalf("expected a start that goes on, found %v", err)
	}
	for st := e.(*Session).starting; len(st.result) == 0; {
		time.Sleep(time.Millisecond)
	}
	sameTicks(t, e, model, rand.New(rand.NewPCG(17, 18)), 10)
}

func TestARestoredSessionContinuesFromTheState(t *testing.T) {
	watchLeftovers(t)
	o := useDouble(t, ProtocolSession)
	for _, name := range []string{specs.KernelV35, specs.CooldownLimiter} {
		src, rng := spec(t, name), rand.New(rand.NewPCG(19, 20))
		model := embedded(t, name, src)
		out := make([]uint64, len(model.Info().Outputs))
		for range 50 {
			if err := model.Step(context.Background(), randomInputs(rng, model.Info()), out); err != nil {
				t.Fatal(err)
			}
		}
		e := start(t, name, src, o)
		if err := e.Restore(model.Snapshot()); err != nil {
			t.Fatal(err)
		}
		sameTicks(t, e, model, rng, 50)
	}
}

func TestARestoreThatDoesNotFitLeavesTheState(t *testing.T) {
	for _, protocol := range []Protocol{ProtocolSession, ProtocolFile} {
		e := start(t, specs.KernelV35, spec(t, specs.KernelV35), useDouble(t, protocol))
		before := e.Snapshot()
		for want, state := range map[string][]uint64{
			"expected 9 snapshot values, found 2":                                     {0, 1},
			"snapshot value 1, osell_signal of 1 ticks ago: expected 0 to 1, found 2": {0, 2, 0, 0, 0, 0, 0, 0, 0},
		} {
			if err := e.Restore(state); err == nil || !strings.HasSuffix(err.Error(), want) {
				t.Errorf("expected %q, found %v", want, err)
			}
		}
		if !slices.Equal(e.Snapshot(), before) {
			t.Errorf("expected %v, found %v", before, e.Snapshot())
		}
	}
}

func TestInputsThatDoNotFitAreNeverWritten(t *testing.T) {
	for _, protocol := range []Protocol{ProtocolSession, ProtocolFile} {
		src := spec(t, specs.KernelV35)
		e := start(t, specs.KernelV35, src, useDouble(t, protocol))
		var value *lang.ValueError
		if err := e.Step(context.Background(), []uint64{0, 0, 2, 0, 0}, make([]uint64, 18)); !errors.As(err, &value) || value.Stream.Name != "itrend" {
			t.Errorf("expected itrend to be named, found %v", err)
		}
		var shape *lang.ShapeError
		if err := e.Step(context.Background(), []uint64{0}, make([]uint64, 18)); !errors.As(err, &shape) {
			t.Errorf("expected the number of inputs, found %v", err)
		}
		sameTicks(t, e, embedded(t, specs.KernelV35, src), rand.New(rand.NewPCG(21, 22)), 3)
	}
}

func TestABinaryThatWasReplacedIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tau")
	script := func(comment string) {
		self, err := double.Path()
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("#!/bin/sh\n# "+comment+"\nexec "+self+" \"$@\"\n"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	script("one")
	o := useDouble(t, ProtocolFile)
	o.Binary = path
	e := start(t, specs.EntryAdapter, spec(t, specs.EntryAdapter), o)
	in, out := make([]uint64, len(e.Info().Inputs)), make([]uint64, len(e.Info().Outputs))
	script("one") // the same bytes, written again
	if err := e.Step(context.Background(), in, out); err != nil {
		t.Errorf("expected the same bytes to be good, found %v", err)
	}
	script("two")
	if err := e.Step(context.Background(), in, out); err == nil || !strings.Contains(err.Error(), "expected the file that was there at the start") {
		t.Errorf("expected the other binary to be refused, found %v", err)
	}
}

func TestNewRefuses(t *testing.T) {
	good := useDouble(t, ProtocolSession)
	for want, change := range map[string]func(*Options){
		"binary: expected the path of a Tau binary, found none":          func(o *Options) { o.Binary = "" },
		"binary: open /nowhere/tau: no such file or directory":           func(o *Options) { o.Binary = "/nowhere/tau" },
		"expected an executable file, found mode drwx":                   func(o *Options) { o.Binary = t.TempDir() },
		`protocol: expected Session or File, found "Telepathy"`:          func(o *Options) { o.Protocol = "Telepathy" },
		"step deadline, start deadline and tries: expected none below 0": func(o *Options) { o.Tries = -1 },
		"/nowhere/run": func(o *Options) { o.RunDir = "/nowhere/run" },
	} {
		o := good
		change(&o)
		if _, err := New(context.Background(), specs.KernelV35, spec(t, specs.KernelV35), o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("expected %q, found %v", want, err)
		}
	}
	if _, err := New(context.Background(), "bad.tau", []byte("always"), good); len(lang.Findings(err)) == 0 {
		t.Errorf("expected the checker's findings, found %v", err)
	}
}
