package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/taudaemon/taudaemon/api/v1alpha1"
	orders "github.com/taudaemon/taudaemon/daemon/command"
	"github.com/taudaemon/taudaemon/daemon/ledger"
	"github.com/taudaemon/taudaemon/daemon/loop"
)

// taudArgs is the environment variable that makes this test binary taud, with these arguments, separated by line feeds.
const taudArgs = "TAUD_TEST_ARGS"

func TestMain(m *testing.M) {
	if args, is := os.LookupEnv(taudArgs); is {
		os.Exit(execute(strings.Split(args, "\n")))
	}
	os.Exit(m.Run())
}

// taud is the program, ready to be started.
func taud(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := exec.CommandContext(t.Context(), self)
	c.Env = append(os.Environ(), taudArgs+"="+strings.Join(args, "\n"), "POD_UID=")
	return c
}

// exited runs a command to its end.
func exited(t *testing.T, c *exec.Cmd) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	c.Stdout, c.Stderr = &out, &errs
	if err := c.Run(); err != nil && !errors.As(err, new(*exec.ExitError)) {
		t.Fatal(err)
	}
	return c.ProcessState.ExitCode(), out.String(), errs.String()
}

// running starts a daemon, waits until its ledger has so many bytes more, and returns how to wait for its end.
func running(t *testing.T, config, segment string) (end func() (int, string)) {
	t.Helper()
	c := taud(t, "run", "--config", config)
	var out bytes.Buffer
	c.Stdout, c.Stderr = &out, &out
	before := size(segment)
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { _ = c.Wait(); close(ended) }()
	for size(segment) < before+40_000 {
		select {
		case <-ended:
			t.Fatalf("it ended by itself: %s", &out)
		case <-time.After(10 * time.Millisecond):
		}
	}
	return func() (int, string) {
		<-ended
		return c.ProcessState.ExitCode(), out.String()
	}
}

// TestHaltAndReleaseOfARunningDaemon gives orders to a real process, and to none.
func TestHaltAndReleaseOfARunningDaemon(t *testing.T) {
	t.Parallel()
	dir := folder(t, func(s string) string { return s })
	config, ledgerDir := filepath.Join(dir, "taud.toml"), filepath.Join(dir, "data", "ledger")
	segment := filepath.Join(ledgerDir, strings.Repeat("0", 20)+".log")
	want := func(what string, c *exec.Cmd, code int, stdout, stderr string) {
		t.Helper()
		gotCode, gotOut, gotErr := exited(t, c)
		if gotCode != code || !strings.Contains(gotOut, stdout) || !strings.Contains(gotErr, stderr) || strings.Count(gotOut+gotErr, "\n") != 1 {
			t.Fatalf("%s: expected exit %d, %q and %q in one line, found exit %d, %q and %q", what, code, stdout, stderr, gotCode, gotOut, gotErr)
		}
	}
	want("a daemon that never ran", taud(t, "halt", "--config", config), 2, "", "expected the data folder of a daemon, found none: stat "+filepath.Join(dir, "data"))

	end := running(t, config, segment)
	want("nothing to release", taud(t, "release", "--config", config), 1, "", "nothing to release: neither a halt nor an incident")
	want("halt", taud(t, "halt", "--config", config, "--reason", "maintenance"), 0, "halted after tick ", "")
	if code, out := end(); code != 0 || !strings.Contains(out, "halted by a person") {
		t.Fatalf("expected the daemon to end in order, found exit %d: %s", code, out)
	}
	before := size(segment)
	for range 2 {
		code, out, stderr := exited(t, taud(t, "run", "--config", config))
		if code != 2 || !strings.Contains(stderr, "HaltOrdered: maintenance (a person's halt, which taud release ends)") || size(segment) != before {
			t.Fatalf("a start against the halt: exit %d, %d bytes written: %s %s", code, size(segment)-before, out, stderr)
		}
	}
	want("a release that nobody hears", taud(t, "release", "--config", config, "--wait", "200ms"), 2, "", "the order waits for its next start in ")

	end = running(t, config, segment)
	code, out, stderr := exited(t, taud(t, "halt", "--config", config, "--json"))
	var a orders.Answer
	if err := json.Unmarshal([]byte(out), &a); code != 0 || err != nil || !a.Done || !strings.HasPrefix(a.Text, "halted after tick ") {
		t.Fatalf("exit %d: %s %s %v", code, out, stderr, err)
	}
	if code, out := end(); code != 0 || !strings.Contains(out, "command of a person") {
		t.Fatalf("exit %d: %s", code, out)
	}
	for _, bad := range [][]string{{"halt", "--reason", "a\tb"}, {"halt", "--reason", ""}, {"release", "--incident", "\x1b"}} {
		want("a bad order", taud(t, append(bad, "--config", config)...), 2, "", "expected")
	}
	for _, args := range [][]string{{"ledger", "verify", ledgerDir}, {"replay", ledgerDir}} {
		if code, out, stderr := exited(t, taud(t, args...)); code != 0 {
			t.Fatalf("%v: exit %d: %s %s", args, code, out, stderr)
		}
	}
	_, out, _ = exited(t, taud(t, "ledger", "show", ledgerDir, "--kind", "command", "--json"))
	if n := strings.Count(out, `"local":true`); n != 4 {
		t.Fatalf("expected the records of 4 orders, found %d: %s", n, out)
	}
}

