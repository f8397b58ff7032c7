package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/taudaemon/taudaemon/daemon/ledger"
)

const faultyVenue = `[venue.paper]
slippage_bps = 3
seed = 2
latency_ms = 60
partial_bps = 4000
reject_bps = 1000
ambiguous_bps = 200
`

// walk is a recording of trades, one every 200 to 600 ms, whose price wanders and has gaps that make it stale.
func walk(trades int) string {
	var csv strings.Builder
	csv.WriteString("ts_ms,price,quantity,taker_side\n")
	ms, price, seed := int64(1_700_000_000_000), int64(160_000), uint64(1)
	for range trades {
		seed ^= seed << 13
		seed ^= seed >> 7
		seed ^= seed << 17
		price = max(price+int64(seed>>20%41)-20, 100_000)
		if ms += 200 + int64(seed>>40%400); seed>>50%200 == 0 {
			ms += 10_000
		}
		fmt.Fprintf(&csv, "%d,%d.%02d,0.%03d,buy\n", ms, price/100, price%100, 1+seed%999)
	}
	return csv.String()
}

// TestABacktestGivesTheSameBytesInEveryProcess: with one processor and with eight, with the race detector (where this test has it) and without. All
// of the ledger's folder is compared but what the ledger's own random key makes: the key, and the signatures under it.
func TestABacktestGivesTheSameBytesInEveryProcess(t *testing.T) {
	t.Parallel()
	dir, data := faultyBacktest(t)
	runs := []struct {
		name, processors string
		program          func(args ...string) *exec.Cmd
	}{
		{"on one processor", "1", func(args ...string) *exec.Cmd { return taud(t, args...) }},
		{"on eight", "8", func(args ...string) *exec.Cmd { return taud(t, args...) }},
	}
	if raceDetector { // else there are no two binaries to compare, and nothing to build
		runs[0].name, runs[1].name = "with the race detector on one processor", "with the race detector on eight"
		runs = append(runs, runs[1])
		runs[2].name, runs[2].program = "without the race detector", func(args ...string) *exec.Cmd { return plain(t, args...) }
	}
	var first map[string]string
	var summary string
	for i, c := range runs {
		out := filepath.Join(dir, fmt.Sprint("ledger", i))
		cmd := c.program("backtest", "--config", filepath.Join(dir, "taud.toml"), "--data", data, "--ledger", out, "--json")
		cmd.Env = append(cmd.Env, "GOMAXPROCS="+c.processors)
		code, stdout, stderr := exited(t, cmd)
		if code != 0 {
			t.Fatalf("%s: exit %d: %s", c.name, code, stderr)
		}
		stdout = regexp.MustCompile(`"took_ns":[0-9]+`).ReplaceAllString(stdout, `"took_ns":0`)
		files := withoutKey(t, out)
		if first == nil {
			first, summary = files, stdout
			continue
		}
		if stdout != summary {
			t.Errorf("%s: another summary:\n%s\n%s", c.name, summary, stdout)
		}
		for name, content := range first {
			if files[name] != content {
				t.Errorf("%s: %s differs", c.name, name)
			}
		}
		if len(files) != len(first) || len(first) < 10 {
			t.Errorf("%s: expected the same files, and many segments among them, found %d and %d", c.name, len(first), len(files))
		}
	}
}

// faultyBacktest is a folder with a configuration, and a recording on which the venue does all that it can do wrong before it loses the reply to an order,
// which ends the trading. What happens to an order follows from its id, and so from all before it: a change of a spec may ask for another seed.
func faultyBacktest(t *testing.T) (dir, data string) {
	t.Helper()
	trades := walk(3000)
	for seed := 4; seed < 24; seed++ {
		dir = folder(t, func(s string) string {
			return strings.Replace(s, "interval_ms = 50", "interval_ms = 250", 1) + tradesAtOnce + strings.Replace(faultyVenue, "seed = 2", fmt.Sprint("seed = ", seed), 1) +
				"[ledger]\nsegment_bytes = 65_536\n"
		})
		data = filepath.Join(dir, "trades.csv")
		if err := os.WriteFile(data, []byte(trades), 0o600); err != nil {
			t.Fatal(err)
		}
		out := filepath.Join(dir, "ledger")
		if code, _, stderr := exited(t, taud(t, "backtest", "--config", filepath.Join(dir, "taud.toml"), "--data", data, "--ledger", out)); code != 0 {
			t.Fatalf("exit %d: %s", code, stderr)
		}
		all := strings.Join(lines(t, out), "\n")
		if !slices.ContainsFunc([]string{`"result":"partial"`, `"result":"refused"`, `"result":"ambiguous"`, `"OracleStale"`}, func(want string) bool {
			return !strings.Contains(all, want)
		}) {
			return dir, data
		}
	}
	t.Fatal("no seed shows every fault: the test shows nothing")
	return "", ""
}

