package kraken

import (
	"errors"
	"fmt"
	"strings"

	"github.com/taudaemon/taudaemon/daemon/core"
	"github.com/taudaemon/taudaemon/daemon/fixed"
	"github.com/taudaemon/taudaemon/daemon/venue"
)

// settle says what became of our order o, of which the exchange has x. Fills are told once the exchange has closed it. An order that is not
// what we sent is ambiguous: a person has to look.
func settle(o venue.Order, x *order, quantityDecimals int64) venue.Answer {
	unclear := func(format string, args ...any) venue.Answer {
		return venue.Answer{Result: core.Ambiguous, Reason: "the exchange's order under our id: " + fmt.Sprintf(format, args...)}
	}
	if x.Descr.Side != string(o.Side) || x.Descr.Type != "limit" {
		return unclear("expected a limit %s, found a %s %s", o.Side, printable(x.Descr.Type), printable(x.Descr.Side))
	}
	sent, err := floorTo(o.Qty, quantityDecimals)
	if err != nil {
		return unclear("%v", err)
	}
	if volume, err := x.Volume.exact(); err != nil || volume != sent {
		return unclear("expected a quantity of %s, found %s", sent, printable(string(x.Volume)))
	}
	switch x.Status {
	case "pending", "open":
		return venue.Answer{Result: core.Pending, Reason: "live at the exchange"}
	case "closed", "canceled", "expired":
	default:
		return unclear("expected a documented status, found %q", printable(x.Status))
	}
	if !hasFlag(x.Flags, "fciq") {
		return unclear("expected its fee in quote (fciq), found the flags %q", printable(x.Flags))
	}
	executed, err := x.Executed.exact()
	if err != nil || executed > sent || executed < o.Told.Qty {
		return unclear("expected an executed quantity from %s to %s, found %s", o.Told.Qty, sent, printable(string(x.Executed)))
	}
	a := venue.Answer{Result: core.Partial}
	switch {
	case executed == sent:
		a.Result = core.Filled
	case executed == 0:
		a.Result = core.Cancelled
	}
	if a.Result != core.Filled {
		a.Reason = strings.TrimSuffix(x.Status+": "+printable(x.Reason), ": ")
	}
	if executed == o.Told.Qty {
		return a
	}
	fill, err := newFill(o, x, executed)
	if err != nil {
		return unclear("%v", err)
	}
	a.Fills = []core.Fill{fill}
	return a
}

// newFill is the fill of what is executed beyond what was told. Its price is the average; what rounding the price leaves is in its fee, so that
// price, quantity and fee together are the exchange's cash, exactly. The exchange rounds costs to their last written place: a price that is
// beyond the limit by no more than that is the limit.
func newFill(o venue.Order, x *order, executed fixed.Value) (f core.Fill, err error) {
	buy := o.Side == core.Buy
	read, sign, against := amount.up, fixed.Value(1), fixed.Ceil
	if !buy {
		read, sign, against = amount.down, -1, fixed.Floor
	}
	var m sums
	cost, fee := m.keep(read(x.Cost)), m.keep(x.Fee.up())
	f.Qty = m.sub(executed, o.Told.Qty)
	notional := m.sub(cost, o.Told.Notional)
	// What we paid (of a buy) or got (of a sell) with this fill, fees included.
	cash := m.sub(m.add(cost, sign*fee), m.add(o.Told.Notional, sign*o.Told.Fee))
	if m.err != nil {
		return f, m.err
	}
	// The price is rounded so that the fee's remainder is not below the fee.
	with := fixed.Floor
	if !buy {
		with = fixed.Ceil
	}
	f.Price = m.keep(fixed.MulDiv(notional, fixed.One, f.Qty, with))
	if beyond := sign * m.sub(f.Price, o.Limit); beyond > 0 && m.keep(f.Qty.Mul(beyond, fixed.Floor)) <= x.Cost.lastPlace() {
		f.Price = o.Limit
	}
	f.Fee = sign * m.sub(cash, m.keep(f.Qty.Mul(f.Price, against)))
	if f.Fee < 0 { // what was told before had rounded more into its fees
		f.Price = m.keep(fixed.MulDiv(cash, fixed.One, f.Qty, with))
		f.Fee = sign * m.sub(cash, m.keep(f.Qty.Mul(f.Price, against)))
	}
	if m.err == nil && (f.Qty <= 0 || f.Price < 0 || f.Fee < 0) {
		m.err = fmt.Errorf("cost %s and fee %s do not go with what was told before", printable(string(x.Cost)), printable(string(x.Fee)))
	}
	return f, m.err
}

// sums does arithmetic and keeps the first error.
type sums struct{ err error }

func (m *sums) keep(v fixed.Value, err error) fixed.Value {
	if m.err == nil {
		m.err = err
	}
	return v
}

func (m *sums) add(a, b fixed.Value) fixed.Value { return m.keep(a.Add(b)) }
func (m *sums) sub(a, b fixed.Value) fixed.Value { return m.keep(a.Sub(b)) }

// step is the smallest amount of so many decimals, 0 to 9.
func step(decimals int64) fixed.Value {
	s := fixed.One
	for range decimals {
		s /= 10
	}
	return s
}

// floorTo and ceilTo round to so many decimals.
func floorTo(v fixed.Value, decimals int64) (fixed.Value, error) {
	if v < 0 {
		return 0, errors.New("expected an amount of at least 0")
	}
	return v - v%step(decimals), nil
}

func ceilTo(v fixed.Value, decimals int64) (fixed.Value, error) {
	down, err := floorTo(v, decimals)
	if err != nil || down == v {
		return v, err
	}
	return down.Add(step(decimals))
}

func hasFlag(flags, want string) bool {
	for flag := range strings.SplitSeq(flags, ",") {
		if strings.TrimSpace(flag) == want {
			return true
		}
	}
	return false
}
