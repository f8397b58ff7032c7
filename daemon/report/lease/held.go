package lease

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/resourceversion"
	"k8s.io/apimachinery/pkg/watch"

	"github.com/taudaemon/taudaemon/api/v1alpha1"
)

// Held is the Tenure of a Lease. One goroutine sends and one watches, until Release or the loss.
type Held struct {
	o  Options
	me self

	deadline atomic.Int64 // on o.Clock, in ns
	ended    atomic.Pointer[error]
	commands atomic.Pointer[v1alpha1.Commands]
	changed  chan struct{}

	attesting atomic.Bool // one at a time, also one that was given up

	kick   chan struct{} // wakes the sender: what is due may have changed
	seen   chan *coordinationv1.Lease
	cancel context.CancelFunc
	done   sync.WaitGroup

	mu       sync.Mutex
	progress bool             // since the last renewal was sent
	pending  *v1alpha1.Report // to be sent
	sent     *v1alpha1.Report // sent last

	// Of the sender's goroutine alone (Release takes over once it has ended).
	latest      *coordinationv1.Lease
	badCommands string
	provenFrom  int64 // of the report sent last
	failing     bool  // the last PUT or read failed: said once, not once a second
	at          schedule
}

func newHeld(o Options, me self, l *coordinationv1.Lease, sent time.Duration) *Held {
	ctx, cancel := context.WithCancel(context.Background())
	h := &Held{
		o: o, me: me,
		changed: make(chan struct{}, 1),
		kick:    make(chan struct{}, 1),
		seen:    make(chan *coordinationv1.Lease),
		cancel:  cancel,
		at:      schedule{tried: sent, renewed: sent, reported: sent},
	}
	h.commands.Store(&v1alpha1.Commands{})
	h.deadline.Store(int64(sent + o.Duration))
	h.take(l)
	h.done.Go(func() { h.send(ctx) })
	h.done.Go(func() { h.watch(ctx) })
	return h
}

// Epoch implements Fence.
func (h *Held) Epoch() int64 { return h.me.epoch }

// Margin implements Fence.
func (h *Held) Margin() time.Duration {
	if h.ended.Load() != nil {
		return 0
	}
	return time.Duration(h.deadline.Load()) - h.o.Clock()
}

// Commands implements Fence.
func (h *Held) Commands() v1alpha1.Commands { return *h.commands.Load() }

// Changed implements Fence.
func (h *Held) Changed() <-chan struct{} { return h.changed }

// Err implements Fence.
func (h *Held) Err() error {
	if e := h.ended.Load(); e != nil {
		return *e
	}
	return nil
}

// Progress implements Tenure.
func (h *Held) Progress() {
	h.mu.Lock()
	first := !h.progress
	h.progress = true
	h.mu.Unlock()
	if first {
		wake(h.kick)
	}
}

// Publish implements Tenure.
func (h *Held) Publish(r v1alpha1.Report) {
	r = h.stamp(r)
	h.mu.Lock()
	h.pending, h.progress = &r, true
	h.mu.Unlock()
	wake(h.kick)
}

func (h *Held) stamp(r v1alpha1.Report) v1alpha1.Report {
	r.Version, r.PodUID, r.BootID, r.Epoch = 1, h.me.podUID, h.me.bootID, h.me.epoch
	if r.Ledger != nil {
		r.Ledger = new(*r.Ledger)
	}
	return r
}

// send is the one goroutine that writes to the Lease.
func (h *Held) send(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for h.Err() == nil {
		h.mu.Lock()
		w := wants{renewal: h.progress, report: h.pending != nil}
		w.urgent = w.report && (urgent(h.sent, *h.pending) || h.asked())
		h.mu.Unlock()
		if at, ok := h.at.next(w, h.o.Duration, h.o.ReportInterval); ok {
			// The timer's clock stops in a suspend. That makes it late, never early, and Progress wakes us in any case.
			timer.Reset(max(at-h.o.Clock(), 0))
		} else {
			timer.Stop()
		}
		select {
		case <-ctx.Done():
			return
		case <-h.kick:
		case l := <-h.seen:
			h.look(l)
		case <-timer.C:
			h.put(ctx)
		}
	}
}

