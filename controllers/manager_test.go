package controllers

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/util/retry"
	"k8s.io/utils/clock"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/config"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"
	"sigs.k8s.io/yaml"

	"github.com/taudaemon/taudaemon/api/v1alpha1"
	"github.com/taudaemon/taudaemon/controllers/desired"
	"github.com/taudaemon/taudaemon/controllers/witness/witnesstest"
	"github.com/taudaemon/taudaemon/hack/envtest"
	"github.com/taudaemon/taudaemon/specs"
)

// idleResources and idleWindow are what the idle cost is measured with.
const (
	idleResources = 100
	idleWindow    = 10 * time.Second
	// patience bounds a wait that a loaded machine makes long; it is no expectation.
	patience = 3 * time.Minute
)

// startManager runs the operator as main does, with its cache, its watches and its workers, and counts every write request that leaves it.
// It sees the fleet's namespace only: the resources of other tests are theirs.
func startManager(t *testing.T, f *fleet, options ...func(*rest.Config)) *writes {
	t.Helper()
	sent := &writes{}
	cfg := envtest.Config(t)
	for _, option := range options {
		option(cfg)
	}
	cfg.Wrap(func(next http.RoundTripper) http.RoundTripper {
		return roundTripper(func(req *http.Request) (*http.Response, error) {
			if req.Method != http.MethodGet {
				sent.add(req.Method + " " + req.URL.Path)
			}
			return next.RoundTrip(req)
		})
	})
	cached := CacheOptions()
	cached.DefaultNamespaces = map[string]cache.Config{f.ns: {}}
	mgr, err := ctrl.NewManager(cfg, ctrl.Options{
		Scheme:     envtest.Scheme(t),
		Cache:      cached,
		Client:     ClientOptions(),
		Metrics:    metricsserver.Options{BindAddress: "0"},
		Controller: config.Controller{SkipNameValidation: ptr.To(true)},
	})
	if err != nil {
		t.Fatal(err)
	}
	r := &Reconciler{
		Client: mgr.GetClient(), Live: mgr.GetAPIReader(), Recorder: mgr.GetEventRecorder(FieldOwner),
		Clock: clock.RealClock{}, Image: testImage, Specs: specs.Bundled(),
	}
	if err := r.SetupWithManager(mgr); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- mgr.Start(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("manager: %v", err)
		}
	})
	if !mgr.GetCache().WaitForCacheSync(ctx) {
		t.Fatal("the cache did not sync")
	}
	return sent
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

// fleet is many resources in one namespace, with the test as their kubelet and their daemons.
type fleet struct {
	t   *testing.T
	ctx context.Context
	c   client.Client
	ns  string
	n   int
	// book is the ledger of every daemon.
	book *witnesstest.Book
}

func newFleet(t *testing.T, n int) *fleet {
	t.Helper()
	cfg := rest.CopyConfig(envtest.Config(t))
	cfg.QPS = -1
	c, err := client.New(cfg, client.Options{Scheme: envtest.Scheme(t)})
	if err != nil {
		t.Fatal(err)
	}
	return &fleet{t: t, ctx: t.Context(), c: c, ns: envtest.Namespace(t), n: n, book: witnesstest.New(t.Name())}
}

func (f *fleet) name(i int) string { return fmt.Sprintf("agent-%d", i) }

func (f *fleet) must(err error) {
	f.t.Helper()
	if err != nil {
		f.t.Fatal(err)
	}
}

// eventually waits for what the manager does on its own.
func (f *fleet) eventually(what string, done func(ctx context.Context) (bool, error)) {
	f.t.Helper()
	if err := wait.PollUntilContextTimeout(f.ctx, 100*time.Millisecond, patience, true, done); err != nil {
		f.t.Fatalf("waiting for %s: %v", what, err)
	}
}

// boot creates the resources, and a running pod and a first report for each as soon as the operator has made their place.
func (f *fleet) boot() {
	f.t.Helper()
	w := &world{t: f.t, ns: f.ns}
	for i := range f.n {
		td := w.manifest()
		td.Name = f.name(i)
		// On a loaded machine a round of reports takes longer than the default lets a report grow old, and that would be written.
		td.Spec.Report.LeaseDuration.Duration = 10 * time.Minute
		f.must(f.c.Create(f.ctx, td))
	}
	for i := range f.n {
		set := &appsv1.StatefulSet{}
		f.eventually("StatefulSet of "+f.name(i), func(ctx context.Context) (bool, error) {
			err := f.c.Get(ctx, client.ObjectKey{Namespace: f.ns, Name: desired.ChildName(f.name(i))}, set)
			return err == nil, client.IgnoreNotFound(err)
		})
		bootPod(f.t, f.ctx, f.c, set)
	}
}

