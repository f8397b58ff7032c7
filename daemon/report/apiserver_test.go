package report

import (
	"encoding/json"
	"errors"
	"os"
	"testing"
	"time"

	"github.com/go-logr/logr/testr"
	coordinationv1 "k8s.io/api/coordination/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/taudaemon/taudaemon/api/v1alpha1"
	"github.com/taudaemon/taudaemon/daemon/report/lease"
	"github.com/taudaemon/taudaemon/hack/envtest"
)

func TestMain(m *testing.M) { os.Exit(envtest.Run(m)) }

// TestLeaseOnARealAPIServer is the life of a Lease under the daemon's own rights: get, update and watch of this one Lease. What a fake would let
// through (the watch's selector, validation, resource versions) is the server's to judge here.
func TestLeaseOnARealAPIServer(t *testing.T) {
	cfg, admin, ns := envtest.Config(t), envtest.Client(t), envtest.Namespace(t)
	const name, user = "eth-usd-taud", "taud"
	meta := metav1.ObjectMeta{Namespace: ns, Name: name}
	role := &rbacv1.Role{ObjectMeta: meta, Rules: []rbacv1.PolicyRule{{
		APIGroups: []string{"coordination.k8s.io"}, Resources: []string{"leases"}, ResourceNames: []string{name}, Verbs: []string{"get", "update", "watch"},
	}}}
	binding := &rbacv1.RoleBinding{
		ObjectMeta: meta, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "Role", Name: name},
		Subjects: []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: "User", Name: user}},
	}
	for _, o := range []client.Object{role, binding} {
		if err := admin.Create(t.Context(), o); err != nil {
			t.Fatal(err)
		}
	}
	cfg.Impersonate = rest.ImpersonationConfig{UserName: user}
	api, err := lease.NewClient(cfg, ns, name)
	if err != nil {
		t.Fatal(err)
	}
	start := func(pod string) *lease.Held {
		t.Helper()
		h, err := lease.Acquire(t.Context(), lease.Options{
			API: api, PodUID: pod, BootID: lease.NewBootID(), Duration: 5 * time.Second, ReportInterval: time.Second, Log: testr.New(t),
		})
		if err != nil {
			t.Fatal(err)
		}
		return h
	}
	edit := func(change func(*coordinationv1.Lease)) {
		t.Helper()
		l := &coordinationv1.Lease{ObjectMeta: meta}
		if err := admin.Get(t.Context(), client.ObjectKeyFromObject(l), l); err != nil {
			t.Fatal(err)
		}
		before := l.DeepCopy()
		change(l)
		if err := admin.Patch(t.Context(), l, client.MergeFrom(before)); err != nil {
			t.Fatal(err)
		}
	}
	changed := func(h *lease.Held) {
		t.Helper()
		select {
		case <-h.Changed():
		case <-time.After(time.Minute):
			t.Fatal("not told")
		}
	}

	// The operator makes the Lease after the daemon began to wait, with the epochs of one before.
	go func() {
		_ = admin.Create(t.Context(), &coordinationv1.Lease{ObjectMeta: meta, Spec: coordinationv1.LeaseSpec{LeaseTransitions: new(int32(6))}})
	}()
	h := start("pod1")
	if h.Epoch() != 7 || h.Margin() <= 0 {
		t.Errorf("epoch %d, margin %v", h.Epoch(), h.Margin())
	}
	edit(func(l *coordinationv1.Lease) {
		l.Annotations = map[string]string{v1alpha1.AnnotationCommands: `{"acknowledge":"i-7"}`}
	})
	changed(h)
	if got := h.Commands().Acknowledge; got != "i-7" {
		t.Errorf("commands %q", got)
	}
	if err := h.Release(t.Context(), v1alpha1.Report{Phase: v1alpha1.PhaseStopped}); err != nil {
		t.Fatal(err)
	}
	edit(func(l *coordinationv1.Lease) {
		var r v1alpha1.Report
		if err := json.Unmarshal([]byte(l.Annotations[v1alpha1.AnnotationReport]), &r); err != nil || r.Phase != v1alpha1.PhaseStopped || r.Epoch != 7 || l.Annotations[v1alpha1.AnnotationCommands] == "" {
			t.Errorf("report %+v, annotations %q", r, l.Annotations)
		}
	})

	next := start("pod2")
	defer func() { _ = next.Release(t.Context(), v1alpha1.Report{}) }() // lost by then: it only ends the goroutines
	if next.Epoch() != 8 {
		t.Errorf("epoch %d after 7", next.Epoch())
	}
	changed(next) // the commands were there before it
	edit(func(l *coordinationv1.Lease) { l.Spec.HolderIdentity = new("pod3/boot") })
	changed(next)
	if !errors.Is(next.Err(), lease.ErrLost) || next.Margin() > 0 {
		t.Errorf("err %v, margin %v", next.Err(), next.Margin())
	}
}
