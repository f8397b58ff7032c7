package controllers

import (
	"context"
	"encoding/json"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr"
	appsv1 "k8s.io/api/apps/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/events"
	clocktesting "k8s.io/utils/clock/testing"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/taudaemon/taudaemon/api/v1alpha1"
	"github.com/taudaemon/taudaemon/controllers/desired"
	"github.com/taudaemon/taudaemon/controllers/witness/witnesstest"
	"github.com/taudaemon/taudaemon/hack/envtest"
)

func TestMain(m *testing.M) {
	ctrl.SetLogger(logr.Discard())
	os.Exit(envtest.Run(m))
}

const (
	testImage = "registry.test/taud:1"
	agentName = "eth-usd"
)

// world is one TauDaemon in a namespace of a real apiserver, with the operator's passes done one by one, and the test in the place of the
// StatefulSet controller, the kubelet and the daemon.
type world struct {
	t        *testing.T
	ctx      context.Context
	c        client.Client
	ns       string
	r        *Reconciler
	clock    *clocktesting.FakePassiveClock
	recorder *events.FakeRecorder
	writes   *writes
	// book is the ledger of the daemon.
	book *witnesstest.Book
}

// writes are the write requests that the operator sent.
type writes struct {
	mu  sync.Mutex
	all []string
}

func (w *writes) note(verb string, obj any) { w.add(verb + " " + kindOfAny(obj)) }

func (w *writes) add(request string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.all = append(w.all, request)
}

func (w *writes) count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.all)
}

func (w *writes) take() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	all := w.all
	w.all = nil
	return all
}

func kindOfAny(v any) string {
	if obj, ok := v.(client.Object); ok {
		return kindOf(obj)
	}
	if ac, ok := v.(interface{ GetKind() *string }); ok && ac.GetKind() != nil {
		return *ac.GetKind()
	}
	return "?"
}

// counting notes each write request that passes through c.
func counting(c client.WithWatch, w *writes) client.WithWatch {
	return interceptor.NewClient(c, interceptor.Funcs{
		Create: func(ctx context.Context, c client.WithWatch, obj client.Object, opts ...client.CreateOption) error {
			w.note("create", obj)
			return c.Create(ctx, obj, opts...)
		},
		Update: func(ctx context.Context, c client.WithWatch, obj client.Object, opts ...client.UpdateOption) error {
			w.note("update", obj)
			return c.Update(ctx, obj, opts...)
		},
		Patch: func(ctx context.Context, c client.WithWatch, obj client.Object, patch client.Patch, opts ...client.PatchOption) error {
			w.note("patch", obj)
			return c.Patch(ctx, obj, patch, opts...)
		},
		Apply: func(ctx context.Context, c client.WithWatch, obj runtime.ApplyConfiguration, opts ...client.ApplyOption) error {
			w.note("apply", obj)
			return c.Apply(ctx, obj, opts...)
		},
		Delete: func(ctx context.Context, c client.WithWatch, obj client.Object, opts ...client.DeleteOption) error {
			w.note("delete", obj)
			return c.Delete(ctx, obj, opts...)
		},
		DeleteAllOf: func(ctx context.Context, c client.WithWatch, obj client.Object, opts ...client.DeleteAllOfOption) error {
			w.note("deleteAllOf", obj)
			return c.DeleteAllOf(ctx, obj, opts...)
		},
		SubResourcePatch: func(ctx context.Context, c client.Client, sub string, obj client.Object, patch client.Patch, opts ...client.SubResourcePatchOption) error {
			w.note("patch "+sub, obj)
			return c.SubResource(sub).Patch(ctx, obj, patch, opts...)
		},
		SubResourceUpdate: func(ctx context.Context, c client.Client, sub string, obj client.Object, opts ...client.SubResourceUpdateOption) error {
			w.note("update "+sub, obj)
			return c.SubResource(sub).Update(ctx, obj, opts...)
		},
		SubResourceApply: func(ctx context.Context, c client.Client, sub string, obj runtime.ApplyConfiguration, opts ...client.SubResourceApplyOption) error {
			w.note("apply "+sub, obj)
			return c.SubResource(sub).Apply(ctx, obj, opts...)
		},
	})
}

func newWorld(t *testing.T) *world {
	t.Helper()
	c := envtest.Client(t)
	w := &world{
		t: t, ctx: t.Context(), c: c, ns: envtest.Namespace(t),
		clock:    clocktesting.NewFakePassiveClock(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)),
		recorder: events.NewFakeRecorder(100),
		writes:   &writes{},
		book:     witnesstest.New(t.Name()),
	}
	w.restartOperator()
	return w
}

