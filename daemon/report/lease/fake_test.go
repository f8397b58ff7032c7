package lease

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"testing"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"

	"github.com/taudaemon/taudaemon/api/v1alpha1"
)

var errAway = errors.New("connection refused")

// cluster is an API server with one Lease, for use inside a synctest bubble.
type cluster struct {
	mu       sync.Mutex
	lease    *coordinationv1.Lease // nil: there is none
	version  int
	puts     []put
	watchers map[*watcher]bool
}

// put is a successful Update.
type put struct {
	at    time.Time
	lease *coordinationv1.Lease
}

// link is one client's way to the cluster.
type link struct {
	*cluster
	// fault, if set, is asked before a request ("get", "put", "watch") and before its answer ("answer"): it may sleep. lost says that the request
	// arrives but its answer does not.
	fault func(ctx context.Context, verb string) (err error, lost bool)
}

type watcher struct {
	c  *cluster
	ch chan watch.Event
}

func (w *watcher) ResultChan() <-chan watch.Event { return w.ch }
func (w *watcher) Stop() {
	w.c.mu.Lock()
	defer w.c.mu.Unlock()
	delete(w.c.watchers, w)
}

func newCluster() *cluster {
	c := &cluster{watchers: map[*watcher]bool{}}
	c.edit(func(l *coordinationv1.Lease) { l.Name, l.Namespace = "eth-usd-taud", "trading" })
	return c
}

// edit changes the Lease as somebody else would.
func (c *cluster) edit(f func(*coordinationv1.Lease)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	l := &coordinationv1.Lease{}
	if c.lease != nil {
		l = c.lease.DeepCopy()
	}
	f(l)
	c.store(l)
}

func (c *cluster) store(l *coordinationv1.Lease) {
	c.version++
	l.ResourceVersion = strconv.Itoa(c.version)
	c.lease = l
	for w := range c.watchers {
		w.ch <- watch.Event{Type: watch.Modified, Object: l.DeepCopy()}
	}
}

func (c *cluster) delete() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.version++
	gone := c.lease
	gone.ResourceVersion = strconv.Itoa(c.version)
	c.lease = nil
	for w := range c.watchers {
		w.ch <- watch.Event{Type: watch.Deleted, Object: gone.DeepCopy()}
	}
}

func (c *cluster) current() *coordinationv1.Lease {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.lease.DeepCopy()
}

// report decodes the annotation that the operator would read.
func (c *cluster) report(t *testing.T) *v1alpha1.Report {
	t.Helper()
	return reportOf(t, c.current())
}

func (c *cluster) putCount() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.puts)
}

// set changes the fault while clients run.
func (l *link) set(fault func(context.Context, string) (error, bool)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.fault = fault
}

func (l *link) ask(ctx context.Context, verb string) (error, bool) {
	l.mu.Lock()
	fault := l.fault
	l.mu.Unlock()
	if fault != nil {
		if err, lost := fault(ctx, verb); err != nil {
			return err, lost
		}
	}
	return ctx.Err(), false
}

var leases = schema.GroupResource{Group: "coordination.k8s.io", Resource: "leases"}

func (l *link) Get(ctx context.Context) (*coordinationv1.Lease, error) {
	if err, _ := l.ask(ctx, "get"); err != nil {
		return nil, err
	}
	found := l.current()
	if err, _ := l.ask(ctx, "answer"); err != nil {
		return nil, err
	}
	if found == nil {
		return nil, apierrors.NewNotFound(leases, "eth-usd-taud")
	}
	return found, nil
}

func (l *link) Update(ctx context.Context, in *coordinationv1.Lease) (*coordinationv1.Lease, error) {
	err, lost := l.ask(ctx, "put")
	if err != nil && !lost {
		return nil, err
	}
	stored, refused := l.swap(in)
	if lost {
		return nil, err
	}
	if err, _ := l.ask(ctx, "answer"); err != nil {
		return nil, err
	}
	return stored, refused
}

// swap replaces the Lease if in was made from the present one.
func (c *cluster) swap(in *coordinationv1.Lease) (*coordinationv1.Lease, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.lease == nil:
		return nil, apierrors.NewNotFound(leases, "eth-usd-taud")
	case in.ResourceVersion != c.lease.ResourceVersion:
		return nil, apierrors.NewConflict(leases, "eth-usd-taud", errors.New("the object has been modified"))
	}
	stored := in.DeepCopy()
	c.store(stored)
	c.puts = append(c.puts, put{time.Now(), stored.DeepCopy()})
	return stored.DeepCopy(), nil
}

func (l *link) Watch(ctx context.Context) (watch.Interface, error) {
	if err, _ := l.ask(ctx, "watch"); err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	// More room than any test fills, so that store never blocks with the lock held.
	w := &watcher{c: l.cluster, ch: make(chan watch.Event, 10000)}
	if l.lease != nil {
		w.ch <- watch.Event{Type: watch.Added, Object: l.lease.DeepCopy()}
	}
	l.watchers[w] = true
	return w, nil
}

// bootClock stands in for CLOCK_BOOTTIME in a bubble: the bubble's time since it was made.
func bootClock() func() time.Duration {
	start := time.Now()
	return func() time.Duration { return time.Since(start) }
}

func options(api API, pod string) Options {
	return Options{
		API: api, PodUID: pod, BootID: NewBootID(), LedgerLocked: true,
		Duration: 30 * time.Second, ReportInterval: 10 * time.Second, Clock: bootClock(),
	}
}

func acquire(t *testing.T, o Options) *Held {
	t.Helper()
	h, err := Acquire(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// crash ends a tenure as a killed process would: nothing is given back.
func crash(h *Held) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_ = h.Release(ctx, v1alpha1.Report{})
}

// heldBy gives the Lease to another.
func heldBy(holder string, epoch int32, seconds int32) func(*coordinationv1.Lease) {
	return func(l *coordinationv1.Lease) {
		now := metav1.NewMicroTime(time.Now())
		l.Spec = coordinationv1.LeaseSpec{HolderIdentity: &holder, LeaseTransitions: &epoch, LeaseDurationSeconds: &seconds, RenewTime: &now}
	}
}
