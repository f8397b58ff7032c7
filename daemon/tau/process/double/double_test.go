package double_test

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/taudaemon/taudaemon/daemon/tau/lang"
	"github.com/taudaemon/taudaemon/daemon/tau/process/double"
)

func TestMain(m *testing.M) {
	if double.Asked() {
		os.Exit(double.Main(os.Args[1:]))
	}
	os.Exit(m.Run())
}

// result is what one run on files left.
type result struct {
	code    int
	text    string
	outputs map[string][]string
	hung    bool
}

const (
	asFile        = "spec-file"
	asInteractive = "repl"

	long = 30 * time.Second // for what ends by itself
)

// run starts the double as the recorder of errors.csv started the binary: ordinary files, empty standard input.
func run(t *testing.T, mode, spec string, inputs map[string]string, patience time.Duration) result {
	t.Helper()
	dir := t.TempDir()
	for _, sub := range []string{"in", "out"} {
		if err := os.Mkdir(filepath.Join(dir, sub), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for name, text := range inputs {
		if err := os.WriteFile(filepath.Join(dir, "in", name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	path, err := double.Path()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	var args []string
	stdin := ""
	if mode == asFile {
		if err := os.WriteFile(filepath.Join(dir, "spec.tau"), []byte(spec), 0o600); err != nil {
			t.Fatal(err)
		}
		args = []string{"spec.tau", "-q", "-S", "error", "-b", "false"}
	} else {
		args = []string{"-c", "false", "-s", "false", "-S", "error", "-B", "false", "-b", "false"}
		stdin = strings.Replace(spec, "always ", "run always ", 1)
	}
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Dir, cmd.Stdin = dir, strings.NewReader(stdin)
	var text bytes.Buffer
	cmd.Stdout, cmd.Stderr = &text, &text
	cmd.Env = append(os.Environ(), "TAU_DOUBLE=1", double.NoRaceDelay)
	_ = cmd.Run() // the exit code is part of the result
	r := result{code: cmd.ProcessState.ExitCode(), text: text.String(), outputs: map[string][]string{}, hung: ctx.Err() != nil}
	files, err := os.ReadDir(filepath.Join(dir, "out"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		data, err := os.ReadFile(filepath.Join(dir, "out", f.Name()))
		if err != nil {
			t.Fatal(err)
		}
		r.outputs[f.Name()] = strings.Fields(string(data))
	}
	return r
}

const mirrored = `i1 : sbf := in file("in/i1").
o1 : sbf := out file("out/o1").
om_i1 : sbf := out file("out/om_i1").
always o1[t] = i1[t]' && om_i1[t] = i1[t].
`

func TestWhatTheBinaryDoesTheDoubleDoes(t *testing.T) {
	for name, c := range map[string]struct {
		mode, spec string
		in         map[string]string
		code       int
		says       string
		out        map[string][]string
	}{
		"the end of the input ends the run": {
			asFile, mirrored, map[string]string{"i1": "0\n1\n1\n"}, 0, "", map[string][]string{"o1": {"1", "0", "0"}, "om_i1": {"0", "1", "1"}},
		},
		"a bad value ends the run with exit code 0": {
			asFile, mirrored, map[string]string{"i1": "0\n2\n1\n"}, 0, "(Error) [sbf] Syntax Error: Unexpected '2'", map[string][]string{"o1": {"1"}, "om_i1": {"0"}},
		},
		"an empty line ends the run": {
			asFile, mirrored, map[string]string{"i1": "0\n\n1\n"}, 0, "", map[string][]string{"o1": {"1"}, "om_i1": {"0"}},
		},
		"a missing input file is exit code 0": {
			asFile, mirrored, nil, 0, "(Error) Failed to open file: 'in/i1'", map[string][]string{},
		},
		"a spec that is none is exit code 1 as a file": {
			asFile, "always o1[t] = .\n", nil, 1, "(Error) ", map[string][]string{},
		},
		"and 0 in the interactive form": {
			asInteractive, "i1 : sbf := in file(\"in/i1\").\nalways o1[t] = .\n", nil, 0, "(Error) ", map[string][]string{},
		},
		"the interactive form runs words": {
			asInteractive, `i1 : bv[8] := in file("in/i1").
o1 : bv[8] := out file("out/o1").
always o1[t] = i1[t] + {1}:bv[8].
`, map[string]string{"i1": "0\n#xff\n#b101\n005\n256\n"}, 0, "overflow in bit-vector construction", map[string][]string{"o1": {"1", "0", "6", "6"}},
		},
		"a formula over two lines is none in the interactive form": {
			asInteractive, strings.Replace(mirrored, " && ", " &&\n ", 1), map[string]string{"i1": "0\n"}, 0, "(Error) ", map[string][]string{},
		},
		"an input that cannot matter is not read": {
			asFile, `i1 : sbf := in file("in/i1").
i2 : sbf := in file("in/i2").
o1 : sbf := out file("out/o1").
o2 : sbf := out file("out/o2").
always o1[t] = o2[t-1] & i1[t] && o2[t] = i2[t] && o2[0] = 0.
`, map[string]string{"i1": "1\n0\n0\n1\n0\n1\n", "i2": "0\n0\n1\n1\n0\n1\n"}, 0, "", map[string][]string{"o1": {"0", "0", "0", "0", "1", "0", "0"}, "o2": {"0", "0", "0", "1", "1", "0", "1"}},
		},
		"a bit-vector without initial value is anything": {
			asInteractive, `i1 : bv[8] := in file("in/i1").
o1 : bv[8] := out file("out/o1").
always o1[t] = o1[t-1] + i1[t].
`, map[string]string{"i1": "1\n0\n"}, 0, "", map[string][]string{"o1": {"165", "166", "166"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := run(t, c.mode, c.spec, c.in, long)
			if got.hung || got.code != c.code || !strings.Contains(got.text, c.says) || c.says == "" && strings.Contains(got.text, "Error") {
				t.Errorf("expected code %d and %q, found code %d, hung %v and %q", c.code, c.says, got.code, got.hung, got.text)
			}
			requireOutputs(t, c.out, got.outputs)
		})
	}
	t.Run("branches over words never start as a file", func(t *testing.T) {
		spec := `i1 : bv[8] := in file("in/i1").
o1 : bv[8] := out file("out/o1").
always (i1[t] > {1}:bv[8]) ? (o1[t] = i1[t]) : (o1[t] = 0).
`
		if got := run(t, asFile, spec, map[string]string{"i1": "1\n"}, time.Second); !got.hung {
			t.Errorf("expected no end, found %+v", got)
		}
	})
}

func requireOutputs(t *testing.T, want, got map[string][]string) {
	t.Helper()
	for name, rows := range want {
		if !slices.Equal(rows, got[name]) {
			t.Errorf("%s: expected %v, found %v", name, rows, got[name])
		}
	}
	for name, rows := range got {
		if _, ok := want[name]; !ok && len(rows) > 0 {
			t.Errorf("%s: expected no rows, found %v", name, rows)
		}
	}
}

// TestRecordedErrors compares the double with what the binary did to specs and inputs that it was recorded with, as far as
// the double goes: specs that package lang accepts, files, and no symbols as values. Where the binary chose 0 for a
// bit-vector's initial row the double chooses otherwise on purpose, so those rows are left out.
func TestRecordedErrors(t *testing.T) {
	f, err := os.Open("../../../../../shared/tau-traces/errors.csv")
	if err != nil {
		t.Skipf("no recorded errors: %v", err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	compared := 0
	for _, rec := range rows[1:] {
		row := map[string]string{}
		for i, name := range rows[0] {
			row[name] = rec[i]
		}
		var spec string
		in, out := map[string]string{}, map[string][]string{}
		for field, into := range map[string]any{"spec": &spec, "inputs": &in, "outputs_first_8_rows": &out} {
			if row[field] == "" {
				continue
			}
			if err := json.Unmarshal([]byte(row[field]), into); err != nil {
				t.Fatalf("%s %s: %v", row["name"], field, err)
			}
		}
		if _, err := lang.Validate("spec", []byte(spec)); err != nil && row["category"] != "lazy_reading" || hasSymbols(in, out) || strings.Contains(row["exit_code"], "stopped") ||
			strings.Contains(spec, "console") || row["category"] == "initial_conditions" && strings.Contains(spec, "bv[") {
			continue
		}
		compared++
		t.Run(row["category"]+"/"+row["name"], func(t *testing.T) {
			got := run(t, row["mode"], spec, in, long)
			if code, err := strconv.Atoi(row["exit_code"]); err != nil || got.code != code {
				t.Errorf("expected exit code %s, found %d: %s", row["exit_code"], got.code, got.text)
			}
			wantError := strings.Contains(row["stdout_first_line"]+row["stderr_first_line"], "(Error)")
			if found := strings.Contains(got.text, "(Error)"); found != wantError {
				t.Errorf("expected an error text: %v, found %q", wantError, got.text)
			}
			requireOutputs(t, out, got.outputs)
		})
	}
	t.Logf("%d of %d recorded rows compared", compared, len(rows)-1)
	if compared < 40 {
		t.Errorf("expected to compare at least 40 rows, found %d", compared)
	}
}

// hasSymbols says whether a value is one that the double does not take for one.
func hasSymbols(in map[string]string, out map[string][]string) bool {
	for _, text := range in {
		if strings.ContainsAny(strings.NewReplacer("#x", "", "#b", "").Replace(text), "abcdefghijklmnopqrstuvwxyzT'|&()") {
			return true
		}
		for _, line := range strings.Split(text, "\n") {
			if strings.Contains(strings.TrimSpace(line), " ") {
				return true
			}
		}
	}
	for _, rows := range out {
		for _, v := range rows {
			if _, err := strconv.ParseUint(v, 10, 64); err != nil {
				return true
			}
		}
	}
	return false
}
