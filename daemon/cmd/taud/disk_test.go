package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/taudaemon/taudaemon/daemon/core"
	"github.com/taudaemon/taudaemon/daemon/fixed"
	"github.com/taudaemon/taudaemon/daemon/ledger"
	"github.com/taudaemon/taudaemon/daemon/loop"
	"github.com/taudaemon/taudaemon/daemon/venue/kraken/krakentest"
)

// outcomes in a ledger, in their order.
func outcomes(t *testing.T, dir string) (all []core.Outcome) {
	t.Helper()
	for rec, err := range ledger.Scan(dir, 0) {
		if err != nil { // it is being written
			return all
		}
		if rec.Kind == ledger.KindOutcome {
			var out core.Outcome
			if err := json.Unmarshal(rec.Body(), &out); err != nil {
				t.Fatal(err)
			}
			all = append(all, out)
		}
	}
	return all
}

// krakenVenue is a table for a server at that URL, with the credentials in the configuration's folder.
const krakenVenue = `[venue.kraken]
url = %q
pair = "XETHZUSD"
base_asset = "XETH"
quote_asset = "ZUSD"
quantity_decimals = 8
price_decimals = 2
key_file = "key"
secret_file = "secret"
`

// waitFor is until something is so; it fails the test after two minutes.
func waitFor(t *testing.T, what string, so func() bool) {
	t.Helper()
	for begun := time.Now(); !so(); time.Sleep(20 * time.Millisecond) {
		if time.Since(begun) > 2*time.Minute {
			t.Fatalf("not within two minutes: %s", what)
		}
	}
}

