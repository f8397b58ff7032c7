package v1alpha1_test

import (
	"context"
	"testing"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/taudaemon/taudaemon/api/v1alpha1"
	apply "github.com/taudaemon/taudaemon/api/v1alpha1/applyconfiguration/api/v1alpha1"
	"github.com/taudaemon/taudaemon/hack/envtest"
)

// TestLedgerInStatusNeverGoesBack: not even the operator can make a head unsaid that it has once shown.
func TestLedgerInStatusNeverGoesBack(t *testing.T) {
	head := func(origin string, size int64, head string) *v1alpha1.LedgerReport {
		return &v1alpha1.LedgerReport{Origin: origin, Size: size, Head: head}
	}
	for _, tc := range []struct {
		name   string
		next   *v1alpha1.LedgerReport
		expect string // "" where the change is allowed
	}{
		{"a ledger grows", head("taud/a", 11, "bb"), ""},
		{"the same head again", head("taud/a", 10, "aa"), ""},
		{"another origin starts anew", head("taud/b", 1, "cc"), ""},
		{"a size cannot fall", head("taud/a", 9, "aa"), "status.ledger.size: Invalid value: must not fall within one origin"},
		{"a head cannot change at the same size", head("taud/a", 10, "bb"), "status.ledger.head: Invalid value: must stay the same at the same size of one origin: expected aa, found bb"},
		{"a ledger cannot be dropped", nil, "status.ledger: Invalid value: must not be dropped"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c, td := envtest.Client(t), create(t, nil)
			td.Status.Ledger = head("taud/a", 10, "aa")
			if err := c.Status().Update(context.Background(), td); err != nil {
				t.Fatal(err)
			}
			td.Status.Ledger = tc.next
			err := c.Status().Update(context.Background(), td)
			if tc.expect == "" {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			refused(t, err, tc.expect)
		})
	}
	signed := func(change func(*v1alpha1.LedgerReport)) *v1alpha1.LedgerReport {
		h := head("taud/a", 10, "aa")
		h.Root, h.Key, h.Signature = "r10", "key-1", "s10"
		change(h)
		return h
	}
	for _, tc := range []struct {
		name   string
		next   *v1alpha1.LedgerReport
		expect string
	}{
		{"a ledger grows under its key", signed(func(h *v1alpha1.LedgerReport) { h.Size, h.Head, h.Root, h.Signature = 11, "bb", "r11", "s11" }), ""},
		{"the same head, signed again", signed(func(h *v1alpha1.LedgerReport) { h.Signature = "again" }), ""},
		{"a key changes by a rotation", signed(func(h *v1alpha1.LedgerReport) { h.Key, h.Rotation = "key-2", "by key-1" }), ""},
		{"another origin has another key", signed(func(h *v1alpha1.LedgerReport) { h.Origin, h.Size, h.Key, h.Root = "taud/b", 1, "key-2", "r1" }), ""},
		{"a key cannot change by itself", signed(func(h *v1alpha1.LedgerReport) { h.Key = "key-2" }), "status.ledger.key: Invalid value: must not be dropped within one origin"},
		{"a key cannot be dropped", signed(func(h *v1alpha1.LedgerReport) { h.Key = "" }), "status.ledger.key: Invalid value: must not be dropped within one origin"},
		{"a root cannot change at the same size", signed(func(h *v1alpha1.LedgerReport) { h.Root = "other" }), "status.ledger.root: Invalid value: must not be dropped within one origin"},
		{"a root cannot be dropped", signed(func(h *v1alpha1.LedgerReport) { h.Size, h.Head, h.Root = 11, "bb", "" }), "status.ledger.root: Invalid value: must not be dropped within one origin"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c, td := envtest.Client(t), create(t, nil)
			td.Status.Ledger = signed(func(*v1alpha1.LedgerReport) {})
			if err := c.Status().Update(context.Background(), td); err != nil {
				t.Fatal(err)
			}
			td.Status.Ledger = tc.next
			err := c.Status().Update(context.Background(), td)
			if tc.expect == "" {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			refused(t, err, tc.expect)
		})
	}
	t.Run("a refused head is free to be another, and to go", func(t *testing.T) {
		c, td := envtest.Client(t), create(t, nil)
		for _, next := range []*v1alpha1.RefusedHead{{Origin: "taud/a", Size: 10, Reason: "LedgerForked"}, {Origin: "taud/a", Size: 3, Reason: "LedgerRollback"}, nil} {
			td.Status.RefusedHead = next
			if err := c.Status().Update(context.Background(), td); err != nil {
				t.Fatal(err)
			}
		}
	})
	t.Run("a whole status cannot be dropped by an apply that forgets it", func(t *testing.T) {
		c, td := envtest.Client(t), create(t, nil)
		owner := client.FieldOwner("taudaemon-operator")
		full := apply.TauDaemon(td.Name, td.Namespace).WithStatus(apply.TauDaemonStatus().
			WithLedger(apply.LedgerReport().WithOrigin("taud/a").WithSize(10).WithHead("aa")))
		if err := c.Status().Apply(context.Background(), full, owner); err != nil {
			t.Fatal(err)
		}
		empty := apply.TauDaemon(td.Name, td.Namespace)
		refused(t, c.Status().Apply(context.Background(), empty, owner), "status.ledger: Invalid value: must not be dropped")
	})
	t.Run("an edit of the spec leaves status alone", func(t *testing.T) {
		c, td := envtest.Client(t), create(t, nil)
		td.Status.Ledger = head("taud/a", 10, "aa")
		if err := c.Status().Update(context.Background(), td); err != nil {
			t.Fatal(err)
		}
		td.Spec.Suspend = true
		td.Status = v1alpha1.TauDaemonStatus{}
		if err := c.Update(context.Background(), td); err != nil {
			t.Fatal(err)
		}
		if td.Status.Ledger == nil || td.Status.Ledger.Size != 10 {
			t.Errorf("expected a ledger of size 10, found %+v", td.Status.Ledger)
		}
	})
}
