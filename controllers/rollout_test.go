package controllers

import (
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/taudaemon/taudaemon/api/v1alpha1"
	"github.com/taudaemon/taudaemon/controllers/desired"
)

func TestEditOfStatusByAnotherNeitherRollsThePodNorStays(t *testing.T) {
	w := newWorld(t)
	pod := w.running(nil)
	td := w.resource()
	td.Status.Engine, td.Status.Tick = "wishful", 1_000_000
	w.must(w.c.Status().Update(w.ctx, td))
	if wrote := w.pass(); !slices.Equal(wrote, []string{"patch status TauDaemon"}) {
		t.Errorf("expected one status write, found %v", wrote)
	}
	if got := w.pod(); got.UID != pod.UID || got.DeletionTimestamp != nil {
		t.Error("expected the same pod, found it rolled")
	}
	if s := w.resource().Status; s.Engine != "embedded" || s.Tick != 7 {
		t.Errorf("expected engine and tick as reported, found %s and %d", s.Engine, s.Tick)
	}
}

func TestChangedEconomicsRollThePodExactlyOnce(t *testing.T) {
	w := newWorld(t)
	old := w.running(nil)
	w.edit(func(s *v1alpha1.TauDaemonSpec) { s.Economics.FeeBpsBuy = ptr.To(int32(0)) })
	var deletes int
	for range 4 {
		for _, wrote := range w.pass() {
			if wrote == "delete Pod" {
				deletes++
			}
		}
	}
	// Without a kubelet the pod stays, terminating.
	if pod := w.pod(); deletes != 1 || pod.DeletionTimestamp == nil || *pod.DeletionGracePeriodSeconds != 30 {
		t.Errorf("expected one graceful delete, found %d and deletion %v", deletes, pod.DeletionTimestamp)
	}
	w.expectCondition(v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonRolling)

	w.endPod()
	w.settle()
	pod := w.startPod()
	if pod.UID == old.UID || pod.Annotations[desired.AnnotationTemplateDigest] == old.Annotations[desired.AnnotationTemplateDigest] {
		t.Error("expected a new pod of a new template, found the old")
	}
	report := w.goodReport(pod)
	report.Epoch = 2
	w.report(report)
	w.settle()
	w.expectCondition(v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonReady)
	if got := w.pod(); got.UID != pod.UID || got.DeletionTimestamp != nil {
		t.Error("expected the new pod to stay, found it rolled again")
	}
	var configs corev1.ConfigMapList
	w.must(w.c.List(w.ctx, &configs, client.InNamespace(w.ns), client.MatchingLabels{desired.LabelName: agentName}))
	if len(configs.Items) != 1 || configs.Items[0].Name != w.resource().Status.ConfigMapName {
		t.Errorf("expected the old ConfigMap to be pruned, found %d", len(configs.Items))
	}
	if got := strings.Count(strings.Join(w.events(), "\n"), "Rolled"); got != 1 {
		t.Errorf("expected one Event Rolled, found %d", got)
	}
}

func TestWhatNeverRollsDoesNot(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*v1alpha1.TauDaemonSpec)
		want   []string
	}{
		"acknowledge":  {func(s *v1alpha1.TauDaemonSpec) { s.Quarantine.Acknowledge = "i-1" }, []string{"apply Lease", "patch status TauDaemon"}},
		"onStop":       {func(s *v1alpha1.TauDaemonSpec) { s.OnStop = v1alpha1.StopFlatten }, []string{"patch TauDaemon", "patch status TauDaemon"}},
		"updatePolicy": {func(s *v1alpha1.TauDaemonSpec) { s.UpdatePolicy = v1alpha1.UpdateManual }, []string{"patch status TauDaemon"}},
		"retain":       {func(s *v1alpha1.TauDaemonSpec) { s.Ledger.Volume.Retain = v1alpha1.VolumeDelete }, []string{"apply PersistentVolumeClaim", "patch status TauDaemon"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			pod := w.running(nil)
			w.edit(test.change)
			if wrote := w.pass(); !slices.Equal(wrote, test.want) {
				t.Errorf("expected %v, found %v", test.want, wrote)
			}
			w.settle()
			if got := w.pod(); got.UID != pod.UID || got.DeletionTimestamp != nil {
				t.Error("expected the same pod, found it rolled")
			}
		})
	}
}

func TestManualUpdateIsTakenByThePodThatComesAfterADelete(t *testing.T) {
	w := newWorld(t)
	w.running(func(s *v1alpha1.TauDaemonSpec) { s.UpdatePolicy = v1alpha1.UpdateManual })
	before := w.set().Spec.Template.Annotations[desired.AnnotationTemplateDigest]
	w.edit(func(s *v1alpha1.TauDaemonSpec) { s.Economics.FeeBpsBuy = ptr.To(int32(1)) })
	w.settle()
	w.expectCondition(v1alpha1.ConditionReconciling, metav1.ConditionTrue, v1alpha1.ReasonUpdateHeld)
	w.expectCondition(v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonReady)
	if got := w.set().Spec.Template.Annotations[desired.AnnotationTemplateDigest]; got != before {
		t.Error("expected the approved template, found the new one")
	}
	w.must(w.c.Delete(w.ctx, w.pod()))
	w.settle()
	if got := w.set().Spec.Template.Annotations[desired.AnnotationTemplateDigest]; got == before {
		t.Error("while the pod terminates: expected the new template, found the approved one")
	}
}
