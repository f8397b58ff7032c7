package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const counter = "iup : sbf := in file(\"up.in\").\nitwo : bv[2] := in console.\nolow : sbf := out file(\"low.out\").\nomirror : bv[2] := out file(\"m.out\").\n" +
	"always (olow[t] = iup[t] & olow[t-1]' | iup[t]' & olow[t-1]) && (omirror[t] = itwo[t]) && (olow[0] = 1).\n"

// write puts a text into a file of the test's own and returns its path.
func write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestSpecRunWritesTheInitialRowsThenOneRowAnInputLine(t *testing.T) {
	spec := write(t, "c.tau", "iup : sbf := in file(\"up.in\").\nolow : sbf := out file(\"low.out\").\nom : sbf := out file(\"m.out\").\n"+
		"always (olow[t] = iup[t] & olow[t-1]' | iup[t]' & olow[t-1]) && (om[t] = iup[t] & olow[t-1]) && (olow[0] = 1).\n")
	code, stdout, stderr := command(t, "spec", "run", spec, "--inputs", write(t, "in.csv", "iup\n1\n1\n0\n"))
	if want := "olow,om\n1,0\n0,1\n1,0\n1,0\n"; code != 0 || stdout != want || stderr != "" {
		t.Fatalf("expected exit 0 and %q, found exit %d, %q, %q", want, code, stdout, stderr)
	}
}

func TestSpecRunTakesTheColumnsByTheirNames(t *testing.T) {
	spec := write(t, "c.tau", "ia : sbf := in console.\nib : bv[8] := in console.\nox : sbf := out console.\noy : bv[8] := out console.\nalways (ox[t] = ia[t]') && (oy[t] = ib[t]).\n")
	code, stdout, stderr := command(t, "spec", "run", spec, "--inputs", write(t, "in.csv", "ib,ia\n200,1\n7,0\n"))
	if want := "ox,oy\n0,200\n1,7\n"; code != 0 || stdout != want {
		t.Fatalf("expected exit 0 and %q, found exit %d, %q, %q", want, code, stdout, stderr)
	}
}

func TestSpecRunSaysWhichLineOfTheInputsIsWrong(t *testing.T) {
	spec := write(t, "c.tau", "ia : sbf := in console.\nib : bv[2] := in console.\nox : sbf := out console.\noy : bv[2] := out console.\nalways (ox[t] = ia[t]) && (oy[t] = ib[t]).\n")
	for _, c := range []struct {
		name, csv string
		code      int
		stdout    string
		want      string
	}{
		{"no header", "", 2, "", "in.csv: expected a header"},
		{"an input twice", "ia,ia\n", 2, "", "in.csv:1: expected each of the input streams ia, ib once, found \"ia\""},
		{"an input of nobody", "ia,ic\n", 2, "", "found \"ic\""},
		{"an input missing", "ia\n1\n", 2, "", "expected the 2 input streams ia, ib, found 1"},
		{"no number", "ia,ib\n1,2\nyes,2\n", 2, "ox,oy\n1,2\n", "in.csv:3: input ia: expected a decimal number, found \"yes\""},
		{"a number that does not fit", "ia,ib\n1,4\n", 2, "ox,oy\n", "in.csv:2: input ib: expected 0 to 3 (bv[2]), found 4"},
		{"a column too few", "ia,ib\n1\n", 2, "ox,oy\n", "line 2: wrong number of fields"},
	} {
		t.Run(c.name, func(t *testing.T) {
			code, stdout, stderr := command(t, "spec", "run", spec, "--inputs", write(t, "in.csv", c.csv))
			if code != c.code || stdout != c.stdout || !strings.Contains(stderr, c.want) {
				t.Fatalf("expected exit %d, %q and %q, found exit %d, %q and %q", c.code, c.stdout, c.want, code, stdout, stderr)
			}
		})
	}
}

func TestSpecCheckPrintsTheStreamsAndTheReasonsOfARefusal(t *testing.T) {
	good, bad := write(t, "good.tau", counter), write(t, "bad.tau", "i1 : sbf := in console.\no1 : sbf := out console.\nalways o1[t] = i1[t-1].\n")
	code, stdout, stderr := command(t, "spec", "check", good, bad)
	for _, want := range []string{
		"good.tau: good, look-back 1, engines embedded, tau (session and file, through its REPL: bit-vectors)\n", "  in  iup                  sbf    up.in\n",
		"  in  itwo                 bv[2]  console\n", "  out omirror              bv[2]  m.out\n", "bad.tau: refused\n", "bad.tau:3:16: ", "              ^",
	} {
		if !strings.Contains(stdout, want) {
			t.Errorf("expected %q, found %s", want, stdout)
		}
	}
	if code != 1 || stderr != "1 of 2 specs refused\n" {
		t.Errorf("expected exit 1, found exit %d, %q", code, stderr)
	}
	if code, _, _ := command(t, "spec", "check", good); code != 0 {
		t.Errorf("expected exit 0, found %d", code)
	}
	if code, _, stderr := command(t, "spec", "check", good+".gone"); code != 2 || !strings.Contains(stderr, "good.tau.gone") {
		t.Errorf("expected exit 2 and the file's name, found exit %d, %q", code, stderr)
	}
	if code, _, _ := command(t, "spec", "run", bad, "--inputs", bad); code != 1 {
		t.Errorf("expected a refused spec to exit with 1, found %d", code)
	}
}
