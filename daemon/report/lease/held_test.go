//nolint:contextcheck // helpers take the context of the test, whose bubble ends before it
package lease

import (
	"context"
	"errors"
	"math"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"

	"github.com/taudaemon/taudaemon/api/v1alpha1"
)

// beat makes progress four times a second until the test ends, as the tick loop does.
func beat(ctx context.Context, h *Held) {
	for ctx.Err() == nil {
		h.Progress()
		select {
		case <-ctx.Done():
		case <-time.After(250 * time.Millisecond):
		}
	}
}

// bubble runs f in virtual time, and gives it a context that ends before the bubble does.
func bubble(t *testing.T, f func(t *testing.T, ctx context.Context)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		f(t, ctx)
	})
}

func TestAcquire(t *testing.T) {
	for _, c := range []struct {
		name   string
		before func(*coordinationv1.Lease)
		change func(*Options)
		epoch  int64
		after  time.Duration
	}{
		{"a new lease at once", func(*coordinationv1.Lease) {}, nil, 1, 0},
		{"a released lease at once, above its epoch", heldBy("", 6, 30), nil, 7, 0},
		{"above the ledger's epoch, when that is higher", heldBy("", 6, 30), func(o *Options) { o.AtLeast = 40 }, 41, 0},
		{"a dead boot of the same pod at once", heldBy("pod/old", 6, 30), nil, 7, 0},
		{"a dead boot of the same pod after its time, without the ledger's lock", heldBy("pod/old", 6, 30), func(o *Options) { o.LedgerLocked = false }, 7, 33 * time.Second},
		{"another's after its duration and a tenth", heldBy("other/b", 6, 30), nil, 7, 33 * time.Second},
		{"another's longer one after that", heldBy("other/b", 6, 60), nil, 7, 66 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, func(t *testing.T, ctx context.Context) {
				cl := newCluster()
				cl.edit(c.before)
				o := options(&link{cluster: cl}, "pod")
				if c.change != nil {
					c.change(&o)
				}
				start := time.Now()
				h := acquire(t, o)
				defer crash(h)
				if took := time.Since(start); took != c.after {
					t.Errorf("took %v, want %v", took, c.after)
				}
				l := cl.current()
				if h.Epoch() != c.epoch || int64(*l.Spec.LeaseTransitions) != c.epoch || *l.Spec.HolderIdentity != "pod/"+o.BootID || *l.Spec.LeaseDurationSeconds != 30 {
					t.Errorf("epoch %d, lease %+v; want epoch %d held by %q", h.Epoch(), l.Spec, c.epoch, "pod/"+o.BootID)
				}
				if h.Margin() != 30*time.Second || h.Err() != nil {
					t.Errorf("margin %v, err %v", h.Margin(), h.Err())
				}
			})
		})
	}
}

func TestAcquireWaitsAnewWhenTheHolderRenews(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		cl := newCluster()
		cl.edit(heldBy("other/b", 6, 30))
		time.AfterFunc(20*time.Second, func() { cl.edit(heldBy("other/b", 6, 30)) })
		start := time.Now()
		h := acquire(t, options(&link{cluster: cl}, "pod"))
		defer crash(h)
		// Seen by a poll at most a second after the renewal.
		if took := time.Since(start); took < 53*time.Second || took > 54*time.Second {
			t.Errorf("took %v, want 53s to 54s", took)
		}
	})
}

func TestAcquireCountsFromTheAnswerNotTheQuestion(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		cl := newCluster()
		first := true
		start := time.Now()
		h := acquire(t, options(&link{cluster: cl, fault: func(_ context.Context, verb string) (error, bool) {
			if first {
				// The holder renews while our question is on its way to the server.
				first = false
				time.Sleep(4 * time.Second)
				cl.edit(heldBy("other/b", 6, 30))
			}
			return nil, false
		}}, "pod"))
		defer crash(h)
		if took := time.Since(start); took != 37*time.Second {
			t.Errorf("took %v, want 37s", took)
		}
	})
}

func TestAcquireTakesALeaseSoonAfterItsRelease(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		cl := newCluster()
		cl.edit(heldBy("other/b", 6, 600))
		time.AfterFunc(20*time.Second, func() { cl.edit(heldBy("", 6, 600)) })
		start := time.Now()
		defer crash(acquire(t, options(&link{cluster: cl}, "pod")))
		if took := time.Since(start); took < 20*time.Second || took > 21*time.Second {
			t.Errorf("took %v, want 20s to 21s", took)
		}
	})
}

