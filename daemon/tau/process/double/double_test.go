package double_test

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
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

var colour = regexp.MustCompile("\x1b\\[[0-9;]*m")

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
	path, err := double.Path()
	if err != nil {
		t.Fatal(err)
	}
	return runBinary(t, path, mode, spec, inputs, patience)
}

func runBinary(t *testing.T, path, mode, spec string, inputs map[string]string, patience time.Duration) result {
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
	code := cmd.ProcessState.ExitCode()
	if w, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); ok && w.Signaled() {
		code = -int(w.Signal())
	}
	r := result{code: code, text: colour.ReplaceAllString(text.String(), ""), outputs: map[string][]string{}, hung: ctx.Err() != nil}
	files, err := os.ReadDir(filepath.Join(dir, "out"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		data, err := os.ReadFile(filepath.Join(dir, "out", f.Name()))
		if err != nil {
			t.Fatal(err)
		}
		if lines := strings.TrimSpace(string(data)); lines != "" {
			r.outputs[f.Name()] = strings.Split(lines, "\n") // a symbol has spaces
		}
	}
	return r
}

const mirrored = `i1 : sbf := in file("in/i1").
o1 : sbf := out file("out/o1").
om_i1 : sbf := out file("out/om_i1").
always o1[t] = i1[t]' && om_i1[t] = i1[t].
`

// fact is what the binary does, measured, and the double with it.
type fact struct {
	mode, spec string
	in         map[string]string
	code       int
	says       string
	out        map[string][]string
}

var facts = map[string]fact{
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
	"an input that cannot matter is not read": {
		asFile, `i1 : sbf := in file("in/i1").
i2 : sbf := in file("in/i2").
o1 : sbf := out file("out/o1").
o2 : sbf := out file("out/o2").
always o1[t] = o2[t-1] & i1[t] && o2[t] = i2[t] && o2[0] = 0.
`, map[string]string{"i1": "1\n0\n0\n1\n0\n1\n", "i2": "0\n0\n1\n1\n0\n1\n"}, 0, "", map[string][]string{"o1": {"0", "0", "0", "0", "1", "0", "0"}, "o2": {"0", "0", "0", "1", "1", "0", "1"}},
	},
}

// arbitrary is what the binary chooses as it likes, and the double otherwise than anyone would hope for.
var arbitrary = fact{
	asInteractive, `i1 : bv[8] := in file("in/i1").
o1 : bv[8] := out file("out/o1").
always o1[t] = o1[t-1] + i1[t].
`, map[string]string{"i1": "1\n0\n"}, 0, "", map[string][]string{"o1": {"165", "166", "166"}},
}

// twoLines is refused by the binary that the recorded runs are from; a build of July 2026 takes it.
var twoLines = fact{
	asInteractive, strings.Replace(mirrored, " && ", " &&\n ", 1), map[string]string{"i1": "0\n"}, 0, "(Error) ", map[string][]string{},
}

// wordsInBranches never starts as a file in the recorded form, a counter; this smallest one does in a build of July 2026.
const wordsInBranches = `i1 : bv[8] := in file("in/i1").
o1 : bv[8] := out file("out/o1").
always (i1[t] > {1}:bv[8]) ? (o1[t] = i1[t]) : (o1[t] = 0).
`

func TestWhatTheBinaryDoesTheDoubleDoes(t *testing.T) {
	path, err := double.Path()
	if err != nil {
		t.Fatal(err)
	}
	for name, f := range facts {
		t.Run(name, func(t *testing.T) { f.require(t, path) })
	}
	t.Run("a bit-vector without initial value is anything", func(t *testing.T) { arbitrary.require(t, path) })
	t.Run("a formula over two lines is none in the interactive form", func(t *testing.T) { twoLines.require(t, path) })
	t.Run("branches over words never start as a file", func(t *testing.T) {
		if got := runBinary(t, path, asFile, wordsInBranches, map[string]string{"i1": "1\n"}, time.Second); !got.hung {
			t.Errorf("expected no end, found %+v", got)
		}
	})
}

// TestRealBinaryDoesWhatTheDoubleDoes holds the facts against the user's own Tau binary; package process says how to name one.
func TestRealBinaryDoesWhatTheDoubleDoes(t *testing.T) {
	path := realBinary(t)
	for name, f := range facts {
		t.Run(name, func(t *testing.T) { f.require(t, path) })
	}
}

