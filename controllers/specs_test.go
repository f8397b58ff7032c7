package controllers

import (
	"context"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/taudaemon/taudaemon/api/v1alpha1"
	"github.com/taudaemon/taudaemon/controllers/desired"
	"github.com/taudaemon/taudaemon/specs"
)

// mySpecs makes or changes the user's ConfigMap: a kernel of that text.
func (w *world) mySpecs(kernel string) {
	w.t.Helper()
	cm := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: w.ns, Name: "my-specs"}}
	err := w.c.Get(w.ctx, client.ObjectKeyFromObject(cm), cm)
	w.must(client.IgnoreNotFound(err))
	cm.Data = map[string]string{"kernel.tau": kernel}
	if err != nil {
		w.must(w.c.Create(w.ctx, cm))
		return
	}
	w.must(w.c.Update(w.ctx, cm))
}

func (w *world) later(d time.Duration) { w.clock.SetTime(w.clock.Now().Add(d)) }

// mountedKernel is the user's kernel in the ConfigMap that the template names; "" if it has none.
func (w *world) mountedKernel() string {
	w.t.Helper()
	template, err := desired.ApprovedTemplate(w.set())
	w.must(err)
	cm := &corev1.ConfigMap{}
	w.must(w.c.Get(w.ctx, w.key(template.ConfigMap), cm))
	return cm.Data["kernel.tau"]
}

func withMySpecs(s *v1alpha1.TauDaemonSpec) {
	s.Engine.Specs = &v1alpha1.SpecsSource{ConfigMapRef: v1alpha1.ConfigMapReference{Name: "my-specs"}}
}

func TestAgentWaitsForItsSpecsAndRunsThemWhenTheyAreThere(t *testing.T) {
	w := newWorld(t)
	w.create(withMySpecs)
	w.settle()
	w.expectCondition(v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonInvalidConfig)
	if m := w.condition(v1alpha1.ConditionStalled).Message; !strings.Contains(m, "expected ConfigMap my-specs in namespace "+w.ns+", found none") {
		t.Errorf("expected a message that names the ConfigMap, found %q", m)
	}
	result, err := w.r.Reconcile(w.ctx, ctrlRequest(w))
	w.must(err)
	if result.RequeueAfter != specsRetry {
		t.Errorf("expected another look after %s, found %s", specsRetry, result.RequeueAfter)
	}
	kernel := specs.Bundled()["v35_integrated.tau"]
	w.mySpecs(kernel)
	w.later(specsRetry)
	w.settle()
	w.expectCondition(v1alpha1.ConditionStalled, metav1.ConditionFalse, v1alpha1.ReasonUpToDate)
	if got := w.mountedKernel(); got != kernel {
		t.Errorf("expected the user's kernel in the pod's ConfigMap, found %q", got)
	}
}

func TestEditedSpecsRollThePodWithinAMinute(t *testing.T) {
	w := newWorld(t)
	kernel := specs.Bundled()["v35_integrated.tau"]
	w.mySpecs(kernel)
	pod := w.running(withMySpecs)
	if wrote := w.pass(); len(wrote) != 0 {
		t.Errorf("expected no write, found %v", wrote)
	}
	w.mySpecs(kernel + "# another\n")
	w.later(specsRefresh)
	w.settle()
	if got := w.mountedKernel(); got != kernel+"# another\n" {
		t.Errorf("expected the edited kernel, found %q", got)
	}
	if w.pod().UID == pod.UID && w.pod().DeletionTimestamp == nil {
		t.Error("expected the pod to be replaced, found it untouched")
	}
}

func TestBrokenSpecsNeverReachAPod(t *testing.T) {
	w := newWorld(t)
	kernel := specs.Bundled()["v35_integrated.tau"]
	w.mySpecs(kernel)
	pod := w.running(withMySpecs)
	before := w.set().Spec.Template.Annotations[desired.AnnotationTemplateDigest]
	w.mySpecs("# mine\nnothing like Tau\n")
	w.later(specsRefresh)
	w.settle()
	w.expectCondition(v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonInvalidConfig)
	if m := w.condition(v1alpha1.ConditionStalled).Message; !strings.Contains(m, "my-specs/kernel.tau:2:") {
		t.Errorf("expected a message with file and line, found %q", m)
	}
	if got := w.pod(); got.UID != pod.UID || got.DeletionTimestamp != nil || w.set().Spec.Template.Annotations[desired.AnnotationTemplateDigest] != before {
		t.Error("expected the approved pod and template, found them changed")
	}
	w.mySpecs(kernel)
	w.later(specsRetry)
	w.settle()
	w.expectCondition(v1alpha1.ConditionStalled, metav1.ConditionFalse, v1alpha1.ReasonUpToDate)
	if w.pod().UID != pod.UID {
		t.Error("mended to what runs: expected the same pod, found another")
	}
}

// countedReads counts the live reads of the user's ConfigMap.
type countedReads struct {
	client.Reader
	n int
}

func (c *countedReads) Get(ctx context.Context, key client.ObjectKey, obj client.Object, opts ...client.GetOption) error {
	if key.Name == "my-specs" {
		c.n++
	}
	return c.Reader.Get(ctx, key, obj, opts...)
}

func TestSpecsAreReadOnceAMinuteHoweverOftenTheDaemonReports(t *testing.T) {
	w := newWorld(t)
	w.mySpecs(specs.Bundled()["v35_integrated.tau"])
	pod := w.running(withMySpecs)
	reads := &countedReads{Reader: w.r.Live}
	w.r.Live = reads
	for range 6 {
		w.later(specsRefresh / 6)
		report := w.goodReport(pod)
		report.Tick += int64(w.clock.Now().Second()) + 1
		w.report(report)
		w.pass()
	}
	if reads.n != 1 {
		t.Errorf("expected 1 read in a minute of reports, found %d", reads.n)
	}
	w.edit(func(s *v1alpha1.TauDaemonSpec) { s.Quarantine.Acknowledge = "i-1" })
	w.pass()
	if reads.n != 2 {
		t.Errorf("changed resource: expected a read at once, found %d in all", reads.n)
	}
}

func TestPodOfTheBinaryIsAdmittedAndAppliedOnlyOnce(t *testing.T) {
	w := newWorld(t)
	ns := &corev1.Namespace{}
	w.must(w.c.Get(w.ctx, client.ObjectKey{Name: w.ns}, ns))
	ns.Labels["pod-security.kubernetes.io/enforce"] = "restricted"
	w.must(w.c.Update(w.ctx, ns))
	pod := w.running(func(s *v1alpha1.TauDaemonSpec) {
		s.Engine.Type, s.Engine.Tau = v1alpha1.EngineBoth, &v1alpha1.TauBinarySpec{Image: "registry.test/tau:1"}
	})
	image := false
	for _, v := range pod.Spec.Volumes {
		image = image || v.Image != nil && v.Image.Reference == "registry.test/tau:1"
	}
	if !image {
		t.Errorf("expected an image volume of the binary, found %+v", pod.Spec.Volumes)
	}
	w.restartOperator()
	if wrote := w.pass(); len(wrote) != 0 {
		t.Errorf("expected no write, found %v", wrote)
	}
}
