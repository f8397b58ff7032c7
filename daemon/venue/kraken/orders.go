package kraken

import (
	"context"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/taudaemon/taudaemon/daemon/core"
	"github.com/taudaemon/taudaemon/daemon/fixed"
	"github.com/taudaemon/taudaemon/daemon/venue"
)

// Do implements venue.Venue: it places the order, once, and looks what became of it.
func (v *Venue) Do(ctx context.Context, o venue.Order) venue.Answer {
	form, err := v.form(o)
	if err != nil {
		return venue.Answer{Result: core.Refused, Reason: "not sent: " + err.Error()}
	}
	if v.remember(o.ID) {
		return v.Query(ctx, o)
	}
	v.accountAt = time.Time{}
	var p placed
	if f := v.paused(v.client.private(ctx, "AddOrder", form, &p)); f != nil {
		return f.answer()
	}
	if len(p.TxIDs) != 1 || p.TxIDs[0] == "" {
		return venue.Answer{Result: core.Ambiguous, Reason: fmt.Sprintf("expected the exchange's name of the order, found %d", len(p.TxIDs))}
	}
	return v.look(ctx, o, p.TxIDs[0])
}

// form is the order as AddOrder takes it, or why it must not be sent.
func (v *Venue) form(o venue.Order) (url.Values, error) {
	round := floorTo // a buy's limit; a sell's is rounded up
	switch {
	case o.Side == core.Burn:
		return nil, fmt.Errorf("nothing can be burned at the exchange; expected economics.burn_share_bps to be 0")
	case o.Side == core.Sell:
		round = ceilTo
	case o.Side != core.Buy:
		return nil, fmt.Errorf("expected buy or sell, found %q", o.Side)
	}
	if len(o.ID) != idLength || strings.Trim(o.ID, "0123456789abcdef") != "" {
		return nil, fmt.Errorf("expected a client order id of %d hex digits, found %q", idLength, printable(o.ID))
	}
	qty, err := floorTo(o.Qty, v.config.QuantityDecimals)
	if err != nil || qty == 0 {
		return nil, fmt.Errorf("expected a quantity of at least %s, found %s", step(v.config.QuantityDecimals), o.Qty)
	}
	limit, err := round(o.Limit, v.config.PriceDecimals)
	if o.Side == core.Sell && limit == 0 && err == nil {
		limit = step(v.config.PriceDecimals) // any price: the exchange takes none of 0
	}
	if err != nil || limit == 0 {
		return nil, fmt.Errorf("expected a limit of at least %s, found %s", step(v.config.PriceDecimals), o.Limit)
	}
	deadline, err := v.deadline(o.Expires)
	if err != nil {
		return nil, err
	}
	return url.Values{
		"pair": {v.config.Pair}, "type": {string(o.Side)}, "ordertype": {"limit"}, "timeinforce": {"IOC"}, "oflags": {"fciq"},
		"volume": {qty.String()}, "price": {limit.String()}, "cl_ord_id": {o.ID}, "deadline": {deadline},
	}, nil
}

// deadline is when the exchange must refuse the order: no later than expires (Unix milliseconds; 0 for as late as the exchange takes).
func (v *Venue) deadline(expires int64) (string, error) {
	now := v.client.now()
	until := now.Add(mostLead)
	if expires != 0 && expires < until.UnixMilli() {
		until = time.UnixMilli(expires)
	}
	if lead := until.Sub(now); lead < leastLead {
		return "", fmt.Errorf("it expires in %v, and the exchange takes no deadline in less than %v", lead.Round(time.Millisecond), leastLead)
	}
	return until.UTC().Format("2006-01-02T15:04:05.000Z"), nil
}

// look asks for an order that the exchange has accepted, by its own name of it, until it is closed. It is not lost where no look succeeds: Query asks on.
func (v *Venue) look(ctx context.Context, o venue.Order, txid string) venue.Answer {
	last := venue.Answer{Result: core.Pending, Reason: "accepted; what became of it is not known yet"}
	for _, pause := range looks {
		select {
		case <-ctx.Done():
			return last
		case <-time.After(pause):
		}
		var found map[string]order
		if f := v.client.private(ctx, "QueryOrders", url.Values{"txid": {txid}}, &found); f != nil {
			continue
		}
		x, ok := found[txid]
		if !ok || len(found) != 1 {
			continue
		}
		if x.ClientID != "" && normal(x.ClientID) != o.ID {
			return venue.Answer{Result: core.Ambiguous, Reason: "the exchange has the order under another client order id"}
		}
		if last = settle(o, &x, v.config.QuantityDecimals); last.Result != core.Pending {
			return last
		}
	}
	return last
}

