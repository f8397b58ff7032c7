package evm

import (
	"context"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ethereum/go-ethereum/common"

	"github.com/taudaemon/taudaemon/daemon/config"
	"github.com/taudaemon/taudaemon/daemon/guard"
	"github.com/taudaemon/taudaemon/daemon/oracle"
)

// source is the source as the daemon makes it.
func source(t *testing.T, c config.Source) oracle.Source {
	t.Helper()
	c.Name = "chain"
	sources, err := oracle.New([]config.Source{c})
	if err != nil {
		t.Fatal(err)
	}
	return sources[0]
}

// poll asks at the time of the newest block.
func (c *chain) poll(s oracle.Source) guard.Quote {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	return s.Poll(ctx, 1, int64(c.head().Time)*1000)
}

func TestAChainlinkFeedIsReadAndItsRoundsAreJudged(t *testing.T) {
	c := startNode(t)
	feed := c.deploy("Aggregator", word(uint8(8)))
	set := func(round, answer, updated, answeredIn int64) {
		c.sends(c.owner, feed, setRound.Pack(big.NewInt(round), big.NewInt(answer), big.NewInt(updated), big.NewInt(updated), big.NewInt(answeredIn)))
	}
	chainlink := &config.ChainlinkSource{RPCURL: c.url, ChainID: simulatedChainID, Feed: feed.Hex()}
	now := int64(c.head().Time)
	const round = 110680464442257320164 >> 20 // rounds of a proxy are large: its phase is in the upper bits

	for _, test := range []struct {
		name                               string
		round, answer, updated, answeredIn int64
		want                               string // of the reason; empty for a price
	}{
		{"a price", round, 200_012_345_678, now, round, ""},
		{"a price that is old is said with its time: the guard judges it", round, 200_012_345_678, now - 86_400, round, ""},
		{"nothing", round, 0, now, round, "price: expected an answer above 0, found 0"},
		{"less than nothing", round, -1, now, round, "price: expected an answer above 0, found -1"},
		{"an answer carried over from an earlier round", round, 200_012_345_678, now, round - 1, "price: expected an answer of round"},
		{"an unfinished round", round, 200_012_345_678, 0, round, "time: expected a finished round"},
		{"a time that is not yet", round, 200_012_345_678, now + 86_400, round, "time: expected a time no later than the newest block's"},
		{"no round at all", 0, 0, 0, 0, "node: execution reverted: No data present"},
	} {
		t.Run(test.name, func(t *testing.T) {
			set(test.round, test.answer, test.updated, test.answeredIn)
			q := c.poll(source(t, config.Source{Chainlink: chainlink}))
			switch {
			case test.want != "" && (!strings.HasPrefix(q.Err, test.want) || q.Price != 0):
				t.Fatalf("expected %q, found %+v", test.want, q)
			case test.want == "" && (q.Err != "" || q.Price != val("2000.12345678") || q.Published != test.updated*1000):
				t.Fatalf("found %+v", q)
			}
		})
	}

	set(round, 200_012_345_678, now, round)
	s := source(t, config.Source{Chainlink: chainlink})
	if q := c.poll(s); q.Err != "" {
		t.Fatalf("found %+v", q)
	}
	c.sends(c.owner, feed, setDecimals.Pack(uint8(18)))
	if q := c.poll(s); !strings.HasPrefix(q.Err, "price: expected a feed of 8 decimals, found 18") {
		t.Fatalf("a feed that changed its decimals: found %+v", q)
	}
	six := int64(6)
	for name, c2 := range map[string]struct {
		change func(*config.ChainlinkSource)
		want   string
	}{
		"other decimals than configured": {func(s *config.ChainlinkSource) { s.Decimals = &six }, "price: expected a feed of 6 decimals, found 18"},
		"another chain":                  {func(s *config.ChainlinkSource) { s.ChainID = 1 }, "node: expected chain 1, found 1337"},
		"no contract":                    {func(s *config.ChainlinkSource) { s.Feed = addressOf(c.owner).Hex() }, "node: decimals: expected an answer, found none"},
		"nobody there":                   {func(s *config.ChainlinkSource) { s.RPCURL = "http://127.0.0.1:1" }, "connect: no connection"},
	} {
		changed := *chainlink
		c2.change(&changed)
		if q := c.poll(source(t, config.Source{Chainlink: &changed})); !strings.HasPrefix(q.Err, c2.want) {
			t.Errorf("%s: expected %q, found %+v", name, c2.want, q)
		}
	}
}

