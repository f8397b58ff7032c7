package remote

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/taudaemon/taudaemon/daemon/fixed"
	"github.com/taudaemon/taudaemon/daemon/guard"
)

// radio plays connections: each is a list of what comes on it, and how it ends.
type radio struct {
	connections []connection
	began       time.Time
	connected   []time.Duration
}

type connection struct {
	after  time.Duration // until it stands
	events []event
	end    *Failure
	bug    bool
}

type event struct {
	after   time.Duration
	price   fixed.Value
	failure *Failure
}

func (*radio) Name() string { return "pyth" }

func (r *radio) Listen(ctx context.Context, heard func(guard.Quote, *Failure)) *Failure {
	if r.began.IsZero() {
		r.began = time.Now()
	}
	r.connected = append(r.connected, time.Since(r.began))
	if len(r.connections) == 0 {
		<-ctx.Done()
		return &Failure{Code: Deadline}
	}
	c := r.connections[0]
	r.connections = r.connections[1:]
	if c.bug {
		panic("a bug")
	}
	time.Sleep(c.after)
	for _, e := range c.events {
		time.Sleep(e.after)
		heard(guard.Quote{Price: e.price, Published: 1}, e.failure)
	}
	return c.end
}

func TestAStream(t *testing.T) {
	refused := &Failure{Code: Connect, Detail: "connection refused", Passing: true}
	cut := &Failure{Code: Connect, Detail: "the answer was cut", Passing: true}
	ms := time.Millisecond
	for _, c := range []struct {
		name        string
		connections []connection
		// What is answered at each of these times since the first poll: a price, or a reason.
		at        []time.Duration
		want      string
		connected string
	}{
		{"a poll before the first answer waits for it", []connection{{events: []event{{after: 40 * ms, price: 1}, {after: 60 * ms, price: 2}}, end: cut}},
			[]time.Duration{0, 50 * ms, 150 * ms}, "[1 1 2]", "[0s]"},
		{"one that cannot connect says why", []connection{{end: refused}, {end: refused}}, []time.Duration{0, 400 * ms}, "[connect: connection refused connect: connection refused]", "[0s]"},
		{"it connects again, after pauses that grow", []connection{{end: refused}, {end: refused}, {end: refused}, {events: []event{{price: 3}}}},
			[]time.Duration{0, 3499 * ms, 3501 * ms}, "[connect: connection refused connect: connection refused 3]", "[0s 500ms 1.5s 3.5s]"},
		{"the last price stands while a broken connection is made anew", []connection{
			{events: []event{{price: 4}}, end: cut}, {after: 100 * ms, events: []event{{price: 5}}, end: cut}},
			[]time.Duration{0, 450 * ms, 590 * ms, 601 * ms}, "[4 4 4 5]", "[0s 500ms]"},
		{"and is gone when that fails", []connection{{events: []event{{price: 4}}, end: cut}, {after: 100 * ms, end: refused}},
			[]time.Duration{0, 590 * ms, 601 * ms}, "[4 4 connect: connection refused]", "[0s 500ms]"},
		{"what is no price replaces the last one", []connection{{events: []event{{price: 4}, {after: 100 * ms, failure: unsure}, {after: 100 * ms, price: 6}}}},
			[]time.Duration{0, 150 * ms, 250 * ms}, "[4 confidence: too wide 6]", "[0s]"},
		{"what was heard begins the pauses anew", []connection{{end: refused}, {end: refused}, {events: []event{{price: 7}}, end: cut}, {events: []event{{price: 8}}}},
			[]time.Duration{0, 1501 * ms, 2001 * ms}, "[connect: connection refused 7 8]", "[0s 500ms 1.5s 2s]"},
		{"the server's wish to wait is heeded", []connection{{end: &Failure{Code: RateLimit, Detail: "expected 200, found 429", After: 9 * time.Second}}, {events: []event{{price: 1}}}},
			[]time.Duration{0, 8999 * ms, 9001 * ms}, "[ratelimit: expected 200, found 429 ratelimit: expected 200, found 429 1]", "[0s 9s]"},
		{"an end without a word is one too", []connection{{}}, []time.Duration{0}, "[connect: the server ended the stream before anything came]", "[0s]"},
		{"a bug ends a connection and not the daemon", []connection{{bug: true}, {events: []event{{price: 1}}}}, []time.Duration{0, 501 * ms}, "[internal: the source panicked 1]", "[0s 500ms]"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := &radio{connections: c.connections}
				s := NewStream(r)
				s.jitter = 0
				began := time.Now()
				var found []string
				for _, at := range c.at {
					time.Sleep(at - time.Since(began))
					q := s.Poll(t.Context(), 1, 1000)
					if q.Source != "pyth" {
						t.Fatalf("%+v", q)
					}
					if q.Err == "" {
						q.Err = fmt.Sprint(int64(q.Price))
					}
					found = append(found, q.Err)
				}
				connected := fmt.Sprint(r.connected)
				if err := s.Close(); err != nil {
					t.Fatal(err)
				}
				if fmt.Sprint(found) != c.want || connected != c.connected {
					t.Fatalf("expected %s, connected at %s\nfound    %s, connected at %s", c.want, c.connected, found, connected)
				}
			})
		})
	}
}

func TestAStreamedQuoteWasReceivedWhenItCame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := NewStream(&radio{connections: []connection{{events: []event{{price: 1}}, end: broken}}})
		defer func() { _ = s.Close() }()
		s.Poll(t.Context(), 1, 1000)
		time.Sleep(300 * time.Millisecond)
		if q := s.Poll(t.Context(), 2, 1300); q.Received != 1000 {
			t.Fatalf("expected 1000, found %d", q.Received)
		}
	})
}

func TestTheFirstPollOfAStreamWaitsNoLongerThanItsDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := NewStream(&radio{})
		defer func() { _ = s.Close() }()
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		defer cancel()
		began := time.Now()
		if q := s.Poll(ctx, 1, 1000); q.Err != "deadline" || time.Since(began) != 200*time.Millisecond {
			t.Fatalf("%+v after %v", q, time.Since(began))
		}
	})
}

func TestAStreamThatWasNeverPolledHasNothingToClose(t *testing.T) {
	if err := NewStream(&radio{}).Close(); err != nil {
		t.Fatal(err)
	}
}
