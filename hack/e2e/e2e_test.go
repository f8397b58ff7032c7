//go:build e2e

package e2e

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/taudaemon/taudaemon/api/v1alpha1"
	"github.com/taudaemon/taudaemon/daemon/core"
	"github.com/taudaemon/taudaemon/daemon/ledger"
)

// create applies agent.yaml under a name, edited, and waits until it is Ready.
func create(t *testing.T, name string, edits ...string) v1alpha1.TauDaemon {
	t.Helper()
	manifest := strings.NewReplacer(append([]string{"NAME", name}, edits...)...).Replace(mustRead(t, "agent.yaml"))
	begun := time.Now()
	apply(t, manifest)
	td := waitReady(t, name)
	t.Logf("%s: Ready %.1f s after apply (target 20 s, limit 60 s)", name, time.Since(begun).Seconds())
	t.Cleanup(func() {
		remove(t, name)
	})
	return td
}

// remove deletes the agent, and its volume, which would outlive it.
func remove(t *testing.T, name string) {
	t.Helper()
	for _, object := range []string{"taudaemon/" + name, "pvc/" + name + "-taud"} {
		if _, err := tryKubectl("", "-n", namespace, "delete", object, "--ignore-not-found", "--timeout=60s"); err != nil {
			t.Error(err)
		}
	}
}

// TestStatusTellsTheTruthAboutTheLedger is not parallel, so that one figure of a start is that of a start alone.
func TestStatusTellsTheTruthAboutTheLedger(t *testing.T) {
	create(t, "truth")
	for range 3 {
		td, _ := eventually(t, "truth", 30*time.Second, "a ledger of more than 20 records", func(td v1alpha1.TauDaemon) bool {
			return td.Status.Ledger != nil && td.Status.Ledger.Size > 20
		})
		said := td.Status.Ledger
		if head := verified(t, "truth", said.Size); head.Leaf.String() != said.Head || head.Root.String() != said.Root {
			t.Fatalf("status says head %s root %s at size %d, the volume says %+v", said.Head, said.Root, said.Size, head)
		}
		// The same from inside the pod, as a user would.
		out := kubectl(t, "-n", namespace, "exec", "truth-taud-0", "--", "/taud", "ledger", "verify", "/var/lib/taud/ledger", "--size", fmt.Sprint(said.Size))
		if !strings.Contains(out, said.Head) {
			t.Fatalf("expected head %s, found:\n%s", said.Head, out)
		}
		time.Sleep(2 * time.Second)
	}
	td := agent(t, "truth")
	if td.Status.Epoch != 1 || td.Status.NodeName == "" || td.Status.Engine == "" || !strings.HasPrefix(td.Status.Ledger.Head, td.Status.Ledger.ShortHead) {
		t.Fatalf("%+v", td.Status)
	}
	t.Log("\n" + kubectl(t, "-n", namespace, "get", "taudaemons", "-o", "wide"))
}

// TestAKilledDaemonContinuesItsLedger kills the process, not the pod: the kubelet starts it again.
func TestAKilledDaemonContinuesItsLedger(t *testing.T) {
	t.Parallel()
	create(t, "killed")
	before, _ := eventually(t, "killed", 60*time.Second, "a trade", func(td v1alpha1.TauDaemon) bool {
		return td.Status.Tick > 8 && td.Status.Position != nil && td.Status.Position.Quantity != "0"
	})
	uid := string(pod(t, "killed").UID)
	if n := killTaud(t, uid); n != 1 {
		t.Fatalf("expected one taud of pod %s, killed %d", uid, n)
	}
	begun := time.Now()
	after, _ := eventually(t, "killed", 60*time.Second, "the next epoch", func(td v1alpha1.TauDaemon) bool {
		return td.Status.Epoch == before.Status.Epoch+1 && isReady(td)
	})
	t.Logf("killed with SIGKILL: Ready again after %.1f s, epoch %d", time.Since(begun).Seconds(), after.Status.Epoch)
	if p := pod(t, "killed"); string(p.UID) != uid || p.Status.ContainerStatuses[0].RestartCount != 1 {
		t.Fatalf("expected the same pod, restarted once, found %s %+v", p.UID, p.Status.ContainerStatuses)
	}

	recs := records(t, "killed") // Scan refuses a gap or a broken chain
	if intents := noOrderTwice(t, recs); intents == 0 {
		t.Fatal("no order at all: the test shows nothing")
	}
	boots := 0
	for i, rec := range recs {
		if rec.Kind != ledger.KindBoot {
			continue
		}
		if boots++; boots == 2 {
			if rec.Epoch != recs[i-1].Epoch+1 {
				t.Fatalf("expected epoch %d after the restart, found %d", recs[i-1].Epoch+1, rec.Epoch)
			}
			sameKernelState(t, recs[:i], recs[i:])
		}
	}
	if boots != 2 {
		t.Fatalf("expected 2 boot records, found %d", boots)
	}
	replayed(t, "killed") // and with it: the kernel's state after the boot is what the records before it lead to
}