// restartOperator forgets all that the operator remembers.
func (w *world) restartOperator() {
	counted := counting(w.c.(client.WithWatch), w.writes)
	w.r = &Reconciler{Client: counted, Live: counted, Recorder: w.recorder, Clock: w.clock, Image: testImage, Specs: map[string]string{"v35_integrated.tau": "# kernel\n"}}
}

// manifest is the smallest resource; the API server fills in the defaults.
func (w *world) manifest() *v1alpha1.TauDaemon {
	return &v1alpha1.TauDaemon{
		ObjectMeta: metav1.ObjectMeta{Namespace: w.ns, Name: agentName},
		Spec: v1alpha1.TauDaemonSpec{
			Oracle: v1alpha1.OracleSpec{MinQuorum: 1, Sources: []v1alpha1.OracleSource{
				{Name: "walk", Simulated: &v1alpha1.SimulatedSource{Seed: 1}},
			}},
			Economics: v1alpha1.EconomicsSpec{TradeQuantity: "10"},
			Venue:     v1alpha1.VenueSpec{Paper: &v1alpha1.PaperVenue{}},
		},
	}
}

// create makes the resource, after the change.
func (w *world) create(change func(*v1alpha1.TauDaemonSpec)) {
	w.t.Helper()
	td := w.manifest()
	if change != nil {
		change(&td.Spec)
	}
	w.must(w.c.Create(w.ctx, td))
}

// edit changes the spec, as a person would.
func (w *world) edit(change func(*v1alpha1.TauDaemonSpec)) {
	w.t.Helper()
	td := w.resource()
	change(&td.Spec)
	w.must(w.c.Update(w.ctx, td))
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// pass does one pass and returns what it wrote.
func (w *world) pass() []string {
	w.t.Helper()
	wrote, err := w.tryPass()
	w.must(err)
	return wrote
}

func (w *world) tryPass() ([]string, error) {
	seeSet(w.t, w.ctx, w.c, w.key(desired.ChildName(agentName)))
	_, err := w.r.Reconcile(w.ctx, ctrl.Request{NamespacedName: client.ObjectKey{Namespace: w.ns, Name: agentName}})
	return w.writes.take(), err
}

// settle does passes until one writes nothing.
func (w *world) settle() {
	w.t.Helper()
	var wrote []string
	for range 10 {
		if wrote = w.pass(); len(wrote) == 0 {
			return
		}
	}
	w.t.Fatalf("expected passes that write nothing after 10, found %v", wrote)
}

func (w *world) key(name string) client.ObjectKey {
	return client.ObjectKey{Namespace: w.ns, Name: name}
}

func (w *world) resource() *v1alpha1.TauDaemon {
	w.t.Helper()
	td := &v1alpha1.TauDaemon{}
	w.must(w.c.Get(w.ctx, w.key(agentName), td))
	return td
}

func (w *world) set() *appsv1.StatefulSet {
	w.t.Helper()
	set := &appsv1.StatefulSet{}
	w.must(w.c.Get(w.ctx, w.key(desired.ChildName(agentName)), set))
	return set
}

func (w *world) lease() *coordinationv1.Lease {
	w.t.Helper()
	lease := &coordinationv1.Lease{}
	w.must(w.c.Get(w.ctx, w.key(desired.ChildName(agentName)), lease))
	return lease
}

func (w *world) condition(kind string) metav1.Condition {
	w.t.Helper()
	c := meta.FindStatusCondition(w.resource().Status.Conditions, kind)
	if c == nil {
		w.t.Fatalf("expected condition %s, found none", kind)
	}
	return *c
}

func (w *world) expectCondition(kind string, status metav1.ConditionStatus, reason string) {
	w.t.Helper()
	if c := w.condition(kind); c.Status != status || c.Reason != reason {
		w.t.Errorf("%s: expected %s %s, found %s %s: %s", kind, status, reason, c.Status, c.Reason, c.Message)
	}
}

// startPod does the StatefulSet controller's and the kubelet's part: a running pod of the current template.
func (w *world) startPod() *corev1.Pod {
	w.t.Helper()
	pod := bootPod(w.t, w.ctx, w.c, w.set())
	return pod
}

// seeSet does the StatefulSet controller's part after a change: it says that it has seen it.
func seeSet(t *testing.T, ctx context.Context, c client.Client, key client.ObjectKey) {
	t.Helper()
	set := &appsv1.StatefulSet{}
	if err := c.Get(ctx, key, set); client.IgnoreNotFound(err) != nil {
		t.Fatal(err)
	}
	if set.Status.ObservedGeneration == set.Generation {
		return
	}
	set.Status.ObservedGeneration = set.Generation
	if err := c.Status().Update(ctx, set); err != nil && !apierrors.IsConflict(err) {
		t.Fatal(err)
	}
}

// bootPod makes the pod of a StatefulSet as its controller and a kubelet would.
func bootPod(t *testing.T, ctx context.Context, c client.Client, set *appsv1.StatefulSet) *corev1.Pod {
	t.Helper()
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: set.Namespace, Name: set.Name + "-0",
			Labels: set.Spec.Template.Labels, Annotations: set.Spec.Template.Annotations,
			OwnerReferences: []metav1.OwnerReference{*metav1.NewControllerRef(set, appsv1.SchemeGroupVersion.WithKind("StatefulSet"))},
		},
		Spec: set.Spec.Template.Spec,
	}
	// A pod without a node would be deleted at once instead of gracefully.
	pod.Spec.NodeName = "node-1"
	if err := c.Create(ctx, pod); err != nil {
		t.Fatal(err)
	}
	pod.Status.Phase = corev1.PodRunning
	pod.Status.ContainerStatuses = []corev1.ContainerStatus{{
		Name: desired.ContainerName, Image: testImage, ImageID: "x", Ready: true,
		State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: metav1.Now()}},
	}}
	if err := c.Status().Update(ctx, pod); err != nil {
		t.Fatal(err)
	}
	return pod
}

