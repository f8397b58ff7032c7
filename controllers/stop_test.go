package controllers

import (
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/taudaemon/taudaemon/api/v1alpha1"
	"github.com/taudaemon/taudaemon/controllers/desired"
)

func TestSuspendScalesToZeroAndKeepsTheRest(t *testing.T) {
	w := newWorld(t)
	w.running(nil)
	w.edit(func(s *v1alpha1.TauDaemonSpec) { s.Suspend = true })
	if wrote := w.pass(); !slices.Equal(wrote, []string{"apply StatefulSet", "patch status TauDaemon"}) {
		t.Errorf("expected the StatefulSet and the status, found %v", wrote)
	}
	if got := *w.set().Spec.Replicas; got != 0 {
		t.Errorf("expected 0 replicas, found %d", got)
	}
	w.endPod()
	w.settle()
	w.expectCondition(v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonSuspended)
	w.expectCondition(v1alpha1.ConditionHealthy, metav1.ConditionUnknown, v1alpha1.ReasonSuspended)
	w.expectCondition(v1alpha1.ConditionReconciling, metav1.ConditionFalse, v1alpha1.ReasonUpToDate)
	if s := w.resource().Status; s.State != v1alpha1.StateSuspended || s.Ledger == nil || s.Ledger.Size != 9 {
		t.Errorf("expected state Suspended and the last ledger head, found %s and %v", s.State, s.Ledger)
	}
	w.must(w.c.Get(w.ctx, w.key(desired.ChildName(agentName)), &corev1.PersistentVolumeClaim{}))

	w.edit(func(s *v1alpha1.TauDaemonSpec) { s.Suspend = false })
	w.settle()
	if got := *w.set().Spec.Replicas; got != 1 {
		t.Errorf("resumed: expected 1 replica, found %d", got)
	}
}

func TestInvalidConfigurationKeepsTheApprovedPodAndStillObeysSuspend(t *testing.T) {
	w := newWorld(t)
	pod := w.running(nil)
	before := w.set().Spec.Template.Annotations[desired.AnnotationTemplateDigest]
	// The schema's pattern takes a URL without a host, daemon/config does not.
	w.edit(func(s *v1alpha1.TauDaemonSpec) {
		s.Oracle.Sources[0] = v1alpha1.OracleSource{Name: "feed", HTTP: &v1alpha1.HTTPSource{URL: "http:///price", Price: "$.price"}}
	})
	w.settle()
	w.expectCondition(v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonInvalidConfig)
	w.expectCondition(v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonInvalidConfig)
	if m := w.condition(v1alpha1.ConditionStalled).Message; !strings.Contains(m, "url") {
		t.Errorf("expected a message that names the key, found %q", m)
	}
	if got := w.pod(); got.UID != pod.UID || got.DeletionTimestamp != nil || w.set().Spec.Template.Annotations[desired.AnnotationTemplateDigest] != before {
		t.Error("expected the approved pod and template, found them changed")
	}
	w.edit(func(s *v1alpha1.TauDaemonSpec) { s.Suspend = true })
	w.settle()
	if got := *w.set().Spec.Replicas; got != 0 {
		t.Errorf("suspended: expected 0 replicas, found %d", got)
	}
}

func TestSuspendWithFlattenWaitsUntilThePositionIsSold(t *testing.T) {
	w := newWorld(t)
	pod := w.running(func(s *v1alpha1.TauDaemonSpec) { s.OnStop = v1alpha1.StopFlatten })
	holding := w.goodReport(pod)
	holding.Position.Quantity = "10"
	w.report(holding)
	w.settle()
	w.edit(func(s *v1alpha1.TauDaemonSpec) { s.Suspend = true })
	w.settle()
	if got := w.lease().Annotations[v1alpha1.AnnotationCommands]; got != `{"flatten":true}` || *w.set().Spec.Replicas != 1 {
		t.Errorf("expected the command and 1 replica, found %q and %d", got, *w.set().Spec.Replicas)
	}
	w.expectCondition(v1alpha1.ConditionReady, metav1.ConditionFalse, ReasonFlattening)
	sold := w.goodReport(pod)
	sold.Draining = true
	w.report(sold)
	w.settle()
	if got := *w.set().Spec.Replicas; got != 0 {
		t.Errorf("sold: expected 0 replicas, found %d", got)
	}
	w.endPod()
	w.settle()
	if got, found := w.lease().Annotations[v1alpha1.AnnotationCommands]; found {
		t.Errorf("stopped: expected no commands, found %q", got)
	}
}

func TestSuspendWithFlattenGoesOnAfterItsTime(t *testing.T) {
	w := newWorld(t)
	pod := w.running(func(s *v1alpha1.TauDaemonSpec) { s.OnStop = v1alpha1.StopFlatten })
	w.edit(func(s *v1alpha1.TauDaemonSpec) { s.Suspend = true })
	w.settle()
	w.clock.SetTime(w.clock.Now().Add(flattenLimit))
	holding := w.goodReport(pod)
	holding.Position.Quantity, holding.Draining = "10", true
	w.report(holding)
	w.settle()
	if got := *w.set().Spec.Replicas; got != 0 {
		t.Errorf("expected 0 replicas, found %d", got)
	}
	if got := strings.Count(strings.Join(w.events(), "\n"), "FlattenGaveUp"); got != 1 {
		t.Errorf("expected one Event FlattenGaveUp, found %d", got)
	}
}

func TestDeletionWithFlattenIsHeldUntilThePositionIsSold(t *testing.T) {
	w := newWorld(t)
	pod := w.running(func(s *v1alpha1.TauDaemonSpec) { s.OnStop = v1alpha1.StopFlatten })
	td := w.resource()
	if !slices.Contains(td.Finalizers, Finalizer) {
		t.Fatalf("expected finalizer %s, found %v", Finalizer, td.Finalizers)
	}
	w.must(w.c.Delete(w.ctx, td))
	w.settle()
	if s := w.resource().Status; s.State != v1alpha1.StateDeleting {
		t.Errorf("expected state Deleting, found %s", s.State)
	}
	sold := w.goodReport(pod)
	sold.Draining = true
	w.report(sold)
	w.pass()
	if err := w.c.Get(w.ctx, w.key(agentName), td); !apierrors.IsNotFound(err) {
		t.Errorf("expected the resource to be gone, found %v, finalizers %v", err, td.Finalizers)
	}
	if wrote := w.pass(); len(wrote) != 0 {
		t.Errorf("gone: expected no write, found %v", wrote)
	}
}

func TestDeletionWithoutFlattenNeedsNoOperator(t *testing.T) {
	w := newWorld(t)
	w.running(nil)
	w.must(w.c.Delete(w.ctx, w.resource()))
	if err := w.c.Get(w.ctx, w.key(agentName), &v1alpha1.TauDaemon{}); !apierrors.IsNotFound(err) {
		t.Errorf("expected the resource to be gone, found %v", err)
	}
}