// TestADiskThatFailsWhileAPositionIsHeld breaks the system calls of a real taud on its ledger, at the moment it holds what it bought on an exchange. The
// one exit that was authorised leaves, nothing else does, the daemon ends; and the next one learns from the exchange what became of the exit.
func TestADiskThatFailsWhileAPositionIsHeld(t *testing.T) {
	strace, err := exec.LookPath("strace")
	if err != nil {
		t.Skip("needs strace")
	}
	for name, fault := range map[string]struct{ call, inject, says string }{
		"the sync fails: EIO":      {"fdatasync", "error=EIO", "input/output error"},
		"the disk is full: ENOSPC": {"write", "error=ENOSPC", "no space left on device"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			value := fixed.MustParse
			exchange := krakentest.New(krakentest.Options{
				Key: apiKey, Secret: apiSecret, Pair: "XETHZUSD", Base: "XETH", Quote: "ZUSD", LotDecimals: 8, PairDecimals: 2, FeeBps: 26,
				Balances: map[string]fixed.Value{"XETH": value("3"), "ZUSD": value("100000")}, // 3 are not ours
			})
			exchange.SetBook([]krakentest.Level{{Price: value("1999"), Qty: value("50")}}, []krakentest.Level{{Price: value("2001"), Qty: value("50")}})
			server := httptest.NewServer(exchange)
			t.Cleanup(server.Close)
			dir := folder(t, func(s string) string {
				return strings.NewReplacer("interval_ms = 50", "interval_ms = 2000", "trade_qty", "burn_share_bps = 0\ntrade_qty").Replace(s) + tradesAtOnce + fmt.Sprintf(`[daemon]
mode = "live"
tick_period_ms = 5000
[oracle]
min_quorum = 1
sources = [{ name = "feed", http = { url = %q, price = "$.p" } }]
`+krakenVenue, prices(t), server.URL)
			})
			put(t, dir, "key", apiKey)
			put(t, dir, "secret", apiSecret)
			config, ledgerDir := filepath.Join(dir, "taud.toml"), filepath.Join(dir, "data", "ledger")

			daemon := taud(t, "run", "--config", config)
			var said bytes.Buffer
			daemon.Stdout, daemon.Stderr = &said, &said
			if err := daemon.Start(); err != nil {
				t.Fatal(err)
			}
			waitFor(t, "a position, by the ledger", func() bool { return len(outcomes(t, ledgerDir)) > 0 })
			bought := outcomes(t, ledgerDir)[0]
			if bought.Side != core.Buy || bought.Result != core.Filled || bought.Spare == nil {
				t.Fatalf("expected a buy that authorises an exit, found %+v", bought)
			}
			segment := filepath.Join(ledgerDir, strings.Repeat("0", 20)+".log")
			breaks := exec.CommandContext(t.Context(), strace, "-f", "-qq", "-o", "/dev/null", "-p", strconv.Itoa(daemon.Process.Pid), "-P", segment,
				"-e", "trace="+fault.call, "-e", "inject="+fault.call+":"+fault.inject)
			out, straceErr := breaks.CombinedOutput() // until the daemon is gone
			err := daemon.Wait()
			if straceErr != nil && strings.Contains(string(out), "attach") {
				t.Skipf("strace may not attach here: %s", out)
			}
			if daemon.ProcessState.ExitCode() != exitUnsaid {
				t.Fatalf("expected the daemon to end by itself with exit %d, found %v: %s %s", exitUnsaid, err, out, &said)
			}
			last := said.String()[strings.LastIndex(strings.TrimSpace(said.String()), "\n")+1:]
			for _, want := range []string{fault.says, "the authorised exit " + bought.Spare.ID + " of 1 was sent: filled", "the position is now 0 by the venue's word"} {
				if !strings.Contains(last, want) {
					t.Errorf("expected %q in what it said at last, found %q", want, last)
				}
			}
			sent := exchange.Orders()
			if len(sent) != 2 || dashless(sent[0].ClientID) != bought.ID || dashless(sent[1].ClientID) != bought.Spare.ID || sent[1].Side != "sell" || sent[1].Executed != fixed.One {
				t.Fatalf("expected the buy and its exit at the exchange and nothing else, found %+v", sent)
			}
			if got := exchange.Balance("XETH"); got != value("3") {
				t.Fatalf("expected the 3 that are not ours, found %s", got)
			}
			if n := len(outcomes(t, ledgerDir)); n != 1 {
				t.Fatalf("expected no outcome in a ledger that could not be written, found %d", n)
			}

			daemon = taud(t, "run", "--config", config)
			said.Reset()
			daemon.Stdout, daemon.Stderr = &said, &said
			if err := daemon.Start(); err != nil {
				t.Fatal(err)
			}
			waitFor(t, "the exit in the ledger", func() bool { return len(outcomes(t, ledgerDir)) > 1 })
			if err := daemon.Process.Signal(syscall.SIGTERM); err != nil {
				t.Fatal(err)
			}
			if err := daemon.Wait(); err != nil {
				t.Fatalf("%v: %s", err, &said)
			}
			exit := outcomes(t, ledgerDir)[1]
			if exit.ID != bought.Spare.ID || exit.Side != core.Sell || exit.Result != core.Filled || len(exit.Fills) == 0 {
				t.Errorf("expected the exit as the exchange tells it, found %+v", exit)
			}
			var ids []string
			for _, o := range exchange.Orders() {
				if slices.Contains(ids, o.ClientID) {
					t.Errorf("order %s twice", o.ClientID)
				}
				ids = append(ids, o.ClientID)
			}
			for _, args := range [][]string{{"ledger", "verify", ledgerDir}, {"replay", ledgerDir}} {
				if code, out, stderr := exited(t, taud(t, args...)); code != 0 {
					t.Fatalf("%v: exit %d: %s %s", args, code, out, stderr)
				}
			}
			var replay loop.Replayer
			for rec, err := range ledger.Scan(ledgerDir, 0) {
				if err == nil {
					err = replay.Apply(rec)
				}
				if err != nil {
					t.Fatal(err)
				}
			}
			if ours := exchange.Balance("XETH") - value("3"); replay.State.Position.Qty != ours || replay.State.Open != nil {
				t.Errorf("the exchange holds %s of ours, the ledger says %s, open %+v", ours, replay.State.Position.Qty, replay.State.Open)
			}
		})
	}
}

// dashless is a client order id as we write it.
func dashless(id string) string { return strings.ReplaceAll(id, "-", "") }
