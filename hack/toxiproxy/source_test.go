package toxiproxy

import (
	"slices"
	"strings"
	"testing"

	"github.com/taudaemon/taudaemon/daemon/core"
	"github.com/taudaemon/taudaemon/hack/toxiproxy/network"
)

// TestWhateverTheNetworkDoesToTheSources first does it to one of three sources, whom the other two outvote, and then to all while a position is held:
// it is sold without a fresh price, nothing is bought, and when the network is well all three count again.
func TestWhateverTheNetworkDoesToTheSources(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		do   func(l *network.Link)
		// polled and streamed are what a source says of it, once at least; a stream whose prices grow old on the way says nothing.
		polled, streamed string
	}{
		{"every answer takes ten seconds", func(l *network.Link) { l.Poison("latency", network.FromServer, network.Attributes{"latency": 10_000}) }, "deadline", ""},
		{"every answer trickles", func(l *network.Link) {
			l.Poison("slicer", network.FromServer, network.Attributes{"average_size": 1, "delay": 100_000})
		}, "deadline", ""},
		{"every answer ends in the middle", func(l *network.Link) { l.Poison("limit_data", network.FromServer, network.Attributes{"bytes": 40}) }, "connect: the answer was cut", "connect: "},
		{"every connection is reset", func(l *network.Link) {
			l.Poison("reset_peer", network.ToServer, network.Attributes{"timeout": 0})
			l.Drop()
		}, "connect: ", "connect: "},
		{"nobody listens any more", (*network.Link).Down, "connect: connection refused", "connect: connection refused"},
		{"the name is gone", (*network.Link).Forget, "connect: the host's name is not resolved", "connect: the host's name is not resolved"},
	} {
		for _, alone := range []string{"http", "poll", "stream"} {
			t.Run(c.name+", of "+alone+" first", func(t *testing.T) {
				d := newDesk(t)
				d.until("a good start", d.well)
				begun := d.state.Tick
				c.do(d.sources[alone])
				d.until("a quorum of the other two", func() bool { return d.last().Facts.Fresh.Quorum == 2 })
				for range 4 {
					d.tick()
				}
				for _, tick := range d.ticks() {
					if tick.Tick > begun && (tick.Facts.Fresh.Quorum < 2 || tick.Quarantine.Active) {
						t.Fatalf("expected that the others outvote it, found %+v, quorum %d", tick.Anomalies, tick.Facts.Fresh.Quorum)
					}
				}

				d.until("a flat position", d.flat)
				d.market.setCalm(true) // so that nothing but the fault ends the next position
				d.until("a position", func() bool { return d.held() && !d.state.Quarantine.Active })
				since := d.state.Tick
				for _, name := range d.names {
					if name != alone {
						c.do(d.sources[name])
					}
				}
				d.until("the exit", func() bool { return d.found(core.OracleStale, since) && d.flat() })
				d.wantQuarantine(core.OracleStale, since)
				forced := func(tick core.Tick) bool {
					return tick.Tick > since && tick.Act != nil && tick.Act.Side == core.Sell && tick.Act.Forced && tick.Exit == "stale"
				}
				if !slices.ContainsFunc(d.ticks(), forced) {
					t.Errorf("expected a forced exit for stale prices, found %+v", d.outcomes())
				}
				for range 3 {
					d.tick()
				}
				for i, name := range d.names {
					want := map[string]string{"http": c.polled, "poll": c.polled, "stream": c.streamed}[name]
					said := func(tick core.Tick) bool { return want == "" || strings.HasPrefix(tick.Obs.Quotes[i].Err, want) }
					if !slices.ContainsFunc(d.ticks(), said) {
						t.Errorf("expected %q of %s, found %+v", want, name, d.last().Obs.Quotes[i])
					}
				}

				for _, l := range d.sources {
					l.Heal()
				}
				d.until("all sources again", func() bool { return d.last().Facts.Fresh.Quorum == len(d.names) })
				d.tradesAgain()
				d.reconcile()
			})
		}
	}
}
