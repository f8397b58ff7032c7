package prove

import (
	"github.com/taudaemon/taudaemon/daemon/core"
	"github.com/taudaemon/taudaemon/daemon/fixed"
)

// answer is something that a venue may say of an open intent.
type answer struct {
	result core.Result
	// fill: all, a part or nothing of what is open is filled with it.
	fill amount
	// slip: beyond the intent's limit.
	slip bool
	// gain: the round trip so far is a profit.
	gain bool
}

type amount uint8

const (
	none amount = iota
	part        // one unit, of more
	all
)

// answers are all of them: what is final, what is not, each with every fill that may go with it. The plain ones come first.
var answers = func() (list []answer) {
	list = []answer{{result: core.Filled}} // of a burn, or of an order whose fills are known already
	for flags := range 4 {
		slip, gain := flags&1 > 0, flags&2 == 0
		for _, a := range []answer{
			{result: core.Filled, fill: all}, {result: core.Partial, fill: part}, {result: core.Pending, fill: part}, {result: core.Pending, fill: all},
			{result: core.Ambiguous, fill: part}, {result: core.Ambiguous, fill: all},
		} {
			a.slip, a.gain = slip, gain
			list = append(list, a)
		}
	}
	for _, r := range []core.Result{core.Pending, core.Cancelled, core.Refused, core.NotFound, core.Ambiguous} {
		list = append(list, answer{result: r})
	}
	return list
}()

// fits says that the venue may say it of the open intent of b. It sells no more than we hold.
func (a *answer) fits(b *book) bool {
	if sides[b.openSide] == core.Sell && a.fill == all && b.openQty > b.qty || a.fill == part && b.qty == 0 && sides[b.openSide] == core.Sell {
		return false
	}
	order := sides[b.openSide] != core.Burn
	switch {
	case !order:
		return a.fill == none
	case a.fill == none:
		return a.result != core.Filled || b.openQty == 0
	case a.fill == part && b.openQty < 2, b.openQty == 0:
		return false
	}
	return a.gain || sides[b.openSide] == core.Sell // a buy realises nothing
}

// live: it is what a venue says that fills what we sell, and that ends whatever else is open.
func (a *answer) live(b *book) bool {
	if sides[b.openSide] == core.Sell {
		return a.result == core.Filled || a.result == core.Partial
	}
	return a.result.Final()
}

// calm: it is what a venue says that fills everything within its limit, or took back what cannot be filled any more.
func (a *answer) calm(b *book) bool {
	if sides[b.openSide] == core.Sell && b.openQty > b.qty {
		return a.result == core.Cancelled
	}
	return a.result == core.Filled && !a.slip
}

// ofSpare says that the venue may say it of an exit that was authorised in advance and sent when the ledger failed: what is final, and that it never
// got it is no news.
func (a *answer) ofSpare(qty uint8) bool {
	switch {
	case !a.result.Final() || a.result == core.NotFound:
		return false
	case a.result == core.Filled:
		return a.fill == all
	}
	return a.fill == none || qty > 1
}

// outcome is the answer to the open intent of s, or to its spare exit. What the position cost is chosen such that the fill gains or loses.
func (a *answer) outcome(s *core.State, spare bool) *core.Outcome {
	var seq uint64
	var id string
	var order core.Action
	if spare {
		seq, id, order = s.Spare.Seq, s.Spare.ID, s.Spare.Action()
	} else {
		seq, id, order = s.Open.Seq, s.Open.ID, s.Open.Action
	}
	out := &core.Outcome{Intent: seq, ID: id, Side: order.Side, Result: a.result, Reason: "said so"}
	if a.fill == none {
		return out
	}
	f := core.Fill{Qty: unit, Price: order.Limit}
	if a.fill == all {
		f.Qty = order.Qty
	}
	if a.slip {
		if order.Side == core.Buy {
			f.Price += beyond
		} else {
			f.Price -= beyond
		}
	}
	if order.Side == core.Sell {
		s.TripProfit, s.Position.Cost = 0, 1000*s.Position.Qty
		if a.gain {
			s.Position.Cost = fixed.Value(1)
		}
	}
	out.Fills = []core.Fill{f}
	return out
}

// settle takes up an outcome as the loop does: while a position is left, it authorises the exit that may leave if the ledger fails.
func settle(c Coordinator, p *core.Params, s core.State, out *core.Outcome, seq uint64) (core.State, error) {
	next, err := c.ApplyOutcome(s, out)
	if err != nil {
		return s, err
	}
	if out.Spare, err = core.NewSpare(p, &next, "exit "+out.ID, ""); err != nil {
		return s, err
	}
	if next, err = c.ApplyOutcome(s, out); err != nil {
		return s, err
	}
	return next.Authorised(seq), nil
}
