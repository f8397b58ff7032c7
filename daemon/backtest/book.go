package backtest

import (
	"cmp"
	"context"
	"slices"

	"github.com/taudaemon/taudaemon/daemon/config"
	"github.com/taudaemon/taudaemon/daemon/core"
	"github.com/taudaemon/taudaemon/daemon/fixed"
	"github.com/taudaemon/taudaemon/daemon/venue"
)

// book keeps the accounts of a run beside the loop. It decides nothing; it is told of each tick and listens at the venue.
type book struct {
	start   fixed.Value // the cash at the beginning
	done    []done      // at the venue since the last tick was told
	costs   Costs
	trips   []Trip
	open    *Trip
	buys    int
	sells   int
	refused int

	ticks, fresh, held, quarantined uint64
	incident                        string
	reasons                         map[core.Code]*Quarantines
	peak, drawdown                  fixed.Value
	drawdownBps                     int64
	last                            core.State
	lastPrice                       fixed.Value

	picture *Picture
	err     error // the first overflow
}

// done is an action and what the venue said. more: of the action, fills were told before.
type done struct {
	core.Action
	venue.Answer
	more bool
}

func newBook(c *config.Config, p *Picture) *book {
	cash := c.Venue.Paper.QuoteBalance
	return &book{start: cash, peak: cash, reasons: map[core.Code]*Quarantines{}, picture: p}
}

// over is v with the book listening.
func (b *book) over(v venue.Venue) venue.Venue { return &listening{v, b} }

type listening struct {
	venue.Venue
	book *book
}

// Do passes the action on and notes the answer.
func (l *listening) Do(ctx context.Context, o venue.Order) venue.Answer {
	return l.heard(o, l.Venue.Do(ctx, o))
}

// Query passes the question on and notes the answer.
func (l *listening) Query(ctx context.Context, o venue.Order) venue.Answer {
	return l.heard(o, l.Venue.Query(ctx, o))
}

// Cancel passes the order back and notes the answer.
func (l *listening) Cancel(ctx context.Context, o venue.Order) venue.Answer {
	return l.heard(o, l.Venue.Cancel(ctx, o))
}

// heard notes an answer that says something: fills, or how it ended. That an order is not found is no end before its time is over, and then it is
// one that never came.
func (l *listening) heard(o venue.Order, a venue.Answer) venue.Answer {
	if len(a.Fills) > 0 || a.Result.Final() && a.Result != core.NotFound {
		l.book.done = append(l.book.done, done{o.Action, a, o.Told.Qty > 0})
	}
	return a
}

// tick takes up a tick that has ended, with what was done in it.
func (b *book) tick(o *core.Observation, d *core.Decision, s *core.State) {
	b.ticks++
	if d.Facts.Fresh.OK {
		b.fresh++
	}
	for _, did := range b.done {
		b.take(&did, s.Tick, o.MS)
	}
	b.done = b.done[:0]
	if s.Position.Qty > 0 {
		b.held++
	}
	if q := &s.Quarantine; q.Active {
		b.quarantined++
		r := b.reasons[q.Reason]
		if r == nil {
			r = &Quarantines{Reason: q.Reason}
			b.reasons[q.Reason] = r
		}
		r.Ticks++
		if q.Incident != b.incident {
			r.Incidents++
		}
		b.incident = q.Incident
	}
	equity, lost := b.mark(s, d.Facts.Price)
	b.last, b.lastPrice = *s, d.Facts.Price
	if b.picture != nil {
		b.picture.tick(d, s, equity, lost)
	}
}

// million parts of a peak of equity: a small drawdown is seen in a chart, and a hundred of them are a basis point.
const million = 1_000_000

// mark follows the drawdown, of equity with what was burned added back: a burn is no loss of the strategy. lostParts are millionths of the peak,
// rounded up.
func (b *book) mark(s *core.State, price fixed.Value) (equity fixed.Value, lostParts int64) {
	m := checked{b.err}
	equity = m.keep(s.Equity(price))
	earned := m.add(equity, s.Burned)
	b.peak = max(b.peak, earned)
	lost := m.sub(b.peak, earned)
	if b.peak > 0 {
		lostParts = int64(m.keep(fixed.MulDiv(lost, million, b.peak, fixed.Ceil)))
	}
	const bp = million / fixed.BpsScale
	b.drawdown, b.drawdownBps = max(b.drawdown, lost), max(b.drawdownBps, (lostParts+bp-1)/bp)
	b.err = m.err
	return equity, lostParts
}