func TestAcquireWaitsForTheLeaseAndSaysWhy(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		cl := newCluster()
		cl.delete()
		var away atomic.Bool
		away.Store(true)
		api := &link{cluster: cl, fault: func(context.Context, string) (error, bool) {
			if away.Load() {
				return errAway, false
			}
			return nil, false
		}}
		time.AfterFunc(10*time.Second, func() { away.Store(false) })
		time.AfterFunc(30*time.Second, func() { cl.edit(func(*coordinationv1.Lease) {}) })
		var why []string
		o := options(api, "pod")
		o.Waiting = func(s string) { why = append(why, s) }
		defer crash(acquire(t, o))
		if len(why) != 2 || !strings.Contains(why[0], "connection refused") || !strings.Contains(why[1], "does not exist") {
			t.Errorf("said %q", why)
		}
	})
}

func TestAcquireEndsWithItsContext(t *testing.T) {
	bubble(t, func(t *testing.T, _ context.Context) {
		cl := newCluster()
		cl.edit(heldBy("other/b", 6, 600))
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		_, err := Acquire(ctx, options(&link{cluster: cl}, "pod"))
		if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), `held by "other/b" at epoch 6`) {
			t.Errorf("got %v", err)
		}
		if cl.putCount() != 0 {
			t.Error("wrote to another's Lease")
		}
	})
}

func TestAcquireFailsWithoutAnEpochLeft(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		cl := newCluster()
		cl.edit(heldBy("", math.MaxInt32, 30))
		if _, err := Acquire(ctx, options(&link{cluster: cl}, "pod")); err == nil || !strings.Contains(err.Error(), "no epoch left") {
			t.Errorf("got %v", err)
		}
	})
}

func TestAcquireRefusesBadOptions(t *testing.T) {
	for name, change := range map[string]func(*Options){
		"an API":                     func(o *Options) { o.API = nil },
		"a pod UID":                  func(o *Options) { o.PodUID = "" },
		"a duration of at least 1s":  func(o *Options) { o.Duration = time.Millisecond },
		"a report interval of at le": func(o *Options) { o.ReportInterval = 0 },
	} {
		o := options(&link{cluster: newCluster()}, "pod")
		change(&o)
		if _, err := Acquire(t.Context(), o); err == nil || !strings.Contains(err.Error(), "expected "+name) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestAcquireKeepsTheEpochWhoseAnswerWasLost(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		cl := newCluster()
		lost := false
		h := acquire(t, options(&link{cluster: cl, fault: func(_ context.Context, verb string) (error, bool) {
			if verb == "put" && !lost {
				lost = true
				return errAway, true
			}
			return nil, false
		}}, "pod"))
		defer crash(h)
		if h.Epoch() != 1 || cl.putCount() != 2 {
			t.Errorf("epoch %d after %d writes, want 1 after 2", h.Epoch(), cl.putCount())
		}
	})
}

func TestRenewalKeepsTheMarginAboveTwoThirds(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		cl := newCluster()
		h := acquire(t, options(&link{cluster: cl}, "pod"))
		defer crash(h)
		go beat(ctx, h)
		for range 200 {
			time.Sleep(time.Second)
			if m := h.Margin(); m < 20*time.Second-time.Millisecond {
				t.Fatalf("margin %v", m)
			}
		}
		// The taking, and one renewal every ten seconds.
		if n := cl.putCount(); n < 20 || n > 21 {
			t.Errorf("%d writes in 200 s, want 20 or 21", n)
		}
	})
}

func TestDeadlineCountsFromTheSendTime(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		cl := newCluster()
		var slow atomic.Int64
		h := acquire(t, options(&link{cluster: cl, fault: func(_ context.Context, verb string) (error, bool) {
			if verb == "put" {
				time.Sleep(time.Duration(slow.Load()))
			}
			return nil, false
		}}, "pod"))
		defer crash(h)
		slow.Store(int64(4 * time.Second))
		time.Sleep(10*time.Second - time.Millisecond)
		h.Progress() // sent at 10 s, answered at 14 s
		time.Sleep(5 * time.Second)
		if got, want := h.Margin(), 25*time.Second+time.Millisecond; got != want {
			t.Errorf("margin %v, want %v", got, want)
		}
	})
}