func TestAPairsSpotPriceIsReadInItsTokensUnits(t *testing.T) {
	c := startUniswap(t)
	pair := &config.UniswapV2Source{RPCURL: c.url, ChainID: simulatedChainID, Pair: c.pair.Hex(), Base: c.base.Hex()}
	s := source(t, config.Source{UniswapV2: pair})
	if q := c.poll(s); q.Err != "" || q.Price != val("100") || q.Published != int64(c.head().Time)*1000 {
		t.Fatalf("found %+v", q)
	}
	// The other way round, the price of a quote token in base.
	other := *pair
	other.Base = c.quote.Hex()
	if q := c.poll(source(t, config.Source{UniswapV2: &other})); q.Err != "" || q.Price != val("0.01") {
		t.Fatalf("found %+v", q)
	}
	// Whoever has the capital moves it, which is why it is one of a quorum.
	c.sends(c.owner, c.quote, approve.Pack(c.router, times(50_000, pow6)))
	c.sends(c.owner, c.router, swapIn.Pack(times(50_000, pow6), one, []common.Address{c.quote, c.base}, addressOf(c.owner), forever))
	if q := c.poll(s); q.Err != "" || q.Price < val("224") || q.Price > val("225") {
		t.Fatalf("found %+v", q)
	}
	for name, test := range map[string]struct {
		change func(*config.UniswapV2Source)
		want   string
	}{
		"too small a pool":       {func(s *config.UniswapV2Source) { s.MinReserve = val("200000") }, "price: expected reserves of both tokens, of quote at least 200000000000 units"},
		"a token that is not in": {func(s *config.UniswapV2Source) { s.Base = c.weth.Hex() }, "price: expected a pair of " + c.weth.Hex()},
		"no pair":                {func(s *config.UniswapV2Source) { s.Pair = c.base.Hex() }, "node: "},
		"another chain":          {func(s *config.UniswapV2Source) { s.ChainID = 1 }, "node: expected chain 1, found 1337"},
	} {
		changed := *pair
		test.change(&changed)
		if q := c.poll(source(t, config.Source{UniswapV2: &changed})); !strings.HasPrefix(q.Err, test.want) {
			t.Errorf("%s: expected %q, found %+v", name, test.want, q)
		}
	}
}

// TestTheNodesURLMayStandInAFileThatChanges, as the kubelet changes a Secret's; and what it holds is never said.
func TestTheNodesURLMayStandInAFileThatChanges(t *testing.T) {
	c := startUniswap(t)
	file := filepath.Join(t.TempDir(), "rpc-url")
	s := source(t, config.Source{UniswapV2: &config.UniswapV2Source{RPCURLFile: file, ChainID: simulatedChainID, Pair: c.pair.Hex(), Base: c.base.Hex()}})
	for _, step := range []struct{ text, want string }{
		{"", "credentials: the file with the node's URL cannot be read"},
		{"s3cr3t-and-no-url", "credentials: expected the http or https URL of a node, found another text"},
		{c.url + "/\n", ""},
	} {
		if step.text != "" {
			c.must(os.WriteFile(file, []byte(step.text), 0o600))
		}
		if q := c.poll(s); q.Err != step.want || step.want == "" && q.Price != val("100") {
			t.Fatalf("expected %q, found %+v", step.want, q)
		}
	}
}