// sameKernelState compares the tick numbers around a restart, and that the kernel went on from where it was: its timer, nonce and belief in
// the first tick after it follow from the last before it.
func sameKernelState(t *testing.T, before, after []*ledger.Record) {
	t.Helper()
	var last, next *core.Tick
	for _, rec := range before {
		if rec.Kind == ledger.KindTick {
			last = new(body[core.Tick](t, rec))
		}
	}
	for _, rec := range after {
		if rec.Kind == ledger.KindTick && next == nil {
			next = new(body[core.Tick](t, rec))
		}
	}
	if last == nil || next == nil || next.Tick != last.Tick+1 {
		t.Fatalf("expected tick numbers to go on, found %+v then %+v", last, next)
	}
	prev, err := last.Outputs()
	if err != nil {
		t.Fatal(err)
	}
	now, err := next.Outputs()
	if err != nil {
		t.Fatal(err)
	}
	if prev.Holding != (now.Sell || now.Holding && !now.Buy) || prev.HasBurned && !now.HasBurned {
		t.Fatalf("the kernel did not go on from where it was: %s then %s", last.Out, next.Out)
	}
}

// killTaud sends SIGKILL to the taud of a pod, found by its environment, and returns how many there were.
func killTaud(t *testing.T, podUID string) (killed int) {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/environ")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		env, err := os.ReadFile(f)
		if err != nil || !bytes.Contains(env, []byte("POD_UID="+podUID)) {
			continue
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(f)))
		if err != nil {
			t.Fatal(err)
		}
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		killed++
	}
	return killed
}

// TestFailingSourcesExitQuarantineAndRecover is not parallel: it stops feeds that every agent reads.
func TestFailingSourcesExitQuarantineAndRecover(t *testing.T) {
	create(t, "stale")
	feeds := []string{"feed-a", "feed-b"} // two of three: the quorum of two is gone
	t.Cleanup(func() { scaleFeed(t, 1, feeds...) })
	for round := 1; ; round++ {
		eventually(t, "stale", 60*time.Second, "a position", func(td v1alpha1.TauDaemon) bool {
			return isReady(td) && td.Status.Position != nil && td.Status.Position.Quantity != "0"
		})
		scaleFeed(t, 0, feeds...)
		td, _ := eventually(t, "stale", 30*time.Second, "quarantine", func(td v1alpha1.TauDaemon) bool {
			return condition(td, v1alpha1.ConditionQuarantined).Status == metav1.ConditionTrue
		})
		ready := condition(td, v1alpha1.ConditionReady)
		if ready.Status != metav1.ConditionFalse || ready.Reason != v1alpha1.ReasonQuarantined || td.Status.Quarantine.Reason != string(core.OracleStale) ||
			condition(td, v1alpha1.ConditionOracleFresh).Status != metav1.ConditionFalse || td.Status.State != v1alpha1.StateQuarantined {
			t.Fatalf("%+v %+v", ready, td.Status)
		}
		seen := time.Now()
		held := exitOrdered(t, records(t, "stale"), uint64(td.Status.Quarantine.SinceTick), seen)
		t.Log("\n" + kubectl(t, "-n", namespace, "get", "taudaemons"))

		scaleFeed(t, 1, feeds...)
		td, took := eventually(t, "stale", 60*time.Second, "recovery", isReady)
		t.Logf("recovered %.1f s after the sources were back", took.Seconds())
		recovered(t, records(t, "stale"), 6)
		if held {
			break
		}
		if round == 8 {
			t.Fatal("in 8 rounds the sources never failed while a position was held: the test shows nothing")
		}
	}
	replayed(t, "stale")
}

// exitOrdered checks the records around the first tick without freshness: if a position was held, its exit is ordered at that tick or the
// next. It says whether one was.
func exitOrdered(t *testing.T, recs []*ledger.Record, since uint64, seen time.Time) (held bool) {
	t.Helper()
	for i, rec := range recs {
		if rec.Kind != ledger.KindTick {
			continue
		}
		tick := body[core.Tick](t, rec)
		if tick.Tick != since {
			continue
		}
		if tick.Facts.Fresh.OK {
			t.Fatalf("the quarantine began at tick %d, which is fresh", since)
		}
		t.Logf("status showed the quarantine at most %.1f s after the tick that began it (target 2 s)", seen.Sub(time.UnixMilli(rec.UnixMilli)).Seconds())
		if tick.Position == 0 {
			return false
		}
		for _, later := range recs[i:] {
			if later.Kind != ledger.KindTick {
				continue
			}
			next := body[core.Tick](t, later)
			if next.Tick > since+1 {
				break
			}
			if next.Act != nil && next.Act.Side == core.Sell && next.Act.Forced {
				return true
			}
		}
		t.Fatalf("a position of %s was held at tick %d, the first that is not fresh, and no exit was ordered by the next", tick.Position, since)
	}
	t.Fatalf("no record of tick %d", since)
	return false
}

