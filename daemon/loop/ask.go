package loop

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/taudaemon/taudaemon/daemon/core"
	"github.com/taudaemon/taudaemon/daemon/fixed"
	"github.com/taudaemon/taudaemon/daemon/ledger"
	"github.com/taudaemon/taudaemon/daemon/venue"
)

// maxVenueSkew is how far a venue's clock is believed to be from ours. What expired longer ago than that, the venue has dropped, if it got it.
const maxVenueSkew = 2 * time.Second

// doubt is what is not known of orders that an earlier process may have sent, beside the open intent. Only the venue's word ends it.
type doubt struct {
	// spare is the id of an authorised exit that may have left, empty if there is none.
	spare string
	// until is the Unix time in milliseconds before which an order of an earlier process may still be on its way to the venue.
	until int64
	// intent is the id of a buy that an earlier process left open while nothing was held: the exit that its outcome authorises may have left as well.
	intent string
	// since is the Unix time in milliseconds from which on the ledger may lack a record of an order, 0 if it lacks none; known are the ids in it.
	since int64
	known []string
	// why the orders since then are not known.
	why string
}

// newDoubt is what is not known at a start. After a shutdown in order nothing was sent. After a torn tail the venue is asked for all orders since
// the last outcome, where it can name them: the tail itself was never acted on, unless the disk lost what it had called durable.
func newDoubt(r *Replayer, torn bool, v venue.Venue, boot time.Time, deadline time.Duration) (d doubt) {
	if r.Stopped {
		return d
	}
	d.until = boot.Add(deadline + maxVenueSkew).UnixMilli()
	if s, open := r.State.Spare, r.State.Open; s != nil {
		d.spare = s.ID
	} else if open != nil && open.Side == core.Buy {
		d.intent = open.ID
	}
	if _, lists := v.(venue.Listed); lists && (torn || r.torn) {
		d.since, d.known = r.settledMS+1, r.ids
	}
	return d
}

// String says what is asked for; empty if nothing is.
func (d *doubt) String() string {
	var asked []string
	if d.spare != "" {
		asked = append(asked, "exit "+d.spare)
	}
	if d.since != 0 {
		asked = append(asked, fmt.Sprintf("orders since %d: %s", d.since, d.why))
	}
	return strings.Join(asked, "; ")
}

// heard is what the venue said when it was asked.
type heard struct {
	spare, open *venue.Answer
	orders      []string
	ordersErr   error
	watchErr    error
	account     core.Account
}

// ask asks the venue for everything that is not known: first for the exit that may have left, then for the open intent. It changes nothing.
func (l *Loop) ask(ctx context.Context) (h heard) {
	if l.doubt.spare != "" && l.state.Spare != nil {
		a := l.Venue.Query(ctx, spareOrder(l.state.Spare, l.state.Spare.Qty, 0))
		h.spare = &a
	}
	if open := l.state.Open; open != nil {
		order := venue.OrderOf(open)
		order.Resend = l.Tenure.Margin() > 0
		a := l.Venue.Query(ctx, order)
		h.open = &a
	}
	if v, lists := l.Venue.(venue.Listed); lists && l.doubt.since != 0 {
		h.orders, h.ordersErr = v.OrdersSince(ctx, l.doubt.since)
	}
	return h
}

// observeVenue is what a tick asks: ask, the renewal of a dead man's switch while something could be left live, and what we have.
func (l *Loop) observeVenue(ctx context.Context) heard {
	h := l.ask(ctx)
	if v, watched := l.Venue.(venue.Watched); watched && (l.state.Open != nil || l.state.Position.Qty > 0) {
		h.watchErr = v.Renew(ctx)
	}
	h.account = l.Venue.Account(ctx)
	h.account.Err = l.clean(h.account.Err)
	return h
}

// beside runs f while the caller does something else, and returns how to get its result. On a clock that does not pass by itself there is
// nothing to wait for, and one comes after the other.
func (l *Loop) beside(f func() heard) (result func() heard) {
	if l.Clock.Within != nil {
		return f
	}
	c := make(chan heard, 1)
	go func() { c <- f() }()
	return func() heard { return <-c }
}

// take makes records of what the venue said, and ends what doubts it ended.
func (l *Loop) take(h *heard) error {
	if h.watchErr != nil {
		l.event(core.VenueUnreachable, "the dead man's switch was not renewed: "+l.clean(h.watchErr.Error()))
	}
	if open := l.state.Open; open != nil && h.open != nil {
		if err := l.outcome(open, *h.open); err != nil {
			return err
		}
		if s := l.state.Spare; open.ID == l.doubt.intent && s != nil {
			l.doubt.spare, l.doubt.intent = s.ID, ""
		}
	}
	if h.spare != nil {
		if err := l.takeSpare(*h.spare); err != nil {
			return err
		}
	}
	if s := l.state.Spare; s == nil || s.ID != l.doubt.spare {
		l.doubt.spare = ""
	}
	if l.doubt.since != 0 {
		l.takeOrders(h)
	}
	return nil
}

