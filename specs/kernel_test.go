package specs_test

import (
	"testing"

	"github.com/taudaemon/taudaemon/daemon/tau/lang"
	"github.com/taudaemon/taudaemon/specs"
)

// v35 is the kernel's state, and its step written from the table that defines it: branches and names, no equations.
type v35 struct {
	state, sell, holding, lock, nonce, entry, burned bool
	timer                                            int
}

type v35In struct{ price, volume, trend, guard, echo bool }

type v35Out struct {
	v35
	buy, fresh, profit, burn, progress   bool
	excl, freshExec, burnProfit, nonceOK bool
}

func (s v35) step(in v35In) v35Out {
	o := v35Out{fresh: in.volume}
	expired := s.timer == 3
	switch {
	case in.echo || !in.volume || expired:
		o.state = false
	case s.state:
		o.state = !(s.holding && in.price)
	default:
		o.state = !in.price && in.trend && !s.holding && !s.lock && !s.sell && !s.nonce
	}
	o.buy = o.state && !s.state && !s.holding
	o.sell = s.state && !o.state && s.holding
	switch {
	case o.buy:
		o.holding = true
	case o.sell:
		o.holding = false
	default:
		o.holding = s.holding
	}
	o.lock = o.state
	if o.state {
		o.timer = (s.timer + 1) % 4
	}
	o.nonce = o.buy || s.state && s.nonce
	switch {
	case o.buy:
		o.entry = in.price
	case s.state && !o.sell:
		o.entry = s.entry
	}
	o.profit = o.sell && in.price && !s.entry && in.guard
	o.burn = o.profit
	o.burned = s.burned || o.burn
	o.progress = o.buy || o.sell || o.timer == 3 || o.state && !s.state
	quiet := !o.progress
	o.excl = quiet || !(o.buy && o.sell)
	o.freshExec = quiet || !o.state || o.fresh
	o.burnProfit = quiet || !o.burn || o.profit
	o.nonceOK = quiet || !o.buy || !s.nonce
	return o
}

func (o v35Out) row() map[string]bool {
	return map[string]bool{
		"state.out": o.state, "buy_signal.out": o.buy, "sell_signal.out": o.sell, "holding.out": o.holding,
		"lock.out": o.lock, "oracle_fresh.out": o.fresh, "timer_b0.out": o.timer&1 == 1, "timer_b1.out": o.timer&2 == 2,
		"nonce.out": o.nonce, "entry_price.out": o.entry, "profit.out": o.profit, "burn_event.out": o.burn,
		"has_burned.out": o.burned, "progress_flag.out": o.progress, "obs_action_excl.out": o.excl,
		"obs_fresh_exec.out": o.freshExec, "obs_burn_profit.out": o.burnProfit, "obs_nonce_effect.out": o.nonceOK,
	}
}

// TestKernelV35IsItsTable compares every output in every reachable state under every input.
func TestKernelV35IsItsTable(t *testing.T) {
	src, err := specs.FS.ReadFile(specs.KernelV35)
	if err != nil {
		t.Fatal(err)
	}
	p, err := lang.Load(specs.KernelV35, src)
	if err != nil {
		t.Fatal(err)
	}
	info := p.Info()
	m := p.NewMachine()
	type pair struct {
		model v35
		snap  [9]uint64
	}
	start := pair{}
	if n := len(m.Snapshot(nil)); n != len(start.snap) {
		t.Fatalf("expected %d state bits, found %d", len(start.snap), n)
	}
	copy(start.snap[:], m.Snapshot(nil))
	seen := map[pair]bool{start: true}
	queue := []pair{start}
	out := make([]uint64, len(info.Outputs))
	for len(queue) > 0 {
		at := queue[0]
		queue = queue[1:]
		for i := range uint64(32) {
			in := []uint64{i & 1, i >> 1 & 1, i >> 2 & 1, i >> 3 & 1, i >> 4}
			if err := m.Restore(at.snap[:]); err != nil {
				t.Fatal(err)
			}
			if err := m.Step(in, out); err != nil {
				t.Fatal(err)
			}
			want := at.model.step(v35In{in[0] == 1, in[1] == 1, in[2] == 1, in[3] == 1, in[4] == 1})
			row := want.row()
			if len(row) != len(info.Outputs) {
				t.Fatalf("expected %d outputs, found %d", len(row), len(info.Outputs))
			}
			for o, s := range info.Outputs {
				if v, ok := row[s.Path]; !ok || v != (out[o] == 1) {
					t.Fatalf("from %+v under %v, %s: expected %v, found %d", at.model, in, s.Path, v, out[o])
				}
			}
			next := pair{model: want.v35}
			copy(next.snap[:], m.Snapshot(nil))
			if !seen[next] {
				seen[next] = true
				queue = append(queue, next)
			}
		}
	}
	if len(seen) < 10 {
		t.Errorf("expected the kernel to move, found only %d states", len(seen))
	}
	t.Logf("%d reachable states x 32 inputs", len(seen))
}