// recovered checks that the last quarantine ended after exactly clear clean ticks, with no buy in it.
func recovered(t *testing.T, recs []*ledger.Record, clear uint64) {
	t.Helper()
	var clean uint64
	var on bool
	for _, rec := range recs {
		if rec.Kind != ledger.KindTick {
			continue
		}
		tick := body[core.Tick](t, rec)
		if on && tick.Act != nil && tick.Act.Side == core.Buy {
			t.Fatalf("a buy at tick %d, in quarantine", tick.Tick)
		}
		if on {
			if clean++; !tick.Healthy {
				clean = 0
			}
		}
		if on && !tick.Quarantine.Active && clean != clear {
			t.Fatalf("the quarantine ended at tick %d after %d clean ticks, expected %d", tick.Tick, clean, clear)
		}
		if !tick.Quarantine.Active {
			clean = 0
		}
		on = tick.Quarantine.Active
	}
	if on {
		t.Fatal("the ledger's last tick is still quarantined")
	}
}

func TestSuspendEndsThePodAndKeepsTheVolume(t *testing.T) {
	t.Parallel()
	create(t, "sleeper")
	before, _ := eventually(t, "sleeper", 30*time.Second, "ticks", func(td v1alpha1.TauDaemon) bool { return td.Status.Tick > 5 })
	patch(t, "sleeper", `{"spec":{"suspend":true}}`)
	td, _ := eventually(t, "sleeper", 60*time.Second, "suspension", func(td v1alpha1.TauDaemon) bool {
		return td.Status.State == v1alpha1.StateSuspended && pod(t, "sleeper") == nil
	})
	if td.Status.Ledger == nil || td.Status.Ledger.Size < before.Status.Ledger.Size {
		t.Fatalf("the ledger's head was dropped: %+v", td.Status.Ledger)
	}
	recs := records(t, "sleeper")
	if last := recs[len(recs)-1]; last.Kind != ledger.KindShutdown {
		t.Fatalf("expected a shutdown record at the end, found %s", last.Kind)
	}
	if !get(t, &corev1.PersistentVolumeClaim{}, "pvc", "sleeper-taud") {
		t.Fatal("the volume is gone")
	}
	patch(t, "sleeper", `{"spec":{"suspend":false}}`)
	after := waitReady(t, "sleeper")
	if after.Status.Epoch != before.Status.Epoch+1 {
		t.Fatalf("expected epoch %d, found %d", before.Status.Epoch+1, after.Status.Epoch)
	}
	replayed(t, "sleeper")
}

func TestDamageWhileDownEndsInHaltedWithThePodAlive(t *testing.T) {
	t.Parallel()
	create(t, "damaged")
	eventually(t, "damaged", 30*time.Second, "ticks", func(td v1alpha1.TauDaemon) bool { return td.Status.Tick > 5 })
	patch(t, "damaged", `{"spec":{"suspend":true}}`)
	until(t, 60*time.Second, "the pod to end", func() bool { return pod(t, "damaged") == nil }, nil)

	segments, err := filepath.Glob(filepath.Join(volume(t, "damaged"), "*.log"))
	if err != nil || len(segments) == 0 {
		t.Fatal(segments, err)
	}
	whole, err := os.ReadFile(segments[0])
	if err != nil {
		t.Fatal(err)
	}
	// A digit of a price, in the middle of the file.
	broken := bytes.Clone(whole)
	at := bytes.Index(broken[len(broken)/2:], []byte(`"px":"`)) + len(broken)/2 + len(`"px":"`)
	broken[at] = '0' + (broken[at]-'0'+1)%10
	if err := os.WriteFile(segments[0], broken, 0o644); err != nil {
		t.Fatal(err)
	}
	if out, code := taud(t, "ledger", "verify", volume(t, "damaged")); code != 1 {
		t.Fatalf("taud ledger verify of a damaged ledger: exit %d: %s", code, out)
	}

	patch(t, "damaged", `{"spec":{"suspend":false}}`)
	td, took := eventually(t, "damaged", 60*time.Second, "Halted", func(td v1alpha1.TauDaemon) bool { return td.Status.State == v1alpha1.StateHalted })
	ready := condition(td, v1alpha1.ConditionReady)
	t.Logf("Halted %.1f s after the start: %s", took.Seconds(), ready.Message)
	if ready.Status != metav1.ConditionFalse || ready.Reason != v1alpha1.ReasonHalted || !strings.Contains(ready.Message, "LedgerDamaged") ||
		!strings.Contains(ready.Message, filepath.Base(segments[0])) {
		t.Fatalf("expected the damage with its segment, found %+v", ready)
	}
	time.Sleep(15 * time.Second) // longer than liveness needs to give up on a pod
	p := pod(t, "damaged")
	if p == nil || p.Status.Phase != corev1.PodRunning || p.Status.ContainerStatuses[0].RestartCount != 0 {
		t.Fatalf("expected the pod alive and never restarted, found %+v", p)
	}
	if now, _ := os.ReadFile(segments[0]); !bytes.Equal(now, broken) {
		t.Fatal("the damaged ledger was written to")
	}
}

