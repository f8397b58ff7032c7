package evm

import (
	"context"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/taudaemon/taudaemon/daemon/config"
	"github.com/taudaemon/taudaemon/daemon/core"
	"github.com/taudaemon/taudaemon/daemon/oracle"
	"github.com/taudaemon/taudaemon/daemon/venue"
	"github.com/taudaemon/taudaemon/daemon/venue/uniswapv2"
	"github.com/taudaemon/taudaemon/hack/toxiproxy/network"
)

// What the network does, as toxiproxy names it.
var (
	cutAnswer = func(l *network.Link) { l.Poison("reset_peer", network.FromServer, network.Attributes{"timeout": 0}) }
	noAnswer  = func(l *network.Link) { l.Poison("timeout", network.FromServer, network.Attributes{"timeout": 0}) }
	lateReply = func(l *network.Link) { l.Poison("latency", network.FromServer, network.Attributes{"latency": 10_000}) }
	trickle   = func(l *network.Link) {
		l.Poison("slicer", network.FromServer, network.Attributes{"average_size": 1, "delay": 100_000})
	}
	halfReply   = func(l *network.Link) { l.Poison("limit_data", network.FromServer, network.Attributes{"bytes": 40}) }
	lateRequest = func(l *network.Link) { l.Poison("latency", network.ToServer, network.Attributes{"latency": 10_000}) }
	cutRequest  = func(l *network.Link) { l.Poison("reset_peer", network.ToServer, network.Attributes{"timeout": 0}) }
)

// trouble is what the network does to one transaction.
type trouble struct {
	name string
	// accepted happens when the node has it, before its reply; leaving when all questions before it are answered; before when none is asked yet.
	// One is set.
	accepted, leaving, before func(l *network.Link)
	reason                    core.Code
	says                      string
	// arrives: the node gets it later, and has it mined.
	arrives bool
}

var troubles = []trouble{
	{name: "the reply is cut off after the node had it", accepted: cutAnswer, reason: core.OrderAmbiguous, says: "the answer was cut"},
	{name: "the reply never comes", accepted: noAnswer, reason: core.OrderAmbiguous, says: "none by the deadline"},
	{name: "the reply takes ten seconds", accepted: lateReply, reason: core.OrderAmbiguous, says: "none by the deadline"},
	{name: "the reply trickles", accepted: trickle, reason: core.OrderAmbiguous, says: "none by the deadline"},
	{name: "the reply ends in the middle", accepted: halfReply, reason: core.OrderAmbiguous, says: "the answer was cut"},
	{name: "the transaction takes ten seconds", leaving: lateRequest, arrives: true, reason: core.OrderAmbiguous, says: "none by the deadline"},
	{name: "the connection breaks under it", leaving: cutRequest, reason: core.OrderAmbiguous, says: "the answer was cut"},
	{name: "nobody listens any more", before: (*network.Link).Down, reason: core.OrderRefused, says: "not sent: "},
	{name: "the node's name is gone", before: (*network.Link).Forget, reason: core.OrderRefused, says: "not sent: "},
}

// asking does something once before an order is given to the venue.
type asking struct {
	venue.Venue
	before *func()
}

func (v asking) Do(ctx context.Context, o venue.Order) venue.Answer {
	if do := *v.before; do != nil {
		*v.before = nil
		do()
	}
	return v.Venue.Do(ctx, o)
}

// TestWhateverTheNetworkDoesToATransactionItIsNeitherSentTwiceNorLost does each to a buy and to a sell. The chain's time is the test's, a call's is
// the machine's.
func TestWhateverTheNetworkDoesToATransactionItIsNeitherSentTwiceNorLost(t *testing.T) {
	for _, tr := range troubles {
		for _, side := range []core.Side{core.Buy, core.Sell} {
			t.Run(fmt.Sprintf("%s, %s", tr.name, side), func(t *testing.T) {
				t.Parallel()
				tr.happen(t, side)
			})
		}
	}
}

