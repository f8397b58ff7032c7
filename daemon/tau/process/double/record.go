package double

import (
	"encoding/csv"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"github.com/taudaemon/taudaemon/daemon/tau/lang"
)

// record is a recorded run: the rows of inputs.csv and outputs.csv.
type record struct {
	in, out  [][]uint64
	inAt     []int // by input of the spec: its column
	outAt    []int // by output: its column, or -1 for one that was added
	k        int
	next     int
	warmedUp bool
}

func readRecord(dir string, info lang.Info) (*record, error) {
	r := &record{k: info.Lookback}
	inHead, in, err := readRows(filepath.Join(dir, "inputs.csv"))
	if err != nil {
		return nil, err
	}
	outHead, out, err := readRows(filepath.Join(dir, "outputs.csv"))
	if err != nil {
		return nil, err
	}
	if len(out) != len(in)+r.k {
		return nil, fmt.Errorf("taudouble: %s: expected %d output rows, found %d", dir, len(in)+r.k, len(out))
	}
	r.in, r.out = in, out
	for _, s := range info.Inputs {
		at := slices.Index(inHead, s.Name)
		if at < 0 {
			return nil, fmt.Errorf("taudouble: %s: no recorded input %s", dir, s.Name)
		}
		r.inAt = append(r.inAt, at)
	}
	for _, s := range info.Outputs {
		r.outAt = append(r.outAt, slices.Index(outHead, s.Name))
	}
	return r, nil
}

// initial gives the recorded rows 0..k-1, what was not recorded as evaluated.
func (r *record) initial(evaluated [][]uint64) [][]uint64 {
	for n, row := range evaluated {
		r.fill(row, r.out[n])
	}
	return evaluated
}

func (r *record) fill(row, recorded []uint64) {
	for o, at := range r.outAt {
		if at >= 0 {
			row[o] = recorded[at]
		}
	}
}

// answer replaces an evaluated row by the recorded one. The inputs have to be the recorded ones. A run without
// look-back may begin with a tick of zeros that was not recorded; it is evaluated.
func (r *record) answer(in, out []uint64) error {
	if r.k == 0 && !r.warmedUp {
		r.warmedUp = true
		return nil
	}
	if r.next == len(r.in) {
		return fmt.Errorf("taudouble: expected %d recorded ticks, found one more", len(r.in))
	}
	for i, at := range r.inAt {
		if in[i] != r.in[r.next][at] {
			return fmt.Errorf("taudouble: recorded tick %d, input %d: expected %d, found %d", r.next, i, r.in[r.next][at], in[i])
		}
	}
	r.fill(out, r.out[r.next+r.k])
	r.next++
	return nil
}

func readRows(path string) (header []string, rows [][]uint64, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close() //nolint:errcheck // it was only read
	lines, err := csv.NewReader(f).ReadAll()
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", path, err)
	}
	if len(lines) == 0 {
		return nil, nil, fmt.Errorf("%s: expected a header, found nothing", path)
	}
	for n, line := range lines[1:] {
		row := make([]uint64, len(line))
		for i, s := range line {
			if row[i], err = strconv.ParseUint(s, 10, 64); err != nil {
				return nil, nil, fmt.Errorf("%s: row %d: %w", path, n, err)
			}
		}
		rows = append(rows, row)
	}
	return lines[0], rows, nil
}