// put renews the Lease, with the pending report if there is one.
func (h *Held) put(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout(h.o.Duration))
	defer cancel()

	h.mu.Lock()
	report := h.pending
	h.progress = false
	h.mu.Unlock()

	from := provenFrom(h.latest)
	next := h.renewal(report, from)
	sent := h.o.Clock()
	h.at.tried = sent
	stored, err := h.o.API.Update(ctx, next)
	if err != nil {
		h.mu.Lock()
		h.progress = true // it still stands for a renewal
		h.mu.Unlock()
		h.refused(ctx, err)
		return
	}

	// From the send time on, not the answer's: another that waits for us began no earlier than the server stored this.
	h.deadline.Store(int64(sent + h.o.Duration))
	h.at.renewed = sent
	if h.failing {
		h.failing = false
		h.o.Log.Info("Lease renewed again", "margin", h.Margin().String())
	}
	if report != nil {
		h.at.reported, h.provenFrom = sent, from
		h.mu.Lock()
		h.sent = report
		if h.pending == report {
			h.pending = nil
		}
		h.mu.Unlock()
	}
	h.take(stored)
}

// renewal is the Lease as it shall be: the freshest one known, so that the operator's annotations stay as they are. If that is not the present one, the
// PUT conflicts.
func (h *Held) renewal(report *v1alpha1.Report, from int64) *coordinationv1.Lease {
	l := h.latest.DeepCopy()
	l.Spec.RenewTime = new(metav1.NewMicroTime(time.Now()))
	if report == nil {
		return l
	}
	s, err := encode(h.attested(*report, from))
	if err != nil {
		// The Lease is worth more than the report.
		h.o.Log.Error(err, "report not sent")
		return l
	}
	if l.Annotations == nil {
		l.Annotations = map[string]string{}
	}
	l.Annotations[v1alpha1.AnnotationReport] = s
	return l
}

// refused deals with a PUT that failed. After a conflict the Lease itself says whether it is still ours.
func (h *Held) refused(ctx context.Context, err error) {
	if apierrors.IsConflict(err) {
		var l *coordinationv1.Lease
		if l, err = h.o.API.Get(ctx); err == nil {
			h.take(l)
			return
		}
	}
	if !h.failing && h.Err() == nil {
		h.failing = true
		h.o.Log.Error(err, "Lease not renewed, trying on", "margin", h.Margin().String())
	}
}

// look takes a Lease from the watch, which may lag behind what was read or written since.
func (h *Held) look(l *coordinationv1.Lease) {
	if c, err := resourceversion.CompareResourceVersion(l.ResourceVersion, h.latest.ResourceVersion); err == nil && c > 0 {
		h.take(l)
	}
}

// take makes l the freshest Lease known.
func (h *Held) take(l *coordinationv1.Lease) {
	h.latest = l
	if ok, why := mine(l, h.me); !ok {
		err := fmt.Errorf("%w: %s", ErrLost, why)
		h.end(err)
		h.o.Log.Error(err, "this process must not act again")
		return
	}
	c, err := commandsOf(l.Annotations)
	if err != nil {
		// The commands last understood stay in force: to forget one is not what the operator meant.
		if s := err.Error(); s != h.badCommands {
			h.badCommands = s
			h.o.Log.Error(err, "commands not understood")
		}
		return
	}
	h.badCommands = ""
	if c != *h.commands.Load() {
		h.commands.Store(&c)
		wake(h.changed)
	}
}

// end closes the fence for good.
func (h *Held) end(err error) {
	if h.ended.CompareAndSwap(nil, &err) {
		h.cancel()
		wake(h.changed)
	}
}

// watch hands every state of the Lease to the sender, so that commands arrive between two renewals.
func (h *Held) watch(ctx context.Context) {
	pause := minGap
	for ctx.Err() == nil {
		err := h.watchOnce(ctx)
		if err == nil {
			pause = minGap
		} else if ctx.Err() == nil {
			// Commands come late, with the next conflict, but they come.
			h.o.Log.Info("watch of the Lease failed", "why", err.Error(), "again", pause.String())
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
		if err != nil {
			pause = min(2*pause, maxWatchPause)
		}
	}
}

func (h *Held) watchOnce(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, watchTimeout+10*time.Second)
	defer cancel()
	w, err := h.o.API.Watch(ctx)
	if err != nil {
		return err
	}
	defer w.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case e, open := <-w.ResultChan():
			if !open {
				return nil
			}
			l, ok := e.Object.(*coordinationv1.Lease)
			if !ok {
				return apierrors.FromObject(e.Object)
			}
			if e.Type == watch.Deleted {
				// The deadline stands; the operator makes a new one, whose empty holder ends this tenure.
				h.o.Log.Info("the Lease was deleted", "margin", h.Margin().String())
				continue
			}
			select {
			case h.seen <- l:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	}
}

// wake leaves a wake-up for a reader who is not waiting right now.
func wake(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
