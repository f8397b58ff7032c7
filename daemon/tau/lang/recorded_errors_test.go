package lang_test

import (
	"encoding/csv"
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/taudaemon/taudaemon/daemon/tau/lang"
)

// beyond names the recorded runs whose outcome no reader of the spec could foresee; each with the reason.
var beyond = map[string]string{
	"lazy_reading/ite_without_mirror_sbf":                     "the binary skips lines of inputs without a mirror",
	"lazy_reading/vacuous_input":                              "the binary skips lines of inputs without a mirror",
	"lazy_reading/input_not_needed_when_previous_output_is_0": "the binary skips lines of inputs without a mirror",
	"initial_conditions/start_does_not_end":                   "the binary never starts, its rule is not known",
	"mode/bv8_counter_spec_file":                              "bit-vectors need the binary's other mode",
	"spec_syntax/multi_line_formula_repl":                     "the other mode wants one line: a matter of rendering",
	"missing_file/input_missing":                              "not about the spec",
	"missing_file/one_of_two_inputs_missing":                  "not about the spec",
	"missing_file/output_folder_missing":                      "not about the spec",
}

// TestAcceptedSpecsRunInTheBinaryAndGiveItsRows holds that what is accepted here gives the binary's rows, over the
// recorded small specs: forms of syntax, type errors, contradictions, initial values, look-back rules.
func TestAcceptedSpecsRunInTheBinaryAndGiveItsRows(t *testing.T) {
	f, err := os.Open(filepath.Join(recorded, "errors.csv"))
	if err != nil {
		t.Skipf("no recorded runs beside the repository: %v", err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	column := map[string]int{}
	for i, name := range rows[0] {
		column[name] = i
	}
	accepted, refused := 0, 0
	for _, row := range rows[1:] {
		get := func(name string) string { return row[column[name]] }
		name := get("category") + "/" + get("name")
		if get("spec") == "" || beyond[name] != "" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			var spec string
			var inputs map[string]string
			var want map[string][]string
			decode(t, get("spec"), &spec)
			decode(t, get("inputs"), &inputs)
			decode(t, get("outputs_first_8_rows"), &want)
			p, err := lang.Load("spec.tau", []byte(spec))
			if err != nil {
				refused++
				if len(lang.Findings(err)) == 0 {
					t.Errorf("expected a finding with a place, found %v", err)
				}
				return
			}
			accepted++
			if get("exit_code") != "0" {
				t.Fatalf("accepted, but the binary refused it: %s %s", get("stdout_first_line"), get("stderr_first_line"))
			}
			compareRows(t, p, inputs, want)
		})
	}
	t.Logf("%d accepted and equal, %d refused", accepted, refused)
	if accepted < 50 || refused < 50 {
		t.Errorf("expected at least 50 of each, found %d accepted and %d refused", accepted, refused)
	}
}

func decode(t *testing.T, text string, into any) {
	t.Helper()
	if text == "" {
		return
	}
	if err := json.Unmarshal([]byte(text), into); err != nil {
		t.Fatal(err)
	}
}

// compareRows runs the leading lines that are plain values and compares what the binary wrote.
func compareRows(t *testing.T, p *lang.Program, inputs map[string]string, want map[string][]string) {
	info := p.Info()
	got := append([][]uint64{}, p.InitialRows()...)
	m := p.NewMachine()
	for line := 0; ; line++ {
		in, ok := inputLine(info, inputs, line)
		if !ok {
			break
		}
		out := make([]uint64, len(info.Outputs))
		if err := m.Step(in, out); err != nil {
			t.Fatal(err)
		}
		got = append(got, out)
	}
	for o, s := range info.Outputs {
		for r, text := range want[s.Name] {
			v, err := strconv.ParseUint(text, 10, 64)
			if err != nil || r >= len(got) {
				break // from a value that only the binary takes
			}
			if got[r][o] != v {
				t.Errorf("row %d, %s: expected %d, found %d", r, s.Name, v, got[r][o])
			}
		}
	}
}

func inputLine(info lang.Info, inputs map[string]string, line int) ([]uint64, bool) {
	var in []uint64
	for _, s := range info.Inputs {
		lines := strings.Split(inputs[s.Name], "\n")
		if line >= len(lines) {
			return nil, false
		}
		v, err := strconv.ParseUint(strings.TrimSpace(lines[line]), 10, 64)
		if err != nil || v > s.Max() {
			return nil, false
		}
		in = append(in, v)
	}
	return in, true
}
