package loop

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/taudaemon/taudaemon/api/v1alpha1"
	"github.com/taudaemon/taudaemon/daemon/command"
	"github.com/taudaemon/taudaemon/daemon/core"
	"github.com/taudaemon/taudaemon/daemon/ledger"
	"github.com/taudaemon/taudaemon/daemon/venue"
	"github.com/taudaemon/taudaemon/daemon/venue/paper"
)

// ordering is a rig whose daemon takes the orders of a person.
func ordering(t *testing.T) (*rig, string) {
	r := newRig(t)
	data := t.TempDir()
	inbox, err := command.Open(data)
	r.must(err)
	r.inbox = inbox
	return r, data
}

func (r *rig) order(data string, o command.Order) *command.Given {
	r.t.Helper()
	g, err := command.Give(data, o)
	r.must(err)
	return g
}

// answered is what the daemon has answered by now.
func (r *rig) answered(g *command.Given) command.Answer {
	r.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	cancel() // it looks once
	a, err := g.Wait(ctx)
	r.must(err)
	return a
}

func (r *rig) unanswered(g *command.Given) {
	r.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if a, err := g.Wait(ctx); err == nil {
		r.t.Fatalf("answered too early: %+v", a)
	}
}

// orders are the command records.
func (r *rig) orders() (commands []core.Command) {
	r.t.Helper()
	for _, rec := range r.records() {
		if rec.Kind == ledger.KindCommand {
			var c core.Command
			r.must(json.Unmarshal(rec.Body(), &c))
			commands = append(commands, c)
		}
	}
	return commands
}

func haltOrderedBy(t *testing.T, err error, why string) {
	t.Helper()
	var halt *HaltError
	if !errors.As(err, &halt) || halt.Reason != ReasonHaltOrdered || !strings.Contains(err.Error(), why) {
		t.Fatalf("expected a halt for %q, found %v", why, err)
	}
}

// TestAPersonsHaltEndsTheTickingInOrderAndSurvivesRestarts until it is released.
func TestAPersonsHaltEndsTheTickingInOrderAndSurvivesRestarts(t *testing.T) {
	r, data := ordering(t)
	m := r.withMarket(paper.Config{FeeBpsBuy: 10, FeeBpsSell: 10})
	r.must(r.begin())
	r.must(r.ticks(3))
	held := m.ours()
	if held == 0 {
		t.Fatal("no position to begin with")
	}
	before := len(r.records())
	g := r.order(data, command.Order{Halt: "the exchange is down for maintenance"})
	if r.loop.nothingOrdered() {
		t.Error("the halt waits for the beat")
	}
	err := r.ticks(1)
	haltOrderedBy(t, err, "the exchange is down for maintenance")
	if a := r.answered(g); !a.Done || !strings.Contains(a.Text, "halted after tick 3 with a position of 1") {
		t.Errorf("%+v", a)
	}
	recs := r.records()[before:]
	if kinds := kindsOf(recs); kinds != "command snapshot shutdown" {
		t.Fatalf("expected the command, the state and the end, found %s", kinds)
	}
	var end core.Shutdown
	r.must(json.Unmarshal(recs[2].Body(), &end))
	if want := (core.Shutdown{Reason: "halted: the exchange is down for maintenance", Position: held}); end != want {
		t.Errorf("expected %+v, found %+v", want, end)
	}
	if want := []core.Command{{Halt: "the exchange is down for maintenance", Local: true}}; !slices.Equal(r.orders(), want) {
		t.Errorf("expected %+v, found %+v", want, r.orders())
	}
	if rep := r.loop.Report(v1alpha1.PhaseHalted); rep.Position.Quantity != "1" || rep.Ledger.Size != int64(before+3) {
		t.Errorf("%+v %+v", rep.Position, rep.Ledger)
	}
	r.replayed()
	r.crash()

	// A start is refused as long as nobody releases it: nothing is written, and the venue is not asked.
	r.venue = func(v venue.Venue) venue.Venue { return deaf{v, t} }
	r.market = nil
	for range 2 {
		size := len(r.bytes())
		haltOrderedBy(t, r.begin(), "which taud release ends")
		if rep := r.loop.Report(v1alpha1.PhaseHalted); rep.Position.Quantity != "1" || rep.Tick != 3 || rep.Ledger.Size != int64(before+3) || rep.ConfigDigest == "" {
			t.Errorf("expected what is known, found %+v", rep)
		}
		r.crash()
		if len(r.bytes()) != size {
			t.Fatal("a halted ledger was written to")
		}
	}

	// A second halt while it is halted is a record as well, and changes nothing.
	r.market = m
	again := r.order(data, command.Order{Halt: "still down"})
	haltOrderedBy(t, r.begin(), "still down")
	if a := r.answered(again); !a.Done {
		t.Errorf("%+v", a)
	}
	r.crash()

	released := r.order(data, command.Order{Release: true})
	r.must(r.begin())
	r.unanswered(released) // its record is durable, and its tick not yet
	r.must(r.ticks(1))
	if a := r.answered(released); !a.Done || a.Text != "the halt is ended: still down" {
		t.Errorf("%+v", a)
	}
	if n := len(r.orders()); n != 3 {
		t.Errorf("expected a record of each of the three orders, found %+v", r.orders())
	}
	r.must(r.ticks(20))
	if len(m.sent) < 3 {
		t.Errorf("no trade after the release: %+v", m.sent)
	}
	r.replayed()
	r.crash()
	r.must(r.begin()) // and the next start is one as any
	r.must(r.ticks(1))
}

