package main

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/taudaemon/taudaemon/specs"
)

// command runs taud in this process and returns its exit code and what it wrote to standard output and error.
func command(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var texts [2]string
	done := make(chan struct{})
	var writers [2]*os.File
	for i := range writers {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		writers[i] = w
		go func() {
			b, _ := io.ReadAll(r)
			texts[i] = string(b)
			done <- struct{}{}
		}()
	}
	out, err := os.Stdout, os.Stderr
	os.Stdout, os.Stderr = writers[0], writers[1]
	code = execute(args)
	os.Stdout, os.Stderr = out, err
	for _, w := range writers {
		w.Close()
		<-done
	}
	return code, texts[0], texts[1]
}

// folder has a configuration that is good but for the edit, and the kernel beside it.
func folder(t *testing.T, edit func(string) string) string {
	t.Helper()
	dir := t.TempDir()
	src, err := specs.FS.ReadFile("kernel/v35_integrated.tau")
	if err != nil {
		t.Fatal(err)
	}
	text := edit("[paths]\nkernel_spec = \"kernel.tau\"\n[economics]\ntrade_qty = 1_000_000_000\n[tick]\ninterval_ms = 50\n[report]\nlisten = \"127.0.0.1:0\"\n")
	for name, b := range map[string][]byte{"kernel.tau": src, "taud.toml": []byte(text)} {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func replace(old, with string) func(string) string {
	return func(s string) string { return strings.Replace(s, old, with, 1) }
}

func TestBadInputIsOneLineExitTwoNothingStartedNothingWritten(t *testing.T) {
	for name, c := range map[string]struct {
		edit func(string) string
		want []string // in the one line, file and line number first
	}{
		"an unknown key":   {replace("[tick]", "fee_bps = 3\n[tick]"), []string{"taud.toml:5: ", "economics.fee_bps", "expected", "found an unknown key"}},
		"a wrong type":     {replace("50", `"fast"`), []string{"taud.toml:6: ", "tick.interval_ms", "expected", "found", "fast"}},
		"out of bounds":    {replace("50", "3"), []string{"taud.toml:6: ", "tick.interval_ms", "expected", "50", "found 3"}},
		"a missing kernel": {replace("kernel.tau", "gone.tau"), []string{"taud.toml:2: ", "paths.kernel_spec", "expected", "gone.tau", "found none"}},
		"no TOML at all":   {func(string) string { return "[paths\n" }, []string{"taud.toml:1", "expected"}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := folder(t, c.edit)
			for _, verb := range []string{"run", "check"} {
				code, stdout, stderr := command(t, verb, "--config", filepath.Join(dir, "taud.toml"))
				if code != 2 || strings.Count(stderr, "\n") != 1 || stdout != "" {
					t.Fatalf("%s: expected exit 2 and one line, found exit %d, stdout %q, stderr %q", verb, code, stdout, stderr)
				}
				for _, w := range c.want {
					if !strings.Contains(stderr, w) {
						t.Errorf("%s: expected %q in %q", verb, w, stderr)
					}
				}
			}
			if entries, err := os.ReadDir(dir); err != nil || len(entries) != 2 {
				t.Fatalf("something was written: %v %v", entries, err)
			}
		})
	}
}

func TestCheckSaysWhatARoundTripCostsAndWarnsOfATargetBelowIt(t *testing.T) {
	for name, c := range map[string]struct {
		edit    func(string) string
		want    string
		warning bool
	}{
		"the mission's costs, and the default target of 100 bps": {func(s string) string { return s },
			"a round trip costs 80.33 bps of the price: fees 30 and 30, slippage up to 10 at either end\n", false},
		"with gas": {replace("[tick]", "gas_unit_cost = 500_000_000\n[tick]"),
			"a round trip costs 80.33 bps of the price: fees 30 and 30, slippage up to 10 at either end; and gas of 0.5 an order\n", false},
		"a target below it": {replace("[tick]", "[signal]\ntarget_bps = 80\n[tick]"), "a round trip costs 80.33 bps", true},
		"a target above it": {replace("[tick]", "[signal]\ntarget_bps = 81\n[tick]"), "a round trip costs 80.33 bps", false},
	} {
		t.Run(name, func(t *testing.T) {
			code, stdout, stderr := command(t, "check", "--config", filepath.Join(folder(t, c.edit), "taud.toml"))
			const warning = "warning: signal.target_bps: a target of 80 bps lies below what a round trip costs, 80.33 bps"
			if code != 0 || !strings.Contains(stdout, c.want) || strings.Contains(stderr, warning) != c.warning {
				t.Fatalf("exit %d: expected %q and a warning: %t; found %q and %q", code, c.want, c.warning, stdout, stderr)
			}
		})
	}
}

func TestAConfigurationThatIsNotThereIsNamed(t *testing.T) {
	gone := filepath.Join(t.TempDir(), "gone.toml")
	code, _, stderr := command(t, "run", "--config", gone)
	if code != 2 || !strings.Contains(stderr, gone) || strings.Count(stderr, "\n") != 1 {
		t.Fatalf("exit %d: %q", code, stderr)
	}
}

func TestAKernelThatTheLanguageRefusesIsShownWithItsPlace(t *testing.T) {
	dir := folder(t, func(s string) string { return s })
	if err := os.WriteFile(filepath.Join(dir, "kernel.tau"), []byte("iprice : sbf := in file(\"price.in\").\nox : sbf := out file(\"x.out\").\nalways (ox[t] = iprices[t]).\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	code, _, stderr := command(t, "check", "--config", filepath.Join(dir, "taud.toml"))
	if code != 2 || !strings.Contains(stderr, "kernel.tau:3:") {
		t.Fatalf("exit %d: %q", code, stderr)
	}
}

// TestARunIsVerifiedReplayedAndFoundOut runs the daemon until a signal, and then every command on its ledger, whole and damaged.
func TestARunIsVerifiedReplayedAndFoundOut(t *testing.T) {
	dir := folder(t, func(s string) string { return s })
	ledgerDir := filepath.Join(dir, "data", "ledger")
	segment := filepath.Join(ledgerDir, strings.Repeat("0", 20)+".log")
	for range 2 { // the second run goes on with the ledger of the first
		go func() {
			before := size(segment)
			for size(segment) < before+60_000 {
				time.Sleep(10 * time.Millisecond)
			}
			if p, err := os.FindProcess(os.Getpid()); err == nil {
				_ = p.Signal(os.Interrupt)
			}
		}()
		if code, out, stderr := command(t, "run", "--config", filepath.Join(dir, "taud.toml")); code != 0 {
			t.Fatalf("exit %d: %s %s", code, out, stderr)
		}
	}
	code, out, _ := command(t, "ledger", "verify", ledgerDir)
	if code != 0 || !strings.Contains(out, "epoch     2") {
		t.Fatalf("exit %d: %s", code, out)
	}
	if code, out, stderr := command(t, "replay", ledgerDir); code != 0 {
		t.Fatalf("exit %d: %s %s", code, out, stderr)
	}
	if code, out, _ := command(t, "ledger", "show", ledgerDir, "--kind", "boot,shutdown"); code != 0 || strings.Count(out, "shutdown") != 2 {
		t.Fatalf("exit %d: %s", code, out)
	}

	b, err := os.ReadFile(segment)
	if err != nil {
		t.Fatal(err)
	}
	b[len(b)/2] ^= 1
	if err := os.WriteFile(segment, b, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"ledger", "verify", ledgerDir}, {"replay", ledgerDir}, {"run", "--config", filepath.Join(dir, "taud.toml")}} {
		code, _, stderr := command(t, args...)
		// replay meets what the change means before the broken hash, which shows at the record after it
		if code != 1 || args[0] != "replay" && !strings.Contains(stderr, filepath.Base(segment)) {
			t.Fatalf("%v: exit %d: %s", args, code, stderr)
		}
	}
	if now, _ := os.ReadFile(segment); string(now) != string(b) {
		t.Fatal("a damaged ledger was written to")
	}
	if code, _, _ := command(t, "ledger", "verify", filepath.Join(dir, "nowhere")); code != 2 {
		t.Fatalf("a ledger that is not there: exit %d", code)
	}
}

func size(file string) int64 {
	info, err := os.Stat(file)
	if err != nil {
		return 0
	}
	return info.Size()
}