func TestWithoutProgressTheLeaseRunsOut(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		cl := newCluster()
		h := acquire(t, options(&link{cluster: cl}, "pod"))
		defer crash(h)
		time.Sleep(31 * time.Second)
		if h.Margin() > 0 || cl.putCount() != 1 {
			t.Fatalf("margin %v after %d writes; want none left after 1", h.Margin(), cl.putCount())
		}
		// Nobody took it meanwhile: the compare-and-swap of the next renewal proves that.
		h.Progress()
		synctest.Wait()
		if h.Margin() != 30*time.Second || h.Err() != nil {
			t.Errorf("margin %v, err %v after progress", h.Margin(), h.Err())
		}
	})
}

func TestOneSignOfLifeIsGoodForTriesUntilOneSucceeds(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		cl := newCluster()
		h := acquire(t, options(&link{cluster: cl}, "pod"))
		defer crash(h)
		h.o.API.(*link).set(func(_ context.Context, verb string) (error, bool) { return errAway, false })
		h.Progress()
		time.Sleep(15 * time.Second)
		h.o.API.(*link).set(nil)
		time.Sleep(time.Second)
		synctest.Wait()
		if m := h.Margin(); m < 29*time.Second {
			t.Errorf("margin %v", m)
		}
	})
}

func TestAWatchThatLagsChangesNothing(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		cl := newCluster()
		h := acquire(t, options(&link{cluster: cl}, "pod"))
		defer crash(h)
		old := cl.current()
		cl.edit(func(l *coordinationv1.Lease) {
			l.Annotations = map[string]string{v1alpha1.AnnotationCommands: `{"flatten":true}`}
		})
		synctest.Wait()
		old.Spec.HolderIdentity = new("before/us")
		h.seen <- old
		synctest.Wait()
		if !h.Commands().Flatten || h.Err() != nil {
			t.Errorf("commands %+v, err %v", h.Commands(), h.Err())
		}
	})
}

func TestOutageOfTheAPI(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		cl := newCluster()
		var away atomic.Bool
		h := acquire(t, options(&link{cluster: cl, fault: func(ctx context.Context, _ string) (error, bool) {
			if !away.Load() {
				return nil, false
			}
			<-ctx.Done() // packets vanish
			return ctx.Err(), false
		}}, "pod"))
		defer crash(h)
		go beat(ctx, h)
		away.Store(true)
		time.Sleep(29 * time.Second)
		if h.Margin() <= 0 {
			t.Errorf("margin %v within the duration", h.Margin())
		}
		time.Sleep(time.Second)
		if h.Margin() > 0 {
			t.Errorf("margin %v past the deadline", h.Margin())
		}
		away.Store(false)
		time.Sleep(7 * time.Second)
		if h.Margin() < 20*time.Second || h.Err() != nil {
			t.Errorf("margin %v, err %v after the outage", h.Margin(), h.Err())
		}
	})
}

func TestLostForEver(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(cl *cluster)
	}{
		{"when another takes it", func(cl *cluster) { cl.edit(heldBy("other/b", 2, 30)) }},
		{"when somebody empties it", func(cl *cluster) { cl.edit(heldBy("", 1, 30)) }},
		{"when its epoch changes", func(cl *cluster) {
			cl.edit(func(l *coordinationv1.Lease) { l.Spec.LeaseTransitions = new(int32(9)) })
		}},
		{"when it is deleted and made anew", func(cl *cluster) {
			cl.delete()
			cl.edit(heldBy("", 1, 30))
		}},
	} {
		for _, watching := range []bool{true, false} {
			name := c.name + map[bool]string{true: ", told by the watch", false: ", found by a conflict"}[watching]
			t.Run(name, func(t *testing.T) {
				bubble(t, func(t *testing.T, ctx context.Context) {
					cl := newCluster()
					h := acquire(t, options(&link{cluster: cl, fault: func(_ context.Context, verb string) (error, bool) {
						if verb == "watch" && !watching {
							return errAway, false
						}
						return nil, false
					}}, "pod"))
					defer crash(h)
					go beat(ctx, h)
					synctest.Wait()
					original := cl.current()
					c.change(cl)
					select {
					case <-h.Changed():
					case <-time.After(11 * time.Second):
						t.Fatal("not noticed")
					}
					if !errors.Is(h.Err(), ErrLost) || h.Margin() > 0 {
						t.Fatalf("err %v, margin %v", h.Err(), h.Margin())
					}
					// Also if the Lease says our name again.
					cl.edit(func(l *coordinationv1.Lease) { l.Spec = original.Spec })
					n := cl.putCount()
					h.Publish(v1alpha1.Report{})
					time.Sleep(time.Minute)
					if !errors.Is(h.Err(), ErrLost) || h.Margin() > 0 || cl.putCount() != n {
						t.Errorf("err %v, margin %v, %d more writes", h.Err(), h.Margin(), cl.putCount()-n)
					}
					if err := h.Release(ctx, v1alpha1.Report{}); !errors.Is(err, ErrLost) || cl.putCount() != n {
						t.Errorf("release: %v, %d more writes", err, cl.putCount()-n)
					}
				})
			})
		}
	}
}

