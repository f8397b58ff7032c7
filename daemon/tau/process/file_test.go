package process

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/taudaemon/taudaemon/daemon/tau/process/double"
	"github.com/taudaemon/taudaemon/specs"
)

func TestAProcessATickEqualsTheEmbeddedEngine(t *testing.T) {
	watchLeftovers(t)
	o := useDouble(t, ProtocolFile)
	for _, name := range allSpecs(t) {
		src := spec(t, name)
		sameTicks(t, start(t, name, src, o), embedded(t, name, src), rand.New(rand.NewPCG(1, uint64(len(name)))), 20)
	}
	requireEmpty(t, o.RunDir)
}

// fileTraps says for each fault of a tick what the error of a process a tick has to name. The files are complete when
// the process ends, so that a row too late is a process too late.
var fileTraps = map[double.Fault]string{
	double.ErrorText:    "(Error) [sbf] Syntax Error",
	double.Exit:         "output ostate: expected 2 rows, 1 initial ones and the tick's, found 1 (the binary died: exit status 0",
	double.Die:          "expected 2 rows, 1 initial ones and the tick's, found 1 (the binary died: signal: killed",
	double.Hang:         "expected the process to end by",
	double.HalfHang:     "expected the process to end by",
	double.Late:         "expected the process to end by",
	double.Symbol:       `row 1: output ostate: expected one value, 0 to 1, found "e s' y"`,
	double.Garbage:      `row 1: output ostate: expected one value, 0 to 1, found "\x00\xff\x1b[31m"`,
	double.Endless:      "output ostate: expected whole lines, found the last one cut",
	double.Range:        `row 1: output ostate: expected one value, 0 to 1, found "19"`,
	double.EmptyLine:    `row 1: output ostate: expected one value, 0 to 1, found ""`,
	double.LeadingZero:  `row 1: output ostate: expected one value, 0 to 1, found "0`,
	double.Twice:        "output om_ifailure_echo: expected 2 rows, 1 initial ones and the tick's, found 3",
	double.Missing:      "output ostate: expected 2 rows, 1 initial ones and the tick's, found 1",
	double.WrongMirror:  "expected the mirror of input ivolume, 1, found 0",
	double.OrphanedKill: "expected the process to end by",
	double.CutLine:      "output om_ifailure_echo: expected whole lines, found the last one cut",
}

func TestEveryTrapOfAProcessATickIsFoundAndNamedAndOvercome(t *testing.T) {
	src := spec(t, specs.KernelV35)
	for _, fault := range double.TickFaults {
		t.Run(string(fault), func(t *testing.T) {
			watchLeftovers(t)
			o := useDouble(t, ProtocolFile)
			e, model, rng := start(t, specs.KernelV35, src, o), embedded(t, specs.KernelV35, src), rand.New(rand.NewPCG(3, 4))
			sameTicks(t, e, model, rng, 3)

			t.Setenv("TAU_DOUBLE_FAULT", fmt.Sprintf("%s@0=1h", fault))
			t.Setenv("TAU_DOUBLE_ONCE", filepath.Join(t.TempDir(), "once"))
			before := e.Snapshot()
			if strings.Contains(fileTraps[fault], "to end by") {
				e.(*File).StepDeadline = 300 * time.Millisecond
			}
			err := e.Step(context.Background(), []uint64{0, 1, 1, 1, 0}, make([]uint64, 18))
			if err == nil || !strings.Contains(err.Error(), fileTraps[fault]) {
				t.Errorf("expected an error that names %q, found %v", fileTraps[fault], err)
			}
			if !slices.Equal(e.Snapshot(), before) {
				t.Errorf("expected the state %v unchanged, found %v", before, e.Snapshot())
			}
			e.(*File).StepDeadline = 20 * time.Second
			sameTicks(t, e, model, rng, 5)
			requireEmpty(t, o.RunDir)
		})
	}
}

func TestAStartThatCannotBeIsNamedByTheFileProtocol(t *testing.T) {
	for fault, want := range map[double.Fault]string{
		double.NeverStart:   "start 1 of 1: expected the process to end by",
		double.Unsat:        "(Error) Tau specification is unsat",
		double.WrongInitial: "initial row 0, output ostate: expected 0, the state it was started with, found 1",
		double.NoInitial:    "expected 2 rows, 1 initial ones and the tick's, found 1",
		double.Crash:        "no such file or directory (the binary died: exit status 134",
	} {
		o := useDouble(t, ProtocolFile, "TAU_DOUBLE_FAULT="+string(fault))
		if fault == double.NeverStart {
			o.StartDeadline = 300 * time.Millisecond
		}
		if _, err := New(context.Background(), specs.KernelV35, spec(t, specs.KernelV35), o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: expected %q, found %v", fault, want, err)
		}
		requireEmpty(t, o.RunDir)
	}
}

func TestTheCallersContextEndsAProcessATick(t *testing.T) {
	watchLeftovers(t)
	o := useDouble(t, ProtocolFile)
	src := spec(t, specs.KernelV35)
	e := start(t, specs.KernelV35, src, o)
	t.Setenv("TAU_DOUBLE_FAULT", string(double.Hang))
	ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
	defer cancel()
	if err := e.Step(ctx, make([]uint64, 5), make([]uint64, 18)); err == nil || !strings.Contains(err.Error(), context.DeadlineExceeded.Error()) {
		t.Errorf("expected %v, found %v", context.DeadlineExceeded, err)
	}
	requireEmpty(t, o.RunDir)
}

func TestAnInputFileIsWholeOrAbsent(t *testing.T) {
	dir := t.TempDir()
	if err := writeAtomic(dir, "iprice", []byte("1\n")); err != nil {
		t.Fatal(err)
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 1 || left[0].Name() != "iprice" {
		t.Errorf("expected only iprice, found %v, %v", left, err)
	}
	if err := writeAtomic(filepath.Join(dir, "absent"), "iprice", nil); err == nil {
		t.Error("expected an error without the folder")
	}
}