// edit changes the first resource's spec; the operator may write its status meanwhile.
func (f *fleet) edit(change func(*v1alpha1.TauDaemonSpec)) *v1alpha1.TauDaemon {
	f.t.Helper()
	td := &v1alpha1.TauDaemon{}
	f.must(retry.RetryOnConflict(retry.DefaultRetry, func() error {
		if err := f.c.Get(f.ctx, client.ObjectKey{Namespace: f.ns, Name: f.name(0)}, td); err != nil {
			return err
		}
		change(&td.Spec)
		return f.c.Update(f.ctx, td)
	}))
	return td
}

// report has every daemon report a tick.
func (f *fleet) report(tick int64) {
	f.t.Helper()
	f.leases(func(lease *coordinationv1.Lease, pod *corev1.Pod) {
		encoded, err := json.Marshal(&v1alpha1.Report{
			Version: 1, PodUID: string(pod.UID), BootID: "b", Epoch: 1, UnixMilli: time.Now().UnixMilli(), Phase: v1alpha1.PhaseRunning,
			Tick: tick, Healthy: true, OracleFresh: true, Position: v1alpha1.PositionReport{Quantity: "0"},
			Ledger: f.book.Grow(tick).Head(tick), Proof: f.book.Prove(tick-1, tick),
		})
		f.must(err)
		if lease.Annotations == nil {
			lease.Annotations = map[string]string{}
		}
		lease.Annotations[v1alpha1.AnnotationReport] = string(encoded)
		lease.Spec.HolderIdentity = ptr.To(string(pod.UID) + "/b")
	})
	f.eventually(fmt.Sprintf("tick %d in every status", tick), func(ctx context.Context) (bool, error) {
		list := &v1alpha1.TauDaemonList{}
		if err := f.c.List(ctx, list, client.InNamespace(f.ns)); err != nil {
			return false, err
		}
		for _, td := range list.Items {
			if td.Status.Tick != tick || !meta.IsStatusConditionTrue(td.Status.Conditions, v1alpha1.ConditionReady) {
				return false, nil
			}
		}
		return len(list.Items) == f.n, nil
	})
}

// renew has every daemon renew its Lease without a report.
func (f *fleet) renew() {
	f.t.Helper()
	f.leases(func(lease *coordinationv1.Lease, _ *corev1.Pod) { lease.Spec.RenewTime = ptr.To(metav1.NowMicro()) })
}

func (f *fleet) leases(change func(*coordinationv1.Lease, *corev1.Pod)) {
	f.t.Helper()
	for i := range f.n {
		lease, pod := &coordinationv1.Lease{}, &corev1.Pod{}
		f.must(f.c.Get(f.ctx, client.ObjectKey{Namespace: f.ns, Name: desired.PodName(f.name(i))}, pod))
		f.must(f.c.Get(f.ctx, client.ObjectKey{Namespace: f.ns, Name: desired.ChildName(f.name(i))}, lease))
		change(lease, pod)
		f.must(f.c.Update(f.ctx, lease))
	}
}

func TestIdleCost(t *testing.T) {
	f := newFleet(t, idleResources)
	sent := startManager(t, f)
	empty := heap()
	f.boot()
	f.report(1)
	quiet(t, sent)
	full := heap()

	sent.take()
	f.renew()
	<-time.After(idleWindow)
	idle := sent.take()
	if len(idle) != 0 {
		t.Errorf("renewals without a report: expected no write, found %v", idle)
	}
	const reports = 3
	for tick := range int64(reports) {
		f.report(2 + tick)
	}
	quiet(t, sent)
	reported := sent.take()
	if want := reports * idleResources; len(reported) != want {
		t.Errorf("%d reports of %d resources: expected %d writes, found %d: %v", reports, idleResources, want, len(reported), reported)
	}
	t.Logf("idle cost of %d resources: %.1f writes a minute a resource without reports (over %s), %.2f writes a report; "+
		"heap %.1f MiB without resources, %.1f MiB with them (%.0f KiB a resource); %d goroutines",
		idleResources, float64(len(idle))/idleResources*float64(time.Minute)/float64(idleWindow), idleWindow, float64(len(reported))/reports/idleResources,
		mib(empty), mib(full), (mib(full)-mib(empty))*1024/idleResources, runtime.NumGoroutine())
}

// quiet waits until no write was sent for a while: the last passes are over.
func quiet(t *testing.T, sent *writes) {
	t.Helper()
	last := -1
	err := wait.PollUntilContextTimeout(t.Context(), 2*time.Second, patience, true, func(context.Context) (bool, error) {
		now := sent.count()
		same := now == last
		last = now
		return same, nil
	})
	if err != nil {
		t.Fatalf("waiting for the operator to be quiet: %v", err)
	}
}

func heap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func mib(bytes uint64) float64 { return float64(bytes) / (1 << 20) }

