//nolint:contextcheck // a killed process has no context to end with
package lease

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/taudaemon/taudaemon/api/v1alpha1"
)

// TestNeverTwoWithAMargin runs pods that boot, are cut off, stall, are killed and give up, over a network that delays requests and loses them or
// their answers, each with a clock of its own that is up to 4 % wrong. At no time may two of them have a margin, and epochs only grow.
func TestNeverTwoWithAMargin(t *testing.T) {
	rounds := 25
	if testing.Short() {
		rounds = 10
	}
	tenures := 0
	for seed := range uint64(rounds) {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { tenures += world(t, rand.New(rand.NewPCG(seed, 1))) })
		})
	}
	if tenures < 3*rounds {
		t.Errorf("only %d tenures in %d rounds: the test shows nothing", tenures, rounds)
	}
}

func world(t *testing.T, r *rand.Rand) (tenures int) {
	cl := newCluster()
	const pods = 3
	var mu sync.Mutex // over what follows
	var holding [pods]*Held
	var highest int64
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Minute)
	defer cancel()

	ended := make(chan struct{}, pods)
	for p := range pods {
		// Each pod draws from a source of its own: the order of goroutines must not matter.
		r := rand.New(rand.NewPCG(r.Uint64(), uint64(p)))
		net := rand.New(rand.NewPCG(r.Uint64(), uint64(p)))
		go func() {
			defer func() { ended <- struct{}{} }()
			for ctx.Err() == nil {
				o := options(&link{cluster: cl, fault: network(net)}, fmt.Sprint("pod", p))
				o.Duration = time.Duration(5+r.IntN(26)) * time.Second
				o.LedgerLocked = r.IntN(2) == 0
				rate, from := 0.96+0.08*r.Float64(), time.Now()
				o.Clock = func() time.Duration { return time.Duration(rate * float64(time.Since(from))) }
				h, err := Acquire(ctx, o)
				if err != nil {
					return
				}
				mu.Lock()
				if h.Epoch() <= highest {
					t.Errorf("pod %d took epoch %d after %d", p, h.Epoch(), highest)
				}
				highest = h.Epoch()
				tenures++
				holding[p] = h
				mu.Unlock()
				live(ctx, r, h)
				// Killed, or shut down in order. Either way its margin is asked no more: the process is gone.
				mu.Lock()
				holding[p] = nil
				mu.Unlock()
				if r.IntN(2) == 0 {
					crash(h)
				} else {
					giveUp, cancel := context.WithTimeout(ctx, 5*time.Second)
					_ = h.Release(giveUp, v1alpha1.Report{Phase: v1alpha1.PhaseStopped})
					cancel()
				}
				time.Sleep(time.Duration(r.IntN(3000)) * time.Millisecond)
			}
		}()
	}

	for running := pods; running > 0; {
		select {
		case <-ended:
			running--
		case <-time.After(50 * time.Millisecond):
		}
		acting := 0
		mu.Lock()
		for _, h := range holding {
			if h != nil && h.Margin() > 0 {
				acting++
			}
		}
		mu.Unlock()
		if acting > 1 {
			t.Errorf("%d pods may act at once; lease %+v", acting, cl.current().Spec)
			cancel()
		}
	}
	return tenures
}

// live is a tenure: progress, sometimes stalled for longer than the lease lasts, until it ends or is lost.
func live(ctx context.Context, r *rand.Rand, h *Held) {
	for n := r.IntN(600); n > 0 && ctx.Err() == nil && h.Err() == nil; n-- {
		h.Progress()
		time.Sleep(250 * time.Millisecond)
		if r.IntN(150) == 0 {
			time.Sleep(time.Duration(r.IntN(60)) * time.Second)
		}
	}
}

// network loses and delays requests, and is cut now and then.
func network(r *rand.Rand) func(context.Context, string) (error, bool) {
	var mu sync.Mutex // the sender and the watcher ask at once
	var cut time.Time
	return func(ctx context.Context, _ string) (error, bool) {
		mu.Lock()
		what, short, long := r.IntN(40), time.Duration(r.IntN(50))*time.Millisecond, time.Duration(r.IntN(90_000))*time.Millisecond
		if time.Now().Before(cut) {
			what = 3
		} else if what == 0 {
			cut = time.Now().Add(long)
		}
		mu.Unlock()
		switch what {
		case 0:
			return errAway, false
		case 1, 2:
			time.Sleep(long / 10) // a request, or its answer, arrives late, whatever its sender thinks by then
			if ctx.Err() != nil {
				return ctx.Err(), true
			}
		case 3:
			return errAway, short > 35*time.Millisecond
		default:
			time.Sleep(short)
		}
		return nil, false
	}
}
