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