func (tr *trouble) happen(t *testing.T, side core.Side) {
	c := startUniswap(t)
	p := standing(t, c.url)
	l := network.Serve(t, "node", p)
	a := newAgent(c)
	a.config = strings.Replace(agentConfig, "tick_period_ms = 10_000", "tick_period_ms = 5_000", 1)
	a.change = func(s *uniswapv2.Config) { s.RPCURL = l.URL }
	var before func()
	a.wrap = func(v venue.Venue) venue.Venue { return asking{v, &before} }
	a.boot()
	if side == core.Sell {
		a.until("a position", 2, a.holding)
	}
	told, sent := len(a.outcomes()), p.count("eth_sendRawTransaction")
	switch {
	case tr.accepted != nil:
		p.after("eth_sendRawTransaction", func() { tr.accepted(l) })
	case tr.leaving != nil:
		p.after("eth_estimateGas", func() { tr.leaving(l) })
	default:
		before = func() { tr.before(l) }
	}
	if side == core.Sell {
		a.price = "120" // somebody else pays more, so it is sold
		a.pump()
	}
	a.until("an outcome", 0, func() bool { return len(a.outcomes()) > told })
	first := a.outcomes()[told]
	if first.Side != side || first.Result.Final() != (tr.reason == core.OrderRefused) || !strings.Contains(first.Reason, tr.says) {
		t.Fatalf("expected a %s, and %q, found %+v", side, tr.says, first)
	}
	a.ticks(1, 0) // an outcome is an anomaly of the next tick
	a.wantQuarantine(tr.reason, tr.reason.AlwaysManual())
	if tr.arrives {
		for end := time.Now().Add(time.Minute); p.count("eth_sendRawTransaction") == sent && time.Now().Before(end); {
			time.Sleep(100 * time.Millisecond)
		}
	}
	l.Heal()
	arrived := tr.accepted != nil || tr.arrives
	if n := p.count("eth_sendRawTransaction") - sent; arrived != (n == 1) || n > 1 {
		t.Fatalf("expected that the node got it: %t, found it %d times", arrived, n)
	}
	a.blocks(2)
	if !arrived && side == core.Buy {
		a.expire()
	}
	a.until("the chain's word", 2, func() bool { return a.state.Open == nil })
	if side == core.Buy && arrived != slices.ContainsFunc(a.outcomes(), func(o core.Outcome) bool { return o.ID == first.ID && len(o.Fills) > 0 }) {
		t.Fatalf("expected its fill: %t, found %+v", arrived, a.outcomes())
	}
	a.until("a flat account", 2, a.flat)
	if tr.reason.AlwaysManual() {
		a.wantQuarantine(tr.reason, true) // until a person looks
	} else {
		a.until("another trip", 2, func() bool { return !a.state.Quarantine.Active && a.holding() })
	}
	a.price = ""
	a.until("its end", 2, a.flat)
	mined := a.mined()
	if traded := arrived || side == core.Sell || !tr.reason.AlwaysManual(); traded != (mined >= 2) || !traded && mined != 0 {
		t.Fatalf("expected a round trip: %t, found %d transactions, %+v", traded, mined, a.outcomes())
	}
	a.settled(mined)
}

// mined is how many transactions the ledger's outcomes speak of: each has paid for its gas.
func (a *agent) mined() (n uint64) {
	a.t.Helper()
	paid := map[string]bool{}
	for _, o := range a.outcomes() {
		if o.Gas > 0 && !paid[o.ID] {
			paid[o.ID] = true
			n++
		}
	}
	return n
}

// TestWhateverTheNetworkDoesToASourceOnAChainItSaysSoAndComesBack polls a Chainlink feed and a pair whose node is behind a broken network.
func TestWhateverTheNetworkDoesToASourceOnAChainItSaysSoAndComesBack(t *testing.T) {
	for _, c := range []struct {
		name string
		do   func(l *network.Link)
		want string
	}{
		{"the answer takes ten seconds", lateReply, "deadline"},
		{"the answer never comes", noAnswer, "deadline"},
		{"the answer trickles", trickle, "deadline"},
		{"the answer ends in the middle", halfReply, "connect: the answer was cut"},
		{"the connection breaks", cutRequest, "connect: the "},
		{"nobody listens any more", (*network.Link).Down, "connect: no connection: connection refused"},
		{"the name is gone", (*network.Link).Forget, "connect: the host's name is not resolved"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			chain := startUniswap(t)
			feed := chain.deploy("Aggregator", word(uint8(8)))
			now := big.NewInt(int64(chain.head().Time))
			chain.sends(chain.owner, feed, setRound.Pack(one, big.NewInt(100_00000000), now, now, one))
			l := network.Serve(t, "node", standing(t, chain.url))
			sources, err := oracle.New([]config.Source{
				{Name: "feed", Chainlink: &config.ChainlinkSource{RPCURL: l.URL, ChainID: simulatedChainID, Feed: feed.Hex()}},
				{Name: "pair", UniswapV2: &config.UniswapV2Source{RPCURL: l.URL, ChainID: simulatedChainID, Pair: chain.pair.Hex(), Base: chain.base.Hex()}},
			})
			chain.must(err)
			poll := func() []oracle.Quote {
				ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
				defer cancel()
				return oracle.Gather(ctx, sources, 1, int64(chain.head().Time)*1000)
			}
			well := func(q oracle.Quote) bool { return q.Err == "" && q.Price == val("100") }
			if quotes := poll(); !well(quotes[0]) || !well(quotes[1]) {
				t.Fatalf("expected 100 of both, found %+v", quotes)
			}
			c.do(l)
			for _, q := range poll() {
				if !strings.HasPrefix(q.Err, c.want) || q.Price != 0 {
					t.Errorf("expected %q, found %+v", c.want, q)
				}
			}
			l.Heal()
			var quotes []oracle.Quote
			for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
				if quotes = poll(); well(quotes[0]) && well(quotes[1]) {
					return
				}
			}
			t.Errorf("when the network is well: expected 100 of both, found %+v", quotes)
		})
	}
}
