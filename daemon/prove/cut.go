package prove

import (
	"math/rand/v2"

	"github.com/taudaemon/taudaemon/daemon/guard"
	"github.com/taudaemon/taudaemon/daemon/monitor"
)

// A count that only runs down, and that is only asked whether it has run out, need not be told apart while it is far from that: one state stands
// for all of them, and a tick leaves it there or takes it to the first that is near. So the limits that are meant are explored with shorter ones,
// and a tick that takes a count out of its far state may also leave it there: each run with the limits that are meant is one of these runs, so what
// holds in all of these holds in all of those. A breach is looked for again with the limits that are meant.
//
// For what core counts by itself, clean ticks and the position's age, that each run is one of these is arithmetic: core adds one and compares. For 05,
// and for 06 with the guard that it witnesses, it is a simulation that is computed for the specs at hand and both limits. Where there is none, the
// limits are explored as they are. The audit draws states with the limits that are meant.

// The limits that longer ones are cut to: they have a far, a near and a last count.
const (
	cutClear    = 2
	cutCooldown = 2
	cutPosition = 2
)

// cut are the limits to explore in place of these.
func (l Limits) cut() Limits {
	l.ClearTicks, l.CooldownTicks, l.MaxPositionTicks = min(l.ClearTicks, cutClear), min(l.CooldownTicks, cutCooldown), min(l.MaxPositionTicks, cutPosition)
	return l
}

// cuts says how the counts that are explored stand for those that are meant. The zero value is for limits that are explored as they are.
type cuts struct {
	on bool
	// clean and age are how many ticks of a quarantine and of a position are cut off; 0 if none are.
	clean, age uint32
	cooldown   *relation[cooling]
	stall      *relation[uint16]
	// farStall is the state of 05 at the first tick that it counts, nearStall the one after it.
	farStall, nearStall uint16
}

// cooling is the cooldown guard with 06, and what 06 will be told: that the kernel sold at the tick before.
type cooling struct {
	left, spec uint16
	sold       bool
}

func (n *node) cooling() cooling { return cooling{n.cooldown, n.cooldownSpec, n.sold} }

// The far states: whether a tick that takes the one to the other may also leave it where it is.

func (k *cuts) coolingStays(from, to cooling) bool {
	return from.left == cutCooldown-1 && to.left == from.left-1
}

func (k *cuts) stallStays(from, to uint16) bool { return from == k.farStall && to == k.nearStall }

// stays are the counts that a tick from counts to others may also lead to, each far count left where it is.
func (k *cuts) stays(c, to *counts) []counts {
	if !k.on {
		return nil
	}
	list := []counts{*to}
	also := func(may bool, stay func(*counts)) {
		if !may {
			return
		}
		for _, v := range list {
			stay(&v)
			list = append(list, v)
		}
	}
	also(k.clean > 0 && c.quarantined && to.quarantined && !to.manual && c.clean == 0 && to.clean == 1, func(v *counts) { v.clean = 0 })
	also(k.age > 0 && c.age == 0 && to.age == 1, func(v *counts) { v.age = 0 })
	also(k.cooldown != nil && k.coolingStays(cooling{left: c.cooldown}, cooling{left: to.cooldown}), func(v *counts) { v.cooldown, v.cooldownSpec = c.cooldown, c.cooldownSpec })
	also(k.stall != nil && k.stallStays(c.stallSpec, to.stallSpec), func(v *counts) { v.stallSpec = c.stallSpec })
	return list[1:]
}

// standsFor says that the explored node stands for the one that is meant.
func (k *cuts) standsFor(explored, meant *node) bool {
	v := *meant
	v.clean, v.age = v.clean-min(v.clean, k.clean), v.age-min(v.age, k.age)
	if k.cooldown != nil && k.cooldown.has(v.cooling(), explored.cooling()) {
		v.cooldown, v.cooldownSpec = explored.cooldown, explored.cooldownSpec
	}
	if k.stall != nil && k.stall.has(v.stallSpec, explored.stallSpec) {
		v.stallSpec = explored.stallSpec
	}
	return v == *explored
}

// draw gives a node that is meant, out of those that the explored one stands for.
func (k *cuts) draw(explored *node, rng *rand.Rand) node {
	v := *explored
	longer := func(n, cut uint32) uint32 {
		if n == 0 {
			return uint32(rng.Uint64N(uint64(cut) + 1))
		}
		return n + cut
	}
	if v.quarantined && !v.manual {
		v.clean = longer(v.clean, k.clean)
	}
	if v.qty > 0 {
		v.age = longer(v.age, k.age)
	}
	if k.cooldown != nil {
		c := k.cooldown.draw(v.cooling(), rng)
		v.cooldown, v.cooldownSpec = c.left, c.spec
	}
	if k.stall != nil {
		v.stallSpec = k.stall.draw(v.stallSpec, rng)
	}
	return v
}

// relate makes the cuts between the limits that are meant and those that are explored. It says false if a count that had to be cut cannot be.
func (x *explorer) relate() (bool, error) {
	meant, explored := x.meant.limits, x.explored.limits
	k := cuts{on: true, clean: uint32(meant.ClearTicks - explored.ClearTicks), age: uint32(meant.MaxPositionTicks - explored.MaxPositionTicks)}
	var err error
	if meant.CooldownTicks > explored.CooldownTicks {
		k.cooldown, err = simulate(2, cooling{}, k.coolingStays, x.coolingStep(&x.meant), x.coolingStep(&x.explored))
		if err != nil || k.cooldown == nil {
			return false, err
		}
	}
	if x.meant.asks[monitor.Liveness] != x.explored.asks[monitor.Liveness] {
		const counting = 1 // held, no progress
		step := x.stallStep(&x.explored)
		if k.farStall, _, err = step(0, counting); err != nil {
			return false, err
		}
		if k.nearStall, _, err = step(k.farStall, counting); err != nil {
			return false, err
		}
		k.stall, err = simulate(8, uint16(0), k.stallStays, x.stallStep(&x.meant), step)
		if err != nil || k.stall == nil {
			return false, err
		}
	}
	x.cuts = k
	return true, nil
}

// coolingStep steps guard and 06 together; the input is whether the kernel sells. What is seen is whether each of them allows an entry, and
// what 06 was told.
func (x *explorer) coolingStep(s *setting) stepOf[cooling] {
	return func(c cooling, input int) (to cooling, sees uint32, err error) {
		row := s.asks[monitor.Cooldown]
		if c.sold {
			row |= 1
		}
		said, err := x.bank.peek(monitor.Cooldown, c.spec, row)
		if sees = said.out & 1; c.left > 0 {
			sees |= 2
		}
		if c.sold {
			sees |= 4
		}
		sells := input == 1
		left := guard.Cooldown{Left: uint64(c.left)}.Next(sells, s.limits.CooldownTicks).Left
		return cooling{uint16(left), said.next, sells}, sees, err
	}
}

// stallStep steps 05.
func (x *explorer) stallStep(s *setting) stepOf[uint16] {
	return func(state uint16, input int) (to uint16, sees uint32, err error) {
		said, err := x.bank.peek(monitor.Liveness, state, uint32(input)|s.asks[monitor.Liveness])
		return said.next, said.out & 1, err
	}
}
