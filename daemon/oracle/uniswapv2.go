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

// uniswapV2 reads the spot price of a Uniswap V2 pair: its reserves of quote for those of base, at the newest block.
//
// Whoever has enough capital for one transaction can set it to anything within a block. It is a witness among others, never one to rely on
// alone: with it in a quorum, at least as many sources of another kind must agree.
type uniswapV2 struct {
	name       string
	node       *node
	pair, base common.Address
	minReserve fixed.Value
	tokens     atomic.Pointer[tokens]
}

// tokens are what never changes of a pair.
type tokens struct {
	baseFirst   bool
	base, quote uint8 // decimals
}

func newUniswapV2(name string, c config.UniswapV2Source) (Source, error) {
	n, err := newNode(c.RPCURL, c.RPCURLFile, c.ChainID)
	if err != nil {
		return nil, fmt.Errorf("uniswap_v2.%w", err)
	}
	s := &uniswapV2{name: name, node: n, minReserve: c.MinReserve}
	if s.pair, err = evm.ParseAddress(c.Pair); err != nil {
		return nil, fmt.Errorf("uniswap_v2.pair: %w", err)
	}
	if s.base, err = evm.ParseAddress(c.Base); err != nil {
		return nil, fmt.Errorf("uniswap_v2.base: %w", err)
	}
	return remote.New(s), nil
}

// Name implements remote.Asker.
func (s *uniswapV2) Name() string { return s.name }

// Ask implements remote.Asker.
func (s *uniswapV2) Ask(ctx context.Context, nowMS int64) (Quote, *remote.Failure) {
	began := time.Now()
	t, failure := s.learn(ctx)
	if failure != nil {
		return answered(nowMS, began, 0), failure
	}
	reserves := evm.AskContract(s.pair, evm.GetReserves)
	head, failure := s.node.ask(ctx, reserves)
	q := answered(nowMS, began, 0)
	if failure != nil {
		return q, failure
	}
	values, err := reserves.Values()
	if err != nil {
		return q, unanswered(err)
	}
	base, quote := values[0].(*big.Int), values[1].(*big.Int)
	if !t.baseFirst {
		base, quote = quote, base
	}
	if q.Price, failure = t.price(base, quote, s.minReserve); failure != nil {
		return q, failure
	}
	// The reserves are what they are as of the newest block, however long ago somebody traded: they are also what a swap would get now.
	q.Published = int64(head.Time) * 1000
	return q, nil
}

// price of a unit of base, rounded down.
func (t *tokens) price(base, quote *big.Int, minReserve fixed.Value) (fixed.Value, *remote.Failure) {
	refused := func(format string, args ...any) *remote.Failure {
		return &remote.Failure{Code: remote.Price, Detail: fmt.Sprintf(format, args...), Answered: true}
	}
	least, err := evm.ToUnits(minReserve, t.quote, fixed.Ceil)
	if err != nil {
		return 0, remote.Failed(remote.Price, err)
	}
	if base.Sign() == 0 || quote.Sign() == 0 || quote.Cmp(least) < 0 {
		return 0, refused("expected reserves of both tokens, of quote at least %s units, found %s of base and %s of quote", least, base, quote)
	}
	price, err := evm.ToValue(evm.MulDiv(fixed.Floor,
		[]*big.Int{quote, big.NewInt(fixed.Scale), evm.Pow10(t.base)}, []*big.Int{base, evm.Pow10(t.quote)}))
	if err != nil {
		return 0, remote.Failed(remote.Price, err)
	}
	if price == 0 {
		return 0, refused("expected at least 0.000000001, found less")
	}
	return price, nil
}

// learn asks once for the pair's tokens and their decimals.
func (s *uniswapV2) learn(ctx context.Context) (*tokens, *remote.Failure) {
	if t := s.tokens.Load(); t != nil {
		return t, nil
	}
	token0, token1 := evm.AskContract(s.pair, evm.Token0), evm.AskContract(s.pair, evm.Token1)
	if _, failure := s.node.ask(ctx, token0, token1); failure != nil {
		return nil, failure
	}
	first, err := token0.Address()
	if err != nil {
		return nil, unanswered(err)
	}
	second, err := token1.Address()
	if err != nil {
		return nil, unanswered(err)
	}
	t := &tokens{baseFirst: first == s.base}
	if !t.baseFirst {
		first, second = second, first
	}
	if first != s.base {
		return nil, &remote.Failure{Code: remote.Price, Detail: fmt.Sprintf("expected a pair of %s, found one of %s and %s", s.base.Hex(), second.Hex(), first.Hex())}
	}
	base, quote := evm.AskContract(first, evm.Decimals), evm.AskContract(second, evm.Decimals)
	if _, failure := s.node.ask(ctx, base, quote); failure != nil {
		return nil, failure
	}
	if t.base, err = base.Small(); err == nil {
		t.quote, err = quote.Small()
	}
	if err != nil {
		return nil, unanswered(err)
	}
	if t.base > evm.MaxDecimals || t.quote > evm.MaxDecimals {
		return nil, &remote.Failure{Code: remote.Price, Detail: fmt.Sprintf("expected tokens of at most %d decimals, found %d and %d", evm.MaxDecimals, t.base, t.quote)}
	}
	s.tokens.Store(t)
	return t, nil
}