// take books what the venue did. What a fill differs from the reference price of its decision is slippage; both are rounded as core
// rounds, so the sums meet to the last unit.
func (b *book) take(did *done, tick uint64, ms int64) {
	m := checked{b.err}
	defer func() { b.err = m.err }()
	if did.Side == core.Burn {
		b.costs.Gas = m.add(b.costs.Gas, did.Gas)
		if did.Result == core.Filled {
			if n := len(b.trips); n > 0 {
				b.trips[n-1].Burned = m.add(b.trips[n-1].Burned, did.Qty)
			}
			b.remember(did, b.lastPrice)
		}
		return
	}
	if len(did.Fills) == 0 && !did.more {
		b.refused++
		b.costs.Gas = m.add(b.costs.Gas, did.Gas)
		return
	}
	if b.open == nil {
		b.open = &Trip{EntryTick: tick, EntryMS: ms}
	}
	t := b.open
	t.Costs.Gas = m.add(t.Costs.Gas, did.Gas)
	for _, f := range did.Fills {
		t.Costs.Fees = m.add(t.Costs.Fees, f.Fee)
		if did.Side == core.Buy {
			real, ideal := m.keep(f.Qty.Mul(f.Price, fixed.Ceil)), m.keep(f.Qty.Mul(did.Reference, fixed.Ceil))
			t.Gross, t.Costs.Slippage = m.sub(t.Gross, ideal), m.add(t.Costs.Slippage, m.sub(real, ideal))
			t.Qty, t.paid = m.add(t.Qty, f.Qty), m.add(t.paid, real)
			continue
		}
		real, ideal := m.keep(f.Qty.Mul(f.Price, fixed.Floor)), m.keep(f.Qty.Mul(did.Reference, fixed.Floor))
		t.Gross, t.Costs.Slippage = m.add(t.Gross, ideal), m.add(t.Costs.Slippage, m.sub(ideal, real))
		t.sold, t.got = m.add(t.sold, f.Qty), m.add(t.got, real)
	}
	if len(did.Fills) > 0 {
		b.remember(did, did.Fills[0].Price)
	}
	if did.Result.Final() && did.Side == core.Buy {
		b.buys++
	} else if did.Result.Final() {
		b.sells++
	}
	if did.Side == core.Buy || t.sold < t.Qty {
		return
	}
	t.ExitTick, t.ExitMS, t.Reason, t.Forced = tick, ms, did.Action.Reason, did.Forced
	t.Entry, t.Exit = m.keep(fixed.MulDiv(t.paid, fixed.One, t.Qty, fixed.Ceil)), m.keep(fixed.MulDiv(t.got, fixed.One, t.sold, fixed.Floor))
	t.Net = m.sub(t.Gross, t.Costs.total(&m))
	b.costs.plus(&t.Costs, &m)
	b.trips, b.open = append(b.trips, *t), nil
}

// remember marks an action in the picture.
func (b *book) remember(did *done, price fixed.Value) {
	if b.picture != nil {
		b.picture.mark(did.Side, price, did.Qty, did.Action.Reason)
	}
}

// summary closes the accounts: a position that is still open counts at the last price.
func (b *book) summary(d *Data) (*Summary, error) {
	m := checked{b.err}
	s := &Summary{
		Data:  DataSummary{Kind: d.Kind, Rows: len(d.Rows), Digest: d.Digest, SpacingMS: d.SpacingMS, FirstMS: d.Rows[0].MS, LastMS: d.Rows[len(d.Rows)-1].MS},
		Ticks: b.ticks, FreshTicks: b.fresh, QuarantinedTicks: b.quarantined,
		Buys: b.buys, Sells: b.sells, RefusedOrders: b.refused, Trips: b.trips,
		Burned: b.last.Burned, MaxDrawdown: b.drawdown, MaxDrawdownBps: b.drawdownBps,
		OpenQty: b.last.Position.Qty, EquityStart: b.start,
	}
	s.PnL.Costs = b.costs
	for _, t := range b.trips {
		s.PnL.Gross = m.add(s.PnL.Gross, t.Gross)
		if t.Net > 0 {
			s.Won++
		}
	}
	if b.open != nil {
		s.PnL.Costs.plus(&b.open.Costs, &m)
		s.PnL.Gross = m.add(m.add(s.PnL.Gross, b.open.Gross), m.keep(s.OpenQty.Mul(b.lastPrice, fixed.Floor)))
	}
	s.PnL.Net = m.sub(s.PnL.Gross, s.PnL.Costs.total(&m))
	s.EquityEnd = m.keep(b.last.Equity(b.lastPrice))
	if b.ticks > 0 {
		s.ExposureBps = int64(b.held * 10_000 / b.ticks)
	}
	for _, r := range b.reasons {
		s.Quarantines = append(s.Quarantines, *r)
	}
	slices.SortFunc(s.Quarantines, func(x, y Quarantines) int {
		return cmp.Or(cmp.Compare(y.Incidents, x.Incidents), cmp.Compare(x.Reason, y.Reason))
	})
	return s, m.err
}

// checked does sums and keeps the first error.
type checked struct{ err error }

func (m *checked) keep(v fixed.Value, err error) fixed.Value {
	if m.err == nil {
		m.err = err
	}
	return v
}

func (m *checked) add(v, w fixed.Value) fixed.Value { return m.keep(v.Add(w)) }
func (m *checked) sub(v, w fixed.Value) fixed.Value { return m.keep(v.Sub(w)) }