func kindsOf(recs []*ledger.Record) string {
	var kinds []string
	for _, rec := range recs {
		kinds = append(kinds, string(rec.Kind))
	}
	return strings.Join(kinds, " ")
}

// TestAHaltIsNotLostWhereverTheProcessEnds: at each commit on the way, the ledger fails or the process dies; the order is answered by a later one.
func TestAHaltIsNotLostWhereverTheProcessEnds(t *testing.T) {
	for at := 1; at <= 3; at++ {
		for _, kept := range []bool{false, true} {
			r, data := ordering(t)
			r.must(r.begin())
			r.must(r.ticks(2)) // flat: nothing leaves when the ledger fails
			g := r.order(data, command.Order{Halt: "stop"})
			r.loop.Ledger = &breaks{Ledger: r.ledger, at: at, kept: kept}
			if err := r.ticks(1); !ledgerFailed(err) {
				t.Fatalf("commit %d: expected the ledger to fail, found %v", at, err)
			}
			r.unanswered(g)
			r.crash()
			haltOrderedBy(t, r.begin(), "stop")
			if a := r.answered(g); !a.Done {
				t.Fatalf("commit %d, kept %t: %+v", at, kept, a)
			}
			r.replayed()
			r.crash()
			haltOrderedBy(t, r.begin(), "stop")
			r.crash()
		}
	}
}

func TestAReleaseOfAnIncident(t *testing.T) {
	for name, c := range map[string]struct {
		order    command.Order
		done     bool
		text     string
		released bool
	}{
		"the one at hand":           {command.Order{Release: true}, true, "incident q4 (BalanceLow) is released at tick 7", true},
		"the named one":             {command.Order{Release: true, Incident: "q4"}, true, "incident q4 (BalanceLow) is released at tick 7", true},
		"one that it is not":        {command.Order{Release: true, Incident: "q3"}, false, "no incident released: expected q4 (BalanceLow), found q3", false},
		"one, as if it were a halt": {command.Order{Release: true, Incident: "halt"}, false, "no incident released: expected q4 (BalanceLow), found halt", false},
	} {
		t.Run(name, func(t *testing.T) {
			r, data := ordering(t)
			r.config = testConfig + "[quarantine]\nrelease = \"manual\"\n"
			m := r.withMarket(paper.Config{FeeBpsBuy: 10, FeeBpsSell: 10})
			r.must(r.begin())
			r.must(r.ticks(3))
			whole := m.Venue
			m.foreign, m.Venue = 0, paper.New(paper.Config{}, 0, 0) // a venue that holds nothing of ours
			r.must(r.ticks(1))
			m.foreign, m.Venue = foreign, whole
			r.must(r.ticks(2))
			if q := r.loop.state.Quarantine; q.Incident != "q4" || !q.Manual {
				t.Fatalf("%+v", q)
			}
			g := r.order(data, c.order)
			r.must(r.ticks(1))
			if a := r.answered(g); a.Done != c.done || a.Text != c.text {
				t.Errorf("expected %t %q, found %+v", c.done, c.text, a)
			}
			if active := r.loop.state.Quarantine.Active; active == c.released {
				t.Errorf("expected it released: %t, found %+v", c.released, r.loop.state.Quarantine)
			}
			want := core.Command{Acknowledge: c.order.Incident, Release: true, Local: true}
			if want.Acknowledge == "" {
				want.Acknowledge = "q4"
			}
			if !slices.Equal(r.orders(), []core.Command{want}) {
				t.Errorf("expected %+v once, found %+v", want, r.orders())
			}
			r.replayed()
		})
	}
}

