package loop

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/taudaemon/taudaemon/api/v1alpha1"
	"github.com/taudaemon/taudaemon/controllers/witness"
	"github.com/taudaemon/taudaemon/daemon/ledger"
)

// operator witnesses what a rig's daemon reports, as the operator does over the Lease.
type operator struct {
	known  *v1alpha1.LedgerReport
	accept string
}

// reported is the next report of the rig's daemon, proven from what the operator has witnessed.
func (r *rig) reported(from int64) *v1alpha1.Report {
	r.t.Helper()
	rep := r.loop.Report(v1alpha1.PhaseRunning)
	r.must(Attest(r.ledger, &rep, from))
	return &rep
}

func (o *operator) judge(r *rig) witness.Verdict {
	r.t.Helper()
	from := int64(0)
	if o.known != nil {
		from = o.known.Size
	}
	rep := r.reported(from)
	v := witness.Judge(witness.Case{Known: o.known, AcceptOrigin: o.accept, Head: rep.Ledger, Proof: rep.Proof})
	if v.Outcome == witness.Accepted {
		o.known = rep.Ledger
	}
	return v
}

func (o *operator) accepts(r *rig, what string) {
	r.t.Helper()
	if v := o.judge(r); v.Outcome != witness.Accepted {
		r.t.Fatalf("%s: expected the head to be accepted, found %s: %s", what, v.Reason, v.Message())
	}
}

func (o *operator) refuses(r *rig, what, reason string) {
	r.t.Helper()
	before := o.known
	if v := o.judge(r); v.Outcome != witness.Refused || v.Reason != reason || o.known != before {
		r.t.Fatalf("%s: expected a refusal, %s, found %s: %s", what, reason, v.Reason, v.Message())
	}
}

func realRig(t testing.TB) *rig {
	r := newRig(t)
	r.durability, r.price = ledger.Always, wave
	return r
}

// copied is a copy of the rig's folder, but for what drop names.
func (r *rig) copied(drop ...string) string {
	r.t.Helper()
	to := r.t.TempDir()
	r.must(os.CopyFS(to, os.DirFS(r.dir)))
	for _, name := range append(drop, "LOCK") {
		if err := os.Remove(filepath.Join(to, name)); err != nil && !errors.Is(err, os.ErrNotExist) {
			r.t.Fatal(err)
		}
	}
	return to
}

// on is a daemon that is started on another folder, with a clock that goes on.
func (r *rig) on(dir string) *rig {
	r.t.Helper()
	other := realRig(r.t)
	other.dir, other.now = dir, r.now
	other.must(other.begin())
	return other
}

func TestTheOperatorBelievesTheTrueLedgerThroughEveryRestart(t *testing.T) {
	r, o := realRig(t), &operator{}
	for boot := range 4 {
		r.must(r.begin())
		o.accepts(r, "a boot")
		for range 3 {
			r.must(r.ticks(4))
			o.accepts(r, "ticks")
		}
		if boot%2 == 0 {
			r.must(r.loop.shutdown(t.Context()))
			o.accepts(r, "a shutdown")
		}
		r.crash()
	}
	if _, err := ledger.Verify(r.dir, ledger.VerifyOptions{Key: o.known.Key}); err != nil {
		t.Fatal(err)
	}
	if _, _, err := ledger.RotateKey(r.dir); err != nil {
		t.Fatal(err)
	}
	pinned := o.known.Key
	r.must(r.begin())
	o.accepts(r, "a key that the old one signed for")
	if o.known.Key == pinned {
		t.Fatal("the key is the old one")
	}
	r.crash()
}

func TestTheOperatorRefusesEveryOtherLedger(t *testing.T) {
	r, o := realRig(t), &operator{}
	r.must(r.begin())
	r.must(r.ticks(5))
	o.accepts(r, "the ledger")
	older := r.copied()
	backup := filepath.Join(t.TempDir(), "backup")
	if _, err := ledger.Backup(r.dir, backup, nil); err != nil {
		t.Fatal(err)
	}
	r.must(r.ticks(15))
	o.accepts(r, "the ledger, grown")
	witnessed := *o.known

	// An older copy of the volume: shorter at first, then longer, with another past.
	old := r.on(older)
	o.refuses(old, "an older copy", witness.ReasonRollback)
	old.price = func(uint64) string { return "101" }
	old.must(old.ticks(30))
	o.refuses(old, "an older copy that went on", witness.ReasonProofInvalid)
	old.crash()

	// The same records under a key of one's own.
	forged := r.on(r.copied("ledger.key", "ledger.pub", "checkpoint", "manifest"))
	o.refuses(forged, "the same records under another key", witness.ReasonKeyChanged)
	forged.crash()

	// A new ledger.
	fresh := realRig(t)
	fresh.now = time.Hour // or its first record would be the same
	fresh.must(fresh.begin())
	fresh.must(fresh.ticks(40))
	o.refuses(fresh, "another ledger", witness.ReasonNewOrigin)
	fresh.crash()

	// Restored from a backup that is older than what was witnessed, then from one that is not.
	lost := filepath.Join(t.TempDir(), "lost")
	if _, _, err := ledger.Restore(backup, lost, r.now.Milliseconds(), nil); err != nil {
		t.Fatal(err)
	}
	restored := r.on(lost)
	restored.must(restored.ticks(40))
	o.refuses(restored, "a restored ledger", witness.ReasonNewOrigin)
	if v := o.judge(restored); !strings.Contains(v.Found, "not all that was witnessed") {
		t.Errorf("expected to be told what would be lost, found %s", v.Found)
	}
	restored.crash()
	r.crash()
	whole, kept := filepath.Join(t.TempDir(), "whole"), filepath.Join(t.TempDir(), "kept")
	if _, err := ledger.Backup(r.dir, whole, nil); err != nil {
		t.Fatal(err)
	}
	if _, _, err := ledger.Restore(whole, kept, r.now.Milliseconds(), nil); err != nil {
		t.Fatal(err)
	}
	restored = r.on(kept)
	o.refuses(restored, "a restored ledger that has all", witness.ReasonNewOrigin)
	if v := o.judge(restored); !strings.Contains(v.Found, "has all that was witnessed") {
		t.Errorf("expected to be told that nothing would be lost, found %s", v.Found)
	}
	o.accept = restored.ledger.Origin()
	o.accepts(restored, "the origin that a person accepted")
	restored.must(restored.ticks(3))
	o.accepts(restored, "and its next head")
	restored.crash()

	// The original does not come back.
	r.must(r.begin())
	o.refuses(r, "the original", witness.ReasonNewOrigin)
	r.crash()
	if *o.known == witnessed {
		t.Error("the test shows nothing")
	}
}

