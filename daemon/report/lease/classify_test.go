package lease

import (
	"math"
	"strings"
	"testing"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	"pgregory.net/rapid"
)

func TestClassify(t *testing.T) {
	me := self{podUID: "pod", bootID: "boot2", ledgerLocked: true, duration: 30 * time.Second}
	unlocked := me
	unlocked.ledgerLocked = false
	holding := me
	holding.epoch = 7
	const seen = 100 * time.Second
	lease := func(holder string, epoch, seconds int32) coordinationv1.LeaseSpec {
		return coordinationv1.LeaseSpec{HolderIdentity: &holder, LeaseTransitions: &epoch, LeaseDurationSeconds: &seconds}
	}
	for _, c := range []struct {
		name  string
		spec  coordinationv1.LeaseSpec
		me    self
		now   time.Duration
		want  verdict
		after time.Duration
	}{
		{"a new lease, never held, is taken at once", coordinationv1.LeaseSpec{}, me, seen, take, 0},
		{"a released lease is taken at once", lease("", 6, 30), me, seen, take, 0},
		{"an earlier boot of this pod is dead while we hold the ledger's lock", lease("pod/boot1", 6, 30), me, seen, take, 0},
		{"an earlier boot of this pod is waited for without the ledger's lock", lease("pod/boot1", 6, 30), unlocked, seen, wait, 33 * time.Second},
		{"a pod whose UID begins like ours is another pod", lease("pod2/boot1", 6, 30), me, seen, wait, 33 * time.Second},
		{"another's lease is waited for from the sighting on", lease("other/b", 6, 30), me, seen + 10*time.Second, wait, 23 * time.Second},
		{"another's lease is not taken when only its duration is over", lease("other/b", 6, 30), me, seen + 30*time.Second, wait, 3 * time.Second},
		{"another's lease is not taken a moment too early", lease("other/b", 6, 30), me, seen + 33*time.Second - 1, wait, 1},
		{"another's lease is taken after its duration and a tenth", lease("other/b", 6, 30), me, seen + 33*time.Second, take, 0},
		{"the duration waited for is the holder's, not ours", lease("other/b", 6, 600), me, seen + 33*time.Second, wait, 627 * time.Second},
		{"a holder that wrote no duration is waited for as long as ours is", coordinationv1.LeaseSpec{HolderIdentity: new("other/b")}, me, seen, wait, 33 * time.Second},
		{"a holder that wrote a negative duration is waited for as long as ours is", lease("other/b", 6, -5), me, seen, wait, 33 * time.Second},
		{"our own taking whose answer was lost is ours", lease("pod/boot2", 6, 30), me, seen, ours, 0},
		{"held by us at our epoch is ours", lease("pod/boot2", 7, 30), holding, seen, ours, 0},
		{"held by another is lost", lease("other/b", 8, 30), holding, seen, lost, 0},
		{"held by another at our epoch is lost", lease("other/b", 7, 30), holding, seen, lost, 0},
		{"held by an earlier boot of this pod is lost", lease("pod/boot1", 7, 30), holding, seen, lost, 0},
		{"held by us at another epoch is lost", lease("pod/boot2", 8, 30), holding, seen, lost, 0},
		{"emptied by somebody is lost", lease("", 7, 30), holding, seen, lost, 0},
		{"another's lease is lost however long it was silent", lease("other/b", 8, 30), holding, seen + time.Hour, lost, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := classify(&coordinationv1.Lease{Spec: c.spec}, c.me, seen, c.now)
			if got.verdict != c.want || got.after != c.after {
				t.Errorf("got verdict %d after %v (%s), want %d after %v", got.verdict, got.after, got.why, c.want, c.after)
			}
			if (c.want == wait || c.want == lost) && got.why == "" {
				t.Error("no reason given")
			}
		})
	}
}

func TestNextEpoch(t *testing.T) {
	for _, c := range []struct {
		name        string
		transitions *int32
		atLeast     int64
		want        int64
		err         string
	}{
		{"the first epoch is 1", nil, 0, 1, ""},
		{"above the lease's", new(int32(7)), 3, 8, ""},
		{"above the ledger's, when the lease was made anew", new(int32(0)), 41, 42, ""},
		{"the last that a lease can carry", new(int32(math.MaxInt32 - 1)), 0, math.MaxInt32, ""},
		{"none is left", new(int32(math.MaxInt32)), 0, 0, "found 2147483647"},
		{"a ledger's epoch beyond what a lease can carry", nil, math.MaxInt64, 0, "found 9223372036854775807"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := nextEpoch(&coordinationv1.Lease{Spec: coordinationv1.LeaseSpec{LeaseTransitions: c.transitions}}, c.atLeast)
			if c.err != "" {
				if err == nil || !strings.Contains(err.Error(), c.err) {
					t.Fatalf("got %d, %v; want an error with %q", got, err, c.err)
				}
				return
			}
			if err != nil || got != c.want {
				t.Errorf("got %d, %v; want %d", got, err, c.want)
			}
		})
	}
}

func TestSchedule(t *testing.T) {
	s := schedule{tried: 100 * time.Second, renewed: 95 * time.Second, reported: 98 * time.Second}
	for _, c := range []struct {
		name string
		w    wants
		want time.Duration // 0: nothing is due
	}{
		{"nothing without progress", wants{}, 0},
		{"a renewal after a third of the duration", wants{renewal: true}, 105 * time.Second},
		{"a report after its interval", wants{report: true}, 102 * time.Second},
		{"the earlier of both", wants{renewal: true, report: true}, 102 * time.Second},
		{"an urgent report one second after the last try", wants{report: true, urgent: true}, 101 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, ok := s.next(c.w, 30*time.Second, 4*time.Second)
			if ok != (c.want != 0) || ok && got != c.want {
				t.Errorf("got %v %v, want %v", got, ok, c.want)
			}
		})
	}
	rapid.Check(t, func(t *rapid.T) {
		dur := rapid.Custom(func(t *rapid.T) time.Duration {
			return time.Duration(rapid.Int64Range(0, int64(time.Hour)).Draw(t, "d"))
		})
		s := schedule{tried: dur.Draw(t, "tried"), renewed: dur.Draw(t, "renewed"), reported: dur.Draw(t, "reported")}
		w := wants{renewal: rapid.Bool().Draw(t, "renewal"), report: rapid.Bool().Draw(t, "report")}
		w.urgent = w.report && rapid.Bool().Draw(t, "urgent")
		if at, ok := s.next(w, dur.Draw(t, "duration"), dur.Draw(t, "interval")); ok && at < s.tried+minGap {
			t.Fatalf("due at %v, less than %v after the last try at %v", at, minGap, s.tried)
		}
	})
}
