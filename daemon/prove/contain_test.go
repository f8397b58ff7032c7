package prove

import (
	"context"
	"math/rand/v2"
	"testing"

	"github.com/taudaemon/taudaemon/daemon/core"
	"github.com/taudaemon/taudaemon/specs"
)

// TestEveryRandomRunStaysWithinWhatWasExplored runs the coordinator from the first boot on, with a state of core that goes on from step to step
// as the daemon's does. Each state must be one that an explored state stands for, and that one a successor of the one before: what the
// exploration leaves out of a state, the choices that it does not take because others stand for them, and limits that it cuts, change nothing.
func TestEveryRandomRunStaysWithinWhatWasExplored(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, kernel string
		limits       Limits
		exact        bool
	}{
		{"V35, limits as they are", specs.KernelV35, tiny, true},
		{"long hold, the default limits cut", specs.KernelLongHold, defaults, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			x, err := newExplorer(bundled(t, c.kernel), c.limits, Core{}, false)
			if err != nil {
				t.Fatal(err)
			}
			x.draws = 0
			if !c.exact {
				if err := x.shorten(); err != nil || !x.cuts.on {
					t.Fatalf("expected the limits to be cut, found %+v: %v", x.explored.limits, err)
				}
			}
			if err := x.run(context.Background()); err != nil {
				t.Fatal(err)
			}
			rng := rand.New(rand.NewPCG(1, 2))
			seen := map[uint32]bool{}
			for range 400 {
				w := walk{x: x, runner: runner{x: x, bank: x.bank, state: x.coordinator.ApplyBoot(core.State{}, &x.boot)}}
				planned := x.wayTo(uint32(rng.IntN(len(x.keys))))
				for step := range len(planned) + 20 {
					m := move(0)
					if step < len(planned) && w.fits(planned[step]) {
						m = planned[step]
					} else {
						m = w.draw(rng)
					}
					w.take(t, m)
					seen[w.at] = true
				}
			}
			t.Logf("%d of %d states met", len(seen), len(x.keys))
			if len(seen) < 2000 {
				t.Errorf("expected more than 2000 different states, found %d: the runs have lost their aim", len(seen))
			}
		})
	}
}

// walk is a run of the coordinator, with the explored node that stands for its state.
type walk struct {
	x      *explorer
	runner runner
	at     uint32
}

// fits says that a move can be taken here: after a tick of other counts, another one may be due.
func (w *walk) fits(m move) bool {
	b, _ := w.x.split(w.at)
	k := &w.x.books.all[b]
	switch m.kind() {
	case moveAnswer:
		return w.x.asksVenue(b) && answers[m>>2].fits(k)
	case moveSpare:
		return k.qty > 0 && answers[m>>2].ofSpare(k.qty)
	case moveTick:
		return !w.x.asksVenue(b)
	}
	return true
}

// draw is a random move that can be taken: mostly a plain one, so that the kernel trades.
func (w *walk) draw(rng *rand.Rand) move {
	b, _ := w.x.split(w.at)
	k := w.x.books.all[b]
	if rng.IntN(30) == 0 {
		return moveCrash
	}
	if m := moveSpare | move(rng.IntN(len(answers)))<<2; rng.IntN(30) == 0 && w.fits(m) {
		return m
	}
	for w.x.asksVenue(b) {
		i := rng.IntN(len(answers))
		if m := moveAnswer | move(i)<<2; w.fits(m) && (answers[i].calm(&k) || rng.IntN(3) == 0) {
			return m
		}
	}
	var o outside
	pick := func(n int) uint8 {
		if rng.IntN(12) > 0 {
			return 0
		}
		return uint8(rng.IntN(n))
	}
	o.event, o.risk, o.balance, o.lease, o.verdict = pick(3), pick(3), pick(4), pick(3), pick(3)
	o.flatten, o.ack, o.poor = rng.IntN(30) == 0, rng.IntN(6) == 0, rng.IntN(30) == 0
	o.asking, o.lapsed = rng.IntN(30) == 0, rng.IntN(3) == 0
	if k.qty == 0 && o.risk == excess {
		o.risk = riskFine
	}
	return tickMove(o, market{
		fresh: fresh - pick(3), below: rng.IntN(3) > 0, above: rng.IntN(4) == 0, up: rng.IntN(3) > 0, vol: rng.IntN(4) > 0, profit: rng.IntN(2) == 0,
	})
}

// take takes a move: the test fails if no successor of the node stands for where it leads.
func (w *walk) take(t *testing.T, m move) {
	t.Helper()
	x, r := w.x, &w.runner
	if err := r.take(m); err != nil {
		t.Fatal(err)
	}
	before, phase := x.node(w.at), uint8(atStart)
	switch m.kind() {
	case moveAnswer:
		if before.phase == atStart {
			phase = atSettled
		}
	case moveTick:
		if tick := r.steps[len(r.steps)-1].Tick; tick.Act != nil || tick.Cancel != "" {
			phase = atAct
		}
	}
	var next node
	if err := x.abstract(&x.meant, &next, &r.state, phase, r.mem); err != nil {
		t.Fatal(err)
	}
	found := false
	err := x.successors(w.at, func(b, c uint32, _ *edge, _ mask) {
		to := node{x.books.all[b], x.counts.all[c]}
		if !found && x.cuts.standsFor(&to, &next) {
			found, w.at = true, *x.nodes.at(b, c)-1
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if !found {
		for i, s := range r.steps {
			t.Logf("%3d  %s", i+1, s.Text)
		}
		t.Fatalf("%+v leads to %+v, and none of what was explored out of it stands for that", before, next)
	}
}
