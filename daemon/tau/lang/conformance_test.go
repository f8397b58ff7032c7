package lang_test

import (
	"encoding/csv"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"github.com/taudaemon/taudaemon/daemon/tau/lang"
)

// recorded is the folder of runs recorded from the real binary. It is not part of the project: where it is absent the
// corpus in testdata alone stands for it.
const recorded = "../../../../shared/tau-traces"

// TestRowsEqualRecordedRows runs every case of the recorded corpus and of testdata/cases, the same form: spec.tau,
// inputs.csv, outputs.csv, every stream and every row, the initial rows included.
func TestRowsEqualRecordedRows(t *testing.T) {
	t.Run("recorded from the binary", func(t *testing.T) {
		if _, err := os.Stat(recorded); err != nil {
			t.Skipf("no recorded runs at %s beside the repository: %v", recorded, err)
		}
		if n := runCases(t, recorded); n < 95 {
			t.Errorf("expected at least 95 recorded cases, found %d", n)
		}
	})
}

func runCases(t *testing.T, dir string) (n int) {
	specs, err := filepath.Glob(filepath.Join(dir, "*", "spec.tau"))
	if err != nil {
		t.Fatal(err)
	}
	for _, spec := range specs {
		t.Run(filepath.Base(filepath.Dir(spec)), func(t *testing.T) { runCase(t, filepath.Dir(spec)) })
	}
	return len(specs)
}

func runCase(t *testing.T, dir string) {
	src, err := os.ReadFile(filepath.Join(dir, "spec.tau"))
	if err != nil {
		t.Fatal(err)
	}
	p, err := lang.Load("spec.tau", src)
	if err != nil {
		t.Fatal(err)
	}
	info := p.Info()
	inNames, inputs := readRows(t, filepath.Join(dir, "inputs.csv"))
	outNames, want := readRows(t, filepath.Join(dir, "outputs.csv"))
	if got := names(info.Inputs); !slices.Equal(got, inNames) {
		t.Fatalf("inputs: expected %v, found %v", inNames, got)
	}
	if got := names(info.Outputs); !slices.Equal(got, outNames) {
		t.Fatalf("outputs: expected %v, found %v", outNames, got)
	}
	if meta, err := os.ReadFile(filepath.Join(dir, "meta.json")); err == nil {
		var m struct{ Lookback int }
		if err := json.Unmarshal(meta, &m); err != nil {
			t.Fatal(err)
		}
		if m.Lookback != info.Lookback {
			t.Fatalf("look-back: expected %d, found %d", m.Lookback, info.Lookback)
		}
	}

	got := slices.Clone(p.InitialRows())
	m := p.NewMachine()
	for _, in := range inputs {
		out := make([]uint64, len(info.Outputs))
		if err := m.Step(in, out); err != nil {
			t.Fatal(err)
		}
		got = append(got, out)
	}
	if len(got) != len(want) {
		t.Fatalf("expected %d rows, found %d", len(want), len(got))
	}
	for r := range want {
		for o := range want[r] {
			if got[r][o] != want[r][o] {
				t.Fatalf("row %d, %s: expected %d, found %d", r, outNames[o], want[r][o], got[r][o])
			}
		}
	}
}

func names(streams []lang.Stream) []string {
	var list []string
	for _, s := range streams {
		list = append(list, s.Name)
	}
	return list
}

// readRows reads a header of stream names and rows of values.
func readRows(t *testing.T, file string) (header []string, rows [][]uint64) {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	records, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for _, rec := range records[1:] {
		values := make([]uint64, len(rec))
		for i, s := range rec {
			if values[i], err = strconv.ParseUint(s, 10, 64); err != nil {
				t.Fatalf("%s: %v", file, err)
			}
		}
		rows = append(rows, values)
	}
	return records[0], rows
}
