package loop

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/taudaemon/taudaemon/daemon/core"
	"github.com/taudaemon/taudaemon/daemon/fixed"
	"github.com/taudaemon/taudaemon/daemon/guard"
	"github.com/taudaemon/taudaemon/daemon/ledger"
	"github.com/taudaemon/taudaemon/daemon/tau"
	"github.com/taudaemon/taudaemon/daemon/venue"
)

// says makes the kernel say a stream's bit, whatever it would have said.
func (l *lab) says(stream string, bit uint64) {
	l.t.Helper()
	e := l.engines[kernelAt]
	i := slices.IndexFunc(e.Info().Outputs, func(s tau.Stream) bool { return strings.HasSuffix(s.Path, stream) })
	if i < 0 {
		l.t.Fatalf("no stream %s", stream)
	}
	before := e.change
	e.change = func(out []uint64) {
		if before != nil {
			before(out)
		}
		out[i] = bit
	}
}

// story is what the records say of a run, a line an event: "03 buy kernel", "04 OracleStale", "04 sell stale", "05 refused burn: ..." and "outcome sell filled".
func (l *lab) story() (lines []string) {
	l.t.Helper()
	say := func(parts ...string) { lines = append(lines, strings.Join(parts, " ")) }
	for _, rec := range l.records() {
		switch rec.Kind {
		case ledger.KindTick:
			var t core.Tick
			l.must(decode(rec, &t))
			n := fmt.Sprintf("%02d", t.Tick)
			for _, a := range t.Anomalies {
				say(n, string(a.Code))
			}
			if t.Act != nil {
				say(n, string(t.Act.Side), t.Act.Reason)
			}
			if t.Refused != "" {
				say(n, "refused", t.Refused)
			}
		case ledger.KindOutcome:
			var o core.Outcome
			l.must(decode(rec, &o))
			say("outcome", string(o.Side), string(o.Result))
		}
	}
	return lines
}

// quarantined is the reason of the last quarantine, empty if there was none.
func (l *lab) quarantined() (why core.Code) {
	l.t.Helper()
	for _, rec := range l.records() {
		if rec.Kind == ledger.KindTick {
			var t core.Tick
			l.must(decode(rec, &t))
			if t.Quarantine.Active {
				why = t.Quarantine.Reason
			}
		}
	}
	return why
}

// checkReplay replays the records: to the same bytes, or where the kernel lied up to the tick at which it first did.
func (l *lab) checkReplay(lied bool) {
	l.t.Helper()
	if !lied {
		l.replayed()
		return
	}
	var replay Replayer
	for _, rec := range l.records() {
		if err := replay.Apply(rec); err != nil {
			if diverged := new(DivergedError); !errors.As(err, &diverged) || rec.Kind != ledger.KindTick {
				l.t.Fatalf("expected the lie to be found, found %v", err)
			}
			return
		}
	}
	l.t.Fatal("the kernel lied, and replay finds nothing")
}

// staysOut: a kernel whose streams do not follow from each other takes on nothing any more, whoever acknowledges what. Other specs begin anew.
func (l *lab) staysOut() {
	l.t.Helper()
	for range 12 {
		l.tenure.commands.Acknowledge = l.loop.state.Quarantine.Incident
		if t := l.step(); bought(t) || !t.Quarantine.Active {
			l.t.Fatalf("expected it to stay out, found %+v %+v", t.Act, t.Quarantine)
		}
	}
}