func realBinary(t *testing.T) string {
	t.Helper()
	path := os.Getenv("TAUD_TAU_BINARY")
	if path == "" {
		t.Skip("TAUD_TAU_BINARY names no Tau binary")
	}
	return path
}

func (f *fact) require(t *testing.T, path string) {
	t.Helper()
	got := runBinary(t, path, f.mode, f.spec, f.in, long)
	if got.hung || got.code != f.code || !strings.Contains(got.text, f.says) || f.says == "" && strings.Contains(got.text, "Error") {
		t.Errorf("expected code %d and %q, found code %d, hung %v and %q", f.code, f.says, got.code, got.hung, got.text)
	}
	requireOutputs(t, f.out, got.outputs)
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

// recordedRun is a small spec or input, and what the binary did with it when it was recorded.
type recordedRun struct {
	category, name, mode string
	spec                 string
	in                   map[string]string
	out                  map[string][]string // the first 8 rows
	code                 string              // a number, or that the recorder stopped it
	says                 bool                // an "(Error)" text
}

func recordedErrors(t *testing.T) (list []recordedRun) {
	t.Helper()
	f, err := os.Open("../../../../../shared/tau-traces/errors.csv")
	if err != nil {
		t.Skipf("no recorded errors: %v", err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for _, rec := range rows[1:] {
		row := map[string]string{}
		for i, name := range rows[0] {
			row[name] = rec[i]
		}
		r := recordedRun{
			category: row["category"], name: row["name"], mode: row["mode"], in: map[string]string{}, out: map[string][]string{},
			code: row["exit_code"], says: strings.Contains(row["stdout_first_line"]+row["stderr_first_line"], "(Error)"),
		}
		for field, into := range map[string]any{"spec": &r.spec, "inputs": &r.in, "outputs_first_8_rows": &r.out} {
			if row[field] == "" {
				continue
			}
			if err := json.Unmarshal([]byte(row[field]), into); err != nil {
				t.Fatalf("%s %s: %v", row["name"], field, err)
			}
		}
		list = append(list, r)
	}
	return list
}

func (r *recordedRun) require(t *testing.T, got result) {
	t.Helper()
	if code, err := strconv.Atoi(r.code); err != nil || got.code != code {
		t.Errorf("expected exit code %s, found %d: %s", r.code, got.code, got.text)
	}
	if found := strings.Contains(got.text, "(Error)"); found != r.says {
		t.Errorf("expected an error text: %v, found %q", r.says, got.text)
	}
	for name := range got.outputs {
		got.outputs[name] = got.outputs[name][:min(len(got.outputs[name]), 8)]
	}
	requireOutputs(t, r.out, got.outputs)
}

// TestRecordedErrors compares the double with what the binary did to specs and inputs that it was recorded with, as far as
// the double goes: specs that package lang accepts, files, and no symbols as values. Where the binary chose 0 for a
// bit-vector's initial row the double chooses otherwise on purpose, so those rows are left out.
func TestRecordedErrors(t *testing.T) {
	compared, all := 0, recordedErrors(t)
	for _, r := range all {
		if _, err := lang.Validate("spec", []byte(r.spec)); err != nil && r.category != "lazy_reading" || hasSymbols(r.in, r.out) || strings.Contains(r.code, "stopped") ||
			strings.Contains(r.spec, "console") || r.category == "initial_conditions" && strings.Contains(r.spec, "bv[") {
			continue
		}
		compared++
		t.Run(r.category+"/"+r.name, func(t *testing.T) { r.require(t, run(t, r.mode, r.spec, r.in, long)) })
	}
	t.Logf("%d of %d recorded rows compared", compared, len(all))
	if compared < 40 {
		t.Errorf("expected to compare at least 40 rows, found %d", compared)
	}
}

// TestRealBinaryDoesWhatWasRecorded finds out in what a Tau binary differs from the one that the recorded runs, and with them
// the double and the checker, are from.
func TestRealBinaryDoesWhatWasRecorded(t *testing.T) {
	path := realBinary(t)
	for _, r := range recordedErrors(t) {
		if r.name == "spec_missing" || r.name == "output_folder_missing" {
			continue // not a matter of spec and inputs
		}
		t.Run(r.category+"/"+r.name, func(t *testing.T) {
			if strings.Contains(r.code, "stopped") {
				if got := runBinary(t, path, r.mode, r.spec, r.in, 10*time.Second); !got.hung {
					t.Errorf("expected no end, found %+v", got)
				}
				return
			}
			r.require(t, runBinary(t, path, r.mode, r.spec, r.in, long))
		})
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
