package prove

import (
	"fmt"

	"github.com/taudaemon/taudaemon/daemon/core"
	"github.com/taudaemon/taudaemon/daemon/fixed"
	"github.com/taudaemon/taudaemon/daemon/guard"
	"github.com/taudaemon/taudaemon/daemon/kernel"
	"github.com/taudaemon/taudaemon/daemon/monitor"
)

// The phases of a state.
const (
	atStart   = iota // the tick begins: an open intent is asked for first
	atSettled        // its answer is known
	atAct            // the tick's record is durable; an order, a burn or a cancellation leaves now
)

// node is a state of the composition, and all of it that can matter; doc.go says what is left out and why. It is kept in two halves that touch
// each other through a few bits only, so that the work is done once for each pair of a book and such bits.
type node struct {
	book
	counts
}

// book is what is held, ordered and believed.
type book struct {
	phase uint8
	specs ids // without those of 03, 05 and 06

	everFresh, priced bool

	qty        uint8 // position in units
	owed       bool
	openSide   uint8 // a place in sides
	openQty    uint8
	ambiguous  bool
	armed      bool
	profitable bool // the round trip, while flat with a burn armed
	pending    uint8

	// What the next tick reads of the kernel's last outputs.
	holding, sold, nonce, burned bool

	trade
}

// counts is the guards' counts, quarantine, and the three specs that count.
type counts struct {
	age                               uint32 // whole ticks since the position's fill, up to the limit
	clean                             uint32
	echo, cooldown                    uint16
	echoSpec, cooldownSpec, stallSpec uint16
	late                              bool
	quarantined, riskHalted, manual   bool
	echoDue                           uint8 // for the disciplines, see echoDue
}

var sides = [...]core.Side{"", core.Buy, core.Sell, core.Burn}

// states of all specs.
func (n *node) states() ids {
	all := n.specs
	all[monitor.Echo], all[monitor.Cooldown], all[monitor.Liveness] = n.echoSpec, n.cooldownSpec, n.stallSpec
	return all
}

// situation is what of the node says which choices come to the same.
func (n *node) situation(holdOnLeaseRisk bool) situation {
	return situation{
		qty: n.qty, open: n.openSide != 0, openSell: sides[n.openSide] == core.Sell, armed: n.armed, differs: n.openSide == 0 && n.holding != (n.qty > 0), everFresh: n.everFresh,
		quarantined: n.quarantined, riskHalted: n.riskHalted, pending: n.pending, holdOnLeaseRisk: holdOnLeaseRisk,
	}
}

// nowTick is the tick that every concrete state has completed: after any age.
const nowTick = 1 << 40

// template is the state of core of a book, without its counts, with numbers that a choice may replace.
func (x *explorer) template(b *book) core.State {
	s := core.State{
		Tick: nowTick, EverFresh: b.everFresh, Kernel: kernel.Outputs{Holding: b.holding, Sell: b.sold, Nonce: b.nonce, HasBurned: b.burned},
		Cash: cash, Peak: 1, BurnArmed: b.armed, TripProfit: -unit, Config: bootDigest, Specs: x.digests,
	}
	if b.priced {
		s.LastPrice = price
	}
	if b.profitable {
		s.TripProfit = 1000 * unit
	}
	if b.qty > 0 {
		s.Position.Qty = fixed.Value(b.qty) * unit
		s.Spare = &core.Spare{Seq: 1, ID: spareID, Qty: s.Position.Qty, Limit: price - 2*unit, Reference: price}
	}
	if b.owed {
		s.Exit = "owed"
	}
	if side := sides[b.openSide]; side != "" {
		open := core.Intent{Action: core.Action{Side: side, Qty: fixed.Value(b.openQty) * unit, Reference: price, Expires: nowMS, Reason: "why"}, Seq: 1, ID: orderID, Ambiguous: b.ambiguous}
		switch side {
		case core.Buy:
			open.Limit = price + unit
		case core.Sell:
			open.Limit = price - 2*unit
		}
		s.Open = &open
	}
	switch b.pending {
	case mild:
		s.Pending = []core.Anomaly{{Code: core.OrderRefused}}
	case grave:
		s.Pending = []core.Anomaly{{Code: core.OrderAmbiguous}}
	}
	return s
}

// concrete makes s a state of core that the node stands for.
func (x *explorer) concrete(s *core.State, n *node, template *core.State) {
	*s = *template
	s.Words = x.bank.words(n.states())
	s.Echo, s.Cooldown, s.LateAnomaly = guard.Echo{Left: uint64(n.echo)}, guard.Cooldown{Left: uint64(n.cooldown)}, n.late
	if n.quarantined {
		s.Quarantine = core.Quarantine{
			Active: true, Incident: incident, Reason: core.OracleStale, Since: 1, Clean: uint64(n.clean), Manual: n.manual, RiskHalted: n.riskHalted,
		}
		if n.manual { // whatever began it: that it is manual is all that the reason says
			s.Quarantine.Reason = core.InvariantBroken
		}
	}
	if n.qty > 0 {
		s.Position.EntryTick = nowTick - uint64(n.age)
	}
}