func TestAReleaseOfNothingSaysSo(t *testing.T) {
	r, data := ordering(t)
	r.must(r.begin())
	r.must(r.ticks(2))
	for incident, want := range map[string]string{
		"":   "nothing to release: neither a halt nor an incident",
		"q1": "no incident released: expected none, for there is no quarantine, found q1",
	} {
		g := r.order(data, command.Order{Release: true, Incident: incident})
		r.must(r.ticks(1))
		if a := r.answered(g); a.Done || a.Text != want {
			t.Errorf("expected %q, found %+v", want, a)
		}
	}
	r.replayed()
}

// TestAReleaseThatAHaltOvertakesSaysThatItDidNothing: the tick that would have carried it out does not come.
func TestAReleaseThatAHaltOvertakesSaysThatItDidNothing(t *testing.T) {
	r, data := ordering(t)
	r.config = testConfig + "[quarantine]\nrelease = \"manual\"\n"
	r.must(r.begin())
	r.must(r.ticks(2))
	r.price = at("")
	r.must(r.ticks(1))
	r.price = at("100")
	r.must(r.ticks(1))
	incident := r.loop.state.Quarantine.Incident
	release := r.order(data, command.Order{Release: true})
	halt := r.order(data, command.Order{Halt: "stop"})
	haltOrderedBy(t, r.ticks(1), "stop")
	if a := r.answered(release); a.Done || !strings.Contains(a.Text, "a halt was ordered before the next tick") {
		t.Errorf("%+v", a)
	}
	if a := r.answered(halt); !a.Done {
		t.Errorf("%+v", a)
	}
	r.crash()
	both := r.order(data, command.Order{Release: true})
	r.must(r.begin())
	r.must(r.ticks(1))
	if a := r.answered(both); !a.Done || !strings.HasPrefix(a.Text, "the halt is ended: stop; incident "+incident) || r.loop.state.Quarantine.Active {
		t.Errorf("%+v, quarantine %+v", a, r.loop.state.Quarantine)
	}
	r.replayed()
}

// TestAHaltAsksForTheOpenOrderOnce, and the release goes on asking.
func TestAHaltAsksForTheOpenOrderOnce(t *testing.T) {
	r, data := ordering(t)
	m := r.withMarket(paper.Config{Latency: 3 * time.Second})
	r.must(r.begin())
	r.must(r.ticks(3))
	if r.loop.state.Open == nil {
		t.Fatalf("expected an open order, found %+v", r.loop.last.record)
	}
	r.order(data, command.Order{Halt: "stop"})
	haltOrderedBy(t, r.ticks(1), "stop")
	if r.loop.state.Open == nil || len(m.sent) != 1 {
		t.Fatalf("open %+v, sent %+v", r.loop.state.Open, m.sent)
	}
	r.crash()
	r.now += 10 * time.Second
	r.order(data, command.Order{Release: true})
	r.must(r.begin())
	r.must(r.ticks(1))
	r.settled()
	r.replayed()
}

// TestAFolderOfOrdersThatIsGoneEndsNothing: the ticking goes on, and the operator is heard.
func TestAFolderOfOrdersThatIsGoneEndsNothing(t *testing.T) {
	r, data := ordering(t)
	r.must(r.begin())
	r.must(os.Remove(filepath.Join(data, "commands")))
	r.must(r.ticks(3))
}
