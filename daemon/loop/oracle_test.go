package loop

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/taudaemon/taudaemon/daemon/config"
	"github.com/taudaemon/taudaemon/daemon/core"
	"github.com/taudaemon/taudaemon/daemon/fixed"
	"github.com/taudaemon/taudaemon/daemon/guard"
	"github.com/taudaemon/taudaemon/daemon/ledger"
	"github.com/taudaemon/taudaemon/daemon/oracle"
)

// feed is a server of one source: a price with its publish time, by the rig's clock.
type feed struct {
	mu    sync.Mutex
	nowMS int64
	feedState
}

type feedState struct {
	price    string
	oldMS    int64 // how old the publish time is
	frozenMS int64 // the publish time, if it does not advance
	aheadMS  int64 // by how much the server's clock is ahead of ours
	status   int   // 200 if 0
}

func (f *feed) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	w.Header().Set("Date", time.UnixMilli(f.nowMS+f.aheadMS).UTC().Format(http.TimeFormat))
	if f.status != 0 {
		w.WriteHeader(f.status)
		return
	}
	published := f.nowMS - f.oldMS
	if f.frozenMS != 0 {
		published = f.frozenMS
	}
	fmt.Fprintf(w, `{"price":"%s","time":%d}`, f.price, published)
}

func (f *feed) set(s feedState, nowMS int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.feedState, f.nowMS = s, nowMS
}

// oracleRig is a rig over three real http sources, each with a server of its own. Before every tick the servers are told its time, and what to
// say by state, in the order of the sources.
func oracleRig(t *testing.T, oracleTable string) (r *rig, state *[3]feedState) {
	r, state = newRig(t), &[3]feedState{}
	var feeds [3]*feed
	var sources strings.Builder
	for i := range feeds {
		feeds[i] = &feed{}
		state[i].price = "100"
		server := httptest.NewServer(feeds[i])
		t.Cleanup(server.Close)
		fmt.Fprintf(&sources, "[[oracle.sources]]\nname = 's%d'\nhttp = { url = '%s', price = '$.price', time = '$.time' }\n", i, server.URL)
	}
	r.config = strings.Replace(testConfig, "[oracle]\nmin_quorum = 2\n", "[oracle]\n"+oracleTable+sources.String(), 1)
	c, err := config.Parse("taud.toml", []byte(r.config))
	if err != nil {
		t.Fatal(err)
	}
	made, err := oracle.New(c.Oracle.Sources)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.must(oracle.Close(made)) })
	r.sources = func(ctx context.Context, tick uint64, ms int64) []guard.Quote {
		for i, f := range feeds {
			f.set(state[i], ms)
		}
		return oracle.Gather(ctx, made, tick, ms)
	}
	r.must(r.begin())
	return r, state
}

// lastTick is the record of the last tick.
func (r *rig) lastTick() (tick core.Tick) {
	r.t.Helper()
	for _, rec := range r.records() {
		if rec.Kind == ledger.KindTick {
			tick = core.Tick{}
			r.must(json.Unmarshal(rec.Body(), &tick))
		}
	}
	return tick
}

// enter ticks until a unit is held.
func (r *rig) enter() {
	r.t.Helper()
	for range 20 {
		r.must(r.ticks(1))
		if r.loop.state.Position.Qty == fixed.One {
			return
		}
	}
	r.t.Fatalf("nothing was bought in twenty ticks: %+v", r.lastTick())
}