func TestCommands(t *testing.T) {
	for _, watching := range []bool{true, false} {
		t.Run(map[bool]string{true: "arrive at once by the watch", false: "arrive with the next renewal without it"}[watching], func(t *testing.T) {
			bubble(t, func(t *testing.T, ctx context.Context) {
				cl := newCluster()
				h := acquire(t, options(&link{cluster: cl, fault: func(_ context.Context, verb string) (error, bool) {
					if verb == "watch" && !watching {
						return errAway, false
					}
					return nil, false
				}}, "pod"))
				defer crash(h)
				go beat(ctx, h)
				synctest.Wait()
				const said = `{"acknowledge":"i-7","flatten":true}`
				cl.edit(func(l *coordinationv1.Lease) { l.Annotations = map[string]string{v1alpha1.AnnotationCommands: said} })
				want := v1alpha1.Commands{Acknowledge: "i-7", Flatten: true}
				if watching {
					synctest.Wait()
				} else {
					time.Sleep(11 * time.Second)
				}
				if got := h.Commands(); got != want {
					t.Fatalf("got %+v, want %+v", got, want)
				}
				select {
				case <-h.Changed():
				default:
					t.Error("no wake-up")
				}
				h.Publish(v1alpha1.Report{Phase: v1alpha1.PhaseRunning})
				time.Sleep(12 * time.Second)
				l := cl.current()
				if l.Annotations[v1alpha1.AnnotationCommands] != said || l.Annotations[v1alpha1.AnnotationReport] == "" {
					t.Errorf("annotations %q", l.Annotations)
				}

				cl.edit(func(l *coordinationv1.Lease) { l.Annotations[v1alpha1.AnnotationCommands] = "{" })
				time.Sleep(12 * time.Second)
				if got := h.Commands(); got != want || h.Err() != nil {
					t.Errorf("commands that cannot be read changed %+v to %+v, err %v", want, got, h.Err())
				}
				cl.edit(func(l *coordinationv1.Lease) { delete(l.Annotations, v1alpha1.AnnotationCommands) })
				time.Sleep(12 * time.Second)
				if got := h.Commands(); got != (v1alpha1.Commands{}) {
					t.Errorf("taken back, and still %+v", got)
				}
			})
		})
	}
}

func TestCommandsGivenBeforeTheStart(t *testing.T) {
	bubble(t, func(t *testing.T, ctx context.Context) {
		cl := newCluster()
		cl.edit(func(l *coordinationv1.Lease) {
			l.Annotations = map[string]string{v1alpha1.AnnotationCommands: `{"acknowledge":"i-7"}`}
		})
		h := acquire(t, options(&link{cluster: cl}, "pod"))
		defer crash(h)
		if got := h.Commands().Acknowledge; got != "i-7" {
			t.Errorf("got %q", got)
		}
	})
}

