package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/taudaemon/taudaemon/daemon/ledger"
)

// smallLedger writes a closed ledger of 300 records in sealed segments.
func smallLedger(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "ledger")
	l, _, err := ledger.Open(dir, ledger.Options{SegmentBytes: 10_000, Durability: ledger.AtSeal})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 300 {
		kind := ledger.KindTick
		if i == 0 {
			kind = ledger.KindBoot
		}
		if _, err := l.Commit(kind, 1767225600000+int64(i), 1, fmt.Appendf(nil, `{"tick":%d,"why":"stale: 2 of 3"}`, i)); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestTheLedgersCommandsSayWhatTheyFindByTheirExitCode(t *testing.T) {
	dir, out := smallLedger(t), t.TempDir()
	in := func(name string) string { return filepath.Join(out, name) }
	flip := func(path string) {
		t.Helper()
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		b[len(b)/2] ^= 1
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	key := filepath.Join(dir, "ledger.pub")
	for _, c := range []struct {
		name string
		args []string
		code int
		want string // in standard output, or in standard error when the code is not 0
	}{
		{"verify", []string{"verify", dir, "--key", key, "--checkpoint", filepath.Join(dir, "checkpoint")}, 0, "records   300 in"},
		{"verify since", []string{"verify", dir, "--since", "2026-01-01T00:00:00.25Z"}, 0, "left out  records 0 to"},
		{"verify since never", []string{"verify", dir, "--since", "tomorrow"}, 2, "--since: expected a time"},
		{"prove", []string{"prove", dir, "7", "-o", in("seven.tlog-proof")}, 0, ""},
		{"verify-proof", []string{"verify-proof", in("seven.tlog-proof"), "--key", key}, 0, `body      {"tick":7,"why":"stale: 2 of 3"}`},
		{"verify-proof without a key", []string{"verify-proof", in("seven.tlog-proof")}, 2, "--key: expected"},
		{"prove what is not there", []string{"prove", dir, "300"}, 2, "expected a sequence number below 300"},
		{"export", []string{"export", dir, in("tiles")}, 0, "exported 300 records"},
		{"backup", []string{"backup", dir, in("copy")}, 0, "records   300 in"},
		{"restore", []string{"restore", in("copy"), in("back")}, 0, "restored  300 records"},
		{"a restored ledger", []string{"verify", in("back")}, 0, "records   301 in"},
		{"a restored ledger under the old key", []string{"verify", in("back"), "--key", key}, 1, "expected the key"},
		{"the proof under the restored ledger's key", []string{"verify-proof", in("seven.tlog-proof"), "--key", filepath.Join(in("back"), "ledger.pub")}, 1, "expected a signature by"},
		{"rotate-key", []string{"rotate-key", in("back")}, 0, "before    taudaemon.io/ledger/"},
		{"a ledger with another key", []string{"verify", in("back")}, 0, "records   301 in"},
		{"repair of what is whole", []string{"repair", dir}, 0, "verified  300 records"},
		{"show", []string{"show", dir, "--from-tick", "5", "--to-tick", "5", "--json"}, 0, `"tick":5,`},
	} {
		code, stdout, stderr := command(t, append([]string{"ledger"}, c.args...)...)
		text := stdout
		if c.code != 0 {
			text = stderr
		}
		if code != c.code || !strings.Contains(text, c.want) {
			t.Errorf("%s: expected exit %d and %q, found exit %d, %q, %q", c.name, c.code, c.want, code, stdout, stderr)
		}
	}

	flip(in("seven.tlog-proof"))
	if code, _, stderr := command(t, "ledger", "verify-proof", in("seven.tlog-proof"), "--key", key); code != 1 {
		t.Errorf("a changed proof: exit %d, %s", code, stderr)
	}
	packed, err := filepath.Glob(filepath.Join(dir, "*.log.zst"))
	if err != nil || len(packed) == 0 {
		t.Fatal(packed, err)
	}
	good, err := os.ReadFile(packed[1])
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(packed[1], 0o600); err != nil {
		t.Fatal(err)
	}
	flip(packed[1])
	if code, _, stderr := command(t, "ledger", "verify", dir); code != 1 || !strings.Contains(stderr, filepath.Base(packed[1])) {
		t.Errorf("a flipped bit: exit %d, %s", code, stderr)
	}
	if code, _, stderr := command(t, "ledger", "repair", dir, "--backup", in("copy")); code != 0 {
		t.Errorf("repair: exit %d, %s", code, stderr)
	}
	if mended, err := os.ReadFile(packed[1]); err != nil || !bytes.Equal(mended, good) {
		t.Errorf("repair left another segment: %v", err)
	}
}

// TestEveryCommandOfTheLedgerPrintsJSONForScripts: one object on standard output, with the members that a script looks for, and nothing else there.
func TestEveryCommandOfTheLedgerPrintsJSONForScripts(t *testing.T) {
	dir, out := smallLedger(t), t.TempDir()
	in := func(name string) string { return filepath.Join(out, name) }
	// A ledger that a daemon's loop has written: of a backtest over forty candles.
	candles := []string{"ts_ms,open,high,low,close,volume"}
	for i := range 40 {
		candles = append(candles, fmt.Sprintf("%d,100,101,99,100,1", 1_700_000_000_000+int64(i)*60_000))
	}
	if err := os.WriteFile(in("candles.csv"), []byte(strings.Join(candles, "\n")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	config := filepath.Join(folder(t, replace("interval_ms = 50", "interval_ms = 60_000")), "taud.toml")
	if code, stdout, stderr := command(t, "backtest", "--config", config, "--data", in("candles.csv"), "--ledger", in("traded")); code != 0 {
		t.Fatalf("backtest: exit %d, %q, %q", code, stdout, stderr)
	}
	for _, c := range []struct {
		args []string
		want map[string]string // members by their paths, as they print
	}{
		{[]string{"ledger", "verify", dir}, map[string]string{"head.size": "300", "sealed": "", "checkpoint.size": "300", "pruned": "0"}},
		{[]string{"ledger", "export", dir, in("tiles")}, map[string]string{"checkpoint.size": "300", "from": "0", "files": ""}},
		{[]string{"ledger", "backup", dir, in("copy")}, map[string]string{"head.size": "300", "key": ""}},
		{[]string{"ledger", "restore", in("copy"), in("back")}, map[string]string{"restored.size": "300", "restored.nonce": "", "head.size": "301", "origin": "", "key": ""}},
		{[]string{"ledger", "repair", dir}, map[string]string{"head.size": "300", "trees": "<nil>"}},
		{[]string{"ledger", "rotate-key", in("back")}, map[string]string{"before": "", "key": ""}},
		{[]string{"replay", in("traded")}, map[string]string{"records": "", "ticks": "", "pruned": "0"}},
	} {
		name := strings.Join(c.args[:2], " ")
		code, stdout, stderr := command(t, append(c.args, "--json")...)
		if code != 0 || stderr != "" {
			t.Errorf("%s: exit %d, %q", name, code, stderr)
			continue
		}
		var got map[string]any
		if err := json.Unmarshal([]byte(stdout), &got); err != nil {
			t.Errorf("%s: %v in %q", name, err, stdout)
			continue
		}
		for path, want := range c.want {
			var at any = got
			for part := range strings.SplitSeq(path, ".") {
				object, _ := at.(map[string]any)
				value, there := object[part]
				if !there {
					t.Errorf("%s: expected a member %s, found none in %s", name, path, stdout)
				}
				at = value
			}
			if text := fmt.Sprint(at); want != "" && text != want || want == "" && text == "" {
				t.Errorf("%s: %s: expected %q, found %q", name, path, want, text)
			}
		}
	}
	// A repair that fails still says what it did.
	packed, err := filepath.Glob(filepath.Join(dir, "*.log.zst"))
	if err != nil || len(packed) == 0 {
		t.Fatal(packed, err)
	}
	if err := os.Remove(packed[0]); err != nil {
		t.Fatal(err)
	}
	if code, stdout, stderr := command(t, "ledger", "repair", dir, "--json"); code != 1 || !json.Valid([]byte(stdout)) || !strings.Contains(stderr, "sealed segment missing") {
		t.Errorf("a repair that fails: exit %d, %q, %q", code, stdout, stderr)
	}
}