// plain is the program as it is shipped, ready to be started.
func plain(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	file := filepath.Join(t.TempDir(), "taud")
	build := exec.CommandContext(t.Context(), "go", "build", "-buildvcs=false", "-o", file, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	c := exec.CommandContext(t.Context(), file, args...)
	c.Env = os.Environ()
	return c
}

// withoutKey is every file of a ledger's folder, but for what depends on its random key.
func withoutKey(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		b, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		switch e.Name() {
		case "ledger.key", "ledger.pub":
			b = nil
		case "checkpoint":
			b, _, _ = bytes.Cut(b, []byte("\n\n")) // what is signed
		}
		files[e.Name()] = string(b)
	}
	return files
}

func lines(t *testing.T, dir string) (all []string) {
	t.Helper()
	for rec, err := range ledger.Scan(dir, 0) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, string(rec.Line))
	}
	return all
}

// TestALedgerMadeLiveOnAFaultyVenueReplaysToTheSameBytes: real time, orders that are late, in parts, refused and lost, a person's releases, and a
// process that is killed.
func TestALedgerMadeLiveOnAFaultyVenueReplaysToTheSameBytes(t *testing.T) {
	t.Parallel()
	dir := folder(t, func(s string) string {
		more := strings.NewReplacer("partial_bps = 4000", "partial_bps = 5000", "reject_bps = 1000", "reject_bps = 2500", "ambiguous_bps = 200", "ambiguous_bps = 2000")
		return s + tradesAtOnce + more.Replace(faultyVenue) + "[daemon]\nquarantine_clear_ticks = 2\n[oracle]\nsources = [{ name = \"a\", simulated = { seed = 3, step_bps = 5 } }]\nmin_quorum = 1\n"
	})
	config, ledgerDir := filepath.Join(dir, "taud.toml"), filepath.Join(dir, "data", "ledger")
	deadline := time.Now().Add(2 * time.Minute)
	missing := func() (left []string) {
		all := strings.Join(lines(t, ledgerDir), "\n")
		for _, want := range []string{`"result":"filled"`, `"result":"partial"`, `"result":"pending"`, `"result":"refused"`, `"result":"ambiguous"`} {
			if !strings.Contains(all, want) {
				left = append(left, want)
			}
		}
		return left
	}
	for boot := 0; boot < 2 || len(missing()) > 0; boot++ {
		if time.Now().After(deadline) {
			t.Fatalf("the venue did not do %v", missing())
		}
		c := taud(t, "run", "--config", config)
		var out bytes.Buffer
		c.Stdout, c.Stderr = &out, &out
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		ended := make(chan struct{})
		go func() { _ = c.Wait(); close(ended) }()
		for range 10 {
			select {
			case <-ended:
				t.Fatalf("it ended by itself: %s", &out)
			case <-time.After(300 * time.Millisecond):
			}
			_, _, _ = exited(t, taud(t, "release", "--config", config)) // of an order that got no answer, if there is one
		}
		_ = c.Process.Kill()
		<-ended
	}
	for _, args := range [][]string{{"replay", ledgerDir}, {"ledger", "verify", ledgerDir}} {
		code, out, stderr := exited(t, taud(t, args...))
		if code != 0 && !(args[0] == "ledger" && strings.Contains(stderr, "torn")) {
			t.Fatalf("%v: exit %d: %s %s", args, code, out, stderr)
		}
		t.Logf("%s", out)
	}
}
