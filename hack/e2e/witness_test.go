//go:build e2e

package e2e

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/taudaemon/taudaemon/api/v1alpha1"
	"github.com/taudaemon/taudaemon/controllers/witness"
)

// down suspends the agent and waits until its pod is gone: its volume is ours then.
func down(t *testing.T, name string) {
	t.Helper()
	patch(t, name, `{"spec":{"suspend":true}}`)
	until(t, 60*time.Second, "the pod to end", func() bool { return pod(t, name) == nil }, nil)
}

func up(t *testing.T, name string) { t.Helper(); patch(t, name, `{"spec":{"suspend":false}}`) }

// shell runs a command on this machine's files, with their owners kept.
func shell(t *testing.T, command string, args ...string) string {
	t.Helper()
	out, err := exec.Command(command, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %v: %v: %s", command, args, err, out)
	}
	return string(out)
}

// swap puts a copy of the folder from in the place of the agent's ledger.
func swap(t *testing.T, name, from string) {
	t.Helper()
	shell(t, "rm", "-rf", volume(t, name))
	shell(t, "cp", "-a", from, volume(t, name))
}

// digest is of every record file in a folder.
func digest(t *testing.T, dir string) string {
	t.Helper()
	return shell(t, "sh", "-c", "cd '"+dir+"' && sha256sum *.log* checkpoint ledger.pub")
}

func longer(than int64) func(v1alpha1.TauDaemon) bool {
	return func(td v1alpha1.TauDaemon) bool {
		return isReady(td) && td.Status.Ledger != nil && td.Status.Ledger.Size > than
	}
}

func consistent(td v1alpha1.TauDaemon, status metav1.ConditionStatus) bool {
	return condition(td, v1alpha1.ConditionLedgerConsistent).Status == status
}

// TestAnOlderCopyOfTheVolumeIsNotContinued puts an older copy of the ledger in its place while the daemon is down. The daemon knows better, from its
// Lease, and halts with the file untouched; the right volume brought back, it goes on.
func TestAnOlderCopyOfTheVolumeIsNotContinued(t *testing.T) {
	t.Parallel()
	const name = "older"
	create(t, name)
	eventually(t, name, 60*time.Second, "20 records", longer(20))
	down(t, name)
	copies := t.TempDir()
	shell(t, "cp", "-a", volume(t, name), filepath.Join(copies, "older"))
	up(t, name)
	td, _ := eventually(t, name, 90*time.Second, "40 records", longer(40))
	if !consistent(td, metav1.ConditionTrue) || td.Status.Ledger.Key == "" || td.Status.Ledger.Signature == "" {
		t.Fatalf("expected a witnessed head, found %+v", td.Status)
	}
	down(t, name)
	shell(t, "cp", "-a", volume(t, name), filepath.Join(copies, "newer"))
	shown := agent(t, name).Status.Ledger
	swap(t, name, filepath.Join(copies, "older"))
	before := digest(t, volume(t, name))
	up(t, name)
	td, took := eventually(t, name, 60*time.Second, "Halted", func(td v1alpha1.TauDaemon) bool { return td.Status.State == v1alpha1.StateHalted })
	ready := condition(td, v1alpha1.ConditionReady)
	t.Logf("halted %.1f s after the start: %s: %s", took.Seconds(), ready.Reason, ready.Message)
	if ready.Status != metav1.ConditionFalse || !strings.Contains(ready.Message, "rolled back") && td.Status.RefusedHead == nil {
		t.Fatalf("expected to be told of the rollback, found %+v", td.Status)
	}
	if td.Status.Ledger.Size < shown.Size || digest(t, volume(t, name)) != before {
		t.Fatalf("expected head and file as they were, found %+v", td.Status.Ledger)
	}
	down(t, name)
	swap(t, name, filepath.Join(copies, "newer"))
	up(t, name)
	eventually(t, name, 90*time.Second, "Ready on the right volume", longer(shown.Size))
}

// TestALedgerSignedByAnotherKeyIsRefused gives the same records a key of their own. The daemon has no way to tell; the operator has.
func TestALedgerSignedByAnotherKeyIsRefused(t *testing.T) {
	t.Parallel()
	const name = "forged"
	create(t, name)
	eventually(t, name, 60*time.Second, "20 records", longer(20))
	down(t, name)
	kept := filepath.Join(t.TempDir(), "kept")
	shell(t, "cp", "-a", volume(t, name), kept)
	for _, file := range []string{"ledger.key", "ledger.pub", "checkpoint", "manifest"} {
		shell(t, "rm", "-f", filepath.Join(volume(t, name), file))
	}
	up(t, name)
	td, took := eventually(t, name, 60*time.Second, "refused and halted", func(td v1alpha1.TauDaemon) bool {
		return td.Status.RefusedHead != nil && td.Status.State == v1alpha1.StateHalted
	})
	t.Logf("refused %.1f s after the start: %+v", took.Seconds(), *td.Status.RefusedHead)
	if r := td.Status.RefusedHead; r.Reason != witness.ReasonKeyChanged || r.Key == td.Status.Ledger.Key || !consistent(td, metav1.ConditionFalse) ||
		condition(td, v1alpha1.ConditionReady).Status != metav1.ConditionFalse {
		t.Fatalf("expected %s, found %+v", witness.ReasonKeyChanged, td.Status)
	}
	// The daemon writes down the order, and then nothing more.
	last := func() string {
		recs := records(t, name)
		return string(recs[len(recs)-1].Line)
	}
	until(t, 30*time.Second, "the order in the ledger", func() bool { return strings.Contains(last(), `"halt":"LedgerKeyChanged`) }, last)
	was := last()
	time.Sleep(5 * time.Second)
	if now := last(); now != was {
		t.Fatalf("expected no record after the order, found %s", now)
	}

	// The right volume is brought back: the next boot shows it, the order is taken back, and the daemon starts by itself.
	down(t, name)
	swap(t, name, kept)
	up(t, name)
	td, took = eventually(t, name, 120*time.Second, "Ready on the right volume", longer(td.Status.Ledger.Size))
	if td.Status.RefusedHead != nil || !consistent(td, metav1.ConditionTrue) {
		t.Fatalf("expected the ledger believed again, found %+v", td.Status)
	}
	t.Logf("Ready %.1f s after the right volume came back, epoch %d", took.Seconds(), td.Status.Epoch)
}