func TestOnlyTheLedgersOwnHeadIsSigned(t *testing.T) {
	r := realRig(t)
	r.must(r.begin())
	r.must(r.ticks(5))
	for name, change := range map[string]func(*v1alpha1.LedgerReport){
		"another head":   func(l *v1alpha1.LedgerReport) { l.Head = l.Root },
		"another root":   func(l *v1alpha1.LedgerReport) { l.Root = l.Head },
		"another origin": func(l *v1alpha1.LedgerReport) { l.Origin += "0" },
		"another size":   func(l *v1alpha1.LedgerReport) { l.Size-- },
		"no record":      func(l *v1alpha1.LedgerReport) { l.Size = 0 },
		"too many":       func(l *v1alpha1.LedgerReport) { l.Size++ },
	} {
		rep := r.loop.Report(v1alpha1.PhaseRunning)
		change(rep.Ledger)
		if err := Attest(r.ledger, &rep, 1); err == nil || rep.Ledger.Signature != "" {
			t.Errorf("%s: expected no signature, found %+v, %v", name, rep.Ledger, err)
		}
	}
	r.crash()
}

// childFolder tells a test process that it is to be killed: TestADaemonThatIsToBeKilled runs in it.
const childFolder = "TAUD_TEST_KILLED_IN"

func TestADaemonThatIsToBeKilled(t *testing.T) {
	dir := os.Getenv(childFolder)
	if dir == "" {
		t.Skip("runs in a process that another test kills")
	}
	r := realRig(t)
	r.dir = dir
	r.must(r.begin())
	var from int64
	fmt.Sscan(os.Getenv(childFolder+"_FROM"), &from)
	for {
		r.must(r.ticks(1))
		rep := r.reported(from)
		from = rep.Ledger.Size
		line, err := json.Marshal(rep)
		r.must(err)
		fmt.Printf("report %s\n", line)
	}
}

// TestAKilledDaemonIsBelievedAgain kills a process in the midst of its commits, several times: every head that it had shown before is in what the
// next one proves.
func TestAKilledDaemonIsBelievedAgain(t *testing.T) {
	dir, o := t.TempDir(), &operator{}
	total := 0
	for kill := range 4 {
		c := exec.Command(os.Args[0], "-test.run", "^TestADaemonThatIsToBeKilled$", "-test.v")
		from := int64(0)
		if o.known != nil {
			from = o.known.Size
		}
		c.Env = append(os.Environ(), childFolder+"="+dir, fmt.Sprintf("%s_FROM=%d", childFolder, from))
		out, err := c.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		c.Stderr = os.Stderr
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		lines, seen := bufio.NewScanner(out), 0
		for seen < 3+kill && lines.Scan() {
			text, ok := strings.CutPrefix(lines.Text(), "report ")
			if !ok {
				continue
			}
			var rep v1alpha1.Report
			if err := json.Unmarshal([]byte(text), &rep); err != nil {
				t.Fatal(err)
			}
			v := witness.Judge(witness.Case{Known: o.known, Head: rep.Ledger, Proof: rep.Proof})
			if v.Outcome != witness.Accepted {
				t.Fatalf("after %d kills: %s: %s", kill, v.Reason, v.Message())
			}
			o.known = rep.Ledger
			seen++
		}
		if err := c.Process.Signal(syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		if err := c.Wait(); err == nil || seen == 0 {
			t.Fatalf("expected a process that was killed after some reports, found %v after %d", err, seen)
		}
		total += seen
	}
	r := realRig(t)
	r.dir = dir
	r.must(r.begin())
	o.accepts(r, "the ledger after the last kill")
	r.crash()
	t.Logf("killed 4 times between %d reports; %d records", total, o.known.Size)
}
