package prove

import (
	"fmt"
	"slices"

	"github.com/taudaemon/taudaemon/daemon/monitor"
)

// watched is a state of a monitor that is fed any row at every tick, with what the disciplines remember of the rows.
type watched struct {
	spec  uint16
	mem   trade
	nonce bool
	// counted: ticks in a row without progress or with an exit owed, up to the limit.
	counted uint32
}

// watch feeds 04 and 05 with every row of bits, in every state: whatever a kernel may do, 04 says of each breach that it is one, and 05 calls a
// stall at its limit and not before.
func (x *explorer) watch(v *Verdict) error {
	longHold := uint32(0)
	if x.bank.LongHold() {
		longHold = 1 << 9
	}
	var rows []uint32
	for row := range uint32(1 << 9) {
		rows = append(rows, row|longHold)
		if longHold != 0 {
			rows = append(rows, row|longHold|1<<10)
		}
	}
	if err := x.feed(v, monitor.Invariants, rows, breaches); err != nil || !v.Proven {
		return err
	}
	limit := x.meant.asks[monitor.Liveness] >> 3
	rows = nil
	for row := range uint32(8) {
		rows = append(rows, row|x.meant.asks[monitor.Liveness])
	}
	return x.feed(v, monitor.Liveness, rows, func(w watched, row uint32, said monitor.Bits) (watched, string) {
		held, progress, owed := row&1 > 0, row&2 > 0, row&4 > 0
		if w.counted = min(w.counted+1, limit); !held || progress && !owed {
			w.counted = 0
		}
		if stalled := w.counted == limit && limit > 0; said.Has(0) != stalled {
			return w, fmt.Sprintf("after %d counted ticks of %d, 05 says stalled: %t", w.counted, limit, said.Has(0))
		}
		return w, ""
	})
}

// breaches compares 04 with what its outputs mean.
func breaches(w watched, row uint32, said monitor.Bits) (watched, string) {
	on := func(i int) bool { return row>>i&1 == 1 }
	buy, sell, state, nonce, profit, burn, fresh, guard, echo, longHold, told := on(0), on(1), on(2), on(3), on(4), on(5), on(6), on(7), on(8), on(9), on(10)
	left := sell && !state
	expired := longHold && told || !longHold && w.mem.held == longest
	why := ""
	for i, broken := range [...]bool{
		buy && sell || sell && !w.mem.bought,
		(state || buy) && !fresh,
		burn && !(sell && profit && guard && fresh && !echo),
		buy && (!nonce || w.nonce || w.mem.bought),
		expired && (state || w.mem.bought && !sell),
		w.mem.bought && !fresh && !left,
		echo && (buy || w.mem.bought && !left),
	} {
		if broken && (said.Has(i) || said.Has(7)) && why == "" {
			why = fmt.Sprintf("%s of 04 is broken, and 04 says %s", monitor.Invariants.Output(i), monitor.Invariants.Text(said))
		}
	}
	switch {
	case buy:
		w.mem = trade{true, 1}
	case sell:
		w.mem = trade{}
	case w.mem.bought:
		w.mem.held = min(w.mem.held+1, longest)
	}
	w.nonce = nonce
	return w, why
}

// feed explores a monitor alone.
func (x *explorer) feed(v *Verdict, id monitor.ID, rows []uint32, judge func(watched, uint32, monitor.Bits) (watched, string)) error {
	type came struct {
		from int
		row  uint32
	}
	var ways []came
	states := newTable[watched]()
	states.place(watched{})
	ways = append(ways, came{})
	for at := 0; at < len(states.all); at++ {
		for _, row := range rows {
			w := states.all[at]
			s, err := x.bank.peek(id, w.spec, row)
			if err != nil {
				return err
			}
			next, why := judge(w, row, monitor.Bits(s.out))
			if why != "" {
				v.Proven, v.Why = false, why
				list := []uint32{row}
				for at := at; at != 0; at = ways[at].from {
					list = append(list, ways[at].row)
				}
				slices.Reverse(list)
				v.Trace, err = x.fed(id, list)
				return err
			}
			next.spec = s.next
			if int(states.place(next)) == len(ways) {
				ways = append(ways, came{at, row})
			}
		}
	}
	return nil
}

// fed is the trace of a monitor that was fed these rows.
func (x *explorer) fed(id monitor.ID, rows []uint32) (*Trace, error) {
	var t Trace
	state := uint16(0)
	for i, row := range rows {
		s, err := x.bank.peek(id, state, row)
		if err != nil {
			return nil, err
		}
		state = s.next
		step := Step{Move: "input", Outputs: id.Text(monitor.Bits(s.out))}
		for i := range x.bank.specs[id].bits {
			step.Inputs = append(step.Inputs, uint64(row>>i&1))
		}
		step.Text = fmt.Sprintf("row %d of %s: %v gives %s", i+1, id.File(), step.Inputs, step.Outputs)
		t.Steps = append(t.Steps, step)
	}
	return &t, nil
}
