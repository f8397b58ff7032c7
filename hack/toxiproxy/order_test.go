package toxiproxy

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/taudaemon/taudaemon/daemon/core"
	"github.com/taudaemon/taudaemon/daemon/venue/kraken/krakentest"
	"github.com/taudaemon/taudaemon/hack/toxiproxy/network"
)

// trouble is what the network does to one order.
type trouble struct {
	name string
	// accepted happens when the exchange has accepted the order, before its reply; leaving before the order is sent. One is set.
	accepted, leaving func(l *network.Link)
	// reason that the quarantine must have, and what the first outcome must say.
	reason core.Code
	says   string
	// arrives: the order comes to the exchange later, and must be turned away there.
	arrives bool
}

var troubles = []trouble{
	{name: "the reply is cut off after the order was accepted", reason: core.OrderAmbiguous, says: "the connection was closed",
		accepted: func(l *network.Link) { l.Poison("reset_peer", network.FromServer, network.Attributes{"timeout": 0}) }},
	{name: "the reply never comes", reason: core.OrderAmbiguous, says: "no answer in time",
		accepted: func(l *network.Link) { l.Poison("timeout", network.FromServer, network.Attributes{"timeout": 0}) }},
	{name: "the reply takes ten seconds", reason: core.OrderAmbiguous, says: "no answer in time",
		accepted: func(l *network.Link) { l.Poison("latency", network.FromServer, network.Attributes{"latency": 10_000}) }},
	{name: "the reply trickles", reason: core.OrderAmbiguous, says: "no answer in time",
		accepted: func(l *network.Link) {
			l.Poison("slicer", network.FromServer, network.Attributes{"average_size": 1, "delay": 100_000})
		}},
	{name: "the reply ends in the middle", reason: core.OrderAmbiguous, says: "the connection was closed",
		accepted: func(l *network.Link) { l.Poison("limit_data", network.FromServer, network.Attributes{"bytes": 40}) }},
	{name: "the order takes ten seconds", reason: core.OrderAmbiguous, says: "no answer in time", arrives: true,
		leaving: func(l *network.Link) { l.Poison("latency", network.ToServer, network.Attributes{"latency": 10_000}) }},
	{name: "the connection breaks under the order", reason: core.OrderAmbiguous, says: "the connection was closed",
		leaving: func(l *network.Link) { l.Poison("reset_peer", network.ToServer, network.Attributes{"timeout": 0}) }},
	{name: "every new connection is reset", reason: core.OrderRefused, says: "not sent: ",
		leaving: func(l *network.Link) {
			l.Poison("reset_peer", network.ToServer, network.Attributes{"timeout": 0})
			l.Drop()
		}},
	{name: "nobody listens any more", reason: core.OrderRefused, says: "not sent: connection refused",
		leaving: (*network.Link).Down},
	{name: "the exchange's name is gone", reason: core.OrderRefused, says: "not sent: the host's name cannot be resolved",
		leaving: (*network.Link).Forget},
}

// TestWhateverTheNetworkDoesToAnOrderItIsNeitherSentTwiceNorLost does each to a buy and to a sell, and once more with the process killed meanwhile.
func TestWhateverTheNetworkDoesToAnOrderItIsNeitherSentTwiceNorLost(t *testing.T) {
	t.Parallel()
	for _, tr := range troubles {
		for _, side := range []core.Side{core.Buy, core.Sell} {
			for _, killed := range []bool{false, true} {
				name := fmt.Sprintf("%s, %s", tr.name, side)
				if killed {
					name += ", killed"
				}
				t.Run(name, func(t *testing.T) { tr.happen(newDesk(t), side, killed) })
			}
		}
	}
}

func (tr *trouble) happen(d *desk, side core.Side, killed bool) {
	d.t.Helper()
	d.until("a good start", d.well)
	if side == core.Sell {
		d.until("a position", func() bool { return d.held() && d.well() })
	}
	since, told, atExchange := d.state.Tick, len(d.outcomes()), len(d.exchange.Orders())
	if tr.accepted != nil {
		d.exchange.Fail(krakentest.Fault{Method: "AddOrder", After: func() { tr.accepted(d.kraken) }})
	} else {
		d.before = func() { tr.leaving(d.kraken) }
	}
	d.until(string(tr.reason), func() bool { return d.found(tr.reason, since) })
	d.wantQuarantine(tr.reason, since)
	first := d.outcomes()[told]
	if first.Side != side || !strings.Contains(first.Reason, tr.says) {
		d.t.Errorf("expected a %s and %q, found %+v", side, tr.says, first)
	}
	if killed {
		d.kill()
	}
	if tr.arrives {
		late := func(line string) bool {
			return strings.HasPrefix(line, "AddOrder ") && strings.Contains(line, first.ID) && strings.HasSuffix(line, " EService:Deadline elapsed")
		}
		d.until("its arrival after its deadline", func() bool { return slices.ContainsFunc(d.exchange.Log(), late) })
	}
	if n := len(d.exchange.Orders()) - atExchange; tr.accepted != nil != (n == 1) || n > 1 {
		d.t.Errorf("expected the exchange to have it %t, found %d orders", tr.accepted != nil, n)
	}
	d.kraken.Heal()
	d.until("the exchange's word", d.settled)
	d.until("a flat position", d.flat)
	if tr.reason.AlwaysManual() {
		before := len(d.exchange.Orders())
		for range 5 {
			d.tick()
		}
		if n := len(d.exchange.Orders()) - before; n != 0 || !d.state.Quarantine.Manual {
			d.t.Errorf("expected nothing new until a person looks, found %d orders, %+v", n, d.state.Quarantine)
		}
	}
	d.tradesAgain()
	d.reconcile()
}