// TestEachFaultOfTheOracle breaks real sources behind a running loop, once while a position is held and once while flat: the exit is ordered and the
// quarantine has the right reason, or the entry is blocked; and when the sources are well again, the agent trades again.
func TestEachFaultOfTheOracle(t *testing.T) {
	all := func(change func(*feedState)) func(*[3]feedState, int64) {
		return func(s *[3]feedState, _ int64) {
			for i := range s {
				change(&s[i])
			}
		}
	}
	for _, c := range []struct {
		name   string
		oracle string // table of the configuration
		fault  func(s *[3]feedState, nowMS int64)
		after  int // ticks until it shows
		code   core.Code
		detail string // of the first anomaly
		exit   string
		why    [3]string // of each source, as /statusz says it; empty for one that counts
		// recover sets the sources right again; nil puts everything back as it was.
		recover func(s *[3]feedState)
	}{
		{
			name: "all sources are stale", oracle: "min_quorum = 2\n", fault: all(func(f *feedState) { f.oldMS = 1501 }), after: 1,
			code: core.OracleStale, detail: "no fresh source: 0 of 3 sources agree, 2 needed", exit: "stale",
			why: [3]string{"published 1501 ms ago, at most 1500 expected", "published 1501 ms ago, at most 1500 expected", "published 1501 ms ago, at most 1500 expected"},
		},
		{
			name: "the quorum is lost", oracle: "min_quorum = 2\n", fault: func(s *[3]feedState, _ int64) { s[0].status, s[2].status = 500, 404 }, after: 1,
			code: core.OracleStale, detail: "quorum too small: 1 of 3 sources agree, 2 needed", exit: "stale",
			why: [3]string{"status: expected 200, found 500", "", "status: expected 200, found 404"},
		},
		{
			name: "an outlier breaks a quorum of all", oracle: "min_quorum = 3\n", fault: func(s *[3]feedState, _ int64) { s[1].price = "105" }, after: 1,
			code: core.OracleStale, detail: "quorum too small: 2 of 3 sources agree, 3 needed", exit: "stale",
		},
		{
			name: "the publish times of two sources are frozen", oracle: "min_quorum = 2\n",
			fault: func(s *[3]feedState, nowMS int64) { s[0].frozenMS, s[1].frozenMS = nowMS, nowMS }, after: 2,
			code: core.OracleStale, detail: "quorum too small: 1 of 3 sources agree, 2 needed", exit: "stale",
			why: [3]string{"published 2000 ms ago, at most 1500 expected", "published 2000 ms ago, at most 1500 expected", ""},
		},
		{
			name: "our clock is behind that of every source", oracle: "min_quorum = 2\nmax_skew_ms = 2000\n", fault: all(func(f *feedState) { f.aheadMS = 60_000 }), after: 1,
			code: core.ClockSkew, detail: "the clocks of most sources differ: 3 of 3 clocks by more than 2000 ms, the worst by ", exit: "stale",
			why: [3]string{"its clock is ", "its clock is ", "its clock is "},
		},
		{
			name: "the price jumps in all sources", oracle: "min_quorum = 2\nmax_move_bps = 500\n", fault: all(func(f *feedState) { f.price = "110" }), after: 1,
			code: core.PriceMove, detail: "from 100 to 110: 1000 bps in a tick, limit 500", exit: "failure echo",
			recover: func(*[3]feedState) {}, // it stays there, and is believed from the next tick on
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, held := range []bool{true, false} {
				r, state := oracleRig(t, c.oracle)
				if held {
					r.enter()
				} else {
					r.must(r.ticks(3 - c.after)) // it would buy at the third tick, when its windows are full
				}
				well := *state
				c.fault(state, r.clock().Wall().UnixMilli())
				r.must(r.ticks(c.after))
				tick := r.lastTick()
				if len(tick.Anomalies) == 0 || tick.Anomalies[0].Code != c.code || !strings.HasPrefix(tick.Anomalies[0].Detail, c.detail) {
					t.Fatalf("held %t: expected %s: %s, found %v", held, c.code, c.detail, tick.Anomalies)
				}
				if q := tick.Quarantine; !q.Active || q.Reason != c.code || q.Manual {
					t.Fatalf("held %t: expected an Auto quarantine for %s, found %+v", held, c.code, q)
				}
				if ordered := tick.Act != nil && tick.Act.Side == core.Sell && tick.Act.Forced; ordered != held || held && tick.Exit != c.exit {
					t.Fatalf("held %t: expected a forced exit (%s) if anything is held, found %+v, exit %q", held, c.exit, tick.Act, tick.Exit)
				}
				for i, s := range r.loop.last.sources {
					if s.OK != (c.why[i] == "") || !strings.HasPrefix(s.Why, c.why[i]) {
						t.Errorf("held %t: source %s: expected %q, found %+v", held, s.Name, c.why[i], s)
					}
				}
				r.must(r.ticks(1)) // the fault goes on
				if tick := r.lastTick(); tick.Act != nil || !tick.Quarantine.Active || tick.Position != 0 {
					t.Fatalf("held %t: expected to be flat and quarantined, found %+v", held, tick)
				}
				if c.recover == nil {
					*state = well
				} else {
					c.recover(state)
				}
				r.enter()
				if tick := r.lastTick(); tick.Quarantine.Active || !tick.Healthy {
					t.Fatalf("held %t: expected to be well again, found %+v", held, tick)
				}
				r.crash()
			}
		})
	}
}

