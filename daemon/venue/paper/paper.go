package paper

import (
	"context"
	"fmt"
	"time"

	"github.com/taudaemon/taudaemon/daemon/core"
	"github.com/taudaemon/taudaemon/daemon/fixed"
	"github.com/taudaemon/taudaemon/daemon/venue"
)

// Venue is the simulated venue. Only the loop calls it, so it has no lock.
type Venue struct {
	config      Config
	base, quote fixed.Value
	orders      map[string]*order
	live        []*order // in the order in which they came
	ids         []string // of the last remembered orders, the oldest first
}

// remembered is how many finished orders the venue knows at least, and half of how many at most. The daemon has one open at a time, so an
// older id is never asked for.
const remembered = 4096

var _ venue.Venue = (*Venue)(nil)

// New returns a venue with these balances.
func New(c Config, base, quote fixed.Value) *Venue {
	if c.Now == nil {
		c.Now = func() time.Time { return time.UnixMilli(0) }
	}
	return &Venue{config: c, base: base, quote: quote, orders: map[string]*order{}}
}

// Name implements venue.Venue.
func (*Venue) Name() string { return "paper" }

// Account implements venue.Venue.
func (v *Venue) Account(context.Context) core.Account {
	v.advance()
	return core.Account{Base: v.base, Quote: v.quote}
}

// Do implements venue.Venue.
func (v *Venue) Do(ctx context.Context, o venue.Order) venue.Answer {
	now := v.advance()
	if known := v.orders[o.ID]; known != nil {
		if known.Side != o.Side || known.Qty != o.Qty || known.Limit != o.Limit {
			return venue.Answer{Result: core.Refused, Reason: "duplicate client order id", Replay: true}
		}
		return v.Query(ctx, o)
	}
	f := v.config.fate(o.ID)
	if !f.lost {
		known := &order{Order: o, fate: f, result: core.Pending}
		known.comes = now + f.late.Milliseconds()
		known.due = known.comes + v.config.Latency.Milliseconds()
		v.orders[o.ID], v.live = known, append(v.live, known)
	} else {
		v.orders[o.ID] = &order{Order: o, fate: f, result: core.NotFound, reason: "it never came"}
	}
	v.forget(o.ID)
	known := v.orders[o.ID]
	known.silent = now + f.silent.Milliseconds()
	v.advance()
	if f.ambiguous {
		return venue.Answer{Result: core.Ambiguous, Reason: "no reply"}
	}
	return known.answer(o.Told)
}

// Query implements venue.Venue.
func (v *Venue) Query(_ context.Context, o venue.Order) venue.Answer {
	now := v.advance()
	switch known := v.orders[o.ID]; {
	case known == nil || now < known.comes:
		return venue.Answer{Result: core.NotFound, Reason: "the paper venue has not got it"}
	case now < known.silent:
		return venue.Answer{Result: core.Ambiguous, Reason: "no reply"}
	default:
		return known.answer(o.Told)
	}
}

// Cancel implements venue.Venue.
func (v *Venue) Cancel(ctx context.Context, o venue.Order) venue.Answer {
	now := v.advance()
	if known := v.orders[o.ID]; known != nil && now >= known.comes && now >= known.silent && known.result == core.Pending {
		v.end(known, "cancelled")
	}
	return v.Query(ctx, o)
}

// advance carries out what is due by now, one after the other as it became due, and says what time it is in Unix milliseconds.
func (v *Venue) advance() (now int64) {
	now = v.config.Now().UnixMilli()
	for {
		var next *order
		for _, o := range v.live {
			if o.due <= now && (next == nil || o.due < next.due) {
				next = o
			}
		}
		if next == nil {
			return now
		}
		v.execute(next)
	}
}

// execute carries out the part of an order that is due.
func (v *Venue) execute(o *order) {
	rest := o.Qty - o.filled
	switch {
	case o.Expires != 0 && o.due > o.Expires:
		v.end(o, "expired")
		return
	case o.fate.rejected:
		o.result, o.reason = core.Refused, "rejected"
		v.drop(o)
		return
	}
	qty := rest
	if o.filled == 0 {
		qty = o.fate.first(o.Action)
	}
	fill, err := v.settle(o, qty)
	if err != nil {
		if o.filled > 0 {
			v.end(o, err.Error())
			return
		}
		o.result, o.reason = core.Refused, err.Error()
		v.drop(o)
		return
	}
	if o.Side != core.Burn {
		o.fills, o.filled = append(o.fills, fill), o.filled+qty
	}
	switch {
	case o.Side == core.Burn || o.filled == o.Qty:
		o.result = core.Filled
		v.drop(o)
	case o.fate.follows:
		o.due += max(v.config.Latency.Milliseconds(), 1)
	default:
		v.end(o, "the rest was cancelled")
	}
}

