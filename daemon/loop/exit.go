package loop

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/taudaemon/taudaemon/daemon/core"
	"github.com/taudaemon/taudaemon/daemon/fixed"
	"github.com/taudaemon/taudaemon/daemon/ledger"
	"github.com/taudaemon/taudaemon/daemon/venue"
)

// ClientID is the client order id of the intent in a record: the first 16 bytes of its leaf hash in hex. It contains epoch and sequence
// number by way of the hash, so it is never used twice.
func ClientID(leaf ledger.Hash) string { return leaf.String()[:32] }

// ExitID is the client order id of the exit that an order's outcome authorises in advance. It follows from the order's own, so that it is known after a
// crash even if the outcome's record was lost.
func ExitID(id string) string {
	h := sha256.Sum256([]byte("exit " + id))
	return hex.EncodeToString(h[:16])
}

// exitAfter is the id of the exit that an outcome authorises: of one that was not sent, the same again; of none, or of one that was, another. One that the
// venue says it never got counts as not sent: if it is on its way all the same, a venue carries out one of two with the same id.
func exitAfter(s *core.State, out *core.Outcome) string {
	if s.Spare != nil && s.Spare.ID != out.ID {
		return s.Spare.ID
	}
	return ExitID(out.ID)
}

// spareOrder is the exit as the venue gets it.
func spareOrder(s *core.Spare, qty fixed.Value, expires int64) venue.Order {
	o := venue.Order{ID: s.ID, Action: s.Action()}
	o.Qty, o.Expires = qty, expires
	return o
}

// ledgerFailed says that the ledger could not be written: from then on, nothing that leaves can have a record before it.
func ledgerFailed(err error) bool {
	if err == nil { // at every tick
		return false
	}
	var halt *HaltError
	return errors.As(err, &halt) && (halt.Reason == "CommitFailed" || halt.Reason == "LedgerPoisoned")
}

// lastExit is what a failed ledger leaves to do: the one exit that was authorised while it still worked. What became of it stands in the error, for
// the halt's report; the venue tells it again to the process that recovers.
func (l *Loop) lastExit(err error) error {
	if !ledgerFailed(err) {
		return err
	}
	ctx, cancel := l.Clock.within(context.Background(), min(l.Config.Tick.Deadline, max(l.Tenure.Margin(), 0)))
	defer cancel()
	said := l.exitWithoutLedger(ctx)
	if said == "" {
		return err
	}
	l.Log.Error(err, "the ledger failed", "then", said)
	var halt *HaltError
	errors.As(err, &halt) // it is one
	return &HaltError{Reason: halt.Reason, Err: fmt.Errorf("%w; %s", halt.Err, said)}
}

// exitWithoutLedger sends the authorised exit if a position is held and no other order of ours can be live, and says what it did.
func (l *Loop) exitWithoutLedger(ctx context.Context) string {
	if l.state.Open == nil && l.state.Position.Qty == 0 {
		return ""
	}
	if l.Tenure.Margin() <= 0 {
		return l.kept("the Lease is lost")
	}
	if asked := l.doubt.String(); asked != "" {
		return l.kept("the venue has not said yet what became of " + asked)
	}
	if open := l.state.Open; open != nil {
		id := open.ID
		if why := l.calledBack(ctx, open); why != "" {
			return l.kept("order " + id + " may be live: " + why)
		}
	}
	s := l.state.Spare
	if l.state.Position.Qty == 0 {
		return "nothing is held, by the venue's word"
	}
	if s == nil {
		return l.kept("no exit was authorised")
	}
	qty := min(s.Qty, l.state.Position.Qty)
	if a := l.Venue.Account(ctx); a.Err == "" {
		qty = min(qty, a.Base)
	}
	if qty <= 0 {
		return l.kept("the venue holds nothing to sell")
	}
	expires := l.Clock.Wall().Add(min(l.Config.Tick.Deadline, max(l.Tenure.Margin(), 0))).UnixMilli()
	order := spareOrder(s, qty, expires)
	a := l.Venue.Do(ctx, order)
	next, err := l.heardOf(&core.Outcome{Intent: s.Seq, ID: s.ID, Side: core.Sell}, order, a)
	if err == nil { // one that is not final leaves the position as it was
		l.state = next
	}
	if l.Server != nil {
		l.Server.Metrics().Order(string(core.Sell), string(a.Result))
	}
	return fmt.Sprintf("the authorised exit %s of %s was sent: %s %s; the position is now %s by the venue's word, and in the ledger when it has been opened again",
		s.ID, qty, a.Result, l.clean(a.Reason), l.state.Position.Qty)
}

func (l *Loop) kept(why string) string {
	return fmt.Sprintf("the position of %s is kept, unguarded: the authorised exit was not sent: %s", l.state.Position.Qty, why)
}

// calledBack takes an open order back and takes up what became of it, without a record. It says why that is not known.
func (l *Loop) calledBack(ctx context.Context, open *core.Intent) (why string) {
	a, _ := l.believed(open, l.Venue.Cancel(ctx, venue.OrderOf(open)), true)
	if !a.Result.Final() || a.Result == core.NotFound && l.Clock.Wall().UnixMilli() <= open.Expires+maxVenueSkew.Milliseconds() {
		return fmt.Sprintf("%s %s", a.Result, a.Reason)
	}
	next, err := l.heardOf(&core.Outcome{Intent: open.Seq, ID: open.ID, Side: open.Side}, venue.OrderOf(open), a)
	if err != nil {
		return err.Error()
	}
	l.state = next
	return ""
}
