package lang_test

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/taudaemon/taudaemon/daemon/tau/lang"
	"github.com/taudaemon/taudaemon/daemon/tau/lang/langtest"
)

func drawInputs(t *rapid.T, info lang.Info, n int) (rows [][]uint64) {
	for range n {
		var row []uint64
		for _, s := range info.Inputs {
			row = append(row, rapid.Uint64Max(s.Max()).Draw(t, "value"))
		}
		rows = append(rows, row)
	}
	return rows
}

func run(t rapid.TB, p *lang.Program, m *lang.Machine, inputs [][]uint64) (rows [][]uint64) {
	for _, in := range inputs {
		out := make([]uint64, len(p.Info().Outputs))
		if err := m.Step(in, out); err != nil {
			t.Fatal(err)
		}
		rows = append(rows, out)
	}
	return rows
}

// equalToReference holds for every spec that is accepted: same rows as the naive evaluator; a snapshot carries on as
// the machine itself; and the printed text is the same spec.
func equalToReference(t *rapid.T) (accepted bool) {
	text := langtest.Shape{}.Draw(t)
	spec, err := lang.Parse("random.tau", []byte(text))
	if err != nil {
		t.Fatalf("expected a spec that parses: %v\n%s", err, text)
	}
	p, err := lang.Compile(spec)
	if err != nil {
		return false
	}
	inputs := drawInputs(t, p.Info(), 8)
	want := newReference(spec, inputs).rows()
	m := p.NewMachine()
	first := run(t, p, m, inputs[:4])
	saved := m.Snapshot(nil)
	got := slices.Concat(p.InitialRows(), first, run(t, p, m, inputs[4:]))
	requireRows(t, "compiled and reference", text, want, got)

	resumed := p.NewMachine()
	if err := resumed.Restore(saved); err != nil {
		t.Fatal(err)
	}
	requireRows(t, "resumed and not", text, want[len(want)-4:], run(t, p, resumed, inputs[4:]))

	printed := spec.String()
	again, err := lang.Load("printed.tau", []byte(printed))
	if err != nil {
		t.Fatalf("expected the printed spec to load: %v\n%s", err, printed)
	}
	requireRows(t, "printed and not", printed, want, slices.Concat(again.InitialRows(), run(t, again, again.NewMachine(), inputs)))
	return true
}

func requireRows(t *rapid.T, what, text string, want, got [][]uint64) {
	if !slices.EqualFunc(want, got, slices.Equal) {
		t.Fatalf("%s differ\nexpected %v\nfound    %v\n%s", what, want, got, text)
	}
}

func TestCompiledSpecsEqualTheReferenceEvaluator(t *testing.T) {
	accepted, all := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		all++
		if equalToReference(t) {
			accepted++
		}
	})
	t.Logf("%d of %d random specs accepted and compared", accepted, all)
	if accepted*4 < all {
		t.Errorf("expected at least a quarter to be accepted, found %d of %d: the generator has lost its aim", accepted, all)
	}
}
