package paper

import (
	"context"
	"fmt"

	"github.com/taudaemon/taudaemon/daemon/core"
	"github.com/taudaemon/taudaemon/daemon/fixed"
	"github.com/taudaemon/taudaemon/daemon/venue"
)

// Config of the venue.
type Config struct {
	// SlippageBps by which each fill is worse than the reference price, in basis points.
	SlippageBps int64
	// FeeBpsBuy and FeeBpsSell of the notional, in basis points, rounded up.
	FeeBpsBuy, FeeBpsSell int64
	// Gas of each action, in quote units.
	Gas fixed.Value
}

// Venue is the simulated venue. Only the loop calls it, so it has no lock.
type Venue struct {
	config      Config
	base, quote fixed.Value
	done        map[string]venue.Answer
}

var _ venue.Venue = (*Venue)(nil)

// New returns a venue with these balances.
func New(c Config, base, quote fixed.Value) *Venue {
	return &Venue{config: c, base: base, quote: quote, done: map[string]venue.Answer{}}
}

// Name implements venue.Venue.
func (*Venue) Name() string { return "paper" }

// Account implements venue.Venue.
func (v *Venue) Account(context.Context) core.Account {
	return core.Account{Base: v.base, Quote: v.quote}
}

// Do implements venue.Venue: it fills at once, or refuses.
func (v *Venue) Do(_ context.Context, o venue.Order) venue.Answer {
	if _, ok := v.done[o.ID]; ok {
		return venue.Answer{Result: core.Refused, Reason: "duplicate client order id"}
	}
	answer, err := v.execute(o.Action)
	if err != nil {
		answer = venue.Answer{Result: core.Refused, Reason: err.Error()}
	}
	// An order's fills are told once, here; a later query says only how it ended.
	v.done[o.ID] = venue.Answer{Result: answer.Result, Reason: answer.Reason}
	return answer
}

// Query implements venue.Venue.
func (v *Venue) Query(_ context.Context, o venue.Order) venue.Answer {
	if a, ok := v.done[o.ID]; ok {
		return a
	}
	return venue.Answer{Result: core.NotFound, Reason: "the paper venue never got it"}
}

// Cancel implements venue.Venue. Nothing is ever live here.
func (v *Venue) Cancel(ctx context.Context, o venue.Order) venue.Answer { return v.Query(ctx, o) }

func (v *Venue) execute(a core.Action) (venue.Answer, error) {
	switch a.Side {
	case core.Burn:
		if a.Qty <= 0 {
			return venue.Answer{}, fmt.Errorf("expected an amount to burn above 0, found %s", a.Qty)
		}
		left, err := v.quote.Sub(a.Qty)
		if err == nil {
			left, err = left.Sub(v.config.Gas)
		}
		if err != nil {
			return venue.Answer{}, err
		}
		if left < 0 {
			return venue.Answer{}, fmt.Errorf("expected at least %s of quote and %s for gas, found %s", a.Qty, v.config.Gas, v.quote)
		}
		v.quote = left
		return venue.Answer{Result: core.Filled, Gas: v.config.Gas}, nil
	case core.Buy:
		return v.order(a, 10_000+v.config.SlippageBps, fixed.Ceil, v.config.FeeBpsBuy)
	case core.Sell:
		return v.order(a, 10_000-v.config.SlippageBps, fixed.Floor, v.config.FeeBpsSell)
	}
	return venue.Answer{}, fmt.Errorf("expected buy, sell or burn, found %q", a.Side)
}

// order fills all of it at the reference price times factor (in basis points).
func (v *Venue) order(a core.Action, factorBps int64, against fixed.Rounding, feeBps int64) (venue.Answer, error) {
	if a.Reference <= 0 || a.Qty <= 0 {
		return venue.Answer{}, fmt.Errorf("expected a reference price and a quantity above 0, found %s and %s", a.Reference, a.Qty)
	}
	price, err := a.Reference.MulBps(factorBps, against)
	if err != nil {
		return venue.Answer{}, err
	}
	if a.Side == core.Buy && price > a.Limit || a.Side == core.Sell && price < a.Limit {
		return venue.Answer{}, fmt.Errorf("price %s is beyond the limit %s", price, a.Limit)
	}
	notional, err := a.Qty.Mul(price, against)
	if err != nil {
		return venue.Answer{}, err
	}
	fee, err := notional.MulBps(feeBps, fixed.Ceil)
	if err != nil {
		return venue.Answer{}, err
	}
	base, quote, err := v.settled(a, notional, fee)
	if err != nil {
		return venue.Answer{}, err
	}
	if base < 0 || quote < 0 {
		return venue.Answer{}, fmt.Errorf("insufficient balance: %s base, %s quote", v.base, v.quote)
	}
	v.base, v.quote = base, quote
	return venue.Answer{Result: core.Filled, Fills: []core.Fill{{Qty: a.Qty, Price: price, Fee: fee}}, Gas: v.config.Gas}, nil
}

// settled is what the balances would be after the order.
func (v *Venue) settled(a core.Action, notional, fee fixed.Value) (base, quote fixed.Value, err error) {
	qty := a.Qty
	if a.Side == core.Sell {
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
	quote, err = quote.Sub(v.config.Gas)
	return base, quote, err
}