// takeSpare takes up what became of an authorised exit. It is told as a whole or not at all, since such an order lives for a moment; and after the buy
// whose fills it sold.
func (l *Loop) takeSpare(a venue.Answer) error {
	s, open := l.state.Spare, l.state.Open
	if s == nil || open != nil && open.Side == core.Buy {
		return nil
	}
	var sold int64
	for _, f := range a.Fills {
		sold += int64(f.Qty)
	}
	switch {
	case a.Result == core.NotFound && l.Clock.Wall().UnixMilli() > l.doubt.until:
		l.doubt.spare = "" // it never left
	case !a.Result.Final() || a.Result == core.NotFound:
	case sold > int64(l.state.Position.Qty):
		l.event(core.SettlementMismatch, fmt.Sprintf("exit %s sold %s, and the ledger's fills say %s", s.ID, fixed.Value(sold), l.state.Position.Qty))
	default:
		l.Log.Info("an exit had left when the ledger failed", "id", s.ID, "result", string(a.Result))
		l.doubt.spare = ""
		return l.record(&core.Outcome{Intent: s.Seq, ID: s.ID, Side: core.Sell}, venue.Order{ID: s.ID, Action: s.Action()}, a)
	}
	return nil
}

// takeOrders compares the orders that the venue names with those in the ledger. One that the ledger lacks is for a person to look at.
func (l *Loop) takeOrders(h *heard) {
	if h.ordersErr != nil {
		l.doubt.why = l.clean(h.ordersErr.Error())
		return
	}
	for _, id := range h.orders {
		if !slices.Contains(l.doubt.known, id) {
			l.event(core.OrderAmbiguous, fmt.Sprintf("the venue has order %s since the last outcome, and the ledger whose torn tail was cut has not", id))
		}
	}
	l.doubt.since, l.doubt.known, l.doubt.why = 0, nil, ""
}

// settle asks the venue for what is open, and records what is new.
func (l *Loop) settle(ctx context.Context) error {
	h := l.ask(ctx)
	return l.take(&h)
}

// believed is what an answer about an intent may be taken for, and false where it is no news. A venue that does not have an order may still get
// it, until it would drop it; and who is asked to do something and can't find it has not refused.
func (l *Loop) believed(open *core.Intent, a venue.Answer, asked bool) (venue.Answer, bool) {
	a.Reason = l.clean(a.Reason)
	switch a.Result {
	case core.Filled, core.Partial, core.Refused, core.Cancelled, core.Pending, core.Ambiguous:
	case core.NotFound:
		if !asked {
			a.Result, a.Reason = core.Ambiguous, "the venue does not find the order that it was just given: "+a.Reason
			break
		}
		if l.Clock.Wall().UnixMilli() <= open.Expires+maxVenueSkew.Milliseconds() {
			return a, false
		}
	default:
		a.Reason = fmt.Sprintf("the venue answered %q: %s", a.Result, a.Reason)
		a.Result = core.Ambiguous
	}
	known := l.outcomes[open.ID] && open.Ambiguous == (a.Result == core.Ambiguous)
	return a, a.Result.Final() || len(a.Fills) > 0 || !known
}

// outcome records an answer about the open intent and takes it up, if it is news.
func (l *Loop) outcome(open *core.Intent, a venue.Answer) error { return l.told(open, a, true) }

// told is outcome of an answer to a question, or to the order itself.
func (l *Loop) told(open *core.Intent, a venue.Answer, asked bool) error {
	a, news := l.believed(open, a, asked)
	if !news {
		return nil
	}
	if err := l.record(&core.Outcome{Intent: open.Seq, ID: open.ID, Side: open.Side}, venue.OrderOf(open), a); err != nil {
		return err
	}
	if l.outcomes[open.ID] = true; a.Result.Final() {
		delete(l.outcomes, open.ID)
	}
	return nil
}

// heardOf completes an outcome with an answer, and returns the state after it. While a position is left, it authorises the exit that may leave if
// the ledger fails.
func (l *Loop) heardOf(out *core.Outcome, o venue.Order, a venue.Answer) (core.State, error) {
	out.Result, out.Fills, out.Gas, out.Reason, out.Replay = a.Result, a.Fills, a.Gas, l.clean(a.Reason), a.Replay
	next, err := core.ApplyOutcome(l.state, out)
	if err != nil {
		return next, err
	}
	ticket := ""
	if v, ok := l.Venue.(venue.Ticketed); ok && next.Position.Qty > 0 {
		ticket = v.Next(o, a)
	}
	out.Spare, err = core.NewSpare(&l.boot.Params, &next, exitAfter(&l.state, out), ticket)
	next.Spare = out.Spare
	return next, err
}

// record makes an outcome durable. If that fails, the state is still what the venue said, for who must act on it without a ledger.
func (l *Loop) record(out *core.Outcome, o venue.Order, a venue.Answer) error {
	next, err := l.heardOf(out, o, a)
	if err != nil {
		return &HaltError{Reason: "OutcomeRefused", Err: err}
	}
	l.state = next
	receipt, err := l.commit(ledger.KindOutcome, l.Clock.Wall().UnixMilli(), *out)
	if err != nil {
		return err
	}
	l.state = next.Authorised(receipt.Seq)
	l.Log.Info("outcome", "side", string(out.Side), "result", string(out.Result), "id", out.ID, "fills", out.Fills, "why", out.Reason, "position", next.Position.Qty.String())
	if l.Server != nil {
		l.Server.Metrics().Order(string(out.Side), string(out.Result))
	}
	return nil
}

// clean takes out what must not be shown.
func (l *Loop) clean(s string) string {
	if l.Redact == nil || s == "" {
		return s
	}
	return l.Redact(s)
}
