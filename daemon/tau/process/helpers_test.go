package process

import (
	"context"
	"encoding/csv"
	"flag"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/taudaemon/taudaemon/daemon/tau"
	"github.com/taudaemon/taudaemon/daemon/tau/process/double"
	"github.com/taudaemon/taudaemon/specs"
)

var update = flag.Bool("update", false, "write the golden files")

func TestMain(m *testing.M) {
	if double.Asked() {
		os.Exit(double.Main(os.Args[1:]))
	}
	os.Exit(m.Run())
}

// useDouble makes this test binary the Tau binary, with orders for it as "NAME=value", and gives options that run it.
// A machine that builds other things at the same time is slow, so no deadline here is short unless a test waits for it.
func useDouble(t testing.TB, protocol Protocol, orders ...string) Options {
	t.Helper()
	path, err := double.Path()
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("TAU_DOUBLE", "1")
	for _, o := range append(orders, double.NoRaceDelay) {
		name, value, _ := strings.Cut(o, "=")
		t.Setenv(name, value)
	}
	return Options{Binary: path, Protocol: protocol, RunDir: t.TempDir(), StepDeadline: 20 * time.Second, StartDeadline: 20 * time.Second, Tries: 1}
}

func spec(t testing.TB, name string) []byte {
	t.Helper()
	src, err := specs.FS.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return src
}

func embedded(t testing.TB, name string, src []byte) *tau.Embedded {
	t.Helper()
	e, err := tau.NewEmbedded(name, src)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// start makes an engine and closes it at the end of the test.
func start(t testing.TB, name string, src []byte, o Options) tau.Engine {
	t.Helper()
	e, err := New(context.Background(), name, src, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return e
}

// randomInputs gives a row of inputs; bits lean to 1 often enough for the kernel to trade.
func randomInputs(rng *rand.Rand, info tau.Info) []uint64 {
	in := make([]uint64, len(info.Inputs))
	for i, s := range info.Inputs {
		switch in[i] = rng.Uint64() & s.Max(); rng.IntN(5) {
		case 0:
			in[i] = s.Max()
		case 1:
			in[i] &= 3
		}
	}
	return in
}

// sameTicks runs n ticks in both and compares every output and the state after each tick.
func sameTicks(t testing.TB, got, want tau.Engine, rng *rand.Rand, n int) {
	t.Helper()
	info := want.Info()
	a, b := make([]uint64, len(info.Outputs)), make([]uint64, len(info.Outputs))
	for tick := range n {
		in := randomInputs(rng, info)
		if err := want.Step(context.Background(), in, b); err != nil {
			t.Fatal(err)
		}
		if err := got.Step(context.Background(), in, a); err != nil {
			t.Fatalf("tick %d: %v", tick, err)
		}
		if !slices.Equal(a, b) {
			t.Fatalf("tick %d, inputs %v: expected %v, found %v", tick, in, b, a)
		}
		if !slices.Equal(got.Snapshot(), want.Snapshot()) {
			t.Fatalf("tick %d: expected the state %v, found %v", tick, want.Snapshot(), got.Snapshot())
		}
	}
}

func allSpecs(t testing.TB) []string {
	t.Helper()
	var names []string
	err := fs.WalkDir(specs.FS, ".", func(path string, d fs.DirEntry, err error) error {
		if strings.HasSuffix(path, ".tau") {
			names = append(names, path)
		}
		return err
	})
	if err != nil || len(names) < 10 {
		t.Fatalf("expected ten specs, found %v, %v", names, err)
	}
	return names
}

// corpus is a folder of cases, a folder each: spec.tau, inputs.csv, outputs.csv.
func corpus(t testing.TB, dir string) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(dir, "*", "spec.tau"))
	if err != nil {
		t.Fatal(err)
	}
	for i := range found {
		found[i] = filepath.Dir(found[i])
	}
	return found
}

func readRows(t testing.TB, file string) (rows [][]uint64) {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range lines[1:] {
		row := make([]uint64, len(line))
		for i, s := range line {
			if row[i], err = strconv.ParseUint(s, 10, 64); err != nil {
				t.Fatal(err)
			}
		}
		rows = append(rows, row)
	}
	return rows
}

// leftovers is what an engine must not leave behind.
type leftovers struct {
	goroutines, files int
	processes         []string
}

func count(t testing.TB) (l leftovers) {
	t.Helper()
	l.goroutines = runtime.NumGoroutine()
	fds, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	l.files = len(fds)
	l.processes = descendants(t)
	return l
}

// descendants lists the processes that run with the double's mark of this test process, wherever they were re-parented to.
func descendants(t testing.TB) (found []string) {
	t.Helper()
	all, err := filepath.Glob("/proc/[0-9]*/environ")
	if err != nil {
		t.Fatal(err)
	}
	mark := "TAU_DOUBLE_OWNER=" + strconv.Itoa(os.Getpid()) + "\x00"
	for _, file := range all {
		if env, err := os.ReadFile(file); err == nil && strings.Contains(string(env), mark) && filepath.Dir(file) != "/proc/"+strconv.Itoa(os.Getpid()) {
			found = append(found, filepath.Base(filepath.Dir(file)))
		}
	}
	return found
}

// watchLeftovers checks at the end of the test that everything is as it was at its beginning.
func watchLeftovers(t *testing.T) {
	t.Helper()
	t.Setenv("TAU_DOUBLE_OWNER", strconv.Itoa(os.Getpid()))
	before := count(t)
	t.Cleanup(func() {
		var after leftovers
		for end := time.Now().Add(5 * time.Second); time.Now().Before(end); runtime.Gosched() { // the last goroutine may be on its last instruction
			if after = count(t); after.goroutines <= before.goroutines && after.files <= before.files && len(after.processes) == 0 {
				return
			}
		}
		buf := make([]byte, 1<<16)
		t.Errorf("expected %+v, found %+v\n%s", before, after, buf[:runtime.Stack(buf, true)])
	})
}

func requireEmpty(t testing.TB, dir string) {
	t.Helper()
	left, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range left {
		t.Errorf("expected no folder of a process to be left, found %s", e.Name())
	}
}
