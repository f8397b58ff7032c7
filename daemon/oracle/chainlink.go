package oracle

import (
	"context"
	"fmt"
	"math/big"
	"sync/atomic"
	"time"

	"github.com/ethereum/go-ethereum/common"

	"github.com/taudaemon/taudaemon/daemon/config"
	"github.com/taudaemon/taudaemon/daemon/evm"
	"github.com/taudaemon/taudaemon/daemon/fixed"
	"github.com/taudaemon/taudaemon/daemon/oracle/remote"
)

// latestRoundData of a Chainlink feed's proxy (AggregatorV3Interface): roundId, answer, startedAt, updatedAt, answeredInRound.
var latestRoundData = evm.NewMethod("latestRoundData()", "uint80", "int256", "uint256", "uint256", "uint80")

// chainlink reads a feed of the Chainlink network from its contract.
type chainlink struct {
	name string
	node *node
	feed common.Address
	// decimals of the answers, as configured or as first seen; below 0 until then. A feed whose decimals change is another feed.
	decimals atomic.Int64
}

func newChainlink(name string, c config.ChainlinkSource) (Source, error) {
	n, err := newNode(c.RPCURL, c.RPCURLFile, c.ChainID)
	if err != nil {
		return nil, fmt.Errorf("chainlink.%w", err)
	}
	s := &chainlink{name: name, node: n}
	if s.feed, err = evm.ParseAddress(c.Feed); err != nil {
		return nil, fmt.Errorf("chainlink.feed: %w", err)
	}
	s.decimals.Store(-1)
	if c.Decimals != nil {
		s.decimals.Store(*c.Decimals)
	}
	return remote.New(s), nil
}

// Name implements remote.Asker.
func (s *chainlink) Name() string { return s.name }

// Ask implements remote.Asker.
func (s *chainlink) Ask(ctx context.Context, nowMS int64) (Quote, *remote.Failure) {
	began := time.Now()
	round, decimals := evm.AskContract(s.feed, latestRoundData), evm.AskContract(s.feed, evm.Decimals)
	head, failure := s.node.ask(ctx, round, decimals)
	q := answered(nowMS, began, 0)
	if failure != nil {
		return q, failure
	}
	d, err := decimals.Small()
	if err != nil {
		return q, unanswered(err)
	}
	if known := s.decimals.Load(); known >= 0 && known != int64(d) {
		return q, &remote.Failure{Code: remote.Price, Detail: fmt.Sprintf("expected a feed of %d decimals, found %d", known, d), Answered: true}
	}
	values, err := round.Values()
	if err != nil {
		return q, unanswered(err)
	}
	number := func(i int) *big.Int { return values[i].(*big.Int) }
	if failure := judge(number(0), number(1), number(3), number(4), uint64(head.Time)); failure != nil {
		return q, failure
	}
	if q.Price, err = evm.FromUnits(number(1), d, fixed.Floor); err != nil {
		return q, remote.Failed(remote.Price, err)
	}
	if q.Price == 0 {
		return q, &remote.Failure{Code: remote.Price, Detail: "expected at least 0.000000001, found less", Answered: true}
	}
	s.decimals.Store(int64(d))
	q.Published = number(3).Int64() * 1000
	return q, nil
}

// judge says what is wrong with a round, nil if nothing is: a price above 0 that was answered in this round, and updated by the newest block.
func judge(roundID, answer, updatedAt, answeredIn *big.Int, newest uint64) *remote.Failure {
	refused := func(code remote.Code, format string, args ...any) *remote.Failure {
		return &remote.Failure{Code: code, Detail: fmt.Sprintf(format, args...), Answered: true}
	}
	switch {
	case answer.Sign() <= 0:
		return refused(remote.Price, "expected an answer above 0, found %s", answer)
	case answeredIn.Cmp(roundID) < 0:
		return refused(remote.Price, "expected an answer of round %s, found that of round %s", roundID, answeredIn)
	case updatedAt.Sign() == 0:
		return refused(remote.Time, "expected a finished round, found round %s without a time", roundID)
	case !updatedAt.IsUint64() || updatedAt.Uint64() > newest:
		return refused(remote.Time, "expected a time no later than the newest block's, %d, found %s", newest, updatedAt)
	}
	return nil
}
