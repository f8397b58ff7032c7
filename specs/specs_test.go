package specs_test

import (
	"encoding/csv"
	"flag"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/taudaemon/taudaemon/daemon/tau/lang"
	"github.com/taudaemon/taudaemon/specs"
)

var update = flag.Bool("update", false, "write the test vectors anew from the models")

func ten(prefix string) string {
	return prefix + strings.ReplaceAll(tenBits, "%", prefix)
}

// TestEverySpecIsItsModel compares every output with the spec's model, in every state that the inputs reach from the
// start, and checks the recorded vectors against both.
func TestEverySpecIsItsModel(t *testing.T) {
	tested := map[string]bool{}
	check(t, tested, kernelV35, 10)
	check(t, tested, kernelLongHold, 10)
	check(t, tested, profitWitness, 1)
	check(t, tested, freshnessWitness, 1)
	check(t, tested, failureEcho, 64*2)
	check(t, tested, invariantPack, 8)
	check(t, tested, livenessMonitor, 1+1024)
	check(t, tested, cooldownLimiter, 1024)
	check(t, tested, entryAdapter, 1)
	check(t, tested, exitAdapter, 1)
	for _, name := range all(t) {
		if !tested[name] {
			t.Errorf("%s has no model", name)
		}
	}
}

func check[S comparable](t *testing.T, tested map[string]bool, m model[S], states int) {
	tested[m.spec] = true
	t.Run(m.spec, func(t *testing.T) {
		p := load(t, m.spec)
		if got := names(p.Info().Inputs); got != m.inputs {
			t.Fatalf("inputs:\nexpected %s\nfound    %s", m.inputs, got)
		}
		if got := names(p.Info().Outputs); got != m.outputs {
			t.Fatalf("outputs:\nexpected %s\nfound    %s", m.outputs, got)
		}
		if found := explore(t, p, m); found != states {
			t.Errorf("expected %d reachable states, found %d", states, found)
		}
		vectors(t, p, m)
	})
}

// explore walks breadth-first over all pairs of a model's state and a machine's state. It returns how many there are:
// as many as the model has states exactly when both agree on what a state is.
func explore[S comparable](t *testing.T, p *lang.Program, m model[S]) int {
	type pair struct {
		model S
		snap  string
	}
	machine := p.NewMachine()
	var zero S
	snap := machine.Snapshot(nil)
	seen := map[pair]bool{{zero, key(snap)}: true}
	type entry struct {
		model S
		snap  []uint64
	}
	queue := []entry{{zero, snap}}
	inputs, out := m.under(), make([]uint64, len(p.Info().Outputs))
	for len(queue) > 0 {
		at := queue[0]
		queue = queue[1:]
		for _, in := range inputs {
			if err := machine.Restore(at.snap); err != nil {
				t.Fatal(err)
			}
			if err := machine.Step(in, out); err != nil {
				t.Fatal(err)
			}
			next, want := m.step(at.model, in)
			if !slices.Equal(out, want) {
				t.Fatalf("in state %+v under %s = %v\noutputs  %s\nexpected %v\nfound    %v", at.model, m.inputs, in, m.outputs, want, out)
			}
			now := machine.Snapshot(nil)
			if k := (pair{next, key(now)}); !seen[k] {
				seen[k] = true
				queue = append(queue, entry{next, now})
			}
		}
	}
	return len(seen)
}

// key makes a snapshot of bits comparable.
func key(bits []uint64) string {
	b := make([]byte, len(bits))
	for i, v := range bits {
		b[i] = byte(v)
	}
	return string(b)
}

// vectors compares testdata/SPEC/inputs.csv and outputs.csv (one row a row of the spec, the initial ones included)
// with the model and the engine. They are for other implementations to run.
func vectors[S comparable](t *testing.T, p *lang.Program, m model[S]) {
	const rows = 200
	dir := filepath.Join("testdata", strings.TrimSuffix(filepath.Base(m.spec), ".tau"))
	rng := rand.New(rand.NewPCG(35, uint64(len(m.spec))))
	choices := m.under()
	var inputs, outputs [][]uint64
	for range p.Info().Lookback {
		outputs = append(outputs, make([]uint64, len(p.Info().Outputs)))
	}
	var s S
	machine := p.NewMachine()
	for range rows {
		in := choices[rng.IntN(len(choices))]
		next, out := m.step(s, in)
		s = next
		inputs, outputs = append(inputs, in), append(outputs, out)
		got := make([]uint64, len(out))
		if err := machine.Step(in, got); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(got, out) {
			t.Fatalf("expected %v, found %v", out, got)
		}
	}
	golden(t, filepath.Join(dir, "inputs.csv"), table(m.inputs, inputs))
	golden(t, filepath.Join(dir, "outputs.csv"), table(m.outputs, outputs))
}

func table(header string, rows [][]uint64) string {
	var b strings.Builder
	w := csv.NewWriter(&b)
	w.Write(strings.Fields(header))
	for _, row := range rows {
		rec := make([]string, len(row))
		for i, v := range row {
			rec[i] = strconv.FormatUint(v, 10)
		}
		w.Write(rec)
	}
	w.Flush()
	return b.String()
}

func golden(t *testing.T, file, want string) {
	t.Helper()
	if *update {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Errorf("%s is not what the model gives; -update writes it anew", file)
	}
}

func load(t testing.TB, name string) *lang.Program {
	t.Helper()
	src, err := specs.FS.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	p, err := lang.Load(name, src)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func names(streams []lang.Stream) string {
	var list []string
	for _, s := range streams {
		list = append(list, s.Name)
	}
	return strings.Join(list, " ")
}

func all(t testing.TB) (list []string) {
	t.Helper()
	err := fs.WalkDir(specs.FS, ".", func(path string, d fs.DirEntry, err error) error {
		if strings.HasSuffix(path, ".tau") {
			list = append(list, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// TestKernelFilesHaveTheirFixedNames: operators of the real binary and of the mission's configuration rely on them.
func TestKernelFilesHaveTheirFixedNames(t *testing.T) {
	for _, s := range slices.Concat(load(t, specs.KernelV35).Info().Inputs, load(t, specs.KernelV35).Info().Outputs) {
		want := s.Name[1:] + ".out"
		if s.Name[0] == 'i' {
			want = s.Name[1:] + ".in"
		}
		if s.Path != want {
			t.Errorf("%s: expected file %s, found %s", s.Name, want, s.Path)
		}
	}
}

// TestSupportingSpecsAreBitsExceptTheTwoWitnessesOfNumbers: bit-vectors cost the real binary ten times as much.
func TestSupportingSpecsAreBitsExceptTheTwoWitnessesOfNumbers(t *testing.T) {
	for _, name := range specs.Supporting {
		for _, s := range slices.Concat(load(t, name).Info().Inputs, load(t, name).Info().Outputs) {
			number := (name == specs.ProfitWitness || name == specs.FreshnessWitness) && s.Name[0] == 'i'
			want := 0
			if number {
				want = 64
			}
			if s.Bits != want {
				t.Errorf("%s %s: expected %d bits, found %d", name, s.Name, want, s.Bits)
			}
		}
	}
}