func TestOnlyConfigurationRollsThePodAndOnlyOnce(t *testing.T) {
	t.Parallel()
	create(t, "rolled")
	first := pod(t, "rolled")
	for _, p := range []string{
		`{"spec":{"quarantine":{"acknowledge":"q1"}}}`, `{"spec":{"onStop":"Flatten"}}`, `{"spec":{"onStop":"Keep"}}`,
		`{"spec":{"updatePolicy":"OnQuiet"}}`, `{"spec":{"updatePolicy":"Automatic"}}`, `{"metadata":{"labels":{"a":"b"}}}`,
	} {
		patch(t, "rolled", p)
		waitReady(t, "rolled")
	}
	time.Sleep(3 * time.Second)
	if p := pod(t, "rolled"); p == nil || p.UID != first.UID || p.DeletionTimestamp != nil {
		t.Fatalf("expected the pod %s untouched, found %+v", first.UID, p)
	}
	// An acknowledgement reaches the daemon all the same: it is a record.
	acknowledged := false
	for _, rec := range records(t, "rolled") {
		acknowledged = acknowledged || rec.Kind == ledger.KindCommand && body[core.Command](t, rec).Acknowledge == "q1"
	}
	if !acknowledged {
		t.Fatal("no command record of the acknowledgement")
	}

	epoch := agent(t, "rolled").Status.Epoch
	patch(t, "rolled", `{"spec":{"economics":{"minProfit":"1"}}}`)
	eventually(t, "rolled", 60*time.Second, "the next epoch", func(td v1alpha1.TauDaemon) bool { return td.Status.Epoch == epoch+1 && isReady(td) })
	second := pod(t, "rolled")
	if second.UID == first.UID {
		t.Fatal("the pod was not replaced")
	}
	time.Sleep(10 * time.Second)
	if p := pod(t, "rolled"); p == nil || p.UID != second.UID || p.Status.ContainerStatuses[0].RestartCount != 0 {
		t.Fatalf("expected one replacement, found %+v", p)
	}
	if td := agent(t, "rolled"); td.Status.Epoch != epoch+1 {
		t.Fatalf("expected epoch %d, found %d", epoch+1, td.Status.Epoch)
	}
	replayed(t, "rolled") // over two configurations
}

func TestDeletionRemovesAllButTheVolume(t *testing.T) {
	t.Parallel()
	create(t, "deleted")
	eventually(t, "deleted", 30*time.Second, "ticks", func(td v1alpha1.TauDaemon) bool { return td.Status.Tick > 3 })
	kubectl(t, "-n", namespace, "delete", "taudaemon", "deleted", "--timeout=60s")
	const kinds = "statefulsets,pods,services,configmaps,serviceaccounts,roles,rolebindings,leases"
	left := func() string {
		var ours []string
		for _, n := range strings.Fields(kubectl(t, "-n", namespace, "get", kinds, "-o", "name")) {
			if strings.Contains(n, "/deleted-taud") {
				ours = append(ours, n)
			}
		}
		return strings.Join(ours, " ")
	}
	until(t, 90*time.Second, "the children to go", func() bool { return left() == "" }, left)
	if !get(t, &corev1.PersistentVolumeClaim{}, "pvc", "deleted-taud") {
		t.Fatal("the volume is gone too")
	}
	verified(t, "deleted", 0)
}

// TestTheSamplesRun applies what the README and config/samples tell a user to apply, as far as it needs no internet.
func TestTheSamplesRun(t *testing.T) {
	t.Parallel()
	for file, name := range map[string]string{"quickstart.yaml": "quickstart", "replay.yaml": "sp500"} {
		kubectl(t, "-n", namespace, "apply", "-f", filepath.Join(root, "config/samples", file))
		t.Cleanup(func() { remove(t, name) })
		waitReady(t, name)
	}
	eventually(t, "sp500", 60*time.Second, "thirty ticks", func(td v1alpha1.TauDaemon) bool { return td.Status.Tick > 30 })
	for _, name := range []string{"quickstart", "sp500"} {
		replayed(t, name)
	}
}