func TestReports(t *testing.T) {
	healthy := func(tick int64) v1alpha1.Report {
		return v1alpha1.Report{Phase: v1alpha1.PhaseRunning, Tick: tick, Healthy: true, Position: v1alpha1.PositionReport{Quantity: "0"}}
	}
	start := func(t *testing.T, ctx context.Context, interval time.Duration) (*cluster, *Held) {
		cl := newCluster()
		o := options(&link{cluster: cl}, "pod")
		o.ReportInterval = interval
		h := acquire(t, o)
		t.Cleanup(func() { crash(h) })
		return cl, h
	}

	t.Run("the first goes out within a second and says who speaks", func(t *testing.T) {
		bubble(t, func(t *testing.T, ctx context.Context) {
			cl, h := start(t, ctx, 10*time.Second)
			h.Publish(healthy(1))
			time.Sleep(time.Second)
			synctest.Wait()
			r := cl.report(t)
			if r == nil || r.Version != 1 || r.PodUID != "pod" || r.BootID != h.me.bootID || r.Epoch != 1 || r.Tick != 1 {
				t.Errorf("got %+v", r)
			}
		})
	})
	t.Run("the last state wins, every interval", func(t *testing.T) {
		bubble(t, func(t *testing.T, ctx context.Context) {
			cl, h := start(t, ctx, 3*time.Second)
			for tick := int64(1); tick <= 240; tick++ { // one minute
				h.Publish(healthy(tick))
				time.Sleep(250 * time.Millisecond)
			}
			if n := cl.putCount(); n < 20 || n > 22 {
				t.Errorf("%d writes in 60 s, want 20 to 22", n)
			}
			if r := cl.report(t); r.Tick < 240-12 {
				t.Errorf("the last report is of tick %d of 240", r.Tick)
			}
		})
	})
	t.Run("health goes out within a second, and never more than one a second", func(t *testing.T) {
		bubble(t, func(t *testing.T, ctx context.Context) {
			cl, h := start(t, ctx, 5*time.Second)
			for tick := int64(1); tick <= 400; tick++ {
				r := healthy(tick)
				r.Healthy = tick%3 == 0
				h.Publish(r)
				time.Sleep(250 * time.Millisecond)
			}
			time.Sleep(time.Second)
			if r := cl.report(t); r.Healthy != (400%3 == 0) {
				t.Errorf("last report %+v", r)
			}
			for i := 1; i < len(cl.puts); i++ {
				if gap := cl.puts[i].at.Sub(cl.puts[i-1].at); gap < time.Second {
					t.Fatalf("writes %d and %d are %v apart", i-1, i, gap)
				}
			}
			if len(cl.puts) < 90 {
				t.Errorf("%d writes in 100 s of changing health", len(cl.puts))
			}
		})
	})
	t.Run("a quarantine after a quiet time goes out at once", func(t *testing.T) {
		bubble(t, func(t *testing.T, ctx context.Context) {
			cl, h := start(t, ctx, 10*time.Second)
			h.Publish(healthy(1))
			time.Sleep(5 * time.Second)
			r := healthy(2)
			r.Quarantine = v1alpha1.QuarantineReport{Active: true, Incident: "i1", Reason: "OracleStale"}
			h.Publish(r)
			synctest.Wait()
			if got := cl.report(t); !got.Quarantine.Active {
				t.Errorf("got %+v", got)
			}
		})
	})
	t.Run("a report that failed is tried again", func(t *testing.T) {
		bubble(t, func(t *testing.T, ctx context.Context) {
			cl, h := start(t, ctx, 10*time.Second)
			broken := 3
			h.o.API.(*link).set(func(_ context.Context, verb string) (error, bool) {
				if verb == "put" && broken > 0 {
					broken--
					return errAway, false
				}
				return nil, false
			})
			h.Publish(healthy(1))
			time.Sleep(4 * time.Second)
			synctest.Wait()
			if r := cl.report(t); r == nil || broken != 0 {
				t.Errorf("got %+v, %d faults left", r, broken)
			}
		})
	})
	t.Run("a caller may go on using what it published", func(t *testing.T) {
		bubble(t, func(t *testing.T, ctx context.Context) {
			cl, h := start(t, ctx, 10*time.Second)
			r := healthy(1)
			r.Ledger = &v1alpha1.LedgerReport{Size: 1}
			h.Publish(r)
			r.Ledger.Size = 99
			time.Sleep(time.Second)
			synctest.Wait()
			if got := cl.report(t).Ledger.Size; got != 1 {
				t.Errorf("size %d", got)
			}
		})
	})
	t.Run("a report that is too long does not cost the Lease", func(t *testing.T) {
		bubble(t, func(t *testing.T, ctx context.Context) {
			cl, h := start(t, ctx, 10*time.Second)
			r := healthy(1)
			r.Reason = strings.Repeat("x", 5000)
			h.Publish(r)
			time.Sleep(time.Second)
			synctest.Wait()
			if h.Margin() != 30*time.Second || cl.report(t) != nil {
				t.Errorf("margin %v, report %+v", h.Margin(), cl.report(t))
			}
		})
	})
}

