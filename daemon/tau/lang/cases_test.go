package lang_test

import (
	"encoding/csv"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/taudaemon/taudaemon/daemon/tau/lang"
)

// own gives for each folder of testdata/cases what its spec means, in Go: initial rows and a step. outputs.csv is made
// of it with -update, so a run without ../shared still compares the evaluator with something that is not itself.
var own = map[string]func() (initial [][]uint64, step func(in []uint64) []uint64){
	"precedence": func() ([][]uint64, func([]uint64) []uint64) {
		return nil, func(in []uint64) []uint64 {
			a, b, c, d := in[0] == 1, in[1] == 1, in[2] == 1, in[3] == 1
			return []uint64{one(a || (b != (c && !d))), one((a && b) != !c)}
		}
	},
	"look_back_three": func() ([][]uint64, func([]uint64) []uint64) {
		mirror := []uint64{1, 0, 1}
		return [][]uint64{{1, 1, 0}, {0, 0, 0}, {0, 1, 0}}, func(in []uint64) []uint64 {
			mirror = append(mirror, in[0])
			n := len(mirror) - 1
			return []uint64{mirror[n-3], in[0], one(mirror[n] == 1 && mirror[n-1] == 0)}
		}
	},
	"saturating_counter": func() ([][]uint64, func([]uint64) []uint64) {
		count := 5
		return [][]uint64{{0, 5}}, func(in []uint64) []uint64 {
			if in[0] == 1 {
				count = min(count+1, 12)
			} else {
				count = max(count-1, 0)
			}
			return []uint64{one(count >= 4 && count <= 8), uint64(count)}
		}
	},
	"words": func() ([][]uint64, func([]uint64) []uint64) {
		return nil, func(in []uint64) []uint64 {
			a, b, w := int(in[0]), int(in[1]), in[2]
			bits := 0
			for i := range 5 {
				x, y := a>>i&1 == 1, b>>i&1 == 1
				if !x && y || (i == 0 || i == 4) != y {
					bits += 1 << i
				}
			}
			top := ^w
			if top < 1<<63 {
				top += 1 << 63
			}
			return []uint64{
				uint64((a + b + 30) % 32), uint64((a - b + 32) % 32), uint64(bits), top, uint64(max(a, b)),
				one(a != b && a > 20 || w == 1<<64-1),
			}
		}
	},
	"two_outputs_in_a_branch": func() ([][]uint64, func([]uint64) []uint64) {
		left := uint64(0)
		return [][]uint64{{0, 0}}, func(in []uint64) []uint64 {
			switch {
			case in[0] == 1 && left == 0:
				left = in[1]
				return []uint64{left, 1}
			case left > 0:
				left--
			}
			return []uint64{left, 0}
		}
	},
}

func one(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}

// TestOwnCasesEqualTheirModels runs testdata/cases as the recorded runs are run.
func TestOwnCasesEqualTheirModels(t *testing.T) {
	for name, model := range own {
		dir := filepath.Join("testdata/cases", name)
		inputs := inputsFor(t, dir)
		rows, step := model()
		for _, in := range inputs {
			rows = append(rows, step(in))
		}
		src, err := os.ReadFile(filepath.Join(dir, "spec.tau"))
		if err != nil {
			t.Fatal(err)
		}
		info, err := lang.Validate("spec.tau", src)
		if err != nil {
			t.Fatal(err)
		}
		golden(t, filepath.Join(dir, "inputs.csv"), table(names(info.Inputs), inputs))
		golden(t, filepath.Join(dir, "outputs.csv"), table(names(info.Outputs), rows))
	}
	if n := runCases(t, "testdata/cases"); n != len(own) {
		t.Errorf("expected a model for each of the %d cases, found %d", n, len(own))
	}
}

// inputsFor gives 60 rows, small and large values mixed; the seed is fixed.
func inputsFor(t *testing.T, dir string) (rows [][]uint64) {
	src, err := os.ReadFile(filepath.Join(dir, "spec.tau"))
	if err != nil {
		t.Fatal(err)
	}
	info, err := lang.Validate("spec.tau", src)
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for range 60 {
		row := make([]uint64, len(info.Inputs))
		for i, s := range info.Inputs {
			switch row[i] = rng.Uint64() & s.Max(); rng.IntN(4) {
			case 0:
				row[i] &= 3
			case 1:
				row[i] = s.Max()
			}
		}
		rows = append(rows, row)
	}
	return rows
}

func table(header []string, rows [][]uint64) string {
	var b strings.Builder
	w := csv.NewWriter(&b)
	w.Write(header)
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