// TestAPersonsHaltInAPod keeps the process, which reports it, until a release waits; the next boot takes that up.
func TestAPersonsHaltInAPod(t *testing.T) {
	dir, ledgerDir := ticked(t, 12)
	api := newLease(map[string]string{v1alpha1.AnnotationReport: `{"version":1}`})
	order := func(o orders.Order) *orders.Given {
		t.Helper()
		g, err := orders.Give(filepath.Join(dir, "data"), o)
		if err != nil {
			t.Fatal(err)
		}
		return g
	}
	halt := order(orders.Order{Halt: "maintenance"})
	d := podDaemon(t, dir, api)
	l, err := d.start(t.Context())
	var ordered *loop.HaltError
	if !errors.As(err, &ordered) || ordered.Reason != loop.ReasonHaltOrdered {
		t.Fatalf("expected the halt that was ordered before the start, found %v", err)
	}
	if a, err := halt.Wait(t.Context()); err != nil || !a.Done {
		t.Fatalf("%+v %v", a, err)
	}
	_, head := headOf(t, ledgerDir)
	ended := make(chan error)
	go func() { ended <- d.end(t.Context(), l, ordered) }()
	for api.report(t).Phase != v1alpha1.PhaseHalted {
		time.Sleep(10 * time.Millisecond)
	}
	if r := api.report(t); r.Reason != loop.ReasonHaltOrdered || !strings.Contains(r.Message, "maintenance") || r.Ledger == nil || r.Ledger.Head != head.Head || r.Tick == 0 {
		t.Fatalf("expected why, and the head and the tick as they are, found %+v %+v", r, r.Ledger)
	}
	release := order(orders.Order{Release: true})
	if err := <-ended; !errors.Is(err, errAgain) {
		t.Fatalf("expected to boot anew, found %v", err)
	}
	if result, _ := headOf(t, ledgerDir); result.Head.Leaf.String() != head.Head {
		t.Fatalf("a halted ledger was written to: %+v, then %+v", head, result.Head)
	}

	d = podDaemon(t, dir, api)
	d.bootID = "next"
	if l, err = d.start(t.Context()); err != nil {
		t.Fatal(err)
	}
	stopped := make(chan error)
	ctx, stop := context.WithCancel(t.Context())
	go func() { stopped <- d.end(ctx, l, l.Run(ctx)) }()
	if a, err := release.Wait(t.Context()); err != nil || a.Text != "the halt is ended: maintenance" {
		t.Fatalf("%+v %v", a, err)
	}
	stop()
	if err := <-stopped; err != nil {
		t.Fatal(err)
	}
	if _, err := ledger.Verify(ledgerDir, ledger.VerifyOptions{}); err != nil {
		t.Fatal(err)
	}
}
