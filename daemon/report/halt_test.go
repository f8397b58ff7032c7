package report

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/taudaemon/taudaemon/api/v1alpha1"
	"github.com/taudaemon/taudaemon/daemon/report/lease"
)

// halt runs Halt until the returned function is called, which waits for its end.
func halt(h Halted) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		Halt(ctx, h)
	}()
	return func() {
		cancel()
		<-done
	}
}

func damaged() v1alpha1.Report {
	return v1alpha1.Report{Reason: "LedgerDamaged", Message: "segment 0, offset 9", Tick: 41, Healthy: true}
}

func newFence() *fence {
	return &fence{margin: time.Second, published: make(chan v1alpha1.Report, 100), released: make(chan v1alpha1.Report, 1)}
}

func TestHaltReportsAndAnswersUntilItsEnd(t *testing.T) {
	for _, c := range []struct {
		name string
		give func(*Halted, *fence)
	}{
		{"with the tenure of the loop that failed", func(h *Halted, f *fence) { h.Tenure = f }},
		{"with one that it gets itself", func(h *Halted, f *fence) {
			h.Acquire = func(context.Context) (lease.Tenure, error) { return f, nil }
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, f := start(t), newFence()
			h := Halted{Report: damaged(), Server: s}
			c.give(&h, f)
			stop := halt(h)
			for range 2 { // again and again, or the report would go stale
				r := <-f.published
				if r.Phase != v1alpha1.PhaseHalted || r.Reason != "LedgerDamaged" || r.Healthy || r.Tick != 41 || r.UnixMilli == 0 {
					t.Errorf("published %+v", r)
				}
			}
			if code, body := get(t, s, "/livez"); code != 200 {
				t.Errorf("livez: %d %s", code, body)
			}
			if code, body := get(t, s, "/readyz"); code != 503 || body != "halted: LedgerDamaged: segment 0, offset 9\n" {
				t.Errorf("readyz: %d %q", code, body)
			}
			if _, body := get(t, s, "/statusz"); !strings.Contains(body, `"reason": "LedgerDamaged"`) {
				t.Errorf("statusz: %s", body)
			}
			stop()
			if r := <-f.released; r.Phase != v1alpha1.PhaseHalted {
				t.Errorf("released with %+v", r)
			}
		})
	}
}

func TestHaltAnswersWithoutALease(t *testing.T) {
	for name, acquire := range map[string]func(context.Context) (lease.Tenure, error){
		"outside Kubernetes":     nil,
		"when there is none":     func(context.Context) (lease.Tenure, error) { return nil, errors.New("no Lease to be had") },
		"while it waits for one": func(ctx context.Context) (lease.Tenure, error) { <-ctx.Done(); return nil, ctx.Err() },
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t)
			waiting := make(chan struct{})
			h := Halted{Report: damaged(), Server: s}
			if acquire == nil {
				close(waiting)
			} else {
				h.Acquire = func(ctx context.Context) (lease.Tenure, error) {
					close(waiting)
					return acquire(ctx)
				}
			}
			s.Set(Snapshot{Report: v1alpha1.Report{Phase: v1alpha1.PhaseHalted, Reason: "LedgerDamaged", Message: "segment 0, offset 9"}})
			stop := halt(h)
			<-waiting
			if code, body := get(t, s, "/readyz"); code != 503 || !strings.HasPrefix(body, "halted: LedgerDamaged") {
				t.Errorf("readyz: %d %q", code, body)
			}
			stop()
		})
	}
}

// ordered is a fence whose commands the test sets.
type ordered struct {
	*fence
	commands atomic.Pointer[v1alpha1.Commands]
}

func (f *ordered) Commands() v1alpha1.Commands { return *f.commands.Load() }

func TestAHaltThatWasOrderedEndsWhenTheOrderIsTakenBack(t *testing.T) {
	for name, test := range map[string]struct {
		ordered bool
		ends    bool
	}{"ordered": {true, true}, "for a reason of its own": {false, false}} {
		t.Run(name, func(t *testing.T) {
			s, f := start(t), &ordered{fence: newFence()}
			f.commands.Store(&v1alpha1.Commands{Halt: "LedgerRollback"})
			again := make(chan bool)
			ctx, cancel := context.WithCancel(context.Background())
			defer cancel()
			go func() { again <- Halt(ctx, Halted{Report: damaged(), Server: s, Tenure: f, Ordered: test.ordered}) }()
			<-f.published
			<-f.published // it stays as long as the order does
			f.commands.Store(&v1alpha1.Commands{})
			if !test.ends {
				<-f.published
				<-f.published
				cancel()
			}
			if boots := <-again; boots != test.ends {
				t.Errorf("expected the daemon to boot anew: %t, found %t", test.ends, boots)
			}
			if r := <-f.released; r.Phase != v1alpha1.PhaseHalted {
				t.Errorf("released with %+v", r)
			}
		})
	}
}

func TestAPersonsHaltEndsWhenItIsReleased(t *testing.T) {
	s, f := start(t), newFence()
	var released atomic.Bool
	again := make(chan bool)
	go func() {
		again <- Halt(t.Context(), Halted{Report: damaged(), Server: s, Tenure: f, Released: released.Load})
	}()
	<-f.published
	<-f.published // it stays until then
	released.Store(true)
	if !<-again {
		t.Error("expected the daemon to boot anew")
	}
	if r := <-f.released; r.Phase != v1alpha1.PhaseHalted {
		t.Errorf("released with %+v", r)
	}
}
