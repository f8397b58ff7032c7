package v1alpha1_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/taudaemon/taudaemon/api/v1alpha1"
	"github.com/taudaemon/taudaemon/hack/envtest"
)

// TestKubectlGetShowsTheColumns reads what kubectl prints, by every name that a user may call the resource.
func TestKubectlGetShowsTheColumns(t *testing.T) {
	c := envtest.Client(t)
	td := create(t, func(td *v1alpha1.TauDaemon) { td.GenerateName, td.Name = "", "eth-usd" })
	quiet := minimal(td.Namespace)
	quiet.GenerateName, quiet.Name = "", "quiet"
	if err := c.Create(context.Background(), quiet); err != nil {
		t.Fatal(err)
	}
	td.Status = v1alpha1.TauDaemonStatus{
		State:      v1alpha1.StateQuarantined,
		Conditions: []metav1.Condition{{Type: v1alpha1.ConditionReady, Status: metav1.ConditionFalse, Reason: v1alpha1.ReasonQuarantined, LastTransitionTime: metav1.Now()}},
		Health:     "Unhealthy",
		Tick:       42,
		Holding:    "10",
		Ledger:     &v1alpha1.LedgerReport{Origin: "taud/eth-usd", Size: 57, Head: "0123456789abcdef", ShortHead: "0123456789ab"},
		Epoch:      3,
		Engine:     "embedded",
		ReportTime: &metav1.Time{Time: time.Now().AddDate(0, 0, -30)},
		NodeName:   "node-1",
	}
	if err := c.Status().Update(context.Background(), td); err != nil {
		t.Fatal(err)
	}
	get := func(t *testing.T, args ...string) [][]string {
		t.Helper()
		stdout, stderr, err := envtest.Kubectl(t, append([]string{"get", "-n", td.Namespace}, args...)...)
		if err != nil {
			t.Fatalf("%v: %s", err, stderr)
		}
		var rows [][]string
		for line := range strings.Lines(stdout) {
			rows = append(rows, strings.Fields(line))
		}
		return rows
	}
	headings := []string{"NAME", "READY", "STATE", "HEALTH", "TICK", "HOLDING", "LEDGER", "HEAD", "AGE"}
	row := []string{"eth-usd", "False", "Quarantined", "Unhealthy", "42", "10", "57", "0123456789ab"}
	for _, name := range []string{"taudaemons", "taudaemon", "td", "tau"} {
		t.Run("kubectl get "+name, func(t *testing.T) {
			rows := get(t, name)
			if len(rows) != 3 || !slices.Equal(rows[0], headings) {
				t.Fatalf("expected %q and two rows, found %q", headings, rows)
			}
			if found := rows[1][:len(row)]; !slices.Equal(found, row) {
				t.Errorf("expected %q, found %q", row, found)
			}
		})
	}
	t.Run("wide adds epoch, engine, reported and node", func(t *testing.T) {
		rows := get(t, "td", "-o", "wide")
		if found, expect := rows[0], append(slices.Clone(headings), "EPOCH", "ENGINE", "REPORTED", "NODE"); !slices.Equal(found, expect) {
			t.Errorf("expected %q, found %q", expect, found)
		}
		if found, expect := rows[1][len(headings):], []string{"3", "embedded", "30d", "node-1"}; !slices.Equal(found, expect) {
			t.Errorf("expected %q, found %q", expect, found)
		}
	})
	t.Run("the state is selectable", func(t *testing.T) {
		rows := get(t, "td", "--field-selector", "status.state=Quarantined", "--no-headers")
		if len(rows) != 1 || rows[0][0] != "eth-usd" {
			t.Errorf("expected eth-usd alone, found %q", rows)
		}
	})
}