// abstract is the node of a state of core in a setting, with what the disciplines remember.
func (x *explorer) abstract(in *setting, n *node, s *core.State, phase uint8, mem memory) error {
	all, err := x.bank.find(&s.Words)
	if err != nil {
		return err
	}
	*n = node{
		book{
			phase: phase, specs: all, everFresh: s.EverFresh, priced: s.LastPrice > 0, qty: units(s.Position.Qty), owed: s.Exit != "", armed: s.BurnArmed,
			pending: class(s.Pending), holding: s.Kernel.Holding, sold: s.Kernel.Sell, nonce: s.Kernel.Nonce, burned: s.Kernel.HasBurned, trade: mem.trade,
		},
		counts{
			echo: uint16(s.Echo.Left), cooldown: uint16(s.Cooldown.Left), late: s.LateAnomaly, echoDue: mem.echoDue,
			echoSpec: all[monitor.Echo], cooldownSpec: all[monitor.Cooldown], stallSpec: all[monitor.Liveness],
		},
	}
	n.specs[monitor.Echo], n.specs[monitor.Cooldown], n.specs[monitor.Liveness] = 0, 0, 0
	if q := &s.Quarantine; q.Active {
		n.quarantined, n.manual, n.riskHalted = true, q.Manual, q.RiskHalted
		if !n.manual { // else its clean ticks end nothing
			n.clean = uint32(min(q.Clean, in.limits.ClearTicks))
		}
	}
	if n.qty > 0 {
		n.age = uint32(min(s.Tick-s.Position.EntryTick, in.limits.MaxPositionTicks-1)) // the next tick is the one that counts
	} else if n.armed {
		n.profitable = s.TripProfit > 0
	}
	if s.Spare == nil && n.qty > 0 || s.Spare != nil && s.Spare.Qty != s.Position.Qty {
		return fmt.Errorf("%w: expected an exit of %s that is authorised in advance, found %+v", errAbstraction, s.Position.Qty, s.Spare)
	}
	if o := s.Open; o != nil {
		for i, side := range sides {
			if side == o.Side {
				n.openSide = uint8(i)
			}
		}
		n.ambiguous = o.Ambiguous
		if n.openQty = 1; o.Side != core.Burn { // how much is burned is nothing to anyone
			n.openQty = units(o.Qty)
		}
	} else if n.phase == atSettled {
		n.phase = atStart
	}
	return nil
}

// units of a quantity, which is a whole number of them.
func units(q fixed.Value) uint8 { return uint8(min(max(q, 0)/unit, 3)) }

// class of the gravest.
func class(list []core.Anomaly) uint8 {
	c := uint8(nothing)
	for _, a := range list {
		c = max(c, mild)
		if a.Code.AlwaysManual() {
			c = grave
		}
	}
	return c
}

// replies are what of the counts a tick's decision can depend on.
type replies uint32

// The bits of replies.
const (
	replyQuarantined replies = 1 << iota
	replyRiskHalted
	replyEcho
	replyCooldown
	replyExpired
	replySpecs  // from here on: what 03, 06 and 05 will say to each row that they can be asked
	replyBits   = 5 + 2 + 2 + 8
	replyNotNow = replySpecs      // 03, of no anomaly that is known now
	replyNow    = replySpecs << 1 // 03, of one
)

// repliesOf asks 03, 05 and 06 what they would say.
func (x *explorer) repliesOf(c *counts) (r replies, err error) {
	for i, on := range [...]bool{c.quarantined, c.riskHalted, c.echo > 0, c.cooldown > 0, uint64(c.age)+1 >= x.explored.limits.MaxPositionTicks} {
		if on {
			r |= 1 << i
		}
	}
	at := replySpecs
	ask := func(id monitor.ID, state uint16, row uint32) {
		s, e := x.bank.peek(id, state, row|x.explored.asks[id])
		if e != nil {
			err = e
		}
		if s.out&1 == 1 {
			r |= at
		}
		at <<= 1
	}
	late := uint32(0)
	if c.late {
		late = 2
	}
	for known := range uint32(2) { // an anomaly that is known before the kernel is asked
		ask(monitor.Echo, c.echoSpec, known|late)
	}
	for sold := range uint32(2) {
		ask(monitor.Cooldown, c.cooldownSpec, sold)
	}
	for held := range uint32(8) { // and progress and owed
		ask(monitor.Liveness, c.stallSpec, held)
	}
	return r, err
}

// The rows of 03, 05 and 06 are a few bits, and then a limit that is the same at every tick.
var rowBits = [monitor.Count]uint32{monitor.Echo: 3, monitor.Cooldown: 1, monitor.Liveness: 7}
