package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/taudaemon/taudaemon/specs"
)

// smallLimits keep the exploration short.
var smallLimits = []string{"--clear-ticks", "1", "--cooldown-ticks", "0", "--max-position-ticks", "1"}

// specsFolder writes the bundled specs into a folder of the test's own.
func specsFolder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range append([]string{specs.KernelV35, specs.KernelLongHold}, specs.Supporting...) {
		text, err := specs.FS.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func proveIn(t *testing.T, dir string, more ...string) (code int, stdout, stderr string) {
	t.Helper()
	return command(t, append(append([]string{"spec", "prove", dir}, smallLimits...), more...)...)
}

func TestSpecProvePrintsStatesTransitionsTimeAndAVerdictADiscipline(t *testing.T) {
	code, stdout, stderr := proveIn(t, specsFolder(t))
	for _, want := range []string{
		"kernel    v35_integrated.tau sha256:", "fail hold 2, clear 1, cooldown 0, position 1 ticks", " states, ", " transitions in ",
		"proven    freshness ", "proven    profit ", "proven    failure echo ", "proven    nonce ", "proven    timeout ", "proven    exclusivity ",
		"proven    monotonic has_burned ", "proven    no position is trapped ", "proven    quarantine ends ", "proven    witnesses agree ", "proven    monitors see ",
	} {
		if !strings.Contains(stdout, want) {
			t.Errorf("expected %q, found\n%s", want, stdout)
		}
	}
	if code != 0 || stderr != "" {
		t.Errorf("expected exit 0, found exit %d, %q", code, stderr)
	}
}

func TestSpecProvePrintsTheShortestTraceToABreach(t *testing.T) {
	dir := specsFolder(t)
	text, err := specs.FS.ReadFile(specs.KernelV35)
	if err != nil {
		t.Fatal(err)
	}
	const guarded = "& ivolume[t] & ifailure_echo[t]')"
	if !strings.Contains(string(text), guarded) {
		t.Fatal("the kernel has changed")
	}
	mine := write(t, "mine.tau", strings.Replace(string(text), guarded, "& ifailure_echo[t]')", 1))
	code, stdout, stderr := proveIn(t, dir, "--kernel", mine)
	for _, want := range []string{
		"REFUTED   freshness ", "the kernel's state is on while prices are stale; the shortest trace:\n             1  the first boot\n", "a buy of 2 leaves\n",
		"the process dies, and comes back with what is durable\n", "  tick 2: no source answers", ": the kernel holds, InvariantBroken, ", "proven    nonce ",
	} {
		if !strings.Contains(stdout, want) {
			t.Errorf("expected %q, found\n%s", want, stdout)
		}
	}
	if code != 1 || !strings.HasPrefix(stderr, "refuted: freshness") {
		t.Errorf("expected exit 1, found exit %d, %q", code, stderr)
	}

	code, stdout, _ = proveIn(t, dir, "--kernel", mine, "--json")
	var p struct {
		States, Transitions uint64
		Seconds             float64
		Verdicts            []struct {
			Discipline string
			Proven     bool
			Trace      *struct{ Steps []struct{ Move, Text string } }
		}
	}
	if err := json.Unmarshal([]byte(stdout), &p); err != nil {
		t.Fatalf("expected JSON: %v\n%s", err, stdout)
	}
	if code != 1 || p.States < 1000 || p.Transitions <= p.States || p.Seconds <= 0 || len(p.Verdicts) != 11 {
		t.Errorf("expected exit 1, a time, thousands of states and 11 verdicts, found exit %d, %+v", code, p)
	}
	if v := p.Verdicts[0]; v.Discipline != "freshness" || v.Proven || len(v.Trace.Steps) < 3 || v.Trace.Steps[1].Move != "tick" {
		t.Errorf("expected freshness to be refuted with a trace, found %+v", v)
	}
}

func TestSpecProveTakesTheLimitsOfAConfiguration(t *testing.T) {
	file := write(t, "taud.toml", "[economics]\ntrade_qty = 10\n[daemon]\nquarantine_clear_ticks = 1\n[tick]\nfail_hold_ticks = 3\n[cooldown]\nenabled = false\n"+
		"[risk]\nmax_position_ticks = 2\n[quarantine]\nrelease = \"manual\"\n[report]\non_lease_risk = \"hold\"\n")
	code, stdout, stderr := command(t, "spec", "prove", specsFolder(t), "--config", file, "--max-position-ticks", "1")
	if want := "fail hold 3, clear 1, cooldown 0, position 1 ticks; release manual; on Lease risk hold\n"; code != 0 || !strings.Contains(stdout, want) {
		t.Errorf("expected exit 0 and %q, found exit %d, %s %s", want, code, stdout, stderr)
	}
}

func TestSpecProveSaysWhenItCouldNotTell(t *testing.T) {
	dir := specsFolder(t)
	bad := write(t, "bad.tau", "i1 : sbf := in console.\no1 : sbf := out console.\nalways (o1[t] = i1[t]).\n")
	for _, c := range []struct {
		name string
		args []string
		want string
	}{
		{"a folder without specs", []string{t.TempDir()}, "01_profit_witness.tau: no such file"},
		{"a kernel that is not there", []string{dir, "--kernel", bad + ".gone"}, "bad.tau.gone: no such file"},
		{"a kernel that is none", []string{dir, "--kernel", bad}, "has not the streams that it must have"},
		{"a limit out of its range", []string{dir, "--fail-hold-ticks", "1"}, "fail_hold_ticks: expected 2 to 63, found 1"},
		{"a limit that 05 cannot count to", []string{dir, "--kernel", filepath.Join(dir, specs.KernelLongHold), "--max-position-ticks", "1020"}, "max_position_ticks: expected at most 1019"},
		{"a configuration that is not there", []string{dir, "--config", bad + ".gone"}, "bad.tau.gone"},
		{"no folder", nil, "accepts 1 arg(s)"},
	} {
		t.Run(c.name, func(t *testing.T) {
			code, _, stderr := command(t, append([]string{"spec", "prove"}, c.args...)...)
			if code != 2 || !strings.Contains(stderr, c.want) {
				t.Fatalf("expected exit 2 and %q, found exit %d, %q", c.want, code, stderr)
			}
		})
	}
}

// TestAKernelThatHoldsForLongerThan05CanCountIsRefused: 05 would call a stall, and the position would be sold before its time.
func TestAKernelThatHoldsForLongerThan05CanCountIsRefused(t *testing.T) {
	for ticks, want := range map[string]string{"1019": "", "1020": "risk.max_position_ticks: expected at most 1019"} {
		dir := folder(t, func(s string) string { return s + "[risk]\nmax_position_ticks = " + ticks + "\n" })
		text, err := specs.FS.ReadFile(specs.KernelLongHold)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "kernel.tau"), text, 0o600); err != nil {
			t.Fatal(err)
		}
		code, _, stderr := command(t, "check", "--config", filepath.Join(dir, "taud.toml"))
		if refused := want != ""; refused != (code == 2) || refused && !strings.Contains(stderr, want) {
			t.Errorf("%s ticks: expected %q, found exit %d, %s", ticks, want, code, stderr)
		}
	}
}
