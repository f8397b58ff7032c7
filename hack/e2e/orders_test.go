//go:build e2e

package e2e

import (
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/taudaemon/taudaemon/api/v1alpha1"
	"github.com/taudaemon/taudaemon/daemon/core"
	"github.com/taudaemon/taudaemon/daemon/ledger"
)

// TestAPersonHaltsAndReleasesTheDaemonInItsPod gives both orders as the README says: in a pod with a read-only root and no privilege.
func TestAPersonHaltsAndReleasesTheDaemonInItsPod(t *testing.T) {
	t.Parallel()
	const name, why = "ordered", "the desk is closed"
	create(t, name)
	td, _ := eventually(t, name, 30*time.Second, "ticks", func(td v1alpha1.TauDaemon) bool { return td.Status.Tick > 5 })
	order := func(args ...string) string {
		return kubectl(t, append([]string{"-n", namespace, "exec", name + "-taud-0", "--", "/taud"}, args...)...)
	}

	said := order("halt", "--config", "/etc/taud/taud.toml", "--reason", why)
	halted, took := eventually(t, name, 30*time.Second, "Halted", func(td v1alpha1.TauDaemon) bool { return td.Status.State == v1alpha1.StateHalted })
	ready := condition(halted, v1alpha1.ConditionReady)
	t.Logf("Halted in the status %.1f s after the answer: %s", took.Seconds(), strings.TrimSpace(said))
	if ready.Status != metav1.ConditionFalse || ready.Reason != v1alpha1.ReasonHalted || !strings.Contains(ready.Message, why) {
		t.Fatalf("expected Halted with %q, found %+v", why, ready)
	}
	size := int64(len(records(t, name)))
	time.Sleep(3 * time.Second)
	if now := int64(len(records(t, name))); now != size {
		t.Fatalf("expected no record after the halt, found %d after %d", now, size)
	}

	said = order("release", "--config", "/etc/taud/taud.toml")
	after, took := eventually(t, name, 60*time.Second, "Ready again", func(now v1alpha1.TauDaemon) bool {
		return isReady(now) && now.Status.Epoch == td.Status.Epoch+1 && now.Status.Ledger.Size > size
	})
	t.Logf("Ready %.1f s after the answer, epoch %d: %s", took.Seconds(), after.Status.Epoch, strings.TrimSpace(said))
	var halts, releases int
	for _, rec := range records(t, name) {
		if rec.Kind != ledger.KindCommand {
			continue
		}
		switch c := body[core.Command](t, rec); {
		case c.Halt == why && c.Local:
			halts++
		case c.Release && c.Local:
			releases++
		}
	}
	if halts != 1 || releases != 1 {
		t.Fatalf("expected a record of each order, found %d and %d", halts, releases)
	}
	replayed(t, name)
}
