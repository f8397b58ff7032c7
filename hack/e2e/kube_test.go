//go:build e2e

package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/taudaemon/taudaemon/api/v1alpha1"
)

const namespace = "agents"

// root is the repository's top folder: tests run in their package's.
const root = "../.."

// kubectl runs kubectl and returns what it printed.
func kubectl(t *testing.T, args ...string) string {
	t.Helper()
	out, err := tryKubectl("", args...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func tryKubectl(stdin string, args ...string) (string, error) {
	c := exec.Command("kubectl", args...)
	c.Stdin = strings.NewReader(stdin)
	var stdout, stderr bytes.Buffer
	c.Stdout, c.Stderr = &stdout, &stderr
	if err := c.Run(); err != nil {
		return stdout.String(), fmt.Errorf("kubectl %s: %w: %s", strings.Join(args, " "), err, stderr.String())
	}
	return stdout.String(), nil
}

func apply(t *testing.T, manifest string) {
	t.Helper()
	if _, err := tryKubectl(manifest, "apply", "--server-side", "-f", "-"); err != nil {
		t.Fatal(err)
	}
}

func patch(t *testing.T, name, merge string) {
	t.Helper()
	kubectl(t, "-n", namespace, "patch", "taudaemon", name, "--type=merge", "-p", merge)
}

// get reads an object into into; false if there is none.
func get(t *testing.T, into any, kind, name string) bool {
	t.Helper()
	out := kubectl(t, "-n", namespace, "get", kind, name, "--ignore-not-found", "-o", "json")
	if strings.TrimSpace(out) == "" {
		return false
	}
	if err := json.Unmarshal([]byte(out), into); err != nil {
		t.Fatalf("%s %s: %v", kind, name, err)
	}
	return true
}

func agent(t *testing.T, name string) v1alpha1.TauDaemon {
	t.Helper()
	var td v1alpha1.TauDaemon
	if !get(t, &td, "taudaemon", name) {
		t.Fatalf("taudaemon %s is gone", name)
	}
	return td
}

func condition(td v1alpha1.TauDaemon, kind string) metav1.Condition {
	for _, c := range td.Status.Conditions {
		if c.Type == kind {
			return c
		}
	}
	return metav1.Condition{}
}

// pod is the agent's pod; nil if there is none.
func pod(t *testing.T, name string) *corev1.Pod {
	t.Helper()
	var p corev1.Pod
	if !get(t, &p, "pod", name+"-taud-0") {
		return nil
	}
	return &p
}

// eventually waits until the agent is as wanted, and returns it and how long it took. A state that never comes fails with what was last seen.
func eventually(t *testing.T, name string, limit time.Duration, what string, want func(v1alpha1.TauDaemon) bool) (v1alpha1.TauDaemon, time.Duration) {
	t.Helper()
	var td v1alpha1.TauDaemon
	took := until(t, limit, what+" of "+name, func() bool {
		td = agent(t, name)
		return want(td)
	}, func() string {
		return kubectl(t, "-n", namespace, "get", "taudaemon", name, "-o", "yaml") + kubectl(t, "-n", namespace, "get", "pods,pvc,leases", "-o", "wide")
	})
	return td, took
}

func until(t *testing.T, limit time.Duration, what string, done func() bool, seen func() string) time.Duration {
	t.Helper()
	begun := time.Now()
	for !done() {
		if time.Since(begun) > limit {
			last := ""
			if seen != nil {
				last = "; last seen:\n" + seen()
			}
			t.Fatalf("%s: not within %v%s", what, limit, last)
		}
		time.Sleep(100 * time.Millisecond)
	}
	return time.Since(begun)
}

func isReady(td v1alpha1.TauDaemon) bool {
	return condition(td, v1alpha1.ConditionReady).Status == metav1.ConditionTrue && td.Status.ObservedGeneration == td.Generation
}

func waitReady(t *testing.T, name string) v1alpha1.TauDaemon {
	t.Helper()
	td, _ := eventually(t, name, 60*time.Second, "Ready", isReady)
	return td
}

// taud runs the command that e2e/run built, and returns what it printed and its exit code.
func taud(t *testing.T, args ...string) (string, int) {
	t.Helper()
	out, err := exec.Command(filepath.Join(root, "bin", "taud"), args...).CombinedOutput()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return string(out), 0
	case asExit(err, &exit):
		return string(out), exit.ExitCode()
	}
	t.Fatal(err)
	return "", 0
}

func asExit(err error, into **exec.ExitError) bool {
	e, ok := err.(*exec.ExitError)
	*into = e
	return ok
}

// volume is the folder of this machine that holds the agent's ledger.
func volume(t *testing.T, name string) string {
	t.Helper()
	out, err := exec.Command(filepath.Join(root, "hack/cluster/cluster"), "pv-path", namespace, name+"-taud").Output()
	if err != nil {
		t.Fatalf("pv-path: %v", err)
	}
	return filepath.Join(strings.TrimSpace(string(out)), "ledger")
}

// scaleFeed makes a source answer (1) or fail (0), and waits until it does.
func scaleFeed(t *testing.T, replicas int, names ...string) {
	t.Helper()
	for _, n := range names {
		kubectl(t, "-n", "feeds", "scale", "deployment", n, fmt.Sprintf("--replicas=%d", replicas))
	}
	for _, n := range names {
		if replicas > 0 {
			kubectl(t, "-n", "feeds", "rollout", "status", "deployment", n, "--timeout=60s")
		} else {
			kubectl(t, "-n", "feeds", "wait", "--for=delete", "pod", "-l", "app="+n, "--timeout=60s")
		}
	}
}

func mustRead(t *testing.T, file string) string {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