// TestTheFiveFaultClasses lets each happen through the loop, from outside and, where a spec's kernel could be wrong about it, from a kernel that is. The
// story is all that the records say. Then the ledger is replayed: to the same bytes, or where the kernel lied, to the tick of the lie. The quarantine ends as
// it must, and it is traded again, but where a kernel was caught in a lie that it never mends.
func TestTheFiveFaultClasses(t *testing.T) {
	const bought = "03 buy kernel; outcome buy filled"
	for _, c := range []struct {
		name   string
		edit   []string // of the configuration
		prices []string // of ticks 1, 2, ...: the last one stays
		inject func(l *lab, tick int)
		story  string
		reason core.Code // of the quarantine; empty for none
		stays  bool      // no acknowledgement ends it: 04 has seen a buy and never the sell
	}{
		{
			name: "1 oracle stale, while a position is held", prices: []string{"100"},
			inject: func(l *lab, tick int) {
				if tick == 4 {
					l.quotes = func(q []guard.Quote) {
						for i := range q {
							q[i].Published -= 10_000
						}
					}
				}
			},
			story:  bought + "; 04 OracleStale; 04 sell stale; outcome sell filled; 05 OracleStale; 06 OracleStale; 07 OracleStale",
			reason: core.OracleStale,
		},
		{
			name: "1 oracle missing, while a position is held", prices: []string{"100", "100", "100", ""},
			story:  bought + "; 04 OracleStale; 04 sell stale; outcome sell filled; 05 OracleStale; 06 OracleStale; 07 OracleStale",
			reason: core.OracleStale,
		},
		{
			name: "1 oracle missing, from the start: nothing is bought, and nothing is wrong yet", prices: []string{""},
			story: "",
		},
		{
			name: "1 a kernel that holds on while the oracle is stale: the position leaves by the word of 04", prices: []string{"100", "100", "100", ""},
			inject: func(l *lab, tick int) {
				if tick >= 4 {
					l.says("sell_signal.out", 0)
					l.says("holding.out", 1)
					l.says("state.out", 1)
				}
			},
			story: bought + "; 04 OracleStale; 04 InvariantBroken; 04 sell invariant; outcome sell filled; 05 OracleStale; 05 BeliefDiffers; 05 InvariantBroken; " +
				"06 OracleStale; 06 BeliefDiffers; 06 InvariantBroken; 07 OracleStale; 07 BeliefDiffers; 07 InvariantBroken",
			reason: core.InvariantBroken, stays: true,
		},
		{
			name: "2 profit guard false at the sell: no burn", prices: []string{"100", "100", "100", "100", "99.9"},
			story: bought + "; 06 sell timeout; outcome sell filled",
		},
		{
			name: "2 profit guard true at the sell: a burn, after it is final", prices: []string{"100", "100", "100", "102"},
			story: bought + "; 04 sell target; outcome sell filled; 05 burn realised profit; outcome burn filled; 06 buy kernel; outcome buy filled",
		},
		{
			name: "2 profit guard true at the sell, which is filled at a loss: the burn is cancelled", prices: []string{"100", "100", "100", "102"},
			inject: func(l *lab, tick int) {
				if l.do = nil; tick == 4 {
					l.do = func(m *market, o venue.Order) venue.Answer {
						a := m.Do(context.Background(), o)
						a.Fills[0].Price = fixed.MustParse("99")
						return a
					}
				}
			},
			story:  bought + "; 04 sell target; outcome sell filled; 05 SlippageExceeded; 05 refused burn: cancelled, the sell realised -1",
			reason: core.SlippageExceeded,
		},
		{
			name: "2 a kernel that burns although the profit guard is false", prices: []string{"100", "100", "100", "100", "99.9"},
			inject: func(l *lab, tick int) {
				if tick == 6 {
					l.says("burn_event.out", 1)
				} else {
					l.engines[kernelAt].change = nil
				}
			},
			story:  bought + "; 06 InvariantBroken; 06 sell timeout; outcome sell filled; 07 refused burn: cancelled, the sell realised -0.1",
			reason: core.InvariantBroken,
		},
		{
			name: "3 failure echo of a refused order: no entry while it is held", prices: []string{"100"},
			inject: func(l *lab, tick int) {
				if l.do = nil; tick == 3 {
					l.answers(venue.Answer{Result: core.Refused, Reason: "no"})
				}
			},
			story:  "03 buy kernel; outcome buy refused; 04 OrderRefused; 04 BeliefDiffers",
			reason: core.OrderRefused,
		},
		{
			name: "3 failure echo while a position is held: it leaves", prices: []string{"100"},
			inject: func(l *lab, tick int) {
				if l.skew = 0; tick >= 4 {
					l.skew = time.Minute
				}
			},
			story:  bought + "; 04 ClockStep; 04 sell failure echo; outcome sell filled",
			reason: core.ClockStep,
		},
		{
			name: "3 a kernel that buys under a failure echo", prices: []string{"100"},
			inject: func(l *lab, tick int) {
				l.engines[kernelAt].change = nil
				switch tick {
				case 2:
					l.skew = time.Minute
				case 3:
					l.says("buy_signal.out", 1)
				}
			},
			story: "02 ClockStep; 03 InvariantBroken; 03 ShieldRefused; 03 refused buy: anomalies at this tick; " +
				"04 InvariantBroken; 05 InvariantBroken; 06 InvariantBroken; 07 InvariantBroken",
			reason: core.InvariantBroken, stays: true,
		},
		{
			name: "4 a buy that is replayed: the venue knows the id", prices: []string{"100"},
			inject: func(l *lab, tick int) {
				if l.do = nil; tick == 3 {
					l.answers(venue.Answer{Result: core.Refused, Reason: "duplicate", Replay: true})
				}
			},
			story:  "03 buy kernel; outcome buy refused; 04 ReplayAlert; 04 OrderRefused; 04 BeliefDiffers",
			reason: core.ReplayAlert,
		},
		{
			name: "4 a kernel that buys a second time", prices: []string{"100"},
			inject: func(l *lab, tick int) {
				if l.engines[kernelAt].change = nil; tick == 4 {
					l.says("buy_signal.out", 1)
				}
			},
			story:  bought + "; 04 InvariantBroken; 04 ShieldRefused; 04 sell invariant; 04 refused buy: buy and sell in one tick; outcome sell filled; 05 BeliefDiffers",
			reason: core.InvariantBroken,
		},
		{
			name: "5 timeout of a position: it is sold by the kernel's own count, and nothing is wrong", prices: []string{"100"},
			story: bought + "; 06 sell timeout; outcome sell filled",
		},
		{
			name: "5 a kernel that does not see that a position's time is up", prices: []string{"100"},
			inject: func(l *lab, tick int) {
				if l.engines[kernelAt].change = nil; tick == 6 {
					l.says("sell_signal.out", 0)
					l.says("holding.out", 1)
				}
			},
			story:  bought + "; 06 InvariantBroken; 06 sell invariant; outcome sell filled; 07 BeliefDiffers; 07 InvariantBroken",
			reason: core.InvariantBroken, stays: true,
		},
		{
			name: "5 timeout of an order: it is asked for, never sent again, and blocks the next", prices: []string{"100"},
			inject: func(l *lab, tick int) {
				if l.do = nil; tick == 3 {
					l.answers(venue.Answer{Result: core.Ambiguous, Reason: "no reply"})
					l.silent = true
				}
			},
			story:  "03 buy kernel; outcome buy ambiguous; 04 OrderAmbiguous",
			reason: core.OrderAmbiguous,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := newLab(t, c.edit...)
			l.price = func(tick uint64) string { return c.prices[min(int(tick), len(c.prices))-1] }
			for tick := 1; tick <= 7; tick++ {
				if c.inject != nil {
					c.inject(l, tick)
				}
				l.must(l.ticks(1))
			}
			if got := strings.Join(l.story(), "; "); got != c.story {
				t.Fatalf("expected the records to say\n%s\nfound\n%s", c.story, got)
			}
			if why := l.quarantined(); why != c.reason {
				t.Fatalf("expected a quarantine for %q, found %q", c.reason, why)
			}
			l.checkReplay(strings.Contains(c.name, " a kernel that "))
			switch l.heal(); {
			case c.stays:
				l.staysOut()
			case c.reason != "":
				l.recovers(c.reason)
			}
		})
	}
}