func TestManagerSeesAForeignChildThatItsCacheDoesNotHold(t *testing.T) {
	f := newFleet(t, 1)
	startManager(t, f)
	foreign := &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Namespace: f.ns, Name: desired.ChildName(f.name(0))},
		Spec:       corev1.ServiceSpec{Ports: []corev1.ServicePort{{Port: 1}}},
	}
	f.must(f.c.Create(f.ctx, foreign))
	td := (&world{t: t, ns: f.ns}).manifest()
	td.Name = f.name(0)
	f.must(f.c.Create(f.ctx, td))
	f.eventually("Stalled", func(ctx context.Context) (bool, error) {
		err := f.c.Get(ctx, client.ObjectKeyFromObject(td), td)
		c := meta.FindStatusCondition(td.Status.Conditions, v1alpha1.ConditionStalled)
		return c != nil && c.Status == metav1.ConditionTrue && c.Reason == v1alpha1.ReasonNameTaken, err
	})
	if err := f.c.Get(f.ctx, client.ObjectKeyFromObject(foreign), &corev1.ServiceAccount{}); !apierrors.IsNotFound(err) {
		t.Errorf("expected no ServiceAccount, found %v", err)
	}
}

// TestRightsOfTheManifestSuffice lives a whole life with no more rights than config/rbac gives the operator: a verb too few shows here, not in a
// user's cluster.
func TestRightsOfTheManifestSuffice(t *testing.T) {
	const user = "operator-under-test"
	f := newFleet(t, 1)
	root, err := envtest.Root()
	f.must(err)
	manifest, err := os.ReadFile(filepath.Join(root, "config", "rbac", "role.yaml"))
	f.must(err)
	role := &rbacv1.ClusterRole{}
	f.must(yaml.UnmarshalStrict(manifest, role))
	for _, rule := range role.Rules {
		if slices.Contains(rule.Resources, "secrets") || slices.Contains(rule.Resources, "nodes") || slices.Contains(rule.Resources, "*") {
			t.Errorf("expected no verb on secrets, nodes or all, found %v", rule)
		}
	}
	f.must(f.c.Create(f.ctx, role))
	f.must(f.c.Create(f.ctx, &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: user},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: role.Name},
		Subjects:   []rbacv1.Subject{{APIGroup: rbacv1.GroupName, Kind: "User", Name: user}},
	}))
	startManager(t, f, func(cfg *rest.Config) { cfg.Impersonate.UserName = user })
	f.boot()
	f.report(1)

	td := f.edit(func(s *v1alpha1.TauDaemonSpec) {
		s.Economics.FeeBpsBuy = ptr.To(int32(0))
		s.OnStop = v1alpha1.StopFlatten
		s.Quarantine.Acknowledge = "i-1"
	})
	pod := &corev1.Pod{}
	f.eventually("the old pod to terminate", func(ctx context.Context) (bool, error) {
		seeSet(t, ctx, f.c, client.ObjectKey{Namespace: f.ns, Name: desired.ChildName(f.name(0))})
		err := f.c.Get(ctx, client.ObjectKey{Namespace: f.ns, Name: desired.PodName(f.name(0))}, pod)
		return pod.DeletionTimestamp != nil, err
	})
	f.eventually("the acknowledgement on the Lease", func(ctx context.Context) (bool, error) {
		lease := &coordinationv1.Lease{}
		err := f.c.Get(ctx, client.ObjectKey{Namespace: f.ns, Name: desired.ChildName(f.name(0))}, lease)
		return lease.Annotations[v1alpha1.AnnotationCommands] != "", err
	})
	f.eventually("an Event about the rollout", func(ctx context.Context) (bool, error) {
		list := &eventsv1.EventList{}
		err := f.c.List(ctx, list, client.InNamespace(f.ns))
		return slices.ContainsFunc(list.Items, func(e eventsv1.Event) bool { return e.Reason == "Rolled" && e.Regarding.Name == td.Name }), err
	})
	f.must(f.c.Delete(f.ctx, pod, client.GracePeriodSeconds(0)))
	set := &appsv1.StatefulSet{}
	f.must(f.c.Get(f.ctx, client.ObjectKey{Namespace: f.ns, Name: desired.ChildName(f.name(0))}, set))
	bootPod(t, f.ctx, f.c, set)
	f.eventually("the old ConfigMap to be pruned", func(ctx context.Context) (bool, error) {
		list := &corev1.ConfigMapList{}
		err := f.c.List(ctx, list, client.InNamespace(f.ns), client.MatchingLabels{desired.LabelName: f.name(0)})
		return len(list.Items) == 1, err
	})
	f.edit(func(s *v1alpha1.TauDaemonSpec) { s.OnStop = v1alpha1.StopKeep })
	f.must(f.c.Delete(f.ctx, td))
	f.eventually("the resource to be gone", func(ctx context.Context) (bool, error) {
		err := f.c.Get(ctx, client.ObjectKeyFromObject(td), td)
		return apierrors.IsNotFound(err), client.IgnoreNotFound(err)
	})
}
