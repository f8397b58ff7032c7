package evm

import (
	"fmt"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"

	"github.com/taudaemon/taudaemon/daemon/core"
	"github.com/taudaemon/taudaemon/daemon/venue/uniswapv2"
)

// The chain's own faults, through the loop.

func TestABuyWhoseBlockIsReorganisedAwayIsBookedOnceWhenItIsFinal(t *testing.T) {
	a := newAgent(startUniswap(t))
	a.change = func(s *uniswapv2.Config) { s.Confirmations = 3 }
	a.boot()
	a.until("a buy", 0, func() bool { return a.state.Open != nil })
	parent, told := a.head().Hash(), a.outcomes()[0]
	tx, _, err := a.Client().TransactionByHash(t.Context(), common.HexToHash(strings.TrimPrefix(told.Reason, "sent as ")))
	a.must(err)
	open := func(when string) {
		t.Helper()
		if a.ticks(1, 0); a.holding() || a.state.Open == nil {
			t.Fatalf("%s: expected it open, found %+v of %+v", when, a.state.Position, a.outcomes())
		}
	}
	a.blocks(2)
	open("in a block that is not deep enough")
	a.must(a.Fork(parent)) // another branch, longer, without it
	a.Rollback()
	a.blocks(4)
	open("in no block any more")
	a.must(a.Client().SendTransaction(t.Context(), tx)) // the network still has it
	a.blocks(3)
	a.ticks(1, 3) // the third tick, at which the kernel sells: a buy must be final by then
	if !a.holding() || a.state.Position.Qty != val("2") || a.state.Quarantine.Active {
		t.Fatalf("expected its fill and no anomaly, found %+v, %+v of %+v", a.state.Position, a.outcomes(), a.tick.Anomalies)
	}
	a.price = ""
	a.until("the exit", 3, a.flat)
	a.settled(a.mined())
}

func TestASellWhoseGasWasEstimatedTooLowIsTriedAgainWithMore(t *testing.T) {
	a := newAgent(startUniswap(t))
	a.boot()
	a.until("a position", 2, a.holding)
	a.pump()
	a.price = "120"
	// The node estimates at the newest block, after which the token takes 1,200,000 more.
	a.sends(a.owner, a.base, greedyAfter.Pack(new(big.Int).Add(a.head().Number, one)))
	a.until("a sell", 0, func() bool { return a.state.Open != nil && a.state.Open.Side == core.Sell })
	a.blocks(2)
	a.ticks(1, 0)
	a.wantQuarantine(core.OrderRefused, false)
	ranOut := func(o core.Outcome) bool {
		return o.Side == core.Sell && o.Result == core.Refused && o.Gas > 0 && strings.Contains(o.Reason, "it ran out of gas")
	}
	if !slices.ContainsFunc(a.outcomes(), ranOut) || !a.holding() {
		t.Fatalf("expected a sell that ran out of gas, and its gas booked, found %+v", a.outcomes())
	}
	a.blocks(2)
	a.until("the exit", 2, func() bool { return a.state.Position.Qty == 0 })
	a.price = ""
	a.until("its end", 2, a.flat)
	a.settled(a.mined())
}

// TestAFeedThatStandsStillIsAQuarantineAndAnExit trades by a Chainlink feed and the pair alone, both needed.
func TestAFeedThatStandsStillIsAQuarantineAndAnExit(t *testing.T) {
	a := newAgent(startUniswap(t))
	feed, round := a.deploy("Aggregator", word(uint8(8))), int64(0)
	update := func() {
		t.Helper()
		round++
		now := big.NewInt(int64(a.head().Time))
		a.sends(a.owner, feed, setRound.Pack(big.NewInt(round), big.NewInt(100_00000000), now, now, big.NewInt(round)))
	}
	a.config += fmt.Sprintf(`
[[oracle.sources]]
name = "feed"
chainlink = { rpc_url = %[1]q, chain_id = %[2]d, feed = %[3]q }
[[oracle.sources]]
name = "pair"
uniswap_v2 = { rpc_url = %[1]q, chain_id = %[2]d, pair = %[4]q, base = %[5]q }
`, a.url, simulatedChainID, feed.Hex(), a.pair.Hex(), a.base.Hex())
	a.config = strings.Replace(a.config, "min_quorum = 2\n", "min_quorum = 2\ntolerance_bps = 500\n", 1) // the pair's price moves with our own trades
	update()
	a.boot()
	a.until("a position", 2, a.holding)
	a.must(a.AdjustTime(61 * time.Second)) // max_age_ms is 60_000, and the feed has no new round
	a.blocks(1)
	a.ticks(1, 2)
	a.wantQuarantine(core.OracleStale, false)
	if q := a.seen.Quotes; q[0].Err != "" || q[1].Err != "" || a.tick.Action == nil || !a.tick.Action.Forced || a.tick.Action.Side != core.Sell {
		t.Fatalf("expected a forced exit because of the feed's age, found %+v of %+v", a.tick.Action, q)
	}
	a.until("the exit", 2, a.flat)
	for range 3 {
		if a.ticks(1, 1); !a.state.Quarantine.Active || a.state.Open != nil {
			t.Fatalf("expected nothing while the feed stands still, found %+v, %+v", a.state.Quarantine, a.state.Open)
		}
	}
	update()
	a.until("another position", 2, func() bool { update(); return a.holding() && !a.state.Quarantine.Active })
	a.must(a.AdjustTime(61 * time.Second))
	a.blocks(1)
	a.until("another exit", 2, a.flat)
	a.settled(a.mined())
}