// end closes an order with what it has got.
func (v *Venue) end(o *order, why string) {
	if o.result, o.reason = core.Cancelled, why; o.filled > 0 {
		o.result = core.Partial
	}
	v.drop(o)
}

// forget makes room for the order that has come.
func (v *Venue) forget(id string) {
	if v.ids = append(v.ids, id); len(v.ids) <= 2*remembered {
		return
	}
	kept := make([]string, 0, 2*remembered)
	for _, old := range v.ids[:remembered] {
		if v.orders[old].result == core.Pending {
			kept = append(kept, old)
		} else {
			delete(v.orders, old)
		}
	}
	v.ids = append(kept, v.ids[remembered:]...)
}

func (v *Venue) drop(o *order) {
	for i, live := range v.live {
		if live == o {
			v.live = append(v.live[:i], v.live[i+1:]...)
			return
		}
	}
}

// settle moves the balances by qty of an order, and its gas with the first of it.
func (v *Venue) settle(o *order, qty fixed.Value) (core.Fill, error) {
	gas := v.config.Gas
	if o.filled > 0 {
		gas = 0
	}
	var fill core.Fill
	var err error
	switch o.Side {
	case core.Burn:
		err = v.burn(qty, gas)
	case core.Buy:
		fill, err = v.trade(o.Action, qty, gas, fixed.BpsScale+v.config.SlippageBps, fixed.Ceil, v.config.FeeBpsBuy)
	case core.Sell:
		fill, err = v.trade(o.Action, qty, gas, fixed.BpsScale-v.config.SlippageBps, fixed.Floor, v.config.FeeBpsSell)
	default:
		err = fmt.Errorf("expected buy, sell or burn, found %q", o.Side)
	}
	if err == nil {
		o.gas += gas
	}
	return fill, err
}

func (v *Venue) burn(amount, gas fixed.Value) error {
	if amount <= 0 {
		return fmt.Errorf("expected an amount to burn above 0, found %s", amount)
	}
	left, err := v.quote.Sub(amount)
	if err == nil {
		left, err = left.Sub(gas)
	}
	if err != nil {
		return err
	}
	if left < 0 {
		return fmt.Errorf("expected at least %s of quote and %s for gas, found %s", amount, gas, v.quote)
	}
	v.quote = left
	return nil
}

// trade fills qty at the reference price times factor (in basis points).
func (v *Venue) trade(a core.Action, qty, gas fixed.Value, factorBps int64, against fixed.Rounding, feeBps int64) (core.Fill, error) {
	if a.Reference <= 0 || qty <= 0 {
		return core.Fill{}, fmt.Errorf("expected a reference price and a quantity above 0, found %s and %s", a.Reference, qty)
	}
	price, err := a.Reference.MulBps(factorBps, against)
	if err != nil {
		return core.Fill{}, err
	}
	if a.Side == core.Buy && price > a.Limit || a.Side == core.Sell && price < a.Limit {
		return core.Fill{}, fmt.Errorf("price %s is beyond the limit %s", price, a.Limit)
	}
	notional, err := qty.Mul(price, against)
	if err != nil {
		return core.Fill{}, err
	}
	fee, err := notional.MulBps(feeBps, fixed.Ceil)
	if err != nil {
		return core.Fill{}, err
	}
	base, quote, err := v.settled(a.Side, qty, notional, fee, gas)
	if err != nil {
		return core.Fill{}, err
	}
	if base < 0 || quote < 0 {
		return core.Fill{}, fmt.Errorf("insufficient balance: %s base, %s quote", v.base, v.quote)
	}
	v.base, v.quote = base, quote
	return core.Fill{Qty: qty, Price: price, Fee: fee}, nil
}

// settled is what the balances would be after a trade.
func (v *Venue) settled(side core.Side, qty, notional, fee, gas fixed.Value) (base, quote fixed.Value, err error) {
	if side == core.Sell {
		qty, notional = -qty, -notional
	}
	if base, err = v.base.Add(qty); err != nil {
		return 0, 0, err
	}
	if quote, err = v.quote.Sub(notional); err != nil {
		return 0, 0, err
	}
	if quote, err = quote.Sub(fee); err != nil {
		return 0, 0, err
	}
	quote, err = quote.Sub(gas)
	return base, quote, err
}
