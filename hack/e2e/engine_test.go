//go:build e2e

package e2e

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/taudaemon/taudaemon/api/v1alpha1"
	"github.com/taudaemon/taudaemon/daemon/core"
	"github.com/taudaemon/taudaemon/daemon/ledger"
	"github.com/taudaemon/taudaemon/daemon/tau"
	"github.com/taudaemon/taudaemon/daemon/tau/process/double"
	"github.com/taudaemon/taudaemon/specs"
)

// withTheDouble makes agent.yaml's agent run all nine specs in the binary of an image, shadowed by the embedded engine. The image holds the double
// of the Tau binary, hack/taudouble: the real one may not be shipped. What this shows is everything around it.
var withTheDouble = []string{"spec:\n", "spec:\n  engine: {type: Both, tau: {image: \"localhost/taudouble:dev\"}}\n"}

func TestTheBinarysDoubleInAnImageVolume(t *testing.T) {
	t.Parallel()
	td := create(t, "binary", withTheDouble...)
	eventually(t, "binary", 60*time.Second, "a position", func(td v1alpha1.TauDaemon) bool {
		return td.Status.Position != nil && td.Status.Position.Quantity != "0"
	})
	eventually(t, "binary", 60*time.Second, "a sale", func(v1alpha1.TauDaemon) bool { return sales(t, "binary") > 0 })
	td = agent(t, "binary")
	if want := "tau+embedded " + double.Version; !strings.HasPrefix(td.Status.Engine, want) || !isReady(td) {
		t.Fatalf("expected engine %q and Ready, found %q %+v", want, td.Status.Engine, condition(td, v1alpha1.ConditionReady))
	}
	if want := tau.Digest([]byte(specs.Bundled()["v35_integrated.tau"])); td.Status.SpecDigest != want {
		t.Fatalf("expected spec digest %s, found %s", want, td.Status.SpecDigest)
	}
	// The binary that the ledger names is the one in the image.
	program, err := os.ReadFile(filepath.Join(root, "bin", "taudouble"))
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(program)
	boot := body[core.Boot](t, records(t, "binary")[0])
	if want := "sha256:" + hex.EncodeToString(sum[:]); boot.Binary != want {
		t.Fatalf("expected binary %s in the boot record, found %s", want, boot.Binary)
	}
	p := pod(t, "binary")
	if n := processes(t, string(p.UID)); n != 9 {
		t.Fatalf("expected a process of the binary for each of nine specs, found %d", n)
	}
	if memory := p.Spec.Containers[0].Resources.Limits.Memory().String(); memory != "1568Mi" {
		t.Fatalf("expected a memory limit of 1568Mi, found %s", memory)
	}
	t.Log("\n" + kubectl(t, "-n", namespace, "get", "taudaemons", "-o", "wide"))
	usersSpecs(t, p)
	replayed(t, "binary") // by the embedded engine, over both kernels
}

// usersSpecs gives the agent a broken kernel, which must not reach its pod, and then a good one.
func usersSpecs(t *testing.T, before *corev1.Pod) {
	t.Helper()
	t.Cleanup(func() { kubectl(t, "-n", namespace, "delete", "configmap", "my-specs", "--ignore-not-found") })
	good, err := specs.FS.ReadFile(specs.KernelLongHold)
	if err != nil {
		t.Fatal(err)
	}
	mySpecs(t, strings.Replace(string(good), ":= in file", ":= from file", 1))
	patch(t, "binary", `{"spec":{"engine":{"specs":{"configMapRef":{"name":"my-specs"}}}}}`)
	td, took := eventually(t, "binary", 30*time.Second, "Stalled", func(td v1alpha1.TauDaemon) bool {
		return condition(td, v1alpha1.ConditionStalled).Status == metav1.ConditionTrue
	})
	stalled := condition(td, v1alpha1.ConditionStalled)
	t.Logf("Stalled after %.1f s: %s", took.Seconds(), stalled.Message)
	line := 1 + strings.Count(string(good)[:strings.Index(string(good), ":= in file")], "\n")
	if place := fmt.Sprintf("my-specs/kernel.tau:%d:", line); stalled.Reason != v1alpha1.ReasonInvalidConfig || !strings.Contains(stalled.Message, place) {
		t.Fatalf("expected %s with %s, found %+v", v1alpha1.ReasonInvalidConfig, place, stalled)
	}
	if now := pod(t, "binary"); now == nil || now.UID != before.UID || now.DeletionTimestamp != nil {
		t.Fatalf("expected pod %s untouched, found %+v", before.UID, now)
	}

	mySpecs(t, string(good))
	want := tau.Digest(good)
	_, took = eventually(t, "binary", 90*time.Second, "the user's kernel", func(td v1alpha1.TauDaemon) bool {
		return isReady(td) && td.Status.SpecDigest == want
	})
	t.Logf("the user's kernel runs %.1f s after its ConfigMap was mended", took.Seconds())
}

// mySpecs applies the ConfigMap my-specs with that kernel.
func mySpecs(t *testing.T, kernel string) {
	t.Helper()
	manifest, err := json.Marshal(&corev1.ConfigMap{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "ConfigMap"},
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "my-specs"},
		Data:       map[string]string{"kernel.tau": kernel},
	})
	if err != nil {
		t.Fatal(err)
	}
	apply(t, string(manifest))
}

// sales counts the sells whose outcome is in the ledger.
func sales(t *testing.T, name string) (n int) {
	t.Helper()
	sold := map[uint64]bool{}
	for _, rec := range records(t, name) {
		switch rec.Kind {
		case ledger.KindTick:
			act := body[core.Tick](t, rec).Act
			sold[rec.Seq] = act != nil && act.Side == core.Sell
		case ledger.KindOutcome:
			if sold[body[core.Outcome](t, rec).Intent] {
				n++
			}
		}
	}
	return n
}

// processes counts the processes of the binary in a pod, found by their environment and name.
func processes(t *testing.T, podUID string) (n int) {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/environ")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		env, err := os.ReadFile(f)
		if err != nil || !strings.Contains(string(env), "POD_UID="+podUID) {
			continue
		}
		if name, err := os.ReadFile(filepath.Join(filepath.Dir(f), "comm")); err == nil && strings.TrimSpace(string(name)) == "tau" {
			n++
		}
	}
	return n
}