// Query implements venue.Venue. It asks for open orders first: one that is closed in between is then found among the closed ones.
func (v *Venue) Query(ctx context.Context, o venue.Order) venue.Answer {
	unknown := func(f *failure) venue.Answer {
		return venue.Answer{Result: core.Ambiguous, Reason: "what became of it cannot be asked: " + f.text, Replay: f.replay}
	}
	var open openOrders
	if f := v.client.private(ctx, "OpenOrders", url.Values{"cl_ord_id": {o.ID}}, &open); f != nil {
		return unknown(f)
	}
	var closed closedOrders
	if f := v.client.private(ctx, "ClosedOrders", url.Values{"cl_ord_id": {o.ID}, "without_count": {"true"}}, &closed); f != nil {
		return unknown(f)
	}
	found := map[string]order{}
	for _, list := range []map[string]order{open.Open, closed.Closed} { // one that is in both is closed by now
		for txid, x := range list {
			if normal(x.ClientID) == o.ID {
				found[txid] = x
			}
		}
	}
	switch len(found) {
	case 0:
		return v.absent(ctx, o)
	case 1:
		for _, x := range found {
			return settle(o, &x, v.config.QuantityDecimals)
		}
	}
	return venue.Answer{Result: core.Ambiguous, Reason: fmt.Sprintf("the exchange has %d orders under our id", len(found)), Replay: true}
}

// absent is the answer for an order that the exchange does not show. It has none when its clock is past the deadline and its lists had time to
// catch up; until then it may still be on its way. An order whose deadline is not known (0) was sent by an earlier process, if it was: the lists have
// had time since this one began.
func (v *Venue) absent(ctx context.Context, o venue.Order) venue.Answer {
	at, from := v.client.now().UnixMilli(), v.begun.UnixMilli()
	if o.Expires != 0 {
		var err error
		if at, err = v.serverTime(ctx); err != nil {
			return venue.Answer{Result: core.Ambiguous, Reason: "the exchange does not show it, and what its clock says is not known: " + err.Error()}
		}
		from = o.Expires
	}
	if left := time.Duration(from-at)*time.Millisecond + listsLag; left > 0 {
		return venue.Answer{Result: core.Pending, Reason: fmt.Sprintf("the exchange does not show it, which is no answer for another %v", left.Round(time.Second))}
	}
	return venue.Answer{Result: core.NotFound, Reason: "the exchange has no such order"}
}

// Cancel implements venue.Venue: it takes the order back, and asks what became of it, whatever the exchange said to that.
func (v *Venue) Cancel(ctx context.Context, o venue.Order) venue.Answer {
	v.accountAt = time.Time{}
	var c cancelled
	f := v.paused(v.client.private(ctx, "CancelOrder", url.Values{"cl_ord_id": {o.ID}}, &c))
	a := v.Query(ctx, o)
	if f != nil && !f.gone && !a.Result.Final() {
		a.Reason = "cancel: " + f.text + "; " + a.Reason
	}
	return a
}

// mostPages of the closed orders are read: 50 orders each.
const mostPages = 40

// OrdersSince implements venue.Listed. Orders of the account without a client order id are nobody's to name.
func (v *Venue) OrdersSince(ctx context.Context, ms int64) ([]string, error) {
	var ids []string
	note := func(list map[string]order) error {
		for txid, x := range list {
			if x.ClientID == "" {
				continue
			}
			opened, err := x.OpenTime.down()
			if err != nil {
				return fmt.Errorf("order %s: opentm: %w", printable(txid), err)
			}
			if int64(opened/(fixed.One/1000)) >= ms {
				ids = append(ids, normal(x.ClientID))
			}
		}
		return nil
	}
	var open openOrders
	if f := v.paused(v.client.private(ctx, "OpenOrders", nil, &open)); f != nil {
		return nil, fmt.Errorf("open orders: %w", f)
	}
	if err := note(open.Open); err != nil {
		return nil, err
	}
	start := strconv.FormatInt(max(ms/1000-1, 0), 10) // exclusive, in whole seconds
	for page, seen := 0, int64(0); ; page++ {
		if page == mostPages {
			return nil, fmt.Errorf("closed orders: expected at most %d since %s, found more", seen, start)
		}
		var closed closedOrders
		form := url.Values{"start": {start}, "closetime": {"open"}, "ofs": {strconv.FormatInt(seen, 10)}}
		if f := v.paused(v.client.private(ctx, "ClosedOrders", form, &closed)); f != nil {
			return nil, fmt.Errorf("closed orders: %w", f)
		}
		if err := note(closed.Closed); err != nil {
			return nil, err
		}
		if seen += int64(len(closed.Closed)); len(closed.Closed) == 0 || seen >= closed.Count {
			return ids, nil
		}
	}
}
