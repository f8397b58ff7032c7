package lang_test

import (
	"bytes"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/taudaemon/taudaemon/daemon/tau/lang"
)

// addSpecs are the seeds of targets that read a spec's text: the recorded ones, the cases and the shipped ones.
func addSpecs(f *testing.F) {
	for _, pattern := range []string{"testdata/*/*.tau", "testdata/cases/*/spec.tau", "../../../specs/*.tau", "../../../specs/kernel/*.tau"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			f.Fatalf("expected seeds at %s, found none: %v", pattern, err)
		}
		for _, file := range files {
			src, err := os.ReadFile(file)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(src)
		}
	}
}

// FuzzParse: whatever the text, the parser and the checker end without a panic and name a place inside the text; what
// parses prints to a text that parses to the same print, and checks to the same answer.
func FuzzParse(f *testing.F) {
	addSpecs(f)
	f.Fuzz(func(t *testing.T, src []byte) {
		s, err := lang.Parse("fuzz.tau", src)
		if err != nil {
			requirePlaces(t, err, src)
			return
		}
		checked := s.Check()
		requirePlaces(t, checked, src)
		printed := s.String()
		again, err := lang.Parse("printed.tau", []byte(printed))
		if err != nil {
			if len(printed) > lang.MaxSource {
				return
			}
			t.Fatalf("expected the print to parse: %v\n%s", err, printed)
		}
		if twice := again.String(); twice != printed {
			t.Fatalf("expected the print to be stable\nfirst\n%s\nsecond\n%s", printed, twice)
		}
		if a, b := checked == nil, again.Check() == nil; a && !b {
			t.Fatalf("expected the print to check as the text does: %v\n%s", again.Check(), printed)
		}
	})
}

func requirePlaces(t *testing.T, err error, src []byte) {
	if err == nil {
		return
	}
	found := lang.Findings(err)
	if len(found) == 0 {
		t.Fatalf("expected findings with places, found %v", err)
	}
	for _, e := range found {
		if e.Pos.Line < 1 || e.Pos.Col < 1 || e.Pos.Line > 1+bytes.Count(src, []byte("\n")) {
			t.Fatalf("expected a place in the text, found %v", e.Pos)
		}
	}
}

// FuzzCheck: whatever text the checker accepts compiles, and gives the rows of the reference evaluator, which knows nothing of what the
// checker found out: so nothing is accepted whose first row or whose value is in doubt.
func FuzzCheck(f *testing.F) {
	addSpecs(f)
	f.Fuzz(func(t *testing.T, src []byte) {
		s, err := lang.Parse("fuzz.tau", src)
		if err != nil || s.Check() != nil {
			return
		}
		p, err := lang.Compile(s)
		if err != nil {
			t.Fatalf("expected what is accepted to compile: %v", err)
		}
		var inputs [][]uint64
		for row := range 4 { // all clear, all set, and every second one
			in := make([]uint64, len(p.Info().Inputs))
			for i, stream := range p.Info().Inputs {
				if row == 1 || row > 1 && (i+row)%2 == 0 {
					in[i] = stream.Max()
				}
			}
			inputs = append(inputs, in)
		}
		want := newReference(s, inputs).rows()
		got := slices.Concat(p.InitialRows(), run(t, p, p.NewMachine(), inputs))
		if !slices.EqualFunc(want, got, slices.Equal) {
			t.Fatalf("expected the rows of the reference evaluator %v, found %v", want, got)
		}
	})
}

// FuzzEval: any spec that the generator makes of a seed gives the rows of the reference evaluator. The generator's bytes themselves are not left to the
// fuzzer: it would spend its time on making them fewer, a minute for each spec.
func FuzzEval(f *testing.F) {
	for seed := range uint64(20) {
		f.Add(seed)
	}
	equal := rapid.MakeFuzz(func(t *rapid.T) { equalToReference(t) })
	f.Fuzz(func(t *testing.T, seed uint64) {
		rng := rand.New(rand.NewPCG(seed, 1))
		draws := make([]byte, 1<<16) // a spec needs some thousand, some of them more
		for i := range draws {
			draws[i] = byte(rng.Uint32())
		}
		equal(t, draws)
	})
}