func TestRelease(t *testing.T) {
	t.Run("empties the holder, keeps the epoch, leaves a last report, and the successor starts at once", func(t *testing.T) {
		bubble(t, func(t *testing.T, ctx context.Context) {
			cl := newCluster()
			h := acquire(t, options(&link{cluster: cl}, "pod"))
			go beat(ctx, h)
			time.Sleep(25 * time.Second)
			if err := h.Release(ctx, v1alpha1.Report{Phase: v1alpha1.PhaseStopped, Tick: 9}); err != nil {
				t.Fatal(err)
			}
			l := cl.current()
			if *l.Spec.HolderIdentity != "" || *l.Spec.LeaseTransitions != 1 {
				t.Errorf("lease %+v", l.Spec)
			}
			if r := cl.report(t); r.Phase != v1alpha1.PhaseStopped || r.Tick != 9 {
				t.Errorf("report %+v", r)
			}
			if h.Margin() > 0 || !errors.Is(h.Err(), ErrReleased) {
				t.Errorf("margin %v, err %v", h.Margin(), h.Err())
			}
			start := time.Now()
			next := acquire(t, options(&link{cluster: cl}, "pod2"))
			defer crash(next)
			if time.Since(start) != 0 || next.Epoch() != 2 {
				t.Errorf("successor after %v at epoch %d", time.Since(start), next.Epoch())
			}
		})
	})
	t.Run("nothing may leave from its start on", func(t *testing.T) {
		bubble(t, func(t *testing.T, ctx context.Context) {
			cl := newCluster()
			h := acquire(t, options(&link{cluster: cl}, "pod"))
			h.o.API.(*link).set(func(_ context.Context, verb string) (error, bool) {
				if m := h.Margin(); m > 0 {
					t.Errorf("margin %v during %s", m, verb)
				}
				return nil, false
			})
			if err := h.Release(ctx, v1alpha1.Report{}); err != nil {
				t.Fatal(err)
			}
		})
	})
	t.Run("is tried until its context ends, through conflicts and lost answers", func(t *testing.T) {
		bubble(t, func(t *testing.T, ctx context.Context) {
			cl := newCluster()
			h := acquire(t, options(&link{cluster: cl}, "pod"))
			n := 0
			h.o.API.(*link).set(func(_ context.Context, verb string) (error, bool) {
				if verb != "put" {
					return nil, false
				}
				n++
				switch n {
				case 1:
					return errAway, false
				case 2:
					cl.edit(func(l *coordinationv1.Lease) { l.Labels = map[string]string{"a": "b"} })
				case 3:
					return errAway, true
				}
				return nil, false
			})
			if err := h.Release(ctx, v1alpha1.Report{}); err != nil || *cl.current().Spec.HolderIdentity != "" || n != 3 {
				t.Errorf("err %v after %d tries, lease %+v", err, n, cl.current().Spec)
			}
		})
	})
	t.Run("says so when it failed", func(t *testing.T) {
		bubble(t, func(t *testing.T, ctx context.Context) {
			cl := newCluster()
			h := acquire(t, options(&link{cluster: cl}, "pod"))
			h.o.API.(*link).set(func(context.Context, string) (error, bool) { return errAway, false })
			ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
			defer cancel()
			if err := h.Release(ctx, v1alpha1.Report{}); !errors.Is(err, errAway) || !strings.Contains(err.Error(), "next holder waits 33s") {
				t.Errorf("got %v", err)
			}
		})
	})
}

func TestUnfenced(t *testing.T) {
	var u Tenure = NewUnfenced(4)
	u.Progress()
	u.Publish(v1alpha1.Report{})
	if u.Epoch() != 4 || u.Margin() < 1000*time.Hour || u.Err() != nil || u.Commands() != (v1alpha1.Commands{}) || u.Release(t.Context(), v1alpha1.Report{}) != nil {
		t.Errorf("got %+v", u)
	}
}

func TestBoottimeGoesOn(t *testing.T) {
	a := Boottime()
	if b := Boottime(); a <= 0 || b < a {
		t.Errorf("%v, then %v", a, b)
	}
}