func (w *world) pod() *corev1.Pod {
	w.t.Helper()
	pod := &corev1.Pod{}
	w.must(w.c.Get(w.ctx, w.key(desired.PodName(agentName)), pod))
	return pod
}

// endPod does the kubelet's part when a pod has stopped.
func (w *world) endPod() {
	w.t.Helper()
	w.must(w.c.Delete(w.ctx, w.pod(), client.GracePeriodSeconds(0)))
}

// goodReport is a report of a daemon that ticks and holds nothing.
func (w *world) goodReport(pod *corev1.Pod) *v1alpha1.Report {
	return &v1alpha1.Report{
		Version: 1, PodUID: string(pod.UID), BootID: "boot-1", Epoch: 1, UnixMilli: w.clock.Now().UnixMilli(),
		Phase: v1alpha1.PhaseRunning, Engine: "embedded", Tick: 7, Healthy: true, OracleFresh: true,
		Position: v1alpha1.PositionReport{Quantity: "0"},
		Ledger:   w.book.Grow(9).Head(9),
	}
}

// report does the daemon's part: the report, proven from what is asked for or from the report that it replaces, and its holder on the Lease, in one PUT.
func (w *world) report(r *v1alpha1.Report) {
	w.t.Helper()
	if r.Ledger != nil {
		r.Proof = w.prove(r.Ledger)
	}
	w.send(r)
}

func (w *world) prove(head *v1alpha1.LedgerReport) *v1alpha1.ConsistencyProof {
	w.t.Helper()
	lease := w.lease()
	var from v1alpha1.Witnessed
	if text := lease.Annotations[v1alpha1.AnnotationWitnessed]; text != "" {
		w.must(json.Unmarshal([]byte(text), &from))
	} else if before, err := decodeReport(lease.Annotations[v1alpha1.AnnotationReport]); err == nil && before.Ledger != nil {
		from.Size = before.Ledger.Size
	}
	return w.book.Prove(from.Size, head.Size)
}

// send puts a report on the Lease as it is.
func (w *world) send(r *v1alpha1.Report) {
	w.t.Helper()
	encoded, err := json.Marshal(r)
	w.must(err)
	w.annotateLease(string(encoded), ptr.To(r.PodUID+"/"+r.BootID))
}

func (w *world) annotateLease(encoded string, holder *string) {
	w.t.Helper()
	lease := w.lease()
	if lease.Annotations == nil {
		lease.Annotations = map[string]string{}
	}
	lease.Annotations[v1alpha1.AnnotationReport] = encoded
	lease.Spec.HolderIdentity = holder
	w.must(w.c.Update(w.ctx, lease))
}

// running brings the world to a daemon that has reported and to which nothing is left to do.
func (w *world) running(change func(*v1alpha1.TauDaemonSpec)) *corev1.Pod {
	w.t.Helper()
	w.create(change)
	w.settle()
	pod := w.startPod()
	w.report(w.goodReport(pod))
	w.settle()
	return pod
}

// events are the reasons of the Events written so far.
func (w *world) events() []string {
	var all []string
	for {
		select {
		case e := <-w.recorder.Events:
			all = append(all, e)
		default:
			return all
		}
	}
}

func ctrlRequest(w *world) ctrl.Request {
	return ctrl.Request{NamespacedName: w.key(agentName)}
}