// TestAFaultThatTheRestOutvotesIsNoAnomaly: of three sources with a quorum of two, one may fail in any way.
func TestAFaultThatTheRestOutvotesIsNoAnomaly(t *testing.T) {
	for name, c := range map[string]struct {
		fault func(f *feedState, nowMS int64)
		why   string // where the source does not count at all; an outlier is fresh, and outvoted
	}{
		"it is down":                     {func(f *feedState, _ int64) { f.status = 404 }, "status: expected 200, found 404"},
		"it is stale":                    {func(f *feedState, _ int64) { f.oldMS = 60_000 }, "published 60000 ms ago"},
		"it lies in the future":          {func(f *feedState, _ int64) { f.oldMS = -60_000 }, "published 60000 ms ahead of our clock"},
		"its price is an outlier":        {func(f *feedState, _ int64) { f.price = "150" }, ""},
		"its price is none":              {func(f *feedState, _ int64) { f.price = "-1" }, "price: expected above 0, found -1"},
		"its clock is another":           {func(f *feedState, _ int64) { f.aheadMS = -60_000 }, "its clock is -"},
		"its publish time is frozen":     {func(f *feedState, nowMS int64) { f.frozenMS = nowMS - 60_000 }, "published "},
		"it asks to be asked less often": {func(f *feedState, _ int64) { f.status = 429 }, "ratelimit: "},
	} {
		t.Run(name, func(t *testing.T) {
			r, state := oracleRig(t, "min_quorum = 2\nmax_skew_ms = 2000\nmax_move_bps = 500\n")
			defer r.crash()
			c.fault(&state[1], r.clock().Wall().UnixMilli())
			r.enter()
			tick := r.lastTick()
			if !tick.Healthy || tick.Quarantine.Active || tick.Facts.Fresh.Quorum != 2 || tick.Facts.Price != fixed.MustParse("100") {
				t.Fatalf("expected a quorum of the other two, found %+v, facts %+v", tick, tick.Facts)
			}
			if s := r.loop.last.sources[1]; s.OK != (c.why == "") || !strings.HasPrefix(s.Why, c.why) {
				t.Fatalf("expected %q, found %+v", c.why, s)
			}
		})
	}
}

// TestStatuszShowsWhatTheSourcesSaidAndWhatTheCostsMakeOfIt asks the running daemon, flat and holding.
func TestStatuszShowsWhatTheSourcesSaidAndWhatTheCostsMakeOfIt(t *testing.T) {
	r, state := oracleRig(t, "min_quorum = 2\n")
	defer r.crash()
	state[0].oldMS, state[0].aheadMS, state[2].status = 700, 9000, 404
	status := func() (s struct {
		Sources []struct {
			Name, Price, Why        string
			OK                      bool
			PublishedMs, ReceivedMs int64
			AgeMs, ClockAheadMs     *int64
		}
		Solver solution
	}) {
		t.Helper()
		answer, err := http.Get("http://" + r.loop.Server.Addr().String() + "/statusz")
		r.must(err)
		defer answer.Body.Close()
		r.must(json.NewDecoder(answer.Body).Decode(&s))
		return s
	}
	r.must(r.ticks(1))
	s := status()
	// Fees of 10 bps each way and the default slippage limit of 10: 1.001^2 / 0.999^2. A unit bought at 100 costs 100.2001; the target is 101.
	want := solution{RoundTripBps: "40.09", BreakEven: "100.400801204", Target: "101", TargetPasses: true, Size: "1"}
	if s.Solver != want {
		t.Errorf("flat: expected %+v, found %+v", want, s.Solver)
	}
	now := r.clock().Wall().UnixMilli()
	if a := s.Sources[0]; !a.OK || a.Price != "100" || a.PublishedMs != now-700 || *a.AgeMs != 700 || a.ReceivedMs < now || *a.ClockAheadMs < 1 || *a.ClockAheadMs > 9000 {
		t.Errorf("source s0: found %+v", a)
	}
	if c := s.Sources[2]; c.OK || c.Why != "status: expected 200, found 404" || c.Price != "" || c.AgeMs != nil {
		t.Errorf("source s2: found %+v", c)
	}
	r.enter()
	// On paper it was bought at 100, and cost 100.1.
	if got, want := status().Solver, (solution{RoundTripBps: "40.09", BreakEven: "100.300500703", Target: "101", TargetPasses: true}); got != want {
		t.Errorf("holding: expected %+v, found %+v", want, got)
	}
}
